"""What becomes of the frames of the one decode: a proxy that is encoded, or copied, or none; and stills."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
from av.video.frame import VideoFrame
from pydantic import BaseModel, ConfigDict, Field

from deepsport.video import (
    MediaInfo,
    PacketCopier,
    Painter,
    Samples,
    VideoWriter,
    pillarboxed,
    video_stream,
)

SAMPLE_RATE = 16_000


class ProxyConfig(BaseModel):
    """How the proxy is made, the copy of a broadcast that all later stages look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(default=640, ge=16, le=4094, multiple_of=2)
    """Pixels across; the picture keeps its shape and is centred on black."""
    height: int = Field(default=360, ge=16, le=4094, multiple_of=2)
    """Pixels down."""
    gop: int = Field(default=4, ge=1, le=600)
    """Frames from one keyframe to the next: few make finding a frame cheap and the file big."""
    quantizer: int = Field(default=7, ge=2, le=31)
    """How coarse the pictures are (MPEG-2): less is better and bigger."""
    max_lost_share: float = Field(default=0.05, ge=0, le=1)
    """A source of which a greater share cannot be decoded is refused."""


class Sink(Protocol):
    """What becomes of packets, frames and samples."""

    def packet(self, packet: av.Packet[av.stream.Stream]) -> None:
        """Take a packet of the source."""

    def picture(self, frame: VideoFrame, copies: int) -> VideoFrame:
        """Take a frame that is shown for so many steps, and give the picture that shots are found in."""

    def sound(self, samples_N: Samples) -> None:
        """Take samples."""

    def close(self) -> None:
        """Finish the proxy."""

    def discard(self) -> None:
        """Leave no proxy."""


class NoSink:
    """Makes no proxy."""

    def __init__(self, info: MediaInfo, config: ProxyConfig) -> None:
        # A view on its side would be squeezed the other way: it is turned first.
        self._painter = Painter(fitted(info.width, info.height, config.width, config.height), info.rotation)
        self._turned = bool(info.rotation)

    def packet(self, packet: av.Packet[av.stream.Stream]) -> None:
        """Packets are not needed."""

    def picture(self, frame: VideoFrame, copies: int) -> VideoFrame:
        """The frame as it is, upright."""
        return self._painter.yuv(frame) if self._turned else frame

    def sound(self, samples_N: Samples) -> None:
        """Samples are not needed."""

    def close(self) -> None:
        """There is nothing to finish."""

    def discard(self) -> None:
        """There is nothing to leave."""


class EncodeSink:
    """Makes the proxy by encoding."""

    def __init__(self, proxy: Path, info: MediaInfo, config: ProxyConfig) -> None:
        self._size = (config.width, config.height)
        self._painter = Painter(fitted(info.width, info.height, *self._size), info.rotation)
        self._writer = VideoWriter(
            proxy,
            info.rate,
            self._size,
            sample_rate=SAMPLE_RATE if info.has_audio else None,
            gop=config.gop,
            quantizer=config.quantizer,
        )

    def packet(self, packet: av.Packet[av.stream.Stream]) -> None:
        """Packets are not needed."""

    def picture(self, frame: VideoFrame, copies: int) -> VideoFrame:
        """Encode a frame so many times, and give it as it is in the proxy, without its bars."""
        picture = self._painter.yuv(frame)
        self._writer.add_picture(pillarboxed(picture, self._size), copies)
        return picture

    def sound(self, samples_N: Samples) -> None:
        """Encode samples."""
        self._writer.add_audio(samples_N)

    def close(self) -> None:
        """Finish the proxy."""
        self._writer.close()

    def discard(self) -> None:
        """Leave no proxy."""
        self._writer.discard()


class CopySink:
    """Makes the proxy of the source's own packets."""

    def __init__(self, source: Path, proxy: Path, container: av.container.InputContainer) -> None:
        video = video_stream(container, source)
        audio = next((s for s in container.streams.audio if s.codec_context is not None), None)
        self._copier = PacketCopier(proxy, [video] if audio is None else [video, audio])

    def packet(self, packet: av.Packet[av.stream.Stream]) -> None:
        """Copy a packet."""
        self._copier.add(packet)

    def picture(self, frame: VideoFrame, copies: int) -> VideoFrame:
        """The frame as it is."""
        assert copies == 1
        return frame

    def sound(self, samples_N: Samples) -> None:
        """Samples are not needed: the sound's packets are copied."""

    def close(self) -> None:
        """Finish the proxy."""
        self._copier.close()

    def discard(self) -> None:
        """Leave no proxy."""
        self._copier.discard()


class Stills:
    """JPEGs at a low rate."""

    def __init__(self, work: Path, info: MediaInfo, config: ProxyConfig, per_s: float) -> None:
        self.written: list[tuple[int, Path]] = []
        self._work = work
        self._every = round(info.rate.fps / per_s) if per_s > 0 else 0
        self._painter = Painter(fitted(info.width, info.height, config.width, config.height), info.rotation)
        self._due = 0

    def feed(self, frame: VideoFrame, frame_index: int, copies: int) -> None:
        """Write the frame when it is shown at a step for which a still is due."""
        if self._every and frame_index + copies > self._due:
            import cv2  # not to be loaded by who reads a recipe

            path = self._work / f"{self._due:08d}.jpg"
            _, jpeg = cv2.imencode(".jpg", self._painter.bgr(frame), (cv2.IMWRITE_JPEG_QUALITY, 85))
            path.write_bytes(jpeg.tobytes())
            self.written.append((self._due, path))
            self._due += self._every


def fitted(width: int, height: int, max_width: int, max_height: int) -> tuple[int, int]:
    """The greatest even size of the same shape that fits.

    >>> fitted(1080, 1920, 640, 360), fitted(1768, 994, 640, 360), fitted(320, 240, 640, 360)
    ((202, 360), (640, 360), (480, 360))
    """
    scale = min(Fraction(max_width, width), Fraction(max_height, height))
    return tuple(min(most, max(2, round(side * scale / 2) * 2)) for side, most in ((width, max_width), (height, max_height)))  # type: ignore[return-value]
