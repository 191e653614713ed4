"""Time as a type: seconds are a Span, frames are a FrameWindow, and only a FrameRate turns one into the other.

The field's best-known bug is a frame index read as a second (LongVT#12, label-studio#7757, golfdb#2), so no time crosses a
function boundary as a bare number. A clip is constant-rate (ingest sees to it), so its frame i is on screen during
[i/rate, (i+1)/rate).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(_Value):
    """A stretch of time in seconds, half-open: start_s is in, end_s is not.

    Raises: ValueError when a bound is not finite or the end lies before the start.

    >>> Span(start_s=1, end_s=3).tiou(Span(start_s=2, end_s=4))
    0.3333333333333333
    """

    start_s: float
    end_s: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s)):
            raise ValueError(f"a span needs finite bounds, got {self.start_s} to {self.end_s}")
        if self.end_s < self.start_s:
            raise ValueError(f"a span cannot end before it starts: {self.start_s} to {self.end_s}")
        return self

    @property
    def duration_s(self) -> float:
        """Length in seconds, 0 for an empty span."""
        return self.end_s - self.start_s

    def intersection_s(self, other: Span) -> float:
        """Seconds that both spans share."""
        return max(0.0, min(self.end_s, other.end_s) - max(self.start_s, other.start_s))

    def overlaps(self, other: Span) -> bool:
        """Whether the two share more than a point."""
        return self.intersection_s(other) > 0

    def contains(self, time_s: float) -> bool:
        """Whether the moment lies inside (start in, end out)."""
        return self.start_s <= time_s < self.end_s

    def tiou(self, other: Span) -> float:
        """Temporal intersection over union, in [0, 1]; 0 when both are empty."""
        shared = self.intersection_s(other)
        union = self.duration_s + other.duration_s - shared
        return shared / union if union > 0 else 0.0

    def shifted(self, offset_s: float) -> Span:
        """The same stretch on a clock that reads offset_s more."""
        return Span(start_s=self.start_s + offset_s, end_s=self.end_s + offset_s)

    def clipped(self, other: Span) -> Span | None:
        """The part that lies inside the other span, or None when there is none."""
        if not self.overlaps(other):
            return None
        return Span(start_s=max(self.start_s, other.start_s), end_s=min(self.end_s, other.end_s))


class FrameWindow(_Value):
    """Frames idx_start to idx_end of a clip, 0-based and both inclusive, as in the paper's frame_extraction_tool.

    Raises: ValueError when idx_start is negative or idx_end lies before it.

    >>> FrameWindow(idx_start=10, idx_end=19).tiou(FrameWindow(idx_start=15, idx_end=24))
    0.3333333333333333
    """

    idx_start: int
    idx_end: int

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.idx_start < 0 or self.idx_end < self.idx_start:
            raise ValueError(f"a frame window needs 0 <= idx_start <= idx_end, got {self.idx_start} to {self.idx_end}")
        return self

    @property
    def num_frames(self) -> int:
        """How many frames the window holds, at least 1."""
        return self.idx_end - self.idx_start + 1

    def contains(self, frame_index: int) -> bool:
        """Whether the frame lies in the window (both ends in)."""
        return self.idx_start <= frame_index <= self.idx_end

    def tiou(self, other: FrameWindow) -> float:
        """Temporal intersection over union, counted in frames, in [0, 1]."""
        shared = max(0, min(self.idx_end, other.idx_end) - max(self.idx_start, other.idx_start) + 1)
        return shared / (self.num_frames + other.num_frames - shared)

    def uniform(self, num_frames: int) -> list[int]:
        """At most num_frames distinct indices spread evenly over the window, both ends included.

        A single frame is the middle one; a window shorter than asked gives every frame once.

        >>> FrameWindow(idx_start=0, idx_end=63).uniform(4)
        [0, 21, 42, 63]
        >>> FrameWindow(idx_start=5, idx_end=6).uniform(8)
        [5, 6]
        """
        if num_frames < 1:
            raise ValueError(f"at least one frame must be asked for, got {num_frames}")
        count = min(num_frames, self.num_frames)
        if count == 1:
            return [(self.idx_start + self.idx_end) // 2]
        last = self.num_frames - 1
        return [self.idx_start + (2 * i * last + count - 1) // (2 * (count - 1)) for i in range(count)]


class FrameRate(_Value):
    """A true rational frame rate in frames per second, so that 30000/1001 is never 29 or 29.97.

    Raises: ValueError unless numerator and denominator are positive (a feed that says ``fps: -1`` stops here).

    >>> FrameRate(num=30000, den=1001).time_s(30)
    1.001
    """

    num: int
    den: int = 1

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if self.num <= 0 or self.den <= 0:
            raise ValueError(f"a frame rate must be positive, got {self.num}/{self.den}")
        return self

    @classmethod
    def of(cls, rate: Fraction) -> FrameRate:
        """From an exact fraction in frames per second."""
        return cls(num=rate.numerator, den=rate.denominator)

    @property
    def fraction(self) -> Fraction:
        """Frames per second, exact."""
        return Fraction(self.num, self.den)

    @property
    def fps(self) -> float:
        """Frames per second, rounded to a float: for display, and for software that takes no fraction."""
        return self.num / self.den

    def time_s(self, frame_index: int) -> float:
        """The second at which a frame (0-based) appears."""
        return float(Fraction(frame_index) / self.fraction)

    def frame_at(self, time_s: float) -> int:
        """The frame on screen at a second (0-based; a moment before the first frame gives 0)."""
        # A millionth of a frame of slack: 0.04 s at 25 fps is frame 1, though the float lies a hair below.
        return max(0, math.floor(time_s * self.fps + 1e-6))

    def span_of(self, window: FrameWindow) -> Span:
        """The seconds during which the window's frames are on screen."""
        return Span(start_s=self.time_s(window.idx_start), end_s=self.time_s(window.idx_end + 1))

    def window_of(self, span: Span, num_frames: int) -> FrameWindow | None:
        """The frames of a clip of num_frames on screen at any moment of the span; None when the span misses the clip.

        >>> FrameRate(num=25).window_of(Span(start_s=0.4, end_s=0.8), 100)
        FrameWindow(idx_start=10, idx_end=19)
        """
        first, last = self.frame_at(span.start_s), math.ceil(span.end_s * self.fps - 1e-6) - 1
        if span.end_s < 0 or (span.start_s < 0 and last < 0) or first >= num_frames:
            return None
        # An empty span is a moment: it shows the one frame that is on screen then.
        return FrameWindow(idx_start=first, idx_end=min(max(first, last), num_frames - 1))
