import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsport.agent.protocol import (
    Lookup,
    ParsedTurn,
    full_instructions,
    parse_turn,
    question_prompt,
    render_answer,
    render_call,
    render_lookup,
)
from deepsport.records import Question
from deepsport.taxonomy import AnswerKind, Dimension, FormatErrorKind, Sport, Task, Tool
from deepsport.timebase import FrameWindow

WORDS = st.text().filter(lambda text: "<" not in text)
WINDOWS = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(
    lambda pair: FrameWindow(idx_start=min(pair), idx_end=max(pair))
)


def call(arguments: object, name: str = "frame_extraction_tool") -> str:
    return f"<think>Look.</think><tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


@given(WORDS, WINDOWS)
def test_a_rendered_call_reads_back(think: str, window: FrameWindow) -> None:
    assert parse_turn(render_call(think, window)) == ParsedTurn(think.strip(), call=window)


@given(WORDS, WORDS.filter(lambda text: bool(text.strip())))
def test_a_rendered_answer_reads_back(think: str, answer: str) -> None:
    assert parse_turn(render_answer(think, answer)) == ParsedTurn(think.strip(), answer=answer.strip())


TAGS = ["<think>", "</think>", "<answer>", "</answer>", "<tool_call>", "</tool_call>"]
BITS = st.sampled_from([*'<>/{}[]":,0123 ', *TAGS, call({"idx_start": 1, "idx_end": 2})])


@given(st.lists(BITS).map("".join))
def test_every_text_parses_to_exactly_one_of_call_answer_error(text: str) -> None:
    turn = parse_turn(text)
    assert [turn.call, turn.answer, turn.error].count(None) == 2


def test_white_space_and_lines_do_not_matter() -> None:
    turn = parse_turn('\n <think>\nFrame 3.\nNothing.\n</think>\n\n<tool_call>\n{"name": "frame_extraction_tool",\n'
                      ' "arguments": {"idx_end": 9, "idx_start": 5}}\n</tool_call>\n')  # fmt: skip
    assert turn == ParsedTurn("Frame 3.\nNothing.", call=FrameWindow(idx_start=5, idx_end=9))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", FormatErrorKind.NO_ACTION),
        ("goal", FormatErrorKind.NO_ACTION),
        ("<think>It is red.</think>", FormatErrorKind.NO_ACTION),
        ("<think>It is red.</think><answer>goal", FormatErrorKind.NO_ACTION),
        ("<answer>goal</answer>", FormatErrorKind.NO_THINK),
        ("<think>It is red.<answer>goal</answer>", FormatErrorKind.NO_THINK),
        ("<answer>goal</answer><think>Late.</think>", FormatErrorKind.NO_THINK),
        ("<think>a</think><think>b</think><answer>goal</answer>", FormatErrorKind.NO_THINK),
        ("<think>a</think><answer>goal</answer><answer>foul</answer>", FormatErrorKind.TWO_ACTIONS),
        (call({"idx_start": 1, "idx_end": 2}) + "<answer>goal</answer>", FormatErrorKind.TWO_ACTIONS),
        ("<think>a</think><answer> \n </answer>", FormatErrorKind.EMPTY_ANSWER),
        ("<think>a</think><tool_call>frames 3 to 9</tool_call>", FormatErrorKind.BAD_CALL),
        ("<think>a</think><tool_call>[1, 2]</tool_call>", FormatErrorKind.BAD_CALL),
        ("<think>a</think><tool_call>" + "[" * 100_000 + "</tool_call>", FormatErrorKind.BAD_CALL),
        ("<think>a</think><tool_call>" + "9" * 10_000 + "</tool_call>", FormatErrorKind.BAD_CALL),
        (call({"idx_start": 1, "idx_end": 2}, name="zoom"), FormatErrorKind.BAD_CALL),
        (call({"idx_start": True, "idx_end": 2}), FormatErrorKind.BAD_CALL),
        (call({"idx_start": 1.0, "idx_end": 2}), FormatErrorKind.BAD_CALL),
        (call({"idx_start": "1", "idx_end": 2}), FormatErrorKind.BAD_CALL),
        (call({"idx_start": 1}), FormatErrorKind.BAD_CALL),
        (call({"idx_start": 1, "idx_end": 2, "num_frames": 8}), FormatErrorKind.BAD_CALL),
        (call(None), FormatErrorKind.BAD_CALL),
        (call({"idx_start": 9, "idx_end": 2}), FormatErrorKind.BAD_WINDOW),
        (call({"idx_start": -1, "idx_end": 2}), FormatErrorKind.BAD_WINDOW),
    ],
)
def test_a_broken_turn_says_how_it_broke(text: str, kind: FormatErrorKind) -> None:
    turn = parse_turn(text)
    assert (turn.error, turn.call, turn.answer) == (kind, None, None)


@pytest.mark.parametrize("bad", ["</think>", "<answer>", "a <tool_call> b"])
def test_a_tag_cannot_be_smuggled_into_a_thought(bad: str) -> None:
    with pytest.raises(ValueError, match="tag"):
        render_answer(bad, "goal")
    with pytest.raises(ValueError, match="tag"):
        render_call(bad, FrameWindow(idx_start=0, idx_end=1))


def test_the_prompt_lists_the_options_of_a_choice_only() -> None:
    question = Question(
        question_id="q", clip_id="c", broadcast_id="b", sport=Sport.SOCCER, task=Task.EVENT_RECOGNITION,
        dimension=Dimension.RECOGNITION, text="What happens?", answer_kind=AnswerKind.CHOICE, options=("goal", "foul"),
        answers=("foul",), evidence=FrameWindow(idx_start=1, idx_end=2), event_ids=(), template_id="t",
    )  # fmt: skip
    assert question_prompt(question, 150) == "What happens?\nOptions: A. goal  B. foul"
    count = question.model_copy(update={"answer_kind": AnswerKind.NUMBER})
    assert question_prompt(count, 150, "Of {num_frames} frames.") == "Of 150 frames.\nWhat happens?"


def test_the_full_instructions_show_a_call_that_parses() -> None:
    example = next(line for line in full_instructions().splitlines() if line.startswith("<tool_call>"))
    assert parse_turn("<think>Look.</think>" + example).call == FrameWindow(idx_start=40, idx_end=60)
    assert "{num_frames}" in full_instructions()


def test_lookups_read_back_where_they_are_offered_and_are_bad_calls_elsewhere() -> None:
    for lookup in (Lookup("who serves next?"), Lookup(window=FrameWindow(idx_start=3, idx_end=9))):
        text = render_lookup("Hm.", lookup)
        assert parse_turn(text, tuple(Tool)) == ParsedTurn("Hm.", lookup=lookup)
        assert parse_turn(text) == ParsedTurn("Hm.", error=FormatErrorKind.BAD_CALL)
    with pytest.raises(ValueError, match="tag"):
        render_lookup("Hm.", Lookup("</think>"))


@pytest.mark.parametrize("arguments", ['{"query": " "}', '{"query": 3}', "{}", '{"query": "a", "limit": 9}', '{"idx_start": 1}'])
def test_a_query_that_is_none_is_a_bad_call(arguments: str) -> None:
    text = f'<think>a</think><tool_call>{{"name": "rule_tool", "arguments": {arguments}}}</tool_call>'
    assert parse_turn(text, tuple(Tool)).error is FormatErrorKind.BAD_CALL
    late = '<think>a</think><tool_call>{"name": "transcript_tool", "arguments": {"idx_start": 9, "idx_end": 2}}</tool_call>'
    assert parse_turn(late, tuple(Tool)).error is FormatErrorKind.BAD_WINDOW


def test_instructions_name_a_tool_only_where_it_is_offered() -> None:
    assert "rule_tool" not in full_instructions() and "transcript_tool" not in full_instructions()
    told = full_instructions(tuple(Tool))
    assert told.startswith(full_instructions())
    calls = [parse_turn("<think>a</think>" + line, tuple(Tool)) for line in told.splitlines() if line.startswith("<tool_call>")]
    assert [call.error for call in calls] == [None] * 3
    assert calls[1].lookup == Lookup("who restarts play after an offside")
    assert calls[2].lookup == Lookup(window=FrameWindow(idx_start=40, idx_end=60))
