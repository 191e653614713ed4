"""Artistic gymnastics: a ledger of exercises, their D and E scores, deductions, and totals. Its words are in gymnastics_rules.py.

Kept of the Code: D + trimmed E − neutral deductions, what a fall must cost, each apparatus once, two averaged vaults, places and
their ties. Not kept: the tables of elements (a D score comes as a number), team counts, inquiries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from deepsport.records import Event
from deepsport.sports.base import Consequence, Expectation, Ledger, SportModule, State, Teams, forbid, team_index
from deepsport.sports.gymnastics_rules import BY_NAME, KINDS, MEN, RULES, WOMEN
from deepsport.sports.judged import execution_drop, exercise_score, places, round_half_up, trimmed_mean
from deepsport.taxonomy import Sport

APPARATUS = tuple(dict.fromkeys((*WOMEN, *MEN)))
PANELS = (2, 3, 4, 5, 6, 7)
"""Sizes of an execution panel."""


class Exercise(BaseModel):
    """An exercise that has been scored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    apparatus: str
    difficulty: float
    """D score."""
    execution: float
    """E score: the mean of the marks that count."""
    penalty: float
    """Neutral deductions."""
    score: float


class Running(BaseModel):
    """An exercise that has begun and is not scored yet; several may run at once, one on each apparatus."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gymnast: int
    """Index in ``teams``."""
    apparatus: str
    falls: int = 0
    penalty: float = 0.0
    """Neutral deductions so far."""


class GymnasticsState(State):
    """Totals decide; ``teams`` are the gymnasts, or the teams, that compete."""

    exercises: tuple[tuple[Exercise, ...], ...] = ()
    """For each competitor the exercises scored so far."""
    programme: tuple[str, ...] = APPARATUS
    """What may be performed on, as far as it is known: women's and men's apparatus do not mix."""
    panel: int | None = None
    """Execution judges, as the first marks have shown."""
    running: tuple[Running, ...] = ()
    """Exercises that wait for their scores, in order of apparatus."""
    known: bool = True
    """False for an excerpt: whether an exercise is running is then not known."""

    def score_on(self, competitor: int, apparatus: str) -> float | None:
        """A competitor's score on an apparatus, the mean where there are two vaults; None before it is known."""
        scores = [exercise.score for exercise in self.exercises[competitor] if exercise.apparatus == apparatus]
        return round_half_up(sum(scores) / len(scores), 3) if scores else None

    @property
    def totals(self) -> tuple[float, ...]:
        """Points over all apparatus so far, in the order of ``teams``."""
        scores = [[self.score_on(who, apparatus) or 0.0 for apparatus in APPARATUS] for who in range(len(self.teams))]
        return tuple(round_half_up(sum(of), 3) for of in scores)

    @property
    def ranking(self) -> tuple[int | None, ...]:
        """The place of each competitor by the points so far."""
        return places(self.totals)

    def ranking_on(self, apparatus: str) -> tuple[int | None, ...]:
        """The places on one apparatus: by the score, then by the E score; None for who has not performed there."""
        keys: list[float | None] = []
        for who in range(len(self.teams)):
            score = self.score_on(who, apparatus)
            execution = [exercise.execution for exercise in self.exercises[who] if exercise.apparatus == apparatus]
            # Scores are in thousandths, so a ten-thousandth of the E score (≤ 10) only ever breaks ties.
            keys.append(None if score is None else round_half_up(score * 1e5 + sum(execution) / len(execution), 4))
        return places(keys)


def _with(state: GymnasticsState, exercise: Running) -> GymnasticsState:
    """The state with the gymnast's running exercise begun, or changed."""
    others = [other for other in state.running if other.gymnast != exercise.gymnast]
    running = sorted((*others, exercise), key=lambda e: APPARATUS.index(e.apparatus))
    return state.model_copy(update={"running": tuple(running)})


class GymnasticsLedger(Ledger[GymnasticsState]):
    """Replays a competition on ``apparatus`` (WOMEN, MEN, or one of them for a final; None when not known, and then nobody wins).

    num_vaults is 2 where two vaults are averaged.
    """

    sport = Sport.GYMNASTICS
    kinds = KINDS

    def __init__(self, apparatus: Sequence[str] | None = None, num_vaults: int = 1) -> None:
        self.apparatus = None if apparatus is None else tuple(apparatus)
        self.num_vaults = num_vaults

    def start(self, teams: Teams, first: str | None = None) -> GymnasticsState:
        """Before the first exercise; the order is free, so ``first`` says nothing."""
        return GymnasticsState(teams=teams, exercises=((),) * len(teams), programme=self.apparatus or APPARATUS)

    def midway(self, teams: Teams) -> GymnasticsState:
        """Somewhere in a competition."""
        return self.start(teams).model_copy(update={"known": False})

    def competitors(self, events: Iterable[Event]) -> Teams | None:
        """Everyone named, in order of first appearance."""
        return tuple(dict.fromkeys(event.team for event in events if event.team)) or None

    def probe(self, state: GymnasticsState, kind: str, team: str | None) -> Event:
        """Awards carry a D score and a panel's marks, deductions their size."""
        event = super().probe(state, kind, team)
        if kind == "award":
            return event.model_copy(update={"value": 5.0, "marks": (0.0,) * (state.panel or 5)})
        return event.model_copy(update={"value": 0.1}) if kind in ("out_of_bounds", "neutral_deduction") else event

    def _times(self, apparatus: str) -> int:
        return self.num_vaults if apparatus == "vault" else 1

    def _is_over(self, state: GymnasticsState) -> bool:
        if self.apparatus is None:
            return False
        return all(len(done) == sum(map(self._times, self.apparatus)) for done in state.exercises)

    def apply(self, state: GymnasticsState, event: Event) -> GymnasticsState:
        """The state after an event.

        Raises: ImpossibleEvent when a score is due or comes undue, an apparatus is repeated or not of this competition,
            marks cannot be, an E judge's mark does not show a fall, or the competition is over.
        """
        if self._is_over(state):
            forbid(event, "the competition is over", BY_NAME["ranking"])
        if event.kind not in {kind.kind for kind in KINDS}:
            forbid(event, "gymnastics knows no such event", BY_NAME["once"])
        who = team_index(state.teams, event)
        if event.kind in APPARATUS:
            return self._perform(state, event, who)
        running = next((exercise for exercise in state.running if exercise.gymnast == who), None)
        if state.known and running is None:
            forbid(event, f"{event.team} is not performing", BY_NAME["award_follows"])
        if event.kind == "award":
            return self._award(state, event, running)
        if event.kind == "out_of_bounds" and running is not None and running.apparatus not in ("floor_exercise", "vault"):
            forbid(event, f"there are no lines to leave on {running.apparatus}", BY_NAME["line"])
        if event.kind != "fall" and event.value is not None and event.value <= 0:
            forbid(event, f"{event.value:g} is no deduction", BY_NAME["neutral"])
        if running is None:
            return state
        if event.kind == "fall":
            return _with(state, running.model_copy(update={"falls": running.falls + 1}))
        if event.value is None:
            forbid(event, "a deduction has a size (value)", BY_NAME["neutral"])
        return _with(state, running.model_copy(update={"penalty": round_half_up(running.penalty + event.value, 3)}))

    def _perform(self, state: GymnasticsState, event: Event, who: int) -> GymnasticsState:
        for exercise in state.running:
            if exercise.gymnast == who or exercise.apparatus == event.kind:
                waiting = f"{state.teams[exercise.gymnast]} waits for the score on {exercise.apparatus}"
                forbid(event, waiting, BY_NAME["award_follows"])
        if event.kind not in state.programme:
            forbid(event, "that apparatus is not part of this competition", BY_NAME["once"])
        done = [exercise.apparatus for exercise in state.exercises[who]].count(event.kind)
        if done == self._times(event.kind):
            forbid(event, f"{event.team} has performed there already", BY_NAME["once"])
        if not state.known:
            return state
        programme = state.programme
        if event.kind not in MEN or event.kind not in WOMEN:  # now it is known whose competition this is
            programme = tuple(apparatus for apparatus in programme if apparatus in (WOMEN if event.kind in WOMEN else MEN))
        return _with(state.model_copy(update={"programme": programme}), Running(gymnast=who, apparatus=event.kind))

    def _award(self, state: GymnasticsState, event: Event, running: Running | None) -> GymnasticsState:
        if event.value is None or event.value < 0:
            forbid(event, "a score has a D score (value)", BY_NAME["d_score"])
        if len(event.marks) not in PANELS or state.panel not in (None, len(event.marks)):
            forbid(event, f"{len(event.marks)} marks, but the panel has {state.panel or '2 to 7'} judges", BY_NAME["e_panel"])
        if any(not 0 <= mark <= 10 for mark in event.marks):
            forbid(event, "an E mark is between 0 and 10", BY_NAME["e_score"])
        if running is None:
            return state
        if any(mark > max(0, 10 - running.falls) for mark in event.marks):
            forbid(event, f"each judge takes a point for each fall, and there were {running.falls}", BY_NAME["fall"])
        exercise = Exercise(apparatus=running.apparatus, difficulty=event.value, penalty=running.penalty,
                            execution=trimmed_mean(event.marks, execution_drop(len(event.marks))),
                            score=exercise_score(event.value, event.marks, running.penalty))
        exercises = tuple((*done, exercise) if who == running.gymnast else done for who, done in enumerate(state.exercises))
        state = state.model_copy(update={"exercises": exercises, "panel": len(event.marks),
                                         "running": tuple(other for other in state.running if other.gymnast != running.gymnast)})
        if not self._is_over(state):
            return state
        assert self.apparatus is not None
        ranking = state.ranking_on(self.apparatus[0]) if len(self.apparatus) == 1 else state.ranking
        return state.model_copy(update={"winner": ranking.index(1) if ranking.count(1) == 1 else None})

    def expects(self, state: GymnasticsState) -> Expectation:
        """The score of the exercise, or the next exercise."""
        if self._is_over(state):
            return Expectation("the competition is over", None, "gymnastics.ranking")
        if state.running:
            only = state.teams[state.running[0].gymnast] if len(state.running) == 1 else None
            return Expectation("the score of the exercise", only, "gymnastics.award_follows")
        return Expectation("an exercise", None, "gymnastics.once")

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """What a fall or a step over the line costs; None for exercises, whose worth the judges give.

        Raises: ImpossibleEvent when the event names somebody who does not compete.
        """
        if event.kind not in ("fall", "out_of_bounds"):
            return None
        what = "loses a point from every execution judge" if event.kind == "fall" else "has tenths taken from the final score"
        rule = "fall" if event.kind == "fall" else "line"
        return Consequence(what, teams[team_index(teams, event)], (f"gymnastics.{rule}",))


GYMNASTICS = SportModule(Sport.GYMNASTICS, KINDS, RULES, GymnasticsLedger(),
                         core_kinds=("floor_exercise", "vault", "uneven_bars", "balance_beam"))
