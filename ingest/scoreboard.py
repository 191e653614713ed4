"""The score bug: where in the picture it is, and when the score in it changes. No digit is read for that, and no layout is known.

A bug is what stays where everything else changes: the same pixels over moments far apart, with the edges of letters in it.
Inside it, each stretch of pixels that ever change is a cell. A cell that changes all the time or at even intervals is a clock; a
change that stays in any other is a change of the score. Only the proxy's keyframes are decoded (several a second), and only the
bug is kept of them. With a reader of digits (ingest/score_digits.py) the lines of the score are read once between each two
changes, which tells who gained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

from deepsport.timebase import Span
from deepsport.video import open_media, video_stream

Gray = npt.NDArray[np.uint8]
"""Pictures as (N, H, W) or (H, W), grey levels 0 to 255."""

NUM_LOOKS = 64
"""Pictures that are compared to find the bug."""
_SAME = 14
"""Grey levels that noise and coding leave between two pictures of the same thing."""
_CHANGED = 40
_MIN_STABLE = 0.8
_EDGE = 60
_AREA = (0.001, 0.08)
_JOIN_PX = 3
_MIN_CHANGED_PX = 4
_MIN_CELL_PX = 3
_MAX_RATE = 0.3
_EVEN_S = 0.5
_BY_CHANCE = 0.02
_HIDDEN = 0.4
_MAX_KEYFRAMES = 40_000
_PAD_PX = 2
"""Around a line that is read."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?|\bAD\b|\bO\b")
_WORDS = {"AD": 41.0, "O": 0.0}
"""Advantage beats forty, and a nought by itself looks like the letter."""


class Box(NamedTuple):
    """A part of the picture, in pixels; right and bottom are outside it."""

    left: int
    top: int
    right: int
    bottom: int


class ScoreChange(NamedTuple):
    """A change of the score."""

    span: Span
    """It lies within."""
    gained: int | None = None
    """Who gained: 0 for the team written above or to the left, 1 for the other; None where no digits tell."""


class Reader(Protocol):
    """Reads what is printed."""

    def __call__(self, line: Gray) -> str:
        """The text of a line, a picture (h, w)."""


def find_score_changes(proxy: Path, read: Reader | None = None) -> list[ScoreChange]:
    """Changes of the score in the bug, in order; none without a bug, or when the film is broken."""
    try:
        box = find_bug(_looks(proxy))
        if box is None:
            return []
        times_s, crops = [], []
        for time_s, picture in keyframes(proxy):
            times_s.append(time_s)
            crops.append(picture[box.top : box.bottom, box.left : box.right].copy())
    except FFmpegError:
        return []
    return score_changes(np.array(times_s), np.stack(crops), read) if len(crops) > 2 else []


def keyframes(path: Path) -> Iterator[tuple[float, Gray]]:
    """Time and grey picture of each keyframe in order, nothing else being decoded."""
    with open_media(path) as container:
        stream = video_stream(container, path)
        stream.codec_context.skip_frame = "NONKEY"
        for number, frame in enumerate(container.decode(stream)):
            if number == _MAX_KEYFRAMES:
                return
            if frame.time is not None:
                yield float(frame.time), np.asarray(frame.to_ndarray(format="gray"), np.uint8)


def _looks(path: Path) -> Gray:
    """Some pictures spread over the film."""
    with open_media(path) as container:
        stream = video_stream(container, path)
        stream.codec_context.skip_frame = "NONKEY"
        length = container.duration or 0  # in microseconds
        pictures = []
        for number in range(NUM_LOOKS):
            container.seek(int(length * (number + 0.5) / NUM_LOOKS))
            frame = next(container.decode(stream), None)
            if frame is not None:
                pictures.append(frame.to_ndarray(format="gray"))
    return np.stack(pictures) if pictures else np.zeros((0, 1, 1), np.uint8)


def find_bug(looks: Gray) -> Box | None:
    """The part of pictures (N, H, W) far apart in time that stays and has letters in it; None when there is none.

    >>> still, rng = np.zeros((8, 60, 100), np.uint8), np.random.default_rng(0)
    >>> still[:] = rng.integers(0, 255, (8, 60, 100))
    >>> still[:, 5:15, 5:35] = np.kron(np.eye(10, 30, dtype=np.uint8) * 200, np.ones((1, 1), np.uint8))
    >>> find_bug(still)
    Box(left=5, top=5, right=35, bottom=15)
    """
    import cv2  # a recipe is read without it

    if len(looks) < 4:
        return None
    moved = np.abs(np.diff(looks.astype(np.int16), axis=0)) > _SAME
    if moved.mean() < 0.2:
        return None  # nothing changes at all: a still, not a broadcast
    stable = (moved.mean(axis=0) < 1 - _MIN_STABLE).astype(np.uint8)
    kernel = np.ones((5, 5), np.uint8)
    # Digits that change are holes; closing fills them, opening takes away what is stable by chance.
    solid = cv2.morphologyEx(cv2.morphologyEx(stable, cv2.MORPH_CLOSE, kernel), cv2.MORPH_OPEN, kernel)
    usual = np.median(looks, axis=0).astype(np.uint8)
    edges = cv2.morphologyEx(usual, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > _EDGE
    best: tuple[int, Box] | None = None
    _, _, parts, _ = cv2.connectedComponentsWithStats(solid, connectivity=4)
    for left, top, width, height, _ in parts[1:]:
        num_edges = int(edges[top : top + height, left : left + width].sum())
        if _AREA[0] <= width * height / solid.size <= _AREA[1] and (best is None or num_edges > best[0]) and num_edges:
            best = num_edges, Box(int(left), int(top), int(left + width), int(top + height))
    return None if best is None else best[1]


def score_changes(times_s: npt.NDArray[np.float64], crops: Gray, read: Reader | None = None) -> list[ScoreChange]:
    """Between which moments the score changes. times_s: (N,) in order; crops: (N, h, w), the bug at each."""
    usual = np.median(crops, axis=0)
    shown = np.flatnonzero((np.abs(crops - usual) > _CHANGED).mean(axis=(1, 2)) < _HIDDEN)
    times_s, crops = times_s[shown], crops[shown]
    if len(crops) < 3:
        return []
    levels = crops.astype(np.int16)
    changed = np.abs(np.diff(levels, axis=0)) > _CHANGED
    # A change stays, and what it changes was there before: a flash does neither.
    other = np.abs(levels[2:] - levels[:-2]) > _CHANGED
    changed &= np.concatenate([other, changed[-1:]]) & np.concatenate([changed[:1], other])
    cells = _cells(changed.any(axis=0))
    moments = [np.flatnonzero((changed & cell).sum(axis=(1, 2)) >= _MIN_CHANGED_PX) for cell in cells]
    clocks = [cell for cell, when in zip(cells, moments, strict=True) if _is_clock(times_s[when + 1], float(np.ptp(times_s)))]
    timing = [any(_beside(cell, clock) for clock in clocks) for cell in cells]
    scores, timers = ([cell for cell, times in zip(cells, timing, strict=True) if times is of] for of in (False, True))
    changes = sorted({int(i) for when, times in zip(moments, timing, strict=True) if not times for i in when})
    spans = [Span(start_s=float(times_s[i]), end_s=float(times_s[i + 1])) for i in changes]
    if read is None or not changes:
        return [ScoreChange(span) for span in spans]
    lines = _lines(usual, scores, timers)
    steady = [(before + 1 + after) // 2 for before, after in pairwise([-1, *changes, len(crops) - 1])]
    told = [[[read(crops[i, b.top : b.bottom, b.left : b.right]) for b in line] for line in lines] for i in steady]
    return [
        ScoreChange(span, who_gained(sides_of(before), sides_of(after)))
        for span, (before, after) in zip(spans, pairwise(told), strict=True) if not _read_the_same(before, after)]  # fmt: skip


def _lines(
    usual: npt.NDArray[np.floating], scores: Sequence[npt.NDArray[np.bool_]], timers: Sequence[npt.NDArray[np.bool_]]
) -> list[list[Box]]:
    """Where the numbers of the score stand, line by line from above, each with what is printed close to it, but for clocks."""
    height, width = usual.shape
    ever = np.any(scores, axis=0)
    timed = np.any([np.zeros_like(ever), *timers], axis=0)
    lines = []
    for top, bottom in _runs(ever.any(axis=1), 1):
        high = bottom - top
        # Digits of a clock that never changed lie beside those that did.
        clock = np.convolve(timed[top:bottom].any(axis=0), np.ones(2 * high + 1))[high : high + width] > 0
        moving = ever[top:bottom].any(axis=0)
        ink = moving | ((np.ptp(usual[top:bottom], axis=0) > _EDGE) & ~clock)
        lines.append([
            Box(max(0, left - _PAD_PX), max(0, top - _PAD_PX), min(width, right + _PAD_PX), min(height, bottom + _PAD_PX))
            for left, right in _runs(ink, max(2, high // 3)) if moving[left:right].any()])  # fmt: skip
    return lines


def _runs(marked: npt.NDArray[np.bool_], gap: int) -> list[tuple[int, int]]:
    """Stretches (end out) of marked places, those less than a gap apart taken together.

    >>> _runs(np.array([1, 1, 0, 1, 0, 0, 0, 1], bool), 2)
    [(0, 4), (7, 8)]
    """
    places = np.flatnonzero(marked)
    parts = np.split(places, np.flatnonzero(np.diff(places) > gap) + 1)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts if len(part)]


Sides = tuple[tuple[float, ...], tuple[float, ...]]
"""The numbers of the two teams, the larger units first."""


def sides_of(texts: Sequence[Sequence[str]]) -> Sides:
    """The numbers in what was read, line by line: a line for each team, or both halves of one; empty when that cannot be told.

    >>> sides_of([["1", "40"], ["O", "AD"]]), sides_of([["2-1"]]), sides_of([["LIVE"]])
    (((1.0, 40.0), (0.0, 41.0)), ((2.0,), (1.0,)), ((), ()))
    """
    lines = [tuple(_WORDS[n] if n in _WORDS else float(n) for text in line for n in _NUMBER.findall(text)) for line in texts]
    if len(lines) == 1:
        half = (len(lines[0]) + 1) // 2
        return lines[0][:half], lines[0][half:]
    return (lines[0], lines[1]) if len(lines) == 2 else ((), ())


def _read_the_same(before: Sequence[Sequence[str]], after: Sequence[Sequence[str]]) -> bool:
    """Whether all of the score was read twice and is the same: what changed was something else."""
    all_read = all(text.strip() for line in (*before, *after) for text in line)
    return all_read and sides_of(before) == sides_of(after) != ((), ())


def who_gained(before: Sides, after: Sides) -> int | None:
    """Which team alone rose, the larger units first, or whose opponent alone fell: in tennis from advantage to deuce.

    >>> who_gained(((0, 40), (0, 15)), ((1, 0), (0, 0))), who_gained(((0, 41), (0, 40)), ((0, 40), (0, 40)))
    (0, 1)
    """
    if [len(side) for side in before] != [len(side) for side in after]:
        return None
    rose = [side for side in (0, 1) if after[side] > before[side]]
    fell = [side for side in (0, 1) if after[side] < before[side]]
    if len(rose) == 1:
        return rose[0]
    return 1 - fell[0] if not rose and len(fell) == 1 else None


def _cells(ever: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.bool_]]:
    """The stretches of pixels that ever change, near ones taken together: as large as a digit, and not at the rim, where the
    picture shows through.
    """
    import cv2

    joined = cv2.dilate(ever.astype(np.uint8), np.ones((3, 2 * _JOIN_PX + 1), np.uint8))
    num_parts, part_of = cv2.connectedComponents(joined, connectivity=8)
    cells = [(part_of == part) & ever for part in range(1, num_parts)]
    return [cell for cell in cells if _is_inside(cell)]


def _is_inside(cell: npt.NDArray[np.bool_]) -> bool:
    inside = cell.sum() == cell[1:-1, 1:-1].sum()
    return bool(inside and min(np.ptp(places) for places in np.nonzero(cell)) >= _MIN_CELL_PX - 1)


def _beside(cell: npt.NDArray[np.bool_], clock: npt.NDArray[np.bool_]) -> bool:
    """Whether a cell is a clock, or the part of one before or after a colon: on its line, less than a letter's height away."""
    (tops, lefts), (clock_tops, clock_lefts) = np.nonzero(cell), np.nonzero(clock)
    height = np.ptp(clock_tops) + 1
    on_its_line = min(tops.max(), clock_tops.max()) - max(tops.min(), clock_tops.min()) >= height / 2
    apart = max(lefts.min(), clock_lefts.min()) - min(lefts.max(), clock_lefts.max())
    return bool(on_its_line and apart < height)


def _is_clock(moments_s: npt.NDArray[np.float64], duration_s: float) -> bool:
    """Whether a cell changes all the time, or always after whole numbers of one period, and that by no chance."""
    if len(moments_s) > _MAX_RATE * duration_s:
        return True
    gaps_s = np.diff(moments_s)
    if len(gaps_s) < 2:
        return False
    period_s = float(np.quantile(gaps_s, 0.1))
    off_s = np.abs(gaps_s - period_s * np.rint(gaps_s / period_s))
    # A gap ends within half a second of a multiple by chance once in period_s times; the first has given the period.
    return period_s > 2 * _EVEN_S and bool(np.mean(off_s <= _EVEN_S) >= 0.9) and period_s ** (1 - len(gaps_s)) < _BY_CHANCE
