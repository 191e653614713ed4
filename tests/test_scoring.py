import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsport.agent.scoring import answer_tiou, normalise, read_number, score_answer
from deepsport.records import Question
from deepsport.taxonomy import AnswerKind, Dimension, Sport, Task
from deepsport.timebase import FrameWindow


def ask(kind: AnswerKind, *answers: str, options: tuple[str, ...] = ()) -> Question:
    return Question(
        question_id="q", clip_id="c", broadcast_id="b", sport=Sport.SOCCER, task=Task.EVENT_RECOGNITION,
        dimension=Dimension.RECOGNITION, text="?", answer_kind=kind, options=options, answers=answers,
        evidence=FrameWindow(idx_start=0, idx_end=1), event_ids=(), template_id="t",
    )  # fmt: skip


KICKS = ("free kick", "corner kick", "kick", "goal kick")


@pytest.mark.parametrize(
    "answer", ["corner kick", "Corner_Kick!", "B", "b.", "(B)", "B. corner kick", "B) Corner Kick", "Option B", "  corner\nkick "]
)
def test_an_option_may_be_named_by_text_letter_or_both(answer: str) -> None:
    assert score_answer(ask(AnswerKind.CHOICE, "corner kick", options=KICKS), answer) == 1


@pytest.mark.parametrize(
    "answer",
    ["kick", "C", "A. corner kick", "B. free kick", "a corner kick or a free kick", "corner", "E", "", " ", "corner kick, kick"],
)  # fmt: skip
def test_anything_but_the_exact_option_is_wrong(answer: str) -> None:
    assert score_answer(ask(AnswerKind.CHOICE, "corner kick", options=KICKS), answer) == 0


def test_options_that_differ_in_punctuation_alone_stay_apart() -> None:
    question = ask(AnswerKind.CHOICE, "-1", options=("+1", "-1"))
    assert [score_answer(question, answer) for answer in ("-1", "+1", "1", "B")] == [1, 0, 0, 1]


def test_a_gold_answer_may_be_a_letter_and_several_are_allowed() -> None:
    question = ask(AnswerKind.CHOICE, "A", "goal kick", options=KICKS)
    assert [score_answer(question, answer) for answer in ("free kick", "D", "kick")] == [1, 1, 0]


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=2, max_size=6, unique=True), st.data())
def test_no_option_ever_scores_for_another(options: list[str], data: st.DataObject) -> None:
    gold, other = data.draw(st.permutations(range(len(options))))[:2]
    question = ask(AnswerKind.CHOICE, options[gold], options=tuple(options))
    assert score_answer(question, options[gold]) == 1
    if " ".join(options[gold].casefold().split()) != " ".join(options[other].casefold().split()):
        assert score_answer(question, options[other]) == 0


@pytest.mark.parametrize(
    ("answer", "right"),
    [("3", 1), ("three", 1), ("3 players", 1), ("Three players.", 1), ("3.0", 1), ("three (3)", 1),
     ("2 or 3", 0), ("13", 0), ("30", 0), ("-3", 0), ("3.5", 0), ("many", 0), ("thirty-three", 0), (None, 0)],
)  # fmt: skip
def test_a_number_is_right_when_it_is_the_one_number_named(answer: str | None, right: int) -> None:
    assert score_answer(ask(AnswerKind.NUMBER, "3"), answer) == right


@given(st.integers(0, 99))
def test_number_words_read_like_digits(number: int) -> None:
    teens = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
    units = f"zero one two three four five six seven eight nine {teens}".split()
    tens = ["", "", *"twenty thirty forty fifty sixty seventy eighty ninety".split()]  # noqa: SIM905
    word = units[number] if number < 20 else tens[number // 10] + (f"-{units[number % 10]}" if number % 10 else "")
    assert read_number(word) == read_number(str(number)) == number


def test_a_window_counts_from_half_overlap_on() -> None:
    question = ask(AnswerKind.WINDOW, "40-49")
    # 10 gold frames; 5 shared of 10 in all is exactly one half.
    assert [score_answer(question, answer) for answer in ("40-49", "40-44", "frames 40 to 49")] == [1, 1, 1]
    assert [score_answer(question, answer) for answer in ("40-43", "49-40", "40", "40-49-60")] == [0, 0, 0, 0]
    assert answer_tiou(question, "45-54") == pytest.approx(5 / 15)
    assert answer_tiou(question, "9" * 5000 + "-" + "9" * 5001) == 0


def test_a_line_earns_the_share_of_facts_it_says_as_whole_words() -> None:
    question = ask(AnswerKind.TEXT, "red;corner kick;left;2")
    assert score_answer(question, "Corner kick for the RED team on the left, two players.") == 1
    assert score_answer(question, "Corner kick for the reds.") == 0.25
    assert score_answer(question, "What a game!") == 0


def test_a_line_that_lists_everything_earns_nothing() -> None:
    question = ask(AnswerKind.TEXT, "red;goal", options=("red", "blue", "goal", "foul"))
    assert score_answer(question, "Goal for red!") == 1
    assert score_answer(question, "Goal or foul for red or blue.") == 0
    assert score_answer(ask(AnswerKind.TEXT, "red;goal"), "red goal " + "and more " * 20) == 0


@given(st.text())
def test_no_answer_raises_or_leaves_the_range(answer: str) -> None:
    for kind in AnswerKind:
        assert 0 <= score_answer(ask(kind, "3-9", "red;2", options=("3-9", "red;2", "blue")), answer) <= 1


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
