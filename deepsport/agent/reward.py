"""The rewards of agentic RL, as pure functions. accuracy is in [0, 1] throughout.

gated: R = fmt·(acc + R_tool) − 0.05·(1 − fmt), as published (arXiv 2511.12908 v1).
adaptive: as gated where the base model fails on the initial frames; where it succeeds there, the bonus is for answering
*without* the tool. The paper (v2) gives the idea, the sizes are those of v1.
grounded: R = fmt·(acc + 0.5·tIoU) − 0.05·(1 − fmt). Ours: it pays for looking in the right place.
"""

from __future__ import annotations

from enum import StrEnum

from deepsport.records import Question, Trajectory

FORMAT_PENALTY = -0.05
"""Reward of an episode that broke the protocol, whatever it answered."""
TRIED_BONUS = 0.03
"""For a tool that was used and did not help."""


class RewardName(StrEnum):
    """Which reward a run trains on."""

    GATED = "gated"
    ADAPTIVE = "adaptive"
    GROUNDED = "grounded"


def gated_tool_reward(accuracy: float, used_tool: bool) -> float:
    """Bonus for using a tool: half the accuracy when it helped, 0.03 when it was tried and did not.

    The tool counts as helping from an accuracy of 0.5 on (arXiv 2511.12908 v1, R_tool).

    >>> gated_tool_reward(1.0, used_tool=True), gated_tool_reward(0.2, used_tool=True), gated_tool_reward(1.0, used_tool=False)
    (0.5, 0.03, 0.0)
    """
    if not used_tool:
        return 0.0
    return 0.5 * accuracy if accuracy >= 0.5 else TRIED_BONUS


def gated_reward(accuracy: float, used_tool: bool, format_ok: bool) -> float:
    """fmt·(acc + R_tool) − 0.05·(1 − fmt) with fmt 1 when the format is right, else 0 (arXiv 2511.12908 v1).

    >>> gated_reward(1.0, used_tool=True, format_ok=True), gated_reward(1.0, used_tool=False, format_ok=True)
    (1.5, 1.0)
    >>> gated_reward(0.0, used_tool=True, format_ok=True), gated_reward(1.0, used_tool=True, format_ok=False)
    (0.03, -0.05)
    """
    return accuracy + gated_tool_reward(accuracy, used_tool) if format_ok else FORMAT_PENALTY


def adaptive_tool_reward(accuracy: float, used_tool: bool, solved_at_a_glance: bool) -> float:
    """Bonus for the right choice between looking and answering: v1's where a look is needed; where a glance is enough,
    half the accuracy (from 0.5 on) for answering without the tool, and nothing with it.

    >>> adaptive_tool_reward(1.0, used_tool=False, solved_at_a_glance=True)
    0.5
    >>> adaptive_tool_reward(1.0, used_tool=True, solved_at_a_glance=True)
    0.0
    """
    if not solved_at_a_glance:
        return gated_tool_reward(accuracy, used_tool)
    return 0.5 * accuracy if not used_tool and accuracy >= 0.5 else 0.0


def adaptive_reward(accuracy: float, used_tool: bool, solved_at_a_glance: bool, format_ok: bool) -> float:
    """fmt·(acc + R_adaptive) − 0.05·(1 − fmt): solved_at_a_glance is whether the base model passes on the initial frames alone.

    Kept of arXiv 2511.12908 v2: which behaviour is rewarded on which question. Ours: the sizes, taken over from v1.

    >>> [adaptive_reward(1.0, tool, glance, True) for glance in (True, False) for tool in (False, True)]
    [1.5, 1.0, 1.0, 1.5]
    """
    return accuracy + adaptive_tool_reward(accuracy, used_tool, solved_at_a_glance) if format_ok else FORMAT_PENALTY


def grounded_reward(accuracy: float, tiou: float, format_ok: bool) -> float:
    """fmt·(acc + 0.5·tIoU) − 0.05·(1 − fmt): tiou in [0, 1] is of the best window asked for with the evidence, 0 without a call.

    Not in the paper. A well placed look pays even when the answer is wrong, yet never as much as a right answer.

    >>> grounded_reward(1.0, tiou=0.5, format_ok=True), grounded_reward(0.0, tiou=1.0, format_ok=True)
    (1.25, 0.5)
    """
    return accuracy + 0.5 * tiou if format_ok else FORMAT_PENALTY


def evidence_tiou(question: Question, trajectory: Trajectory) -> float:
    """Temporal IoU of the best window asked for with the question's evidence, in [0, 1]; 0 when none was asked for."""
    return max((turn.window.tiou(question.evidence) for turn in trajectory.turns if turn.window is not None), default=0.0)


def reward_of(name: RewardName, question: Question, trajectory: Trajectory, solved_at_a_glance: bool = False) -> float:
    """The named reward of a whole episode; solved_at_a_glance matters to ``adaptive`` alone."""
    accuracy, used_tool, format_ok = trajectory.accuracy, trajectory.used_tool, trajectory.format_ok
    match name:
        case RewardName.GATED:
            return gated_reward(accuracy, used_tool, format_ok)
        case RewardName.ADAPTIVE:
            return adaptive_reward(accuracy, used_tool, solved_at_a_glance, format_ok)
        case RewardName.GROUNDED:
            return grounded_reward(accuracy, evidence_tiou(question, trajectory), format_ok)
