"""What one decode saves: CPU seconds per minute of video, against PySceneDetect's own program and two separate extractions.

    python -m benchmarks.ingest [--seconds 60] [--rounds 5] [--film FILE] [--json]

Both sides make the same things: cuts, a 640x360 H.264 proxy with AAC (same x264 settings), and 16 kHz mono samples. ``one pass``
is ingest.onepass.decode_once; ``separate`` is ``scenedetect detect-adaptive`` + one process for the proxy + one for the samples
(ffmpeg where it is installed, else plain PyAV with one scaler thread). Every job is a process of its own, start-up included; user
and system time of all its threads is counted. Rounds are interleaved and the median is given, for single runs differ by 12 %.
``bare`` is one decode of the same film and nothing else. Without --film a simulated broadcast is written as 1280x720 with a
keyframe every 10 s.
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
from fractions import Fraction
from pathlib import Path

import numpy as np

from deepsport.taxonomy import Sport
from deepsport.video import PictureReader, VideoWriter, probe
from ingest.onepass import ProxyConfig, decode_once

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


def run_one_pass(film: Path, folder: Path) -> None:
    decode_once(film, folder / "one-pass.mp4", folder)


def run_bare(film: Path, folder: Path) -> None:
    del folder
    reader = PictureReader(film)
    for _ in reader.until(reader.num_frames - 1):
        pass
    reader.close()


def run_plain_proxy(film: Path, folder: Path) -> None:
    """The proxy as one would write it with PyAV."""
    import av
    from av.video.reformatter import Interpolation, VideoReformatter

    config, scaler = ProxyConfig(), VideoReformatter()
    with av.open(str(film)) as source, av.open(str(folder / "plain.mp4"), "w") as out:
        video = source.streams.video[0]
        video.codec_context.thread_count = 1
        options = {"preset": config.preset, "crf": str(config.crf), "g": str(config.gop), "bf": "0", "sc_threshold": "0"}
        target = out.add_stream("libx264", rate=Fraction(video.average_rate or 25), options=options)
        target.width, target.height, target.pix_fmt = config.width, config.height, "yuv420p"
        target.codec_context.thread_count = 1
        streams = [video, *source.streams.audio[:1]]
        sound = out.add_stream("aac", rate=16000, layout="mono") if len(streams) > 1 else None
        for frame in source.decode(*streams):
            if isinstance(frame, av.VideoFrame):
                small = scaler.reformat(
                    frame, config.width, config.height, "yuv420p", interpolation=Interpolation.AREA, threads=1
                )
                small.pict_type = 0
                out.mux(target.encode(small))
            elif sound is not None and isinstance(frame, av.AudioFrame):
                out.mux(sound.encode(frame))
        out.mux(target.encode(None))
        if sound is not None:
            out.mux(sound.encode(None))


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
    "bare": run_bare,
    "plain-proxy": run_plain_proxy,
    "plain-sound": run_plain_sound,
}


def commands(film: Path, folder: Path) -> dict[str, list[list[str]]]:
    """The jobs of each side, as command lines."""

    def task(name: str) -> list[str]:
        return [sys.executable, "-m", "benchmarks.ingest", "--task", name, "--film", str(film), "--folder", str(folder)]

    config, ffmpeg = ProxyConfig(), shutil.which("ffmpeg")
    proxy, sound = task("plain-proxy"), task("plain-sound")
    if ffmpeg:
        common = [ffmpeg, "-nostdin", "-v", "error", "-y", "-threads", "1", "-i", str(film)]
        x264 = [
            "-c:v",
            "libx264",
            "-preset",
            config.preset,
            "-crf",
            str(config.crf),
            "-g",
            str(config.gop),
            "-bf",
            "0",
            "-threads",
            "1",
        ]
        scale = ["-vf", f"scale={config.width}:{config.height}:flags=area", "-sc_threshold", "0", "-ac", "1", "-ar", "16000"]
        proxy = [*common, *scale, *x264, str(folder / "ffmpeg.mp4")]
        sound = [*common, "-vn", "-ac", "1", "-ar", "16000", "-f", "s16le", str(folder / "ffmpeg.pcm")]
    cuts = [sys.executable, "-m", "scenedetect", "-q", "-i", str(film), "-o", str(folder), "detect-adaptive"]
    return {"one pass": [task("one-pass")], "separate": [cuts, proxy, sound], "bare": [task("bare")]}


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
        minutes = probe(film).duration_s / 60
        sides = commands(film, folder)
        runs: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(args.rounds):
            for side, jobs in sides.items():
                runs[side].append(sum(cpu_seconds(job) for job in jobs) / minutes)
    medians = {side: statistics.median(values) for side, values in runs.items()}
    figures = {
        "cpu_s_per_video_minute": medians,
        "spread": {side: [min(values), max(values)] for side, values in runs.items()},
        "one_pass_to_separate": medians["one pass"] / medians["separate"],
        "one_pass_to_bare_decode": medians["one pass"] / medians["bare"],
        "rounds": args.rounds,
        "separate_with": "ffmpeg" if shutil.which("ffmpeg") else "PyAV",
    }
    if args.json:
        print(json.dumps(figures))
        return
    for side, value in medians.items():
        print(f"{side:10} {value:7.2f} CPU s per minute of video   ({min(runs[side]):.2f} to {max(runs[side]):.2f})")
    print(f"one pass / separate    {figures['one_pass_to_separate']:.2f}   (separate with {figures['separate_with']})")
    print(f"one pass / bare decode {figures['one_pass_to_bare_decode']:.2f}")


if __name__ == "__main__":
    main()
