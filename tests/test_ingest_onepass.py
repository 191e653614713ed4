"""ingest.onepass: one decode gives an even proxy, cuts and sound, whatever the source is like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest.onepass
from deepsport.errors import MediaError
from deepsport.timebase import FrameRate
from deepsport.video import FrameReader, NoVideoStream, probe, read_audio, write_video
from ingest.onepass import ProxyConfig, decode_once

RATE = FrameRate(num=25)
SMALL = ProxyConfig(width=128, height=72)


def beep(at_s: float, seconds: float, sample_rate: int = 16000) -> np.ndarray:
    time_N = np.arange(round(seconds * sample_rate)) / sample_rate
    return np.where((time_N >= at_s) & (time_N < at_s + 0.1), 0.5 * np.sin(2 * np.pi * 440 * time_N), 0).astype(np.float32)


def beep_in(samples: np.ndarray, sample_rate: int = 16000) -> float:
    return float(np.flatnonzero(np.abs(samples) > 0.2)[0]) / sample_rate


def write_raw(
    path: Path,
    frames: Iterable[np.ndarray],
    times: Sequence[int],
    time_base: Fraction,
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    aspect: Fraction | None = None,
    rotation: int = 0,
    audio: np.ndarray | None = None,
    audio_rate: int = 16000,
    audio_start: int = 0,
    audio_codec: str = "aac",
    layout: str = "mono",
) -> None:
    """A source with any timestamps: frame i is due at times[i] * time_base."""
    with av.open(str(path), "w") as container:
        stream: Any = None
        sound: Any = container.add_stream(audio_codec, rate=audio_rate, layout=layout) if audio is not None else None
        for pts, array in zip(times, frames, strict=True):
            if stream is None:
                stream = container.add_stream(codec, rate=25, options=options or {})
                stream.height, stream.width = array.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = time_base
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
                if rotation:
                    stream.set_display_rotation(rotation)
            frame = av.VideoFrame.from_ndarray(array, "rgb24")
            frame.pts, frame.time_base = pts, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None and audio is not None:
            channels = 2 if layout == "stereo" else 1
            form = sound.codec_context.format.name
            for start in range(0, len(audio), 4096):
                block = audio[start : start + 4096]
                data = np.stack([block] * channels) if form.endswith("p") else np.repeat(block, channels)[None]
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data), "fltp" if form.endswith("p") else "flt", layout)
                frame.sample_rate, frame.time_base = audio_rate, Fraction(1, audio_rate)
                frame.pts = audio_start + start
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))


def numbers(proxy: Path, film: Any, size: tuple[int, int] = (128, 72)) -> list[int]:
    with FrameReader(proxy, size=size) as reader:
        return [film.read(frame) for frame in reader.frames(range(reader.num_frames))]


def test_a_plain_source_becomes_an_even_proxy_with_sound(tmp_path: Path, numbered_film: Any) -> None:
    write_video(
        tmp_path / "a.mp4", numbered_film.frames(75, 320, 180), RATE, beep(1.5, 3.0, 48000), sample_rate=48000, b_frames=2
    )
    out = decode_once(tmp_path / "a.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert (out.num_frames, out.rate, out.repairs) == (75, RATE, [])
    assert numbers(tmp_path / "p.mp4", numbered_film) == list(range(75))
    assert beep_in(out.samples_N) == pytest.approx(1.5, abs=0.005)
    assert beep_in(read_audio(tmp_path / "p.mp4")) == pytest.approx(1.5, abs=0.005)
    assert len(out.samples_N) == pytest.approx(48000, abs=1200)
    info = probe(tmp_path / "p.mp4")
    assert (info.width, info.height, info.keyframe_interval, info.start_s) == (128, 72, 4, 0)
    assert (info.pixel_format, info.codec, info.variable_rate) == ("yuv420p", "mpeg2video", False)


def test_a_source_of_the_proxys_shape_is_copied_and_not_encoded(tmp_path: Path, numbered_film: Any) -> None:
    write_video(tmp_path / "a.mp4", numbered_film.frames(75, 128, 72), RATE, beep(0.8, 3.0))
    out = decode_once(tmp_path / "a.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert numbers(tmp_path / "p.mp4", numbered_film) == list(range(75))
    assert beep_in(out.samples_N) == beep_in(read_audio(tmp_path / "a.mp4")) == beep_in(read_audio(tmp_path / "p.mp4"))
    assert packets(tmp_path / "p.mp4") == packets(tmp_path / "a.mp4")


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux() if packet.size]


def test_long_gops_are_encoded_again(tmp_path: Path, numbered_film: Any) -> None:
    write_video(tmp_path / "a.mp4", numbered_film.frames(75, 128, 72), RATE, gop=25)
    decode_once(tmp_path / "a.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert probe(tmp_path / "p.mp4").keyframe_interval == SMALL.gop


def test_variable_rate_becomes_even_by_the_clock(tmp_path: Path, numbered_film: Any) -> None:
    # 25 fps, with a pause of a second after frame 30 and three frames at twice the rate near the end.
    ticks = [24 * i for i in range(31)] + [24 * 30 + 600 + 24 * i for i in range(30)]
    ticks += [ticks[-1] + 12 * (i + 1) for i in range(6)]
    write_raw(tmp_path / "v.mp4", numbered_film.frames(len(ticks), 320, 180), ticks, Fraction(1, 600))
    out = decode_once(tmp_path / "v.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert "variable frame rate" in out.repairs
    assert "24 frames repeated" in out.repairs
    assert "3 frames left out" in out.repairs
    seen = numbers(tmp_path / "p.mp4", numbered_film)
    assert seen[:31] == list(range(31))
    assert seen[31:55] == [30] * 24
    assert seen[55:84] == list(range(31, 60))
    assert len(seen) == out.num_frames == 88
    # Every step shows a frame that is due within half a step of it.
    assert all(abs(ticks[number] - 24 * step) <= 12 for step, number in enumerate(seen) if not 31 <= step < 55)


def test_a_late_start_is_removed_and_sound_stays_in_step(tmp_path: Path, numbered_film: Any) -> None:
    # Both tracks begin on the clock at 10 s; the picture 0.4 s after the sound.
    write_raw(
        tmp_path / "late.mkv",
        numbered_film.frames(50, 320, 180),
        [10400 + 40 * i for i in range(50)],
        Fraction(1, 1000),
        audio=beep(1.4, 2.4),
        audio_start=160000,
    )
    info = probe(tmp_path / "late.mkv")
    assert info.start_s > 0.3
    out = decode_once(tmp_path / "late.mkv", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert out.num_frames == 50
    assert any(repair.startswith("start offset") for repair in out.repairs)
    assert numbers(tmp_path / "p.mp4", numbered_film) == list(range(50))
    # The beep sounds 1.4 s after the sound's start, so 1.0 s after the first picture.
    assert beep_in(out.samples_N) == pytest.approx(1.0, abs=0.03)
    assert beep_in(read_audio(tmp_path / "p.mp4")) == pytest.approx(1.0, abs=0.03)


def test_a_portrait_phone_film_is_turned_and_padded(tmp_path: Path, numbered_film: Any) -> None:
    frames = [np.rot90(numbered_film.draw(i, 180, 320)).copy() for i in range(20)]  # stored lying on its side
    write_raw(tmp_path / "phone.mp4", frames, range(20), Fraction(1, 25), rotation=-90)
    out = decode_once(tmp_path / "phone.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert (out.info.width, out.info.height) == (180, 320)
    assert "rotation 270" in out.repairs and "padded from 40x72" in out.repairs
    with FrameReader(tmp_path / "p.mp4", size=(128, 72)) as reader:
        shown = reader.frames(range(20))
    assert [numbered_film.read(frame[:, 44:84]) for frame in shown] == list(range(20))
    assert shown[:, :, :42].max() < 12 and shown[:, :, 86:].max() < 12


def test_pixels_are_made_square(tmp_path: Path, numbered_film: Any) -> None:
    write_raw(tmp_path / "pal.mp4", numbered_film.frames(10, 180, 144), range(10), Fraction(1, 25), aspect=Fraction(64, 45))
    out = decode_once(tmp_path / "pal.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert (out.info.width, out.info.height) == (256, 144)
    assert out.repairs == ["pixels made square"]
    assert numbers(tmp_path / "p.mp4", numbered_film) == list(range(10))


@pytest.mark.parametrize(
    ("name", "codec", "audio_codec", "audio_rate", "layout"),
    [
        ("a.webm", "libvpx-vp9", "libopus", 48000, "stereo"),
        ("a.mkv", "mpeg4", "libmp3lame", 44100, "stereo"),
        ("a.avi", "mpeg4", "mp2", 32000, "mono"),
        ("a.ts", "libx264", "aac", 8000, "mono"),
    ],
)
def test_other_containers_and_codecs_ingest_in_step(
    tmp_path: Path, numbered_film: Any, name: str, codec: str, audio_codec: str, audio_rate: int, layout: str
) -> None:
    options = {"deadline": "realtime", "cpu-used": "8"} if "vp9" in codec else {}
    try:
        write_raw(
            tmp_path / name,
            numbered_film.frames(50, 320, 180),
            range(50),
            Fraction(1, 25),
            codec=codec,
            options=options,
            audio=beep(1.0, 2.0, audio_rate),
            audio_rate=audio_rate,
            audio_codec=audio_codec,
            layout=layout,
        )
    except (av.error.EncoderNotFoundError, av.codec.codec.UnknownCodecError) as error:
        pytest.skip(f"this FFmpeg cannot make the film: {error}")
    out = decode_once(tmp_path / name, tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert out.num_frames == 50
    assert numbers(tmp_path / "p.mp4", numbered_film) == list(range(50))
    assert beep_in(out.samples_N) == pytest.approx(1.0, abs=0.03)


def test_no_sound_and_silent_sound_are_fine(tmp_path: Path, numbered_film: Any) -> None:
    write_video(tmp_path / "mute.mp4", numbered_film.frames(10, 320, 180), RATE)
    write_video(tmp_path / "silent.mp4", numbered_film.frames(10, 320, 180), RATE, np.zeros(6400, np.float32))
    mute = decode_once(tmp_path / "mute.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert len(mute.samples_N) == 0 and not probe(tmp_path / "p.mp4").has_audio
    silent = decode_once(tmp_path / "silent.mp4", tmp_path / "q.mp4", tmp_path, proxy_config=SMALL)
    assert len(silent.samples_N) == 6400 and np.abs(silent.samples_N).max() < 1e-3


def test_the_same_source_gives_the_same_bytes(tmp_path: Path, numbered_film: Any) -> None:
    write_video(tmp_path / "a.mp4", numbered_film.frames(40, 320, 180), RATE, beep(0.5, 1.6, 44100), sample_rate=44100)
    one, other = (decode_once(tmp_path / "a.mp4", tmp_path / name, tmp_path, proxy_config=SMALL) for name in ("p.mp4", "q.mp4"))
    assert (tmp_path / "p.mp4").read_bytes() == (tmp_path / "q.mp4").read_bytes()
    assert np.array_equal(one.samples_N, other.samples_N)
    assert one.num_frames == 40


def test_a_file_cut_in_half_is_refused_and_leaves_no_proxy(tmp_path: Path, numbered_film: Any) -> None:
    write_video(tmp_path / "a.mp4", numbered_film.frames(100, 320, 180), RATE)
    data = (tmp_path / "a.mp4").read_bytes()  # its index stands in front, so that the header is whole
    (tmp_path / "half.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=r"only \d\.\d of 4\.0 s can be read; .* copy it again"):
        decode_once(tmp_path / "half.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "half.mp4"]


def damaged(path: Path, out: Path, numbers_of_packets: set[int]) -> None:
    """A copy in which some packets of the picture are noise."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    for number in numbers_of_packets:
        position, size = places[number]
        data[position : position + size] = bytes([0x55]) * size
    out.write_bytes(data)


def test_a_few_damaged_frames_are_bridged_and_counted(tmp_path: Path, numbered_film: Any) -> None:
    write_video(tmp_path / "a.mp4", numbered_film.frames(100, 320, 180), RATE, gop=5)
    damaged(tmp_path / "a.mp4", tmp_path / "hurt.mp4", {44})
    out = decode_once(tmp_path / "hurt.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert "1 damaged packet skipped" in out.repairs
    seen = numbers(tmp_path / "p.mp4", numbered_film)
    assert len(seen) == 100 and seen[:44] == list(range(44)) and seen[44] == 43 and seen[45:] == list(range(45, 100))


def test_too_many_damaged_frames_are_refused(tmp_path: Path, numbered_film: Any) -> None:
    write_video(tmp_path / "a.mp4", numbered_film.frames(100, 320, 180), RATE, gop=5)
    damaged(tmp_path / "a.mp4", tmp_path / "hurt.mp4", set(range(10, 60, 2)))
    with pytest.raises(MediaError, match=r"of \d+ frames are damaged"):
        decode_once(tmp_path / "hurt.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)


def test_a_damaged_source_of_the_proxys_shape_is_not_copied(tmp_path: Path, numbered_film: Any) -> None:
    write_video(tmp_path / "a.mp4", numbered_film.frames(100, 128, 72), RATE, gop=5)
    damaged(tmp_path / "a.mp4", tmp_path / "hurt.mp4", {44})
    out = decode_once(tmp_path / "hurt.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert out.num_frames == 100
    assert len(numbers(tmp_path / "p.mp4", numbered_film)) == 100


def test_sound_alone_is_no_broadcast(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "s.m4a"), "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(NoVideoStream):
        decode_once(tmp_path / "s.m4a", tmp_path / "p.mp4", tmp_path)


def test_a_leap_in_the_timestamps_is_refused(tmp_path: Path, numbered_film: Any) -> None:
    times = [*range(40), *range(40 + 25 * 4000, 80 + 25 * 4000)]
    write_raw(tmp_path / "leap.mkv", numbered_film.frames(80, 320, 180), times, Fraction(1, 25))
    with pytest.raises(MediaError, match="leap by 4000 s"):
        decode_once(tmp_path / "leap.mkv", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert not (tmp_path / "p.mp4").exists()


def test_what_grows_with_a_film_lies_in_files(tmp_path: Path, numbered_film: Any) -> None:
    write_video(tmp_path / "a.mp4", numbered_film.frames(10, 320, 180), RATE, np.zeros(6400, np.float32))
    out = decode_once(tmp_path / "a.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert all(isinstance(array, np.memmap) for array in (out.samples_N, *out.seen))
    assert ingest.onepass.SAMPLE_RATE == 16000


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_damage_gives_a_proxy_or_a_media_error(
    tmp_path_factory: pytest.TempPathFactory, numbered_film: Any, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    if not (folder / "whole.mp4").exists():
        write_video(folder / "whole.mp4", numbered_film.frames(20, 128, 72), RATE, beep(0.2, 0.8))
    broken = bytearray((folder / "whole.mp4").read_bytes())
    for _ in range(data.draw(st.integers(1, 12))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    (folder / "broken.mp4").write_bytes(broken)
    try:
        out = decode_once(folder / "broken.mp4", folder / "p.mp4", folder, proxy_config=SMALL)
    except MediaError:
        return
    with FrameReader(folder / "p.mp4", size=(128, 72)) as reader:
        assert (reader.num_frames, reader.rate) == (out.num_frames, out.rate)
        reader.frames(range(reader.num_frames))


@pytest.mark.parametrize("rate", [(60, 1), (60000, 1001), (30000, 1001), (30, 1), (50, 1), (48000, 1001), (120000, 1001)])
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_every_frame_stays_whatever_the_clock_rounds_to(
    name: str, rate: tuple[int, int], tmp_path: Path, numbered_film: Any
) -> None:
    """Matroska counts milliseconds: a step of a sixtieth of a second is 16 or 17."""
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(*rate), options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
        for i, array in enumerate(numbered_film.frames(200, 128, 72)):
            frame = av.VideoFrame.from_ndarray(array, "rgb24")
            frame.pts, frame.time_base = i, 1 / Fraction(*rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    out = decode_once(tmp_path / name, tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert (out.rate.fraction, out.num_frames, out.repairs) == (Fraction(*rate), 200, [])
    assert numbers(tmp_path / "p.mp4", numbered_film) == list(range(200))


def test_a_raw_stream_without_times_is_taken_frame_by_frame(tmp_path: Path, numbered_film: Any) -> None:
    with av.open(str(tmp_path / "a.h264"), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "5", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
        for array in numbered_film.frames(50, 128, 72):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(array, "rgb24")))
        container.mux(stream.encode(None))
    out = decode_once(tmp_path / "a.h264", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert (out.num_frames, out.repairs) == (50, ["duration not stated"])
    assert numbers(tmp_path / "p.mp4", numbered_film) == list(range(50))


def test_frames_that_the_decoder_patched_up_are_counted_and_never_copied(tmp_path: Path) -> None:
    """Zeros in a packet's middle raise no error: the decoder fills in what it cannot read."""
    lots = np.random.default_rng(0)
    texture = lots.integers(0, 255, (72, 128, 3), np.uint8)
    write_video(tmp_path / "a.mp4", (np.roll(texture, 2 * i, 1) for i in range(100)), RATE, gop=5)
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    with av.open(str(tmp_path / "a.mp4")) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    position, size = places[45]  # a keyframe
    data[position + size // 3 : position + size // 3 + 40] = bytes(40)
    (tmp_path / "hurt.mp4").write_bytes(data)
    out = decode_once(tmp_path / "hurt.mp4", tmp_path / "p.mp4", tmp_path, proxy_config=SMALL)
    assert out.num_frames == 100 and any("patched up" in repair for repair in out.repairs)
    assert probe(tmp_path / "p.mp4").codec == "mpeg2video", "encoded, not copied"
