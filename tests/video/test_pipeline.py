import errno
import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from nearfar.depth import DepthMap, read_depth
from nearfar.errors import (
    CancelledError,
    InferenceError,
    OutputExistsError,
    UsageError,
    VideoError,
    WriteError,
)
from nearfar.estimator import Estimator
from nearfar.io.images import Image
from nearfar.runtimes.base import Batch, RawDepth
from nearfar.video.frame import Frame
from nearfar.video.pipeline import VideoOptions, convert, steady_maps
from nearfar.video.reader import read_clip
from nearfar.video.renderers import ShowName, show, show_effect
from tests.fakes import FakeSession
from tests.video.clips import picture, turn, write_clip
from tests.video.conftest import SPEC

COUNT = 23


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    pictures = [picture(number) for number in range(COUNT)]
    return write_clip(tmp_path / "clip.mp4", pictures, sound="aac")


class FailingSession(FakeSession):
    """Fails at its third frame."""

    def run(self, batch: Batch) -> RawDepth:
        if self.calls == 2:
            raise InferenceError("the network is tired")
        return super().run(batch)


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def read_back(path: Path) -> tuple[list[int], list[Image]]:
    """Give times in ms and frames, by PyAV."""
    with av.open(str(path)) as container:
        frames: list[Any] = list(container.decode(video=0))
    times = [round(1000 * float(frame.pts * frame.time_base)) for frame in frames]
    return times, [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in frames]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("name", "width"), [("color", 64), ("side", 128)])
def test_color_opens_with_pyav_and_opencv(
    clip: Path, estimator: Estimator, name: ShowName, width: int, workers: int
) -> None:
    target = clip.with_name("out.mp4")
    done = convert(clip, target, estimator, show(name), workers=workers)

    times, frames = read_back(target)
    assert (done.frames, done.warnings) == (COUNT, ())
    assert times == [40 * number for number in range(COUNT)]
    assert {frame.shape for frame in frames} == {(48, width, 3)}
    other = cv2.VideoCapture(str(target))
    assert other.get(cv2.CAP_PROP_FRAME_COUNT) == COUNT
    assert other.read()[1].shape == (48, width, 3)
    other.release()
    # near, which is below, is bright
    assert frames[0][-8:, -64:].mean() > frames[0][:8, -64:].mean() + 50


def test_colors_survive(clip: Path, estimator: Estimator) -> None:
    target = clip.with_name("out.mp4")
    convert(
        clip, target, estimator, show_effect(lambda photo, _: np.full_like(photo, (200, 60, 20)))
    )

    assert np.abs(read_back(target)[1][5].astype(int) - (200, 60, 20)).max() <= 4


@pytest.mark.parametrize("sound", ["aac", "mp3", "pcm_s16le"])
def test_sound_is_kept(tmp_path: Path, estimator: Estimator, sound: str) -> None:
    pictures = [picture(number) for number in range(COUNT)]
    path = write_clip(tmp_path / "clip.mkv", pictures, sound=sound)
    target = tmp_path / "out.mp4"
    convert(path, target, estimator, show("color"))

    with av.open(str(target)) as container:
        track = container.streams.audio[0]
        assert track.codec_context.name in {"aac", "mp3", "mp3float"}
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(track)])
    assert heard.size == pytest.approx(48_000, rel=0.1)
    strongest = np.argmax(np.abs(np.fft.rfft(heard[4000:44_000])))
    assert strongest * 48_000 / 40_000 == pytest.approx(440, abs=3)


def test_sound_is_copied_not_encoded_anew(clip: Path, estimator: Estimator) -> None:
    target = clip.with_name("out.mp4")
    convert(clip, target, estimator, show("color"))

    packets = []
    for path in (clip, target):
        with av.open(str(path)) as container:
            packets.append([bytes(packet) for packet in container.demux(audio=0) if packet.size])
    assert packets[0] == packets[1]


def test_grey10_keeps_every_level(clip: Path, estimator: Estimator) -> None:
    target = clip.with_name("out.mkv")
    convert(clip, target, estimator, show("grey10"), options=VideoOptions(smooth=False))

    maps = [depth.nearness() for _, depth in _maps(clip, estimator, smooth=False)]
    with av.open(str(target)) as container:
        assert container.streams.audio
        for frame, nearness in zip(container.decode(video=0), maps, strict=True):
            assert frame.format.name == "gray10le"
            np.testing.assert_allclose(frame.to_ndarray(), nearness * 1023, atol=0.51)
    assert cv2.VideoCapture(str(target)).read()[0]


def _maps(clip: Path, estimator: Estimator, *, smooth: bool) -> Iterator[tuple[Frame, DepthMap]]:
    return steady_maps(read_clip(clip), estimator, options=VideoOptions(smooth=smooth))


@pytest.mark.parametrize("name", ["png16", "exr"])
def test_sequences_hold_the_clips_range(clip: Path, estimator: Estimator, name: ShowName) -> None:
    target = clip.with_name("out")
    made = show(name)
    convert(clip, target, estimator, made)

    files = sorted(target.glob(f"*{made.suffix}"))
    assert [path.stem for path in files] == [f"{number:06}" for number in range(COUNT)]
    for path, (_, depth) in zip(files, _maps(clip, estimator, smooth=True), strict=True):
        back = read_depth(path)
        assert isinstance(back, DepthMap)
        np.testing.assert_allclose(
            np.minimum(back.inverse_depth, 1), depth.nearness(), atol=1 / 65535
        )
    times = (target / "times.csv").read_text("ascii").splitlines()
    assert times[:3] == ["frame,seconds", "0,0.000000", "1,0.040000"]


def test_odd_sizes_uneven_times_and_rotation_come_through(
    tmp_path: Path, estimator: Estimator
) -> None:
    times = [0, 40, 50, 300, 310, 900]
    pictures = [picture(number, (51, 35)) for number in range(6)]
    path = write_clip(tmp_path / "a.mkv", pictures, codec="ffv1", pixels="yuv444p", times_ms=times)
    convert(path, tmp_path / "out.mp4", estimator, show("side"))
    got, frames = read_back(tmp_path / "out.mp4")
    assert got == times
    assert frames[0].shape == (36, 102, 3)  # H.264 takes even sides only: the last row twice

    upright = turn(write_clip(tmp_path / "b.mp4", [picture(n) for n in range(4)]), 90)
    convert(upright, tmp_path / "turned.mp4", estimator, show("color"))
    assert read_back(tmp_path / "turned.mp4")[1][0].shape == (64, 48, 3)


@pytest.mark.parametrize("name", ["color", "png16"])
def test_failing_frame_ends_the_pipeline(clip: Path, name: ShowName) -> None:
    made, before = show(name), left_behind(clip.parent)
    target = clip.with_name("out.mp4" if made.format else "out")
    with pytest.raises(InferenceError, match="tired"):
        convert(clip, target, Estimator(SPEC, FailingSession()), made, workers=2)

    assert left_behind(clip.parent) == before
    assert not [each for each in threading.enumerate() if each.name.startswith("nearfar-")]


def test_a_failing_effect_ends_the_pipeline_and_keeps_what_was_there(
    clip: Path, estimator: Estimator
) -> None:
    target = clip.with_name("out.mp4")
    target.write_bytes(b"precious")

    def effect(photo: Image, _: DepthMap) -> Image:
        if photo.mean() > 0:
            raise VideoError("the effect is out of colors")
        return photo

    with pytest.raises(VideoError, match="out of colors"):
        convert(clip, target, estimator, show_effect(effect), overwrite=True)
    assert target.read_bytes() == b"precious"
    assert left_behind(clip.parent) == ["clip.mp4", "out.mp4"]


def test_an_effect_that_changes_its_size_is_refused(clip: Path, estimator: Estimator) -> None:
    sizes = iter(range(16, 64, 2))
    effect = show_effect(lambda photo, _: photo[: next(sizes)])
    with pytest.raises(VideoError, match="one size"):
        convert(clip, clip.with_name("out.mp4"), estimator, effect)
    assert left_behind(clip.parent) == ["clip.mp4"]


def test_it_can_be_cancelled(clip: Path, estimator: Estimator) -> None:
    cancelled, seen = threading.Event(), []

    def progress(done: int, total: int | None) -> None:
        seen.append((done, total))
        if done == 3:
            cancelled.set()

    with pytest.raises(CancelledError, match="after 3 frames"):
        convert(
            clip,
            clip.with_name("out.mp4"),
            estimator,
            show("color"),
            progress=progress,
            cancelled=cancelled,
        )
    assert seen == [(1, COUNT), (2, COUNT), (3, COUNT)]
    assert left_behind(clip.parent) == ["clip.mp4"]


def test_a_clip_cut_off_gives_a_result_and_a_warning(tmp_path: Path, estimator: Estimator) -> None:
    random = np.random.default_rng(0)
    noise = [random.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(50)]
    path = write_clip(tmp_path / "a.mp4", noise, muxing={"movflags": "faststart"}, sound="aac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    done = convert(path, tmp_path / "out.mp4", estimator, show("color"))

    assert 10 < done.frames < 40
    assert len(read_back(tmp_path / "out.mp4")[0]) == done.frames
    assert any("truncated" in sentence for sentence in done.warnings)


def test_outputs_are_refused_before_the_work(
    clip: Path, estimator: Estimator, session: FakeSession
) -> None:
    folder = clip.with_name("mine")
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    with pytest.raises(OutputExistsError, match="overwrite=True"):
        convert(clip, clip, estimator, show("color"))
    with pytest.raises(UsageError, match=r"end in \.mkv"):
        convert(clip, clip.with_name("a.mp4"), estimator, show("grey10"))
    with pytest.raises(OutputExistsError, match="not empty"):
        convert(clip, folder, estimator, show("png16"))
    with pytest.raises(UsageError, match=r"letter\.txt"):
        convert(clip, folder, estimator, show("png16"), overwrite=True)
    assert session.calls == 0
    assert left_behind(folder) == ["letter.txt"]


def test_force_replaces_a_sequence(clip: Path, estimator: Estimator) -> None:
    target = clip.with_name("out")
    for name in ("exr", "png16"):
        convert(clip, target, estimator, show(name), overwrite=True)
    assert not list(target.glob("*.exr"))
    assert len(list(target.glob("*.png"))) == COUNT


def test_sequence_that_cannot_be_replaced_is_kept(
    clip: Path, estimator: Estimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = clip.with_name("out")
    convert(clip, target, estimator, show("exr"))
    before, rename = left_behind(target), Path.rename

    def refused(self: Path, to: Path) -> Path:
        if to == target and "000000.png" in {each.name for each in self.iterdir()}:
            raise OSError(errno.EBUSY, "Device or resource busy")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(WriteError, match="busy"):
        convert(clip, target, estimator, show("png16"), overwrite=True)
    assert left_behind(target) == before
    assert not [each for each in target.parent.iterdir() if each.name.startswith(".out-")]


def test_maps_are_the_estimators_own_but_for_the_range(clip: Path, estimator: Estimator) -> None:
    for frame, steady in _maps(clip, estimator, smooth=False):
        alone = estimator(frame.image)
        scale, shift = np.polyfit(alone.inverse_depth.ravel(), steady.inverse_depth.ravel(), 1)
        inside = steady.inverse_depth > 0
        expected = alone.inverse_depth * scale + shift
        np.testing.assert_allclose(steady.inverse_depth[inside], expected[inside], atol=0.03)
        np.testing.assert_array_equal(steady.nearness(), steady.nearness(robust=True))


def test_long_clip_uses_no_more_memory(
    tmp_path: Path, estimator: Estimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = {}
    for frames in (60, 600):
        pictures = [picture(number, (32, 32)) for number in range(frames)]
        path = write_clip(tmp_path / f"{frames}.mp4", pictures, options={"preset": "ultrafast"})
        del pictures
        alive: list[int] = []

        def progress(done: int, _: int | None, alive: list[int] = alive) -> None:
            if done % 20 == 0:
                alive.append(sum(type(each) is Frame for each in gc.get_objects()))

        convert(path, tmp_path / f"out{frames}.mp4", estimator, show("color"), progress=progress)
        most[frames] = max(alive)
    # 4 queues with 2 that wait, 1 that is put in and 1 that was taken out; 2 decoded; 3 that a
    # worker, its result and the next hold, twice; 12 looked ahead, and 3 given in and out there
    bound = 4 * 4 + 2 + 2 * 3 + 12 + 3
    assert 0 < most[60] <= bound
    assert most[600] <= bound


_PEAK = r"""
import re, sys
from pathlib import Path
from nearfar.estimator import Estimator
from nearfar.video.pipeline import convert
from nearfar.video.renderers import show
from tests.fakes import FakeSession
from tests.video.conftest import SPEC
convert(sys.argv[1], sys.argv[2], Estimator(SPEC, FakeSession()), show("color"))
print(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc elsewhere")
def test_long_clip_has_no_higher_peak(tmp_path: Path) -> None:
    peaks = []
    for frames in (30, 300):
        pictures = [picture(number, (480, 272)) for number in range(frames)]
        path = write_clip(tmp_path / f"{frames}.mp4", pictures, options={"preset": "ultrafast"})
        del pictures
        command = [sys.executable, "-c", _PEAK, str(path), str(tmp_path / f"out{frames}.mp4")]
        answer = subprocess.run(
            command, check=True, capture_output=True, cwd=Path(__file__).parents[2]
        )
        peaks.append(int(answer.stdout) / 1024)
    # 270 frames more would be 101 MiB as RGB alone
    assert peaks[1] < peaks[0] + 50
