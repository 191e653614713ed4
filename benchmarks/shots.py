"""How well cuts are found: precision, recall and F1 on simulated broadcasts, whose cuts are known to the frame.

    python -m benchmarks.shots [--seeds 3] [--seconds 60] [--json]

Every broadcast is written as an mp4 and goes through the one decode of ingest. A found cut is right when a true one, not yet
taken, lies within 2 frames. The simulator cuts hard only, so this says nothing about dissolves and wipes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from deepsport.taxonomy import Sport
from deepsport.video import write_video
from ingest.onepass import decode_once
from ingest.shots import ShotConfig
from ingest.simulator.broadcast import SimulatedBroadcast

TOLERANCE_FRAMES = 2
SPORTS = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)


class Score(NamedTuple):
    """Cuts found rightly, found wrongly, and missed."""

    right: int
    wrong: int
    missed: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 1 when there is nothing to find and nothing was found."""
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else 1.0

    @property
    def precision(self) -> float:
        """Share of the found cuts that are true."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of the true cuts that were found."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def score_cuts(found: Sequence[int], true: Sequence[int], tolerance: int = TOLERANCE_FRAMES) -> Score:
    """Match found cuts to true ones, each at most once, in order.

    >>> score_cuts([10, 50, 90], [11, 90, 120])
    Score(right=2, wrong=1, missed=1)
    """
    left = sorted(true)
    right = 0
    for cut in sorted(found):
        match = next((t for t in left if abs(t - cut) <= tolerance), None)
        if match is not None:
            left.remove(match)
            right += 1
    return Score(right, len(found) - right, len(left))


def measure(sport: Sport, seed: int, seconds: float, folder: Path, config: ShotConfig) -> Score:
    """Cuts found in one simulated broadcast against its truth."""
    broadcast = SimulatedBroadcast(sport, seed, seconds)
    path = folder / f"{sport}-{seed}-{seconds:g}.mp4"
    if not path.exists():
        write_video(path, (broadcast.frame(i) for i in range(broadcast.num_frames)), broadcast.rate)
    changes = decode_once(path, folder / "proxy.mp4", folder, shot_config=config).changes
    found = [change.frame_index for change in changes]
    true = [broadcast.rate.frame_at(shot.span.start_s) for shot in broadcast.shots][1:]
    return score_cuts(found, true)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="broadcasts of each sport")
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    args = parser.parse_args()
    totals: dict[str, Score] = {}
    with tempfile.TemporaryDirectory() as name:
        for sport in SPORTS:
            scores = [
                measure(sport, seed, args.seconds, Path(name), ShotConfig())
                for seed in range(args.first_seed, args.first_seed + args.seeds)
            ]
            totals[sport] = Score(*(sum(column) for column in zip(*scores, strict=True)))
    totals["all"] = Score(*(sum(column) for column in zip(*totals.values(), strict=True)))
    if args.json:
        rows = {k: {**s._asdict(), "precision": s.precision, "recall": s.recall, "f1": s.f1} for k, s in totals.items()}
        print(json.dumps({"tolerance_frames": TOLERANCE_FRAMES, "seeds": args.seeds, "seconds": args.seconds, "scores": rows}))
        return
    print(f"{'':12}{'right':>7}{'wrong':>7}{'missed':>8}{'precision':>11}{'recall':>8}{'F1':>7}")
    for key, s in totals.items():
        print(f"{key:12}{s.right:7}{s.wrong:7}{s.missed:8}{s.precision:11.3f}{s.recall:8.3f}{s.f1:7.3f}")


if __name__ == "__main__":
    main()
