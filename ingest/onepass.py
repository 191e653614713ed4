"""One decode of a source makes all that ingest needs of it: the proxy, the cuts, and the sound for the recogniser.

    packets ─▶ frames ─▶ even steps ─┬▶ 640x360 proxy (encoded, or the source's own packets where it has that shape already)
           │                         └▶ 256 px wide BGR ─▶ CutFinder
           └▶ sound ─▶ 16 kHz mono ─┬▶ the proxy's AAC
                                    └▶ a file of samples, mapped: memory does not grow with the length

What is damaged is skipped and counted; too much of it is a MediaError.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from av.video.frame import VideoFrame
from pydantic import BaseModel, ConfigDict, Field

from deepsport.errors import MediaError
from deepsport.timebase import FrameRate
from deepsport.video import (
    AudioAligner,
    FrameReader,
    MediaInfo,
    PacketCopier,
    Painter,
    Samples,
    VideoWriter,
    open_media,
    pillarboxed,
    probe,
    video_stream,
)
from ingest.shots import MAX_WIDTH, CutFinder, ShotConfig

SAMPLE_RATE = 16_000
_MAX_LEAP_S = 30.0


class ProxyConfig(BaseModel):
    """How the proxy is made, the copy of a broadcast that all later stages look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(default=640, ge=16, multiple_of=2)
    """Pixels across; the picture keeps its shape and is centred on black."""
    height: int = Field(default=360, ge=16, multiple_of=2)
    """Pixels down."""
    gop: int = Field(default=10, ge=1)
    """Frames from one keyframe to the next: few make finding a frame cheap (8 frames: 75 ms at 10, 230 ms at 250)
    and the file big."""
    crf: int = Field(default=23, ge=0, le=51)
    """Quality of x264: less is better and bigger."""
    preset: str = "veryfast"
    """Preset of x264: how much CPU is spent on size."""
    max_lost_share: float = Field(default=0.05, ge=0, le=1)
    """A source of which a greater share cannot be decoded is refused."""


@dataclass(slots=True)
class Pass:
    """What one decode gave."""

    info: MediaInfo
    rate: FrameRate
    num_frames: int = 0
    """Frames of the proxy."""
    cuts: list[int] = field(default_factory=list)
    """Frames of the proxy that begin a shot, without 0."""
    samples_N: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    """The sound as float32 mono at 16 kHz, sample 0 due with frame 0; mapped from a file in the work folder."""
    repairs: list[str] = field(default_factory=list)
    """What was put right, in words."""


class _NotEven(Exception):
    """A source taken for proxy-shaped skips or repeats a frame after all."""


def is_proxy_shaped(info: MediaInfo, config: ProxyConfig) -> bool:
    """Whether a source can be the proxy as it is, so that its packets are copied and not encoded again."""
    return (
        (info.codec, info.pixel_format) == ("h264", "yuv420p")
        and (info.width, info.height) == (config.width, config.height)
        and info.square_pixels
        and not info.rotation
        and not info.variable_rate
        and info.start_s == 0
        and info.keyframe_interval <= max(config.gop, round(info.rate.fps))
        and info.audio_codec in (None, "aac")
    )


def decode_once(
    source: Path, proxy: Path, work: Path, *, proxy_config: ProxyConfig | None = None, shot_config: ShotConfig | None = None
) -> Pass:
    """Write the proxy of a source, and give its cuts and its sound. work is a folder for the samples; it must outlive the result.

    Raises: MissingMedia, NoVideoStream, MediaError when too much is damaged or the timestamps leap.
    """
    config, shots = proxy_config or ProxyConfig(), shot_config or ShotConfig()
    info = probe(source)
    if is_proxy_shaped(info, config):
        try:
            out = _run(source, proxy, work, info, config, shots, copy=True)
            with FrameReader(proxy, size=(config.width, config.height)) as reader:
                if (reader.rate, reader.num_frames) == (out.rate, out.num_frames):
                    return out
        except _NotEven:
            pass
    return _run(source, proxy, work, info, config, shots, copy=False)


def _run(source: Path, proxy: Path, work: Path, info: MediaInfo, config: ProxyConfig, shots: ShotConfig, *, copy: bool) -> Pass:
    out = Pass(info, info.rate)
    with open_media(source) as container, _Sound(work / "sound.f32") as sound:
        steps = _Steps(source, info, even_only=copy)
        finder = CutFinder(shots, info.rate)
        sink = _CopySink(source, proxy, container) if copy else _EncodeSink(proxy, info, config)
        aligner = AudioAligner(source, SAMPLE_RATE, info.start_s)
        loss = _Loss()
        try:
            for item in _decode(container, source, sink, loss):
                if isinstance(item, AudioFrame):
                    loss.see(item.time, item.samples / item.sample_rate)
                    for samples_N in aligner.feed(item):
                        sound.write(samples_N)
                        sink.sound(samples_N)
                    continue
                loss.see(item.time, 1 / info.rate.fps)
                for picture, copies in steps.step(item):
                    finder.feed(sink.picture(picture, copies), out.num_frames)
                    out.num_frames += copies
            for picture, copies in steps.finish():
                finder.feed(sink.picture(picture, copies), out.num_frames)
                out.num_frames += copies
            for samples_N in aligner.flush():
                sound.write(samples_N)
                sink.sound(samples_N)
            loss.check(source, info, out.num_frames, config.max_lost_share)
            if copy and loss.damaged:
                raise _NotEven
        except BaseException:
            sink.discard()
            raise
        sink.close()
        out.cuts = finder.finish()
        out.samples_N = sound.samples(round(out.num_frames * SAMPLE_RATE / info.rate.fraction))
        out.repairs = _repairs(info, steps, loss, config)
    return out


def _decode(
    container: av.container.InputContainer, source: Path, sink: _CopySink | _EncodeSink, loss: _Loss
) -> Iterator[VideoFrame | AudioFrame]:
    """Frames of the picture and the first sound track in the order of the file; damaged packets are skipped and counted."""
    video = video_stream(container, source)
    audio = next((s for s in container.streams.audio if s.codec_context is not None), None)
    packets = container.demux([video] if audio is None else [video, audio])
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            # The rest of the file cannot be read; what is missing is counted against its stated length.
            loss.damaged += 1
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
        except FFmpegError:
            if packet.stream is video:
                loss.damaged += 1
            else:
                loss.damaged_sound += 1
            continue
        sink.packet(packet)
        for frame in frames:
            if isinstance(frame, VideoFrame | AudioFrame):
                yield frame


class _Steps:
    """Brings frames to even steps of the nominal rate: a frame is shown until the next is due, twice-due steps show the later."""

    def __init__(self, source: Path, info: MediaInfo, even_only: bool) -> None:
        self.source = source
        self.repeated = 0
        self.left_out = 0
        self._rate = info.rate.fraction
        self._start_s = info.start_s
        self._even_only = even_only
        self._held: VideoFrame | None = None
        self._index = 0

    def step(self, frame: VideoFrame) -> Iterator[tuple[VideoFrame, int]]:
        """Pictures that are now final, each with the number of steps it is shown for."""
        if self._held is None:
            self._held = frame
            return
        due = self._index + 1 if frame.pts is None else round((frame.time - self._start_s) * self._rate)
        ahead = due - self._index
        if abs(ahead) > _MAX_LEAP_S * self._rate:
            raise MediaError(f"{self.source}: timestamps leap by {float(ahead / self._rate):.0f} s; re-mux with -fflags +genpts")
        if self._even_only and ahead != 1:
            raise _NotEven
        if ahead < 1:
            self.left_out += 1
            self._held = frame if ahead == 0 else self._held
            return
        self.repeated += ahead - 1
        yield self._held, ahead
        self._held, self._index = frame, due

    def finish(self) -> Iterator[tuple[VideoFrame, int]]:
        """The last picture."""
        if self._held is not None:
            yield self._held, 1
            self._held = None


class _Loss:
    """Counts what cannot be decoded."""

    def __init__(self) -> None:
        self.damaged = 0
        self.damaged_sound = 0
        self.end_s = 0.0

    def see(self, time_s: float | None, duration_s: float) -> None:
        """Note that something was decoded, and until when it lasts on the file's clock."""
        self.end_s = max(self.end_s, (time_s or 0.0) + duration_s)

    def check(self, source: Path, info: MediaInfo, num_frames: int, max_share: float) -> None:
        """Raises: MediaError when nothing was decoded, or more than the share is damaged or missing at the end."""
        if not num_frames:
            raise MediaError(f"{source}: no frame can be decoded; copy or encode it again")
        missing_s = info.start_s + info.duration_s - self.end_s
        if missing_s > max_share * info.duration_s + 0.2:
            seen_s = self.end_s - info.start_s
            raise MediaError(
                f"{source}: only {seen_s:.1f} of {info.duration_s:.1f} s can be read; the file is cut short, copy it again"
            )
        if self.damaged > max_share * (num_frames + self.damaged):
            raise MediaError(f"{source}: {self.damaged} packets are damaged beside {num_frames} good frames; copy it again")


class _EncodeSink:
    """Makes the proxy by encoding."""

    def __init__(self, proxy: Path, info: MediaInfo, config: ProxyConfig) -> None:
        self._size = (config.width, config.height)
        self._painter = Painter(fitted(info.width, info.height, *self._size), info.rotation)
        width, height = self._painter.size
        self._small = Painter((min(width, MAX_WIDTH), max(1, round(height * min(width, MAX_WIDTH) / width))))
        self._writer = VideoWriter(
            proxy,
            info.rate,
            self._size,
            sample_rate=SAMPLE_RATE if info.has_audio else None,
            gop=config.gop,
            crf=config.crf,
            preset=config.preset,
        )

    def packet(self, packet: av.Packet[av.stream.Stream]) -> None:
        """Packets are not needed."""

    def picture(self, frame: VideoFrame, copies: int) -> npt.NDArray[np.uint8]:
        """Encode a frame so many times, and give it small, as BGR."""
        picture = self._painter.yuv(frame)
        self._writer.add_picture(pillarboxed(picture, self._size), copies)
        return self._small.bgr(picture)

    def sound(self, samples_N: Samples) -> None:
        """Encode samples."""
        self._writer.add_audio(samples_N)

    def close(self) -> None:
        """Finish the proxy."""
        self._writer.close()

    def discard(self) -> None:
        """Leave no proxy."""
        self._writer.discard()


class _CopySink:
    """Makes the proxy of the source's own packets."""

    def __init__(self, source: Path, proxy: Path, container: av.container.InputContainer) -> None:
        video = video_stream(container, source)
        audio = next((s for s in container.streams.audio if s.codec_context is not None), None)
        self._copier = PacketCopier(proxy, [video] if audio is None else [video, audio])
        self._small = Painter((MAX_WIDTH, max(1, round(video.height * MAX_WIDTH / video.width))))

    def packet(self, packet: av.Packet[av.stream.Stream]) -> None:
        """Copy a packet."""
        self._copier.add(packet)

    def picture(self, frame: VideoFrame, copies: int) -> npt.NDArray[np.uint8]:
        """The frame small, as BGR."""
        assert copies == 1
        return self._small.bgr(frame)

    def sound(self, samples_N: Samples) -> None:
        """Samples are not needed: the sound's packets are copied."""

    def close(self) -> None:
        """Finish the proxy."""
        self._copier.close()

    def discard(self) -> None:
        """Leave no proxy."""
        self._copier.discard()


class _Sound:
    """A growing file of float32 samples."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._count = 0

    def write(self, samples_N: Samples) -> None:
        """Append samples."""
        self._file.write(samples_N.astype("<f4", copy=False).tobytes())
        self._count += len(samples_N)

    def samples(self, at_most: int) -> Samples:
        """What was written, mapped, and no longer than the picture."""
        self._file.flush()
        count = min(self._count, at_most)
        return np.memmap(self._path, "<f4", "r", shape=(count,)) if count else np.zeros(0, np.float32)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


def fitted(width: int, height: int, max_width: int, max_height: int) -> tuple[int, int]:
    """The greatest even size of the same shape that fits.

    >>> fitted(1080, 1920, 640, 360), fitted(1768, 994, 640, 360), fitted(320, 240, 640, 360)
    ((202, 360), (640, 360), (480, 360))
    """
    scale = min(Fraction(max_width, width), Fraction(max_height, height))
    return tuple(min(most, max(2, round(side * scale / 2) * 2)) for side, most in ((width, max_width), (height, max_height)))  # type: ignore[return-value]


def _repairs(info: MediaInfo, steps: _Steps, loss: _Loss, config: ProxyConfig) -> list[str]:
    repairs = []
    if info.rotation:
        repairs.append(f"rotation {info.rotation}")
    if not info.square_pixels:
        repairs.append("pixels made square")
    if info.variable_rate:
        repairs.append("variable frame rate")
    if steps.repeated:
        repairs.append(_counted(steps.repeated, "frame", "repeated"))
    if steps.left_out:
        repairs.append(_counted(steps.left_out, "frame", "left out"))
    if abs(info.start_s) > 1 / info.rate.fps:
        repairs.append(f"start offset {info.start_s:.3f} s")
    if loss.damaged:
        repairs.append(_counted(loss.damaged, "damaged packet", "skipped"))
    if loss.damaged_sound:
        repairs.append(_counted(loss.damaged_sound, "damaged packet", "of sound skipped"))
    if Fraction(info.width, info.height) != Fraction(config.width, config.height):
        size = fitted(info.width, info.height, config.width, config.height)
        if size != (config.width, config.height):
            repairs.append(f"padded from {size[0]}x{size[1]}")
    return repairs


def _counted(count: int, what: str, fate: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''} {fate}"
