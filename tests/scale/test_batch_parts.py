"""A run is cut into the same parts each time, whatever else comes or goes."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfar.scale.batch import shared_out
from nearfar.scale.sources import MOST_OF_GROUP, Part, Photo, distinct, parts


def photos(count: int, folder: str = "trip") -> list[Photo]:
    return [Photo(f"{folder}/{n:05d}.jpg", f"/data/{folder}/{n:05d}.jpg") for n in range(count)]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 400), st.integers(1, 40))
def test_parts_hold_every_photo_once_and_in_order(count: int, size: int) -> None:
    run = photos(count)
    cut = list(parts(run, size))
    assert [photo for part in cut for photo in part.photos] == run
    assert all(2 * len(part.photos) >= size for part in cut[:-1])
    assert all(len(part.photos) <= 2 * size for part in cut)
    assert len({part.name for part in cut}) == len(cut)


def test_size_is_met_on_average() -> None:
    cut = list(parts(photos(20_000), 64))
    assert 48 <= 20_000 / len(cut) <= 80


def test_new_photo_changes_the_parts_around_it_only() -> None:
    run = photos(1000)
    before = {part.name for part in parts(run, 16)}
    run.insert(500, Photo("trip/00499b.jpg", "/data/trip/00499b.jpg"))
    after = {part.name for part in parts(run, 16)}
    assert 1 <= len(after - before) <= 4


def test_row_group_stays_in_one_part() -> None:
    groups = [(group, row) for group in range(5) for row in range(100)]
    run = [Photo(f"s/{g}-{r}", "/s.parquet", group=g, row=r, column="jpg") for g, r in groups]
    for part in parts(run, 8):
        assert len(part.photos) % 100 == 0
    huge = [
        Photo(f"s/{r}", "/s.parquet", group=0, row=r, column="jpg")
        for r in range(MOST_OF_GROUP + 1)
    ]
    assert [len(part.photos) for part in parts(huge, 8)] == [MOST_OF_GROUP, 1]


def test_part_comes_back_as_it_was_even_with_names_that_are_no_utf8() -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    (part,) = parts([Photo(name, f"/data/{name}", offset=512, bytes=9)], 4)
    assert Part.unpack(part.name, part.packed()) == part


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("trip/a.jpg", "trip/a.jpg"),
        ("/data/trip/a.jpg", "data/trip/a.jpg"),
        ("../../etc/a.jpg", "etc/a.jpg"),
        ("s3://bucket/trip/a.jpg", "bucket/trip/a.jpg"),
        ("https://host/a.jpg?size=big/er", "host/a.jpg"),
        ("trip/what?.jpg", "trip/what?.jpg"),
    ],
)
def test_results_lie_below_the_destination(path: str, name: str) -> None:
    assert str(Photo(path, path).name) == name


def test_second_photo_of_a_name_is_refused() -> None:
    run = [Photo(name, name) for name in ("a.jpg", "b/a.jpg", "a.webp", "a.jpg")]
    assert [bool(photo.error) for photo in distinct(run, by_stem=True)] == [
        False,
        False,
        True,
        True,
    ]
    assert [bool(photo.error) for photo in distinct(run, by_stem=False)] == [
        *(False, False, False),
        True,
    ]


def test_run_is_never_held() -> None:
    lazily = (Photo(f"{n}.jpg", f"/data/{n}.jpg") for n in range(8000))
    tracemalloc.start()
    try:
        for _ in parts(distinct(lazily, by_stem=True), 64):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000  # 8000 photos held would be over 3 MB


@pytest.mark.parametrize(
    ("cores", "workers", "threads", "expected"),
    [
        (1, None, None, (1, 1)),
        (2, None, None, (1, 2)),
        (64, None, None, (16, 4)),
        (64, 8, None, (8, 4)),
        (4, 4, None, (4, 1)),
        (2, 8, None, (8, 1)),
        (16, None, 1, (16, 1)),
        (2, None, 8, (1, 8)),
    ],
)
def test_cores_are_shared_out(
    cores: int, workers: int | None, threads: int | None, expected: tuple[int, int]
) -> None:
    assert shared_out(cores, workers, threads) == expected
