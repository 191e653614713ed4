"""Ingest held against the truth of simulated broadcasts: cuts and gradual transitions within two frames, and spoken words."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from deepsport.errors import UserError
from deepsport.records import Broadcast, Shot, Utterance
from deepsport.timebase import FrameRate, FrameWindow, Span
from export.figures import TruthFigures
from flows.workspace import Workspace
from ingest.simulator.truth import Truth, read_truth
from ingest.speech import spoken_words

CUT_TOLERANCE_FRAMES = 2


def truth_figures(workspace: Workspace, ingest_units: Sequence[str], *, transcribed: bool = True) -> TruthFigures | None:
    """The figures over all broadcasts of these units whose truth lies beside their source; None when there is none.

    Words count only where the broadcasts were transcribed.
    """
    catalog = workspace.catalog
    num_broadcasts = num_true = num_found = num_matched = num_words = num_errors = 0
    for unit in ingest_units:
        for broadcast in catalog.read(Broadcast, [unit]):
            truth = _truth_of(broadcast)
            if truth is None:
                continue
            num_broadcasts += 1
            true_cuts = _transitions(truth, broadcast.proxy_rate)
            found_cuts = _cuts(catalog.read(Shot, [unit]), broadcast.proxy_rate)
            num_true, num_found = num_true + len(true_cuts), num_found + len(found_cuts)
            num_matched += matched_cuts(true_cuts, found_cuts)
            spoken = spoken_words(" ".join(utterance.text for utterance in truth.utterances))
            heard = spoken_words(" ".join(utterance.text for utterance in catalog.read(Utterance, [unit])))
            if transcribed and spoken:
                num_words += len(spoken)
                num_errors += word_errors(spoken, heard)
    if not num_broadcasts:
        return None
    precision = num_matched / num_found if num_found else 1.0
    recall = num_matched / num_true if num_true else 1.0
    return TruthFigures(
        num_broadcasts=num_broadcasts,
        num_cuts=num_true,
        shot_precision=precision,
        shot_recall=recall,
        shot_f1=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        num_words=num_words,
        word_error_rate=num_errors / num_words if num_words else None,
    )


def _truth_of(broadcast: Broadcast) -> Truth | None:
    with contextlib.suppress(UserError):
        return read_truth(Path(broadcast.source_uri)) if broadcast.simulated else None
    return None


def _cuts(shots: Sequence[Shot], rate: FrameRate) -> list[int]:
    return sorted({rate.frame_at(shot.span.start_s) for shot in shots} - {0})


def _transitions(truth: Truth, rate: FrameRate) -> list[FrameWindow]:
    spans = [shot.transition_span or Span(start_s=shot.span.start_s, end_s=shot.span.start_s) for shot in truth.shots[1:]]
    windows = [rate.window_of(span, truth.num_frames) for span in spans]
    return [window for window in windows if window is not None]


def matched_cuts(true: Sequence[FrameWindow], found_cuts: Sequence[int], tolerance: int = CUT_TOLERANCE_FRAMES) -> int:
    """How many true transitions can be paired with a found cut in them, or at most tolerance frames beside; both in order.

    A hard cut is a window of one frame, the first of the new shot.

    >>> windows = [FrameWindow(idx_start=a, idx_end=b) for a, b in ((10, 10), (40, 52), (90, 90))]
    >>> matched_cuts(windows, [11, 13, 50, 88])
    3
    """
    matched = true_at = found_at = 0
    while true_at < len(true) and found_at < len(found_cuts):
        window, cut = true[true_at], found_cuts[found_at]
        if cut < window.idx_start - tolerance:
            found_at += 1
        elif cut > window.idx_end + tolerance:
            true_at += 1
        else:
            matched, true_at, found_at = matched + 1, true_at + 1, found_at + 1
    return matched


def word_errors(spoken: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest words to change, leave out or add to turn one into the other (Levenshtein).

    >>> word_errors("a corner for red".split(), "a corner four red team".split())
    2
    """
    row = list(range(len(heard) + 1))
    for number, word in enumerate(spoken, 1):
        diagonal, row[0] = row[0], number
        for at, other in enumerate(heard, 1):
            diagonal, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, diagonal + (word != other))
    return row[-1]
