"""What all feeds share: how one is read from disk, and how its rows become events and utterances of a broadcast.

A format (ingest/feed_*.py) gives `FeedRow`s, `FeedLine`s and `FeedShot`s: what the file says, in seconds, nothing judged yet.
`to_events` and `to_utterances` put them on the broadcast's clock, order them, and drop what lies outside the video, what the
sport has no word for, and what is there twice.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict, Field, field_validator

from deepsport.errors import FeedError
from deepsport.ids import make_id
from deepsport.records import Broadcast, ClockFit, Drop, Event, Kept, Made, Utterance
from deepsport.taxonomy import DropReason
from deepsport.timebase import FrameRate, Span
from ingest.feed_times import MAX_TIME_S, seconds_of_day

MAX_FEED_BYTES = 32 * 1024 * 1024
"""Ten times the events of a match; JSON of this size can take thirty times as much memory, and no more."""

MAX_TEXT = 200
"""Characters kept of a name or an outcome."""
MAX_LINE = 2000
"""Characters kept of what somebody says."""


class FeedConfig(BaseModel):
    """How event feeds are put on a broadcast's clock."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before_s: float = Field(default=0.5, ge=0, le=60, allow_inf_nan=False)
    """Where a feed gives only an instant, the evidence begins this many seconds before it."""
    after_s: float = Field(default=1.0, ge=0, le=60, allow_inf_nan=False)
    """Where a feed gives only an instant, the evidence ends this many seconds after it."""
    time_offset_s: float = Field(default=0.0, allow_inf_nan=False)
    """Seconds added to every time of the feed: positive when the video began earlier than the feed's clock."""
    period: int | None = Field(default=None, ge=1, le=9)
    """Which half or period the video holds, for feeds that count anew in each; by default its name says (``1_720p.mkv``)."""
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
    period: int | None = None
    """The half or period on whose clock that is, where the feed counts anew in each."""
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
    marks: tuple[float, ...] = ()
    tactic: str | None = None
    shown: bool = True
    """False where the feed says that the broadcast does not show it."""


@dataclass(frozen=True, slots=True)
class FeedLine:
    """Something said or written about what happens, as a feed tells it."""

    where: str
    text: str
    span: Span
    """On the feed's clock; empty where the feed gives only an instant."""
    period: int | None = None
    precision_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FeedShot:
    """A shot as a person labelled it."""

    where: str
    label: str
    span: Span
    """On the feed's clock."""
    period: int | None = None
    change: str = ""
    """How the shot ends, in the feed's words."""
    replay: bool = False
    replay_of: Span | None = None
    """When in the same period that which it replays was live."""


class FeedClock(StrEnum):
    """Whose clock a feed's times are on."""

    VIDEO = "video"
    """The video's own: nothing is left to fit."""
    PERIOD_VIDEO = "period_video"
    """Of the video of one period: it must be known which period the broadcast is."""
    OWN = "own"
    """The feed's: where its zero lies in the video is not said, and its seconds may be longer or shorter than the video's."""


@dataclass(frozen=True, slots=True)
class FeedRows:
    """What a format made of a file: rows, and the places it could not read, with the reason."""

    rows: list[FeedRow]
    unread: list[tuple[str, str]]
    lines: list[FeedLine] = field(default_factory=list)
    shots: list[FeedShot] = field(default_factory=list)
    clock: FeedClock = FeedClock.VIDEO


class Placement:
    """Where on the video's clock a feed's times lie: one fit a period, or none where it could not be told."""

    def __init__(self, fits: Mapping[int | None, ClockFit | None], offset_s: float = 0.0) -> None:
        self.fits, self.offset_s = fits, offset_s

    def time_s(self, time_s: float, period: int | None) -> float | None:
        """The moment on the video's clock; None for a period without a fit."""
        if not self.fits:
            return time_s + self.offset_s
        fit = self.fits.get(period)
        return None if fit is None else fit.video_s(time_s)

    def span(self, span: Span, period: int | None) -> Span | None:
        """The stretch on the video's clock; None for a period without a fit."""
        start_s, end_s = (self.time_s(max(-MAX_TIME_S, min(MAX_TIME_S, s)), period) for s in (span.start_s, span.end_s))
        return None if start_s is None or end_s is None else Span(start_s=start_s, end_s=end_s)


_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def snake_case(label: str) -> str:
    """A label (its first 400 characters) in the shape of a kind of event.

    >>> snake_case("Som(s).Tuck"), snake_case("Corner kick")
    ('som_s_tuck', 'corner_kick')
    """
    ascii_only = unicodedata.normalize("NFKD", label[:400]).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_only.lower()).strip("_")


def plain_text(text: str | None, limit: int = MAX_TEXT) -> str | None:
    r"""A text from a feed on one line, without control characters, cut to limit; None when nothing is left.

    >>> plain_text(" Borussia\tM'gladbach\x00 "), plain_text("  ")
    ("Borussia M'gladbach", None)
    """
    if text is None:
        return None
    visible = "".join(c for c in text[: 20 * limit] if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(visible.split())[:limit].rstrip() or None


def read_bytes(path: Path) -> bytes:
    """A feed's bytes. Raises: FeedError when it cannot be read, is empty, or is far too big to be one."""
    try:
        size = path.stat().st_size
        if size > MAX_FEED_BYTES:
            raise FeedError(f"{path}: {size >> 20} MiB is no event feed; is it the video?")
        data = path.read_bytes()
    except FileNotFoundError:
        raise FeedError(f"{path}: no such file; correct the path") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise FeedError(f"{path}: cannot be read ({why}); give a file that can") from error
    if not data.strip():
        raise FeedError(f"{path}: is empty; export the feed again")
    return data


def decode_text(data: bytes, encoding: str | None = None) -> str:
    """A file's text: in the encoding given, else by its byte order mark, else UTF-8 if it is that, else Windows-1252."""
    if encoding is not None:
        return data.decode(encoding, errors="replace")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    for guess in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(guess)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def lines_of(text: str) -> list[str]:
    """The lines of a text, whichever of CR, LF or both ends them; other characters that Python breaks at stay in the line."""
    return re.split(r"\r\n|\r|\n", text)


def parse_json(path: Path, data: bytes) -> object:
    """A JSON document from outside. Raises: FeedError for anything that is not strict JSON in UTF-8, a bare NaN included."""

    def refuse(constant: str) -> NoReturn:
        raise FeedError(f"{path}: holds a bare {constant}, which is not JSON; export it with null instead")

    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=refuse)
    except UnicodeDecodeError as error:
        raise FeedError(f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and _is_json_lines(error.doc):
            raise FeedError(f"{path}: holds one JSON document a line (JSON lines), which no feed that can be read does; see "
                            "docs/feeds.md for those that can") from error
        raise FeedError(f"{path}: broken JSON at line {error.lineno} ({error.msg}); was it cut short? export it again") from error
    except (ValueError, RecursionError) as error:
        raise FeedError(f"{path}: not usable JSON ({type(error).__name__}); export it again") from error


def _is_json_lines(text: str) -> bool:
    """Whether the first two lines are each a JSON object or list."""
    try:
        return all(isinstance(json.loads(line), (dict, list)) for line in text.strip().split("\n", 2)[:2])
    except ValueError:
        return False


def must_be(sport: str, broadcast: Broadcast, path: Path, what: str) -> None:
    """Raises: FeedError when the broadcast is of another sport than what the feed is of."""
    if broadcast.sport != sport:
        remedy = "pair them anew, or give the broadcast its sport (--sport, or the manifest's column sport)"
        raise FeedError(f"{path}: is {what}, the broadcast is {broadcast.sport.value}; {remedy}")


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
            if abs(rate - whole * Fraction(1000, 1001)) < Fraction(1, 200):
                rate = whole * Fraction(1000, 1001)
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
    place: Placement | None = None,
) -> Kept[Event]:
    """Events of the broadcast in order of time, and what was dropped.

    known_kinds: the sport's vocabulary; None lets every kind in snake_case pass. The video is [0, broadcast.duration_s). place
    puts the feed's times on the video's clock; without one they are moved by the config's ``time_offset_s``. Rows of a period
    that has no place are left out silently: the placement has said why.
    """
    place = place or Placement({}, config.time_offset_s)
    video = Span(start_s=0.0, end_s=broadcast.duration_s)
    kept: dict[str, Event] = {}
    drops = [_drop(path, broadcast, where, DropReason.BAD_FEED, why) for where, why in feed.unread]
    placed = [(time_s, row) for row in feed.rows if (time_s := place.time_s(row.time_s, row.period)) is not None]
    for time_s, row in sorted(placed, key=lambda pair: pair[0]):
        inside = video.contains(time_s)
        evidence = _evidence(row, time_s, video, config, place) if inside else None
        if evidence is None:
            where = "before the video begins" if time_s < 0 else f"the video is {broadcast.duration_s:.2f} s long"
            why = "its evidence lies outside the video" if inside else where
            when = f"{time_s:.2f} s, {why}" if abs(time_s) < MAX_TIME_S else "no time of a video"
            why = f"{row.kind[:40]} at {when}"
            drops.append(_drop(path, broadcast, row.where, DropReason.EVENT_OUTSIDE_VIDEO, why))
            continue
        if not row.shown:
            why = f"{row.kind[:40]} at {time_s:.2f} s, the feed says that it is not shown"
            drops.append(_drop(path, broadcast, row.where, DropReason.EVENT_NOT_SHOWN, why))
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


def to_utterances(
    feed: FeedRows, path: Path, broadcast: Broadcast, config: FeedConfig, made: Made, place: Placement | None = None
) -> Kept[Utterance]:
    """What is said or written about the broadcast, in order of time, and what lies outside it.

    A line with only an instant gets the stretch around it that an event gets. The recogniser's figures are those of certainty: a
    person wrote it.
    """
    place = place or Placement({}, config.time_offset_s)
    video = Span(start_s=0.0, end_s=broadcast.duration_s)
    kept: dict[str, Utterance] = {}
    drops: list[Drop] = []
    placed = [(span, line) for line in feed.lines if (span := place.span(line.span, line.period)) is not None]
    for span, line in sorted(placed, key=lambda pair: (pair[0].start_s, pair[0].end_s)):
        text = plain_text(line.text, MAX_LINE)
        if not span.duration_s:
            span = around(span.start_s, line.precision_s, config)
        inside = span.clipped(video)
        if inside is None:
            detail = f"said at {span.start_s:.2f} s, the video is {broadcast.duration_s:.2f} s long"
            drops.append(_drop(path, broadcast, line.where, DropReason.EVENT_OUTSIDE_VIDEO, detail))
            continue
        if text is None:
            continue
        inside = Span(start_s=round(inside.start_s, 6), end_s=round(inside.end_s, 6))
        utterance_id = make_id("utterance", broadcast.broadcast_id, inside.start_s, inside.end_s, text)
        if utterance_id in kept:
            detail = f"{text[:40]!r} at {span.start_s:.2f} s is there twice"
            drops.append(_drop(path, broadcast, line.where, DropReason.BAD_FEED, detail))
            continue
        kept[utterance_id] = Utterance(utterance_id=utterance_id, broadcast_id=broadcast.broadcast_id, span=inside, text=text,
                                       avg_logprob=0.0, no_speech_prob=0.0, made=made)
    return Kept(list(kept.values()), drops)


def around(time_s: float, precision_s: float, config: FeedConfig) -> Span:
    """The stretch in which something that a feed gives only an instant for can be seen or heard."""
    start_s, end_s = time_s - config.before_s, time_s + precision_s + config.after_s
    return Span(start_s=round(start_s, 6), end_s=round(end_s, 6))


def _evidence(row: FeedRow, time_s: float, video: Span, config: FeedConfig, place: Placement) -> Span | None:
    if row.evidence is None:
        return around(time_s, row.precision_s, config).clipped(video)
    evidence = place.span(row.evidence, row.period)
    return None if evidence is None else evidence.clipped(video)


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
    parts = (row.kind, time_s, team, player, zone, row.num_players, outcome, row.value, *([tactic] if tactic else []), *row.marks)
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
        marks=row.marks,
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
