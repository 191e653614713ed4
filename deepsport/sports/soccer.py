"""Soccer: its events, its rules, and a ledger of goals, restarts and cards.

Kept of the Laws: which restart follows what, and by whom; goals; cautions and sendings-off; the two halves. Not kept:
extra time, kicks from the penalty mark, substitutions, the places on the pitch.
"""

from __future__ import annotations

from deepsport.records import Event
from deepsport.sports.base import (
    Consequence,
    EventKind,
    Expectation,
    Ledger,
    Rule,
    SportModule,
    State,
    Teams,
    forbid,
    team_index,
)
from deepsport.taxonomy import Sport

KINDS = (
    EventKind("goal", "The team scores: the whole ball crosses the line between the posts.",
              visible="the ball in the net"),
    EventKind("corner_kick", "The team takes a corner kick.", visible="the ball kicked from the corner arc"),
    EventKind("foul", "The team commits a foul for which a direct free kick is given.", visible="the referee's whistle"),
    EventKind("offside", "A player of the team is penalised for offside.", visible="the assistant referee's raised flag"),
    EventKind("kick_off", "The team kicks off from the centre spot.", visible="the ball kicked from the centre spot"),
    EventKind("goal_kick", "The team takes a goal kick.", visible="the ball kicked from the goal area"),
    EventKind("throw_in", "The team throws the ball in.", visible="the ball thrown from the touch line"),
    EventKind("free_kick", "The team takes a direct free kick.", visible="a still ball kicked past a wall"),
    EventKind("indirect_free_kick", "The team takes an indirect free kick.", visible="the referee's raised arm"),
    EventKind("penalty_kick", "The team takes a penalty kick.", visible="a kick from the penalty mark"),
    EventKind("yellow_card", "A player of the team is cautioned.", visible="a yellow card held up"),
    EventKind("red_card", "A player of the team is sent off.", visible="a red card held up"),
    EventKind("half_time", "The first half ends.", carries=()),
    EventKind("full_time", "The match ends.", carries=()),
)

_EDITION = "IFAB Laws of the Game 2025/26"


def _rule(name: str, title: str, law: str, text: str, *tags: str) -> Rule:
    return Rule(f"soccer.{name}", Sport.SOCCER, title, text, law, _EDITION, tags)


RULES = (
    _rule("goal", "When a goal is scored", "Law 10",
          "A goal counts when the whole of the ball has passed over the goal line, between the posts and under the bar, "
          "and the scoring team broke no law. The team with more goals at the end wins; equal goals are a draw.",
          "goal", "score", "winner", "draw"),
    _rule("kick_off", "Kick-off", "Law 8",
          "A kick-off begins each half, and play begins again with one after every goal: the team that let the goal in "
          "kicks off. The team that kicked off the first half does not kick off the second.",
          "kick off", "restart", "goal", "half time"),
    _rule("free_kick", "Fouls and the direct free kick", "Laws 12 and 13",
          "A foul is an offence against an opponent while the ball is in play, such as a careless tackle, a trip, a push or a "
          "hold. The other team gets a direct free kick where it happened, from which a goal may be scored at once.",
          "foul", "free kick", "direct", "tackle", "restart"),
    _rule("penalty_kick", "Penalty kick", "Law 14",
          "A foul that would earn a direct free kick, committed inside the offender's own penalty area, is punished by a "
          "penalty kick for the other team.",
          "penalty", "foul", "penalty kick"),
    _rule("offside", "Offside", "Law 11",
          "A player is in an offside position when nearer to the opponents' goal line than both the ball and the last "
          "opponent but one, in the opponents' half. Being there is no offence; taking part in play from there is, and the "
          "other team gets an indirect free kick.",
          "offside", "flag", "indirect free kick", "restart"),
    _rule("corner_kick", "Corner kick", "Law 17",
          "The attacking team gets a corner kick when the ball crosses the goal line, no goal is scored, and a defender "
          "touched it last. The attackers kick it from the corner arc; a goal may be scored directly.",
          "corner", "corner kick", "goal line", "restart"),
    _rule("goal_kick", "Goal kick", "Law 16",
          "The defending team gets a goal kick when the ball crosses the goal line, no goal is scored, and an attacker "
          "touched it last.",
          "goal kick", "goal line", "restart"),
    _rule("throw_in", "Throw-in", "Law 15",
          "When the ball crosses the touch line, the team that did not touch it last throws it in with both hands from "
          "behind the head. No goal can be scored straight from the throw.",
          "throw in", "touch line", "restart"),
    _rule("cards", "Cautions and sendings-off", "Law 12",
          "A yellow card is a caution. A red card sends the player off, and so does a second caution in the match; a "
          "player who was sent off takes no further part.",
          "yellow card", "red card", "caution", "sent off", "dismissal"),
    _rule("duration", "The two halves", "Law 7",
          "A match has two halves of 45 minutes with an interval of at most 15 minutes; the referee adds the time that was "
          "lost.",
          "half time", "full time", "duration", "added time"),
)
_BY_NAME = {rule.rule_id.removeprefix("soccer."): rule for rule in RULES}

RESTARTS = ("kick_off", "corner_kick", "goal_kick", "throw_in", "free_kick", "indirect_free_kick", "penalty_kick")
_BALL_OUT = ("corner_kick", "goal_kick", "throw_in")
"""Restarts after the ball went out of play, which is no event of its own."""
_RULE_OF = {"goal": "goal", "foul": "free_kick", "offside": "offside", "free_kick": "free_kick", "indirect_free_kick": "offside",
            "kick_off": "kick_off", "corner_kick": "corner_kick", "goal_kick": "goal_kick", "throw_in": "throw_in",
            "penalty_kick": "penalty_kick"}


class SoccerState(State):
    """Goals are the score; the restart that is due stops everything else until it is taken."""

    restart: str | None = None
    """The restart that must come next; None while the ball is in play."""
    restart_team: int | None = None
    """Who takes it; None when it is not known."""
    known: bool = True
    """False for an excerpt before its first event: whether a restart is due is then not known."""
    half: int = 1
    first_kick_off: int | None = None
    cautioned: tuple[str, ...] = ()
    """Players with one yellow card, as ``team/player``."""
    sent_off: tuple[str, ...] = ()
    over: bool = False


class SoccerLedger(Ledger[SoccerState]):
    """Replays the record of a match in which every restart is written down."""

    sport = Sport.SOCCER
    kinds = KINDS

    def start(self, teams: Teams, first: str | None = None) -> SoccerState:
        """Before the first kick-off; ``first`` is the team that takes it."""
        index = None if first is None else teams.index(first)
        return SoccerState(teams=teams, restart="kick_off", restart_team=index, first_kick_off=index)

    def midway(self, teams: Teams) -> SoccerState:
        """Somewhere in a match: any event may come."""
        return SoccerState(teams=teams, known=False)

    def apply(self, state: SoccerState, event: Event) -> SoccerState:
        """The state after an event.

        Raises: ImpossibleEvent when a due restart is skipped, a restart comes without cause, a player who was sent off acts,
            a half ends out of turn, or the match is over.
        """
        if state.over:
            forbid(event, "the match is over", _BY_NAME["duration"])
        if event.kind in ("half_time", "full_time"):
            return self._end_half(state, event)
        team = team_index(state.teams, event)
        player = None if event.player is None else f"{event.team}/{event.player}"
        if player is not None and player in state.sent_off:
            forbid(event, f"{event.player} was sent off", _BY_NAME["cards"])
        if event.kind in ("yellow_card", "red_card"):
            return self._show_card(state, event.kind, player)
        if event.kind in RESTARTS:
            return self._restart(state, event, team)
        if event.kind not in ("goal", "foul", "offside"):
            forbid(event, "soccer knows no such event", _BY_NAME["kick_off"])
        if state.restart is not None:
            forbid(event, f"the {state.restart.replace('_', ' ')} has not been taken", _BY_NAME[_RULE_OF[state.restart]])
        due = {"goal": "kick_off", "foul": "free_kick", "offside": "indirect_free_kick"}[event.kind]
        score = (state.score[0] + (team == 0), state.score[1] + (team == 1)) if event.kind == "goal" else state.score
        return state.model_copy(update={"score": score, "restart": due, "restart_team": 1 - team, "known": True})

    def _restart(self, state: SoccerState, event: Event, team: int) -> SoccerState:
        rule = _BY_NAME[_RULE_OF[event.kind]]
        if state.restart is not None:
            # A feed's foul does not say whether it was inside the penalty area.
            fits = event.kind == state.restart or (state.restart == "free_kick" and event.kind == "penalty_kick")
            if not fits:
                forbid(event, f"the {state.restart.replace('_', ' ')} is due", _BY_NAME[_RULE_OF[state.restart]])
            if state.restart_team not in (None, team):
                forbid(event, f"it is {state.teams[1 - team]}'s to take", _BY_NAME[_RULE_OF[state.restart]])
        elif state.known and event.kind not in _BALL_OUT:
            forbid(event, "nothing has happened that calls for it", rule)
        first = state.first_kick_off
        if event.kind == "kick_off" and state.known and state.half == 1 and first is None and state.score == (0, 0):
            first = team
        return state.model_copy(update={"restart": None, "restart_team": None, "known": True, "first_kick_off": first})

    def _show_card(self, state: SoccerState, kind: str, player: str | None) -> SoccerState:
        if player is None:
            return state
        if kind == "yellow_card" and player not in state.cautioned:
            return state.model_copy(update={"cautioned": tuple(sorted((*state.cautioned, player)))})
        return state.model_copy(update={"sent_off": tuple(sorted((*state.sent_off, player)))})

    def _end_half(self, state: SoccerState, event: Event) -> SoccerState:
        due = 1 if event.kind == "half_time" else 2
        if state.known and state.half != due:
            forbid(event, f"this is half {state.half}", _BY_NAME["duration"])
        if event.kind == "half_time":
            second = None if state.first_kick_off is None else 1 - state.first_kick_off
            return state.model_copy(update={"half": 2, "restart": "kick_off", "restart_team": second, "known": True})
        winner = None if state.score[0] == state.score[1] else int(state.score[1] > state.score[0])
        return state.model_copy(update={"over": True, "winner": winner, "restart": None, "restart_team": None, "known": True})

    def expects(self, state: SoccerState) -> Expectation:
        """The restart that is due, or play."""
        if state.over:
            return Expectation("the match is over", None, "soccer.duration")
        if state.restart is None:
            return Expectation("play goes on", None, "soccer.duration")
        team = None if state.restart_team is None else state.teams[state.restart_team]
        return Expectation(state.restart.replace("_", " "), team, _BY_NAME[_RULE_OF[state.restart]].rule_id)

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Which team restarts play; None for cards and the ends of halves.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        if event.kind not in _RULE_OF:
            return None
        rule_ids = [_BY_NAME[_RULE_OF[event.kind]].rule_id]
        if event.kind in RESTARTS:  # the event is itself the restart
            return Consequence("restarts play", teams[team_index(teams, event)], tuple(rule_ids))
        expected = self.expects(self.apply(self.midway(teams), event))
        assert expected.team is not None
        if expected.rule_id not in rule_ids:
            rule_ids.append(expected.rule_id)
        return Consequence("restarts play", expected.team, tuple(rule_ids))


SOCCER = SportModule(Sport.SOCCER, KINDS, RULES, SoccerLedger(), core_kinds=("goal", "corner_kick", "foul", "offside"))
