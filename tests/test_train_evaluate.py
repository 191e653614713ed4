"""Evaluation plays every lesson once under the rules of training, and says of each wrong answer why it was wrong."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from deepsport.agent.policies import LocalPolicy, ScriptedPolicy
from deepsport.agent.protocol import render_answer, render_call
from deepsport.taxonomy import Band, FailureClass, Split
from deepsport.timebase import FrameWindow
from train.evaluate import Evaluated, run_evaluate
from train.models import load

INSIDE, OUTSIDE = (render_call("Look.", FrameWindow(idx_start=i, idx_end=i + 8)) for i in (12, 28))
RED = render_answer("Seen.", "red")


def play(train_world: SimpleNamespace, *turns: str | None, batch_size: int = 64) -> Evaluated:
    """Evaluates a policy that says these turns one after the other, whatever it is shown."""
    policy = ScriptedPolicy("scripted", lambda conversation: turns[len(conversation) // 2])
    return run_evaluate(
        policy, train_world.rl, episode=train_world.episode, frame_size=train_world.frame_size, batch_size=batch_size
    )


def test_every_lesson_is_played_once_in_order(train_world: SimpleNamespace) -> None:
    done: list[tuple[int, int]] = []
    policy = ScriptedPolicy("scripted", lambda conversation: RED)
    played = run_evaluate(
        policy, train_world.rl, episode=train_world.episode, frame_size=train_world.frame_size, batch_size=3,
        config_hash="h", on_batch=lambda *n: done.append(n),
    )  # fmt: skip
    assert [row.question_id for row in played.evaluations] == [f"question-{i}" for i in range(4)]
    assert [row.question_id for row in played.trajectories] == [row.question_id for row in played.evaluations]
    assert done == [(3, 4), (4, 4)]
    assert len({row.evaluation_id for row in played.evaluations}) == 4
    first = played.evaluations[0]
    assert (first.checkpoint, first.split, first.band) == ("scripted", Split.TRAIN, Band.LOOK)
    assert first.made.config_hash == "h"


def test_figures_do_not_hang_on_the_batch(train_world: SimpleNamespace) -> None:
    assert play(train_world, INSIDE, RED, batch_size=1) == play(train_world, INSIDE, RED, batch_size=64)


@pytest.mark.parametrize(
    ("turns", "failure", "evidence_seen", "num_frames"),
    [
        ((RED,), FailureClass.GROUNDING, False, 4),  # initial frames 0, 13, 26, 39 miss the evidence 14-19
        ((OUTSIDE, RED), FailureClass.GROUNDING, False, 7),
        ((INSIDE, RED), FailureClass.PERCEPTION, True, 7),
        (("no tags",), FailureClass.FORMAT, False, 4),
        ((INSIDE, INSIDE), FailureClass.FORMAT, True, 7),
        ((INSIDE, OUTSIDE, INSIDE), FailureClass.FORMAT, True, 10),  # no turn is left for a third look
        ((None,), FailureClass.FORMAT, False, 4),
        ((INSIDE, render_answer("Seen.", "red or blue")), FailureClass.PERCEPTION, True, 7),
    ],
)
def test_a_wrong_answer_gets_its_class(
    turns: tuple[str | None, ...], failure: FailureClass, evidence_seen: bool, num_frames: int, train_world: SimpleNamespace
) -> None:
    blue = play(train_world, *turns).evaluations[0]
    assert (blue.failure, blue.evidence_seen, blue.num_frames, blue.accuracy) == (failure, evidence_seen, num_frames, 0.0)


def test_a_right_answer_has_no_class(train_world: SimpleNamespace) -> None:
    red = play(train_world, INSIDE, RED).evaluations[1]
    assert (red.failure, red.accuracy, red.used_tool, red.answer) == (None, 1.0, True, "red")


def test_an_answer_after_a_broken_turn_does_not_count(train_world: SimpleNamespace) -> None:
    red = play(train_world, f"{RED}{RED}", RED).evaluations[1]
    assert (red.failure, red.accuracy, red.answer) == (FailureClass.FORMAT, 0.0, None)


def test_a_checkpoint_is_measured_greedily_and_so_always_the_same(train_world: SimpleNamespace) -> None:
    checkpoint = train_world.taught()
    model, processor = load(checkpoint.model)
    runs = [
        run_evaluate(
            LocalPolicy(checkpoint.name, model, processor, max_new_tokens=60, batch_size=size),
            train_world.rl, episode=train_world.episode, frame_size=train_world.frame_size,
        )
        for size in (64, 1)
    ]  # fmt: skip
    first, again = ([t.turns for t in run.trajectories] for run in runs)
    assert first == again
    assert {row.checkpoint for row in runs[0].evaluations} == {checkpoint.lineage.checkpoint_id}
    assert all(t.format_ok and t.used_tool for t in runs[0].trajectories), "two of its three teachers looked first"
