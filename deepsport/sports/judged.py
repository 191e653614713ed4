"""The arithmetic of judged sports: marks are dropped, averaged, multiplied and ranked. Pure functions on numbers.

Shared by diving and gymnastics, and checked against figure skating's published protocols. Everything is computed in decimal,
because 3.3 × 22.5 as binary floats is not the 74.25 on the scoreboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from deepsport.errors import UserError

DIVING_PANELS = {5: 1, 7: 2}
"""Individual diving: number of judges, and how many marks go at each end; three marks always count."""
SYNCHRO_PANELS = {9: 4, 11: 6}
"""Synchronised diving: number of judges, and how many of them (the first marks) judge execution; five judge synchronisation."""


def _exact(number: float) -> Decimal:
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)


def round_half_up(number: float | Decimal, places: int) -> float:
    """The number to so many decimals, a five going up in magnitude, as result sheets round.

    >>> round_half_up(2.675, 2), round_half_up(-0.125, 2)
    (2.68, -0.13)
    """
    exact = number if isinstance(number, Decimal) else _exact(number)
    return float(exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def keep_marks(marks: Sequence[float], drop: int) -> tuple[float, ...]:
    """The marks that count, lowest first, once the ``drop`` highest and the ``drop`` lowest are cancelled.

    Raises: UserError when nothing would be left.

    >>> keep_marks((7.5, 7, 7.5, 7, 7.5, 8, 6.5), drop=2)
    (7, 7.5, 7.5)
    """
    if drop < 0 or len(marks) <= 2 * drop:
        raise UserError(f"{len(marks)} marks: none is left when {drop} go at each end; give the whole panel's marks")
    return tuple(sorted(marks)[drop:len(marks) - drop])


def trimmed_mean(marks: Sequence[float], drop: int = 1, places: int = 3) -> float:
    """The mean of the marks that count, rounded to ``places`` decimals.

    >>> trimmed_mean((8.5, 8.2, 8.4, 9.0, 7.9))
    8.367
    """
    kept = keep_marks(marks, drop)
    return round_half_up(sum(map(_exact, kept), Decimal(0)) / len(kept), places)


def counted_dive_marks(marks: Sequence[float]) -> tuple[float, ...]:
    """The marks that count for a dive: three of 5 or 7 judges, five of a synchronised panel of 9 or 11.

    A synchronised panel is given with execution first. Of 11, six judge execution, three for each diver in turn, and each
    three lose their highest and lowest; of 9, the four lose theirs together. Synchronisation loses its highest and lowest.

    Raises: UserError for a panel of any other size.
    """
    if len(marks) in DIVING_PANELS:
        return keep_marks(marks, DIVING_PANELS[len(marks)])
    if len(marks) not in SYNCHRO_PANELS:
        raise UserError(f"{len(marks)} marks for a dive; panels have 5 or 7 judges, or 9 or 11 for synchronised diving")
    num_execution = SYNCHRO_PANELS[len(marks)]
    execution, together = marks[:num_execution], keep_marks(marks[num_execution:], 1)
    if num_execution == 6:
        return keep_marks(execution[:3], 1) + keep_marks(execution[3:], 1) + together
    return keep_marks(execution, 1) + together


def dive_score(marks: Sequence[float], difficulty: float) -> float:
    """What a dive is worth: the sum of the marks that count × the degree of difficulty, × 0.6 for a synchronised panel.

    >>> dive_score((7.5, 7, 7.5, 7, 7.5, 8, 6.5), 3.0)
    66.0
    >>> dive_score((8, 8, 7.5, 8, 8.5, 8, 8, 8.5, 9, 8.5, 8), 3.2)
    78.72
    """
    counted = counted_dive_marks(marks)
    factor = Decimal("0.6") if len(marks) in SYNCHRO_PANELS else Decimal(1)
    return round_half_up(sum(map(_exact, counted), Decimal(0)) * _exact(difficulty) * factor, 2)


def counted_sum_of(score: float, difficulty: float, *, synchro: bool = False) -> float | None:
    """The sum of the counting marks that gives a dive's score, or None when no panel can have given it.

    Judges mark in halves, so the sum is one of 0, 0.5, … 30 (50 for the five marks of a synchronised dive).

    >>> counted_sum_of(88.0, 3.2), counted_sum_of(74.25, 3.4), counted_sum_of(66.6, 3.0, synchro=True), counted_sum_of(9.0, 0.0)
    (27.5, None, 37.0, None)
    """
    if difficulty <= 0:
        return None
    factor, most = (Decimal("0.6"), 50) if synchro else (Decimal(1), 30)
    total = _exact(score) / (_exact(difficulty) * factor)
    halves = round(total * 2)
    product = Decimal(halves) / 2 * _exact(difficulty) * factor
    return halves / 2 if 0 <= halves <= 2 * most and round_half_up(product, 2) == round_half_up(score, 2) else None


def execution_drop(num_judges: int) -> int:
    """How many marks of a gymnastics execution panel go at each end: the middle two to four count.

    >>> [execution_drop(n) for n in (2, 4, 5, 6, 7)]
    [0, 1, 1, 1, 2]
    """
    return 0 if num_judges < 4 else 1 if num_judges < 7 else 2


def exercise_score(difficulty: float, execution_marks: Sequence[float], penalty: float = 0.0) -> float:
    """A gymnast's score on an apparatus: D score + the mean of the middle E marks − neutral deductions, never below 0.

    >>> exercise_score(6.4, (8.5, 8.2, 8.4, 9.0, 7.9), penalty=0.1)
    14.667
    """
    execution = trimmed_mean(execution_marks, execution_drop(len(execution_marks)))
    return max(0.0, round_half_up(_exact(difficulty) + _exact(execution) - _exact(penalty), 3))


class Segment(NamedTuple):
    """The sums of a figure-skating program."""

    elements: float
    components: float
    total: float


def segment_score(elements: Sequence[float], components: Sequence[tuple[Sequence[float], float]], deductions: float) -> Segment:
    """A figure-skating program: the element scores, plus each component × its factor, less the deductions (given as ≥ 0).

    components: for each the judges' marks, of which the highest and lowest go, and its factor. Each mean is rounded to two
    decimals, and so is each product (measured on 80 programs of 2017: rounding only the sum misses 29 totals by 0.01).

    >>> segment_score([7.0, 5.4, 4.27], [((9, 9.5, 8.75), 0.8), ((8.5, 8.25, 8.25), 0.8)], deductions=1.0)
    Segment(elements=16.67, components=13.8, total=29.47)
    """
    technical = sum(map(_exact, elements), Decimal(0))
    artistic = Decimal(0)
    for marks, factor in components:
        artistic += _exact(round_half_up(_exact(trimmed_mean(marks, 1, places=2)) * _exact(factor), 2))
    rounded = (round_half_up(technical, 2), round_half_up(artistic, 2))
    return Segment(*rounded, round_half_up(_exact(rounded[0]) + _exact(rounded[1]) - _exact(deductions), 2))


def places(totals: Sequence[float | None]) -> tuple[int | None, ...]:
    """The place of each total, the highest first; equal totals share a place and the next is left out. None has no place.

    >>> places([70.5, 80.0, None, 80.0])
    (3, 1, None, 1)
    """
    known = [total for total in totals if total is not None]
    return tuple(None if total is None else 1 + sum(other > total for other in known) for total in totals)
