"""Hard cases of a broadcast: what was done to it is there, and nothing else has changed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from deepsport.taxonomy import Sport
from deepsport.video import iter_frames, probe, read_audio
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import Production, SimulatorConfig
from ingest.simulator.sound import Samples
from ingest.simulator.truth import read_truth
from ingest.simulator.variants import LONG_S, Variant, simulate_variant

SPORT, SEED, SECONDS = Sport.TENNIS, 6, 8.0
CONFIG = SimulatorConfig(production=Production.BROADCAST)


@pytest.fixture(scope="module")
def original() -> SimulatedBroadcast:
    return SimulatedBroadcast(SPORT, SEED, SECONDS, CONFIG)


def made(variant: Variant, folder: Path) -> Path:
    return simulate_variant(variant, SPORT, SEED, SECONDS, folder).video


def level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def test_a_variable_rate_leaves_frames_out_and_moves_none(original: SimulatedBroadcast, tmp_path: Path) -> None:
    film = made(Variant.VARIABLE_RATE, tmp_path)
    info = probe(film)
    assert info.variable_rate and info.num_frames < original.num_frames - 20
    assert info.duration_s == pytest.approx(SECONDS, abs=0.1)
    gaps: Counter[int] = Counter()
    before = -1
    for time_s, frame in iter_frames(film):
        index = original.rate.frame_at(time_s + 0.002)
        gaps[index - before] += 1
        before = index
        if index % 50 == 0:
            assert np.abs(frame.astype(float) - original.frame(index)).mean() < 6
    assert set(gaps) == {1, 2} and before == original.num_frames - 1
    truth = read_truth(film)
    assert truth == original.truth


def test_a_rotated_film_is_stored_on_its_side_and_seen_upright(original: SimulatedBroadcast, tmp_path: Path) -> None:
    film = made(Variant.ROTATED, tmp_path)
    info = probe(film)
    assert info.rotation in (90, 270) and (info.width, info.height) == (640, 360)
    for index, (_, frame) in enumerate(iter_frames(film)):
        if index in (5, 120):
            assert np.abs(frame.astype(float) - original.frame(index)).mean() < 6
        if index > 120:
            break


def test_a_silent_film_has_a_track_without_sound_and_another_has_none(tmp_path: Path) -> None:
    silent, mute = made(Variant.SILENT, tmp_path), made(Variant.NO_AUDIO, tmp_path)
    assert probe(silent).has_audio and not probe(mute).has_audio
    assert level(read_audio(silent)) < 1e-4


def test_misplaced_commentary_is_spoken_where_the_truth_says_and_not_where_it_belongs(tmp_path: Path) -> None:
    film = simulate_variant(Variant.MISPLACED_COMMENTARY, SPORT, SEED, 24, tmp_path).video
    original, truth = SimulatedBroadcast(SPORT, SEED, 24, CONFIG), read_truth(film)
    assert truth.shots == tuple(original.shots) and truth.events == tuple(original.events)
    assert len(truth.utterances) >= len(original.utterances) - 1
    belongs = {utterance.text: utterance.span.start_s for utterance in original.utterances}
    for utterance in truth.utterances:
        assert min(abs(utterance.span.start_s - belongs[utterance.text] - shift) for shift in (8, -16)) < 1e-6
    sound = read_audio(film)
    for utterance in truth.utterances:
        start, end = (round(16_000 * s) for s in (utterance.span.start_s, utterance.span.end_s))
        assert level(sound[start:end]) > 2 * level(original.sound.part(0, 3000))


@pytest.mark.parametrize(
    ("variant", "size", "most"),
    [(Variant.REENCODED, (480, 270), 10.0), (Variant.CROPPED, (640, 360), 40.0), (Variant.LOGO, (640, 360), 6.0)],
)
def test_a_near_duplicate_shows_the_same_in_other_bytes(
    original: SimulatedBroadcast, variant: Variant, size: tuple[int, int], most: float, tmp_path: Path
) -> None:
    import cv2

    film = made(variant, tmp_path)
    info = probe(film)
    assert ((info.width, info.height), info.num_frames) == (size, original.num_frames)
    for index, (_, frame) in enumerate(iter_frames(film, size=(640, 360))):
        if index in (10, 150):
            same = cv2.resize(original.frame(index), (160, 90), interpolation=cv2.INTER_AREA).astype(float)
            seen = cv2.resize(frame, (160, 90), interpolation=cv2.INTER_AREA)
            assert 0.3 < np.abs(seen - same).mean() < most
        if index > 150:
            break


def test_a_long_broadcast_is_planned_for_two_hours() -> None:
    broadcast = SimulatedBroadcast(SPORT, SEED, LONG_S, CONFIG)
    assert broadcast.num_frames == 2 * 3600 * 25
    assert broadcast.truth.shots[-1].span.end_s == pytest.approx(LONG_S) and len(broadcast.events) > 500
    assert broadcast.frame(broadcast.num_frames - 1).shape == (360, 640, 3)
