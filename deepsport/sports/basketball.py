"""Basketball: a ledger of baskets, free throws, fouls, possession, quarters and overtimes. Its words are in basketball_rules.py.

Kept of the FIBA rules: points, who has the ball, the possession arrow, team fouls and the bonus, five fouls, technical and
unsportsmanlike fouls, time-outs, overtime until somebody leads. Not kept: the clocks, substitutions, disqualifying fouls.
"""

from __future__ import annotations

from typing import NamedTuple

from deepsport.records import Event
from deepsport.sports.base import Consequence, Expectation, Ledger, SportModule, State, Tactic, Teams, forbid, team_index
from deepsport.sports.basketball_rules import BY_NAME, KINDS, RULES
from deepsport.taxonomy import Sport

REGULAR_QUARTERS = 4
MAX_PLAYER_FOULS = 5
BONUS_FROM = 5
"""From this team foul of a quarter on, a foul gives free throws."""
REBOUND = -1
"""In place of the team that gets the ball after free throws: the last of them is live."""
_KINDS = frozenset(kind.kind for kind in KINDS)
_POINTS = {"two_pointer": 2, "three_pointer": 3}
_FOULS = ("personal_foul", "technical_foul", "unsportsmanlike_foul")
_NEEDS_BALL = ("two_pointer", "three_pointer", "missed_shot", "turnover")


class FreeThrows(NamedTuple):
    """Free throws that are due."""

    team: int
    left: int
    then: int | None
    """Who gets the ball afterwards: a team, REBOUND, or None when nobody knows."""


class BasketballState(State):
    """Points are the score."""

    quarter: int = 1
    """From 5 on, overtimes."""
    possession: int | None = None
    """Who has the ball, or is to throw it in; None while nobody has, or nobody knows."""
    loose: bool = False
    """True after a miss: neither team has the ball."""
    tip_off: bool = False
    """True until the opening jump ball is won."""
    arrow: int | None = None
    """Who gets the next held ball or quarter; None while not known."""
    team_fouls: tuple[int, int] = (0, 0)
    """Fouls of each team in the running quarter; overtimes go on counting from the fourth."""
    pending: tuple[FreeThrows, ...] = ()
    """Sets of free throws that are due, in order."""
    last_basket: int | None = None
    """Who made a basket in the last event; None otherwise."""
    fouls: tuple[tuple[str, int], ...] = ()
    """Fouls of each player, as ``team/player``."""
    marked: tuple[str, ...] = ()
    """Players with a technical or unsportsmanlike foul."""
    out: tuple[str, ...] = ()
    """Players who must not take part any more."""
    timeouts: tuple[int, int] = (0, 0)
    """Time-outs taken in the running half or overtime."""
    over: bool = False

    @property
    def bonus(self) -> tuple[bool, bool]:
        """Whether each team's next foul gives the other free throws."""
        return (self.team_fouls[0] + 1 >= BONUS_FROM, self.team_fouls[1] + 1 >= BONUS_FROM)


def _plus(pair: tuple[int, int], team: int, number: int = 1) -> tuple[int, int]:
    return (pair[0] + number * (team == 0), pair[1] + number * (team == 1))


class BasketballLedger(Ledger[BasketballState]):
    """Replays the record of a game in which every change of possession is written down."""

    sport = Sport.BASKETBALL
    kinds = KINDS
    period_field = "quarter"

    def start(self, teams: Teams, first: str | None = None) -> BasketballState:
        """Before the opening jump ball; ``first`` is the team that wins it, and then it is over already."""
        if first is None:
            return BasketballState(teams=teams, tip_off=True)
        team = teams.index(first)
        return BasketballState(teams=teams, possession=team, arrow=1 - team)

    def midway(self, teams: Teams) -> BasketballState:
        """Somewhere in a game: who has the ball is not known."""
        return BasketballState(teams=teams)

    def apply(self, state: BasketballState, event: Event) -> BasketballState:
        """The state after an event.

        Raises: ImpossibleEvent when the game is over, free throws are due, the other team has the ball, nobody has it, a player
            who fouled out acts, or a team has no time-out left.
        """
        if state.over:
            forbid(event, "the game is over", BY_NAME["winner"])
        if event.kind not in _KINDS:
            forbid(event, "basketball knows no such event", BY_NAME["score"])
        if event.kind == "quarter_end":
            return self._end_quarter(state, event)
        if event.kind == "held_ball":
            return self._hold(state, event)
        team = team_index(state.teams, event)
        player = None if event.player is None else f"{event.team}/{event.player}"
        if player is not None and player in state.out:
            forbid(event, f"{event.player} is out of the game", BY_NAME["five_fouls"])
        if event.kind == "timeout":
            return self._take_timeout(state, event, team)
        if event.kind == "technical_foul":
            return self._foul(state, event, team, player)
        if event.kind in ("free_throw_made", "free_throw_missed"):
            return self._throw(state, event, team)
        if state.pending:
            due = state.pending[0]
            forbid(event, f"{state.teams[due.team]} has {due.left} free throws", BY_NAME["free_throw"])
        if event.kind == "jump_ball":
            if not state.tip_off:
                forbid(event, "only the first quarter begins with one", BY_NAME["alternating"])
            return state.model_copy(update={"tip_off": False, "possession": team, "arrow": 1 - team})
        if state.tip_off:
            forbid(event, "the game has not begun", BY_NAME["jump_ball"])
        if event.kind in _FOULS:
            return self._foul(state, event, team, player)
        state = state.model_copy(update={"last_basket": None})
        if event.kind == "rebound":
            if state.possession is not None:
                forbid(event, f"{state.teams[state.possession]} has the ball", BY_NAME["rebound"])
            return state.model_copy(update={"possession": team, "loose": False})
        if event.kind in _NEEDS_BALL and state.loose:
            forbid(event, "nobody has the ball after the miss", BY_NAME["rebound"])
        if state.possession == 1 - team:
            forbid(event, f"{state.teams[1 - team]} has the ball", BY_NAME["after_basket"])
        if event.kind == "missed_shot":
            return state.model_copy(update={"possession": None, "loose": True})
        points = _POINTS.get(event.kind)
        if points is None:  # a turnover
            return state.model_copy(update={"possession": 1 - team})
        return state.model_copy(update={"score": _plus(state.score, team, points), "possession": 1 - team, "last_basket": team})

    def _foul(self, state: BasketballState, event: Event, team: int, player: str | None) -> BasketballState:
        personal = event.kind == "personal_foul"
        control = personal and state.possession == team and event.outcome != "and_one"
        if event.outcome == "and_one" and state.last_basket != 1 - team:
            forbid(event, f"{state.teams[1 - team]} has made no basket just now", BY_NAME["shooting_foul"])
        if event.outcome in ("shooting_2", "shooting_3") and (control or state.loose):
            forbid(event, "the other team was not shooting", BY_NAME["shooting_foul"])
        team_fouls = _plus(state.team_fouls, team)
        pending, possession, loose = state.pending, state.possession, state.loose
        if event.kind == "technical_foul":  # shot at once, before what else is due
            then = REBOUND if loose else possession
            pending = (FreeThrows(1 - team, 1, then), *pending)
        elif event.kind == "unsportsmanlike_foul":
            pending = (FreeThrows(1 - team, 2, 1 - team),)
        elif control:
            possession = 1 - team
        elif event.outcome in ("shooting_2", "shooting_3", "and_one"):
            number = {"shooting_2": 2, "shooting_3": 3, "and_one": 1}[event.outcome]
            pending = (FreeThrows(1 - team, number, REBOUND),)
        elif team_fouls[team] >= BONUS_FROM:
            pending = (FreeThrows(1 - team, 2, REBOUND),)
        else:
            possession, loose = 1 - team, False
        state = state.model_copy(update={"team_fouls": team_fouls, "pending": pending, "possession": possession, "loose": loose,
                                         "last_basket": None})
        return state if player is None else self._charge(state, player, marked=not personal)

    def _charge(self, state: BasketballState, player: str, *, marked: bool) -> BasketballState:
        fouls = dict(state.fouls)
        fouls[player] = fouls.get(player, 0) + 1
        gone = fouls[player] >= MAX_PLAYER_FOULS or (marked and player in state.marked)
        return state.model_copy(update={
            "fouls": tuple(sorted(fouls.items())),
            "marked": tuple(sorted({*state.marked, player})) if marked else state.marked,
            "out": tuple(sorted({*state.out, player})) if gone else state.out,
        })

    def _throw(self, state: BasketballState, event: Event, team: int) -> BasketballState:
        if not state.pending:
            if state.tip_off or state.loose or state.possession is not None:
                forbid(event, "no free throws are due", BY_NAME["free_throw"])
            state = state.model_copy(update={"pending": (FreeThrows(team, 1, None),)})  # an excerpt
        due, rest = state.pending[0], state.pending[1:]
        if due.team != team:
            forbid(event, f"they are {state.teams[due.team]}'s", BY_NAME["free_throw"])
        made = event.kind == "free_throw_made"
        score = _plus(state.score, team) if made else state.score
        if due.left > 1:
            left = (FreeThrows(team, due.left - 1, due.then), *rest)
            return state.model_copy(update={"score": score, "pending": left, "last_basket": None})
        update: dict[str, object] = {"score": score, "pending": rest, "last_basket": None}
        if not rest:
            live = due.then == REBOUND
            after = (1 - team if made else None) if live else due.then
            update |= {"possession": after, "loose": live and not made}
        return state.model_copy(update=update)

    def _hold(self, state: BasketballState, event: Event) -> BasketballState:
        if state.pending:
            forbid(event, "free throws are due", BY_NAME["free_throw"])
        if state.tip_off:
            forbid(event, "the game has not begun", BY_NAME["jump_ball"])
        arrow = None if state.arrow is None else 1 - state.arrow
        return state.model_copy(update={"possession": state.arrow, "arrow": arrow, "loose": False, "last_basket": None})

    def _take_timeout(self, state: BasketballState, event: Event, team: int) -> BasketballState:
        most = 2 if state.quarter <= 2 else 3 if state.quarter <= REGULAR_QUARTERS else 1
        if state.timeouts[team] >= most:
            forbid(event, f"{event.team} has taken its {most}", BY_NAME["timeouts"])
        return state.model_copy(update={"timeouts": _plus(state.timeouts, team)})

    def _end_quarter(self, state: BasketballState, event: Event) -> BasketballState:
        if state.tip_off:
            forbid(event, "the game has not begun", BY_NAME["jump_ball"])
        if state.pending:
            forbid(event, "the free throws are still taken", BY_NAME["free_throw"])
        if state.quarter >= REGULAR_QUARTERS and state.score[0] != state.score[1]:
            return state.model_copy(update={"over": True, "winner": int(state.score[1] > state.score[0]), "possession": None,
                                            "loose": False, "last_basket": None})
        quarter = state.quarter + 1
        arrow = None if state.arrow is None else 1 - state.arrow
        return state.model_copy(update={
            "quarter": quarter, "possession": state.arrow, "arrow": arrow, "loose": False, "last_basket": None,
            "team_fouls": state.team_fouls if quarter > REGULAR_QUARTERS else (0, 0),
            "timeouts": (0, 0) if quarter == 3 or quarter > REGULAR_QUARTERS else state.timeouts,
        })

    def expects(self, state: BasketballState) -> Expectation:
        """The jump ball, the free throws that are due, a rebound, or play by the team that has the ball."""
        if state.over:
            return Expectation("the game is over", None, "basketball.winner")
        if state.pending:
            return Expectation("free throw", state.teams[state.pending[0].team], "basketball.free_throw")
        if state.tip_off:
            return Expectation("jump ball", None, "basketball.jump_ball")
        if state.loose:
            return Expectation("rebound", None, "basketball.rebound")
        team = None if state.possession is None else state.teams[state.possession]
        return Expectation("play goes on", team, "basketball.shot_clock")

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Which team gets the ball, or free throws; None where that hangs on what came before.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        table = {"two_pointer": ("gets the ball", True, "after_basket"), "three_pointer": ("gets the ball", True, "after_basket"),
                 "turnover": ("gets the ball", True, "out_of_bounds"), "rebound": ("gets the ball", False, "rebound"),
                 "jump_ball": ("gets the ball", False, "jump_ball"),
                 "personal_foul": ("gets the ball or free throws", True, "personal_foul"),
                 "technical_foul": ("gets a free throw", True, "technical"),
                 "unsportsmanlike_foul": ("gets two free throws and the ball", True, "unsportsmanlike")}
        if event.kind not in table:
            return None
        what, for_other, rule = table[event.kind]
        team = team_index(teams, event)
        return Consequence(what, teams[1 - team if for_other else team], (f"basketball.{rule}",))


BASKETBALL = SportModule(
    Sport.BASKETBALL, KINDS, RULES, BasketballLedger(),
    core_kinds=("two_pointer", "three_pointer", "personal_foul", "turnover"),
    tactics=(
        Tactic("zone defence", "the defenders in a block about their basket, the attackers around it"),
        Tactic("man marking", "a defender at the shoulder of every attacker"),
        Tactic("full-court press", "the defenders on the attackers from the other end of the court on"),
        Tactic("fast break", "attackers running ahead, one defender before them and the others behind"),
    ))
