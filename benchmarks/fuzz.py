"""Feeds and films that somebody bent: nothing but a UserError may come out of them, soon, and in little memory.

    python -m benchmarks.fuzz [--cpu-minutes 1] [--seed 0] [--json]
    python -m benchmarks.fuzz --atheris [LIBFUZZER OPTION ...]     # led by coverage; needs the package atheris

A feed of every format (benchmarks/_samples.py) and a short film are bent at random: a value of the JSON becomes something odd,
bytes are flipped, cut out, doubled, put in. Each goes through `read_feed`, or through the probe and the decoder. A crash is any
other exception; slow is more than 5 CPU seconds for one input. What crashed is kept in --out.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks._samples import FEEDS, MATCH
from deepsport.errors import UserError
from deepsport.records import Broadcast
from deepsport.taxonomy import Sport
from deepsport.timebase import FrameRate

SLOW_S = 5.0
TELL_S = 5.0
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 29, 1e308, -1e308, 10**30, "", "NaN", "1e999", "9" * 400, "0:00", "00:99:99", "\x00", "\u0661\u0662",
    "../..",
    [], {}, [[]], {"a": {"b": []}}, [1, "1"], "x" * 5000, float("nan"), "1 - 00:31", "-->", 31.5,
)  # fmt: skip
TOKENS = (b"-->", b"00:00:01,000", b"[3SCOUT]", b"<instance>", b"&lt;", b"<![CDATA[", b"\r", b"\n\n", b"\xff\xfe", b"\x00",
          b"\xc3", b"9" * 30, b"{", b"]", b'"', b"WEBVTT", b";", b",", b"<!ENTITY a 'b'>")  # fmt: skip


def broadcast_of(sport: Sport) -> Broadcast:
    """A broadcast that all samples could be about."""
    rate = FrameRate(num=30000, den=1001)
    return Broadcast(
        broadcast_id="b", sport=sport, title="1_720p", source_uri=f"/x/{MATCH}/1_720p.mkv", media_sha256="0", size_bytes=1,
        duration_s=3000, width=640, height=360, source_rate=rate, proxy_key="p", proxy_rate=rate, proxy_num_frames=89910,
        has_audio=False)  # fmt: skip


def try_feed(data: bytes, sport: Sport, folder: Path) -> bool:
    """Whether the bytes were read as a feed; a refusal in one line is fine, anything else is raised."""
    from ingest.feeds import FeedConfig, read_feed

    path = folder / "feed"
    path.write_bytes(data)
    match = broadcast_of(sport)
    try:
        kept = read_feed(path, broadcast=match, config=FeedConfig(clock_at_start="20.00.00"))
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000, str(error)[:3000]
        return False
    for event in kept.items:
        assert 0 <= event.time_s < match.duration_s and 0 <= event.evidence.start_s < event.evidence.end_s <= match.duration_s
    assert [e.time_s for e in kept.items] == sorted(e.time_s for e in kept.items)
    assert all(0 <= u.span.start_s < u.span.end_s <= match.duration_s and u.text for u in kept.utterances)
    return True


def try_film(data: bytes, folder: Path) -> bool:
    """Whether the bytes were probed and decoded as a film."""
    from deepsport.video import probe
    from ingest.onepass import decode_once

    path = folder / "film.mp4"
    path.write_bytes(data)
    try:
        probe(path)
        decode_once(path, folder / "proxy.mp4", folder)
    except UserError as error:
        assert len(str(error)) < 2000
        return False
    return True


def bend_json(document: Any, rng: random.Random) -> Any:
    """The document with one or two of its values replaced, dropped, doubled or renamed."""
    document = copy.deepcopy(document)
    for _ in range(rng.randint(1, 2)):
        places: list[tuple[Any, Any]] = []
        stack = [document]
        while stack:
            node = stack.pop()
            keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
            places += [(node, key) for key in keys]
            stack += [node[key] for key in keys]
        if not places:
            return rng.choice(ODD)
        node, key = rng.choice(places)
        how = rng.random()
        if how < 0.7:
            node[key] = copy.deepcopy(rng.choice(ODD))
        elif how < 0.85:
            del node[key]
        elif isinstance(node, list):
            node.insert(key, copy.deepcopy(node[key]))
        else:
            node[str(rng.choice(ODD))[:20]] = node.pop(key)
    return document


def bend_bytes(data: bytes, rng: random.Random) -> bytes:
    """The bytes with some flipped, cut out, doubled, or one of TOKENS put in."""
    bent = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at, length = rng.randrange(len(bent) + 1), rng.choice((1, 1, 2, 8, 64))
        how = rng.random()
        if how < 0.3 and bent:
            bent[min(at, len(bent) - 1)] = rng.randrange(256)
        elif how < 0.5:
            del bent[at : at + length]
        elif how < 0.7:
            bent[at:at] = bent[at : at + length]
        else:
            bent[at:at] = rng.choice(TOKENS)
    return bytes(bent[: rng.randrange(len(bent) + 1)] if rng.random() < 0.1 else bent)


def seeds() -> list[tuple[Sport, Any]]:
    """The sport and the text or JSON of every sample."""
    return [(sport, feed) for sport, feed, _ in FEEDS.values()]


def bytes_of(feed: Any) -> bytes:
    """A feed as its file."""
    return (feed if isinstance(feed, str) else json.dumps(feed)).encode("utf-8", "surrogatepass")


def sample_film(folder: Path) -> bytes:
    """A film of a second, with sound."""
    import numpy as np

    from deepsport.video import write_video

    rng = np.random.default_rng(0)
    frames = (rng.integers(0, 255, (36, 64, 3), np.uint8) for _ in range(25))
    tone = (0.1 * np.sin(np.arange(16_000) / 5)).astype(np.float32)
    write_video(folder / "seed.mp4", frames, FrameRate(num=25), tone, preset="ultrafast")
    return (folder / "seed.mp4").read_bytes()


def run(cpu_s: float, seed: int, out: Path | None) -> dict[str, Any]:
    """Bend and try until the CPU time is spent, or Ctrl-C: one input in fifty is a film, the others are feeds."""
    rng = random.Random(seed)
    begun, counts, crashes = time.process_time(), Counter[str](), Counter[str]()
    slowest, told_s = 0.0, 0.0
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(KeyboardInterrupt):
        folder = Path(name)
        film = sample_film(folder)
        memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        while time.process_time() - begun < cpu_s:
            what = "film" if rng.random() < 0.02 else "feed"
            sport, feed = rng.choice(seeds())
            if what == "film":
                data = bend_bytes(film, rng)
            else:
                as_json = not isinstance(feed, str) and rng.random() < 0.7
                data = bytes_of(bend_json(feed, rng)) if as_json else bend_bytes(bytes_of(feed), rng)
            start = time.process_time()
            try:
                read = try_film(data, folder) if what == "film" else try_feed(data, sport, folder)
                counts[f"{what}s {'read' if read else 'refused'}"] += 1
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                crashes[f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"] += 1
                if out is not None:
                    out.mkdir(parents=True, exist_ok=True)
                    (out / f"crash-{len(crashes)}-{sum(crashes.values())}").write_bytes(data)
            slowest = max(slowest, time.process_time() - start)
            if time.monotonic() - told_s > TELL_S:
                told_s, spent = time.monotonic(), (time.process_time() - begun) / 60
                so_far = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
                print(f"{spent:.1f} of {cpu_s / 60:.1f} CPU minutes: {so_far}, {sum(crashes.values())} crashed", file=sys.stderr)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before) / 1024
    return {"cpu_minutes": (time.process_time() - begun) / 60, "seed": seed, **counts, "crashes": sum(crashes.values()),
            "kinds_of_crash": dict(crashes), "slowest_s": slowest, "slow": slowest > SLOW_S,
            "memory_grown_mb": grown_mb}  # fmt: skip


def fuzz_with_atheris(options: list[str]) -> None:
    """Let libFuzzer lead by coverage of the importers, until it is stopped or ``-max_total_time`` is over; a crash ends it."""
    import atheris

    with atheris.instrument_imports(include=["ingest"]):
        import ingest.feeds  # noqa: F401
    corpus = Path(tempfile.mkdtemp(prefix="deepsport-fuzz-"))
    for number, (_, feed) in enumerate(seeds()):
        (corpus / str(number)).write_bytes(b"\x00" + bytes_of(feed))
    sports = (Sport.SOCCER, Sport.VOLLEYBALL, Sport.BADMINTON)

    def one(data: bytes) -> None:
        if data:
            try_feed(data[1:], sports[data[0] % len(sports)], corpus.parent)

    atheris.Setup([sys.argv[0], "-timeout=20", "-rss_limit_mb=3000", *options, str(corpus)], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu-minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder for inputs that crash")
    parser.add_argument("--atheris", action="store_true", help="fuzz with libFuzzer; what follows are its options")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    args, rest = parser.parse_known_args()
    if args.atheris:
        fuzz_with_atheris(rest)
        return
    found = run(60 * args.cpu_minutes, args.seed, args.out)
    print(json.dumps(found) if args.json else "\n".join(f"{key}: {value}" for key, value in found.items()))
    sys.exit(bool(found["crashes"] or found["slow"]))


if __name__ == "__main__":
    main()
