"""What all event feeds share: how one is read from disk, and how its rows become events of a broadcast.

A format (ingest/feed_*.py) gives `FeedRow`s: what the file says, in seconds, nothing judged yet. `to_events` puts them on the
broadcast's clock, orders them, and drops what lies outside the video, what the sport has no word for, and what is there twice.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict, Field, field_validator

from deepsport.errors import FeedError
from deepsport.ids import make_id
from deepsport.records import Broadcast, Drop, Event, Kept, Made
from deepsport.taxonomy import DropReason
from deepsport.timebase import FrameRate, Span

MAX_FEED_BYTES = 128 * 1024 * 1024
"""A season's worth of events is a tenth of it; what is greater is not a feed."""

MAX_TEXT = 200
"""Characters kept of a name or an outcome."""


class FeedConfig(BaseModel):
    """How event feeds are put on a broadcast's clock."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before_s: float = Field(default=0.5, ge=0, le=60, allow_inf_nan=False)
    """Where a feed gives only an instant, the evidence begins this many seconds before it."""
    after_s: float = Field(default=1.0, ge=0, le=60, allow_inf_nan=False)
    """Where a feed gives only an instant, the evidence ends this many seconds after it."""
    time_offset_s: float = Field(default=0.0, allow_inf_nan=False)
    """Seconds added to every time of the feed: positive when the video began earlier than the feed's clock."""
    clock_at_start: str | None = None
    """DataVolley files without video times: the time of day at the video's first frame, as 20.44.12."""
    encoding: str | None = None
    """Encoding of DataVolley files, e.g. cp1250 for Polish names; by default UTF-8, else Windows-1252."""

    @field_validator("clock_at_start")
    @classmethod
    def _clock(cls, value: str | None) -> str | None:
        if value is not None and seconds_of_day(value) is None:
            raise ValueError(f"clock_at_start is {value!r}; write the time of day as 20.44.12")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                bytes(range(256)).decode(value, errors="replace")
            except (LookupError, UnicodeError) as error:
                raise ValueError(f"{value!r} is no encoding of names; write for example cp1250") from error
        return value


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One event as a feed tells it."""

    where: str
    """Where in the file it stands, e.g. ``events[3]`` or ``line 210``."""
    kind: str
    time_s: float
    """On the feed's clock, before any offset."""
    evidence: Span | None = None
    """When it can be seen, if the feed says so."""
    precision_s: float = 0.0
    """The event lies within [time_s, time_s + precision_s): 1 for clocks that count whole seconds."""
    team: str | None = None
    player: str | None = None
    zone: str | None = None
    num_players: int | None = None
    outcome: str | None = None
    value: float | None = None
    tactic: str | None = None


@dataclass(frozen=True, slots=True)
class FeedRows:
    """What a format made of a file: rows, and the places it could not read, with the reason."""

    rows: list[FeedRow]
    unread: list[tuple[str, str]]


_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_CLOCK = re.compile(r"(\d{1,2})[.:](\d{2})[.:](\d{2})")


def seconds_of_day(clock: str) -> int | None:
    """Seconds since midnight of a clock such as 20.44.12 or 20:44:12; None when it is not one.

    >>> seconds_of_day("20.44.12"), seconds_of_day("25.00.00")
    (74652, None)
    """
    found = _CLOCK.fullmatch(clock.strip())
    if found is None:
        return None
    hours, minutes, seconds = (int(part) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds if hours < 24 and minutes < 60 and seconds < 60 else None


def snake_case(label: str) -> str:
    """A label in the shape of a kind of event.

    >>> snake_case("Som(s).Tuck"), snake_case("Corner kick")
    ('som_s_tuck', 'corner_kick')
    """
    ascii_only = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_only.lower()).strip("_")


def plain_text(text: str | None) -> str | None:
    r"""A name from a feed on one line, without control characters, cut to MAX_TEXT; None when nothing is left.

    >>> plain_text(" Borussia\tM'gladbach\x00 "), plain_text("  ")
    ("Borussia M'gladbach", None)
    """
    if text is None:
        return None
    visible = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(visible.split())[:MAX_TEXT].rstrip() or None


def read_bytes(path: Path) -> bytes:
    """A feed's bytes. Raises: FeedError when it cannot be read, is empty, or is far too big to be one."""
    try:
        size = path.stat().st_size
        if size > MAX_FEED_BYTES:
            raise FeedError(f"{path}: {size >> 20} MiB is no event feed; is it the video?")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise FeedError(f"{path}: cannot be read ({error}); correct the path in the manifest") from error
    if not data.strip():
        raise FeedError(f"{path}: is empty; export the feed again")
    return data


def parse_json(path: Path, data: bytes) -> object:
    """A JSON document from outside. Raises: FeedError for anything that is not strict JSON in UTF-8, a bare NaN included."""

    def refuse(constant: str) -> NoReturn:
        raise FeedError(f"{path}: holds a bare {constant}, which is not JSON; export it with null instead")

    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=refuse)
    except UnicodeDecodeError as error:
        raise FeedError(f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except json.JSONDecodeError as error:
        raise FeedError(f"{path}: broken JSON at line {error.lineno} ({error.msg}); was it cut short? export it again") from error
    except (ValueError, RecursionError) as error:
        raise FeedError(f"{path}: not usable JSON ({type(error).__name__}); export it again") from error


def frame_rate(path: Path, fps: object, broadcast: Broadcast) -> FrameRate:
    """The true rate that a feed's ``fps`` stands for: a number, or [numerator, denominator].

    29.97 is taken for 30000/1001, as are the other rates of television. 29 is repaired to 30000/1001 where the video runs at
    that rate: some data sets cut off the decimals (573 of 1,883 validation clips of F3Set).

    Raises: FeedError for -1 (the field's way to say *unknown*), a missing rate, or one beyond [1, 1000].
    """
    rate: Fraction | None = None
    if isinstance(fps, list) and len(fps) == 2 and all(type(part) is int for part in fps) and fps[1] > 0:
        rate = Fraction(fps[0], fps[1])
    elif isinstance(fps, (int, float)) and not isinstance(fps, bool) and math.isfinite(fps):
        rate = Fraction(fps)
        for whole in (24, 30, 48, 60, 120):
            if abs(rate - Fraction(whole * 1000, 1001)) < Fraction(1, 200):
                rate = Fraction(whole * 1000, 1001)
        rate = rate.limit_denominator(1001) if abs(rate - rate.limit_denominator(1001)) < Fraction(1, 10**6) else rate
    if rate is None or not 1 <= rate <= 1000:
        said = "is missing" if fps is None else f"is {str(fps)[:40]}"
        raise FeedError(f"{path}: fps {said}; without it frames have no seconds. Write the video's true rate, e.g. [30000, 1001]")
    source = broadcast.source_rate.fraction
    if rate.denominator == 1 and source.denominator != 1 and rate == math.floor(source):
        return broadcast.source_rate
    rate = rate.limit_denominator(1_000_000)
    return FrameRate.of(rate)


def to_events(
    feed: FeedRows,
    path: Path,
    broadcast: Broadcast,
    config: FeedConfig,
    made: Made,
    known_kinds: Collection[str] | None,
) -> Kept[Event]:
    """Events of the broadcast in order of time, and what was dropped.

    known_kinds: the sport's vocabulary; None lets every kind in snake_case pass. The video is [0, broadcast.duration_s).
    """
    video = Span(start_s=0.0, end_s=broadcast.duration_s)
    kept: dict[str, Event] = {}
    drops = [_drop(path, broadcast, where, DropReason.BAD_FEED, why) for where, why in feed.unread]
    for row in sorted(feed.rows, key=lambda r: r.time_s):
        time_s = row.time_s + config.time_offset_s
        if not video.contains(time_s):
            why = f"{row.kind} at {time_s:.2f} s, the video is {broadcast.duration_s:.2f} s long"
            drops.append(_drop(path, broadcast, row.where, DropReason.EVENT_OUTSIDE_VIDEO, why))
            continue
        evidence = _evidence(row, time_s, video, config)
        if evidence is None:
            why = f"{row.kind} at {time_s:.2f} s: its evidence lies outside the video"
            drops.append(_drop(path, broadcast, row.where, DropReason.EVENT_OUTSIDE_VIDEO, why))
            continue
        why_not = _kind_fault(row.kind, broadcast, known_kinds)
        event = _event(row, time_s, evidence, broadcast, made)
        if why_not is None and event.event_id in kept:
            why_not = f"{row.kind} at {time_s:.2f} s is there twice"
        if why_not is not None:
            drops.append(_drop(path, broadcast, row.where, DropReason.BAD_FEED, why_not))
            continue
        kept[event.event_id] = event
    return Kept(list(kept.values()), drops)


def _evidence(row: FeedRow, time_s: float, video: Span, config: FeedConfig) -> Span | None:
    if row.evidence is not None:
        return row.evidence.shifted(config.time_offset_s).clipped(video)
    start_s, end_s = time_s - config.before_s, time_s + row.precision_s + config.after_s
    return Span(start_s=round(start_s, 6), end_s=round(end_s, 6)).clipped(video)


def _kind_fault(kind: str, broadcast: Broadcast, known_kinds: Collection[str] | None) -> str | None:
    if len(kind) > MAX_TEXT or _SNAKE.fullmatch(kind) is None:
        return f"kind {kind[:40]!r} is not a word in snake_case"
    if known_kinds is not None and kind not in known_kinds:
        return f"{broadcast.sport.value} has no event {kind!r}; it knows {', '.join(sorted(known_kinds))}"
    return None


def _event(row: FeedRow, time_s: float, evidence: Span, broadcast: Broadcast, made: Made) -> Event:
    time_s = round(time_s, 6)
    team, player, zone = plain_text(row.team), plain_text(row.player), plain_text(row.zone)
    outcome, tactic = plain_text(row.outcome), plain_text(row.tactic)
    parts = (row.kind, time_s, team, player, zone, row.num_players, outcome, row.value, *([tactic] if tactic else []))
    return Event(
        event_id=make_id("event", broadcast.broadcast_id, *parts),
        broadcast_id=broadcast.broadcast_id,
        sport=broadcast.sport,
        kind=row.kind,
        time_s=time_s,
        evidence=evidence,
        team=team,
        player=player,
        zone=zone,
        num_players=row.num_players,
        outcome=outcome,
        tactic=tactic,
        value=row.value,
        made=made,
    )


def _drop(path: Path, broadcast: Broadcast, where: str, reason: DropReason, detail: str) -> Drop:
    item = f"{path.name}: {where}"
    drop_id = make_id("drop", "import_events", broadcast.broadcast_id, item)
    return Drop(drop_id=drop_id, step="import_events", item=item, reason=reason, detail=detail)


def some(names: Sequence[str], limit: int = 3) -> str:
    """A few names for a message.

    >>> some(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")
