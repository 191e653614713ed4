"""PySceneDetect's detectors behind the same call as ours: to choose, and to be compared with."""

from __future__ import annotations

from typing import Any

from av.video.frame import VideoFrame

from deepsport.taxonomy import Transition
from deepsport.timebase import FrameRate, FrameWindow
from deepsport.video import Painter
from ingest.glances import Pictures
from ingest.shots import Change, ShotConfig

MAX_WIDTH = 256
"""Frames are scaled to at most so many pixels across, as PySceneDetect does itself."""


class PeerFinder:
    """Hard cuts as PySceneDetect finds them."""

    def __init__(self, config: ShotConfig, rate: FrameRate) -> None:
        self._rate = rate.fraction
        self._min_shot = round(config.min_shot_s * rate.fps)
        self._detector = _detector_of(config)
        self._painter: Painter | None = None
        self._numbers: list[int] = []
        self._cuts: list[int] = []

    def feed(self, picture: VideoFrame, small_3HW: Pictures, frame_index: int) -> None:
        """Take the next frame, and its number in the proxy; it is scaled anew, for they want 256 pixels across."""
        from scenedetect.common import FrameTimecode

        if self._painter is None:
            width = min(picture.width, MAX_WIDTH)
            self._painter = Painter((width, max(1, round(picture.height * width / picture.width))))
        found = self._detector.process_frame(FrameTimecode(len(self._numbers), self._rate), self._painter.bgr(picture))
        self._cuts += [timecode.frame_num for timecode in found]
        self._numbers.append(frame_index)

    def finish(self) -> list[Change]:
        """The cuts in order, none closer to the one before than the shortest shot."""
        from scenedetect.common import FrameTimecode

        rest = self._detector.post_process(FrameTimecode(max(0, len(self._numbers) - 1), self._rate))
        cuts = sorted({*self._cuts, *(timecode.frame_num for timecode in rest)})
        changes: list[Change] = []
        last = 0
        for number in (self._numbers[cut] for cut in cuts if cut):
            if number - last >= self._min_shot:
                changes.append(Change(Transition.CUT, FrameWindow(idx_start=number, idx_end=number)))
                last = number
        return changes


def _detector_of(config: ShotConfig) -> Any:
    from scenedetect import detectors

    # Shots are kept apart afterwards: a detector's own minimal length would let a flash hide the cut that follows it.
    kind, name = {
        "adaptive": (detectors.AdaptiveDetector, "adaptive_threshold"),
        "content": (detectors.ContentDetector, "threshold"),
        "histogram": (detectors.HistogramDetector, "threshold"),
        "hash": (detectors.HashDetector, "threshold"),
    }[config.detector]
    given = {} if config.threshold is None else {name: config.threshold}
    return kind(min_scene_len=0, **given)
