"""Diving: a ledger of dives, the judges' marks, and the totals over the rounds. Its words are in diving_rules.py.

A dive and its marks are two events, as a viewer sees them: `forward_dive` … carries the number (outcome) and the degree of
difficulty (value), `award` the marks. Kept of the rules: the turn of each diver, groups and numbers, no dive twice, panels of
5, 7, 9 and 11, restarts, failed dives, places. Not kept: the tables of difficulty, the draw, caps on marks, withdrawals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from deepsport.records import Event
from deepsport.sports.base import Consequence, Expectation, Ledger, SportModule, State, Tactic, Teams, forbid, team_index
from deepsport.sports.diving_rules import BY_NAME, GROUPS, KINDS, RULES
from deepsport.sports.judged import DIVING_PANELS, SYNCHRO_PANELS, dive_score, places, round_half_up
from deepsport.taxonomy import Sport

_PANELS = (*DIVING_PANELS, *SYNCHRO_PANELS)
_NUMBER = re.compile(r"([1-6])\d{2,3}[a-d]", re.IGNORECASE)
RESTART_DEDUCTION = 2.0
"""Points taken from each mark after a restart."""


def group_of(number: str) -> str | None:
    """The kind of event of a dive's number; None for what is no number of a dive.

    >>> group_of("407C"), group_of("5253b"), group_of("7")
    ('inward_dive', 'twisting_dive', None)
    """
    match = _NUMBER.fullmatch(number)
    return GROUPS[int(match[1]) - 1] if match else None


class DivingState(State):
    """Totals decide; ``teams`` are the divers, pairs or nations."""

    scores: tuple[tuple[float, ...], ...] = ()
    """For each competitor the score of each dive so far."""
    numbers: tuple[tuple[str, ...], ...] = ()
    """For each competitor the numbers dived, without the position."""
    order: tuple[int, ...] = ()
    """The order of diving, as the first round has shown it so far."""
    panel: int | None = None
    """Judges, as the first marks have shown."""
    restarted: int | None = None
    """Who has stopped and must begin again."""
    diver: int | None = None
    """Whose dive waits for its marks."""
    difficulty: float | None = None
    """Of the dive that waits for its marks."""
    deduction: float = 0.0
    """What is taken from each mark of the dive that waits."""
    known: bool = True
    """False for an excerpt: whose turn it is, and what waits for marks, is then not known."""

    @property
    def totals(self) -> tuple[float, ...]:
        """Points so far, in the order of ``teams``."""
        return tuple(round_half_up(sum(scores), 2) for scores in self.scores)

    @property
    def ranking(self) -> tuple[int | None, ...]:
        """The place of each competitor by the points so far."""
        return places(self.totals)


class DivingLedger(Ledger[DivingState]):
    """Replays one event, final or preliminary. ``num_rounds``: dives each; None when not known, and then nobody wins."""

    sport = Sport.DIVING
    kinds = KINDS
    kinds_without_team = ("award",)

    def __init__(self, num_rounds: int | None = None) -> None:
        self.num_rounds = num_rounds

    def start(self, teams: Teams, first: str | None = None) -> DivingState:
        """Before the first dive; ``first`` dives first."""
        return DivingState(teams=teams, scores=((),) * len(teams), numbers=((),) * len(teams),
                           order=() if first is None else (teams.index(first),))

    def midway(self, teams: Teams) -> DivingState:
        """Somewhere in an event."""
        return self.start(teams).model_copy(update={"known": False})

    def competitors(self, events: Iterable[Event]) -> Teams | None:
        """Everyone named, in order of first appearance."""
        return tuple(dict.fromkeys(event.team for event in events if event.team)) or None

    def probe(self, state: DivingState, kind: str, team: str | None) -> Event:
        """Dives carry a difficulty and awards a panel's marks."""
        event = super().probe(state, kind, team)
        if kind == "award":
            return event.model_copy(update={"marks": (7.0,) * (state.panel or 7)})
        return event.model_copy(update={"value": 2.0}) if kind in GROUPS else event

    def apply(self, state: DivingState, event: Event) -> DivingState:
        """The state after an event.

        Raises: ImpossibleEvent when it is another diver's turn, marks are due or come undue, a number does not fit its group
            or was dived before, a difficulty or a mark cannot be, or the event is over.
        """
        if state.winner is not None or self._is_over(state):
            forbid(event, "all rounds have been dived", BY_NAME["rounds"])
        if event.kind == "award":
            return self._mark(state, event)
        if event.kind not in {kind.kind for kind in KINDS}:
            forbid(event, "diving knows no such event", BY_NAME["groups"])
        who = team_index(state.teams, event)
        if state.diver is not None and (event.kind != "failed_dive" or who != state.diver):
            forbid(event, f"the dive of {state.teams[state.diver]} waits for its marks", BY_NAME["marks"])
        if state.known and state.diver is None:
            self._check_turn(state, event, who)
        order = state.order if who in state.order else (*state.order, who)
        state = state.model_copy(update={"order": order})
        if event.kind == "restart":
            if state.restarted is not None:
                forbid(event, "a second attempt that fails is a failed dive", BY_NAME["second_restart"])
            return state.model_copy(update={"restarted": who if state.known else None})
        if event.kind == "failed_dive":
            return self._add(state, who, 0.0)
        return self._dive(state, event, who)

    def _is_over(self, state: DivingState) -> bool:
        return self.num_rounds is not None and all(len(scores) == self.num_rounds for scores in state.scores)

    def _next_diver(self, state: DivingState) -> int | None:
        """Whose turn it is; None while the first round has not shown it."""
        if state.restarted is not None:
            return state.restarted
        dived = [len(scores) for scores in state.scores]
        return next((who for who in state.order if dived[who] == min(dived)), None)

    def _check_turn(self, state: DivingState, event: Event, who: int) -> None:
        turn = self._next_diver(state)
        if turn not in (None, who):
            assert turn is not None
            rule = BY_NAME["restart" if state.restarted is not None else "order"]
            forbid(event, f"it is the turn of {state.teams[turn]}", rule)
        if turn is None and len(state.scores[who]) > min(map(len, state.scores)):
            forbid(event, "each diver dives once a round", BY_NAME["order"])

    def _dive(self, state: DivingState, event: Event, who: int) -> DivingState:
        if event.value is None and state.known:
            forbid(event, "a dive has a degree of difficulty (value)", BY_NAME["difficulty"])
        if event.value is not None and not (0 < event.value < 10 and round_half_up(event.value, 1) == event.value):
            forbid(event, f"{event.value:g} is no degree of difficulty", BY_NAME["difficulty"])
        number = ""
        if event.outcome is not None:
            if group_of(event.outcome) != event.kind:
                forbid(event, f"{event.outcome} is no number of that group", BY_NAME["number"])
            number = event.outcome[:-1]
            if number in state.numbers[who]:
                forbid(event, f"{event.team} has dived {number} before", BY_NAME["statement"])
        if not state.known:
            return state
        numbers = tuple((*dived, number) if index == who and number else dived for index, dived in enumerate(state.numbers))
        return state.model_copy(update={
            "numbers": numbers, "diver": who, "difficulty": event.value, "restarted": None,
            "deduction": RESTART_DEDUCTION if state.restarted is not None else 0.0})

    def _mark(self, state: DivingState, event: Event) -> DivingState:
        if state.known and state.diver is None:
            forbid(event, "no dive waits for its marks", BY_NAME["marks"])
        if event.team is not None and team_index(state.teams, event) != state.diver and state.known:
            assert state.diver is not None
            forbid(event, f"the marks are for {state.teams[state.diver]}", BY_NAME["marks"])
        if len(event.marks) not in _PANELS or state.panel not in (None, len(event.marks)):
            forbid(event, f"{len(event.marks)} marks, but panels have {state.panel or '5, 7, 9 or 11'} judges", BY_NAME["panel"])
        if any(not 0 <= mark <= 10 or (2 * mark) % 1 for mark in event.marks):
            forbid(event, "a mark is between 0 and 10 in halves", BY_NAME["marks"])
        if not state.known:
            return state
        assert state.diver is not None and state.difficulty is not None
        score = dive_score([max(0.0, mark - state.deduction) for mark in event.marks], state.difficulty)
        return self._add(state.model_copy(update={"panel": len(event.marks)}), state.diver, score)

    def _add(self, state: DivingState, who: int, score: float) -> DivingState:
        if not state.known:
            return state
        scores = tuple((*dived, score) if index == who else dived for index, dived in enumerate(state.scores))
        state = state.model_copy(update={"scores": scores, "diver": None, "difficulty": None, "deduction": 0.0,
                                         "restarted": None})
        if self._is_over(state) and state.ranking.count(1) == 1:
            return state.model_copy(update={"winner": state.ranking.index(1)})
        return state

    def expects(self, state: DivingState) -> Expectation:
        """The marks, or the next diver."""
        if self._is_over(state):
            return Expectation("the event is over", None, "diving.rounds")
        if state.diver is not None:
            return Expectation("the judges' marks", state.teams[state.diver], "diving.marks")
        if state.restarted is not None:
            return Expectation("the dive is begun again", state.teams[state.restarted], "diving.restart")
        turn = self._next_diver(state)
        return Expectation("a dive", None if turn is None or not state.known else state.teams[turn], "diving.order")

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """What a restart or a failed dive costs; None for dives, whose worth the judges give.

        Raises: ImpossibleEvent when the event names somebody who does not dive.
        """
        if event.kind not in ("restart", "failed_dive"):
            return None
        what = "loses two points of every mark" if event.kind == "restart" else "gets no points for the dive"
        rule = "restart" if event.kind == "restart" else "failed"
        return Consequence(what, teams[team_index(teams, event)], (f"diving.{rule}",))


DIVING = SportModule(
    Sport.DIVING, KINDS, RULES, DivingLedger(),
    core_kinds=("forward_dive", "back_dive", "inward_dive", "armstand_dive"),
    tactics=(
        Tactic("tuck", "the diver rolled into a ball, knees at the chest"),
        Tactic("pike", "the diver folded at the hips, legs straight"),
        Tactic("straight", "the diver stretched from hands to feet"),
    ))
