"""Soccer event feeds of the data companies, read by kloppy.

StatsBomb, Wyscout, Opta, Stats Perform, Metrica, DataFactory and Sportec.
kloppy (an optional dependency, imported only here and only when such a feed is read) gives one vocabulary; this file turns it
into the words of deepsport/sports/soccer.py. What a vendor does not write down but its record implies (the kick-off that is the
first touch of a half, the free kick that is the first touch after a foul) is added and counted in ``inferred``; what a vendor
says plainly is never changed. Which companion file (line-ups, match data) belongs to a feed is told by its name.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from deepsport.errors import FeedError, UserError
from deepsport.records import Broadcast
from deepsport.taxonomy import Sport
from ingest.feed_events import FeedClock, FeedRow, FeedRows, must_be, parse_json, read_bytes
from ingest.feed_kloppy_words import read_words
from ingest.feed_metrica import write_metadata

MAX_GAP_S = 300.0
"""A feed in which a half has a longer silence than this holds an excerpt, not the match."""

COMPANIONS = {
    "statsbomb": (("event", "lineup"), ("events", "lineups")), "opta": (("f24", "f7"),), "sportec": (("events", "meta"),),
    "statsperform": (("ma3", "ma1"),), "metrica": (("events", "meta"), ("events", "metadata")),
}
"""How the name of a companion follows from that of the feed: the part replaced, and by what."""


@dataclass(frozen=True, slots=True)
class VendorRow:
    """One event in soccer's words; ``touch`` for anything else done with the ball, which only serves to infer restarts."""

    where: str
    kind: str
    period: int
    time_s: float
    """Seconds from the beginning of the period."""
    team: str | None = None
    player: str | None = None
    outcome: str | None = None
    stated: tuple[int, int] | None = None
    """The score that the feed itself gives after this event, as it writes it (home, away)."""


@dataclass(frozen=True, slots=True)
class VendorFeed:
    """A match as a vendor recorded it."""

    path: Path
    vendor: str
    teams: tuple[str, str]
    """Home and away."""
    num_records: int
    """Records of the vendor's own, of every kind."""
    rows: tuple[VendorRow, ...]
    """What the ledger knows, in order of play, whistles included."""
    score: tuple[int, int] | None
    """The final score (home, away) by the feed's own account; None when it has none."""
    score_source: str
    """Where that stands."""
    excerpt: str | None
    """Why the feed cannot hold the whole match; None when it can."""
    period_start_s: dict[int, float]
    """When each period begins, in seconds from the beginning of the first."""
    inferred: dict[str, int] = field(default_factory=dict)
    """How many rows were added or completed because the vendor's record implies them, by what they are."""


def vendor_of(path: Path, data: bytes) -> str | None:
    """Which vendor's event feed this is, by its content; None for anything else, companions included.

    >>> vendor_of(Path("x.json"), b'{"events": []}') is None
    True
    """
    text = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"<":
        head = text[:4000]
        if b"<Games" in head:
            return "opta"
        return "sportec" if b"<PutDataRequest" in head and b"<MatchInformation" not in text[:20000] else None
    if text[:1] not in (b"{", b"["):
        return None
    document = parse_json(path, data)
    if isinstance(document, list):
        return "statsbomb" if document and isinstance(document[0], dict) and "play_pattern" in document[0] else None
    if not isinstance(document, dict):
        return None
    events = document.get("events")
    if isinstance(events, list) and events and isinstance(events[0], dict) and "matchPeriod" in events[0]:
        return "wyscout"
    rows = document.get("data")
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and {"subtypes", "start", "from"} <= set(rows[0]):
        return "metrica"
    if "incidences" in document and "scoreStatus" in document:
        return "datafactory"
    live = document.get("liveData")
    return "statsperform" if isinstance(live, dict) and "event" in live else None


def owner_of(path: Path, data: bytes) -> str | None:
    """Whose line-ups or match data this is, by its content; None for anything else, event feeds included.

    >>> owner_of(Path("f7.xml"), b"<?xml version='1.0'?><SoccerFeed>")
    'opta'
    """
    text = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"<":
        marks = {b"<SoccerFeed": "opta", b"<MatchInformation": "sportec", b"<ProviderGlobalParameters": "metrica"}
        return next((vendor for mark, vendor in marks.items() if mark in text[:20000]), None)
    if text[:1] not in (b"{", b"[") or vendor_of(path, data) is not None:
        return None
    document = parse_json(path, data)
    if isinstance(document, list):
        return "statsbomb" if document and isinstance(document[0], dict) and "lineup" in document[0] else None
    live = document.get("liveData") if isinstance(document, dict) else None
    return "statsperform" if isinstance(live, dict) and "lineUp" in live else None


def companion_of(path: Path, vendor: str, others: Iterable[Path] = ()) -> Path | None:
    """The file with line-ups or match data that belongs to a feed: one of ``others`` or a neighbour in its folder by its name, or
    else the only one of the vendor's among ``others``.
    """
    others = tuple(others)
    for part, instead in COMPANIONS.get(vendor, ()):
        position = path.name.rfind(part)
        if position < 0:
            continue
        name = path.name[:position] + instead + path.name[position + len(part):]
        for candidate in (*others, path.with_name(name)):
            if candidate.name == name and candidate.is_file():
                return candidate
    owned = [other for other in others if vendor in COMPANIONS and other != path and _is_of(other, vendor)]
    return owned[0] if len(owned) == 1 else None


def _is_of(path: Path, vendor: str) -> bool:
    try:
        return owner_of(path, read_bytes(path)) == vendor
    except FeedError:  # it is told of where it is read as a feed
        return False


def read_vendor_feed(path: Path, others: Sequence[Path] = ()) -> VendorFeed:
    """A vendor's feed in soccer's words.

    others: files that may hold its line-ups or match data; neighbours in its folder are found by their name.

    Raises: UserError when kloppy is not installed; FeedError when it is no vendor's feed, is damaged, or lacks its companion.
    """
    path = Path(path)
    data = read_bytes(path)
    vendor = vendor_of(path, data)
    if vendor is None:
        raise FeedError(f"{path}: is no feed of {', '.join(sorted(LOADERS))}; give the file with the events")
    if importlib.util.find_spec("kloppy") is None:
        raise UserError(f"{path}: {vendor} feeds need kloppy; pip install 'kloppy>=3.18'")
    companion = companion_of(path, vendor, others)
    raw = None if data.lstrip()[:1] == b"<" else parse_json(path, data)
    meta = None if companion is None else read_bytes(companion)
    try:
        dataset = _load(path, data, vendor, meta)
        words = read_words(vendor, dataset, raw, meta)
        starts = _period_starts(dataset)
        rows, inferred = infer(_ordered([VendorRow(*row) for row in words.rows]), words)
    except UserError:
        raise
    except Exception as error:  # a damaged feed takes kloppy's readers apart in any way, an unbound name among them
        raise FeedError(f"{path}: kloppy cannot read it as {vendor} ({type(error).__name__}: {str(error)[:200]}); was it cut or "
                        "edited? export it again") from error
    return VendorFeed(path, vendor, words.teams, words.num_records, tuple(_whistles(rows)), words.score, words.score_source,
                      _why_excerpt(rows), starts, inferred)


def _load(path: Path, data: bytes, vendor: str, meta: bytes | None) -> Any:
    needed = COMPANIONS.get(vendor)
    if meta is None and vendor == "metrica":
        meta = write_metadata(path, data)
    elif meta is None and needed:
        part, instead = needed[0]
        raise FeedError(f"{path}: {vendor} keeps line-ups and teams in a second file; put it beside, named with {instead!r} "
                        f"in place of {part!r}, or give it too")
    for text in (data, meta or b""):
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise FeedError(f"{path}: declares XML entities, which no feed needs; export it without")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LOADERS[vendor](data, meta)


def _statsbomb(data: bytes, meta: bytes | None) -> Any:
    from kloppy import statsbomb

    return statsbomb.load(event_data=data, lineup_data=meta or b"")


def _wyscout(data: bytes, meta: bytes | None) -> Any:
    from kloppy import wyscout

    return wyscout.load(event_data=data)


def _opta(data: bytes, meta: bytes | None) -> Any:
    from kloppy import opta

    return opta.load(f24_data=data, f7_data=meta or b"")


def _statsperform(data: bytes, meta: bytes | None) -> Any:
    from kloppy import statsperform

    return statsperform.load_event(ma1_data=meta or b"", ma3_data=data)


def _metrica(data: bytes, meta: bytes | None) -> Any:
    from kloppy import metrica

    return metrica.load_event(event_data=data, meta_data=meta or b"")


def _datafactory(data: bytes, meta: bytes | None) -> Any:
    from kloppy import datafactory

    return datafactory.load(event_data=data)


def _sportec(data: bytes, meta: bytes | None) -> Any:
    from kloppy import sportec

    return sportec.load_event(event_data=data, meta_data=meta or b"")


LOADERS: dict[str, Callable[[bytes, bytes | None], Any]] = {
    "statsbomb": _statsbomb, "wyscout": _wyscout, "opta": _opta, "statsperform": _statsperform, "metrica": _metrica,
    "datafactory": _datafactory, "sportec": _sportec,
}


def _period_starts(dataset: Any) -> dict[int, float]:
    """Seconds from the first period's beginning to each period's; vendors give times of day or seconds."""
    periods = dataset.metadata.periods
    first = periods[0].start_timestamp
    return {period.id: (period.start_timestamp - first).total_seconds() for period in periods}


def _ordered(rows: list[VendorRow]) -> list[VendorRow]:
    """By period, and within one in the order of the feed: clocks of whole seconds, or out of order, do not decide."""
    return sorted(rows, key=lambda row: row.period)


def _why_excerpt(rows: Sequence[VendorRow]) -> str | None:
    longest, where = 0.0, rows[0] if rows else None
    for before, after in pairwise(rows):
        gap = abs(after.time_s - before.time_s)
        if before.period == after.period and gap > longest:
            longest, where = gap, before
    if where is None or longest <= MAX_GAP_S:
        return None
    if longest > 4 * 3600:
        return f"the clock jumps by more than {int(longest // 3600)} hours after {where.where}"
    return f"nothing is recorded for {longest / 60:.0f} minutes after {where.where}"


def _whistles(rows: Sequence[VendorRow]) -> list[VendorRow]:
    """The rows without mere touches, and with the end of each period."""
    told: list[VendorRow] = []
    for index, row in enumerate(rows):
        if row.kind != "touch":
            told.append(row)
        following = rows[index + 1].period if index + 1 < len(rows) else None
        if following == row.period:
            continue
        kind = {None: "full_time", 5: "shootout"}.get(following, "extra_time" if row.period == 2 else "half_time")
        if row.period != 5:
            told.append(VendorRow(f"end of period {row.period}", kind, row.period, row.time_s))
    return told


def infer(rows: Sequence[VendorRow], words: Any) -> tuple[list[VendorRow], dict[str, int]]:
    """The rows with what the record implies where the vendor has no word for it, and how often each was inferred.

    A kick-off is the first touch of a half and after a goal. A free kick is the first touch after an offence, by the team that
    did not commit it. A foul after which the ball next goes out, or another offence or a goal follows, was played on from.
    """
    done: list[VendorRow] = []
    inferred: dict[str, int] = {}
    due: str | None = "kick_off"
    period = 0
    offence: int | None = None
    """Position in ``done`` of the offence whose restart is due."""

    def count(what: str) -> None:
        inferred[what] = inferred.get(what, 0) + 1

    for row in rows:
        if row.period != period:
            period, due, offence = row.period, "kick_off", None
        plays = row.kind not in ("yellow_card", "red_card", "substitution")
        if due == "kick_off" and not words.marks_kick_offs and plays and row.kind == "touch" and period < 5:
            done.append(replace(row, kind="kick_off"))
            count("kick-off: the first touch of a half or after a goal")
            due = None
            continue
        if offence is not None and plays:
            by_other = row.team != done[offence].team
            if row.kind == "touch" and not words.marks_free_kicks and by_other:
                done.append(replace(row, kind="indirect_free_kick" if done[offence].kind == "offside" else "free_kick"))
                count("free kick: the first touch after an offence")
                offence = None
                continue
            restart = row.kind in ("free_kick", "indirect_free_kick", "penalty_kick")
            if restart:
                if row.kind == "free_kick" and _indirect(done[offence]):
                    row = replace(row, kind="indirect_free_kick")
                offence = None
            elif row.kind != "touch":
                if not words.marks_advantage and done[offence].kind == "foul" and done[offence].outcome is None:
                    done[offence] = replace(done[offence], outcome="advantage")
                    count("advantage: no free kick follows the foul")
                offence = None
        done.append(row)
        if row.kind in ("goal", "own_goal"):
            due = "kick_off"
        elif row.kind == "kick_off":
            due = None
        elif row.kind == "offside" or (row.kind == "foul" and row.outcome != "advantage"):
            offence = len(done) - 1
    return done, inferred


def _indirect(offence: VendorRow) -> bool:
    return offence.kind == "offside" or offence.outcome == "indirect"


def is_kloppy(path: Path, data: bytes) -> bool:
    """Whether a file is a vendor's event feed that kloppy reads."""
    return vendor_of(path, data) is not None


def parse_kloppy(path: Path, broadcast: Broadcast) -> FeedRows:
    """A vendor's feed as rows on the clock of its first kick-off: ``time_offset_s`` is when that is in the video.

    Vendors that give no time of day (StatsBomb, Wyscout) leave the break between halves out; import such a match half by half.

    Raises: FeedError when the broadcast is not of soccer, or the feed cannot be read.
    """
    must_be(Sport.SOCCER, broadcast, path, "a soccer match")
    feed = read_vendor_feed(path)
    rows = [FeedRow(where=row.where, kind=row.kind, time_s=feed.period_start_s.get(row.period, 0.0) + row.time_s,
    period=row.period, team=row.team, player=row.player, outcome=row.outcome) for row in feed.rows]
    return FeedRows(rows, [], clock=FeedClock.OWN)

