"""ingest.shot_network: TransNetV2, with the weights that its package brings along, alone and as a second look."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from av.video.frame import VideoFrame
from pydantic import ValidationError

from deepsport.errors import UserError
from deepsport.taxonomy import Transition
from deepsport.timebase import FrameRate
from ingest import shot_network
from ingest.glances import Glances
from ingest.shots import Change, ShotConfig, finder_of

RATE = FrameRate(num=25)


def scene(seed: int, shift: int = 0) -> np.ndarray:
    """A still of coloured blocks, panned by so many pixels: (144, 256, 3)."""
    blocks = np.random.default_rng(seed).integers(30, 220, (9, 60, 3))
    return np.repeat(np.repeat(blocks, 16, 0), 16, 1)[:, shift : shift + 256].astype(np.uint8)


def changes_in(frames: Iterable[np.ndarray], config: ShotConfig) -> list[Change]:
    finder, glances = finder_of(config, RATE), Glances(5)
    for index, frame in enumerate(frames):
        picture = VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
        finder.feed(picture, glances.feed(picture, index), index)
    return finder.finish()


def test_a_network_that_is_not_there_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shot_network, "find_spec", lambda name: None)
    for config in (ShotConfig(detector="network"), ShotConfig(second_look=True)):
        with pytest.raises(UserError, match=r"pip install 'deepsport\[transnet\]'"):
            finder_of(config, RATE)


@pytest.mark.parametrize(
    ("senseless", "why"),
    [({"detector": "hash", "second_look": True}, "not for hash"), ({"detector": "network", "threshold": 27}, "at most 1")],
)
def test_settings_that_the_network_cannot_follow_are_refused(senseless: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        ShotConfig.model_validate(senseless)


def test_a_second_look_is_not_asked_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is a mock that sees a change everywhere: what counts is how many pictures it is shown."""
    shown: list[int] = []

    def likely(network: object, rgb_NHW3: np.ndarray) -> np.ndarray:
        shown.append(len(rgb_NHW3))
        return np.ones((len(rgb_NHW3), 2), np.float32)

    monkeypatch.setattr(shot_network, "_likelihoods", likely)
    monkeypatch.setattr(shot_network, "_network", lambda: None)
    look, pictures_N3HW = shot_network.SecondLook(), np.zeros((400, 3, 36, 64), np.uint8)
    said = []
    for _ in range(25):
        look.allow(400)
        said += [look.sees(pictures_N3HW, place, place) for place in range(0, 400, 20)]
    assert sum(shown) == pytest.approx(0.05 * 25 * 400, abs=3 * 51) and sum(said) == len(shown)
    assert said[:2] == [True, True], "a short film is looked at too"


@pytest.mark.slow
def test_the_network_finds_cuts_to_the_frame_and_a_dissolve_wherever_they_fall() -> None:
    cuts = (49, 50 + 26, 110)  # at the seams between what is judged at a time, and elsewhere

    def frame(i: int) -> np.ndarray:
        if i < 150:
            return scene(sum(i >= cut for cut in cuts), shift=i // 4)
        share = min(1.0, (i - 150) / 14)
        return (scene(3, shift=i // 4) * (1 - share) + scene(9, shift=i // 4) * share).astype(np.uint8)

    changes = changes_in((frame(i) for i in range(200)), ShotConfig(detector="network"))
    assert [c.frame_index for c in changes if c.kind is Transition.CUT] == list(cuts)
    assert [150 < c.window.idx_start <= c.window.idx_end < 166 for c in changes if c.kind is Transition.DISSOLVE] == [True]
    assert changes_in([], ShotConfig(detector="network")) == []


@pytest.mark.slow
def test_a_second_look_decides_on_what_is_unsure_and_is_asked_about_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, bool]] = []
    sees = shot_network.SecondLook.sees

    def told(self: shot_network.SecondLook, pictures: np.ndarray, first: int, last: int) -> bool:
        asked.append((first, last, sees(self, pictures, first, last)))
        return asked[-1][2]

    monkeypatch.setattr(shot_network.SecondLook, "sees", told)
    slow = [scene(1 + (i >= 60), shift=i) for i in range(120)]
    swift = [scene(1 + (i >= 60), shift=2 * i) for i in range(120)]
    for frames, ratio, seen in ((slow, 20, True), (swift, 12, False)):  # too strict for the pan that goes on beside the cut
        strict = ShotConfig(step_ratio=ratio)
        asked.clear()
        assert changes_in(frames, strict) == [] and not asked
        found = changes_in(frames, strict.model_copy(update={"second_look": True}))
        assert asked == [(60, 60, seen)] and [(c.kind, c.frame_index) for c in found] == [(Transition.CUT, 60)] * seen
    asked.clear()
    assert [c.frame_index for c in changes_in(slow, ShotConfig(second_look=True))] == [60] and not asked


@pytest.mark.slow
def test_loading_the_network_changes_nothing_for_others() -> None:
    torch.manual_seed(1), np.random.seed(1), random.seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    shot_network._network.cache_clear()
    changes_in((scene(1) for _ in range(5)), ShotConfig(detector="network"))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == (threads, strict)
