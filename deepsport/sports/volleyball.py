"""Volleyball: its events, its rules, and a ledger of rallies, sets, service and rotation.

Kept of the Rules: a point for every rally, sets to 25 and the fifth to 15 with a lead of two, service and rotation after a
side-out, the first service of each set. Not kept: who stands where, substitutions, time-outs, sanctions.
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
    EventKind("kill", "The team's attack wins the rally.", visible="a spike that lands in the opponent's court"),
    EventKind("block", "The team's block wins the rally.", visible="hands above the net send the ball back down"),
    EventKind("service_ace", "The team's serve wins the rally.", visible="a serve that nobody plays on"),
    EventKind("net_touch", "A player of the team touches the net, a fault.", visible="the net shaken by a player"),
    EventKind("service_error", "The team's serve is a fault: in the net or out.", visible="a serve into the net or out"),
    EventKind("attack_error", "The team's attack is a fault: in the net or out.", visible="a spike into the net or out"),
    EventKind("ball_error", "The team plays the ball wrongly: caught, hit twice, four hits, or not returned.",
              visible="the ball dropped or held"),
)
WINS = ("kill", "block", "service_ace")
"""Kinds by which the acting team wins the rally; by the others it loses it."""
SERVES = ("service_ace", "service_error")

_EDITION = "FIVB Official Volleyball Rules 2025-2028"


def _rule(name: str, title: str, law: str, text: str, *tags: str) -> Rule:
    return Rule(f"volleyball.{name}", Sport.VOLLEYBALL, title, text, law, _EDITION, tags)


RULES = (
    _rule("point", "To score a point", "Rule 6.1",
          "Every rally gives a point: to the team that grounds the ball in the opponents' court, or whose opponents commit "
          "a fault. The team that wins the rally also serves next.",
          "point", "rally", "fault", "kill", "score"),
    _rule("set", "To win a set", "Rule 6.2",
          "A set goes to the first team to 25 points with a lead of two; at 24 all it goes on until one team leads by two.",
          "set", "25 points", "lead"),
    _rule("match", "To win the match", "Rule 6.3",
          "The match goes to the first team to win three sets. At two sets all the fifth is played to 15 points, again "
          "with a lead of two.",
          "match", "fifth set", "15 points", "winner"),
    _rule("rotation", "Rotation after a side-out", "Rule 7.6",
          "When the receiving team wins the rally it gains the service, and its players move one place clockwise before "
          "serving. A serving team that wins the rally keeps its places.",
          "rotation", "side out", "serve", "clockwise"),
    _rule("service", "First service and order of service", "Rules 12.1 and 12.2",
          "The toss decides who serves first in the first and in the deciding set. Every other set begins with the team "
          "that did not serve first in the set before; within a set, who wins the rally serves.",
          "serve", "server", "first service", "service order"),
    _rule("service_ace", "A serve that wins the rally, and a serve that loses it", "Rules 6.1 and 12.6",
          "A serve that the receivers cannot keep in play wins the point at once. A serve into the net, out, or from "
          "beyond the end line is a fault and gives point and service to the other team.",
          "ace", "service ace", "serve", "service error", "fault"),
    _rule("attack", "Attack hit", "Rule 13",
          "An attack hit sends the ball towards the opponents. It wins the rally when it lands in their court, and is a "
          "fault when it goes out or does not cross the net.",
          "kill", "attack", "spike", "attack error", "out"),
    _rule("block", "Block", "Rule 14",
          "Front-row players may stop the ball above the net. A block that puts the ball down in the attackers' court wins the "
          "rally, and does not count as one of a team's three hits.",
          "block", "net", "front row", "three hits"),
    _rule("net_touch", "Touching the net", "Rules 11.3 and 11.4",
          "A player who touches the net between the antennas in the action of playing the ball commits a fault, and the "
          "other team wins the rally.",
          "net touch", "net", "fault", "antenna"),
    _rule("hits", "Faults in playing the ball", "Rule 9.3",
          "A fourth hit by one team, a ball that is caught or thrown, and two hits in a row by one player are faults; so "
          "is a ball left to fall in one's own court.",
          "four hits", "catch", "double contact", "ball error", "fault"),
)
_BY_NAME = {rule.rule_id.removeprefix("volleyball."): rule for rule in RULES}
_RULE_OF = {"kill": "attack", "block": "block", "service_ace": "service_ace", "net_touch": "net_touch",
            "service_error": "service_ace", "attack_error": "attack", "ball_error": "hits"}


class VolleyballState(State):
    """Sets are the score; points count within the running set."""

    points: tuple[int, int] = (0, 0)
    server: int | None = None
    """Who serves the next rally; None while not known."""
    set_first_server: int | None = None
    """Who served first in the running set."""
    rotations: tuple[int, int] = (0, 0)
    """How many places each team has moved in the running set, 0 to 5."""
    set_scores: tuple[tuple[int, int], ...] = ()
    """Points in each finished set."""

    @property
    def target(self) -> int:
        """Points that win the running set, given a lead of two."""
        return 15 if self.score == (2, 2) else 25


class VolleyballLedger(Ledger[VolleyballState]):
    """Replays the rallies of a match."""

    sport = Sport.VOLLEYBALL
    kinds = KINDS

    def start(self, teams: Teams, first: str | None = None) -> VolleyballState:
        """Before the first rally; ``first`` serves it."""
        index = None if first is None else teams.index(first)
        return VolleyballState(teams=teams, server=index, set_first_server=index)

    def apply(self, state: VolleyballState, event: Event) -> VolleyballState:
        """The state after a rally.

        Raises: ImpossibleEvent when the receiving team serves an ace or an error, or the match is over.
        """
        if state.winner is not None:
            forbid(event, "the match is over", _BY_NAME["match"])
        if event.kind not in _RULE_OF:
            forbid(event, "volleyball knows no such event", _BY_NAME["point"])
        side = team_index(state.teams, event)
        if event.kind in SERVES:
            if state.server is None:  # who served is now known
                first = side if state.points == (0, 0) else state.set_first_server
                state = state.model_copy(update={"server": side, "set_first_server": first})
            elif state.server != side:
                forbid(event, f"{state.teams[1 - side]} serves", _BY_NAME["service"])
        return self._score(state, side if event.kind in WINS else 1 - side)

    def _score(self, state: VolleyballState, side: int) -> VolleyballState:
        points = (state.points[0] + (side == 0), state.points[1] + (side == 1))
        rotations = state.rotations
        if state.server is not None and state.server != side:
            rotations = ((rotations[0] + (side == 0)) % 6, (rotations[1] + (side == 1)) % 6)
        if points[side] < state.target or points[side] - points[1 - side] < 2:
            return state.model_copy(update={"points": points, "server": side, "rotations": rotations})
        sets = (state.score[0] + (side == 0), state.score[1] + (side == 1))
        first = None if state.set_first_server is None or sets == (2, 2) else 1 - state.set_first_server
        return state.model_copy(update={
            "points": (0, 0), "score": sets, "set_scores": (*state.set_scores, points), "rotations": (0, 0),
            "server": first, "set_first_server": first, "winner": side if sets[side] == 3 else None,
        })

    def expects(self, state: VolleyballState) -> Expectation:
        """A serve, and by whom."""
        if state.winner is not None:
            return Expectation("the match is over", None, "volleyball.match")
        team = None if state.server is None else state.teams[state.server]
        return Expectation("serve", team, "volleyball.service" if state.points == (0, 0) else "volleyball.point")

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Which team wins the point.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        if event.kind not in _RULE_OF:
            return None
        after = self.apply(self.midway(teams), event)
        rule_ids = ("volleyball.point", f"volleyball.{_RULE_OF[event.kind]}")
        return Consequence("wins the point", teams[after.points.index(1)], rule_ids)


VOLLEYBALL = SportModule(Sport.VOLLEYBALL, KINDS, RULES, VolleyballLedger(),
                         core_kinds=("kill", "block", "service_ace", "net_touch"))
