"""How well a feed's clock is fitted to the video's: errors by source of evidence, and whether anything is silently misaligned.

    python -m benchmarks.alignment [--films 1] [--seconds 240] [--known 4] [--feeds 5] [--json]

Two sets of simulated broadcasts, on seeds that nobody tuned on. *measured*: written as mp4 and ingested, and cuts, words, changes
of the score, their digits (with rapidocr) and whistles found in pixels and sound. *known*: longer ones, with the evidence as the
simulator knows it (the score to 0.4 s), so that many can be tried. Of each, feeds are made from the true events: their clock runs
up to 30 s early or late and 0.5 % fast or slow, 10 % of the events are missing, 5 % are there twice, up to a second apart. A feed
is judged by the median error over its true events, and as misaligned when any lies more than a second from its place and the fit
was not refused. Wrong feeds are distorted in the same way and all are to be refused: those of other *matches* of the sport, of
other *sports*, of the same match's later *stretch*, which the film does not hold, and of this one on a clock that is *far* off,
further than is searched.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deepsport.records import Broadcast, Event, Shot, Utterance
from deepsport.taxonomy import Sport
from deepsport.timebase import Span
from ingest.align import AlignConfig, Evidence, align_feed
from ingest.feed_events import FeedRow
from ingest.scoreboard import ScoreChange, sides_of, who_gained
from ingest.simulator.broadcast import SimulatedBroadcast

FIRST_SEED = 9500
SPORTS = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)
SOURCES = {
    "cuts": ("cuts",), "speech": ("speech",), "score": ("score",), "score, digits": ("score", "digits"),
    "all but digits": ("cuts", "speech", "score", "whistles"), "all": ("cuts", "speech", "score", "digits", "whistles"),
}  # fmt: skip
MAX_OFFSET_S, MAX_DRIFT, MISSING, DOUBLED = 30.0, 0.005, 0.1, 0.05
FAR_S = (155.0, 200.0)
"""Further off than AlignConfig.max_offset_s, even by a clock that is MAX_OFFSET_S off."""
MISALIGNED_S = 1.0


class Distorted(NamedTuple):
    """A feed made from true events, and when each of its first copies truly was."""

    rows: list[FeedRow]
    true: list[tuple[float, float]]
    """(second of the feed, second of the video) of each event that is in it."""


def distort(events: Sequence[Event], rng: np.random.Generator, far_s: float = 0.0) -> Distorted:
    """The events as a feed whose clock is off (by far_s more) and drifts, with some missing and some doubled."""
    offset_s, drift = rng.uniform(-MAX_OFFSET_S, MAX_OFFSET_S), rng.uniform(-MAX_DRIFT, MAX_DRIFT)
    feed = Distorted([], [])
    for number, event in enumerate(events):
        if rng.random() < MISSING:
            continue
        time_s = (event.time_s - offset_s - far_s) / (1 + drift)
        feed.rows.append(FeedRow(where=f"[{number}]", kind=event.kind, time_s=time_s, team=event.team))
        feed.true.append((time_s, event.time_s))
        if rng.random() < DOUBLED:
            feed.rows.append(replace(feed.rows[-1], where=f"[{number}] again", time_s=time_s + rng.uniform(0, 1)))
    return feed


def broadcast_of(film: SimulatedBroadcast) -> Broadcast:
    """The record of a simulated broadcast, as far as alignment looks at it."""
    return Broadcast(
        broadcast_id=f"{film.sport}-{film.seed}", sport=film.sport, title="film", source_uri="film.mp4", media_sha256="",
        size_bytes=0, duration_s=film.rate.time_s(film.num_frames), width=640, height=360, source_rate=film.rate,
        proxy_key="", proxy_rate=film.rate, proxy_num_frames=film.num_frames, has_audio=True)  # fmt: skip


def known_evidence(film: SimulatedBroadcast) -> Evidence:
    """What the simulator knows: shots, spoken lines, changes of the score to the 0.4 s between two keyframes, and who gained."""
    scores = []
    for event, before, after in zip(film.schedule.events, film.schedule.states, film.schedule.states[1:], strict=False):
        words, later = film.show.score_words(before), film.show.score_words(after)
        if words != later:
            start_s = 0.4 * float(np.floor(film.rate.time_s(event.first + 4) / 0.4))
            gained = who_gained(*(sides_of([word.split() for word in shown]) for shown in (words, later)))
            scores.append(ScoreChange(Span(start_s=start_s, end_s=start_s + 0.4), gained))
    return Evidence(shots=film.shots, utterances=film.utterances, scores=scores)


def measured_evidence(film: SimulatedBroadcast, folder: Path) -> Evidence:
    """What ingest finds in the film's pixels and sound; kept beside the film, for finding it is what takes long."""
    from deepsport.store import Store
    from deepsport.video import read_audio
    from ingest.broadcast import ingest_broadcast
    from ingest.score_digits import reader_for
    from ingest.scoreboard import find_score_changes
    from ingest.simulator.files import simulate
    from ingest.sources import Source
    from ingest.whistles import SAMPLE_RATE, find_whistles

    seconds = film.rate.time_s(film.num_frames)
    kept = folder / f"{film.sport}-{film.seed}-{seconds:g}.evidence.json"
    if not kept.exists():
        video = simulate(film.sport, film.seed, seconds, folder).video
        begun = time.process_time()
        store = Store(folder / "media")
        found = ingest_broadcast(Source(uri=str(video), sport=film.sport, simulated=True), store)
        whistles = find_whistles(read_audio(video, SAMPLE_RATE))
        ingested = time.process_time()
        scores = find_score_changes(store.path(found.broadcast.proxy_key), reader_for("installed"))
        kept.write_text(json.dumps({
            "shots": [shot.model_dump(mode="json") for shot in found.shots],
            "utterances": [said.model_dump(mode="json") for said in found.utterances],
            "scores": [(change.span.model_dump(), change.gained) for change in scores],
            "whistles": [span.model_dump() for span in whistles],
            "ingest_cpu_s": ingested - begun, "score_cpu_s": time.process_time() - ingested}))  # fmt: skip
    read = json.loads(kept.read_text())
    return Evidence(
        shots=[Shot.model_validate(shot) for shot in read["shots"]],
        utterances=[Utterance.model_validate(said) for said in read["utterances"]],
        scores=[ScoreChange(Span(**span), gained) for span, gained in read["scores"]],
        whistles=[Span(**span) for span in read["whistles"]])  # fmt: skip


def wrong_feeds(film: SimulatedBroadcast, number: int, rng: np.random.Generator) -> dict[str, Distorted]:
    """Feeds that are not this film's, one of each sort."""
    seconds = film.rate.time_s(film.num_frames)
    other_sport = SPORTS[(SPORTS.index(film.sport) + 1 + number % 2) % 3]
    later = [event.model_copy(update={"time_s": event.time_s - seconds})
             for event in SimulatedBroadcast(film.sport, film.seed, 2 * seconds).events if event.time_s > seconds]  # fmt: skip
    return {
        "match": distort(SimulatedBroadcast(film.sport, film.seed + 500 + number, seconds).events, rng),
        "sport": distort(SimulatedBroadcast(other_sport, film.seed + 500 + number, seconds).events, rng),
        "stretch": distort(later, rng),
        "far": distort(film.events, rng, float(rng.choice([-1, 1]) * rng.uniform(*FAR_S))),
    }


def judge(film: SimulatedBroadcast, evidence: Evidence, num_feeds: int) -> dict[str, list[dict]]:
    """By source of evidence: each right feed with its error in seconds and its refusal, and each wrong one."""
    found: dict[str, list[dict]] = {}
    for number in range(num_feeds):
        rng = np.random.default_rng([film.seed, number, SPORTS.index(film.sport)])
        feeds = {"right": distort(film.events, rng), **wrong_feeds(film, number, rng)}
        for name, sources in SOURCES.items():
            for sort, feed in feeds.items():
                fit = align_feed(feed.rows, broadcast_of(film), evidence.only(*sources), AlignConfig())[None]
                errors_s = [abs(fit.video_s(feed_s) - video_s) for feed_s, video_s in feed.true]
                found.setdefault(name, []).append({
                    "film": f"{film.sport} {film.seed}", "sort": sort, "median_s": float(np.median(errors_s)),
                    "max_s": max(errors_s), "refusal": fit.refusal, "residual_s": fit.residual_s,
                    "uncertainty_s": fit.uncertainty_s, "chance": fit.chance, "rival": fit.rival,
                    "lag_s": fit.commentary_lag_s, "evidence": fit.evidence})  # fmt: skip
    return found


def summary(tried: Sequence[dict]) -> dict[str, float | int | None]:
    """What came of the feeds of one source."""
    right, wrong = [t for t in tried if t["sort"] == "right"], [t for t in tried if t["sort"] != "right"]
    used = [t for t in right if not t["refusal"]]
    return {
        "feeds": len(right),
        "accepted": len(used) / len(right),
        "median_error_s": float(np.median([t["median_s"] for t in used])) if used else None,
        "worst_median_error_s": max(t["median_s"] for t in used) if used else None,
        "median_error_of_all_s": float(np.median([t["median_s"] for t in right])),
        "misaligned": sum(t["max_s"] > MISALIGNED_S for t in used),
        "wrong_feeds": len(wrong),
        "wrong_feeds_accepted": sum(not t["refusal"] for t in wrong),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=1, help="measured broadcasts of each sport")
    parser.add_argument("--seconds", type=float, default=240, help="length of a measured broadcast")
    parser.add_argument("--known", type=int, default=4, help="broadcasts of each sport with known evidence")
    parser.add_argument("--known-seconds", type=float, default=300, help="their length")
    parser.add_argument("--feeds", type=int, default=5, help="right feeds of each broadcast, and wrong ones of each sort")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--keep", type=Path, help="folder in which what was found in films is kept for the next run")
    parser.add_argument("--each", type=Path, help="file for what came of each feed, as JSON")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    args = parser.parse_args()
    begun = time.process_time()
    tried: dict[str, dict[str, list[dict]]] = {"measured": {}, "known": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = args.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        for kind, num_films, seconds in (("measured", args.films, args.seconds), ("known", args.known, args.known_seconds)):
            for sport in SPORTS:
                for seed in range(args.first_seed, args.first_seed + num_films):
                    film = SimulatedBroadcast(sport, seed if kind == "measured" else seed + 100, seconds)
                    evidence = measured_evidence(film, folder) if kind == "measured" else known_evidence(film)
                    for source, results in judge(film, evidence, args.feeds).items():
                        tried[kind].setdefault(source, []).extend(results)
                    print(f"{kind} {sport} {film.seed}", file=sys.stderr, flush=True)
    if args.each:
        args.each.write_text(json.dumps(tried))
    found = {kind: {source: summary(results) for source, results in by.items()} for kind, by in tried.items() if by}
    if args.json:
        print(json.dumps({"seeds": args.first_seed, "cpu_s": time.process_time() - begun, "scores": found}))
        return
    print(f"{'evidence':24}{'accepted':>9}{'median':>9}{'worst':>8}{'of all':>8}{'misaligned':>12}{'wrong accepted':>16}")
    for kind, by in found.items():
        for source, row in by.items():
            cells = [f"{row[key]:.2f}" if row[key] is not None else "-" for key in
                     ("median_error_s", "worst_median_error_s", "median_error_of_all_s")]  # fmt: skip
            print(f"{kind + ' ' + source:24}{row['accepted']:9.2f}{cells[0]:>9}{cells[1]:>8}{cells[2]:>8}"
                  f"{row['misaligned']:>8}/{row['feeds']:<3}{row['wrong_feeds_accepted']:>11}/{row['wrong_feeds']}")  # fmt: skip


if __name__ == "__main__":
    main()
