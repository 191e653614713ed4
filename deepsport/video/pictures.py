"""Frames as arrays: any source in display orientation, and constant-rate proxies by frame number."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from deepsport.errors import MediaError
from deepsport.timebase import FrameRate
from deepsport.video.media import open_media, probe, video_stream

Frames = npt.NDArray[np.uint8]
"""RGB, HWC or THWC."""
LIMITED_RANGE, FULL_RANGE = 1, 2
_HD_HEIGHT = 720
_BT601 = (5, 6)  # BT.470BG and SMPTE 170M: two names of one matrix
_UNKNOWN = (0, 2)
# Decoding on is as cheap as a seek for about this many frames.
_SEEK_COST = 5


class Painter:
    """Turns decoded frames into RGB arrays or yuv420p pictures of one size, in display orientation; keeps its scaler."""

    def __init__(self, size: tuple[int, int], rotation: int = 0) -> None:
        self.size = size
        self._turns = rotation // 90 % 4
        self._stored = (size[1], size[0]) if self._turns % 2 else size
        self._scaler = VideoReformatter()

    def _scaled(self, frame: VideoFrame, pixel_format: str) -> VideoFrame:
        # threads=1: left to itself swscale starts a thread a core for every frame, at 1.6 to 4 times the CPU.
        return self._scaler.reformat(
            frame,
            width=self._stored[0],
            height=self._stored[1],
            format=pixel_format,
            src_colorspace=matrix_of(frame),
            interpolation=Interpolation.AREA,
            threads=1,
        )

    def rgb(self, frame: VideoFrame) -> Frames:
        """The frame as RGB, HWC uint8, stretched to the size."""
        return self._turned(self._scaled(frame, "rgb24").to_ndarray())

    def bgr(self, frame: VideoFrame) -> Frames:
        """The frame as BGR, HWC uint8, as OpenCV wants it."""
        return self._turned(self._scaled(frame, "bgr24").to_ndarray())

    def yuv(self, frame: VideoFrame) -> VideoFrame:
        """The frame as a yuv420p picture with limited range; its YUV matrix is kept and named."""
        matrix = matrix_of(frame)
        picture = self._scaler.reformat(
            frame,
            width=self._stored[0],
            height=self._stored[1],
            format="yuv420p",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            dst_color_range=LIMITED_RANGE,
            interpolation=Interpolation.AREA,
            threads=1,
        )
        if self._turns:
            picture = picture_of([np.rot90(plane, self._turns) for plane in planes_of(picture)])
        picture.colorspace, picture.color_range = matrix, LIMITED_RANGE
        return picture

    def _turned(self, image_HWC: npt.NDArray[np.generic]) -> Frames:
        turned = np.rot90(image_HWC, self._turns) if self._turns else image_HWC
        return np.ascontiguousarray(turned, dtype=np.uint8)


def planes_of(picture: VideoFrame) -> list[Frames]:
    """Y, U and V of a yuv420p picture as HW arrays, the last two of half the size; views where the picture allows."""
    planes = []
    for plane in picture.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        planes.append(rows[:, : plane.width])
    return planes


def picture_of(planes: Sequence[Frames]) -> VideoFrame:
    """A yuv420p picture of Y, U and V planes; sides of Y must be even."""
    height, width = planes[0].shape
    flat = np.concatenate([np.ascontiguousarray(plane).reshape(-1) for plane in planes])
    return VideoFrame.from_ndarray(flat.reshape(height * 3 // 2, width), "yuv420p")


def pillarboxed(picture: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    """A yuv420p picture in the middle of a black one of size (width, height); the same one where it fills it."""
    if (picture.width, picture.height) == size:
        return picture
    left, top = (size[0] - picture.width) // 4 * 2, (size[1] - picture.height) // 4 * 2
    planes = []
    for plane, black, halved in zip(planes_of(picture), (16, 128, 128), (1, 2, 2), strict=True):
        canvas = np.full((size[1] // halved, size[0] // halved), black, np.uint8)
        height, width = plane.shape
        canvas[top // halved : top // halved + height, left // halved : left // halved + width] = plane
        planes.append(canvas)
    boxed = picture_of(planes)
    boxed.colorspace, boxed.color_range = picture.colorspace, picture.color_range
    return boxed


class JpegWriter:
    """Turns yuv420p pictures of one size into JPEGs, without a detour over RGB."""

    def __init__(self, quantiser: int = 4) -> None:
        self._quantiser = quantiser
        self._encoder: VideoCodecContext | None = None
        self._scaler = VideoReformatter()
        self._count = 0

    def jpeg(self, picture: VideoFrame) -> bytes:
        """The picture as a JPEG file. quantiser: 2 is best, 31 is smallest."""
        full = self._scaler.reformat(picture, format="yuvj420p", dst_color_range=FULL_RANGE, threads=1)
        if self._encoder is None:
            encoder = CodecContext.create("mjpeg", "w")
            assert isinstance(encoder, VideoCodecContext)
            encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj420p"
            encoder.time_base, encoder.thread_count = Fraction(1, 25), 1
            encoder.options = {"qmin": str(self._quantiser), "qmax": str(self._quantiser)}
            self._encoder = encoder
        full.pts, full.time_base = self._count, Fraction(1, 25)
        self._count += 1
        return b"".join(bytes(packet) for packet in self._encoder.encode(full))


def matrix_of(frame: VideoFrame) -> int:
    """The frame's YUV matrix (BT.601 for RGB); where the file does not say, BT.709 for HD and BT.601 below, as players assume."""
    if frame.format.name.startswith(("rgb", "bgr", "gbr")) or frame.colorspace in _BT601:
        return int(Colorspace.ITU601)
    if frame.colorspace not in _UNKNOWN:
        return frame.colorspace
    return int(Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601)


def iter_frames(path: Path, *, size: tuple[int, int] | None = None) -> Iterator[tuple[float, Frames]]:
    """Every frame in display order: seconds since the first frame, and RGB as HWC uint8.

    size is (width, height), stretched to fit; None keeps the display size. Works on any source, variable rate included.

    Raises: MissingMedia, NoVideoStream, MediaError when a frame cannot be decoded.
    """
    info = probe(path)
    painter = Painter(size or (info.width, info.height), info.rotation)
    with open_media(path) as container:
        try:
            for frame in container.decode(video_stream(container, path)):
                time_s = frame.time if frame.pts is not None else info.start_s
                yield max(0.0, time_s - info.start_s), painter.rgb(frame)
        except FFmpegError as error:
            raise MediaError(f"{path}: a frame cannot be decoded ({error.strerror}); encode it again") from error


class FrameReader:
    """Random access to the frames of a constant-rate proxy or clip: exactly the frames asked for, by pts.

    Frame i of the reader is frame first_frame + i of the file. Decoded frames stay in an LRU cache of cache_bytes; where the
    whole stretch fits, frames met on the way are kept as well, so reading a clip in pieces decodes it once.
    Not thread-safe: give each thread its own reader.

    Raises: MissingMedia, NoVideoStream, MediaError when the file is not constant-rate or a frame cannot be decoded.
    """

    def __init__(
        self,
        path: Path,
        *,
        size: tuple[int, int],
        first_frame: int = 0,
        num_frames: int | None = None,
        cache_bytes: int = 64 << 20,
    ) -> None:
        self.path = path
        self._painter = Painter(size)
        self._pictures = PictureReader(path)
        available = self._pictures.num_frames - first_frame
        if first_frame < 0 or available < 1 or (num_frames is not None and num_frames > available):
            self._pictures.close()
            raise ValueError(f"{path} has {self._pictures.num_frames} frames, asked for {num_frames} from {first_frame}")
        self.first_frame = first_frame
        self.num_frames = available if num_frames is None else num_frames
        self.rate = self._pictures.rate
        self._cache: OrderedDict[int, Frames] = OrderedDict()
        frame_bytes = size[0] * size[1] * 3
        self._cache_frames = max(1, cache_bytes // frame_bytes)
        self._keep_all = self.num_frames <= self._cache_frames

    def frames(self, indices: Sequence[int]) -> Frames:
        """The frames asked for, in the order asked, as THWC uint8 RGB. Indices may repeat.

        Raises: IndexError for an index outside [0, num_frames), MediaError when one cannot be decoded.
        """
        for index in indices:
            if not 0 <= index < self.num_frames:
                raise IndexError(f"{self.path}: frame {index} asked for, there are {self.num_frames}")
        width, height = self._painter.size
        frames_THWC = np.empty((len(indices), height, width, 3), np.uint8)
        places: dict[int, list[int]] = {}
        for place, index in enumerate(indices):
            places.setdefault(index, []).append(place)
        for index in sorted(places):
            frames_THWC[places[index]] = self._frame(index)
        return frames_THWC

    def _frame(self, index: int) -> Frames:
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        for number, picture in self._pictures.until(self.first_frame + index):
            own = number - self.first_frame
            if own == index or (self._keep_all and 0 <= own < self.num_frames and own not in self._cache):
                self._cache[own] = self._painter.rgb(picture)
        while len(self._cache) > self._cache_frames:
            self._cache.popitem(last=False)
        return self._cache[index]

    def close(self) -> None:
        """Close the file; cached frames go as well."""
        self._pictures.close()
        self._cache.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PictureReader:
    """Decoded pictures of a constant-rate file by number; remembers where it is, and seeks only when that is cheaper."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._container = open_media(path)
        try:
            self._stream = video_stream(self._container, path)
            rate = self._stream.average_rate
            if rate is None or self._stream.time_base is None:
                raise MediaError(f"{path}: states no frame rate; ingest it to get a proxy")
        except MediaError:
            self._container.close()
            raise
        self.rate = FrameRate.of(Fraction(rate))
        self._ticks = 1 / (Fraction(rate) * Fraction(self._stream.time_base))
        self._start = self._stream.start_time or 0
        self.num_frames = self._stream.frames or round((self._stream.duration or 0) / self._ticks)
        self._keys = self._keyframes()
        self._decoder: Iterator[VideoFrame] | None = None
        self._next = 0

    def _keyframes(self) -> list[int]:
        """Numbers of the keyframes, as far as the file's index tells; its times are those of decoding, so a lower bound."""
        entries = self._stream.index_entries
        return sorted({self._number(entry.timestamp) for entry in entries if entry.is_keyframe})

    def _number(self, pts: int) -> int:
        return round((pts - self._start) / self._ticks)

    def until(self, number: int) -> Iterator[tuple[int, VideoFrame]]:
        """Decode up to picture number; gives (number, picture) for it and for those met on the way.

        Raises: MediaError when the file has no frame with that pts or it cannot be decoded.
        """
        key = max((k for k in self._keys if k <= number), default=0)
        back_off = 0
        if self._decoder is None or number < self._next or key > self._next + _SEEK_COST:
            self._seek(number)
        while True:
            met: int | None = None
            for met, picture in self._run():
                if met > number:
                    break
                yield met, picture
                if met == number:
                    return
            if met is not None and met > number and self._first > number and back_off < number + 1:
                # Landed behind it: the index goes by decoding times, which run ahead of pts when there are B-frames.
                back_off = max(8, back_off * 2)
                self._seek(max(0, number - back_off))
                back_off = back_off if back_off < number else number + 1
                continue
            raise MediaError(f"{self.path}: no frame has the pts of frame {number}; not a constant-rate proxy, ingest it again")

    def _seek(self, number: int) -> None:
        try:
            self._container.seek(self._start + round(number * self._ticks), stream=self._stream, backward=True)
        except FFmpegError as error:
            raise MediaError(f"{self.path}: cannot seek to frame {number} ({error.strerror}); ingest it again") from error
        self._decoder = iter(self._container.decode(self._stream))
        self._first = -1

    def _run(self) -> Iterator[tuple[int, VideoFrame]]:
        assert self._decoder is not None
        try:
            for picture in self._decoder:
                # After a seek, pictures that lead up to the first keyframe (open GOP) lack their references.
                if picture.pts is None or (self._first < 0 and not picture.key_frame):
                    continue
                number = self._number(picture.pts)
                self._first = number if self._first < 0 else self._first
                self._next = number + 1
                yield number, picture
        except FFmpegError as error:
            self._decoder = None
            raise MediaError(f"{self.path}: a frame cannot be decoded ({error.strerror}); ingest it again") from error
        self._decoder = None

    def close(self) -> None:
        """Close the file."""
        self._decoder = None
        self._container.close()
