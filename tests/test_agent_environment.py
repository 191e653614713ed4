from collections.abc import Callable

import numpy as np
import pytest

from deepsport.agent.environment import Episode, EpisodeConfig
from deepsport.agent.protocol import Lookup, render_answer, render_call, render_lookup
from deepsport.agent.tools import ArrayFrames, FrameTool
from deepsport.ids import digest
from deepsport.records import Made, Question
from deepsport.taxonomy import AnswerKind, Dimension, FormatErrorKind, Sport, StopReason, Task, Tool
from deepsport.timebase import FrameWindow

QUESTION = Question(
    question_id="q", clip_id="c", broadcast_id="b", sport=Sport.SOCCER, task=Task.EVENT_RECOGNITION,
    dimension=Dimension.RECOGNITION, text="What happens in frames 30-60?", answer_kind=AnswerKind.CHOICE,
    options=("goal", "foul"), answers=("foul",), evidence=FrameWindow(idx_start=40, idx_end=52), event_ids=(), template_id="t",
)  # fmt: skip
MADE = Made(step="rollout")


def numbered_frames(num_frames: int = 100) -> ArrayFrames:
    """A clip whose frame i is a plain picture of value i, so that what was shown can be read back."""
    return ArrayFrames(np.broadcast_to(np.arange(num_frames, dtype=np.uint8)[:, None, None, None], (num_frames, 4, 4, 3)))


def window(idx_start: int, idx_end: int) -> FrameWindow:
    return FrameWindow(idx_start=idx_start, idx_end=idx_end)


def start(**budget: int) -> Episode:
    return Episode(QUESTION, numbered_frames(), EpisodeConfig(**budget))


def test_the_first_frames_are_uniform_and_carry_their_index() -> None:
    first = start(initial_frames=4).initial()
    assert first.frame_indices == (0, 33, 66, 99)
    assert [int(frame[0, 0, 0]) for frame in first.frames] == [0, 33, 66, 99]


def test_a_look_then_an_answer() -> None:
    episode = start()
    shown = episode.step(render_call("Not in view.", window(40, 54)))
    assert shown is not None and shown.frame_indices == (40, 42, 44, 46, 48, 50, 52, 54)
    assert [int(frame[0, 0, 0]) for frame in shown.frames] == list(shown.frame_indices)
    assert episode.step(render_answer("Frame 46: foul.", "B")) is None
    trajectory = episode.trajectory("scripted", MADE)
    assert (trajectory.stop, trajectory.answer, trajectory.accuracy) == (StopReason.ANSWERED, "B", 1.0)
    assert trajectory.used_tool and trajectory.format_ok
    assert trajectory.seen_frames == (0, 14, 28, 42, 57, 71, 85, 99, *shown.frame_indices)


def test_repeated_window_is_a_format_error_and_ends_the_episode() -> None:
    episode = start()
    call = render_call("Look.", window(40, 54))
    assert episode.step(call) is not None
    assert episode.step(call) is None
    trajectory = episode.trajectory("scripted", MADE)
    assert trajectory.stop is StopReason.FORMAT_ERROR and trajectory.turns[-1].error is FormatErrorKind.REPEATED_WINDOW
    assert trajectory.accuracy == 0 and not trajectory.format_ok
    assert trajectory.used_tool, "the first call was served"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (render_call("Look.", window(90, 100)), FormatErrorKind.BAD_WINDOW),
        ("<answer>foul</answer>", FormatErrorKind.NO_THINK),
        ("<think>a</think><tool_call>{}</tool_call>", FormatErrorKind.BAD_CALL),
    ],
)
def test_a_broken_turn_ends_the_episode_with_its_kind(text: str, kind: FormatErrorKind) -> None:
    episode = start()
    assert episode.step(text) is None
    trajectory = episode.trajectory("scripted", MADE)
    assert (trajectory.stop, trajectory.turns[-1].error, trajectory.turns[-1].window) == (StopReason.FORMAT_ERROR, kind, None)


def test_the_last_turn_must_answer() -> None:
    episode = start(max_turns=2)
    assert episode.step(render_call("a", window(1, 9))) is not None
    assert episode.step(render_call("b", window(2, 9))) is None
    assert episode.stop is StopReason.BUDGET
    assert episode.trajectory("scripted", MADE).turns[-1].frame_indices == ()


def test_the_frame_budget_shortens_the_last_look_and_then_ends_the_episode() -> None:
    episode = start(initial_frames=8, frames_per_call=8, max_frames=19)
    shown = [episode.step(render_call("a", window(i, i + 50))) for i in range(2)]
    assert [len(look.frame_indices) for look in shown if look] == [8, 3]
    assert episode.step(render_call("a", window(5, 50))) is None
    assert episode.stop is StopReason.BUDGET
    assert len(episode.trajectory("scripted", MADE).seen_frames) == 19


def test_a_clip_shorter_than_the_initial_frames_is_shown_whole() -> None:
    assert Episode(QUESTION, numbered_frames(3)).initial().frame_indices == (0, 1, 2)


def drive_by_step(episode: Episode, calls: list[tuple[int, int]], answer: str) -> None:
    for idx_start, idx_end in calls:
        if episode.stop is None:
            episode.step(render_call("", window(idx_start, idx_end)))
    if episode.stop is None:
        episode.step(answer)


def drive_by_call(episode: Episode, calls: list[tuple[int, int]], answer: str) -> None:
    for idx_start, idx_end in calls:
        episode.call(idx_start, idx_end)
    episode.finish(answer)


@pytest.mark.parametrize(
    ("calls", "answer"),
    [
        ([], render_answer("a", "foul")),
        ([(40, 54)], render_answer("a", "foul")),
        ([(40, 54), (40, 55)], render_answer("a", "goal")),
        ([(40, 54), (40, 54)], render_answer("a", "foul")),
        ([(90, 120)], render_answer("a", "foul")),
        ([(1, 2), (2, 3), (3, 4), (4, 5)], render_answer("a", "foul")),
        ([(1, 2)], "<answer>foul</answer>"),
    ],
)
def test_both_ways_to_drive_an_episode_obey_the_same_rules(calls: list[tuple[int, int]], answer: str) -> None:
    def played(drive: Callable[[Episode, list[tuple[int, int]], str], None]) -> tuple[object, ...]:
        episode = start()
        drive(episode, calls, answer)
        run = episode.trajectory("scripted", MADE)
        return run.stop, run.accuracy, run.used_tool, run.format_ok, run.seen_frames, run.turns[-1].error, len(run.turns)

    assert played(drive_by_step) == played(drive_by_call)


def test_a_call_left_unserved_by_the_trainer_is_out_of_budget() -> None:
    episode = start()
    episode.finish(render_call("Look.", window(1, 9)))
    assert episode.stop is StopReason.BUDGET


@pytest.mark.parametrize("bad", [("3", 9), (True, 9), (3.0, 9), (None, None)])
def test_the_tool_refuses_what_is_not_an_integer(bad: tuple[object, object]) -> None:
    reply = FrameTool(numbered_frames(), 8).frame_extraction_tool(*bad)
    assert reply.error is FormatErrorKind.BAD_CALL and reply.frames is None
    assert [part["type"] for part in reply.content()] == ["text"]


def test_a_served_call_is_a_message_of_labelled_pictures() -> None:
    reply = start().call(10, 12)
    assert [part.get("text") for part in reply.content()] == ["Frame 10: ", None, "Frame 11: ", None, "Frame 12: ", None]
    assert reply.content()[1]["image"].getpixel((0, 0)) == (10, 10, 10)


def test_a_policy_that_fails_is_told_from_one_that_errs() -> None:
    episode = start()
    episode.fail()
    assert episode.trajectory("scripted", MADE).stop is StopReason.POLICY_FAILED


def test_an_ended_episode_takes_no_further_turn() -> None:
    episode = start()
    episode.step(render_answer("a", "foul"))
    with pytest.raises(AssertionError, match="already ended"):
        episode.step(render_answer("a", "goal"))


def test_an_episode_offers_frames_alone_unless_it_says_otherwise() -> None:
    episode = start()
    assert episode.step(render_lookup("a", Lookup("offside"))) is None
    assert episode.turns[-1].error is FormatErrorKind.BAD_CALL
    assert EpisodeConfig().model_dump() == {"initial_frames": 8, "frames_per_call": 8, "max_turns": 4, "max_frames": 64}
    offering = EpisodeConfig(tools=(Tool.FRAMES, Tool.RULES))
    assert digest(EpisodeConfig()) != digest(offering)
    assert EpisodeConfig.model_validate_json(offering.model_dump_json()) == offering


def test_a_lookup_costs_a_turn_and_no_frames_and_the_last_turn_must_answer() -> None:
    episode = Episode(QUESTION, numbered_frames(), EpisodeConfig(max_turns=3, max_frames=8, tools=tuple(Tool)))
    shown = episode.step(render_lookup("a", Lookup("offside")))
    assert shown is not None and shown.words is not None and shown.frame_indices == () and episode.frames_left == 0
    shown = episode.step(render_lookup("a", Lookup(window=window(0, 9))))
    assert shown is not None and shown.words == "Nothing is said there."
    assert episode.step(render_lookup("a", Lookup("offside"))) is None and episode.stop is StopReason.BUDGET
    driven = Episode(QUESTION, numbered_frames(), EpisodeConfig(tools=tuple(Tool)))
    driven.finish(render_lookup("a", Lookup("offside")))
    assert driven.stop is StopReason.BUDGET
