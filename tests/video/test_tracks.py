"""What accompanies the picture is kept, or said."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from nearfar.estimator import Estimator
from nearfar.video import tracks
from nearfar.video.pipeline import Done, convert
from nearfar.video.renderers import ShowName, show
from tests.video.clips import picture

DEFAULT, COMMENT = 1, 8


@dataclass(frozen=True)
class Track:
    """A second of sound: of each channel, a tone of its own."""

    codec: str = "aac"
    layout: str = "mono"
    rate_hz: int = 48_000
    disposition: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    first_hz: int = 300

    def tones(self) -> list[int]:
        return [self.first_hz + 100 * n for n in range(av.AudioLayout(self.layout).nb_channels)]


def write(
    path: Path, *tracks: Track, subtitles: bool = False, told: dict[str, str] | None = None
) -> Path:
    with av.open(str(path), "w") as container:
        container.metadata.update(told or {})
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        targets: list[Any] = []
        for track in tracks:
            target: Any = container.add_stream(track.codec, rate=track.rate_hz)
            target.layout = track.layout
            target.disposition = track.disposition
            target.metadata.update(track.tags)
            targets.append(target)
        source = _subtitles(path.with_suffix(".srt")) if subtitles else None
        words = None if source is None else container.add_stream_from_template(source.streams[0])
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(picture(number), "rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
        for track, target in zip(tracks, targets, strict=True):
            times = np.arange(track.rate_hz) / track.rate_hz
            heard = np.stack([np.sin(2 * np.pi * hz * times) / 4 for hz in track.tones()], 1)
            played = av.AudioFrame.from_ndarray(
                np.rint(heard * 32767).astype(np.int16).reshape(1, -1), "s16", track.layout
            )
            played.sample_rate, played.pts = track.rate_hz, 0
            container.mux(target.encode(played))
            container.mux(target.encode(None))
        if source is not None:
            for packet in source.demux():
                if packet.size:
                    packet.stream = words
                    container.mux(packet)
            source.close()
    return path


def _subtitles(path: Path) -> Any:
    path.write_text("1\n00:00:00,100 --> 00:00:00,500\nHello\n", "utf-8")
    return av.open(str(path))


def rendered(path: Path, estimator: Estimator, name: ShowName = "color") -> tuple[Path, Done]:
    made = show(name)
    target = path.with_name(f"out{made.suffix}")
    return target, convert(path, target, estimator, made, overwrite=True)


def packets_of(path: Path, track: int = 0) -> list[bytes]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[track]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def heard_in(path: Path, track: int = 0) -> tuple[list[int], int]:
    """Give the strongest tone of each channel in Hz, 0 where it is silent, and the rate."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[track]
        rate, count = stream.codec_context.sample_rate, stream.codec_context.channels
        flat = av.AudioResampler("flt", layout=stream.layout.name, rate=rate)
        parts = [
            each.to_ndarray() for frame in container.decode(stream) for each in flat.resample(frame)
        ]
    samples = np.concatenate(parts, 1).reshape(-1, count)[rate // 8 : rate // 8 + rate // 2]
    return [_tone(samples[:, each], rate) for each in range(count)], rate


def _tone(samples: NDArray[Any], rate: int) -> int:
    if np.abs(samples).max() < 0.02:
        return 0
    return (
        int(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))))
        * rate
        // len(samples)
    )


def test_the_default_sound_stays_the_default_and_others_are_kept(
    tmp_path: Path, estimator: Estimator
) -> None:
    comment = Track(disposition=COMMENT, tags={"language": "ger", "title": "Commentary"})
    main = Track(disposition=DEFAULT, tags={"language": "eng"}, first_hz=900)
    path = write(tmp_path / "a.mkv", comment, main)

    target, done = rendered(path, estimator)

    assert done.warnings == ()
    with av.open(str(target)) as film:
        tracks = film.streams.audio
        assert [track.disposition.value for track in tracks] == [COMMENT, DEFAULT]
        assert [track.language for track in tracks] == ["ger", "eng"]
    assert heard_in(target, 1)[0] == pytest.approx([900], abs=4)
    assert packets_of(target, 1) == packets_of(path, 1)


def test_title_and_date_are_repeated(tmp_path: Path, estimator: Estimator) -> None:
    told = {"title": "Holiday", "artist": "Me", "creation_time": "2020-05-05T10:00:00.000000Z"}
    path = write(tmp_path / "a.mkv", told={**told, "location": "+48.5+009.0/"})
    names: tuple[ShowName, ...] = ("color", "grey10")
    for name in names:
        target, _ = rendered(path, estimator, name)
        with av.open(str(target)) as film:
            got = {key.lower(): value for key, value in film.metadata.items()}
        assert {key: got.get(key) for key in told} == told
        assert "location" not in got


def test_a_title_that_is_no_utf8_is_read_as_latin1(tmp_path: Path, estimator: Estimator) -> None:
    path = write(tmp_path / "a.avi", Track("pcm_s16le"), told={"title": "Kaese heute"})
    path.write_bytes(path.read_bytes().replace(b"Kaese heute", b"K\xe4se  heute"))

    target, _ = rendered(path, estimator)

    with av.open(str(target)) as film:
        assert film.metadata["title"] == "Käse  heute"


def test_subtitles_go_where_the_container_takes_them_or_it_is_said(
    tmp_path: Path, estimator: Estimator
) -> None:
    path = write(tmp_path / "a.mkv", Track(), subtitles=True)

    _, done = rendered(path, estimator)
    (told,) = done.warnings
    assert "track 2 (subtitles, subrip): this container does not support it" in told
    target, done = rendered(path, estimator, "grey10")
    assert done.warnings == ()
    with av.open(str(target)) as film:
        (words,) = film.streams.subtitles
        assert [bytes(each) for each in film.demux(words) if each.size] == [b"Hello"]


@pytest.mark.parametrize("codec", ["libmp3lame", "aac", "ac3", "eac3", "flac", "libopus", "alac"])
def test_sound_that_mp4_takes_is_copied(tmp_path: Path, estimator: Estimator, codec: str) -> None:
    path = write(tmp_path / "a.mkv", Track(codec, "stereo"))
    target, done = rendered(path, estimator)

    assert done.warnings == ()
    assert packets_of(target) == packets_of(path)


@pytest.mark.parametrize(
    ("layout", "places"),
    [
        ("mono", [0]),
        ("stereo", [0, 1]),
        ("3.0", [0, 1, 2]),
        ("4.0", [0, 1, 2, 3]),
        ("5.1", [0, 1, 2, 3, 4, 5]),
        ("5.1(side)", [0, 1, 2, 3, 4, 5]),
        ("7.1", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("quad", [0, 1, None, 2, 3]),
    ],
)
def test_every_channel_is_kept_in_its_place(
    tmp_path: Path, estimator: Estimator, layout: str, places: Sequence[int | None]
) -> None:
    track = Track("pcm_s16le", layout)
    target, done = rendered(write(tmp_path / "a.mov", track), estimator)

    assert done.warnings == ()
    tones = track.tones()
    expected = [0 if place is None else tones[place] for place in places]
    got, _ = heard_in(target)
    lfe = 3 if len(places) >= 6 else None  # the codec cuts that channel off above 120 Hz
    for number, (one, other) in enumerate(zip(got, expected, strict=True)):
        assert number == lfe or one == pytest.approx(other, abs=4)


@pytest.mark.parametrize(("layout", "count"), [("3.0", 3), ("5.1", 6), ("7.1", 8)])
def test_channels_of_unknown_place_are_kept_in_the_usual_ones(
    tmp_path: Path, estimator: Estimator, layout: str, count: int
) -> None:
    track = Track("pcm_s16le", layout)
    path = write(tmp_path / "a.mkv", track)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].layout.name == f"{count} channels"

    target, done = rendered(path, estimator)

    assert done.warnings == ()
    got, expected = heard_in(target)[0], track.tones()
    assert [one for n, one in enumerate(got) if n != 3] == [
        pytest.approx(other, abs=4) for n, other in enumerate(expected) if n != 3
    ]


def test_channels_without_a_place_are_mixed_and_said(tmp_path: Path, estimator: Estimator) -> None:
    target, done = rendered(write(tmp_path / "a.mkv", Track("pcm_s16le", "6.1")), estimator)

    (told,) = done.warnings
    assert "track 1 (audio, pcm_s16le): its 7 channels were mixed to 7.1" in told
    with av.open(str(target)) as film:
        assert film.streams.audio[0].layout.name == "7.1"


@pytest.mark.parametrize("layout", ["7.1", "6.1", "5.1", "stereo"])
def test_surround_of_quicktime_becomes_a_film(
    tmp_path: Path, estimator: Estimator, layout: str
) -> None:
    path = write(tmp_path / "a.mov", Track("pcm_s16le", layout))
    target, _ = rendered(path, estimator)

    got, _ = heard_in(target)
    assert got[0] == pytest.approx(300, abs=4)
    assert got[1] == pytest.approx(400, abs=4)


_CRASH = r"""
import sys
from nearfar.estimator import Estimator
from nearfar.video.pipeline import convert
from nearfar.video.renderers import show
from tests.fakes import FakeSession
from tests.video.conftest import SPEC
for number in range(3):
    target = f"{sys.argv[1]}-{number}"
    done = convert(sys.argv[1], target + ".mp4", Estimator(SPEC, FakeSession()), show("color"))
    convert(sys.argv[1], target + ".mkv", Estimator(SPEC, FakeSession()), show("grey10"))
print(done.frames)
"""


def test_surround_of_quicktime_does_not_end_the_process(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mov", Track("pcm_s16le", "7.1"))
    answer = subprocess.run(
        [sys.executable, "-c", _CRASH, str(path)],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert (answer.returncode, answer.stdout) == (0, "25\n"), answer.stderr


def test_with_a_pyav_that_frees_layouts_twice_sound_is_copied_or_left_out_and_said(
    tmp_path: Path, estimator: Estimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(av, "__version__", "18.1.0")
    path = write(tmp_path / "a.mkv", Track("pcm_s16le"), Track("aac"))

    target, done = rendered(path, estimator)

    (told,) = done.warnings
    assert "track 1 (audio, pcm_s16le): PyAV 18.1.0 may crash on it: pip install" in told
    assert packets_of(target) == packets_of(path, 1)
    monkeypatch.setattr(av, "__version__", "17.0.1")
    assert tracks.decoding_problem() is None


@pytest.mark.parametrize(
    ("codec", "rate", "expected"),
    [
        ("pcm_s16le", 192_000, 48_000),
        ("pcm_s16le", 384_000, 48_000),
        ("pcm_s16le", 176_400, 48_000),
        ("pcm_s16le", 96_000, 96_000),
        ("pcm_s16le", 37_800, 48_000),
        ("flac", 192_000, 48_000),
    ],
)
def test_rates_that_aac_has_not_become_48_khz(
    tmp_path: Path, estimator: Estimator, codec: str, rate: int, expected: int
) -> None:
    suffix = ".mkv" if codec == "flac" else ".mov"
    path = write(tmp_path / f"a{suffix}", Track(codec, rate_hz=rate, first_hz=440))
    target, done = rendered(path, estimator)

    assert done.warnings == ()
    got, got_rate = heard_in(target)
    assert got == pytest.approx([440], abs=4)
    assert got_rate == expected
    with av.open(str(target)) as film:
        track = film.streams.audio[0]
        assert track.duration is not None
        assert float(track.duration * Fraction(track.time_base or 1)) == pytest.approx(1, abs=0.08)
