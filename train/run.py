"""How a stage of training runs: its arguments, its checkpoints, its lineage, and going on after a kill.

<out>/steps/checkpoint-N    what a killed run goes on from; gone when the stage is done
<out>/model/                weights (safetensors) and processor
<out>/curve.json            what was logged, a row a logging step
<out>/lineage.json          written last: from which checkpoint, data, settings and seed
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from transformers import PrinterCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from curriculum.mix import again_and_again
from deepsport import ids
from deepsport.errors import UserError
from deepsport.records import Record
from export.manifest import read_manifest
from train.config import GRPOConfig, SFTConfig
from train.models import Loaded, save

OnStep = Callable[[int, int], None]
"""Told after each step how many of how many are done."""
NOT_LOGGED = ("num_tokens", "step_time")
"""What TRL counts from the start of the process, or by its clock: a run that was killed would have another curve."""


class _Steps(TrainerCallback):
    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._on_step(state.global_step, state.max_steps)


class Lineage(Record):
    """Where a checkpoint comes from."""

    checkpoint_id: str
    """Hash of all that follows: the same settings, data and parent give the same id."""
    stage: str
    """Settings class of the stage, e.g. ``GRPOConfig``."""
    parent_id: str | None
    """Checkpoint it started from; None for one that was built here, or came from outside."""
    parent_source: str
    """Folder or hub id of the parent; empty when the model was built here."""
    config: dict[str, Any]
    """Settings of the stage."""
    inputs: tuple[str, ...]
    """Digest of each set of shards."""
    seed: int
    code_version: str
    weights_sha256: str


class Checkpoint(Record):
    """A trained model in a folder, or one from outside (then without lineage)."""

    folder: str
    lineage: Lineage | None = None

    @property
    def model(self) -> str:
        """What `train.models.load` takes."""
        return str(Path(self.folder) / "model") if self.lineage else self.folder

    @property
    def name(self) -> str:
        """Id of ours, or the source of one from outside."""
        return self.lineage.checkpoint_id if self.lineage else self.folder

    @property
    def curve(self) -> list[dict[str, float]]:
        """What was logged on the way, a row a logging step."""
        path = Path(self.folder) / "curve.json"
        rows: list[dict[str, float]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        return rows

    @classmethod
    def read(cls, source: str | Path) -> Checkpoint:
        """The checkpoint in a folder of ours, or a stranger's folder or hub id as it is."""
        path = Path(source) / "lineage.json"
        if not path.exists():
            return cls(folder=str(source))
        return cls(folder=str(source), lineage=Lineage.model_validate_json(path.read_bytes()))


class Run(Record):
    """Machine choices of a run; no result depends on them but the last digits of floats."""

    device: str = "cpu"
    bf16: bool = False
    """Whether to compute in bf16. Trained weights stay in 32 bits: in bf16 a step of 1e-6 is rounded away."""
    num_processes: int = Field(default=1, ge=1)
    """Processes that train together, started by torchrun or accelerate; a step holds the same rows however many there are."""
    max_batch: int = Field(default=64, ge=1)
    """Most sequences in one forward pass; larger batches are accumulated."""
    save_steps: int = 20
    """Steps between two checkpoints that a killed run can go on from."""
    num_threads: int = 1

    def accumulation(self, batch: int) -> int:
        """Forward passes of a process that make up one step: equal ones, so that a step holds exactly its batch.

        Raises: UserError when the processes cannot share the batch evenly.

        >>> Run(max_batch=12).accumulation(32), Run(max_batch=1, num_processes=8).accumulation(32)
        (4, 4)
        """
        own, over = divmod(batch, self.num_processes)
        if over:
            raise UserError(f"{self.num_processes} processes cannot share a step of {batch} rows evenly; start fewer")
        return next(n for n in range(1, own + 1) if own % n == 0 and own // n <= self.max_batch)

    def finished(
        self, out: Path, config: Record, parent: Checkpoint | None, manifests: Sequence[Path], seed: int
    ) -> Checkpoint | None:
        """The checkpoint in ``out`` if it was made from exactly these; None when there is none yet.

        Raises: UserError when ``out`` holds another one.
        """
        torch.set_num_threads(self.num_threads)
        done = Checkpoint.read(out)
        if done.lineage is None:
            return None
        if done.lineage.checkpoint_id != _checkpoint_id(config, parent, manifests, seed):
            raise UserError(f"{out}: holds a checkpoint made with other settings or data; choose another folder or remove it")
        return done

    def train(
        self,
        trainer: Any,
        processor: Any,
        out: Path,
        config: Record,
        parent: Checkpoint | None,
        manifests: Sequence[Path],
        seed: int,
        on_step: OnStep | None = None,
    ) -> Checkpoint:
        """Run the trainer to its end, from its last complete step if it was killed before, and write the checkpoint."""
        trainer.remove_callback(PrinterCallback)
        if on_step is not None:
            trainer.add_callback(_Steps(on_step))
        together = trainer.accelerator
        with together.main_process_first():  # the others then find half-written steps removed
            _claim(out / "steps", _checkpoint_id(config, parent, manifests, seed))
            step = last_step(out / "steps")
        trainer.train(resume_from_checkpoint=step)
        if self.num_processes > 1:
            whole = together.get_state_dict(trainer.model_wrapped)  # of a model that is spread over the processes too
            if together.is_main_process:
                loaded = Loaded(together.unwrap_model(trainer.model), processor)
                self.finish(loaded, trainer.state.log_history, out, config, parent, manifests, seed, weights=whole)
            together.wait_for_everyone()
            return Checkpoint.read(out)
        # Adapters are merged: a checkpoint of ours is always a whole model, whatever trained it.
        model = trainer.model.merge_and_unload() if hasattr(trainer.model, "merge_and_unload") else trainer.model
        return self.finish(Loaded(model, processor), trainer.state.log_history, out, config, parent, manifests, seed)

    def finish(
        self,
        loaded: Loaded,
        history: Sequence[dict[str, Any]],
        out: Path,
        config: Record,
        parent: Checkpoint | None,
        manifests: Sequence[Path],
        seed: int,
        weights: dict[str, Any] | None = None,
    ) -> Checkpoint:
        """Write model (its weights, or those given), curve and, last, lineage."""
        model = out / "model"
        shutil.rmtree(model, ignore_errors=True)
        save(loaded, model, weights)
        rows = [
            {name: value for name, value in row.items() if isinstance(value, int | float) and name not in NOT_LOGGED}
            for row in history
            if "loss" in row
        ]
        (out / "curve.json").write_text(json.dumps(rows), encoding="utf-8")
        lineage = Lineage(
            checkpoint_id=_checkpoint_id(config, parent, manifests, seed),
            stage=type(config).__name__,
            parent_id=parent.lineage.checkpoint_id if parent and parent.lineage else None,
            parent_source=parent.folder if parent and not parent.lineage else "",
            config=config.model_dump(mode="json"),
            inputs=tuple(read_manifest(path).inputs_digest for path in manifests),
            seed=seed,
            code_version=ids.CODE_VERSION,
            weights_sha256=ids.digest([ids.sha256_file(path) for path in sorted(model.glob("*.safetensors"))], length=64),
        )
        partial = out / ".lineage.json.partial"
        partial.write_text(lineage.model_dump_json(indent=2), encoding="utf-8")
        partial.rename(out / "lineage.json")
        shutil.rmtree(out / "steps", ignore_errors=True)
        return Checkpoint(folder=str(out), lineage=lineage)


def best_device() -> str:
    """``cuda`` when there is a GPU, else ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def computes_in_bf16(device: str) -> bool:
    """Whether models there compute in bf16: on GPUs that can. It changes the last digits, and halves memory and time.

    >>> computes_in_bf16("cpu")
    False
    """
    return device.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)


def _checkpoint_id(config: Record, parent: Checkpoint | None, manifests: Sequence[Path], seed: int) -> str:
    data = [(m.inputs_digest, m.stage_hash, m.name) for m in map(read_manifest, manifests)]
    return ids.make_id("checkpoint", type(config).__name__, config, parent.name if parent else "", data, seed)


def _claim(steps: Path, checkpoint_id: str) -> None:
    """Say whose steps these are.

    Raises: UserError when a killed run left steps of another checkpoint there; going on from them would mix the two.
    """
    owner = steps / "checkpoint_id"
    if owner.exists() and owner.read_text(encoding="utf-8") not in ("", checkpoint_id):
        raise UserError(f"{steps}: left by a run with other settings or data; choose another folder or remove it")
    steps.mkdir(parents=True, exist_ok=True)
    owner.write_text(checkpoint_id, encoding="utf-8")


def last_step(steps: Path) -> str | None:
    """The newest checkpoint that is complete; a half-written one is removed."""
    while steps.is_dir() and (newest := get_last_checkpoint(str(steps))):
        if _complete(Path(newest)):
            return str(newest)
        shutil.rmtree(newest)
    return None


def _complete(step: Path) -> bool:
    """Whether trainer_state.json, which is written last, is there and whole."""
    try:
        json.loads((step / "trainer_state.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return True


def trainer_arguments(out: Path, run: Run, *, steps: int, batch: int, seed: int) -> dict[str, Any]:
    """What every trainer of ours is told."""
    accumulation = run.accumulation(batch)
    return {
        "output_dir": str(out / "steps"),
        "max_steps": steps,
        "per_device_train_batch_size": batch // (accumulation * run.num_processes),
        "gradient_accumulation_steps": accumulation,
        "gradient_checkpointing": run.device != "cpu",
        "bf16": run.bf16,
        "use_cpu": run.device == "cpu",
        "seed": seed,
        "data_seed": seed,
        "save_steps": run.save_steps,
        "save_total_limit": 2,
        "logging_steps": 1,
        "report_to": [],
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
    }


def rate_arguments(config: SFTConfig | GRPOConfig) -> dict[str, Any]:
    """How the learning rate goes: up, level, and down to zero in the last 30 % of the steps."""
    return {
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": "warmup_stable_decay",
        "lr_scheduler_kwargs": {"num_decay_steps": round(0.3 * config.num_steps), "decay_type": "linear"},
        "warmup_steps": config.warmup_steps,
    }


def curriculum_order(keys: Sequence[str], length: int, seed: int) -> list[str]:
    """``length`` keys: the curriculum in its own order first, then again and again in a new random order each time.

    >>> curriculum_order(["a", "b"], 3, seed=0)[:2]
    ['a', 'b']
    """
    if not keys and length:
        raise UserError("no lessons to train on; `deepsport status` says what was dropped and why")
    return list(itertools.islice(itertools.chain(keys, again_and_again(keys, random.Random(seed))), length))
