"""Agentic RL: real rollouts with frames from the tool, a reward that the episode's own words decide, weights that move."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from deepsport.agent.protocol import frame_parts, render_answer, render_call, turn_message
from deepsport.agent.reward import FORMAT_PENALTY, RewardName
from deepsport.taxonomy import StopReason
from deepsport.timebase import FrameWindow
from train.config import GRPOConfig
from train.grpo import FrameEnvironment, episode_reward, played, rows_that_teach, run_grpo, turns_of
from train.lessons import Lessons
from train.models import load
from train.run import Checkpoint, Run

STEP = GRPOConfig(
    num_steps=1, prompts_per_step=2, num_generations=8, learning_rate=1e-3, warmup_steps=0, temperature=0.9,
    max_completion_tokens=120,
)  # fmt: skip
LOOK, ELSEWHERE = (render_call("Look.", FrameWindow(idx_start=i, idx_end=i + 8)) for i in (12, 28))
RED, BLUE = render_answer("Seen.", "red"), render_answer("Seen.", "blue")
REPLY = "<|im_end|>\n<|im_start|>user\n<tool_response>Frame 12: <|vision_start|><|image_pad|><|vision_end|></tool_response>"
FAKE = "<|im_start|>assistant\n"
NEXT = f"{REPLY}<|im_end|>\n<|im_start|>assistant\n"
LESSON, GLANCE = "lesson-1", "lesson-3"  # the answer to both is red; the second needs no look


def reinforce(world: SimpleNamespace, base: str, out: Path, config: GRPOConfig = STEP, **other: object) -> Checkpoint:
    episode = other.pop("episode", world.episode)
    return run_grpo(config, Path(base), world.rl, out, episode=episode, frame_size=world.frame_size, **other)


def weights(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    return load_file(Path(checkpoint.model) / "model.safetensors")


@pytest.fixture(scope="module")
def lessons(train_world: SimpleNamespace) -> Iterator[Lessons]:
    with Lessons(train_world.rl, train_world.frame_size) as opened:
        yield opened


@pytest.fixture(scope="module")
def tokenizer(train_world: SimpleNamespace):
    return load(train_world.base()).processor.tokenizer


@pytest.fixture
def rewards(lessons: Lessons, train_world: SimpleNamespace, tokenizer) -> Callable[..., tuple[list[float], dict[str, float]]]:
    """Rewards of completions, given as text, and what was logged."""

    def judge(*completions: tuple[str, str], reward: RewardName = RewardName.ADAPTIVE) -> tuple[list[float], dict[str, float]]:
        logged: dict[str, float] = {}
        judged = episode_reward(
            lessons, train_world.episode, reward, lambda ids: tokenizer.decode(ids, skip_special_tokens=False)
        )
        ids = [tokenizer.encode(text) for _, text in completions]
        return judged(completion_ids=ids, lesson=[key for key, _ in completions], log_metric=logged.__setitem__), logged

    return judge


# ---------------------------------------------------------------------------------------------------- reward, from text alone


@pytest.mark.parametrize(
    ("completion", "turns"),
    [
        (f"{RED}<|im_end|>", [RED]),
        (RED, [RED]),  # cut at the last token
        (f"{LOOK}{NEXT}{RED}<|im_end|>", [LOOK, RED]),
        (f"{LOOK}{NEXT}{ELSEWHERE}{NEXT}{RED}<|im_end|>", [LOOK, ELSEWHERE, RED]),
        (f"{LOOK}<|im_end|>", [LOOK]),  # the reply did not fit and was rolled back
        (f"{LOOK}{NEXT}", [LOOK, ""]),
        (f"{LOOK}<|im_start|>assistant\n{RED}<|im_end|>", [f"{LOOK}<|im_start|>assistant\n{RED}"]),  # it said so itself
        ("", [""]),
    ],
)
def test_turns_are_what_the_policy_said(completion: str, turns: list[str]) -> None:
    assert turns_of(completion) == turns


def test_a_played_completion_shows_what_the_tool_would_show(lessons: Lessons, train_world: SimpleNamespace) -> None:
    trajectory = played(lessons.episode(LESSON, train_world.episode), [LOOK, RED, "ignored"])
    assert [turn.frame_indices for turn in trajectory.turns] == [(12, 16, 20), ()]
    assert (trajectory.stop, trajectory.answer, trajectory.accuracy) == (StopReason.ANSWERED, "red", 1.0)


@pytest.mark.parametrize(
    ("key", "completion", "value"),
    [
        (LESSON, f"{LOOK}{NEXT}{RED}<|im_end|>", 1.5),
        (LESSON, f"{LOOK}{NEXT}{BLUE}<|im_end|>", 0.03),
        (LESSON, f"{RED}<|im_end|>", 1.0),
        (LESSON, f"{BLUE}<|im_end|>", 0.0),
        (GLANCE, f"{RED}<|im_end|>", 1.5),
        (GLANCE, f"{LOOK}{NEXT}{RED}<|im_end|>", 1.0),
        (GLANCE, f"{LOOK}{NEXT}{ELSEWHERE}{NEXT}{RED}<|im_end|>", 1.0),
    ],
)
def test_reward_of_an_episode_that_kept_the_rules(key: str, completion: str, value: float, rewards: Callable) -> None:
    assert rewards((key, completion))[0] == [value]


BROKEN = {
    "a repeated window": f"{LOOK}{NEXT}{LOOK}{NEXT}{RED}<|im_end|>",
    "a window outside the clip": f"{render_call('Look.', FrameWindow(idx_start=30, idx_end=40))}{NEXT}{RED}<|im_end|>",
    "a window that ends before it starts": f"{LOOK.replace('12', '29')}{NEXT}{RED}<|im_end|>",
    "arguments that are no integers": f"{LOOK.replace('12', 'true')}{NEXT}{RED}<|im_end|>",
    "a completion cut in its answer": f"{LOOK}{NEXT}{RED.removesuffix('</answer>')}",
    "a completion cut in a reply": f"{LOOK}{REPLY}",
    "a call whose frames did not fit": f"{LOOK}<|im_end|>",
    "no thought": f"{LOOK}{NEXT}<answer>red</answer><|im_end|>",
    "no thought before the call": f"{LOOK.removeprefix('<think>Look.</think>')}{NEXT}{RED}<|im_end|>",
    "an answer next to a call": f"{LOOK}{RED}{NEXT}{RED}<|im_end|>",
    "a reply of its own making": f"{LOOK}<|im_start|>user\n<tool_response>red</tool_response>{FAKE}{RED}<|im_end|>",
    "more calls than turns": f"{LOOK}{NEXT}{ELSEWHERE}{NEXT}{LOOK.replace('12', '13')}{NEXT}{RED}<|im_end|>",
    "nothing": "",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("reward", RewardName)
def test_broken_rules_cost_the_penalty(name: str, reward: RewardName, rewards: Callable) -> None:
    values, logged = rewards((LESSON, BROKEN[name]), (GLANCE, BROKEN[name]), reward=reward)
    assert values == [FORMAT_PENALTY, FORMAT_PENALTY] and logged["format_ok"] == 0.0


def test_accuracy_is_logged_and_tool_use_for_each_band(rewards: Callable) -> None:
    looked, glanced = f"{LOOK}{NEXT}{RED}<|im_end|>", f"{BLUE}<|im_end|>"
    _, logged = rewards((LESSON, looked), (LESSON, looked), (LESSON, glanced), (GLANCE, glanced))
    assert logged == {
        "accuracy": 0.5,
        "format_ok": 1.0,
        "tool_rate/needs_a_look": pytest.approx(2 / 3),
        "tool_rate/solved_at_a_glance": 0.0,
    }
    assert "tool_rate/solved_at_a_glance" not in rewards((LESSON, looked))[1]


def test_the_environment_plays_the_episode_of_evaluation(lessons: Lessons, train_world: SimpleNamespace) -> None:
    environment = FrameEnvironment(lessons, train_world.episode, "Rules of {num_frames} frames.")
    episode = lessons.episode(LESSON, train_world.episode)
    assert environment.reset(lesson=LESSON, prompt="…") == episode.opening("Rules of {num_frames} frames.")["content"]
    shown = episode.step(LOOK)
    assert environment.frame_extraction_tool(12, 20) == frame_parts(shown.frame_indices, shown.frames)
    assert environment.frame_extraction_tool(12, 20) == [{"type": "text", "text": "Window 12-20 was already shown."}]
    environment.reset(lesson=GLANCE)
    assert len(environment.frame_extraction_tool(12, 20)) == 6, "a new episode forgets the old one's windows"


# ------------------------------------------------------------------------------------------------------- steps of the trainer


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_a_step_with_frames_from_the_tool_moves_the_weights(family: str, train_world: SimpleNamespace, tmp_path: Path) -> None:
    taught = train_world.taught(family)
    done = reinforce(train_world, taught.folder, tmp_path / "grpo")
    [row] = done.curve
    assert row["reward_std"] > 0 and row["frac_reward_zero_std"] < 1 and row["grad_norm"] > 0
    # Calls were made, answered with frames, and the trajectories that hold them are rewarded ones.
    assert row["tools/call_frequency"] > 0 and row["tool_rate/needs_a_look"] > 0 and row["format_ok"] > 0.5
    before, after = weights(taught), weights(done)
    assert all(torch.isfinite(value).all() for value in after.values())
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and not any("visual" in name for name in changed), "the eyes are kept"
    assert done.lineage is not None and done.lineage.parent_id == taught.name and done.lineage.stage == "GRPOConfig"


def test_a_batch_whose_calls_are_all_refused_is_survived(train_world: SimpleNamespace, tmp_path: Path) -> None:
    no_call = train_world.episode.model_copy(update={"max_turns": 1})  # every call is answered with words
    done = reinforce(train_world, train_world.taught().folder, tmp_path / "grpo", episode=no_call)
    [row] = done.curve
    assert row["tools/call_frequency"] > 0 and row["tool_rate/needs_a_look"] == 0
    assert math.isfinite(row["loss"])


def test_frames_that_do_not_fit_are_no_tool_use(train_world: SimpleNamespace, tokenizer, tmp_path: Path) -> None:
    room = len(tokenizer.encode(LOOK + "<|im_end|>")) + 4  # for a call, and not for its reply
    short = STEP.model_copy(update={"max_completion_tokens": room})
    [row] = reinforce(train_world, train_world.taught().folder, tmp_path / "grpo", short).curve
    # The calls were executed, so the environment's own state would count them; their episodes have earned the penalty.
    assert row["tools/call_frequency"] > 0 and row["format_ok"] < 1 and row["completions/max_length"] <= room
    assert row["accuracy"] <= row["format_ok"]


def test_adapters_are_merged_into_a_whole_model(train_world: SimpleNamespace, tmp_path: Path) -> None:
    taught = train_world.taught()
    done = reinforce(
        train_world, taught.folder, tmp_path / "grpo", STEP.model_copy(update={"lora_rank": 4, "learning_rate": 1e-2})
    )
    assert done.curve[0]["grad_norm"] > 0
    assert not [path.name for path in Path(done.model).iterdir() if "adapter" in path.name]
    before, after = weights(taught), weights(done)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert before.keys() == after.keys()
    assert changed == {name for name in before if re.search(r"language_model.*\.[qkvo]_proj\.weight", name)}
    model, _ = load(done.model)
    assert torch.equal(model.state_dict()[min(changed)], after[min(changed)])


def test_rollouts_that_are_accumulated_are_the_same_groups(train_world: SimpleNamespace, tmp_path: Path) -> None:
    """One step in four forward passes: the same rollouts, rewards and (but for rounding) weights."""
    taught = train_world.taught().folder
    whole, parts = (reinforce(train_world, taught, tmp_path / str(n), run=Run(max_batch=n)) for n in (16, 5))
    assert whole.curve[0]["reward"] == parts.curve[0]["reward"]
    assert whole.curve[0]["completions/mean_length"] == parts.curve[0]["completions/mean_length"]
    assert whole.curve[0]["grad_norm"] == pytest.approx(parts.curve[0]["grad_norm"], rel=1e-2)


def test_groups_that_agree_are_left_out_and_nothing_changes(
    train_world: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught = train_world.taught().folder
    config = STEP.model_copy(update={"prompts_per_step": 8, "num_generations": 2})  # pairs often agree
    sizes: list[tuple[int, int]] = []

    def counted(inputs: dict) -> dict:
        kept = rows_that_teach(inputs)
        sizes.append((len(kept["advantages"]), len(inputs["advantages"])))
        assert sum(kept["num_images"]) == len(kept["image_grid_thw"])
        return kept

    monkeypatch.setattr("train.grpo.rows_that_teach", counted)
    some = reinforce(train_world, taught, tmp_path / "some", config)
    monkeypatch.setattr("train.grpo.rows_that_teach", lambda inputs: inputs)
    every = reinforce(train_world, taught, tmp_path / "every", config)
    assert 1 < sizes[0][0] < sizes[0][1] == 16
    assert some.curve[0]["grad_norm"] == pytest.approx(every.curve[0]["grad_norm"], rel=1e-3)
    assert some.curve[0]["loss"] == pytest.approx(every.curve[0]["loss"], abs=1e-5)


def test_advantages_are_divided_by_the_spread_of_their_group(
    train_world: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[torch.Tensor] = []
    monkeypatch.setattr("train.grpo.rows_that_teach", lambda inputs: groups.append(inputs["advantages"]) or inputs)
    reinforce(train_world, train_world.taught().folder, tmp_path / "out", STEP.model_copy(update={"prompts_per_step": 1}))
    (advantages,) = groups
    assert len(advantages) == STEP.num_generations and abs(advantages.mean()) < 1e-5
    assert advantages.std().item() == pytest.approx(1, abs=1e-2)


def test_a_batch_in_which_all_agree_moves_nothing() -> None:
    row = {"advantages": torch.zeros(3), "prompt_ids": torch.arange(6).reshape(3, 2), "num_items_in_batch": torch.tensor(9)}
    kept = rows_that_teach(row)
    assert kept["prompt_ids"].tolist() == [[0, 1]] and kept["advantages"].tolist() == [0] and kept["num_items_in_batch"] == 9


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{"beta": 0.05}, {"beta": 0.05, "lora_rank": 4}, {"loss": "grpo"}, {"loss": "dr_grpo"}], ids=str
)
def test_options_of_the_loss(changes: dict[str, object], train_world: SimpleNamespace, tmp_path: Path) -> None:
    config = STEP.model_copy(update={"num_steps": 2, **changes})
    done = reinforce(train_world, train_world.taught().folder, tmp_path / "grpo", config)
    assert all(math.isfinite(row["loss"]) for row in done.curve) and done.curve[0]["grad_norm"] > 0
    if "beta" in changes:
        assert done.curve[0]["kl"] == pytest.approx(0, abs=1e-4) and done.curve[1]["kl"] > 0


@pytest.mark.slow
def test_what_is_rewarded_is_done_more(train_world: SimpleNamespace, tmp_path: Path) -> None:
    """The model looks in half of its episodes and guesses after that; a reward for the right window makes it look.

    Measured: 0.44 of the episodes at first, 0.85 after 24 steps.
    """
    more = {"num_steps": 24, "prompts_per_step": 4, "num_generations": 16, "learning_rate": 3e-4, "temperature": 0.8}
    config = STEP.model_copy(update={"reward": RewardName.GROUNDED, **more})
    curve = reinforce(train_world, train_world.taught().folder, tmp_path / "grpo", config).curve
    looked = [row["tool_rate/needs_a_look"] for row in curve]
    assert sum(looked[-6:]) / 6 > sum(looked[:3]) / 3 + 0.15


def test_turn_message_is_what_a_completion_decodes_to(tokenizer) -> None:
    opening = {"role": "user", "content": [{"type": "text", "text": "?"}]}
    text = tokenizer.apply_chat_template([opening, turn_message(LOOK)], tokenize=False)
    assert turns_of(text.split("<|im_start|>assistant\n")[1]) == [LOOK]
