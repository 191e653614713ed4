"""American football: a ledger of downs and distance, scores, kicks, turnovers, penalties and overtime.

Kept of the NFL's rules: who has the ball, down, distance and spot as far as yards are given, what each score is worth and which
kick follows it, time-outs, overtime with a chance for each team. Not kept: the clock, returns, choices of penalty, points of a
defence on a try. The words are in american_football_rules.py.
"""

from __future__ import annotations

from deepsport.records import Event
from deepsport.sports.american_football_rules import BY_NAME, KINDS, RULES
from deepsport.sports.base import Consequence, Expectation, Ledger, SportModule, State, Tactic, Teams, forbid, team_index
from deepsport.taxonomy import Sport

REGULAR_QUARTERS = 4
MAX_TIMEOUTS = 3
FIELD_YARDS = 100
_KINDS = frozenset(kind.kind for kind in KINDS)
_GAINS = ("run", "pass_complete", "pass_incomplete", "sack")
_TRIES = {"extra_point": 1, "extra_point_missed": 0, "two_point": 2, "two_point_failed": 0}
_GIVE_UP = ("punt", "field_goal_missed")
_TAKE = ("interception", "fumble_recovery")


class AmericanFootballState(State):
    """Points are the score."""

    quarter: int = 1
    """5 is the overtime period."""
    phase: str = "kickoff"
    """``kickoff``, ``scrimmage``, ``try``, ``over``; ``unknown`` in an excerpt."""
    team: int | None = None
    """Who kicks off, has the ball, or tries for extra points; None when it is not known."""
    after_safety: bool = False
    """The kick that is due follows a safety."""
    down: int = 1
    to_go: float | None = 10
    """Yards to the line to gain; None when not known."""
    ball_on: float | None = None
    """Yards from the goal line of the team that has the ball; None when not known."""
    timeouts: tuple[int, int] = (0, 0)
    """Time-outs taken in the running half."""
    chances: tuple[bool, bool] = (False, False)
    """In overtime: whose chance with the ball is over."""


class AmericanFootballLedger(Ledger[AmericanFootballState]):
    """Replays the plays of a game; with ``ties`` a game still level after the overtime period is a tie."""

    sport = Sport.AMERICAN_FOOTBALL
    kinds = KINDS
    period_field = "quarter"

    def __init__(self, ties: bool = True) -> None:
        self.ties = ties

    def start(self, teams: Teams, first: str | None = None) -> AmericanFootballState:
        """Before the opening kickoff; ``first`` is the team that kicks it."""
        return AmericanFootballState(teams=teams, team=None if first is None else teams.index(first))

    def midway(self, teams: Teams) -> AmericanFootballState:
        """Somewhere in a game: down, distance and who has the ball are not known."""
        return AmericanFootballState(teams=teams, phase="unknown", to_go=None)

    def apply(self, state: AmericanFootballState, event: Event) -> AmericanFootballState:
        """The state after a play.

        Raises: ImpossibleEvent when the game is over, a kickoff or try is due, the team does not have the ball, the yards leave
            the field, or a team has no time-out left.
        """
        if state.phase == "over":
            forbid(event, "the game is over", BY_NAME["winner"])
        if event.kind not in _KINDS:
            forbid(event, "American football knows no such event", BY_NAME["scores"])
        if event.kind == "quarter_end":
            return self._end_quarter(state, event)
        team = team_index(state.teams, event)
        if event.kind == "timeout":
            if state.timeouts[team] >= MAX_TIMEOUTS:
                forbid(event, f"{event.team} has taken its {MAX_TIMEOUTS}", BY_NAME["timeouts"])
            return state.model_copy(update={"timeouts": _plus(state.timeouts, team)})
        if state.phase == "unknown":
            state = self._surmise(state, event, team)
        if event.kind == "penalty":
            return self._penalise(state, event, team)
        if state.phase == "try":
            return self._try(state, event, team)
        if event.kind in _TRIES:
            forbid(event, "no touchdown was scored", BY_NAME["try"])
        if event.kind == "kickoff":
            return self._kick_off(state, event, team)
        if event.kind == "touchdown":
            return self._touch_down(state, team)
        if state.phase == "kickoff":
            forbid(event, "the kickoff has not been taken", BY_NAME["safety_kick" if state.after_safety else "after_score"])
        if event.kind in (*_GAINS, *_GIVE_UP, "field_goal") and state.team != team:
            forbid(event, f"{state.teams[1 - team]} has the ball", BY_NAME["possession"])
        if event.kind in (*_TAKE, "safety") and state.team == team:
            forbid(event, f"{event.team} has the ball itself", BY_NAME["possession"])
        if event.kind in _GAINS:
            return self._gain(state, event)
        if event.kind in _TAKE:
            return self._turn_over(state, team, _spot(event))
        if event.kind in _GIVE_UP:
            return self._turn_over(state, 1 - team, _spot(event))
        points = 3 if event.kind == "field_goal" else 2
        kicker = team if event.kind == "field_goal" else 1 - team
        state = state.model_copy(update={"score": _plus(state.score, team, points), "phase": "kickoff", "team": kicker,
                                         "after_safety": event.kind == "safety", "ball_on": None})
        return self._close(state, *((team,) if event.kind == "field_goal" else (0, 1)))

    def _surmise(self, state: AmericanFootballState, event: Event, team: int) -> AmericanFootballState:
        """The state that the first event of an excerpt tells of."""
        if event.kind == "kickoff":
            return state.model_copy(update={"phase": "kickoff", "team": team})
        if event.kind in _TRIES:
            return state.model_copy(update={"phase": "try", "team": team})
        if event.kind == "penalty":
            return state
        return state.model_copy(update={"phase": "scrimmage", "team": 1 - team if event.kind in (*_TAKE, "safety") else team})

    def _kick_off(self, state: AmericanFootballState, event: Event, team: int) -> AmericanFootballState:
        if state.phase != "kickoff":
            forbid(event, "no score or half calls for one", BY_NAME["after_score"])
        if state.team not in (None, team):
            forbid(event, f"{state.teams[1 - team]} kicks", BY_NAME["safety_kick" if state.after_safety else "after_score"])
        if event.outcome == "recovered":
            return self._series(state, team, None)
        return self._series(state, 1 - team, _spot(event))

    def _touch_down(self, state: AmericanFootballState, team: int) -> AmericanFootballState:
        """Also by a return: of a kick, or of a ball that the other team had."""
        returned = state.phase == "scrimmage" and state.team != team
        state = state.model_copy(update={"score": _plus(state.score, team, 6), "phase": "try", "team": team, "down": 1,
                                         "to_go": None, "ball_on": None, "after_safety": False})
        leads = state.score[team] > state.score[1 - team]
        # In overtime the try is left out once the touchdown has won the game.
        return self._close(state, 0, 1) if leads and (returned or state.chances[1 - team]) else state

    def _series(self, state: AmericanFootballState, team: int, ball_on: float | None) -> AmericanFootballState:
        to_go = 10 if ball_on is None else min(10, FIELD_YARDS - ball_on)
        return state.model_copy(update={"phase": "scrimmage", "team": team, "down": 1, "to_go": to_go, "ball_on": ball_on,
                                        "after_safety": False})

    def _turn_over(self, state: AmericanFootballState, to: int, ball_on: float | None) -> AmericanFootballState:
        return self._close(self._series(state, to, ball_on), 1 - to)

    def _gain(self, state: AmericanFootballState, event: Event) -> AmericanFootballState:
        assert state.team is not None
        yards = 0.0 if event.kind == "pass_incomplete" else event.value
        ball_on = None if state.ball_on is None or yards is None else state.ball_on + yards
        if ball_on is not None and ball_on >= FIELD_YARDS:
            forbid(event, f"{yards:g} yards reach the goal line, which is a touchdown", BY_NAME["touchdown"])
        if ball_on is not None and ball_on <= 0:
            forbid(event, f"{yards:g} yards end behind the own goal line, which is a safety", BY_NAME["safety"])
        reached = None if yards is None or state.to_go is None else yards >= state.to_go
        if event.outcome == "first_down" and reached is False:
            forbid(event, f"{yards:g} yards are short of the {state.to_go:g} to go", BY_NAME["downs"])
        if reached or event.outcome == "first_down":
            return self._series(state, state.team, ball_on)
        if state.down == REGULAR_QUARTERS:
            return self._turn_over(state, 1 - state.team, None if ball_on is None else FIELD_YARDS - ball_on)
        to_go = None if state.to_go is None or yards is None else state.to_go - yards
        return state.model_copy(update={"down": state.down + 1, "to_go": to_go, "ball_on": ball_on})

    def _penalise(self, state: AmericanFootballState, event: Event, team: int) -> AmericanFootballState:
        if event.value is not None and event.value < 0:
            forbid(event, f"{event.value:g} yards", BY_NAME["penalty"])
        if state.phase != "scrimmage" or event.outcome == "declined":
            return state
        assert state.team is not None
        offence = team == state.team
        if offence and event.outcome == "automatic_first_down":
            forbid(event, "only the defence's fouls give one", BY_NAME["automatic_first_down"])
        yards = event.value
        ball_on = None if state.ball_on is None or yards is None else state.ball_on + (-yards if offence else yards)
        if ball_on is not None and not 0 < ball_on < FIELD_YARDS:
            forbid(event, f"{yards:g} yards would reach the goal line", BY_NAME["half_distance"])
        if not offence:
            enough = yards is not None and state.to_go is not None and yards >= state.to_go
            if enough or event.outcome == "automatic_first_down":
                return self._series(state, state.team, ball_on)
        to_go = None if state.to_go is None or yards is None else state.to_go + (yards if offence else -yards)
        down = state.down + (offence and event.outcome == "loss_of_down")
        if down > REGULAR_QUARTERS:
            return self._turn_over(state, 1 - state.team, None if ball_on is None else FIELD_YARDS - ball_on)
        return state.model_copy(update={"down": down, "to_go": to_go, "ball_on": ball_on})

    def _try(self, state: AmericanFootballState, event: Event, team: int) -> AmericanFootballState:
        if event.kind not in _TRIES:
            forbid(event, "the try has not been made", BY_NAME["try"])
        if state.team != team:
            forbid(event, f"{state.teams[1 - team]} scored the touchdown", BY_NAME["try"])
        state = state.model_copy(update={"score": _plus(state.score, team, _TRIES[event.kind]), "phase": "kickoff"})
        return self._close(state, team)

    def _close(self, state: AmericanFootballState, *ended: int) -> AmericanFootballState:
        """In overtime: the chances of these teams are over; once both are, whoever leads has won."""
        if state.quarter <= REGULAR_QUARTERS:
            return state
        chances = (state.chances[0] or 0 in ended, state.chances[1] or 1 in ended)
        if all(chances) and state.score[0] != state.score[1]:
            return state.model_copy(update={"chances": chances, "phase": "over", "team": None,
                                            "winner": int(state.score[1] > state.score[0])})
        return state.model_copy(update={"chances": chances})

    def _end_quarter(self, state: AmericanFootballState, event: Event) -> AmericanFootballState:
        if state.phase == "try":
            forbid(event, "the try is still made", BY_NAME["try"])
        if state.phase == "unknown":
            return state
        level = state.score[0] == state.score[1]
        winner = None if level else int(state.score[1] > state.score[0])
        if state.quarter >= REGULAR_QUARTERS and (not level or (state.quarter > REGULAR_QUARTERS and self.ties)):
            return state.model_copy(update={"phase": "over", "winner": winner, "team": None})
        update: dict[str, object] = {"quarter": state.quarter + 1}
        if state.quarter in (2, REGULAR_QUARTERS):
            update |= {"phase": "kickoff", "team": None, "after_safety": False, "ball_on": None, "timeouts": (0, 0)}
        return state.model_copy(update=update)

    def expects(self, state: AmericanFootballState) -> Expectation:
        """A kickoff, a try, or a down and distance."""
        if state.phase == "over":
            return Expectation("the game is over", None, "american_football.winner")
        team = None if state.team is None else state.teams[state.team]
        if state.phase == "kickoff":
            return Expectation("kickoff", team, "american_football.safety_kick" if state.after_safety
                               else "american_football.after_score")
        if state.phase == "try":
            return Expectation("try for extra points", team, "american_football.try")
        if state.phase == "unknown":
            return Expectation("play goes on", None, "american_football.downs")
        distance = "?" if state.to_go is None else "goal" if _goal_to_go(state) else f"{state.to_go:g}"
        ordinal = ("first", "second", "third", "fourth")[state.down - 1]
        return Expectation(f"{ordinal} and {distance}", team, "american_football.downs")

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Who has the ball, tries or kicks next; None where that hangs on down and distance.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        table = {"touchdown": ("tries for extra points", False, ("touchdown", "try")),
                 "field_goal": ("kicks off", False, ("field_goal", "after_score")),
                 "safety": ("kicks the ball away", True, ("safety", "safety_kick")),
                 "interception": ("has the ball", False, ("interception",)),
                 "fumble_recovery": ("has the ball", False, ("fumble",)), "punt": ("has the ball", True, ("punt",)),
                 "field_goal_missed": ("has the ball", True, ("missed_field_goal",)),
                 "extra_point": ("kicks off", False, ("after_score",)), "two_point": ("kicks off", False, ("after_score",)),
                 "extra_point_missed": ("kicks off", False, ("after_score",)),
                 "two_point_failed": ("kicks off", False, ("after_score",))}
        if event.kind not in table:
            return None
        what, for_other, rules = table[event.kind]
        team = team_index(teams, event)
        return Consequence(what, teams[1 - team if for_other else team], tuple(f"american_football.{rule}" for rule in rules))


def _plus(pair: tuple[int, int], team: int, number: int = 1) -> tuple[int, int]:
    return (pair[0] + number * (team == 0), pair[1] + number * (team == 1))


def _goal_to_go(state: AmericanFootballState) -> bool:
    return state.to_go is not None and state.ball_on is not None and state.ball_on + state.to_go >= FIELD_YARDS


def _spot(event: Event) -> float | None:
    """Where the team that gets the ball begins. Raises: ImpossibleEvent when that is off the field."""
    if event.value is not None and not 0 < event.value < FIELD_YARDS:
        forbid(event, f"a series cannot begin on yard {event.value:g}", BY_NAME["touchback"])
    return event.value


AMERICAN_FOOTBALL = SportModule(
    Sport.AMERICAN_FOOTBALL, KINDS, RULES, AmericanFootballLedger(),
    core_kinds=("touchdown", "field_goal", "interception", "punt"),
    tactics=(
        Tactic("I formation", "the backs in a line straight behind the passer, who stands at the line"),
        Tactic("shotgun", "the passer some way behind the line, a back beside him"),
        Tactic("empty backfield", "the passer alone behind the line, five receivers spread out"),
        Tactic("goal-line set", "both teams packed close about the ball, nobody out wide"),
    ))
