"""What is kept of every frame on its way through the one decode: a picture of 64x36 for the moment, a hash and some sights.

A hash is the difference hash of 8x8 bits: two frames that look alike differ in few. A sight is the picture at 16x9 five times a
second; from sights it is told what kind of camera a shot is and which shot a replay shows again.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from ingest.spill import Spill

Pictures = npt.NDArray[np.uint8]
"""N3HW: so many pictures of Y, U and V, each HEIGHT x WIDTH."""
WIDTH, HEIGHT = 64, 36
_BLOCK = 256
_ROWS = (10, 5, 5)
"""Rows of the source that a row of Y, U and V is the mean of, at least; with all twenty of 720 a frame costs twice as much."""


class Seen(NamedTuple):
    """What is kept of a film."""

    hashes_N: npt.NDArray[np.uint64]
    """Of each frame that was fed."""
    frame_indices_N: npt.NDArray[np.int64]
    """Their numbers in the proxy."""
    sights_S3HW: Pictures
    """Y, U and V, 9 x 16."""
    sight_indices_S: npt.NDArray[np.int64]
    """The frames that the sights are of."""


NOTHING_SEEN = Seen(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty((0, 3, 9, 16), np.uint8), np.empty(0, np.int64))


class Glances:
    """Scales frames down, and keeps what is kept, in files: 16 bytes a frame, and 440 a sight."""

    def __init__(self, sight_every: int) -> None:
        import cv2  # not to be loaded by who reads a recipe

        # Ingest is a process a core: OpenCV would wake a thread on each for every frame, at twice the CPU.
        cv2.setNumThreads(1)
        # Area, for bilinear scaling this far down flickers.
        self._resize: Any = partial(cv2.resize, interpolation=cv2.INTER_AREA)
        self._every = max(1, sight_every)
        self._scaler = VideoReformatter()
        self._block_N3HW = np.empty((_BLOCK, 3, HEIGHT, WIDTH), np.uint8)
        self._numbers_N = np.empty(_BLOCK, np.int64)
        self._count = 0
        self._hashes, self._indices = Spill(np.uint64), Spill(np.int64)
        self._sights, self._sight_indices = Spill(np.uint8, (3, 9, 16)), Spill(np.int64)

    def feed(self, picture: VideoFrame, frame_index: int) -> Pictures:
        """Take the next frame, and give it as 3HW; the array is good until the next call."""
        at = self._count % _BLOCK
        if at == 0 and self._count:
            self._put_away(_BLOCK)
        to_3HW: Pictures = self._block_N3HW[at]
        if picture.format.name != "yuv420p":
            # One thread, for swscale would start one a core each time.
            picture = self._scaler.reformat(picture, WIDTH, HEIGHT, "yuv444p", interpolation=Interpolation.AREA, threads=1)
        for plane, rows, to_HW in zip(picture.planes, _ROWS, to_3HW, strict=True):
            from_HW = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width]
            apart = max(1, plane.height // (HEIGHT * rows))
            from_HW = from_HW[apart // 2 :: apart]
            if not (from_HW.shape[0] % (2 * HEIGHT) or from_HW.shape[1] % (2 * WIDTH)):
                # OpenCV halves with SIMD, and adds up larger blocks without: in two steps a frame costs a third less.
                from_HW = self._resize(from_HW, None, fx=0.5, fy=0.5)
            to_HW[:] = self._resize(from_HW, (WIDTH, HEIGHT))
        if self._count % self._every == 0:
            self._sights.append(block_sums(to_3HW, 4, 4)[None] // 16)
            self._sight_indices.append(np.array([frame_index]))
        self._numbers_N[at] = frame_index
        self._count += 1
        return to_3HW

    def _put_away(self, num_frames: int) -> None:
        self._hashes.append(difference_hashes(self._block_N3HW[:num_frames]))
        self._indices.append(self._numbers_N[:num_frames])

    def finish(self) -> Seen:
        """What is kept; call it after the last frame."""
        self._put_away(self._count - len(self._hashes))
        return Seen(self._hashes.rows(), self._indices.rows(), self._sights.rows(), self._sight_indices.rows())


def difference_hashes(pictures_N3HW: Pictures) -> npt.NDArray[np.uint64]:
    """Of each picture 64 bits: whether it gets brighter from one of 9 columns to the next, in 8 rows.

    >>> ramp = np.broadcast_to(np.arange(64, dtype=np.uint8), (1, 3, 36, 64))
    >>> hex(difference_hashes(ramp)[0]), hex(difference_hashes(ramp[..., ::-1])[0])
    ('0xffffffffffffffff', '0x0')
    """
    light = block_sums(pictures_N3HW[:, 0, 2:34, :63], 4, 7)
    bits = np.packbits((light[..., 1:] > light[..., :-1]).reshape(len(light), 64), axis=1)
    return np.ascontiguousarray(bits).view(">u8")[:, 0].astype(np.uint64)


def block_sums(pictures_HW: Pictures, down: int, across: int) -> npt.NDArray[np.uint16]:
    """Sums of blocks of so many rows and columns in the last two axes. Added slice by slice: several times as fast as by axis.

    >>> block_sums(np.arange(8, dtype=np.uint8).reshape(2, 4), 2, 2).tolist()
    [[10, 18]]
    """
    rows = pictures_HW[..., ::down, :].astype(np.uint16)
    for i in range(1, down):
        rows += pictures_HW[..., i::down, :]
    sums = rows[..., ::across].copy()
    for i in range(1, across):
        sums += rows[..., i::across]
    return sums
