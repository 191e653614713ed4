"""Shots: where the broadcast cuts from one camera to another.

PySceneDetect's AdaptiveDetector decides; it is fed the frames that ingest decodes anyway, scaled down once, so finding shots
costs no second decode. Only hard cuts are found: a dissolve or a wipe lies inside a shot. Cuts are exact to the frame
of the proxy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from deepsport.ids import make_id
from deepsport.records import Made, Shot
from deepsport.taxonomy import Transition
from deepsport.timebase import FrameRate, FrameWindow
from deepsport.video import FrameReader

Image = npt.NDArray[np.uint8]
"""BGR, HWC."""

MAX_WIDTH = 256
"""Frames are scaled to at most so many pixels across before they are compared, as PySceneDetect does itself."""


_SHIFT_BLOCKS = 3
"""A view counts as the same when it has panned by up to so many blocks of 4 pixels."""


class ShotConfig(BaseModel):
    """How shots are found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    adaptive_threshold: float = Field(default=3.0, gt=0)
    """How many times greater than its neighbours' a frame's change must be to count as a cut."""
    min_change: float = Field(default=15.0, gt=0)
    """Smallest mean change of hue, saturation and brightness (0 to 255) that can be a cut."""
    min_shot_s: float = Field(default=0.4, ge=0)
    """A cut that follows another sooner than this is not one."""
    same_picture: float = Field(default=0.92, gt=0, le=1)
    """Correlation of brightness from which on two pictures count as the same view; a jump after which the view is the same is
    a flash, a change of exposure or a graphic, not a cut."""
    max_flash_s: float = Field(default=0.8, ge=0, le=5)
    """How far before and after a jump the same view is looked for, in seconds."""


class _Fed(NamedTuple):
    """A frame that was fed: how many came before it, its number in the proxy, its pixels."""

    num_before: int
    frame_index: int
    frame_HWC: Image


class CutFinder:
    """Finds cuts in frames fed one after another; memory does not grow with the video."""

    def __init__(self, config: ShotConfig, rate: FrameRate) -> None:
        from scenedetect.detectors import AdaptiveDetector

        self._rate = rate.fraction
        self._same_picture = config.same_picture
        self._min_shot_s = config.min_shot_s
        # Its own minimal length would let a flash hide the cut that follows it; ours is applied to what is left.
        self._detector = AdaptiveDetector(
            adaptive_threshold=config.adaptive_threshold, min_content_val=config.min_change, min_scene_len=0
        )
        # A jump is judged by the pictures around it, so it waits until those after it have come.
        self._reach = max(self._detector.window_width, round(config.max_flash_s * rate.fps))
        self._recent: deque[_Fed] = deque(maxlen=2 * self._reach + 1)
        self._jumps: deque[int] = deque()
        self._num_fed = 0
        self._cuts: list[int] = []

    def feed(self, frame_HWC: Image, frame_index: int) -> None:
        """Take the next frame: BGR, at most MAX_WIDTH across, and its number in the proxy (numbers may skip, not repeat)."""
        from scenedetect.common import FrameTimecode

        self._recent.append(_Fed(self._num_fed, frame_index, frame_HWC))
        found: list[FrameTimecode] = self._detector.process_frame(FrameTimecode(self._num_fed, self._rate), frame_HWC)
        self._jumps.extend(timecode.frame_num for timecode in found)
        self._num_fed += 1
        while self._jumps and self._jumps[0] + self._reach < self._num_fed:
            self._judge(self._jumps.popleft())

    def finish(self) -> list[int]:
        """Numbers in the proxy of the frames that begin a shot, in order and without 0; call it after the last frame."""
        while self._jumps:
            self._judge(self._jumps.popleft())
        return self._cuts

    def _judge(self, jump: int) -> None:
        before = [fed for fed in self._recent if jump - self._reach <= fed.num_before < jump]
        after = [fed for fed in self._recent if jump <= fed.num_before < jump + self._reach]
        number = after[0].frame_index
        too_soon = (number - (self._cuts[-1] if self._cuts else 0)) / self._rate < self._min_shot_s
        if before and not too_soon and not self._comes_back(before, after):
            self._cuts.append(number)

    def _comes_back(self, before: list[_Fed], after: list[_Fed]) -> bool:
        """Whether a picture before the jump is seen again after it: the light changed or a graphic came or went."""
        blocks_before, blocks_after = (np.stack([_blocks(fed.frame_HWC) for fed in side]) for side in (before, after))
        reach = min(_SHIFT_BLOCKS, (blocks_before.shape[2] - 1) // 2)
        middle = slice(reach, blocks_before.shape[2] - reach)
        outlines = _outlines(blocks_before[:, :, middle])
        for shift in range(-reach, reach + 1):
            moved = _outlines(blocks_after[:, :, middle.start + shift : middle.stop + shift])
            if float((outlines @ moved.T).max()) > self._same_picture:
                return True
        return False


def _blocks(frame_HWC: Image) -> npt.NDArray[np.float64]:
    """Brightness in blocks of 4x4 pixels, HW."""
    height, width = (max(1, side // 4) * 4 if side >= 4 else side for side in frame_HWC.shape[:2])
    grey = frame_HWC[:height, :width].mean(-1)
    return np.asarray(grey.reshape(max(1, height // 4), -1, max(1, width // 4), min(4, width)).mean((1, 3)))


def _outlines(blocks_THW: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each picture as a row of length 1 without its mean: the product of two is their correlation, whatever the light."""
    rows = blocks_THW.reshape(len(blocks_THW), -1)
    centred = rows - rows.mean(1, keepdims=True)
    return np.asarray(centred / np.maximum(1e-9, np.linalg.norm(centred, axis=1, keepdims=True)))


def detect_shots(proxy: Path, broadcast_id: str, config: ShotConfig | None = None, made: Made | None = None) -> list[Shot]:
    """The shots of a constant-rate proxy, in order; together they cover it without gap or overlap.

    Raises: MediaError when the proxy cannot be decoded.
    """
    with FrameReader(proxy, size=(MAX_WIDTH, MAX_WIDTH * 9 // 16), cache_bytes=0) as reader:
        finder = CutFinder(config or ShotConfig(), reader.rate)
        for index in range(reader.num_frames):
            finder.feed(np.ascontiguousarray(reader.frames([index])[0, :, :, ::-1]), index)
        return shots_between(finder.finish(), reader.num_frames, reader.rate, broadcast_id, made or Made(step="detect_shots"))


def shots_between(cuts: Sequence[int], num_frames: int, rate: FrameRate, broadcast_id: str, made: Made) -> list[Shot]:
    """Shots from the numbers of the frames that begin one, in order of time.

    >>> [s.span.end_s for s in shots_between([50], 75, FrameRate(num=25), "b", Made(step="detect_shots"))]
    [2.0, 3.0]
    """
    starts = [0, *sorted({cut for cut in cuts if 0 < cut < num_frames})]
    shots = []
    for index, (first, end) in enumerate(zip(starts, [*starts[1:], num_frames], strict=True)):
        span = rate.span_of(FrameWindow(idx_start=first, idx_end=end - 1))
        shots.append(
            Shot(
                shot_id=make_id("shot", broadcast_id, first, end),
                broadcast_id=broadcast_id,
                shot_index=index,
                span=span,
                transition=Transition.CUT if index else Transition.START,
                made=made,
            )
        )
    return shots
