"""Tennis: its events, its rules, and a ledger of points, games, sets and service.

Kept of the Rules: the standard game with deuce and advantage, the tie-break set, the tie-break game at six all, the order of
service, the match as best of three or five. Not kept: doubles rotation, ends, lets, no-ad and match tie-breaks.
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
    EventKind("ace", "The team serves, and the receiver does not touch the ball.", visible="a serve that nobody reaches"),
    EventKind("double_fault", "The team serves two faults in a row.", visible="a second serve into the net or out"),
    EventKind("net_point", "The team wins the point with a shot at the net.", visible="a player volleying at the net"),
    EventKind("long_out", "The team hits the ball out.", visible="the ball landing behind the baseline"),
    EventKind("winner", "The team wins the point with a shot from the back of the court.", visible="a ball out of reach"),
    EventKind("netted", "The team hits the ball into the net.", visible="the ball in the net"),
)
WINS = ("ace", "net_point", "winner")
"""Kinds by which the acting team wins the point; by the others it loses it."""

_EDITION = "ITF Rules of Tennis 2025"


def _rule(name: str, title: str, law: str, text: str, *tags: str) -> Rule:
    return Rule(f"tennis.{name}", Sport.TENNIS, title, text, law, _EDITION, tags)


RULES = (
    _rule("game", "Score in a game", "Rule 5a",
          "Points in a game are called love, 15, 30, 40 and game. At three points each the score is deuce; the next point "
          "gives advantage, and a second point in a row gives the game, while a point lost brings the score back to deuce.",
          "game", "points", "deuce", "advantage", "score"),
    _rule("tie_break", "Tie-break game", "Rule 5b",
          "A tie-break is counted one, two, three; the first to seven points wins game and set if two ahead, otherwise it "
          "goes on until somebody leads by two. The player due to serve serves one point, then each serves two in turn.",
          "tie break", "six all", "set"),
    _rule("set", "Score in a set", "Rule 6",
          "A set goes to the first to win six games with a lead of two. In a tie-break set a tie-break game is played at "
          "six games all.",
          "set", "games", "score"),
    _rule("match", "Score in a match", "Rule 7",
          "A match is the best of three sets, won with two, or the best of five, won with three.",
          "match", "sets", "best of three", "best of five", "winner"),
    _rule("service_order", "Order of service", "Rule 14",
          "The receiver of one game serves the next, all through the match. Who served first in a tie-break receives first "
          "in the following set.",
          "serve", "server", "receiver", "service order"),
    _rule("double_fault", "Two faults lose the point", "Rule 24a",
          "A server who misses the first service may serve again; two faults in a row, a double fault, lose the point, so the "
          "receiver wins it.",
          "double fault", "second serve", "fault", "point"),
    _rule("ace", "An unreturned service wins the point", "Rules 16 and 24b",
          "A good service that the receiver does not return before it bounces a second time wins the point for the server. "
          "When the receiver does not even touch it, it is called an ace.",
          "ace", "serve", "point"),
    _rule("out", "A ball hit out or into the net loses the point", "Rules 24c and 12",
          "A player who returns the ball so that it lands outside the opponent's court, or does not get it over the net, loses "
          "the point. A ball that touches a line is good.",
          "out", "long out", "netted", "line", "point"),
    _rule("second_bounce", "A ball not returned loses the point", "Rule 24b",
          "A player who does not return the ball before it has bounced twice loses the point, however near to the net the "
          "winning shot was made. Touching the net or reaching over it before the ball has crossed loses the point too.",
          "net point", "winner", "volley", "bounce", "point"),
)
_BY_NAME = {rule.rule_id.removeprefix("tennis."): rule for rule in RULES}
_RULE_OF = {"ace": "ace", "double_fault": "double_fault", "net_point": "second_bounce", "winner": "second_bounce",
            "long_out": "out", "netted": "out"}


class TennisState(State):
    """Sets are the score; games and points count within the running set and game."""

    games: tuple[int, int] = (0, 0)
    points: tuple[int, int] = (0, 0)
    """Points won in the running game; the fourth and later decide by two."""
    first_server: int | None = None
    """Who serves, or in a tie-break served, the first point of the running game; None while not known."""
    set_scores: tuple[tuple[int, int], ...] = ()
    """Games in each finished set."""

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


def _plus(count: tuple[int, int], side: int) -> tuple[int, int]:
    return (count[0] + (side == 0), count[1] + (side == 1))


class TennisLedger(Ledger[TennisState]):
    """Replays the points of a match; ``sets_to_win`` is 2 for best of three, 3 for best of five."""

    sport = Sport.TENNIS
    kinds = KINDS

    def __init__(self, sets_to_win: int = 2) -> None:
        self.sets_to_win = sets_to_win

    def start(self, teams: Teams, first: str | None = None) -> TennisState:
        """Before the first point; ``first`` serves it."""
        return TennisState(teams=teams, first_server=None if first is None else teams.index(first))

    def apply(self, state: TennisState, event: Event) -> TennisState:
        """The state after a point.

        Raises: ImpossibleEvent when the receiver serves an ace or a double fault, or the match is over.
        """
        if state.winner is not None:
            forbid(event, "the match is over", _BY_NAME["match"])
        if event.kind not in _RULE_OF:
            forbid(event, "tennis knows no such event", _BY_NAME["game"])
        side = team_index(state.teams, event)
        if event.kind in ("ace", "double_fault"):
            if state.server is None:  # who served is now known
                turned = state.tie_break and (sum(state.points) + 1) // 2 % 2
                state = state.model_copy(update={"first_server": side ^ int(turned)})
            elif state.server != side:
                forbid(event, f"{state.teams[1 - side]} serves", _BY_NAME["service_order"])
        return self._score(state, side if event.kind in WINS else 1 - side)

    def _score(self, state: TennisState, side: int) -> TennisState:
        points = _plus(state.points, side)
        if _won(points, 7 if state.tie_break else 4) is None:
            return state.model_copy(update={"points": points})
        games = _plus(state.games, side)
        # A tie-break counts as a game of its first server, so the other one serves next in either case.
        server = None if state.first_server is None else 1 - state.first_server
        new = state.model_copy(update={"points": (0, 0), "games": games, "first_server": server})
        if _won(games, 6) is None and not state.tie_break:
            return new
        sets = _plus(state.score, side)
        return new.model_copy(update={"games": (0, 0), "score": sets, "set_scores": (*state.set_scores, games),
                                      "winner": side if sets[side] == self.sets_to_win else None})

    def expects(self, state: TennisState) -> Expectation:
        """A serve, and by whom."""
        if state.winner is not None:
            return Expectation("the match is over", None, "tennis.match")
        team = None if state.server is None else state.teams[state.server]
        return Expectation("serve", team, "tennis.tie_break" if state.tie_break else "tennis.service_order")

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Which team wins the point.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        if event.kind not in _RULE_OF:
            return None
        after = self.apply(self.midway(teams), event)
        return Consequence("wins the point", teams[after.points.index(1)], (f"tennis.{_RULE_OF[event.kind]}",))


TENNIS = SportModule(Sport.TENNIS, KINDS, RULES, TennisLedger(), core_kinds=("ace", "double_fault", "net_point", "long_out"))
