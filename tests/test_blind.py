"""The blind audit: it catches sets that can be answered without looking, and finds ours at chance."""

from __future__ import annotations

import re
import time

import pytest

from annotate.blind import BlindConfig, blind_check, drop_blind_solvable
from annotate.templates import ask_broadcast
from annotate.verify import stretches_in
from deepsport.sports import known_sports
from deepsport.taxonomy import AnswerKind, DropReason, Sport, Task


@pytest.fixture(scope="module")
def questions(sports_world):
    """1,000 and more questions over 36 broadcasts, events anywhere from a third of the clip on."""
    found = []
    for sport in known_sports():
        for name in range(12):
            found += ask_broadcast(*sports_world(sport, f"{sport}-{name}", first_share=0.3, last_share=0.95), seed=name).items
    return found


def cell(report, sport, task):
    return next(c for c in report.cells if (c.sport, c.task) == (sport, task))


def test_our_questions_stay_at_chance(questions):
    report = blind_check(questions)
    assert report.num_folds == 5 and report.overall.num_questions == len(questions) > 2000
    assert report.leaky_cells == ()
    assert report.overall.accuracy < report.overall.chance + 0.03
    assert drop_blind_solvable(questions) == (questions, [])


def test_an_audit_of_thousands_takes_seconds(questions):
    start = time.process_time()
    blind_check(questions)
    assert time.process_time() - start < 10


def always_first(question):
    options = (question.answers[0], *(o for o in question.options if o != question.answers[0]))
    return question.model_copy(update={"options": options})


def none_is_right(question):
    return question.model_copy(update={"options": (*question.options[:-1], "none of these"), "answers": ("none of these",)})


def longest_is_right(question):
    options = tuple(o + " indeed" if o in question.answers else o for o in question.options)
    return question.model_copy(update={"options": options, "answers": (question.answers[0] + " indeed",)})


@pytest.mark.parametrize("leak", [always_first, none_is_right, longest_is_right])
def test_a_leak_among_the_options_is_caught(questions, leak):
    leaky = [leak(q) if q.task is Task.TACTIC and q.sport is Sport.TENNIS else q for q in questions]
    report = blind_check(leaky)
    assert [(c.sport, c.task) for c in report.leaky_cells] == [(Sport.TENNIS, Task.TACTIC)]
    assert cell(report, Sport.TENNIS, Task.TACTIC).accuracy > 0.95


def test_a_word_that_betrays_the_key_is_caught(questions):
    leaky = [q.model_copy(update={"text": q.text + (" Look at the crowd." if q.answers == ("3",) else "")}) for q in questions]
    assert cell(blind_check(leaky), Sport.SOCCER, Task.COUNTING).leaky


def truth_first(question):
    """The same question, its stretches swapped where the second was true."""
    one, two = stretches_in(question.text)
    return question if question.answers == ("first",) else asked_of(question, (two, one), "first")


def truth_earlier(question):
    """The same question, its true stretch moved before the other where it was after it; which is named first stays as it was."""
    stretches = stretches_in(question.text)
    place = ("first", "second").index(question.answers[0])
    return asked_of(question, sorted(stretches, key=lambda s: s.idx_start, reverse=place == 1), question.answers[0])


def asked_of(question, stretches, key):
    first, second = (f"in frames {s.idx_start}-{s.idx_end}" for s in stretches)
    text = re.sub(r"in frames .* or in frames \d+-\d+", f"{first} or {second}", question.text)
    return question.model_copy(update={"text": text, "answers": (key,)})


@pytest.mark.parametrize("leak", [truth_first, truth_earlier])
def test_a_true_stretch_that_always_comes_first_is_caught(questions, leak):
    leaky = [leak(q) if q.task is Task.LOCALISATION else q for q in questions]
    num_changed = sum(a != b for a, b in zip(leaky, questions, strict=True))
    assert 0.3 < num_changed / sum(q.task is Task.LOCALISATION for q in questions) < 0.7
    report = blind_check(leaky)
    assert {(c.sport, c.task) for c in report.leaky_cells} == {(sport, Task.LOCALISATION) for sport in known_sports()}
    assert all(cell(report, sport, Task.LOCALISATION).accuracy > 0.95 for sport in known_sports())


def test_a_window_as_answer_is_guessed_among_the_windows_of_the_text(questions):
    """No template asks for one, a person may: its candidates are the stretches that the question names."""
    ours = [q for q in questions if q.task is Task.LOCALISATION and q.sport is Sport.SOCCER]
    windows = [{"first": a, "second": b} for a, b in (re.findall(r"\d+-\d+", q.text) for q in ours)]
    asked = [q.model_copy(update={"answer_kind": AnswerKind.WINDOW, "options": (), "answers": (by_name[q.answers[0]],)})
             for q, by_name in zip(ours, windows, strict=True)]
    report = blind_check(asked)
    assert report.overall.chance == 0.5 and report.overall.accuracy == blind_check(ours).overall.accuracy


def test_one_answer_for_all_is_caught_by_what_other_sports_know(questions):
    leaky = [q.model_copy(update={"answers": ("2",)}) if q.task is Task.COUNTING and hash_even(q) else q for q in questions]
    assert all(cell(blind_check(leaky), sport, Task.COUNTING).leaky for sport in known_sports())


def hash_even(question):
    return question.question_id[-1] in "02468abc"


def test_the_gate_takes_a_leak_out_and_leaves_the_rest(questions):
    leaky = [none_is_right(q) if q.task is Task.TACTIC and q.sport is Sport.SOCCER and hash_even(q) else q for q in questions]
    assert blind_check(leaky).leaky_cells
    kept = drop_blind_solvable(leaky)
    assert blind_check(kept.items).leaky_cells == ()
    assert kept.drops and {d.reason for d in kept.drops} == {DropReason.BLIND_SOLVABLE}
    dropped = {d.item for d in kept.drops}
    assert all((q.sport, q.task) == (Sport.SOCCER, Task.TACTIC) for q in leaky if q.question_id in dropped)
    assert len(kept.items) + len(dropped) == len(leaky)


def test_a_single_broadcast_cannot_be_audited(sports_world):
    kept = ask_broadcast(*sports_world(Sport.SOCCER, "only"))
    report = blind_check(kept.items)
    assert report.num_folds == 0 and report.leaky_cells == () and report.overall.accuracy is None
    assert drop_blind_solvable(kept.items).drops == []


def test_folds_never_split_a_broadcast(questions):
    """A key that is the same within a broadcast and random between them helps nobody: only a leak over folds would show it."""
    keyed = []
    for question in (q for q in questions if q.task is Task.COUNTING):
        number = str(sum(map(ord, question.broadcast_id)) % 3 + 1)
        text = question.text.replace("players", f"players of {question.broadcast_id}")
        keyed.append(question.model_copy(update={"answers": (number,), "text": text}))
    report = blind_check(keyed, BlindConfig(num_folds=36))
    assert report.overall.accuracy < 0.6
    assert {q.answer_kind for q in keyed} == {AnswerKind.NUMBER}
