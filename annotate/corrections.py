"""Curators' reviews applied to questions: rejected ones leave, fixed ones come back as new questions under a new id."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deepsport.ids import make_id
from deepsport.records import Clip, Drop, Kept, Made, Question, Review
from deepsport.taxonomy import AnswerKind, DropReason, Verdict
from deepsport.timebase import FrameWindow


def apply_reviews(questions: Sequence[Question], reviews: Sequence[Review], clips: Sequence[Clip] = ()) -> Kept[Question]:
    """The questions as the curators left them, in the order they came.

    Of one curator's reviews of a question the latest counts. One rejection is enough: CURATOR_REJECTED. Otherwise the latest
    fix sets answer and evidence; the question gets a new id, for pass rates and trajectories of the old key are not its own. A
    fix that the question cannot take (an answer that is no option, no number, no window, frames beyond the clip) is dropped as
    BAD_REVIEW and the question stays as it was. clips: those of the questions, to hold corrected frames against.
    """
    latest: dict[tuple[str, str], Review] = {}
    for review in reviews:
        slot = (review.question_id, review.curator)
        if slot not in latest or (review.updated_at, review.review_id) >= (latest[slot].updated_at, latest[slot].review_id):
            latest[slot] = review
    by_question: dict[str, list[Review]] = {}
    for review in sorted(latest.values(), key=lambda r: (r.updated_at, r.review_id)):
        by_question.setdefault(review.question_id, []).append(review)
    num_frames = {clip.clip_id: clip.num_frames for clip in clips}
    items: list[Question] = []
    drops: list[Drop] = []
    for question in questions:
        mine = by_question.get(question.question_id, [])
        rejection = next((review for review in mine if review.verdict is Verdict.REJECT), None)
        if rejection is not None:
            detail = ", ".join(rejection.reasons) or rejection.note
            drops.append(_drop(rejection, question.question_id, DropReason.CURATOR_REJECTED, f"{rejection.curator}: {detail}"))
            continue
        fix = next((review for review in reversed(mine) if review.verdict is Verdict.FIX), None)
        if fix is None:
            items.append(question)
            continue
        fixed = _fixed(question, fix, num_frames.get(question.clip_id))
        if isinstance(fixed, str):
            drops.append(_drop(fix, fix.review_id, DropReason.BAD_REVIEW, f"{question.question_id}: {fixed}"))
            items.append(question)
        else:
            items.append(fixed)
    return Kept(items, drops)


def _drop(review: Review, item: str, reason: DropReason, detail: str) -> Drop:
    return Drop(drop_id=make_id("drop", "apply_reviews", review.review_id), step="apply_reviews", item=item, reason=reason,
                detail=detail)


def _fixed(question: Question, review: Review, num_frames: int | None) -> Question | str:
    """The corrected question, or what is wrong with the correction."""
    answers, evidence = question.answers, review.evidence or question.evidence
    if num_frames is not None and evidence.idx_end >= num_frames:
        return f"evidence up to frame {evidence.idx_end}, but the clip has {num_frames} frames"
    if review.corrected_answer is not None:
        answer = _read_answer(question, review.corrected_answer.strip(), num_frames)
        if answer is None:
            return f"{review.corrected_answer!r} is no {question.answer_kind} that the question can have as its answer"
        answers = (answer,)
    if (answers, evidence) == (question.answers, question.evidence):
        return "nothing is corrected"
    made = Made(step="apply_reviews", inputs=(question.question_id, review.review_id), config_hash=question.made.config_hash,
                code_version=question.made.code_version)
    question_id = make_id("question", question.question_id, answers, evidence)
    return question.model_copy(update={"question_id": question_id, "answers": answers, "evidence": evidence, "made": made})


def _read_answer(question: Question, answer: str, num_frames: int | None) -> str | None:
    """The answer in the form that keys have; None when it cannot be one."""
    match question.answer_kind:
        case AnswerKind.CHOICE:
            options = {option.casefold(): option for option in question.options}
            return options.get(answer.casefold())
        case AnswerKind.NUMBER:
            return f"{float(answer):g}" if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", answer) else None
        case AnswerKind.WINDOW:
            first, dash, last = answer.partition("-")
            numbers = [part.strip() for part in (first, last)]
            if not dash or not all(n.isascii() and n.isdigit() and len(n) < 10 for n in numbers):
                return None
            start, end = int(numbers[0]), int(numbers[1])
            if end < start or (num_frames is not None and end >= num_frames):
                return None
            window = FrameWindow(idx_start=start, idx_end=end)
            return f"{window.idx_start}-{window.idx_end}"
        case AnswerKind.TEXT:
            facts = [fact.strip() for fact in answer.split(";") if fact.strip()]
            return ";".join(facts) or None
