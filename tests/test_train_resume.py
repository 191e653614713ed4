"""A run that is killed goes on from its last whole step and ends with the same weights, bit for bit, as one that never was."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from deepsport.agent.environment import EpisodeConfig
from deepsport.errors import UserError
from train.config import GRPOConfig, PretrainConfig, SFTConfig, SightConfig, TinyConfig
from train.run import Checkpoint, Run

NUM_STEPS, NUM_WORDS = 5, 3
TRAINING = SFTConfig(num_steps=NUM_STEPS, batch_size=4, learning_rate=3e-3, warmup_steps=1)
TINY = TinyConfig(hidden_size=32, num_layers=1, vision_size=32, vocabulary_size=768)
GRPO = GRPOConfig(
    num_steps=NUM_STEPS, prompts_per_step=2, num_generations=4, learning_rate=1e-3, warmup_steps=1, temperature=0.9,
    max_completion_tokens=120,
)  # fmt: skip
CONFIGS = {
    "pretrain": PretrainConfig(
        model=TINY,
        sight=SightConfig(num_steps=3, batch_size=8),
        words=TRAINING.model_copy(update={"num_steps": NUM_WORDS}),
        training=TRAINING,
        see_first=0.4,
        see_share=0.3,
        told_share=0.3,
        read_share=0.5,
    ),
    "sft": TRAINING,
    "grpo": GRPO,
    "grpo in parts": GRPO,
    "grpo with adapters": GRPO.model_copy(update={"lora_rank": 4}),
}
MANIFESTS = {"pretrain": "perception", "sft": "sft"}
BEFORE = {"pretrain": NUM_WORDS}
"""Steps of first words, which are learnt once, and counted."""
OnStep = Callable[[int, int], None]


def train(stage: str, base: str, manifest: Path, out: Path, episode: EpisodeConfig, on_step: OnStep | None = None) -> Checkpoint:
    """Runs a stage to its end, as a user would."""
    from train.grpo import run_grpo
    from train.sft import run_pretrain, run_sft

    run = Run(save_steps=1, max_batch=4 if stage == "grpo in parts" else 64)
    if stage == "pretrain":
        return run_pretrain(CONFIGS[stage], manifest, out, run=run, on_step=on_step)
    go = run_sft if stage == "sft" else run_grpo
    return go(CONFIGS[stage], Path(base), manifest, out, episode=episode, frame_size=(64, 64), run=run, on_step=on_step)


def world_of(stage: str, world: SimpleNamespace) -> tuple[str, Path]:
    """Parent and shards of a stage."""
    base = world.taught().folder if stage.startswith("grpo") else str(world.base())
    return base, getattr(world, MANIFESTS.get(stage, "rl"))


def assert_same(resumed: Checkpoint, straight: Checkpoint) -> None:
    assert resumed.lineage is not None and straight.lineage is not None
    assert resumed.lineage.weights_sha256 == straight.lineage.weights_sha256
    assert resumed.name == straight.name
    assert [row["step"] for row in resumed.curve] == list(range(1, NUM_STEPS + 1))
    assert resumed.curve == straight.curve


def assert_writes_nothing(again: Callable[[], Checkpoint], out: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in [out, *out.rglob("*")]}
    again()
    assert {path: path.stat().st_mtime_ns for path in [out, *out.rglob("*")]} == before


class Stopped(Exception):
    """Ends a run from within."""


def stop_at(last: int) -> OnStep:
    def on_step(step: int, of: int) -> None:
        if step == last:
            raise Stopped

    return on_step


@pytest.fixture(scope="module")
def straight(train_world: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Checkpoint]:
    """The checkpoint of a stage that ran without a break; made once."""
    root = tmp_path_factory.mktemp("straight")

    def of(stage: str) -> Checkpoint:
        return train(stage, *world_of(stage, train_world), root / stage.replace(" ", "-"), train_world.episode)

    return of


SLOWER = [pytest.param(stage, marks=pytest.mark.slow) for stage in ("grpo in parts", "grpo with adapters")]


@pytest.mark.parametrize("stage", ["pretrain", "sft", "grpo", *SLOWER])
def test_a_stopped_run_ends_with_the_same_weights(
    stage: str, train_world: SimpleNamespace, straight: Callable, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    args = (stage, *world_of(stage, train_world), out, train_world.episode)
    before = BEFORE.get(stage, 0)
    with pytest.raises(Stopped):
        train(*args, stop_at(before + 4))
    assert sorted(path.name for path in (out / "steps").glob("checkpoint-*")) == ["checkpoint-2", "checkpoint-3"]
    assert not (out / "lineage.json").exists() and not (out / "model").exists()
    # Newer steps that were being written when the kill came: one has no state yet, of the other the half.
    state = (out / "steps/checkpoint-3/trainer_state.json").read_text()
    for name in ("checkpoint-4", "checkpoint-5"):
        shutil.copytree(out / "steps/checkpoint-3", out / "steps" / name)
    (out / "steps/checkpoint-4/trainer_state.json").unlink()
    (out / "steps/checkpoint-5/trainer_state.json").write_text(state[: len(state) // 2])
    done: list[int] = []
    resumed = train(*args, lambda step, of: done.append(step))
    assert done == [before + 4, before + 5], "it went on from step 3, the last whole one"
    assert_same(resumed, straight(stage))
    assert sorted(path.name for path in out.iterdir()) == ["curve.json", "lineage.json", "model"]
    assert_writes_nothing(lambda: train(*args), out)


def test_a_run_killed_while_it_writes_its_model_finishes(
    train_world: SimpleNamespace, straight: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = ("sft", *world_of("sft", train_world), tmp_path / "out", train_world.episode)

    def half(loaded: object, folder: Path, weights: object = None) -> None:
        partial = folder.with_name(f".{folder.name}.partial")
        partial.mkdir()
        (partial / "model.safetensors").write_bytes(b"half")
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr("train.run.save", half)
        with pytest.raises(Stopped):
            train(*args)
    resumed = train(*args)
    assert_same(resumed, straight("sft"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["curve.json", "lineage.json", "model"]


def test_steps_of_other_settings_are_not_gone_on_from(train_world: SimpleNamespace, tmp_path: Path) -> None:
    base, manifest = world_of("sft", train_world)
    with pytest.raises(Stopped):
        train("sft", base, manifest, tmp_path, train_world.episode, stop_at(2))
    with pytest.raises(UserError, match="left by a run with other settings or data"):
        train("pretrain", base, train_world.perception, tmp_path, train_world.episode)
    assert (tmp_path / "steps" / "checkpoint-1").exists()


def kill_in_the_middle(arguments: list[str], out: Path, scratch: Path) -> None:
    """Starts the run in a process of its own and kills it as soon as its third step begins to be saved."""
    log = scratch / "child.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, __file__, *arguments], stdout=output, stderr=output,
            env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "TMPDIR": str(scratch), "HF_HUB_OFFLINE": "1",
                 "PYTHONPATH": str(Path(__file__).parents[1])},
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 1000
            while not (out / "steps" / "checkpoint-3").exists():
                assert child.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.005)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    assert child.returncode == -signal.SIGKILL
    assert not (out / "lineage.json").exists()


@pytest.mark.parametrize(
    "stage", ["sft", *(pytest.param(name, marks=pytest.mark.slow) for name in ("pretrain", "grpo", "grpo in parts"))]
)
def test_a_killed_run_ends_with_the_same_weights(
    stage: str, train_world: SimpleNamespace, straight: Callable, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    base, manifest = world_of(stage, train_world)
    (tmp_path / "scratch").mkdir()
    kill_in_the_middle([stage, base, str(manifest), str(out), train_world.episode.model_dump_json()], out, tmp_path / "scratch")
    done: list[int] = []
    before = BEFORE.get(stage, 0)
    resumed = train(stage, base, manifest, out, train_world.episode, lambda step, of: done.append(step - before))
    assert done[0] in (3, 4) and done[-1] == NUM_STEPS, "it went on from step 2, or 3 if that was whole"
    assert_same(resumed, straight(stage))
    assert_writes_nothing(lambda: train(stage, base, manifest, out, train_world.episode), out)


if __name__ == "__main__":  # the process that is killed
    which, parent, shards, folder, rules = sys.argv[1:]
    # After the second step it takes its time, so that the kill never comes too late.
    late = BEFORE.get(which, 0) + 2
    train(which, parent, Path(shards), Path(folder), EpisodeConfig(**json.loads(rules)), lambda n, of: time.sleep(n > late))
