"""What is said of a replayed feed of any sport: how much it holds, how much was accepted, and whether the scores agree."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

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
    shootout: tuple[int, int] = (0, 0)
    feed_score: tuple[int, int] | None = None
    """At the end by the feed's own account."""
    score_source: str = ""
    """Where the feed says so."""
    excerpt: str | None = None
    """Why the feed cannot hold the whole match; None when it can."""

    @property
    def share_replayed(self) -> float:
        """Of the events that the rules speak of, in [0, 1]."""
        return self.num_replayed / self.num_known if self.num_known else 1.0

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
        """Of all events that the rules speak of, in [0, 1]."""
        known = sum(feed.num_known for feed in self.feeds)
        return sum(feed.num_replayed for feed in self.feeds) / known if known else 1.0

    @property
    def num_scores(self) -> int:
        """Scores that were compared."""
        return sum(feed.num_scores for feed in self.feeds)

    @property
    def num_wrong_scores(self) -> int:
        """Scores that the ledgers do not arrive at."""
        return sum(len(feed.wrong_scores) for feed in self.feeds)
