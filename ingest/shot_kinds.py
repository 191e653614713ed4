"""What a shot is: framed wide or close or drawn, live or a replay, and of which live shot.

Told from the sights that glances.py keeps and from how loud it was. A replay stands between two wipes. Its original is the shot
before it that looks like it at its speed, came shortly before, and was cheered; where it was filmed by another camera, only the
last two speak.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from deepsport.records import Shot
from deepsport.taxonomy import CameraKind, Transition
from deepsport.timebase import FrameRate, Span
from ingest.glances import Pictures, Seen

LOUDNESS_PER_S = 10
_MAX_REPLAY_S = 25.0
"""A wipe that no other follows sooner opens no replay."""
_MAX_BACK_S = 90.0
_SPEEDS = (0.4, 0.5, 0.67, 1.0)
_FIELD_SHARE = 0.14
_STILL, _LARGE, _LAYERED = 0.08, 18.0, 6.0
"""Levels: what a drawn picture changes at most in a fifth of a second; a person near by differs from what is beside; the field
from the stands."""
_AT_ONCE = 3000
"""Sights that are looked at together: ten minutes of them tell what a shot is."""
_UNLIKE = 5.0
"""Levels from which on two views are of different cameras."""


def describe_shots(
    shots: Sequence[Shot], seen: Seen, rate: FrameRate, loudness_N: npt.NDArray[np.float32] | None = None
) -> list[Shot]:
    """The shots with camera, replay and replay_of. loudness_N: see `loudness`; None where there is no sound."""
    times_s = seen.sight_indices_S / rate.fps
    places = [np.searchsorted(times_s, (shot.span.start_s, shot.span.end_s)) for shot in shots]
    sights = [seen.sights_S3HW[first:end] for first, end in places]
    field_UV = _field_colour(seen.sights_S3HW)
    kinds = [_camera(part, field_UV) for part in sights]
    replays = _replays(shots)
    described: list[Shot] = []
    for index, shot in enumerate(shots):
        change: dict[str, object] = {"camera": kinds[index]}
        if index in replays:
            live = [i for i in range(index) if i not in replays and shot.span.start_s - shots[i].span.end_s < _MAX_BACK_S]
            wide = [i for i in live if kinds[i] is CameraKind.WIDE] or live
            costs = {i: _cost(sights[index], sights[i], shots[index].span, shots[i].span, loudness_N) for i in wide}
            original = min(costs, key=lambda i: costs[i], default=None)
            change |= {"replay": True, "replay_of": None if original is None else shots[original].shot_id}
        described.append(shot.model_copy(update=change))
    return described


def loudness(samples_N: npt.NDArray[np.float32], sample_rate: int) -> npt.NDArray[np.float32]:
    """Effective value of the sound in each tenth of a second."""
    size = sample_rate // LOUDNESS_PER_S
    count = len(samples_N) // size
    power = [np.square(samples_N[i * size : (i + 100) * size][: (count - i) * size]).reshape(-1, size).mean(1)
             for i in range(0, count, 100)]
    return np.sqrt(np.concatenate(power)).astype(np.float32) if power else np.zeros(0, np.float32)


def _replays(shots: Sequence[Shot]) -> set[int]:
    """Indices of the shots between a wipe that opens and the next one, which closes."""
    found: set[int] = set()
    wipes = [i for i, shot in enumerate(shots) if shot.transition is Transition.WIPE]
    opened: int | None = None
    for wipe in wipes:
        if opened is not None and shots[wipe].span.start_s - shots[opened].span.start_s <= _MAX_REPLAY_S:
            found.update(range(opened, wipe))
            opened = None
        else:
            opened = wipe
    return found


def _cost(
    replay_S3HW: Pictures, live_S3HW: Pictures, replay: Span, live: Span,
    loudness_N: npt.NDArray[np.float32] | None,
) -> float:
    """How little speaks for a live shot as the original: its unlikeness in levels, a level for 3 s in between, less its cheer."""
    gap_s = max(0.0, replay.start_s - live.end_s)
    cheer = 0.0
    if loudness_N is not None and len(loudness_N):
        around = loudness_N[int(live.start_s * LOUDNESS_PER_S) : int((live.end_s + 2) * LOUDNESS_PER_S)]
        cheer = float(around.max() / max(1e-6, loudness_N.max())) if len(around) else 0.0
    return _unlikeness(replay_S3HW[1:-1].astype(np.float32), live_S3HW.astype(np.float32)) + min(gap_s / 3, 3.5) - cheer


def _unlikeness(replay_S3HW: npt.NDArray[np.float32], live_S3HW: npt.NDArray[np.float32]) -> float:
    """Mean difference in levels where the replay's sights lie best on the live ones, at most that of different cameras."""
    best = _UNLIKE
    count = len(replay_S3HW)
    for speed in _SPEEDS:
        places = np.round(np.arange(count) * speed).astype(int)
        for start in range(len(live_S3HW) - (int(places[-1]) if count else 0)):
            if count:
                best = min(best, float(np.abs(replay_S3HW - live_S3HW[start + places]).mean()))
    return best


def _field_colour(sights_S3HW: Pictures) -> npt.NDArray[np.float32]:
    """U and V of what is seen most."""
    counts = np.zeros(64 * 64, np.int64)
    for start in range(0, len(sights_S3HW), _AT_ONCE):
        part = sights_S3HW[start : start + _AT_ONCE]
        counts += np.bincount(((part[:, 1] // 6).astype(np.int64) * 64 + part[:, 2] // 6).ravel(), minlength=counts.size)
    most = int(counts.argmax())
    return np.array([most // 64 * 6 + 3, most % 64 * 6 + 3], np.float32)


def _camera(sights_S3HW: Pictures, field_UV: npt.NDArray[np.float32]) -> CameraKind:
    if len(sights_S3HW) < 5:
        return CameraKind.OTHER
    inner = sights_S3HW[1:-1][:_AT_ONCE].astype(np.float32)
    if float(np.median(np.abs(np.diff(inner, axis=0)).mean((1, 2, 3)))) < _STILL:
        return CameraKind.GRAPHIC
    # A person near by is one large thing in the middle, unlike what is left and right of it.
    low = inner[:, :, 2:]
    if _apart(low[..., 5:11], np.concatenate([low[..., :3], low[..., -3:]], -1)) > _LARGE:
        return CameraKind.CLOSE
    # The field lies below the stands; a crowd is the same all over.
    on_field = np.abs(inner[:, 1:] - field_UV[:, None, None]).max(1) < 9
    if float(np.median(on_field.mean((1, 2)))) > _FIELD_SHARE and _apart(inner[:, :, :3], inner[:, :, 4:]) > _LAYERED:
        return CameraKind.WIDE
    return CameraKind.OTHER


def _apart(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """How many levels two parts of the picture differ by, in Y, U or V."""
    return float(np.abs(one.mean((0, 2, 3)) - other.mean((0, 2, 3))).max())
