"""Clips are read as players show them: upright, square, whole, in BT.709, over white."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import PIL.features
import PIL.Image
import pytest
from numpy.typing import NDArray

from nearfar.errors import VideoError
from nearfar.estimator import Estimator
from nearfar.io.images import Image
from nearfar.video.container import square_px
from nearfar.video.frame import Deinterlace, Frame
from nearfar.video.pipeline import convert
from nearfar.video.reader import read_clip
from nearfar.video.renderers import show_effect
from tests.video.clips import lay, picture, write_clip, write_planes

GREY_NITS = 26.0  # a card of 18 %, ITU-R BT.2408
WHITE_NITS = 203.0


def frames_of(path: Path) -> list[Frame]:
    return list(read_clip(path))


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), lambda plain: plain),
        ((0, 1, -1, 0), lambda plain: np.rot90(plain, -1)),
        ((-1, 0, 0, -1), lambda plain: np.rot90(plain, 2)),
        ((0, -1, 1, 0), np.rot90),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda plain: plain.swapaxes(0, 1)),
        ((0, -1, -1, 0), lambda plain: np.rot90(plain, 2).swapaxes(0, 1)),
    ],
)
def test_all_eight_orientations(tmp_path: Path, matrix: Any, expected: Any) -> None:
    path = write_clip(tmp_path / "a.mp4", [picture(n) for n in range(4)])
    plain = frames_of(path)[2].image
    laid = frames_of(lay(path, *matrix))[2]

    np.testing.assert_array_equal(laid.image, expected(plain))
    assert laid.size_px == laid.image.shape[1::-1]
    small = laid.small((laid.size_px[0] // 2, laid.size_px[1] // 2))
    halves = np.asarray(laid.image, float).reshape(*small.shape[:1], 2, small.shape[1], 2, 3)
    assert np.abs(halves.mean((1, 3)) - small).mean() < 2


@pytest.mark.parametrize(
    ("name", "codec", "aspect", "expected"),
    [
        ("a.mp4", "libx264", Fraction(64, 45), (91, 48)),
        ("a.mkv", "libx264", Fraction(64, 45), (91, 48)),
        ("a.mp4", "libx264", Fraction(8, 9), (64, 54)),
        ("a.mpg", "mpeg2video", Fraction(4, 3), (85, 48)),
        ("a.mp4", "libx264", Fraction(1000, 1), (64, 48)),
    ],
)
def test_pixels_become_square(
    tmp_path: Path, name: str, codec: str, aspect: Fraction, expected: tuple[int, int]
) -> None:
    planes = [np.full(size, 128, np.uint8) for size in ((48, 64), (24, 32), (24, 32))]
    path = write_planes(
        tmp_path / name, [planes] * 4, pixels="yuv420p", codec=codec, sample_aspect_ratio=aspect
    )

    assert read_clip(path).info.size_px == expected
    frame = frames_of(path)[0]
    assert (frame.size_px, frame.image.shape) == (expected, (*expected[::-1], 3))


def test_pal_and_ntsc_are_as_wide_as_their_screens() -> None:
    assert square_px((720, 576), Fraction(64, 45)) == (1024, 576)
    assert square_px((720, 480), Fraction(8, 9)) == (720, 540)
    assert square_px((720, 480), None) == (720, 480)


def test_the_network_and_the_film_get_square_pixels(tmp_path: Path, estimator: Estimator) -> None:
    planes = [np.full(size, 128, np.uint8) for size in ((48, 64), (24, 32), (24, 32))]
    path = write_planes(
        tmp_path / "a.mp4",
        [planes] * 3,
        pixels="yuv420p",
        codec="libx264",
        sample_aspect_ratio=Fraction(2, 1),
    )
    convert(path, tmp_path / "out.mp4", estimator, show_effect(lambda photo, _: photo))

    with av.open(str(tmp_path / "out.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.width, stream.height) == (128, 48)
        assert stream.sample_aspect_ratio in {None, 0, 1}
    session: Any = estimator.session
    assert session.shapes[0][2] < session.shapes[0][3] / 2


# HDR


def pq_of(nits: NDArray[Any]) -> NDArray[Any]:
    """SMPTE ST 2084."""
    power = (nits / 10_000) ** 0.1593017578125
    share = (0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)
    return np.asarray(share**78.84375)


def hlg_of(nits: NDArray[Any]) -> NDArray[Any]:
    """ITU-R BT.2100, on a screen of 1000 nits; of grey."""
    scene = (nits / 1000) ** (1 / 1.2)
    return np.asarray(
        np.where(
            scene <= 1 / 12,
            np.sqrt(3 * scene),
            0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
        )
    )


def write_bt2020(path: Path, rgb: NDArray[Any], transfer: int, **context: Any) -> Path:
    """Write patches, (N, 3) of 0 to 1, side by side in 10-bit BT.2020."""
    red, green, blue = np.repeat(rgb[None], 16, axis=1).repeat(16, axis=0).transpose(2, 0, 1)
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    planes = (
        64 + 876 * luma,
        512 + 896 * (blue - luma) / 1.8814,
        512 + 896 * (red - luma) / 1.4746,
    )
    ten_bits = [np.rint(plane).astype("<u2") for plane in planes]
    meaning = {"color_primaries": 9, "colorspace": 9, "color_trc": transfer, "color_range": 1}
    return write_planes(path, [ten_bits] * 3, pixels="yuv444p10le", **{**meaning, **context})


def patches(image: Image) -> NDArray[Any]:
    return np.asarray(image[8, 8::16], float)


@pytest.mark.parametrize(("transfer", "encode"), [(16, pq_of), (18, hlg_of)])
def test_hdr_grey_becomes_that_of_sdr(tmp_path: Path, transfer: int, encode: Any) -> None:
    nits = np.array([1.0, 5.0, GREY_NITS, 60.0, WHITE_NITS, 1000.0])
    path = write_bt2020(tmp_path / "a.mkv", encode(nits)[:, None].repeat(3, 1), transfer)

    got = patches(frames_of(path)[1].image)

    dark = 255 * (nits[:4] / WHITE_NITS) ** (1 / 2.4)  # ITU-R BT.1886
    np.testing.assert_allclose(got[:4], dark[:, None].repeat(3, 1), atol=2.5)
    assert (np.ptp(got, axis=1) <= 1).all()
    assert 205 < got[4, 0] < 245  # room is left for what shines
    assert (got[5] >= 254).all()
    small = frames_of(path)[1].small((48, 8))
    np.testing.assert_allclose(small[4, 4::8], got, atol=3)


@pytest.mark.parametrize("transfer", [16, 14])
def test_wide_colors_become_those_of_bt709(tmp_path: Path, transfer: int) -> None:
    light = np.array([[0.2, 0.05, 0.04], [0.03, 0.15, 0.05], [0.04, 0.04, 0.25], [0.1, 0.1, 0.1]])
    # ITU-R BT.2087
    to_2020 = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    wide = light @ np.array(to_2020).T
    codes = pq_of(wide * WHITE_NITS) if transfer == 16 else wide ** (1 / 2.4)
    path = write_bt2020(tmp_path / "a.mkv", codes, transfer)

    got = patches(frames_of(path)[0].image)

    np.testing.assert_allclose(got, 255 * light ** (1 / 2.4), atol=4)


def test_a_film_of_hdr_says_that_it_is_bt709(tmp_path: Path, estimator: Estimator) -> None:
    path = write_bt2020(tmp_path / "a.mkv", np.full((4, 3), 0.38), 18)
    convert(path, tmp_path / "out.mp4", estimator, show_effect(lambda photo, _: photo))

    with av.open(str(tmp_path / "out.mp4")) as film:
        context: Any = film.streams.video[0].codec_context
        frame = next(film.decode(video=0))
        assert (context.color_trc, context.color_primaries, context.colorspace) == (1, 1, 1)
        assert frame.to_ndarray(format="rgb24").mean() == pytest.approx(108, abs=3)


def test_plain_clips_are_not_touched_by_tone_mapping(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [picture(n) for n in range(3)])
    with av.open(str(path)) as container:
        plain = next(container.decode(video=0)).to_ndarray(format="rgb24")
    np.testing.assert_array_equal(frames_of(path)[0].image, plain)


# Transparency


def half_transparent() -> list[NDArray[np.uint8]]:
    """Y, U, V of a strong color everywhere, and an alpha that hides its left half."""
    alpha = np.zeros((48, 64), np.uint8)
    alpha[:, 32:] = 255
    alpha[24:, 32:] = 128
    return [np.full((48, 64), level, np.uint8) for level in (81, 90, 240)] + [alpha]


@pytest.mark.parametrize("codec", ["ffv1", "libvpx-vp9"])
def test_what_is_transparent_is_white(tmp_path: Path, codec: str) -> None:
    name, pixels, planes = "a.mkv", "yuva444p", half_transparent()
    how: dict[str, Any] = {}
    if codec == "libvpx-vp9":
        name, pixels = "a.webm", "yuva420p"
        planes = [planes[0], planes[1][::2, ::2], planes[2][::2, ::2], planes[3]]
        how = {"metadata": {"alpha_mode": "1"}, "options": {"crf": "4", "b": "0"}}
    planes = [np.ascontiguousarray(plane) for plane in planes]
    path = write_planes(tmp_path / name, [planes] * 4, pixels=pixels, codec=codec, **how)

    frame = frames_of(path)[1]
    assert len(frames_of(path)) == 4
    image = frame.image.astype(int)
    assert (image[:, :24] >= 250).all()
    opaque, mixed = image[12, 50], image[36, 50]
    assert opaque[0] > 200
    assert opaque[1] < 60
    np.testing.assert_allclose(mixed, (opaque + 255) / 2, atol=6)
    assert (frame.small((8, 6))[:, :3] >= 250).all()


def test_a_moving_png_lies_over_white(tmp_path: Path) -> None:
    first = PIL.Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    others = [PIL.Image.new("RGBA", (32, 32), (0, 40 * n, 0, 255)) for n in range(1, 4)]
    first.save(tmp_path / "a.png", save_all=True, append_images=others, duration=40)

    images = [frame.image for frame in frames_of(tmp_path / "a.png")]
    assert len(images) == 4
    assert (images[0] == 255).all()
    np.testing.assert_array_equal(images[2][5, 5], (0, 80, 0))


# Interlacing


def combed(number: int) -> list[NDArray[np.uint8]]:
    """A bar that moves from field to field, the later field on odd lines."""
    luma = np.full((96, 128), 40, np.uint8)
    for line in range(96):
        left = 8 + 8 * number + 4 * (line % 2)
        luma[line, left : left + 24] = 220
    return [luma, *(np.full((48, 64), 128, np.uint8) for _ in range(2))]


@pytest.mark.parametrize(
    ("says_so", "deinterlace", "is_whole"),
    [
        (True, "auto", True),
        (True, "off", False),
        (False, "auto", False),
        (False, "on", True),
    ],
)
def test_interlaced_frames_are_made_whole(
    tmp_path: Path, says_so: bool, deinterlace: Deinterlace, is_whole: bool
) -> None:
    frames = [combed(number) for number in range(8)]
    options = {"crf": "4", **({"x264-params": "tff=1"} if says_so else {})}
    path = write_planes(
        tmp_path / "a.mp4", frames, pixels="yuv420p", codec="libx264", options=options
    )

    shown = list(read_clip(path, deinterlace=deinterlace))

    assert [frame.ticks for frame in shown] == [3600 * number for number in range(8)]
    rows = shown[4].image[8:88, :, 1].astype(int)
    comb = np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean()
    assert (comb < 4) == is_whole


# What is no clip, and what changes


def with_cover(path: Path, *, first: bool) -> Path:
    """Write a clip with a picture of its cover, as music and films have."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        cover: Any = container.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = 1 << 10
        art = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 200, np.uint8), "rgb24")
        container.mux(cover.encode(art.reformat(format="yuvj420p")))
        container.mux(cover.encode(None))
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(picture(number), "rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    if first:
        path.write_bytes(udta_first(path.read_bytes()))
    return path


def udta_first(data: bytes) -> bytes:
    """Let an MP4 name its cover before its tracks; its index is the last box."""
    at = data.rindex(b"moov") - 4
    boxes, place = [], at + 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        boxes.append(data[place : place + length])
        place += length
    ordered = sorted(boxes, key=lambda box: box[4:8] != b"udta")
    return data[: at + 8] + b"".join(ordered)


@pytest.mark.parametrize("first", [True, False])
def test_cover_art_is_not_the_clip(tmp_path: Path, first: bool) -> None:
    path = with_cover(tmp_path / "a.mp4", first=first)
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 2

    assert read_clip(path).info.size_px == (64, 48)
    assert len(frames_of(path)) == 5


@pytest.mark.skipif(not PIL.features.check("avif"), reason="this Pillow has no AVIF")
def test_the_still_of_a_moving_avif_is_not_the_clip(tmp_path: Path) -> None:
    pictures = [PIL.Image.fromarray(picture(number)) for number in range(7)]
    pictures[0].save(tmp_path / "a.avif", save_all=True, append_images=pictures[1:], duration=40)

    assert len(frames_of(tmp_path / "a.avif")) == 7


def test_music_with_a_cover_has_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        track: Any = container.add_stream("aac", rate=48_000)
        cover: Any = container.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt, cover.disposition = 32, 32, "yuvj420p", 1 << 10
        art = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 200, np.uint8), "rgb24")
        container.mux(cover.encode(art.reformat(format="yuvj420p")))
        container.mux(cover.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 4096), np.int16), "s16", "stereo")
        silence.sample_rate, silence.pts = 48_000, 0
        container.mux(track.encode(silence))
        container.mux(track.encode(None))

    with pytest.raises(VideoError, match="only audio and still images"):
        read_clip(path)


def test_frames_that_change_their_size_are_scaled_to_the_first(
    tmp_path: Path, estimator: Estimator
) -> None:
    sizes = {"large": (64, 48), "small": (32, 24)}
    parts = [
        write_clip(
            tmp_path / f"{name}.m2v",
            [picture(number, size_px) for number in range(5)],
            codec="mpeg2video",
            muxing={},
        ).read_bytes()
        for name, size_px in sizes.items()
    ]
    path = tmp_path / "both.m2v"
    path.write_bytes(b"".join(parts))

    clip = read_clip(path)
    frames = list(clip)
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert len(frames) >= 9
    (told,) = (each for each in clip.warnings if "frame size changes" in each)
    assert "scaled to 64 x 48" in told
    done = convert(path, tmp_path / "out.mp4", estimator, show_effect(lambda photo, _: photo))
    assert done.frames == len(frames)
    assert any("frame size changes at frame" in each for each in done.warnings)
