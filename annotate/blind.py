"""How much of a question set can be answered without a frame: a question-only predictor, cross-validated by broadcast.

Public sports QA is largely solvable blind (a count table answers 64.8 % of SPORTU-video's multiple choice, chance 29.9 %), so the
set is audited before anything is trained on it. The predictor is naive Bayes over counts: each candidate answer is scored by its
words, its place among the options, its rivals, and what the question's text says beside its template. Broadcasts never straddle
folds: clips of one event in both would leak (82.0 % instead of 64.8 %).
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from deepsport.ids import make_id
from deepsport.records import Drop, Kept, Question
from deepsport.taxonomy import AnswerKind, DropReason, Sport, Task

_WINDOW_IN_TEXT = re.compile(r"\b(?:in|between) frames (\d+)(?:-| and )(\d+)\b", re.IGNORECASE)
_BIN_FRAMES = 20
"""Stretches are compared by place and length in bins this wide."""


class BlindConfig(BaseModel):
    """How the audit is done, and what it lets pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_folds: int = Field(default=5, ge=2)
    """Parts that broadcasts are dealt into; each is predicted from all the others."""
    margin: float = Field(default=0.05, ge=0)
    """Blind accuracy may lie this far above chance, and as much again as chance itself explains (3 standard errors)."""
    max_rounds: int = Field(default=3, ge=1)
    """How often the gate may drop questions and measure again."""


DEFAULTS = BlindConfig()


class BlindCell(BaseModel):
    """Blind accuracy on the questions of one task of one sport; on all of them when both are None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sport: Sport | None
    task: Task | None
    num_questions: int
    accuracy: float | None
    """Share of questions answered without a frame, in [0, 1]; None when nothing could be measured."""
    chance: float
    """What guessing at random among the candidates would give."""
    limit: float
    """Above this the cell is leaky: chance, the margin, and three standard errors of chance."""

    @property
    def leaky(self) -> bool:
        """Whether more is answered blind than chance and margin allow."""
        return self.accuracy is not None and self.accuracy > self.limit


class BlindReport(BaseModel):
    """The audit of a question set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_folds: int
    """Folds really used: no more than there are broadcasts; 0 when there is only one, and then nothing can be measured."""
    overall: BlindCell
    cells: tuple[BlindCell, ...]
    """One for each task of each sport, in the order of their names."""

    @property
    def leaky_cells(self) -> tuple[BlindCell, ...]:
        """The cells that can be answered without looking."""
        return tuple(cell for cell in self.cells if cell.leaky)


class _Candidate(NamedTuple):
    answer: str
    place: int
    """Position among the options, in the text, or among the answers that the cell knows."""
    features: tuple[str, ...]


class _Guess(NamedTuple):
    right: bool
    lead: float
    """Log-odds by which the guess leads the runner-up: how sure the predictor is."""


def blind_check(questions: Sequence[Question], config: BlindConfig = DEFAULTS, seed: int = 0) -> BlindReport:
    """Cross-validated accuracy of the question-only predictor, overall and for each task of each sport."""
    num_folds, guesses = _cross_validate(questions, config, seed)
    return _report(questions, guesses, num_folds, config)


def drop_blind_solvable(questions: Sequence[Question], config: BlindConfig = DEFAULTS, seed: int = 0) -> Kept[Question]:
    """The gate: in cells that leak, the questions that are answered blind with most certainty leave until chance is left.

    Dropped as BLIND_SOLVABLE. Sets that do not leak pass untouched.
    """
    kept = list(questions)
    drops: list[Drop] = []
    for _ in range(config.max_rounds):
        num_folds, guesses = _cross_validate(kept, config, seed)
        leaky = _report(kept, guesses, num_folds, config).leaky_cells
        if not leaky:
            break
        leaving: dict[str, BlindCell] = {}
        for cell in leaky:
            mine = [q for q in kept if (q.sport, q.task) == (cell.sport, cell.task)]
            right = sorted((q for q in mine if guesses[q.question_id].right),
                           key=lambda q: (-guesses[q.question_id].lead, q.question_id))
            # After d right ones are gone, (right - d) / (all - d) is chance.
            excess = math.ceil((len(right) - cell.chance * len(mine)) / (1 - cell.chance)) if cell.chance < 1 else len(mine)
            leaving.update((q.question_id, cell) for q in right[:excess])
        drops += [Drop(drop_id=make_id("drop", "blind", question_id), step="blind", item=question_id,
                       reason=DropReason.BLIND_SOLVABLE,
                       detail=f"{cell.sport} {cell.task}: {cell.accuracy or 0:.3f} blind, chance {cell.chance:.3f}")
                  for question_id, cell in leaving.items()]
        kept = [q for q in kept if q.question_id not in leaving]
    return Kept(kept, drops)


def _cross_validate(questions: Sequence[Question], config: BlindConfig, seed: int) -> tuple[int, dict[str, _Guess]]:
    groups = sorted({q.broadcast_id for q in questions})
    random.Random(f"{seed}/folds").shuffle(groups)
    num_folds = min(config.num_folds, len(groups))
    if num_folds < 2:
        return 0, {}
    fold_of = {group: i % num_folds for i, group in enumerate(groups)}
    candidates = _Candidates(questions)
    everything = _CountTable(questions, candidates)
    guesses: dict[str, _Guess] = {}
    for fold in range(num_folds):
        mine = [question for question in questions if fold_of[question.broadcast_id] == fold]
        own = _CountTable(mine, candidates)
        guesses.update((q.question_id, _guess(q, candidates.of[q.question_id], everything, own)) for q in mine)
    return num_folds, guesses


def _report(questions: Sequence[Question], guesses: dict[str, _Guess], num_folds: int, config: BlindConfig) -> BlindReport:
    by_cell: dict[tuple[Sport, Task], list[Question]] = {}
    for question in questions:
        by_cell.setdefault((question.sport, question.task), []).append(question)
    cells = []
    expected = 0.0
    for (sport, task), mine in sorted(by_cell.items()):
        chance = _chance(mine)
        expected += chance * len(mine)
        cells.append(_cell(sport, task, mine, guesses, chance, config))
    overall = _cell(None, None, questions, guesses, expected / max(1, len(questions)), config)
    return BlindReport(num_folds=num_folds, overall=overall, cells=tuple(cells))


def _cell(sport: Sport | None, task: Task | None, questions: Sequence[Question], guesses: dict[str, _Guess], chance: float,
          config: BlindConfig) -> BlindCell:
    num = len(questions)
    accuracy = sum(guesses[q.question_id].right for q in questions) / num if guesses and num else None
    limit = chance + config.margin + 3 * math.sqrt(chance * (1 - chance) / max(1, num))
    return BlindCell(sport=sport, task=task, num_questions=num, accuracy=accuracy, chance=chance, limit=limit)


def _chance(questions: Sequence[Question]) -> float:
    """Accuracy of guessing at random: among what a question shows, or else among all answers that the cell knows."""
    known = len({q.answers[0] for q in questions})
    return sum(1 / (len(_shown(q)) or known) for q in questions) / len(questions)


def _shown(question: Question) -> tuple[str, ...]:
    """The candidate answers that the question itself puts forward."""
    if question.answer_kind is AnswerKind.CHOICE:
        return question.options
    if question.answer_kind is AnswerKind.WINDOW:
        return tuple(f"{first}-{last}" for first, last in _WINDOW_IN_TEXT.findall(question.text))
    return ()


class _Candidates:
    """Every question's candidate answers with their features, made once; no key is looked at here."""

    def __init__(self, questions: Sequence[Question]) -> None:
        cells: dict[tuple[Sport, Task], list[Question]] = {}
        for question in questions:
            cells.setdefault((question.sport, question.task), []).append(question)
        self.of: dict[str, list[_Candidate]] = {}
        for mine in cells.values():
            known = tuple(sorted({answer for q in mine for answer in q.answers}))
            contexts = [_context(q) for q in mine]
            seen = Counter(word for context in contexts for word in context)
            for question, context in zip(mine, contexts, strict=True):
                # A word of the template says nothing, and would only repeat the prior's noise.
                telling = [word for word in context if seen[word] < 0.95 * len(mine)]
                shown = _shown(question)
                self.of[question.question_id] = [
                    _Candidate(answer, place, tuple(_features(question, answer, place, shown, telling)))
                    for place, answer in enumerate(shown or known)
                ]


class _CountTable:
    """Counts of features among right and wrong candidates."""

    def __init__(self, questions: Iterable[Question], candidates: _Candidates) -> None:
        self.right: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        for question in questions:
            for candidate in candidates.of[question.question_id]:
                table = self.right if candidate.answer in question.answers else self.wrong
                table.update((str(question.task), *candidate.features))


def _guess(question: Question, candidates: Sequence[_Candidate], everything: _CountTable, own: _CountTable) -> _Guess:
    """What the table answers that counted everything but its own fold. Ties go to the first candidate."""
    def odds(feature: str, share: float) -> float:
        # One pseudo-count, split as the prior is: an unseen feature says nothing.
        right = everything.right[feature] - own.right[feature] + share
        return math.log(right / (everything.wrong[feature] - own.wrong[feature] + 1 - share))

    task = str(question.task)
    prior = odds(task, 0.5)
    share = 1 / (1 + math.exp(-prior))
    scored = sorted(((sum(odds(f, share) - prior for f in c.features), -c.place, c.answer) for c in candidates), reverse=True)
    if not scored:
        return _Guess(False, 0.0)
    lead = scored[0][0] - scored[1][0] if len(scored) > 1 else math.inf
    return _Guess(scored[0][2] in question.answers, lead)


def _context(question: Question) -> list[str]:
    """What the text says: its words, and where and how long its stretches are."""
    words = sorted(set(re.findall(r"[^\W\d_]+", question.text.casefold())))
    stretches = [f"{int(a) // _BIN_FRAMES}+{(int(b) - int(a)) // _BIN_FRAMES}" for a, b in _WINDOW_IN_TEXT.findall(question.text)]
    return [*words, *stretches]


def _features(question: Question, answer: str, place: int, shown: Sequence[str], words: Sequence[str]) -> Iterable[str]:
    """What can be counted of a candidate; each is counted for all sports together and for its own sport."""
    found: list[str] = []
    starts = [int(first) for first, _ in _WINDOW_IN_TEXT.findall(question.text)]
    if question.task is Task.LOCALISATION and place < len(starts):
        start = starts[place]
        found += [f"place|{place}", f"rank|{sorted(starts).index(start)}", f"bin|{start // _BIN_FRAMES}",
                  f"bins|{start // _BIN_FRAMES}|{sorted(s // _BIN_FRAMES for s in starts)}"]
    else:
        folded = answer.casefold()
        found.append(f"answer|{folded}")
        if shown:
            found.append(f"place|{place}|{len(shown)}")
            found += [f"token|{token}" for token in set(re.findall(r"\w+", folded)) if token != folded]
            found += [f"rival|{folded}|{rival.casefold()}" for rival in shown if rival.casefold() != folded]
        found += [f"word|{folded}|{word}" for word in words]
    for feature in sorted(found):
        yield f"{question.task}|{feature}"
        yield f"{question.task}|{question.sport}|{feature}"
