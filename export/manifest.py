"""The manifest of a set of shards: written last, it says what is there, how large, and with which hash."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from deepsport.errors import UserError
from deepsport.records import Record
from deepsport.taxonomy import DropReason

FORMAT = "deepsport-shards-1"
SUFFIX = ".manifest.json"


class ShardFile(Record):
    """One tar file of a set."""

    file: str
    """Name beside the manifest, never a path."""
    sha256: str
    size_bytes: int
    num_samples: int = Field(ge=1)


class Manifest(Record):
    """What a set of shards holds. Its presence means that every shard it lists is complete."""

    format: str = FORMAT
    name: str
    stage_hash: str
    """Hash of the export settings and of all stages before it."""
    inputs_digest: str
    """Digest of the ids that went in; the same digest and stage_hash mean the same bytes."""
    num_samples: int
    size_bytes: int
    shards: tuple[ShardFile, ...]
    licences: dict[str, int] = Field(default_factory=dict)
    """How many samples lie under which licence."""
    drops: dict[DropReason, int] = Field(default_factory=dict)
    """How many samples were left out, and why."""


def manifest_path(directory: Path, name: str) -> Path:
    """Where the manifest of the set of that name lies."""
    return directory / f"{name}{SUFFIX}"


def read_manifest(path: Path) -> Manifest:
    """The manifest in the file.

    Raises: UserError when the file is missing, is no manifest of ours, or names a shard outside its own folder.
    """
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: no manifest, so the shards are not complete; run `deepsport export` again") from None
    except ValidationError as error:
        raise UserError(f"{path}: not a shard manifest ({error.error_count()} faults); run `deepsport export` again") from None
    if manifest.format != FORMAT:
        raise UserError(f"{path}: format {manifest.format!r}, this version reads {FORMAT!r}; export again")
    for shard in manifest.shards:
        if Path(shard.file).name != shard.file:
            raise UserError(f"{path}: shard {shard.file!r} lies outside the manifest's folder; export again")
    return manifest
