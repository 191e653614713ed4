"""Every figure of the report, as it stands in the JSON beside the HTML: one class a block, one docstring line a key."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

from deepsport.records import Evaluation
from deepsport.taxonomy import DIMENSION_OF, Band, Dimension, DropReason, FailureClass, Split, Sport, Task

FORMAT = "deepsport-report-1"

Share = Annotated[float, Field(ge=0, le=1)]


class Figures(BaseModel):
    """Base of the report's blocks."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class TaskScore(Figures):
    """One model on one task."""

    task: Task
    """The task."""
    num_questions: int
    """Questions of the task."""
    accuracy: Share
    """Mean accuracy on them."""


class DimensionScore(Figures):
    """One model on one of the paper's four dimensions."""

    dimension: Dimension
    """The dimension."""
    num_questions: int
    """Questions of the dimension."""
    accuracy: Share
    """Mean accuracy on them."""


class SportScore(Figures):
    """One model on one sport."""

    sport: Sport
    """The sport."""
    num_questions: int
    """Questions of the sport."""
    accuracy: Share
    """Mean accuracy on them."""


class FailureCount(Figures):
    """How often a model failed in one way."""

    failure: FailureClass
    """grounding: no frame of the evidence was seen; perception: one was seen; format: no answer."""
    num_questions: int
    """Wrong answers of that class."""


class ModelScore(Figures):
    """One model on one split, greedy."""

    name: str
    """What it is called in the report, e.g. ``SFT + GRPO``."""
    checkpoint: str
    """The checkpoint that was measured."""
    split: Split
    """test: held-out broadcasts of the trained sports; transfer: a sport never trained on."""
    num_questions: int
    """Questions put to it."""
    accuracy: Share
    """Mean accuracy."""
    accuracy_low: Share
    """Lower end of its 95 % Wilson interval."""
    accuracy_high: Share
    """Upper end of its 95 % Wilson interval."""
    tool_rate_glance: Share | None
    """Share of glance-solvable questions on which it used the tool; null when there are none."""
    tool_rate_look: Share | None
    """Share of needs-a-look questions on which it used the tool; null when there are none."""
    accuracy_glance: Share | None
    """Mean accuracy on glance-solvable questions."""
    accuracy_look: Share | None
    """Mean accuracy on needs-a-look questions."""
    mean_frames: float
    """Frames seen per question, the initial ones included."""
    evidence_seen: Share
    """Share of questions on which at least one frame of the evidence was seen."""
    tasks: tuple[TaskScore, ...]
    """By task."""
    dimensions: tuple[DimensionScore, ...]
    """By dimension."""
    sports: tuple[SportScore, ...]
    """By sport."""
    failures: tuple[FailureCount, ...]
    """By failure class; classes that did not occur are there with 0."""


class Line(Figures):
    """One line of a chart."""

    label: str
    """What it shows, e.g. ``needs a look``."""
    points: tuple[tuple[float, float], ...]
    """Pairs of step and value."""


class Chart(Figures):
    """Training curves that belong together."""

    title: str
    """What the chart shows, e.g. ``GRPO reward``."""
    x_label: str
    """What the steps count."""
    share: bool = False
    """Whether the values are shares in [0, 1], shown as percent."""
    lines: tuple[Line, ...]
    """Its lines."""


class FunnelStep(Figures):
    """One step on the way from broadcasts to lessons."""

    label: str
    """What is counted."""
    count: int
    """How many there are."""


class BandCount(Figures):
    """How many lessons of a split lie in a band of difficulty."""

    split: Split
    """The split."""
    band: Band
    """The band, by the base model's pass rates."""
    num_lessons: int
    """How many."""


class DropFigure(Figures):
    """How many items a step left out for one reason."""

    step: str
    """The step."""
    reason: DropReason
    """The reason."""
    num_drops: int
    """How many."""


class BlindFigure(Figures):
    """How well a predictor answers that sees the question's words and no frame."""

    task: Task
    """The task."""
    num_questions: int
    """Questions it was tried on (never those it learnt from)."""
    accuracy: Share
    """Its accuracy."""
    chance: Share
    """What guessing among the options, or always giving the most frequent answer, would reach."""


class TruthFigures(Figures):
    """Ingest held against the truth, where it is known (simulated broadcasts)."""

    num_broadcasts: int
    """Broadcasts with known truth."""
    num_cuts: int
    """True cuts and gradual transitions."""
    shot_precision: Share
    """Share of detected cuts that are true (within 2 frames)."""
    shot_recall: Share
    """Share of true cuts that were detected."""
    shot_f1: Share
    """Harmonic mean of the two."""
    num_words: int
    """Words spoken in truth."""
    word_error_rate: float | None
    """Wrong, missing and added words per spoken word; null when nothing was spoken."""


class StageFigure(Figures):
    """What a stage of the pipeline took and made."""

    stage: str
    """ingest, annotate, …"""
    wall_s: float
    """Seconds by the clock."""
    cpu_s: float
    """CPU seconds, child processes included."""
    num_units: int
    """Units of work done in this run; 0 when all were done before."""
    num_records: int
    """Records that its units hold."""
    num_drops: int
    """Items it left out."""


class ShardSet(Figures):
    """One set of shards that was written."""

    name: str
    """Name of the set."""
    num_samples: int
    """Samples."""
    size_bytes: int
    """Bytes on disk."""
    licences: dict[str, int]
    """Samples by licence."""


class Picture(Figures):
    """One frame of an episode; its pixels are in the HTML only."""

    frame_index: int
    """Frame of the clip, 0-based."""
    in_evidence: bool
    """Whether the answer can be seen on it."""
    jpeg: bytes = Field(exclude=True, repr=False)


class TurnStrip(Figures):
    """One turn of an episode."""

    thought: str
    """What the model thought aloud."""
    window: str | None
    """The frames it asked for, e.g. ``48-76``."""
    answer: str | None
    """Its answer, if the turn gave one."""
    error: str | None
    """How the turn broke the protocol."""
    frames: tuple[Picture, ...]
    """The frames it was shown for it."""


class EpisodeStrip(Figures):
    """One episode, as the HTML shows it."""

    model: str
    """Who played."""
    sport: Sport
    """The sport."""
    task: Task
    """The task."""
    band: Band
    """The lesson's band."""
    question: str
    """The question as it was put."""
    options: tuple[str, ...]
    """Options of a choice."""
    gold: tuple[str, ...]
    """Right answers."""
    accuracy: Share
    """Accuracy of the answer."""
    evidence: str
    """The window on which the answer can be seen, e.g. ``52-66``."""
    initial: tuple[Picture, ...]
    """The frames shown at the start."""
    turns: tuple[TurnStrip, ...]
    """Its turns."""


class SheetPicture(Figures):
    """One picture of the contact sheet; its pixels are in the HTML only."""

    label: str
    """What it shows."""
    jpeg: bytes = Field(exclude=True, repr=False)


class Headline(Figures):
    """The figures a person asks for first, all on the split ``test``."""

    num_questions: int
    """Held-out questions."""
    sft_accuracy: Share
    """SFT, from which GRPO starts."""
    grpo_accuracy: Share
    """SFT + GRPO."""
    gain_points: float
    """The difference in percentage points."""
    tool_rate_glance: Share | None
    """SFT + GRPO: tool use on glance-solvable questions."""
    tool_rate_look: Share | None
    """SFT + GRPO: tool use on needs-a-look questions."""
    mean_frames: float
    """SFT + GRPO: frames per question."""
    transfer_accuracy: Share | None
    """SFT + GRPO on the sport never trained on; null when there is none."""


class ReportData(Figures):
    """All of the report."""

    format: str = FORMAT
    """Version of this layout."""
    title: str
    """Heading of the report."""
    deepsport_version: str
    """Version of the code."""
    recipe: str
    """Name of the recipe."""
    recipe_hash: str
    """Hash of all its settings."""
    seed: int
    """Seed of the run."""
    made_at: str
    """When the report was made, ISO 8601, UTC."""
    workspace: str
    """Where everything lies."""
    headline: Headline | None
    """The figures asked for first; null until both models are measured."""
    models: tuple[ModelScore, ...]
    """One entry a model and split."""
    curves: tuple[Chart, ...] = ()
    """Training curves."""
    funnel: tuple[FunnelStep, ...] = ()
    """From broadcasts to lessons."""
    bands: tuple[BandCount, ...] = ()
    """Lessons by split and band."""
    drops: tuple[DropFigure, ...] = ()
    """What was left out, and why."""
    blind: tuple[BlindFigure, ...] = ()
    """The blind check, by task."""
    truth: TruthFigures | None = None
    """Ingest held against the truth; null when none is known."""
    shards: tuple[ShardSet, ...] = ()
    """What was exported."""
    stages: tuple[StageFigure, ...] = ()
    """What each stage took."""
    cpu_s: float | None = None
    """CPU seconds of the run that wrote the report, child processes included."""
    peak_memory_bytes: int | None = None
    """Largest resident memory of one process of the run."""
    episodes: tuple[EpisodeStrip, ...] = ()
    """A few episodes; their pictures are in the HTML only."""
    contact_sheet: tuple[SheetPicture, ...] = ()
    """What the broadcasts look like; the pictures are in the HTML only."""


def wilson_interval(mean: float, count: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share; with partial credits it is a little too wide, never too narrow.

    >>> [round(bound, 4) for bound in wilson_interval(0.9, 100)]
    [0.8256, 0.9448]
    """
    if count == 0:
        return 0.0, 1.0
    centre = mean + z * z / (2 * count)
    reach = z * math.sqrt(max(0.0, mean * (1 - mean)) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _accuracy(evaluations: Sequence[Evaluation]) -> float:
    return sum(evaluation.accuracy for evaluation in evaluations) / len(evaluations)


def score_model(name: str, evaluations: Sequence[Evaluation]) -> list[ModelScore]:
    """The figures of one checkpoint, one entry a split that occurs, test before transfer."""
    scores = []
    for split in Split:
        rows = [evaluation for evaluation in evaluations if evaluation.split is split]
        if not rows:
            continue
        accuracy = _accuracy(rows)
        low, high = wilson_interval(accuracy, len(rows))
        by_band = {band: [row for row in rows if row.band is band] for band in Band}
        by_task = {task: found for task in Task if (found := [row for row in rows if row.task is task])}
        by_dimension = {d: found for d in Dimension if (found := [row for row in rows if DIMENSION_OF[row.task] is d])}
        by_sport = {sport: found for sport in Sport if (found := [row for row in rows if row.sport is sport])}
        failures = Counter(row.failure for row in rows)
        scores.append(
            ModelScore(
                name=name,
                checkpoint=rows[0].checkpoint,
                split=split,
                num_questions=len(rows),
                accuracy=accuracy,
                accuracy_low=low,
                accuracy_high=high,
                tool_rate_glance=_mean([row.used_tool for row in by_band[Band.GLANCE]]),
                tool_rate_look=_mean([row.used_tool for row in by_band[Band.LOOK]]),
                accuracy_glance=_mean([row.accuracy for row in by_band[Band.GLANCE]]),
                accuracy_look=_mean([row.accuracy for row in by_band[Band.LOOK]]),
                mean_frames=sum(row.num_frames for row in rows) / len(rows),
                evidence_seen=sum(row.evidence_seen for row in rows) / len(rows),
                tasks=tuple(TaskScore(task=t, num_questions=len(f), accuracy=_accuracy(f)) for t, f in by_task.items()),
                dimensions=tuple(
                    DimensionScore(dimension=d, num_questions=len(f), accuracy=_accuracy(f)) for d, f in by_dimension.items()
                ),
                sports=tuple(SportScore(sport=s, num_questions=len(f), accuracy=_accuracy(f)) for s, f in by_sport.items()),
                failures=tuple(FailureCount(failure=f, num_questions=failures[f]) for f in FailureClass),
            )
        )
    return scores


def make_headline(models: Sequence[ModelScore], sft: str, grpo: str) -> Headline | None:
    """The first figures, from the entries of those two names; None when either was not measured on the split ``test``."""
    found = {(model.name, model.split): model for model in models}
    before, after = found.get((sft, Split.TEST)), found.get((grpo, Split.TEST))
    if before is None or after is None:
        return None
    transfer = found.get((grpo, Split.TRANSFER))
    return Headline(
        num_questions=after.num_questions,
        sft_accuracy=before.accuracy,
        grpo_accuracy=after.accuracy,
        gain_points=100 * (after.accuracy - before.accuracy),
        tool_rate_glance=after.tool_rate_glance,
        tool_rate_look=after.tool_rate_look,
        mean_frames=after.mean_frames,
        transfer_accuracy=transfer.accuracy if transfer else None,
    )


def _describe(block: type[BaseModel], path: str) -> Iterator[tuple[str, str]]:
    for name, field in block.model_fields.items():
        if field.exclude:
            continue
        here = f"{path}{name}"
        kinds = [field.annotation]
        nested: type[BaseModel] | None = None
        repeated = False
        while kinds:
            kind = kinds.pop()
            if get_origin(kind) is tuple:
                repeated = repeated or Ellipsis in get_args(kind)
            if get_origin(kind) in (tuple, UnionType, Union):
                kinds += [argument for argument in get_args(kind) if argument is not Ellipsis]
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                nested = kind
        here += "[]" if repeated else ""
        yield here, field.description or ""
        if nested:
            yield from _describe(nested, f"{here}.")


def key_table() -> str:
    """Every key of the JSON with its meaning, as a Markdown table; docs/report.md holds it and a test compares the two."""
    rows = [f"| `{key}` | {meaning} |" for key, meaning in _describe(ReportData, "")]
    return "\n".join(["| key | meaning |", "|---|---|", *rows])
