"""What is odd about a film is said and put right: after ingest the times are true and the pixels upright, square and whole."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from deepsport.store import Store
from deepsport.taxonomy import Sport
from deepsport.timebase import FrameRate, Span
from deepsport.video import FrameReader, iter_frames, probe, read_audio
from flows.cli import app, run
from ingest.broadcast import IngestConfig, Ingested, ingest_broadcast
from ingest.onepass import ProxyConfig
from ingest.probe import faults_of
from ingest.simulator.files import simulate
from ingest.simulator.schedule import SimulatorConfig
from ingest.sources import Source

SECONDS = 6
SHOWN = 150
"""Frames of the film at 25 a second."""
BEEP_S = 3.0
"""When the beep is heard, by the picture's clock."""
SIZE = (128, 72)
CONFIG = IngestConfig(transcription=False, proxy=ProxyConfig(width=SIZE[0], height=SIZE[1]))


def write(
    path: Path,
    frames: Iterable[tuple[int, np.ndarray]],
    *,
    aspect: Fraction = Fraction(1),
    rotation: int = 0,
    start_s: float = 0.0,
    sound_late_s: float = 0.0,
    pipe: bool = False,
    fields: str = "",
    options: dict[str, str] | None = None,
) -> Path:
    """A film of (step of 1/25 s, picture) whose beep is due at BEEP_S; pipe: written to where nothing can be gone back to;
    fields: tff or bff, the upper or the lower lines come first."""
    options = {**(options or {}), **({"flags": "+ildct+ilme", "x264-params": f"{fields}=1"} if fields else {})}
    rate = 16000
    time_N = np.arange(round((SECONDS - sound_late_s) * rate)) / rate + sound_late_s
    beep_N = np.where((time_N >= BEEP_S) & (time_N < BEEP_S + 0.1), 0.5 * np.sin(2 * np.pi * 440 * time_N), 0).astype(np.float32)
    out = _Pipe(path) if pipe else str(path)
    with av.open(out, "w", format={".mkv": "matroska", ".ts": "mpegts"}.get(path.suffix, "mp4")) as container:
        video: Any = None
        audio: Any = container.add_stream("aac", rate=rate, layout="mono")
        for step, array in frames:
            if video is None:
                video = container.add_stream("libx264", rate=25, options=options)
                video.height, video.width, video.pix_fmt = *array.shape[:2], "yuv420p"
                video.codec_context.time_base = Fraction(1, 1000)
                video.codec_context.sample_aspect_ratio = aspect
                if rotation:
                    video.set_display_rotation(rotation)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), "rgb24")
            frame.pts, frame.time_base = round(1000 * start_s) + 40 * step, Fraction(1, 1000)
            if fields:
                marks = av.filter.Graph()
                source = marks.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
                marks.link_nodes(source, marks.add("setfield", fields), marks.add("buffersink")).configure()
                marks.push(frame)
                frame = marks.pull()
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for first in range(0, len(beep_N), 1024):
            sound = av.AudioFrame.from_ndarray(beep_N[None, first : first + 1024], "fltp", "mono")
            sound.sample_rate, sound.time_base = rate, Fraction(1, rate)
            sound.pts = round((start_s + sound_late_s) * rate) + first
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))
    return path


class _Pipe(io.RawIOBase):
    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def lying(film: SimpleNamespace) -> Iterable[tuple[int, np.ndarray]]:
    return ((i, np.rot90(film.draw(i, 180, 320), -1)) for i in range(SHOWN))


def thinned(film: SimpleNamespace) -> Iterable[tuple[int, np.ndarray]]:
    """Every second frame is missing for two seconds."""
    return ((i, film.draw(i, 320, 180)) for i in range(SHOWN) if i % 2 == 0 or not 40 <= i < 90)


def place_at(moment: int) -> int:
    """Where the left edge of a bar is that runs to and fro by 4 pixels in a fiftieth of a second."""
    return 8 + 4 * min(moment % 48, 48 - moment % 48)


def combed(fields: str, height: int = SIZE[1]) -> Iterable[tuple[int, np.ndarray]]:
    """A bar in fields of 50 moments a second, two in a frame; tff has the earlier one in the upper lines, bff in the lower."""
    for i in range(SHOWN):
        frame = np.zeros((height, SIZE[0], 3), np.uint8)
        for late in (0, 1):
            left = place_at(2 * i + late)
            frame[late ^ (fields == "bff") :: 2, left : left + 16] = 255
        yield i, frame


def plain(film: SimpleNamespace, width: int = 320, height: int = 180) -> Iterable[tuple[int, np.ndarray]]:
    return ((i, film.draw(i, width, height)) for i in range(SHOWN))


FULL = (0, 0, *SIZE)
MAKERS: dict[str, tuple[Callable[[Path, SimpleNamespace], Path], list[str], tuple[int, int, int, int], set[int]]] = {
    "variable_rate": (
        lambda folder, film: write(folder / "a.mp4", thinned(film)),
        ["variable frame rate", "25 frames repeated"],
        FULL,
        set(range(41, 90, 2)),
    ),
    "rotation": (
        lambda folder, film: write(folder / "a.mp4", lying(film), rotation=90),
        ["rotation 90", "padded from 40x72"],
        (44, 0, 40, 72),
        set(),
    ),
    "wide_pixels": (
        lambda folder, film: write(folder / "a.mp4", plain(film, 180, 144), aspect=Fraction(64, 45)),
        ["pixels made square"],
        FULL,
        set(),
    ),
    "old_television": (
        lambda folder, film: write(folder / "a.ts", plain(film, 180, 144), aspect=Fraction(16, 15)),
        ["pixels made square", "start offset 0.080 s", "padded from 96x72"],
        (16, 0, 96, 72),
        set(),
    ),
    "late_clock": (
        lambda folder, film: write(folder / "a.mkv", plain(film), start_s=7.0),
        ["start offset 7.000 s"],
        FULL,
        set(),
    ),
    "no_duration": (
        lambda folder, film: write(folder / "a.mkv", plain(film), pipe=True),
        ["duration not stated"],
        FULL,
        set(),
    ),
    "late_sound": (
        lambda folder, film: write(folder / "a.mkv", plain(film), sound_late_s=1.2),
        ["sound begins 1.200 s late"],
        FULL,
        set(),
    ),
    "late_sound_of_the_proxys_shape": (
        lambda folder, film: write(folder / "a.mp4", plain(film, *SIZE), sound_late_s=1.2, options={"g": "10", "bf": "0"}),
        ["sound begins 1.136 s late"],  # an mp4 counts the coder's lead-in of 64 ms, which is not played
        FULL,
        set(),
    ),
    "all_at_once": (
        lambda folder, film: write(
            folder / "a.mkv",
            ((i, np.rot90(film.draw(i, 180, 160), -1)) for i in range(SHOWN) if i % 2 == 0 or not 40 <= i < 90),
            rotation=90,
            aspect=Fraction(2),
            start_s=7.0,
            sound_late_s=1.2,
            pipe=True,
        ),
        [
            "rotation 90", "pixels made square", "variable frame rate", "start offset 7.000 s", "duration not stated",
            "sound begins 1.200 s late", "25 frames repeated", "padded from 40x72",
        ],
        (44, 0, 40, 72),
        set(range(41, 90, 2)),
    ),
}  # fmt: skip
"""An odd film, its repairs, where its picture lies in the proxy (left, top, width, height), and the frames that it lacks."""


def ingest_film(path: Path, store: Store) -> Ingested:
    """Ingested with a feed: a corner kick at 4.0 s, seen from 3.8 to 4.2 s."""
    feed = {"format": "deepsport-feed-1", "sport": "soccer", "fps": [25, 1], "unit": "seconds",
            "events": [{"time_s": 4.0, "evidence": [3.8, 4.2], "kind": "corner_kick", "team": "red"}]}  # fmt: skip
    (path.parent / "feed.json").write_text(json.dumps(feed))
    source = Source(uri=str(path), sport=Sport.SOCCER, feed=str(path.parent / "feed.json"))
    return ingest_broadcast(source, store, CONFIG)


def shown_in(store: Store, made: Ingested, box: Sequence[int], read: Callable[[np.ndarray], int]) -> list[int]:
    left, top, width, height = box
    with FrameReader(store.path(made.broadcast.proxy_key), size=SIZE) as reader:
        frames_THWC = reader.frames(range(reader.num_frames))
    outside = np.ones(SIZE[::-1], bool)
    outside[max(0, top - 2) : top + height + 2, max(0, left - 2) : left + width + 2] = False
    assert not outside.any() or frames_THWC[:, outside].max() < 24, "black around the picture, but for what the codec rings"
    return [read(frame[top : top + height, left : left + width]) for frame in frames_THWC]


@pytest.mark.parametrize("case", MAKERS)
def test_times_and_pixels_are_true_after_ingest(case: str, tmp_path: Path, numbered_film: SimpleNamespace) -> None:
    make, repairs, box, lacking = MAKERS[case]
    film = make(tmp_path, numbered_film)
    store = Store(tmp_path / "media")
    made = ingest_film(film, store)
    broadcast = made.broadcast
    assert list(broadcast.repairs) == repairs
    numbers = shown_in(store, made, box, numbered_film.read)
    assert numbers == [number - 1 if number in lacking else number for number in range(SHOWN)]
    assert (broadcast.proxy_rate, broadcast.duration_s) == (FrameRate(num=25), SECONDS)
    # What the feed says of 4.0 s is seen on the frame that the film shows at 4.0 s, and the clip holds it.
    (event,) = made.events
    assert (event.time_s, event.evidence) == (4.0, Span(start_s=3.8, end_s=4.2))
    assert numbers[broadcast.proxy_rate.frame_at(event.time_s)] == 100
    assert sum(clip.span.start_s <= 3.8 and clip.span.end_s >= 4.2 for clip in made.clips) == 1
    heard_N = read_audio(store.path(broadcast.proxy_key))
    assert np.flatnonzero(np.abs(heard_N) > 0.2)[0] / 16000 == pytest.approx(BEEP_S, abs=0.03)


@pytest.mark.parametrize(("name", "fields"), [("a.mp4", "tff"), ("a.ts", "bff")])
def test_fields_become_whole_pictures_of_their_moment(name: str, fields: str, tmp_path: Path) -> None:
    # Of the proxy's shape and coding, so that it would be copied were it not for the fields.
    film = write(tmp_path / name, combed(fields), fields=fields, options={"g": "10", "bf": "0"})
    store = Store(tmp_path / "media")
    made = ingest_film(film, store)
    assert "interlaced" in made.broadcast.repairs and f"{SHOWN} frames deinterlaced" in made.broadcast.repairs
    steady = [i for i in range(2, SHOWN - 2) if 2 < 2 * i % 24 < 22]  # the bar does not turn

    def edges(frame_HWC: np.ndarray) -> tuple[float, float]:
        """Where the bar's middle is in the upper lines, and in the lower."""
        bright_HW = frame_HWC.mean(-1) > 128
        return tuple(float(np.nonzero(bright_HW[first::2])[1].mean()) for first in (0, 1))  # type: ignore[return-value]

    with FrameReader(store.path(made.broadcast.proxy_key), size=SIZE) as reader:
        assert reader.num_frames == SHOWN
        for i, frame_HWC in zip(steady, reader.frames(steady), strict=True):
            assert edges(frame_HWC) == (pytest.approx(place_at(2 * i) + 7.5, abs=1),) * 2
    shown = list(iter_frames(film, size=SIZE))
    assert [round(25 * time_s) for time_s, _ in shown] == list(range(SHOWN))
    assert all(edges(shown[i][1]) == (pytest.approx(place_at(2 * i) + 7.5, abs=1),) * 2 for i in steady)
    with av.open(str(film)) as source:
        before = [edges(frame.to_ndarray(format="rgb24")) for frame in source.decode(video=0)]
    assert min(abs(before[i][0] - before[i][1]) for i in steady) > 3, "a comb, before"


@pytest.mark.parametrize("fields", ["tff", "bff"])
def test_fields_that_no_mark_tells_of_are_seen(fields: str, tmp_path: Path) -> None:
    film = write(tmp_path / "a.mp4", combed(fields, height=576))
    assert (probe(film).interlaced, probe(film).unmarked_fields) == (True, fields)
    store = Store(tmp_path / "media")
    made = ingest_film(film, store)
    assert "interlaced" in made.broadcast.repairs and f"{SHOWN} frames deinterlaced" in made.broadcast.repairs
    for i, (_, frame_HWC) in enumerate(iter_frames(film)):
        lines_HW = frame_HWC[100:200].mean(-1) > 128
        assert i in (0, SHOWN - 1) or abs(lines_HW[::2].sum(1).mean() - lines_HW[1::2].sum(1).mean()) < 1
        assert not 2 < 2 * i % 24 < 22 or abs(np.nonzero(lines_HW)[1].mean() - place_at(2 * i) - 7.5) < 1.5


def test_combs_are_looked_for_where_they_are_due_and_not_at_the_keyframe_before(tmp_path: Path) -> None:
    still = next(iter(combed("tff", height=576)))[1][::2].repeat(2, 0)
    late = ((i, still if i < 14 else frame) for i, frame in combed("tff", height=576))
    assert probe(write(tmp_path / "late.mp4", late, options={"g": "250"})).unmarked_fields == "tff"
    early = ((i, frame if i < 14 else still) for i, frame in combed("tff", height=576))
    assert probe(write(tmp_path / "early.mp4", early, options={"g": "250"})).unmarked_fields is None


def test_whole_pictures_are_not_taken_for_fields(tmp_path: Path) -> None:
    """What moves up and down, and stripes as thin as a line."""
    lots = np.random.default_rng(0)
    noise = lots.integers(0, 255, (576, SIZE[0], 1), np.uint8).repeat(3, 2)
    stripes = np.zeros((576, SIZE[0], 3), np.uint8)
    stripes[::2] = 255
    for name, picture in (("noise", noise), ("stripes", stripes)):
        film = write(tmp_path / f"{name}.mp4", ((i, np.roll(picture, 3 * i, (i + len(name)) % 2)) for i in range(SHOWN)))
        assert not probe(film).interlaced


def test_probe_says_what_is_odd_and_what_cannot_be_used(
    tmp_path: Path, numbered_film: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    write(films / "plain.mp4", plain(numbered_film))
    write(films / "late.mkv", plain(numbered_film, 180, 144), aspect=Fraction(64, 45), sound_late_s=1.2)
    (films / "text.mp4").write_text("no film")
    assert run(lambda: app(["probe", str(films), "-w", str(tmp_path / "w")], result_action="return_value")) == 3
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{films}/late.mkv: 256x144, 25 frames/s, 0:06, h264, sound aac"
    assert "pixels made square: ingest stretches the picture; for other programs: ffmpeg -i IN -vf scale=iw*sar:ih" in said[1]
    assert "sound begins 1.200 s late: ingest puts silence before it" in said[2]
    assert said[3].startswith(f"{films}/plain.mp4: 320x180") and said[4].startswith("cannot be used: unreadable_media:")
    assert run(lambda: app(["probe", str(films), "--json", "-w", str(tmp_path / "w")], result_action="return_value")) == 3
    told = json.loads(capsys.readouterr().out)
    assert [(Path(item["item"]).name, len(item.get("faults", ()))) for item in told] == [
        ("late.mkv", 2), ("plain.mp4", 0), ("text.mp4", 0),
    ]  # fmt: skip


def test_what_is_plain_has_no_fault(tmp_path: Path, numbered_film: SimpleNamespace) -> None:
    film = write(tmp_path / "a.mp4", plain(numbered_film))
    assert faults_of(probe(film)) == []
    assert ingest_film(film, Store(tmp_path / "media")).broadcast.repairs == ()


@pytest.mark.parametrize("suffix", [".mkv", ".h264"])
def test_a_length_that_is_not_stated_is_counted_to_the_end(suffix: str, tmp_path: Path, numbered_film: SimpleNamespace) -> None:
    path = tmp_path / f"long{suffix}"
    out: Any = _Pipe(path) if suffix == ".mkv" else str(path)
    with av.open(out, "w", format="matroska" if suffix == ".mkv" else "h264") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(2300):
            frame = av.VideoFrame.from_ndarray(numbered_film.draw(i % 1000), "rgb24")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    info = probe(path)
    assert (info.duration_s, info.num_frames, info.duration_stated) == (pytest.approx(92.0, abs=0.05), 2300, False)
    assert [fault.repair for fault in faults_of(info)] == ["duration not stated"]


def test_words_are_timed_by_the_picture_when_the_sound_begins_late(tmp_path: Path) -> None:
    film = simulate(Sport.TENNIS, 3, 14.0, tmp_path, SimulatorConfig()).video
    late_s = 2.0
    with av.open(str(film)) as source, av.open(str(tmp_path / "late.mp4"), "w") as copy:
        streams = {stream.index: copy.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                shift = round(late_s / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = streams[packet.stream.index]
            copy.mux(packet)
    spoken = [
        ingest_broadcast(Source(uri=str(path), sport=Sport.TENNIS), Store(tmp_path / "media")).utterances
        for path in (film, tmp_path / "late.mp4")
    ]
    words, late_words = ([word for utterance in said for word in utterance.words] for said in spoken)
    assert len(words) > 5
    times = {word.text.strip(".,!").lower(): word.span.start_s for word in words}
    moved = [word.span.start_s - times[text] for word in late_words if (text := word.text.strip(".,!").lower()) in times]
    assert len(moved) > 3 and np.median(moved) == pytest.approx(late_s, abs=0.3)
