"""The curriculum: graded questions in the order in which they are taught, perception first (arXiv 2511.12908 v2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from curriculum.bands import BandConfig, classify
from deepsport.errors import UserError
from deepsport.ids import digest, make_id
from deepsport.records import Drop, Kept, Lesson, Made, PassRate, Question
from deepsport.taxonomy import Band, Budget, Dimension, DropReason, Split

DIMENSION_ORDER = (Dimension.RECOGNITION, Dimension.COACHING, Dimension.RULES, Dimension.COMMENTARY)
"""What is taught first: to see, then to judge what was seen, then what follows from it, then to say it."""


class ScheduleConfig(BaseModel):
    """How lessons are graded and ordered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bands: BandConfig = Field(default_factory=BandConfig)
    """Where the bands begin."""
    keep_unsolved: bool = False
    """Whether questions that the base model cannot answer even on the evidence are trained on."""
    seed: int = 0
    """Orders questions that are alike in all else."""


def place_lessons(questions: Sequence[Question], pass_rates: Sequence[PassRate], splits: Mapping[str, Split],
                  config: ScheduleConfig, made: Made | None = None) -> Kept[Lesson]:
    """The lessons of each split, ranked from 0 within it: by dimension, then easier first, then by the seed.

    splits: by broadcast id. Of several pass rates of one question and budget the last given counts. UNSOLVED questions leave the
    training split (too hard, or the key is wrong); TEST and TRANSFER keep them, for a test must not be chosen by who can pass it.

    Raises: UserError when a question has no pass rate, or its broadcast no split.
    """
    rate_of = {(rate.question_id, rate.budget): rate for rate in pass_rates}
    origin = made or Made(step="place_lessons", config_hash=digest(config))
    placed: dict[Split, list[tuple[tuple[int, float, float, str], Question, Band]]] = {split: [] for split in Split}
    drops: list[Drop] = []
    for question in questions:
        initial = rate_of.get((question.question_id, Budget.INITIAL))
        evidence = rate_of.get((question.question_id, Budget.EVIDENCE))
        if initial is None or evidence is None:
            missing = Budget.INITIAL if initial is None else Budget.EVIDENCE
            raise UserError(f"{question.question_id}: no pass rate on the {missing} frames; measure pass rates first")
        if question.broadcast_id not in splits:
            raise UserError(f"{question.question_id}: its broadcast {question.broadcast_id} has no split; assign splits first")
        split = splits[question.broadcast_id]
        band = classify(initial, evidence, config.bands)
        if band is Band.UNSOLVED and split is Split.TRAIN and not config.keep_unsolved:
            drops.append(Drop(drop_id=make_id("drop", "place_lessons", question.question_id), step="place_lessons",
                              item=question.question_id, reason=DropReason.UNSOLVED,
                              detail=f"{question.task}: {evidence.num_passed} of {evidence.num_rollouts} passed on the evidence"))
            continue
        order = (DIMENSION_ORDER.index(question.dimension), -initial.rate, -evidence.rate,
                 digest("order", config.seed, question.question_id))
        placed[split].append((order, question, band))
    lessons = []
    for split, graded in placed.items():
        for rank, (order, question, band) in enumerate(sorted(graded, key=lambda entry: entry[0])):
            lessons.append(Lesson(
                lesson_id=make_id("lesson", question.question_id, split, origin.config_hash), question_id=question.question_id,
                broadcast_id=question.broadcast_id, sport=question.sport, task=question.task, split=split, band=band,
                initial_pass_rate=-order[1], evidence_pass_rate=-order[2], rank=rank,
                made=origin.model_copy(update={"inputs": (question.question_id,), "seed": config.seed}),
            ))
    return Kept(lessons, drops)
