"""Decoded frames as arrays and pictures, in display orientation; every frame of any source, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from deepsport.errors import MediaError
from deepsport.video.fields import whole_pictures
from deepsport.video.media import open_media, probe, video_stream

Frames = npt.NDArray[np.uint8]
"""RGB, HWC or THWC."""
LIMITED_RANGE, FULL_RANGE = 1, 2
_HD_HEIGHT = 720
_BT601 = (5, 6)  # BT.470BG and SMPTE 170M: two names of one matrix
_UNKNOWN = (0, 2)


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
        """The frame as a yuv420p picture; its YUV matrix is kept and named."""
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


def matrix_of(frame: VideoFrame) -> int:
    """The frame's YUV matrix (BT.601 for RGB); where the file does not say, BT.709 for HD and BT.601 below, as players assume."""
    if frame.format.name.startswith(("rgb", "bgr", "gbr")) or frame.colorspace in _BT601:
        return int(Colorspace.ITU601)
    if frame.colorspace not in _UNKNOWN:
        return frame.colorspace
    return int(Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601)


def iter_frames(path: Path, *, size: tuple[int, int] | None = None) -> Iterator[tuple[float, Frames]]:
    """Every frame in display order: seconds since the first frame, and RGB as HWC uint8; interlaced ones made whole.

    size is (width, height), stretched to fit; None keeps the display size. Works on any source, variable rate included.

    Raises: MissingMedia, NoVideoStream, MediaError when a frame cannot be decoded.
    """
    info = probe(path)
    painter = Painter(size or (info.width, info.height), info.rotation)
    with open_media(path) as container:
        try:
            for frame in whole_pictures(container.decode(video_stream(container, path)), info.unmarked_fields):
                time_s = frame.time if frame.pts is not None else info.start_s
                yield max(0.0, time_s - info.start_s), painter.rgb(frame)
        except FFmpegError as error:
            raise MediaError(f"{path}: a frame cannot be decoded ({error.strerror}); encode it again") from error
