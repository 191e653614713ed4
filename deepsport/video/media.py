"""What a media file holds: opening it safely, and what its headers and first packets tell."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from pydantic import BaseModel, ConfigDict

from deepsport.errors import MediaError
from deepsport.timebase import FrameRate
from deepsport.video.fields import Fields, unmarked_fields

# Playlists (hls, concat, dash) are demuxers too: a text file called x.mp4 could name other files or hosts.
CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,mxf,gif,h264,hevc,wav,mp3,aac,flac"
_COMMON_RATES = tuple(
    Fraction(*rate)
    for rate in (
        *((24000, 1001), (24,), (25,), (30000, 1001), (30,), (48000, 1001), (48,), (50,), (60000, 1001), (60,), (100,)),
        *((120000, 1001), (120,)),
    )
)
_MAX_RATE = Fraction(120)
_PROBE_PACKETS = 2000
_PROGRESSIVE = 1
"""FFmpeg's AVFieldOrder: 0 unknown, 1 progressive, from 2 on interlaced."""


class MissingMedia(MediaError):
    """There is no file at the path."""


class NoVideoStream(MediaError):
    """The file can be read but holds no moving picture."""


class MediaInfo(BaseModel):
    """What a file holds, as far as its headers and its first packets tell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int
    """Pixels across as displayed: after rotation, with square pixels."""
    height: int
    rate: FrameRate
    """Nominal frame rate; see variable_rate."""
    duration_s: float
    """As the file states it, else counted."""
    duration_stated: bool
    num_frames: int
    """An estimate: what the header claims, or duration times rate."""
    has_video: bool
    has_audio: bool
    rotation: int
    """Counter-clockwise turn in degrees (0, 90, 180, 270) that the player must apply; already in width and height."""
    variable_rate: bool
    codec: str
    pixel_format: str
    audio_codec: str | None
    start_s: float
    """When the first video frame is due on the file's own clock."""
    sound_start_s: float
    """When the sound begins, after the first video frame; negative when before it, 0 without sound."""
    square_pixels: bool
    interlaced: bool
    """Whether the file says so, of the stream or of its first frame, or its pictures are combs."""
    unmarked_fields: Fields | None
    """The order of the fields where the file does not say that it has any."""
    keyframe_interval: int
    """Largest distance between keyframes seen, in frames."""


def open_media(path: Path) -> InputContainer:
    """The opened container; the caller closes it.

    Raises: MissingMedia when there is no such file, MediaError when it is empty or no media container.
    """
    if not path.is_file():
        raise MissingMedia(f"{path}: no such file; mend the path")
    if path.stat().st_size == 0:
        raise MediaError(f"{path}: the file is empty; copy or download it again")
    try:
        # An absolute path, for ffmpeg would read "a:b.mp4" as the protocol "a".
        return av.open(
            str(path.absolute()),
            options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except FFmpegError as error:
        raise MediaError(
            f"{path}: not a video container, or cut short before its index ({error.strerror}); copy it again or re-mux it"
        ) from error


def is_cut_short(path: Path) -> bool:
    """Whether an mp4 ends before the last of its boxes does, or within a box's head; only their heads are read."""
    end, place = path.stat().st_size, 0
    with path.open("rb") as file:
        while place < end:
            file.seek(place)
            head = file.read(16)
            size = int.from_bytes(head[:4], "big")
            size = int.from_bytes(head[8:16], "big") if size == 1 else end - place if size == 0 else size
            if len(head) < 8 or size < 8:
                return True
            place += size
    return place != end or end == 0


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first moving picture, set to decode on one thread (cover art does not count). Raises: NoVideoStream."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None:
            stream.codec_context.thread_count = 1
            return stream
    raise NoVideoStream(f"{path}: no video stream; re-mux with -map 0:v, or leave the file out")


def _nominal_rate(stated: Fraction, deltas: Sequence[int], tick: Fraction) -> Fraction:
    """The stated rate where the timestamps bear it out, else the mean of the usual steps, set to a common rate within 1 %.

    Of a clock that is coarse (milliseconds in Matroska) a step is rounded either way, and only their mean tells 30 from 29.97.
    """
    if not deltas:
        seen, unsure = (stated if stated > 0 else Fraction(25)), Fraction(0)
    else:
        middle = sorted(deltas)[len(deltas) // 2]
        usual = [delta for delta in deltas if abs(delta - middle) <= 1]
        seen = len(usual) / (sum(usual) * tick)
        unsure = max(Fraction(1, 2000), Fraction(1, sum(usual)))
    is_stated = stated > 0 and abs(stated - seen) <= unsure * seen
    exact = stated if is_stated else seen
    best = min(_COMMON_RATES, key=lambda rate: abs(rate - exact))
    if abs(best - exact) <= exact * (Fraction(1, 5000) if is_stated else Fraction(1, 100)):
        return best
    return min(exact.limit_denominator(1001), _MAX_RATE)


def probe(path: Path) -> MediaInfo:
    """What the file holds; reads the headers, 2000 packets (all of them where no duration is stated), and decodes one frame.

    Of pictures that may be interlaced 60 more are decoded, to see whether they are.

    Raises: MissingMedia, NoVideoStream, MediaError when not a single frame can be decoded.
    """
    with open_media(path) as container:
        stream = video_stream(container, path)
        context = stream.codec_context
        assert stream.time_base is not None
        times: list[int] = []
        keys: list[int] = []
        first: VideoFrame | None = None
        count = 0
        stated = bool(stream.duration or container.duration)
        try:
            for packet in container.demux(stream):
                count += packet.size > 0
                if first is None:
                    first = next(iter(_decoded(packet)), None)
                # Packets before an edit list's start are decoded and never shown.
                if packet.pts is not None and not packet.is_discard:
                    if packet.is_keyframe:
                        keys.append(len(times))
                    times.append(packet.pts)
                if count >= _PROBE_PACKETS and first is not None and stated:
                    break
        except FFmpegError as error:
            if first is None:
                raise MediaError(f"{path}: no frame can be decoded ({error.strerror}); copy or encode it again") from error
        if first is None:
            raise MediaError(f"{path}: no frame can be decoded; copy or encode it again")
        times.sort()
        deltas = [b - a for a, b in pairwise(times) if b > a]
        tick = Fraction(stream.time_base)
        rate = _nominal_rate(Fraction(stream.average_rate or stream.guessed_rate or 0), deltas, tick)
        if rate <= 0:
            raise MediaError(f"{path}: its header gives a frame rate of {rate}; encode it again")
        # A millisecond clock (Matroska) may round each way; past a quarter of a frame the steps are no longer even.
        nominal = 1 / rate
        variable = any(abs(delta * tick - nominal) > max(nominal / 4, tick) for delta in set(deltas))
        rotation = round(first.rotation / 90) * 90 % 360
        aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
        width, height = display_size(first.width, first.height, aspect, rotation)
        start_s = float((first.pts or 0) * tick)
        if stream.duration:
            duration_s = float(stream.duration * tick)
        elif container.duration:
            duration_s = max(0.0, container.duration / av.time_base - start_s)
        else:
            duration_s = float((times[-1] - times[0]) * tick + nominal if times else count * nominal)
        marked = first.interlaced_frame or context.field_order > _PROGRESSIVE
        unmarked = None if marked else unmarked_fields(container, stream)
        intervals = [b - a for a, b in zip(keys, [*keys[1:], len(times)], strict=False)]
        audio = next(iter(container.streams.audio), None)
        return MediaInfo(
            width=width,
            height=height,
            rate=FrameRate.of(rate),
            duration_s=duration_s,
            duration_stated=stated,
            num_frames=stream.frames or round(duration_s * rate),
            has_video=True,
            has_audio=audio is not None,
            rotation=rotation,
            variable_rate=variable,
            codec=context.name,
            pixel_format=context.pix_fmt or "",
            audio_codec=audio.codec_context.name if audio is not None and audio.codec_context is not None else None,
            start_s=start_s,
            sound_start_s=0.0 if audio is None else float((audio.start_time or 0) * (audio.time_base or 0)) - start_s,
            square_pixels=aspect == 1,
            interlaced=marked or unmarked is not None,
            unmarked_fields=unmarked,
            keyframe_interval=max(intervals, default=0),
        )


def _decoded(packet: av.Packet[VideoStream]) -> list[VideoFrame]:
    """Frames that a packet completes; a damaged packet completes none."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except FFmpegError:
        return []


def display_size(width: int, height: int, aspect: Fraction, rotation: int) -> tuple[int, int]:
    """Width and height as displayed: pixels made square by widening or narrowing, then turned.

    >>> display_size(720, 576, Fraction(16, 15), 0), display_size(1920, 1080, Fraction(1), 90)
    ((768, 576), (1080, 1920))
    """
    wide = max(1, round(width * aspect))
    return (height, wide) if rotation % 180 else (wide, height)
