"""What the sports have in common in which every rally is won by one of two sides and begins with somebody's service.

Volleyball, badminton and table tennis, and tennis with its points. A sport says which kinds of event win a rally, which lose it
and which are a service, who serves in a state, and what a won rally makes of the score; the rest is here: who may serve an ace,
what a let changes, cards, time-outs, and the end.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from deepsport.records import Event
from deepsport.sports.base import Consequence, EventKind, Expectation, Ledger, Rule, State, Teams, forbid, team_index


class RallyState(State):
    """Sets or games are the score; points count within the running one."""

    points: tuple[int, int] = (0, 0)
    time_outs: tuple[int, int] = (0, 0)
    """Taken by each side, in the set or in the match as the sport counts them."""
    cards: tuple[int, int] = (0, 0)
    """Shown to each side in the match: 1 is a warning, more are penalties."""
    known: bool = True
    """False for an excerpt: cards and time-outs so far, and what has just happened, are then not known."""


R = TypeVar("R", bound=RallyState)


def plus(count: tuple[int, int], side: int) -> tuple[int, int]:
    """One more for a side.

    >>> plus((3, 4), 1)
    (3, 5)
    """
    return (count[0] + (side == 0), count[1] + (side == 1))


class RallyLedger(Ledger[R]):
    """Replays rallies. Subclasses fill in the class variables, the service and the score."""

    kinds: tuple[EventKind, ...]
    rules: ClassVar[Mapping[str, Rule]]
    """The sport's rules by name."""
    wins: ClassVar[Mapping[str, str]]
    """Kinds by which the acting side wins the rally, and the rule that says so."""
    losses: ClassVar[Mapping[str, str]]
    """Kinds by which it loses the rally."""
    serves: ClassVar[tuple[str, ...]]
    """Kinds that only the serving side can make."""
    returns: ClassVar[tuple[str, ...]] = ()
    """Kinds that only the receiving side can make."""
    order_rule: ClassVar[str]
    """The rule that says who serves."""
    always: ClassVar[tuple[str, ...]] = ()
    """Rules cited for every point, before the one of its kind."""
    num_time_outs: ClassVar[int] = 0
    """How many each side may take before `score_point` or the sport resets them."""

    @abstractmethod
    def server_of(self, state: R) -> int | None:
        """Who serves the next rally; None while not known."""

    @abstractmethod
    def with_server(self, state: R, side: int) -> R:
        """The state once it is known that the side serves the next rally."""

    @abstractmethod
    def score_point(self, state: R, side: int) -> R:
        """The state after the side has won a point."""

    @abstractmethod
    def new_state(self, teams: Teams) -> R:
        """The state before the first rally, the first server not known."""

    def start(self, teams: Teams, first: str | None = None) -> R:
        """Before the first rally; ``first`` serves it."""
        state = self.new_state(teams)
        return state if first is None else self.with_server(state, teams.index(first))

    def midway(self, teams: Teams) -> R:
        """Somewhere in a match of which nothing is known."""
        return self.start(teams).model_copy(update={"known": False})

    def apply(self, state: R, event: Event) -> R:
        """The state after a rally, or after what happens between rallies.

        Raises: ImpossibleEvent when the match is over, the wrong side serves, or `between` forbids the event.
        """
        if state.winner is not None:
            forbid(event, "the match is over", self.rules["match"])
        if event.kind not in {kind.kind for kind in self.kinds}:
            forbid(event, f"{self.sport} knows no such event", self.rules["point"])
        if event.kind in self.kinds_without_team:
            return self.between(state, event, None)
        side = team_index(state.teams, event)
        if event.kind in self.serves + self.returns:
            serving = side if event.kind in self.serves else 1 - side
            server = self.server_of(state)
            if server is None:  # who serves is now known
                state = self.with_server(state, serving)
            elif server != serving:
                forbid(event, f"{state.teams[server]} serves", self.rules[self.order_rule])
        if event.kind in self.wins:
            return self.score_point(state, side)
        if event.kind in self.losses:
            if event.kind == "red_card":
                state = state.model_copy(update={"cards": plus(state.cards, side)})
            return self.score_point(state, 1 - side)
        return self.between(state, event, side)

    def between(self, state: R, event: Event, side: int | None) -> R:
        """The state after something that decides no rally: a let, a time-out, a warning, whatever else a sport has.

        Raises: ImpossibleEvent when the rules do not allow it now.
        """
        if side is None or event.kind == "let":
            return state
        if event.kind == "time_out":
            if state.known and state.time_outs[side] >= self.num_time_outs:
                forbid(event, f"no time-out is left, {self.num_time_outs} were", self.rules["time_out"])
            return state.model_copy(update={"time_outs": plus(state.time_outs, side)})
        if event.kind == "yellow_card":
            if state.known and state.cards[side]:
                forbid(event, "who has been warned is not warned again but penalised", self.rules["yellow_card"])
            return state.model_copy(update={"cards": plus(state.cards, side)})
        return state

    def expects(self, state: R) -> Expectation:
        """A serve, and by whom."""
        if state.winner is not None:
            return Expectation("the match is over", None, f"{self.sport}.match")
        server = self.server_of(state)
        return Expectation("serve", None if server is None else state.teams[server], f"{self.sport}.{self.why_serves(state)}")

    def why_serves(self, state: R) -> str:
        """The rule by which the next server serves."""
        return self.order_rule

    def consequence(self, event: Event, teams: Teams) -> Consequence | None:
        """Which team wins the point; None for what decides no rally.

        Raises: ImpossibleEvent when the event names a team that does not play.
        """
        name = self.wins.get(event.kind) or self.losses.get(event.kind)
        if name is None:
            return None
        side = team_index(teams, event)
        names = (*self.always, name)
        return Consequence("wins the point", teams[side if event.kind in self.wins else 1 - side],
                           tuple(f"{self.sport}.{each}" for each in names))
