"""Boxing: a ledger of rounds, the judges' ten-point-must cards, knockdowns, deductions, and how a bout ends.

Kept of the rules: cards of three judges (or any number), points the referee takes away, knockouts, stoppages, disqualification,
retirement in the corner, accidental fouls, and the kinds of decision. Not kept: the clock, counts, warnings, double falls.
Its words are in boxing_rules.py.
"""

from __future__ import annotations

from deepsport.records import Event
from deepsport.sports.base import Consequence, Expectation, Ledger, SportModule, State, Tactic, Teams, forbid, team_index
from deepsport.sports.boxing_rules import BY_NAME, KINDS, RULES
from deepsport.taxonomy import Sport

_ENDS = {"knockout": "KO", "technical_knockout": "TKO", "disqualification": "DQ", "retirement": "RTD"}
_FOR_THE_OTHER = ("disqualification", "retirement")
_CONSEQUENCES = {
    "knockdown": ("must take a count of eight", True, ("knockdown", "eight_count")),
    "knockout": ("wins the bout", False, ("knockout",)),
    "technical_knockout": ("wins the bout", False, ("technical_knockout",)),
    "retirement": ("wins the bout", True, ("retirement",)),
    "disqualification": ("wins the bout", True, ("disqualification",)),
    "point_deduction": ("loses points", False, ("point_deduction",)),
}
"""What follows, whether it falls to the other boxer, and the rules that say so."""
COMPLETE_FOR_A_DECISION = 4
"""Rounds that must be complete for an accidental foul to lead to the scorecards."""

Cards = tuple[tuple[int, int], ...]
"""For each judge the points of the first and of the second boxer."""


def name_decision(cards: Cards) -> tuple[int | None, str]:
    """Who wins on the judges' totals, and what the decision is called.

    >>> name_decision(((114, 113), (113, 114), (115, 112)))
    (0, 'split decision')
    >>> name_decision(((114, 114), (113, 115), (114, 114)))
    (None, 'majority draw')
    """
    for_first, for_second = sum(a > b for a, b in cards), sum(b > a for a, b in cards)
    even = len(cards) - for_first - for_second
    # Two cards for a boxer of three win even when the third is level; one card of three with two level does not.
    winner = 0 if 2 * for_first > len(cards) else 1 if 2 * for_second > len(cards) else None
    if winner is not None:
        against = for_second if winner == 0 else for_first
        return winner, "split decision" if against else "majority decision" if even else "unanimous decision"
    return None, "unanimous draw" if even == len(cards) else "split draw" if for_first and for_second else "majority draw"


class BoxingState(State):
    """The score is how many judges have each boxer ahead."""

    round: int = 1
    phase: str = "boxing"
    """``boxing``; ``cards_due`` after the bell; ``rest`` once they are in; ``last_cards_due`` after an accidental foul that
    goes to the cards; ``over``."""
    cards: Cards = ()
    """Each judge's totals, the deductions taken off; empty until the first cards are in."""
    deductions: tuple[int, int] = (0, 0)
    """Points the referee took away in the running round."""
    knockdowns: tuple[int, int] = (0, 0)
    """Knockdowns that each has scored in the bout."""
    result: str = ""
    """How the bout ended: ``KO``, ``split decision``, ``no decision``, …; empty while it goes on."""
    known: bool = True
    """False for an excerpt: the round and whether cards are due are then not known."""


class BoxingLedger(Ledger[BoxingState]):
    """Replays one bout of ``num_rounds``, scored by ``num_judges``."""

    sport = Sport.BOXING
    kinds = KINDS
    period_field = "round"
    kinds_without_team = ("foul_stoppage", "round_end", "scorecards")

    def __init__(self, num_rounds: int = 12, num_judges: int = 3) -> None:
        self.num_rounds, self.num_judges = num_rounds, num_judges

    def start(self, teams: Teams, first: str | None = None) -> BoxingState:
        """Before the first bell; nobody begins, so ``first`` says nothing."""
        return BoxingState(teams=teams)

    def midway(self, teams: Teams) -> BoxingState:
        """Somewhere in a bout."""
        return BoxingState(teams=teams, known=False)

    def probe(self, state: BoxingState, kind: str, team: str | None) -> Event:
        """Scorecards carry a round of ten points to nine for the first boxer."""
        event = super().probe(state, kind, team)
        return event.model_copy(update={"marks": (10.0, 9.0) * self.num_judges}) if kind == "scorecards" else event

    def apply(self, state: BoxingState, event: Event) -> BoxingState:
        """The state after an event.

        Raises: ImpossibleEvent when the bout is over, cards are due or come undue, a card breaks ten-point must, or a corner
            retires while a round is boxed.
        """
        if state.phase == "over":
            forbid(event, "the bout is over", BY_NAME["decision"])
        if event.kind not in {kind.kind for kind in KINDS}:
            forbid(event, "boxing knows no such event", BY_NAME["rounds"])
        if event.kind == "scorecards":
            return self._score_round(state, event)
        if state.phase == "last_cards_due":
            forbid(event, "the bout has been stopped and goes to the cards", BY_NAME["accidental_foul"])
        if event.kind == "retirement" and state.known and state.phase == "boxing":
            forbid(event, "a corner retires between rounds", BY_NAME["retirement"])
        if state.phase == "cards_due" and event.kind in ("knockdown", "point_deduction", "foul_stoppage", "round_end"):
            forbid(event, "the round is over and its cards are due", BY_NAME["ten_point_must"])
        if event.kind == "round_end":
            return state.model_copy(update={"phase": "cards_due"}) if state.known else state
        if event.kind == "foul_stoppage":
            return self._stop_for_foul(state)
        side = team_index(state.teams, event)
        if event.kind == "knockdown":
            scored = (state.knockdowns[0] + (side == 0), state.knockdowns[1] + (side == 1))
            return state.model_copy(update={"knockdowns": scored, "phase": "boxing"})
        if event.kind == "point_deduction":
            return self._deduct(state, event, side)
        winner = 1 - side if event.kind in _FOR_THE_OTHER else side
        return state.model_copy(update={"winner": winner, "result": _ENDS[event.kind], "phase": "over"})

    def _deduct(self, state: BoxingState, event: Event, side: int) -> BoxingState:
        points = 1 if event.value is None else event.value
        if points < 1 or points != int(points):
            forbid(event, f"{points:g} points cannot be taken away", BY_NAME["no_fractions"])
        lost = (state.deductions[0] + int(points) * (side == 0), state.deductions[1] + int(points) * (side == 1))
        return state.model_copy(update={"deductions": lost, "phase": "boxing"})

    def _stop_for_foul(self, state: BoxingState) -> BoxingState:
        if not state.known:
            return state
        if state.round <= COMPLETE_FOR_A_DECISION:
            return state.model_copy(update={"phase": "over", "result": "no decision"})
        return state.model_copy(update={"phase": "last_cards_due"})

    def _score_round(self, state: BoxingState, event: Event) -> BoxingState:
        if state.known and state.phase not in ("cards_due", "last_cards_due"):
            forbid(event, "the round is not over", BY_NAME["ten_point_must"])
        if len(event.marks) != 2 * self.num_judges:
            forbid(event, f"{len(event.marks)} marks, but {self.num_judges} judges give two each", BY_NAME["ten_point_must"])
        if any(mark != int(mark) for mark in event.marks):
            forbid(event, "a judge gave a fraction of a point", BY_NAME["no_fractions"])
        rounds = tuple((int(a), int(b)) for a, b in zip(event.marks[::2], event.marks[1::2], strict=True))
        if any(max(card) != 10 or min(card) < 1 for card in rounds):
            forbid(event, "a round is ten to the winner and one to nine to the loser, or ten each", BY_NAME["ten_point_must"])
        if not state.known:
            return state
        before = state.cards or ((0, 0),) * self.num_judges
        lost = state.deductions
        cards = tuple((t[0] + r[0] - lost[0], t[1] + r[1] - lost[1]) for t, r in zip(before, rounds, strict=True))
        state = state.model_copy(update={"cards": cards, "deductions": (0, 0),
                                         "score": (sum(a > b for a, b in cards), sum(b > a for a, b in cards))})
        if state.phase == "cards_due" and state.round < self.num_rounds:
            return state.model_copy(update={"phase": "rest", "round": state.round + 1})
        winner, decision = name_decision(cards)
        result = decision if state.phase == "cards_due" else f"technical {'draw' if winner is None else 'decision'}"
        return state.model_copy(update={"phase": "over", "winner": winner, "result": result})

    def expects(self, state: BoxingState) -> Expectation:
        """The judges' cards, the next round, or boxing."""
        if state.phase == "over":
            return Expectation("the bout is over", None, "boxing.decision")
        if state.phase == "last_cards_due":
            return Expectation("the judges' cards, for a technical decision", None, "boxing.accidental_foul")
        if state.phase == "cards_due":
            return Expectation("the judges' cards", None, "boxing.ten_point_must")
        return Expectation("the next round" if state.phase == "rest" else "boxing goes on", None, "boxing.rounds")

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Who takes the count, loses points or wins the bout; None for bells, cards and accidental fouls.

        Raises: ImpossibleEvent when the event names a boxer who does not box.
        """
        if event.kind not in _CONSEQUENCES:
            return None
        what, falls_to_other, rules = _CONSEQUENCES[event.kind]
        side = team_index(teams, event)
        return Consequence(what, teams[1 - side if falls_to_other else side], tuple(f"boxing.{name}" for name in rules))


BOXING = SportModule(
    Sport.BOXING, KINDS, RULES, BoxingLedger(),
    core_kinds=("knockdown", "knockout", "technical_knockout", "point_deduction"),
    tactics=(
        Tactic("at long range", "the boxers more than an arm's length apart, in the middle of the ring"),
        Tactic("at close range", "the boxers chest to chest in the middle of the ring"),
        Tactic("on the ropes", "one boxer with his back to the ropes, the other before him"),
    ))
