"""What stands still or nearly so: the crowd and people seen from near, tables, names, the score bug."""

from __future__ import annotations

import numpy as np

from ingest.simulator.canvas import Canvas, Image, blurred, draw_crowd
from ingest.simulator.looks import BLACK, DARK, HAIRS, KITS, SHORT_NAMES, SKINS, WHITE, Colour, Look, shade
from ingest.simulator.stage import HEIGHT, WIDTH

_INK: Colour = (24, 27, 38)
_GOLD: Colour = (255, 226, 130)


def paint_crowd(rng: np.random.Generator, look: Look) -> Image:
    """A stand filled with people, seen from near; larger than a frame."""
    image = draw_crowd(rng, HEIGHT + 40, WIDTH + 60, 46, look.crowd_hue, look.light * 1.15)
    canvas = Canvas(image, look.light)
    for _ in range(9):
        x, y = rng.uniform(0, WIDTH + 60), rng.uniform(40, HEIGHT)
        red, green, blue = (int(c) for c in rng.integers(60, 170, 3))
        canvas.polygon([(x, y), (x + 46, y - 6), (x + 46, y + 6), (x, y + 12)], (red, green, blue))
    return blurred(image, 1)


def paint_background(rng: np.random.Generator, look: Look) -> Image:
    """A stand out of focus; larger than a frame."""
    return blurred(draw_crowd(rng, HEIGHT + 20, WIDTH + 40, 30, look.crowd_hue, look.light * 0.8), 9)


def paint_coach(rng: np.random.Generator, look: Look) -> Image:
    """A coach in grey, head and shoulders, before a stand out of focus."""
    image = paint_background(rng, look)
    canvas = Canvas(image, look.light).at(340 + rng.uniform(-60, 60), 380)
    skin, hair = SKINS[int(rng.integers(len(SKINS)))], HAIRS[int(rng.integers(len(HAIRS)))]
    suit = shade((72, 76, 86), float(rng.uniform(0.6, 1.2)))
    _draw_shoulders(canvas, suit)
    canvas.polygon([(-30, -146), (30, -146), (0, -60)], (190, 194, 200))
    canvas.polygon([(-8, -136), (8, -136), (12, -60), (0, -40), (-12, -60)], shade(suit, 0.5))
    _draw_head(canvas, skin, hair)
    return image


def draw_player_near(canvas: Canvas, rng: np.random.Generator, kit: Colour, number: int, sway: float) -> None:
    """A player, head and shoulders, standing on the origin; sway (-1 to 1) moves head and body."""
    skin, hair = SKINS[int(rng.integers(len(SKINS)))], HAIRS[int(rng.integers(len(HAIRS)))]
    body = canvas.at(5 * sway, 0)
    _draw_shoulders(body, kit)
    dark = sum(kit) < 330
    body.polygon([(-34, -145), (34, -145), (0, -112)], shade(kit, 0.55 if not dark else 1.6))
    body.text(-21 * len(str(number)), -28, str(number), 2.1, WHITE if dark else BLACK, 6)
    _draw_head(canvas.at(11 * sway, 3 * abs(sway)), skin, hair)


def _draw_shoulders(canvas: Canvas, colour: Colour) -> None:
    outline = [(-150, 0), (-138, -88), (-96, -124), (-30, -146), (30, -146), (96, -124), (138, -88), (150, 0)]
    canvas.polygon([(float(x), float(y)) for x, y in outline], colour)


def _draw_head(canvas: Canvas, skin: Colour, hair: Colour) -> None:
    canvas.line(0, -170, 0, -146, shade(skin, 0.86), 46)
    canvas.ellipse(0, -222, 56, 72, skin)
    canvas.ellipse(0, -246, 60, 54, hair, start=180, end=360)
    for eye in (-21, 21):
        canvas.ellipse(eye, -222, 8, 5, (236, 236, 236))
        canvas.circle(eye, -222, 4, BLACK)
        canvas.line(eye - 9, -236, eye + 9, -236, hair, 4)
    canvas.line(0, -218, -4, -198, shade(skin, 0.8), 4)
    canvas.line(-15, -178, 15, -178, (130, 60, 60), 5)


def paint_bug(look: Look, words: tuple[str, ...]) -> Image:
    """The score bug: a row for each team, and the clock."""
    image: Image = np.empty((36, 132, 3), np.uint8)
    image[:] = _INK
    image[:, 87:] = (38, 43, 60)
    canvas = Canvas(image)
    for row, team in enumerate(look.teams):
        canvas.box(3, 4 + 16 * row, 8, 15 + 16 * row, KITS[team])
        canvas.text(12, 15 + 16 * row, SHORT_NAMES[team], 0.4, WHITE)
        canvas.text(46, 15 + 16 * row, words[row], 0.4, _GOLD)
    canvas.text(91, 23, words[2], 0.36, (214, 222, 236))
    return image


def paint_full_screen(look: Look, words: tuple[str, ...]) -> Image:
    """A graphic that fills the screen: a title of two lines, or a table."""
    image: Image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    image[:] = np.linspace(0.5, 1.3, HEIGHT)[:, None, None] * np.array(shade(look.surface, 0.35))
    canvas = Canvas(image)
    for x, team in zip((0, WIDTH - 26), look.teams, strict=True):
        canvas.box(x, 0, x + 26, HEIGHT, KITS[team])
    if "|" in words[0]:
        table = paint_table(look, words)
        top, left = (HEIGHT - table.shape[0]) // 2, (WIDTH - table.shape[1]) // 2
        image[top : top + table.shape[0], left : left + table.shape[1]] = table
        return image
    canvas.box(60, 118, WIDTH - 60, 188, _INK)
    _centre(canvas, WIDTH / 2, 166, words[0], 1.25, WHITE, 2)
    _centre(canvas, WIDTH / 2, 228, words[1], 0.8, _GOLD, 1)
    return image


def paint_table(look: Look, words: tuple[str, ...]) -> Image:
    """A table of rows ``left|what|right`` under a heading, for most of the screen."""
    image: Image = np.empty((52 + 46 * (len(words) - 1), 460, 3), np.uint8)
    image[:] = _INK
    canvas = Canvas(image)
    for row, line in enumerate(words):
        left, what, right = line.split("|")
        y = 46 * row + 34
        if row:
            canvas.box(12, y - 25, 448, y + 11, (38, 43, 60))
        else:
            canvas.box(0, 0, 230, 5, KITS[look.teams[0]])
            canvas.box(230, 0, 460, 5, KITS[look.teams[1]])
        _centre(canvas, 66, y, left, 0.6, _GOLD if row else WHITE, 1)
        _centre(canvas, 230, y, what, 0.55, WHITE, 1)
        _centre(canvas, 394, y, right, 0.6, _GOLD if row else WHITE, 1)
    return image


def paint_lower_third(look: Look, words: tuple[str, ...]) -> Image:
    """A team and a name, for the bottom of the picture."""
    image: Image = np.empty((46, 250, 3), np.uint8)
    image[:] = _INK
    canvas = Canvas(image)
    canvas.box(0, 0, 9, 46, KITS[next(team for team in look.teams if team.upper() == words[0])])
    canvas.text(20, 17, words[0], 0.42, _GOLD)
    canvas.text(20, 38, words[1], 0.62, WHITE)
    return image


def paint_replay_mark() -> Image:
    """The word that marks a replay."""
    image: Image = np.empty((22, 74, 3), np.uint8)
    image[:] = DARK
    Canvas(image).text(7, 16, "REPLAY", 0.45, WHITE)
    return image


def _centre(canvas: Canvas, x: float, y: float, text: str, size: float, colour: Colour, width: int) -> None:
    canvas.text(x - canvas.text_width(text, size, width) / 2, y, text, size, colour, width)
