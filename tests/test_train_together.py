"""Several processes train as one: the same rows a step, one checkpoint, written by one of them.

Two processes on this machine's CPU, over gloo, started as a person starts them on GPUs: by torchrun.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from deepsport.agent.environment import EpisodeConfig
from deepsport.errors import UserError
from flows.learning import machine
from flows.session import open_session
from train.config import GRPOConfig, SFTConfig
from train.run import Checkpoint, Run

SFT = SFTConfig(num_steps=3, batch_size=8, learning_rate=3e-3, warmup_steps=1)
GRPO = GRPOConfig(
    num_steps=2, prompts_per_step=2, num_generations=4, learning_rate=1e-3, warmup_steps=1, temperature=0.9,
    max_completion_tokens=60,
)  # fmt: skip


def train(stage: str, base: Path, manifest: Path, out: Path, episode: EpisodeConfig, num_processes: int) -> Checkpoint:
    """Runs a stage to its end; by each of several processes or by one."""
    from train.grpo import run_grpo
    from train.sft import run_sft

    run = Run(num_processes=num_processes, save_steps=1, max_batch=2 if stage == "sft" else 64)
    settings = {"episode": episode, "frame_size": (64, 64), "run": run}
    if stage == "sft":
        return run_sft(SFT, base, manifest, out, **settings)  # type: ignore[arg-type]
    return run_grpo(GRPO, base, manifest, out, **settings)  # type: ignore[arg-type]


def train_in_two(stage: str, base: Path, manifest: Path, out: Path, episode: EpisodeConfig) -> Checkpoint:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", __file__]
    done = subprocess.run(
        [*command, stage, str(base), str(manifest), str(out), episode.model_dump_json()],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=1500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return Checkpoint.read(out)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_processes_learn_what_one_does(train_world: SimpleNamespace, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    args = ("sft", train_world.base(), train_world.sft)
    alone = train(*args, tmp_path / "alone", train_world.episode, 1)
    together = train_in_two(*args, tmp_path / "together", train_world.episode)
    assert together.name == alone.name, "the same settings and data: the same checkpoint"
    assert [row["step"] for row in together.curve] == [1, 2, 3]
    for one, two in zip(alone.curve, together.curve, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-3)
    weights = [load_file(Path(found.model) / "model.safetensors") for found in (alone, together)]
    before = load_file(train_world.base() / "model.safetensors")
    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        moved = (tensor - before[name]).abs().max()
        assert (weights[1][name] - tensor).abs().max() <= 0.02 * moved + 1e-6, name
    assert any(not torch.equal(tensor, before[name]) for name, tensor in weights[1].items())
    assert sorted(path.name for path in (tmp_path / "together").iterdir()) == ["curve.json", "lineage.json", "model"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_processes_play_and_learn_by_grpo(train_world: SimpleNamespace, tmp_path: Path) -> None:
    base = Path(train_world.taught().folder)
    together = train_in_two("grpo", base, train_world.rl, tmp_path / "together", train_world.episode)
    assert [row["step"] for row in together.curve] == [1, 2]
    assert all(0 <= row["accuracy"] <= 1 for row in together.curve)
    assert together.lineage is not None
    assert together.lineage.weights_sha256 != Checkpoint.read(base).lineage.weights_sha256  # type: ignore[union-attr]


def test_bf16_computes_but_weights_stay_in_32_bits(train_world: SimpleNamespace, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    from train.models import load
    from train.sft import run_sft

    config = SFT.model_copy(update={"num_steps": 1, "batch_size": 2})
    losses = []
    for bf16 in (False, True):
        done = run_sft(
            config, train_world.base(), train_world.sft, tmp_path / str(bf16),
            episode=train_world.episode, frame_size=(64, 64), run=Run(bf16=bf16),
        )  # fmt: skip
        losses.append(done.curve[0]["loss"])
        assert {tensor.dtype for tensor in load_file(Path(done.model) / "model.safetensors").values()} == {torch.float32}
    assert losses[0] != losses[1] == pytest.approx(losses[0], rel=0.05)
    assert load(done.model, bf16=True).model.dtype == torch.bfloat16


def test_processes_share_a_step_evenly_or_not_at_all() -> None:
    assert [Run(num_processes=n, max_batch=4).accumulation(32) for n in (1, 2, 8)] == [8, 4, 1]
    with pytest.raises(UserError, match="3 processes cannot share a step of 32 rows evenly"):
        Run(num_processes=3).accumulation(32)


def test_torchrun_is_recognised_and_every_process_takes_its_own_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.run.computes_in_bf16", lambda device: True)
    monkeypatch.setenv("DEEPSPORT_DEVICE", "cuda")
    session = open_session(workspace=tmp_path)
    assert (machine(session).device, machine(session).num_processes, session.console.quiet) == ("cuda", 1, False)
    for name, value in {"WORLD_SIZE": "8", "RANK": "3", "LOCAL_RANK": "3"}.items():
        monkeypatch.setenv(name, value)
    session = open_session(workspace=tmp_path)
    assert (machine(session).device, machine(session).num_processes) == ("cuda:3", 8)
    assert machine(session).bf16
    assert session.console.quiet, "one of the eight speaks"


if __name__ == "__main__":  # one of the two processes
    which, parent, shards, folder, rules = sys.argv[1:]
    train(which, Path(parent), Path(shards), Path(folder), EpisodeConfig(**json.loads(rules)), int(os.environ["WORLD_SIZE"]))
