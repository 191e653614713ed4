"""Replay of rally-by-rally records: scout files of DataVolley and VolleyStation, and CoachAI's badminton CSV. After each rally
the ledger's score, and before each the server, must be the file's own; time-outs and substitutions must be allowed.

A rally that the file leaves out shows in the next score: it is filled in as a mere point and counted. A rally whose deciding
touch the file does not tell, or that the rules forbid, is refused; the ledger then takes the score from the file and goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from deepsport.errors import ImpossibleEvent
from deepsport.records import Event
from deepsport.sports.badminton import BadmintonLedger, BadmintonState
from deepsport.sports.base import label_of
from deepsport.sports.rally import RallyLedger, RallyState
from deepsport.sports.volleyball import VolleyballLedger, VolleyballState
from deepsport.timebase import Span
from ingest.feed_coachai import CoachaiMatch, kind_of, read_coachai
from ingest.feed_datavolley import Scout, read_scout, split_scouts
from ingest.feed_volleystation import read_station
from ingest.replay_report import FeedReplay, Refused, WrongScore, counted, standing_of

R = TypeVar("R", bound=RallyState)
_FILLED = "rallies that the file leaves out, by the next score it states"


class ToldRally(NamedTuple):
    """A rally as a file tells it, teams by index."""

    where: str
    set_number: int
    """Counted from 1: the set or game."""
    server: int | None
    decided: tuple[str, int] | None
    """Kind of the event that decides it, and who makes it, which may contradict the winner; None when the file does not say."""
    winner: int
    points: tuple[int, int]
    """In the set, after it."""
    asides: tuple[tuple[str, int], ...] = ()
    """Time-outs and substitutions before it, and whose they are."""


class _Account(NamedTuple, Generic[R]):
    state: R
    refused: list[Refused]
    wrong: list[WrongScore]
    num_filled: int


def replay_datavolley(path: Path, text: str) -> tuple[FeedReplay, ...]:
    """Replay the match of a DataVolley scout file, or the matches where files follow one another in it; set scores are compared
    too, where it holds the whole match.

    Raises: FeedError when it ends before its scout section or names the same team twice.
    """
    scouts = [read_scout(path, part) for part in split_scouts(text)]
    return tuple(_replay_scout(path, "datavolley", scout, "score lines and [3SET]", number if len(scouts) > 1 else None)
                 for number, scout in enumerate(scouts, start=1))


def replay_volleystation(path: Path, document: object) -> FeedReplay:
    """Replay a VolleyStation scout file. Raises: FeedError when it names the same team twice."""
    return _replay_scout(path, "volleystation", read_station(path, document), "scores of rallies and sets")


def _replay_scout(path: Path, vendor: str, scout: Scout, source: str, match: int | None = None) -> FeedReplay:
    unit = "line" if vendor == "datavolley" else "event"
    rallies = [ToldRally(f"{unit} {rally.line}", rally.set_number, rally.server, rally.decided, rally.winner, rally.points,
                         rally.asides) for rally in scout.rallies]
    ledger = VolleyballLedger()
    account = _replay(ledger, scout.teams, rallies)
    sets, told = account.state.set_scores, scout.set_scores
    wrong = list(account.wrong)
    whole = bool(rallies) and len(sets) == len(told) and not scout.unfinished
    if whole:
        wrong += [WrongScore(where=f"set {number}", feed=f"{feed[0]}:{feed[1]}", ledger=f"{own[0]}:{own[1]}")
                  for number, (feed, own) in enumerate(zip(told, sets, strict=True), start=1) if feed != own]
    return _report(path, match, vendor, ledger, scout.teams, scout.num_records, rallies, account, wrong,
                   num_more=len(told) if whole else 0, unread=scout.unread, source=source,
                   feed_score=_sets_won(told) if whole else None,
                   excerpt=None if whole else f"it holds {counted(len(rallies), 'rally', 'rallies')}" + (
                       f", not all of the {counted(len(told), 'set')} it lists" if told else " and lists no set that is over"))


def replay_coachai(path: Path, text: str) -> tuple[FeedReplay, ...]:
    """Replay the match of a CoachAI or ShuttleSet CSV, or the matches where the numbers of rallies begin again.

    Raises: FeedError as `ingest.feed_coachai.read_coachai`.
    """
    match = read_coachai(path, text)
    begins = [index for index, (before, rally) in enumerate(pairwise(match.rallies), start=1)
              if rally.number == 1 != before.number and rally.game <= before.game]
    bounds = list(pairwise([0, *begins, len(match.rallies)]))
    return tuple(_replay_rallies(path, replace(match, rallies=match.rallies[first:last], unread=() if first else match.unread),
                                 number if begins else None)
                 for number, (first, last) in enumerate(bounds, start=1))


def _replay_rallies(path: Path, match: CoachaiMatch, number: int | None) -> FeedReplay:
    rallies = []
    for rally in match.rallies:
        decided = kind_of(rally, match.players)
        server = match.players.index(rally.server) if rally.server in match.players else None
        rallies.append(ToldRally(f"line {rally.line}", rally.game, server,
                                 None if decided is None else (decided[0], match.players.index(decided[1])),
                                 "AB".index(rally.winner), rally.score))
    ledger = BadmintonLedger()
    account = _replay(ledger, match.players, rallies)
    over = account.state.winner is not None
    num_rows = sum(rally.num_strokes for rally in match.rallies) if number else match.num_rows
    return _report(path, number, "coachai", ledger, match.players, num_rows, rallies, account, account.wrong,
                   unread=match.unread, source="roundscore_A and roundscore_B",
                   excerpt=None if over else "the match is not over with its last rally")


def _sets_won(sets: Iterable[tuple[int, int]]) -> tuple[int, int]:
    won = [first > second for first, second in sets]
    return (sum(won), len(won) - sum(won))


def _replay(ledger: RallyLedger[R], teams: tuple[str, str], rallies: list[ToldRally]) -> _Account[R]:
    state = ledger.start(teams)
    refused: list[Refused] = []
    wrong: list[WrongScore] = []
    filled = 0
    for rally, following in zip_longest(rallies, rallies[1:]):
        state, num_filled = _fill_gap(ledger, state, rally, following)
        filled += num_filled
        clock = f"{rally.set_number} {rally.points[0]}:{rally.points[1]}"
        for kind, side in rally.asides:
            try:
                state = ledger.apply(state, _event(ledger, rally.where, kind, teams[side]))
            except ImpossibleEvent as error:
                refused.append(Refused(where=rally.where, clock=clock, kind=kind, team=teams[side],
                                       why=str(error).removeprefix(f"{rally.where}: ")))
        winner = rally.winner
        try:
            if _scorer(state, rally) == 1 - winner:
                winner = 1 - winner
                raise ImpossibleEvent(f"the record gives the rally to {teams[1 - winner]}, its score to {teams[winner]}")
            if rally.decided is None:
                raise ImpossibleEvent(f"no stroke of the record gives the point to {teams[rally.winner]}")
            kind, side = rally.decided
            if (side if kind in ledger.wins else 1 - side) != winner:
                raise ImpossibleEvent(f"by its strokes the rally is {teams[1 - winner]}'s ({label_of(kind)} by {teams[side]}), "
                                      f"by its score {teams[winner]}'s")
            server = ledger.server_of(state)
            if server is not None and rally.server is not None and server != rally.server:
                rule = ledger.rules[ledger.why_serves(state)]
                raise ImpossibleEvent(f"the feed has {teams[rally.server]} serve, the rules {teams[server]} after the rallies "
                                      f"before ({rule.rule_id}; {rule.edition}, {rule.law})")
            if rally.server is not None and server is None:
                state = ledger.with_server(state, rally.server)
            after = ledger.apply(state, _event(ledger, rally.where, kind, teams[side]))
        except ImpossibleEvent as error:
            kind = "rally" if rally.decided is None else rally.decided[0]
            refused.append(Refused(where=rally.where, clock=clock, kind=kind, team=teams[rally.winner],
                                   why=str(error).removeprefix(f"{rally.where}: ")))
            if state.winner is not None:
                continue
            after = ledger.apply(state, _event(ledger, rally.where, "point", teams[winner]))
        told = _points_after(state, after)
        if told != rally.points:
            wrong.append(WrongScore(where=rally.where, feed=clock, ledger=f"{sum(state.score) + 1} {told[0]}:{told[1]}"))
            if after.points != (0, 0) and _is_next(rally, following):
                after = after.model_copy(update={"points": rally.points})
        state = after
    return _Account(state, refused, wrong, filled)


def _scorer(state: RallyState, rally: ToldRally) -> int | None:
    """Who made the point by the score that the rally leads to; None when it is not one point more than before."""
    made = (rally.points[0] - state.points[0], rally.points[1] - state.points[1])
    return made.index(1) if sorted(made) == [0, 1] and rally.set_number == sum(state.score) + 1 else None


def _points_after(before: RallyState, after: RallyState) -> tuple[int, int]:
    """The score of the set after a rally, also when the rally has ended it."""
    if after.score == before.score:
        return after.points
    assert isinstance(after, (BadmintonState, VolleyballState))
    finished = after.game_scores if isinstance(after, BadmintonState) else after.set_scores
    return finished[-1]


def _is_next(rally: ToldRally, following: ToldRally | None) -> bool:
    """Whether the rally that follows goes on from its score by one point: what no single point leads to is believed only then."""
    if following is None or following.set_number != rally.set_number:
        return False
    return sorted(after - before for before, after in zip(rally.points, following.points, strict=True)) == [0, 1]


def _fill_gap(ledger: RallyLedger[R], state: R, rally: ToldRally, following: ToldRally | None) -> tuple[R, int]:
    """The state with the points that must have been made since, when the file leaves rallies out; as it was where these would
    end the set, or the next score of the set is lower, since then the file's score is not one that the set has come to.
    """
    if following is not None and following.set_number == rally.set_number and any(
            after < before for before, after in zip(rally.points, following.points, strict=True)):
        return state, 0
    missing = [rally.points[side] - state.points[side] - (side == rally.winner) for side in (0, 1)]
    if rally.set_number != sum(state.score) + 1 or min(missing) < 0 or state.winner is not None:
        return state, 0
    filled = state
    for side in (1, 0) if rally.server == 0 else (0, 1):  # who serves now has won the last of them
        for _ in range(missing[side]):
            filled = ledger.apply(filled, _event(ledger, rally.where, "point", state.teams[side]))
            if filled.score != state.score:
                return state, 0
    return filled, sum(missing)


def _event(ledger: RallyLedger[R], where: str, kind: str, team: str) -> Event:
    return Event(event_id=where, broadcast_id="", sport=ledger.sport, kind=kind, time_s=0.0,
                 evidence=Span(start_s=0.0, end_s=0.0), team=team)


def _report(path: Path, match: int | None, vendor: str, ledger: RallyLedger[R], teams: tuple[str, str], num_read: int,
            rallies: list[ToldRally], account: _Account[R], wrong: list[WrongScore], *,
            unread: Iterable[tuple[str, str]], source: str, excerpt: str | None,
            num_more: int = 0, feed_score: tuple[int, int] | None = None) -> FeedReplay:
    refused = account.refused + [Refused(where=where, clock="", kind="rally", team=None, why=why) for where, why in unread]
    num_known = sum(1 + len(rally.asides) for rally in rallies) + len(refused) - len(account.refused)
    parts, running, running_points = standing_of(account.state)
    return FeedReplay(path=str(path), match=match, vendor=vendor, sport=ledger.sport, teams=teams, num_read=num_read,
                      num_known=num_known, parts=parts, running=running, running_points=running_points,
                      num_replayed=num_known - len(refused), refused=tuple(refused),
                      inferred={_FILLED: account.num_filled} if account.num_filled else {}, num_scores=len(rallies) + num_more,
                      wrong_scores=tuple(wrong), score=account.state.score, feed_score=feed_score, score_source=source,
                      excerpt=excerpt)
