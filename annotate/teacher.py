"""What a language model does for questions: it words them and judges reasoning. It never sets a key, and its claims are checked.

The key comes from the ledger. A rewording that loses a number, gives the answer away or asks for something else is dropped with
its reason, and the template's wording stays. Measured why: no model small enough to ship writes a usable question (0 of 15).
The judge is the paper's second distillation step (arXiv 2511.12908); its prompt is ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from string import Template

from pydantic import BaseModel, ConfigDict

from annotate.verify import stretches_in, verify_question
from deepsport.agent.scoring import normalise
from deepsport.ids import make_id
from deepsport.llm import LanguageModel
from deepsport.records import Clip, Drop, Event, Kept, Made, Question, Trajectory
from deepsport.taxonomy import AnswerKind, DropReason

CUES = ("which event", "which team", "how many", "player", "side", "commentary", "first", "second")
"""What a template asks for: those of its text must survive (the beginning of a word is enough)."""
TURNS = ("not", "never", "except", "second", "seconds", "minute", "minutes")
"""Words that turn a question into another one: none may come in. A frame is not a second."""


class Rewording(BaseModel):
    """What the teacher gives for a question."""

    model_config = ConfigDict(extra="forbid")
    question: str


class Judgement(BaseModel):
    """What the judge gives for a trajectory."""

    model_config = ConfigDict(extra="forbid")
    sound: bool
    fault: str


def word_question(question: Question, model: LanguageModel, keep: Sequence[str] = (), seed: int = 0) -> Kept[Question]:
    """The question in the teacher's words, or as it was together with the drop that says why.

    keep holds further words that must survive, such as the event and team that a template names. A reworded question has a new
    id and names the completion it came from.
    """
    completed, completion = model.complete_json(
        Rewording, _message("word_question", question=question.text), "word_question", max_tokens=200, seed=seed
    )
    if completed is None:
        # Cut or ill-formed is nonsense; no words at all is a failure of the server.
        reason = DropReason.TEACHER_NONSENSE if completion.text else DropReason.TEACHER_FAILED
        return Kept([question], [_drop("word_question", question.question_id, reason, completion.error or "no completion")])
    wording = completed.question.strip()
    fault = wording_fault(question, wording, keep)
    if fault is not None:
        detail = f"{fault}: {wording[:200]!r}"
        return Kept([question], [_drop("word_question", question.question_id, DropReason.TEACHER_NONSENSE, detail)])
    made = question.made
    if wording == question.text:
        return Kept([question], [])
    reworded = question.model_copy(
        update={
            "question_id": make_id("question", question.question_id, wording),
            "text": wording,
            "made": Made(
                step="word_question",
                inputs=(question.question_id, completion.completion_id),
                config_hash=made.config_hash,
                code_version=made.code_version,
                seed=seed,
            ),
        }
    )
    return Kept([reworded], [])


def word_questions(
    questions: Sequence[Question], clips: Sequence[Clip], events: Sequence[Event], model: LanguageModel, seed: int = 0
) -> Kept[Question]:
    """Every question, reworded where the key can still be proved from the new text, else as it was; drops say why it was not.

    events: all events of the broadcasts that the clips were cut from.
    """
    clip_of = {clip.clip_id: clip for clip in clips}
    items: list[Question] = []
    drops: list[Drop] = []
    for question in questions:
        (worded,), why = word_question(question, model, seed=seed)
        if worded is not question:
            own = [event for event in events if event.broadcast_id == question.broadcast_id]
            faults = verify_question(worded, clip_of[question.clip_id], own)
            if faults:
                why = [_drop("word_question", question.question_id, DropReason.TEACHER_NONSENSE, "; ".join(faults))]
                worded = question
        items.append(worded)
        drops += why
    return Kept(items, drops)


def wording_fault(question: Question, wording: str, keep: Sequence[str] = ()) -> str | None:
    """Why a rewording cannot stand for the question, or None when it can.

    It must be one question (or request, where the template is one) of at most twice the length, name the same stretches of
    frames in the same order and no other number, keep the cue words, bring in no word that turns it round, and say nothing of any
    option or gold answer that the template does not say itself.
    """
    if wording[-1:] != question.text[-1:] or wording.count("?") > 1 or "\n" in wording:
        return "not one question"
    if len(wording) > max(120, 2 * len(question.text)):
        return "too long"
    if sorted(re.findall(r"\d+", wording)) != sorted(re.findall(r"\d+", question.text)):
        return "other numbers"
    if stretches_in(wording) != stretches_in(question.text):  # in their order: the key may be "first"
        return "other stretches of frames"
    before, after = _words(question.text), _words(wording)
    lost = [cue for cue in (*CUES, *map(normalise, keep)) if f" {cue}" in before and f" {cue}" not in after]
    if lost:
        return f"lost {lost[0]!r}"
    brought = [word for word in TURNS if f" {word} " in after and f" {word} " not in before]
    if brought:
        return f"brought in {brought[0]!r}"
    told = [said for said in _sayings(question) if f" {said} " in after and f" {said} " not in before]
    return f"gives away {told[0]!r}" if told else None


def judge_reasoning(questions: Sequence[Question], trajectories: Sequence[Trajectory], model: LanguageModel) -> Kept[Trajectory]:
    """The trajectories whose reasoning the judge finds sound against the reference answer; the others as drops.

    One that gets no verdict is dropped too (TEACHER_FAILED): what was not checked is not taught.
    """
    asked = {question.question_id: question for question in questions}
    kept: list[Trajectory] = []
    drops: list[Drop] = []
    for trajectory in trajectories:
        question = asked[trajectory.question_id]
        messages = _message(
            "judge_reasoning",
            question=question.text,
            answer=" or ".join(question.answers),
            reasoning="\n".join(turn.text for turn in trajectory.turns),
        )
        judged, completion = model.complete_json(Judgement, messages, "judge_reasoning", max_tokens=200)
        if judged is None:
            detail = completion.error or "no verdict"
            drops.append(_drop("judge_reasoning", trajectory.trajectory_id, DropReason.TEACHER_FAILED, detail))
        elif not judged.sound:
            drops.append(_drop("judge_reasoning", trajectory.trajectory_id, DropReason.UNSUPPORTED, judged.fault[:200]))
        else:
            kept.append(trajectory)
    return Kept(kept, drops)


def _words(text: str) -> str:
    return f" {normalise(text)} "


def _sayings(question: Question) -> list[str]:
    """Everything that would give the answer away: the options, the gold answers, the key facts of a line."""
    sayings = [*question.options]
    for answer in question.answers:
        sayings += answer.split(";") if question.answer_kind is AnswerKind.TEXT else [answer]
    # A gold answer given as an option's letter says nothing by itself ("a" stands in every sentence).
    return [said for said in map(normalise, sayings) if len(said) > 1 or said.isdigit()]


def _message(prompt: str, **values: str) -> list[dict[str, str]]:
    template = (resources.files("annotate") / "prompts" / f"{prompt}.txt").read_text(encoding="utf-8")
    return [{"role": "user", "content": Template(template).substitute(values)}]


def _drop(step: str, item: str, reason: DropReason, detail: str) -> Drop:
    return Drop(drop_id=make_id("drop", step, item), step=step, item=item, reason=reason, detail=detail)
