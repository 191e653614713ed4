"""The review form: what a curator sees (labelling.xml), what a task is filled with, and how a filled form is read back.

Label Studio itself checks nothing that comes through its API, so every form is checked here on the way in and on the way out.
Its player counts frames from 1; everything of ours counts from 0. range_of_window and window_of_range are the only two places
that know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, NamedTuple
from urllib.parse import quote

from label_studio_sdk.label_interface.interface import LabelInterface

from deepsport.agent.scoring import read_number, read_window_answer, score_answer
from deepsport.records import Broadcast, Clip, Question, Trajectory, Utterance
from deepsport.taxonomy import AnswerKind, Verdict
from deepsport.timebase import FrameWindow, Span

PREDICTION_VERSION = "deepsport"
"""Name under which Label Studio keeps the evidence regions that we propose."""

_HOW_TO_ANSWER = {
    AnswerKind.NUMBER: "Answer with a number.",
    AnswerKind.WINDOW: "Answer with the first and the last frame, such as 12-40.",
    AnswerKind.TEXT: "Answer in one line. Key facts are separated by semicolons; all of them must be said.",
}


class RejectReason(StrEnum):
    """Why a curator rejects a question; the values are the form's choices."""

    WRONG_ANSWER = "wrong answer"
    """The key is wrong and no offered answer is right."""
    NOT_VISIBLE = "not visible"
    """The clip does not show what is asked."""
    AMBIGUOUS = "ambiguous"
    """More than one answer would be right."""
    ANSWER_LEAKS = "answer leaks"
    """The question, the options or the transcript give the answer away."""
    BAD_CLIP = "bad clip"
    """Broken picture, wrong cut, not the sport."""
    RULE_ERROR = "rule error"
    """The rules say otherwise."""


class BadForm(ValueError):
    """A filled form that the labelling configuration, or the question, does not allow; the message says how."""


class ReviewForm(NamedTuple):
    """A filled form, read and checked. Fields that do not belong to the verdict are empty."""

    verdict: Verdict
    corrected_answer: str | None
    reasons: tuple[str, ...]
    difficulty: int | None
    evidence: FrameWindow | None
    note: str


@cache
def labelling_config() -> str:
    """The labelling configuration, as Label Studio wants it."""
    return (resources.files("annotate") / "labelling.xml").read_text(encoding="utf-8")


@cache
def interface() -> LabelInterface:
    """The labelling configuration, parsed, for validation."""
    return LabelInterface(labelling_config())


@cache
def form_fields() -> frozenset[str]:
    """Fields of a task's data that the form shows."""
    return frozenset(re.findall(r"\$(\w+)", labelling_config()))


def control_names(config: str) -> frozenset[str]:
    """Names of a labelling configuration's controls."""
    return frozenset(control.name for control in LabelInterface(config).controls or ())


def _problems(result: object) -> list[str]:
    # validate_annotation says only yes or no; validate_prediction runs the same checks and gives the reasons.
    found: list[object] = interface().validate_prediction({"result": result}, return_errors=True)  # type: ignore[no-untyped-call]
    return [str(problem) for problem in found]


def range_of_window(window: FrameWindow) -> dict[str, int]:
    """The window as a range of Label Studio's timeline: 1-based, both ends in.

    >>> range_of_window(FrameWindow(idx_start=59, idx_end=89))
    {'start': 60, 'end': 90}
    """
    return {"start": window.idx_start + 1, "end": window.idx_end + 1}


def window_of_range(start: float, end: float, num_frames: int) -> FrameWindow:
    """The window of a timeline range (1-based, both ends in) in a clip of num_frames.

    An end one frame past the clip is the clip's last frame: the player rounds its length up.

    Raises: BadForm for a fraction of a frame, a reversed range, or one outside the clip.

    >>> window_of_range(60, 90, 300)
    FrameWindow(idx_start=59, idx_end=89)
    """
    if not (float(start).is_integer() and float(end).is_integer()):
        raise BadForm(f"evidence {start} to {end} is not in whole frames")
    if not 1 <= start <= end or start > num_frames or end > num_frames + 1:
        raise BadForm(f"evidence {start:.0f} to {end:.0f} (player's count) is no stretch of a clip of {num_frames} frames")
    return FrameWindow(idx_start=int(start) - 1, idx_end=min(int(end), num_frames) - 1)


def task_of(
    question: Question,
    clip: Clip,
    broadcast: Broadcast,
    *,
    video_path: str,
    utterances: Sequence[Utterance] = (),
    trajectory: Trajectory | None = None,
) -> dict[str, Any]:
    """A Label Studio task: the question, its clip, what was said, and one prediction that holds the evidence region alone.

    video_path is relative to the server's document root. Utterances of the broadcast that miss the clip are left out.
    No verdict is proposed: a form that opens with "accept" chosen is accepted without a look.
    """
    data: dict[str, Any] = {
        "external_id": question.question_id,
        "title": f"{question.sport.replace('_', ' ')}, {question.task.replace('_', ' ')}: {broadcast.title}, "
        f"{clip.span.start_s:.1f} to {clip.span.end_s:.1f} s",
        "video": f"/data/local-files/?d={quote(video_path)}",
        "fps": clip.rate.fps,
        "transcript": _transcript(clip, utterances),
        "question": question.text,
        "options_text": _options_text(question),
        "proposed_answer": " or ".join(question.answers),
        "reasoning_trace": _reasoning(trajectory),
        "judge_score": f"{trajectory.accuracy:.2f}" if trajectory is not None else "not judged",
    }
    region = {
        "id": "evidence",
        "from_name": "evidence",
        "to_name": "video",
        "type": "timelinelabels",
        "value": {"ranges": [range_of_window(question.evidence)], "timelinelabels": ["evidence"]},
    }
    missing = sorted(form_fields() - data.keys())
    assert not missing, f"labelling.xml asks for {missing}, which no task has"
    assert not _problems([region]), f"{question.question_id}: the evidence region does not fit the form"
    return {"data": data, "predictions": [{"model_version": PREDICTION_VERSION, "result": [region]}]}


def read_form(result: object, question: Question, clip: Clip) -> ReviewForm:
    """What a curator filled in.

    Raises: BadForm when the result does not fit the labelling configuration, or not this question and clip.
    """
    problems = _problems(result)
    if problems:
        raise BadForm("; ".join(problems))
    assert isinstance(result, list)
    verdict = _verdict(result)
    corrected = _corrected_answer(result, question, clip) if verdict is Verdict.FIX else None
    reasons = tuple(RejectReason(choice).value for choice in _values(result, "reject_reason", "choices"))
    if verdict is Verdict.REJECT and not reasons:
        raise BadForm("rejected without a reason")
    return ReviewForm(
        verdict=verdict,
        corrected_answer=corrected,
        reasons=tuple(dict.fromkeys(reasons)) if verdict is Verdict.REJECT else (),
        difficulty=_difficulty(result),
        evidence=_evidence(result, clip),
        note="\n".join(_texts(result, "note")),
    )


def _regions(result: list[dict[str, Any]], control: str) -> list[dict[str, Any]]:
    """Values of a control, also where they are nested under its name (Label Studio allows both)."""
    values = [region["value"] for region in result if region["type"] != "relation" and region["from_name"] == control]
    return [value[control] if isinstance(value.get(control), dict) else value for value in values]


def _values(result: list[dict[str, Any]], control: str, key: str) -> list[Any]:
    return [value for region in _regions(result, control) for value in region[key]]


def _texts(result: list[dict[str, Any]], control: str) -> list[str]:
    return [text.strip() for text in _values(result, control, "text") if text.strip()]


def _verdict(result: list[dict[str, Any]]) -> Verdict:
    chosen = _values(result, "verdict", "choices")
    if len(chosen) != 1:
        raise BadForm("no verdict" if not chosen else f"{len(chosen)} verdicts: {', '.join(chosen)}")
    return Verdict(chosen[0])


def _difficulty(result: list[dict[str, Any]]) -> int | None:
    ratings = [region["rating"] for region in _regions(result, "difficulty")]
    if len(ratings) > 1:
        raise BadForm(f"{len(ratings)} ratings of the difficulty")
    return int(ratings[0]) or None if ratings else None


def _evidence(result: list[dict[str, Any]], clip: Clip) -> FrameWindow | None:
    ranges = _values(result, "evidence", "ranges")
    if len(ranges) > 1:
        raise BadForm(f"{len(ranges)} evidence regions; keep one")
    return window_of_range(ranges[0]["start"], ranges[0]["end"], clip.num_frames) if ranges else None


def _corrected_answer(result: list[dict[str, Any]], question: Question, clip: Clip) -> str:
    """The correction in the form in which keys are stored: an option's text, ``3``, ``12-40``, or the line itself."""
    texts = _texts(result, "corrected_answer")
    if len(texts) != 1:
        raise BadForm("a fix without the corrected answer" if not texts else f"{len(texts)} corrected answers; keep one")
    text = texts[0]
    match question.answer_kind:
        case AnswerKind.CHOICE:
            for option in question.options:
                if score_answer(question.model_copy(update={"answers": (option,)}), text) == 1.0:
                    return option
            raise BadForm(f"corrected answer {text!r} is none of the options; reject the question instead")
        case AnswerKind.NUMBER:
            number = read_number(text)
            if number is None:
                raise BadForm(f"corrected answer {text!r} is not one number")
            return f"{number:g}"
        case AnswerKind.WINDOW:
            window = read_window_answer(text)
            if window is None or window.idx_end >= clip.num_frames:
                raise BadForm(f"corrected answer {text!r} is no window of a clip of {clip.num_frames} frames, such as 12-40")
            return f"{window.idx_start}-{window.idx_end}"
        case AnswerKind.TEXT:
            return text


def _transcript(clip: Clip, utterances: Sequence[Utterance]) -> list[dict[str, Any]]:
    """Utterances of the clip as Label Studio's paragraphs, on the clip's clock."""
    length = Span(start_s=0, end_s=clip.span.duration_s)
    lines = []
    for said in sorted(utterances, key=lambda u: u.span.start_s):
        span = said.span.shifted(-clip.span.start_s).clipped(length)
        if said.broadcast_id == clip.broadcast_id and span is not None:
            lines.append({"speaker": "commentary", "text": said.text, "start": span.start_s, "end": span.end_s})
    return lines or [{"speaker": "", "text": "(no speech)", "start": 0.0, "end": 0.0}]


def _options_text(question: Question) -> str:
    if question.answer_kind is AnswerKind.CHOICE:
        return "\n".join(f"{chr(ord('A') + i)}. {option}" for i, option in enumerate(question.options))
    return _HOW_TO_ANSWER[question.answer_kind]


def _reasoning(trajectory: Trajectory | None) -> str:
    if trajectory is None:
        return "(no trajectory)"
    lines = [f"[shown at first: frames {', '.join(map(str, trajectory.initial_frames))}]"]
    for turn in trajectory.turns:
        lines.append(turn.text)
        if turn.frame_indices:
            lines.append(f"[shown: frames {', '.join(map(str, turn.frame_indices))}]")
    return "\n\n".join(lines)
