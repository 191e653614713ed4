"""CPU of our shard writer and reader beside webdataset's, on the same samples: ``python -m benchmarks.shards [--json]``.

Protocol: samples of 16 frames of 36 kB and a JSON of 300 bytes, in the page cache, one process, interleaved, five rounds,
median of the process's CPU seconds. Every reader parses the JSON and touches every frame; the payloads are compared once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import webdataset

from export.manifest import manifest_path
from export.samples import frames_sample
from export.shards import Sample, ShardReader, write_shards

ROUNDS = 5


def cpu_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(num_samples: int) -> dict[str, Any]:
    rng = random.Random(0)
    samples = [
        frames_sample(f"s{i:05d}", {"index": i, "text": "x" * 280}, [rng.randbytes(36_000) for _ in range(16)])
        for i in range(num_samples)
    ]
    size_mb = num_samples * 16 * 0.036
    with tempfile.TemporaryDirectory() as folder:
        ours_dir, theirs = Path(folder) / "ours", Path(folder) / "theirs.tar"

        def write_theirs() -> None:
            with webdataset.TarWriter(str(theirs)) as sink:
                for sample in samples:
                    sink.write({"__key__": sample.key, "json": sample.content, **sample.blobs})

        def read_ours(verify: bool = False) -> str:
            hasher = hashlib.sha256()
            reader = ShardReader(manifest_path(ours_dir, "set"), verify=verify)
            for key in reader.keys:
                reader.json(key)
                for extension in reader.extensions(key):
                    hasher.update(reader.blob(key, extension)[:64])
            return hasher.hexdigest()

        def read_theirs() -> str:
            hasher = hashlib.sha256()
            for sample in webdataset.WebDataset([str(theirs)], shardshuffle=False, empty_check=False).decode(only=["json"]):
                for extension in sorted(name for name in sample if name.endswith("jpg")):
                    hasher.update(sample[extension][:64])
            return hasher.hexdigest()

        works: dict[str, Callable[[], object]] = {
            "write, ours": lambda: write_shards(samples, ours_dir, "set"),
            "write, webdataset": write_theirs,
            "read, ours (sizes checked)": read_ours,
            "read, ours (sha256 checked)": lambda: read_ours(verify=True),
            "read, webdataset": read_theirs,
        }
        taken: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(ROUNDS):
            for name, work in works.items():
                taken[name].append(cpu_s(work))
        assert read_ours() == read_theirs(), "the two readers see other bytes"
        hashing = statistics.median(
            cpu_s(lambda: [hashlib.sha256(b) for s in samples for b in payload(s)]) for _ in range(ROUNDS)
        )
    medians = {name: statistics.median(values) for name, values in taken.items()} | {"sha256 alone": hashing}
    return {
        "num_samples": num_samples,
        "rounds": ROUNDS,
        "mb_per_cpu_s": {name: round(size_mb / seconds) for name, seconds in medians.items()},
        "write_over_webdataset": medians["write, webdataset"] / medians["write, ours"],
        "read_over_webdataset": medians["read, webdataset"] / medians["read, ours (sizes checked)"],
        "verified_read_over_webdataset": medians["read, webdataset"] / medians["read, ours (sha256 checked)"],
    }


def payload(sample: Sample) -> list[bytes]:
    return [blob for blob in sample.blobs.values() if isinstance(blob, bytes)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=160)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    arguments = parser.parse_args()
    found = measure(arguments.samples)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, speed in found["mb_per_cpu_s"].items():
        print(f"{name:30} {speed:8} MB per CPU-s")
    print(f"write: {found['write_over_webdataset']:.1f}x webdataset (the sha256 included)")
    print(f"read:  {found['read_over_webdataset']:.1f}x webdataset, ", end="")
    print(f"{found['verified_read_over_webdataset']:.1f}x with every sha256 checked first")


if __name__ == "__main__":
    main()
