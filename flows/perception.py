"""Perception lessons: what the tiny model learns to see on, in place of a pretrained backbone's web-scale data.

They come from simulated broadcasts that are used for nothing else (their seeds lie far from all others): single frames with a
caption; questions on a clip's initial frames, answered at once where the event is in view, and declared not visible where it is
not, until further frames show it; and the same with the frames told in words, for how to answer. All sports take part, as they
would in a backbone's pretraining; the tool never does.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from annotate.distill import thought_of
from annotate.templates import TemplateConfig, ask_broadcast, evidence_in
from annotate.verify import stretches_in
from deepsport.agent.protocol import question_prompt, render_answer
from deepsport.ids import make_id
from deepsport.records import Clip, Event, Question, Record
from deepsport.sports.base import describe
from deepsport.taxonomy import AnswerKind, Sport, Task
from deepsport.timebase import FrameRate, FrameWindow, Span
from export.samples import frames_sample
from export.shards import Sample

if TYPE_CHECKING:
    from ingest.simulator.broadcast import SimulatedBroadcast

NOT_VISIBLE = "not visible"
"""What is answered when no frame in view holds the evidence: right for no question, so the base model fails there."""
TO_REASON = (Task.RULE_CONSEQUENCE, Task.LOCALISATION)
_FIRST_SEED = 1_000_000


class PerceptionConfig(Record):
    """How many perception lessons are made, and of what."""

    sports: tuple[Sport, ...] = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)
    """Sports in turn."""
    num_broadcasts: int = Field(default=360, ge=1)
    """Short broadcasts, each with its own look."""
    glance_every: int = Field(default=3, ge=1)
    """Every so many broadcasts is also asked about."""
    plays_per_broadcast: int = Field(default=3, ge=1)
    """Plays in each, about six seconds long."""
    stills_per_event: int = Field(default=2, ge=1)
    """Captioned frames of each event."""
    glances_per_play: int = Field(default=6, ge=1)
    """Questions on the frames of a play."""
    tales_per_play: int = Field(default=5, ge=1)
    """Questions on a play whose frames are told instead of shown; every broadcast is asked them."""
    frame_size: int = Field(default=64, ge=32)
    """Side of the square frames in pixels: what the tiny model sees."""
    initial_frames: int = Field(default=8, ge=1)
    """Frames of a look, as in the episode."""
    second_look_off: int = Field(default=12, ge=0)
    """Where nothing was in view, further frames follow: of the stretch in question, each end moved by at most so many frames."""
    seed: int = 0
    """Of the broadcasts and of what is asked."""


def perception_samples(config: PerceptionConfig, templates: TemplateConfig) -> Iterator[Sample]:
    """The perception lessons: samples with ``caption`` and one JPEG, or ``prompt``, ``looks``, ``replies`` and their JPEGs."""
    from ingest.simulator.broadcast import SimulatedBroadcast

    rng = random.Random(f"perception/{config.seed}")
    for number in range(config.num_broadcasts):
        sport = config.sports[number % len(config.sports)]
        seed = _FIRST_SEED * (config.seed + 1) + number
        broadcast = SimulatedBroadcast(sport, seed, 6.8 * config.plays_per_broadcast, broadcast_id=f"perception-{seed}")
        yield from _stills(broadcast, config, rng)
        shown = number // len(config.sports) % config.glance_every == 0
        yield from _exchanges(broadcast, config, templates, rng, shown)


def _stills(broadcast: SimulatedBroadcast, config: PerceptionConfig, rng: random.Random) -> Iterator[Sample]:
    for number, event in enumerate(broadcast.events):
        window = broadcast.rate.window_of(event.evidence, broadcast.num_frames)
        assert window is not None, event
        inside = rng.sample(range(window.idx_start, window.idx_end + 1), min(config.stills_per_event, window.num_frames))
        outside = [max(0, window.idx_start - rng.randint(2, 90))] if number % 2 else []
        for frame_index, caption in [*((i, describe(event)) for i in inside), *((i, describe(None)) for i in outside)]:
            if caption == describe(None) and _event_at(broadcast, frame_index) is not None:
                continue
            key = make_id("still", broadcast.broadcast_id, frame_index)
            yield frames_sample(key, {"caption": caption}, [_jpeg(broadcast, frame_index, config)], licence="Apache-2.0")


def _exchanges(
    broadcast: SimulatedBroadcast, config: PerceptionConfig, templates: TemplateConfig, rng: random.Random, shown: bool
) -> Iterator[Sample]:
    """Questions on the broadcast's plays whose frames are told in words and, if ``shown``, others on the frames themselves."""
    clips = [_clip(broadcast, play.span) for play in broadcast.plays]
    asked = ask_broadcast(clips, broadcast.events, templates, config.seed).items
    for clip in clips:
        own = [question for question in asked if question.clip_id == clip.clip_id]
        # What takes more than naming is told of every play.
        told = sorted(rng.sample(own, len(own)), key=lambda question: question.task not in TO_REASON)
        for question in told[: config.tales_per_play]:
            looks = _looks(question, clip, config, rng)
            yield _exchange("told", question, clip, broadcast, looks, [])
        if shown and own:
            yield from _glances(rng.sample(own, min(config.glances_per_play, len(own))), clip, broadcast, config, rng)


def _glances(
    questions: Sequence[Question], clip: Clip, broadcast: SimulatedBroadcast, config: PerceptionConfig, rng: random.Random
) -> Iterator[Sample]:
    """Questions on the frames of a play; those that are looked up in the same place share what is shown."""
    shared: list[list[int]] | None = None
    jpegs: dict[int, bytes] = {}
    for question in questions:
        if question.task is Task.LOCALISATION:
            looks = _looks(question, clip, config, rng)
        else:
            looks = shared = shared or _looks(question, clip, config, rng)
        for index in (index for indices in looks for index in indices):
            if index not in jpegs:
                jpegs[index] = _jpeg(broadcast, clip.first_frame + index, config)
        yield _exchange("glance", question, clip, broadcast, looks, [jpegs[index] for indices in looks for index in indices])


def _looks(question: Question, clip: Clip, config: PerceptionConfig, rng: random.Random) -> list[list[int]]:
    """Frames that are shown one after the other until the event was among them: the initial ones, then the stretches in question.

    Where something happens is not told from the initial frames, but from those of one stretch after the other.
    """
    whole = FrameWindow(idx_start=0, idx_end=clip.num_frames - 1)
    looks = [list(whole.uniform(config.initial_frames))]
    for stretch in stretches_in(question.text):
        if (question.task is not Task.LOCALISATION or looks[1:]) and any(map(question.evidence.contains, looks[-1])):
            break
        off = [rng.randint(-config.second_look_off, config.second_look_off) for _ in range(2)]
        start, end = sorted(min(max(0, edge), whole.idx_end) for edge in (stretch.idx_start + off[0], stretch.idx_end + off[1]))
        looks.append(list(FrameWindow(idx_start=start, idx_end=end).uniform(config.initial_frames)))
    return looks


def _exchange(
    kind: str,
    question: Question,
    clip: Clip,
    broadcast: SimulatedBroadcast,
    looks: Sequence[Sequence[int]],
    jpegs: Sequence[bytes],
) -> Sample:
    """A question with its looks, what each frame shows in words, and the replies; told where there are no pictures."""
    windows = [(event, window) for event in broadcast.events if (window := evidence_in(clip, event)) is not None]
    content: dict[str, object] = {
        "prompt": question_prompt(question, clip.num_frames),
        "looks": looks,
        "captions": [
            [describe(next((event for event, window in windows if window.contains(index)), None)) for index in indices]
            for indices in looks
        ],
        "replies": _replies(question, clip, broadcast.events, looks),
    }
    if kind == "told" and question.task is Task.RULE_CONSEQUENCE:
        content["ruling"] = _ruling(question, clip, next(event for event, _ in windows if event.event_id in question.event_ids))
    return frames_sample(make_id(kind, question.question_id), content, jpegs, licence="Apache-2.0")


def _ruling(question: Question, clip: Clip, event: Event) -> dict[str, object]:
    """For whom the rules decide what follows an event, with the two teams left open, to be practised in any two colours."""
    same = question.answers[0] == event.team
    anyone = event.model_copy(update={"team": "{named}"})
    asked = question.model_copy(update={"options": ("{first}", "{second}"), "answers": ("{named}" if same else "{other}",)})
    return {
        "prompt": question_prompt(asked, clip.num_frames),
        "caption": describe(anyone),
        "thought": thought_of(asked, question.evidence, anyone),
        "answer": asked.answers[0],
        "team": event.team,
    }


def _replies(question: Question, clip: Clip, events: Sequence[Event], looks: Sequence[Sequence[int]]) -> list[str]:
    """What someone can say after each look, worded as the scripted teacher words it."""
    stretches = stretches_in(question.text)
    searched = question.task is Task.LOCALISATION
    replies: list[str] = []
    for number, indices in enumerate(looks):
        seen = [i for i in indices if question.evidence.contains(i)]
        if not seen or (searched and number == 0):
            following = stretches[min(number, len(stretches) - 1)]
            replies.append(render_answer(thought_of(question, following, None), NOT_VISIBLE))
            continue
        frame = seen[len(seen) // 2]
        event = next(e for e in events if (w := evidence_in(clip, e)) is not None and w.contains(frame))
        stretch = next((stretch for stretch in stretches if stretch.contains(frame)), stretches[0])
        answer = question.answers[0].replace(";", ", ") if question.answer_kind is AnswerKind.TEXT else question.answers[0]
        replies.append(render_answer(thought_of(question, stretch, event), answer))
    return replies


def _clip(broadcast: SimulatedBroadcast, span: Span) -> Clip:
    rate: FrameRate = broadcast.rate
    window = rate.window_of(span, broadcast.num_frames)
    assert window is not None, span
    return Clip(
        clip_id=make_id("clip", broadcast.broadcast_id, window),
        broadcast_id=broadcast.broadcast_id,
        sport=broadcast.sport,
        span=rate.span_of(window),
        first_frame=window.idx_start,
        num_frames=window.num_frames,
        rate=rate,
    )


def _event_at(broadcast: SimulatedBroadcast, frame_index: int) -> Event | None:
    time_s = broadcast.rate.time_s(frame_index)
    return next((event for event in broadcast.events if event.evidence.contains(time_s + 1e-6)), None)


def _jpeg(broadcast: SimulatedBroadcast, frame_index: int, config: PerceptionConfig) -> bytes:
    from PIL import Image

    size = (config.frame_size, config.frame_size)
    frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = broadcast.frame(frame_index)
    buffer = io.BytesIO()
    # Colour at full resolution: halved, it blurs the gaps between figures that are six pixels wide, and they cannot be counted.
    Image.fromarray(frame).resize(size, Image.Resampling.BOX).save(buffer, "JPEG", quality=92, subsampling=0)
    return buffer.getvalue()
