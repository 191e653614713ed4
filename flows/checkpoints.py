"""Where checkpoints lie, and their names, without loading torch."""

from __future__ import annotations

import json
from pathlib import Path

from deepsport.errors import UserError
from deepsport.ids import digest
from export.manifest import read_manifest
from flows.lessons import manifest_of
from flows.recipe import Recipe
from flows.workspace import Workspace

LABELS = {"base": "base model", "sft": "SFT", "longer_sft": "SFT, longer", "grpo": "SFT + GRPO"}
"""What the checkpoints of a recipe are called in reports, in the order in which they are made."""


def base_folder(workspace: Workspace, recipe: Recipe) -> Path:
    """The tiny base model's checkpoint."""
    return workspace.checkpoints_dir / f"base-{recipe.base_hash}"


def base_name(workspace: Workspace, recipe: Recipe) -> str:
    """The name of the base model.

    Raises: UserError when it was not made yet.
    """
    if recipe.base.checkpoint is not None:
        return recipe.base.checkpoint
    lineage = base_folder(workspace, recipe) / "lineage.json"
    if not lineage.exists():
        raise UserError(f"{lineage.parent}: no base model yet; run `deepsport curriculum` first")
    return str(json.loads(lineage.read_text(encoding="utf-8"))["checkpoint_id"])


def trained_folder(workspace: Workspace, recipe: Recipe, which: str) -> Path:
    """Where the checkpoint ``which`` (sft, longer_sft, grpo) lies that belongs to the recipe and to its shards as they are.

    Raises: UserError when there are no shards.
    """
    if which == "base":
        return base_folder(workspace, recipe) if recipe.base.checkpoint is None else outside(recipe.base.checkpoint)
    digests = [read_manifest(manifest_of(workspace, recipe, name)).inputs_digest for name in ("sft", "rl")]
    name = digest(recipe.stage_hash("train"), digests, base_name(workspace, recipe), length=12)
    return workspace.checkpoints_dir / recipe.name / f"{which}-{name}"


def outside(checkpoint: str) -> Path:
    """A checkpoint that was not made here: a folder, or a hub id as it is.

    Raises: UserError when it cannot be a hub id and there is no such folder.
    """
    path = Path(checkpoint).expanduser()
    if not path.is_dir() and (path.is_absolute() or len(path.parts) != 2 or checkpoint.startswith(".")):
        raise UserError(f"{checkpoint}: no such folder, and a hub id is written owner/name; mend base.checkpoint")
    return path


def wanted(recipe: Recipe) -> list[str]:
    """The checkpoints that the recipe asks for, the base model first."""
    return [which for which in LABELS if which != "longer_sft" or recipe.train.longer_sft is not None]


def trained(workspace: Workspace, recipe: Recipe) -> list[str]:
    """Those of ``wanted`` that there are by now; the base model counts as there."""
    folders = {which: trained_folder(workspace, recipe, which) for which in wanted(recipe)}
    return [which for which, folder in folders.items() if which == "base" or (folder / "lineage.json").exists()]
