"""How well changes of shot are found, beside PySceneDetect, on simulated broadcasts whose truth is known to the frame.

    python -m benchmarks.shots [--seeds 30] [--seconds 45] [--network] [--tune] [--json]

The broadcasts are produced as on television: cuts, dissolves, fades, wipes around replays, flashes, graphics. Each is written as
an mp4, decoded once, and every detector is fed the same frames. A change counts as found when a cut lies within 2 frames of it,
or, for a gradual one, when it overlaps what was found (2 frames more on either side); each finding counts once. Reported are the
seeds from 9400 on, which nobody tunes on; ours are the defaults of ShotConfig, set on the seeds from 200 on. PySceneDetect's
detectors stand with their defaults and with the best of six thresholds each: ``--tune`` prints the F1 of all, on the seeds from
200 on. With ``--network`` TransNetV2 is shown all pictures, and ours those it is unsure of (extra ``transnet``; some minutes).
``shots alone`` is ours as `detect_shots` runs it, on pictures decoded without the deblocking filter. CPU is that of the
detector with its scaling, the decode not counted; ``python -m benchmarks.ingest`` counts all.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deepsport.records import Made, Shot
from deepsport.taxonomy import CameraKind, Sport, Transition
from deepsport.timebase import FrameWindow
from deepsport.video import PictureReader, write_video
from ingest.glances import Glances
from ingest.shot_kinds import describe_shots, loudness
from ingest.shots import SIGHTS_PER_S, Change, ShotConfig, finder_of, shots_between
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import Production, SimulatorConfig

TOLERANCE_FRAMES = 2
SPORTS = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)
FROZEN_SEED, TUNING_SEED = 9400, 200
ALONE = "lean, shots alone"
TUNED = {"adaptive": 6.0, "content": 24.0, "histogram": 0.02, "hash": 0.395}
"""The best of GRID, by ``--tune``."""
GRID = {
    "adaptive": (1.5, 2.0, 3.0, 4.0, 5.0, 6.0),
    "content": (10.0, 15.0, 20.0, 24.0, 27.0, 32.0),
    "histogram": (0.02, 0.05, 0.1, 0.15, 0.2, 0.3),
    "hash": (0.15, 0.2, 0.25, 0.3, 0.35, 0.395),
}


class Score(NamedTuple):
    """Changes found rightly, found wrongly, and missed."""

    right: int
    wrong: int
    missed: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 1 when there is nothing to find and nothing was found."""
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else 1.0

    def plus(self, other: Score) -> Score:
        """Both together."""
        return Score(*(a + b for a, b in zip(self, other, strict=True)))


class Film(NamedTuple):
    """A film on disk and the truth about it."""

    path: Path
    sport: Sport
    shots: Sequence[Shot]
    changes: Sequence[Change]
    flashes: Sequence[int]
    loudness_N: np.ndarray


def make_film(sport: Sport, seed: int, seconds: float, folder: Path) -> Film:
    """A simulated broadcast, written as broadcasters encode it: long GOPs and B-frames."""
    broadcast = SimulatedBroadcast(sport, seed, seconds, SimulatorConfig(production=Production.BROADCAST))
    path = folder / f"{sport}-{seed}.mp4"
    frames = (broadcast.frame(i) for i in range(broadcast.num_frames))
    write_video(path, frames, broadcast.rate, gop=250, b_frames=3, crf=23)
    rate, changes = broadcast.rate, []
    for shot in broadcast.shots[1:]:
        first = rate.frame_at(shot.span.start_s)
        last = first
        if shot.transition_span is not None:
            first, last = rate.frame_at(shot.transition_span.start_s), rate.frame_at(shot.transition_span.end_s) - 1
        changes.append(Change(shot.transition, FrameWindow(idx_start=first, idx_end=last)))
    flashes = [rate.frame_at(span.start_s) for span in broadcast.truth.flashes]
    return Film(path, sport, broadcast.shots, changes, flashes, loudness(broadcast.audio(), 16_000))


def find(film: Film, configs: Sequence[ShotConfig], *, deblock: bool = True) -> tuple[list[list[Change]], list[float], Glances]:
    """What each config finds, its CPU seconds, and what was seen; the film is decoded once."""
    reader = PictureReader(film.path, deblock=deblock)
    glances = Glances(round(reader.rate.fps / SIGHTS_PER_S))
    finders = [finder_of(config, reader.rate) for config in configs]
    spent = [0.0] * len(configs)
    for number, picture in reader.sweep():
        start = time.process_time()
        small_3HW = glances.feed(picture, number)
        glance_s = time.process_time() - start
        for i, finder in enumerate(finders):
            start = time.process_time()
            finder.feed(picture, small_3HW, number)
            spent[i] += time.process_time() - start + (glance_s if configs[i].detector in ("lean", "network") else 0)
    found = []
    for i, finder in enumerate(finders):
        start = time.process_time()
        found.append(finder.finish())
        spent[i] += time.process_time() - start
    reader.close()
    return found, spent, glances


def score(found: Sequence[Change], true: Sequence[Change]) -> tuple[Score, list[Change], list[Change]]:
    """Match found changes to true ones, each at most once, in order; also what was wrong and what was missed.

    >>> cut = lambda i: Change(Transition.CUT, FrameWindow(idx_start=i, idx_end=i))
    >>> score([cut(10), cut(50), cut(90)], [cut(11), cut(90), cut(120)])[0]
    Score(right=2, wrong=1, missed=1)
    """
    left, missed = sorted(found, key=lambda c: c.window.idx_start), []
    for change in true:
        first, last = change.window.idx_start - TOLERANCE_FRAMES, change.window.idx_end + TOLERANCE_FRAMES
        match = next((c for c in left if c.window.idx_start <= last and first <= c.window.idx_end), None)
        if match is None:
            missed.append(change)
        else:
            left.remove(match)
    return Score(len(true) - len(missed), len(left), len(missed)), left, missed


def only_cuts(found: Sequence[Change], true: Sequence[Change]) -> Score:
    """The score of hard cuts: what was found in a gradual change is neither right nor wrong."""
    gradual = [change for change in true if change.kind is not Transition.CUT]
    rest = [c for c in found if score([c], gradual)[0].right == 0]
    return score(rest, [change for change in true if change.kind is Transition.CUT])[0]


def on_flashes(wrong: Sequence[Change], film: Film) -> int:
    """How many wrong findings are flashes."""
    return sum(any(abs(change.window.idx_start - flash) <= 4 for flash in film.flashes) for change in wrong)


def measure(films: Sequence[Film], configs: dict[str, ShotConfig]) -> dict[str, dict[str, float]]:
    """Scores of every config over all films, and those of replays and cameras as ours finds them."""
    alone = {ALONE: ShotConfig()} if "lean" in configs else {}
    everything = {name: Score(0, 0, 0) for name in [*configs, *alone]}
    cuts, flashes, spent = dict(everything), Counter[str](), Counter[str]()
    links, cameras, frames = Score(0, 0, 0), Counter[bool](), 0
    for film in films:
        found, seconds, glances = find(film, list(configs.values()))
        by_itself = find(film, list(alone.values()), deblock=False) if alone else ([], [])
        seen = glances.finish()
        frames += len(seen.hashes_N)
        for name, changes, cpu_s in zip(everything, found + by_itself[0], seconds + by_itself[1], strict=True):
            result, wrong, missed = score(changes, film.changes)
            everything[name], cuts[name] = everything[name].plus(result), cuts[name].plus(only_cuts(changes, film.changes))
            flashes[name] += on_flashes(wrong, film)
            spent[name] += cpu_s
            if name == "lean" and (wrong or missed):
                print(f"{film.path.stem}: wrong {_words(wrong)}, missed {_words(missed)}", file=sys.stderr)
        if "lean" in configs:
            rate = PictureReader(film.path).rate
            changes = found[list(configs).index("lean")]
            shots = describe_shots(shots_between(changes, frames_of(film), rate, "b", Made(step="")), seen, rate, film.loudness_N)
            links = links.plus(score_links(shots, film.shots))
            cameras.update(_camera_right(shots, film.shots))
    table: dict[str, dict[str, float]] = {}
    for name in everything:
        table[name] = {
            "f1": everything[name].f1,
            "hard_f1": cuts[name].f1,
            "right": everything[name].right,
            "wrong": everything[name].wrong,
            "missed": everything[name].missed,
            "flashes_taken_for_cuts": flashes[name],
            "cpu_ms_per_frame": 1000 * spent[name] / frames,
        }
    if "lean" in configs:
        table["lean"] |= {"replay_link_f1": links.f1, "camera_accuracy": cameras[True] / max(1, cameras.total())}
    return table


def frames_of(film: Film) -> int:
    """Frames of the film."""
    reader = PictureReader(film.path)
    reader.close()
    return reader.num_frames


def score_links(found: Sequence[Shot], true: Sequence[Shot]) -> Score:
    """A link is right when both its ends overlap those of a true one by half at least."""

    def spans(shots: Sequence[Shot]) -> list[tuple[Shot, Shot | None]]:
        named = {shot.shot_id: shot for shot in shots}
        return [(shot, named.get(shot.replay_of or "")) for shot in shots if shot.replay]

    true_links, right = spans(true), 0
    found_links = spans(found)
    for replay, live in found_links:
        right += any(
            replay.span.tiou(a.span) > 0.5 and live is not None and b is not None and live.span.tiou(b.span) > 0.5
            for a, b in true_links
        )
    return Score(right, len(found_links) - right, len(true_links) - right)


def _camera_right(found: Sequence[Shot], true: Sequence[Shot]) -> list[bool]:
    best = [max(found, key=lambda shot, of=shot: shot.span.tiou(of.span)).camera for shot in true]  # type: ignore[misc]
    return [kind is shot.camera for kind, shot in zip(best, true, strict=True) if shot.camera is not CameraKind.OTHER]


def _words(changes: Sequence[Change]) -> str:
    return ", ".join(f"{c.kind} {c.window.idx_start}-{c.window.idx_end}" for c in changes) or "none"


def tune(films: Sequence[Film]) -> dict[str, dict[str, float]]:
    """F1 of each of PySceneDetect's detectors at each threshold."""
    configs = {
        f"{name} {value:g}": ShotConfig.model_validate({"detector": name, "threshold": value})
        for name, thresholds in GRID.items()
        for value in thresholds
    }
    scores = measure(films, configs)
    return {name: {f"{value:g}": round(scores[f"{name} {value:g}"]["f1"], 4) for value in GRID[name]} for name in GRID}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30, help="broadcasts; the three sports take turns")
    parser.add_argument("--seconds", type=float, default=45)
    parser.add_argument("--network", action="store_true", help="with TransNetV2, alone and as our second look")
    parser.add_argument("--tune", action="store_true", help="try PySceneDetect's thresholds, on other seeds")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    args = parser.parse_args()
    first = TUNING_SEED if args.tune else FROZEN_SEED
    with tempfile.TemporaryDirectory() as name:
        films = []
        for number in range(args.seeds):
            films.append(make_film(SPORTS[number % 3], first + number, args.seconds, Path(name)))
            print(f"film {number + 1} of {args.seeds}", file=sys.stderr, flush=True)
        if args.tune:
            print(json.dumps(tune(films)))
            return
        peers = {f"PySceneDetect {kind}": ShotConfig.model_validate({"detector": kind}) for kind in TUNED}
        peers |= {
            f"PySceneDetect {kind} at {value:g}": ShotConfig.model_validate({"detector": kind, "threshold": value})
            for kind, value in TUNED.items()
        }
        ours = {"lean": ShotConfig()}
        if args.network:
            peers["TransNetV2"] = ShotConfig(detector="network")
            ours["lean, second look"] = ShotConfig(second_look=True)
        table = measure(films, {**ours, **peers})
    best = max(table[name]["f1"] for name in peers)
    figures = {"scores": table, "f1_over_best_peer": table["lean"]["f1"] / best, "seeds": args.seeds, "seconds": args.seconds}
    if args.json:
        print(json.dumps(figures))
        return
    print(f"{'':32}{'F1':>7}{'hard':>7}{'right':>7}{'wrong':>7}{'missed':>8}{'flashes':>9}{'ms/frame':>10}")
    for key, row in table.items():
        print(
            f"{key:32}{row['f1']:7.3f}{row['hard_f1']:7.3f}{row['right']:7.0f}{row['wrong']:7.0f}{row['missed']:8.0f}"
            f"{row['flashes_taken_for_cuts']:9.0f}{row['cpu_ms_per_frame']:10.2f}"
        )
    lean = table["lean"]
    print(f"replay links F1 {lean['replay_link_f1']:.3f}; cameras named rightly {lean['camera_accuracy']:.3f}")


if __name__ == "__main__":
    main()
