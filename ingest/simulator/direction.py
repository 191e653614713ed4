"""How a broadcast is cut as on television: what is shown between plays, how one picture gives way to the next, what lies over it.

Every play is one live wide shot, as in a plain production, so its event is seen live just in its evidence. After it may come
a player's face, the crowd or a coach, the same moment once more between two wipes, and a table that fills the screen. No
transition, flash or graphic touches an event.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from deepsport.sports.base import State, label_of
from deepsport.taxonomy import Transition
from ingest.simulator.schedule import (
    FLASH_FRAMES,
    GraphicKind,
    PlannedEvent,
    PlannedGraphic,
    PlannedShot,
    Scene,
    Schedule,
    SimulatorConfig,
    frames_of,
    plan_event,
)
from ingest.simulator.stage import SportShow

_MIXED_FRAMES: Final = {Transition.DISSOLVE: (10, 20), Transition.FADE: (16, 26), Transition.WIPE: (12, 20)}
"""Fewest and most frames that a gradual transition takes."""
_MIN_FRAMES: Final = 34
"""Of a shot, so that something is left between two transitions."""
_CLEAR: Final = 15
"""Frames at both ends of a shot in which it may be mixed with another."""
_NAMES: Final = ("ABARA", "BERG", "COSTA", "DIALLO", "EKMAN", "FUKUDA", "GARCIA", "HOLM", "IVANOV", "JENSEN", "KIM", "LOPEZ")
_ROWS: Final = ("WINS THIS SEASON", "LAST FIVE", "HOME", "AWAY", "TITLES", "RANKING")


def direct(
    show: SportShow, teams: tuple[str, str], rng: np.random.Generator, duration_s: float, config: SimulatorConfig
) -> Schedule:
    """The plays, shots, events, flashes and graphics that fill a broadcast exactly.

    Raises: UserError when not even one play fits.
    """
    num_frames, shortest, longest = frames_of(duration_s, config)
    cutter = _Cutter(show, teams, rng, num_frames, config.rate.fps)
    events: list[PlannedEvent] = []
    states: list[State] = [show.opening(teams, rng)]
    matches = [0]
    camera = int(rng.integers(2))
    if cutter.room >= shortest + 80:
        cutter.add_title()
    while cutter.room >= shortest:
        length = min(int(rng.integers(shortest, longest + 1)), cutter.room)
        if cutter.room - length < _MIN_FRAMES:
            length = cutter.room
        event, state = plan_event(show, rng, cutter.now, length, states[-1], config)
        cutter.add_play(length, camera, len(events), event)
        events.append(event)
        states.append(show.opening(teams, rng) if show.is_over(state) else state)
        if show.is_over(state):
            matches.append(len(events))
        cutter.add_between(event, len(events) - 1)
        camera = 1 - camera
    cutter.fill()
    return Schedule(num_frames, tuple(cutter.shots), tuple(events), tuple(states), tuple(matches), tuple(cutter.graphics),
                    tuple(cutter.flashes))


class _Cutter:
    """Lays shots one after the other, with what lies over them."""

    def __init__(
        self, show: SportShow, teams: tuple[str, str], rng: np.random.Generator, num_frames: int, fps: float
    ) -> None:
        self._show, self._teams, self._rng, self._num_frames, self._fps = show, teams, rng, num_frames, fps
        self.shots: list[PlannedShot] = []
        self.graphics: list[PlannedGraphic] = []
        self.flashes: list[int] = []
        self.now = 0

    @property
    def room(self) -> int:
        """Frames that are still to be filled."""
        return self._num_frames - self.now

    def add_title(self) -> None:
        """Who plays, on the whole screen."""
        self._add(Scene.GRAPHIC, self._frames(2.0, 3.0))
        self._fill_screen((f"{self._teams[0]} v {self._teams[1]}".upper(), label_of(self._show.sport).upper()))

    def add_play(self, length: int, camera: int, play: int, event: PlannedEvent) -> None:
        """The wide shot of a play."""
        before = self.shots[-1].scene if self.shots else None
        if before is Scene.REPLAY:
            transition = Transition.WIPE
        elif before is Scene.GRAPHIC:
            transition = Transition.FADE if self._chance(0.5) else Transition.DISSOLVE
        else:
            transition = Transition.DISSOLVE if self._chance(0.2) else Transition.CUT
        shot = self._add(Scene.WIDE, length, transition, camera=camera, play=play)
        free = [(shot.first + _CLEAR, event.first - 4), (event.last + 4, shot.last - _CLEAR)]
        first, last = max(free, key=lambda gap: gap[1] - gap[0])
        if self._chance(0.3):
            self._lay_over(first, last)
        elif self._chance(0.35):
            self._flash(first, last)

    def add_between(self, event: PlannedEvent, play: int) -> None:
        """What is shown until the next play."""
        live = len(self.shots) - 1
        if self._chance(0.45) and self.room >= 70:
            number = int(self._rng.integers(1, 24))
            close = self._add(Scene.CLOSE, self._frames(1.5, 2.4), camera=event.team, number=number)
            if self._chance(0.4):
                words = (self._team_word(event.team), self._person(number))
                self.graphics.append(PlannedGraphic(GraphicKind.LOWER_THIRD, close.first + 4, close.last - _CLEAR, 5, words))
        if self._chance(0.3) and self.room >= 70:
            scene = Scene.CROWD if self._chance(0.6) else Scene.COACH
            transition = Transition.DISSOLVE if self._chance(0.35) else Transition.CUT
            cutaway = self._add(scene, self._frames(1.4, 2.4), transition)
            if scene is Scene.CROWD and self._chance(0.5):
                self._flash(cutaway.first + _CLEAR, cutaway.last - _CLEAR)
        if self._chance(0.45) and self.room >= 140:
            self._add_replay(event, play, live)
        if self._chance(0.12) and self.room >= 100:
            kinds = (Transition.DISSOLVE, Transition.FADE, Transition.CUT)
            after = Transition.WIPE if self.shots[-1].scene is Scene.REPLAY else kinds[int(self._rng.integers(3))]
            self._add(Scene.GRAPHIC, self._frames(2.2, 3.2), after)
            self._fill_screen(self._table())

    def fill(self) -> None:
        """Ends the broadcast: a last look at the crowd, or a longer last shot where there is no room for one."""
        if self.room >= _MIN_FRAMES:
            wiped = self.shots[-1].scene is Scene.REPLAY
            self._add(Scene.CROWD, self.room, Transition.WIPE if wiped else Transition.CUT)
        self.shots[-1] = self.shots[-1]._replace(last=self._num_frames - 1)

    def _add(
        self,
        scene: Scene,
        length: int,
        transition: Transition = Transition.CUT,
        *,
        camera: int = 0,
        play: int | None = None,
        number: int = 0,
    ) -> PlannedShot:
        mixed = None
        if not self.shots:
            transition = Transition.START
        elif transition in _MIXED_FRAMES:
            fewest, most = _MIXED_FRAMES[transition]
            num_mixed = int(self._rng.integers(fewest, most + 1))
            mixed = (self.now - num_mixed // 2, self.now - num_mixed // 2 + num_mixed - 1)
        shot = PlannedShot(scene, self.now, self.now + length - 1, camera, play, transition, mixed, number=number)
        self.shots.append(shot)
        self.now += length
        return shot

    def _add_replay(self, event: PlannedEvent, play: int, live: int) -> None:
        speed = 1.0 if self._chance(0.3) else 0.5
        before, after = int(self._rng.integers(16, 23)), int(self._rng.integers(14, 21))
        length = round((before + event.last - event.first + 1 + after) / speed)
        camera = int(self._rng.integers(2))
        self._add(Scene.REPLAY, length, Transition.WIPE, camera=camera, play=play)
        self.shots[-1] = self.shots[-1]._replace(live=live, live_from=event.first - before, speed=speed)

    def _lay_over(self, first: int, last: int) -> None:
        """A name at the bottom, or a table over most of the picture, on some of these frames."""
        table = self._chance(0.4)
        team, number = int(self._rng.integers(2)), int(self._rng.integers(1, 24))
        words = self._table() if table else (self._team_word(team), self._person(number))
        # Every second table is there from one frame to the next: it looks like a cut, and is none.
        ease = 1 if table and self._chance(0.5) else 6
        length = min(last - first + 1, self._frames(1.6, 2.6))
        start = first + int(self._rng.integers(0, last - first + 2 - length))
        kind = GraphicKind.TABLE if table else GraphicKind.LOWER_THIRD
        self.graphics.append(PlannedGraphic(kind, start, start + length - 1, ease, words))

    def _fill_screen(self, words: tuple[str, ...]) -> None:
        shot = self.shots[-1]
        self.graphics.append(PlannedGraphic(GraphicKind.FULL_SCREEN, shot.first, shot.last, 0, words))

    def _flash(self, first: int, last: int) -> None:
        if last - first > 3 * FLASH_FRAMES:
            self.flashes.append(int(self._rng.integers(first, last - FLASH_FRAMES)))

    def _table(self) -> tuple[str, ...]:
        """A heading and rows ``left|what|right``: things that say nothing of this match."""
        rows = [str(row) for row in self._rng.choice(_ROWS, 4, replace=False)]
        numbers = self._rng.integers(1, 20, (4, 2))
        heading = f"{self._teams[0]}||{self._teams[1]}".upper()
        return heading, *(f"{left}|{row}|{right}" for row, (left, right) in zip(rows, numbers, strict=True))

    def _team_word(self, team: int) -> str:
        return self._teams[team].upper()

    def _person(self, number: int) -> str:
        return f"{number} {_NAMES[int(self._rng.integers(len(_NAMES)))]}"

    def _frames(self, shortest_s: float, longest_s: float) -> int:
        return max(_MIN_FRAMES, round(float(self._rng.uniform(shortest_s, longest_s)) * self._fps))

    def _chance(self, share: float) -> bool:
        return bool(self._rng.random() < share)
