"""Where the picture changes into another: hard cuts, dissolves, fades and wipes, on frames scaled down to 64x36.

A hard cut is a step far above its neighbours; a dissolve's middle is the mean of its ends, and blurred; a wipe is an edge that
crosses the picture steadily; a fade sinks into one colour. Only where that is so is looked closer, and what only looks like a
change is told from it: a view that moved, a graphic beside which the picture goes on, light that comes and goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from deepsport.taxonomy import Transition
from deepsport.timebase import FrameRate, FrameWindow
from ingest.glances import HEIGHT, WIDTH, Pictures, block_sums
from ingest.shots import Change, ShotConfig

if TYPE_CHECKING:
    from ingest.shot_network import SecondLook

Array = npt.NDArray[np.float32]

_BLOCK = 256
REACH = 44
"""A picture is judged by so many before and after it."""
_INSIDE = (slice(4, 30), slice(7, 51))
"""All but the edges of a picture of which one row and three columns were left out on either side."""
_SHIFTS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in range(-3, 4))
_HALVES = (4, 6, 9, 13, 18)
"""Half lengths of dissolves that are looked for, in frames."""


_LOOK_BACK = 20
"""Pictures before and after a jump among which the same view is looked for: 0.8 s at 25 a second."""
_MIN_CHANGE = 9.0
"""Levels that a gradual change has to change the picture by."""
_CROSSING = 7
"""Pictures over which an edge is followed."""
_ACROSS = 0.65
"""Share of the picture that a wipe's edge passes over, at least; a little is lost at its ends."""
_SWEPT = 0.33
"""Share of the cells that a wipe's edge is seen to pass, at least: 0.49 to 1 on the seeds from 200 on; graphics at most 0.16."""
_EDGES_KEPT, _EDGES_KEPT_SLOWLY = 0.65, 0.55
"""When a greater share of the texture along the edges is still there, at once or while a dissolve takes, a graphic came or went,
and the view went on: 0.85 to 0.96 and 0.60 to 0.70 on the seeds from 200 on, in cuts at most 0.56, in dissolves 0.51."""
_FLAT = 5.0
"""Spread of brightness below which a picture is of one colour."""
_UNSURE = 2.0
"""Doubt beyond all that is found without a second look."""


class Evidence(NamedTuple):
    """A change that the pictures speak for."""

    kind: Transition
    first: int
    last: int
    """Pictures that belong to neither shot; first = last = the first of the new shot for a cut."""
    doubt: float
    """0 where the pictures fit the kind exactly, 1 where they hardly do, 2 more where only a second look spoke for it."""


def steps(pictures_N3HW: Pictures) -> Array:
    """Mean change of each picture against the one before, in levels; 0 for the first."""
    change_N = np.zeros(len(pictures_N3HW), np.float32)
    for i in range(1, len(pictures_N3HW)):
        change_N[i] = cv2.norm(pictures_N3HW[i], pictures_N3HW[i - 1], cv2.NORM_L1)
    return np.asarray(change_N / pictures_N3HW[0].size, np.float32)


def moved_distance(before_3HW: Pictures, after_3HW: Pictures) -> float:
    """Mean difference of two pictures in levels, at the shift of the view that explains most of it."""
    middle = np.ascontiguousarray(before_3HW[:, 1:-1, 3:-3])
    moved = (after_3HW[:, 1 + dy : HEIGHT - 1 + dy, 3 + dx : WIDTH - 3 + dx] for dy, dx in _SHIFTS)
    return min(cv2.norm(middle, np.ascontiguousarray(after), cv2.NORM_L1) for after in moved) / middle.size


def goes_on(before_3HW: Pictures, after_3HW: Pictures, config: ShotConfig, edges_kept: float = _EDGES_KEPT) -> bool:
    """Whether both show one view: most of what has texture is still there, or nearly all of it along the edges."""
    whole, edges = kept_shares(before_3HW, after_3HW)
    return whole > config.kept_view or edges > edges_kept


def kept_shares(before_3HW: Pictures, after_3HW: Pictures) -> tuple[float, float]:
    """Of the cells of one picture that have texture, the share that is still there in the other, wherever the view moved to.

    The first of the whole picture, the second of its edges.
    """
    y = before_3HW[0].astype(np.int16)
    texture = np.zeros(y.shape, np.int16)
    texture[:, 1:] = np.abs(np.diff(y, axis=1))
    texture[1:] = np.maximum(texture[1:], np.abs(np.diff(y, axis=0)))
    textured = (texture > 8)[1:-1, 3:-3]
    count, inside = int(textured.sum()), int(textured[_INSIDE].sum())
    if count < 60:
        return 0.0, 0.0
    middle = y[1:-1, 3:-3]
    after = after_3HW[0].astype(np.int16)
    whole = edges = 0.0
    for dy, dx in _SHIFTS:
        kept = (np.abs(after[1 + dy : HEIGHT - 1 + dy, 3 + dx : WIDTH - 3 + dx] - middle) < 8) & textured
        num_kept = int(kept.sum())
        whole = max(whole, num_kept / count)
        if count - inside >= 30:
            edges = max(edges, (num_kept - int(kept[_INSIDE].sum())) / (count - inside))
    return whole, edges


def view_match(before_N3HW: Pictures, after_N3HW: Pictures) -> float:
    """Best correlation of brightness between a picture before and one after, wherever the view moved to and in whatever light."""
    rows = _outlines(before_N3HW[:, 0, 1:-1, 3:-3])
    moved = (after_N3HW[:, 0, 1 + dy : HEIGHT - 1 + dy, 3 + dx : WIDTH - 3 + dx] for dy, dx in _SHIFTS)
    return max(float((rows @ _outlines(after).T).max()) for after in moved)


def _outlines(light_NHW: Pictures) -> Array:
    rows = light_NHW.reshape(len(light_NHW), -1).astype(np.float32)
    rows = rows - rows.mean(1, keepdims=True)
    return np.asarray(rows / np.maximum(1e-3, np.linalg.norm(rows, axis=1, keepdims=True)))


def find_cuts(pictures_N3HW: Pictures, step_N: Array, config: ShotConfig, within: slice) -> Iterator[Evidence]:
    """Hard cuts: steps far above their neighbours after which nothing of the view is left, and to which it does not come back."""
    large = np.flatnonzero(step_N >= max(config.min_step, config.step_ratio * 0.5))
    step: list[float] = step_N.tolist()
    for i in (int(i) for i in large if max(1, within.start) <= i < within.stop):
        around = sorted(step[max(1, i - 3) : i] + step[i + 1 : i + 4])[:-1]
        if around and step[i] < config.step_ratio * sum(around) / len(around):
            continue
        if goes_on(pictures_N3HW[i - 1], pictures_N3HW[i], config):
            continue
        before, after = pictures_N3HW[max(0, i - _LOOK_BACK) : i], pictures_N3HW[i : i + _LOOK_BACK]
        if view_match(before, after) < config.same_view:
            yield Evidence(Transition.CUT, i, i, 0.1)


def coarse(pictures_N3HW: Pictures) -> Array:
    """Each picture as one row of 18x32 brightnesses and 9x16 of either colour."""
    count = len(pictures_N3HW)
    light, colour = block_sums(pictures_N3HW[:, 0], 2, 2), block_sums(pictures_N3HW[:, 1:], 4, 4)
    rows_NC = np.concatenate([light.reshape(count, -1) * 4, colour.reshape(count, -1)], 1)
    return rows_NC.astype(np.float32) * np.float32(1 / 16)


def find_dissolves(pictures_N3HW: Pictures, step_N: Array, config: ShotConfig, within: slice) -> Iterator[Evidence]:
    """Dissolves: the middle is the mean of the ends, and of what was seen before little is left."""
    rows_NC = coarse(pictures_N3HW)
    best: dict[int, tuple[float, int, float]] = {}
    for half in _HALVES:
        first, end = max(half, within.start), min(len(rows_NC) - half, within.stop)
        if end <= first:
            continue
        before, middle, after = (rows_NC[first + ahead : end + ahead] for ahead in (-half, 0, half))
        change = np.abs(after - before).mean(1)
        largest_step = np.lib.stride_tricks.sliding_window_view(step_N, 2 * half)[first - half + 1 : end - half + 1].max(1)
        for i in np.flatnonzero((change > _MIN_CHANGE) & (largest_step < 0.35 * change)):
            off = float(np.abs(2 * middle[i] - before[i] - after[i]).mean() / 2 / change[i])
            explained = float(change[i]) * (1 - off)
            if off < config.blend and explained > best.get(first + int(i), (0.0, 0, 0.0))[0]:
                best[first + int(i)] = explained, half, off / config.blend
    for run in _runs(sorted(best)):
        middle_at = max(run, key=lambda i: best[i][0])
        evidence = _dissolve(rows_NC, middle_at, *best[middle_at][1:])
        before, after = pictures_N3HW[max(0, evidence.first - 2)], pictures_N3HW[min(len(rows_NC) - 1, evidence.last + 2)]
        # Two pictures over one another blur what each shows; one picture that moves stays sharp.
        blurred = _sharpness(pictures_N3HW[middle_at]) < 0.8 * (_sharpness(before) + _sharpness(after)) / 2
        if not blurred or goes_on(before, after, config, _EDGES_KEPT_SLOWLY) or moved_distance(before, after) < _MIN_CHANGE / 2:
            continue
        if view_match(before[None], after[None]) < config.same_view:
            yield evidence


def _sharpness(picture_3HW: Pictures) -> float:
    """Mean square of the steps of brightness from cell to cell."""
    light = picture_3HW[0].astype(np.float32)
    return float(np.square(np.diff(light, axis=1)).mean() + np.square(np.diff(light, axis=0)).mean())


def _dissolve(rows_NC: Array, middle: int, half: int, doubt: float) -> Evidence:
    """A dissolve around its middle, as long as its speed there says."""
    axis_C = rows_NC[middle + half] - rows_NC[middle - half]
    near = min(3, half)
    speed = float((rows_NC[middle + near] - rows_NC[middle - near]) @ axis_C) / max(1e-3, float(axis_C @ axis_C)) / (2 * near)
    reach = int(np.clip(round(0.5 / max(speed, 0.02)), 2, 2 * half))
    return Evidence(Transition.DISSOLVE, max(0, middle - reach), min(len(rows_NC) - 1, middle + reach), 0.2 + doubt)


def find_wipes(pictures_N3HW: Pictures, step_N: Array, config: ShotConfig, within: slice) -> Iterator[Evidence]:
    """Wipes: what changes from frame to frame, beyond what always does, is an edge that crosses the picture steadily."""
    change_NHW = np.zeros((len(pictures_N3HW), HEIGHT, WIDTH), np.uint8)
    if len(pictures_N3HW) > 1:
        change_NHW[1:] = cv2.absdiff(np.ascontiguousarray(pictures_N3HW[1:, 0]), np.ascontiguousarray(pictures_N3HW[:-1, 0]))
    reach = _CROSSING // 2
    by_column, by_row = (block_sums(change_NHW, *block) for block in ((HEIGHT, 1), (1, WIDTH)))
    for sums_NX, count in ((by_column[:, 0], HEIGHT), (by_row[..., 0], WIDTH)):
        score_N, place_N = _crossing(sums_NX.astype(np.float32) / np.float32(count))
        for run in _runs([int(i) for i in np.flatnonzero(score_N > config.crossed)]):
            first, last = max(0, run[0] - reach), min(len(score_N) - 1, run[-1] + reach)
            # A player who runs by goes some of the way; a wipe goes all of it.
            if not within.start <= run[0] < within.stop or float(np.ptp(place_N[first : last + 1])) <= _ACROSS:
                continue
            # A graphic that springs up leaves most of the picture as it was.
            if float((change_NHW[first : last + 1].max(0) > 20).mean()) > _SWEPT:
                yield Evidence(Transition.WIPE, first, last, 0.0)


def _crossing(change_NX: Array) -> tuple[Array, Array]:
    """How far the place of change moves within 7 frames, less what it strays; and the place. Both as shares of the picture."""
    count, width = change_NX.shape
    if count <= _CROSSING:
        return np.zeros(count, np.float32), np.zeros(count, np.float32)
    padded = np.pad(change_NX, ((20, 20), (0, 0)), mode="edge")
    usual_NX = _median([padded[ahead : ahead + count] for ahead in range(0, 41, 4)])
    fresh_NX = np.maximum(0, change_NX - 2 * usual_NX - 2)
    mass_N = fresh_NX.sum(1)
    place_N = fresh_NX @ ((np.arange(width, dtype=np.float32) + 0.5) / width) / np.maximum(mass_N, 1e-3)
    windows = np.lib.stride_tricks.sliding_window_view(place_N, _CROSSING)
    steps_K = np.arange(_CROSSING, dtype=np.float32) - _CROSSING // 2
    slope = windows @ steps_K / (steps_K @ steps_K)
    stray = np.sqrt(np.maximum(0, windows.var(1) - slope**2 * steps_K.var()))
    busy = np.lib.stride_tricks.sliding_window_view(mass_N > 3, _CROSSING).mean(1) > 0.8
    score = np.where(busy, np.abs(slope) * (_CROSSING - 1) - 3 * stray, 0)
    score_N = np.pad(score, (_CROSSING // 2, count - len(score) - _CROSSING // 2))
    return np.asarray(score_N, np.float32), np.asarray(place_N, np.float32)


def _median(values: Sequence[Array]) -> Array:
    """Element by element, the median of an odd number of arrays: the largest left is taken out until half are gone."""
    left = list(values)
    for last in range(len(left) - 1, len(left) // 2 - 1, -1):
        for i in range(last):
            left[i], left[i + 1] = np.minimum(left[i], left[i + 1]), np.maximum(left[i], left[i + 1])
    return left[len(left) // 2]


def _runs(numbers: list[int]) -> Iterator[list[int]]:
    """Numbers in order, parted where more than four are missing."""
    run: list[int] = []
    for number in numbers:
        if run and number - run[-1] > 5:
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def find_fades(pictures_N3HW: Pictures, step_N: Array, config: ShotConfig, within: slice) -> Iterator[Evidence]:
    """Where the picture sinks into one colour and another rises from it."""
    contrast_N = np.array([cv2.meanStdDev(picture_3HW[0])[1].item() for picture_3HW in pictures_N3HW])
    for run in _runs([int(i) for i in np.flatnonzero(contrast_N < _FLAT)]):
        if not within.start <= run[0] < within.stop:
            continue
        first, last = run[0], run[-1]
        while first > 0 and contrast_N[first - 1] > contrast_N[first] + 0.3:
            first -= 1
        while last + 1 < len(contrast_N) and contrast_N[last + 1] > contrast_N[last] + 0.3:
            last += 1
        if last - first < 9:  # shorter is a flash
            continue
        before, after = pictures_N3HW[max(0, first - 5) : first], pictures_N3HW[last + 1 : last + 6]
        if not len(before) or not len(after) or view_match(before, after) < config.same_view:
            yield Evidence(Transition.FADE, first, last, 0.05)


_FINDERS = (find_cuts, find_dissolves, find_wipes, find_fades)


def resolve(found: Sequence[Evidence], min_shot: int) -> list[Evidence]:
    """Changes in order, none closer to another or to the beginning than the shortest shot; the less doubtful is kept."""
    kept: list[Evidence] = []
    for one in sorted(found, key=lambda e: (e.doubt, e.first)):
        if one.last >= min_shot and all(one.first - o.last >= min_shot or o.first - one.last >= min_shot for o in kept):
            kept.append(one)
    return sorted(kept, key=lambda e: e.first)


def _lenient(config: ShotConfig) -> ShotConfig:
    """Halfway from the settings to those that let everything pass."""
    return config.model_copy(
        update={
            "step_ratio": (config.step_ratio + 1) / 2,
            "min_step": config.min_step / 2,
            "kept_view": (config.kept_view + 1) / 2,
            "same_view": (config.same_view + 1) / 2,
            "blend": (config.blend + 0.5) / 2,
            "crossed": config.crossed / 2,
        }
    )


class LeanFinder:
    """Finds changes in frames fed one after another; a frame costs about a tenth of a millisecond."""

    def __init__(self, config: ShotConfig, rate: FrameRate) -> None:
        self._config = config
        self._min_shot = round(config.min_shot_s * rate.fps)
        self._pictures_N3HW = np.empty((_BLOCK + 2 * REACH, 3, HEIGHT, WIDTH), np.uint8)
        self._numbers: list[int] = []
        self._judged = 0
        """How many of the pictures at hand have been judged."""
        self._second: SecondLook | None = None
        if config.second_look:
            from ingest.shot_network import SecondLook

            self._second = SecondLook()
        self._found: list[Evidence] = []

    def feed(self, picture: VideoFrame, small_3HW: Pictures, frame_index: int) -> None:
        """Take the next frame, the same at 64x36, and its number in the proxy."""
        self._pictures_N3HW[len(self._numbers)] = small_3HW
        self._numbers.append(frame_index)
        if len(self._numbers) == len(self._pictures_N3HW):
            self._judge(len(self._numbers) - REACH)

    def finish(self) -> list[Change]:
        """The changes in order."""
        self._judge(len(self._numbers))
        return [Change(e.kind, FrameWindow(idx_start=e.first, idx_end=e.last)) for e in resolve(self._found, self._min_shot)]

    def _judge(self, end: int) -> None:
        """Judge the pictures up to end, and let go those that no later one is judged by."""
        pictures_N3HW = self._pictures_N3HW[: len(self._numbers)]
        if len(pictures_N3HW) < 2:
            return
        step_N, within = steps(pictures_N3HW), slice(self._judged, end)
        found = [e for find in _FINDERS for e in find(pictures_N3HW, step_N, self._config, within)]
        if self._second is not None:
            unsure = [e for find in _FINDERS for e in find(pictures_N3HW, step_N, _lenient(self._config), within)]
            # What is surely a change is no longer asked about, nor is what lies too close to one.
            both = resolve([*found, *(e._replace(doubt=e.doubt + _UNSURE) for e in unsure)], self._min_shot)
            self._second.allow(end - self._judged)
            likeliest = sorted((e for e in both if e.doubt >= _UNSURE), key=lambda e: (e.doubt, e.first))
            found += [e for e in likeliest if self._second.sees(pictures_N3HW, e.first, e.last)]
        self._found += [e._replace(first=self._numbers[e.first], last=self._numbers[e.last]) for e in found]
        gone = max(0, end - REACH)
        self._pictures_N3HW[: len(pictures_N3HW) - gone] = pictures_N3HW[gone:].copy()
        self._numbers, self._judged = self._numbers[gone:], end - gone
