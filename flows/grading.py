"""How the base model's attempts are made: what difficulty is measured with (arXiv 2511.12908 v2, and a second budget of ours).

INITIAL shows the frames every episode starts with, EVIDENCE as many frames spread over the evidence. Either way the model must
answer at once: a tool call is no answer, so it does not pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from curriculum.difficulty import Rollouts
from deepsport.agent.environment import Episode, EpisodeConfig
from deepsport.agent.policies import Policy
from deepsport.agent.rollout import rollout
from deepsport.agent.tools import FrameSource
from deepsport.records import Clip, Made, Question
from deepsport.taxonomy import Budget


def attempts_of(
    policy: Policy,
    frames_of: Callable[[Clip], FrameSource],
    clips: Sequence[Clip],
    episode: EpisodeConfig,
    num_rollouts: int,
    made: Made,
    *,
    instructions: str = "",
    batch_size: int = 64,
) -> Rollouts:
    """A function for ``measure_pass_rates``: the accuracy of each of num_rollouts attempts at each question.

    A sampling policy must be seeded by its maker; a greedy one gives the same attempt every time.
    """
    clip_of = {clip.clip_id: clip for clip in clips}
    at_once = episode.model_copy(update={"max_turns": 1})

    def play(questions: Sequence[Question], budget: Budget) -> list[list[float]]:
        episodes = (
            one_glance(question, frames_of(clip_of[question.clip_id]), at_once, budget)
            for question in questions
            for _ in range(num_rollouts)
        )
        played = rollout(policy, episodes, made, instructions=instructions, batch_size=batch_size)
        accuracies = [trajectory.accuracy if trajectory.format_ok else 0.0 for trajectory in played]
        return [accuracies[i : i + num_rollouts] for i in range(0, len(accuracies), num_rollouts)]

    return play


def one_glance(question: Question, frames: FrameSource, config: EpisodeConfig, budget: Budget) -> Episode:
    """An episode that opens on the frames of the budget."""
    episode = Episode(question, frames, config)
    if budget is Budget.EVIDENCE:
        episode.initial_indices = tuple(question.evidence.uniform(config.initial_frames))
    return episode
