import pytest

from deepsport.agent.reward import RewardName, adaptive_reward, evidence_tiou, gated_reward, grounded_reward, reward_of
from deepsport.records import Question, Trajectory, Turn
from deepsport.taxonomy import AnswerKind, Dimension, FormatErrorKind, Sport, StopReason, Task
from deepsport.timebase import FrameWindow


@pytest.mark.parametrize(
    ("accuracy", "used_tool", "format_ok", "reward"),
    # Worked by hand from the formula of METHOD.md: R = fmt·(acc + R_tool) − 0.05·(1 − fmt).
    [(1.0, True, True, 1.5), (1.0, False, True, 1.0), (0.5, True, True, 0.75), (0.49, True, True, 0.52), (0.0, True, True, 0.03),
     (0.0, False, True, 0.0), (1.0, True, False, -0.05), (0.0, False, False, -0.05)],
)  # fmt: skip
def test_gated_reward_is_the_papers(accuracy: float, used_tool: bool, format_ok: bool, reward: float) -> None:
    assert gated_reward(accuracy, used_tool, format_ok) == pytest.approx(reward)


def test_adaptive_reward_prefers_the_glance_exactly_where_it_is_enough() -> None:
    for accuracy in (0.5, 0.75, 1.0):
        assert adaptive_reward(accuracy, False, True, True) > adaptive_reward(accuracy, True, True, True)
        assert adaptive_reward(accuracy, True, False, True) > adaptive_reward(accuracy, False, False, True)
    assert adaptive_reward(1.0, False, True, False) == -0.05


def test_under_every_reward_a_right_answer_beats_a_wrong_one_and_a_wrong_one_a_broken_one() -> None:
    for tool in (False, True):
        for glance in (False, True):
            worst_right = min(gated_reward(1, tool, True), adaptive_reward(1, tool, glance, True), grounded_reward(1, 0.0, True))
            best_wrong = max(gated_reward(0, tool, True), adaptive_reward(0, tool, glance, True), grounded_reward(0, 1.0, True))
            assert worst_right > best_wrong >= 0 > gated_reward(1, tool, False)


def test_a_whole_episode_is_rewarded_by_name() -> None:
    question = Question(
        question_id="q", clip_id="c", broadcast_id="b", sport=Sport.SOCCER, task=Task.EVENT_RECOGNITION,
        dimension=Dimension.RECOGNITION, text="?", answer_kind=AnswerKind.CHOICE, options=("goal", "foul"), answers=("foul",),
        evidence=FrameWindow(idx_start=40, idx_end=49), event_ids=(), template_id="t",
    )  # fmt: skip
    looks = (
        Turn(text="a", window=FrameWindow(idx_start=0, idx_end=9), frame_indices=(0, 9)),
        Turn(text="b", window=FrameWindow(idx_start=45, idx_end=54), frame_indices=(45, 54)),
        Turn(text="c"),
    )
    run = Trajectory(
        trajectory_id="t", question_id="q", clip_id="c", policy="p", initial_frames=(0,), turns=looks,
        stop=StopReason.ANSWERED, answer="foul", accuracy=1.0,
    )  # fmt: skip
    assert evidence_tiou(question, run) == pytest.approx(1 / 3)
    assert reward_of(RewardName.GATED, question, run) == 1.5
    assert reward_of(RewardName.ADAPTIVE, question, run, solved_at_a_glance=True) == 1.0
    assert reward_of(RewardName.GROUNDED, question, run) == pytest.approx(1 + 0.5 / 3)
    broken = run.model_copy(update={"stop": StopReason.FORMAT_ERROR, "turns": (Turn(text="a", error=FormatErrorKind.NO_THINK),)})
    assert {reward_of(name, question, broken) for name in RewardName} == {-0.05}
