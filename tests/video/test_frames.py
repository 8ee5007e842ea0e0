from pathlib import Path

import numpy as np
import pytest

from nearfar.errors import ImageNotFoundError, VideoError
from nearfar.video.frame import Frame
from nearfar.video.reader import TICKS, read_clip, threads_for
from tests.video.clips import picture, turn, write_clip

COUNT = 12


def frames_of(path: Path) -> list[Frame]:
    return list(read_clip(path))


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "ffv1", "yuv444p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
    ],
)
def test_formats(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    pictures = [picture(number) for number in range(COUNT)]
    path = write_clip(tmp_path / name, pictures, codec=codec, pixels=pixels)

    clip = read_clip(path)
    frames = list(clip)

    assert clip.warnings == []
    assert clip.info.size_px == (64, 48)
    assert clip.info.fps == pytest.approx(25)
    assert [frame.number for frame in frames] == list(range(COUNT))
    assert np.abs(frames[3].image.astype(int) - pictures[3]).mean() < 12
    assert frames[1].ticks - frames[0].ticks == pytest.approx(TICKS / 25, abs=TICKS / 900)


def test_a_clip_can_be_read_again(tmp_path: Path) -> None:
    clip = read_clip(write_clip(tmp_path / "a.mp4", [picture(n) for n in range(COUNT)]))
    assert len(list(clip)) == len(list(clip)) == COUNT


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    times = [0, 40, 50, 300, 310, 900]
    path = write_clip(tmp_path / "a.mkv", [picture(n) for n in range(6)], times_ms=times)

    assert [round(1000 * frame.ticks / TICKS) for frame in frames_of(path)] == times


def test_times_begin_at_the_clips_start(tmp_path: Path) -> None:
    times = [5000, 5040, 5080, 5120]
    path = write_clip(tmp_path / "a.mkv", [picture(n) for n in range(4)], times_ms=times)

    assert [round(1000 * frame.ticks / TICKS) for frame in frames_of(path)] == [0, 40, 80, 120]


@pytest.mark.parametrize(("degrees", "turns"), [(90, -1), (180, 2)])
def test_rotation_is_carried_out(tmp_path: Path, degrees: int, turns: int) -> None:
    path = write_clip(tmp_path / "a.mp4", [picture(n) for n in range(4)])
    plain = frames_of(path)
    turned = frames_of(turn(path, degrees))

    np.testing.assert_array_equal(turned[2].image, np.rot90(plain[2].image, turns))


def test_small_frames_get_one_thread_and_large_ones_no_more_than_there_are_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = (640, 360), (1280, 720), (3840, 2160)
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert [threads_for(size) for size in sizes] == [1, 2, 4]
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    assert [threads_for(size) for size in sizes] == [1, 2, 3]


def test_odd_sizes(tmp_path: Path) -> None:
    pictures = [picture(n, (51, 35)) for n in range(4)]
    path = write_clip(tmp_path / "a.mkv", pictures, codec="ffv1", pixels="yuv444p")

    assert frames_of(path)[0].image.shape == (35, 51, 3)


def test_a_file_cut_off_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    noise = [random.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(50)]
    path = write_clip(tmp_path / "a.mp4", noise, muxing={"movflags": "faststart"})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    clip = read_clip(path)
    frames = list(clip)

    assert 10 < len(frames) < 40
    assert any("truncated" in sentence for sentence in clip.warnings)


def test_a_file_without_its_index_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [picture(n) for n in range(COUNT)])
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(VideoError, match="truncated"):
        read_clip(path)


def test_no_clip(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFoundError):
        read_clip(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("this is no clip")
    with pytest.raises(VideoError, match=r"text\.mp4"):
        read_clip(tmp_path / "text.mp4")
