"""The frame tool and where its frames come from.

Shapes: T frames in time, H and W in pixels, C = 3 (RGB).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deepsport.agent.protocol import frame_parts, read_window, text_part
from deepsport.taxonomy import FormatErrorKind
from deepsport.timebase import FrameWindow


class FrameSource(Protocol):
    """A clip that gives its frames by index; deepsport.video.FrameReader is one."""

    @property
    def num_frames(self) -> int:
        """How many frames the clip has."""
        ...

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """frames_THWC, uint8 RGB, one an index in the order asked; indices lie in [0, num_frames)."""
        ...


class ArrayFrames:
    """A clip that is already in memory as frames_THWC, uint8 RGB."""

    def __init__(self, frames_THWC: NDArray[np.uint8]) -> None:
        self._frames_THWC = frames_THWC

    @property
    def num_frames(self) -> int:
        """How many frames the clip has."""
        return len(self._frames_THWC)

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """frames_THWC of the indices."""
        return self._frames_THWC[list(indices)]


@dataclass(frozen=True, slots=True)
class ToolReply:
    """What a call gave: the window and its frames, or an error and no frames. text says either in words."""

    text: str
    window: FrameWindow | None = None
    frame_indices: tuple[int, ...] = ()
    frames: NDArray[np.uint8] | None = None
    error: FormatErrorKind | None = None

    def content(self) -> list[dict[str, Any]]:
        """As content parts of a tool message: labelled frames, or the text where there are none."""
        if self.frames is None or not self.frame_indices:
            return [text_part(self.text)]
        return frame_parts(self.frame_indices, self.frames)


class FrameTool:
    """The paper's frame_extraction_tool over one clip. It remembers which windows were asked for."""

    def __init__(self, source: FrameSource, frames_per_call: int) -> None:
        self._source = source
        self._frames_per_call = frames_per_call
        self._asked: set[FrameWindow] = set()

    def frame_extraction_tool(self, idx_start: object, idx_end: object, limit: int | None = None) -> ToolReply:
        """At most frames_per_call (and limit) frames, spread evenly over the window, both ends included.

        An argument that is not an integer, a window that leaves the clip, and one asked for before give a reply with an error.
        """
        window = read_window(idx_start, idx_end)
        last = self._source.num_frames - 1
        if window is FormatErrorKind.BAD_CALL:
            return ToolReply("idx_start and idx_end must be two integers.", error=window)
        if isinstance(window, FormatErrorKind) or window.idx_end > last:
            return ToolReply(
                f"Bad window {idx_start}-{idx_end}: it must lie in 0-{last} and not end before it starts.",
                error=FormatErrorKind.BAD_WINDOW,
            )
        if window in self._asked:
            return ToolReply(f"Window {idx_start}-{idx_end} was already shown.", error=FormatErrorKind.REPEATED_WINDOW)
        self._asked.add(window)
        count = self._frames_per_call if limit is None else min(limit, self._frames_per_call)
        indices = window.uniform(count)
        text = f"Frames {', '.join(map(str, indices))}."
        return ToolReply(text, window=window, frame_indices=tuple(indices), frames=self._source.frames(indices))
