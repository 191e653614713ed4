"""Tennis: a ledger of points, games, sets, service, ends and faults.

Kept of the Rules: the standard game with deuce and advantage, the tie-break set, the tie-break game at six all, the order of
service, change of ends, first-service faults and lets, the match as best of three or five. Not kept: who of a pair serves and
receives, no-ad scoring, advantage sets. Its words are in tennis_rules.py.
"""

from __future__ import annotations

from deepsport.records import Event
from deepsport.sports.base import SportModule, Teams, forbid
from deepsport.sports.rally import RallyLedger, RallyState, plus
from deepsport.sports.tennis_rules import BY_NAME, KINDS, LOSSES, RULES, WINS
from deepsport.taxonomy import Sport


class TennisState(RallyState):
    """Sets are the score; games and points count within the running set and game, from the fourth point on by a lead of two."""

    games: tuple[int, int] = (0, 0)
    first_server: int | None = None
    """Who serves, or in a tie-break served, the first point of the running game; None while not known."""
    fault: bool = False
    """Whether the next service is a second one."""
    set_scores: tuple[tuple[int, int], ...] = ()
    """Games in each finished set."""
    ends_changed: bool = False
    """Whether the sides stand at the ends where the match did not begin."""

    @property
    def tie_break(self) -> bool:
        """Whether the running game is a tie-break."""
        return self.games == (6, 6)

    @property
    def server(self) -> int | None:
        """Who serves the next point; None while not known."""
        if self.first_server is None or not self.tie_break:
            return self.first_server
        return self.first_server ^ ((sum(self.points) + 1) // 2 % 2)

    @property
    def service_court(self) -> str:
        """The half from which the next point is served: ``right`` or ``left``."""
        return ("right", "left")[sum(self.points) % 2]

    @property
    def call(self) -> str:
        """The score of the running game as the umpire calls it, the server's first (the first team's, while not known).

        >>> TennisState(teams=("blue", "red"), points=(3, 4)).call
        'advantage red'
        """
        first, second = self.points
        if self.tie_break:
            leader = self.teams[0] if first > second else self.teams[1]
            return f"{first} all" if first == second else f"{max(first, second)}-{min(first, second)} {leader}"
        if min(first, second) >= 3:
            return "deuce" if first == second else f"advantage {self.teams[0] if first > second else self.teams[1]}"
        words = ("love", "15", "30", "40")
        own, other = (second, first) if self.server == 1 else (first, second)
        return f"{words[own]} all" if own == other else f"{words[own]}-{words[other]}"


def _won(count: tuple[int, int], target: int) -> int | None:
    """Who has reached the target with a lead of two: 0, 1, or None."""
    if max(count) >= target and abs(count[0] - count[1]) >= 2:
        return int(count[1] > count[0])
    return None


class TennisLedger(RallyLedger[TennisState]):
    """Replays the points of a match.

    sets_to_win: 2 for best of three, 3 for best of five. final_tie_break: points that win a tie-break in the deciding set, 10
    where the event says so.
    """

    sport = Sport.TENNIS
    kinds = KINDS
    rules, wins, losses = BY_NAME, WINS, LOSSES
    serves = ("ace", "double_fault", "fault", "service_let", "let")
    order_rule = "service_order"

    def __init__(self, sets_to_win: int = 2, final_tie_break: int = 7) -> None:
        self.sets_to_win, self.final_tie_break = sets_to_win, final_tie_break

    def new_state(self, teams: Teams) -> TennisState:
        """Before the first point, the first server not known."""
        return TennisState(teams=teams)

    def openings(self, teams: Teams) -> tuple[TennisState, ...]:
        """Anywhere in a set, either side serving; how many sets were won before forbids nothing that follows."""
        few = tuple((first, second) for first in range(4) for second in range(4))
        tie = tuple((first, second) for first in range(7) for second in range(7))
        stands = [(games, points) for games in ((first, second) for first in range(7) for second in range(7))
                  if games != (6, 6) and (max(games) < 6 or min(games) == 5) for points in (*few, (3, 4), (4, 3))]
        stands += [((6, 6), points) for points in (*tie, (6, 7), (7, 6), (7, 7), (7, 8), (8, 7))]  # then service repeats
        return tuple(self.midway(teams).model_copy(update={"games": games, "points": points, "first_server": server})
                     for games, points in stands for server in (0, 1))

    def server_of(self, state: TennisState) -> int | None:
        """Who serves the next point; None while not known."""
        return state.server

    def with_server(self, state: TennisState, side: int) -> TennisState:
        """The side serves the next point, which tells who served first in the game."""
        turned = state.tie_break and (sum(state.points) + 1) // 2 % 2
        return state.model_copy(update={"first_server": side ^ int(turned)})

    def why_serves(self, state: TennisState) -> str:
        """In a tie-break service changes by points."""
        return "tie_break" if state.tie_break else self.order_rule

    def score_point(self, state: TennisState, side: int) -> TennisState:
        """A point, and with it perhaps the game, the ends, the set and the match."""
        points = plus(state.points, side)
        deciding = sum(state.score) == 2 * self.sets_to_win - 2
        target = (self.final_tie_break if deciding else 7) if state.tie_break else 4
        if _won(points, target) is None:
            turned = state.tie_break and sum(points) % 6 == 0
            return state.model_copy(update={"points": points, "fault": False, "ends_changed": state.ends_changed ^ turned})
        games = plus(state.games, side)
        # A tie-break counts as a game of its first server, so the other one serves next in either case.
        server = None if state.first_server is None else 1 - state.first_server
        new = state.model_copy(update={"points": (0, 0), "fault": False, "games": games, "first_server": server,
                                       "ends_changed": state.ends_changed ^ (sum(games) % 2 == 1)})
        if _won(games, 6) is None and not state.tie_break:
            return new
        sets = plus(state.score, side)
        return new.model_copy(update={"games": (0, 0), "score": sets, "set_scores": (*state.set_scores, games),
                                      "winner": side if sets[side] == self.sets_to_win else None})

    def between(self, state: TennisState, event: Event, side: int | None) -> TennisState:
        """Faults and lets.

        Raises: ImpossibleEvent for a second fault, which is a double fault.
        """
        if event.kind == "fault":
            if state.fault:
                forbid(event, "a second fault in a row is a double fault", BY_NAME["double_fault"])
            return state.model_copy(update={"fault": True})
        # A service let leaves an earlier fault as it is; any other let gives a first service again.
        return state.model_copy(update={"fault": False}) if event.kind == "let" else state


TENNIS = SportModule(Sport.TENNIS, KINDS, RULES, TennisLedger(), core_kinds=("ace", "double_fault", "net_point", "long_out"))
