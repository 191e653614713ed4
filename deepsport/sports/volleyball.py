"""Volleyball: a ledger of rallies, sets, service, rotation, time-outs, substitutions and penalties.

Kept of the Rules: a point for every rally, sets to 25 and the fifth to 15 with a lead of two, service and rotation after a
side-out, the first service of each set, two time-outs and six substitutions a set, cards. Not kept: who stands where, the libero,
sanctions for delay. Its words are in volleyball_rules.py.
"""

from __future__ import annotations

from deepsport.records import Event
from deepsport.sports.base import SportModule, Teams, forbid
from deepsport.sports.rally import RallyLedger, RallyState, plus
from deepsport.sports.volleyball_rules import BY_NAME, KINDS, LOSSES, RULES, WINS
from deepsport.taxonomy import Sport

NUM_SUBSTITUTIONS = 6
"""Of each team in a set."""


class VolleyballState(RallyState):
    """Sets are the score; time-outs and substitutions count within the running set."""

    server: int | None = None
    """Who serves the next rally; None while not known."""
    set_first_server: int | None = None
    """Who served first in the running set."""
    rotations: tuple[int, int] = (0, 0)
    """How many places each team has moved in the running set, 0 to 5."""
    substitutions: tuple[int, int] = (0, 0)
    set_scores: tuple[tuple[int, int], ...] = ()
    """Points in each finished set."""

    @property
    def target(self) -> int:
        """Points that win the running set, given a lead of two."""
        return 15 if self.score == (2, 2) else 25


class VolleyballLedger(RallyLedger[VolleyballState]):
    """Replays the rallies of a match."""

    sport = Sport.VOLLEYBALL
    kinds = KINDS
    kinds_without_team = ("replay",)
    rules, wins, losses = BY_NAME, WINS, LOSSES
    serves = ("service_ace", "service_error")
    order_rule = "service"
    always = ("point",)
    num_time_outs = 2

    def new_state(self, teams: Teams) -> VolleyballState:
        """Before the first rally, the first server not known."""
        return VolleyballState(teams=teams)

    def server_of(self, state: VolleyballState) -> int | None:
        """Who serves the next rally; None while not known."""
        return state.server

    def with_server(self, state: VolleyballState, side: int) -> VolleyballState:
        """The side serves the next rally; if it is the set's first, the next set's first service follows from it."""
        first = side if state.points == (0, 0) else state.set_first_server
        return state.model_copy(update={"server": side, "set_first_server": first})

    def why_serves(self, state: VolleyballState) -> str:
        """Within a set the winner of the rally serves."""
        return self.order_rule if state.points == (0, 0) else "point"

    def score_point(self, state: VolleyballState, side: int) -> VolleyballState:
        """A point, and with it perhaps service and rotation, the set and the match."""
        points = plus(state.points, side)
        rotations = state.rotations
        if state.server is not None and state.server != side:
            rotations = ((rotations[0] + (side == 0)) % 6, (rotations[1] + (side == 1)) % 6)
        if points[side] < state.target or points[side] - points[1 - side] < 2:
            return state.model_copy(update={"points": points, "server": side, "rotations": rotations})
        sets = plus(state.score, side)
        first = None if state.set_first_server is None or sets == (2, 2) else 1 - state.set_first_server
        return state.model_copy(update={
            "points": (0, 0), "score": sets, "set_scores": (*state.set_scores, points), "rotations": (0, 0),
            "time_outs": (0, 0), "substitutions": (0, 0),
            "server": first, "set_first_server": first, "winner": side if sets[side] == 3 else None,
        })

    def between(self, state: VolleyballState, event: Event, side: int | None) -> VolleyballState:
        """Replayed rallies, time-outs, substitutions and cards.

        Raises: ImpossibleEvent when none is left, or a team is warned twice.
        """
        if event.kind == "substitution":
            assert side is not None
            if state.known and state.substitutions[side] >= NUM_SUBSTITUTIONS:
                forbid(event, f"{NUM_SUBSTITUTIONS} substitutions have been made in this set", BY_NAME["substitution"])
            return state.model_copy(update={"substitutions": plus(state.substitutions, side)})
        return super().between(state, event, side)


VOLLEYBALL = SportModule(Sport.VOLLEYBALL, KINDS, RULES, VolleyballLedger(),
                         core_kinds=("kill", "block", "service_ace", "net_touch"))
