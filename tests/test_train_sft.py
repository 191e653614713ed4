"""Supervised stages: rows in the curriculum's order, both families learn, a checkpoint says where it comes from."""

from __future__ import annotations

import functools
import json
import random
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

import train.sft
from deepsport.agent.protocol import parse_turn
from deepsport.errors import UserError
from deepsport.ids import digest, sha256_file
from export.manifest import read_manifest
from train.config import PretrainConfig, SFTConfig, SightConfig
from train.data import Encoded, Pixels, encode, pixels_of
from train.lessons import Lessons, Stills, conversations
from train.models import build_tiny, load
from train.run import Checkpoint, Run, curriculum_order
from train.sft import choosing, run_pretrain, run_sft
from train.vision import learn_to_see
from train.words import learn_words

CONFIG = SFTConfig(num_steps=4, batch_size=6, learning_rate=1e-3, warmup_steps=1)


def cold_start(
    world: SimpleNamespace, out: Path, config: SFTConfig = CONFIG, run: Run | None = None, **other: object
) -> Checkpoint:
    base = other.pop("base", None) or world.base()
    manifest = other.pop("manifest", world.sft)
    return run_sft(config, base, manifest, out, episode=world.episode, frame_size=world.frame_size, run=run, **other)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[Encoded]]:
    """The rows of every batch that is trained on."""
    seen: list[list[Encoded]] = []
    collate = train.sft.collate
    monkeypatch.setattr(train.sft, "collate", lambda rows, processor: seen.append(rows) or collate(rows, processor))
    return seen


def weights(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    return load_file(Path(checkpoint.model) / "model.safetensors")


def test_the_first_epoch_is_the_curriculum_and_later_ones_are_shuffled(
    train_world: SimpleNamespace, tmp_path: Path, batches: list[list[Encoded]]
) -> None:
    steps: list[tuple[int, int]] = []
    cold_start(train_world, tmp_path / "sft", on_step=lambda *n: steps.append(n))
    with Lessons(train_world.sft, train_world.frame_size) as lessons:
        processor = load(train_world.base()).processor
        in_order = [encode(processor, c) for c in conversations(lessons, train_world.episode)]
    assert [len(rows) for rows in batches] == [6, 6, 6, 6]
    trained = [row for rows in batches for row in rows]
    pairs = list(zip(trained, in_order, strict=False))
    assert len(pairs) == 12
    assert all(torch.equal(a.input_ids, b.input_ids) and torch.equal(a.pixels[0], b.pixels[0]) for a, b in pairs)
    first, second = (
        [digest([r.input_ids.tolist(), r.pixels[0].sum().item()]) for r in rows] for rows in (trained[:12], trained[12:])
    )
    assert sorted(first) == sorted(second) and first != second
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_order_is_by_seed() -> None:
    keys = [f"k{i}" for i in range(20)]
    assert curriculum_order(keys, 60, 1)[:20] == keys
    assert curriculum_order(keys, 60, 1) == curriculum_order(keys, 60, 1) != curriculum_order(keys, 60, 2)
    assert curriculum_order(keys, 5, 1) == keys[:5]
    with pytest.raises(UserError, match="no lessons to train on"):
        curriculum_order([], 1, 0)


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_both_families_learn(family: str, train_world: SimpleNamespace) -> None:
    taught = train_world.taught(family)
    losses = [row["loss"] for row in taught.curve]
    assert len(losses) == 50 and losses[0] > 4 and losses[-1] < 0.3
    assert all(row["grad_norm"] > 0 for row in taught.curve)
    before = load_file(train_world.base(family) / "model.safetensors")
    after = weights(taught)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and not any("visual" in name for name in changed), "it speaks differently, and sees as before"


def test_a_checkpoint_says_where_it_comes_from(train_world: SimpleNamespace, tmp_path: Path) -> None:
    first = cold_start(train_world, tmp_path / "a", SFTConfig(num_steps=1, batch_size=2), seed=5)
    lineage = first.lineage
    assert lineage is not None and Checkpoint.read(tmp_path / "a") == first
    assert (lineage.stage, lineage.parent_id, lineage.parent_source) == ("SFTConfig", None, str(train_world.base()))
    assert lineage.inputs == (read_manifest(train_world.sft).inputs_digest,)
    assert (lineage.seed, lineage.config["num_steps"]) == (5, 1)
    assert lineage.weights_sha256 == digest([sha256_file(Path(first.model) / "model.safetensors")], length=64)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["curve.json", "lineage.json", "model"]
    second = cold_start(train_world, tmp_path / "b", SFTConfig(num_steps=1, batch_size=2), seed=5, base=tmp_path / "a")
    assert second.lineage is not None and second.lineage.parent_id == lineage.checkpoint_id
    assert second.name not in (first.name, "")


def test_a_done_checkpoint_is_not_made_again_nor_overwritten(train_world: SimpleNamespace, tmp_path: Path) -> None:
    config = SFTConfig(num_steps=1, batch_size=2)
    first = cold_start(train_world, tmp_path / "out", config)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    assert cold_start(train_world, tmp_path / "out", config) == first
    for other in ({"config": config.model_copy(update={"learning_rate": 0.5})}, {"seed": 1}, {"base": tmp_path / "out"}):
        with pytest.raises(UserError, match="other settings or data"):
            cold_start(train_world, tmp_path / "out", **{"config": config, **other})
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before


def test_accumulated_batches_end_with_the_same_weights(
    train_world: SimpleNamespace, tmp_path: Path, batches: list[list[Encoded]]
) -> None:
    whole = cold_start(train_world, tmp_path / "whole", run=Run(max_batch=64))
    parts = cold_start(train_world, tmp_path / "parts", run=Run(max_batch=4))
    assert [len(rows) for rows in batches] == [6] * 4 + [3] * 8  # never more or fewer rows in a step than its batch
    assert [row["loss"] for row in whole.curve] == pytest.approx([row["loss"] for row in parts.curve], rel=1e-3)
    theirs = weights(parts)
    for name, value in weights(whole).items():
        # Four steps of Adam move a weight by up to 4e-3, also one whose gradient is nothing but rounding.
        assert (value - theirs[name]).abs().mean() < 5e-5, name


@pytest.mark.parametrize(
    ("batch", "largest", "passes"), [(32, 64, 1), (32, 32, 1), (32, 12, 4), (32, 1, 32), (30, 16, 2), (7, 6, 7)]
)
def test_a_step_is_cut_in_equal_parts(batch: int, largest: int, passes: int) -> None:
    assert Run(max_batch=largest).accumulation(batch) == passes


def pretraining(world: SimpleNamespace, family: str = "qwen3_vl", **shares: float) -> PretrainConfig:
    training = SFTConfig(num_steps=10, batch_size=4, learning_rate=3e-3, warmup_steps=1)
    words = training.model_copy(update={"num_steps": 3})
    sight = SightConfig(num_steps=2, batch_size=8)
    shares = {"see_first": 0.5, "see_share": 0.25, "told_share": 0.25, "read_share": 0.3, **shares}
    return PretrainConfig(model=world.tiny(family), sight=sight, words=words, training=training, **shares)


def test_pretraining_sees_first_and_answers_later(
    train_world: SimpleNamespace, tmp_path: Path, batches: list[list[Encoded]]
) -> None:
    steps: list[tuple[int, int]] = []
    done = run_pretrain(
        pretraining(train_world), train_world.perception, tmp_path / "base", texts=train_world.words,
        on_step=lambda *n: steps.append(n),
    )  # fmt: skip
    assert steps == [(number, 13) for number in range(1, 14)], "three in words, ten with pictures"
    images = [[len(row.pixels.image_grid_thw) for row in rows] for rows in batches]
    assert [len(rows) for rows in images] == [4] * 10
    first, later = ([n for rows in half for n in rows] for half in (images[:5], images[5:]))
    assert set(first) == {8, 0}, "eight captioned frames to a conversation, or words alone"
    assert set(later) == {8, 0, 2} and 4 <= later.count(2) <= 16, "and glances of two frames"
    assert done.curve[-1]["loss"] < done.curve[0]["loss"]
    assert json.loads((tmp_path / "base" / "lineage.json").read_text())["parent_id"] is None
    model, processor = load(done.model)
    assert model.config.text_config.hidden_size == 32
    call = train_world.words[1]
    assert len(processor.tokenizer.encode(call)) < len(call) / 3, "the tokenizer knows the texts it was given"


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
@pytest.mark.parametrize("shares", [{"see_share": 1, "told_share": 0}, {"see_share": 0, "told_share": 1}])
@pytest.mark.parametrize("read_share", [0, 1])
def test_pretraining_with_every_picture_and_with_none(
    family: str, shares: dict[str, float], read_share: float, train_world: SimpleNamespace, tmp_path: Path,
    batches: list[list[Encoded]],
) -> None:  # fmt: skip
    config = pretraining(train_world, family, see_first=1, read_share=read_share, **shares)
    config = config.model_copy(update={"training": SFTConfig(num_steps=1, batch_size=2)})
    assert run_pretrain(config, train_world.perception, tmp_path / "base").curve[0]["loss"] > 0
    assert [len(row.pixels.image_grid_thw) for rows in batches for row in rows] == [8 * shares["see_share"]] * 2


def test_rulings_are_practised_in_any_two_colours() -> None:
    ask = "After what happens in frames 3-9, whose turn is it?\nOptions: A. {first}  B. {second}"
    rulings = [
        {"prompt": ask, "caption": caption, "thought": f"{caption}. {whom} team.", "answer": answer, "team": team}
        for caption, whom, answer, team in (
            ("foul, {named}, left, 2", "Other", "{other}", "red"),
            ("ace, {named}, 1", "Same", "{named}", "blue"),
            ("fault, {named}", "Other", "{other}", "white"),
        )
    ]
    seen = set()
    for seed in range(60):
        said = choosing(random.Random(seed), rulings)
        for user, assistant in zip(said[::2], said[1::2], strict=True):
            shown = "".join(part["text"] for part in user["content"])
            what, named = re.fullmatch(r"Frame \d+: (\w+), (\w+).* \n.*\nOptions: A\. \w+  B\. \w+", shown, re.DOTALL).groups()
            options = re.findall(r"[AB]\. (\w+)", shown)
            turn = parse_turn(assistant["content"][0]["text"])
            assert named in options and len(set(options)) == 2
            assert (turn.answer == named) == (what == "ace") and turn.answer in options
            assert turn.think.startswith(f"{what}, {named}")
            assert turn.think.endswith("Same team." if what == "ace" else "Other team.")
            seen.add((what, named, options.index(named)))
    assert len(seen) == 3 * 3 * 2, "every event in every colour, named first and second"


def test_pretraining_is_deterministic_by_seed(train_world: SimpleNamespace, tmp_path: Path) -> None:
    config = pretraining(train_world)
    done = [
        run_pretrain(config, train_world.perception, tmp_path / str(number), texts=train_world.words, seed=seed)
        for number, seed in enumerate((3, 3, 4))
    ]
    hashes = [checkpoint.lineage.weights_sha256 for checkpoint in done if checkpoint.lineage]
    assert len(hashes) == 3 and hashes[0] == hashes[1] != hashes[2]
    assert done[0].curve == done[1].curve


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_first_words_are_learnt_by_the_language_model_alone(family: str, train_world: SimpleNamespace) -> None:
    stills = Stills(train_world.perception)
    config = SFTConfig(num_steps=30, batch_size=4, learning_rate=1e-2, warmup_steps=2)
    runs = []
    for seed in (1, 1, 2):
        loaded = build_tiny(train_world.words, train_world.tiny(family), seed=0)
        nothing = Pixels(torch.zeros(0, 3 * 32 * 32), torch.zeros(0, 3, dtype=torch.int64))
        rows = [encode(loaded.processor, stills.told_in_words(key), nothing) for key in stills.told]
        before = {name: value.clone() for name, value in loaded.model.state_dict().items()}
        steps: list[int] = []
        draw = functools.partial(random.Random(seed).choice, rows)
        losses = learn_words(loaded, draw, config, steps.append)
        assert steps == list(range(1, 31)) and len(losses) == 30
        changed = {name for name, value in loaded.model.state_dict().items() if not torch.equal(value, before[name])}
        assert changed and not any("visual" in name for name in changed)
        runs.append((losses, loaded.model.state_dict()))
    (losses, weights), (again, same), (other, _) = runs
    assert losses == again != other and all(torch.equal(value, same[name]) for name, value in weights.items())
    assert losses[0] > 3 and losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_first_sight_is_learnt_by_the_tower_alone(family: str, train_world: SimpleNamespace) -> None:
    stills = Stills(train_world.perception)
    runs = []
    for _ in range(2):
        loaded = build_tiny(train_world.words, train_world.tiny(family), seed=0)
        before = {name: value.clone() for name, value in loaded.model.state_dict().items()}

        def pixels(key: str, processor: object = loaded.processor) -> Pixels:
            return pixels_of(processor, stills.images(key))

        config = SightConfig(num_steps=12, batch_size=8, learning_rate=1e-2)
        losses = learn_to_see(loaded.model, stills.captions, pixels, config, seed=1)
        changed = {name for name, value in loaded.model.state_dict().items() if not torch.equal(value, before[name])}
        assert changed and all("visual" in name for name in changed)
        runs.append((losses, loaded.model.state_dict()))
    (losses, weights), (again, same) = runs
    assert losses == again and all(torch.equal(value, same[name]) for name, value in weights.items())
    assert losses[0] > 0.4 and losses[-1] < 0.1, "red from blue"


@pytest.mark.parametrize(("see", "told"), [(0.6, 0.5), (0.0, 0.0)])
def test_shares_of_lessons_that_make_no_whole_are_refused(see: float, told: float) -> None:
    with pytest.raises(ValidationError, match="see_share and told_share together"):
        PretrainConfig(see_share=see, told_share=told)
