import io
import json
import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from nearfar.errors import DepthFileError, NearfarError, OutputExistsError, UsageError, WriteError
from nearfar.io.depth_codecs import DepthRaster, Kind
from nearfar.io.depth_files import FORMATS, encode_depth, format_of, read_raster, write_depth

CASES = [(name, kind) for name, row in FORMATS.items() for kind in row.kinds]
FLOATS = [name for name, row in FORMATS.items() if row.bits is None]
UNTAGGED = ("pfm", "npy")


def floats(values: object) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def raster(kind: Kind = "inverse_depth") -> DepthRaster:
    """Give a map in which no two rows and no two columns are alike."""
    ramp = np.arange(24, dtype=np.float32).reshape(4, 6)
    return DepthRaster(floats(1 + ramp / 8), kind, "midas-small", "camera 1.50 m over a flat floor")


def png_with(*, bits: int = 16, color: int = 0, size: tuple[int, int] = (2, 2)) -> bytes:
    """Make a PNG header that claims this, with a right checksum and no pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", *size, bits, color, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk


SHAPES = st.one_of(
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
    st.sampled_from([(1, 1), (1, 300), (300, 1)]),
)
RELATIVE = hnp.arrays(np.float32, SHAPES, elements=st.floats(0, float(np.float32(3e38)), width=32))
METRES = hnp.arrays(
    np.float32,
    SHAPES,
    elements=st.one_of(
        st.floats(float(np.float32(1e-30)), float(np.float32(3e38)), width=32),
        st.floats(0.0009765625, 64, width=32),
        st.just(float("inf")),
    ),
)


@pytest.mark.parametrize(("name", "kind"), CASES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_format_round_trips(name: str, kind: Kind, data: st.DataObject) -> None:
    values = data.draw(RELATIVE if kind == "inverse_depth" else METRES)
    bits = FORMATS[name].bits
    if kind == "metres" and bits and not ((values >= 0.001) & (values <= 65.535)).any():
        values = values.copy()
        values[0, 0] = 1.5
    model, note = data.draw(st.sampled_from([("", ""), ("midas-small", "相机高 1.5 m\nlevel")]))

    encoded = encode_depth(DepthRaster(values, kind, model, note), name)
    back = read_raster(encoded, kind=kind if name in UNTAGGED else None)

    assert back.kind == kind
    if name not in UNTAGGED:
        assert (back.model, back.note) == (model, note)
    assert back.values.dtype == np.float32
    assert back.values.shape == values.shape
    if bits is None:
        np.testing.assert_array_equal(back.values, values)
    elif kind == "inverse_depth":
        wide = values.astype(np.float64)
        step = np.ptp(wide) / (2**bits - 1)
        rounding = 2.0**-23 * wide.max() + 1.5e-45  # of a result in float32
        assert np.abs(back.values - wide).max() <= 0.51 * step + rounding
        assert back.values.min() == pytest.approx(values.min(), rel=1e-6, abs=1e-44)
        assert back.values.max() == pytest.approx(values.max(), rel=1e-6, abs=1e-44)
    else:
        beyond = values > 65.5355
        assert np.isinf(back.values[beyond]).all()
        kept = (values > 0.00051) & (values < 65.5354)
        assert np.abs(back.values[kept] - values[kept]).max(initial=0) <= 0.000502


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_file_reads_back_by_its_content(name: str, kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / "map.anything"
    write_depth(raster(kind), path, format=name)
    back = read_raster(path, kind=kind)
    np.testing.assert_allclose(back.values, raster(kind).values, atol=0.007)
    assert path.read_bytes() == encode_depth(raster(kind), name)


@pytest.mark.parametrize("name", FORMATS)
def test_a_constant_map_comes_back_exactly(name: str) -> None:
    values = np.full((3, 2), 0.1, np.float32)
    kind: Kind | None = "inverse_depth" if name in UNTAGGED else None
    back = read_raster(encode_depth(DepthRaster(values, "inverse_depth"), name), kind=kind)
    np.testing.assert_array_equal(back.values, values)


@pytest.mark.parametrize("name", FLOATS)
def test_arrays_of_any_layout_are_written_right(name: str) -> None:
    wide = np.arange(60, dtype=np.float32).reshape(6, 10)
    for values in (wide.T, wide[::-1], wide[:, ::2], np.asfortranarray(wide)):
        encoded = encode_depth(DepthRaster(values, "inverse_depth"), name)
        np.testing.assert_array_equal(
            read_raster(encoded, kind="inverse_depth").values, values, strict=True
        )


# PNG


def test_png16_of_a_relative_map_by_hand() -> None:
    values = floats([[10, 10.25], [11, 12]])
    encoded = encode_depth(DepthRaster(values, "inverse_depth", "nearfar-lite"), "png16")
    with Image.open(io.BytesIO(encoded)) as picture:
        assert picture.mode == "I;16"
        stored = np.asarray(picture)
        texts = picture.info
    # 0.25 of 2 is 0.125 of 65535, 8191.875
    np.testing.assert_array_equal(stored, [[0, 8192], [32768, 65535]])
    assert texts["nearfar:kind"] == "inverse_depth"
    assert texts["nearfar:model"] == "nearfar-lite"
    assert float(texts["nearfar:scale"]) == 2 / 65535
    assert float(texts["nearfar:offset"]) == 10
    assert "nearfar:note" not in texts


def test_png16_of_metres_is_rep_118() -> None:
    values = floats([[1.5, 0.0011, 65.535], [65.6, np.inf, 0.0004]])
    encoded = encode_depth(DepthRaster(values, "metres"), "png16")
    stored = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    assert stored is not None
    assert stored.dtype == np.uint16
    np.testing.assert_array_equal(stored, [[1500, 1, 65535], [0, 0, 0]])
    back = read_raster(encoded).values
    np.testing.assert_array_equal(back, floats([[1.5, 0.001, 65.535], [np.inf] * 3]))


def test_png8_by_hand() -> None:
    encoded = encode_depth(DepthRaster(floats([[0, 1, 2.55]]), "inverse_depth"), "png8")
    with Image.open(io.BytesIO(encoded)) as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), [[0, 100, 255]])


def test_metres_that_no_png_can_hold_are_refused() -> None:
    with pytest.raises(DepthFileError, match=r"65\.535 m .*use \.exr"):
        encode_depth(DepthRaster(floats([[70, np.inf]]), "metres"), "png16")
    with pytest.raises(DepthFileError, match=r"png8 can't hold metres.*use png16"):
        encode_depth(raster("metres"), "png8")


def test_a_note_beyond_latin_1_is_read_by_pillow() -> None:
    note = "相机高 1.5 米, 60°"
    encoded = encode_depth(DepthRaster(floats([[1, 2]]), "inverse_depth", note=note), "png16")
    with Image.open(io.BytesIO(encoded)) as picture:
        assert picture.info["nearfar:note"] == note


def test_a_foreign_png_needs_its_kind_said() -> None:
    stored = np.array([[0, 1500], [1, 65535]], np.uint16)
    foreign = cv2.imencode(".png", stored)[1].tobytes()
    with pytest.raises(DepthFileError, match=r"say 'inverse_depth'.*or 'metres'"):
        read_raster(foreign)
    np.testing.assert_array_equal(
        read_raster(foreign, kind="metres").values, floats([[np.inf, 1.5], [0.001, 65.535]])
    )
    np.testing.assert_array_equal(read_raster(foreign, kind="inverse_depth").values, stored)
    grey = cv2.imencode(".png", stored.astype(np.uint8))[1].tobytes()
    assert read_raster(grey, kind="inverse_depth").values.max() == 255
    with pytest.raises(DepthFileError, match="8 bits hold no metres"):
        read_raster(grey, kind="metres")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (png_with(color=2), "in color"),
        (png_with(color=3, bits=8), "in color"),
        (png_with(bits=1), "1 bits"),
        (png_with(size=(2**31 - 1, 2**31 - 1)), "over 100 megapixels"),
        (png_with(size=(10001, 10000)), "over 100 megapixels"),
        (png_with(size=(0, 5)), "holds nothing"),
        (png_with(size=(9999, 9999)), "damaged or cut off"),
    ],
)
def test_what_is_no_depth_png_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(DepthFileError, match=message):
        read_raster(data, kind="inverse_depth")


# Each format in another program


def test_exr_opens_in_openexr(tmp_path: Path) -> None:
    path = tmp_path / "map.exr"
    write_depth(raster("metres"), path)
    with OpenEXR.File(str(path)) as file:
        assert list(file.channels()) == ["Y"]
        np.testing.assert_array_equal(file.channels()["Y"].pixels, raster().values, strict=True)
        header = dict(file.header())
    assert header["compression"] == OpenEXR.ZIP_COMPRESSION
    assert header["nearfar:kind"] == "metres"
    assert header["nearfar:note"] == "camera 1.50 m over a flat floor"


def test_exr_opens_in_opencv(tmp_path: Path) -> None:
    write_depth(raster(), tmp_path / "map.exr")
    script = (
        "import cv2, sys, numpy as np\n"
        "if 'OpenEXR:                     NO' in cv2.getBuildInformation(): sys.exit(77)\n"
        "np.save(sys.argv[2], cv2.imread(sys.argv[1], cv2.IMREAD_UNCHANGED))\n"
    )
    out = tmp_path / "seen.npy"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "map.exr"), str(out)],
        env={**os.environ, "OPENCV_IO_ENABLE_OPENEXR": "1"},  # read when cv2 is imported
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("this build of OpenCV has no OpenEXR")
    assert done.returncode == 0
    np.testing.assert_array_equal(np.load(out), raster().values)


@pytest.mark.parametrize("suffix", [".pfm", ".tiff", ".tif"])
def test_float_files_open_in_opencv(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"map{suffix}"
    write_depth(raster(), path)
    seen = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert seen is not None
    np.testing.assert_array_equal(seen, raster().values, strict=True)


def test_pfm_and_tiff_open_in_pillow(tmp_path: Path) -> None:
    for name in ("map.pfm", "map.tiff"):
        write_depth(raster(), tmp_path / name)
        with Image.open(tmp_path / name) as picture:
            assert picture.mode == "F"
            np.testing.assert_array_equal(np.asarray(picture), raster().values)


def test_tiff_opens_in_tifffile(tmp_path: Path) -> None:
    path = tmp_path / "map.tiff"
    write_depth(raster(), path)
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
        assert json.loads(file.pages.first.description)["nearfar"]["kind"] == "inverse_depth"
        np.testing.assert_array_equal(file.asarray(), raster().values, strict=True)


def test_npy_and_npz_open_in_numpy(tmp_path: Path) -> None:
    write_depth(raster("metres"), tmp_path / "map.npy")
    write_depth(raster("metres"), tmp_path / "map.npz")
    np.testing.assert_array_equal(np.load(tmp_path / "map.npy"), raster().values, strict=True)
    with np.load(tmp_path / "map.npz") as file:
        np.testing.assert_array_equal(file["values"], raster().values, strict=True)
        texts = {name: str(file[name]) for name in file.files if name != "values"}
    assert texts.pop("version")
    assert texts == {
        "kind": "metres",
        "model": "midas-small",
        "note": "camera 1.50 m over a flat floor",
    }


# Files of other programs


def test_pfm_by_hand() -> None:
    bottom_up = struct.pack("<6f", 4, 5, 6, 1, 2, 3)
    assert encode_depth(DepthRaster(floats([[1, 2, 3], [4, 5, 6]]), "metres"), "pfm") == (
        b"Pf\n3 2\n-1.0\n" + bottom_up
    )
    big_endian = b"Pf\n3 2\n0.003922\n" + struct.pack(">6f", 4, 5, 6, 1, 2, np.inf)
    back = read_raster(big_endian, kind="metres")
    np.testing.assert_array_equal(back.values, floats([[1, 2, np.inf], [4, 5, 6]]))


def test_pfm_of_opencv_and_pillow_are_read() -> None:
    values = raster().values
    by_opencv = cv2.imencode(".pfm", values)[1].tobytes()
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PPM")  # Pillow's writer of the whole family
    for data in (by_opencv, stream.getvalue()):
        np.testing.assert_array_equal(read_raster(data, kind="metres").values, values)


@pytest.mark.parametrize("name", UNTAGGED)
def test_a_file_without_a_kind_needs_it_said(name: str) -> None:
    with pytest.raises(DepthFileError, match="does not say what its values are"):
        read_raster(encode_depth(raster(), name))


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in UNTAGGED])
def test_another_kind_than_asked_for_is_refused(name: str) -> None:
    with pytest.raises(DepthFileError, match="it holds inverse_depth, not metres"):
        read_raster(encode_depth(raster(), name), kind="metres")


def test_a_kind_that_is_not_known_is_refused() -> None:
    tiff = encode_depth(raster(), "tiff").replace(b"inverse_depth", b"inverse_width")
    with pytest.raises(DepthFileError, match="'inverse_width', which is no kind"):
        read_raster(tiff)


def test_foreign_float_files_are_read() -> None:
    values = raster().values.astype(np.float64)
    npy, npz, tiff, exr = (io.BytesIO() for _ in range(4))
    np.save(npy, np.where(values == 1, 0, values))  # 0 m: no value
    np.savez_compressed(npz, depth=values)
    tifffile.imwrite(tiff, values, compression="zlib", description="from elsewhere")
    half = OpenEXR.File({"type": OpenEXR.scanlineimage}, {"Z": values.astype(np.float16)})
    half.write(exr)
    assert read_raster(npy.getvalue(), kind="metres").values[0, 0] == np.inf
    for stream in (npz, tiff, exr):
        np.testing.assert_array_equal(
            read_raster(stream.getvalue(), kind="metres").values, floats(values)
        )


def test_what_the_float_formats_refuse() -> None:
    def npy(values: NDArray[np.generic]) -> bytes:
        stream = io.BytesIO()
        np.save(stream, values)
        return stream.getvalue()

    def exr(**channels: NDArray[np.float32]) -> bytes:
        stream = io.BytesIO()
        OpenEXR.File({"type": OpenEXR.scanlineimage}, channels).write(stream)
        return stream.getvalue()

    tiff, npz = io.BytesIO(), io.BytesIO()
    tifffile.imwrite(tiff, np.ones((4, 4), np.uint16))
    values = raster().values
    np.savez(npz, a=values, b=values)
    huge = npy(values).replace(b"(4, 6)", b"(99999, 99999)".ljust(6))
    for data, message in (
        (npy(np.ones((2, 2), np.int32)), "its values are int32: give float32"),
        (npy(np.ones((1, 2, 2), np.float32)), r"its shape is \(1, 2, 2\)"),
        (npy(floats([[1, np.nan]])), "NaN"),
        (npy(floats([[1, -1]])), "0 or more"),
        (npy(floats([[1, np.inf]])), "finite"),
        (huge, "megapixels|damaged"),
        (npz.getvalue(), "no array 'values' among its a, b"),
        (exr(A=values, B=values), "no channel Y or Z among its A, B"),
        (tiff.getvalue(), "its values are uint16: give float32"),
        (b"PF\n2 2\n-1.0\n" + bytes(48), "in color"),
        (b"Pf\n2 2\n-1.0\n" + bytes(15), "damaged or cut off"),
        (b"Pf\n99999 99999\n-1.0\n", "over 100 megapixels"),
        (b"Pf\n0 2\n-1.0\n", "holds nothing"),
        (b"Pf two two", "PFM header is damaged"),
        (b"", "no depth file"),
        (b"GIF89a", "no depth file"),
    ):
        with pytest.raises(DepthFileError, match=message):
            read_raster(data, kind="inverse_depth")


def test_a_pickle_is_never_loaded() -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([[object()]]), allow_pickle=True)
    with pytest.raises(DepthFileError, match="its values are object"):
        read_raster(stream.getvalue(), kind="metres")


# Paths


@pytest.mark.parametrize(
    ("path", "name"),
    [("a.png", "png16"), ("a.b/c.EXR", "exr"), ("a.tif", "tiff"), ("a.npz", "npz")],
)
def test_the_suffix_names_the_format(path: str, name: str) -> None:
    assert format_of(path) == name


def test_unknown_formats_are_refused_with_the_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'\.jpg': use \.png, \.exr, \.pfm"):
        write_depth(raster(), tmp_path / "map.jpg")
    with pytest.raises(UsageError, match="'jpeg': use one of png16, png8, exr"):
        encode_depth(raster(), "jpeg")
    assert not list(tmp_path.iterdir())


def test_an_output_is_kept_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "map.npy"
    path.write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        write_depth(raster(), path, overwrite=False)
    assert path.read_bytes() == b"mine"
    write_depth(raster(), path)
    assert path.read_bytes() != b"mine"
    assert list(tmp_path.iterdir()) == [path]


def test_paths_that_fail_say_so(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="can't write"):
        write_depth(raster(), tmp_path / "none" / "map.npy")
    with pytest.raises(DepthFileError, match=r"can't read .*No such file"):
        read_raster(tmp_path / "none.png")
    with pytest.raises(DepthFileError, match="can't read"):
        read_raster(tmp_path)


@pytest.mark.parametrize(
    ("values", "kind", "note", "message"),
    [
        (np.ones((2, 2)), "metres", "", r"float64 of shape \(2, 2\): give"),
        (np.ones((2, 2, 2), np.float32), "metres", "", "give"),
        (np.ones((0, 2), np.float32), "metres", "", "give"),
        (floats([[0]]), "metres", "", "0 m"),
        (floats([[1]]), "metres", "a\0b", "can't be stored"),
        (floats([[1]]), "metres", "\ud800", "can't be stored"),
        (floats([[1]]), "feet", "", "no kind of depth 'feet'"),
    ],
)
def test_a_raster_holds_only_depth(
    values: NDArray[np.float32], kind: Kind, note: str, message: str
) -> None:
    with pytest.raises(DepthFileError, match=message):
        DepthRaster(values, kind, note=note)


# Damage


def mutate(data: bytes, rng: random.Random) -> bytes:
    broken = bytearray(data)
    at = rng.randrange(len(broken))
    if rng.random() < 0.5:
        at = rng.randrange(min(len(broken), 200))  # headers are where decoders go wrong
    way = rng.randrange(6)
    if way == 0:
        del broken[at:]
    elif way == 1:
        broken[at] ^= 1 << rng.randrange(8)
    elif way == 2:
        broken[at : at + 4] = rng.randbytes(4)
    elif way == 3:
        del broken[at : at + rng.randrange(1, 9)]
    elif way == 4:
        broken[at:at] = rng.randbytes(rng.randrange(1, 9))
    else:
        broken[at : at + 8] = b"\xff" * 8
    return bytes(broken)


@pytest.mark.parametrize("name", FORMATS)
def test_broken_files_raise_only_nearfar_errors(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(f"{name} 7")  # noqa: S311 - mutations, not secrets
    values = np.random.default_rng(7).random((24, 16), np.float32)
    whole = encode_depth(DepthRaster(values, "inverse_depth", "midas-small", "a note"), name)
    outcomes = [outcome(mutate(whole, rng)) for _ in range(100)]
    messages = [text for text in outcomes if text]
    assert len(messages) > 20
    assert not any("\n" in text for text in messages)
    if name != "exr":  # OpenEXR writes its own warnings to the console
        assert capfd.readouterr() == ("", "")


def outcome(data: bytes) -> str:
    """Give the message of the error that reading raises, or nothing."""
    try:
        read_raster(data, kind="inverse_depth")
    except NearfarError as error:
        return str(error)
    return ""


def test_a_damaged_tiff_prints_nothing(tmp_path: Path) -> None:
    path = tmp_path / "map.tiff"
    path.write_bytes(encode_depth(raster(), "tiff")[:60])
    script = (
        "import sys, nearfar.io.depth_files as files\n"
        "try: files.read_raster(sys.argv[1])\n"
        "except files.DepthFileError: print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("refused\n", "")


@given(data=st.binary(max_size=200), name=st.sampled_from(list(FORMATS)))
@example(data=b"", name="png16")
@settings(max_examples=150, deadline=None)
def test_garbage_behind_any_magic_is_refused(data: bytes, name: str) -> None:
    for magic in FORMATS[name].magic:
        with pytest.raises(DepthFileError):
            read_raster(magic + data)
