"""Ideas around the network: decoding, threads, and writing files."""

import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks import photos
from benchmarks.cold_start import MODEL
from benchmarks.idea import Idea
from benchmarks.photo_way import opencv_threads, walk
from nearfar.depth import DepthMap
from nearfar.estimator import Estimator
from nearfar.io.images import Image, ImageFile, encode_image
from nearfar.io.images.png import encode_png
from nearfar.loading import load
from nearfar.runtimes.cpu import physical

_SIZES_PX: Final = {"1280 x 720": (1280, 720), "4000 x 3000": (4000, 3000)}
_FOLDER: Final = 16
"""Photos of a small folder."""
_OPENCV_LEVEL: Final = 1


def ideas(folder: Path) -> Iterator[Idea]:
    """Give them one by one.

    Args:
        folder: for the photos.
    """
    contents = {
        name: photos.photo(folder / f"{size_px[0]}.jpg", size_px).read_bytes()
        for name, size_px in _SIZES_PX.items()
    }
    estimator = load(MODEL, runtime="onnxruntime")
    for name, content in contents.items():
        yield _decode(estimator, name, content)
    few = [path.read_bytes() for path in photos.many(folder / "few", _FOLDER)]
    yield from _threads(estimator, few)
    with ImageFile(contents["1280 x 720"]) as file:
        photo = file.read()
    depth = estimator(photo).relative()
    yield from _files(depth, photo)
    yield _encode_apart(estimator, [contents["1280 x 720"]] * _FOLDER)


def _decode(estimator: Estimator, name: str, content: bytes) -> Idea:
    def whole() -> Image:
        with ImageFile(content) as file:
            return file.read()

    def needed() -> Image:
        with ImageFile(content) as file:
            return estimator.decode(file)

    height_px, width_px = needed().shape[:2]
    return Idea(
        f"decode a JPEG of {name} no larger than needed",
        used=True,
        with_it=needed,
        without=whole,
        remark=f"decoded at {width_px} x {height_px}; what it does to maps stands under *Decoding"
        " a JPEG no larger than needed*",
    )


def _threads(estimator: Estimator, contents: list[bytes]) -> Iterator[Idea]:
    """Several photos at once with a thread each, against one after the other with all cores."""
    cores = physical()
    single = load(MODEL, runtime="onnxruntime", threads=1, callers=cores)

    def run(chosen: Estimator, workers: int, opencv: int) -> Callable[[], None]:
        def work() -> None:
            with opencv_threads(opencv), ThreadPoolExecutor(workers) as pool:
                list(pool.map(lambda each: walk(chosen, each, DepthMap.encode), contents))

        return work

    apart = run(single, cores, 1)
    yield Idea(
        f"{len(contents)} photos, as many at once as cores, with one thread each in the network",
        used=True,
        with_it=apart,
        without=run(estimator, 1, cores),
        remark="without: one photo after the other, all cores in the network and in OpenCV",
    )
    yield Idea(
        "and one thread each in OpenCV",
        used=False,
        with_it=apart,
        without=run(single, cores, cores),
        remark="`nearfar serve` does so; without: OpenCV's threads as they come",
    )
    yield Idea(
        "one photo after the other, but one thread in OpenCV",
        used=False,
        with_it=run(estimator, 1, 1),
        without=run(estimator, 1, cores),
        remark="all cores in the network both times",
    )


def _files(depth: DepthMap, photo: Image) -> Iterator[Idea]:
    steps = np.rint(depth.nearness() * np.float32(65535)).astype(np.uint16)
    for name, picture in (("map in color", depth.colorize()), ("photo", photo)):
        by_opencv = _by_opencv(picture)
        yield Idea(
            f"PNG of a {name}: upward differences and ISA-L, not OpenCV",
            used=True,
            with_it=partial(encode_png, picture, {}),
            without=by_opencv,
            remark=_sizes(encode_png(picture, {}), by_opencv()),
        )
    rows = np.diff(steps.astype(">u2").view(np.uint8), axis=0, prepend=np.uint8(0))
    fast = encode_png(steps, {})
    for level, name in ((1, "lowest"), (6, "usual")):
        deflate = partial(zlib.compress, rows, level)
        yield Idea(
            f"16-bit PNG: ISA-L, not zlib at its {name} level",
            used=True,
            with_it=partial(encode_png, steps, {}),
            without=deflate,
            remark=_sizes(fast, deflate()),
        )
    yield _isal(rows, 0)
    yield _isal(rows, 2)
    colors = depth.colorize()
    yield Idea(
        "a map in color as JPEG, not PNG",
        used=True,
        with_it=lambda: encode_image(colors, ".jpg"),
        without=lambda: encode_image(colors, ".png"),
        remark=_sizes(encode_image(colors, ".jpg"), encode_image(colors, ".png")),
    )


def _by_opencv(picture: Image) -> Callable[[], bytes]:
    def encode() -> bytes:
        stored = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        flags = [cv2.IMWRITE_PNG_COMPRESSION, _OPENCV_LEVEL]
        return cv2.imencode(".png", stored, flags)[1].tobytes()

    return encode


def _isal(rows: Any, level: int) -> Idea:
    from isal import isal_zlib

    return Idea(
        f"16-bit PNG: ISA-L at level {level}, not 1; deflating alone",
        used=False,
        with_it=lambda: isal_zlib.compress(rows, level),
        without=lambda: isal_zlib.compress(rows, 1),
        remark=_sizes(isal_zlib.compress(rows, level), isal_zlib.compress(rows, 1)),
    )


def _sizes(with_it: bytes, without: bytes) -> str:
    return f"{len(with_it) / 1e3:,.0f} kB instead of {len(without) / 1e3:,.0f} kB"


def _encode_apart(estimator: Estimator, contents: list[bytes]) -> Idea:
    """Encode a map on another thread, while the network works on the next photo."""

    def estimate(content: bytes) -> DepthMap:
        with ImageFile(content) as file:
            return estimator.from_file(file).relative()

    def apart() -> None:
        with ThreadPoolExecutor(1) as pool:
            list(pool.map(DepthMap.encode, map(estimate, contents)))

    def together() -> None:
        for content in contents:
            estimate(content).encode()

    return Idea(
        f"{len(contents)} photos of 1280 x 720 in a row, encoded on another thread",
        used=False,
        with_it=apart,
        without=together,
        remark="a folder and the service work on several photos at once instead, which"
        " overlaps all stages",
    )
