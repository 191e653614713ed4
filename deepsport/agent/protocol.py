"""The words of an episode: how a turn is written and read, and how frames and question are put to a model.

    <think>Look.</think><tool_call>{"name": "frame_extraction_tool", "arguments": {"idx_start": 57, "idx_end": 63}}</tool_call>
    <think>Frame 61: corner kick, red.</think><answer>corner kick</answer>

An episode may offer two more tools, which answer in words: ``rule_tool(query)`` and ``transcript_tool(idx_start, idx_end)``.

Kept of the paper (arXiv 2511.12908): one ``<think>`` and then one action a turn, frames labelled with their index. Its exact
prompt is not published; the wording here is ours. Messages are the plain dicts that chat templates, TRL and OpenAI-compatible
servers take. The six tags are reserved: they cannot stand inside a thought or an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deepsport.records import Question
from deepsport.taxonomy import AnswerKind, FormatErrorKind, Tool
from deepsport.timebase import FrameWindow

TOOL_NAME = Tool.FRAMES.value
FRAMES_ONLY: Final = (Tool.FRAMES,)
"""The tools of the paper's episode, and of ours unless it says otherwise."""

Message: TypeAlias = dict[str, Any]
"""One chat message: ``role`` (user, assistant, tool) and ``content``, a list of text and image parts. JSON edge."""

Conversation: TypeAlias = list[Message]
"""All messages of an episode so far, oldest first."""

_TAG = re.compile(r"</?(?:think|tool_call|answer)>")
_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)
_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_OPTION_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Lookup:
    """A call of a tool that answers in words."""

    query: str = ""
    """Of ``rule_tool``."""
    window: FrameWindow | None = None
    """Of ``transcript_tool``; None for a query."""


@dataclass(frozen=True, slots=True)
class ParsedTurn:
    """What one turn says: a call for frames, a lookup or an answer, or the way it broke the protocol (then none of these)."""

    think: str | None
    call: FrameWindow | None = None
    answer: str | None = None
    error: FormatErrorKind | None = None
    lookup: Lookup | None = None


def parse_turn(text: str, tools: Sequence[Tool] = FRAMES_ONLY) -> ParsedTurn:
    r"""Read one turn. White space around tags and words outside them are ignored; everything else is strict.

    A call of a tool that is not among those offered is BAD_CALL.

    Never raises: a broken turn is a value with its error. A window that ends before it starts, or starts below 0, is
    BAD_WINDOW here; whether it lies inside the clip is the tool's business.

    >>> parse_turn("<think>It is red.</think>\n<answer> goal </answer>").answer
    'goal'
    >>> parse_turn("<answer>goal</answer>").error
    <FormatErrorKind.NO_THINK: 'no_think'>
    """
    thought = _THINK.search(text)
    think = thought.group(1).strip() if thought else None
    calls, answers = list(_CALL.finditer(text)), list(_ANSWER.finditer(text))
    if len(calls) + len(answers) > 1:
        return ParsedTurn(think, error=FormatErrorKind.TWO_ACTIONS)
    if not calls and not answers:
        return ParsedTurn(think, error=FormatErrorKind.NO_ACTION)
    action = (calls or answers)[0]
    # An unclosed or a second thought, or one after the action, is no thought before the action.
    if thought is None or thought.end() > action.start() or len(_THINK.findall(text)) > 1:
        return ParsedTurn(think, error=FormatErrorKind.NO_THINK)
    if calls:
        call = _read_call(action.group(1), tools)
        if isinstance(call, Lookup):
            return ParsedTurn(think, lookup=call)
        return ParsedTurn(think, error=call) if isinstance(call, FormatErrorKind) else ParsedTurn(think, call=call)
    answer = action.group(1).strip()
    return ParsedTurn(think, answer=answer) if answer else ParsedTurn(think, error=FormatErrorKind.EMPTY_ANSWER)


def _read_call(text: str, tools: Sequence[Tool]) -> FrameWindow | Lookup | FormatErrorKind:
    try:
        call = json.loads(text)
    except (ValueError, RecursionError):  # ValueError also covers an integer of thousands of digits
        return FormatErrorKind.BAD_CALL
    if not isinstance(call, dict) or set(call) != {"name", "arguments"} or call["name"] not in list(tools):
        return FormatErrorKind.BAD_CALL
    name, arguments = call["name"], call["arguments"]
    wanted = {"query"} if name == Tool.RULES else {"idx_start", "idx_end"}
    if not isinstance(arguments, dict) or set(arguments) != wanted:
        return FormatErrorKind.BAD_CALL
    if name == Tool.RULES:
        query = arguments["query"]
        return Lookup(query) if isinstance(query, str) and query.strip() else FormatErrorKind.BAD_CALL
    window = read_window(arguments["idx_start"], arguments["idx_end"])
    return Lookup(window=window) if name == Tool.TRANSCRIPT and isinstance(window, FrameWindow) else window


def read_window(idx_start: object, idx_end: object) -> FrameWindow | FormatErrorKind:
    """The window of a call's two arguments: BAD_CALL unless both are integers (a bool is none), BAD_WINDOW if out of order.

    >>> read_window(True, 3), read_window(9, 3)
    (<FormatErrorKind.BAD_CALL: 'bad_call'>, <FormatErrorKind.BAD_WINDOW: 'bad_window'>)
    """
    if not (isinstance(idx_start, int) and isinstance(idx_end, int)) or isinstance(idx_start, bool) or isinstance(idx_end, bool):
        return FormatErrorKind.BAD_CALL
    if not 0 <= idx_start <= idx_end:
        return FormatErrorKind.BAD_WINDOW
    return FrameWindow(idx_start=idx_start, idx_end=idx_end)


def render_call(think: str, window: FrameWindow) -> str:
    """A turn that asks for frames; parse_turn reads it back. Raises: ValueError when the thought holds a tag.

    >>> render_call("Go.", FrameWindow(idx_start=5, idx_end=9))
    '<think>Go.</think><tool_call>{"name": "frame_extraction_tool", "arguments": {"idx_start": 5, "idx_end": 9}}</tool_call>'
    """
    return f"<think>{_free_of_tags(think)}</think>{call_of(window)}"


def render_lookup(think: str, lookup: Lookup) -> str:
    """A turn that looks something up; parse_turn reads it back where the tool is offered. Raises: ValueError on a tag inside.

    >>> render_lookup("Who serves?", Lookup("who serves next"))
    '<think>Who serves?</think><tool_call>{"name": "rule_tool", "arguments": {"query": "who serves next"}}</tool_call>'
    """
    call: dict[str, object] = {"name": Tool.RULES, "arguments": {"query": lookup.query}}
    if lookup.window is not None:
        arguments = {"idx_start": lookup.window.idx_start, "idx_end": lookup.window.idx_end}
        call = {"name": Tool.TRANSCRIPT, "arguments": arguments}
    return f"<think>{_free_of_tags(think)}</think><tool_call>{_free_of_tags(json.dumps(call))}</tool_call>"


def call_of(window: FrameWindow) -> str:
    """The call for a window, without a thought before it."""
    arguments = {"idx_start": window.idx_start, "idx_end": window.idx_end}
    return f"<tool_call>{json.dumps({'name': TOOL_NAME, 'arguments': arguments})}</tool_call>"


def render_answer(think: str, answer: str) -> str:
    """A turn that ends the episode; parse_turn reads it back. Raises: ValueError on a tag inside, or an empty answer.

    >>> render_answer("It is red.", "goal")
    '<think>It is red.</think><answer>goal</answer>'
    """
    if not answer.strip():
        raise ValueError("an answer cannot be empty: it would be a format error")
    return f"<think>{_free_of_tags(think)}</think><answer>{_free_of_tags(answer)}</answer>"


def _free_of_tags(text: str) -> str:
    if _TAG.search(text):
        raise ValueError(f"a protocol tag inside a thought or an answer would break the turn: {text!r}")
    return text


def question_prompt(question: Question, num_frames: int, instructions: str = "") -> str:
    """The text that follows the initial frames: instructions if any, the question, and the options of a CHOICE.

    ``{num_frames}`` in the instructions stands for the number of frames of the clip. Tiny models get no instructions.
    """
    lines = [instructions.strip().replace("{num_frames}", str(num_frames))] if instructions.strip() else []
    lines.append(question.text)
    if question.answer_kind is AnswerKind.CHOICE:
        options = zip(_OPTION_LETTERS, question.options, strict=False)
        lines.append("Options: " + "  ".join(f"{letter}. {option}" for letter, option in options))
    return "\n".join(lines)


def full_instructions(tools: Sequence[Tool] = FRAMES_ONLY) -> str:
    """The instructions for a pretrained model, which has not learnt the protocol by heart; holds ``{num_frames}``."""
    prompts = resources.files("deepsport.agent") / "prompts"
    told = [tool for tool in (Tool.RULES, Tool.TRANSCRIPT) if tool in tools]
    return "".join((prompts / f"{name}.txt").read_text(encoding="utf-8") for name in ("instructions", *told))


def frame_parts(frame_indices: Sequence[int], frames_THWC: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Content parts of frames: for each, its label ``Frame 57: `` and the picture as a PIL image (RGB).

    frames_THWC is uint8 with one frame an index.
    """
    from PIL import Image

    parts: list[dict[str, Any]] = []
    for frame_index, frame_HWC in zip(frame_indices, frames_THWC, strict=True):
        parts.append({"type": "text", "text": f"Frame {frame_index}: "})
        parts.append({"type": "image", "image": Image.fromarray(frame_HWC)})
    return parts


def text_part(text: str) -> dict[str, Any]:
    """A content part of words."""
    return {"type": "text", "text": text}


def opening_message(frame_indices: Sequence[int], frames_THWC: NDArray[np.uint8], prompt: str) -> Message:
    """The first message: the initial frames, then the question as question_prompt wrote it."""
    return {"role": "user", "content": [*frame_parts(frame_indices, frames_THWC), text_part("\n" + prompt)]}


def turn_message(text: str) -> Message:
    """What the policy said, tags and call included as text."""
    return {"role": "assistant", "content": [text_part(text)]}


def tool_message(frame_indices: Sequence[int], frames_THWC: NDArray[np.uint8]) -> Message:
    """The frames that answer a call."""
    return {"role": "tool", "content": frame_parts(frame_indices, frames_THWC)}


def words_message(text: str) -> Message:
    """The words that answer a lookup; the protocol's tags, which only the policy may write, are taken out."""
    return {"role": "tool", "content": [text_part(_TAG.sub("", text))]}
