"""Two broadcasts on two cores, and the memory of a long one.

    python -m benchmarks.scale [--seconds 300] [--rounds 3] [--json]
    python -m benchmarks.scale --memory [--minutes 10 120] [--json]

``speedup`` is the wall time of `deepsport ingest` of two simulated 1280x720 broadcasts (without speech) one after the other, by
the time with ``--workers 2``, start-up included: true on a machine with two free cores only. ``efficiency`` is the ratio of their
CPU seconds, all processes counted, which other work on the machine spoils little: two cores do at best twice that of one.
``load`` is how many processes wanted to run when the round began. Rounds alternate; medians are given.

--memory: a simulated minute of 160x90 with sound is repeated by copying its packets, and the whole pass but the proxy is run over
it (shots, hashes, sound, kinds of shot, whistles, fingerprint) in a process of its own. ``peak_mb`` is its largest resident
memory; the samples' file is mapped and stands in it as far as it was read, though the kernel takes such pages back at need.
``peak_own_mb`` is without them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np

from benchmarks.ingest import make_film
from deepsport.records import Made
from deepsport.taxonomy import Sport
from deepsport.timebase import FrameRate
from deepsport.video import write_video

TIMEOUT_S = 7200
LOOP_S = 64
"""So long that a whole number of AAC frames of 16 kHz fits."""
RATE = 16_000


def time_ingest(films: Path, workspace: Path, recipe: Path, workers: int) -> tuple[float, float]:
    """Wall and CPU seconds of `deepsport ingest`, children included."""
    command = [sys.executable, "-m", "flows", "ingest", str(films), "--workspace", str(workspace), "--recipe", str(recipe)]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([*command, "--workers", str(workers)], check=True, timeout=TIMEOUT_S, stderr=subprocess.DEVNULL)
    wall_s, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(workspace)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure_speedup(seconds: float, rounds: int) -> dict[str, Any]:
    """Figures of two broadcasts with one process and with two."""
    runs: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    load = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films, recipe = folder / "films", folder / "bare.toml"
        films.mkdir()
        recipe.write_text('name = "bare"\n[ingest]\ntranscription = false\n')
        for number in range(2):
            make_film(films / f"{number}.mp4", seconds + number)  # not the same bytes
        for number in range(rounds):
            for workers in (1, 2) if number % 2 == 0 else (2, 1):
                load.append(os.getloadavg()[0])
                runs[workers].append(time_ingest(films, folder / "workspace", recipe, workers))
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    pairs = list(zip(runs[1], runs[2], strict=True))
    return {
        "speedup": statistics.median(one[0] / two[0] for one, two in pairs),
        "efficiency": statistics.median(one[1] / two[1] for one, two in pairs),
        "wall_s": {f"{workers} workers": [wall_s for wall_s, _ in timed] for workers, timed in runs.items()},
        "cpu_s": {f"{workers} workers": [cpu_s for _, cpu_s in timed] for workers, timed in runs.items()},
        "load": load,
        "cores": len(os.sched_getaffinity(0)),
    }


def make_loop(path: Path) -> None:
    """A simulated broadcast of LOOP_S, made small."""
    from ingest.simulator.broadcast import SimulatedBroadcast

    broadcast = SimulatedBroadcast(Sport.SOCCER, seed=77, duration_s=LOOP_S)
    frames = (np.ascontiguousarray(broadcast.frame(i)[::4, ::4]) for i in range(LOOP_S * 25))
    noise_N = np.random.default_rng(0).normal(0, 0.02, LOOP_S * RATE).astype(np.float32)
    write_video(path, frames, FrameRate(num=25), noise_N, sample_rate=RATE, gop=50)


def repeat(loop: Path, path: Path, minutes: int) -> None:
    """The film again and again until it is so long; packets are copied."""
    import av

    with av.open(str(loop)) as source, av.open(str(path), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for number in range(-(-60 * minutes // LOOP_S)):
            source.seek(0)
            for packet in source.demux():
                if packet.dts is None or not 0 <= packet.pts * packet.time_base < LOOP_S:
                    continue
                shift = round(number * LOOP_S / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = streams[packet.stream.index]
                out.mux(packet)


def run_pass(film: Path) -> None:
    """The whole pass but the proxy and speech; prints peak resident memory in MB, seconds of film, and CPU seconds."""
    from ingest.fingerprints import fingerprint
    from ingest.onepass import decode_once
    from ingest.shot_kinds import describe_shots, loudness
    from ingest.shots import shots_between
    from ingest.whistles import find_whistles

    made, own_kb, over = Made(step="ingest"), [0], Event()

    def watch() -> None:
        while not over.wait(0.02):
            own_kb.append(_status_kb("RssAnon"))

    watcher = Thread(target=watch)
    watcher.start()
    with tempfile.TemporaryDirectory() as folder:
        done = decode_once(film, None, Path(folder))
        shots = shots_between(done.changes, done.num_frames, done.rate, "b", made)
        describe_shots(shots, done.seen, done.rate, loudness(done.samples_N, RATE))
        find_whistles(done.samples_N)
        fingerprint("b", done.seen, done.num_frames, done.rate, made)
    over.set()
    watcher.join()
    # Not ru_maxrss: that of the process which started this one may stand in it.
    figures = {
        "peak_mb": _status_kb("VmHWM") / 1024,
        "peak_own_mb": max(own_kb) / 1024,
        "film_s": done.num_frames / done.rate.fps,
        "shots": len(shots),
        "cpu_s": time.process_time(),
    }
    print(json.dumps(figures))


def _status_kb(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def measure_memory(minutes: list[int]) -> dict[str, Any]:
    """Peak memory by length of film."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        loop = Path(name) / "loop.mp4"
        make_loop(loop)
        for length in minutes:
            film = Path(name) / f"{length}.mp4"
            repeat(loop, film, length)
            command = [sys.executable, "-m", "benchmarks.scale", "--task", str(film)]
            ran = subprocess.run(command, check=True, timeout=TIMEOUT_S, capture_output=True, text=True)
            found[f"{length} min"] = json.loads(ran.stdout)
            film.unlink()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--minutes", type=int, nargs="+", default=[10, 120])
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    parser.add_argument("--task", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task:
        run_pass(args.task)
        return
    found = measure_memory(args.minutes) if args.memory else measure_speedup(args.seconds, args.rounds)
    print(json.dumps(found) if args.json else "\n".join(f"{key}: {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
