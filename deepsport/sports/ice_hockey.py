"""Ice hockey: a ledger of goals, face-offs, penalties and strength, overtime and shoot-out. Its words are in ice_hockey_rules.py.

Kept of the rules: which stoppage follows what, who is short-handed, what a power-play goal ends, icing and who may not ice,
penalty shots, sudden victory, the shoot-out. Not kept: the clock (a penalty ends by an event), line changes, places on the ice.
"""

from __future__ import annotations

from typing import NamedTuple

from deepsport.records import Event
from deepsport.sports.base import Consequence, Expectation, Ledger, SportModule, State, Tactic, Teams, forbid, team_index
from deepsport.sports.ice_hockey_rules import BY_NAME, KINDS, RULES
from deepsport.sports.shootout import Kicks, shootout_winner
from deepsport.taxonomy import Sport

REGULAR_PERIODS = 3
MAX_SHORT = 2
"""Players a team can be short at once; further penalties wait."""
_KINDS = frozenset(kind.kind for kind in KINDS)
_PENALTIES = {"minor_penalty": "minor", "double_minor": "double_minor", "major_penalty": "major", "match_penalty": "match",
              "misconduct": "misconduct"}
_ATTEMPTS = ("shootout_goal", "shootout_miss")


class Penalty(NamedTuple):
    """A penalty that is being served, or waits to be."""

    team: int
    kind: str
    """``minor``, ``major``; a double minor is two minors."""
    player: str | None


class IceHockeyState(State):
    """Goals are the score; the winner of a shoot-out has one more."""

    period: int = 1
    """From 4 on, overtimes."""
    phase: str = "faceoff"
    """``faceoff`` when one is due, ``live``, ``penalty_shot``, ``shootout``, ``over``; ``unknown`` in an excerpt."""
    penalties: tuple[Penalty, ...] = ()
    """In the order in which they were given; those that cancel out are not among them."""
    shooter: int | None = None
    """Who takes the penalty shot."""
    out: tuple[str, ...] = ()
    """Players who must not come back, as ``team/player``."""
    kicks: Kicks = ()
    """Attempts of the shoot-out."""

    @property
    def short(self) -> tuple[int, int]:
        """How many players each team is short."""
        counts = [sum(p.team == team for p in self.penalties) for team in (0, 1)]
        return (min(counts[0], MAX_SHORT), min(counts[1], MAX_SHORT))

    @property
    def power_play(self) -> int | None:
        """Who has more skaters on the ice, or None."""
        first, second = self.short
        return None if first == second else int(first > second)


class IceHockeyLedger(Ledger[IceHockeyState]):
    """Replays the record of a game in which every face-off is written down.

    num_overtimes: after so many the shoot-out follows; None plays on until somebody scores.
    """

    sport = Sport.ICE_HOCKEY
    kinds = KINDS
    period_field = "period"

    def __init__(self, num_overtimes: int | None = 1, num_rounds: int = 5) -> None:
        self.num_overtimes, self.num_rounds = num_overtimes, num_rounds

    def start(self, teams: Teams, first: str | None = None) -> IceHockeyState:
        """Before the opening face-off; nobody begins, so ``first`` says nothing."""
        return IceHockeyState(teams=teams)

    def midway(self, teams: Teams) -> IceHockeyState:
        """Somewhere in a game."""
        return IceHockeyState(teams=teams, phase="unknown")

    def apply(self, state: IceHockeyState, event: Event) -> IceHockeyState:
        """The state after an event.

        Raises: ImpossibleEvent when the game is over, a face-off or penalty shot is due, a short-handed team ices the puck, a
            penalised player acts, or a shoot-out is on or is not.
        """
        if state.phase == "over":
            forbid(event, "the game is over", BY_NAME["overtime" if state.period > REGULAR_PERIODS else "periods"])
        if event.kind not in _KINDS:
            forbid(event, "ice hockey knows no such event", BY_NAME["goal"])
        if event.kind == "period_end":
            return self._end_period(state, event)
        if event.kind == "stoppage":
            self._need_play(state, event)
            return state.model_copy(update={"phase": "faceoff"})
        team = team_index(state.teams, event)
        player = None if event.player is None else f"{event.team}/{event.player}"
        if player is not None and player in state.out:
            forbid(event, f"{event.player} is out of the game", BY_NAME["penalised"])
        if event.kind in _ATTEMPTS:
            return self._attempt(state, event, team)
        if event.kind in _PENALTIES:
            return self._penalise(state, event, team, player)
        if event.kind == "penalty_end":
            return self._release(state, event, team, player)
        if player is not None and any(p.player == player for p in state.penalties):
            forbid(event, f"{event.player} is in the penalty box", BY_NAME["penalised"])
        if state.phase == "shootout":
            forbid(event, "the shoot-out is on", BY_NAME["shootout"])
        if event.kind == "faceoff":
            if state.phase not in ("faceoff", "unknown"):
                forbid(event, "play has not been stopped", BY_NAME["faceoff"])
            return state.model_copy(update={"phase": "live"})
        if event.kind == "penalty_shot":
            if state.phase == "penalty_shot":
                forbid(event, "one is due already", BY_NAME["penalty_shot"])
            return state.model_copy(update={"phase": "penalty_shot", "shooter": team})
        if event.kind == "penalty_shot_miss":
            if state.phase != "unknown" and (state.phase, state.shooter) != ("penalty_shot", team):
                forbid(event, "the team has no penalty shot", BY_NAME["penalty_shot"])
            return state.model_copy(update={"phase": "faceoff", "shooter": None})
        if event.kind == "goal":
            return self._score(state, event, team)
        self._need_play(state, event)
        if event.kind == "icing" and state.power_play == 1 - team:
            forbid(event, f"{event.team} is short-handed", BY_NAME["icing_shorthanded"])
        return state.model_copy(update={"phase": "faceoff"})

    def _need_play(self, state: IceHockeyState, event: Event) -> None:
        if state.phase == "faceoff":
            forbid(event, "the face-off has not been taken", BY_NAME["faceoff"])
        if state.phase == "penalty_shot":
            forbid(event, "the penalty shot has not been taken", BY_NAME["penalty_shot"])
        if state.phase == "shootout":
            forbid(event, "the shoot-out is on", BY_NAME["shootout"])

    def _score(self, state: IceHockeyState, event: Event, team: int) -> IceHockeyState:
        if state.phase == "penalty_shot":
            if state.shooter != team:
                forbid(event, f"{state.teams[1 - team]} takes a penalty shot", BY_NAME["penalty_shot"])
        else:
            self._need_play(state, event)
        score = (state.score[0] + (team == 0), state.score[1] + (team == 1))
        penalties = state.penalties
        if state.power_play == team and state.phase != "penalty_shot":
            first = next((p for p in penalties if p.team != team and p.kind == "minor"), None)
            if first is not None:
                penalties = _without(penalties, first)
        over = state.period > REGULAR_PERIODS
        return state.model_copy(update={"score": score, "penalties": penalties, "phase": "over" if over else "faceoff",
                                        "shooter": None, "winner": team if over else None})

    def _penalise(self, state: IceHockeyState, event: Event, team: int, player: str | None) -> IceHockeyState:
        if state.phase == "penalty_shot":
            forbid(event, "the penalty shot has not been taken", BY_NAME["penalty_shot"])
        kind = _PENALTIES[event.kind]
        served: tuple[Penalty, ...] = ()
        if kind != "misconduct" and event.outcome not in ("coincidental", "not_served"):
            lasting = "minor" if kind in ("minor", "double_minor") else "major"
            # Somebody else sits out the five minutes of a player who was sent off.
            served = (Penalty(team, lasting, player if kind != "match" else None),) * (2 if kind == "double_minor" else 1)
        if kind == "minor" and event.outcome == "not_served" and state.phase == "live":
            forbid(event, "only a goal during the delay cancels it", BY_NAME["delayed_penalty"])
        out = tuple(sorted({*state.out, player})) if player is not None and kind == "match" else state.out
        phase = "faceoff" if state.phase in ("live", "unknown") else state.phase
        return state.model_copy(update={"penalties": (*state.penalties, *served), "out": out, "phase": phase})

    def _release(self, state: IceHockeyState, event: Event, team: int, player: str | None) -> IceHockeyState:
        mine = [p for p in state.penalties if p.team == team]
        if not mine and state.phase == "unknown":
            return state
        if not mine:
            forbid(event, "the team has nobody in the penalty box", BY_NAME["penalised"])
        named = [p for p in mine if player is not None and p.player == player]
        if player is not None and not named and all(p.player is not None for p in mine):
            forbid(event, f"{event.player} is not in the penalty box", BY_NAME["penalised"])
        return state.model_copy(update={"penalties": _without(state.penalties, (named or mine)[0])})

    def _attempt(self, state: IceHockeyState, event: Event, team: int) -> IceHockeyState:
        if state.phase not in ("shootout", "unknown"):
            forbid(event, "there is no shoot-out", BY_NAME["shootout"])
        if state.kicks and state.kicks[-1][0] == team:
            forbid(event, f"the attempts are made in turn, and it is {state.teams[1 - team]}'s", BY_NAME["shootout"])
        kicks = (*state.kicks, (team, event.kind == "shootout_goal"))
        winner = shootout_winner(kicks, self.num_rounds)
        if winner is None:
            return state.model_copy(update={"kicks": kicks, "phase": "shootout"})
        score = (state.score[0] + (winner == 0), state.score[1] + (winner == 1))
        return state.model_copy(update={"kicks": kicks, "phase": "over", "winner": winner, "score": score})

    def _end_period(self, state: IceHockeyState, event: Event) -> IceHockeyState:
        if state.phase == "penalty_shot":
            forbid(event, "the penalty shot has not been taken", BY_NAME["penalty_shot"])
        if state.phase == "shootout":
            forbid(event, "the shoot-out is on", BY_NAME["shootout"])
        if state.phase == "unknown":
            return state
        level = state.score[0] == state.score[1]
        if state.period >= REGULAR_PERIODS and not level:
            return state.model_copy(update={"phase": "over", "winner": int(state.score[1] > state.score[0])})
        if self.num_overtimes is not None and state.period >= REGULAR_PERIODS + self.num_overtimes:
            return state.model_copy(update={"phase": "shootout"})
        return state.model_copy(update={"period": state.period + 1, "phase": "faceoff"})

    def expects(self, state: IceHockeyState) -> Expectation:
        """A face-off, a penalty shot, an attempt of the shoot-out, or play."""
        if state.phase == "over":
            return Expectation("the game is over", None, "ice_hockey.overtime" if state.period > 3 else "ice_hockey.periods")
        if state.phase == "faceoff":
            return Expectation("face-off", None, "ice_hockey.faceoff")
        if state.phase == "penalty_shot":
            team = None if state.shooter is None else state.teams[state.shooter]
            return Expectation("penalty shot", team, "ice_hockey.penalty_shot")
        if state.phase == "shootout":
            team = state.teams[1 - state.kicks[-1][0]] if state.kicks else None
            return Expectation("attempt in the shoot-out", team, "ice_hockey.shootout")
        return Expectation("play goes on", None, "ice_hockey.periods")

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Who plays short-handed, or must defend the face-off; None where nobody gains by the rules.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        team = team_index(teams, event) if event.kind in ("icing", "offside", "penalty_shot", *_PENALTIES) else 0
        if event.kind == "icing":
            return Consequence("faces off in its own end", teams[team], ("ice_hockey.icing", "ice_hockey.icing_change"))
        if event.kind == "offside":
            return Consequence("is rid of the attack: the face-off is outside its zone", teams[1 - team], ("ice_hockey.offside",))
        if event.kind == "penalty_shot":
            return Consequence("shoots alone against the goalkeeper", teams[team], ("ice_hockey.penalty_shot",))
        short = event.kind in _PENALTIES and event.kind != "misconduct" and event.outcome not in ("coincidental", "not_served")
        if not short:
            return None
        name = {"minor_penalty": "minor", "major_penalty": "major", "match_penalty": "match"}.get(event.kind, event.kind)
        return Consequence("plays short-handed", teams[team], (f"ice_hockey.{name}",))


def _without(penalties: tuple[Penalty, ...], gone: Penalty) -> tuple[Penalty, ...]:
    """The penalties without the first that equals ``gone``."""
    index = penalties.index(gone)
    return penalties[:index] + penalties[index + 1:]


ICE_HOCKEY = SportModule(
    Sport.ICE_HOCKEY, KINDS, RULES, IceHockeyLedger(),
    core_kinds=("goal", "icing", "offside", "minor_penalty"),
    tactics=(
        Tactic("forecheck", "two skaters after the puck behind the other goal, their team close behind them"),
        Tactic("neutral-zone trap", "four defenders in a line across the middle of the ice"),
        Tactic("odd-man rush", "three skaters with the puck against one or two defenders, the others behind"),
        Tactic("box defence", "four defenders in a square before their goal, the attackers around it"),
    ))
