"""Trajectories to learn from: a teacher really plays each question in the environment, and only proven episodes are kept.

Kept of the paper (arXiv 2511.12908): a teacher plays, bad reasoning is dropped, unsupported reasoning is dropped. Differs: the
vision check is a proof, not a model: a trajectory stays only if a frame of the evidence was really shown, and no thought names
a frame that was not. The teacher is any Policy (OpenAIPolicy for a real one) or the scripted one below, which knows where the
evidence lies, but looks there with a shaky hand and answers only from what it was shown.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from pydantic import Field

from annotate.templates import evidence_in
from annotate.verify import stretches_in
from deepsport.agent.environment import Episode, EpisodeConfig
from deepsport.agent.policies import Policy
from deepsport.agent.protocol import Conversation, parse_turn, render_answer, render_call
from deepsport.agent.rollout import rollout
from deepsport.agent.tools import FrameSource
from deepsport.ids import make_id
from deepsport.records import Clip, Drop, Event, Kept, Made, Question, Record, Trajectory
from deepsport.sports.base import describe
from deepsport.taxonomy import AnswerKind, DropReason, StopReason, Task
from deepsport.timebase import FrameWindow

TEACHER_NAME = "scripted-teacher"
_LABEL = re.compile(r"Frame (\d+): ")
_NAMED = re.compile(r"\bframes?\s+(\d+)", re.IGNORECASE)


class DistillConfig(Record):
    """How teachers play, and what is kept."""

    episode: EpisodeConfig = EpisodeConfig()
    """Budget of an episode."""
    noise_sd_frames: float = Field(default=6.0, ge=0)
    """How far off the scripted teacher's windows are: standard deviation, in frames. A real teacher is imprecise."""
    max_looks: int = Field(default=2, ge=0)
    """Calls the scripted teacher makes before it guesses."""
    min_accuracy: float = Field(default=1.0, ge=0, le=1)
    """A trajectory that scores below is dropped."""
    seed: int = 0
    """Of the scripted teacher's hand and guesses."""


class ScriptedTeacher:
    """A Policy for one question, with short literal thoughts.

    Answers as soon as a frame of the evidence is in view; otherwise looks at a window that the question's text names (one after
    the other where it names several, else around the evidence), and when its looks are spent it guesses. Deterministic: the
    same question, seed and conversation give the same turn.
    """

    name = TEACHER_NAME

    def __init__(self, question: Question, clip: Clip, events: Sequence[Event], config: DistillConfig) -> None:
        """Events are those that the question stands on."""
        self._question = question
        self._clip = clip
        self._config = config
        assert events, f"{question.question_id}: a teacher must know what happens"
        self._events = events

    def complete(self, conversations: Sequence[Conversation]) -> list[str]:
        """The next turn of each conversation."""
        return [self._turn(conversation) for conversation in conversations]

    def _turn(self, conversation: Conversation) -> str:
        dice = random.Random(f"{self._config.seed}/{self._question.question_id}/{len(conversation)}")
        # To say which stretch holds a frame is arithmetic, to look into one is not: where something happens is looked up.
        looks_up = self._question.task is Task.LOCALISATION
        shown = [frame for frame in _frames_shown(conversation, looks_up) if self._question.evidence.contains(frame)]
        targets = stretches_in(self._question.text) or [self._question.evidence]
        if shown:
            frame = shown[len(shown) // 2]
            stretch = next((target for target in targets if target.contains(frame)), targets[0])
            thought = thought_of(self._question, stretch, self._event_at(frame))
            return render_answer(thought, self._spoken(self._question.answers[0]))
        asked = [turn.call for turn in map(parse_turn, _turns_said(conversation)) if turn.call is not None]
        # In the order of the text, which templates shuffle: which is tried first tells nothing of which is right.
        target = targets[len(asked) % len(targets)]
        window = self._window(target, asked, dice) if len(asked) < self._config.max_looks else None
        if window is not None:
            return render_call(thought_of(self._question, target, None), window)
        return render_answer(thought_of(self._question, target, None), self._guess(dice))

    def _event_at(self, frame: int) -> Event:
        seen_on = [(event, evidence_in(self._clip, event)) for event in self._events]
        return next((event for event, window in seen_on if window is not None and window.contains(frame)), self._events[0])

    def _window(self, target: FrameWindow, asked: Sequence[FrameWindow], dice: random.Random) -> FrameWindow | None:
        last = self._clip.num_frames - 1
        for wider in range(self._clip.num_frames):
            offset = round(dice.gauss(0, self._config.noise_sd_frames))
            start = min(max(target.idx_start + offset - wider, 0), last)
            end = min(max(target.idx_end + offset + wider, start), last)
            window = FrameWindow(idx_start=start, idx_end=end)
            if window not in asked:  # the same window again would be a format error
                return window
        return None

    def _guess(self, dice: random.Random) -> str:
        match self._question.answer_kind:
            case AnswerKind.CHOICE:
                return dice.choice(self._question.options)
            case AnswerKind.NUMBER:
                return str(dice.randint(1, 3))
            case AnswerKind.WINDOW:
                whole = FrameWindow(idx_start=0, idx_end=self._clip.num_frames - 1)
                window = dice.choice(stretches_in(self._question.text) or [whole])
                return f"{window.idx_start}-{window.idx_end}"
            case AnswerKind.TEXT:
                return describe(None)

    def _spoken(self, answer: str) -> str:
        if self._question.answer_kind is not AnswerKind.TEXT:
            return answer
        return ", ".join(fact.strip() for fact in answer.split(";"))


def thought_of(question: Question, stretch: FrameWindow, event: Event | None) -> str:
    """What the scripted teacher thinks of a question: what it sees, or of which stretch it sees nothing yet (None).

    Where the rules decide what follows, the thought says for whom: ``foul, red, left, 2. Other team.`` Where something happens is
    looked up: ``48-76: look.``
    """
    if event is None:
        return f"{stretch.idx_start}-{stretch.idx_end}: {'look' if question.task is Task.LOCALISATION else 'not in view'}."
    seen = f"{describe(event)}."
    if question.task is not Task.RULE_CONSEQUENCE:
        return seen
    return f"{seen} {'Same' if question.answers[0] == event.team else 'Other'} team."


def distill(
    questions: Sequence[Question],
    clips: Sequence[Clip],
    events: Sequence[Event],
    frames_of: Callable[[Clip], FrameSource],
    config: DistillConfig | None = None,
    *,
    teacher: Policy | None = None,
    instructions: str = "",
    made: Made | None = None,
) -> Kept[Trajectory]:
    """One proven trajectory a question, or the drop that says why there is none.

    Without a teacher the scripted one plays. A real teacher needs instructions (protocol.full_instructions()). Frames are asked
    for clip by clip in the order of the questions, so frames_of may close what came before when no teacher is given.
    """
    config = config or DistillConfig()
    made = made or Made(step="distill", seed=config.seed)
    clip_of = {clip.clip_id: clip for clip in clips}

    def episode(question: Question) -> Episode:
        return Episode(question, frames_of(clip_of[question.clip_id]), config.episode)

    trajectories: list[Trajectory] = []
    if teacher is None:
        event_of = {event.event_id: event for event in events}
        for question in questions:
            own = [event_of[event_id] for event_id in question.event_ids]
            scripted = ScriptedTeacher(question, clip_of[question.clip_id], own, config)
            trajectories += rollout(scripted, [episode(question)], made, instructions=instructions)
    else:
        trajectories = rollout(teacher, map(episode, questions), made, instructions=instructions)
    kept: list[Trajectory] = []
    drops: list[Drop] = []
    for question, trajectory in zip(questions, trajectories, strict=True):
        fault = trajectory_fault(question, trajectory, config.min_accuracy)
        if fault is None:
            kept.append(trajectory)
        else:
            item = question.question_id
            drop_id = make_id("drop", "distill", item, trajectory.trajectory_id)
            drops.append(Drop(drop_id=drop_id, step="distill", item=item, reason=fault[0], detail=fault[1]))
    return Kept(kept, drops)


def trajectory_fault(question: Question, trajectory: Trajectory, min_accuracy: float = 1.0) -> tuple[DropReason, str] | None:
    """Why a trajectory proves nothing, with the detail; None when it stands.

    It stands when it kept the format, answered rightly, was shown a frame of the evidence, and every frame that a thought names
    had been shown by then (numbers of the question itself may be repeated).
    """
    if trajectory.stop is StopReason.POLICY_FAILED:
        return DropReason.TEACHER_FAILED, "no completion"
    if not trajectory.format_ok:
        error = trajectory.turns[-1].error
        return DropReason.FORMAT_ERROR, str(error or trajectory.stop)
    if trajectory.accuracy < min_accuracy:
        return DropReason.WRONG_ANSWER, f"{trajectory.answer!r} instead of {question.answers[0]!r}"
    if not any(question.evidence.contains(frame) for frame in trajectory.seen_frames):
        return DropReason.UNSUPPORTED, "no frame of the evidence was shown"
    known = {*trajectory.initial_frames, *map(int, re.findall(r"\d{1,9}", question.text))}
    for turn in trajectory.turns:
        parsed = parse_turn(turn.text)
        if parsed.call is not None:
            known |= {parsed.call.idx_start, parsed.call.idx_end}
        invented = [number for number in _NAMED.findall(parsed.think or "") if int(number[:9]) not in known]
        if invented:
            return DropReason.UNSUPPORTED, f"names frame {invented[0][:9]}, which was not shown"
        known |= set(turn.frame_indices)
    return None


def _frames_shown(conversation: Conversation, by_calls: bool = False) -> list[int]:
    """Indices of the frames in view, or of those that calls brought: pictures that follow their label."""
    shown = []
    for message in conversation:
        if by_calls and message["role"] != "tool":
            continue
        for label, picture in pairwise(message["content"]):
            match = _LABEL.fullmatch(label.get("text", ""))
            if match is not None and picture["type"] == "image":
                shown.append(int(match.group(1)))
    return shown


def _turns_said(conversation: Conversation) -> list[str]:
    return ["".join(part["text"] for part in m["content"]) for m in conversation if m["role"] == "assistant"]
