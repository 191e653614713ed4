"""Questions from events: what is asked, what is dropped, and that every key is proved again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.templates import TemplateConfig, ask_broadcast, ask_questions
from annotate.verify import stretches_in, verify_question, verify_questions
from deepsport.records import Clip, Event, Made, Shot
from deepsport.sports import known_sports
from deepsport.sports.base import label_of
from deepsport.taxonomy import AnswerKind, Dimension, DropReason, Sport, Task, Transition
from deepsport.timebase import FrameRate, FrameWindow, Span

RATE = FrameRate(num=25)


def clip(first_frame=0, num_frames=150, sport=Sport.SOCCER):
    return Clip(clip_id=f"clip-{first_frame}", broadcast_id="b", sport=sport, first_frame=first_frame, num_frames=num_frames,
                rate=RATE, span=Span(start_s=RATE.time_s(first_frame), end_s=RATE.time_s(first_frame + num_frames)))


def event(first, last, kind="goal", team="red", sport=Sport.SOCCER, **fields):
    window = FrameWindow(idx_start=first, idx_end=last)
    return Event(event_id=f"event-{first}-{kind}-{team}", broadcast_id="b", sport=sport, kind=kind, time_s=RATE.time_s(first),
                 evidence=RATE.span_of(window), team=team, **fields)


FULL = {"zone": "left", "num_players": 2}
ELSEWHERE = event(1000, 1012, "foul", "blue")
"""An event of the same broadcast: it tells who the other team is."""


def by_task(kept):
    return {question.task: question for question in kept.items}


def test_an_event_gives_one_question_of_every_task_and_dimension():
    kept = ask_questions(clip(300), [event(350, 364, "goal", **FULL), ELSEWHERE])
    found = by_task(kept)
    assert kept.drops == [] and len(kept.items) == len(Task) and set(found) == set(Task)
    assert {question.dimension for question in kept.items} == set(Dimension)
    assert {question.evidence for question in kept.items} == {FrameWindow(idx_start=50, idx_end=64)}
    answers = {task: question.answers[0] for task, question in found.items()}
    assert answers[Task.EVENT_RECOGNITION] == "goal" and answers[Task.TEAM_RECOGNITION] == "red"
    assert answers[Task.COUNTING] == "2" and answers[Task.TACTIC] == "left"
    assert answers[Task.RULE_CONSEQUENCE] == "blue"  # the team that let it in kicks off
    assert answers[Task.COMMENTARY] == "red;goal"
    assert found[Task.RULE_CONSEQUENCE].rule_ids == ("soccer.goal", "soccer.kick_off")
    assert found[Task.RULE_CONSEQUENCE].text.endswith("which team restarts play?")
    assert set(found[Task.EVENT_RECOGNITION].options) == {"goal", "corner kick", "foul", "offside"}
    teams = found[Task.TEAM_RECOGNITION].options
    assert len(teams) == 4 and {"red", "blue"} <= set(teams)


def test_the_hint_holds_the_evidence_with_slack_and_is_clipped_to_the_clip():
    for seed in range(30):
        for first, last in ((50, 64), (0, 14), (135, 149)):
            kept = ask_questions(clip(), [event(first, last, **FULL), ELSEWHERE], seed=seed)
            (hint,) = stretches_in(by_task(kept)[Task.EVENT_RECOGNITION].text)
            assert 0 <= hint.idx_start <= first and last <= hint.idx_end < 150
            assert first - hint.idx_start in ([0] if first == 0 else range(2, 11))
            assert hint.idx_end - last in ([0] if last == 149 else range(2, 11))


def test_localisation_puts_the_truth_beside_an_equal_stretch_without_evidence():
    first_is_true = 0
    for seed in range(200):
        question = by_task(ask_questions(clip(), [event(50, 64), ELSEWHERE], seed=seed))[Task.LOCALISATION]
        one, two = stretches_in(question.text)
        assert question.text.startswith("The goal by red happens either in frames ")
        assert question.text.endswith(". In the first or in the second?") and question.options == ("first", "second")
        assert one.num_frames == two.num_frames and one.tiou(two) == 0
        holds = [w.idx_start <= question.evidence.idx_start and question.evidence.idx_end <= w.idx_end for w in (one, two)]
        assert holds == [question.answers == ("first",), question.answers == ("second",)]
        first_is_true += holds[0]
    assert 70 <= first_is_true <= 130


def test_a_localisation_whose_key_or_stretches_are_swapped_is_found_out():
    events = [event(50, 64), ELSEWHERE]
    keys = set()
    for seed in range(10):
        question = by_task(ask_questions(clip(), events, seed=seed))[Task.LOCALISATION]
        (key,), (one, two) = question.answers, re.findall(r"\d+-\d+", question.text)
        keys.add(key)
        swapped = question.text.replace(one, "X").replace(two, one).replace("X", two)
        other = ("second" if key == "first" else "first",)
        assert verify_question(question, clip(), events) == []
        for change in ({"answers": other}, {"text": swapped}):
            assert verify_question(question.model_copy(update=change), clip(), events) == [
                "the key is not the stretch that holds the evidence"
            ]
        assert verify_question(question.model_copy(update={"text": swapped, "answers": other}), clip(), events) == []
    assert keys == {"first", "second"}


@pytest.mark.parametrize(("text", "stretches"), [
    ("In frames 48-76, which event happens?", [(48, 76)]),
    ("After what happens in frames 0-9, who is next?", [(0, 9)]),
    ("Between frames 48 and 76, which event happens?", [(48, 76)]),  # as questions were asked before
    ("Either in frames 5-9 or between frames 20 and 24.", [(5, 9), (20, 24)]),
    ("In frames 76-48, and within frames 3-4, in 30 frames 5-6?", []),
])
def test_stretches_are_read_from_the_text(text, stretches):
    assert [(window.idx_start, window.idx_end) for window in stretches_in(text)] == stretches


def test_decoys_of_a_broadcast_lie_where_its_events_lie(sports_world):
    clips, events = sports_world(Sport.SOCCER, "b", num_plays=60, first_share=0.4, last_share=0.9)
    frames_of = {c.clip_id: c.num_frames for c in clips}
    found = [q for q in ask_broadcast(clips, events).items if q.task is Task.LOCALISATION]
    decoys = [next(w for w in stretches_in(q.text) if w.tiou(q.evidence) == 0) for q in found]
    places = [(w.idx_start + w.idx_end) / 2 / frames_of[q.clip_id] for w, q in zip(decoys, found, strict=True)]
    assert len(found) > 40 and min(places) > 0.35 and max(places) < 0.95
    truth_first = sum(q.evidence.idx_start < decoy.idx_start for q, decoy in zip(found, decoys, strict=True))
    assert abs(truth_first / len(found) - 0.5) < 0.1  # paired: as often the earlier as the later one


def shot(index, first, last, **fields):
    window = FrameWindow(idx_start=first, idx_end=last)
    return Shot(shot_id=f"shot-{index}", broadcast_id="b", shot_index=index, span=RATE.span_of(window), transition=Transition.CUT,
                **fields)


@pytest.mark.parametrize(("kind", "found", "asked"), [("goal", True, False), ("goal", False, False), ("foul", True, True),
                                                      ("foul", False, False)])
def test_no_decoy_lies_in_a_replay_that_may_show_such_an_event(kind, found, asked):
    """Frames 60 to 140 of the clip are a replay: of a live shot before the clip, or of one that was not found."""
    elsewhere = event(100, 112, kind, "blue")
    replay = shot(2, 360, 440, replay=True, replay_of="shot-0" if found else None)
    shots = [shot(0, 50, 200), shot(1, 300, 359), replay]
    mine, ours = event(320, 332), clip(300)
    events = [mine, elsewhere]
    held = {"decoy_centres": {mine.event_id: 0.7}}
    plain = by_task(ask_questions(ours, events, **held))
    shown = by_task(ask_questions(ours, events, shots=shots, **held))
    assert (Task.LOCALISATION in shown) == asked
    assert shown == {task: question for task, question in plain.items() if task in shown}
    faults = verify_question(plain[Task.LOCALISATION], ours, events, shots)
    assert faults == ([] if asked else ["such an event is seen again in the stretch that is not meant"])
    live = [each.model_copy(update={"replay": False, "replay_of": None}) for each in shots]
    assert by_task(ask_questions(ours, events, shots=live, **held)) == plain, "without replays nothing changes"


def test_two_events_at_once_are_ambiguous():
    kept = ask_questions(clip(), [event(50, 64), event(60, 74, "foul", "blue")])
    assert kept.items == [] and {drop.reason for drop in kept.drops} == {DropReason.AMBIGUOUS}


def test_the_same_event_twice_cannot_be_localised_but_is_asked_about():
    kept = ask_questions(clip(), [event(30, 44), event(100, 114), ELSEWHERE])
    assert [drop.reason for drop in kept.drops] == [DropReason.AMBIGUOUS] * 2
    assert Task.LOCALISATION not in by_task(kept) and Task.EVENT_RECOGNITION in by_task(kept)
    for question in kept.items:
        (hint,) = stretches_in(question.text)
        assert not (hint.contains(44) and hint.contains(100))


def test_evidence_beyond_the_clip_is_no_question():
    kept = ask_questions(clip(), [event(140, 160)])
    assert kept.items == [] and kept.drops[0].reason is DropReason.NO_QUESTION


def test_an_event_of_which_nothing_can_be_seen_is_no_question():
    kept = ask_questions(clip(), [event(50, 60, "half_time", None)])
    assert [drop.reason for drop in kept.drops] == [DropReason.NO_QUESTION]


def test_what_an_event_does_not_carry_is_not_asked():
    found = by_task(ask_questions(clip(), [event(50, 64, team=None)]))
    assert set(found) == {Task.EVENT_RECOGNITION, Task.LOCALISATION, Task.COMMENTARY}
    assert found[Task.COMMENTARY].answers == ("goal",) and found[Task.LOCALISATION].text.startswith("The goal happens")


def test_real_feeds_name_teams_and_get_no_colours():
    events = [event(50, 64, "kill", "GKS Katowice", Sport.VOLLEYBALL),
              event(500, 510, "service_error", "MKS Bedzin", Sport.VOLLEYBALL)]
    found = by_task(ask_questions(clip(sport=Sport.VOLLEYBALL), events))
    assert set(found[Task.TEAM_RECOGNITION].options) == {"GKS Katowice", "MKS Bedzin"}
    assert found[Task.RULE_CONSEQUENCE].answers == ("GKS Katowice",)
    assert found[Task.COMMENTARY].answers == ("GKS Katowice;kill",)
    assert "service error" in found[Task.COMMENTARY].options  # it occurs in this broadcast, so it may be asked for
    assert Task.TACTIC not in found and Task.COUNTING not in found


def test_commentary_knows_its_rival_facts():
    question = by_task(ask_questions(clip(), [event(50, 64, **FULL), ELSEWHERE]))[Task.COMMENTARY]
    assert {"blue", "corner kick", "red", "goal"} <= set(question.options) and question.answer_kind is AnswerKind.TEXT
    kick = by_task(ask_questions(clip(), [event(50, 64, "goal_kick"), ELSEWHERE]))[Task.COMMENTARY]
    assert "goal" not in kick.options and "goal kick" in kick.options  # who says "goal kick" has not said "goal"


def test_a_sport_without_rules_gets_no_questions():
    assert ask_questions(clip(sport=Sport.OTHER), [event(50, 64, sport=Sport.OTHER)]) == ([], [])


def test_only_the_tasks_asked_for():
    config = TemplateConfig(tasks=(Task.TACTIC,))
    assert set(by_task(ask_questions(clip(), [event(50, 64, **FULL)], config))) == {Task.TACTIC}


def test_the_same_input_and_seed_give_the_same_questions(sports_world):
    clips, events = sports_world(Sport.TENNIS, "b")
    made = Made(step="ask", config_hash="c", code_version="1")
    first = ask_broadcast(clips, events, seed=3, made=made)
    assert first == ask_broadcast(list(reversed(clips))[::-1], events, seed=3, made=made)
    assert first.items != ask_broadcast(clips, events, seed=4, made=made).items
    assert first.items[0].made.inputs == (first.items[0].clip_id, first.items[0].event_ids[0])
    assert len({question.question_id for question in first.items}) == len(first.items)


@given(seed=st.integers(0, 1000), sport=st.sampled_from(known_sports()))
@settings(max_examples=15, deadline=None)
def test_every_question_proves_its_key(sports_world, seed, sport):
    clips, events = sports_world(sport, "b", seed)
    kept = ask_broadcast(clips, events, seed=seed)
    assert kept.items
    assert verify_questions(kept.items, clips, events) == (kept.items, [])
    for question in kept.items:
        if question.answer_kind is AnswerKind.CHOICE:
            assert question.options.count(question.answers[0]) == 1 and len(set(question.options)) == len(question.options)


def test_keys_sit_at_every_place_equally_often(sports_world):
    sizes = {Task.EVENT_RECOGNITION: 4, Task.TEAM_RECOGNITION: 4, Task.LOCALISATION: 2, Task.RULE_CONSEQUENCE: 2, Task.TACTIC: 3}
    places = {task: [0] * size for task, size in sizes.items()}
    for name in range(10):
        for question in ask_broadcast(*sports_world(Sport.SOCCER, f"b{name}", num_plays=20)).items:
            if question.task in places:
                places[question.task][question.options.index(question.answers[0])] += 1
    for counts in places.values():
        total, share = sum(counts), 1 / len(counts)
        assert all(abs(count - total * share) < 4 * (total * share * (1 - share)) ** 0.5 for count in counts), counts


@pytest.mark.parametrize(("task", "change", "fault"), [
    (Task.EVENT_RECOGNITION, {"answers": ("offside",)}, "the key is 'goal'"),
    (Task.TEAM_RECOGNITION, {"answers": ("blue",)}, "the key is 'red'"),
    (Task.COUNTING, {"answers": ("3",)}, "the key is '2'"),
    (Task.RULE_CONSEQUENCE, {"answers": ("red",)}, "the key is 'blue'"),
    (Task.RULE_CONSEQUENCE, {"rule_ids": ()}, "stands on the rules"),
    (Task.TACTIC, {"options": ("left", "left", "right")}, "at least two different"),
    (Task.TACTIC, {"options": ("centre", "right")}, "not exactly one option"),
    (Task.LOCALISATION, {"answers": ("0-14",)}, "not exactly one option"),
    (Task.LOCALISATION, {"text": "The goal by red happens in frames 45-70. The first or the second?"}, "2 stretches of frames"),
    (Task.LOCALISATION, {"text": "The foul by red happens either in frames 45-70 or in frames 100-125. The first or the second?"},
     "does not ask for the goal by red"),
    (Task.COMMENTARY, {"answers": ("blue;goal",)}, "the key is 'red;goal'"),
    (Task.COUNTING, {"text": "In frames 55-80, how many players take part?"}, "one of which holds the evidence"),
    (Task.COUNTING, {"text": "In frames 40-400, how many players take part?"}, "beyond the clip"),
    (Task.COUNTING, {"evidence": FrameWindow(idx_start=40, idx_end=64)}, "the evidence is"),
    (Task.COUNTING, {"event_ids": ("event-none",)}, "exactly one event"),
    (Task.COUNTING, {"dimension": Dimension.RULES}, "dimension"),
    (Task.COUNTING, {"clip_id": "clip-other"}, "another clip"),
    (Task.COUNTING, {"options": ("2", "3")}, "no choice"),
])
def test_a_damaged_question_is_found_out(task, change, fault):
    events = [event(50, 64, **FULL), ELSEWHERE]
    question = by_task(ask_questions(clip(), events))[task]
    assert verify_question(question, clip(), events) == []
    assert fault in "; ".join(verify_question(question.model_copy(update=change), clip(), events))


def test_the_gate_drops_what_is_not_proved():
    events = [event(50, 64, **FULL), ELSEWHERE]
    good = by_task(ask_questions(clip(), events))[Task.TACTIC]
    bad = good.model_copy(update={"question_id": "question-bad", "answers": ("right",)})
    lost = good.model_copy(update={"question_id": "question-lost", "clip_id": "clip-none"})
    kept = verify_questions([good, bad, lost], [clip()], events)
    assert kept.items == [good] and [d.item for d in kept.drops] == ["question-bad", "question-lost"]
    assert {d.reason for d in kept.drops} == {DropReason.WRONG_KEY}


def test_label_is_what_is_said():
    assert label_of("service_ace") == "service ace"
