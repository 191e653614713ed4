"""Feeds of simulated broadcasts in the shapes of others: what is wrong with them is known, and what is not is read back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deepsport.errors import UserError
from deepsport.records import Broadcast, Event
from deepsport.sports.diving import DivingState
from deepsport.sports.rally import RallyState
from deepsport.taxonomy import Sport
from ingest.feeds import FeedConfig, read_feed
from ingest.replay import replay_feed
from ingest.replay_rallies import replay_coachai, replay_datavolley
from ingest.replay_report import FeedReplay
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.feeds import FeedNoise, FeedShape, WrittenFeed, noted, write_feed
from ingest.simulator.schedule import FILMED
from ingest.simulator.truth import Truth


def truth_of(sport: Sport, duration_s: float = 120, seed: int = 3) -> Truth:
    return SimulatedBroadcast(sport, seed, duration_s).truth


def read_back(truth: Truth, feed: WrittenFeed, folder: Path) -> list[Event]:
    path = folder / f"film{feed.suffix}"
    path.write_bytes(feed.data)
    broadcast = Broadcast(
        broadcast_id="b", sport=truth.sport, title=f"{truth.sport}-{truth.seed}", source_uri="film.mp4", media_sha256="0" * 64,
        size_bytes=1, duration_s=truth.num_frames / truth.rate.fps, width=640, height=360, source_rate=truth.rate, proxy_key="p",
        proxy_rate=truth.rate, proxy_num_frames=truth.num_frames, has_audio=True,
    )  # fmt: skip
    kept = read_feed(path, broadcast=broadcast, config=FeedConfig(period=1))  # SoccerNet counts by halves
    assert kept.drops == []
    return kept.items


@pytest.mark.parametrize(
    ("sport", "shape", "tolerance_s"),
    [
        (Sport.SOCCER, FeedShape.DEEPSPORT, 1e-6),
        (Sport.SOCCER, FeedShape.SOCCERNET, 0.001),
        (Sport.VOLLEYBALL, FeedShape.DATAVOLLEY, 1.0),
        (Sport.BADMINTON, FeedShape.COACHAI, 0.04),
        (Sport.TENNIS, FeedShape.SPOT, 0.04),
    ],
)
def test_a_feed_without_faults_is_read_back_as_it_happened(
    sport: Sport, shape: FeedShape, tolerance_s: float, tmp_path: Path
) -> None:
    truth = truth_of(sport)
    found = read_back(truth, write_feed(truth, shape), tmp_path)
    assert [event.kind for event in found] == [event.kind for event in truth.events]
    assert all(abs(a.time_s - b.time_s) <= tolerance_s for a, b in zip(found, truth.events, strict=True))
    if shape in (FeedShape.DATAVOLLEY, FeedShape.COACHAI):
        assert [event.team for event in found] == [event.team for event in truth.events]


@pytest.mark.parametrize(
    ("sport", "shape", "replay", "encoding"),
    [
        (Sport.VOLLEYBALL, FeedShape.DATAVOLLEY, replay_datavolley, "cp1252"),
        (Sport.BADMINTON, FeedShape.COACHAI, replay_coachai, "utf-8"),
    ],
)
def test_a_feed_without_faults_is_played_again_by_the_rules(
    sport: Sport, shape: FeedShape, replay: Callable[[Path, str], tuple[FeedReplay, ...]], encoding: str
) -> None:
    sets = 0
    for seed in (0, 1, 3):
        truth = truth_of(sport, 240, seed)
        (report,) = replay(Path(f"{seed}"), write_feed(truth, shape).data.decode(encoding))
        assert report.refused == () and report.wrong_scores == ()
        assert report.num_replayed == report.num_scores == len(truth.events)
        assert report.num_read > len(truth.events)
        assert report.excerpt in (f"it holds {len(truth.events)} rallies and lists no set that is over",
                                  "the match is not over with its last rally")
        last = truth.states[-1]
        assert isinstance(last, RallyState) and last.points == report.running
        sets += len(report.parts)
    assert sets >= 1  # a set that ends within a feed is told to its last point


@pytest.mark.parametrize("sport", FILMED)
def test_a_film_is_replayed_match_by_match_to_its_own_score(sport: Sport, tmp_path: Path) -> None:
    truth = truth_of(sport, 600, 2)
    path = tmp_path / "film.feed.json"
    path.write_bytes(write_feed(truth, FeedShape.DEEPSPORT).data)
    report = replay_feed(path)
    assert report.num_refused == 0
    assert sum(feed.num_replayed for feed in report.feeds) == len(truth.events) + len(truth.unseen)
    begun = [first for first in truth.matches if first < len(truth.events)]
    assert len(report.feeds) == len(begun)
    final = truth.states[-1]
    if len(begun) == len(truth.matches):  # else the last match ends with the film
        assert report.feeds[-1].score == (None if isinstance(final, DivingState) else final.score)
        assert not isinstance(final, DivingState) or report.feeds[-1].totals == final.totals


def test_a_badminton_film_that_outlasts_a_match_is_several_in_the_record_too() -> None:
    truth = truth_of(Sport.BADMINTON, 600, 2)
    reports = replay_coachai(Path("x"), write_feed(truth, FeedShape.COACHAI).data.decode())
    assert len(truth.matches) == len(reports) == 2 and [report.match for report in reports] == [1, 2]
    assert sum(report.num_replayed for report in reports) == len(truth.events)
    assert not any(report.refused or report.wrong_scores for report in reports)


def test_every_simulated_dive_has_its_marks() -> None:
    truth = truth_of(Sport.DIVING, 60)
    assert [event.kind for event in truth.unseen] == ["award"] * len(truth.events)
    assert all(len(event.marks) == 7 for event in truth.unseen)
    assert all(dive.evidence.end_s < award.time_s < dive.evidence.end_s + 0.5
               for dive, award in zip(truth.events, truth.unseen, strict=True))


def test_the_clock_of_a_feed_begins_elsewhere_and_runs_at_its_own_pace() -> None:
    truth = truth_of(Sport.SOCCER, 600)
    entries = noted(truth, FeedNoise(offset_s=30, drift=0.005))
    assert [entry.event_index for entry in entries] == list(range(len(truth.events)))
    for entry in entries:
        assert entry.time_s == pytest.approx(30 + 1.005 * truth.events[entry.event_index].time_s)
    early = noted(truth, FeedNoise(offset_s=-30))
    assert early[0].time_s >= 0 and len(early) < len(entries)


def test_as_many_are_missing_and_doubled_as_was_asked_and_the_same_each_time() -> None:
    truth = truth_of(Sport.TENNIS, 3600)
    noise = FeedNoise(missing=0.1, doubled=0.05, jitter_s=0.3, seed=4)
    entries = noted(truth, noise)
    assert entries == noted(truth, noise) != noted(truth, noise.model_copy(update={"seed": 5}))
    counts = Counter(entry.event_index for entry in entries)
    assert len(counts) / len(truth.events) == pytest.approx(0.9, abs=0.04)
    assert sum(count == 2 for count in counts.values()) / len(counts) == pytest.approx(0.05, abs=0.03)
    assert sum(entry.doubled for entry in entries) == sum(count - 1 for count in counts.values())
    off = [entry.time_s - truth.events[entry.event_index].time_s for entry in entries if not entry.doubled]
    assert np.std(off) == pytest.approx(0.3, rel=0.15) and abs(np.mean(off)) < 0.05
    assert write_feed(truth, FeedShape.DEEPSPORT, noise) == write_feed(truth, FeedShape.DEEPSPORT, noise)


def test_a_shape_of_another_sport_is_refused() -> None:
    truth = truth_of(Sport.TENNIS, 30)
    for shape in (FeedShape.SOCCERNET, FeedShape.DATAVOLLEY):
        with pytest.raises(UserError, match="the broadcast is tennis"):
            write_feed(truth, shape)
