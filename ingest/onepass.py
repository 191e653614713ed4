"""One decode of a source makes all that ingest needs of it: proxy, changes of shot, hashes, stills, and the recogniser's sound.

    packets ─▶ frames ─▶ even steps ─┬▶ 640x360 proxy (encoded, or the source's own packets where it has that shape already)
           │                         ├▶ 64x36 YUV ─▶ Finder of shots, hashes and sights
           │                         └▶ 640x360 JPEGs at a low rate, where asked for
           └▶ sound ─▶ 16 kHz mono ─┬▶ the proxy's AAC
                                    └▶ a file of samples, mapped: memory does not grow with the length

What is damaged is skipped, or shown as the decoder patched it up, and counted; too much of it is a MediaError.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from av.video.frame import VideoFrame

from deepsport.errors import MediaError
from deepsport.timebase import FrameRate
from deepsport.video import (
    AudioAligner,
    Deinterlacer,
    FrameReader,
    MediaInfo,
    Samples,
    open_media,
    probe,
    video_stream,
)
from ingest.glances import NOTHING_SEEN, Glances, Seen
from ingest.probe import faults_of
from ingest.shots import SIGHTS_PER_S, Change, ShotConfig, finder_of
from ingest.sinks import SAMPLE_RATE, CopySink, EncodeSink, NoSink, ProxyConfig, Sink, Stills, fitted
from ingest.spill import Spill

__all__ = ["SAMPLE_RATE", "Pass", "ProxyConfig", "decode_once"]
_MAX_LEAP_S = 30.0
_COPIED_GOP = 10
"""A source of the proxy's shape with a keyframe so often is taken as it is: nothing is lost by encoding, and finding a
frame in it costs five times as much as in a proxy that is encoded."""


@dataclass(slots=True)
class Pass:
    """What one decode gave."""

    info: MediaInfo
    rate: FrameRate
    num_frames: int = 0
    """Frames of the proxy."""
    changes: list[Change] = field(default_factory=list)
    """Where one shot gives way to the next, in frames of the proxy."""
    seen: Seen = field(default_factory=lambda: NOTHING_SEEN)
    """Hashes of the frames, and sights that shots are told by."""
    stills: list[tuple[int, Path]] = field(default_factory=list)
    """JPEGs in the work folder, with the frames of the proxy that they are of."""
    samples_N: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    """The sound as float32 mono at 16 kHz, sample 0 due with frame 0; mapped from a file."""
    repairs: list[str] = field(default_factory=list)
    """What was put right, in words."""


class _NotEven(Exception):
    """A source taken for proxy-shaped skips or repeats a frame after all, or is interlaced."""


def is_proxy_shaped(info: MediaInfo, config: ProxyConfig) -> bool:
    """Whether a source can be the proxy as it is, so that its packets are copied and not encoded again."""
    return (
        (info.codec, info.pixel_format) == ("h264", "yuv420p")
        and (info.width, info.height) == (config.width, config.height)
        and info.square_pixels
        and not info.rotation
        and not info.interlaced
        and not info.variable_rate
        and info.start_s == 0
        and info.duration_stated  # raw packets bear no times
        and info.keyframe_interval <= max(config.gop, _COPIED_GOP)
        and info.audio_codec in (None, "aac")
    )


def decode_once(
    source: Path,
    proxy: Path | None,
    work: Path,
    *,
    proxy_config: ProxyConfig | None = None,
    shot_config: ShotConfig | None = None,
    stills_per_s: float = 0,
) -> Pass:
    """Write the proxy of a source, and give its changes of shot and its sound.

    proxy: None makes none. work: a folder for stills. stills_per_s: how many JPEGs of the proxy's size are written
    for each second of the film.

    Raises: MissingMedia, NoVideoStream, MediaError when too much is damaged or the timestamps leap.
    """
    config, shots = proxy_config or ProxyConfig(), shot_config or ShotConfig()
    info = probe(source)
    if proxy is not None and is_proxy_shaped(info, config):
        try:
            out = _run(source, proxy, work, info, config, shots, stills_per_s, copy=True)
            with FrameReader(proxy, size=(config.width, config.height)) as reader:
                if (reader.rate, reader.num_frames) == (out.rate, out.num_frames):
                    return out
        except _NotEven:
            pass
    return _run(source, proxy, work, info, config, shots, stills_per_s, copy=False)


def _run(
    source: Path,
    proxy: Path | None,
    work: Path,
    info: MediaInfo,
    config: ProxyConfig,
    shots: ShotConfig,
    stills_per_s: float,
    *,
    copy: bool,
) -> Pass:
    out = Pass(info, info.rate)
    with open_media(source) as container:
        steps, sound = _Steps(source, info, even_only=copy), Spill(np.float32)
        finder, glances = finder_of(shots, info.rate), Glances(round(info.rate.fps / SIGHTS_PER_S))
        sink: Sink
        if proxy is None:
            sink = NoSink(info, config)
        else:
            sink = CopySink(source, proxy, container) if copy else EncodeSink(proxy, info, config)
        stills = Stills(work, info, config, stills_per_s)

        def see(frame: VideoFrame, copies: int) -> None:
            picture = sink.picture(frame, copies)
            finder.feed(picture, glances.feed(picture, out.num_frames), out.num_frames)
            stills.feed(frame, out.num_frames, copies)
            out.num_frames += copies

        whole = Deinterlacer(info.unmarked_fields)
        aligner = AudioAligner(source, SAMPLE_RATE, info.start_s)
        loss, frame_s = _Loss(), 1 / info.rate.fps
        try:
            for item in _decode(container, source, sink, loss):
                if isinstance(item, AudioFrame):
                    loss.see(item.time, item.samples / item.sample_rate)
                    for samples_N in aligner.feed(item):
                        sound.append(samples_N)
                        sink.sound(samples_N)
                    continue
                loss.see(item.time, frame_s)
                if copy and item.interlaced_frame:
                    raise _NotEven
                for frame in whole.feed(item):
                    for picture, copies in steps.step(frame):
                        see(picture, copies)
            for frame in whole.flush():
                for picture, copies in steps.step(frame):
                    see(picture, copies)
            for picture, copies in steps.finish():
                see(picture, copies)
            for samples_N in aligner.flush():
                sound.append(samples_N)
                sink.sound(samples_N)
            loss.check(source, info, out.num_frames, config.max_lost_share)
            if copy and (loss.damaged or loss.patched):
                raise _NotEven
        except BaseException:
            sink.discard()
            raise
        sink.close()
        out.changes, out.seen, out.stills = finder.finish(), glances.finish(), stills.written
        out.samples_N = sound.rows(round(out.num_frames * SAMPLE_RATE / info.rate.fraction))
        out.repairs = _repairs(info, steps, loss, whole, config)
    return out


def _decode(
    container: av.container.InputContainer, source: Path, sink: Sink, loss: _Loss
) -> Iterator[VideoFrame | AudioFrame]:
    """Frames of the picture and the first sound track in the order of the file; damaged packets are skipped and counted."""
    video = video_stream(container, source)
    # H.264's last filter is left out of frames that no other refers to: a tenth of decoding, for 54 to 65 dB against all of it.
    video.codec_context.options = {"skip_loop_filter": "noref"}
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
                loss.patched += isinstance(frame, VideoFrame) and frame.is_corrupt
                yield frame


class _Steps:
    """Brings frames to even steps of the nominal rate: a frame is shown until the next is due, twice-due steps show the later."""

    def __init__(self, source: Path, info: MediaInfo, even_only: bool) -> None:
        self.source = source
        self.repeated = 0
        self.left_out = 0
        self._fps = info.rate.fps
        self._start_s = info.start_s
        self._even_only = even_only
        self._held: VideoFrame | None = None
        self._index = 0

    def step(self, frame: VideoFrame) -> Iterator[tuple[VideoFrame, int]]:
        """Pictures that are now final, each with the number of steps it is shown for."""
        if self._held is None:
            self._held = frame
            return
        due = self._index + 1 if frame.pts is None else round((frame.time - self._start_s) * self._fps)
        ahead = due - self._index
        if abs(ahead) > _MAX_LEAP_S * self._fps:
            raise MediaError(f"{self.source}: timestamps leap by {ahead / self._fps:.0f} s; re-mux with -fflags +genpts")
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
        self.patched = 0
        self.damaged_sound = 0
        self.end_s = 0.0

    def see(self, time_s: float | None, duration_s: float) -> None:
        """Note that something was decoded, and until when it lasts on the file's clock."""
        # Raw streams state no times: one frame follows the other.
        self.end_s = max(self.end_s, (self.end_s if time_s is None else time_s) + duration_s)

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
        damaged = self.damaged + self.patched
        if damaged > max_share * (num_frames + self.damaged):
            raise MediaError(f"{source}: {damaged} of {num_frames + self.damaged} frames are damaged; copy it again")


def _repairs(info: MediaInfo, steps: _Steps, loss: _Loss, whole: Deinterlacer, config: ProxyConfig) -> list[str]:
    repairs = [fault.repair for fault in faults_of(info)]
    if whole.num_frames:
        repairs.append(_counted(whole.num_frames, "frame", "deinterlaced"))
    if steps.repeated:
        repairs.append(_counted(steps.repeated, "frame", "repeated"))
    if steps.left_out:
        repairs.append(_counted(steps.left_out, "frame", "left out"))
    if loss.damaged:
        repairs.append(_counted(loss.damaged, "damaged packet", "skipped"))
    if loss.patched:
        repairs.append(_counted(loss.patched, "damaged frame", "patched up"))
    if loss.damaged_sound:
        repairs.append(_counted(loss.damaged_sound, "damaged packet", "of sound skipped"))
    if Fraction(info.width, info.height) != Fraction(config.width, config.height):
        size = fitted(info.width, info.height, config.width, config.height)
        if size != (config.width, config.height):
            repairs.append(f"padded from {size[0]}x{size[1]}")
    return repairs


def _counted(count: int, what: str, fate: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''} {fate}"
