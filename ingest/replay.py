"""Replay of real event feeds through the sports' ledgers: the proof that the rules as code agree with matches nobody here made.

For each feed: how many records it holds, how many the ledger knows, how many it accepted, which it refused and why, and whether
the score it arrives at is the feed's own. An event that is refused leaves the state as it was, except that what is due is then
no longer known, so that one gap in a record is told once and not at every event after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from deepsport.errors import FeedError, ImpossibleEvent
from deepsport.records import Event
from deepsport.sports.soccer import SHOOTOUT, SoccerLedger, SoccerState
from deepsport.taxonomy import Sport
from deepsport.timebase import Span
from ingest.feed_events import read_bytes
from ingest.feed_kloppy import LOADERS, VendorFeed, VendorRow, companion_of, read_vendor_feed, vendor_of

EXCERPT_GAP_S = 60.0
"""In a feed that is an excerpt, after so long a silence nobody knows what is due."""
MAX_SUBSTITUTES = 12
"""Competitions and their years differ in how many changes they allow; the feed's is not known."""


class Refused(BaseModel):
    """An event of a feed that the ledger did not accept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str
    """The vendor's id of the record."""
    clock: str
    """Period and time, as ``2 63:11`` with minutes from the period's beginning."""
    kind: str
    team: str | None
    why: str
    """The reason, and the rule that would be broken."""


class FeedReplay(BaseModel):
    """What became of one feed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    vendor: str
    sport: Sport
    teams: tuple[str, str]
    """Home and away."""
    num_read: int
    """Records of the feed, of every kind."""
    num_known: int
    """Events that the rules speak of: goals, restarts, offences, cards, changes, whistles."""
    num_replayed: int
    refused: tuple[Refused, ...]
    inferred: dict[str, int]
    """Events completed because the vendor's record implies them, by what they are."""
    score: tuple[int, int]
    shootout: tuple[int, int]
    feed_score: tuple[int, int] | None
    score_source: str
    excerpt: str | None
    """Why the feed cannot hold the whole match; None when it can."""

    @property
    def share_replayed(self) -> float:
        """Of the events that the rules speak of, in [0, 1]."""
        return self.num_replayed / self.num_known if self.num_known else 1.0

    @property
    def score_right(self) -> bool | None:
        """Whether the score is the feed's own; None when the feed has none, or is an excerpt and theirs differ."""
        if self.feed_score is None or (self.excerpt is not None and self.feed_score != self.score):
            return None
        return self.feed_score == self.score


class ReplayReport(BaseModel):
    """What became of all feeds given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feeds: tuple[FeedReplay, ...]

    @property
    def share_replayed(self) -> float:
        """Of all events that the rules speak of, in [0, 1]."""
        known = sum(feed.num_known for feed in self.feeds)
        return sum(feed.num_replayed for feed in self.feeds) / known if known else 1.0

    @property
    def num_wrong_scores(self) -> int:
        """Feeds whose score the ledger does not arrive at."""
        return sum(feed.score_right is False for feed in self.feeds)


def replay_feed(paths: Path | Sequence[Path]) -> ReplayReport:
    """Replay feeds through their sport's ledger.

    paths: event feeds of the vendors that ingest/feed_kloppy.py reads; line-ups and match data among them are used as such.

    Raises: FeedError when a file is neither; UserError when kloppy is not installed.
    """
    files = [Path(paths)] if isinstance(paths, (str, Path)) else [Path(path) for path in paths]
    vendors = {path: vendor_of(path, read_bytes(path)) for path in files}
    used = {companion_of(path, vendor, files) for path, vendor in vendors.items() if vendor is not None}
    strangers = [path for path, vendor in vendors.items() if vendor is None and path not in used]
    if strangers:
        raise FeedError(f"{strangers[0]}: is no event feed of {', '.join(sorted(LOADERS))}, and no companion of one given")
    return ReplayReport(feeds=tuple(_replay(read_vendor_feed(path, files)) for path, vendor in vendors.items() if vendor))


def _replay(feed: VendorFeed) -> FeedReplay:
    ledger = SoccerLedger(num_substitutes=MAX_SUBSTITUTES)
    state = ledger.start(feed.teams)
    refused: list[Refused] = []
    before: VendorRow | None = None
    for row in feed.rows:
        silent = before is None or before.period != row.period or abs(row.time_s - before.time_s) > EXCERPT_GAP_S
        if feed.excerpt is not None and before is not None and silent and state.half != SHOOTOUT:
            state = ledger.lose_track(state)
        before = row
        try:
            state = _apply(ledger, state, row)
        except ImpossibleEvent as error:
            refused.append(_refusal(row, str(error)))
            state = ledger.lose_track(state)
    return FeedReplay(path=str(feed.path), vendor=feed.vendor, sport=Sport.SOCCER, teams=feed.teams, num_read=feed.num_records,
                      num_known=len(feed.rows), num_replayed=len(feed.rows) - len(refused), refused=tuple(refused),
                      inferred=feed.inferred, score=state.score, shootout=state.shootout_score, feed_score=feed.score,
                      score_source=feed.score_source, excerpt=feed.excerpt)


def _apply(ledger: SoccerLedger, state: SoccerState, row: VendorRow) -> SoccerState:
    event = Event(event_id=row.where, broadcast_id="", sport=Sport.SOCCER, kind=row.kind, time_s=row.time_s,
                  evidence=Span(start_s=row.time_s, end_s=row.time_s), team=row.team, player=row.player, outcome=row.outcome)
    after = ledger.apply(state, event)
    if row.stated is not None and row.stated != after.score:
        raise ImpossibleEvent(f"{row.where}: the feed states {row.stated[0]}:{row.stated[1]} after it, but its own goals make "
                              f"{after.score[0]}:{after.score[1]}")
    return after


def _refusal(row: VendorRow, why: str) -> Refused:
    clock = f"{row.period} {int(row.time_s // 60):02d}:{int(row.time_s % 60):02d}"
    return Refused(where=row.where, clock=clock, kind=row.kind, team=row.team, why=why.removeprefix(f"{row.where}: "))
