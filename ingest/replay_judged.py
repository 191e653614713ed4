"""Replay of judged sports: FineDiving's scores through the ledger of diving, skating's protocols through the arithmetic.

FineDiving (in E2E-Spot's JSON) gives a dive's number, difficulty and score, not the judges' marks. A score is replayed when
some panel can have given it: the marks that count are got back from it, the dive is done again in the ledger with such a panel,
and the ledger's score must be the file's. The other scores contradict their own difficulty, and are refused with what would
fit.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeGuard

from deepsport.errors import ImpossibleEvent, UserError
from deepsport.records import Event
from deepsport.sports.diving import DivingLedger, group_of
from deepsport.sports.judged import counted_sum_of, segment_score, trimmed_mean
from deepsport.taxonomy import Sport
from deepsport.timebase import Span
from ingest.replay_report import FeedReplay, Refused, WrongScore

_SEATS = tuple(f"J{seat}" for seat in range(1, 10))
_MOST_DIFFICULT = 4.9
"""No dive on the list is harder."""
_PANELS_INFERRED = "panels of judges, by score and difficulty: the file gives no marks"


def is_finediving(document: object) -> bool:
    """Whether the JSON holds dives with number, difficulty and score."""
    return (isinstance(document, list) and bool(document) and isinstance(document[0], dict)
            and {"dive_score", "difficulty", "action_type"} <= set(document[0].get("_source_info") or ()))


def panel_of(counted: float, *, synchro: bool = False) -> tuple[float, ...]:
    """Marks of a panel whose counting marks have that sum, as even as halves allow: 7 judges, or 11 for a synchronised dive.

    >>> panel_of(22.0), sum(panel_of(22.0)[2:5])
    ((0.0, 0.0, 7.0, 7.5, 7.5, 10.0, 10.0), 22.0)
    """
    share = 5 if synchro else 3
    low = math.floor(2 * counted / share) / 2
    num_higher = round(2 * counted - 2 * low * share)
    kept = [low] * (share - num_higher) + [low + 0.5] * num_higher
    if not synchro:
        return (0.0, 0.0, *kept, 10.0, 10.0)
    return (0.0, kept[0], 10.0, 0.0, kept[1], 10.0, 0.0, *kept[2:], 10.0)


def replay_finediving(path: Path, document: list[Any]) -> FeedReplay:
    """Dive every dive again, each in an event of its own."""
    refused: list[Refused] = []
    wrong: list[WrongScore] = []
    num_scores = 0
    for index, item in enumerate(document):
        facts = item.get("_source_info") if isinstance(item, dict) else None
        where = str(item.get("video"))[:80] if isinstance(item, dict) and item.get("video") else f"[{index}]"
        try:
            score, dived = _dive(where, facts)
        except (ImpossibleEvent, UserError) as error:
            number = str(facts.get("action_type"))[:20] if isinstance(facts, dict) else ""
            refused.append(Refused(where=where, clock="", kind=number or "dive", team=None,
                                   why=str(error).removeprefix(f"{where}: ")))
            continue
        num_scores += 1
        if dived != score:
            wrong.append(WrongScore(where=where, feed=f"{score:g}", ledger=f"{dived:g}"))
    return FeedReplay(path=str(path), vendor="finediving", sport=Sport.DIVING, teams=(), num_read=len(document),
                      num_known=len(document), num_replayed=len(document) - len(refused), refused=tuple(refused),
                      inferred={_PANELS_INFERRED: num_scores}, num_scores=num_scores, wrong_scores=tuple(wrong),
                      score_source="dive_score", excerpt="it lists dives without divers, rounds or marks")


def _dive(where: str, facts: object) -> tuple[float, float]:
    """The score by the file and by the ledger.

    Raises: ImpossibleEvent when no panel gives the score, or the number is no dive; UserError when the facts are not there.
    """
    if not isinstance(facts, dict):
        raise UserError(f"{where}: has no facts about the dive")
    number, difficulty, score = (facts.get(name) for name in ("action_type", "difficulty", "dive_score"))
    if not isinstance(number, str) or not _is_number(difficulty) or not _is_number(score):
        raise UserError(f"{where}: number, difficulty or score is missing")
    kind = group_of(number)
    if kind is None:
        raise ImpossibleEvent(f"{where}: {number[:20]!r} is no number of a dive (diving.number)")
    synchro = "Synchro" in where  # a video is named by its event, or by a number for individual ones
    counted = counted_sum_of(score, difficulty, synchro=synchro)
    if counted is None:
        raise ImpossibleEvent(f"{where}: no marks make {score:g} with a difficulty of {difficulty:g}; "
                              f"{_what_would(score, difficulty, synchro=synchro)} (diving.score)")
    ledger = DivingLedger(num_rounds=1)
    state = ledger.start(("diver",))
    span = Span(start_s=0.0, end_s=0.0)
    for event_kind, fields in ((kind, {"outcome": number, "value": difficulty}),
                               ("award", {"marks": panel_of(counted, synchro=synchro)})):
        state = ledger.apply(state, Event(event_id=where, broadcast_id="", sport=Sport.DIVING, kind=event_kind, time_s=0.0,
                                          evidence=span, team="diver", **fields))
    return score, state.totals[0]


def _what_would(score: float, difficulty: float, *, synchro: bool) -> str:
    """Which difficulty, or else score, near those of a contradictory record would make sense of it.

    >>> _what_would(74.25, 3.4, synchro=False)
    'one of 3.3 would'
    >>> _what_would(85.78, 3.5, synchro=False)
    'no difficulty does, and the nearest score with this one is 85.75'
    """
    step = difficulty * (0.3 if synchro else 0.5)  # half a mark
    nearest = f"the nearest score with this one is {round(round(score / step) * step, 2):g}" if step > 0 else "0 makes nothing"
    for tenths in range(1, round(10 * _MOST_DIFFICULT)):
        near = [round(difficulty + way * tenths / 10, 1) for way in (-1, 1)]
        fits = [f"{trial:g}" for trial in near
                if 1 <= trial <= _MOST_DIFFICULT and counted_sum_of(score, trial, synchro=synchro) is not None]
        if fits:
            return f"one of {' and '.join(fits)} would" + (f"; {nearest}" if tenths > 1 else "")
    return f"no difficulty does, and {nearest}"


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def read_skating(path: Path, data: bytes) -> dict[str, Any] | None:
    """A skating protocol as JSON, bare NaN allowed for what was not judged; None for anything else."""
    if b'"performances"' not in data[:4096] and b'"components"' not in data[:4096]:
        return None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and isinstance(document.get("performances"), list) else None


def replay_skating(path: Path, document: dict[str, Any]) -> FeedReplay:
    """Add every program up again: each element, the mean of each component's marks, and the three totals."""
    refused: list[Refused] = []
    wrong: list[WrongScore] = []
    num_scores = 0
    programs = document["performances"]
    for index, program in enumerate(programs):
        where = f"performances[{index}]"
        try:
            sheet = program["metadata"]
            where = f"{str(sheet['program'])[:40]}, {str(sheet['name'])[:40]}"
            compared = _compared(program, sheet)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, UserError) as error:
            refused.append(Refused(where=where, clock="", kind="program", team=None,
                                   why=f"its sheet cannot be read ({type(error).__name__}: {str(error)[:80]})"))
            continue
        num_scores += len(compared)
        wrong += [WrongScore(where=f"{where}: {what}", feed=f"{feed:g}", ledger=f"{own:g}")
                  for what, feed, own in compared if not math.isclose(feed, own, abs_tol=1e-9)]
    return FeedReplay(path=str(path), vendor="figure-skating protocol", sport=Sport.OTHER, teams=(), num_read=len(programs),
                      num_known=len(programs), num_replayed=len(programs) - len(refused), refused=tuple(refused), inferred={},
                      num_scores=num_scores, wrong_scores=tuple(wrong), score_source="scores of the panel and totals")


def _compared(program: dict[str, Any], sheet: dict[str, Any]) -> list[tuple[str, float, float]]:
    """What is compared: its name, the sheet's number, and ours."""
    compared: list[tuple[str, float, float]] = []
    components = []
    for component in program["components"]:
        marks = [mark for seat in _SEATS if _is_number(mark := component[seat])]
        components.append((marks, float(component["factor"])))
        compared.append((str(component["component_desc"]), float(component["scores_of_panel"]), trimmed_mean(marks, 1, places=2)))
    for element in program["elements"]:
        value = round(float(element["base_value"]) + float(element["goe"]), 2)
        compared.append((f"element {element['element_num']}", float(element["scores_of_panel"]), value))
    own = segment_score([float(element["scores_of_panel"]) for element in program["elements"]], components,
                        abs(float(sheet["total_deductions"])))
    for name, value in zip(("element", "component", "segment"), own, strict=True):
        compared.append((f"total {name} score", float(sheet[f"total_{name}_score"]), value))
    return compared
