"""The one shape of a sport: its events, its rules as cited text, and its rules as code (a ledger that replays events).

A ledger is pure: it holds nothing, it turns a state and an event into the next state, or raises ImpossibleEvent and cites
the rule that is broken. From a state one can ask what must happen next and why. `deepsport.sports.sport_module` gives the
SportModule of a sport; a further sport is one more file with one more SportModule.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict

from deepsport.errors import ImpossibleEvent
from deepsport.ids import make_id
from deepsport.records import Drop, Event, Kept
from deepsport.taxonomy import DropReason, Sport
from deepsport.timebase import Span

NO_EVENT = "play"
"""What is said of frames on which nothing decisive happens."""

ZONES = ("left", "centre", "right")
"""Where in the picture an event lies, as far as a viewer can say."""

Teams = tuple[str, ...]
"""The teams as a viewer would name them: the two of a match, or all the competitors where judges give marks."""


def label_of(kind: str) -> str:
    """The spoken words for a kind of event.

    >>> label_of("corner_kick")
    'corner kick'
    """
    return kind.replace("_", " ")


def describe(event: Event | None) -> str:
    """One caption for an event: its words, team, zone and number of players, as far as they are known.

    No event gives ``play``. The caption of one event never equals that of an event a viewer could tell from it.

    >>> describe(None)
    'play'
    >>> from deepsport.timebase import Span
    >>> describe(Event(event_id="e", broadcast_id="b", sport=Sport.SOCCER, kind="corner_kick", time_s=3.2,
    ...                evidence=Span(start_s=3.0, end_s=3.6), team="red", zone="left", num_players=2))
    'corner kick, red, left, 2'
    """
    if event is None:
        return NO_EVENT
    count = None if event.num_players is None else str(event.num_players)
    return ", ".join(part for part in (label_of(event.kind), event.team, event.zone, count) if part)


@dataclass(frozen=True, slots=True)
class EventKind:
    """A word of a sport's vocabulary."""

    kind: str
    """As records hold it: lower case, words joined by underscores."""
    description: str
    """What happened, in one sentence; ``team`` of the event is the team named here as *the team*."""
    carries: tuple[str, ...] = ("team", "zone", "num_players", "player")
    """Fields of Event that it may carry."""
    visible: str = ""
    """What a viewer sees of it; empty when nobody could tell it from the pictures alone, and then nothing is asked of it."""

    @property
    def label(self) -> str:
        """The spoken words: ``corner kick``."""
        return label_of(self.kind)


class Tactic(NamedTuple):
    """A way to play that a viewer can tell from the others of its sport by where the players are and how they move."""

    name: str
    """In the words of the answer: ``full-court press``."""
    visible: str
    """What a viewer sees of it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A short passage in our own words, and the official law it stands on."""

    rule_id: str
    """Sport, then a name: ``soccer.corner_kick``."""
    sport: Sport
    title: str
    text: str
    law: str
    """Where the official text says so: ``Law 17``."""
    edition: str
    """The official text: ``IFAB Laws of the Game 2024/25``."""
    tags: tuple[str, ...]
    """Words it is found by: kinds of event, and what people call it."""
    verified: date | None = None
    """The day on which the passage was compared with the official text; None when it was not."""


class State(BaseModel):
    """Where a match stands. Sports add their own fields; team indices are positions in ``teams``, pairs are in that order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    teams: Teams
    score: tuple[int, int] = (0, 0)
    """What decides the match by the sport's own count: goals, sets. Stays (0, 0) where judges' marks make totals instead."""
    winner: int | None = None
    """Index of the team that won, once the match is over and somebody did."""


class Expectation(NamedTuple):
    """What must happen next, who does it (None when either team may, or it is not known), and why."""

    what: str
    team: str | None
    rule_id: str


class Course(NamedTuple):
    """What a stretch of a match comes to."""

    events: Kept[Event]
    """Those that the rules allow one after the other, and the others with the rule they break."""
    states: tuple[Any, ...]
    """Where it may end: one state for each of its beginnings that agrees with all of the events kept."""


class Consequence(NamedTuple):
    """What the rules make of an event, whatever the score: ``team`` does ``what`` (``wins the point``, ``restarts play``)."""

    what: str
    team: str
    rule_ids: tuple[str, ...]


S = TypeVar("S", bound=State)


class Ledger(ABC, Generic[S]):
    """A sport's rules as a state machine over events. Holds no state of its own."""

    sport: Sport
    kinds: tuple[EventKind, ...]
    kinds_without_team: tuple[str, ...] = ()
    """Kinds that may name a team and move the state also when they do not, such as marks; those that never name one are known
    by their ``carries``."""
    period_field: str | None = None
    """The field of the state that counts halves, quarters, periods, rounds or innings; None where there is no such thing."""

    @abstractmethod
    def start(self, teams: Teams, first: str | None = None) -> S:
        """The state before the first event; ``first`` is the team that kicks off or serves first, None when not known."""

    def midway(self, teams: Teams) -> S:
        """A state somewhere in a match of which nothing is known but the teams: a broadcast's excerpt begins here."""
        return self.start(teams)

    def openings(self, teams: Teams) -> tuple[S, ...]:
        """The states in one of which an excerpt begins that leaves nothing out from there on; empty for a sport that may begin in
        too many, whose excerpts are judged event by event.
        """
        del teams
        return ()

    @abstractmethod
    def apply(self, state: S, event: Event) -> S:
        """The state after an event.

        Raises: ImpossibleEvent when the rules forbid the event in this state; the message cites the rule.
        """

    @abstractmethod
    def expects(self, state: S) -> Expectation:
        """What must happen next in this state, and why."""

    @abstractmethod
    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """What the rules make of the event, provable without the score; None when the kind has no such consequence.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """

    def probe(self, state: S, kind: str, team: str | None) -> Event:
        """An event with which `possible` tries whether the kind is allowed; sports whose events must carry more fill it in."""
        return Event(event_id="probe", broadcast_id="", sport=self.sport, kind=kind, time_s=0.0,
                     evidence=Span(start_s=0.0, end_s=0.0), team=team)

    def competitors(self, events: Iterable[Event]) -> Teams | None:
        """Who takes part, as far as the events say; None when that is not enough to judge them by."""
        return teams_of(events)

    def possible(self, state: S) -> tuple[tuple[str, str | None], ...]:
        """Every (kind, team) that `apply` accepts in this state, in a fixed order; empty once the match is over.

        The team is None for kinds that belong to no team, such as half-time.
        """
        found: list[tuple[str, str | None]] = []
        for kind in self.kinds:
            for team in state.teams if "team" in kind.carries else (None,):
                try:
                    self.apply(state, self.probe(state, kind.kind, team))
                except ImpossibleEvent:
                    continue
                found.append((kind.kind, team))
        return tuple(found)

    def states(self, state: S, events: Iterable[Event]) -> list[S]:
        """The state after each event, in order.

        Raises: ImpossibleEvent at the first event that the rules forbid.
        """
        reached = []
        for event in events:
            state = self.apply(state, event)
            reached.append(state)
        return reached

    def replay(self, state: S, events: Iterable[Event]) -> S:
        """The state after all events: to replay a + b is to replay a, and b from there.

        Raises: ImpossibleEvent at the first event that the rules forbid.
        """
        for event in events:
            state = self.apply(state, event)
        return state


@dataclass(frozen=True, slots=True)
class SportModule:
    """All that DeepSport knows of a sport."""

    sport: Sport
    kinds: tuple[EventKind, ...]
    rules: tuple[Rule, ...]
    ledger: Ledger[Any]
    core_kinds: tuple[str, ...]
    """The decisive events that a viewer can always tell apart: what questions choose among, and what the simulator shows."""
    tactics: tuple[Tactic, ...] = ()
    """Ways to play that exclude one another: what tactic questions choose among where an event says which it was."""

    def event_kind(self, kind: str) -> EventKind | None:
        """The word of the vocabulary, or None when the sport does not know it."""
        return next((k for k in self.kinds if k.kind == kind), None)

    def rule(self, rule_id: str) -> Rule:
        """The rule of that id.

        Raises: KeyError when the sport has no such rule.
        """
        for rule in self.rules:
            if rule.rule_id == rule_id:
                return rule
        raise KeyError(rule_id)

    def legal_events(self, events: Sequence[Event], *, complete: bool = False) -> Kept[Event]:
        """The events that the rules allow, in order of time; the others as drops with the rule they break.

        complete: the events are the whole match, so each is judged by all before it; otherwise (an excerpt: points may be
        missing between two events) each is judged by itself. With fewer than two teams named nothing can be judged, and
        only kinds that the sport does not know are dropped.
        """
        teams = self.ledger.competitors(events)
        if complete:
            return self.course((self.ledger.start(teams),) if teams else (), events).events
        begins = (self.ledger.midway(teams),) if teams else ()
        judged = [self.course(begins, [event]).events for event in sorted(events, key=lambda e: (e.time_s, e.event_id))]
        return Kept([event for each in judged for event in each.items], [drop for each in judged for drop in each.drops])

    def course(self, begins: Sequence[State], events: Iterable[Event]) -> Course:
        """What events come to, in order of time, that begin in one of these states; of none, nothing can be judged.

        An event is refused when it contradicts what was shown before it, whichever of the states it began in.
        """
        kept: list[Event] = []
        drops: list[Drop] = []
        states = tuple(begins)
        for event in sorted(events, key=lambda e: (e.time_s, e.event_id)):
            try:
                kind = self.event_kind(event.kind)
                if kind is None:
                    raise ImpossibleEvent(f"{event.event_id}: {self.sport} knows no event {event.kind!r}")
                needs_none = "team" not in kind.carries or event.kind in self.ledger.kinds_without_team
                if states and (event.team is not None or needs_none):
                    states = self._after(states, event)
            except ImpossibleEvent as error:
                drop_id = make_id("drop", "legal_events", event.event_id)
                drops.append(Drop(drop_id=drop_id, step="legal_events", item=event.event_id,
                                  reason=DropReason.IMPOSSIBLE_EVENT, detail=str(error)))
            else:
                kept.append(event)
        return Course(Kept(kept, drops), states)

    def _after(self, states: tuple[State, ...], event: Event) -> tuple[State, ...]:
        """The states after an event, of those that allow it. Raises: ImpossibleEvent when none does."""
        found: dict[State, None] = {}
        refusals = []
        for state in states:
            try:
                found[self.ledger.apply(state, event)] = None
            except ImpossibleEvent as error:
                refusals.append(error)
        if not found:
            raise refusals[0]
        return tuple(found)


def teams_of(events: Iterable[Event]) -> Teams | None:
    """The two teams that the events of one broadcast name, in alphabetical order; None unless they are exactly two.

    >>> teams_of([]) is None
    True
    """
    names = sorted({event.team for event in events if event.team})
    return (names[0], names[1]) if len(names) == 2 else None


def team_index(teams: Teams, event: Event) -> int:
    """Which of the two teams made the event: 0 or 1.

    Raises: ImpossibleEvent when the event names no team of the match.
    """
    if event.team not in teams:
        raise ImpossibleEvent(f"{event.event_id}: {event.kind} by {event.team!r}, but the teams are {teams[0]} and {teams[1]}")
    return teams.index(event.team)


def forbid(event: Event, why: str, rule: Rule) -> NoReturn:
    """Raise ImpossibleEvent for an event, with the reason and the law that says so."""
    raise ImpossibleEvent(f"{event.event_id}: {event.kind} by {event.team}: {why} ({rule.rule_id}; {rule.edition}, {rule.law})")
