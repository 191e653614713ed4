"""The report stage: gathers the figures of a recipe from the workspace and writes the page and the JSON (export/report.py)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from annotate.blind import blind_check
from annotate.templates import evidence_in
from deepsport.errors import UserError
from deepsport.records import Broadcast, Clip, Drop, Evaluation, Event, Lesson, Question, Trajectory
from deepsport.sports.base import describe
from deepsport.taxonomy import Band, Split, Task
from export.figures import (
    BandCount,
    BlindFigure,
    Chart,
    DropFigure,
    EpisodeStrip,
    FunnelStep,
    Line,
    ModelScore,
    ReportData,
    ShardSet,
    SheetPicture,
    StageFigure,
    make_headline,
    score_model,
)
from export.report import make_episode_strip, sheet_picture, write_report
from flows.checkpoints import LABELS, base_name, trained_folder, wanted
from flows.exams import EXAMS, evaluation_unit
from flows.lessons import curriculum_unit, read_manifests
from flows.questions import QuestionSet, clip_frames, passed_questions
from flows.session import Session
from flows.stage import StageResult, code_version, cpu_seconds, peak_memory_bytes, timed
from flows.status import current_of
from flows.truth import truth_figures

REPORT = "report"
_STRIP_SIZE = (320, 180)
_SHEET_PICTURES_A_SPORT = 8


def run_report(session: Session, name: str | None = None) -> StageResult:
    """Writes ``reports/<name>.html`` and ``.json`` (name: the recipe's) from what there is.

    Raises: UserError when there are not even questions.
    """
    result = StageResult(REPORT, num_items=1)
    page, figures = report_paths(session, name)
    with timed(result):
        data = gather(session)
        result.num_new += write_report(data, page, figures)
        result.num_records = len(data.models)
    session.say(f"report: {page}{'' if result.num_new else ', as it was'}")
    return result


def report_paths(session: Session, name: str | None = None) -> tuple[Path, Path]:
    """Where the page and the JSON lie."""
    folder, stem = session.workspace.reports_dir, name or session.recipe.name
    return folder / f"{stem}.html", folder / f"{stem}.json"


def gather(session: Session) -> ReportData:
    """All figures of the recipe as the workspace now stands."""
    workspace, recipe = session.workspace, session.recipe
    catalog = workspace.catalog
    asked = passed_questions(workspace, recipe)
    lessons = _lessons(session, asked)
    evaluated = _evaluated(session)
    models = [score for which, unit in evaluated for score in score_model(LABELS[which], catalog.read(Evaluation, [unit]))]
    ordered = sorted(models, key=lambda model: list(Split).index(model.split))
    return ReportData(
        title=f"DeepSport · {recipe.name}",
        deepsport_version=code_version(),
        recipe=recipe.name,
        recipe_hash=recipe.recipe_hash,
        seed=recipe.seed,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        workspace=str(workspace.root),
        headline=make_headline(models, LABELS["sft"], LABELS["grpo"]),
        models=tuple(ordered),
        curves=tuple(_curves(session)),
        funnel=tuple(_funnel(session, asked, lessons)),
        bands=tuple(_bands(lessons)),
        drops=tuple(_drops(session)),
        blind=tuple(_blind(asked.questions, session)),
        truth=truth_figures(workspace, asked.ingest_units, transcribed=recipe.ingest.transcription),
        shards=tuple(
            ShardSet(name=m.name, num_samples=m.num_samples, size_bytes=m.size_bytes, licences=m.licences)
            for m in read_manifests(workspace, recipe)
        ),
        stages=tuple(_stage(result) for result in session.results),
        cpu_s=cpu_seconds() if session.results else None,
        peak_memory_bytes=peak_memory_bytes() if session.results else None,
        episodes=tuple(_episodes(session, asked, lessons, ordered)),
        contact_sheet=tuple(_contact_sheet(session, asked)),
    )


def _lessons(session: Session, asked: QuestionSet) -> list[Lesson]:
    try:
        base = base_name(session.workspace, session.recipe)
    except UserError:
        return []
    return session.workspace.catalog.read(Lesson, [curriculum_unit(session.recipe, asked.unit, base)])


def _evaluated(session: Session) -> list[tuple[str, str]]:
    """Checkpoint and unit of every measurement that was made."""
    found: list[tuple[str, str]] = []
    for which in wanted(session.recipe):
        for exam in EXAMS:
            try:
                unit = evaluation_unit(session, which, exam)
            except UserError:
                return found
            if session.workspace.catalog.is_done(unit):
                found.append((which, unit))
    return found


def _stage(result: StageResult) -> StageFigure:
    return StageFigure(
        stage=result.stage,
        wall_s=result.wall_s,
        cpu_s=result.cpu_s,
        num_units=result.num_new,
        num_records=result.num_records,
        num_drops=sum(result.drops.values()),
    )


def _curves(session: Session) -> list[Chart]:
    rows: dict[str, list[dict[str, float]]] = {}
    for which in wanted(session.recipe):
        try:
            path = trained_folder(session.workspace, session.recipe, which) / "curve.json"
            rows[which] = json.loads(path.read_text(encoding="utf-8"))
        except (UserError, OSError):
            continue

    def line(which: str, key: str, label: str) -> Line | None:
        points = tuple((row["step"], row[key]) for row in rows.get(which, []) if key in row and "step" in row)
        return Line(label=label, points=points) if points else None

    def chart(title: str, lines: Sequence[Line | None], *, share: bool = False) -> list[Chart]:
        there = tuple(found for found in lines if found is not None)
        return [Chart(title=title, x_label="step", share=share, lines=there)] if there else []

    return [
        *chart("GRPO: reward", [line("grpo", "reward", "mean reward")]),
        *chart("GRPO: accuracy of the rollouts", [line("grpo", "accuracy", "accuracy")], share=True),
        *chart(
            "GRPO: tool use of the rollouts",
            [line("grpo", f"tool_rate/{band}", band.replace("_", " ")) for band in Band],
            share=True,
        ),
        *chart("SFT: loss", [line(which, "loss", LABELS[which]) for which in ("sft", "longer_sft")]),
        *chart("Base model: loss while it learns to see", [line("base", "loss", "loss")]),
    ]


def _funnel(session: Session, asked: QuestionSet, lessons: Sequence[Lesson]) -> list[FunnelStep]:
    catalog = session.workspace.catalog
    counts = {
        "broadcasts": len(catalog.read(Broadcast, asked.ingest_units)),
        "events": len(catalog.read(Event, asked.ingest_units)),
        "clips": len(catalog.read(Clip, asked.ingest_units)),
        "questions asked": len(catalog.read(Question, asked.units)),
        "questions kept": len(asked.questions),
        "lessons": len(lessons),
        "lessons to train on": sum(lesson.split is Split.TRAIN for lesson in lessons),
    }
    return [FunnelStep(label=label, count=count) for label, count in counts.items() if count]


def _bands(lessons: Sequence[Lesson]) -> list[BandCount]:
    cells = Counter((lesson.split, lesson.band) for lesson in lessons)
    return [
        BandCount(split=split, band=band, num_lessons=cells[split, band])
        for split in Split
        if any(lesson.split is split for lesson in lessons)
        for band in Band
    ]


def _drops(session: Session) -> list[DropFigure]:
    units = [unit.unit for found in current_of(session).values() for unit in found]
    counts = Counter((drop.step, drop.reason) for drop in session.workspace.catalog.read(Drop, units))
    return [DropFigure(step=step, reason=reason, num_drops=number) for (step, reason), number in sorted(counts.items())]


def _blind(questions: Sequence[Question], session: Session) -> list[BlindFigure]:
    report = blind_check(questions, session.recipe.annotate.blind, session.recipe.seed)
    figures = []
    for task in Task:
        cells = [cell for cell in report.cells if cell.task is task and cell.num_questions and cell.accuracy is not None]
        total = sum(cell.num_questions for cell in cells)
        if total:
            figures.append(
                BlindFigure(
                    task=task,
                    num_questions=total,
                    accuracy=sum((cell.accuracy or 0.0) * cell.num_questions for cell in cells) / total,
                    chance=sum(cell.chance * cell.num_questions for cell in cells) / total,
                )
            )
    return figures


# --------------------------------------------------------------------------------------------------------------- pictures


def _episodes(
    session: Session, asked: QuestionSet, lessons: Sequence[Lesson], models: Sequence[ModelScore]
) -> list[EpisodeStrip]:
    """A few telling episodes on held-out questions: looked and right, glanced and right, wrong; and SFT alone on one of them.

    A page travels: broadcasts that may not be exported are not shown on it.
    """
    if not models or models[0].split is not Split.TEST:
        return []
    catalog = session.workspace.catalog
    lesson_of = {lesson.question_id: lesson for lesson in lessons}
    open_ids = {b.broadcast_id for b in catalog.read(Broadcast, asked.ingest_units) if b.exportable}
    question_of = {question.question_id: question for question in asked.questions if question.broadcast_id in open_ids}
    played: dict[str, list[Trajectory]] = {}
    for which in ("sft", "grpo"):
        unit = evaluation_unit(session, which, "test")
        played[which] = [
            t for t in catalog.read(Trajectory, [unit]) if t.question_id in lesson_of and t.question_id in question_of
        ]

    def first(which: str, right: bool, tool: bool | None = None, band: Band | None = None) -> Trajectory | None:
        return next(
            (
                trajectory
                for trajectory in played[which]
                if (trajectory.accuracy >= 0.5) is right
                and tool in (None, trajectory.used_tool)
                and band in (None, lesson_of[trajectory.question_id].band)
            ),
            None,
        )

    looked = first("grpo", right=True, tool=True, band=Band.LOOK)
    same = next((t for t in played["sft"] if looked is not None and t.question_id == looked.question_id), None)
    chosen = [
        ("grpo", looked),
        ("sft", same),
        ("grpo", first("grpo", right=True, tool=False, band=Band.GLANCE)),
        ("grpo", first("grpo", right=False)),
        ("sft", first("sft", right=False)),
    ]
    clips = {clip.clip_id: clip for clip in catalog.read(Clip, asked.ingest_units)}
    strips: list[EpisodeStrip] = []
    with clip_frames(session.workspace, catalog.read(Broadcast, asked.ingest_units), _STRIP_SIZE) as frames_of:
        for which, trajectory in chosen:
            if trajectory is None:
                continue
            lesson, question = lesson_of[trajectory.question_id], question_of[trajectory.question_id]
            indices = sorted(set(trajectory.seen_frames))
            frames_THWC = frames_of(clips[question.clip_id]).frames(indices)
            strips.append(make_episode_strip(LABELS[which], lesson, question, trajectory, indices, frames_THWC))
    return strips


def _contact_sheet(session: Session, asked: QuestionSet) -> list[SheetPicture]:
    """The middle of the evidence of a few events of every sport, of broadcasts that may be exported."""
    catalog = session.workspace.catalog
    open_ids = {b.broadcast_id for b in catalog.read(Broadcast, asked.ingest_units) if b.exportable}
    clips = [clip for clip in catalog.read(Clip, asked.ingest_units) if clip.broadcast_id in open_ids]
    events = catalog.read(Event, asked.ingest_units)
    by_broadcast: dict[str, list[Event]] = {}
    for event in events:
        by_broadcast.setdefault(event.broadcast_id, []).append(event)
    shown: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    pictures: list[SheetPicture] = []
    with clip_frames(session.workspace, catalog.read(Broadcast, asked.ingest_units), _STRIP_SIZE) as frames_of:
        for clip in clips:
            if shown[clip.sport] >= _SHEET_PICTURES_A_SPORT:
                continue
            for event in by_broadcast.get(clip.broadcast_id, []):
                window = evidence_in(clip, event)
                kind = (clip.sport, f"{event.kind} {event.team}")
                if window is None or kind in seen or shown[clip.sport] >= _SHEET_PICTURES_A_SPORT:
                    continue
                seen.add(kind)
                shown[clip.sport] += 1
                frame_HWC: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = frames_of(clip).frames(window.uniform(1))[0]
                pictures.append(sheet_picture(f"{clip.sport.replace('_', ' ')}: {describe(event)}", frame_HWC))
    return pictures
