"""WebDataset shards: plain ustar files with the same bytes for the same inputs, and a reader that finds any sample at once.

A sample is ``<key>.json`` and its blobs, ``<key>.mp4`` or ``<key>.0000.jpg``, ``<key>.0001.jpg`` …, next to one another, so that
`webdataset.WebDataset` reads the files as they are. Headers are packed and parsed here rather than by tarfile: three to ten
times less CPU (benchmarks/shards.py), and no timestamps, owners or pax headers that would change the bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from deepsport.errors import UserError
from deepsport.ids import digest, sha256_file
from deepsport.taxonomy import DropReason
from export.manifest import SUFFIX, Manifest, ShardFile, manifest_path, read_manifest

Blob = bytes | Callable[[], bytes]
"""The bytes of a member, or a call that makes them when their turn comes (so that a set of clips is never in memory at once)."""

BLOCK = 512
_KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")
_EXTENSION = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
_STALE_S = 3600.0
REMEDY = "run `deepsport export` again"


class ShardConfig(BaseModel):
    """How large a shard may grow; a sample is never cut, so a shard holds at least one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_samples_per_shard: int = Field(default=1000, ge=1)
    """Samples in one shard."""
    max_shard_bytes: int = Field(default=256 * 1024 * 1024, ge=1)
    """Bytes in one shard, headers and padding included."""


DEFAULT_CONFIG = ShardConfig()


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample as it goes into a shard.

    The key holds letters, digits, ``_`` and ``-`` only: WebDataset cuts names at the first dot.
    """

    key: str
    content: Mapping[str, object]
    """What ``<key>.json`` says; JSON values only."""
    blobs: Mapping[str, Blob]
    """Bytes by extension, e.g. ``mp4`` or ``0000.jpg``."""
    licence: str = "unknown"


def canonical_json(content: Mapping[str, object]) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces, so that equal content has equal bytes."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _header(name: str, size: int) -> bytes:
    """A ustar header: regular file, mode 0644, owner 0, time 0."""
    raw_name = name.encode("ascii")
    assert len(raw_name) <= 100 and size < 8 << 30, name
    head = b"".join(
        (
            raw_name.ljust(100, b"\0"),
            b"0000644\0" + b"0000000\0" + b"0000000\0",
            b"%011o\0" % size,
            b"00000000000\0",
            b" " * 8,
            b"0",
            b"\0" * 100,
            b"ustar\00000",
        )
    ).ljust(BLOCK, b"\0")
    return head[:148] + b"%06o\0 " % sum(head) + head[156:]


def _padding(size: int) -> int:
    return -size % BLOCK


def _members(sample: Sample) -> Iterator[tuple[str, bytes]]:
    if not _KEY.fullmatch(sample.key):
        raise ValueError(f"sample key {sample.key!r}: letters, digits, _ and - only, at most 80")
    yield f"{sample.key}.json", canonical_json(sample.content)
    for extension in sorted(sample.blobs):
        if not _EXTENSION.fullmatch(extension) or extension == "json":
            raise ValueError(f"sample {sample.key}: blob extension {extension!r} is not usable; e.g. mp4 or 0000.jpg")
        blob = sample.blobs[extension]
        yield f"{sample.key}.{extension}", blob if isinstance(blob, bytes) else blob()


class _ShardWriter:
    """One shard under a temporary name; its sha256 is taken on the way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_samples = 0
        self.size_bytes = 0
        self._hasher = hashlib.sha256()
        self._file: IO[bytes] = path.open("wb", buffering=1 << 20)

    def add(self, parts: list[bytes]) -> None:
        for part in parts:
            self._put(part)
        self.num_samples += 1

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._hasher.update(data)
        self.size_bytes += len(data)

    def close(self, file: str) -> ShardFile:
        self._put(b"\0" * (2 * BLOCK))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return ShardFile(file=file, sha256=self._hasher.hexdigest(), size_bytes=self.size_bytes, num_samples=self.num_samples)

    def abandon(self) -> None:
        self._file.close()


def _pack(sample: Sample) -> list[bytes]:
    parts: list[bytes] = []
    for name, data in _members(sample):
        parts += (_header(name, len(data)), data, b"\0" * _padding(len(data)))
    return parts


def _finished(directory: Path, name: str, stage_hash: str, inputs_digest: str) -> Manifest | None:
    """The manifest of an earlier run with these inputs, if all its shards are still whole."""
    path = manifest_path(directory, name)
    if not path.exists():
        return None
    try:
        manifest = read_manifest(path)
        for shard in manifest.shards:
            _check(directory, shard, verify=True)
    except UserError:
        return None
    return manifest if (manifest.stage_hash, manifest.inputs_digest) == (stage_hash, inputs_digest) else None


def write_shards(
    samples: Iterable[Sample],
    out_dir: Path,
    name: str,
    *,
    inputs: Sequence[str] = (),
    stage_hash: str = "",
    drops: Mapping[DropReason, int] | None = None,
    config: ShardConfig = DEFAULT_CONFIG,
) -> Manifest:
    """Writes ``<name>-000000.tar`` … and, last, ``<name>.manifest.json``; gives the manifest.

    ``inputs`` are the ids that decide the samples. When the manifest of an earlier run names the same inputs, stage_hash and
    config and its shards are whole, no sample is asked for and nothing is written. Shards appear under their names only when
    all are written. ``drops`` counts what the caller left out and travels in the manifest.

    Raises: ValueError for a key with other characters than letters, digits, _ and -, or a key that comes twice.
    """
    if not _KEY.fullmatch(name):
        raise ValueError(f"shard set {name!r}: letters, digits, _ and - only, at most 80")
    out_dir.mkdir(parents=True, exist_ok=True)
    inputs_digest = digest(list(inputs), config, length=32) if inputs else ""
    if inputs and (done := _finished(out_dir, name, stage_hash, inputs_digest)):
        return done

    temporary = f".{name}-{os.getpid()}"
    shards: list[ShardFile] = []
    licences: dict[str, int] = {}
    keys: set[str] = set()
    writer: _ShardWriter | None = None
    try:
        for sample in samples:
            if sample.key in keys:
                raise ValueError(f"sample key {sample.key!r} comes twice in {name!r}")
            keys.add(sample.key)
            licences[sample.licence] = licences.get(sample.licence, 0) + 1
            parts = _pack(sample)
            size = sum(map(len, parts))
            if writer and (
                writer.num_samples >= config.max_samples_per_shard
                or writer.size_bytes + size + 2 * BLOCK > config.max_shard_bytes
            ):
                shards.append(writer.close(f"{name}-{len(shards):06d}.tar"))
                writer = None
            writer = writer or _ShardWriter(out_dir / f"{temporary}-{len(shards):06d}.tmp")
            writer.add(parts)
        if writer:
            shards.append(writer.close(f"{name}-{len(shards):06d}.tar"))
            writer = None
        manifest = Manifest(
            name=name,
            stage_hash=stage_hash,
            inputs_digest=inputs_digest,
            num_samples=sum(shard.num_samples for shard in shards),
            size_bytes=sum(shard.size_bytes for shard in shards),
            shards=tuple(shards),
            licences=dict(sorted(licences.items())),
            drops=dict(sorted((drops or {}).items())),
        )
        _publish(out_dir, temporary, manifest)
        return manifest
    finally:
        if writer:
            writer.abandon()
        _sweep(out_dir, name, temporary)


def _publish(out_dir: Path, temporary: str, manifest: Manifest) -> None:
    path = manifest_path(out_dir, manifest.name)
    # Without its manifest the set does not exist, so nobody reads a mixture of the old shards and the new ones.
    path.unlink(missing_ok=True)
    for index, shard in enumerate(manifest.shards):
        (out_dir / f"{temporary}-{index:06d}.tmp").replace(out_dir / shard.file)
    listed = {shard.file for shard in manifest.shards}
    for old in _own_shards(out_dir, manifest.name):
        if old.name not in listed:
            old.unlink(missing_ok=True)
    partial = out_dir / f"{temporary}-manifest.tmp"
    partial.write_bytes(canonical_json(manifest.model_dump(mode="json")) + b"\n")
    partial.replace(path)


def _own_shards(out_dir: Path, name: str) -> list[Path]:
    pattern = re.compile(re.escape(name) + r"-\d{6}\.tar")
    return [path for path in out_dir.iterdir() if pattern.fullmatch(path.name)]


def _sweep(out_dir: Path, name: str, temporary: str) -> None:
    """Removes our own temporary files, and those that a killed run left more than an hour ago."""
    pattern = re.compile(re.escape(f".{name}-") + r"\d+-(\d{6}|manifest)\.tmp")
    for path in out_dir.iterdir():
        if pattern.fullmatch(path.name):
            try:
                stale = time.time() - path.stat().st_mtime > _STALE_S
            except FileNotFoundError:
                continue
            if stale or path.name.startswith(f"{temporary}-"):
                path.unlink(missing_ok=True)


# ---------------------------------------------------------------------------------------------------------------- reading


class _Member(NamedTuple):
    shard: int
    offset: int
    size: int


def _check(directory: Path, shard: ShardFile, *, verify: bool) -> None:
    path = directory / shard.file
    if not path.exists():
        raise UserError(f"{path}: the manifest lists this shard, but it is missing; {REMEDY}")
    size = path.stat().st_size
    if size != shard.size_bytes:
        raise UserError(f"{path}: {size} bytes, the manifest says {shard.size_bytes}; the shard is cut or altered, {REMEDY}")
    if verify and sha256_file(path) != shard.sha256:
        raise UserError(f"{path}: sha256 differs from the manifest; the shard is altered, {REMEDY}")


def _scan(path: Path) -> Iterator[tuple[str, int, int]]:
    """Name, offset and size of every member, reading the headers only."""
    with path.open("rb") as file:
        offset = 0
        while True:
            header = file.read(BLOCK)
            if len(header) < BLOCK:
                raise UserError(f"{path}: ends without the closing blocks; the shard is cut, {REMEDY}")
            if header == b"\0" * BLOCK:
                return
            try:
                checksum = int(header[148:156].rstrip(b"\0 "), 8)
                size = int(header[124:136].rstrip(b"\0 "), 8)
                name = header[:100].rstrip(b"\0").decode("ascii")
            except ValueError:
                checksum, size, name = -1, 0, ""
            if checksum != sum(header) - sum(header[148:156]) + 8 * 32 or header[156:157] != b"0":
                raise UserError(f"{path}: no tar header at byte {offset}; the shard is altered, {REMEDY}")
            yield name, offset + BLOCK, size
            offset += BLOCK + size + _padding(size)
            file.seek(offset)


class ShardReader:
    """A set of shards, read at random by key or in the order written.

    With ``verify`` (the default) the sha256 of every shard is compared when the reader is made; otherwise only the sizes are. The
    index of offsets is built once and travels when the reader is pickled, open files do not. Safe to share between threads and
    to use after a fork (positioned reads).

    Raises: UserError when the manifest is missing, or a shard is missing, cut or altered; never skips a sample.
    """

    def __init__(self, manifest_path: Path, *, verify: bool = True) -> None:
        self.manifest = read_manifest(manifest_path)
        self._paths = [manifest_path.parent.resolve() / shard.file for shard in self.manifest.shards]
        self._index: dict[str, dict[str, _Member]] = {}
        self._files: dict[int, int] = {}
        for number, (path, shard) in enumerate(zip(self._paths, self.manifest.shards, strict=True)):
            _check(path.parent, shard, verify=verify)
            before = len(self._index)
            for name, offset, size in _scan(path):
                key, _, extension = name.partition(".")
                self._index.setdefault(key, {})[extension] = _Member(number, offset, size)
            found = len(self._index) - before
            if found != shard.num_samples:
                raise UserError(f"{path}: {found} samples, the manifest says {shard.num_samples}; {REMEDY}")
        self.keys: tuple[str, ...] = tuple(self._index)

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, key: object) -> bool:
        return key in self._index

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_files": {}}

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Closes the files; a later read opens them again."""
        files = self.__dict__.get("_files", {})
        while files:
            os.close(files.popitem()[1])

    def extensions(self, key: str) -> tuple[str, ...]:
        """What the sample holds beside its JSON, in order, e.g. ``("0000.jpg", "0001.jpg")``."""
        return tuple(extension for extension in self._sample(key) if extension != "json")

    def json(self, key: str) -> dict[str, object]:
        """The sample's JSON."""
        content = json.loads(self.blob(key, "json"))
        assert isinstance(content, dict)
        return content

    def blob(self, key: str, extension: str) -> bytes:
        """The bytes of one member.

        Raises: KeyError when there is no such sample or member; UserError when the shard was cut after it was opened.
        """
        member = self._sample(key)[extension]
        file = self._files.get(member.shard)
        if file is None:
            file = self._files.setdefault(member.shard, os.open(self._paths[member.shard], os.O_RDONLY))
        data = os.pread(file, member.size, member.offset)
        if len(data) != member.size:
            raise UserError(f"{self._paths[member.shard]}: cut while it was being read; {REMEDY}")
        return data

    def _sample(self, key: str) -> dict[str, _Member]:
        return self._index[key]


def find_manifests(directory: Path) -> list[Path]:
    """The manifests in a folder, by name."""
    return sorted(directory.glob(f"*{SUFFIX}"))
