"""Which lessons a run of reinforcement learning practises: every step a fixed mix of what a glance solves and what it does not.

A group of rollouts that all succeed teaches nothing, and what the base model solves at a glance nearly always succeeds; yet left
out altogether, nobody is told any more that answering without a look pays. So a few of them stand in every step.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from deepsport.errors import UserError
from deepsport.taxonomy import Band


def mix_lessons(bands: Mapping[str, Band], num_steps: int, per_step: int, glance_share: float, seed: int) -> list[str]:
    """``num_steps * per_step`` keys, step by step; each pool is gone through in a new random order before one comes again.

    bands: of each lesson, by key. glance_share: share of a step that the base model solves at a glance, rounded to whole lessons;
    where one of the two pools is empty the other fills the step.

    >>> mix_lessons({"a": Band.GLANCE, "b": Band.LOOK}, num_steps=2, per_step=4, glance_share=0.25, seed=0)
    ['a', 'b', 'b', 'b', 'a', 'b', 'b', 'b']

    Raises: UserError when there are no lessons.
    """
    if not bands:
        raise UserError("no lessons to train on; `deepsport status` says what was dropped and why")
    glance = sorted(key for key, band in bands.items() if band is Band.GLANCE)
    others = sorted(key for key, band in bands.items() if band is not Band.GLANCE)
    num_glance = round(glance_share * per_step) if glance and others else per_step * bool(glance)
    rng = random.Random(f"mix/{seed}")
    easy, hard = again_and_again(glance, rng), again_and_again(others, rng)
    return [next(easy if place < num_glance else hard) for _ in range(num_steps) for place in range(per_step)]


def again_and_again(keys: Sequence[str], rng: random.Random) -> Iterator[str]:
    """All keys in random order, then all again in another, without end; nothing when there are none."""
    while keys:
        order = list(keys)
        rng.shuffle(order)
        yield from order
