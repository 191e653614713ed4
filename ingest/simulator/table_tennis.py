"""Table tennis as the simulator plays and draws it: service ace, smash, ball netted, ball long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from deepsport.sports.base import State
from deepsport.sports.table_tennis import TableTennisLedger, TableTennisState
from deepsport.taxonomy import Sport
from ingest.simulator.looks import BLACK, CYAN, MAGENTA, WHITE, Colour, Look
from ingest.simulator.stage import Camera, Field, Movement, SportShow, project, rally_path
from ingest.simulator.things import bow, draw_arrow, draw_burst, draw_cross

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.schedule import PlannedEvent

_RUBBER: Final[Colour] = (206, 30, 36)
_WOOD: Final[Colour] = (178, 128, 76)
_TABLE: Final[Colour] = (24, 78, 132)
_BALL: Final[Colour] = (255, 240, 214)
_TOP_PX = 46
"""Height of the table in a wide shot."""
_NEAR, _FAR = 0.275, 0.095
"""Where a player stands who is close to the table or far from it, as a share of the room's length."""


class TableTennisShow(SportShow):
    """Singles in a fenced-in court, filmed from the side."""

    sport = Sport.TABLE_TENNIS
    kinds = ("service_ace", "smash", "netted", "long_out")
    score_unit = "games, points"
    field = Field(
        length_m=11,
        width_m=5,
        lines=(),
        cameras=(
            Camera(far_y=192, near_y=336, far_x=(120, 760), near_x=(60, 820), player_px=(92, 116)),
            Camera(far_y=202, near_y=350, far_x=(100, 770), near_x=(30, 840), player_px=(96, 122)),
        ),
        surfaces=(
            ((168, 52, 48), (70, 40, 44)),
            ((118, 122, 130), (56, 60, 72)),
            ((150, 74, 56), (48, 60, 70)),
            ((92, 110, 104), (60, 52, 66)),
        ),
        num_stripes=1,
    )
    ball_colour = _BALL
    ball_px = 3.4
    pull = 0.0
    sway = 0.004
    players_shown = None

    @override
    def movement(self, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> Movement:
        steps = 9
        from_end = np.full(2, _NEAR if event.tactic == "both at the table" else _FAR)
        if event.tactic == "chopping from afar":
            from_end[int(rng.integers(2))] = _NEAR
        course = np.empty((steps, 2, 1, 2))
        course[:, 0, 0, 0] = from_end[0] + rng.uniform(-0.015, 0.015, steps)
        course[:, 1, 0, 0] = 1 - from_end[1] + rng.uniform(-0.015, 0.015, steps)
        course[:, :, 0, 1] = 0.5 + rng.uniform(-0.16, 0.16, (steps, 2))
        sides = course.mean(axis=0) + np.array([[[0.035, 0.0]], [[-0.035, 0.0]]])
        slow = 6 if event.tactic == "both at the table" else 12
        gaze = float(rng.uniform(-0.15, 0.15))
        return Movement(course, rally_path(rng, num_frames, (sides[0], sides[1]), (slow + 6, slow + 11), 0.35), (gaze, gaze))

    @override
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        ledger = TableTennisLedger()
        state = ledger.start(teams, teams[int(rng.integers(2))])
        for side in rng.integers(0, 2, int(rng.integers(0, 14))):
            state = ledger.score_point(state, int(side))
        return state

    @override
    def score_words(self, state: TableTennisState) -> tuple[str, str]:
        return f"{state.score[0]} {state.points[0]:2d}", f"{state.score[1]} {state.points[1]:2d}"

    @override
    def clock_words(self, start_s: float, time_s: float, state: TableTennisState) -> str:
        return f"G {sum(state.score) + 1}"

    @override
    def draw_extras(self, canvas: Canvas, to_pixels: NDArray[np.float64], look: Look) -> None:
        corners = project(to_pixels, np.array([(4.13, 1.74), (6.87, 1.74), (6.87, 3.26), (4.13, 3.26)]))
        for x, y in corners:
            canvas.line(x + (6 if x < 440 else -6), y, x + (6 if x < 440 else -6), y - _TOP_PX, (50, 54, 60), 4)
        top = corners - np.array([0, _TOP_PX])
        canvas.polygon(top, _TABLE)
        canvas.path(np.concatenate([top, top[:1]]), WHITE, 2.5)
        middle = (top[0] + top[3]) / 2, (top[1] + top[2]) / 2
        canvas.path(np.stack(middle), WHITE, 1.5)
        (ax, ay), (bx, by) = (top[0] + top[1]) / 2, (top[2] + top[3]) / 2
        canvas.polygon([(ax, ay - 11), (bx, by - 13), (bx, by), (ax, ay)], (40, 44, 50))
        canvas.line(ax, ay - 11, bx, by - 13, WHITE, 2.5)

    @override
    def draw_player(self, canvas: Canvas, kit: Colour, skin: Colour, stride: float, team: int) -> None:
        from ingest.simulator.canvas import draw_small_player

        side = 1 if team == 0 else -1
        draw_small_player(canvas, kit, skin, 0.5 * stride)
        canvas.line(1.4 * side, -7.4, (2.8 + 0.4 * stride) * side, -5.6, skin, 0.8)
        canvas.ellipse((3.5 + 0.4 * stride) * side, -5.9, 0.75, 0.9, _RUBBER)

    @override
    def draw_ball(self, canvas: Canvas, height: float, event: PlannedEvent, index: int) -> None:
        canvas.circle(0, -_TOP_PX - 12 - height, self.ball_px, self.ball_colour)

    @override
    def draw_person(
        self, canvas: Canvas, kit: Colour, skin: Colour, hair: Colour, *, shorts: Colour, mirrored: bool, kind: str
    ) -> None:
        from ingest.simulator.canvas import draw_figure

        side = -1 if mirrored else 1
        draw_figure(canvas, kit, skin, hair, shorts=shorts, mirrored=mirrored)
        canvas.line(side * 14.5, -54, side * 18, -58, _WOOD, 4)
        canvas.ellipse(side * 23, -64, 7.5, 8.5, _RUBBER)

    @override
    def draw_object(self, canvas: Canvas, kind: str, look: Look, motion: float) -> None:
        if kind == "service_ace":
            self._draw_serve(canvas, motion)
        elif kind == "smash":
            self._draw_smash(canvas, motion)
        elif kind == "netted":
            self._draw_net(canvas)
        else:
            self._draw_long(canvas, motion)

    @staticmethod
    def _draw_serve(canvas: Canvas, motion: float) -> None:
        """Both halves of a table, and a ball that bounced on either and is gone."""
        canvas.box(-96, -20, 96, 0, _TABLE)
        canvas.line(-96, -20, 96, -20, WHITE, 6)
        canvas.line(0, -20, 0, -44, WHITE, 6)
        draw_burst(canvas, 38, -26, 26, CYAN, WHITE)
        canvas.path([(-92, -70), (-52, -26), *bow(-7, -26, 45, 46, 180, 360)], CYAN, 9)
        draw_arrow(canvas, [(38, -26), (62, -84), (70, -100)], CYAN, 12)
        canvas.circle(78, -122 + 4 * motion, 19, _BALL)

    @staticmethod
    def _draw_smash(canvas: Canvas, motion: float) -> None:
        canvas.line(-62, -14, -40, -52, _WOOD, 22)
        draw_burst(canvas, 34, -80, 62, (255, 110, 0), (255, 224, 60))
        canvas.ellipse(-14, -88, 46, 52, BLACK, angle=28)
        canvas.ellipse(-14, -88, 41, 47, _RUBBER, angle=28)
        canvas.circle(46 + 8 * motion, -66 + 8 * motion, 21, _BALL)
        for y in (-20, -4):
            canvas.line(30, y - 22, 80, y, WHITE, 8)

    @staticmethod
    def _draw_net(canvas: Canvas) -> None:
        from ingest.simulator.canvas import draw_net

        draw_net(canvas, -96, -116, 96, 0, (20, 92, 62), (120, 210, 160), 13)
        canvas.box(-98, -136, 98, -112, WHITE)
        canvas.circle(0, -56, 33, BLACK)
        canvas.circle(0, -56, 30, _BALL)

    @staticmethod
    def _draw_long(canvas: Canvas, motion: float) -> None:
        """The end of a table, and a ball beyond it."""
        canvas.box(-96, -70, -14, -46, _TABLE)
        canvas.line(-96, -70, -14, -70, WHITE, 6)
        canvas.line(-34, -46, -34, 0, (60, 64, 72), 10)
        canvas.path(bow(-36, -40, 92, 92, 250, 340), WHITE, 6)
        canvas.circle(54, -62 + 6 * motion, 24, _BALL)
        draw_cross(canvas, 54, -62, 36, MAGENTA, 16)
        canvas.line(-20, -2, 96, -2, WHITE, 7)
