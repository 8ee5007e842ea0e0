"""Numbers of MATLAB files, as SciPy writes them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nearfar.errors import DatasetError
from nearfar.evaluation.layouts.matlab import numbers

scipy_io = pytest.importorskip("scipy.io")

TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", TYPES)
def test_numbers_come_back_column_by_column(tmp_path: Path, dtype: str, compressed: bool) -> None:
    path = tmp_path / "a.mat"
    values = np.array([[1, 2, 3], [4, 5, 100]], dtype)
    scipy_io.savemat(
        path,
        {"text": "x", "cells": np.array(["x", 1], object), "wanted": values, "one": np.array([7])},
        do_compression=compressed,
    )
    assert numbers(path, "wanted").tolist() == [1, 4, 2, 5, 3, 100]
    assert numbers(path, "one").tolist() == [7]


@pytest.mark.parametrize(
    "held", ["text", {"a": 1}, np.array(["x", 1], object), np.array([1j])], ids=str
)
def test_what_is_no_plain_numbers_is_told(tmp_path: Path, held: Any) -> None:
    scipy_io.savemat(tmp_path / "a.mat", {"wanted": held})
    with pytest.raises(DatasetError, match=r"a\.mat: it contains no numeric array wanted"):
        numbers(tmp_path / "a.mat", "wanted")


@pytest.mark.parametrize("compressed", [False, True])
def test_damage_is_told_and_never_more_than_an_error(tmp_path: Path, compressed: bool) -> None:
    """SciPy's own reader ends the process at some of these."""
    path = tmp_path / "a.mat"
    scipy_io.savemat(path, {"wanted": np.arange(99)}, do_compression=compressed)
    whole, chance = path.read_bytes(), np.random.default_rng(5)
    refused = 0
    for number in range(500):
        content = bytearray(whole)
        for _ in range(1 + number % 3):
            content[chance.integers(100, len(content))] = chance.integers(256)
        path.write_bytes(content[: chance.integers(len(content))] if number % 5 == 0 else content)
        try:
            assert numbers(path, "wanted").dtype == np.float64
        except DatasetError:
            refused += 1
    assert refused > 100


def test_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    scipy_io.savemat(path, {"wanted": np.zeros(4 << 20)}, do_compression=True)
    assert path.stat().st_size < 100_000
    with pytest.raises(DatasetError, match="too large"):
        numbers(path, "wanted")


@pytest.mark.parametrize("content", [b"", b"junk", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_other_files_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.mat: not a MATLAB file"):
        numbers(tmp_path / "a.mat", "wanted")
    with pytest.raises(DatasetError, match="can't be read"):
        numbers(tmp_path, "wanted")
