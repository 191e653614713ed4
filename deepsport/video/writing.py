"""Writing mp4s that are small and the same bytes each time: proxies, clips for shards, simulated broadcasts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from deepsport.timebase import FrameRate, FrameWindow, Span
from deepsport.video.pictures import FULL_RANGE, LIMITED_RANGE, Frames, matrix_of
from deepsport.video.reading import PictureReader
from deepsport.video.sound import Samples, read_audio

_HD, _SD = 1, 6
"""FFmpeg's numbers of BT.709's and SMPTE 170M's primaries and curves."""


class _Mp4:
    """An mp4 being written under a temporary name; used as a context, it gets its name when no error was raised."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        # bitexact leaves out the library's version, so that bytes depend on pictures and settings only.
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        self._container = av.open(str(self._part.absolute()), "w", format="mp4", container_options=options)

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._container.close()
        self._part.replace(self.path)

    def discard(self) -> None:
        """Throw away what was written."""
        with contextlib.suppress(FFmpegError):  # the trailer of a file without a packet
            self._container.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


class PacketCopier(_Mp4):
    """Writes packets of opened streams into an mp4 as they are: no picture is encoded again."""

    def __init__(self, path: Path, streams: Sequence[VideoStream | AudioStream]) -> None:
        super().__init__(path)
        self._streams = {stream.index: self._container.add_stream_from_template(stream) for stream in streams}

    def add(self, packet: Packet[Stream]) -> None:
        """Append a packet; decode it before, for it changes hands. Empty ones, which end a stream, are passed over."""
        if packet.dts is None:
            return
        packet.stream = self._streams[packet.stream.index]
        self._container.mux(packet)


class VideoWriter(_Mp4):
    """Writes an mp4 (yuv420p, constant rate from 0, AAC mono, index in front); the same input gives the same bytes (x264 keeps to
    that from 96x54 on: of 64x48 it reads memory that nobody wrote, and one film in fifty differs).

    The file appears under its name when the writer is closed without an error; until then it has a temporary name.
    Pictures are H.264 of the quality crf; with a quantizer (2 to 31, less is better) they are MPEG-2, which takes a fraction of
    the time to encode and decode, and which browsers do not play.
    size is (width, height), both even. Every gop-th frame is a keyframe, and no other. quick saves 1.4 ms a frame of 640x360 (of
    6) where films are made by the hour: colour is taken from every second pixel, and the sound's encoder searches less.
    rotation (degrees anticlockwise, in steps of 90) is noted in the file, for players to turn the pictures by.
    """

    def __init__(
        self,
        path: Path,
        rate: FrameRate,
        size: tuple[int, int],
        *,
        sample_rate: int | None = None,
        gop: int = 10,
        crf: int = 23,
        preset: str = "veryfast",
        b_frames: int = 0,
        quantizer: int | None = None,
        quick: bool = False,
        rotation: int = 0,
    ) -> None:
        if size[0] % 2 or size[1] % 2 or min(size) < 2:
            raise ValueError(f"yuv420p needs even sizes, got {size[0]}x{size[1]}")
        super().__init__(path)
        self.size = size
        self.num_frames = 0
        self._video = self._container.add_stream("libx264" if quantizer is None else "mpeg2video", rate=rate.fraction)
        self._video.width, self._video.height, self._video.pix_fmt = *size, "yuv420p"
        if rotation:
            self._video.set_display_rotation(rotation)
        self._time_base = 1 / rate.fraction
        self._video.time_base = self._time_base
        context = self._video.codec_context
        # MPEG-2 knows few rates, and no 120000/1001; the container's clock is the one that is read.
        context.time_base = self._clock = self._time_base if quantizer is None else Fraction(1, 25)
        # One thread: x264's choices depend on the number of threads.
        context.thread_count = 1
        context.options = {"g": str(gop), "bf": str(b_frames), "flags": "+bitexact"}
        if quantizer is not None:
            context.options |= {"qmin": str(quantizer), "qmax": str(quantizer), "sc_threshold": str(10**9)}
            # Blocks of which so little has changed stay as they were: a seventh fewer bytes for 0.7 dB, and quicker to decode.
            context.options |= {"luma_elim_threshold": "12", "chroma_elim_threshold": "12"}
            if not b_frames:
                context.options["flags"] += "+low_delay"  # or a decoder holds back a picture, lest a B-frame come
        else:
            context.options |= {"preset": preset, "crf": str(crf), "sc_threshold": "0"}
            if gop == 1:  # made for finding frames: less than half the time to decode, for a tenth more bytes
                context.options |= {"tune": "fastdecode"}
        context.color_range = LIMITED_RANGE
        self._audio = self._container.add_stream("aac", rate=sample_rate) if sample_rate else None
        if self._audio is not None:
            self._audio.codec_context.layout = "mono"
            self._audio.codec_context.bit_rate = 48_000
            self._audio.codec_context.options = {"flags": "+bitexact", **({"aac_coder": "fast"} if quick else {})}
        self._sample_rate = sample_rate or 0
        self._num_samples = 0
        self._scaler = VideoReformatter()
        # Planes of OpenCV and of FFmpeg lie alike where the height divides by four.
        self._planes = np.empty((size[1] * 3 // 2, size[0]), np.uint8) if quick and size[1] % 4 == 0 else None
        # The first picture's YUV matrix is kept and named in the file: converting costs as much as scaling.
        self._matrix: int | None = None

    def add_frame(self, frame_HWC: Frames) -> None:
        """Append one RGB frame, HWC uint8, of the writer's size."""
        width, height = self.size
        if frame_HWC.shape != (height, width, 3) or frame_HWC.dtype != np.uint8:
            raise ValueError(f"expected uint8 frames of {height}x{width}x3, got {frame_HWC.dtype} {frame_HWC.shape}")
        if self._planes is not None:
            import cv2

            cv2.cvtColor(frame_HWC, cv2.COLOR_RGB2YUV_I420, dst=self._planes)  # BT.601, limited range
            self.add_picture(VideoFrame.from_numpy_buffer(self._planes, "yuv420p"))
            return
        # The frame's own memory is read, not a copy of it (0.7 ms for 640x360), where rows end as FFmpeg's vectors do.
        wrap = VideoFrame.from_ndarray if 3 * width % 64 else VideoFrame.from_numpy_buffer
        self.add_picture(wrap(np.ascontiguousarray(frame_HWC), "rgb24"))

    def add_picture(self, picture: VideoFrame, copies: int = 1) -> None:
        """Append a decoded picture, scaled to the writer's size if need be, as often as copies says."""
        matrix = matrix_of(picture)
        if self._matrix is None:
            context = self._video.codec_context
            self._matrix = context.colorspace = matrix
            if context.name == "mpeg2video":
                # H.264 names the matrix alone; MPEG-2 only beside primaries and a curve, which nothing here reads: the usual.
                context.color_primaries = context.color_trc = _SD if matrix == Colorspace.ITU601 else _HD
        fits = (picture.width, picture.height) == self.size and picture.format.name == "yuv420p"
        plain = picture
        if not fits or matrix != self._matrix or picture.color_range == FULL_RANGE:
            plain = self._scaler.reformat(
                picture,
                width=self.size[0],
                height=self.size[1],
                format="yuv420p",
                src_colorspace=matrix,
                dst_colorspace=self._matrix,
                dst_color_range=LIMITED_RANGE,
                interpolation=Interpolation.AREA,
                threads=1,
            )
        plain.pict_type = 0
        plain.time_base = self._clock
        for _ in range(copies):
            plain.pts = self.num_frames
            self._encode(plain)
            self.num_frames += 1

    def _encode(self, picture: VideoFrame | None) -> None:
        for packet in self._video.encode(picture):
            packet.time_base = self._time_base
            self._container.mux(packet)

    def hold(self) -> None:
        """Let the time of a frame pass without a new one: the picture before stays, and the file is of variable rate."""
        self.num_frames += 1

    def add_audio(self, samples_N: Samples) -> None:
        """Append mono samples in [-1, 1]; keep them roughly in step with the frames, or the muxer has to hold them."""
        assert self._audio is not None, "the writer was opened without a sample rate"
        if not len(samples_N):
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples_N, np.float32)[None, :], "fltp", "mono")
        frame.sample_rate = self._sample_rate
        frame.time_base = Fraction(1, self._sample_rate)
        frame.pts = self._num_samples
        self._num_samples += len(samples_N)
        self._container.mux(self._audio.encode(frame))

    def close(self) -> None:
        """Finish the file and give it its name. Raises: ValueError when no frame was added."""
        if not self.num_frames:
            self.discard()
            raise ValueError(f"{self.path}: no frame to write")
        self._encode(None)
        if self._audio is not None and self._num_samples:
            self._container.mux(self._audio.encode(None))
        super().close()


def write_video(
    path: Path,
    frames: Iterable[Frames],
    rate: FrameRate,
    audio: Samples | None = None,
    *,
    sample_rate: int = 16000,
    gop: int = 10,
    crf: int = 23,
    preset: str = "veryfast",
    b_frames: int = 0,
) -> None:
    """Write RGB frames (HWC uint8, even sizes) and mono float32 audio as an mp4, as VideoWriter does.

    Raises: ValueError when there is no frame, or one of another size or dtype.
    """
    writer: VideoWriter | None = None
    num_sent = 0
    try:
        for frame_HWC in frames:
            if writer is None:
                size = (frame_HWC.shape[1], frame_HWC.shape[0])
                rate_or_none = sample_rate if audio is not None else None
                writer = VideoWriter(
                    path, rate, size, sample_rate=rate_or_none, gop=gop, crf=crf, preset=preset, b_frames=b_frames
                )
            writer.add_frame(frame_HWC)
            if audio is not None:
                due = int(writer.num_frames * sample_rate / rate.fraction)
                writer.add_audio(audio[num_sent:due])
                num_sent = max(num_sent, due)
        if writer is None:
            raise ValueError(f"{path}: no frame to write")
        if audio is not None:
            writer.add_audio(audio[num_sent:])
        finished, writer = writer, None
        finished.close()
    finally:
        if writer is not None:
            writer.discard()


def cut_clip(
    proxy: Path,
    where: FrameWindow | Span,
    out: Path,
    *,
    size: tuple[int, int] | None = None,
    gop: int = 10,
    crf: int = 23,
    preset: str = "veryfast",
    audio: bool = False,
) -> None:
    """Write a stretch of a proxy as an mp4 of its own: constant rate, start 0, short GOP, the same bytes each time.

    where is a window of the proxy's frames (both ends in) or a span of its seconds; size is (width, height), None keeps it.

    Raises: MissingMedia, NoVideoStream, MediaError; ValueError when the window lies outside the proxy.
    """
    reader = PictureReader(proxy)
    try:
        window = where if isinstance(where, FrameWindow) else reader.rate.window_of(where, reader.num_frames)
        if window is None or window.idx_end >= reader.num_frames:
            raise ValueError(f"{proxy} has {reader.num_frames} frames; {where} lies outside")
        sound = read_audio(proxy, 16000, span=reader.rate.span_of(window)) if audio else None
        first = next(p for n, p in reader.until(window.idx_start) if n == window.idx_start)
        with VideoWriter(
            out,
            reader.rate,
            size or (first.width, first.height),
            sample_rate=None if sound is None else 16000,
            gop=gop,
            crf=crf,
            preset=preset,
        ) as writer:
            writer.add_picture(first)
            for number in range(window.idx_start + 1, window.idx_end + 1):
                for _, picture in reader.until(number):
                    writer.add_picture(picture)
                if sound is not None:
                    done = number - window.idx_start
                    writer.add_audio(sound[_samples_at(done - 1, reader.rate) : _samples_at(done, reader.rate)])
            if sound is not None:
                writer.add_audio(sound[_samples_at(window.num_frames - 1, reader.rate) :])
    finally:
        reader.close()


def _samples_at(frame: int, rate: FrameRate) -> int:
    return int(frame * 16000 / rate.fraction)
