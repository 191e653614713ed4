"""Shots: where the broadcast cuts from one camera to another.

PySceneDetect's AdaptiveDetector decides; it is fed the frames that ingest decodes anyway, scaled down once, so finding shots
costs no second decode. Only hard cuts are found: a dissolve or a wipe lies inside a shot. Cuts are exact to the frame
of the proxy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

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
    """Correlation of the brightness before and after from which on a jump is a flash or a change of exposure, not a cut."""


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
        # The detector speaks of a frame some frames back: that one, the one before it, and those after.
        self._recent: deque[tuple[int, Image]] = deque(maxlen=self._detector.window_width + 2)
        self._num_fed = 0
        self.cuts: list[int] = []

    def feed(self, frame_HWC: Image, frame_index: int) -> None:
        """Take the next frame: BGR, at most MAX_WIDTH across, and its number in the proxy (numbers may skip, not repeat)."""
        from scenedetect.common import FrameTimecode

        self._recent.append((frame_index, frame_HWC))
        found: list[FrameTimecode] = self._detector.process_frame(FrameTimecode(self._num_fed, self._rate), frame_HWC)
        self._num_fed += 1
        for timecode in found:
            place = len(self._recent) - (self._num_fed - timecode.frame_num)
            number = self._recent[place][0]
            too_soon = (number - (self.cuts[-1] if self.cuts else 0)) / self._rate < self._min_shot_s
            if place > 0 and not too_soon and not self._is_flash(place):
                self.cuts.append(number)

    def _is_flash(self, place: int) -> bool:
        """Whether the picture comes back: light changed, not the camera."""
        before = _outline(self._recent[place - 1][1])
        return any(
            float((before * _outline(self._recent[i][1])).sum()) > self._same_picture for i in range(place, len(self._recent))
        )


def _outline(frame_HWC: Image) -> npt.NDArray[np.float64]:
    """Brightness in blocks of 4x4 pixels, with the mean taken out and of length 1: the same under any light."""
    height, width = (max(1, side // 4) * 4 if side >= 4 else side for side in frame_HWC.shape[:2])
    grey = frame_HWC[:height, :width].mean(-1)
    blocks = grey.reshape(max(1, height // 4), -1, max(1, width // 4), min(4, width)).mean((1, 3))
    centred = blocks - blocks.mean()
    return np.asarray(centred / max(1e-9, float(np.sqrt((centred**2).sum()))))


def detect_shots(proxy: Path, broadcast_id: str, config: ShotConfig | None = None, made: Made | None = None) -> list[Shot]:
    """The shots of a constant-rate proxy, in order; together they cover it without gap or overlap.

    Raises: MediaError when the proxy cannot be decoded.
    """
    with FrameReader(proxy, size=(MAX_WIDTH, MAX_WIDTH * 9 // 16), cache_bytes=0) as reader:
        finder = CutFinder(config or ShotConfig(), reader.rate)
        for index in range(reader.num_frames):
            finder.feed(np.ascontiguousarray(reader.frames([index])[0, :, :, ::-1]), index)
        return shots_between(finder.cuts, reader.num_frames, reader.rate, broadcast_id, made or Made(step="detect_shots"))


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
