"""The score bug: where in the picture it is, and when the score in it changes. No digit is read for that, and no layout is known.

A bug is what stays where everything else changes: the same pixels over moments far apart, with the edges of letters in it.
Inside it,
each stretch of pixels that ever change is a cell. A cell that changes all the time or at even intervals is a clock; a change
that stays
in any other is a change of the score. Only the proxy's keyframes are decoded (several a second), and only the bug is kept of
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

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
_MAX_RATE = 0.3
_EVEN_S = 0.5
_BY_CHANCE = 0.02
_HIDDEN = 0.4
_MAX_KEYFRAMES = 40_000


class Box(NamedTuple):
    """A part of the picture, in pixels; right and bottom are outside it."""

    left: int
    top: int
    right: int
    bottom: int


def find_score_changes(proxy: Path) -> list[Span]:
    """Stretches within each of which the score in the bug changes, in order; none without a bug, or when the film is broken."""
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
    return score_changes(np.array(times_s), np.stack(crops)) if len(crops) > 2 else []


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


def score_changes(times_s: npt.NDArray[np.float64], crops: Gray) -> list[Span]:
    """Between which moments the score changes. times_s: (N,) in order; crops: (N, h, w), the bug at each."""
    usual = np.median(crops, axis=0)
    shown = np.flatnonzero((np.abs(crops - usual) > _CHANGED).mean(axis=(1, 2)) < _HIDDEN)
    times_s, crops = times_s[shown], crops[shown].astype(np.int16)
    if len(crops) < 3:
        return []
    changed = np.abs(np.diff(crops, axis=0)) > _CHANGED
    # A change stays, and what it changes was there before: a flash does neither.
    other = np.abs(crops[2:] - crops[:-2]) > _CHANGED
    changed &= np.concatenate([other, changed[-1:]]) & np.concatenate([changed[:1], other])
    cells = _cells(changed.any(axis=0))
    moments = [np.flatnonzero((changed & cell).sum(axis=(1, 2)) >= _MIN_CHANGED_PX) for cell in cells]
    clocks = [cell for cell, when in zip(cells, moments, strict=True) if _is_clock(times_s[when + 1], float(np.ptp(times_s)))]
    spans: set[tuple[float, float]] = set()
    for cell, when in zip(cells, moments, strict=True):
        if not any(_beside(cell, clock) for clock in clocks):
            spans.update((float(times_s[i]), float(times_s[i + 1])) for i in when)
    return [Span(start_s=start_s, end_s=end_s) for start_s, end_s in sorted(spans)]


def _cells(ever: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.bool_]]:
    """The stretches of pixels that ever change, near ones taken together."""
    import cv2

    joined = cv2.dilate(ever.astype(np.uint8), np.ones((3, 2 * _JOIN_PX + 1), np.uint8))
    num_parts, part_of = cv2.connectedComponents(joined, connectivity=8)
    cells = [(part_of == part) & ever for part in range(1, num_parts)]
    return [cell for cell in cells if cell.sum() >= _MIN_CHANGED_PX]


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
