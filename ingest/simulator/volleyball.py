"""Volleyball as the simulator plays and draws it: kill, block, service ace, net touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from deepsport.sports.base import State
from deepsport.sports.volleyball import VolleyballState
from deepsport.taxonomy import Sport
from ingest.simulator.looks import BLACK, CYAN, MAGENTA, SKINS, WHITE, Look, shade
from ingest.simulator.stage import BallPath, Camera, Field, Movement, Points, SportShow, rally_path, rectangle

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.schedule import PlannedEvent

_LINES = (rectangle(0, 0, 18, 9), ((9, 0), (9, 9)), ((6, 0), (6, 9)), ((12, 0), (12, 9)))
_PLACES = ((0.12, 0.2), (0.1, 0.5), (0.12, 0.82), (0.4, 0.2), (0.42, 0.52), (0.4, 0.84))
_BALL = (255, 236, 140)


class VolleyballShow(SportShow):
    """Six a side in a hall, filmed from the side."""

    sport = Sport.VOLLEYBALL
    kinds = ("kill", "block", "service_ace", "net_touch")
    score_unit = "sets, points"
    field = Field(
        length_m=18,
        width_m=9,
        lines=_LINES,
        cameras=(
            Camera(far_y=138, near_y=318, far_x=(230, 650), near_x=(90, 790), player_px=(36, 56)),
            Camera(far_y=150, near_y=336, far_x=(190, 660), near_x=(70, 840), player_px=(38, 60)),
        ),
        surfaces=(
            ((168, 132, 96), (66, 104, 112)),
            ((92, 118, 124), (70, 84, 104)),
            ((150, 120, 98), (104, 92, 88)),
            ((74, 104, 116), (150, 122, 96)),
        ),
        net_height_m=2.43,
        num_stripes=12,
    )
    ball_colour = _BALL
    ball_px = 3.6
    pull = 0.06
    sway = 0.012

    @override
    def movement(self, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> Movement:
        formation = self._formation(rng)
        return Movement(formation[None], self._ball_path(rng, num_frames, formation))

    def _formation(self, rng: np.random.Generator) -> Points:
        home = np.array(_PLACES)
        mirrored = np.array([1, 0]) + home * np.array([-1, 1])
        sides = [home + rng.normal(0, 0.025, home.shape), mirrored + rng.normal(0, 0.025, home.shape)]
        return np.stack(sides if rng.random() < 0.5 else sides[::-1])

    def _ball_path(self, rng: np.random.Generator, num_frames: int, formation: Points) -> BallPath:
        return rally_path(rng, num_frames, (formation[0], formation[1]), (18, 28), 1.1)

    @override
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        points = int(rng.integers(16)), int(rng.integers(16))
        sets = int(rng.integers(2)), int(rng.integers(2))
        server = int(rng.integers(2))
        return VolleyballState(teams=teams, score=sets, points=points, server=server, set_first_server=server)

    @override
    def score_words(self, state: VolleyballState) -> tuple[str, str]:
        return f"{state.score[0]} {state.points[0]:2d}", f"{state.score[1]} {state.points[1]:2d}"

    @override
    def clock_words(self, start_s: float, time_s: float, state: VolleyballState) -> str:
        return f"SET {sum(state.score) + 1}"

    @override
    def draw_object(self, canvas: Canvas, kind: str, look: Look, motion: float) -> None:
        if kind == "kill":
            self._draw_impact(canvas, motion)
        elif kind == "block":
            self._draw_hands(canvas, motion)
        elif kind == "service_ace":
            self._draw_target(canvas, motion)
        else:
            self._draw_net_touch(canvas, motion)

    def _draw_impact(self, canvas: Canvas, motion: float) -> None:
        angles = np.arange(24) * np.pi / 12 + 0.13
        reach = np.where(np.arange(24) % 2, 46, 72 + 4 * motion)
        star = np.column_stack([np.cos(angles) * reach * 1.3, -70 + np.sin(angles) * reach])
        canvas.polygon(star, (255, 96, 0))
        canvas.polygon(np.array([0, -70]) + (star - np.array([0, -70])) * 0.76, (255, 222, 60))
        self._draw_volleyball(canvas.at(0, -66), 34)
        canvas.line(-95, 2, 95, 2, WHITE, 8)

    def _draw_hands(self, canvas: Canvas, motion: float) -> None:
        from ingest.simulator.canvas import draw_net

        skin = SKINS[0]
        for x in (-70, -24, 24, 70):
            canvas.line(x, 0, x, -92, shade(skin, 0.9), 20)
            canvas.ellipse(x, -98, 17, 15, skin)
            for finger in (-12, -4, 4, 12):
                canvas.line(x + finger, -104, x + finger * 1.35, -130, skin, 7)
        draw_net(canvas, -97, -58, 97, 0, (44, 46, 52), (120, 124, 130), 12)
        canvas.box(-98, -66, 98, -54, WHITE)
        self._draw_volleyball(canvas.at(0, -134 - 4 * motion), 20)

    def _draw_target(self, canvas: Canvas, motion: float) -> None:
        for size, colour in ((1.0, CYAN), (0.76, WHITE), (0.52, CYAN), (0.28, WHITE)):
            canvas.ellipse(0, -48, 96 * size, 50 * size, colour)
        canvas.line(-70, -142, -16, -78, WHITE, 10)
        canvas.line(-52, -146, -8, -88, (255, 255, 200), 7)
        self._draw_volleyball(canvas.at(2 + 3 * motion, -68 + 5 * motion), 30)

    def _draw_net_touch(self, canvas: Canvas, motion: float) -> None:
        from ingest.simulator.canvas import draw_net

        draw_net(canvas, -97, -112, 97, 0, (30, 32, 40), (104, 108, 116), 12)
        canvas.box(-98, -128, 98, -108, WHITE)
        shake = 4 * np.sin(motion * 12)
        for x in (-62, 0, 62):
            bolt = np.array([(8, -142), (-24, -74), (-2, -78), (-14, -12), (26, -88), (4, -84), (26, -142)])
            canvas.polygon(bolt + np.array([x + shake, 0]), MAGENTA)

    @staticmethod
    def _draw_volleyball(canvas: Canvas, radius: float) -> None:
        canvas.circle(0, 0, radius, BLACK)
        canvas.circle(0, 0, radius * 0.93, _BALL)
        canvas.ellipse(-radius * 0.5, 0, radius * 0.6, radius * 0.88, (60, 90, 170), start=-70, end=70, width=radius * 0.22)
        canvas.ellipse(0, radius * 0.45, radius * 0.86, radius * 0.5, (60, 90, 170), start=190, end=350, width=radius * 0.2)
