"""What a simulated broadcast costs: frames per CPU second, the ratio to real time, and memory.

    python -m benchmarks.simulator [--seconds 60] [--rounds 3] [--long-minutes 5] [--production broadcast] [--json]
    python -m benchmarks.simulator --peak-of 5400 --sport soccer    # one film of that length alone: peak MB, CPU and wall seconds

CPU time (user and system, all threads) of this process; each figure is the median of interleaved rounds over different seeds.
``build`` is planning; ``draw`` is every frame in order, stadiums included; ``write`` is `simulate`: planning, drawing, sound,
encoding, feed and truth. Memory is the peak of a process of its own that writes one minute of tennis, and one that writes
--long-minutes: what the second needs more, a minute, is what an hour and a half would add ninety times.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deepsport.taxonomy import Sport
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.files import simulate
from ingest.simulator.schedule import Production, SimulatorConfig

SPORTS = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)


def measure(sport: Sport, seed: int, seconds: float, config: SimulatorConfig) -> dict[str, float]:
    start = time.process_time()
    broadcast = SimulatedBroadcast(sport, seed, seconds, config)
    built = time.process_time()
    for _ in broadcast.frames():
        pass
    drawn = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        files = simulate(sport, seed, seconds, Path(folder), config)
        written = time.process_time()
        size_bytes = files.video.stat().st_size
    return {
        "build_ms": 1000 * (built - start),
        "draw_frames_per_cpu_s": broadcast.num_frames / (drawn - built),
        "draw_times_real_time": seconds / (drawn - built),
        "write_times_real_time": seconds / (written - drawn),
        "mp4_kbit_per_s": size_bytes * 8 / 1000 / seconds,
    }


def peak_mb(seconds: float, production: Production) -> float:
    """Peak memory of a process that writes a broadcast of that length."""
    command = [sys.executable, "-m", "benchmarks.simulator", "--peak-of", str(seconds), "--production", production, "--json"]
    return float(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["peak_mb"])


def write_one(sport: Sport, seconds: float, config: SimulatorConfig) -> dict[str, float]:
    """What one film takes that this process writes."""
    cpu, wall = time.process_time(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        simulate(sport, 0, seconds, Path(folder), config)
    # Not getrusage: what it calls the peak begins with that of the process that started this one.
    peak_kb = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    taken = {"peak_mb": peak_kb / 1024, "cpu_s": time.process_time() - cpu, "wall_s": time.monotonic() - wall}
    return {name: round(value, 1) for name, value in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="What a simulated broadcast costs.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long-minutes", type=float, default=5)
    parser.add_argument("--production", choices=list(Production), default=Production.BROADCAST)
    parser.add_argument("--peak-of", type=float, metavar="SECONDS", help="Write one film of that length, and nothing else.")
    parser.add_argument("--sport", choices=list(SPORTS), default=Sport.TENNIS, help="Of that film.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    config = SimulatorConfig(production=Production(options.production))
    if options.peak_of is not None:
        taken = write_one(Sport(options.sport), options.peak_of, config)
        print(json.dumps(taken) if options.json else "  ".join(f"{name} {value}" for name, value in taken.items()))
        return
    for sport in SPORTS:
        measure(sport, 999, 8, config)  # caches of the bank and the noise
    runs: dict[Sport, list[dict[str, float]]] = {sport: [] for sport in SPORTS}
    for seed in range(options.rounds):
        for sport in SPORTS:
            runs[sport].append(measure(sport, seed, options.seconds, config))
    figures = {
        str(sport): {name: round(statistics.median(run[name] for run in rounds), 2) for name in rounds[0]}
        for sport, rounds in runs.items()
    }
    short, long = peak_mb(60, config.production), peak_mb(60 * options.long_minutes, config.production)
    figures["memory"] = {
        "peak_mb_1_minute": round(short, 1),
        f"peak_mb_{options.long_minutes:g}_minutes": round(long, 1),
        "mb_a_minute": round((long - short) / (options.long_minutes - 1), 2),
    }
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    for name, values in figures.items():
        print(f"{name:12s}", "  ".join(f"{key} {value}" for key, value in values.items()))


if __name__ == "__main__":
    main()
