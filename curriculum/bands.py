"""What two pass rates say of a question: a glance is enough, a look is needed, or it stays unsolved."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from deepsport.records import PassRate
from deepsport.taxonomy import Band, Budget


class BandConfig(BaseModel):
    """Where the bands begin."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    glance_rate: float = Field(default=0.75, ge=0, le=1)
    """From this pass rate on the initial frames alone, a question is solved at a glance."""
    look_rate: float = Field(default=0.5, ge=0, le=1)
    """From this pass rate on the frames of the evidence, a question that is not solved at a glance needs a look."""


def classify(initial: PassRate, evidence: PassRate, config: BandConfig) -> Band:
    """The band of a question from its pass rates on the initial frames and on the frames of the evidence.

    arXiv 2511.12908 v2 tries the base model once, on the initial frames; the second budget tells what a look could add from
    what is too hard or wrongly keyed.

    >>> rate = PassRate(pass_rate_id="p", question_id="q", policy="base", budget=Budget.INITIAL, num_rollouts=8, num_passed=1)
    >>> classify(rate, rate.model_copy(update={"budget": Budget.EVIDENCE, "num_passed": 6}), BandConfig()).value
    'needs_a_look'
    """
    assert initial.question_id == evidence.question_id
    assert (initial.budget, evidence.budget) == (Budget.INITIAL, Budget.EVIDENCE)
    if initial.rate >= config.glance_rate:
        return Band.GLANCE
    return Band.LOOK if evidence.rate >= config.look_rate else Band.UNSOLVED
