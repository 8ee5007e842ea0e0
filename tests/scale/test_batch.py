"""`nearfar batch` on a Ray of its own: goes on, loses nothing, doubles nothing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from nearfar.errors import NearfarError, ScaleError
from nearfar.scale import batch
from nearfar.scale.batch import Step, failing, steps
from nearfar.scale.ray_cluster import joined
from nearfar.scale.worker import Worker
from tests.scale import shards
from tests.scale.runs import MODEL, a_run
from tests.scale.shards import jpeg

PATIENCE_S = 240

# Ray 2.60 sets every field of its context anew as it copies it, its deprecated ones included,
# in a thread of its own too
pytestmark = pytest.mark.filterwarnings("ignore:`use_:DeprecationWarning")


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A cluster as `nearfar batch` starts one, that the runs of these tests share."""
    pytest.importorskip("ray")
    with joined(None, cpus=2, store_bytes=100 * 2**20):
        import ray

        yield ray


@pytest.fixture
def trip(tmp_path: Path) -> Path:
    return shards.folder(tmp_path / "trip", count=11)


def rows(done: list[Step]) -> list[Any]:
    return [row for step in done for row in step.rows]


def maps(dest: Path) -> dict[str, bytes]:
    return {str(path.relative_to(dest)): path.read_bytes() for path in dest.rglob("*-depth.png")}


def paths_in_table(folder: Path) -> list[str]:
    return sorted(pq.read_table(folder, columns=["path"])["path"].to_pylist())


PROGRAM = """
import signal
from nearfar.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # off in what a shell runs behind itself
main()
"""

EXPECTED = sorted([*(f"{n}.jpg" for n in range(11)), "sub/deep.jpg"])


def test_folder_is_done_once_and_then_kept(ray: Any, trip: Path, tmp_path: Path) -> None:
    (trip / "3.jpg").write_bytes(b"no picture")
    dest = tmp_path / "out"
    done = list(steps(a_run(trip, dest)))
    assert len(done) > 3
    assert sorted(row.path for row in rows(done)) == EXPECTED
    assert [row.path for row in rows(done) if row.error] == ["3.jpg"]
    assert len(maps(dest)) == 11
    assert paths_in_table(dest / "table") == EXPECTED
    before = {path: path.stat().st_mtime_ns for path in dest.rglob("*.p*") if path.is_file()}
    (trip / "new.jpg").write_bytes(jpeg(50))
    (trip / "4.jpg").unlink()
    again = list(steps(a_run(trip, dest)))
    assert sum(step.kept for step in again) >= len(done) - 3
    assert paths_in_table(dest / "table") == sorted({*EXPECTED, "new.jpg"} - {"4.jpg"})
    after = {path: path.stat().st_mtime_ns for path in dest.rglob("*.p*") if path.is_file()}
    assert sum(before[path] == after.get(path) for path in before) > len(before) / 2


def test_killed_worker_loses_nothing_and_doubles_nothing(
    ray: Any, trip: Path, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    list(steps(a_run(trip, whole)))
    done = []
    victims = list[int]()
    for step in steps(a_run(trip, killed, options={"part": 1})):
        done.append(step)
        if not victims:
            victims = [each.pid for each in workers()]
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
    assert victims
    assert sorted(row.path for row in rows(done)) == EXPECTED
    assert not [row for row in rows(done) if row.error]
    assert paths_in_table(killed / "table") == EXPECTED
    assert maps(killed) == maps(whole)


def workers() -> list[psutil.Process]:
    family = psutil.Process().children(recursive=True)
    return [each for each in family if "MapBatches(Worker)" in " ".join(each.cmdline())]


def test_two_runs_give_the_same_table_of_maps(ray: Any, tmp_path: Path) -> None:
    content = [jpeg(n) for n in range(6)]
    source = shards.parquet(tmp_path / "s.parquet", {"jpg": content}, rows_a_group=2)
    for name in ("one", "other"):
        run = a_run(source, tmp_path / name, options={"to": "parquet"})
        assert len(rows(list(steps(run)))) == 6
    one, other = (sorted((tmp_path / name).glob("part-*")) for name in ("one", "other"))
    assert [path.name for path in one] == [path.name for path in other]
    for first, again in zip(one, other, strict=True):
        table, same = pq.read_table(first), pq.read_table(again)
        assert table.drop_columns("ms") == same.drop_columns("ms")
        assert all(table["depth"].to_pylist())


def test_nobody_else_is_reached_or_can_reach_it(ray: Any) -> None:
    local = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    seen = 0
    for each in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        for link in each.net_connections("inet"):
            assert link.laddr.ip in local, each.cmdline()
            assert not link.raddr or link.raddr.ip in local, each.cmdline()
            seen += 1
    assert seen > 5


TOKENLESS = """
from nearfar.errors import UsageError
from nearfar.scale.ray_cluster import environment, no_metadata_requests, requires_token
from nearfar.scale.serve import ReplicaOptions
from nearfar.scale.serve import run
from nearfar.service.settings import ServiceOptions

with environment({"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}):
    import ray

    with no_metadata_requests():
        ray.init(address="local", include_dashboard=False, num_cpus=1, logging_level="CRITICAL")
    address = ray.get_runtime_context().gcs_address
    print(requires_token(address))
    options = ServiceOptions(host="0.0.0.0", port=1, model="nearfar-lite")
    try:
        run(options, ReplicaOptions(address=address), tell=print, warn=print)
    except UsageError as error:
        print(error)
    ray.shutdown()
"""


def test_service_for_others_is_refused_on_a_cluster_that_asks_for_no_token() -> None:
    pytest.importorskip("ray.serve")
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    run = subprocess.run(
        [sys.executable, "-c", TOKENLESS],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    asks, refusal = run.stdout.splitlines()
    assert asks == "False"
    assert refusal.startswith("this Ray cluster requires no token: whoever reaches its ports can")
    assert refusal.endswith("RAY_AUTH_MODE=token on every machine, or serve on 127.0.0.1")


OWN = """
import os

from nearfar.scale.ray_cluster import joined, requires_token

with joined(None, cpus=1, store_bytes=100 * 2**20):
    import ray

    print(requires_token(ray.get_runtime_context().gcs_address))
print(os.environ["RAY_AUTH_MODE"], "RAY_AUTH_TOKEN" in os.environ)
"""


def test_cluster_of_its_own_asks_for_a_token_of_its_own(tmp_path: Path) -> None:
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "HOME": str(tmp_path)}
    environment.pop("RAY_AUTH_TOKEN", None)  # of the cluster that other tests here run on
    run = subprocess.run(
        [sys.executable, "-c", OWN],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert run.stdout.splitlines() == ["True", "disabled False"]
    assert not list(tmp_path.rglob("auth_token"))


def test_interrupted_command_goes_on_at_an_address(ray: Any, trip: Path, tmp_path: Path) -> None:
    for n in range(40):
        (trip / f"more-{n}.jpg").write_bytes(jpeg(n))
    dest = tmp_path / "out"
    address = ray.get_runtime_context().gcs_address
    command = ["batch", str(trip), str(dest), "--address", address, "--json"]
    command += ["-m", MODEL, "--part", "2", "--workers", "1", "--threads", "2"]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert json.loads(first)["model"] == MODEL, err
    assert process.returncode == 130
    assert err.splitlines() == [
        "nearfar: starting Ray",
        "nearfar: interrupted: the same command continues from here",
    ]
    stood = {path.name for path in (dest / "table").iterdir()}
    assert stood
    assert len(out.splitlines()) < 51
    done = list(steps(a_run(trip, dest)))
    assert sum(step.kept for step in done) >= len([n for n in stood if n.startswith("part-")])
    assert not all(step.kept for step in done)
    assert len(rows(done)) == len(paths_in_table(dest / "table")) == 52
    assert not [path for path in dest.rglob(".*") if path.is_file()]


def test_error_of_a_worker_is_one_line(
    ray: Any, trip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out" / "_nearfar").mkdir(parents=True)
    (tmp_path / "out" / "table").write_text("in the way")
    with pytest.raises(NearfarError) as caught:
        list(steps(a_run(trip, tmp_path / "out")))
    assert "\n" not in str(caught.value)
    assert "can't make the folder" in str(caught.value)


def test_worker_that_can_t_start_is_one_line(
    ray: Any, trip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = batch._prepared

    def older(*given: Any) -> Any:
        task, content = prepared(*given)
        return replace(task, version="0.0.1"), content

    monkeypatch.setattr(batch, "_prepared", older)
    with pytest.raises(ScaleError, match=r"not 0\.0\.1: install the same nearfar") as caught:
        list(steps(a_run(trip, tmp_path / "out")))
    assert "\n" not in str(caught.value)


def test_lost_cluster_says_how_to_go_on() -> None:
    exceptions = pytest.importorskip("ray.exceptions")
    told = "the network is gone.*run the same command again to continue"
    with pytest.raises(ScaleError, match=told), failing():
        raise exceptions.RaySystemError("the network is gone")


def test_nothing_of_ray_is_imported_with_the_worker_alone() -> None:
    script = (
        "import sys, nearfar.scale.worker, nearfar.scale.batch, nearfar.cli.batch;"
        "print([name for name in ('ray', 'pyarrow', 'fsspec', 'pandas') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
    assert Worker.__module__ == "nearfar.scale.worker"
