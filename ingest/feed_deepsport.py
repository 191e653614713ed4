"""Our own event feed, ``deepsport-feed-1``: what the simulator writes, and what other feeds are best converted into.

    {"format": "deepsport-feed-1", "sport": "soccer", "fps": [25, 1], "unit": "seconds", "events": [
        {"time_s": 3.2, "evidence": [3.0, 3.8], "kind": "corner_kick", "team": "red", "zone": "left", "num_players": 2}]}

The unit is said once and never guessed. ``"unit": "seconds"``: events have ``time_s``, evidence is [start, end) in seconds.
``"unit": "frames"``: events have ``frame``, 0-based in the source video, and evidence is [first, last] frame, both included.
Judges' marks are a list, ``marks``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deepsport.errors import FeedError
from deepsport.records import Broadcast
from deepsport.timebase import FrameRate, FrameWindow, Span
from ingest.feed_events import FeedRow, FeedRows, frame_rate

FORMAT = "deepsport-feed-1"

_MAX_FRAME = 10**9


class _Header(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    format: Literal["deepsport-feed-1"]
    sport: str
    fps: Any = None
    unit: Literal["seconds", "frames"]
    events: list[Any]


class _FeedEvent(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    kind: str
    team: str | None = None
    player: str | None = None
    zone: str | None = None
    num_players: int | None = Field(default=None, ge=0, le=100)
    outcome: str | None = None
    value: float | None = None
    marks: list[float] = Field(default=[], max_length=100)
    tactic: str | None = None


class _SecondsEvent(_FeedEvent):
    time_s: float
    evidence: list[float] | None = Field(default=None, min_length=2, max_length=2)


class _FramesEvent(_FeedEvent):
    frame: int = Field(ge=0, le=_MAX_FRAME)
    evidence: list[int] | None = Field(default=None, min_length=2, max_length=2)


def is_deepsport(document: object) -> bool:
    """Whether the JSON claims to be a feed of ours, of whatever version."""
    return isinstance(document, dict) and str(document.get("format", "")).startswith("deepsport-feed")


def parse_deepsport(path: Path, document: object, broadcast: Broadcast) -> FeedRows:
    """The rows of a deepsport-feed-1 document; single events that do not fit the format are reported, not fatal.

    Raises: FeedError when the header does not fit: another version, sport or unit, or no true fps.
    """
    try:
        header = _Header.model_validate(document)
    except ValidationError as error:
        raise FeedError(f"{path}: not a {FORMAT} feed: {first_fault(error)}") from error
    rate = frame_rate(path, header.fps, broadcast)
    if header.sport != broadcast.sport.value:
        raise FeedError(f"{path}: is a feed of {header.sport[:40]!r}, the broadcast is {broadcast.sport.value}; pair them anew")
    rows: list[FeedRow] = []
    unread: list[tuple[str, str]] = []
    for index, entry in enumerate(header.events):
        where = f"events[{index}]"
        try:
            rows.append(_seconds_row(where, entry) if header.unit == "seconds" else _frames_row(where, entry, rate))
        except ValidationError as error:
            unread.append((where, first_fault(error)))
    return FeedRows(rows, unread)


def first_fault(error: ValidationError) -> str:
    """The first thing pydantic found, on one line, without the value (which may be long)."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(part)[:40] for part in fault['loc']) or 'it'}: {fault['msg'][:120]}"


def _seconds_row(where: str, entry: object) -> FeedRow:
    event = _SecondsEvent.model_validate(entry)
    evidence = Span(start_s=event.evidence[0], end_s=event.evidence[1]) if event.evidence is not None else None
    return _row(where, event, event.time_s, evidence)


def _frames_row(where: str, entry: object, rate: FrameRate) -> FeedRow:
    event = _FramesEvent.model_validate(entry)
    evidence = None
    if event.evidence is not None:
        first, last = (min(index, _MAX_FRAME) for index in event.evidence)
        evidence = rate.span_of(FrameWindow(idx_start=first, idx_end=last))
    return _row(where, event, rate.time_s(event.frame), evidence)


def _row(where: str, event: _FeedEvent, time_s: float, evidence: Span | None) -> FeedRow:
    return FeedRow(
        where=where,
        kind=event.kind,
        time_s=time_s,
        evidence=evidence,
        team=event.team,
        player=event.player,
        zone=event.zone,
        num_players=event.num_players,
        outcome=event.outcome,
        value=event.value,
        marks=tuple(event.marks),
        tactic=event.tactic,
    )
