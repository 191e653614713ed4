"""What is said of a replayed feed of any sport: how much it holds, how much was accepted, and whether the scores agree."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from deepsport.sports.base import State
from deepsport.sports.rally import RallyState
from deepsport.sports.tennis import TennisState
from deepsport.taxonomy import Sport


class Refused(BaseModel):
    """An event of a feed that the ledger did not accept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str
    """The vendor's id of the record, or its place in the file."""
    clock: str
    """When in the match: period and time, or set and score."""
    kind: str
    team: str | None
    why: str
    """The reason, and the rule that would be broken."""


class WrongScore(BaseModel):
    """A score of the feed that the ledger does not arrive at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str
    feed: str
    ledger: str


class FeedReplay(BaseModel):
    """What became of one feed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    match: int | None = None
    """Which match of the file, counted from 1; None when it holds one."""
    vendor: str
    """Whose format it is."""
    sport: Sport
    """``other`` for figure skating, which has no ledger here: only its arithmetic is checked."""
    teams: tuple[str, ...]
    """Home and away, the players, or the competitors."""
    num_read: int
    """Records of the feed, of every kind."""
    num_known: int
    """Events that the rules speak of: goals, restarts, offences, cards, whistles; rallies; dives; programs."""
    num_replayed: int
    refused: tuple[Refused, ...]
    inferred: dict[str, int]
    """Events completed because the record implies them, by what they are."""
    num_scores: int
    """Scores that the feed states and that were compared: after every rally, of every dive, at the end."""
    wrong_scores: tuple[WrongScore, ...] = ()
    score: tuple[int, int] | None = None
    """At the end by the ledger: goals, sets, games; None where judges' marks make totals."""
    totals: tuple[float, ...] = ()
    """Points so far of each competitor, where judges' marks make them."""
    parts: tuple[tuple[int, int], ...] = ()
    """Of the sets or games that are over, each one's score: points, or games in tennis."""
    running: tuple[int, int] | None = None
    """The score of the set or game in which the feed ends; None where it ends in none."""
    running_points: tuple[int, int] | None = None
    """In tennis, points of the game in which the feed ends."""
    shootout: tuple[int, int] = (0, 0)
    feed_score: tuple[int, int] | None = None
    """At the end by the feed's own account."""
    score_source: str = ""
    """Where the feed says so."""
    excerpt: str | None = None
    """Why the feed cannot hold the whole match; None when it can."""

    @property
    def share_replayed(self) -> float:
        """Of the events that the rules speak of, in [0, 1]; 0 where there are none."""
        return self.num_replayed / self.num_known if self.num_known else 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it was replayed."""
        return self.num_replayed == 0

    @property
    def score_right(self) -> bool | None:
        """Whether every score that was compared agrees; None when there was none to compare."""
        return not self.wrong_scores if self.num_scores else None


class Unreadable(BaseModel):
    """A file that could not be replayed at all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    why: str


class ReplayReport(BaseModel):
    """What became of all feeds given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feeds: tuple[FeedReplay, ...]
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def share_replayed(self) -> float:
        """Of all events that the rules speak of, in [0, 1]; 0 where there are none."""
        known = sum(feed.num_known for feed in self.feeds)
        return sum(feed.num_replayed for feed in self.feeds) / known if known else 0.0

    @property
    def num_scores(self) -> int:
        """Scores that were compared."""
        return sum(feed.num_scores for feed in self.feeds)

    @property
    def num_wrong_scores(self) -> int:
        """Scores that the ledgers do not arrive at."""
        return sum(len(feed.wrong_scores) for feed in self.feeds)

    @property
    def num_refused(self) -> int:
        """Events that the ledgers did not accept."""
        return sum(len(feed.refused) for feed in self.feeds)


class Standing(NamedTuple):
    """Where a match of rallies stands, below its score."""

    parts: tuple[tuple[int, int], ...] = ()
    running: tuple[int, int] | None = None
    running_points: tuple[int, int] | None = None


def standing_of(state: State | None) -> Standing:
    """Scores of the sets or games that are over, and of those that are running; nothing for a sport without them.

    >>> standing_of(TennisState(teams=("red", "blue"), games=(2, 3), points=(1, 0), set_scores=((6, 4),)))
    Standing(parts=((6, 4),), running=(2, 3), running_points=(1, 0))
    """
    if not isinstance(state, RallyState):
        return Standing()
    parts: tuple[tuple[int, int], ...] = getattr(state, "set_scores", ()) or getattr(state, "game_scores", ())
    running = state.games if isinstance(state, TennisState) else state.points
    begun = state.winner is None and (any(running) or any(state.points))
    return Standing(parts, running if begun else None, state.points if begun and isinstance(state, TennisState) else None)


def counted(number: int, what: str, several: str = "") -> str:
    """A number and its word.

    >>> counted(1, "rally", "rallies"), counted(1200, "event")
    ('1 rally', '1,200 events')
    """
    return f"{number:,} {what if number == 1 else several or what + 's'}"
