"""What can be asked of a ledger and a record of events, in any sport: the state at a time, what if, and what decided it.

All are pure and only replay. Events are taken in the order given, which is the order of play.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from deepsport.errors import ImpossibleEvent
from deepsport.records import Event
from deepsport.sports.base import Expectation, Ledger, State

S = TypeVar("S", bound=State)


class Situation(NamedTuple, Generic[S]):
    """Where a match stands at a time."""

    state: S
    num_events: int
    """Events that had happened by then."""
    expected: Expectation
    """What must happen next, and why: the rule's id."""
    period: int | None
    """The running half, quarter, period, round or inning, as the state counts them; None in sports without."""
    period_s: float | None
    """Seconds of the broadcast since the period's first event; the official clock may have stood still meanwhile."""


class Counterfactual(NamedTuple, Generic[S]):
    """A match as it was, and as it would have been had one event been another."""

    actual: S
    """After all events, as they were."""
    altered: S
    """After all events with the one exchanged, or after the last that the rules then still allow."""
    fell_away: tuple[int, ...]
    """Positions in the record of later events that could then not have happened and were left out."""
    broken_at: int | None
    """Position in the record of the later event at which the altered match could not go on; None when it could to the end."""
    why: str
    """The rule that this event would break; empty when none."""


class Alternative(NamedTuple):
    """What another course of one event would have made of the result."""

    position: int
    """Of the event in the record, from 0."""
    winner: int | None
    """Who would have won: an index in ``teams``, or None when nobody would have (yet)."""


class Decision(NamedTuple):
    """Which events the result hangs on."""

    winner: int | None
    decisive: tuple[Alternative, ...]
    """Events without which (or with which exchanged) the result is another."""
    open: tuple[int, ...]
    """Events that cannot be judged so: with the alternative the record would break a rule."""


def state_at(ledger: Ledger[S], start: S, events: Iterable[Event], time_s: float) -> Situation[S]:
    """Where a match stands at ``time_s`` (seconds on the broadcast's clock): after every event up to and at that time.

    Raises: ImpossibleEvent when the rules forbid an event up to then; later events are not looked at.
    """
    state, num_events, began_s = start, 0, None
    for event in events:
        if event.time_s > time_s:
            break
        before, state, num_events = state, ledger.apply(state, event), num_events + 1
        if began_s is None:
            began_s = event.time_s
        if _period(ledger, before) != _period(ledger, state):
            began_s = None  # the next event is the first of the new period
    period = _period(ledger, state)
    elapsed_s = None if period is None else 0.0 if began_s is None else time_s - began_s
    return Situation(state, num_events, ledger.expects(state), period, elapsed_s)


def _period(ledger: Ledger[S], state: S) -> int | None:
    if ledger.period_field is None:
        return None
    period: int = getattr(state, ledger.period_field)
    return period


def counterfactual(ledger: Ledger[S], start: S, events: Sequence[Event], index: int, replacement: Event | None,
                   may_fall_away: int = 0) -> Counterfactual[S]:
    """What would have become of a match had the event at ``index`` been ``replacement``, or not been at all (None).

    The events after it stay as they were, for as long as the rules allow them; of those that they forbid up to
    ``may_fall_away`` are left out (with a goal falls the kick-off after it).

    Raises: ImpossibleEvent when the record itself breaks a rule, or when the replacement does; IndexError.
    """
    event = events[index]
    before = ledger.replay(start, events[:index])
    actual = ledger.replay(ledger.apply(before, event), events[index + 1:])
    altered = before if replacement is None else ledger.apply(before, replacement)
    fell_away: list[int] = []
    for position, later in enumerate(events[index + 1:], index + 1):
        try:
            altered = ledger.apply(altered, later)
        except ImpossibleEvent as error:
            if len(fell_away) == may_fall_away:
                return Counterfactual(actual, altered, tuple(fell_away), position, str(error))
            fell_away.append(position)
    return Counterfactual(actual, altered, tuple(fell_away), None, "")


def without(state: State, event: Event) -> None:
    """The event does not happen: what `deciding_events` tries unless told otherwise."""


def by_the_other(state: State, event: Event) -> Event | None:
    """The same event by the other of two teams; the event does not happen when it belongs to no team."""
    if event.team not in state.teams or len(state.teams) != 2:
        return None
    return event.model_copy(update={"team": state.teams[1 - state.teams.index(event.team)]})


def deciding_events(ledger: Ledger[S], start: S, events: Sequence[Event],
                    alternative: Callable[[S, Event], Event | None] = without, may_fall_away: int = 1) -> Decision:
    """The events that the result hangs on: those with whose alternative somebody else, or nobody, would have won.

    alternative: what is tried in place of each event (`without`, `by_the_other`, or any function of the state before it).
    An event is left open when its alternative breaks a rule, or makes more later events impossible than ``may_fall_away``
    and nobody has won by then. Replays about n² / 2 events.

    Raises: ImpossibleEvent when the record itself breaks a rule.
    """
    states = [start, *ledger.states(start, events)]
    winner = states[-1].winner
    decisive: list[Alternative] = []
    undecided: list[int] = []
    for position, event in enumerate(events):
        try:
            other = counterfactual(ledger, states[position], events[position:], 0, alternative(states[position], event),
                                   may_fall_away)
        except ImpossibleEvent:  # the alternative itself could not have happened
            undecided.append(position)
            continue
        if other.broken_at is not None and other.altered.winner is None:
            undecided.append(position)
        elif other.altered.winner != winner:
            decisive.append(Alternative(position, other.altered.winner))
    return Decision(winner, tuple(decisive), tuple(undecided))
