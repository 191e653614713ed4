"""Perception lessons: what the tiny model learns to see on, in place of a pretrained backbone's web-scale data.

They come from simulated broadcasts that are used for nothing else (their seeds lie far from all others): single frames with a
caption, and questions on a clip's initial frames, answered at once where the event is in view and declared not visible where
it is not. All sports take part, as they would in a backbone's pretraining; the tool never does, nor does localisation: to tell
which of two windows holds a frame is arithmetic that a model this small learns by looking.
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
_FIRST_SEED = 1_000_000


class PerceptionConfig(Record):
    """How many perception lessons are made, and of what."""

    sports: tuple[Sport, ...] = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)
    """Sports in turn."""
    num_broadcasts: int = Field(default=360, ge=1)
    """Short broadcasts, each with its own look."""
    glance_every: int = Field(default=3, ge=1)
    """Every so many broadcasts is also asked about."""
    plays_per_broadcast: int = Field(default=6, ge=1)
    """Plays in each, about six seconds long."""
    stills_per_event: int = Field(default=2, ge=1)
    """Captioned frames of each event."""
    glances_per_play: int = Field(default=6, ge=0)
    """Questions on the initial frames of a play whose event they show; of another one question is enough."""
    frame_size: int = Field(default=64, ge=32)
    """Side of the square frames in pixels: what the tiny model sees."""
    initial_frames: int = Field(default=8, ge=1)
    """Frames of a glance, as in the episode."""
    seed: int = 0
    """Of the broadcasts and of what is asked."""


def perception_samples(config: PerceptionConfig, templates: TemplateConfig) -> Iterator[Sample]:
    """The perception lessons: samples with ``caption`` and one JPEG, or with ``prompt``, ``reply`` and the initial frames."""
    from ingest.simulator.broadcast import SimulatedBroadcast

    rng = random.Random(f"perception/{config.seed}")
    for number in range(config.num_broadcasts):
        sport = config.sports[number % len(config.sports)]
        seed = _FIRST_SEED * (config.seed + 1) + number
        broadcast = SimulatedBroadcast(sport, seed, 6.8 * config.plays_per_broadcast, broadcast_id=f"perception-{seed}")
        yield from _stills(broadcast, config, rng)
        if number // len(config.sports) % config.glance_every == 0:
            yield from _glances(broadcast, config, templates, rng)


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


def _glances(
    broadcast: SimulatedBroadcast, config: PerceptionConfig, templates: TemplateConfig, rng: random.Random
) -> Iterator[Sample]:
    clips = [_clip(broadcast, play.span) for play in broadcast.plays]
    asked = ask_broadcast(clips, broadcast.events, templates, config.seed).items
    for clip in clips:
        own = [question for question in asked if question.clip_id == clip.clip_id and question.task is not Task.LOCALISATION]
        indices = FrameWindow(idx_start=0, idx_end=clip.num_frames - 1).uniform(config.initial_frames)
        jpegs = [_jpeg(broadcast, clip.first_frame + i, config) for i in indices]
        shown = any(question.evidence.contains(i) for question in own for i in indices)
        for question in rng.sample(own, min(config.glances_per_play if shown else 1, len(own))):
            content = {
                "frame_indices": indices,
                "prompt": question_prompt(question, clip.num_frames),
                "reply": _reply(question, clip, broadcast.events, indices),
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
    stretch = stretches_in(question.text)[0]
    if not seen:
        return render_answer(thought_of(stretch, None), NOT_VISIBLE)
    frame = seen[len(seen) // 2]
    event = next(e for e in events if (w := evidence_in(clip, e)) is not None and w.contains(frame))
    answer = question.answers[0]
    return render_answer(
        thought_of(stretch, event), answer.replace(";", ", ") if question.answer_kind is AnswerKind.TEXT else answer
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
