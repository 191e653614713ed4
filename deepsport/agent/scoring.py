"""Is the answer right? Deterministic for every kind of answer; several gold answers are allowed and the best counts.

The paper scores with a language model as judge; here every key is provable, so none is needed. CHOICE, NUMBER and WINDOW give
0 or 1, TEXT the share of the key facts. Hedging ("2 or 3", two windows, every colour) earns nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from deepsport.records import Question
from deepsport.taxonomy import AnswerKind
from deepsport.timebase import FrameWindow

MIN_TIOU = 0.5
"""A window counts as right from this temporal IoU on."""
MAX_TEXT_WORDS = 30
"""A longer line is no line of commentary: it would buy facts by listing everything."""

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBER_WORDS = {word: i for i, word in enumerate(_UNITS.split())} | {word: 20 + 10 * i for i, word in enumerate(_TENS.split())}
_LETTERED = re.compile(r"\(?\s*(?:option\s+)?([A-Za-z])\s*(?:[.):]\s*(.*))?$", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])[-+−]?\d+(?:,\d{3})*(?:\.\d+)?(?![\d])")
_WINDOW = re.compile(r"\D*?(\d+)\D+?(\d+)\D*")


def score_answer(question: Question, answer: str | None) -> float:
    """How right the answer is, in [0, 1]; None (no answer) is 0."""
    if answer is None or not answer.strip():
        return 0.0
    match question.answer_kind:
        case AnswerKind.CHOICE:
            chosen = _chosen(question.options, answer)
            return float(chosen is not None and any(chosen == _chosen(question.options, gold) for gold in question.answers))
        case AnswerKind.NUMBER:
            number = read_number(answer)
            return float(number is not None and any(number == read_number(gold) for gold in question.answers))
        case AnswerKind.WINDOW:
            return float(answer_tiou(question, answer) >= MIN_TIOU)
        case AnswerKind.TEXT:
            return max((_share_of_facts(gold, question.options, answer) for gold in question.answers), default=0.0)


def answer_tiou(question: Question, answer: str) -> float:
    """Temporal IoU of an answered window with the nearest gold one, in [0, 1]; 0 when the answer is no window."""
    window = read_window_answer(answer)
    golds = [read_window_answer(gold) for gold in question.answers]
    return max((window.tiou(gold) for gold in golds if gold is not None), default=0.0) if window is not None else 0.0


def normalise(text: str) -> str:
    """Lower case, without punctuation, number words as digits, single spaces.

    >>> normalise(" Corner_kick, by TWO players! ")
    'corner kick by 2 players'
    """
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(str(_NUMBER_WORDS.get(word, word)) for word in words)


def read_number(text: str) -> float | None:
    """The one number a text names, in digits or in words up to ninety-nine; None when it names none or several.

    >>> read_number("three (3) players"), read_number("twenty-one"), read_number("2 or 3"), read_number("1,200.5")
    (3.0, 21.0, None, 1200.5)
    """
    found = {float(digits.replace(",", "").replace("−", "-")) for digits in _NUMBER.findall(text)}
    pending: int | None = None
    for word in [*re.findall(r"[a-z]+|[^a-z\s-]+", text.casefold()), ""]:
        value = _NUMBER_WORDS.get(word)
        if pending is not None and pending >= 20 and pending % 10 == 0 and value is not None and 1 <= value <= 9:
            pending += value
            continue
        if pending is not None:
            found.add(float(pending))
        pending = value
    return found.pop() if len(found) == 1 else None


def read_window_answer(text: str) -> FrameWindow | None:
    """The window a text names with exactly two whole numbers in order; None otherwise.

    >>> read_window_answer("frames 48 to 76"), read_window_answer("1.5-2.5 s")
    (FrameWindow(idx_start=48, idx_end=76), None)
    """
    match = _WINDOW.fullmatch(text)
    if match is None:
        return None
    if max(len(match.group(1)), len(match.group(2))) > 9:  # no clip has a billion frames; int() of thousands of digits raises
        return None
    start, end = int(match.group(1)), int(match.group(2))
    return FrameWindow(idx_start=start, idx_end=end) if start <= end else None


def _chosen(options: Sequence[str], answer: str) -> int | None:
    """Index of the option that the answer names: by text, by letter, or by both where they agree."""
    # "+1" and "-1", "15-0" and "15.0" differ in punctuation alone: then it counts.
    plain = normalise if len({normalise(o) for o in options}) == len(options) else _folded
    by_text = {plain(option): i for i, option in enumerate(options)}
    if plain(answer) in by_text:
        return by_text[plain(answer)]
    match = _LETTERED.fullmatch(answer.strip())
    if match is None:
        return None
    index = ord(match.group(1).upper()) - ord("A")
    if index >= len(options):
        return None
    rest = (match.group(2) or "").strip()
    return index if not rest or plain(rest) == plain(options[index]) else None


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _share_of_facts(gold: str, rivals: Sequence[str], answer: str) -> float:
    """Share of the facts (separated by ``;``) that the answer says as whole words, whatever stands between them.

    Contradictions are seen only where the question lists rival facts as its options: naming a rival that is no key fact gives 0.
    """
    said = f" {normalise(answer)} "
    facts = {normalise(fact) for fact in gold.split(";")} - {""}
    if not facts or len(said.split()) > MAX_TEXT_WORDS:
        return 0.0
    wrong = {normalise(rival) for rival in rivals} - facts - {""}
    if any(f" {rival} " in said for rival in wrong):
        return 0.0
    return sum(f" {fact} " in said for fact in facts) / len(facts)
