"""What a simulated broadcast costs: frames per CPU second and the ratio to real time, drawn only and written as mp4.

    python -m benchmarks.simulator [--seconds 60] [--rounds 3] [--json]

CPU time (user and system, all threads) of this process; each figure is the median of interleaved rounds over different seeds.
``build`` is the constructor; ``draw`` is every frame in order, stadiums included; ``write`` is `simulate`, encoding included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from deepsport.taxonomy import Sport
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.files import simulate

SPORTS = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)


def measure(sport: Sport, seed: int, seconds: float) -> dict[str, float]:
    start = time.process_time()
    broadcast = SimulatedBroadcast(sport, seed, seconds)
    built = time.process_time()
    for index in range(broadcast.num_frames):
        broadcast.frame(index)
    drawn = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        files = simulate(sport, seed, seconds, Path(folder))
        written = time.process_time()
        size_bytes = files.video.stat().st_size
    return {
        "build_ms": 1000 * (built - start),
        "draw_frames_per_cpu_s": broadcast.num_frames / (drawn - built),
        "draw_times_real_time": seconds / (drawn - built),
        "write_times_real_time": seconds / (written - drawn),
        "mp4_kbit_per_s": size_bytes * 8 / 1000 / seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What a simulated broadcast costs.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for sport in SPORTS:
        measure(sport, 999, 8)  # caches of the bank and the noise
    runs: dict[Sport, list[dict[str, float]]] = {sport: [] for sport in SPORTS}
    for seed in range(options.rounds):
        for sport in SPORTS:
            runs[sport].append(measure(sport, seed, options.seconds))
    figures = {
        str(sport): {name: round(statistics.median(run[name] for run in rounds), 2) for name in rounds[0]}
        for sport, rounds in runs.items()
    }
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    for name, values in figures.items():
        print(f"{name:12s}", "  ".join(f"{key} {value}" for key, value in values.items()))


if __name__ == "__main__":
    main()
