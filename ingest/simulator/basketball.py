"""Basketball as the simulator plays and draws it: two-pointer, three-pointer, personal foul, turnover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from deepsport.sports.base import State
from deepsport.sports.basketball import BasketballState
from deepsport.taxonomy import Sport
from ingest.simulator.looks import BLACK, CYAN, MAGENTA, SKINS, Colour, Look
from ingest.simulator.stage import Camera, Field, Movement, SportShow, Unseen, arc, passing_path, project, rectangle, towards
from ingest.simulator.things import bow, draw_arrow, draw_burst, draw_official

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.schedule import PlannedEvent

_BALL: Final[Colour] = (232, 112, 34)
_RIM: Final[Colour] = (238, 66, 26)
_LINES = (
    rectangle(0, 0, 28, 15),
    ((14, 0), (14, 15)),
    arc(14, 7.5, 1.8, 0, 360),
    *(line for hoop, side, first in ((1.575, 0.0, -78), (26.425, 28.0, 102)) for line in (
        arc(hoop, 7.5, 6.75, first, first + 156),
        rectangle(side, 5.05, 5.8 if side == 0 else 22.2, 9.95),
        ((side, 0.9), (2.99 if side == 0 else 25.01, 0.9)),
        ((side, 14.1), (2.99 if side == 0 else 25.01, 14.1)),
    )),
)
Places = tuple[tuple[float, float], ...]

# Attackers, then defenders, the attack going to x = 1.
_PERIMETER = ((0.66, 0.5), (0.72, 0.16), (0.72, 0.84), (0.93, 0.06), (0.93, 0.94))
_ALL_OVER = ((0.64, 0.55), (0.72, 0.15), (0.80, 0.85), (0.84, 0.3), (0.95, 0.72))
_BLOCK = ((0.83, 0.38), (0.83, 0.62), (0.91, 0.3), (0.93, 0.5), (0.91, 0.7))
_BRINGING_UP = ((0.1, 0.45), (0.2, 0.12), (0.26, 0.85), (0.4, 0.3), (0.5, 0.68))
_RUN = (((0.3, 0.5), (0.34, 0.1), (0.36, 0.9), (0.1, 0.3), (0.08, 0.7)),
        ((0.86, 0.5), (0.9, 0.14), (0.92, 0.86), (0.42, 0.3), (0.38, 0.7)))
_OUTRUN = (((0.6, 0.5), (0.14, 0.2), (0.18, 0.5), (0.16, 0.8), (0.06, 0.4)),
           ((0.96, 0.5), (0.5, 0.2), (0.54, 0.52), (0.5, 0.8), (0.44, 0.4)))


class BasketballShow(SportShow):
    """Five a side in a hall, filmed from the side."""

    sport = Sport.BASKETBALL
    kinds = ("two_pointer", "three_pointer", "personal_foul", "turnover")
    field = Field(
        length_m=28,
        width_m=15,
        lines=_LINES,
        cameras=(
            Camera(far_y=134, near_y=334, far_x=(150, 730), near_x=(-20, 900), player_px=(34, 56)),
            Camera(far_y=146, near_y=346, far_x=(110, 720), near_x=(-70, 920), player_px=(36, 60)),
        ),
        surfaces=(
            ((186, 138, 86), (122, 44, 44)),
            ((172, 124, 82), (44, 62, 104)),
            ((196, 152, 104), (52, 84, 70)),
            ((150, 108, 74), (72, 64, 84)),
        ),
        num_stripes=22,
    )
    ball_colour = _BALL
    ball_px = 4.2
    pull = 0.05
    sway = 0.009

    @override
    def movement(self, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> Movement:
        attack = event.team if event.kind != "personal_foul" else 1 - event.team

        def loose(places: Places, sd: float = 0.018) -> NDArray[np.float64]:
            return np.array(places) + rng.normal(0, sd, np.shape(places))

        if event.tactic == "fast break":
            course = np.stack([np.stack([loose(run), loose(outrun)]) for run, outrun in zip(_RUN, _OUTRUN, strict=True)])
        elif event.tactic == "zone defence":
            course = np.stack([loose(_PERIMETER), loose(_BLOCK, 0.01)])[None]
        else:
            attackers = loose(_BRINGING_UP if event.tactic == "full-court press" else _ALL_OVER)
            course = np.stack([attackers, attackers + np.array([0.035, 0.0]) + rng.normal(0, 0.006, attackers.shape)])[None]
        course = np.clip(towards(course, attack), 0.02, 0.98)
        passers = (0, 1, 2) if event.tactic == "fast break" else (0, 1, 2, 3, 4)
        ball = passing_path(rng, num_frames, course, attack, (16, 34), 0.5, passers)
        ahead = 1 if attack == 0 else -1
        gazes = {"fast break": (0.0, 0.9), "full-court press": (-0.9, -0.5)}
        first, last = gazes.get(event.tactic or "", (0.7, 0.9))
        return Movement(course, ball, (ahead * first, ahead * last))

    @override
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        quarter = int(rng.integers(1, 4))
        score = tuple(int(n) for n in 18 * (quarter - 1) + rng.integers(0, 14, 2))
        return BasketballState(teams=teams, score=(score[0], score[1]), quarter=quarter, possession=int(rng.integers(2)),
                               arrow=int(rng.integers(2)))

    @override
    def settled(self, state: State, rng: np.random.Generator, unseen: Unseen) -> State:
        assert isinstance(state, BasketballState)

        def then(kind: str, team: int | None = None) -> State:
            return self.settled(unseen(state, kind, team), rng, unseen)

        if state.over:
            return state
        if state.pending:
            return then("free_throw_made" if rng.random() < 0.75 else "free_throw_missed", state.pending[0].team)
        if state.loose:
            return then("rebound", int(rng.integers(2)))
        return then("quarter_end") if rng.random() < 0.05 else state

    @override
    def is_over(self, state: BasketballState) -> bool:
        return state.over

    @override
    def score_words(self, state: BasketballState) -> tuple[str, str]:
        return str(state.score[0]), str(state.score[1])

    @override
    def clock_words(self, start_s: float, time_s: float, state: BasketballState) -> str:
        left = 600 - int(start_s + time_s) % 600
        return f"{left // 60}:{left % 60:02d}"

    @override
    def draw_extras(self, canvas: Canvas, to_pixels: NDArray[np.float64], look: Look) -> None:
        for x, inwards in ((1.2, 1), (26.8, -1)):
            (px, py), (hx, _) = project(to_pixels, np.array([(x, 7.5), (x + inwards * 1.0, 7.5)]))
            canvas.line(px - inwards * 26, py, px - inwards * 10, py - 78, (70, 74, 84), 5)
            canvas.polygon([(px - 3, py - 112), (px + 3, py - 104), (px + 3, py - 66), (px - 3, py - 74)], (232, 238, 242))
            canvas.ellipse((px + hx) / 2, py - 74, abs(hx - px) / 2, 4, _RIM, width=2)
            net = [(px, py - 73), (hx, py - 73), (hx - inwards * 5, py - 56), (px + inwards * 5, py - 56)]
            canvas.polygon(net, (226, 230, 232))

    @override
    def draw_object(self, canvas: Canvas, kind: str, look: Look, motion: float) -> None:
        if kind == "two_pointer":
            self._draw_hoop(canvas, motion)
        elif kind == "three_pointer":
            self._draw_three(canvas)
        elif kind == "personal_foul":
            self._draw_whistle(canvas, motion)
        else:
            self._draw_change(canvas, motion)

    def _draw_hoop(self, canvas: Canvas, motion: float) -> None:
        canvas.box(-92, -142, 92, -34, (240, 244, 246))
        canvas.path([(-92, -34), (-92, -142), (92, -142), (92, -34), (-92, -34)], (40, 44, 56), 7)
        canvas.path([(-34, -62), (-34, -116), (34, -116), (34, -62), (-34, -62)], _RIM, 7)
        canvas.polygon([(-44, -56), (44, -56), (26, 2), (-26, 2)], (206, 214, 220))
        for x in (-26, -9, 9, 26):
            canvas.line(x * 1.5, -54, x * 0.9, 2, (120, 130, 140), 2)
        draw_basketball(canvas.at(0, -34 + 12 * motion), 27)
        canvas.ellipse(0, -56, 48, 10, _RIM, width=8)

    @staticmethod
    def _draw_three(canvas: Canvas) -> None:
        draw_official(canvas, (96, 104, 118), (-74, -128), (74, -128))
        for side in (-1, 1):
            for finger in (-9, 0, 9):
                canvas.line(side * 74 + finger * 0.5, -130, side * 74 + finger * 1.5, -148, SKINS[1], 6)
        canvas.ellipse(0, 22, 96, 62, CYAN, start=190, end=350, width=14)

    @staticmethod
    def _draw_whistle(canvas: Canvas, motion: float) -> None:
        draw_burst(canvas, 26, -70, 70 + 4 * motion, MAGENTA, (255, 150, 208))
        canvas.circle(14, -58, 32, (250, 214, 40))
        canvas.polygon([(14, -90), (82, -90), (82, -66), (40, -62)], (250, 214, 40))
        canvas.circle(14, -58, 12, BLACK)
        canvas.line(-66, 0, -62, -78, (40, 44, 56), 28)
        canvas.line(-62, -78, -60, -98, SKINS[0], 24)
        canvas.circle(-60, -118, 23, SKINS[0])
        for row in (-126, -117, -108):
            canvas.line(-76, row, -50, row, (190, 140, 100), 2.5)

    @staticmethod
    def _draw_change(canvas: Canvas, motion: float) -> None:
        turn = 14 * motion
        draw_arrow(canvas, bow(0, -70, 76, 58, 200 + turn, 340 + turn), (60, 220, 90), 16)
        draw_arrow(canvas, bow(0, -70, 76, 58, 20 + turn, 160 + turn), (60, 220, 90), 16)
        draw_basketball(canvas.at(0, -70), 36)


def draw_basketball(canvas: Canvas, radius: float) -> None:
    """A basketball centred on the origin."""
    canvas.circle(0, 0, radius, BLACK)
    canvas.circle(0, 0, radius * 0.94, _BALL)
    canvas.line(-radius, 0, radius, 0, BLACK, radius * 0.1)
    canvas.line(0, -radius, 0, radius, BLACK, radius * 0.1)
    for side in (-1, 1):
        canvas.ellipse(side * radius * 1.1, 0, radius * 0.7, radius * 0.85, BLACK, start=90 + 52 if side > 0 else -38,
                       end=90 + 128 if side > 0 else 38, width=radius * 0.1)
