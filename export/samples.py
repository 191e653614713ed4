"""What goes into a shard: lessons with their clip, for SFT (with a trajectory) and for RL and evaluation (without one)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from deepsport.ids import make_id
from deepsport.records import Broadcast, Clip, Drop, Kept, Lesson, Question, Record, Trajectory
from deepsport.taxonomy import DropReason
from export.shards import Sample, ShardReader

ClipBytes = Callable[[Clip], bytes]
"""Gives the clip as a small mp4; the same clip gives the same bytes."""


class LessonSample(Record):
    """The JSON of a lesson's sample. ``trajectory`` is there in SFT shards only."""

    lesson: Lesson
    question: Question
    clip: Clip
    title: str = ""
    """The broadcast's, as whoever names the source needs it."""
    licence: str = "unknown"
    """The broadcast's."""
    rights: str = ""
    """Who holds the rights in the broadcast, and on what terms."""
    trajectory: Trajectory | None = None


def read_lesson(reader: ShardReader, key: str) -> LessonSample:
    """A sample's JSON as records; its clip is ``reader.blob(key, "mp4")``."""
    return LessonSample.model_validate_json(reader.blob(key, "json"))


def withheld(broadcasts: Iterable[Broadcast], licences: Sequence[str]) -> list[Broadcast]:
    """The broadcasts, those under another licence than these marked as not exportable; without licences all as they are."""
    allowed = {licence.casefold() for licence in licences}
    return [
        broadcast.model_copy(update={"exportable": False})
        if allowed and broadcast.licence.casefold() not in allowed
        else broadcast
        for broadcast in broadcasts
    ]


class _Shelf:
    """Looks the records of a lesson up, and keeps what must not leave the workspace."""

    def __init__(self, questions: Iterable[Question], clips: Iterable[Clip], broadcasts: Iterable[Broadcast], step: str) -> None:
        self.questions = {question.question_id: question for question in questions}
        self.clips = {clip.clip_id: clip for clip in clips}
        self.broadcasts = {broadcast.broadcast_id: broadcast for broadcast in broadcasts}
        self.step = step
        self.drops: list[Drop] = []

    def sample(self, key: str, lesson: Lesson, clip_bytes: ClipBytes, trajectory: Trajectory | None) -> Sample | None:
        question = self.questions[lesson.question_id]
        clip = self.clips[question.clip_id]
        broadcast = self.broadcasts[lesson.broadcast_id]
        if not broadcast.exportable:
            self.drops.append(
                Drop(
                    drop_id=make_id("drop", self.step, key),
                    step=self.step,
                    item=key,
                    reason=DropReason.NO_LICENCE,
                    detail=f"{broadcast.broadcast_id}: licence {broadcast.licence!r}, rights {broadcast.rights!r} forbid export",
                )
            )
            return None
        content = LessonSample(
            lesson=lesson,
            question=question,
            clip=clip,
            title=broadcast.title,
            licence=broadcast.licence,
            rights=broadcast.rights,
            trajectory=trajectory,
        )
        return Sample(
            key=key,
            content=content.model_dump(mode="json", exclude_none=False, exclude=None if trajectory else {"trajectory"}),
            blobs={"mp4": partial(clip_bytes, clip)},
            licence=broadcast.licence,
        )


def _by_rank(lessons: Sequence[Lesson]) -> list[Lesson]:
    return sorted(lessons, key=lambda lesson: (lesson.rank, lesson.lesson_id))


def sft_samples(
    lessons: Sequence[Lesson],
    questions: Iterable[Question],
    trajectories: Iterable[Trajectory],
    clips: Iterable[Clip],
    broadcasts: Iterable[Broadcast],
    clip_bytes: ClipBytes,
) -> Kept[Sample]:
    """One sample for each trajectory of each lesson, in the curriculum's order; keyed by trajectory_id.

    A lesson without a trajectory gives none; a broadcast that may not be exported gives a Drop (NO_LICENCE).
    """
    by_question: dict[str, list[Trajectory]] = {}
    for trajectory in trajectories:
        by_question.setdefault(trajectory.question_id, []).append(trajectory)
    shelf = _Shelf(questions, clips, broadcasts, "export_sft")
    kept: list[Sample] = []
    for lesson in _by_rank(lessons):
        for trajectory in by_question.get(lesson.question_id, []):
            if sample := shelf.sample(trajectory.trajectory_id, lesson, clip_bytes, trajectory):
                kept.append(sample)
    return Kept(kept, shelf.drops)


def rl_samples(
    lessons: Sequence[Lesson],
    questions: Iterable[Question],
    clips: Iterable[Clip],
    broadcasts: Iterable[Broadcast],
    clip_bytes: ClipBytes,
) -> Kept[Sample]:
    """One sample a lesson, in the curriculum's order; keyed by lesson_id. Serves GRPO and evaluation alike.

    A broadcast that may not be exported gives a Drop (NO_LICENCE).
    """
    shelf = _Shelf(questions, clips, broadcasts, "export_rl")
    kept = [sample for lesson in _by_rank(lessons) if (sample := shelf.sample(lesson.lesson_id, lesson, clip_bytes, None))]
    return Kept(kept, shelf.drops)


def frames_sample(key: str, content: Mapping[str, object], jpegs: Sequence[bytes], licence: str = "unknown") -> Sample:
    """A sample of single pictures, ``<key>.0000.jpg`` …, e.g. a perception lesson.

    >>> sorted(frames_sample("a", {}, [b"x", b"y"]).blobs)
    ['0000.jpg', '0001.jpg']
    """
    return Sample(key=key, content=content, blobs={f"{i:04d}.jpg": jpeg for i, jpeg in enumerate(jpegs)}, licence=licence)


def count_drops(drops: Iterable[Drop]) -> dict[DropReason, int]:
    """How many drops there are of each reason."""
    return dict(Counter(drop.reason for drop in drops))
