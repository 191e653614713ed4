"""A person's own films go the whole way with the recipe that is there: ingest to an evaluation, by one command.

Here the model hardly learns, so no figure is asked for but how many questions were put to it.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from deepsport.catalog import Catalog
from deepsport.records import Broadcast, Evaluation, Lesson, Question
from deepsport.taxonomy import Split, Sport, Task
from flows.recipe import load_recipe
from flows.simulation import make_broadcasts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

REAL_DATA = os.environ.get("DEEPSPORT_REAL_DATA", "")
HASTY = (
    "base.perception.num_broadcasts=2", "base.pretrain.sight.num_steps=2", "base.pretrain.words.num_steps=2",
    "base.pretrain.training.num_steps=2",
    "curriculum.num_rollouts=1", "train.max_new_tokens=8", "train.sft.num_steps=2", "train.sft.batch_size=2",
    "train.grpo.num_steps=1", "train.grpo.prompts_per_step=2", "train.grpo.num_generations=2",
    "train.grpo.max_completion_tokens=16",
)  # fmt: skip
"""Settings that make a toy of the recipe ``tiny`` in seconds."""


def command(workspace: Path, *words: str, settings: Sequence[str]) -> list[str]:
    given = [part for setting in settings for part in ("--set", setting)]
    return [sys.executable, "-m", "flows", *words, "--workspace", str(workspace), *given]


def clean() -> dict[str, str]:
    """The environment without settings of the person who runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DEEPSPORT_")}


def run(workspace: Path, *words: str, settings: Sequence[str]) -> str:
    """Runs a command as a person would; gives what was said."""
    line = command(workspace, *words, settings=settings)
    done = subprocess.run(line, env=clean(), capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def tables(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.glob("tables/*/*.parquet")}


def exams(catalog: Catalog) -> dict[Split, int]:
    """How many questions were put to each model, by split."""
    rows = catalog.read(Evaluation)
    checkpoints = {row.checkpoint for row in rows}
    return {split: sum(row.split is split for row in rows) // len(checkpoints) for split in {row.split for row in rows}}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Two films of a club with the demo's recipe, from ingest to report: manifest, workspace, settings, and what was said."""
    folder = tmp_path_factory.mktemp("own")
    recipe = load_recipe("tiny")
    quiet = recipe.simulate.simulator.model_copy(update={"commentary": False})
    manifest = make_broadcasts(folder / "films", {Sport.TENNIS: 2}, 13.0, 0, quiet)
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    manifest.write_text("\n".join(json.dumps(row | {"title": f"club final {number}"}) for number, row in enumerate(rows)))
    settings = (*HASTY, "ingest.transcription=false", "train.sft.num_steps=30")
    said = run(folder / "w", "pipeline", str(manifest), settings=settings)
    return SimpleNamespace(workspace=folder / "w", settings=settings, said=said)


def test_films_of_ones_own_go_the_whole_way_with_the_demos_recipe(own: SimpleNamespace) -> None:
    catalog = Catalog(own.workspace)
    assert "none of the recipe's test_broadcasts is here" in own.said and "not trained" not in own.said
    assert {b.title for b in catalog.read(Broadcast)} == {"club final 0", "club final 1"}
    held_out = [lesson for lesson in catalog.read(Lesson) if lesson.split is Split.TEST]
    assert exams(catalog) == {Split.TEST: len(held_out)} and held_out
    assert len({row.checkpoint for row in catalog.read(Evaluation)}) == 3, "base model, SFT, SFT + GRPO"


def test_training_killed_in_the_middle_goes_on_and_all_tables_end_the_same(own: SimpleNamespace, tmp_path: Path) -> None:
    root = tmp_path / "w"
    shutil.copytree(own.workspace, root)
    shutil.rmtree(root / "checkpoints" / "tiny")
    for unit in root.glob("tables/*/evaluate-*.parquet"):
        unit.unlink()
    assert tables(root) != tables(own.workspace)
    process = subprocess.Popen(
        command(root, "train", settings=own.settings), env=clean(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not list(root.glob("checkpoints/tiny/sft-*/steps/checkpoint-20")):  # of 30 steps
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=300) == -signal.SIGKILL
    assert not list(root.glob("checkpoints/tiny/*/lineage.json")), "nothing had been finished"
    run(root, "train", settings=own.settings)
    run(root, "evaluate", settings=own.settings)
    assert tables(root) == tables(own.workspace)
    lineages = sorted(own.workspace.glob("checkpoints/tiny/*/lineage.json"))
    assert len(lineages) == 2
    for path in lineages:
        assert (root / path.relative_to(own.workspace)).read_bytes() == path.read_bytes(), "the same weights, bit for bit"


@pytest.mark.skipif(not REAL_DATA, reason="DEEPSPORT_REAL_DATA is not set: no real films here")
def test_a_real_rally_with_its_scout_file_goes_the_whole_way_to_an_evaluation(tmp_path: Path) -> None:
    film = Path(REAL_DATA) / "clips" / "ovdata__2019_03_01-KATS-BEDS-clip.mp4"
    feed = Path(REAL_DATA) / "annotations" / "ovdata__scout__190301_kats_beds-clip.dvw"
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "sport", "licence", "feed"], [film, "volleyball", "MIT", feed]])
    said = run(tmp_path / "w", "pipeline", str(tmp_path / "manifest.csv"), settings=HASTY)
    catalog = Catalog(tmp_path / "w")
    # One rally, decided by Faryna's spike into the opponents' court: the line before ap00:01 in the scout file.
    questions = catalog.read(Question)
    recognised = next(question for question in questions if question.task is Task.EVENT_RECOGNITION)
    assert recognised.answers == ("kill",)
    assert "all lessons are held out" in said, "volleyball is the sport that tiny never trains on"
    assert exams(catalog) == {Split.TRANSFER: len(questions)}
    figures = json.loads((tmp_path / "w" / "reports" / "tiny.json").read_text())
    assert [(model["name"], model["num_questions"]) for model in figures["models"]] == [("base model", len(questions))]
    # The model that was made is the start for films that it was not made on.
    (base,) = (tmp_path / "w" / "checkpoints").glob("base-*")
    run(tmp_path / "w", "pipeline", str(tmp_path / "manifest.csv"), settings=(*HASTY, f"base.checkpoint={base}"))
    assert exams(catalog) == {Split.TRANSFER: 2 * len(questions)}, "measured again, as a checkpoint from outside"
