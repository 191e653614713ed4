"""Table tennis: a ledger of points, games, the order of service, lets, the expedite system and penalties.

Kept of the Laws: games to eleven with a lead of two, two services each and one each from ten all on, first service of each game,
change of ends, the expedite system, time-outs, warnings and penalty points. Not kept: who of a pair serves and receives.
Its words are in table_tennis_rules.py.
"""

from __future__ import annotations

from deepsport.records import Event
from deepsport.sports.base import Consequence, SportModule, Tactic, Teams, forbid, team_index
from deepsport.sports.rally import RallyLedger, RallyState, plus
from deepsport.sports.table_tennis_rules import BY_NAME, KINDS, LOSSES, RULES, WINS
from deepsport.taxonomy import Sport

EXPEDITE_LIMIT = 18
"""Points scored in a game from which on the expedite system is not introduced any more."""


class TableTennisState(RallyState):
    """Games are the score."""

    first_server: int | None = None
    """Who served first in the running game; None while not known."""
    turn: int = 0
    """Turns of service that are over in the running game."""
    served: int = 0
    """Points served in the running turn."""
    expedite: bool = False
    game_scores: tuple[tuple[int, int], ...] = ()
    """Points in each finished game."""
    ends_changed: bool = False
    """Whether the sides stand at the ends where the match did not begin."""

    @property
    def server(self) -> int | None:
        """Who serves the next rally; None while not known."""
        return None if self.first_server is None else self.first_server ^ (self.turn % 2)


class TableTennisLedger(RallyLedger[TableTennisState]):
    """Replays the rallies of a match; ``games_to_win`` is 4 for best of seven, 3 for best of five."""

    sport = Sport.TABLE_TENNIS
    kinds = KINDS
    kinds_without_team = ("expedite",)
    rules, wins, losses = BY_NAME, WINS, LOSSES
    serves = ("service_ace", "service_fault", "let")
    returns = ("receiver_return",)
    order_rule = "service_order"
    num_time_outs = 1

    def __init__(self, games_to_win: int = 4) -> None:
        self.games_to_win = games_to_win

    def new_state(self, teams: Teams) -> TableTennisState:
        """Before the first rally, the first server not known."""
        return TableTennisState(teams=teams)

    def server_of(self, state: TableTennisState) -> int | None:
        """Who serves the next rally; None while not known."""
        return state.server

    def with_server(self, state: TableTennisState, side: int) -> TableTennisState:
        """The side serves the next rally, which tells who served first in the game."""
        return state.model_copy(update={"first_server": side ^ (state.turn % 2)})

    def why_serves(self, state: TableTennisState) -> str:
        """Who serves first in a later game follows from the game before."""
        return "next_game" if state.points == (0, 0) and state.game_scores else self.order_rule

    def score_point(self, state: TableTennisState, side: int) -> TableTennisState:
        """A point, and with it perhaps the turn of service, the ends, the game and the match."""
        points = plus(state.points, side)
        if points[side] >= 11 and points[side] - points[1 - side] >= 2:
            return self._end_game(state, points, side)
        one_each = state.expedite or min(state.points) >= 10
        turn_over = state.served + 1 >= (1 if one_each else 2)
        last_game = sum(state.score) == 2 * self.games_to_win - 2
        halfway = last_game and max(points) == 5 and max(state.points) < 5
        return state.model_copy(update={
            "points": points, "turn": state.turn + turn_over, "served": 0 if turn_over else state.served + 1,
            "ends_changed": state.ends_changed ^ halfway})

    def _end_game(self, state: TableTennisState, points: tuple[int, int], side: int) -> TableTennisState:
        games = plus(state.score, side)
        over = games[side] == self.games_to_win
        return state.model_copy(update={
            "points": (0, 0), "turn": 0, "served": 0, "score": games, "game_scores": (*state.game_scores, points),
            "first_server": None if state.first_server is None else 1 - state.first_server,
            "ends_changed": state.ends_changed if over else not state.ends_changed, "winner": side if over else None})

    def between(self, state: TableTennisState, event: Event, side: int | None) -> TableTennisState:
        """Lets, time-outs, cards, and the beginning of the expedite system.

        Raises: ImpossibleEvent when the rules do not allow it now.
        """
        if event.kind == "expedite":
            return self._expedite(state, event)
        if event.kind == "red_card":
            assert side is not None
            if state.known and not 1 <= state.cards[side] <= 2:
                why = "a warning comes first" if not state.cards[side] else "after three penalty points it is for the referee"
                forbid(event, why, BY_NAME["red_card"])
            num_points = max(1, state.cards[side])
            state = state.model_copy(update={"cards": plus(state.cards, side)})
            for _ in range(num_points):  # a point too many for the game counts in the next
                state = state if state.winner is not None else self.score_point(state, 1 - side)
            return state
        return super().between(state, event, side)

    def _expedite(self, state: TableTennisState, event: Event) -> TableTennisState:
        if state.expedite:
            forbid(event, "the expedite system is in operation already", BY_NAME["expedite"])
        if sum(state.points) >= EXPEDITE_LIMIT:
            forbid(event, f"{sum(state.points)} points have been scored in this game", BY_NAME["expedite"])
        # Stopped in a rally, its server serves again; between rallies the last receiver serves, who is the other one while the
        # turn is not over.
        new_turn = state.served > 0 and event.outcome != "in_play"
        return state.model_copy(update={"expedite": True, "served": 0, "turn": state.turn + new_turn})

    def apply(self, state: TableTennisState, event: Event) -> TableTennisState:
        """The state after a rally, or after what happens between rallies.

        Raises: ImpossibleEvent when the match is over, the wrong side serves, or the event is not allowed now.
        """
        if event.kind == "receiver_return" and state.known and not state.expedite:
            forbid(event, "the expedite system is not in operation", BY_NAME["thirteen_returns"])
        return super().apply(state, event)

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Which team wins the point, and who serves again after a let.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        if event.kind == "let":
            return Consequence("serves again", teams[team_index(teams, event)], ("table_tennis.let",))
        return super().consequence(event, teams)


TABLE_TENNIS = SportModule(
    Sport.TABLE_TENNIS, KINDS, RULES, TableTennisLedger(),
    core_kinds=("service_ace", "smash", "netted", "long_out"),
    tactics=(
        Tactic("both at the table", "both sides close to the table"),
        Tactic("chopping from afar", "one side close to the table, the other far behind it"),
        Tactic("topspin from afar", "both sides far behind the table"),
    ))
