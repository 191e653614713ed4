"""What a tool call costs: eight frames, spread over a window of 1 to 20 s in a clip of a broadcast, as 640x360 RGB.

    python -m benchmarks.frames [--seconds 60] [--calls 24] [--rounds 5] [--film FILE] [--json]

``ours`` is FrameReader on the proxy that ingest makes, without a cache; ``gop 30``, ``gop 30 alike`` and ``source`` are PyAV, one
decode thread, seeking to the keyframe before each frame: on H.264 proxies of the same size with a keyframe every 30 frames, of
x264's usual quality (crf 23) and of the crf that comes closest to ours in fidelity, and on the 720p film itself. ``bare`` decodes
the bytes that ours has to and nothing else, no lookup, no RGB; ``jpeg`` decodes JPEGs of every frame (cv2, quality 70), which
lie in memory; ``gop 10`` is FrameReader on an H.264 proxy with a keyframe every ten, ``keyframes`` on one of keyframes alone.
``again`` is ours with its cache, the calls of eight rollouts on one clip that look where the others looked. All make the same
calls, in turns; times are CPU, of each round the median call, and ratios the median over the rounds. PSNR is of the brightness
of every frame against the film scaled to 640x360. Without --film a simulated broadcast is enlarged to 720p and written with a
keyframe every ten seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from av.codec.context import CodecContext

from deepsport.taxonomy import Sport
from deepsport.timebase import FrameWindow
from deepsport.video import FrameCache, FrameReader, Frames, Painter, VideoWriter, open_media, probe, video_stream
from deepsport.video.pictures import planes_of
from ingest.onepass import decode_once
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import Production, SimulatorConfig

SIZE = (640, 360)
SEED = 77
Calls = Sequence[Sequence[int]]


def make_film(path: Path, seconds: float) -> None:
    """A simulated broadcast, enlarged to 1280x720, with long GOPs and B-frames, as broadcasters send it."""
    broadcast = SimulatedBroadcast(Sport.SOCCER, SEED, seconds, SimulatorConfig(production=Production.BROADCAST))
    with VideoWriter(path, broadcast.rate, (1280, 720), gop=250, b_frames=3, crf=21) as writer:
        for i in range(broadcast.num_frames):
            frame_HWC = cv2.resize(broadcast.frame(i), (1280, 720), interpolation=cv2.INTER_CUBIC)
            writer.add_frame(np.asarray(frame_HWC, np.uint8))


def windows(num_frames: int, fps: float, num_calls: int) -> list[list[int]]:
    """The frames of random calls: a window of 1 to 20 s in a clip of 5 to 60 s."""
    generator = np.random.default_rng(0)
    calls = []
    for _ in range(num_calls):
        clip = min(num_frames, int(generator.uniform(5, 60) * fps))
        start = int(generator.integers(0, num_frames - clip + 1))
        window = min(clip, int(generator.uniform(1, 20) * fps))
        first = start + int(generator.integers(0, clip - window + 1))
        calls.append(FrameWindow(idx_start=first, idx_end=first + window - 1).uniform(8))
    return calls


def by_pyav(path: Path) -> Callable[[Sequence[int]], object]:
    """Frames as one gets them from PyAV: seek, decode up to the frame, scale to RGB."""
    container = open_media(path)
    stream = video_stream(container, path)
    assert stream.time_base is not None and stream.average_rate is not None
    ticks, start = 1 / (stream.average_rate * stream.time_base), stream.start_time or 0
    painter = Painter(SIZE)

    def call(indices: Sequence[int]) -> object:
        frames = []
        for index in indices:
            container.seek(start + round(index * ticks), stream=stream)
            picture = next(p for p in container.decode(stream) if p.pts is not None and p.pts >= start + round(index * ticks))
            frames.append(painter.rgb(picture))
        return np.stack(frames)

    return call


def bare(path: Path) -> Callable[[Sequence[int]], object]:
    """Decodes what leads to each frame from its keyframe on; pictures must be stored in the order they are shown."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        decoder = CodecContext.create(stream.codec_context.name, "r")
        decoder.extradata, decoder.thread_count = stream.codec_context.extradata, 1
    keys = [max(k for k in range(i + 1) if packets[k].is_keyframe) for i in range(len(packets))]

    def call(indices: Sequence[int]) -> object:
        pictures, done = [], -1
        for index in sorted(set(indices)):
            for i in range(max(keys[index], done + 1), index + 1):
                pictures += decoder.decode(packets[i])
            done = index
        assert len(pictures) >= len(set(indices)), "the decoder holds pictures back"
        return pictures

    return call


def psnr(path: Path, planes_THW: Sequence[Frames]) -> float:
    """Of the brightness of all frames of a file, in dB."""
    errors = []
    with open_media(path) as container:
        for picture, plane_HW in zip(container.decode(video_stream(container, path)), planes_THW, strict=True):
            errors.append(float(np.square(planes_of(picture)[0].astype(np.float32) - plane_HW).mean()))
    return 10 * float(np.log10(255**2 / np.mean(errors)))


def by_jpeg(path: Path) -> tuple[Callable[[Sequence[int]], object], int]:
    """JPEGs of every frame, decoded from memory; also their size in bytes."""
    painter, files = Painter(SIZE), []
    with open_media(path) as container:
        for picture in container.decode(video_stream(container, path)):
            files.append(cv2.imencode(".jpg", painter.bgr(picture), [cv2.IMWRITE_JPEG_QUALITY, 70])[1])
    call = lambda indices: np.stack([cv2.imdecode(files[index], cv2.IMREAD_COLOR_RGB) for index in indices])  # noqa: E731
    return call, sum(map(len, files))


def rollouts(path: Path, calls: Calls) -> float:
    """Median CPU milliseconds of a call when each is made eight times by readers that share a cache."""
    spent = []
    with FrameReader(path, size=SIZE, cache=FrameCache(1 << 30)) as reader:
        for _ in range(8):
            for call in calls:
                start = time.process_time()
                reader.frames(call)
                spent.append(1000 * (time.process_time() - start))
    return statistics.median(spent)


def measure(forms: dict[str, Callable[[Sequence[int]], object]], calls: Calls, rounds: int) -> dict[str, list[list[float]]]:
    """CPU milliseconds: of each form, each round and each call."""
    spent: dict[str, list[list[float]]] = {name: [] for name in forms}
    for _ in range(rounds):
        for rows in spent.values():
            rows.append([])
        for call in calls:  # all forms side by side, so that what else the machine does is shared
            for name, form in forms.items():
                start = time.process_time()
                form(call)
                spent[name][-1].append(1000 * (time.process_time() - start))
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--calls", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--film", type=Path, help="a film instead of the simulated one")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = args.film or folder / "source.mp4"
        if args.film is None:
            make_film(source, args.seconds)
        proxies = {"ours": folder / "proxy.mp4"}
        found = decode_once(source, proxies["ours"], folder)
        info, painter = probe(source), Painter(SIZE)
        with open_media(source) as container:
            pictures = [painter.yuv(picture) for picture in container.decode(video_stream(container, source))]
        planes = [planes_of(picture)[0] for picture in pictures]

        def encode(form: str, gop: int, crf: int) -> float:
            proxies[form] = folder / f"{form}.mp4"
            with VideoWriter(proxies[form], info.rate, SIZE, gop=gop, crf=crf) as writer:
                for picture in pictures:
                    writer.add_picture(picture)
            return psnr(proxies[form], planes)

        fidelity = {"ours": psnr(proxies["ours"], planes)}
        fidelity |= {form: encode(form, gop, 23) for form, gop in (("keyframes", 1), ("gop 10", 10), ("gop 30", 30))}
        alike = min(range(26, 38), key=lambda crf: abs(encode("gop 30 alike", 30, crf) - fidelity["ours"]))
        fidelity["gop 30 alike"] = encode("gop 30 alike", 30, alike)
        jpeg, jpeg_bytes = by_jpeg(source)
        calls = windows(found.num_frames, found.rate.fps, args.calls)
        with (
            FrameReader(proxies["ours"], size=SIZE, cache=FrameCache(0)) as ours,
            FrameReader(proxies["keyframes"], size=SIZE, cache=FrameCache(0)) as keyframes,
            FrameReader(proxies["gop 10"], size=SIZE, cache=FrameCache(0)) as gop_10,
        ):
            forms = {
                "ours": ours.frames,
                "bare": bare(proxies["ours"]),
                "jpeg": jpeg,
                "keyframes": keyframes.frames,
                "gop 10": gop_10.frames,
                "gop 30": by_pyav(proxies["gop 30"]),
                "gop 30 alike": by_pyav(proxies["gop 30 alike"]),
                "source": by_pyav(source),
            }
            spent = measure(forms, calls, args.rounds)
        minutes = found.num_frames / found.rate.fps / 60
        sizes = {form: path.stat().st_size for form, path in proxies.items()} | {"jpeg": jpeg_bytes}
        sizes["source"] = source.stat().st_size
        medians = {form: [statistics.median(row) for row in rows] for form, rows in spent.items()}

        def ratio(one: str, other: str) -> float:
            return statistics.median(a / b for a, b in zip(medians[one], medians[other], strict=True))

        figures = {
            "gop_30_to_ours": ratio("gop 30", "ours"),
            "gop_30_alike_to_ours": ratio("gop 30 alike", "ours"),
            "crf_alike": alike,
            "psnr_db": fidelity,
            "source_to_ours": ratio("source", "ours"),
            "ours_to_bare": ratio("ours", "bare"),
            "ours_to_jpeg": ratio("ours", "jpeg"),
            "bytes_to_source": sizes["ours"] / sizes["source"],
            "p50_ms": {form: statistics.median(rows) for form, rows in medians.items()},
            "p95_ms": {form: float(np.percentile(np.concatenate(rows), 95)) for form, rows in spent.items()},
            "again_ms": rollouts(proxies["ours"], calls),
            "mb_per_min": {form: size / 1e6 / minutes for form, size in sizes.items()},
            "source_mbit_per_s": 8 * sizes["source"] / 1e6 / (60 * minutes),
        }
    if args.json:
        print(json.dumps(figures))
        return
    print(f"{'':14}{'p50 ms':>10}{'p95 ms':>10}{'MB/min':>10}{'PSNR dB':>10}")
    for form in forms:
        size, decibels = (f"{of[form]:10.2f}" if form in of else f"{'':10}" for of in (figures["mb_per_min"], fidelity))
        print(f"{form:14}{figures['p50_ms'][form]:10.2f}{figures['p95_ms'][form]:10.2f}{size}{decibels}")
    print(f"again, from the cache: {figures['again_ms']:.2f} ms")
    print(f"PyAV at GOP 30 / ours {figures['gop_30_to_ours']:.1f}, of our fidelity (crf {alike}) / ours "
          f"{figures['gop_30_alike_to_ours']:.1f}, on the source / ours {figures['source_to_ours']:.1f}; "
          f"ours / bare decode {figures['ours_to_bare']:.2f}, / JPEG {figures['ours_to_jpeg']:.2f}; "
          f"bytes / source's {figures['bytes_to_source']:.2f} (a source of {figures['source_mbit_per_s']:.1f} Mb/s)")  # fmt: skip


if __name__ == "__main__":
    main()
