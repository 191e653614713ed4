"""The base model, training and measuring: what needs torch. Everything is found again by its inputs, and done once."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deepsport.agent.protocol import FRAMES_ONLY, full_instructions, render_call
from deepsport.errors import UserError
from deepsport.ids import digest
from deepsport.records import Evaluation, Record, Trajectory
from deepsport.timebase import FrameWindow
from export.manifest import manifest_path, read_manifest
from export.shards import write_shards
from flows.checkpoints import LABELS, base_folder, outside, trained, trained_folder, wanted
from flows.exams import EVALUATE, EXAMS, evaluation_unit
from flows.lessons import SETS, BaseModel, manifest_of
from flows.perception import perception_samples
from flows.recipe import Recipe
from flows.session import Session
from flows.stage import StageResult, timed

if TYPE_CHECKING:
    from deepsport.agent.policies import LocalPolicy
    from train.run import Run


def make_base(session: Session) -> StageResult:
    """The tiny base model, taught to see; nothing to do when the recipe names a checkpoint from outside."""
    result = StageResult("base", num_items=1)
    recipe, base = session.recipe, session.recipe.base
    folder = base_folder(session.workspace, recipe)
    if base.checkpoint is not None:
        outside(base.checkpoint)
        return result
    if (folder / "lineage.json").exists():
        return result
    with timed(result):
        hush()
        from train.sft import run_pretrain

        shards = session.workspace.shards_dir / f"perception-{recipe.base_hash}"
        inputs = [digest(base.perception, recipe.annotate.templates)]
        samples = perception_samples(base.perception, recipe.annotate.templates)
        num_done = 0

        def counted() -> object:
            nonlocal num_done
            for sample in samples:
                num_done += 1
                session.reporter("perception", num_done, 0)
                yield sample

        manifest = write_shards(counted(), shards, "perception", inputs=inputs, stage_hash=recipe.base_hash)  # type: ignore[arg-type]
        session.reporter("perception", manifest.num_samples, manifest.num_samples)
        # Words of the protocol that perception lessons never use; the tokenizer must know them.
        calls = [render_call("20-40: not in view.", FrameWindow(idx_start=i, idx_end=i + 20)) for i in range(100)]
        run_pretrain(
            base.pretrain,
            manifest_path(shards, "perception"),
            folder,
            texts=calls,
            seed=recipe.seed,
            run=machine(session),
            on_step=functools.partial(session.reporter, "pretrain"),
        )
        result.num_new, result.num_records = 1, manifest.num_samples
    return result


def hush() -> None:
    """Leaves progress and warnings to us: bars for loading weights and notices of coming releases help nobody here."""
    import warnings

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # each of its tries would be told twice
    # Read when transformers is imported, so this comes first.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")


def machine(session: Session) -> Run:
    """How training runs here; with several processes (torchrun, accelerate launch) each has a GPU of its own."""
    hush()
    from train.run import Run, computes_in_bf16

    device, num_processes = device_of(session), int(os.environ.get("WORLD_SIZE", "1"))
    if device == "cuda" and num_processes > 1:
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return Run(
        device=device, bf16=computes_in_bf16(device), num_processes=num_processes, max_batch=session.recipe.train.max_batch
    )


def device_of(session: Session) -> str:
    """The device that the settings name; ``auto`` takes a GPU when there is one."""
    if session.settings.device != "auto":
        return session.settings.device
    from train.run import best_device

    return best_device()


def policy_of(session: Session, folder: Path, *, temperature: float = 0.0, batch_size: int = 64) -> LocalPolicy:
    """The model in a checkpoint's folder, ready to play."""
    hush()
    from deepsport.agent.policies import LocalPolicy
    from train.models import load
    from train.run import Checkpoint, computes_in_bf16

    checkpoint = Checkpoint.read(folder)
    device = device_of(session)
    if checkpoint.lineage is None and not folder.is_dir():
        session.say(f"{folder}: not a folder here, so the model hub is asked for it")
    loaded = load(checkpoint.model, device=device, bf16=computes_in_bf16(device))
    return LocalPolicy(
        checkpoint.name,
        loaded.model,
        loaded.processor,
        temperature=temperature,
        max_new_tokens=session.recipe.train.max_new_tokens,
        batch_size=batch_size,
        seed=session.recipe.seed,
    )


def instructions_of(recipe: Recipe) -> str:
    """What the model must be told of the protocol."""
    return full_instructions(recipe.episode.tools) if recipe.base.instructions else ""


def open_base(session: Session) -> BaseModel:
    """The base model, ready to be measured with."""
    recipe = session.recipe
    folder = trained_folder(session.workspace, recipe, "base")
    curriculum = recipe.curriculum
    policy = policy_of(session, folder, temperature=curriculum.temperature, batch_size=curriculum.batch_size)
    return BaseModel(policy, recipe.base.frame_size, instructions_of(recipe))


def run_train(session: Session) -> StageResult:
    """SFT, the longer SFT if the recipe has one, and GRPO; each goes on where a killed run stopped.

    Where every lesson is held out, as with one film of a sport that is for testing only, nothing is trained, and that is said.

    Raises: UserError when there are no shards, no lessons at all, or tools that training does not play with.
    """
    result = StageResult("train")
    workspace, recipe = session.workspace, session.recipe
    if recipe.episode.tools != FRAMES_ONLY:
        raise UserError("annotate.distill.episode.tools: training plays with frame_extraction_tool alone; leave the others out")
    lessons = {name: read_manifest(manifest_of(workspace, recipe, name)).num_samples for name in SETS}
    held_out = ", ".join(f"{name} {lessons[name]}" for name in EXAMS if lessons[name])
    if held_out and not lessons["sft"] and not lessons["rl"]:
        session.say(f"train: all lessons are held out ({held_out}); `deepsport evaluate` puts them to the base model")
        return result
    hush()
    from train.grpo import run_grpo
    from train.sft import run_sft

    base = trained_folder(workspace, recipe, "base")
    steps = [which for which in wanted(recipe) if which != "base"]
    common = {
        "episode": recipe.episode,
        "frame_size": recipe.base.frame_size,
        "instructions": instructions_of(recipe),
        "seed": recipe.seed,
        "run": machine(session),
    }
    with timed(result):
        for which in steps:
            out = trained_folder(workspace, recipe, which)
            result.num_items += 1
            result.num_new += not (out / "lineage.json").exists()
            on_step = functools.partial(session.reporter, f"train {which}")
            if which == "grpo":
                start = trained_folder(workspace, recipe, "sft")
                run_grpo(recipe.train.grpo, start, manifest_of(workspace, recipe, "rl"), out, on_step=on_step, **common)  # type: ignore[arg-type]
            else:
                settings = recipe.train.sft if which == "sft" else recipe.train.longer_sft
                assert settings is not None
                run_sft(settings, base, manifest_of(workspace, recipe, "sft"), out, on_step=on_step, **common)  # type: ignore[arg-type]
    return result


def run_evaluate(session: Session) -> StageResult:
    """The base model, and every checkpoint of the recipe that was trained, on the held-out questions, greedy.

    Raises: UserError when there are no shards.
    """
    result = StageResult(EVALUATE)
    catalog, recipe = session.workspace.catalog, session.recipe
    there = trained(session.workspace, recipe)
    if missing := [LABELS[which] for which in wanted(recipe) if which not in there]:
        session.say(f"evaluate: not trained, so not measured: {', '.join(missing)}")
    hush()
    from train.evaluate import run_evaluate as measure

    with timed(result):
        for which in there:
            for exam in EXAMS:
                result.num_items += 1
                unit = evaluation_unit(session, which, exam)
                if not catalog.is_done(unit):
                    manifest = manifest_of(session.workspace, recipe, exam)
                    policy = policy_of(session, trained_folder(session.workspace, recipe, which))
                    evaluations, trajectories = measure(
                        policy,
                        manifest,
                        episode=recipe.episode,
                        frame_size=recipe.base.frame_size,
                        instructions=instructions_of(recipe),
                        config_hash=recipe.stage_hash("train"),
                    )
                    records: dict[type[Record], Sequence[Record]] = {Evaluation: evaluations, Trajectory: trajectories}
                    result.num_new += catalog.commit(unit, EVALUATE, recipe.stage_hash("train"), [which, exam], records)
                result.num_records += len(catalog.read(Evaluation, [unit]))
                session.reporter("evaluate", result.num_items, len(there) * len(EXAMS))
    return result
