"""The sound of a broadcast: a commentator's spoken lines over the murmur of a crowd that swells after every event.

The lines are real speech (Kokoro-82M, see make_sounds.py), kept beside this file with an index, sounds/lines.json. All is mono
float32 at 16 kHz.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter

from deepsport.taxonomy import Sport
from ingest.simulator.ambience import SAMPLE_RATE, Ambience, Samples, ambience_of, signal
from ingest.simulator.schedule import Schedule

SOUNDS_DIR: Final = Path(__file__).parent / "sounds"

LAG_S: Final = (0.3, 1.0)
"""How long after an event's moment the commentator begins to speak of it."""
_PAUSE_S: Final = 0.35
"""Least silence between two lines."""
_TILE_S: Final = 20


class Line(BaseModel):
    """A spoken line of the bank."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """The sound is sounds/<name>.opus."""
    sport: Sport | None
    """None: fits any sport."""
    kind: str | None
    """The event it tells of; None for chatter."""
    mentions: str | None = None
    """Chatter that speaks of such an event, which is not happening: said at the wrong moment on purpose."""
    voice: str
    text: str
    duration_s: float
    sha256: str
    """Of the sound file."""


class PlacedLine(NamedTuple):
    """A line that is spoken from start_s on."""

    line: Line
    start_s: float

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.start_s + self.line.duration_s


@lru_cache(maxsize=1)
def lines() -> tuple[Line, ...]:
    """All lines of the bank."""
    index = json.loads((SOUNDS_DIR / "lines.json").read_bytes())
    return tuple(TypeAdapter(list[Line]).validate_python(index["lines"], strict=False))


@lru_cache(maxsize=len(Sport) * 32)
def _lines_for(sport: Sport, kind: str | None, voice: str, *, aside: bool = False) -> tuple[Line, ...]:
    sports = (sport, None) if kind is None else (sport,)
    return tuple(
        line
        for line in lines()
        if line.kind == kind and line.sport in sports and line.voice == voice and (line.mentions is not None) == aside
    )


@lru_cache(maxsize=256)
def speech(name: str) -> Samples:
    """The samples of a line.

    Raises: MediaError when its file is missing or broken.
    """
    from deepsport.video import read_audio

    return read_audio(SOUNDS_DIR / f"{name}.opus", SAMPLE_RATE)


def place_lines(
    sport: Sport, schedule: Schedule, moments_s: list[float], length_s: float, rng: np.random.Generator
) -> list[PlacedLine]:
    """A line after each event (its moment in moments_s) and chatter between them where there is room; none overlap.

    An event after which no line of its kind fits, before the next or the end, goes without.
    """
    voices = [str(v) for v in rng.permutation(sorted({line.voice for line in lines() if line.sport is sport}))]
    starts_s = [moment_s + float(rng.uniform(*LAG_S)) for moment_s in moments_s]
    placed: list[PlacedLine] = []
    free_s = float(rng.uniform(0.2, 1.5))
    for event, start_s, end_s in zip(schedule.events, starts_s, [*starts_s[1:], length_s], strict=True):
        _say(placed, _chatter(sport, voices[1], rng), (free_s, start_s - _PAUSE_S), rng, chance=0.6)
        if _say(placed, _lines_for(sport, event.kind, voices[0]), (start_s, end_s - _PAUSE_S), rng, at_once=True):
            free_s = placed[-1].end_s + _PAUSE_S
        else:
            free_s = start_s
    _say(placed, _chatter(sport, voices[1], rng), (free_s, length_s - 0.1), rng, chance=0.6)
    return placed


def _chatter(sport: Sport, voice: str, rng: np.random.Generator) -> tuple[Line, ...]:
    asides = ambience_of(sport).asides
    return _lines_for(sport, None, voice, aside=asides > 0 and rng.random() < asides)


def _say(
    placed: list[PlacedLine],
    choices: tuple[Line, ...],
    room_s: tuple[float, float],
    rng: np.random.Generator,
    *,
    chance: float = 1.0,
    at_once: bool = False,
) -> bool:
    """Places a line that fits into the room, at its start or anywhere in it; whether one was placed."""
    fitting = tuple(line for line in choices if line.duration_s < room_s[1] - room_s[0])
    if not fitting or rng.random() >= chance:
        return False
    line = _pick(fitting, placed, rng)
    slack_s = 0.0 if at_once else float(rng.uniform(0, room_s[1] - room_s[0] - line.duration_s))
    placed.append(PlacedLine(line, room_s[0] + slack_s))
    return True


def _pick(choices: tuple[Line, ...], placed: list[PlacedLine], rng: np.random.Generator) -> Line:
    spoken = {line.name for line, _ in placed[-8:]}
    fresh = [line for line in choices if line.name not in spoken] or choices
    return fresh[int(rng.integers(len(fresh)))]


class Sound:
    """The lines over the crowd and what rings in the sport's place, duration_s long. Only the part that is asked for is held."""

    def __init__(
        self,
        placed: list[PlacedLine],
        happened: list[tuple[float, str]],
        place: Ambience,
        duration_s: float,
        rng: np.random.Generator,
    ) -> None:
        """happened: the moments of the events, in seconds and in order, and their kinds."""
        self.num_samples = round(duration_s * SAMPLE_RATE)
        tile = _crowd_tile(place.bright_hz)
        shift = int(rng.integers(len(tile)))
        self._crowd = np.roll(tile, shift) * np.float32(place.crowd * rng.uniform(0.7, 1.3))
        self._swell = 1 + np.float32(place.swell) * np.hanning(2 * SAMPLE_RATE).astype(np.float32)
        self._swells = [_sample(moment_s + 0.2) for moment_s, _ in happened]
        self._lines = [(_sample(start_s), line.name) for line, start_s in placed]
        ringing = [(moment_s, *place.signals[kind]) for moment_s, kind in happened if kind in place.signals]
        self._signals = sorted((_sample(moment_s + delay_s), name) for moment_s, name, delay_s in ringing)

    def part(self, start: int, end: int) -> Samples:
        """Samples start to end (not included): float32 mono at SAMPLE_RATE within [-1, 1]."""
        end = min(end, self.num_samples)
        sound = np.take(self._crowd, np.arange(start, end), mode="wrap")
        for first in self._swells[bisect_left(self._swells, start - len(self._swell)) : bisect_left(self._swells, end)]:
            own, theirs = _overlap(first, len(self._swell), start, end)
            sound[own] *= self._swell[theirs]
        for placed, samples_of in ((self._signals, signal), (self._lines, speech)):
            earliest = bisect_left(placed, start - _longest_line(), key=itemgetter(0))
            for first, name in placed[earliest : bisect_left(placed, end, key=itemgetter(0))]:
                samples = samples_of(name)
                own, theirs = _overlap(first, len(samples), start, end)
                sound[own] += samples[theirs]
        return np.clip(sound, -1, 1)


def _sample(time_s: float) -> int:
    return round(time_s * SAMPLE_RATE)


def _overlap(first: int, length: int, start: int, end: int) -> tuple[slice, slice]:
    """Where samples first to first + length meet samples start to end: as a part of the latter, and of the former."""
    low, high = max(first, start), max(first, start, min(first + length, end))
    return slice(low - start, high - start), slice(low - first, high - first)


@lru_cache(maxsize=1)
def _longest_line() -> int:
    """No line of the bank has more samples."""
    return round((max(line.duration_s for line in lines()) + 1) * SAMPLE_RATE)


@lru_cache(maxsize=4)
def _crowd_tile(bright_hz: float) -> Samples:
    """Some seconds of murmur of effective value 1 that can be repeated without a seam: noise shaped like many voices."""
    rng = np.random.default_rng(0)
    num_samples = _TILE_S * SAMPLE_RATE
    hertz = np.fft.rfftfreq(num_samples, 1 / SAMPLE_RATE)
    shape = 1 / (1 + (np.maximum(hertz, 1) / bright_hz) ** 2) * (hertz > 90)
    spectrum = shape * np.exp(2j * np.pi * rng.random(len(hertz)))
    noise = np.fft.irfft(spectrum, num_samples)
    breath = 1 + 0.25 * np.sin(2 * np.pi * 3 * np.arange(num_samples) / num_samples)
    noise *= breath
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), np.float32)
