"""Badminton: a ledger of rallies, games, service courts, ends, intervals, challenges and cards.

Kept of the Laws: a point for every rally, games to 21 with a lead of two and 30 at most, the winner of a rally and of a game
serves, right or left service court, change of ends, lets, misconduct. Not kept: who of a pair serves and receives.
Its words are in badminton_rules.py.
"""

from __future__ import annotations

from deepsport.records import Event
from deepsport.sports.badminton_rules import BY_NAME, KINDS, LOSSES, RULES, WINS
from deepsport.sports.base import Consequence, SportModule, Tactic, Teams, forbid, team_index
from deepsport.sports.rally import RallyLedger, RallyState, plus
from deepsport.taxonomy import Sport

NUM_CHALLENGES = 2
"""Unsuccessful challenges after which a side has none left."""


class BadmintonState(RallyState):
    """Games are the score."""

    server: int | None = None
    """Who serves the next rally; None while not known."""
    game_scores: tuple[tuple[int, int], ...] = ()
    """Points in each finished game."""
    interval_open: bool = False
    """Whether the leader has just reached the interval, and no rally has been played since."""
    ends_changed: bool = False
    """Whether the sides stand at the ends where the match did not begin."""
    failed_challenges: tuple[int, int] = (0, 0)

    @property
    def service_court(self) -> str | None:
        """The court from which the next service comes: ``right`` or ``left``; None while the server is not known.

        >>> BadmintonState(teams=("blue", "red"), points=(4, 7), server=1).service_court
        'left'
        """
        return None if self.server is None else ("right", "left")[self.points[self.server] % 2]


class BadmintonLedger(RallyLedger[BadmintonState]):
    """Replays the rallies of a match.

    points_to_win and most_points: 21 and 30; 15 and 21 for matches from 2027 on. games_to_win: 2.
    """

    sport = Sport.BADMINTON
    kinds = KINDS
    kinds_without_team = ("interval",)
    rules, wins, losses = BY_NAME, WINS, LOSSES
    serves = ("service_ace", "service_fault", "let")
    order_rule = "service_order"
    always = ("point",)

    def __init__(self, points_to_win: int = 21, most_points: int = 30, games_to_win: int = 2) -> None:
        self.points_to_win, self.most_points, self.games_to_win = points_to_win, most_points, games_to_win
        self.interval_at = (points_to_win + 1) // 2

    def new_state(self, teams: Teams) -> BadmintonState:
        """Before the first rally, the first server not known."""
        return BadmintonState(teams=teams)

    def openings(self, teams: Teams) -> tuple[BadmintonState, ...]:
        """Any score will do: who wins a rally serves, also after a game."""
        return (self.midway(teams),)

    def server_of(self, state: BadmintonState) -> int | None:
        """Who serves the next rally; None while not known."""
        return state.server

    def with_server(self, state: BadmintonState, side: int) -> BadmintonState:
        """The side serves the next rally."""
        return state.model_copy(update={"server": side})

    def why_serves(self, state: BadmintonState) -> str:
        """The winner of a game serves first in the next."""
        return "next_game" if state.points == (0, 0) and state.game_scores else self.order_rule

    def score_point(self, state: BadmintonState, side: int) -> BadmintonState:
        """A point, the service, and perhaps the interval, the ends, the game and the match."""
        points = plus(state.points, side)
        ahead = points[side] - points[1 - side] >= 2
        if (points[side] >= self.points_to_win and ahead) or points[side] == self.most_points:
            return self._end_game(state, points, side)
        halfway = points[side] == self.interval_at and points[1 - side] < self.interval_at
        last_game = sum(state.score) == 2 * self.games_to_win - 2
        return state.model_copy(update={"points": points, "server": side, "interval_open": halfway,
                                        "ends_changed": state.ends_changed ^ (halfway and last_game)})

    def _end_game(self, state: BadmintonState, points: tuple[int, int], side: int) -> BadmintonState:
        games = plus(state.score, side)
        over = games[side] == self.games_to_win
        return state.model_copy(update={
            "points": (0, 0), "server": side, "score": games, "game_scores": (*state.game_scores, points), "interval_open": False,
            "ends_changed": state.ends_changed if over else not state.ends_changed, "winner": side if over else None})

    def between(self, state: BadmintonState, event: Event, side: int | None) -> BadmintonState:
        """Lets, the interval, challenges and cards.

        Raises: ImpossibleEvent when the rules do not allow it now.
        """
        if event.kind == "interval":
            if state.known and not state.interval_open:
                forbid(event, f"the leader has not just reached {self.interval_at}", BY_NAME["interval"])
            return state.model_copy(update={"interval_open": False})
        if event.kind == "challenge":
            assert side is not None
            if state.known and state.failed_challenges[side] >= NUM_CHALLENGES:
                forbid(event, f"{NUM_CHALLENGES} challenges of {event.team} have failed", BY_NAME["challenge"])
            failed = plus(state.failed_challenges, side) if event.outcome == "unsuccessful" else state.failed_challenges
            return state.model_copy(update={"failed_challenges": failed})
        if event.kind == "black_card":
            assert side is not None
            return state.model_copy(update={"winner": 1 - side})
        return super().between(state, event, side)

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Which team wins the point, who serves again after a let, who wins by a disqualification.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        if event.kind == "let":
            return Consequence("serves again", teams[team_index(teams, event)], ("badminton.let",))
        if event.kind == "black_card":
            return Consequence("wins the match", teams[1 - team_index(teams, event)], ("badminton.black_card",))
        return super().consequence(event, teams)


BADMINTON = SportModule(
    Sport.BADMINTON, KINDS, RULES, BadmintonLedger(),
    core_kinds=("smash", "drop_shot", "netted", "shuttle_out"),
    tactics=(
        Tactic("both pairs side by side", "the players of either pair beside each other"),
        Tactic("both pairs front and back", "one player of either pair at the net, the other behind"),
        Tactic("attack against defence", "one pair front and back, the other side by side"),
    ))
