"""How one picture gives way to another, and what a flash does to one. Pictures are HWC uint8 RGB and of one size."""

from __future__ import annotations

import cv2
import numpy as np

from deepsport.taxonomy import Transition
from ingest.simulator.canvas import Canvas, Image
from ingest.simulator.looks import WHITE, Look, shade

_BAND_PX = 130
"""Width of the band that wipes a picture away, and how far it leans from top to bottom."""
_FLASH = (0.72, 0.3)
"""How far the frames of a flash are driven towards white."""


def mixed(kind: Transition, before: Image, after: Image, share: float, look: Look) -> Image:
    """The picture in the middle of a gradual transition; share in (0, 1) is how much of it has passed."""
    if kind is Transition.DISSOLVE:
        return np.asarray(cv2.addWeighted(before, 1 - share, after, share, 0), np.uint8)
    if kind is Transition.FADE:  # to black, and out of it
        return np.asarray(cv2.convertScaleAbs(before if share < 0.5 else after, alpha=abs(1 - 2 * share)), np.uint8)
    assert kind is Transition.WIPE, kind
    return _wiped(before, after, share, look)


def _wiped(before: Image, after: Image, share: float, look: Look) -> Image:
    """A leaning band in the colours of both teams passes from left to right; behind it is the picture that comes."""
    height, width = before.shape[:2]
    lean = _BAND_PX // 2
    edge = -_BAND_PX - lean + share * (width + 2 * (_BAND_PX + lean))
    picture = before.copy()
    mask = np.zeros((height, width), np.uint8)
    corners = np.array([(0, 0), (edge + lean, 0), (edge - lean, height), (0, height)])
    if edge + lean > 0:
        cv2.fillPoly(mask, [corners.round().astype(np.int32)], 255)
        cv2.copyTo(after, mask, picture)
    canvas = Canvas(picture)
    for start, end, colour in (
        (-1.0, 1.0, (16, 18, 26)),
        (-0.8, -0.1, look.kit(look.teams[0])),
        (0.1, 0.8, look.kit(look.teams[1])),
        (-0.06, 0.06, WHITE),
    ):
        left, right = edge + start * _BAND_PX / 2, edge + end * _BAND_PX / 2
        canvas.polygon([(left + lean, 0), (right + lean, 0), (right - lean, height), (left - lean, height)], shade(colour, 1.0))
    return picture


def flashed(image: Image, step: int) -> Image:
    """The picture in a photographer's flash; step counts the frames of the flash from 0."""
    share = _FLASH[step]
    return np.asarray(cv2.convertScaleAbs(image, alpha=1 - share, beta=255 * share), np.uint8)
