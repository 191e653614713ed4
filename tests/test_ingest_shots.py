"""ingest.shots: changes of picture found for what they are, and what only looks like one left alone."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from deepsport.records import Shot
from deepsport.taxonomy import CameraKind, Sport, Transition
from deepsport.timebase import FrameRate, Span
from deepsport.video import write_video
from ingest.glances import Glances, block_sums
from ingest.onepass import decode_once
from ingest.shot_changes import _median
from ingest.shot_kinds import describe_shots
from ingest.shots import Change, ShotConfig, detect_shots, finder_of
from ingest.simulator.broadcast import SimulatedBroadcast

RATE = FrameRate(num=25)


def scene(seed: int, shift: int = 0, light: float = 1.0, width: int = 256, height: int = 144) -> np.ndarray:
    """A still of coloured blocks, panned by so many pixels, under some light."""
    blocks = np.random.default_rng(seed).integers(30, 220, (9, 24, 3))
    wide = np.repeat(np.repeat(blocks, 16, 0), 16, 1)[:height, shift : shift + width]
    return np.clip(wide * light, 0, 255).astype(np.uint8)


def changes_in(frames: Iterable[np.ndarray], config: ShotConfig | None = None) -> list[Change]:
    finder, glances = finder_of(config or ShotConfig(), RATE), Glances(5)
    for index, frame in enumerate(frames):
        picture = VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
        finder.feed(picture, glances.feed(picture, index), index)
    return finder.finish()


def cuts_in(frames: Iterable[np.ndarray], config: ShotConfig | None = None) -> list[int]:
    changes = changes_in(frames, config)
    assert {change.kind for change in changes} <= {Transition.CUT}
    return [change.frame_index for change in changes]


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


def texture(seed: int, shift: int = 0) -> np.ndarray:
    """Fine coloured blocks, panned by so many pixels."""
    blocks = np.random.default_rng(seed).integers(20, 236, (18, 60, 3))
    return np.repeat(np.repeat(blocks, 8, 0), 8, 1)[:, shift : shift + 256].astype(np.uint8)


def mixed(before: np.ndarray, after: np.ndarray, share: float) -> np.ndarray:
    return (before * (1 - share) + after * share).astype(np.uint8)


@pytest.mark.parametrize("frames", [1, 2, 8])
def test_a_panel_that_fades_in_and_out_over_a_view_that_moves_is_no_change(frames: int) -> None:
    def frame(i: int) -> np.ndarray:
        picture = scene(1, i // 3)
        panel = np.full((90, 168, 3), (24, 24, 32), np.uint8)
        panel[10::20, 20:150] = 220
        shown = min(1.0, max(0, i - 40) / (frames + 1), max(0, 100 - i) / (frames + 1))
        picture[26:116, 44:212] = mixed(picture[26:116, 44:212], panel, shown)
        return picture

    assert changes_in(frame(i) for i in range(140)) == []


def test_a_dissolve_is_found_with_its_frames() -> None:
    frames = [mixed(scene(1, i // 6), scene(2, i // 6), min(1, max(0, (i - 59) / 16))) for i in range(140)]
    (change,) = changes_in(frames)
    assert change.kind is Transition.DISSOLVE
    assert abs(change.window.idx_start - 60) <= 2 and abs(change.window.idx_end - 74) <= 2
    assert abs(change.frame_index - 67) <= 1


def test_a_pan_and_a_change_of_light_are_no_dissolves() -> None:
    assert changes_in(texture(1, 2 * min(80, max(0, i - 30))) for i in range(140)) == []
    assert changes_in(mixed(texture(1), np.zeros_like(texture(1)), 0.7 * min(1, max(0, (i - 60) / 16))) for i in range(140)) == []


def test_a_fade_through_black_is_one_change() -> None:
    def frame(i: int) -> np.ndarray:
        dark = min(1, max(0, 1 - abs(i - 70) / 10 + 0.2))
        return mixed(texture(1 + (i >= 70)), np.zeros_like(texture(1)), dark)

    (change,) = changes_in(frame(i) for i in range(140))
    assert change.kind is Transition.FADE
    assert change.window.idx_start < 64 and change.window.idx_end > 76


@pytest.mark.parametrize("upright", [True, False])
def test_a_wipe_is_found_even_between_views_that_are_alike(upright: bool) -> None:
    def frame(i: int) -> np.ndarray:
        share = (i - 59) / 16
        before, after = texture(1), texture(1, 8)
        if not 0 < share < 1:
            return before if share <= 0 else after
        size = before.shape[1] if upright else before.shape[0]
        edge = round(share * size)
        picture, band = before.copy(), slice(max(0, edge - 20), edge)
        if upright:
            picture[:, :edge], picture[:, band] = after[:, :edge], (200, 20, 20)
        else:
            picture[:edge], picture[band] = after[:edge], (200, 20, 20)
        return picture

    (change,) = changes_in(frame(i) for i in range(140))
    assert change.kind is Transition.WIPE
    assert change.window.idx_start <= 67 <= change.window.idx_end


def test_somebody_who_runs_by_is_no_wipe() -> None:
    def frame(i: int) -> np.ndarray:
        picture = texture(1)
        x = round(40 + 9 * min(14, max(0, i - 60)))  # half way across, as tall as the picture
        picture[:, x : x + 24] = (230, 40, 40)
        return picture

    assert changes_in(frame(i) for i in range(140)) == []


def test_a_table_that_eases_in_over_the_picture_is_no_change() -> None:
    def frame(i: int) -> np.ndarray:
        picture = texture(1)
        share = min(1, max(0, (i - 60) / 6)) * min(1, max(0, (120 - i) / 6))
        picture[25:120, 30:200] = mixed(picture[25:120, 30:200], texture(2)[25:120, 30:200], share)
        return picture

    assert changes_in(frame(i) for i in range(180)) == []


def test_changes_are_found_wherever_they_fall_in_a_long_film() -> None:
    # Films are judged in blocks: here a change lies at every place of one.
    length, period = 700, 67
    changes = changes_in(texture(1 + i // period) for i in range(length))
    assert [change.frame_index for change in changes] == list(range(period, length, period))


@pytest.mark.parametrize("detector", ["adaptive", "hash"])
def test_pyscenedetects_detectors_can_be_chosen(detector: str) -> None:
    frames = [texture(1 + (i >= 50)) for i in range(100)]
    assert cuts_in(frames, ShotConfig(detector=detector)) == [50]  # type: ignore[arg-type]


def test_frames_that_look_alike_have_hashes_that_differ_little() -> None:
    def hashes(frames: Iterable[np.ndarray]) -> np.ndarray:
        glances = Glances(5)
        for index, frame in enumerate(frames):
            glances.feed(VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24"), index)
        return glances.finish().hashes_N

    plain, dimmed, other = hashes([texture(1), mixed(texture(1), np.zeros_like(texture(1)), 0.3), texture(2)])
    assert int(plain ^ dimmed).bit_count() <= 4 < 16 <= int(plain ^ other).bit_count()
    assert len(hashes(texture(0) for _ in range(300))) == 300


def test_a_replay_between_wipes_names_the_live_shot_that_it_shows() -> None:
    """Three wide shots of one camera, each with a thing that moves its own way; the second is shown again at half speed."""

    def play(number: int, frame: float) -> np.ndarray:
        picture = np.zeros((144, 256, 3), np.uint8)
        picture[:50], picture[50:] = (70, 60, 90), (40, 140, 50)
        x, y = round(20 + (1.6 + 0.3 * number) * frame), 60 + 20 * number
        picture[y : y + 30, x : x + 30] = (230, 230, 230)
        return picture

    parts = [(0, 0.0, 1.0, Transition.START), (1, 0.0, 1.0, Transition.CUT), (1, 20.0, 0.5, Transition.WIPE),
             (2, 0.0, 1.0, Transition.WIPE)]
    glances, shots = Glances(5), []
    for index, (number, start, speed, kind) in enumerate(parts):
        for i in range(75):
            frame = VideoFrame.from_ndarray(play(number, start + i * speed), "rgb24")
            glances.feed(frame, 75 * index + i)
        span = Span(start_s=3 * index, end_s=3 * index + 3)
        shots.append(Shot(shot_id=f"s{index}", broadcast_id="b", shot_index=index, span=span, transition=kind))
    described = describe_shots(shots, glances.finish(), RATE)
    assert [shot.replay_of for shot in described] == [None, None, "s1", None]
    assert [shot.replay for shot in described] == [False, False, True, False]
    assert {shot.camera for shot in described} == {CameraKind.WIDE}
    # A wipe that none follows opens no replay.
    assert not any(shot.replay for shot in describe_shots(shots[:3], glances.finish(), RATE))


def test_a_second_cut_comes_no_sooner_than_the_shortest_shot() -> None:
    frames = [scene(1 + (i >= 50) + (i >= 55)) for i in range(100)]
    assert cuts_in(frames) == [50]
    assert cuts_in(frames, ShotConfig(min_shot_s=0.1)) == [50, 55]


@pytest.mark.parametrize("seed", [11])
def test_simulated_cuts_are_found_and_the_shots_cover_the_broadcast(tmp_path: Path, seed: int) -> None:
    broadcast = SimulatedBroadcast(Sport.TENNIS, seed, 12)
    path = tmp_path / "t.mp4"
    write_video(path, (broadcast.frame(i) for i in range(broadcast.num_frames)), RATE, preset="ultrafast")
    decoded = decode_once(path, tmp_path / "proxy.mp4", tmp_path)
    true = [RATE.frame_at(shot.span.start_s) for shot in broadcast.shots][1:]
    assert true and [change.frame_index for change in decoded.changes] == true
    shots = detect_shots(tmp_path / "proxy.mp4", "b")
    assert [RATE.frame_at(s.span.start_s) for s in shots] == [0, *true]
    assert [s.transition for s in shots] == [Transition.START] + [Transition.CUT] * len(true)
    assert all(a.span.end_s == b.span.start_s for a, b in pairwise(shots))
    assert shots[-1].span.end_s == broadcast.num_frames / 25


@given(st.integers(0, 2**32 - 1), st.sampled_from([(2, 2), (4, 4), (4, 7), (36, 1), (1, 64)]))
def test_block_sums_are_the_sums_of_blocks(seed: int, block: tuple[int, int]) -> None:
    down, across = block
    pictures = np.random.default_rng(seed).integers(0, 256, (3, 36, 64), np.uint8)[:, :, : 64 // across * across]
    blocks = pictures.reshape(3, 36 // down, down, -1, across)
    assert np.array_equal(block_sums(pictures, down, across), blocks.sum((2, 4)))


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 11]))
def test_median_of_arrays(seed: int, count: int) -> None:
    arrays = np.random.default_rng(seed).integers(0, 9, (count, 4, 5)).astype(np.float32)  # with ties
    assert np.array_equal(_median(list(arrays)), np.median(arrays, axis=0))


@pytest.mark.parametrize("size", [(1280, 720), (640, 360), (202, 360), (320, 240), (96, 54), (32, 18)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "nv12", "yuvj420p"])
def test_a_glance_is_the_picture_scaled_down_whatever_its_size_and_format(size: tuple[int, int], pixel_format: str) -> None:
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    image = np.stack([40 + 150 * x, 60 + 120 * y, 200 - 100 * x * y], -1).astype(np.uint8)
    picture = VideoFrame.from_ndarray(image, "rgb24").reformat(format=pixel_format)
    seen_3HW = Glances(1).feed(picture, 0).astype(int)
    expected = VideoFrame.from_ndarray(image, "rgb24").reformat(64, 36, "yuv444p", interpolation="AREA").to_ndarray()
    assert np.abs(seen_3HW - expected).mean() < 2 and np.abs(seen_3HW - expected).max() < 12
