"""One episode: the rules of the game, whoever plays it.

    initial() ─▶ turn ─▶ call ─▶ frames ─▶ turn ─▶ … ─▶ answer │ format error │ budget spent

The state is plain, and the rules are the same for the two ways to drive it: ``step(text)`` with the text protocol (rollouts,
distillation, evaluation), or ``call(idx_start, idx_end)`` and ``finish(text)`` where a trainer parses the turns (TRL).
An episode may offer rules and transcript, too; a lookup in them costs a turn and no frames, and is no look at the clip.
As in the paper (arXiv 2511.12908): 8 uniform initial frames, a repeated window is a format error. Ours: a format error ends
the episode, and the budget is in turns and frames; a policy bounds its own tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from deepsport.agent.protocol import (
    FRAMES_ONLY,
    Lookup,
    Message,
    opening_message,
    parse_turn,
    question_prompt,
    render_call,
    tool_message,
    words_message,
)
from deepsport.agent.scoring import score_answer
from deepsport.agent.tools import FrameSource, FrameTool, Said, ToolReply, rule_tool, transcript_tool
from deepsport.ids import make_id
from deepsport.records import Made, Question, Trajectory, Turn
from deepsport.taxonomy import FormatErrorKind, StopReason, Tool
from deepsport.timebase import FrameWindow


class EpisodeConfig(BaseModel):
    """The budget of an episode."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    initial_frames: int = Field(default=8, ge=1)
    """Frames shown at the start, uniform over the clip."""
    frames_per_call: int = Field(default=8, ge=1)
    """Frames shown for one call, uniform over its window."""
    max_turns: int = Field(default=4, ge=1)
    """Turns of the policy; the last must answer, so one call less can be made."""
    max_frames: int = Field(default=64, ge=1)
    """Frames shown in all, the initial ones included."""
    # Left out of what ids and hashes are made of while it is the default: episodes without lookups keep the ids they always had.
    tools: tuple[Tool, ...] = Field(default=FRAMES_ONLY, exclude_if=lambda value: tuple(value) == FRAMES_ONLY)
    """Tools that may be called: ``frame_extraction_tool``; ``rule_tool`` and ``transcript_tool`` answer in words."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Frames that were shown: frames_THWC is uint8 RGB, one a frame index. Or the words that a lookup was answered with."""

    frame_indices: tuple[int, ...]
    frames: NDArray[np.uint8]
    words: str | None = None

    def message(self) -> Message:
        """As the message that answers the call."""
        return tool_message(self.frame_indices, self.frames) if self.words is None else words_message(self.words)


class Episode:
    """One question played on one clip. Not reusable: an episode that has stopped stays stopped."""

    def __init__(
        self, question: Question, frames: FrameSource, config: EpisodeConfig | None = None, transcript: Sequence[Said] = ()
    ) -> None:
        """The transcript is that of the clip, in order; it is used where the config offers ``transcript_tool``."""
        self.question = question
        self.config = config or EpisodeConfig()
        self.num_frames = frames.num_frames
        whole = FrameWindow(idx_start=0, idx_end=frames.num_frames - 1)
        self.initial_indices = tuple(whole.uniform(min(self.config.initial_frames, self.config.max_frames)))
        self.turns: list[Turn] = []
        self.stop: StopReason | None = None
        self.answer: str | None = None
        self._source = frames
        self._transcript = transcript
        self._tool = FrameTool(frames, self.config.frames_per_call)

    @property
    def frames_left(self) -> int:
        """How many more frames may be shown."""
        return self.config.max_frames - len(self.initial_indices) - sum(len(turn.frame_indices) for turn in self.turns)

    def initial(self) -> Observation:
        """The frames shown at the start."""
        return Observation(self.initial_indices, self._source.frames(self.initial_indices))

    def opening(self, instructions: str = "") -> Message:
        """The first message: initial frames and question."""
        first = self.initial()
        return opening_message(first.frame_indices, first.frames, question_prompt(self.question, self.num_frames, instructions))

    def call(self, idx_start: object, idx_end: object, text: str | None = None) -> ToolReply:
        """Ask for frames; text is the whole turn where it is known.

        A fault stops the episode and comes back as the reply's error. A call with no turn or no
        frame left stops it on its budget: the reply then holds neither frames nor an error.
        """
        if self.stop is not None:
            return ToolReply("The episode is over.")
        if len(self.turns) + 1 >= self.config.max_turns or self.frames_left < 1:
            self._end(text if text is not None else f"{idx_start}-{idx_end}", StopReason.BUDGET)
            return ToolReply("The budget is spent.")
        reply = self._tool.frame_extraction_tool(idx_start, idx_end, limit=self.frames_left)
        if reply.window is None:
            self._end(text if text is not None else f"{idx_start}-{idx_end}", StopReason.FORMAT_ERROR, reply.error)
        else:
            said = text if text is not None else render_call("", reply.window)
            self.turns.append(Turn(text=said, window=reply.window, frame_indices=reply.frame_indices))
        return reply

    def look_up(self, lookup: Lookup, text: str) -> str | None:
        """The words that answer a lookup, text being the whole turn; None when no turn is left, which stops the episode."""
        if len(self.turns) + 1 >= self.config.max_turns:
            self._end(text, StopReason.BUDGET)
            return None
        self.turns.append(Turn(text=text))
        if lookup.window is not None:
            return transcript_tool(lookup.window, self._transcript)
        return rule_tool(lookup.query, self.question.sport)

    def step(self, text: str) -> Observation | None:
        """Take one turn; what it is shown, or None when the episode has stopped.

        Raises: AssertionError when it had already stopped.
        """
        assert self.stop is None, f"episode on {self.question.question_id} already ended: {self.stop}"
        turn = parse_turn(text, self.config.tools)
        if turn.error is not None:
            self._end(text, StopReason.FORMAT_ERROR, turn.error)
        elif turn.lookup is not None:
            words = self.look_up(turn.lookup, text)
            if words is not None:
                return Observation((), np.empty((0, 0, 0, 3), np.uint8), words)
        elif turn.call is not None:
            reply = self.call(turn.call.idx_start, turn.call.idx_end, text)
            if reply.frames is not None:
                return Observation(reply.frame_indices, reply.frames)
        else:
            self.answer = turn.answer
            self._end(text, StopReason.ANSWERED)
        return None

    def finish(self, text: str) -> None:
        """Take the last turn of an episode driven by call(); one that makes a call instead is a call never served: BUDGET.

        Does nothing when a fault or the budget has ended the episode before.
        """
        if self.stop is not None:
            return
        turn = parse_turn(text, self.config.tools)
        if turn.call is not None or turn.lookup is not None:
            self._end(text, StopReason.BUDGET)
        else:
            self.step(text)

    def fail(self) -> None:
        """End the episode because the policy gave no completion; says nothing about the question."""
        self._end("", StopReason.POLICY_FAILED)

    def trajectory(self, policy: str, made: Made) -> Trajectory:
        """The episode as it ran. One that was abandoned counts as out of budget."""
        accuracy = score_answer(self.question, self.answer) if self.answer is not None else 0.0
        turns = tuple(self.turns)
        return Trajectory(
            trajectory_id=make_id("trajectory", self.question.question_id, policy, made.seed, [t.text for t in turns]),
            question_id=self.question.question_id,
            clip_id=self.question.clip_id,
            policy=policy,
            initial_frames=self.initial_indices,
            turns=turns,
            stop=self.stop or StopReason.BUDGET,
            answer=self.answer,
            accuracy=accuracy,
            made=made,
        )

    def _end(self, text: str, stop: StopReason, error: FormatErrorKind | None = None) -> None:
        self.turns.append(Turn(text=text, error=error))
        self.stop = stop
