"""Shots: where the broadcast changes from one picture to another, and how.

A `Finder` is fed the frames that ingest decodes anyway and gives the changes; `finder_of` makes the one that the config names:
our own (shot_changes.py), a network (shot_network.py), or one of PySceneDetect's, which find hard cuts only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, Self

from av.video.frame import VideoFrame
from pydantic import BaseModel, ConfigDict, Field, model_validator

from deepsport.ids import make_id
from deepsport.records import Made, Shot
from deepsport.taxonomy import Transition
from deepsport.timebase import FrameRate, FrameWindow
from deepsport.video import PictureReader
from ingest.glances import Glances, Pictures
from ingest.shot_kinds import describe_shots

SIGHTS_PER_S = 5


class ShotConfig(BaseModel):
    """How shots are found. Levels are of 255."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detector: Literal["lean", "adaptive", "content", "histogram", "hash", "network"] = "lean"
    """``lean`` is our own; ``network`` is TransNetV2 (extra ``transnet``), at ten times the cost of decoding; the others are
    PySceneDetect's, which find hard cuts only."""
    threshold: float | None = Field(default=None, gt=0)
    """Of the detector; empty is its own default. Not used by lean."""
    second_look: bool = False
    """Whether lean asks the network (extra ``transnet``) about what is almost a change by its own features; it is shown no
    more than a twentieth of the pictures, and some hundred at the beginning."""
    min_shot_s: float = Field(default=0.4, ge=0)
    """Changes closer than this to a likelier one are left out."""
    step_ratio: float = Field(default=3.0, ge=1)
    """How many times greater than its neighbours' a frame's change must be to count as a cut."""
    min_step: float = Field(default=3.0, gt=0)
    """Smallest mean change, in levels, that can be a cut."""
    kept_view: float = Field(default=0.5, ge=0, le=1)
    """When a greater share of what has texture is still there after a jump, it is a graphic or a movement and no cut."""
    same_view: float = Field(default=0.9, ge=0, le=1)
    """Correlation of brightness from which on two pictures show the same view; a jump after which that is so is a flash."""
    blend: float = Field(default=0.25, gt=0, lt=0.5)
    """How far, as a share of the change, the middle of a dissolve may be from the mean of its ends."""
    crossed: float = Field(default=0.3, gt=0, lt=1)
    """How far, as a share of the picture, an edge must move in a straight line within 7 frames to be a wipe."""

    @model_validator(mode="after")
    def _network_is_asked_what_it_can_say(self) -> Self:
        if self.second_look and self.detector != "lean":
            raise ValueError(f"second_look is for the detector lean, not for {self.detector}")
        if self.detector == "network" and (self.threshold or 0) > 1:
            raise ValueError("threshold of the detector network is a likelihood, at most 1")
        return self


class Change(NamedTuple):
    """One picture gives way to another."""

    kind: Transition
    window: FrameWindow
    """The frames that belong to neither shot wholly; for a cut the first frame of the new shot."""

    @property
    def frame_index(self) -> int:
        """The first frame of the new shot; the middle of a gradual change."""
        return self.window.idx_start if self.kind is Transition.CUT else (self.window.idx_start + self.window.idx_end + 1) // 2


class Finder(Protocol):
    """Finds changes in frames fed one after another, in memory that does not grow with them."""

    def feed(self, picture: VideoFrame, small_3HW: Pictures, frame_index: int) -> None:
        """Take the next frame, the same at 64x36 (see glances.py), and its number in the proxy (they may skip, not repeat)."""

    def finish(self) -> list[Change]:
        """The changes in order; call it after the last frame."""


def finder_of(config: ShotConfig, rate: FrameRate) -> Finder:
    """The finder that the config names.

    Raises: UserError when it needs a package that is not installed.
    """
    if config.detector == "lean":
        from ingest.shot_changes import LeanFinder

        return LeanFinder(config, rate)
    if config.detector == "network":
        from ingest.shot_network import NetworkFinder

        return NetworkFinder(config, rate)
    from ingest.shot_peers import PeerFinder

    return PeerFinder(config, rate)


def detect_shots(proxy: Path, broadcast_id: str, config: ShotConfig | None = None, made: Made | None = None) -> list[Shot]:
    """The shots of a constant-rate proxy, in order; together they cover it without gap or overlap.

    Raises: MediaError when the proxy cannot be decoded.
    """
    reader = PictureReader(proxy, deblock=False)
    try:
        finder, glances = finder_of(config or ShotConfig(), reader.rate), Glances(round(reader.rate.fps / SIGHTS_PER_S))
        for number, picture in reader.sweep():
            finder.feed(picture, glances.feed(picture, number), number)
    finally:
        reader.close()
    shots = shots_between(finder.finish(), reader.num_frames, reader.rate, broadcast_id, made or Made(step="detect_shots"))
    return describe_shots(shots, glances.finish(), reader.rate)


def shots_between(
    changes: Sequence[Change], num_frames: int, rate: FrameRate, broadcast_id: str, made: Made
) -> list[Shot]:
    """Shots from the changes between them, in order of time.

    >>> cut = Change(Transition.CUT, FrameWindow(idx_start=50, idx_end=50))
    >>> [s.span.end_s for s in shots_between([cut], 75, FrameRate(num=25), "b", Made(step="detect_shots"))]
    [2.0, 3.0]
    """
    begins = {change.frame_index: change for change in changes if 0 < change.frame_index < num_frames}
    starts = [0, *sorted(begins)]
    shots = []
    for index, (first, end) in enumerate(zip(starts, [*starts[1:], num_frames], strict=True)):
        change = begins.get(first)
        kind = change.kind if change else Transition.START
        shots.append(
            Shot(
                shot_id=make_id("shot", broadcast_id, first, end),
                broadcast_id=broadcast_id,
                shot_index=index,
                span=rate.span_of(FrameWindow(idx_start=first, idx_end=end - 1)),
                transition=kind,
                transition_span=rate.span_of(change.window) if change and kind is not Transition.CUT else None,
                made=made,
            )
        )
    return shots
