"""Replay of real event feeds through the sports' ledgers: the proof that the rules as code agree with matches nobody here made.

For each feed: how many records it holds, how many of them the rules speak of, how many the ledger accepted, which it refused
and why, and whether the scores it arrives at are the feed's own. Formats are told by their content; each has its adapter
(ingest/replay_*.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deepsport.errors import FeedError
from deepsport.records import Broadcast, Drop, Event, Made
from deepsport.sports import known_sports, sport_module
from deepsport.sports.base import Course, Ledger, State
from deepsport.sports.diving import DivingState
from deepsport.sports.gymnastics import GymnasticsState
from deepsport.taxonomy import Sport
from deepsport.timebase import FrameRate
from ingest.feed_coachai import is_coachai
from ingest.feed_datavolley import is_datavolley
from ingest.feed_deepsport import Match, first_fault, is_deepsport, parse_matches
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
                replayed = (replay_soccer(path, files),)
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
            feeds += replayed
    for path, why in strangers.items():
        if path not in companions:
            if strict:
                raise FeedError(f"{path}: {why}")
            failed.append(Unreadable(path=str(path), why=why))
    return ReplayReport(feeds=tuple(feeds), unreadable=tuple(failed))


def _replay(path: Path, data: bytes) -> tuple[FeedReplay, ...] | None:
    """The replay of each match of a feed that is not a soccer vendor's; None when it is of no known format."""
    protocol = read_skating(path, data)
    if protocol is not None:
        return (replay_skating(path, protocol),)
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
            return (replay_volleystation(path, document),)
        if is_finediving(document):
            assert isinstance(document, list)
            return (replay_finediving(path, document),)
    return None


def _replay_own(path: Path, document: object) -> tuple[FeedReplay, ...]:
    """Our own feed, of any known sport, match by match.

    Raises: FeedError when its header does not fit, or its sport has no rules here.
    """
    named = document.get("sport") if isinstance(document, dict) else None
    sport = next((sport for sport in known_sports() if sport == named), None)
    if sport is None:
        raise FeedError(f"{path}: is a feed of {str(named)[:40]!r}, whose rules are not known; "
                        f"known are {', '.join(known_sports())}")
    matches = parse_matches(path, document, _stand_in(path, sport))
    return tuple(_replay_match(path, sport, match, number if len(matches) > 1 else None)
                 for number, match in enumerate(matches, start=1))


def _replay_match(path: Path, sport: Sport, match: Match, number: int | None) -> FeedReplay:
    """A match from where the feed says that it begins, from its start if it says nothing, and where it does not know, from
    wherever an excerpt may begin: refused is what contradicts the events before it.
    """
    film, module = _stand_in(path, sport), sport_module(sport)
    ledger = module.ledger
    events = to_events(match.rows, path, film, FeedConfig(), Made(step="replay"), frozenset(kind.kind for kind in module.kinds))
    begin = None if match.state is None else _begin(path, ledger, match.state)
    teams = (ledger.competitors(events.items) or ()) if begin is None else begin.teams
    if begin is not None:
        begins: tuple[State, ...] = (begin,)
    elif not teams:
        begins = ()
    else:
        begins = ledger.openings(teams) if match.told else (ledger.start(teams),)
    try:
        course = module.course(begins, events.items) if begins or not teams else Course(module.legal_events(events.items), ())
    except IndexError as error:
        raise FeedError(f"{path}: matches: a state numbers a team that does not play; count from 0") from error
    refused = [*(_refused(drop, {}) for drop in events.drops),
               *(_refused(drop, {event.event_id: event for event in events.items}) for drop in course.events.drops)]
    unknown = match.told and begin is None
    state = course.states[0] if len(course.states) == 1 and not unknown else None
    parts, running, running_points = standing_of(state)
    totals = state.totals if isinstance(state, (DivingState, GymnasticsState)) else ()
    excerpt = None
    if running is not None:
        excerpt = "the match goes on after it" + ("" if begin else ", and its score is counted from its first event")
    elif begin is not None and begin not in (ledger.start(teams), *(ledger.start(teams, team) for team in teams)):
        excerpt = "it begins in mid-match"
    elif unknown:
        excerpt = "where it begins is not known, so it has no score"
    if course.events.drops and not match.told:
        excerpt = 'not a whole match by the rules; if it begins later, say so in its "matches"'
    if not teams:
        excerpt = "its events do not name two teams, so only its words are judged"
    num_known = len(match.rows.rows) + len(match.rows.unread)
    return FeedReplay(path=str(path), match=number, vendor="deepsport", sport=sport, teams=teams, num_read=num_known,
                      num_known=num_known, num_replayed=num_known - len(refused), refused=tuple(refused), inferred={},
                      num_scores=0, score=None if state is None or totals else state.score, totals=totals, parts=parts,
                      running=running, running_points=running_points, excerpt=excerpt)


def _begin(path: Path, ledger: Ledger[Any], told: dict[str, Any]) -> State:
    """The state that a feed tells, on top of a match's start. Raises: FeedError when it is none of the sport's."""
    teams = told.get("teams")
    if not isinstance(teams, list) or not teams or not all(isinstance(team, str) for team in teams):
        raise FeedError(f'{path}: matches: a state names no teams; write them as ["red", "blue"], or leave the state out')
    try:
        start = ledger.start(tuple(teams))
        state: State = type(start).model_validate(start.model_dump() | told, strict=False)
    except ValidationError as error:
        raise FeedError(f"{path}: matches: no state of {ledger.sport}: {first_fault(error)}; leave it out") from error
    return state


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
