"""Soccer: a ledger of goals, restarts, cards, substitutions, extra time and penalties. Its words are in soccer_rules.py.

Kept of the Laws: which restart follows what, and by whom; goals and own goals; advantage; cautions, second cautions and
sendings-off; substitutions; the halves, extra time, kicks from the penalty mark. Not kept: the clock, the places on the pitch.
"""

from __future__ import annotations

from deepsport.records import Event
from deepsport.sports.base import Consequence, Expectation, Ledger, SportModule, State, Teams, forbid, team_index
from deepsport.sports.shootout import Kicks, shootout_goals, shootout_winner
from deepsport.sports.soccer_rules import BY_NAME, KINDS, RULES
from deepsport.taxonomy import Sport

RESTARTS = ("kick_off", "corner_kick", "goal_kick", "throw_in", "free_kick", "indirect_free_kick", "penalty_kick", "dropped_ball")
_UNCAUSED = ("corner_kick", "goal_kick", "throw_in", "dropped_ball")
"""Restarts after the ball went out of play, or was stopped for no offence; neither is an event of its own."""
_RULE_OF = {"goal": "goal", "own_goal": "own_goal", "foul": "free_kick", "offside": "offside", "free_kick": "free_kick",
            "indirect_free_kick": "offside", "kick_off": "kick_off", "corner_kick": "corner_kick", "goal_kick": "goal_kick",
            "throw_in": "throw_in", "penalty_kick": "penalty_kick", "dropped_ball": "dropped_ball"}
_WHISTLES = ("half_time", "full_time", "extra_time", "shootout")
_KICKS = ("shootout_goal", "shootout_miss")
_KINDS = frozenset(kind.kind for kind in KINDS)
SHOOTOUT = 5
"""The value of ``half`` during kicks from the penalty mark."""
MIN_PLAYERS = 7
NUM_PLAYERS = 11


class SoccerState(State):
    """Goals are the score; the restart that is due stops everything else until it is taken."""

    restart: str | None = None
    """The restart that must come next; None while the ball is in play."""
    restart_team: int | None = None
    """Who takes it; None when it is not known."""
    advantage: int | None = None
    """Who was fouled when play was let go on: the referee may still come back to it."""
    known: bool = True
    """False for an excerpt before its first event: whether a restart is due is then not known."""
    half: int = 1
    """1 and 2, 3 and 4 in extra time, 5 in the shoot-out."""
    first_kick_off: int | None = None
    """Who kicked off the first half, or the first half of extra time; None while not known."""
    cautioned: tuple[str, ...] = ()
    """Players with one yellow card, as ``team/player``."""
    sent_off: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    """Players who went off in a substitution, as ``team/player``."""
    num_replaced: tuple[int, int] = (0, 0)
    """Substitutions of each team, whoever they were."""
    kicks: Kicks = ()
    """Kicks of the shoot-out: the team, and whether it scored."""
    over: bool = False

    @property
    def shootout_score(self) -> tuple[int, int]:
        """Goals of each team in the shoot-out; they are not part of the score."""
        return shootout_goals(self.kicks)


class SoccerLedger(Ledger[SoccerState]):
    """Replays the record of a match in which every restart is written down; each team has ``num_substitutes`` changes."""

    sport = Sport.SOCCER
    kinds = KINDS
    period_field = "half"

    def __init__(self, num_substitutes: int = 5) -> None:
        self.num_substitutes = num_substitutes

    def start(self, teams: Teams, first: str | None = None) -> SoccerState:
        """Before the first kick-off; ``first`` is the team that takes it."""
        index = None if first is None else teams.index(first)
        return SoccerState(teams=teams, restart="kick_off", restart_team=index, first_kick_off=index)

    def midway(self, teams: Teams) -> SoccerState:
        """Somewhere in a match: any event may come."""
        return SoccerState(teams=teams, known=False)

    def lose_track(self, state: SoccerState) -> SoccerState:
        """The state after a stretch that nobody wrote down: score, cards and half stay, the restart is not known."""
        return state.model_copy(update={"restart": None, "restart_team": None, "advantage": None, "known": False})

    def apply(self, state: SoccerState, event: Event) -> SoccerState:
        """The state after an event.

        Raises: ImpossibleEvent when a due restart is skipped, a restart comes without cause, a player who was sent off or
            replaced acts, a half ends out of turn, a kick of the shoot-out is out of turn, or the match is over.
        """
        if state.over:
            forbid(event, "the match is over", BY_NAME["duration"])
        if event.kind not in _KINDS:
            forbid(event, "soccer knows no such event", BY_NAME["kick_off"])
        if event.kind in _WHISTLES:
            return self._whistle(state, event)
        team = team_index(state.teams, event)
        player = None if event.player is None else f"{event.team}/{event.player}"
        if event.kind in ("yellow_card", "red_card"):
            return self._show_card(state, event, player)
        if player is not None and player in state.sent_off:
            forbid(event, f"{event.player} was sent off", BY_NAME["cards"])
        if player is not None and player in state.replaced:
            forbid(event, f"{event.player} was replaced", BY_NAME["substitutions"])
        if event.kind == "substitution":
            return self._replace(state, event, team, player)
        if event.kind in _KICKS:
            return self._kick(state, event, team)
        if state.half == SHOOTOUT:
            forbid(event, "the match ended level and the shoot-out is on", BY_NAME["shootout"])
        if event.kind in RESTARTS:
            return self._restart(state, event, team)
        if state.restart is not None:
            forbid(event, f"the {state.restart.replace('_', ' ')} has not been taken", BY_NAME[_RULE_OF[state.restart]])
        if event.kind in ("goal", "own_goal"):
            side = team if event.kind == "goal" else 1 - team
            score = (state.score[0] + (side == 0), state.score[1] + (side == 1))
            return state.model_copy(update={"score": score, "restart": "kick_off", "restart_team": 1 - side, "advantage": None,
                                            "known": True})
        due: str | None = "indirect_free_kick" if event.kind == "offside" else "free_kick"
        if event.kind == "foul" and event.outcome in ("advantage", "penalty", "indirect"):
            due = {"advantage": None, "penalty": "penalty_kick", "indirect": "indirect_free_kick"}[event.outcome]
        return state.model_copy(update={"restart": due, "restart_team": None if due is None else 1 - team, "known": True,
                                        "advantage": 1 - team if due is None else None})

    def _restart(self, state: SoccerState, event: Event, team: int) -> SoccerState:
        rule = BY_NAME[_RULE_OF[event.kind]]
        if state.restart is not None:
            # A feed's foul does not always say whether it was inside the penalty area.
            fits = event.kind == state.restart or (state.restart == "free_kick" and event.kind == "penalty_kick")
            if not fits:
                forbid(event, f"the {state.restart.replace('_', ' ')} is due", BY_NAME[_RULE_OF[state.restart]])
            if state.restart_team not in (None, team):
                forbid(event, f"it is {state.teams[1 - team]}'s to take", BY_NAME[_RULE_OF[state.restart]])
        elif state.known and event.kind not in _UNCAUSED and not (state.advantage == team and event.kind != "kick_off"):
            forbid(event, "nothing has happened that calls for it", rule)
        if event.outcome == "retaken":
            return state.model_copy(update={"restart": event.kind, "restart_team": team, "advantage": None,
                                            "known": True})
        first = state.first_kick_off
        if state.restart == "kick_off" and state.restart_team is None and first is None and state.half in (1, 3):
            first = team
        return state.model_copy(update={"restart": None, "restart_team": None, "known": True, "first_kick_off": first,
                                        "advantage": None})

    def _show_card(self, state: SoccerState, event: Event, player: str | None) -> SoccerState:
        if player is None:
            return state
        if player in state.sent_off:
            if event.kind == "red_card" and player in state.cautioned:
                return state  # the red card that goes with the second yellow
            forbid(event, f"{event.player} was sent off", BY_NAME["cards"])
        if event.kind == "yellow_card" and player not in state.cautioned:
            return state.model_copy(update={"cautioned": tuple(sorted((*state.cautioned, player)))})
        sent_off = tuple(sorted((*state.sent_off, player)))
        playing = NUM_PLAYERS - sum(p.startswith(f"{event.team}/") and p not in state.replaced for p in sent_off)
        if playing < MIN_PLAYERS:  # abandoned; what becomes of it is the competition's to say
            return state.model_copy(update={"sent_off": sent_off, "over": True, "restart": None, "restart_team": None})
        return state.model_copy(update={"sent_off": sent_off})

    def _replace(self, state: SoccerState, event: Event, team: int, player: str | None) -> SoccerState:
        most = self.num_substitutes + (state.half > 2)
        if state.num_replaced[team] >= most:
            forbid(event, f"{event.team} has made its {most} changes", BY_NAME["substitutions"])
        count = (state.num_replaced[0] + (team == 0), state.num_replaced[1] + (team == 1))
        replaced = state.replaced if player is None else tuple(sorted((*state.replaced, player)))
        return state.model_copy(update={"num_replaced": count, "replaced": replaced})

    def _kick(self, state: SoccerState, event: Event, team: int) -> SoccerState:
        if state.half != SHOOTOUT and (state.known or state.half != 1):
            forbid(event, "there is no shoot-out", BY_NAME["shootout"])
        if state.kicks and state.kicks[-1][0] == team:
            forbid(event, f"the kicks are taken in turn, and it is {state.teams[1 - team]}'s", BY_NAME["shootout"])
        kicks = (*state.kicks, (team, event.kind == "shootout_goal"))
        winner = shootout_winner(kicks)
        return state.model_copy(update={"half": SHOOTOUT, "kicks": kicks, "winner": winner, "over": winner is not None,
                                        "known": True})

    def _whistle(self, state: SoccerState, event: Event) -> SoccerState:
        rule = BY_NAME["duration"]
        if state.restart == "penalty_kick":
            forbid(event, "the penalty kick has not been taken", BY_NAME["penalty_time"])
        ends = {"half_time": (1, 3), "extra_time": (2,), "full_time": (2, 4), "shootout": (2, 4)}[event.kind]
        if state.half not in ends and (state.known or state.half == SHOOTOUT):
            forbid(event, f"this is half {state.half}" if state.half < SHOOTOUT else "the shoot-out is on", rule)
        if event.kind == "half_time":
            second = None if state.first_kick_off is None else 1 - state.first_kick_off
            half = 4 if state.half in (3, 4) else 2
            return state.model_copy(update={"half": half, "restart": "kick_off", "restart_team": second, "advantage": None,
                                            "known": True})
        if event.kind == "full_time":
            winner = None if state.score[0] == state.score[1] else int(state.score[1] > state.score[0])
            return state.model_copy(update={"over": True, "winner": winner, "restart": None, "restart_team": None, "known": True})
        if state.known and state.score[0] != state.score[1]:
            forbid(event, f"the score is {state.score[0]}-{state.score[1]}",
                   BY_NAME["extra_time" if event.kind == "extra_time" else "shootout"])
        if event.kind == "shootout":
            return state.model_copy(update={"half": SHOOTOUT, "restart": None, "restart_team": None, "advantage": None,
                                            "known": True})
        return state.model_copy(update={"half": 3, "advantage": None, "restart": "kick_off", "restart_team": None,
                                        "first_kick_off": None, "known": True})

    def expects(self, state: SoccerState) -> Expectation:
        """The restart that is due, the next kick of a shoot-out, or play."""
        if state.over:
            return Expectation("the match is over", None, "soccer.shootout" if state.kicks else "soccer.duration")
        if state.half == SHOOTOUT:
            team = state.teams[1 - state.kicks[-1][0]] if state.kicks else None
            return Expectation("kick from the penalty mark", team, "soccer.shootout")
        if state.restart is None:
            return Expectation("play goes on", None, "soccer.duration")
        team = None if state.restart_team is None else state.teams[state.restart_team]
        return Expectation(state.restart.replace("_", " "), team, BY_NAME[_RULE_OF[state.restart]].rule_id)

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Which team restarts play; None for cards, whistles, substitutions, kicks of a shoot-out, and advantage.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        if event.kind not in _RULE_OF:
            return None
        rule_ids = [BY_NAME[_RULE_OF[event.kind]].rule_id]
        if event.kind in RESTARTS:  # the event is itself the restart
            return Consequence("restarts play", teams[team_index(teams, event)], tuple(rule_ids))
        expected = self.expects(self.apply(self.midway(teams), event))
        if expected.team is None:
            return None
        if expected.rule_id not in rule_ids:
            rule_ids.append(expected.rule_id)
        return Consequence("restarts play", expected.team, tuple(rule_ids))


SOCCER = SportModule(Sport.SOCCER, KINDS, RULES, SoccerLedger(), core_kinds=("goal", "corner_kick", "foul", "offside"))
