"""Clips: stretches of 5 to 60 s that questions are asked about, cut so that a clip holds one play.

Every event's evidence lies wholly in one clip, and clips end where the broadcast itself does: at a cut that nobody speaks across,
else in a silence, else midway between two events. The best set of cut points is found by dynamic programming over the cuts, the
silences, the midpoints and every full second; each choice has a price, and the cheapest cover of the broadcast wins.
A clip is virtual: it names frames of the broadcast's proxy, from the broadcast's first frame to its last without gap or overlap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from deepsport.ids import make_id
from deepsport.records import Broadcast, Clip, Drop, Event, Kept, Made, Shot, Utterance
from deepsport.taxonomy import DropReason
from deepsport.timebase import FrameWindow
from ingest.probe import drop_of

# Prices; only their order of size matters. A cut is better than a silence, even one that is spoken across.
_SPOKEN_ACROSS = 0.6
_NO_CUT = 1.0
_OFF_MIDDLE = 0.3  # at most, for a point between two events that is not midway
_EVIDENCE_BROKEN = 1000.0
_EXTRA_EVENT = 8.0
_NO_EVENT = 0.5
_PER_SECOND = 0.05  # a clip with an event is better short: eight frames then show more of it
_MISSED_CUT = 0.7  # without events: a cut inside a clip
_SPEECH_SLACK_S = 0.1


class ClipConfig(BaseModel):
    """How clips are cut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_s: float = Field(default=5.0, gt=0)
    """Shortest clip, in seconds; a broadcast shorter than that gives none."""
    max_s: float = Field(default=60.0, gt=0)
    """Longest clip, in seconds."""

    @model_validator(mode="after")
    def _room_to_cut(self) -> ClipConfig:
        if self.max_s < 2 * self.min_s + 1:
            raise ValueError(
                f"max_s must exceed twice min_s by a second, or some lengths cannot be cut: {self.min_s}, {self.max_s}"
            )
        return self


@dataclass(frozen=True, slots=True)
class _Point:
    """A frame at which a clip may begin, with the price of beginning there."""

    frame: int
    price: float


def cut_clips(
    broadcast: Broadcast,
    shots: Sequence[Shot],
    utterances: Sequence[Utterance],
    events: Sequence[Event],
    config: ClipConfig | None = None,
    made: Made | None = None,
) -> Kept[Clip]:
    """Clips in order that cover the broadcast, and drops: a broadcast too short for a clip, events whose evidence fits in none.

    With events, a clip holds as few as the lengths allow, one where it can; without, a clip is a shot or several.
    """
    config = config or ClipConfig()
    made = made or Made(step="cut_clips", inputs=(broadcast.broadcast_id,))
    rate, num_frames = broadcast.proxy_rate, broadcast.proxy_num_frames
    shortest, longest = math.ceil(config.min_s * rate.fps - 1e-6), math.floor(config.max_s * rate.fps + 1e-6)
    if num_frames < shortest:
        detail = f"{rate.time_s(num_frames):.2f} s long, clips are {config.min_s:g} s at least"
        return Kept([], [drop_of(made.step, broadcast.broadcast_id, DropReason.CLIP_TOO_SHORT, detail)])
    windows = [(event, rate.window_of(event.evidence, num_frames)) for event in events]
    shown = sorted(
        ((event, window) for event, window in windows if window is not None),
        key=lambda pair: (pair[1].idx_start, pair[0].event_id),
    )
    cuts = sorted({rate.frame_at(shot.span.start_s) for shot in shots} - {0})
    groups = _groups([window for _, window in shown])
    points = _points(broadcast, cuts, utterances, groups)
    bounds = _cheapest(points, cuts, groups, shortest, longest, rate.fps)
    clips = []
    for first, end in pairwise(bounds):
        clips.append(
            Clip(
                clip_id=make_id("clip", broadcast.broadcast_id, first, end - first),
                broadcast_id=broadcast.broadcast_id,
                sport=broadcast.sport,
                span=rate.span_of(FrameWindow(idx_start=first, idx_end=end - 1)),
                first_frame=first,
                num_frames=end - first,
                rate=rate,
                made=made,
            )
        )
    return Kept(clips, _homeless(shown, bounds, made.step, config))


def _groups(windows: Sequence[FrameWindow]) -> list[FrameWindow]:
    """Windows in order of start, those that overlap made one."""
    groups: list[FrameWindow] = []
    for window in windows:
        if groups and window.idx_start <= groups[-1].idx_end:
            groups[-1] = FrameWindow(idx_start=groups[-1].idx_start, idx_end=max(groups[-1].idx_end, window.idx_end))
        else:
            groups.append(window)
    return groups


def _points(
    broadcast: Broadcast, cuts: Sequence[int], utterances: Sequence[Utterance], groups: Sequence[FrameWindow]
) -> list[_Point]:
    """Where a clip may begin, in order, with prices; the first is 0 and the last is the broadcast's end, both free."""
    rate, num_frames = broadcast.proxy_rate, broadcast.proxy_num_frames
    middles = [(a.idx_end + 1 + b.idx_start) // 2 for a, b in pairwise(groups)]
    silences = [rate.frame_at(u.span.end_s + _SPEECH_SLACK_S) for u in utterances]
    seconds = [rate.frame_at(float(s)) for s in range(math.ceil(rate.time_s(num_frames)))]
    frames = np.array(sorted({f for f in (*cuts, *middles, *silences, *seconds) if 0 < f < num_frames}), np.int64)
    is_cut = np.isin(frames, np.array(cuts, np.int64))
    moments_s = frames / rate.fps
    spoken = np.zeros(len(frames), bool)
    for utterance in utterances:
        low, high = np.searchsorted(
            moments_s, [utterance.span.start_s + _SPEECH_SLACK_S, utterance.span.end_s - _SPEECH_SLACK_S], side="right"
        )
        spoken[low:high] = True
    starts = np.array([g.idx_start for g in groups], np.int64)
    ends = np.array([g.idx_end for g in groups], np.int64)
    before = np.searchsorted(starts, frames, side="left")  # groups that start before the point
    broken = before - np.searchsorted(ends, frames, side="left")  # of which those that have not ended
    price = np.where(is_cut, 0.0, _NO_CUT) + np.where(spoken, _SPOKEN_ACROSS, 0.0) + broken * _EVIDENCE_BROKEN
    for i in np.flatnonzero(~is_cut & (before > 0) & (before < len(groups)) & (broken == 0)):
        low, high = ends[before[i] - 1] + 1, starts[before[i]]
        price[i] += _OFF_MIDDLE * abs(2 * frames[i] - low - high) / max(1, high - low)
    inner = [_Point(int(f), float(p)) for f, p in zip(frames, price, strict=True)]
    return [_Point(0, 0.0), *inner, _Point(num_frames, 0.0)]


def _cheapest(
    points: Sequence[_Point], cuts: Sequence[int], groups: Sequence[FrameWindow], shortest: int, longest: int, fps: float
) -> list[int]:
    """The frames at which the clips of the cheapest cover begin, and the end of the last."""
    frames = np.array([p.frame for p in points], np.int64)
    starts = np.array([g.idx_start for g in groups], np.int64)
    num_before = np.searchsorted(starts, frames, side="left")
    num_cuts = np.searchsorted(np.array(cuts, np.int64), frames, side="right")
    best = np.full(len(points), np.inf)
    best[0] = 0.0
    came_from = np.zeros(len(points), np.int64)
    for j in range(1, len(points)):
        low, high = np.searchsorted(frames, [frames[j] - longest, frames[j] - shortest + 1])
        if low >= high:
            continue
        length_s = (frames[j] - frames[low:high]) / fps
        if len(groups):
            price = _price_of(num_before[j] - num_before[low:high], length_s)
        else:
            # Cuts strictly inside; the tiny last part makes the pieces of a long shot equal.
            inner = num_cuts[j] - num_cuts[low:high] - (num_cuts[j] > num_cuts[j - 1])
            price = _MISSED_CUT * np.maximum(inner, 0) + 1e-6 * length_s**2
        total = best[low:high] + price
        # The latest of equals: what follows a play (a replay, the crowd) stays with it.
        choice = int(np.flatnonzero(total <= total.min() + 1e-9)[-1])
        best[j] = total[choice] + points[j].price
        came_from[j] = low + choice
    assert np.isfinite(best[-1]), "full seconds are cut points, so there is always a cover"
    bounds = [len(points) - 1]
    while bounds[-1]:
        bounds.append(int(came_from[bounds[-1]]))
    return [int(frames[i]) for i in reversed(bounds)]


def _price_of(num_events: npt.NDArray[np.int64], length_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(num_events == 0, _NO_EVENT, _EXTRA_EVENT * (num_events - 1) + _PER_SECOND * length_s)


def _homeless(shown: Sequence[tuple[Event, FrameWindow]], bounds: Sequence[int], step: str, config: ClipConfig) -> list[Drop]:
    """Drops for events whose evidence lies in no single clip."""
    inner = np.array(bounds[1:-1], np.int64)
    drops = []
    for event, window in shown:
        low, high = np.searchsorted(inner, [window.idx_start, window.idx_end], side="right")
        if low != high:
            detail = f"evidence of {event.evidence.duration_s:.1f} s lies in no single clip of at most {config.max_s:g} s"
            drops.append(drop_of(step, event.event_id, DropReason.EVIDENCE_TOO_LONG, detail))
    return drops
