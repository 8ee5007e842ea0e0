"""Many photos: which are found, and how they are worked on."""

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from nearfar.errors import CorruptImageError, ImageError, ImageNotFoundError, PhotoError
from nearfar.io.find_images import Found, find, process_photos


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


def test_pattern_without_match_is_one_bad_item(trip: Path) -> None:
    first, second = find([str(trip / "*.gif"), str(trip / "b.jpg")])
    assert isinstance(first.error, ImageNotFoundError)
    assert "no image matches" in str(first.error)
    assert second == Found(trip / "b.jpg")


def test_brackets_of_a_pattern_stand_for_themselves_too(trip: Path) -> None:
    for name in ("trip [1]/IMG[2].jpg", "trip [1]/IMG2.jpg", "trip 1/IMG[2].jpg", "trip 1/a.jpg"):
        path = trip / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    pattern = str(trip / "trip [1]" / "IMG[2]*")
    assert names(find([pattern]), trip) == [
        "trip 1/IMG[2].jpg",
        "trip [1]/IMG2.jpg",
        "trip [1]/IMG[2].jpg",
    ]
    deep = trip.joinpath(*["[x]"] * 8)
    deep.mkdir(parents=True)
    (deep / "a.jpg").touch()
    assert len(list(find([str(deep / "*.jpg")]))) == 1


def test_a_photo_named_like_a_map_is_a_photo(trip: Path) -> None:
    for name in ("x-depth.jpg", "y-depth.heic", "burst.mpo", "z-depth-side.jpg", "z-depth.tiff"):
        (trip / name).touch()
    left_out: list[Path] = []
    found = names(find([str(trip)], on_skip=left_out.append), trip)
    assert found == ["a.PNG", "b.jpg", "burst.mpo", "x-depth.jpg", "y-depth.heic"]
    results = ["b-depth-color.jpg", "b-depth.png", "z-depth-side.jpg", "z-depth.tiff"]
    assert [path.name for path in left_out] == results
    left_out.clear()
    list(find([str(trip / "*.png")], on_skip=left_out.append))
    assert [path.name for path in left_out] == ["b-depth.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_can_not_be_read_is_one_bad_item(trip: Path) -> None:
    (trip / "day 2").chmod(0)
    try:
        found = list(find([str(trip)], recursive=True))
    finally:
        (trip / "day 2").chmod(0o700)
    assert [each.path.name for each in found] == ["a.PNG", "b.jpg", "day 2"]
    assert "Permission denied" in str(found[2].error)


def test_inputs_that_no_system_takes_are_bad_items() -> None:
    odd = ["x" * 300, "a\0b", "y" * 5000, "*" + "x" * 300]
    assert len(list(find(odd))) == 4


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

    outcomes = list(process_photos(photos(9), stem_of, work, workers=3))
    assert [outcome.result for outcome in outcomes] == [str(index) for index in range(9)]


def test_bad_photo_does_not_end_the_run() -> None:
    def work(found: Found, stem: str) -> str:
        if found.path.stem == "1":
            raise CorruptImageError("1.jpg: damaged")
        if found.path.stem == "2":
            raise MemoryError
        if found.path.stem == "3":
            raise OSError(errno.EIO, "Input/output error", "3-depth.png")
        if found.path.stem == "4":
            "\udc80".encode()
        return found.path.stem

    outcomes = list(process_photos(photos(6), stem_of, work, workers=2))
    assert [outcome.result for outcome in outcomes] == ["0", None, None, None, None, "5"]
    assert str(outcomes[3].error) == "3.jpg: Input/output error: 3-depth.png"
    assert isinstance(outcomes[4].error, PhotoError)
    assert isinstance(outcomes[1].error, CorruptImageError)
    assert isinstance(outcomes[2].error, ImageError)
    assert "not enough memory" in str(outcomes[2].error)


def test_photo_that_can_t_be_planned_is_not_worked_on() -> None:
    worked: list[str] = []

    def plan(found: Found) -> str:
        if found.path.stem == "1":
            raise CorruptImageError("1.jpg: no place")
        if found.path.stem == "2":
            raise OSError(errno.ENAMETOOLONG, "File name too long")
        return found.path.stem

    outcomes = list(process_photos(photos(4), plan, lambda _, stem: worked.append(stem), workers=2))
    errors = [str(outcome.error or "") for outcome in outcomes]
    assert errors == ["", "1.jpg: no place", "2.jpg: File name too long", ""]
    assert sorted(worked) == ["0", "3"]


def test_fault_of_the_program_ends_the_run() -> None:
    def work(found: Found, stem: str) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(process_photos(photos(100), stem_of, work, workers=2))


def test_only_a_few_photos_are_under_way() -> None:
    taken = 0

    def endless() -> Iterator[Found]:
        nonlocal taken
        while True:
            taken += 1
            yield Found(Path(f"{taken}.jpg"))

    outcomes = process_photos(endless(), stem_of, lambda _, stem: stem, workers=2)
    for count in range(1, 50):
        next(outcomes)
        assert taken <= count + 4
    outcomes.close()  # type: ignore[attr-defined]  # it is a generator


def test_stopping_early_starts_nothing_more() -> None:
    started: list[str] = []

    def work(found: Found, stem: str) -> str:
        started.append(found.path.stem)
        return found.path.stem

    outcomes = process_photos(photos(1000), stem_of, work, workers=1)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(started) <= 4


@pytest.mark.parametrize("workers", [1, 2])
def test_several_workers_leave_no_cores_to_opencv(workers: int) -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        photos = [Found(Path(f"{name}.jpg")) for name in range(4)]
        done = process_photos(
            photos, lambda _: None, lambda *_: cv2.getNumThreads(), workers=workers
        )
        assert {each.result for each in done} == {3 if workers == 1 else 1}
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)
