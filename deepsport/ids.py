"""Content-addressed ids: the same input with the same config gives the same id, on any machine, in any order of work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel

CODE_VERSION = version("deepsport")
"""Version of DeepSport, as records of how something was made name it."""


def _model_as_json(part: object) -> object:
    if isinstance(part, BaseModel):
        return part.model_dump(mode="json")
    raise TypeError(f"an id cannot be made from a {type(part).__name__}; give plain values or pydantic models")


def digest(*parts: object, length: int = 16) -> str:
    """First hex digits of the sha256 of the parts as canonical JSON; pydantic models, also nested ones, count by their values.

    Raises: TypeError for what JSON cannot hold, such as a set or a path.

    >>> digest("a", 1) == digest("a", 1), digest("a", 1) == digest("a1")
    (True, False)
    """
    text = json.dumps(parts, default=_model_as_json, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def make_id(kind: str, *parts: object) -> str:
    """An id that says what it names: ``make_id("clip", broadcast_id, 3)`` gives ``clip-`` and 16 hex digits.

    Sixteen digits are 64 bits: a million records collide with a probability of 3e-8.
    """
    return f"{kind}-{digest(*parts)}"


def unit_id(step: str, stage_hash: str, inputs: Iterable[str]) -> str:
    """The name of a unit of work, and of the partitions it writes: step, hash of its settings, its inputs (order-free)."""
    return f"{step}-{digest(stage_hash, sorted(inputs))}"


def sha256_file(path: Path) -> str:
    """sha256 of a file as hex, read in blocks of 1 MiB."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()
