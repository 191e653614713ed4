"""Tennis as the simulator plays and draws it: ace, double fault, net point, long out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from deepsport.sports.base import State
from deepsport.sports.tennis import TennisState
from deepsport.taxonomy import Sport
from ingest.simulator.looks import BLACK, CYAN, MAGENTA, OPTIC, SKINS, WHITE, Look
from ingest.simulator.stage import BallPath, Camera, Field, Movement, Points, SportShow, rally_path, rectangle

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.schedule import PlannedEvent

# The far baseline is y = 0: the court is seen from behind the near baseline.
_LINES = (
    rectangle(0, 0, 10.97, 23.77),
    ((1.37, 0), (1.37, 23.77)),
    ((9.6, 0), (9.6, 23.77)),
    ((1.37, 5.485), (9.6, 5.485)),
    ((1.37, 18.285), (9.6, 18.285)),
    ((5.485, 5.485), (5.485, 18.285)),
)
_POINTS = ("0", "15", "30", "40")


class TennisShow(SportShow):
    """Doubles on a court that is hard, clay or grass, filmed from behind a baseline."""

    sport = Sport.TENNIS
    kinds = ("ace", "double_fault", "net_point", "long_out")
    score_unit = "games, points"
    field = Field(
        length_m=10.97,
        width_m=23.77,
        lines=_LINES,
        cameras=(
            Camera(far_y=112, near_y=330, far_x=(300, 580), near_x=(170, 710), player_px=(26, 52)),
            Camera(far_y=132, near_y=350, far_x=(330, 600), near_x=(90, 690), player_px=(28, 56)),
        ),
        surfaces=(
            ((56, 92, 132), (58, 104, 84)),
            ((62, 112, 84), (84, 84, 92)),
            ((150, 96, 70), (128, 82, 60)),
            ((84, 120, 64), (70, 102, 56)),
            ((70, 84, 116), (78, 96, 140)),
        ),
        net_height_m=1.6,
        net_along=True,
        num_stripes=1,
    )
    ball_colour = OPTIC
    ball_px = 2.6
    pull = 0.12
    sway = 0.03

    @override
    def movement(self, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> Movement:
        formation = self._formation(rng)
        return Movement(formation[None], self._ball_path(rng, num_frames, formation))

    def _formation(self, rng: np.random.Generator) -> Points:
        far = np.array([(0.28, 0.02), (0.72, 0.04)]) + rng.normal(0, 0.05, (2, 2))
        near = np.array([(0.28, 0.96), (0.72, 0.94)]) + rng.normal(0, 0.05, (2, 2))
        sides = [far, near] if rng.random() < 0.5 else [near, far]
        return np.stack(sides)

    def _ball_path(self, rng: np.random.Generator, num_frames: int, formation: Points) -> BallPath:
        return rally_path(rng, num_frames, (formation[0], formation[1]), (20, 30), 0.5)

    @override
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        games = int(rng.integers(4)), int(rng.integers(4))
        return TennisState(teams=teams, games=games, first_server=int(rng.integers(2)))

    @override
    def score_words(self, state: TennisState) -> tuple[str, str]:
        games, points = state.games, state.points
        if state.tie_break:
            calls = str(points[0]), str(points[1])
        elif min(points) >= 3:
            calls = "AD" if points[0] > points[1] else "40", "AD" if points[1] > points[0] else "40"
        else:
            calls = _POINTS[points[0]], _POINTS[points[1]]
        return f"{games[0]} {calls[0]}", f"{games[1]} {calls[1]}"

    @override
    def clock_words(self, start_s: float, time_s: float, state: TennisState) -> str:
        minutes = int(start_s + time_s) // 60
        return f"{minutes // 60}:{minutes % 60:02d}"

    @override
    def draw_object(self, canvas: Canvas, kind: str, look: Look, motion: float) -> None:
        if kind == "ace":
            self._draw_racket(canvas, motion)
        elif kind == "double_fault":
            self._draw_faults(canvas)
        elif kind == "net_point":
            self._draw_net(canvas, motion)
        else:
            self._draw_line_judge(canvas, motion)

    def _draw_racket(self, canvas: Canvas, motion: float) -> None:
        canvas.line(-95, -4, 95, -4, WHITE, 8)
        canvas.line(0, -4, 0, 8, WHITE, 8)
        canvas.line(-44, -32, -70, 0, (60, 60, 66), 13)
        canvas.ellipse(-18, -82, 42, 58, (226, 236, 236), angle=24)
        for offset in range(-30, 31, 12):
            canvas.line(-18 + offset - 18, -82 + 46, -18 + offset + 18, -82 - 46, (176, 190, 190), 1.5)
            canvas.line(-56, -82 + offset, 20, -82 + offset * 1.0, (176, 190, 190), 1.5)
        canvas.ellipse(-18, -82, 42, 58, (20, 20, 24), angle=24, width=10)
        reach = 10 * motion
        for length, y in ((46, -92), (60, -74), (40, -56)):
            canvas.line(66 - length + reach, y, 62 + reach, y, (246, 255, 170), 9)
        self._draw_tennis_ball(canvas.at(66 + reach, -74), 30)

    def _draw_faults(self, canvas: Canvas) -> None:
        canvas.box(-95, -132, 95, -6, (22, 24, 30))
        for x in (-47, 47):
            self._draw_tennis_ball(canvas.at(x, -69), 36)
            canvas.line(x - 34, -108, x + 34, -30, MAGENTA, 17)
            canvas.line(x - 34, -30, x + 34, -108, MAGENTA, 17)

    def _draw_net(self, canvas: Canvas, motion: float) -> None:
        from ingest.simulator.canvas import draw_net

        draw_net(canvas, -96, -84, 96, 0, (34, 38, 42), (92, 98, 104), 11)
        canvas.box(-98, -102, 98, -82, WHITE)
        canvas.line(0, -88, 0, 0, WHITE, 9)
        canvas.line(-98, 0, -98, -108, (120, 124, 128), 7)
        canvas.line(98, 0, 98, -108, (120, 124, 128), 7)
        self._draw_tennis_ball(canvas.at(-30 + 14 * motion, -122), 20)

    def _draw_line_judge(self, canvas: Canvas, motion: float) -> None:
        skin = SKINS[2]
        for x in (-72, -36):
            canvas.line(x, 0, x, 86, (40, 44, 58), 24)
        canvas.polygon([(-92, 0), (-86, -72), (-72, -84), (-36, -84), (-22, -72), (-16, 0)], CYAN)
        canvas.line(-30, -72, 52, -80, CYAN, 22)
        canvas.line(52, -80, 88, -83, skin, 15)
        canvas.ellipse(-54, -108, 19, 23, skin)
        canvas.ellipse(-54, -116, 20, 16, BLACK, start=180, end=360)
        canvas.line(-12, -38, 96, -38, WHITE, 10)
        self._draw_tennis_ball(canvas.at(46 + 8 * motion, -12), 17)

    @staticmethod
    def _draw_tennis_ball(canvas: Canvas, radius: float) -> None:
        canvas.circle(0, 0, radius, (150, 180, 30))
        canvas.circle(-1, -1, radius * 0.94, OPTIC)
        canvas.ellipse(-radius * 0.9, 0, radius * 0.75, radius * 0.9, WHITE, start=-50, end=50, width=radius * 0.12)
        canvas.ellipse(radius * 0.9, 0, radius * 0.75, radius * 0.9, WHITE, start=130, end=230, width=radius * 0.12)
