"""Questions to curators and their verdicts back: push fills a Label Studio project, pull reads the reviews.

Both can be run at any time, any number of times. Push knows a question by its id (task data ``external_id``), because Label
Studio has no upsert and gives the ids of deleted tasks away again. Pull reads what changed since a watermark, by the server's
clock, and names reviews by their content, so that reading one twice makes no second record. Deleting an annotation in Label
Studio does not take back a review that was pulled before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from annotate.label_config import BadForm, ReviewForm, read_form, task_of
from annotate.review_server import (
    CLIP_FOLDER,
    ReviewServer,
    changed_tasks,
    external_ids,
    faults_explained,
    find_project,
    moment,
    ready_project,
    utc,
)
from deepsport.errors import MediaError, UserError
from deepsport.ids import make_id
from deepsport.records import Broadcast, Clip, Drop, Kept, Question, Review, Trajectory, Utterance
from deepsport.taxonomy import DropReason
from deepsport.timebase import FrameWindow

ClipCutter = Callable[[Clip, Path], None]
"""Writes a clip as an mp4 a browser can play: constant rate, start 0, at most 60 s. Raises: MediaError."""

PROJECT_TITLE = "DeepSport review"
_IMPORT_SIZE = 500
_IMPORT_TIMEOUT_S = 300.0


class PushReport(NamedTuple):
    """What a push did."""

    created: int
    """Questions that are new in the project."""
    already: int
    """Questions that were there."""
    drops: list[Drop]
    """Questions that could not be pushed, and why."""
    project_url: str


def clip_cutter(proxy_path: Callable[[str], Path], broadcasts: Iterable[Broadcast]) -> ClipCutter:
    """Cuts review clips from the broadcasts' proxies, with their sound; proxy_path is ``Store.path``."""
    by_id = {broadcast.broadcast_id: broadcast for broadcast in broadcasts}

    def cut(clip: Clip, out: Path) -> None:
        from deepsport.video import cut_clip

        broadcast = by_id[clip.broadcast_id]
        window = FrameWindow(idx_start=clip.first_frame, idx_end=clip.first_frame + clip.num_frames - 1)
        cut_clip(proxy_path(broadcast.proxy_key), window, out, audio=broadcast.has_audio)

    return cut


def push(
    server: ReviewServer,
    questions: Sequence[Question],
    clips: Iterable[Clip],
    broadcasts: Iterable[Broadcast],
    *,
    media_root: Path,
    cut: ClipCutter,
    utterances: Iterable[Utterance] = (),
    trajectories: Iterable[Trajectory] = (),
    project_title: str = PROJECT_TITLE,
) -> PushReport:
    """Make a task of every question that the project does not have yet; the project is made when it is missing.

    media_root is the server's document root as both see it; clips are cut into its subfolder ``clips``, each once. Of a
    question's trajectories the most accurate one is shown. A question whose clip cannot be cut is dropped.

    Raises: UserError when the server fails, cannot serve media_root, or the title belongs to another kind of project.
    """
    clip_of = {clip.clip_id: clip for clip in clips}
    broadcast_of = {broadcast.broadcast_id: broadcast for broadcast in broadcasts}
    said: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        said.setdefault(utterance.broadcast_id, []).append(utterance)
    best: dict[str, Trajectory] = {}
    for trajectory in sorted(trajectories, key=lambda t: (-t.accuracy, t.trajectory_id)):
        best.setdefault(trajectory.question_id, trajectory)

    folder = media_root / CLIP_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with faults_explained(server.url):
        project_id = ready_project(server, project_title, folder)
        there = external_ids(server, project_id)
    drops: list[Drop] = []
    tasks: list[dict[str, Any]] = []
    unique = {question.question_id: question for question in questions}
    for question in unique.values():
        clip = clip_of[question.clip_id]
        fault = _ensure_clip(clip, folder, cut)
        if fault is not None:
            drops.append(_push_drop(project_title, question, fault))
        elif question.question_id not in there:
            tasks.append(
                task_of(
                    question,
                    clip,
                    broadcast_of[question.broadcast_id],
                    video_path=f"{CLIP_FOLDER}/{clip.clip_id}.mp4",
                    utterances=said.get(question.broadcast_id, ()),
                    trajectory=best.get(question.question_id),
                )
            )
    with faults_explained(server.url):
        for start in range(0, len(tasks), _IMPORT_SIZE):
            # No retry: a request that timed out may have been carried out, and Label Studio would import it twice.
            server.client.projects.import_tasks(
                project_id,
                request=tasks[start : start + _IMPORT_SIZE],  # type: ignore[arg-type]  # the model wants a task id in predictions
                return_task_ids=True,
                request_options={"max_retries": 0, "timeout": _IMPORT_TIMEOUT_S},
            )
    already = sum(question_id in there for question_id in unique)
    return PushReport(len(tasks), already, drops, f"{server.url}/projects/{project_id}/data")


def pull(
    server: ReviewServer,
    questions: Iterable[Question],
    clips: Iterable[Clip],
    *,
    project_title: str = PROJECT_TITLE,
    since: str | None = None,
    known: Collection[str] = frozenset(),
) -> Kept[Review]:
    """Reviews that curators gave since the watermark, the latest of each curator on each question.

    since is what watermark() gives for the reviews already stored; None reads everything. known holds the ids of reviews and
    drops already stored; they are left out, so a second pull gives nothing. Forms that cannot be used are dropped as
    BAD_REVIEW. Skipped tasks give nothing. The curator is the user who last wrote the annotation, as the server noted it.

    Raises: UserError when the server fails or has no such project.
    """
    question_of = {question.question_id: question for question in questions}
    clip_of = {clip.clip_id: clip for clip in clips}
    latest: dict[tuple[str, str], Review] = {}
    drops: dict[str, Drop] = {}
    with faults_explained(server.url):
        project_id = find_project(server, project_title)
        if project_id is None:
            raise UserError(f"{server.url}: no project called {project_title!r}; push questions first, or mend the title")
        emails = {user.id: user.email for user in server.client.users.list()}
        for task in changed_tasks(server, project_id, since):
            external_id = (task.data or {}).get("external_id")
            question = question_of.get(external_id) if isinstance(external_id, str) else None
            for annotation in task.annotations or []:
                if annotation.get("was_cancelled"):
                    continue
                updated_at = utc(moment(annotation["updated_at"]))
                curator = emails.get(annotation.get("updated_by") or 0) or ""
                item = external_id if isinstance(external_id, str) else f"task {task.id}"
                try:
                    if question is None:
                        raise BadForm("the task belongs to no question of this dataset")
                    if not curator:  # completed_by is no substitute: any user may write another's name there
                        raise BadForm("the server notes no author; annotations that were imported as a file do not count")
                    form = read_form(annotation.get("result"), question, clip_of[question.clip_id])
                except BadForm as bad:
                    drop = _bad_review(project_title, item, curator or "unknown", updated_at, str(bad))
                    drops[drop.drop_id] = drop
                    continue
                review = _review(project_title, question.question_id, curator, updated_at, form)
                before = latest.get((review.question_id, curator))
                if before is None or before.updated_at < updated_at:
                    latest[review.question_id, curator] = review
    items = sorted(latest.values(), key=lambda r: (r.updated_at, r.review_id))
    return Kept(
        [review for review in items if review.review_id not in known],
        [drop for drop in drops.values() if drop.drop_id not in known],
    )


def watermark(reviews: Iterable[Review], project_title: str = PROJECT_TITLE) -> str | None:
    """The time up to which a project's reviews are known, by its server's clock; None when there are none."""
    return max((review.updated_at for review in reviews if review.project == project_title), default=None)


def _ensure_clip(clip: Clip, folder: Path, cut: ClipCutter) -> MediaError | None:
    """The clip's file is there afterwards, or the reason why not."""
    assert clip.clip_id == Path(clip.clip_id).name, f"{clip.clip_id!r} is no file name"
    path = folder / f"{clip.clip_id}.mp4"
    if path.exists():
        return None
    part = folder / f".{clip.clip_id}.{os.getpid()}.mp4"
    try:
        cut(clip, part)
        part.replace(path)
    except MediaError as error:
        return error
    finally:
        part.unlink(missing_ok=True)
    return None


def _push_drop(project: str, question: Question, fault: MediaError) -> Drop:
    from deepsport.video import MissingMedia

    reason = DropReason.MISSING_FILE if isinstance(fault, MissingMedia) else DropReason.UNREADABLE_MEDIA
    drop_id = make_id("drop", "push_reviews", project, question.question_id, reason, str(fault))
    return Drop(drop_id=drop_id, step="push_reviews", item=question.question_id, reason=reason, detail=str(fault))


def _bad_review(project: str, item: str, curator: str, updated_at: str, why: str) -> Drop:
    drop_id = make_id("drop", "pull_reviews", project, item, curator, updated_at, why)
    detail = f"{curator} at {updated_at}: {why}"
    return Drop(drop_id=drop_id, step="pull_reviews", item=item, reason=DropReason.BAD_REVIEW, detail=detail)


def _review(project: str, question_id: str, curator: str, updated_at: str, form: ReviewForm) -> Review:
    fields = {"project": project, "question_id": question_id, "curator": curator, "updated_at": updated_at} | form._asdict()
    content = Review.model_validate({"review_id": ""} | fields)
    return content.model_copy(update={"review_id": make_id("review", content)})
