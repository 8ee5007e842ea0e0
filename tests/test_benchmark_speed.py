"""What the benchmarks of speed compute from their measurements; no time is asserted here."""

import importlib.util
import itertools
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks import (
    __main__ as command,
)
from benchmarks import (
    child,
    growth,
    ideas,
    ideas_graph,
    imports,
    matrix,
    matrix_cell,
    paired,
    peak,
    photo_way,
    photos,
    plots,
    report,
    scripts,
)
from benchmarks.folder_rate import bare
from benchmarks.idea import Idea
from benchmarks.networks import Network
from benchmarks.result import Bars, Curve, Drawing, Growth, Machine, Result, Spread

from nearfar.depth import DepthMap
from nearfar.io.images import read_image
from nearfar.loading import load
from nearfar.models.registry import ModelRegistry
from nearfar.runtimes.base import Batch, RawDepth
from nearfar.runtimes.onnx import OnnxSession

LITE = "nearfar-lite"
SEED = np.random.default_rng(5)


def _spreads(values: dict[float, float]) -> dict[float, Spread]:
    return {size: paired.spread([value]) for size, value in values.items()}


@pytest.mark.parametrize("name", scripts.NAMES)
def test_every_script_of_the_table_can_be_run(name: str) -> None:
    spec = importlib.util.find_spec(f"benchmarks.{name}")

    assert spec is not None
    assert spec.origin is not None
    assert "\ndef main(" in Path(spec.origin).read_text(encoding="utf-8")


def test_the_table_names_each_script_once() -> None:
    assert len(set(scripts.NAMES)) == len(scripts.NAMES)


def test_one_command_takes_less_than_its_time() -> None:
    assert sum(script.minutes for script in command.ALL) <= 48


def test_an_unknown_benchmark_is_refused_with_those_there_are() -> None:
    with pytest.raises(SystemExit, match=r"no benchmark nothing: there are cold_start.*recipes"):
        command.main(["nothing"])


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_exponent_of_a_power(power: float) -> None:
    values = {size: 3 * size**power for size in (1.0, 4.0, 16.0, 64.0)}

    assert growth.exponent(_spreads(values)) == pytest.approx(power)


def test_exponent_looks_at_the_upper_half_only() -> None:
    values = {1.0: 50.0, 3.0: 50.0, 10.0: 10.0, 100.0: 100.0}

    assert growth.exponent(_spreads(values)) == pytest.approx(1)


def test_exponent_of_two_sizes_is_their_slope() -> None:
    assert growth.exponent(_spreads({1.0: 1.0, 10.0: 100.0})) == pytest.approx(2)


DRAWINGS: tuple[Drawing, ...] = (
    Growth(
        name="lines",
        title="Some lines",
        x="photos",
        y="ms",
        curves=(Curve(name="time", x=(1, 10, 100), y=(2, 5, 30)),),
    ),
    Bars(name="bars", title="Some bars", unit="ms", labels=("one", "other"), values=(3.0, 4.5)),
)


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda drawing: drawing.name)
def test_plots_say_what_they_show_and_are_drawn_again_alike(
    drawing: Drawing, tmp_path: Path
) -> None:
    first, second = tmp_path / "img" / "a.svg", tmp_path / "img" / "b.svg"

    plots.draw(drawing, first)
    plots.draw(drawing, second)

    text = first.read_text(encoding="utf-8")
    assert drawing.title in text
    assert second.read_text(encoding="utf-8") == text


def test_page_shows_the_plots_of_a_result() -> None:
    result = Result(
        name="tiny",
        title="Tiny",
        question="?",
        data="None.",
        command="python -m benchmarks.tiny",
        machine=Machine(cpu="a", cores=1, system="b", python="3", packages={}),
        ratios=(),
        tables=(),
        plots=DRAWINGS,
    )

    page = report.page([result])

    assert "![Some lines](img/tiny-lines.svg)" in page
    assert "| ratio |" not in page, "nothing stands under its head"


IMPORTTIME = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   json.decoder
import time:        50 |        150 | json
import time:       700 |        900 |     numpy.core
import time:       140 |       1040 |   numpy
import time:        10 |       1050 | nearfar
something else
"""


def test_import_times_are_summed_by_package() -> None:
    found = imports.own_times(IMPORTTIME)

    assert found == pytest.approx({imports.STDLIB: 150e-6, "numpy": 840e-6, "nearfar": 10e-6})


def test_small_packages_are_put_together_and_shares_are_of_all() -> None:
    run = {"big": 0.9, "small": 0.005, "smaller": 0.003, "middle": 0.092}

    rows = imports.rows([run, run])

    assert [row[0] for row in rows] == ["big", "middle", imports.OTHERS]
    assert [row[2] for row in rows] == pytest.approx([90, 9.2, 0.8])


def test_shares_are_those_of_the_medians() -> None:
    times = [[1, 1, 6, 1, 1], [2, 1, 5, 1, 1], [2, 9, 5, 1, 1]]

    assert photo_way.shares(times).tolist() == [20, 10, 50, 10, 10]
    ratio = photo_way.outside(times, "here", bounded=True)
    assert ratio.what.endswith("here: decode")
    assert (ratio.value, ratio.kept) == (20, True)


def test_a_photos_way_has_the_time_of_each_stage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = iter([0.0, 1.0, 3.0, 6.0, 10.0, 15.0])
    path = photos.photo(tmp_path / "photo.jpg")
    estimator, encoded = load(LITE, runtime="onnxruntime"), []

    def encode(depth: DepthMap) -> bytes:
        encoded.append(depth)
        return b""

    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    taken = photo_way.walk(estimator, path, encode)
    monkeypatch.undo()

    assert taken == [1, 2, 3, 4, 5]
    assert encoded[0].size_px == (640, 480)


def test_matrix_takes_turns() -> None:
    network = Network("net", "int8", Path("net.onnx"), (1, 3, 32, 32), 1.0)
    cells = matrix.places([network])
    log: list[str] = []

    answers = matrix.measure(cells, 2, lambda cell: log.append(cell.name))

    assert "net, int8, onnxruntime" in log
    assert "peak, fp32, onnxruntime" in log
    assert log[: len(cells)] == log[len(cells) :][::-1]
    assert {len(row) for row in answers.values()} == {2}


def test_rate_counts_the_runs_of_all_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting:
        runtime = "none"
        runs = 0

        def run(self, batch: Batch) -> RawDepth:
            self.runs += 1
            return batch[:, 0]

    clock = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    session = Counting()

    rate = matrix_cell.rate(session, np.zeros((1, 3, 2, 2), np.float32), 1, 6.0)

    assert session.runs > 2
    assert 0 < rate < 1


@pytest.mark.parametrize("kind", peak.KINDS)
def test_graphs_of_the_peak_run_in_both_precisions(
    kind: peak.Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert peak.OPERATIONS[kind] > 5e9
    monkeypatch.setattr(peak, "_SIDE", 16)
    monkeypatch.setattr(peak, "_CHANNELS", 8)
    shapes = {"product": (16, 16), "convolution": (1, 8, 6, 6)}
    monkeypatch.setattr(peak, "SHAPES", shapes)

    for precision in ("fp32", "int8"):
        run = bare("onnxruntime", peak.graph(kind, precision))
        (answer,) = run(np.ones(shapes[kind], np.float32))
        assert answer.shape == shapes[kind]
        assert np.isfinite(answer).all()


def test_an_idea_is_measured_both_ways() -> None:
    log: list[str] = []
    idea = Idea("try", True, lambda: log.append("+"), lambda: log.append("-"), "fine")

    ratio, row = ideas.measure(idea, 2)

    assert "".join(sorted(log)) == "+++---"
    assert ratio.what == "time with: try"
    assert (row[0], row[1], row[4]) == ("try", "yes", "fine")


def test_graph_without_its_last_resizing_gives_the_same_map() -> None:
    content = ModelRegistry().read(LITE)
    batch = SEED.standard_normal((1, 3, 64, 96)).astype(np.float32)
    short = ideas_graph._open(ideas_graph.without_last_resize(content))

    fine, coarse = short.run(None, {"image": batch})
    enlarged = cv2.resize(np.squeeze(coarse), (96, 64), interpolation=cv2.INTER_LINEAR)

    whole = OnnxSession(content).run(batch)[0]
    np.testing.assert_allclose(np.squeeze(fine) + enlarged, whole, atol=1e-3 * np.ptp(whole))


def test_graph_fed_with_bytes_gives_the_same_map(tmp_path: Path) -> None:
    estimator = load(LITE, runtime="onnxruntime")
    photo = read_image(photos.photo(tmp_path / "photo.jpg"))
    size_px = estimator.fed_px((640, 480))
    spec = estimator.spec.input
    inside = ideas_graph._open(
        ideas_graph.fed_with_bytes(ModelRegistry().read(LITE), spec.mean, spec.std)
    )

    small = cv2.resize(photo, size_px, interpolation=cv2.INTER_AREA)
    (depth,) = inside.run(None, {"pixels": small[None]})

    expected = estimator.session.run(estimator.prepare(photo))
    np.testing.assert_allclose(depth, expected, atol=1e-3 * np.ptp(expected))


def test_a_child_is_asked_for_what_it_prints() -> None:
    assert child.ask("calendar", "2026", "11").split()[:2] == ["November", "2026"]
    assert child.own_peak_mib() > 20
