"""A small depth file never becomes a large one, and a damaged one is told of by an error alone."""

import io
import struct
import sys
import threading
import time
import tracemalloc
import zipfile
import zlib
from typing import Any

import numpy as np
import OpenEXR
import pytest
import tifffile

from nearfar.errors import DepthFileError
from nearfar.io.depth_codecs import DepthRaster
from nearfar.io.depth_files import encode_depth, read_raster, read_samples

MIB = 2**20


def npy(shape: tuple[int, ...], dtype: Any = np.float32) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.zeros(shape, dtype), version=(1, 0))
    return stream.getvalue()


def npz(method: int, **members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def peak_mib(data: bytes, message: str) -> float:
    tracemalloc.start()
    try:
        with pytest.raises(DepthFileError, match=message):
            read_raster(data, kind="metres")
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_npz_by_a_method_without_a_bound_is_refused(method: int) -> None:
    data = npz(method, values=npy((2000, 2500)))
    assert len(data) < 50_000  # 20 MB of zeros
    assert peak_mib(data, "compressed by method") < 8


def test_an_npz_that_claims_more_than_deflate_can_hold_is_refused() -> None:
    data = npz(zipfile.ZIP_DEFLATED, values=npy((100, 100)))
    size = len(npy((100, 100)))
    claimed = data.replace(struct.pack("<I", size), struct.pack("<I", 700 * MIB))
    assert peak_mib(claimed, "would become") < 8


def test_an_npy_header_of_gigabytes_is_not_read() -> None:
    head = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31)
    data = npz(zipfile.ZIP_DEFLATED, values=head + bytes(64 * MIB))
    assert peak_mib(data, "damaged or cut off|too long") < 300


def test_values_that_are_not_there_take_no_memory() -> None:
    cut = npy((9000, 10_000))[:1000]
    assert peak_mib(cut, "cut off") < 8
    assert peak_mib(npz(zipfile.ZIP_STORED, values=cut), "cut off") < 8


def test_a_text_of_an_npz_is_one_text() -> None:
    texts = npy((1000,), "U5")
    data = npz(zipfile.ZIP_DEFLATED, values=npy((2, 2)), note=texts, kind=npy((), "U5"))
    assert peak_mib(data, "texts is none") < 8


def strips(values: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **options)
    return stream.getvalue()


def test_a_strip_that_becomes_more_than_its_rows_is_refused() -> None:
    data = strips(np.ones((4, 4), np.float32), compression="zlib", byteorder="<")
    bomb = zlib.compress(bytes(64 * MIB), 9)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        offsets, counts = (file.pages.first.tags[tag] for tag in (273, 279))
    patched = bytearray(data + bomb)
    for tag, value in ((offsets, len(data)), (counts, len(bomb))):
        patched[tag.offset + 2 : tag.offset + 12] = struct.pack("<HII", 4, 1, value)
    assert peak_mib(bytes(patched), "strips is longer") < 16


def test_a_compression_without_a_bound_is_refused() -> None:
    data = strips(np.ones((4, 4), np.float32), compression="lzma")
    assert peak_mib(data, "compressed by method 34925") < 8


def test_deflate_and_predictors_are_read_as_before() -> None:
    values = np.arange(1, 3001, dtype=np.float32).reshape(50, 60)
    for options in ({}, {"compression": "zlib"}, {"tile": (16, 16), "compression": "zlib"}):
        stored, _ = read_samples(strips(values, rowsperstrip=7, **options))
        np.testing.assert_array_equal(stored, values)


@pytest.mark.parametrize("filling", [b" ", b"1", b"\n"])
def test_a_long_pfm_header_does_not_hang(filling: bytes) -> None:
    start = time.perf_counter()
    for head in (b"Pf\n", b"Pf\n4 4\n", b"Pf\n4 4\n-1.0e"):
        with pytest.raises(DepthFileError, match="PFM header"):
            read_raster(head + filling * 3_000_000, kind="metres")
    assert time.perf_counter() - start < 2


def test_a_damaged_exr_prints_nothing_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    values = np.random.default_rng(3).random((200, 300), np.float32) + 1
    data = encode_depth(DepthRaster(values, "metres"), "exr")
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(DepthFileError):
            read_raster(data[: int(len(data) * share)])
    assert capfd.readouterr().out == ""


def test_what_others_print_while_an_exr_is_read_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    values = np.random.default_rng(3).random((200, 300), np.float32) + 1
    data = encode_depth(DepthRaster(values, "metres"), "exr")[:-30_000]
    done = threading.Event()

    def read() -> None:
        for _ in range(30):
            with pytest.raises(DepthFileError):
                read_raster(data)
        done.set()

    reader = threading.Thread(target=read)
    reader.start()
    printed = 0
    while not done.is_set():
        sys.stdout.write("line\n")
        printed += 1
    reader.join()
    assert capfd.readouterr().out == "line\n" * printed


def test_an_exr_of_many_channels_is_refused() -> None:
    window = ((0, 0), (9999, 9999))
    channels = {f"c{at}": np.zeros((4, 4), np.float32) for at in range(6)}
    stream = io.BytesIO()
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, channels).write(stream)
    data = stream.getvalue()
    at = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    odd = data[:at] + struct.pack("<4i", *window[0], *window[1]) + data[at + 16 :]
    assert peak_mib(odd, "channels are over|damaged") < 8
