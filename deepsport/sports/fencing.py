"""Fencing: a ledger of touches, periods, priority and cards, for all three weapons. Its words are in fencing_rules.py.

Kept of the Rules: bouts to five and fifteen, the periods, the sabre break at eight, double touches in épée, the extra minute
with priority, penalty touches, exclusion. Not kept: the cards for passivity, video appeals, relays of a team match, ground lost.
"""

from __future__ import annotations

from deepsport.records import Event
from deepsport.sports.base import Consequence, Expectation, Ledger, SportModule, State, Tactic, Teams, forbid, team_index
from deepsport.sports.fencing_rules import BY_NAME, KINDS, RULES, TOUCHES, WEAPONS
from deepsport.taxonomy import Sport

_NEEDS = {"double_touch": ("epee",), "off_target": ("foil",), "simultaneous": ("foil", "sabre")}
"""Weapons at which a kind exists at all; the others exist at every weapon."""
_RULE_OF = {**{kind: kind for kind in TOUCHES}, "rear_limit": "rear_limit", "red_card": "red_card"}


class FencingState(State):
    """Touches are the score."""

    weapons: tuple[str, ...] = WEAPONS
    """What the weapon may be, by what has happened so far."""
    period: int = 1
    phase: str = "fencing"
    """``fencing``; ``break_due``: the sabre break at eight; ``draw_due``: lots for priority; ``minute``: the extra minute."""
    priority: int | None = None
    """Who won the draw."""
    warned: tuple[bool, bool] = (False, False)
    """Whether a yellow or a red card has been shown to each."""
    known: bool = True
    """False for an excerpt: the period, the cards so far and whether the minute is being fenced are then not known."""


class FencingLedger(Ledger[FencingState]):
    """Replays the touches of one bout.

    target: 15 for direct elimination, 5 for a pool bout. weapon: ``foil``, ``epee`` or ``sabre``; None lets the events tell.
    """

    sport = Sport.FENCING
    kinds = KINDS
    period_field = "period"
    kinds_without_team = ("double_touch", "simultaneous", "period_end")

    def __init__(self, target: int = 15, weapon: str | None = None) -> None:
        self.target = target
        self.weapons = WEAPONS if weapon is None else (WEAPONS[WEAPONS.index(weapon)],)
        self.num_periods = 3 if target > 5 else 1

    def start(self, teams: Teams, first: str | None = None) -> FencingState:
        """Before the first touch; nobody begins, so ``first`` says nothing."""
        return FencingState(teams=teams, weapons=self.weapons)

    def midway(self, teams: Teams) -> FencingState:
        """Somewhere in a bout: the clock, the cards and the score are not known."""
        return FencingState(teams=teams, weapons=self.weapons, known=False)

    def apply(self, state: FencingState, event: Event) -> FencingState:
        """The state after an event.

        Raises: ImpossibleEvent when the bout is over, a break or a draw is due, the weapon does not know the event, a fencer is
            warned twice, or the draw comes without need.
        """
        if state.winner is not None:
            forbid(event, "the bout is over", BY_NAME["bout"])
        if event.kind not in {kind.kind for kind in KINDS}:
            forbid(event, "fencing knows no such event", BY_NAME["bout"])
        weapons = tuple(weapon for weapon in state.weapons if weapon in _NEEDS.get(event.kind, WEAPONS))
        if not weapons:
            rule = BY_NAME[event.kind]
            forbid(event, f"there is no such thing at {' or '.join(state.weapons)}", rule)
        state = state.model_copy(update={"weapons": weapons})
        if event.kind == "period_end":
            return self._end_period(state, event)
        if event.kind == "priority":
            return self._draw(state, event)
        if event.kind == "black_card":  # a fencer can be excluded at any moment of a bout
            return state.model_copy(update={"winner": 1 - team_index(state.teams, event)})
        if event.kind in ("yellow_card", "red_card"):
            return self._show_card(state, event)
        if state.phase in ("break_due", "draw_due"):
            what = "the break at eight" if state.phase == "break_due" else "the draw for priority"
            forbid(event, f"{what} is due", BY_NAME["sabre_break" if state.phase == "break_due" else "level"])
        if event.kind == "double_touch":
            return self._double(state)
        if event.kind in ("simultaneous", "off_target"):
            if event.kind == "off_target":
                team_index(state.teams, event)
            return state
        side = team_index(state.teams, event)
        return self._touch(state, side if event.kind in TOUCHES else 1 - side)

    def _touch(self, state: FencingState, side: int) -> FencingState:
        score = (state.score[0] + (side == 0), state.score[1] + (side == 1))
        if not state.known:
            return state.model_copy(update={"score": score})
        if score[side] >= self.target or state.phase == "minute":
            return state.model_copy(update={"score": score, "winner": side})
        return self._at_eight(state.model_copy(update={"score": score}))

    def _at_eight(self, state: FencingState) -> FencingState:
        due = state.weapons == ("sabre",) and self.num_periods > 1 and state.period == 1 and max(state.score) == 8
        return state.model_copy(update={"phase": "break_due"}) if due else state

    def _double(self, state: FencingState) -> FencingState:
        if not state.known:
            return state.model_copy(update={"score": (state.score[0] + 1, state.score[1] + 1)})
        if state.phase == "minute" or state.score == (self.target - 1, self.target - 1):
            return state  # does not count: fencing.last_double
        score = (state.score[0] + 1, state.score[1] + 1)
        winner = score.index(self.target) if self.target in score else None
        return state.model_copy(update={"score": score, "winner": winner})

    def _show_card(self, state: FencingState, event: Event) -> FencingState:
        side = team_index(state.teams, event)
        if event.kind == "yellow_card" and state.warned[side]:
            forbid(event, "who has been warned or penalised is not warned again but penalised", BY_NAME["yellow_card"])
        warned = (state.warned[0] or side == 0, state.warned[1] or side == 1)
        state = state.model_copy(update={"warned": warned})
        if event.kind == "yellow_card":
            return state
        if state.phase == "draw_due":  # the touch comes before the lots are drawn, and decides
            score = (state.score[0] + (side == 1), state.score[1] + (side == 0))
            return state.model_copy(update={"score": score, "winner": 1 - side})
        return self._touch(state, 1 - side)

    def _end_period(self, state: FencingState, event: Event) -> FencingState:
        if state.phase == "draw_due":
            forbid(event, "the draw for priority is due", BY_NAME["level"])
        if not state.known:
            return state
        if state.phase == "minute":
            return state.model_copy(update={"winner": state.priority})
        if state.period < self.num_periods:
            return state.model_copy(update={"period": state.period + 1, "phase": "fencing"})
        if state.score[0] == state.score[1]:
            return state.model_copy(update={"phase": "draw_due"})
        return state.model_copy(update={"winner": int(state.score[1] > state.score[0])})

    def _draw(self, state: FencingState, event: Event) -> FencingState:
        side = team_index(state.teams, event)
        if state.known and state.phase != "draw_due":
            forbid(event, "lots are drawn only when the scores are level at the end of time", BY_NAME["level"])
        return state.model_copy(update={"phase": "minute", "priority": side})

    def expects(self, state: FencingState) -> Expectation:
        """The break, the draw, the deciding touch, or the next touch."""
        if state.winner is not None:
            return Expectation("the bout is over", None, "fencing.bout")
        if state.phase == "break_due":
            return Expectation("the break at eight", None, "fencing.sabre_break")
        if state.phase == "draw_due":
            return Expectation("the draw for priority", None, "fencing.level")
        if state.phase == "minute":
            return Expectation("the deciding touch", None, "fencing.level")
        return Expectation("the fencers come on guard", None, "fencing.restart")

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Which team scores the touch; None for what scores nothing, or for both.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        if event.kind not in _RULE_OF:
            return None
        after = self.apply(self.midway(teams), event)
        return Consequence("scores the touch", teams[after.score.index(1)], (f"fencing.{_RULE_OF[event.kind]}",))


FENCING = SportModule(
    Sport.FENCING, KINDS, RULES, FencingLedger(),
    core_kinds=("attack", "riposte", "rear_limit", "red_card"),
    tactics=(
        Tactic("driven to the end", "both fencers at one end of the piste, one with nowhere to go"),
        Tactic("long distance", "both fencers far apart about the middle"),
        Tactic("close quarters", "both fencers blade to blade about the middle"),
    ))
