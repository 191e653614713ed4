"""Our own event feed, ``deepsport-feed-1``: what the simulator writes, and what other feeds are best converted into.

    {"format": "deepsport-feed-1", "sport": "soccer", "fps": [25, 1], "unit": "seconds", "events": [
        {"time_s": 3.2, "evidence": [3.0, 3.8], "kind": "corner_kick", "team": "red", "zone": "left", "num_players": 2}]}

The unit is said once and never guessed. ``"unit": "seconds"``: events have ``time_s``, evidence is [start, end) in seconds.
``"unit": "frames"``: events have ``frame``, 0-based in the source video, and evidence is [first, last] frame, both included.
Judges' marks are a list, ``marks``.

Two lists are for the rules alone (ingest/replay.py); they may be left out. ``unseen`` holds events that the picture does not
show, such as marks and restarts. ``matches`` says when each match begins (``time_s`` or ``frame``) and in which ``state`` of the
sport's ledger: ``{"teams": ["red", "blue"], "points": [2, 1]}``, or none where that is not known. Without it, the events are one
match from its first event.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deepsport.errors import FeedError, first_complaint
from deepsport.records import Broadcast
from deepsport.timebase import FrameRate, FrameWindow, Span
from ingest.feed_events import FeedRow, FeedRows, frame_rate, must_be

FORMAT = "deepsport-feed-1"

_MAX_FRAME = 10**9


class _Header(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    format: Literal["deepsport-feed-1"]
    sport: str
    fps: Any = None
    unit: Literal["seconds", "frames"]
    events: list[Any]
    unseen: list[Any] = []
    matches: list[Any] = []


class _SecondsMatch(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    time_s: float
    state: dict[str, Any] | None = None


class _FramesMatch(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    frame: int = Field(ge=0, le=_MAX_FRAME)
    state: dict[str, Any] | None = None


class Match(NamedTuple):
    """A match of a feed."""

    rows: FeedRows
    """Its events, also those that are not shown."""
    told: bool
    """Whether the feed says how it begins, if only that this is not known."""
    state: dict[str, Any] | None
    """Where it stands when the feed comes upon it, as the sport's ledger has it; None when it does not say."""


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
    must_be(header.sport, broadcast, path, f"a feed of {header.sport[:40]!r}")
    return _read(header, rate, "events", header.events)


def parse_matches(path: Path, document: object, broadcast: Broadcast) -> list[Match]:
    """The matches of a deepsport-feed-1 document in order, with what the picture does not show.

    Raises: FeedError as `parse_deepsport`, or when it cannot be told where a match begins.
    """
    seen = parse_deepsport(path, document, broadcast)
    header = _Header.model_validate(document)
    rate = frame_rate(path, header.fps, broadcast)
    unseen = _read(header, rate, "unseen", header.unseen)
    rows, unread = [*seen.rows, *unseen.rows], [*seen.unread, *unseen.unread]
    begins: list[tuple[float, dict[str, Any] | None]] = []
    for index, entry in enumerate(header.matches):
        try:
            if header.unit == "seconds":
                in_seconds = _SecondsMatch.model_validate(entry)
                begins.append((in_seconds.time_s, in_seconds.state))
            else:
                in_frames = _FramesMatch.model_validate(entry)
                begins.append((rate.time_s(in_frames.frame), in_frames.state))
        except ValidationError as error:
            raise FeedError(f"{path}: matches[{index}]: {first_fault(error)}; say when it begins") from error
    if not begins:
        return [Match(FeedRows(rows, unread), told=False, state=None)]
    begins.sort(key=lambda begin: begin[0])
    parts: list[list[FeedRow]] = [[] for _ in begins]
    for row in rows:  # what lies before the first belongs to it
        parts[max(0, sum(time_s <= row.time_s for time_s, _ in begins) - 1)].append(row)
    return [
        Match(FeedRows(part, [] if index else unread), told=True, state=state)
        for index, (part, (_, state)) in enumerate(zip(parts, begins, strict=True))
    ]


def _read(header: _Header, rate: FrameRate, name: str, entries: list[Any]) -> FeedRows:
    rows: list[FeedRow] = []
    unread: list[tuple[str, str]] = []
    for index, entry in enumerate(entries):
        where = f"{name}[{index}]"
        try:
            rows.append(_seconds_row(where, entry) if header.unit == "seconds" else _frames_row(where, entry, rate))
        except ValidationError as error:
            unread.append((where, first_fault(error)))
    return FeedRows(rows, unread)


def first_fault(error: ValidationError) -> str:
    """The first thing pydantic found, on one line, without the value (which may be long)."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(part)[:40] for part in fault['loc']) or 'it'}: {first_complaint(error)[:120]}"


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
