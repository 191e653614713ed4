from collections.abc import Sequence

import numpy as np
import pytest

from annotate.distill import DistillConfig, ScriptedTeacher, distill, trajectory_fault
from annotate.templates import ask_broadcast
from deepsport.agent.environment import Episode
from deepsport.agent.policies import ScriptedPolicy
from deepsport.agent.protocol import Conversation, parse_turn, render_answer, render_call
from deepsport.agent.tools import ArrayFrames
from deepsport.records import Clip, Event, Made, Question
from deepsport.sports.base import describe
from deepsport.taxonomy import AnswerKind, DropReason, Sport, StopReason, Task
from deepsport.timebase import FrameRate, FrameWindow, Span
from ingest.simulator.broadcast import SimulatedBroadcast

Scene = tuple[list[Question], list[Clip], list[Event]]


def blank(clip: Clip) -> ArrayFrames:
    return ArrayFrames(np.broadcast_to(np.uint8(0), (clip.num_frames, 2, 2, 3)))


@pytest.fixture(scope="module")
def scene() -> Scene:
    """All questions on four simulated broadcasts; the scripted teacher looks at indices, so no picture is drawn."""
    questions: list[Question] = []
    clips: list[Clip] = []
    events: list[Event] = []
    for sport in (Sport.SOCCER, Sport.TENNIS):
        for seed in range(2):
            match = SimulatedBroadcast(sport, seed=seed, duration_s=120, broadcast_id=f"{sport}-{seed}")
            own = [
                Clip(clip_id=f"{sport}-{seed}-{number}", broadcast_id=match.broadcast_id, sport=sport, span=play.span,
                     first_frame=match.rate.frame_at(play.span.start_s), num_frames=round(play.span.duration_s * match.rate.fps),
                     rate=match.rate)
                for number, play in enumerate(match.plays)
            ]  # fmt: skip
            questions += ask_broadcast(own, match.events).items
            clips += own
            events += match.events
    return questions, clips, events


def sure_only(questions: Sequence[Question], task: Task) -> list[Question]:
    return [question for question in questions if question.task is task]


def test_the_scripted_teacher_looks_exactly_where_a_glance_is_not_enough(scene: Scene) -> None:
    questions, clips, events = scene
    kept, drops = distill(questions, clips, events, blank)
    assert len(kept) + len(drops) == len(questions) and len(kept) > 0.9 * len(questions)
    asked = {question.question_id: question for question in questions}
    for run in kept:
        question = asked[run.question_id]
        at_a_glance = any(question.evidence.contains(frame) for frame in run.initial_frames)
        assert run.used_tool != (at_a_glance and question.task is not Task.LOCALISATION)
        assert run.accuracy == 1 and run.format_ok
        assert any(question.evidence.contains(frame) for frame in run.seen_frames)
    seen = [run for run in kept if asked[run.question_id].task is not Task.LOCALISATION]
    share = sum(run.used_tool for run in seen) / len(seen)
    assert 0.3 < share < 0.7, "the demo world shows about half of the events at a glance"


def test_every_task_is_distilled(scene: Scene) -> None:
    questions, clips, events = scene
    kept = {run.question_id for run in distill(questions, clips, events, blank).items}
    assert {question.task for question in questions if question.question_id in kept} == set(Task)


def test_the_last_thought_says_what_happens_after_its_evidence_was_shown(scene: Scene) -> None:
    questions, clips, events = scene
    asked = {question.question_id: question for question in questions}
    by_id = {event.event_id: event for event in events}
    for run in distill(questions[:60], clips, events, blank).items:
        question = asked[run.question_id]
        think = parse_turn(run.turns[-1].text).think
        assert any(question.evidence.contains(frame) for frame in run.seen_frames)
        event = by_id[question.event_ids[0]]
        says = f"{describe(event)}."
        if question.task is Task.RULE_CONSEQUENCE:  # and for whom the rules decide
            says += f" {'Same' if question.answers == (event.team,) else 'Other'} team."
        assert think == says
        before = ": look." if question.task is Task.LOCALISATION else ": not in view."
        assert all((parse_turn(turn.text).think or "").endswith(before) for turn in run.turns[:-1])
        assert run.used_tool or question.task is not Task.LOCALISATION, "where something happens is looked up"


def test_a_shakier_hand_proves_fewer_trajectories(scene: Scene) -> None:
    questions, clips, events = scene
    kept = [
        len(distill(questions, clips, events, blank, DistillConfig(noise_sd_frames=sd, max_looks=1)).items) for sd in (0, 12, 30)
    ]
    assert kept[0] > kept[1] > kept[2] > 0


def test_distilling_twice_gives_the_same_and_another_seed_other_windows(scene: Scene) -> None:
    questions, clips, events = scene
    first, again, other = (distill(questions[:80], clips, events, blank, DistillConfig(seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert [run.turns for run in first.items] != [run.turns for run in other.items]


def test_which_of_two_candidates_is_tried_first_does_not_tell_the_answer(scene: Scene) -> None:
    questions, clips, events = scene
    asked = {question.question_id: question for question in sure_only(questions, Task.LOCALISATION)}
    config = DistillConfig(noise_sd_frames=0)
    looked = [run for run in distill(list(asked.values()), clips, events, blank, config).items if run.used_tool]
    right = [run.turns[0].window is not None and run.turns[0].window.tiou(asked[run.question_id].evidence) > 0 for run in looked]
    assert 0.2 < np.mean(right) < 0.8, len(right)
    assert all(run.accuracy == 1 for run in looked), "the second look finds what the first did not"


def test_a_still_hand_never_asks_for_the_same_window_twice(scene: Scene) -> None:
    questions, clips, events = scene
    question, clip = questions[0], next(clip for clip in clips if clip.clip_id == questions[0].clip_id)
    config = DistillConfig(noise_sd_frames=0, max_looks=3)
    hidden = question.model_copy(update={"evidence": FrameWindow(idx_start=0, idx_end=0), "text": "Which event happens?"})
    teacher = ScriptedTeacher(hidden, clip, events[:1], config)
    unseen: Conversation = [{"role": "user", "content": []}]
    windows = []
    for _ in range(3):
        (text,) = teacher.complete([unseen])
        windows.append(parse_turn(text).call)
        unseen = [*unseen, {"role": "assistant", "content": [{"type": "text", "text": text}]}]
    assert None not in windows and len(set(windows)) == 3
    assert parse_turn(teacher.complete([unseen])[0]).answer is not None


CLIP = Clip(clip_id="c", broadcast_id="b", sport=Sport.SOCCER, span=Span(start_s=10, end_s=15), first_frame=250, num_frames=125,
            rate=FrameRate(num=25))  # fmt: skip
EVENT = Event(event_id="e", broadcast_id="b", sport=Sport.SOCCER, kind="foul", time_s=12, evidence=Span(start_s=11.8, end_s=12.4),
              team="red", zone="left", num_players=2)  # fmt: skip


def one_question(scene: Scene) -> Question:
    base = sure_only(scene[0], Task.EVENT_RECOGNITION)[0]
    return base.model_copy(
        update={
            "question_id": "q",
            "clip_id": "c",
            "text": "In frames 40-64, which event happens?",
            "options": ("goal", "foul"),
            "answers": ("foul",),
            "evidence": FrameWindow(idx_start=54, idx_end=66),
            "event_ids": ("e",),
        }
    )


LOOK = render_call("Not in view.", FrameWindow(idx_start=40, idx_end=64))
MISS = render_call("Not in view.", FrameWindow(idx_start=80, idx_end=90))


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([LOOK, render_answer("Frame 54: a foul.", "foul")], None),
        ([LOOK, render_answer("Frames 40 and 64 show it.", "foul")], None),
        ([LOOK, render_answer("Frame 55: a foul.", "foul")], DropReason.UNSUPPORTED),
        ([LOOK.replace("Not in view.", "Frame 54: a foul."), render_answer("So.", "foul")], DropReason.UNSUPPORTED),
        ([LOOK, render_answer("Frame 54: a goal.", "goal")], DropReason.WRONG_ANSWER),
        ([MISS, render_answer("A guess.", "foul")], DropReason.UNSUPPORTED),
        ([LOOK, "<answer>foul</answer>"], DropReason.FORMAT_ERROR),
        ([LOOK, LOOK], DropReason.FORMAT_ERROR),
        ([LOOK, None], DropReason.TEACHER_FAILED),
    ],
)  # fmt: skip
def test_only_a_proven_trajectory_of_a_real_teacher_is_kept(
    scene: Scene, turns: list[str | None], reason: DropReason | None
) -> None:
    def say(conversation: Conversation) -> str | None:
        return turns[sum(message["role"] == "assistant" for message in conversation)]

    # The initial frames (… 35, 53, 71 …) just miss the evidence; of the look, frames 54, 57, 61 and 64 lie in it.
    question = one_question(scene)
    kept, drops = distill([question], [CLIP], [EVENT], blank, teacher=ScriptedPolicy("remote", say))
    assert [drop.reason for drop in drops] == ([] if reason is None else [reason])
    assert [run.policy for run in kept] == (["remote"] if reason is None else [])


@pytest.mark.parametrize(("answer", "kept"), [("48-72", True), ("40-64", True), ("60-90", False)])
def test_a_window_may_be_what_a_person_asks_for(scene: Scene, answer: str, kept: bool) -> None:
    """No template has such a key; a trajectory then proves as much as its window overlaps."""
    question = one_question(scene).model_copy(update={"answer_kind": AnswerKind.WINDOW, "options": (), "answers": ("44-68",)})
    policy = ScriptedPolicy("remote", lambda talk: (LOOK, render_answer("Seen.", answer))[len(talk) // 2])
    config = DistillConfig(min_accuracy=0.5)
    assert bool(distill([question], [CLIP], [EVENT], blank, config, teacher=policy).items) is kept
    blind = distill([question], [CLIP], [EVENT], blank, DistillConfig(max_looks=0, min_accuracy=0))
    assert [drop.detail for drop in blind.drops] == ["no frame of the evidence was shown"]
    guess = ScriptedTeacher(question, CLIP, [EVENT], DistillConfig(max_looks=0)).complete([[{"role": "user", "content": []}]])
    assert parse_turn(guess[0]).answer == "40-64", "the stretch of the text"


def test_a_line_of_commentary_must_hold_all_facts_to_be_taught(scene: Scene) -> None:
    question = one_question(scene).model_copy(
        update={"task": Task.COMMENTARY, "answer_kind": AnswerKind.TEXT, "options": (), "answers": ("red;foul",)}
    )
    for answer, num_kept in (("A foul by the red team!", 1), ("A foul!", 0)):
        turns = {0: LOOK, 1: render_answer("Frame 54: a foul.", answer)}
        policy = ScriptedPolicy("remote", lambda conversation, turns=turns: turns[len(conversation) // 2])
        assert len(distill([question], [CLIP], [EVENT], blank, teacher=policy).items) == num_kept


def test_an_abandoned_episode_proves_nothing(scene: Scene) -> None:
    question = one_question(scene)
    episode = Episode(question, blank(CLIP))
    episode.step(LOOK)
    run = episode.trajectory("p", Made(step="rollout"))
    assert run.stop is StopReason.BUDGET
    assert trajectory_fault(question, run) == (DropReason.FORMAT_ERROR, "budget")
