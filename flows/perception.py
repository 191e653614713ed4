"""Perception lessons: what the tiny model learns to see on, in place of a pretrained backbone's web-scale data.

They come from simulated broadcasts that are used for nothing else (their seeds lie far from all others): single frames with a
caption; questions on a clip's initial frames, answered at once where the event is in view, and declared not visible where it is
not, until further frames show it; and questions whose facts are told, for what follows from them. All sports take part, as they
would in a backbone's pretraining; the tool never does, and where something happens is only told: to tell which of two windows
holds a frame is arithmetic that a model this small learns by looking.
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
    num_broadcasts: int = Field(default=180, ge=1)
    """Short broadcasts, each with its own look."""
    glance_every: int = Field(default=3, ge=1)
    """Every so many broadcasts is also asked about."""
    plays_per_broadcast: int = Field(default=6, ge=1)
    """Plays in each, about six seconds long."""
    stills_per_event: int = Field(default=2, ge=1)
    """Captioned frames of each event."""
    glances_per_play: int = Field(default=6, ge=0)
    """Questions on the frames of a play."""
    tales_per_play: int = Field(default=5, ge=0)
    """Questions on a play whose facts are told instead of shown; every broadcast is asked them."""
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
    """Questions on the broadcast's plays whose facts are told and, if ``shown``, others on the frames themselves."""
    clips = [_clip(broadcast, play.span) for play in broadcast.plays]
    asked = ask_broadcast(clips, broadcast.events, templates, config.seed).items
    for clip in clips:
        own = [question for question in asked if question.clip_id == clip.clip_id]
        seen = [question for question in own if question.task is not Task.LOCALISATION]
        # What takes more than naming is told of every play.
        told = sorted(rng.sample(own, len(own)), key=lambda question: question.task not in TO_REASON)
        for question in told[: config.tales_per_play]:
            yield _told(question, clip, broadcast.events)
        if shown and seen:
            yield from _glances(rng.sample(seen, min(config.glances_per_play, len(seen))), clip, broadcast, config, rng)


def _told(question: Question, clip: Clip, events: Sequence[Event]) -> Sample:
    reply = _reply(question, clip, events, range(question.evidence.idx_start, question.evidence.idx_end + 1))
    event = next(e for e in events if e.event_id in question.event_ids)
    stretch = _stretch(question)
    facts = f"{stretch.idx_start}-{stretch.idx_end}: {describe(event)}."
    content = {"prompt": f"{facts}\n{question_prompt(question, clip.num_frames)}", "looks": [], "replies": [reply]}
    return frames_sample(make_id("told", question.question_id), content, [], licence="Apache-2.0")


def _stretch(question: Question) -> FrameWindow:
    """The stretch in the question's text that holds its evidence."""
    stretches = stretches_in(question.text)
    middle = (question.evidence.idx_start + question.evidence.idx_end) // 2
    return next((stretch for stretch in stretches if stretch.contains(middle)), stretches[0])


def _glances(
    questions: Sequence[Question], clip: Clip, broadcast: SimulatedBroadcast, config: PerceptionConfig, rng: random.Random
) -> Iterator[Sample]:
    """Questions on the same frames of a play: the initial ones and, where these do not show its event, some that may."""
    last, about = clip.num_frames - 1, questions[0]
    looks = [FrameWindow(idx_start=0, idx_end=last).uniform(config.initial_frames)]
    if not any(about.evidence.contains(index) for index in looks[0]):
        stretch = stretches_in(about.text)[0]
        off = [rng.randint(-config.second_look_off, config.second_look_off) for _ in range(2)]
        start, end = sorted(min(max(0, edge), last) for edge in (stretch.idx_start + off[0], stretch.idx_end + off[1]))
        looks.append(FrameWindow(idx_start=start, idx_end=end).uniform(config.initial_frames))
    jpegs = [_jpeg(broadcast, clip.first_frame + index, config) for indices in looks for index in indices]
    for question in questions:
        content = {
            "prompt": question_prompt(question, clip.num_frames),
            "looks": looks,
            "replies": [_reply(question, clip, broadcast.events, indices) for indices in looks],
        }
        yield frames_sample(make_id("glance", question.question_id), content, jpegs, licence="Apache-2.0")


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


def _reply(question: Question, clip: Clip, events: Sequence[Event], indices: Sequence[int]) -> str:
    """What someone who sees these frames can say, worded as the scripted teacher words it."""
    seen = [i for i in indices if question.evidence.contains(i)]
    stretch = _stretch(question)
    if not seen:
        return render_answer(thought_of(question, stretch, None), NOT_VISIBLE)
    frame = seen[len(seen) // 2]
    event = next(e for e in events if (w := evidence_in(clip, e)) is not None and w.contains(frame))
    answer = question.answers[0]
    return render_answer(
        thought_of(question, stretch, event), answer.replace(";", ", ") if question.answer_kind is AnswerKind.TEXT else answer
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
