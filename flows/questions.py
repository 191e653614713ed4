"""The annotate stage: clips to questions and trajectories, a unit a broadcast, then one gate over all of them.

broadcast ─ ask ─ (teacher words) ─ verify ─ distill ─ (teacher judges) ─▶ unit "annotate"
all questions ─ curators' reviews ─ blind check ─▶ unit "annotate_gate": who leaves, and what was corrected
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from annotate.blind import drop_blind_solvable
from annotate.corrections import apply_reviews
from annotate.distill import DistillConfig, distill
from annotate.templates import ask_broadcast
from annotate.verify import verify_questions
from deepsport.agent.protocol import full_instructions
from deepsport.agent.tools import FrameSource
from deepsport.catalog import Catalog
from deepsport.engine import map_items
from deepsport.errors import TeacherError, UserError
from deepsport.ids import make_id, unit_id
from deepsport.llm import LanguageModel
from deepsport.records import Broadcast, Clip, Completion, Drop, Event, Question, Record, Shot, Trajectory, Unit
from deepsport.settings import Settings
from deepsport.sports import known_sports
from deepsport.sports.base import label_of
from deepsport.taxonomy import DropReason
from flows.progress import OnOutcome, Reporter, ignore
from flows.recipe import Recipe, TeacherSettings
from flows.stage import StageResult, made_by, timed
from flows.stages import current_units
from flows.workspace import Workspace

log = logging.getLogger(__name__)

STEP = "annotate"
FROM_EVENTS = "questions come from events: give a film its sport and a feed, see docs/feeds.md"
GATE = "annotate_gate"
_CACHE_BYTES = 1 << 30
_GLANCE_SIZE = (64, 36)
"""The scripted teacher does not look at pixels; the frames are decoded all the same, to prove that they are there."""
_TEACHER_SIZE = (640, 360)


@dataclass(frozen=True, slots=True)
class Job:
    """One broadcast to annotate; crosses processes."""

    workspace: Workspace
    recipe: Recipe
    settings: Settings
    ingest_unit: str
    unit: str


@dataclass(frozen=True, slots=True)
class Annotated:
    """What came of one broadcast."""

    questions: list[Question]
    trajectories: list[Trajectory]
    completions: list[Completion]
    drops: list[Drop]


def run_annotate(
    workspace: Workspace,
    recipe: Recipe,
    settings: Settings,
    *,
    workers: int = 1,
    cluster: str | None = None,
    reporter: Reporter = ignore,
) -> StageResult:
    """Questions and trajectories for every broadcast that was ingested with this recipe, then the gate over all.

    Raises: UserError when nothing was ingested, or the recipe wants a teacher and the settings name none; StageFailed.
    """
    result = StageResult(STEP)
    catalog = workspace.catalog
    with timed(result):
        sources = [unit for unit in current_units(catalog, "ingest", recipe.stage_hash("ingest")) if unit.num_records]
        if not sources:
            raise UserError(f"{workspace.root}: nothing was ingested with recipe {recipe.name}; run `deepsport ingest` first")
        stage_hash = recipe.stage_hash(STEP)
        teacher = _teacher_name(recipe.annotate.teacher, settings)
        jobs = [
            Job(workspace, recipe, settings, source.unit, unit_id(STEP, stage_hash, [source.unit, *teacher]))
            for source in sources
        ]
        result.num_items = len(jobs)
        todo = [job for job in jobs if not catalog.is_done(job.unit)]
        on_result = OnOutcome(reporter)
        for outcome in map_items(annotate_broadcast, todo, workers=workers, cluster=cluster, label=STEP, on_result=on_result):
            job = outcome.item
            if outcome.error is not None:
                result.fail(job.ingest_unit, outcome.error)
                continue
            done = outcome.value
            records: dict[type[Record], Sequence[Record]] = {
                Question: done.questions,
                Trajectory: done.trajectories,
                Completion: done.completions,
            }
            result.num_new += catalog.commit(job.unit, STEP, stage_hash, [job.ingest_unit, *teacher], records, done.drops)
        finished = [job.unit for job in jobs if catalog.is_done(job.unit)]
        result.num_new += _gate(workspace, recipe, finished)
        units = {unit.unit: unit for step in (STEP, GATE) for unit in catalog.units(step, stage_hash)}
        current = [*finished, gate_unit(catalog, recipe, finished)]
        for name in current:
            result.count(units[name].num_records, catalog.read(Drop, [name]))
        if silent := sum(not units[name].num_records for name in finished):
            log.warning("%d of %d broadcasts give no questions; %s", silent, len(jobs), FROM_EVENTS)
    result.check(recipe.max_failure_share)
    return result


def _teacher_name(teacher: TeacherSettings, settings: Settings) -> list[str]:
    """What stands for the teacher among a unit's inputs: another model is another unit."""
    if not teacher.needed:
        return []
    if not settings.teacher_base_url or not settings.teacher_model:
        missing = "DEEPSPORT_TEACHER_MODEL" if settings.teacher_base_url else "DEEPSPORT_TEACHER_BASE_URL"
        raise UserError(f"the recipe asks for a teacher; set {missing}, or turn annotate.teacher off")
    return [f"teacher {settings.teacher_model}"]


def annotate_broadcast(job: Job) -> Annotated:
    """Everything annotate makes of one broadcast.

    Raises: TeacherError when the teacher gave not one completion: it is then not there, and the broadcast waits for it.
    """
    catalog, recipe = job.workspace.catalog, job.recipe
    annotate, seed = recipe.annotate, recipe.seed
    made = made_by(STEP, recipe.stage_hash(STEP), [job.ingest_unit], seed)
    (broadcast,) = catalog.read(Broadcast, [job.ingest_unit])
    clips, events = catalog.read(Clip, [job.ingest_unit]), catalog.read(Event, [job.ingest_unit])
    completions: list[Completion] = []
    teacher = _teacher(annotate.teacher, job.settings, completions.append) if annotate.teacher.needed else None

    shots = catalog.read(Shot, [job.ingest_unit])
    questions, drops = ask_broadcast(clips, events, annotate.templates, seed, made, shots=shots)
    if teacher and annotate.teacher.words:
        questions, worded = _word(questions, events, teacher, seed)
        drops = drops + worded
    questions, unproved = verify_questions(questions, clips, events, shots)
    with clip_frames(job.workspace, [broadcast], _TEACHER_SIZE if annotate.teacher.plays else _GLANCE_SIZE) as frames_of:
        trajectories, failed = _play(questions, clips, events, frames_of, job, teacher)
    drops = [*drops, *unproved, *failed]
    if teacher and annotate.teacher.judges:
        from annotate.teacher import judge_reasoning

        trajectories, unsound = judge_reasoning(questions, trajectories, teacher)
        drops += unsound
    if completions and all(completion.error and not completion.text for completion in completions):
        raise TeacherError(f"{broadcast.broadcast_id}: the teacher gave no completion ({completions[0].error}); is it running?")
    return Annotated(questions, trajectories, completions, drops)


def _teacher(teacher: TeacherSettings, settings: Settings, keep: Callable[[Completion], None]) -> LanguageModel:
    assert settings.teacher_base_url and settings.teacher_model
    return LanguageModel(
        settings.teacher_base_url,
        settings.teacher_model,
        settings.teacher_api_key,
        timeout_s=teacher.timeout_s,
        budget_tokens=teacher.budget_tokens,
        on_completion=keep,
    )


def _word(
    questions: Sequence[Question], events: Sequence[Event], teacher: LanguageModel, seed: int
) -> tuple[list[Question], list[Drop]]:
    from annotate.teacher import word_question

    event_of = {event.event_id: event for event in events}
    worded: list[Question] = []
    drops: list[Drop] = []
    for question in questions:
        named = [event_of[event_id] for event_id in question.event_ids if event_id in event_of]
        keep = [word for event in named for word in (label_of(event.kind), event.team or "") if word and word in question.text]
        kept = word_question(question, teacher, keep, seed)
        worded += kept.items
        drops += kept.drops
    return worded, drops


def _play(
    questions: Sequence[Question],
    clips: Sequence[Clip],
    events: Sequence[Event],
    frames_of: Callable[[Clip], FrameSource],
    job: Job,
    teacher: LanguageModel | None,
) -> tuple[list[Trajectory], list[Drop]]:
    recipe = job.recipe
    config: DistillConfig = recipe.annotate.distill
    made = made_by("distill", recipe.stage_hash(STEP), [job.ingest_unit], recipe.seed)
    if teacher is None or not recipe.annotate.teacher.plays:
        return distill(questions, clips, events, frames_of, config, made=made)
    from deepsport.agent.policies import OpenAIPolicy

    policy = OpenAIPolicy(teacher, seed=recipe.seed)
    told = full_instructions(config.episode.tools)
    return distill(questions, clips, events, frames_of, config, teacher=policy, instructions=told, made=made)


@contextmanager
def clip_frames(
    workspace: Workspace, broadcasts: Sequence[Broadcast], size: tuple[int, int]
) -> Iterator[Callable[[Clip], FrameSource]]:
    """A function that gives the frames of a clip from its broadcast's proxy, (width, height); files close with the block.

    A proxy is opened once for all its clips, and what was decoded stays within a limit for all of them together.
    """
    from deepsport.video import FrameCache, FrameReader

    proxies = {broadcast.broadcast_id: broadcast.proxy_key for broadcast in broadcasts}
    cache = FrameCache(_CACHE_BYTES)
    with ExitStack() as stack:
        open_readers: dict[str, FrameReader] = {}

        def frames_of(clip: Clip) -> FrameSource:
            key = proxies[clip.broadcast_id]
            if key not in open_readers:
                open_readers[key] = stack.enter_context(FrameReader(workspace.store.path(key), size=size, cache=cache))
            return open_readers[key].part(clip.first_frame, clip.num_frames)

        yield frames_of


# ------------------------------------------------------------------------------------------------------------------- gate


def annotate_units(catalog: Catalog, recipe: Recipe) -> list[Unit]:
    """The finished units of annotate whose broadcasts were ingested with this recipe."""
    ingested = {unit.unit for unit in current_units(catalog, "ingest", recipe.stage_hash("ingest"))}
    return [unit for unit in catalog.units(STEP, recipe.stage_hash(STEP)) if ingested.intersection(unit.inputs)]


def gate_unit(catalog: Catalog, recipe: Recipe, units: Sequence[str]) -> str:
    """The name of the gate over these units as the reviews now stand."""
    reviews = [review.review_id for review in catalog.latest_reviews()]
    return unit_id(GATE, recipe.stage_hash(STEP), [*units, *reviews])


def _gate(workspace: Workspace, recipe: Recipe, units: Sequence[str]) -> bool:
    """Decides who of all questions stays; False when that was decided before."""
    catalog, stage_hash = workspace.catalog, recipe.stage_hash(STEP)
    name = gate_unit(catalog, recipe, units)
    if catalog.is_done(name):
        return False
    asked = catalog.read(Question, units)
    known = {question.question_id for question in asked}
    ingest_units = _ingest_units(catalog, units)
    clips = catalog.read(Clip, ingest_units)
    reviews = [review for review in catalog.latest_reviews() if review.question_id in known]
    reviewed = apply_reviews(asked, reviews, clips)
    fixed = [question for question in reviewed.items if question.question_id not in known]
    blind = drop_blind_solvable(reviewed.items, recipe.annotate.blind, recipe.seed)
    left = {drop.item for drop in (*reviewed.drops, *blind.drops)}
    staying = {question.question_id for question in reviewed.items}
    corrected = [
        Drop(
            drop_id=make_id("drop", GATE, question_id, name),
            step=GATE,
            item=question_id,
            reason=DropReason.CURATOR_FIXED,
            detail="the corrected question stands in its place",
        )
        for question_id in sorted(known - staying - left)
    ]
    trajectories, failed = _distil_fixed(workspace, recipe, fixed, clips, ingest_units)
    inputs = [*units, *(review.review_id for review in catalog.latest_reviews())]
    records: dict[type[Record], Sequence[Record]] = {Question: fixed, Trajectory: trajectories}
    return catalog.commit(name, GATE, stage_hash, inputs, records, [*reviewed.drops, *blind.drops, *corrected, *failed])


def _distil_fixed(
    workspace: Workspace, recipe: Recipe, fixed: Sequence[Question], clips: Sequence[Clip], ingest_units: Sequence[str]
) -> tuple[list[Trajectory], list[Drop]]:
    """Corrected questions are played anew by the scripted teacher: no trajectory of the old key is theirs."""
    playable = [question for question in fixed if question.sport in known_sports()]
    if not playable:
        return [], []
    catalog = workspace.catalog
    broadcasts, events = catalog.read(Broadcast, ingest_units), catalog.read(Event, ingest_units)
    made = made_by("distill", recipe.stage_hash(STEP), (), recipe.seed)
    with clip_frames(workspace, broadcasts, _GLANCE_SIZE) as frames_of:
        kept = distill(playable, clips, events, frames_of, recipe.annotate.distill, made=made)
    return kept.items, kept.drops


def _ingest_units(catalog: Catalog, units: Sequence[str]) -> list[str]:
    wanted = set(units)
    return sorted(
        {name for unit in catalog.read(Unit) if unit.unit in wanted for name in unit.inputs if name.startswith("ingest-")}
    )


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions that passed the gate, with what they stand on."""

    unit: str
    """The gate's unit: it changes when a question is added, corrected or dropped."""
    units: tuple[str, ...]
    """Units of annotate, the gate's included."""
    ingest_units: tuple[str, ...]
    questions: list[Question]


def passed_questions(workspace: Workspace, recipe: Recipe) -> QuestionSet:
    """The questions of this recipe that passed reviews and blind check, in a stable order.

    Raises: UserError when annotate has not finished since the last ingest or review.
    """
    catalog = workspace.catalog
    asked = [unit.unit for unit in annotate_units(catalog, recipe)]
    gate = gate_unit(catalog, recipe, asked)
    if not asked or not catalog.is_done(gate):
        raise UserError(f"{workspace.root}: the questions are not ready; run `deepsport annotate` first")
    # A corrected question that cannot be played has no trajectory, but is still a question.
    gone = {drop.item for drop in catalog.read(Drop, [gate]) if drop.step != "distill"}
    units = (*asked, gate)
    questions = [question for question in catalog.read(Question, units) if question.question_id not in gone]
    return QuestionSet(gate, units, tuple(_ingest_units(catalog, asked)), questions)
