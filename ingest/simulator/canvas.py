"""Drawing with OpenCV on one picture: plain shapes, and the few things that every sport shows (people, balls, nets).

A Canvas has an origin and a scale, so that a thing is drawn once in units of its own and placed with ``canvas.at(x, y, scale)``:
x grows to the right, y downwards, and a thing stands on y = 0. Edges are smooth and positions are kept to an eighth of a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.simulator.looks import BLACK, DARK, WHITE, Colour, shade

Image = NDArray[np.uint8]
_SHIFT = 3
_UNIT = 1 << _SHIFT


class Canvas:
    """A picture (HWC uint8 RGB) to draw on, with an origin and a scale. light multiplies every colour."""

    __slots__ = ("image", "light", "scale", "x", "y")

    def __init__(self, image: Image, light: float = 1.0, x: float = 0.0, y: float = 0.0, scale: float = 1.0) -> None:
        self.image, self.light, self.x, self.y, self.scale = image, light, x, y, scale

    def at(self, x: float, y: float, scale: float = 1.0) -> Canvas:
        """The same picture, with the origin at (x, y) and units scale times as large."""
        return Canvas(self.image, self.light, self.x + x * self.scale, self.y + y * self.scale, self.scale * scale)

    def _point(self, x: float, y: float) -> tuple[int, int]:
        return int((self.x + x * self.scale) * _UNIT), int((self.y + y * self.scale) * _UNIT)

    def _width(self, width: float) -> int:
        return max(1, round(width * self.scale))

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, width: float) -> None:
        """A line with round ends."""
        # Most of what is drawn is lines: written out, for calls cost more than drawing them.
        x, y, scale = self.x, self.y, self.scale
        start = int((x + x0 * scale) * _UNIT), int((y + y0 * scale) * _UNIT)
        end = int((x + x1 * scale) * _UNIT), int((y + y1 * scale) * _UNIT)
        thickness = round(width * scale) or 1
        cv2.line(self.image, start, end, shade(colour, self.light), thickness, cv2.LINE_AA, _SHIFT)

    def polygon(self, points: Sequence[tuple[float, float]] | NDArray[np.float64], colour: Colour) -> None:
        """A filled polygon."""
        corners = np.array([self._point(x, y) for x, y in points], np.int32)
        cv2.fillPoly(self.image, [corners], shade(colour, self.light), cv2.LINE_AA, _SHIFT)

    def path(self, points: Sequence[tuple[float, float]] | NDArray[np.float64], colour: Colour, width: float) -> None:
        """An open polyline."""
        corners = np.array([self._point(x, y) for x, y in points], np.int32)
        cv2.polylines(self.image, [corners], False, shade(colour, self.light), self._width(width), cv2.LINE_AA, _SHIFT)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """A filled upright rectangle."""
        (left, top), (right, bottom) = self._point(x0, y0), self._point(x1, y1)
        start, end = (left >> _SHIFT, top >> _SHIFT), (right >> _SHIFT, bottom >> _SHIFT)
        cv2.rectangle(self.image, start, end, shade(colour, self.light), cv2.FILLED)

    def circle(self, x: float, y: float, radius: float, colour: Colour, width: float = -1) -> None:
        """A disc, or a ring when a width is given."""
        thickness = cv2.FILLED if width < 0 else self._width(width)
        radius_px = max(1, int(radius * self.scale * _UNIT))
        tone = shade(colour, self.light)
        cv2.circle(self.image, self._point(x, y), radius_px, tone, thickness, cv2.LINE_AA, _SHIFT)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, *,
        angle: float = 0, start: float = 0, end: float = 360, width: float = -1,
    ) -> None:
        """A filled ellipse, or an outline when a width is given; angles in degrees, clockwise on the screen."""
        thickness = cv2.FILLED if width < 0 else self._width(width)
        axes = max(1, int(rx * self.scale * _UNIT)), max(1, int(ry * self.scale * _UNIT))
        tone = shade(colour, self.light)
        cv2.ellipse(self.image, self._point(x, y), axes, angle, start, end, tone, thickness, cv2.LINE_AA, _SHIFT)

    def text(self, x: float, y: float, text: str, size: float, colour: Colour, width: int = 1) -> None:
        """A line of text whose lower left corner is (x, y); size 1 is about 20 pixels high."""
        place = round(self.x + x * self.scale), round(self.y + y * self.scale)
        face = cv2.FONT_HERSHEY_DUPLEX
        cv2.putText(self.image, text, place, face, size * self.scale, shade(colour, self.light), width, cv2.LINE_AA)

    @staticmethod
    def text_width(text: str, size: float, width: int = 1) -> int:
        """How wide a line of text is, in units."""
        return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, size, width)[0][0])


def draw_small_player(canvas: Canvas, kit: Colour, skin: Colour, stride: float) -> None:
    """A player of the wide shots, 10 units high, standing on the origin. stride in -1..1 is the phase of the run."""
    canvas.ellipse(1.2, 0, 3.2, 0.9, (30, 52, 34))
    canvas.line(-0.5, -4.2, -0.5 - 1.3 * stride, -0.3, shade(skin, 0.88), 1.1)
    canvas.line(0.5, -4.2, 0.5 + 1.3 * stride, -0.3, skin, 1.1)
    if canvas.scale > 2.4:  # near enough to tell arms, torso and shorts
        canvas.line(-1.4, -7.6, -2.0 + 0.6 * stride, -5.0, shade(skin, 0.9), 0.8)
        canvas.line(1.4, -7.6, 2.0 + 0.6 * stride, -5.0, skin, 0.8)
        canvas.polygon([(-1.2, -8.3), (1.2, -8.3), (1.7, -7.6), (1.3, -4.9), (-1.3, -4.9), (-1.7, -7.6)], kit)
        canvas.polygon([(-1.3, -5), (1.3, -5), (1.5, -3.4), (-1.5, -3.4)], shade(kit, 0.5))
    else:
        canvas.line(0, -7.2, 0, -4.6, kit, 2.9)
    canvas.circle(0, -9.2, 1.1, skin)


def draw_figure(
    canvas: Canvas, kit: Colour, skin: Colour, hair: Colour, *, shorts: Colour = DARK, lift: float = 0.0, mirrored: bool = False
) -> None:
    """A big person, 100 units high, standing on the origin. lift (0 to 1) raises one arm; mirrored raises the other one."""
    side = -1 if mirrored else 1
    canvas.ellipse(4, 0, 20, 4, (34, 44, 40))
    for leg in (-1, 1):
        canvas.line(leg * 5, -42, leg * 6.5, -5, skin, 7)
        canvas.line(leg * 6.3, -20, leg * 6.5, -5, kit, 7)
        canvas.line(leg * 6.5, -2.5, leg * 9.5, -2, BLACK, 5)
    canvas.polygon([(-11.5, -52), (11.5, -52), (12.5, -36), (1, -36), (0, -42), (-1, -36), (-12.5, -36)], shorts)
    canvas.polygon([(-9, -86), (9, -86), (13, -82), (12, -49), (-12, -49), (-13, -82)], kit)
    _draw_arm(canvas, side, lift, kit, skin)
    _draw_arm(canvas, -side, 0.0, kit, skin)
    canvas.line(0, -88, 0, -84, shade(skin, 0.85), 6)
    canvas.ellipse(0, -93, 6, 7.2, skin)
    canvas.ellipse(0, -95.5, 6.4, 5.2, hair, start=180, end=360)
    canvas.line(-5, -80, 5, -80, shade(kit, 0.82), 1.2)


def _draw_arm(canvas: Canvas, side: int, lift: float, kit: Colour, skin: Colour) -> None:
    if lift > 0.5:
        canvas.line(side * 11, -81, side * 15, -96, kit, 6)
        canvas.line(side * 15, -96, side * 14, -112 * lift, skin, 4.5)
        return
    canvas.line(side * 12, -81, side * 15, -68, kit, 6)
    canvas.line(side * 15, -68, side * 14.5, -54, skin, 4.5)


def draw_ball(canvas: Canvas, radius: float, colour: Colour = WHITE, seam: Colour = BLACK) -> None:
    """A ball centred on the origin with a few dark patches."""
    canvas.circle(0, 0, radius, shade(colour, 0.72))
    canvas.circle(-radius * 0.06, -radius * 0.08, radius * 0.93, colour)
    canvas.circle(0, 0, radius * 0.3, seam)
    for angle in (0.3, 1.6, 2.8, 4.1, 5.3):
        canvas.circle(np.cos(angle) * radius * 0.74, np.sin(angle) * radius * 0.74, radius * 0.17, seam)


def draw_net(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, fill: Colour, cord: Colour, step: float = 12) -> None:
    """A hanging net: a filled rectangle with cords every step units."""
    canvas.box(x0, y0, x1, y1, fill)
    for x in np.arange(x0 + step, x1, step):
        canvas.line(float(x), y0, float(x), y1, cord, 1.4)
    for y in np.arange(y0 + step, y1, step):
        canvas.line(x0, float(y), x1, float(y), cord, 1.4)


def draw_crowd(rng: np.random.Generator, height: int, width: int, cell: int, hue: float, light: float) -> Image:
    """A stand full of people as a picture (height, width, 3): rows of heads and shoulders, cell pixels each."""
    rows, columns = height // cell + 1, width // cell + 2
    leaning = light * (0.7 + 0.5 * np.array([hue, 0.5, 1 - hue]))
    clothes = np.clip(rng.uniform(30, 120, (rows, columns, 3)) * leaning, 0, 255).astype(np.uint8)
    skins = np.array([(157, 128, 107), (128, 94, 72), (83, 59, 45)]) * light
    faces = np.clip(skins, 0, 255).astype(np.uint8)[rng.integers(0, 3, (rows, columns))]
    across, down = np.meshgrid((np.arange(cell) + 0.5) / cell - 0.5, (np.arange(cell) + 0.5) / cell)
    head = (across / 0.24) ** 2 + ((down - 0.32) / 0.26) ** 2 < 1
    body = ((across / 0.46) ** 2 + ((down - 1.0) / 0.52) ** 2 < 1) & ~head
    shadow = np.full((rows, columns, 3), 26 * light, np.uint8)
    parts = np.stack([shadow, clothes, faces])  # which of the three a pixel of a cell shows
    part_of = np.where(head, 2, np.where(body, 1, 0))
    shift = rng.integers(0, cell, rows)
    picture = np.empty((rows * cell, width, 3), np.uint8)
    for row in range(rows):
        pixels = np.arange(width) + shift[row]
        picture[row * cell : (row + 1) * cell] = parts[part_of[:, pixels % cell], row, pixels // cell]
    return picture[:height]


def blurred(image: Image, radius: int) -> Image:
    """The picture out of focus; radius in pixels."""
    return np.asarray(cv2.blur(image, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def enlarged(image: Image, factor: float, x: float) -> Image:
    """The part of the picture about a column, and about its lower middle, enlarged to the picture's size."""
    height, width = image.shape[:2]
    part_height, part_width = round(height / factor), round(width / factor)
    left = int(np.clip(x - part_width / 2, 0, width - part_width))
    top = round(0.7 * (height - part_height))
    part = image[top : top + part_height, left : left + part_width]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def perspective(corners_from: NDArray[np.float32], corners_to: NDArray[np.float32]) -> NDArray[np.float64]:
    """The 3x3 homography that takes four corners to four others."""
    return np.asarray(cv2.getPerspectiveTransform(corners_from, corners_to), np.float64)


def add_noise(image: Image, tile: Image, offset: int) -> Image:
    """The picture, changed in place: a tile of noise (larger than it) is laid over it, from a place that offset chooses."""
    height, width = image.shape[:2]
    top, left = offset % (tile.shape[0] - height + 1), (offset // 64) % (tile.shape[1] - width + 1)
    return np.asarray(cv2.add(image, tile[top : top + height, left : left + width], dst=image), np.uint8)
