"""From pass rates to lessons: bands, splits, and the order in which is taught."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curriculum.bands import BandConfig, classify
from curriculum.difficulty import DifficultyConfig, measure_pass_rates
from curriculum.mix import mix_lessons
from curriculum.schedule import DIMENSION_ORDER, ScheduleConfig, place_lessons
from curriculum.split import SplitConfig, assign_splits
from deepsport.errors import RecipeError, UserError
from deepsport.records import Broadcast, PassRate, Question
from deepsport.taxonomy import DIMENSION_OF, KIND_OF, Band, Budget, DropReason, Split, Sport, Task
from deepsport.timebase import FrameRate, FrameWindow

TASKS = list(Task)


def question(number, task=Task.COUNTING, broadcast="b0"):
    return Question(question_id=f"question-{number}", clip_id="c", broadcast_id=broadcast, sport=Sport.SOCCER, task=task,
                    dimension=DIMENSION_OF[task], text="?", answer_kind=KIND_OF[task], answers=("1",), event_ids=("e",),
                    evidence=FrameWindow(idx_start=0, idx_end=1), template_id="t")


def rates(question_id, initial, evidence, num=8):
    passed = ((Budget.INITIAL, initial), (Budget.EVIDENCE, evidence))
    return [PassRate(pass_rate_id=f"{question_id}-{budget}", question_id=question_id, policy="base", budget=budget,
                     num_rollouts=num, num_passed=num_passed) for budget, num_passed in passed]


def broadcast(number, sport=Sport.SOCCER):
    rate = FrameRate(num=25)
    return Broadcast(broadcast_id=f"b{number}", sport=sport, title=f"match {number}", source_uri="x.mp4", media_sha256="0",
                     size_bytes=1, duration_s=60, width=640, height=360, source_rate=rate, proxy_key="p", proxy_rate=rate,
                     proxy_num_frames=1500, has_audio=False)


def test_each_question_is_measured_under_each_budget():
    calls = []

    def rollouts(questions, budget):
        calls.append(budget)
        return [[1.0, 0.5, 0.0, 1.0] if budget is Budget.INITIAL else [1.0] * 4 for _ in questions]

    found = measure_pass_rates([question(0), question(1)], rollouts, "base", DifficultyConfig())
    assert calls == [Budget.INITIAL, Budget.EVIDENCE]
    assert [(r.question_id, r.budget, r.num_passed, r.rate) for r in found] == [
        ("question-0", Budget.INITIAL, 2, 0.5), ("question-1", Budget.INITIAL, 2, 0.5),
        ("question-0", Budget.EVIDENCE, 4, 1.0), ("question-1", Budget.EVIDENCE, 4, 1.0)]
    assert len({r.pass_rate_id for r in found}) == 4
    half = measure_pass_rates([question(0)], rollouts, "base", DifficultyConfig(pass_accuracy=0.5, budgets=(Budget.INITIAL,)))
    assert [r.num_passed for r in half] == [3]


@pytest.mark.parametrize("given_back", [[], [[]], [[1.0], [1.0]]])
def test_rollouts_that_do_not_fit_the_questions_are_refused(given_back):
    with pytest.raises(ValueError, match="1 questions need as many non-empty lists"):
        measure_pass_rates([question(0)], lambda questions, budget: given_back, "base", DifficultyConfig())


@pytest.mark.parametrize(("initial", "evidence", "band"), [
    (8, 8, Band.GLANCE), (6, 0, Band.GLANCE), (5, 8, Band.LOOK), (0, 4, Band.LOOK), (5, 3, Band.UNSOLVED), (0, 0, Band.UNSOLVED)])
def test_bands_by_three_quarters_and_a_half(initial, evidence, band):
    assert classify(*rates("q", initial, evidence), BandConfig()) is band


@given(num=st.integers(1, 60), share=st.floats(0, 0.9), seed=st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_splits_keep_their_laws(num, share, seed):
    sports = [Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL]
    broadcasts = [broadcast(i, sports[i % 3]) for i in range(num)]
    config = SplitConfig(test_share=share, seed=seed)
    splits = assign_splits(broadcasts, config)
    assert set(splits) == {b.broadcast_id for b in broadcasts}
    assert splits == assign_splits(broadcasts[::-1], config)
    for b in broadcasts:
        assert (splits[b.broadcast_id] is Split.TRANSFER) == (b.sport is Sport.VOLLEYBALL)
    for sport in (Sport.SOCCER, Sport.TENNIS):
        mine = [splits[b.broadcast_id] for b in broadcasts if b.sport is sport]
        assert not mine or Split.TRAIN in mine
        assert share == 0 or len(mine) < 2 or Split.TEST in mine


def test_a_broadcast_keeps_its_split_when_others_join():
    few, many = [broadcast(i) for i in range(40)], [broadcast(i) for i in range(400)]
    config = SplitConfig(test_share=0.2)
    before, after = assign_splits(few, config), assign_splits(many, config)
    assert all(after[broadcast_id] is split for broadcast_id, split in before.items())
    assert 50 < sum(split is Split.TEST for split in after.values()) < 110


def test_named_broadcasts_are_held_out_and_no_others():
    broadcasts = [broadcast(i) for i in range(5)] + [broadcast(9, Sport.VOLLEYBALL)]
    splits = assign_splits(broadcasts, SplitConfig(test_broadcasts=("b3", "match 1")))
    assert [b for b, split in splits.items() if split is Split.TEST] == ["b1", "b3"]
    assert splits["b9"] is Split.TRANSFER
    with pytest.raises(RecipeError, match="no broadcast is called b77"):
        assign_splits(broadcasts, SplitConfig(test_broadcasts=("b77", "b3")))


def test_names_of_another_data_set_hold_out_nothing_and_that_is_said(caplog):
    broadcasts = [broadcast(i) for i in range(5)]
    splits = assign_splits(broadcasts, SplitConfig(test_broadcasts=("soccer 5", "soccer 6")))
    assert splits == assign_splits(broadcasts, SplitConfig())
    assert Split.TEST in splits.values()
    assert "none of the recipe's test_broadcasts is here (soccer 5, soccer 6): 20 % of each sport are held out" in caplog.text


@given(graded=st.lists(st.tuples(st.sampled_from(TASKS), st.integers(0, 8), st.integers(0, 8), st.integers(0, 4)), max_size=40),
       seed=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_lessons_keep_the_order_law(graded, seed):
    questions = [question(i, task, f"b{b}") for i, (task, _, _, b) in enumerate(graded)]
    measured = [r for i, (_, initial, evidence, _) in enumerate(graded) for r in rates(f"question-{i}", initial, evidence)]
    splits = {"b0": Split.TRAIN, "b1": Split.TRAIN, "b2": Split.TEST, "b3": Split.TRANSFER, "b4": Split.TRAIN}
    config = ScheduleConfig(seed=seed)
    kept = place_lessons(questions, measured, splits, config)
    assert place_lessons(questions[::-1], measured, splits, config).items == kept.items
    placed = {lesson.question_id for lesson in kept.items}
    assert placed.isdisjoint(drop.item for drop in kept.drops) and len(placed) + len(kept.drops) == len(questions)
    assert all(drop.reason is DropReason.UNSOLVED for drop in kept.drops)
    for split in Split:
        lessons = sorted((x for x in kept.items if x.split is split), key=lambda x: x.rank)
        assert [x.rank for x in lessons] == list(range(len(lessons)))
        order = [(DIMENSION_ORDER.index(DIMENSION_OF[x.task]), -x.initial_pass_rate, -x.evidence_pass_rate) for x in lessons]
        assert order == sorted(order)
        assert all(splits[x.broadcast_id] is split for x in lessons)
        if split is Split.TRAIN:
            assert all(x.band is not Band.UNSOLVED for x in lessons)
        else:  # a test is not chosen by who can pass it
            assert len(lessons) == sum(splits[q.broadcast_id] is split for q in questions)


def test_unsolved_questions_may_be_kept():
    config = ScheduleConfig(keep_unsolved=True)
    kept = place_lessons([question(0)], rates("question-0", 0, 0), {"b0": Split.TRAIN}, config)
    assert [lesson.band for lesson in kept.items] == [Band.UNSOLVED] and kept.drops == []


def test_the_seed_orders_what_is_alike():
    questions = [question(i) for i in range(20)]
    measured = [r for i in range(20) for r in rates(f"question-{i}", 8, 8)]
    kept = [place_lessons(questions, measured, {"b0": Split.TRAIN}, ScheduleConfig(seed=seed)) for seed in (0, 1)]
    orders = [[lesson.question_id for lesson in each.items] for each in kept]
    assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1])


def test_what_was_not_measured_or_split_is_named():
    with pytest.raises(UserError, match=r"question-0: no pass rate on the evidence frames"):
        place_lessons([question(0)], rates("question-0", 8, 8)[:1], {"b0": Split.TRAIN}, ScheduleConfig())
    with pytest.raises(UserError, match="its broadcast b0 has no split"):
        place_lessons([question(0)], rates("question-0", 8, 8), {}, ScheduleConfig())


@given(
    num_easy=st.integers(0, 9), num_hard=st.integers(0, 9), steps=st.integers(0, 6), per_step=st.integers(1, 9),
    share=st.floats(0, 1), seed=st.integers(0, 3),
)
def test_every_step_practises_the_same_mix(
    num_easy: int, num_hard: int, steps: int, per_step: int, share: float, seed: int
) -> None:
    bands = {f"easy{i}": Band.GLANCE for i in range(num_easy)} | {f"hard{i}": Band.LOOK for i in range(num_hard)}
    if not bands:
        with pytest.raises(UserError, match="no lessons to train on"):
            mix_lessons(bands, steps, per_step, share, seed)
        return
    mixed = mix_lessons(bands, steps, per_step, share, seed)
    assert len(mixed) == steps * per_step and mixed == mix_lessons(bands, steps, per_step, share, seed)
    wanted = round(share * per_step) if num_easy and num_hard else per_step * bool(num_easy)
    for step in range(steps):
        assert sum(bands[key] is Band.GLANCE for key in mixed[step * per_step : (step + 1) * per_step]) == wanted
    for pool in (Band.GLANCE, Band.LOOK):
        drawn = Counter(key for key in mixed if bands[key] is pool)
        never = sum(band is pool and key not in drawn for key, band in bands.items())
        assert not drawn or max(drawn.values()) - (0 if never else min(drawn.values())) <= 1, "all once before one comes again"
