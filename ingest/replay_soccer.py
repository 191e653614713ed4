"""Replay of the data companies' soccer feeds through the Laws as code. Read by kloppy (ingest/feed_kloppy.py).

An event that is refused leaves the state as it was, except that what is due is then no longer known, so that one gap in a
record is told once and not at every event after it. In a feed that is an excerpt nobody knows after a silence what is due, nor
how many goals fell in it: there the score is taken on from the feed where it states one that the goals told can have led to.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepsport.errors import ImpossibleEvent
from deepsport.records import Event
from deepsport.sports.soccer import SHOOTOUT, SoccerLedger, SoccerState
from deepsport.taxonomy import Sport
from deepsport.timebase import Span
from ingest.feed_kloppy import VendorRow, read_vendor_feed
from ingest.replay_report import FeedReplay, Refused, WrongScore

EXCERPT_GAP_S = 60.0
"""In a feed that is an excerpt, after so long a silence nobody knows what is due."""
MAX_SUBSTITUTES = 12
"""Competitions and their years differ in how many changes they allow; the feed's is not known."""
_WHISTLES = ("half_time", "full_time", "extra_time", "shootout")
_LEFT_OUT = "goals that the excerpt leaves out, by the score it states"


def replay_soccer(path: Path, others: Sequence[Path]) -> FeedReplay:
    """Replay a vendor's feed; ``others`` may hold its line-ups or match data.

    Raises: FeedError when it cannot be read; UserError when kloppy is not installed.
    """
    feed = read_vendor_feed(path, others)
    ledger = SoccerLedger(num_substitutes=MAX_SUBSTITUTES)
    state = ledger.start(feed.teams)
    refused: list[Refused] = []
    inferred, num_scores = dict(feed.inferred), 0
    before: VendorRow | None = None
    for row in feed.rows:
        silent = before is None or before.period != row.period or abs(row.time_s - before.time_s) > EXCERPT_GAP_S
        silent = silent or row.kind in _WHISTLES  # whether extra time is due hangs on goals that may be missing
        if feed.excerpt is not None and before is not None and silent and state.half != SHOOTOUT:
            state = ledger.lose_track(state)
        before = row
        try:
            after = ledger.apply(state, _event(row))
            if row.stated is not None and row.stated != after.score:
                missing = tuple(told - known for told, known in zip(row.stated, after.score, strict=True))
                if feed.excerpt is None or min(missing) < 0:
                    raise ImpossibleEvent(f"{row.where}: the feed states {row.stated[0]}:{row.stated[1]} after it, but its own "
                                          f"goals make {after.score[0]}:{after.score[1]}")
                inferred[_LEFT_OUT] = inferred.get(_LEFT_OUT, 0) + sum(missing)
                after = after.model_copy(update={"score": row.stated})
            elif row.stated is not None:
                num_scores += 1
            state = after
        except ImpossibleEvent as error:
            refused.append(_refusal(row, str(error)))
            state = ledger.lose_track(state)
    wrong, compared = _final(state, feed.score, feed.score_source, excerpt=feed.excerpt is not None)
    return FeedReplay(path=str(feed.path), vendor=feed.vendor, sport=Sport.SOCCER, teams=feed.teams, num_read=feed.num_records,
                      num_known=len(feed.rows), num_replayed=len(feed.rows) - len(refused), refused=tuple(refused),
                      inferred=inferred, num_scores=num_scores + compared, wrong_scores=wrong, score=state.score,
                      shootout=state.shootout_score, feed_score=feed.score, score_source=feed.score_source, excerpt=feed.excerpt)


def _final(state: SoccerState, score: tuple[int, int] | None, source: str, *,
           excerpt: bool) -> tuple[tuple[WrongScore, ...], int]:
    """The final score if it is wrong, and whether it was compared: that of an excerpt proves something only when they agree."""
    if score is None or (excerpt and score != state.score):
        return (), 0
    if score == state.score:
        return (), 1
    return (WrongScore(where=source, feed=f"{score[0]}:{score[1]}", ledger=f"{state.score[0]}:{state.score[1]}"),), 1


def _event(row: VendorRow) -> Event:
    return Event(event_id=row.where, broadcast_id="", sport=Sport.SOCCER, kind=row.kind, time_s=row.time_s,
                 evidence=Span(start_s=row.time_s, end_s=row.time_s), team=row.team, player=row.player, outcome=row.outcome)


def _refusal(row: VendorRow, why: str) -> Refused:
    clock = f"{row.period} {int(row.time_s // 60):02d}:{int(row.time_s % 60):02d}"
    return Refused(where=row.where, clock=clock, kind=row.kind, team=row.team, why=why.removeprefix(f"{row.where}: "))
