"""ingest.shots: cuts exact to the frame, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from deepsport.taxonomy import Sport, Transition
from deepsport.timebase import FrameRate
from deepsport.video import write_video
from ingest.onepass import decode_once
from ingest.shots import CutFinder, ShotConfig, detect_shots
from ingest.simulator.broadcast import SimulatedBroadcast

RATE = FrameRate(num=25)


def scene(seed: int, shift: int = 0, light: float = 1.0, width: int = 256, height: int = 144) -> np.ndarray:
    """A still of coloured blocks, panned by so many pixels, under some light."""
    blocks = np.random.default_rng(seed).integers(30, 220, (9, 24, 3))
    wide = np.repeat(np.repeat(blocks, 16, 0), 16, 1)[:height, shift : shift + width]
    return np.clip(wide * light, 0, 255).astype(np.uint8)


def cuts_in(frames: Iterable[np.ndarray], config: ShotConfig | None = None) -> list[int]:
    finder = CutFinder(config or ShotConfig(), RATE)
    for index, frame in enumerate(frames):
        finder.feed(frame, index)
    return finder.finish()


def test_cuts_are_found_to_the_frame_under_a_pan() -> None:
    bounds = (0, 40, 71, 120)
    assert cuts_in(scene(sum(i >= b for b in bounds), shift=i // 2) for i in range(150)) == [40, 71, 120]


def test_flashes_and_changes_of_exposure_are_no_cuts() -> None:
    assert cuts_in(scene(1, shift=i // 4, light=1.8 if i in (60, 61) else 1.0) for i in range(120)) == []
    assert cuts_in(scene(1, shift=i // 4, light=0.45 if i >= 60 else 1.0) for i in range(120)) == []


def test_a_graphic_that_comes_and_goes_is_no_cut() -> None:
    def frame(i: int) -> np.ndarray:
        picture = scene(1, shift=i // 3)
        if 50 <= i < 63:
            picture[:, 20:180] = scene(2)[:, 20:180]
        return picture

    assert cuts_in(frame(i) for i in range(120)) == []


def test_a_flash_does_not_hide_the_cut_after_it() -> None:
    assert cuts_in(scene(1 + (i >= 65), light=1.8 if i == 60 else 1.0) for i in range(120)) == [65]


def test_a_second_cut_comes_no_sooner_than_the_shortest_shot() -> None:
    frames = [scene(1 + (i >= 50) + (i >= 55)) for i in range(100)]
    assert cuts_in(frames) == [50]
    assert cuts_in(frames, ShotConfig(min_shot_s=0.1)) == [50, 55]


@pytest.mark.parametrize("seed", [11])
def test_simulated_cuts_are_found_and_the_shots_cover_the_broadcast(tmp_path: Path, seed: int) -> None:
    broadcast = SimulatedBroadcast(Sport.TENNIS, seed, 14)
    path = tmp_path / "t.mp4"
    write_video(path, (broadcast.frame(i) for i in range(broadcast.num_frames)), RATE, preset="ultrafast")
    decoded = decode_once(path, tmp_path / "proxy.mp4", tmp_path)
    true = [RATE.frame_at(shot.span.start_s) for shot in broadcast.shots][1:]
    assert true and decoded.cuts == true
    shots = detect_shots(tmp_path / "proxy.mp4", "b")
    assert [RATE.frame_at(s.span.start_s) for s in shots] == [0, *true]
    assert [s.transition for s in shots] == [Transition.START] + [Transition.CUT] * len(true)
    assert all(a.span.end_s == b.span.start_s for a, b in pairwise(shots))
    assert shots[-1].span.end_s == broadcast.num_frames / 25
