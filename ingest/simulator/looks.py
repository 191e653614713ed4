"""How one broadcast looks: kits, surface, light, sizes. Everything here is drawn from the seed, so that nothing can be memorised.

Colours are (red, green, blue), 0 to 255.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]

KITS: Final[dict[str, Colour]] = {
    "red": (206, 18, 30),
    "blue": (28, 62, 222),
    "yellow": (252, 238, 44),
    "white": (246, 246, 246),
    "orange": (255, 118, 0),
    "purple": (150, 36, 204),
}
"""Kit colours by the name a viewer would use; far apart from one another and from every surface."""

SHORT_NAMES: Final[dict[str, str]] = {name: name[:3].upper() for name in KITS}

WHITE: Final[Colour] = (250, 250, 250)
BLACK: Final[Colour] = (18, 18, 22)
DARK: Final[Colour] = (44, 46, 54)
CYAN: Final[Colour] = (0, 214, 226)
MAGENTA: Final[Colour] = (244, 20, 150)
CARD_YELLOW: Final[Colour] = (255, 222, 0)
OPTIC: Final[Colour] = (206, 246, 40)
"""The yellow-green of a tennis ball."""

SKINS: Final[tuple[Colour, ...]] = ((244, 205, 172), (222, 172, 132), (186, 132, 94), (126, 84, 58), (90, 60, 44))
HAIRS: Final[tuple[Colour, ...]] = ((30, 24, 20), (78, 50, 28), (150, 110, 60), (60, 56, 56))


@dataclass(frozen=True, slots=True)
class Look:
    """The looks of one broadcast."""

    teams: tuple[str, str]
    """Names of two different kits; the first team plays from left to right."""
    surface: Colour
    surround: Colour
    """What lies around the marked field."""
    light: float
    """Multiplies every colour, about 0.86 to 1.1."""
    figure_scale: float
    """Size of the big figures of an event, about 0.93 to 1.07."""
    noise: int
    """Peak of the camera's noise, in grey levels."""
    stripes: float
    """Contrast of the mowing or board stripes, 0 to 0.08."""
    crowd_hue: float
    """Leaning of the crowd's clothes, 0 to 1."""
    boards: tuple[Colour, ...]
    """Colours of the advertising boards."""

    def kit(self, team: str) -> Colour:
        """The kit's colour."""
        return KITS[team]


def choose_look(rng: np.random.Generator, surfaces: tuple[tuple[Colour, Colour], ...], max_noise: int) -> Look:
    """A look drawn from rng. surfaces holds pairs of field and surround."""
    first, second = rng.permutation(len(KITS))[:2]
    surface, surround = surfaces[int(rng.integers(len(surfaces)))]
    tint = rng.integers(-9, 10, 3)
    board_colours = rng.integers(20, 150, (6, 3))
    names = tuple(KITS)
    return Look(
        teams=(names[first], names[second]),
        surface=_shifted(surface, tint),
        surround=_shifted(surround, tint),
        light=float(rng.uniform(0.86, 1.1)),
        figure_scale=float(rng.uniform(0.93, 1.07)),
        noise=int(rng.integers(max_noise // 2, max_noise + 1)) if max_noise else 0,
        stripes=float(rng.uniform(0.0, 0.08)),
        crowd_hue=float(rng.uniform(0, 1)),
        boards=tuple((int(r), int(g), int(b)) for r, g, b in board_colours),
    )


@lru_cache(maxsize=8192)
def shade(colour: Colour, factor: float) -> Colour:
    """The colour made lighter or darker.

    >>> shade((100, 200, 10), 1.5)
    (150, 255, 15)
    """
    red, green, blue = (min(255, max(0, round(c * factor))) for c in colour)
    return red, green, blue


def _shifted(colour: Colour, tint: NDArray[np.int64]) -> Colour:
    red, green, blue = (int(np.clip(c + d, 0, 255)) for c, d in zip(colour, tint, strict=True))
    return red, green, blue
