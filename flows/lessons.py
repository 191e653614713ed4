"""The curriculum and export stages: questions to graded lessons, lessons to shards.

fingerprints of all broadcasts ─▶ unit "group_clips" (clips that show the same)
questions of a broadcast ─ base model's attempts ─▶ unit "measure" (pass rates)
all questions and pass rates ─ split, grade, order ─▶ unit "curriculum" (lessons)
lessons ─ clips cut small, once each ─▶ shards sft, rl, test, transfer ─▶ unit "export"
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from curriculum.difficulty import measure_pass_rates
from curriculum.duplicates import group_clips
from curriculum.schedule import place_lessons
from curriculum.split import assign_splits
from deepsport.agent.policies import Policy
from deepsport.engine import Outcome, map_items
from deepsport.errors import UserError
from deepsport.ids import digest, make_id, unit_id
from deepsport.records import Broadcast, Clip, ClipGroup, Drop, Fingerprint, Lesson, PassRate, Question, Shot, Trajectory
from deepsport.taxonomy import DropReason, Split
from deepsport.timebase import FrameWindow
from export.manifest import Manifest, manifest_path
from export.samples import count_drops, rl_samples, sft_samples, withheld
from export.shards import write_shards
from flows.grading import attempts_of
from flows.progress import OnOutcome, Reporter, ignore
from flows.questions import QuestionSet, clip_frames, passed_questions
from flows.recipe import Recipe
from flows.stage import StageResult, made_by, timed
from flows.workspace import Workspace

GROUP, MEASURE, CURRICULUM, EXPORT = "group_clips", "measure", "curriculum", "export"
SETS = ("sft", "rl", "test", "transfer")
"""Sets of shards: trajectories to imitate, lessons to practise, held-out lessons, lessons of a sport never trained on."""


@dataclass(frozen=True, slots=True)
class BaseModel:
    """The model that difficulty is measured with: the one that training starts from."""

    policy: Policy
    """Plays; its name names the checkpoint, and another name is another measurement."""
    frame_size: tuple[int, int]
    """Width and height at which frames are read for it."""
    instructions: str = ""
    """What a pretrained model must be told; a tiny one knows the protocol by heart."""


def run_curriculum(workspace: Workspace, recipe: Recipe, base: BaseModel, *, reporter: Reporter = ignore) -> StageResult:
    """Lessons of all questions that passed the gate.

    Raises: UserError when annotate has not finished.
    """
    result = StageResult(CURRICULUM)
    catalog, stage_hash = workspace.catalog, recipe.stage_hash(CURRICULUM)
    with timed(result):
        asked = passed_questions(workspace, recipe)
        broadcasts = catalog.read(Broadcast, asked.ingest_units)
        groups = _group_clips(workspace, recipe, asked.ingest_units, result)
        measured = _measure_all(workspace, recipe, base, asked, result, reporter)
        unit = curriculum_unit(recipe, asked.unit, base.policy.name)
        if not catalog.is_done(unit):
            splits = assign_splits(broadcasts, recipe.curriculum.split, groups)
            made = made_by(CURRICULUM, stage_hash, (), recipe.seed)
            rates = catalog.read(PassRate, measured)
            lessons, drops = place_lessons(asked.questions, rates, splits, recipe.curriculum.schedule, made)
            inputs = [asked.unit, base.policy.name, *measured]
            result.num_new += catalog.commit(unit, CURRICULUM, stage_hash, inputs, {Lesson: lessons}, drops)
        result.count(len(catalog.read(Lesson, [unit])) + len(catalog.read(PassRate, measured)), catalog.read(Drop, [unit]))
    return result


def _group_clips(workspace: Workspace, recipe: Recipe, ingest_units: Sequence[str], result: StageResult) -> list[ClipGroup]:
    """Clips of these broadcasts that show the same."""
    catalog, stage_hash = workspace.catalog, recipe.stage_hash(CURRICULUM)
    unit = unit_id(GROUP, stage_hash, ingest_units)
    if not catalog.is_done(unit):
        prints, clips = catalog.read(Fingerprint, ingest_units), catalog.read(Clip, ingest_units)
        shots = catalog.read(Shot, ingest_units)
        groups = group_clips(prints, clips, shots, recipe.curriculum.duplicates, made_by(GROUP, stage_hash))
        result.num_new += catalog.commit(unit, GROUP, stage_hash, ingest_units, {ClipGroup: groups})
    return catalog.read(ClipGroup, [unit])


def curriculum_unit(recipe: Recipe, gate: str, base_name: str) -> str:
    """The unit that holds the lessons of these questions, graded by that model."""
    return unit_id(CURRICULUM, recipe.stage_hash(CURRICULUM), [gate, base_name])


def _measure_all(
    workspace: Workspace, recipe: Recipe, base: BaseModel, asked: QuestionSet, result: StageResult, reporter: Reporter
) -> list[str]:
    """Pass rates, a unit a broadcast, so that a killed run loses one broadcast's measurements at most."""
    catalog, stage_hash = workspace.catalog, recipe.stage_hash(CURRICULUM)
    by_broadcast: dict[str, list[Question]] = {}
    for question in asked.questions:
        by_broadcast.setdefault(question.broadcast_id, []).append(question)
    result.num_items = len(by_broadcast)
    names: list[str] = []
    broadcasts = {broadcast.broadcast_id: broadcast for broadcast in catalog.read(Broadcast, asked.ingest_units)}
    clips = catalog.read(Clip, asked.ingest_units)
    settings = recipe.curriculum
    for number, (broadcast_id, questions) in enumerate(sorted(by_broadcast.items()), 1):
        ids = digest(sorted(question.question_id for question in questions))
        name = unit_id(MEASURE, stage_hash, [broadcast_id, ids, base.policy.name])
        names.append(name)
        if not catalog.is_done(name):
            made = made_by(MEASURE, stage_hash, (), recipe.seed)
            with clip_frames(workspace, [broadcasts[broadcast_id]], base.frame_size) as frames_of:
                attempts = attempts_of(
                    base.policy,
                    frames_of,
                    clips,
                    recipe.episode,
                    settings.num_rollouts,
                    made,
                    instructions=base.instructions,
                    batch_size=settings.batch_size,
                )
                rates = measure_pass_rates(questions, attempts, base.policy.name, settings.difficulty, made)
            inputs = [broadcast_id, ids, base.policy.name]
            result.num_new += catalog.commit(name, MEASURE, stage_hash, inputs, {PassRate: rates})
        reporter("measure", number, len(by_broadcast))
    return names


# ----------------------------------------------------------------------------------------------------------------- export


@dataclass(frozen=True, slots=True)
class Cut:
    """One clip to cut for the shards; crosses processes."""

    workspace: Workspace
    clip: Clip
    proxy_key: str
    key: str
    size: tuple[int, int]
    gop: int


def cut_for_shards(job: Cut) -> str:
    """Puts the clip into the store as a small mp4, the same bytes each time; gives its key."""
    from deepsport.video import cut_clip

    store, clip = job.workspace.store, job.clip
    window = FrameWindow(idx_start=clip.first_frame, idx_end=clip.first_frame + clip.num_frames - 1)
    with tempfile.TemporaryDirectory(prefix="deepsport-cut-") as folder:
        out = Path(folder) / "clip.mp4"
        cut_clip(store.path(job.proxy_key), window, out, size=job.size, gop=job.gop)
        store.put_file(out, job.key, move=True)
    return job.key


def shards_dir(workspace: Workspace, recipe: Recipe) -> Path:
    """Where the recipe's shards lie: another seed's lie beside them."""
    return workspace.shards_dir / f"{recipe.name}-seed{recipe.seed}"


def manifest_of(workspace: Workspace, recipe: Recipe, name: str) -> Path:
    """The manifest of one of SETS."""
    return manifest_path(shards_dir(workspace, recipe), name)


def run_export(
    workspace: Workspace,
    recipe: Recipe,
    base_name: str,
    *,
    workers: int = 1,
    cluster: str | None = None,
    reporter: Reporter = ignore,
) -> StageResult:
    """The recipe's shards: SETS, each with its manifest.

    Raises: UserError when the curriculum has not finished.
    """
    result = StageResult(EXPORT, num_items=len(SETS))
    catalog, stage_hash = workspace.catalog, recipe.stage_hash(EXPORT)
    with timed(result):
        asked = passed_questions(workspace, recipe)
        source = curriculum_unit(recipe, asked.unit, base_name)
        if not catalog.is_done(source):
            raise UserError(f"{workspace.root}: the lessons are not ready; run `deepsport curriculum` first")
        lessons = catalog.read(Lesson, [source])
        broadcasts = withheld(catalog.read(Broadcast, asked.ingest_units), recipe.export.licences)
        clips = catalog.read(Clip, asked.ingest_units)
        trajectories = catalog.read(Trajectory, asked.units)
        jobs = _cuts(workspace, recipe, lessons, asked, clips, broadcasts)
        todo = [job for job in jobs if not workspace.store.exists(job.key)]
        on_result = OnOutcome(reporter)
        cut = map_items(cut_for_shards, todo, workers=workers, cluster=cluster, label="cut clips", on_result=on_result)
        keys, drops = _keys(jobs, cut, result)

        def clip_bytes(clip: Clip) -> bytes:
            return workspace.store.path(keys[clip.clip_id]).read_bytes()

        question_clip = {question.question_id: question.clip_id for question in asked.questions}
        exportable = {broadcast.broadcast_id for broadcast in broadcasts if broadcast.exportable}
        usable = [
            lesson for lesson in lessons if lesson.broadcast_id not in exportable or question_clip[lesson.question_id] in keys
        ]
        for number, name in enumerate(SETS, 1):
            split = Split.TRAIN if name in ("sft", "rl") else Split(name)
            chosen = [lesson for lesson in usable if lesson.split is split]
            if name == "sft":
                kept = sft_samples(chosen, asked.questions, trajectories, clips, broadcasts, clip_bytes)
            else:
                kept = rl_samples(chosen, asked.questions, clips, broadcasts, clip_bytes)
            inputs = [source, *(sample.key for sample in kept.items)]
            before = _stamp(manifest_of(workspace, recipe, name))
            manifest = write_shards(
                kept.items,
                shards_dir(workspace, recipe),
                name,
                inputs=inputs,
                stage_hash=stage_hash,
                drops=count_drops(kept.drops),
                config=recipe.export.shards,
            )
            result.num_new += _stamp(manifest_of(workspace, recipe, name)) != before
            result.num_records += manifest.num_samples
            drops += kept.drops
            reporter("shards", number, len(SETS))
        unit = unit_id(EXPORT, stage_hash, [source])
        if not result.failures:
            catalog.commit(unit, EXPORT, stage_hash, [source], {}, drops)
        result.count(0, drops)
    result.check(recipe.max_failure_share)
    return result


def _cuts(
    workspace: Workspace,
    recipe: Recipe,
    lessons: Sequence[Lesson],
    asked: QuestionSet,
    clips: Sequence[Clip],
    broadcasts: Sequence[Broadcast],
) -> list[Cut]:
    """The lessons' clips, as far as they may leave."""
    export = recipe.export
    wanted = {lesson.question_id for lesson in lessons}
    needed = {question.clip_id for question in asked.questions if question.question_id in wanted}
    proxy_of = {broadcast.broadcast_id: broadcast.proxy_key for broadcast in broadcasts if broadcast.exportable}
    size = (export.clip_width, export.clip_height)
    return [
        Cut(
            workspace,
            clip,
            proxy_of[clip.broadcast_id],
            f"clips/{clip.clip_id}-{size[0]}x{size[1]}-g{export.gop}.mp4",
            size,
            export.gop,
        )
        for clip in clips
        if clip.clip_id in needed and clip.broadcast_id in proxy_of
    ]


def _keys(jobs: Sequence[Cut], cut: Iterable[Outcome[Cut, str]], result: StageResult) -> tuple[dict[str, str], list[Drop]]:
    """Keys in the store of the clips, and drops of those that could not be cut."""
    lost: set[str] = set()
    drops: list[Drop] = []
    for outcome in cut:
        if outcome.error is not None:
            clip_id = outcome.item.clip.clip_id
            lost.add(clip_id)
            result.fail(clip_id, outcome.error)
            drops.append(
                Drop(
                    drop_id=make_id("drop", EXPORT, clip_id),
                    step=EXPORT,
                    item=clip_id,
                    reason=DropReason.UNREADABLE_MEDIA,
                    detail=outcome.error.message,
                )
            )
    result.num_items = len(SETS) + len(jobs)
    return {job.clip.clip_id: job.key for job in jobs if job.clip.clip_id not in lost}, drops


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_ino


def read_manifests(workspace: Workspace, recipe: Recipe) -> list[Manifest]:
    """The manifests of the recipe's shards that exist."""
    from export.manifest import read_manifest

    paths = [manifest_of(workspace, recipe, name) for name in SETS]
    return [read_manifest(path) for path in paths if path.exists()]
