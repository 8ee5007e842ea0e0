"""Many photos: which are found, and how they are worked on."""

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from nearfar.errors import CorruptImageError, ImageError, ImageNotFoundError
from nearfar.folder import Found, find, work_on


@pytest.fixture
def trip(tmp_path: Path) -> Path:
    for name in (
        "b.jpg", "a.PNG", "notes.txt", ".hidden.jpg", "b-depth.png", "b-depth-color.jpg",
        "day 2/c.webp", "day 2/night/d.heic",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def names(found: Iterator[Found], top: Path) -> list[str]:
    return [str(photo.path.relative_to(top)) for photo in found]


def test_folder_gives_its_photos_in_order(trip: Path) -> None:
    assert names(find([str(trip)]), trip) == ["a.PNG", "b.jpg"]


def test_recursive_keeps_the_tree(trip: Path) -> None:
    found = list(find([str(trip)], recursive=True))
    assert [str(photo.folder / photo.path.name) for photo in found] == [
        "a.PNG",
        "b.jpg",
        "day 2/c.webp",
        "day 2/night/d.heic",
    ]


def test_pattern_and_file_mix(trip: Path) -> None:
    assert names(find([str(trip / "*.jpg"), str(trip / "notes.txt")]), trip) == [
        "b.jpg",
        "notes.txt",
    ]
    assert names(find([str(trip / "**" / "*.webp")]), trip) == ["day 2/c.webp"]


def test_pattern_without_match_is_told(trip: Path) -> None:
    with pytest.raises(ImageNotFoundError, match="no picture matches"):
        list(find([str(trip / "*.gif")]))


def test_file_whose_name_looks_like_a_pattern(trip: Path) -> None:
    (trip / "x[1].jpg").touch()
    assert names(find([str(trip / "x[1].jpg")]), trip) == ["x[1].jpg"]


def test_link_to_a_folder_is_not_followed(trip: Path) -> None:
    (trip / "day 2" / "again").symlink_to(trip, target_is_directory=True)
    assert len(list(find([str(trip)], recursive=True))) == 4


def photos(count: int) -> Iterator[Found]:
    return (Found(Path(f"{index}.jpg")) for index in range(count))


def stem_of(found: Found) -> str:
    return found.path.stem


def test_outcomes_come_in_order() -> None:
    gate = threading.Event()

    def work(found: Found, stem: str) -> str:
        if found.path.stem == "0":
            gate.wait(5)
        elif found.path.stem == "3":
            gate.set()  # the first is done last
        return found.path.stem

    outcomes = list(work_on(photos(9), stem_of, work, workers=3))
    assert [outcome.result for outcome in outcomes] == [str(index) for index in range(9)]


def test_bad_photo_does_not_end_the_run() -> None:
    def work(found: Found, stem: str) -> str:
        if found.path.stem == "1":
            raise CorruptImageError("1.jpg: damaged")
        if found.path.stem == "2":
            raise MemoryError
        return found.path.stem

    outcomes = list(work_on(photos(4), stem_of, work, workers=2))
    assert [outcome.result for outcome in outcomes] == ["0", None, None, "3"]
    assert isinstance(outcomes[1].error, CorruptImageError)
    assert isinstance(outcomes[2].error, ImageError)
    assert "not enough memory" in str(outcomes[2].error)


def test_photo_that_can_t_be_planned_is_not_worked_on() -> None:
    worked: list[str] = []

    def plan(found: Found) -> str:
        if found.path.stem == "1":
            raise CorruptImageError("1.jpg: no place")
        return found.path.stem

    outcomes = list(work_on(photos(3), plan, lambda _, stem: worked.append(stem), workers=2))
    assert [str(outcome.error or "") for outcome in outcomes] == ["", "1.jpg: no place", ""]
    assert sorted(worked) == ["0", "2"]


def test_fault_of_the_program_ends_the_run() -> None:
    def work(found: Found, stem: str) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(work_on(photos(100), stem_of, work, workers=2))


def test_only_a_few_photos_are_under_way() -> None:
    taken = 0

    def endless() -> Iterator[Found]:
        nonlocal taken
        while True:
            taken += 1
            yield Found(Path(f"{taken}.jpg"))

    outcomes = work_on(endless(), stem_of, lambda _, stem: stem, workers=2)
    for count in range(1, 50):
        next(outcomes)
        assert taken <= count + 4
    outcomes.close()  # type: ignore[attr-defined]  # it is a generator


def test_stopping_early_starts_nothing_more() -> None:
    started: list[str] = []

    def work(found: Found, stem: str) -> str:
        started.append(found.path.stem)
        return found.path.stem

    outcomes = work_on(photos(1000), stem_of, work, workers=1)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(started) <= 4


@pytest.mark.parametrize("workers", [1, 2])
def test_several_workers_leave_no_cores_to_opencv(workers: int) -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        photos = [Found(Path(f"{name}.jpg")) for name in range(4)]
        done = work_on(photos, lambda _: None, lambda *_: cv2.getNumThreads(), workers=workers)
        assert {each.result for each in done} == {3 if workers == 1 else 1}
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)
