"""Baseball: a ledger of balls, strikes, outs, bases, runs and innings. Its words are in baseball_rules.py.

Kept of the rules: the count, walks and strikeouts, who is on base, which runners are forced, three outs, the walk-off, extra
innings with a runner on second. A hit moves the other runners only as far as they must; each further base is an ``advance`` of
its own. Not kept: who pitches and bats, substitutions, appeals, interference, games called off.
"""

from __future__ import annotations

from deepsport.records import Event
from deepsport.sports.base import Consequence, Expectation, Ledger, SportModule, State, Teams, forbid, team_index
from deepsport.sports.baseball_rules import BY_NAME, KINDS, RULES
from deepsport.taxonomy import Sport

INNINGS = 9
HOME_PLATE = 4
_KINDS = frozenset(kind.kind for kind in KINDS)
_REACH = {"single": 1, "double": 2, "triple": 3, "hit_by_pitch": 1, "intentional_walk": 1, "error": 1}
_RUNNING = ("stolen_base", "caught_stealing", "advance", "runner_out")

Bases = tuple[bool, bool, bool]
"""Whether there is a runner on first, second and third base."""


class BaseballState(State):
    """Runs are the score."""

    inning: int = 1
    bottom: bool = False
    """The team that bats second is at bat."""
    visitors: int | None = None
    """Who bats first; None while not known."""
    outs: int = 0
    balls: int = 0
    strikes: int = 0
    bases: Bases = (False, False, False)
    line: tuple[int, ...] = ()
    """Runs of each finished half-inning, the visitors' first."""
    runs: int = 0
    """Runs of the running half-inning."""
    known: bool = True
    """False in an excerpt: nothing is then known of count, outs and bases."""
    over: bool = False

    @property
    def at_bat(self) -> int | None:
        """Which team bats; None while not known."""
        return None if self.visitors is None else self.visitors ^ int(self.bottom)


def place(bases: Bases, reached: int) -> tuple[Bases, int]:
    """The runners once the batter has reached a base (4: home), each moved only as far as he must, and how many score.

    >>> place((True, False, True), 1)
    ((True, True, True), 0)
    >>> place((True, True, True), 2)
    ((False, True, True), 2)
    """
    after, ahead, runs = [False] * 3, reached, 0
    for base in (1, 2, 3):
        if not bases[base - 1]:
            continue
        ahead = max(base, ahead + 1)  # past the one behind him, who may stop on the next base at most
        if ahead >= HOME_PLATE:
            runs += 1
        else:
            after[ahead - 1] = True
    if reached >= HOME_PLATE:
        return (False, False, False), runs + 1
    after[reached - 1] = True
    return (after[0], after[1], after[2]), runs


class BaseballLedger(Ledger[BaseballState]):
    """Replays a game; with ``runner_on_second`` each half-inning after the ninth begins with one."""

    sport = Sport.BASEBALL
    kinds = KINDS
    period_field = "inning"

    def __init__(self, innings: int = INNINGS, runner_on_second: bool = True) -> None:
        self.innings, self.runner_on_second = innings, runner_on_second

    def start(self, teams: Teams, first: str | None = None) -> BaseballState:
        """Before the first pitch; ``first`` is the team that bats first."""
        return BaseballState(teams=teams, visitors=None if first is None else teams.index(first))

    def midway(self, teams: Teams) -> BaseballState:
        """Somewhere in a game."""
        return BaseballState(teams=teams, known=False)

    def apply(self, state: BaseballState, event: Event) -> BaseballState:
        """The state after an event.

        Raises: ImpossibleEvent when the game is over, the team is in the field, no such runner is on base, the next base is
            occupied, or the rule for the out does not apply.
        """
        if state.over:
            forbid(event, "the game is over", BY_NAME["winner"])
        if event.kind not in _KINDS:
            forbid(event, "baseball knows no such event", BY_NAME["score"])
        team = team_index(state.teams, event)
        if not state.known:
            return state
        if state.visitors is None:
            state = state.model_copy(update={"visitors": team})
        if state.at_bat != team:
            forbid(event, f"{state.teams[1 - team]} is at bat", BY_NAME["at_bat"])
        if event.kind in ("ball", "strike", "foul_ball"):
            return self._pitch(state, event)
        if event.kind in _RUNNING:
            return self._run(state, event)
        if event.kind in _REACH:
            return self._reach(state, _REACH[event.kind])
        if event.kind == "home_run":
            return self._reach(state, HOME_PLATE)
        if event.kind == "balk":
            return self._balk(state, event)
        return self._put_out(state, event)

    def _pitch(self, state: BaseballState, event: Event) -> BaseballState:
        third = event.kind == "strike" and state.strikes == 2
        if event.outcome == "dropped":
            if not third or (state.bases[0] and state.outs < 2):
                forbid(event, "the batter may not run", BY_NAME["dropped_third_strike"])
            return self._reach(state, 1)
        if third:
            return self._outs(state, state.bases, 1)
        if event.kind == "ball":
            return self._reach(state, 1) if state.balls == 3 else state.model_copy(update={"balls": state.balls + 1})
        return state.model_copy(update={"strikes": min(state.strikes + 1, 2)})

    def _reach(self, state: BaseballState, base: int) -> BaseballState:
        bases, runs = place(state.bases, base)
        state = state.model_copy(update={"bases": bases, "balls": 0, "strikes": 0})
        return self._add_runs(state, runs, all_count=base == HOME_PLATE)

    def _add_runs(self, state: BaseballState, runs: int, *, all_count: bool = False) -> BaseballState:
        assert state.visitors is not None and state.at_bat is not None
        batting = state.at_bat
        lead = state.score[batting] + runs - state.score[1 - batting]
        won = runs > 0 and state.bottom and state.inning >= self.innings and lead > 0
        if won and not all_count:  # the game ends with the winning run
            runs -= lead - 1
        score = (state.score[0] + runs * (batting == 0), state.score[1] + runs * (batting == 1))
        state = state.model_copy(update={"score": score, "runs": state.runs + runs})
        return self._finish(state, batting) if won else state

    def _finish(self, state: BaseballState, winner: int) -> BaseballState:
        return state.model_copy(update={"over": True, "winner": winner, "line": (*state.line, state.runs), "balls": 0,
                                        "strikes": 0})

    def _outs(self, state: BaseballState, bases: Bases, number: int) -> BaseballState:
        outs = state.outs + number
        if outs < 3:
            return state.model_copy(update={"outs": outs, "bases": bases, "balls": 0, "strikes": 0})
        assert state.visitors is not None
        visitors, home = state.score[state.visitors], state.score[1 - state.visitors]
        last = state.inning >= self.innings
        if last and (home > visitors or (state.bottom and home != visitors)):
            return self._finish(state, state.visitors if visitors > home else 1 - state.visitors)
        inning = state.inning + state.bottom
        extra = self.runner_on_second and inning > self.innings
        return state.model_copy(update={"line": (*state.line, state.runs), "runs": 0, "outs": 0, "balls": 0, "strikes": 0,
                                        "inning": inning, "bottom": not state.bottom, "bases": (False, extra, False)})

    def _runner(self, state: BaseballState, event: Event, *, moves: bool) -> int:
        """The base of the runner whom an event tells of: the one it names, else the one furthest ahead who can be meant."""
        free = [base for base in (3, 2, 1) if state.bases[base - 1] and (not moves or base == 3 or not state.bases[base])]
        if event.value is None:
            if not free:
                forbid(event, "no runner can", BY_NAME["one_base" if any(state.bases) else "steal"])
            return free[0]
        if event.value not in (1, 2, 3) or not state.bases[int(event.value) - 1]:
            forbid(event, f"nobody is on base {event.value:g}", BY_NAME["one_base"])
        if int(event.value) not in free:
            forbid(event, "the next base is occupied", BY_NAME["one_base"])
        return int(event.value)

    def _run(self, state: BaseballState, event: Event) -> BaseballState:
        moves = event.kind in ("stolen_base", "advance")
        base = self._runner(state, event, moves=moves)
        if not moves:
            outs = self._outs(state, _with(state.bases, base, False), 1)
            # The batter is still at bat unless that was the third out.
            same = outs.inning == state.inning and outs.bottom == state.bottom and not outs.over
            return outs.model_copy(update={"balls": state.balls, "strikes": state.strikes}) if same else outs
        bases = _with(state.bases, base, False)
        if base == 3:
            return self._add_runs(state.model_copy(update={"bases": bases}), 1)
        return state.model_copy(update={"bases": _with(bases, base + 1, True)})

    def _balk(self, state: BaseballState, event: Event) -> BaseballState:
        if not any(state.bases):
            forbid(event, "nobody is on base", BY_NAME["balk"])
        moved = state.model_copy(update={"bases": (False, state.bases[0], state.bases[1])})
        return self._add_runs(moved, int(state.bases[2]))

    def _put_out(self, state: BaseballState, event: Event) -> BaseballState:
        first, second, third = state.bases
        if event.kind == "infield_fly" and not (first and second and state.outs < 2):
            forbid(event, "first and second are not both occupied with fewer than two out", BY_NAME["infield_fly"])
        if event.kind == "sacrifice_fly":
            if not third or state.outs == 2:
                forbid(event, "no runner can score from third" if not third else "two are out", BY_NAME["no_run_on_third_out"])
            after = self._outs(state, (first, second, False), 1)
            return self._add_runs(after, 1)
        if event.kind in ("fielders_choice", "double_play"):
            if event.kind == "double_play" and state.outs == 2:
                forbid(event, "one more out ends the half-inning", BY_NAME["half_inning"])
            if event.value is None and any(state.bases):
                base = next(b for b in (1, 2, 3) if state.bases[b - 1])
            else:
                base = self._runner(state, event, moves=False)
            bases = _with(state.bases, base, False)
            if event.kind == "double_play":
                return self._outs(state, bases, 2)
            if state.outs == 2:
                return self._outs(state, bases, 1)
            placed, runs = place(bases, 1)
            return self._add_runs(self._outs(state, placed, 1), runs)
        return self._outs(state, state.bases, 1)

    def expects(self, state: BaseballState) -> Expectation:
        """A pitch, and to whose batter."""
        if state.over:
            return Expectation("the game is over", None, "baseball.winner")
        return Expectation("pitch", None if state.at_bat is None else state.teams[state.at_bat], "baseball.at_bat")

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """What the team at bat, or the other, has from the event; None where that hangs on the count.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        table = {"home_run": ("scores", False, ("home_run",)), "sacrifice_fly": ("scores", False, ("fly_out",)),
                 "hit_by_pitch": ("gets first base", False, ("hit_by_pitch",)),
                 "intentional_walk": ("gets first base", False, ("walk",)), "single": ("gets a base", False, ("hit",)),
                 "double": ("gets two bases", False, ("hit",)), "triple": ("gets three bases", False, ("hit",)),
                 "fly_out": ("makes an out", True, ("fly_out",)), "ground_out": ("makes an out", True, ("ground_out",)),
                 "infield_fly": ("makes an out", True, ("infield_fly",)),
                 "double_play": ("makes two outs", True, ("force", "half_inning")),
                 "caught_stealing": ("makes an out", True, ("steal",)), "stolen_base": ("gains a base", False, ("steal",)),
                 "balk": ("gains a base for each runner", False, ("balk",))}
        if event.kind not in table:
            return None
        what, for_other, rules = table[event.kind]
        team = team_index(teams, event)
        return Consequence(what, teams[1 - team if for_other else team], tuple(f"baseball.{rule}" for rule in rules))


def _with(bases: Bases, base: int, occupied: bool) -> Bases:
    changed = [*bases]
    changed[base - 1] = occupied
    return (changed[0], changed[1], changed[2])


BASEBALL = SportModule(Sport.BASEBALL, KINDS, RULES, BaseballLedger(),
                       core_kinds=("home_run", "double_play", "stolen_base", "fly_out"))
