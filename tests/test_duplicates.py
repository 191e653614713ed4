"""Clips that show the same are grouped, strangers are not, and a group lies in one split."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from curriculum.duplicates import DuplicateConfig, group_clips
from curriculum.split import SplitConfig, assign_splits
from deepsport.ids import make_id
from deepsport.records import Broadcast, Clip, ClipGroup, Fingerprint, Made, Shot
from deepsport.taxonomy import Split, Sport, Transition
from deepsport.timebase import FrameRate, FrameWindow, Span
from ingest.fingerprints import fingerprint
from ingest.glances import Glances
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import Production, SimulatorConfig

RATE = FrameRate(num=5)


def seen(images: Sequence[np.ndarray], broadcast_id: str) -> Fingerprint:
    glances = Glances(1)
    for index, image in enumerate(images):
        glances.feed(VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24"), index)
    return fingerprint(broadcast_id, glances.finish(), len(images), RATE, Made(step="fingerprint"))


def clips_of(broadcast_id: str, bounds: Sequence[int]) -> list[Clip]:
    """Clips between these sights."""
    return [Clip(clip_id=f"{broadcast_id}-{first}", broadcast_id=broadcast_id, sport=Sport.SOCCER, rate=RATE, first_frame=first,
                 num_frames=end - first, span=RATE.span_of(FrameWindow(idx_start=first, idx_end=end - 1)))
            for first, end in pairwise(bounds)]


@pytest.fixture(scope="module")
def films() -> dict[str, list[np.ndarray]]:
    """Five pictures a second of two matches, 40 s each."""
    config = SimulatorConfig(production=Production.BROADCAST)
    matches = {seed: SimulatedBroadcast(Sport.SOCCER, seed, 40.0, config) for seed in (11, 12)}
    return {f"m{seed}": [match.frame(i) for i in range(0, match.num_frames, 5)] for seed, match in matches.items()}


def noisy(image: np.ndarray, lots: np.random.Generator) -> np.ndarray:
    return np.clip(image * 0.95 + 9 + lots.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", ["noise", "crop", "logo", "mirror"])
def test_a_copy_is_found_clip_by_clip_and_a_stranger_is_not(films: dict[str, list[np.ndarray]], change: str) -> None:
    lots = np.random.default_rng(0)
    copy = [noisy(image, lots) for image in films["m11"][30:]]
    if change == "crop":
        copy = [image[18:-18, 32:-32] for image in copy]
    elif change == "logo":
        for image in copy:
            image[20:70, 20:140] = 40
    elif change == "mirror":
        copy = [image[:, ::-1] for image in copy]
    prints = [seen(films["m11"], "m11"), seen(films["m12"], "m12"), seen(copy, "copy")]
    clips = [*clips_of("m11", [0, 50, 100, 150, 200]), *clips_of("m12", [0, 100, 200]), *clips_of("copy", [0, 70, 120, 170])]
    groups = group_clips(prints, clips)
    assert groups and {broadcast_id for group in groups for broadcast_id in group.broadcast_ids} == {"m11", "copy"}
    together = {frozenset((a, b)) for group in groups for a in group.clip_ids for b in group.clip_ids if a != b}
    assert {frozenset(("m11-100", "copy-70")), frozenset(("m11-150", "copy-120"))} <= together


def test_groups_are_disjoint_and_do_not_depend_on_the_order(films: dict[str, list[np.ndarray]]) -> None:
    prints = [seen(films["m11"], name) for name in ("a", "b", "c")] + [seen(films["m12"], "d")]
    clips = [clip for name in "abcd" for clip in clips_of(name, [0, 60, 130, 200])]
    groups = group_clips(prints, clips)
    assert groups == group_clips(prints[::-1], clips[::-1])
    members = [clip_id for group in groups for clip_id in group.clip_ids]
    assert len(members) == len(set(members)) and all(len(group.clip_ids) > 1 for group in groups)
    assert ("a-0", "b-0", "c-0") in [group.clip_ids for group in groups]


def test_a_still_picture_and_a_ticking_clock_are_no_likeness() -> None:
    lots = np.random.default_rng(1)
    pictures = np.full((2, 150, 9, 16), 90, np.uint8)
    pictures[:, ::5, 0, 1] = 200  # the same second hand in both
    pictures[1] += lots.integers(0, 2, pictures[1].shape, np.uint8)
    prints = [Fingerprint(broadcast_id=name, per_s=5, sights=base64.b64encode(part.tobytes()).decode())
              for name, part in zip("ab", pictures, strict=True)]
    assert group_clips(prints, [*clips_of("a", [0, 75, 150]), *clips_of("b", [0, 75, 150])]) == []


def test_likeness_shorter_than_asked_for_is_left_alone(films: dict[str, list[np.ndarray]]) -> None:
    mixed = [*films["m12"][:40], *films["m11"][40:75], *films["m12"][75:]]
    prints = [seen(films["m11"], "m11"), seen(mixed, "mixed")]
    clips = [*clips_of("m11", [0, 200]), *clips_of("mixed", [0, 200])]
    assert len(group_clips(prints, clips, config=DuplicateConfig(min_alike_s=5))) == 1
    assert group_clips(prints, clips, config=DuplicateConfig(min_alike_s=14)) == []


def test_a_replay_and_its_original_are_one_group() -> None:
    shots = [Shot(shot_id=f"s{i}", broadcast_id="b", shot_index=i, span=Span(start_s=start, end_s=start + 5), replay=i == 2,
                  replay_of="s0" if i == 2 else None, transition=Transition.CUT) for i, start in enumerate((0, 10, 20))]
    groups = group_clips([], clips_of("b", [0, 50, 100, 150]), shots)
    assert [group.clip_ids for group in groups] == [("b-0", "b-100")]
    assert groups[0].clip_group_id == make_id("clips", "b-0", "b-100") and groups[0].broadcast_ids == ("b",)


def test_the_sights_of_a_fingerprint_keep_to_the_clock() -> None:
    pictures = [np.full((36, 64, 3), 2 * i, np.uint8) for i in range(90)]
    glances = Glances(6)
    for index, image in enumerate(pictures):
        glances.feed(VideoFrame.from_ndarray(image, "rgb24"), index)
    print_ = fingerprint("b", glances.finish(), 90, FrameRate(num=30000, den=1001), Made(step="fingerprint"))
    sights = np.frombuffer(base64.b64decode(print_.sights), np.uint8).reshape(-1, 9, 16)
    assert (len(sights), print_.per_s) == (15, 5)
    light = sights[:, 4, 8].astype(float)
    assert np.allclose(np.diff(light), 2 * 6 * 219 / 255, atol=1.1)


def broadcast(number: int, sport: Sport = Sport.SOCCER) -> Broadcast:
    rate = FrameRate(num=25)
    return Broadcast(broadcast_id=f"b{number:03}", sport=sport, title=f"match {number}", source_uri="x.mp4", media_sha256="0",
                     size_bytes=1, duration_s=60, width=640, height=360, source_rate=rate, proxy_key="p", proxy_rate=rate,
                     proxy_num_frames=1500, has_audio=False)


@given(ties=st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=12), seed=st.integers(0, 20))
@settings(max_examples=60, deadline=None)
def test_a_group_never_straddles_splits(ties: list[tuple[int, int]], seed: int) -> None:
    sports = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)
    broadcasts = [broadcast(i, sports[i % 3]) for i in range(30)]
    groups = [ClipGroup(clip_group_id=f"g{a}-{b}", clip_ids=(f"c{a}", f"c{b}"), broadcast_ids=(f"b{a:03}", f"b{b:03}"))
              for a, b in ties if a != b]
    splits = assign_splits(broadcasts, SplitConfig(seed=seed), groups)
    assert set(splits) == {b.broadcast_id for b in broadcasts}
    for group in groups:
        assert len({splits[broadcast_id] for broadcast_id in group.broadcast_ids}) == 1
    assert all(splits[b.broadcast_id] is Split.TRANSFER for b in broadcasts if b.sport is Sport.VOLLEYBALL)
    assert splits == assign_splits(broadcasts[::-1], SplitConfig(seed=seed), groups[::-1])
    untied = assign_splits(broadcasts, SplitConfig(seed=seed))
    assert groups or splits == untied


def test_the_copy_of_a_broadcast_held_out_by_name_is_held_out() -> None:
    group = ClipGroup(clip_group_id="g", clip_ids=("x", "y"), broadcast_ids=("b001", "b002"))
    config = SplitConfig(test_broadcasts=("match 2",))
    splits = assign_splits([broadcast(i) for i in range(5)], config, [group])
    assert [broadcast_id for broadcast_id, split in sorted(splits.items()) if split is Split.TEST] == ["b001", "b002"]
