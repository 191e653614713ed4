"""Clips that show the same are found by how their pictures change, and put into groups, so that no split holds half of one.

    fingerprints ─▶ changes (whole, cropped, mirrored) ─▶ signs of projections, in bands ─▶ votes for "B runs so much after A"
                                                               those that bear comparison, change by change ─▶ alike ─▶ groups

What stands still says nothing: two matches on one court look alike all the time, and so do two encodes of one match. What changes
from one fifth of a second to the next is another matter, and re-encoding, a logo, other colours leave it as it is. A crop moves
it, so each broadcast is also looked at as it would be with a margin cut off. Replays in slow motion, or from another camera, are
known from the shots. The signs of random projections are locality-sensitive hashing (Charikar 2002); a bucket that is full of
strangers (a clock that ticks) is left out.

Array legend: T steps, D cells of a picture, S steps of all broadcasts and views, V votes, B bands.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from deepsport.ids import make_id
from deepsport.records import Clip, ClipGroup, Fingerprint, Made, Shot

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.int8]
"""Unit vectors TD in steps of 1/127: a two-hour broadcast is 5 MB."""

_HIGH, _WIDE = 9, 16
_STEP = 2  # a change is from one sight to the next but one
_NOISE, _MOVED = 0.8, 6.0  # levels that a cell changes by chance, and sum of the changes from which on something moved
_MARGIN = 0.05
_BANDS, _FEW_BITS, _MANY_BITS = 12, 10, 30
_CROWD = 64
_VOTES, _VOTE_S = 2, 5.0
_LESS = 0.4  # likeness that is enough to go on from where it was found
_VIEWS = ("whole", "cropped", "mirrored")


class DuplicateConfig(BaseModel):
    """When clips count as the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_alike_s: float = Field(default=5.0, ge=2)
    """Seconds in a row that two clips must show alike."""
    likeness: float = Field(default=0.75, gt=0.4, le=1)
    """Mean correlation of the changes over these seconds (other matches in the same kits: 0.66 at most, crops: 0.88)."""


def group_clips(
    fingerprints: Sequence[Fingerprint],
    clips: Sequence[Clip],
    shots: Sequence[Shot] = (),
    config: DuplicateConfig | None = None,
    made: Made | None = None,
) -> list[ClipGroup]:
    """Groups of two clips or more that show the same, in the order of their first clips.

    The order of the input does not matter. shots: of these broadcasts; their replays tie clips together as well.
    """
    config, made = config or DuplicateConfig(), made or Made(step="group_clips")
    prints = sorted(fingerprints, key=lambda p: p.broadcast_id)
    steps = {p.broadcast_id: p.per_s for p in prints}
    ordered = sorted(clips, key=lambda clip: (clip.broadcast_id, clip.first_frame, clip.clip_id))
    of_broadcast: dict[str, list[Clip]] = {}
    for clip in ordered:
        of_broadcast.setdefault(clip.broadcast_id, []).append(clip)
    same = _Same(clip.clip_id for clip in ordered)
    for alike in _alike(prints, config):
        for one in of_broadcast.get(alike.one, ()):
            per_s = steps[alike.one]
            first, end = max(alike.first, one.span.start_s * per_s), min(alike.end, one.span.end_s * per_s)
            for other in of_broadcast.get(alike.other, ()):
                begin = max(first, other.span.start_s * per_s - alike.shift)
                if min(end, other.span.end_s * per_s - alike.shift) - begin >= config.min_alike_s * per_s:
                    same.join(one.clip_id, other.clip_id)
    for one_id, other_id in _replayed(shots, of_broadcast):
        same.join(one_id, other_id)
    broadcast_of = {clip.clip_id: clip.broadcast_id for clip in ordered}
    return [
        ClipGroup(
            clip_group_id=make_id("clips", *members),
            clip_ids=tuple(members),
            broadcast_ids=tuple(sorted({broadcast_of[clip_id] for clip_id in members})),
            made=made,
        )
        for members in same.groups()
    ]


class _Same:
    """Union-find over ids."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._parent = {name: name for name in ids}

    def _root(self, name: str) -> str:
        while self._parent[name] != name:
            self._parent[name] = name = self._parent[self._parent[name]]
        return name

    def join(self, one: str, other: str) -> None:
        self._parent[self._root(other)] = self._root(one)

    def groups(self) -> list[list[str]]:
        """The groups of two and more, in the order in which the ids were given."""
        members: dict[str, list[str]] = {}
        for name in self._parent:
            members.setdefault(self._root(name), []).append(name)
        return [names for names in members.values() if len(names) > 1]


def _replayed(shots: Sequence[Shot], clips: dict[str, list[Clip]]) -> Iterator[tuple[str, str]]:
    """Clips with a replay, and those with what it shows again."""
    named = {shot.shot_id: shot for shot in shots}
    for shot in shots:
        live = named.get(shot.replay_of or "")
        if live is not None:
            middles = ((s.span.start_s + s.span.end_s) / 2 for s in (live, shot))
            found = [clip.clip_id for m in middles for clip in clips.get(shot.broadcast_id, ()) if clip.span.contains(m)]
            if len(set(found)) == 2:
                yield found[0], found[1]


# ------------------------------------------------------------------------------------------------- what is alike


@dataclass(frozen=True, slots=True)
class _Alike:
    """Steps first to end of one broadcast look like those of the other, shift steps later."""

    one: str
    other: str
    first: int
    end: int
    shift: int


def _alike(prints: Sequence[Fingerprint], config: DuplicateConfig) -> Iterator[_Alike]:
    if not prints:
        return
    changes = [{view: _changes(p, view) for view in _VIEWS} for p in prints]
    for one, other, view, shift, times in _candidates(changes, prints[0].per_s):
        one_TD, other_TD = changes[one]["whole"], changes[other][view]
        length = round(config.min_alike_s * prints[one].per_s)
        near = (int(times.min()) - 2 * length, int(times.max()) + 2 * length)
        for by in (shift - 1, shift, shift + 1):
            if _runs(one_TD, other_TD, by, length, config.likeness, near):
                for first, end in _runs(one_TD, other_TD, by, length, config.likeness):
                    yield _Alike(prints[one].broadcast_id, prints[other].broadcast_id, first, end, by)


def _changes(print_: Fingerprint, view: str) -> Vectors:
    """Of each step a unit vector TD of how the cells change, or zeros where next to nothing moves."""
    light_TD = np.frombuffer(base64.b64decode(print_.sights), np.uint8).reshape(-1, _HIGH * _WIDE).astype(np.float32)
    change_TD: Floats = np.zeros_like(light_TD)
    change_TD[:-_STEP] = light_TD[_STEP:] - light_TD[:-_STEP]
    if view == "cropped":
        change_TD = change_TD @ _cropping()
    elif view == "mirrored":
        change_TD = change_TD.reshape(-1, _HIGH, _WIDE)[:, :, ::-1].reshape(change_TD.shape)
    change_TD = change_TD @ _blurring()  # a crop or an encoder moves things by less than a cell
    large_TD = np.maximum(np.abs(change_TD) - _NOISE, 0)
    # The root keeps one cell (a digit of the clock, the ball) from speaking for the whole picture.
    vector_TD = np.sign(change_TD) * np.sqrt(large_TD)
    norm_T = np.linalg.norm(vector_TD, axis=1, keepdims=True)
    moved_T = large_TD.sum(1, keepdims=True) >= _MOVED
    return np.where(moved_T, np.rint(127 * vector_TD / np.maximum(norm_T, 1e-6)), 0).astype(np.int8)


@cache
def _blurring() -> Floats:
    """What turns cells of a picture, from the right, into means of theirs and their neighbours'."""

    def along(count: int) -> Floats:
        weights = np.zeros((count, count), np.float32)
        for by, weight in ((-1, 0.25), (0, 0.5), (1, 0.25)):
            np.add.at(weights, (np.clip(np.arange(count) + by, 0, count - 1), np.arange(count)), weight)
        return weights

    return np.kron(along(_HIGH), along(_WIDE)).astype(np.float32)


@cache
def _cropping() -> Floats:
    """What turns cells of a picture, from the right, into those of its inner part."""

    def along(count: int) -> Floats:
        places = (_MARGIN + (1 - 2 * _MARGIN) * (np.arange(count) + 0.5) / count) * count - 0.5
        nearness: Floats = np.maximum(0, 1 - np.abs(places[None, :] - np.arange(count)[:, None])).astype(np.float32)
        return nearness

    return np.kron(along(_HIGH), along(_WIDE)).astype(np.float32)


def _runs(
    one_TD: Vectors, other_TD: Vectors, shift: int, length: int, likeness: float, near: tuple[int, int] | None = None
) -> list[tuple[int, int]]:
    """Stretches of steps of one that are like the other's, shift later: so much so for a length, and somewhat around it."""
    low, high = max(0, -shift), min(len(one_TD), len(other_TD) - shift)
    if near is not None:
        low, high = max(low, near[0]), min(high, near[1])
    if high - low < length:
        return []
    a_TD = one_TD[low:high].astype(np.float32) / 127
    b_TD = other_TD[low + shift : high + shift].astype(np.float32) / 127
    alike_T = np.einsum("td,td->t", a_TD, b_TD)
    moved_T = (np.abs(a_TD).sum(1) > 0) | (np.abs(b_TD).sum(1) > 0)
    ones = np.ones(length, np.float32)
    total, moved = np.convolve(alike_T, ones, "valid"), np.convolve(moved_T, ones, "valid")
    enough = moved >= length / 2
    # A stretch in which nothing moves is no reason to stop: it is the same or it ends there.
    very, somewhat = enough & (total >= likeness * moved), ~enough | (total >= _LESS * moved)
    if not very.any():
        return []
    borders = np.flatnonzero(np.diff(np.r_[False, somewhat, False]))
    found = []
    for start, stop in borders.reshape(-1, 2):
        if very[start:stop].any():
            # The windows at the ends reach beyond what is alike.
            inner = start + np.flatnonzero(alike_T[start : stop + length - 1] >= 0.5)
            found.append((low + int(inner[0]), low + int(inner[-1]) + 1))
    return found


def _candidates(changes: Sequence[dict[str, Vectors]], per_s: int) -> Iterator[tuple[int, int, str, int, Ints]]:
    """Pairs of broadcasts, the view of the second, a shift, and the steps of the first that speak for it."""
    num_steps = sum(len(views[view]) for views in changes for view in _VIEWS)
    bits = int(np.clip(np.log2(max(1, num_steps)), _FEW_BITS, _MANY_BITS))
    planes = np.random.default_rng(0).standard_normal((3 * _HIGH * _WIDE, _BANDS * bits)).astype(np.float32)
    owners, steps, keys = [], [], []
    for view in _VIEWS:
        for number, views in enumerate(changes):
            # Three changes in a second are hashed together: one alone is often like many others.
            vectors_TD = views[view].astype(np.float32) / 127
            later = [np.roll(vectors_TD, -by, 0) for by in (2, 4)]
            joined_TD = np.concatenate([vectors_TD, *later], 1)[: max(0, len(vectors_TD) - 4)]
            moved = np.flatnonzero(np.square(joined_TD).sum(1) > 1.5)  # two of the three at least
            signs = (joined_TD[moved] @ planes > 0).reshape(len(moved), _BANDS, bits)
            owners.append(np.full(len(moved), _VIEWS.index(view) * len(changes) + number, np.int64))
            steps.append(moved)
            keys.append((signs @ (1 << np.arange(bits, dtype=np.int64))).astype(np.int32))
    owner_S, step_S, keys_SB = np.concatenate(owners), np.concatenate(steps), np.concatenate(keys)
    found = [_meetings(keys_S, owner_S, step_S, len(changes), per_s) for keys_S in keys_SB.T]
    # Of one view of the second, one shift and one stretch of time.
    votes = np.unique(np.concatenate(found), axis=0)
    if not len(votes):
        return
    stretch_V = votes[:, 3] // round(_VOTE_S * per_s)
    _, place_V, count_V = np.unique(
        np.column_stack([votes[:, :3], stretch_V]), axis=0, return_inverse=True, return_counts=True
    )
    strong = votes[count_V[place_V.reshape(-1)] >= _VOTES]
    if not len(strong):
        return
    borders = np.flatnonzero(np.any(np.diff(strong[:, :3], axis=0) != 0, axis=1)) + 1
    for part in np.split(strong, borders):
        one, other, shift = (int(value) for value in part[0, :3])
        yield one, other % len(changes), _VIEWS[other // len(changes)], shift, part[:, 3]


def _meetings(keys_S: npt.NDArray[np.int32], owner_S: Ints, step_S: Ints, num_broadcasts: int, per_s: int) -> Ints:
    """Rows of first broadcast, second with its view, shift, step of the first: those whose keys are the same."""
    order = np.argsort(keys_S, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(keys_S[order]) != 0])
    sizes = np.diff(np.r_[starts, len(order)])
    rows = [np.empty((0, 4), np.int64)]
    for size in np.unique(sizes[(sizes > 1) & (sizes <= _CROWD)]):
        buckets = order[starts[sizes == size][:, None] + np.arange(size)]
        one, other = (buckets[:, index].reshape(-1) for index in np.triu_indices(int(size), 1))
        # Owners ascend within a bucket, so a whole picture comes first; two changed ones need no comparison.
        apart = np.abs(step_S[one] - step_S[other]) > _VOTE_S * per_s
        view, same = owner_S[other] // num_broadcasts, owner_S[one] == owner_S[other] % num_broadcasts
        use = (owner_S[one] < num_broadcasts) & np.where(same, apart & (view == 0), True)
        one, other = one[use], other[use]
        rows.append(np.column_stack([owner_S[one], owner_S[other], step_S[other] - step_S[one], step_S[one]]))
    return np.concatenate(rows)
