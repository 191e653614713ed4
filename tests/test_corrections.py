"""Reviews applied: who is heard, what a fix may be, and that nothing disappears without a drop."""

from __future__ import annotations

import pytest

from annotate.corrections import apply_reviews
from annotate.templates import ask_broadcast
from deepsport.records import Review
from deepsport.taxonomy import AnswerKind, DropReason, Sport, Task, Verdict
from deepsport.timebase import FrameWindow


@pytest.fixture
def asked(sports_world):
    clips, events = sports_world(Sport.SOCCER, "b", num_plays=1)
    events.append(events[0].model_copy(update={"event_id": "event-x", "broadcast_id": "b", "team": "green", "time_s": 900.0,
                                               "evidence": events[0].evidence.shifted(900)}))
    return clips, {question.task: question for question in ask_broadcast(clips, events).items}


def one_of(found, what):
    """The question of a task; or one that asks for a window, as a person may: no template does."""
    if what is not AnswerKind.WINDOW:
        return found[what]
    return found[Task.LOCALISATION].model_copy(update={"answer_kind": what, "options": (), "answers": ("10-40",)})


def review(question, verdict, curator="ann", at="2026-01-01T00:00:00Z", **fields):
    return Review(review_id=f"review-{curator}-{at}-{verdict}", question_id=question.question_id, curator=curator,
                  verdict=verdict, updated_at=at, **fields)


def test_a_rejected_question_leaves_and_says_why(asked):
    clips, found = asked
    question = found[Task.COUNTING]
    kept = apply_reviews([*found.values()], [review(question, Verdict.REJECT, reasons=("cannot be seen",))], clips)
    assert question not in kept.items and len(kept.items) == len(found) - 1
    (drop,) = kept.drops
    assert (drop.item, drop.reason, drop.detail) == (question.question_id, DropReason.CURATOR_REJECTED, "ann: cannot be seen")


@pytest.mark.parametrize(("task", "given", "stored"), [
    (Task.COUNTING, " 4 ", "4"), (Task.COUNTING, "007", "7"), (Task.COUNTING, "9.50", "9.5"),
    (Task.LOCALISATION, "Second", "second"), (AnswerKind.WINDOW, "3 - 20", "3-20"),
    (Task.COMMENTARY, "blue; goal ;", "blue;goal"),
])
def test_a_fix_becomes_the_key_of_a_new_question(asked, task, given, stored):
    clips, found = asked
    old = one_of(found, task)
    fix = review(old, Verdict.FIX, corrected_answer=given)
    (new,) = apply_reviews([old], [fix], clips).items
    assert new.answers == (stored,) and new.question_id != old.question_id
    assert new.made.inputs == (old.question_id, fix.review_id) and new.text == old.text


def test_a_choice_is_fixed_to_one_of_its_options_and_evidence_to_frames_of_the_clip(asked):
    clips, found = asked
    old = found[Task.EVENT_RECOGNITION]
    other = next(option for option in old.options if option not in old.answers)
    window = FrameWindow(idx_start=0, idx_end=10)
    (new,) = apply_reviews([old], [review(old, Verdict.FIX, corrected_answer=other.upper(), evidence=window)], clips).items
    assert (new.answers, new.evidence) == ((other,), window)


@pytest.mark.parametrize(("task", "fields"), [
    (Task.EVENT_RECOGNITION, {"corrected_answer": "touchdown"}), (Task.COUNTING, {"corrected_answer": "two or three"}),
    (Task.COUNTING, {"corrected_answer": "-1"}), (Task.LOCALISATION, {"corrected_answer": "12-40"}),
    (AnswerKind.WINDOW, {"corrected_answer": "20-3"}), (AnswerKind.WINDOW, {"corrected_answer": "20-9999"}),
    (AnswerKind.WINDOW, {"corrected_answer": "1.5-2"}),
    (Task.COMMENTARY, {"corrected_answer": " ; "}), (Task.TACTIC, {}),
    (Task.TACTIC, {"evidence": FrameWindow(idx_start=0, idx_end=5000)}),
])
def test_a_fix_that_cannot_be_is_a_bad_review_and_changes_nothing(asked, task, fields):
    clips, found = asked
    question = one_of(found, task)
    kept = apply_reviews([question], [review(question, Verdict.FIX, **fields)], clips)
    assert kept.items == [question] and [d.reason for d in kept.drops] == [DropReason.BAD_REVIEW]


def test_a_curators_latest_word_counts_and_one_rejection_is_enough(asked):
    clips, found = asked
    question = found[Task.COUNTING]
    first = review(question, Verdict.REJECT)
    changed_mind = review(question, Verdict.ACCEPT, at="2026-01-02T00:00:00Z")
    for order in ([first, changed_mind], [changed_mind, first]):
        assert apply_reviews([question], order, clips).items == [question]
    other = review(question, Verdict.REJECT, curator="bo")
    assert apply_reviews([question], [first, changed_mind, other], clips).items == []


def test_questions_without_reviews_pass_in_their_order(asked):
    questions = list(asked[1].values())
    assert apply_reviews(questions, []) == (questions, [])
