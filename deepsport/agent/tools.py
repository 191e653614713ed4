"""The tools of an episode: the frame tool and where its frames come from, and two that answer in words.

Shapes: T frames in time, H and W in pixels, C = 3 (RGB).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from deepsport.agent.protocol import frame_parts, read_window, text_part
from deepsport.sports import known_sports
from deepsport.sports.rules import find_rules
from deepsport.taxonomy import FormatErrorKind, Sport
from deepsport.timebase import FrameWindow

NUM_RULES = 3
"""Rules that one query is answered with."""


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


class Said(NamedTuple):
    """Something that is said in a clip, and on which of its frames."""

    window: FrameWindow
    text: str


def rule_tool(query: str, sport: Sport) -> str:
    """The rules that fit a query best, each with the law it stands on; of every sport where this one has no rules here.

    >>> rule_tool("what follows an offside?", Sport.SOCCER).splitlines()[0][:55]
    'soccer.offside (IFAB Laws of the Game 2024/25, Law 11):'
    >>> rule_tool("xylophone", Sport.SOCCER)
    'No rule has a word of it.'
    """
    found = find_rules(query, sport if sport in known_sports() else None, NUM_RULES)
    lines = [f"{rule.rule_id} ({rule.edition}, {rule.law}): {rule.text}" for rule in found]
    return "\n".join(lines) or "No rule has a word of it."


def transcript_tool(window: FrameWindow, said: Sequence[Said]) -> str:
    """What is said on any frame of a window, line by line with its frames.

    >>> line = Said(FrameWindow(idx_start=48, idx_end=76), "What a goal!")
    >>> [transcript_tool(FrameWindow(idx_start=first, idx_end=90), [line]) for first in (70, 80)]
    ['48-76: What a goal!', 'Nothing is said there.']
    """
    lines = [f"{line.window.idx_start}-{line.window.idx_end}: {line.text}" for line in said if line.window.tiou(window) > 0]
    return "\n".join(lines) or "Nothing is said there."
