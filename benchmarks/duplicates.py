"""How well copies of broadcasts are found among strangers of the same sport: recall and precision of curriculum.duplicates.

    python -m benchmarks.duplicates [--seeds 3] [--seconds 60] [--first-seed 9300] [--json]

Of each simulated broadcast (soccer, tennis, volleyball; as on television) these copies are made: ``encode`` is smaller and
coarser (240x135 for 320x180, crf 34), ``crop`` lacks a tenth of its width and height, ``logo`` bears another channel's box,
``excerpt`` begins later, between two sights of the original, and is brighter, ``mirror`` is turned left to right, ``replay`` is
another broadcast into which one live shot of the original is cut. Copies are cut into clips anew, at other places. A pair of
clips that shares 5 s should be found and one of strangers should not; what is in between is not counted. Strangers are the
broadcasts of other seeds, and a ``twin`` of each original: another match of teams in the same kits on the same surface, filmed
from the same places. The pictures are those that a fingerprint is made of, five a second; each passes an encoder on its way.
Limits were set on the seeds from 200 on.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from curriculum.duplicates import group_clips
from deepsport.ids import make_id
from deepsport.records import Clip, Fingerprint, Made
from deepsport.taxonomy import Sport
from deepsport.timebase import FrameRate, FrameWindow
from deepsport.video import Frames, PictureReader, write_video
from ingest.fingerprints import fingerprint
from ingest.glances import Glances
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import Production, Scene, SimulatorConfig

SPORTS = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)
PER_S = 5
SIZE = (320, 180)
FOUND_S, APART_S = 5.0, 3.0
Shows = Sequence[tuple[str, int]]
"""A match and its frame, of each sight."""


class Film(NamedTuple):
    """A broadcast or a copy: its fingerprint and clips, and of each of its seconds, by fifths, what it shows."""

    name: str
    kind: str
    print_: Fingerprint
    clips: list[Clip]
    shows: Shows


class Twin(SimulatedBroadcast):
    """Another match in the looks of a given one: the same kits, surface and light."""

    def __init__(self, of: SimulatedBroadcast, seed: int, seconds: float) -> None:
        self._of = of
        super().__init__(of.sport, seed, seconds, of.config)

    def _rng(self, purpose: str) -> np.random.Generator:
        return self._of._rng(purpose) if purpose == "look" else super()._rng(purpose)


def resized(image: Frames, size: tuple[int, int] = SIZE) -> Frames:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def coarser(image: Frames) -> Frames:
    return resized(image, (SIZE[0] * 3 // 4 // 2 * 2, SIZE[1] * 3 // 4 // 2 * 2))


def cropped(image: Frames) -> Frames:
    x, y = round(0.05 * SIZE[0]), round(0.05 * SIZE[1])
    return resized(image[y:-y, x:-x])


def with_logo(image: Frames) -> Frames:
    out = image.copy()
    out[10:30, 15:70] = (20, 30, 90)
    cv2.putText(out, "SIM 24", (19, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
    return out


def brighter(image: Frames) -> Frames:
    return np.clip(image.astype(np.float32) * 1.08 + 8, 0, 255).astype(np.uint8)


def mirrored(image: Frames) -> Frames:
    return np.ascontiguousarray(image[:, ::-1])


def as_it_is(image: Frames) -> Frames:
    return image


def make(name: str, kind: str, shows: Shows, images: Iterable[Frames], crf: int, folder: Path, lots: np.random.Generator) -> Film:
    """Encode the pictures, decode them, take the fingerprint, and cut clips of 6 to 15 s."""
    rate = FrameRate(num=PER_S)
    path = folder / f"{name}-{kind}.mp4"
    write_video(path, images, rate, gop=25, crf=crf)
    reader, glances = PictureReader(path), Glances(1)
    for number, picture in reader.sweep():
        glances.feed(picture, number)
    reader.close()
    path.unlink()
    broadcast_id = make_id("broadcast", name, kind)
    print_ = fingerprint(broadcast_id, glances.finish(), len(shows), rate, Made(step="fingerprint"))
    clips, first = [], 0
    while len(shows) - first >= 6 * PER_S:
        length = min(int(lots.integers(6 * PER_S, 15 * PER_S)), len(shows) - first)
        window = FrameWindow(idx_start=first, idx_end=first + length - 1)
        clips.append(Clip(clip_id=make_id("clip", broadcast_id, first), broadcast_id=broadcast_id, sport=Sport.OTHER,
                          span=rate.span_of(window), first_frame=first, num_frames=length, rate=rate))  # fmt: skip
        first += length
    return Film(name, kind, print_, clips, shows)


def make_films(seeds: Iterable[int], seconds: float, folder: Path) -> list[Film]:
    """Originals, copies, and other matches that look the same."""
    films: list[Film] = []
    config = SimulatorConfig(production=Production.BROADCAST)
    for number, (sport, seed) in enumerate((sport, seed) for sport in SPORTS for seed in seeds):
        lots = np.random.default_rng(number)
        match = SimulatedBroadcast(sport, seed, seconds, config)
        twin = Twin(match, seed + 5000, seconds)
        name, every = f"{sport}-{seed}", round(match.rate.fps / PER_S)

        @cache
        def picture(of: str, frame: int, match: SimulatedBroadcast = match, twin: Twin = twin) -> Frames:
            return resized((twin if of.endswith("twin") else match).frame(frame))

        whole = [(name, i) for i in range(0, match.num_frames, every)]
        other = [(f"{name}-twin", i) for i in range(0, twin.num_frames, every)]
        wide = (shot for shot in match.schedule.shots if shot.scene is Scene.WIDE)
        live = max(wide, key=lambda shot: shot.last - shot.first)
        shot = [(name, i) for i in range(live.first, live.last, every)]
        later = [(name, i) for i in range(38, match.num_frames - 50, every)]
        copies: dict[str, tuple[Shows, Callable[[Frames], Frames], int]] = {
            "original": (whole, as_it_is, 23),
            "twin": (other, as_it_is, 23),
            "encode": (whole, coarser, 34),
            "crop": (whole, cropped, 28),
            "logo": (whole, with_logo, 26),
            "excerpt": (later, brighter, 28),
            "mirror": (whole, mirrored, 26),
            "replay": ([*other[:75], *shot, *other[75:150]], as_it_is, 26),
        }
        for kind, (shows, change, crf) in copies.items():
            films.append(make(name, kind, shows, (change(picture(*what)) for what in shows), crf, folder, lots))
        print(f"{name}: longest wide shot {len(shot) / PER_S:.1f} s", file=sys.stderr, flush=True)
    return films


def shared_s(one: Film, a: Clip, other: Film, b: Clip) -> float:
    """Seconds of the first clip whose pictures are shown in the second as well, to a fifth of a second."""
    shown = {
        (name, frame // 5 + by) for name, frame in other.shows[b.first_frame : b.first_frame + b.num_frames] for by in (-1, 0, 1)
    }
    return sum((name, frame // 5) in shown for name, frame in one.shows[a.first_frame : a.first_frame + a.num_frames]) / PER_S


def score(films: Sequence[Film]) -> dict[str, Any]:
    """Recall by kind of copy, of broadcasts and of clips, and how many strangers were taken for copies."""
    found: dict[str, list[bool]] = {}
    wrong, strangers, false_clips, right_clips = 0, 0, 0, 0
    # Another broadcast with a shot cut into it ties its own match to the original's, so it is looked at by itself.
    plain = [film for film in films if film.kind != "replay"]
    replays = [
        [film, one]
        for film in films
        if film.kind == "replay"
        for one in plain
        if one.name == film.name and one.kind == "original"
    ]
    for looked_at in (plain, *replays):
        groups = group_clips([film.print_ for film in looked_at], [clip for film in looked_at for clip in film.clips])
        group_of = {clip_id: group.clip_group_id for group in groups for clip_id in group.clip_ids}
        for one, other in combinations(looked_at, 2):
            shared = {(a.clip_id, b.clip_id): shared_s(one, a, other, b) for a in one.clips for b in other.clips}
            together = {pair: pair[0] in group_of and group_of[pair[0]] == group_of.get(pair[1]) for pair in shared}
            linked = any({one.print_.broadcast_id, other.print_.broadcast_id} <= set(group.broadcast_ids) for group in groups)
            if max(shared.values()) < APART_S:
                strangers, wrong = strangers + 1, wrong + linked
                false_clips += sum(together.values())
            elif "original" in (one.kind, other.kind) and max(shared.values()) >= FOUND_S:
                kind = other.kind if one.kind == "original" else one.kind
                due = [pair for pair, seconds in shared.items() if seconds >= FOUND_S]
                found.setdefault(f"{kind}, broadcasts", []).append(linked)
                found.setdefault(f"{kind}, clips", []).extend(together[pair] for pair in due)
                right_clips += sum(together[pair] for pair in due)
    linked_right = sum(sum(hits) for kind, hits in found.items() if kind.endswith("broadcasts"))
    return {
        "recall": {kind: sum(hits) / len(hits) for kind, hits in found.items()},
        "pairs": {kind: len(hits) for kind, hits in found.items()},
        "broadcast_recall": linked_right / sum(len(hits) for kind, hits in found.items() if kind.endswith("broadcasts")),
        "clip_recall": right_clips / sum(len(hits) for kind, hits in found.items() if kind.endswith("clips")),
        "broadcast_precision": linked_right / max(1, linked_right + wrong),
        "strangers": strangers,
        "strangers_linked": wrong,
        "false_clip_pairs": false_clips,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="broadcasts of each sport")
    parser.add_argument("--first-seed", type=int, default=9300)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        films = make_films(range(args.first_seed, args.first_seed + args.seeds), args.seconds, Path(name))
    start = time.process_time()
    figures = score(films)
    figures["cpu_s"] = time.process_time() - start
    if args.json:
        print(json.dumps(figures))
        return
    for kind, recall in figures["recall"].items():
        print(f"{kind:24}{recall:8.3f}  of {figures['pairs'][kind]}")
    print(f"broadcasts: recall {figures['broadcast_recall']:.3f}, precision {figures['broadcast_precision']:.3f}: "
          f"{figures['strangers_linked']} of {figures['strangers']} pairs of strangers linked")  # fmt: skip
    print(f"clips: recall {figures['clip_recall']:.3f}, {figures['false_clip_pairs']} pairs of strangers grouped")


if __name__ == "__main__":
    main()
