"""What a sport's hall sounds like beside the commentator: its crowd, and what rings when something happens.

Everything is computed: noise, and a few tones. All is mono float32 at 16 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepsport.taxonomy import Sport

SAMPLE_RATE: Final = 16_000
Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ambience:
    """The sound of a place."""

    crowd: float = 0.012
    """Effective value of the crowd's murmur."""
    bright_hz: float = 500
    """Where the murmur begins to fall off: low in a stadium, high in a small hall."""
    swell: float = 1.2
    """How much louder the crowd becomes after an event, as a multiple of itself."""
    signals: dict[str, tuple[str, float]] = field(default_factory=dict)
    """For some kinds of event: what sounds (see `signal`), and how many seconds after its moment."""
    asides: float = 0.0
    """How often the chatter between two events speaks of an event that is not happening."""


OPEN_AIR: Final = Ambience()
AMBIENCES: Final[dict[Sport, Ambience]] = {
    Sport.BASKETBALL: Ambience(0.014, 900, 1.6, {"personal_foul": ("whistle", 0.05), "turnover": ("whistle", 0.1)}, 0.25),
    Sport.ICE_HOCKEY: Ambience(
        0.015, 700, 2.0, {"goal": ("horn", 0.1), **dict.fromkeys(("icing", "offside", "minor_penalty"), ("whistle", 0.05))}, 0.25
    ),
    Sport.FENCING: Ambience(0.004, 1200, 1.5, {"attack": ("buzzer", 0.0), "riposte": ("buzzer", 0.0)}, 0.25),
    Sport.BOXING: Ambience(0.012, 800, 1.8, {"knockout": ("bell", 0.15), "technical_knockout": ("bell", 0.15)}, 0.25),
    Sport.DIVING: Ambience(
        0.004, 1500, 1.0, dict.fromkeys(("forward_dive", "back_dive", "inward_dive", "armstand_dive"), ("splash", 1.5)), 0.25
    ),
    Sport.TABLE_TENNIS: Ambience(0.003, 1200, 2.4, {}, 0.25),
    Sport.BADMINTON: Ambience(0.005, 1000, 2.0, {}, 0.25),
    Sport.AMERICAN_FOOTBALL: Ambience(0.015, 600, 1.6, {"interception": ("whistle", 0.3)}, 0.25),
}
"""The places that do not sound like a stadium in the open air."""


def ambience_of(sport: Sport) -> Ambience:
    """How the sport's place sounds."""
    return AMBIENCES.get(sport, OPEN_AIR)


@lru_cache(maxsize=8)
def signal(name: str) -> Samples:
    """A ``whistle``, ``horn``, ``buzzer``, ``bell`` or ``splash``, soft enough to be spoken over.

    Raises: KeyError for another name.

    >>> len(signal("bell")) / SAMPLE_RATE
    0.9
    """
    seconds = {"whistle": 0.3, "horn": 0.8, "buzzer": 0.35, "bell": 0.9, "splash": 0.5}[name]
    time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    fade = np.minimum(1, np.minimum(time_s, seconds - time_s) / 0.02)
    if name == "whistle":  # the pea makes the tone warble
        sound = np.sin(2 * np.pi * 2900 * time_s + 2 * np.sin(2 * np.pi * 38 * time_s))
    elif name == "horn":
        sound = sum(np.sin(2 * np.pi * 185 * n * time_s) / n for n in range(1, 9))
    elif name == "buzzer":
        sound = np.sign(np.sin(2 * np.pi * 620 * time_s)) * 0.7
    elif name == "bell":  # three strokes
        sound = sum(
            np.where(time_s >= at, np.exp(-9 * (time_s - at)), 0) * np.sin(2 * np.pi * hertz * time_s)
            for at in (0.0, 0.25, 0.5) for hertz in (1050, 2310, 3120)
        ) / 3
    else:
        noise = np.convolve(np.random.default_rng(0).normal(0, 1, len(time_s)), np.ones(6) / 6, "same")
        sound = noise * np.exp(-7 * time_s)
    return np.asarray(0.05 * sound * fade, np.float32)
