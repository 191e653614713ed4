"""Names of measurements: which checkpoint on which set of shards. Loads no torch, so a report can find them."""

from __future__ import annotations

from deepsport.ids import unit_id
from export.manifest import read_manifest
from flows.checkpoints import trained_folder
from flows.lessons import manifest_of
from flows.session import Session

EVALUATE = "evaluate"
EXAMS = ("test", "transfer")
"""Sets of shards that models are measured on."""


def evaluation_unit(session: Session, which: str, exam: str) -> str:
    """The unit that holds what a checkpoint did on a set of shards."""
    recipe = session.recipe
    folder = trained_folder(session.workspace, recipe, which)
    shards = read_manifest(manifest_of(session.workspace, recipe, exam)).inputs_digest
    return unit_id(EVALUATE, recipe.stage_hash("train"), [folder.name, shards, exam])
