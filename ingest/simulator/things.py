"""Large things that several sports show when something happens: officials, arrows, panels, bursts, cards.

They are drawn on a Canvas in its own units: a thing stands on the origin and fills at most 190 by 140 units above it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingest.simulator.canvas import Canvas
from ingest.simulator.looks import BLACK, SKINS, WHITE, Colour, shade

Place = tuple[float, float]


def draw_official(
    canvas: Canvas, shirt: Colour, left_hand: Place, right_hand: Place, *, striped: bool = False, trousers: Colour = BLACK,
    skin: Colour = SKINS[1], hair: Colour = (40, 30, 24),
) -> None:
    """A referee or judge from the knees up, about 130 units high, with both hands where they are wanted."""
    for x in (-17, 17):
        canvas.line(x, 0, x, 84, trousers, 25)
    _arm(canvas, -30, left_hand, shirt, skin)
    canvas.polygon([(-36, 4), (-32, -66), (-20, -78), (20, -78), (32, -66), (36, 4)], shirt)
    if striped:
        for x in (-24, -8, 8, 24):
            canvas.line(x, -70, x, -2, BLACK, 7)
    _arm(canvas, 30, right_hand, shirt, skin)
    canvas.line(0, -84, 0, -76, shade(skin, 0.86), 16)
    canvas.ellipse(0, -102, 17, 21, skin)
    canvas.ellipse(0, -109, 18, 15, hair, start=180, end=360)


def _arm(canvas: Canvas, shoulder_x: float, hand: Place, shirt: Colour, skin: Colour) -> None:
    x, y = hand
    bend_x, bend_y = shoulder_x + (x - shoulder_x) * 0.55, -66 + (y + 66) * 0.55
    canvas.line(shoulder_x, -66, bend_x, bend_y, shirt, 18)
    canvas.line(bend_x, bend_y, x, y, skin, 13)
    canvas.circle(x, y, 10, skin)


def draw_arrow(canvas: Canvas, points: Sequence[Place], colour: Colour, width: float = 10) -> None:
    """A line through the points that ends in an arrowhead."""
    (x0, y0), (x1, y1) = points[-2], points[-1]
    along = np.array([x1 - x0, y1 - y0]) / max(1e-6, float(np.hypot(x1 - x0, y1 - y0)))
    across, tip = np.array([-along[1], along[0]]), np.array([x1, y1])
    canvas.path(points, colour, width)
    canvas.polygon(np.array([tip + along * width * 1.5, tip + across * width * 1.5, tip - across * width * 1.5]), colour)


def bow(x: float, y: float, rx: float, ry: float, start_deg: float, end_deg: float) -> list[Place]:
    """Points along an arc of an ellipse, clockwise on the screen where end_deg is the greater."""
    angles = np.radians(np.linspace(start_deg, end_deg, 20))
    return [(x + rx * float(np.cos(a)), y + ry * float(np.sin(a))) for a in angles]


def draw_panel(canvas: Canvas, colour: Colour, frame: Colour = WHITE) -> None:
    """A board that fills the whole place of the thing."""
    canvas.box(-96, -138, 96, 0, frame)
    canvas.box(-90, -132, 90, -6, colour)


def draw_burst(canvas: Canvas, x: float, y: float, radius: float, outer: Colour, inner: Colour) -> None:
    """A star of twelve points: something hits."""
    angles = np.arange(24) * np.pi / 12
    reach = np.where(np.arange(24) % 2, 0.6, 1.0) * radius
    star = np.column_stack([np.cos(angles) * reach, np.sin(angles) * reach])
    canvas.polygon(star + np.array([x, y]), outer)
    canvas.polygon(star * 0.7 + np.array([x, y]), inner)


def draw_cross(canvas: Canvas, x: float, y: float, reach: float, colour: Colour, width: float) -> None:
    """Two strokes through (x, y): not so."""
    canvas.line(x - reach, y - reach, x + reach, y + reach, colour, width)
    canvas.line(x - reach, y + reach, x + reach, y - reach, colour, width)
