"""Difficulty is measured: the base model answers each question several times, under two frame budgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from deepsport.ids import digest, make_id
from deepsport.records import Made, PassRate, Question
from deepsport.taxonomy import Budget

Rollouts = Callable[[Sequence[Question], Budget], Sequence[Sequence[float]]]
"""Plays questions under a budget; gives, for each question, the accuracy in [0, 1] of each of its rollouts."""


class DifficultyConfig(BaseModel):
    """What counts as passed, and what is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pass_accuracy: float = Field(default=0.99, gt=0, le=1)
    """A rollout passes from this accuracy on; only commentary can score between 0 and 1."""
    budgets: tuple[Budget, ...] = (Budget.INITIAL, Budget.EVIDENCE)
    """Budgets to measure under."""


def measure_pass_rates(questions: Sequence[Question], rollouts: Rollouts, policy: str, config: DifficultyConfig,
                       made: Made | None = None) -> list[PassRate]:
    """One pass rate for each question and budget, in the order of budgets, then of questions.

    policy: the name of the model that plays. made: config hash, code version and seed, if known.

    Raises: ValueError when the rollouts are not one non-empty list for each question.
    """
    origin = made or Made(step="measure_pass_rates", config_hash=digest(config))
    rates: list[PassRate] = []
    for budget in config.budgets:
        accuracies = rollouts(questions, budget)
        if len(accuracies) != len(questions) or not all(accuracies):
            raise ValueError(f"{policy}, {budget}: {len(questions)} questions need as many non-empty lists of rollouts, "
                             f"got {len(accuracies)}, {sum(not a for a in accuracies)} of them empty")
        for question, scores in zip(questions, accuracies, strict=True):
            num_passed = sum(score >= config.pass_accuracy for score in scores)
            identity = (question.question_id, policy, budget, len(scores), origin.config_hash, origin.seed)
            rates.append(PassRate(
                pass_rate_id=make_id("pass_rate", *identity), question_id=question.question_id, policy=policy,
                budget=budget, num_rollouts=len(scores), num_passed=num_passed,
                made=origin.model_copy(update={"inputs": (question.question_id,)}),
            ))
    return rates
