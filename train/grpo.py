"""Agentic GRPO with TRL: the policy plays episodes, several for each question, and learns from the better ones of a group.

Kept of arXiv 2511.12908: groups of 8, the gated (v1) and adaptive (v2) reward, advantage (r - mean) / std, clipped ratio.
Differs: no KL term unless ``beta`` is set (the paper gives no weight), DAPO's higher upper clip.

A reward is a function of the completion's own text: its turns are played again in a fresh episode. So a call whose frames did
not fit and were rolled back by the trainer earns nothing, and every rule of the episode holds here as it does in evaluation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from trl import GRPOConfig as TrlGRPOConfig
from trl import GRPOTrainer
from trl.trainer.utils import split_pixel_values_by_grid, unsplit_pixel_values_by_grid

from curriculum.mix import mix_lessons
from deepsport.agent.environment import Episode, EpisodeConfig
from deepsport.agent.reward import RewardName, reward_of
from deepsport.records import Made, Trajectory
from deepsport.taxonomy import Band
from train.config import GRPOConfig
from train.lessons import Lessons
from train.models import END, keep_eyes, load, remember_pictures, unsampled_tokens
from train.run import Checkpoint, OnStep, Run, rate_arguments, trainer_arguments

ASSISTANT = "<|im_start|>assistant\n"
EMPTY_PROMPT = [{"role": "user", "content": ""}]
"""What a row brings; the environment adds frames and question."""


class FrameGRPOTrainer(GRPOTrainer):
    """GRPOTrainer for image processors that work on PIL images, which learns only from what can teach.

    Such a processor hands back lists, and TRL 1.16 then fails in ``split_pixel_values_by_grid`` whenever a batch has tool calls
    but no reply with a picture (every call was answered with an error).

    A group whose rollouts all earn the same has no advantage, and so no gradient: it is left out of the forward and backward
    pass, which are most of a step's cost. What is left is divided by the tokens of the whole batch as before.
    """

    def _tokenize_prompts(self, prompts: Any) -> Any:
        ids, images, fields = super()._tokenize_prompts(prompts)
        for name in ("pixel_values", "image_grid_thw"):
            if isinstance(fields.get(name), list):
                fields[name] = torch.as_tensor(np.array(fields[name]))
        return ids, images, fields

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        if self.loss_type == "dapo" and self.beta == 0:  # others divide by the rows, or pull every row to the reference
            inputs = rows_that_teach(inputs)
        return super()._compute_loss(model, inputs)


def rows_that_teach(inputs: dict[str, Any]) -> dict[str, Any]:
    """The rows of a batch that have an advantage, with their own pictures; one row when none has."""
    rows = inputs["advantages"].nonzero().flatten().tolist() or [0]
    if len(rows) == len(inputs["advantages"]):
        return inputs
    chosen: dict[str, Any] = {}
    for name, value in split_pixel_values_by_grid(inputs).items():
        if isinstance(value, list):
            chosen[name] = [value[row] for row in rows]
        else:
            chosen[name] = value[rows] if isinstance(value, torch.Tensor) and value.ndim else value
    return unsplit_pixel_values_by_grid(chosen)  # type: ignore[no-any-return]


class FrameEnvironment:
    """What TRL plays in: one episode at a time, its frame tool as a method. Public methods are tools, so there is one."""

    def __init__(self, lessons: Lessons, config: EpisodeConfig, instructions: str) -> None:
        self._lessons, self._config, self._instructions = lessons, config, instructions
        self._episode: Episode | None = None

    def reset(self, lesson: str = "", **_: Any) -> list[dict[str, Any]]:
        """Begin an episode on a lesson; gives the initial frames and the question."""
        self._episode = self._lessons.episode(lesson, self._config)
        parts: list[dict[str, Any]] = self._episode.opening(self._instructions)["content"]
        return parts

    def frame_extraction_tool(self, idx_start: int, idx_end: int) -> list[dict[str, Any]]:
        """Show frames of a window of the clip.

        Args:
            idx_start: First frame of the window, counted from 0.
            idx_end: Last frame of the window, included.

        """
        assert self._episode is not None, "reset() comes before a call"
        return self._episode.call(idx_start, idx_end).content()


def turns_of(completion: str) -> list[str]:
    r"""The policy's own turns in the decoded text of a whole episode, the environment's replies left out.

    >>> reply = "<|im_end|>\n<|im_start|>user\n<tool_response>…</tool_response><|im_end|>\n<|im_start|>assistant\n"
    >>> turns_of("<think>a</think><tool_call>{}</tool_call>" + reply + "<think>b</think><answer>c</answer><|im_end|>")
    ['<think>a</think><tool_call>{}</tool_call>', '<think>b</think><answer>c</answer>']
    """
    # Every second part is a reply. END is the token that stops a turn, so a turn that only *says* ASSISTANT is not cut there.
    return [turn.removeprefix(f"\n{ASSISTANT}") for turn in completion.split(END)[::2]]


def played(episode: Episode, turns: Sequence[str]) -> Trajectory:
    """The trajectory that the turns make in a fresh episode; what follows its end is ignored."""
    for turn in turns:
        if episode.stop is None:
            episode.step(turn)
    return episode.trajectory("grpo", Made(step="grpo"))


def episode_reward(
    lessons: Lessons, config: EpisodeConfig, reward: RewardName, decode: Callable[[list[int]], str]
) -> Callable[..., list[float]]:
    """TRL's reward function for whole episodes; logs accuracy, and tool use for each band."""

    def rewards(completion_ids: list[list[int]], lesson: list[str], log_metric: Any, **_: Any) -> list[float]:
        values: list[float] = []
        trajectories: list[tuple[Band, Trajectory]] = []
        for ids, key in zip(completion_ids, lesson, strict=True):
            sample = lessons.samples[key]
            trajectory = played(lessons.episode(key, config), turns_of(decode(ids)))
            glance = sample.lesson.band is Band.GLANCE
            values.append(reward_of(reward, sample.question, trajectory, glance))
            trajectories.append((sample.lesson.band, trajectory))
        log_metric("accuracy", float(np.mean([t.accuracy for _, t in trajectories])))
        log_metric("format_ok", float(np.mean([t.format_ok for _, t in trajectories])))
        for band in Band:
            used = [t.used_tool for own, t in trajectories if own is band]
            if used:
                log_metric(f"tool_rate/{band}", float(np.mean(used)))
        return values

    return rewards


def run_grpo(
    config: GRPOConfig,
    base: Path,
    manifest: Path,
    out: Path,
    *,
    episode: EpisodeConfig,
    frame_size: tuple[int, int],
    instructions: str = "",
    seed: int = 0,
    run: Run | None = None,
    on_step: OnStep | None = None,
) -> Checkpoint:
    """Train the checkpoint ``base`` on the RL shards of ``manifest``; gives the checkpoint in ``out``.

    Killed in the middle, the same call goes on from the last saved step and ends with the same weights; once done it returns at
    once. Only lessons that a rollout can tell apart are worth a step, so questions that nobody solves were dropped before.
    """
    run = run or Run()
    parent = Checkpoint.read(base)
    if done := run.finished(out, config, parent, [manifest], seed):
        return done
    loaded = keep_eyes(load(parent.model, device=run.device))
    remember_pictures(loaded.processor.image_processor)
    with Lessons(manifest, frame_size) as lessons:
        bands = {key: sample.lesson.band for key, sample in lessons.samples.items()}
        order = mix_lessons(bands, config.num_steps, config.prompts_per_step, config.glance_share, seed)
        batch = config.prompts_per_step * config.num_generations
        arguments = TrlGRPOConfig(
            **trainer_arguments(out, run, steps=config.num_steps, batch=batch, seed=seed),
            **rate_arguments(config),
            num_generations=config.num_generations,
            steps_per_generation=run.accumulation(batch),
            max_completion_length=config.max_completion_tokens,
            max_tool_calling_iterations=episode.max_turns,
            temperature=config.temperature,
            beta=config.beta,
            loss_type=config.loss,
            scale_rewards="group",
            epsilon_high=0.28,
            shuffle_dataset=False,
            generation_kwargs={"suppress_tokens": unsampled_tokens(loaded.processor)},
        )
        decode = functools.partial(loaded.processor.tokenizer.decode, skip_special_tokens=False)
        trainer = FrameGRPOTrainer(
            model=loaded.model,
            processing_class=loaded.processor,
            args=arguments,
            reward_funcs=[episode_reward(lessons, episode, config.reward, decode)],
            train_dataset=Dataset.from_dict({"prompt": [EMPTY_PROMPT] * len(order), "lesson": order}),
            environment_factory=functools.partial(FrameEnvironment, lessons, episode, instructions),
            peft_config=_lora(config.lora_rank),
        )
        return run.train(trainer, loaded.processor, out, config, parent, [manifest], seed, on_step)


def _lora(rank: int) -> Any:
    if not rank:
        return None
    from peft import LoraConfig

    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=r".*language_model.*\.(q|k|v|o)_proj", task_type="CAUSAL_LM")
