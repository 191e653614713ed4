"""Replay of real event feeds through the sports' ledgers: the proof that the rules as code agree with matches nobody here made.

For each feed: how many records it holds, how many of them the rules speak of, how many the ledger accepted, which it refused
and why, and whether the scores it arrives at are the feed's own. Formats are told by their content; each has its adapter
(ingest/replay_*.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from deepsport.errors import FeedError
from deepsport.records import Broadcast, Drop, Event, Made
from deepsport.sports import known_sports, sport_module
from deepsport.sports.diving import DivingState
from deepsport.sports.gymnastics import GymnasticsState
from deepsport.taxonomy import Sport
from deepsport.timebase import FrameRate
from ingest.feed_coachai import is_coachai
from ingest.feed_datavolley import is_datavolley
from ingest.feed_deepsport import is_deepsport, parse_deepsport
from ingest.feed_events import FeedConfig, decode_text, parse_json, read_bytes, to_events
from ingest.feed_kloppy import LOADERS, companion_of, owner_of, vendor_of
from ingest.feed_volleystation import is_volleystation
from ingest.replay_judged import is_finediving, read_skating, replay_finediving, replay_skating
from ingest.replay_rallies import replay_coachai, replay_datavolley, replay_volleystation
from ingest.replay_report import FeedReplay, Refused, ReplayReport, Unreadable, standing_of
from ingest.replay_soccer import replay_soccer

__all__ = ["FeedReplay", "Refused", "ReplayReport", "Unreadable", "replay_feed"]

REPLAYABLE = (f"feeds of {', '.join(sorted(LOADERS))}; DataVolley .dvw; VolleyStation .vsm; CoachAI CSV; FineDiving JSON; "
              "figure-skating protocols; deepsport-feed-1")
Progress = Callable[[Path], None]


def replay_feed(paths: Path | Sequence[Path], *, strict: bool = True, progress: Progress | None = None) -> ReplayReport:
    """Replay feeds through their sport's ledger.

    paths: feeds of any format in REPLAYABLE; line-ups and match data among them are used as such. progress is told of each file.

    strict: a file that cannot be replayed is a FeedError; otherwise it is listed in the report's ``unreadable``.

    Raises: FeedError when a file is no feed (strict), or nothing but companions is given; UserError when kloppy is not installed.
    """
    files = [Path(paths)] if isinstance(paths, (str, Path)) else [Path(path) for path in dict.fromkeys(paths)]
    feeds: list[FeedReplay] = []
    failed: list[Unreadable] = []
    strangers: dict[Path, str] = {}
    companions: set[Path] = set()
    for path in files:
        if progress is not None:
            progress(path)
        try:
            data = read_bytes(path)
            replayed = _replay(path, data)
            vendor = None if replayed is not None else vendor_of(path, data)
            if vendor is not None:
                companions.add(companion_of(path, vendor, files) or path)
                replayed = replay_soccer(path, files)
        except FeedError as error:
            if strict:
                raise
            failed.append(Unreadable(path=str(path), why=str(error).removeprefix(f"{path}: ")))
            continue
        if replayed is None:
            owner = owner_of(path, data)
            strangers[path] = f"is no event feed that can be replayed ({REPLAYABLE}), and no companion of one given"
            if owner is not None:
                strangers[path] = f"holds line-ups or match data of {owner}, and no events; give {owner}'s file of events with it"
        else:
            feeds.append(replayed)
    for path, why in strangers.items():
        if path not in companions:
            if strict:
                raise FeedError(f"{path}: {why}")
            failed.append(Unreadable(path=str(path), why=why))
    return ReplayReport(feeds=tuple(feeds), unreadable=tuple(failed))


def _replay(path: Path, data: bytes) -> FeedReplay | None:
    """The replay of a feed that is not a soccer vendor's; None when it is of no known format."""
    protocol = read_skating(path, data)
    if protocol is not None:
        return replay_skating(path, protocol)
    text = decode_text(data, None)
    if is_datavolley(text):
        return replay_datavolley(path, text)
    if is_coachai(text):
        return replay_coachai(path, text)
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        document = parse_json(path, data)
        if is_deepsport(document):
            return _replay_own(path, document)
        if is_volleystation(document):
            return replay_volleystation(path, document)
        if is_finediving(document):
            assert isinstance(document, list)
            return replay_finediving(path, document)
    return None


def _replay_own(path: Path, document: object) -> FeedReplay:
    """Our own feed, of any known sport: as a whole match if the rules allow its course from the start, else event by event.

    Raises: FeedError when its header does not fit, or its sport has no rules here.
    """
    named = document.get("sport") if isinstance(document, dict) else None
    sport = next((sport for sport in known_sports() if sport == named), None)
    if sport is None:
        raise FeedError(f"{path}: is a feed of {str(named)[:40]!r}, whose rules are not known; "
                        f"known are {', '.join(known_sports())}")
    film = _stand_in(path, sport)
    module = sport_module(sport)
    kinds = frozenset(kind.kind for kind in module.kinds)
    read = parse_deepsport(path, document, film)
    events = to_events(read, path, film, FeedConfig(), Made(step="replay"), kinds)
    teams = module.ledger.competitors(events.items) or ()
    whole = module.legal_events(events.items, complete=True)
    judged = module.legal_events(events.items) if whole.drops else whole
    refused = [*(_refused(drop, {}) for drop in events.drops),
               *(_refused(drop, {event.event_id: event for event in events.items}) for drop in judged.drops)]
    state = module.ledger.replay(module.ledger.start(teams), whole.items) if teams and not whole.drops else None
    parts, running, running_points = standing_of(state)
    totals = state.totals if isinstance(state, (DivingState, GymnasticsState)) else ()
    excerpt = f"not a whole match by the rules: {whole.drops[0].detail}" if whole.drops else None
    if running is not None:
        excerpt = "the match goes on after it, and its score is counted from its first event"
    if not teams:
        excerpt = "its events do not name two teams, so only its words are judged"
    num_known = len(read.rows) + len(read.unread)
    return FeedReplay(path=str(path), vendor="deepsport", sport=sport, teams=teams, num_read=num_known, num_known=num_known,
                      num_replayed=num_known - len(refused), refused=tuple(refused), inferred={}, num_scores=0,
                      score=None if state is None or totals else state.score, totals=totals, parts=parts, running=running,
                      running_points=running_points, excerpt=excerpt)


def _refused(drop: Drop, events: dict[str, Event]) -> Refused:
    event = events.get(drop.item)
    clock = "" if event is None else f"{event.time_s:.2f} s"
    return Refused(where=drop.item, clock=clock, kind="event" if event is None else event.kind,
                   team=None if event is None else event.team, why=drop.detail.removeprefix(f"{drop.item}: "))


def _stand_in(path: Path, sport: Sport) -> Broadcast:
    """A broadcast that any time of the feed lies in: a replay asks for the order of events, not for their frames."""
    rate = FrameRate(num=25)
    return Broadcast(broadcast_id="replay", sport=sport, title=path.name, source_uri=path.name, media_sha256="", size_bytes=0,
                     duration_s=10.0**9, width=1, height=1, source_rate=rate, proxy_key="", proxy_rate=rate, proxy_num_frames=0,
                     has_audio=False)
