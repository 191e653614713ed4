"""How good is a checkpoint? It plays every held-out question once, greedily, under the rules it was trained under.

The paper's authors read 70 failures by hand; here each wrong answer is classed by itself, because every question carries its
evidence: GROUNDING when no frame of the evidence was ever seen, PERCEPTION when one was, FORMAT when there was no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from deepsport import ids
from deepsport.agent.environment import EpisodeConfig
from deepsport.agent.policies import Policy
from deepsport.agent.rollout import rollout
from deepsport.records import Evaluation, Made, Trajectory
from deepsport.taxonomy import FailureClass
from export.samples import LessonSample
from train.lessons import Lessons

RIGHT = 0.5
"""An answer counts as wrong, and gets a failure class, below this accuracy."""


class Evaluated(NamedTuple):
    """Figures and the episodes behind them, in the order of the lessons."""

    evaluations: list[Evaluation]
    trajectories: list[Trajectory]


def run_evaluate(
    policy: Policy,
    manifest: Path,
    *,
    episode: EpisodeConfig,
    frame_size: tuple[int, int],
    instructions: str = "",
    config_hash: str = "",
    batch_size: int = 64,
    on_batch: Callable[[int, int], None] | None = None,
) -> Evaluated:
    """Every lesson of the shards, played once by the policy; ``on_batch`` is told how many of how many are done."""
    evaluations: list[Evaluation] = []
    trajectories: list[Trajectory] = []
    made = Made(step="evaluate", inputs=(policy.name,), config_hash=config_hash, code_version=ids.CODE_VERSION)
    with Lessons(manifest, frame_size) as lessons:
        keys = list(lessons.samples)
        for start in range(0, len(keys), batch_size):
            batch = keys[start : start + batch_size]
            episodes = [lessons.episode(key, episode) for key in batch]
            for key, played in zip(batch, rollout(policy, episodes, made, instructions=instructions), strict=True):
                evaluations.append(evaluation_of(lessons.samples[key], played, made))
                trajectories.append(played)
            if on_batch:
                on_batch(len(evaluations), len(keys))
    return Evaluated(evaluations, trajectories)


def evaluation_of(sample: LessonSample, played: Trajectory, made: Made) -> Evaluation:
    """What an episode says of its checkpoint."""
    lesson, question = sample.lesson, sample.question
    evidence_seen = any(question.evidence.contains(index) for index in played.seen_frames)
    accuracy = played.accuracy if played.format_ok else 0.0
    return Evaluation(
        evaluation_id=ids.make_id("evaluation", played.policy, lesson.lesson_id, made.config_hash),
        checkpoint=played.policy,
        question_id=question.question_id,
        sport=question.sport,
        task=question.task,
        split=lesson.split,
        band=lesson.band,
        answer=played.answer,
        accuracy=accuracy,
        used_tool=played.used_tool,
        num_frames=len(played.seen_frames),
        evidence_seen=evidence_seen,
        failure=failure_of(accuracy, played.format_ok, evidence_seen),
        made=made,
    )


def failure_of(accuracy: float, format_ok: bool, evidence_seen: bool) -> FailureClass | None:
    """Why an answer is wrong; None when it is not.

    >>> failure_of(0.0, format_ok=True, evidence_seen=False)
    <FailureClass.GROUNDING: 'grounding'>
    """
    if accuracy >= RIGHT:
        return None
    if not format_ok:
        return FailureClass.FORMAT
    return FailureClass.PERCEPTION if evidence_seen else FailureClass.GROUNDING
