"""A destination belongs to one run, which may go on; without Ray."""

import errno
from pathlib import Path
from typing import Any

import pytest

from nearfar.config import EstimateOptions, OutputOptions
from nearfar.errors import OutputExistsError, ScaleError, UsageError, WriteError
from nearfar.scale.batch import Run, steps
from nearfar.scale.crash_tracker import Attempts
from nearfar.scale.run_folder import Layout, claimed
from tests.scale import shards
from tests.scale.runs import a_run


@pytest.fixture
def trip(tmp_path: Path) -> Path:
    return shards.folder(tmp_path / "trip")


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run end where the cluster would begin."""

    def refuse(*_: Any, **__: Any) -> None:
        raise ScaleError("as far as the cluster")

    monkeypatch.setattr("nearfar.scale.batch.joined", refuse)


def goes_on(run: Run) -> bool:
    with pytest.raises(ScaleError, match="as far as the cluster"):
        list(steps(run))
    return True


def test_other_options_are_refused_with_the_remedy(
    no_ray: None, trip: Path, tmp_path: Path
) -> None:
    dest = tmp_path / "out"
    assert goes_on(a_run(trip, dest))
    assert goes_on(a_run(trip, dest, options={"workers": 7}))
    others: list[tuple[dict[str, Any], str]] = [
        ({"options": {"part": 3}}, "--part 2, not 3"),
        ({"estimating": EstimateOptions(refine=True)}, "--refine False, not True"),
        ({"runtime": "onnxruntime"}, "--runtime auto, not onnxruntime"),
    ]
    for changes, told in others:
        with pytest.raises(UsageError, match=f"was begun with {told}: .*start again"):
            list(steps(a_run(trip, dest, **changes)))
    with pytest.raises(UsageError, match="was begun with --source"):
        list(steps(a_run(trip / "sub", dest)))
    assert goes_on(a_run(trip, dest, options={"part": 3}, force=True))
    assert goes_on(a_run(trip, dest, options={"part": 3}))


def test_force_begins_anew(no_ray: None, trip: Path, tmp_path: Path) -> None:
    dest = tmp_path / "out"
    assert goes_on(a_run(trip, dest))
    (dest / "table").mkdir()
    (dest / "table" / "part-0.parquet").write_bytes(b"old")
    assert goes_on(a_run(trip, dest))
    assert list((dest / "table").iterdir())
    assert goes_on(a_run(trip, dest, force=True))
    assert not list((dest / "table").iterdir())


def test_destination_with_something_else_is_kept(no_ray: None, trip: Path, tmp_path: Path) -> None:
    dest = tmp_path / "mine"
    dest.mkdir()
    (dest / "a-depth.png").write_bytes(b"mine")
    with pytest.raises(OutputExistsError, match="overwrite it"):
        list(steps(a_run(trip, dest)))
    assert goes_on(a_run(trip, dest, force=True))
    assert (dest / "a-depth.png").read_bytes() == b"mine"


def test_destination_in_the_source_is_refused(no_ray: None, trip: Path) -> None:
    for dest in (trip, trip / "sub" / "out"):
        with pytest.raises(UsageError, match="choose another destination"):
            list(steps(a_run(trip, dest, force=True)))


def test_two_runs_at_once_are_refused(trip: Path, tmp_path: Path, monkeypatch: Any) -> None:
    run = a_run(trip, tmp_path / "out")

    def meanwhile(*_: Any, **__: Any) -> None:
        list(steps(run))

    monkeypatch.setattr("nearfar.scale.batch.joined", meanwhile)
    with pytest.raises(UsageError, match="another run writes to"):
        list(steps(run))


def test_pictures_don_t_go_into_the_table(no_ray: None, trip: Path, tmp_path: Path) -> None:
    run = a_run(
        trip, tmp_path / "out", options={"to": "parquet"}, writing=OutputOptions(color=True)
    )
    with pytest.raises(UsageError, match="leave out color"):
        list(steps(run))
    assert not (tmp_path / "out").exists()


def test_what_a_killed_worker_left_of_the_table_is_swept(tmp_path: Path) -> None:
    layout = Layout(tmp_path, maps_in_table=False)
    layout.table.mkdir()
    part, strange = layout.part("ab-12"), layout.table / ".mine"
    left = part.with_name(".part-ab-12-0f3c9a77.parquet")
    for path in (part, strange, left):
        path.write_bytes(b"x")
    with claimed(layout):
        assert not left.exists()
        left.write_bytes(b"x")
    assert sorted(layout.table.iterdir()) == sorted([part, strange])


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EIO])
def test_destination_that_cannot_be_written_to_is_told(
    no_ray: None, trip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    dest, mkdir = tmp_path / "out", Path.mkdir

    def refused(self: Path, *args: Any, **kwargs: Any) -> None:
        if dest in (self, *self.parents):
            raise OSError(number, "no, says the system")
        mkdir(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(WriteError, match=f"can't write to {dest}: no, says the system"):
        list(steps(a_run(trip, dest)))
    with pytest.raises(WriteError, match="no, says the system"):
        Attempts(dest / "_nearfar" / "attempts").begin("part")


def test_destination_where_no_folder_can_be_made_is_told(
    no_ray: None, trip: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    for dest in (Path("/proc/self/nowhere"), tmp_path / "file" / "out", tmp_path / ("x" * 300)):
        with pytest.raises(WriteError) as caught:
            list(steps(a_run(trip, dest)))
        assert str(dest) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_what_goes_wrong_within_a_run_is_not_told_as_its_destination(tmp_path: Path) -> None:
    with (
        pytest.raises(ConnectionError, match="as it is"),
        claimed(Layout(tmp_path / "out", maps_in_table=False)),
    ):
        raise ConnectionError("as it is")
