"""Let a policy play many episodes at once: all live episodes advance together, one batched completion a turn."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from deepsport.agent.environment import Episode
from deepsport.agent.policies import Policy
from deepsport.agent.protocol import Conversation, turn_message
from deepsport.records import Made, Trajectory


def rollout(
    policy: Policy, episodes: Iterable[Episode], made: Made, *, instructions: str = "", batch_size: int = 64
) -> list[Trajectory]:
    """One trajectory an episode, in their order. episodes may be a generator: at most batch_size of them live at a time.

    An episode for which the policy gives no completion ends as POLICY_FAILED; the others go on.
    """
    waiting = iter(episodes)
    played: list[Trajectory] = []
    while batch := list(islice(waiting, batch_size)):
        conversations: list[Conversation] = [[episode.opening(instructions)] for episode in batch]
        live = list(zip(batch, conversations, strict=True))
        while live:
            said = policy.complete([conversation for _, conversation in live])
            live = [pair for pair, text in zip(live, said, strict=True) if _advance(*pair, text)]
        played += [episode.trajectory(policy.name, made) for episode in batch]
    return played


def _advance(episode: Episode, conversation: Conversation, text: str | None) -> bool:
    """Take one turn; whether the episode goes on, its conversation then grown by the turn and what it was answered with."""
    if text is None:
        episode.fail()
        return False
    shown = episode.step(text)
    if shown is None:
        return False
    conversation += [turn_message(text), shown.message()]
    return True
