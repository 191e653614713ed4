"""Soccer as the simulator plays and draws it: goal, corner kick, foul, offside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from deepsport.sports.base import State
from deepsport.sports.soccer import SoccerState
from deepsport.taxonomy import Sport
from ingest.simulator.looks import BLACK, CARD_YELLOW, CYAN, DARK, SKINS, WHITE, Look
from ingest.simulator.stage import BallPath, Camera, Field, Movement, Points, SportShow, Unseen, arc, project, rectangle

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.schedule import PlannedEvent

_LINES = (
    rectangle(0, 0, 105, 68),
    ((52.5, 0), (52.5, 68)),
    arc(52.5, 34, 9.15, 0, 360),
    rectangle(0, 13.84, 16.5, 54.16),
    rectangle(88.5, 13.84, 105, 54.16),
    rectangle(0, 24.84, 5.5, 43.16),
    rectangle(99.5, 24.84, 105, 43.16),
    arc(11, 34, 9.15, -53, 53),
    arc(94, 34, 9.15, 127, 233),
)
_PLACES = ((0.05, 0.5), (0.2, 0.18), (0.17, 0.4), (0.17, 0.6), (0.2, 0.82), (0.36, 0.2), (0.33, 0.42), (0.33, 0.6), (0.36, 0.8),
           (0.47, 0.4), (0.47, 0.62))


class SoccerShow(SportShow):
    """Eleven a side on grass, filmed from the stand."""

    sport = Sport.SOCCER
    kinds = ("goal", "corner_kick", "foul", "offside")
    score_unit = "goals"
    field = Field(
        length_m=105,
        width_m=68,
        lines=_LINES,
        cameras=(
            Camera(far_y=96, near_y=352, far_x=(120, 760), near_x=(-170, 1050), player_px=(15, 27)),
            Camera(far_y=122, near_y=388, far_x=(-40, 840), near_x=(-330, 1180), player_px=(18, 33)),
        ),
        surfaces=(
            ((58, 128, 52), (50, 112, 46)),
            ((44, 110, 60), (38, 96, 52)),
            ((78, 136, 60), (70, 122, 54)),
            ((40, 96, 44), (34, 84, 38)),
        ),
    )
    ball_colour = WHITE

    @override
    def movement(self, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> Movement:
        formation = self._formation(rng)
        return Movement(formation[None], self._ball_path(rng, num_frames, formation))

    def _formation(self, rng: np.random.Generator) -> Points:
        home = np.array(_PLACES) * np.array([1.25, 1.0])
        first = home + rng.normal(0, 0.03, home.shape)
        second = 1 - home + rng.normal(0, 0.03, home.shape)
        return np.clip(np.stack([first, second]), 0.03, 0.97)

    def _ball_path(self, rng: np.random.Generator, num_frames: int, formation: Points) -> BallPath:
        times, places = [0.0], []
        team = int(rng.integers(2))
        while True:
            places.append(formation[team, int(rng.integers(2, formation.shape[1]))])
            if times[-1] > num_frames:
                return BallPath(np.array(times), np.array(places), 0.35)
            times.append(times[-1] + float(rng.integers(16, 38)))
            team = team if rng.random() < 0.85 else 1 - team

    @override
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        return SoccerState(teams=teams, score=(int(rng.integers(3)), int(rng.integers(3))))

    @override
    def settled(self, state: State, rng: np.random.Generator, unseen: Unseen) -> State:
        assert isinstance(state, SoccerState)
        if state.restart is None:
            return state
        return self.settled(unseen(state, state.restart, state.restart_team or 0), rng, unseen)

    @override
    def score_words(self, state: SoccerState) -> tuple[str, str]:
        return str(state.score[0]), str(state.score[1])

    @override
    def clock_words(self, start_s: float, time_s: float, state: SoccerState) -> str:
        seconds = int(start_s + time_s)
        return f"{seconds // 60:02d}:{seconds % 60:02d}"

    @override
    def draw_extras(self, canvas: Canvas, to_pixels: NDArray[np.float64], look: Look) -> None:
        del look
        for x, back in ((0.0, -2.6), (105.0, 107.6)):
            corners = np.array([(x, 30.3), (x, 37.7), (back, 30.3), (back, 37.7)])
            (ax, ay), (bx, by), (cx, cy), (dx, dy) = project(to_pixels, corners)
            canvas.polygon([(ax, ay - 17), (bx, by - 19), (bx, by), (dx, dy), (cx, cy - 12)], (120, 150, 120))
            canvas.path([(ax, ay), (ax, ay - 17), (bx, by - 19), (bx, by)], WHITE, 2)

    @override
    def draw_object(self, canvas: Canvas, kind: str, look: Look, motion: float) -> None:
        if kind == "goal":
            self._draw_goal(canvas, motion)
        elif kind == "corner_kick":
            self._draw_corner(canvas, motion)
        elif kind == "foul":
            self._draw_referee(canvas)
        else:
            self._draw_flag(canvas, motion)

    def _draw_goal(self, canvas: Canvas, motion: float) -> None:
        from ingest.simulator.canvas import draw_ball, draw_net

        draw_net(canvas, -92, -122, 92, 0, (206, 212, 214), (150, 160, 164))
        canvas.path([(-94, 2), (-94, -124), (94, -124), (94, 2)], WHITE, 9)
        draw_ball(canvas.at(18 + 6 * motion, -62 + 10 * motion), 24)

    def _draw_corner(self, canvas: Canvas, motion: float) -> None:
        from ingest.simulator.canvas import draw_ball

        canvas.ellipse(-40, -4, 92, 26, WHITE, start=-10, end=150, width=8)
        canvas.line(-95, -4, 95, -4, WHITE, 7)
        canvas.line(-40, -2, -40, -138, WHITE, 8)
        wave = 4 * np.sin(motion * 9)
        canvas.polygon([(-38, -140), (72, -116 + wave), (76, -82 + wave), (-38, -58)], CYAN)
        canvas.polygon([(-38, -140), (72, -116 + wave), (73, -108 + wave), (-38, -126)], (120, 240, 246))
        draw_ball(canvas.at(34, -16), 20)

    def _draw_referee(self, canvas: Canvas) -> None:
        skin = SKINS[1]
        for x in (-48, -4):
            canvas.line(x, 30, x, 84, skin, 15)
            canvas.line(x, 62, x, 84, BLACK, 16)
        canvas.polygon([(-70, -2), (18, -2), (14, 38), (-22, 38), (-26, 12), (-30, 38), (-66, 38)], BLACK)
        canvas.polygon([(-70, 0), (-64, -70), (-48, -82), (-4, -82), (12, -70), (18, 0)], BLACK)
        canvas.line(-62, -66, -84, -8, BLACK, 20)
        canvas.line(6, -70, 34, -112, BLACK, 20)
        canvas.line(34, -112, 42, -122, skin, 14)
        canvas.line(-26, -86, -26, -78, skin, 18)
        canvas.ellipse(-26, -106, 19, 23, skin)
        canvas.ellipse(-26, -113, 20, 17, (40, 30, 24), start=180, end=360)
        canvas.polygon([(-34, -82), (-18, -82), (-26, -66)], WHITE)
        canvas.polygon([(34, -142), (88, -134), (82, -72), (28, -80)], CARD_YELLOW)

    def _draw_flag(self, canvas: Canvas, motion: float) -> None:
        skin = SKINS[0]
        for x in (-74, -42):
            canvas.line(x, 30, x, 90, skin, 12)
            canvas.line(x, 64, x, 90, DARK, 13)
        canvas.polygon([(-90, -2), (-26, -2), (-29, 36), (-54, 36), (-58, 14), (-62, 36), (-87, 36)], BLACK)
        canvas.polygon([(-90, 0), (-86, -58), (-72, -66), (-44, -66), (-30, -58), (-26, 0)], DARK)
        canvas.line(-36, -54, -18, -84, DARK, 15)
        canvas.circle(-58, -82, 16, skin)
        canvas.ellipse(-58, -88, 17, 13, BLACK, start=180, end=360)
        canvas.line(-20, -76, -6, -142, (230, 230, 220), 6)
        wave = 3 * np.sin(motion * 9)
        for row in range(2):
            for column in range(4):
                colour = (232, 30, 40) if (row + column) % 2 else (255, 214, 0)
                x, y = -4 + 25 * column, -142 + 40 * row + wave * column / 3
                canvas.polygon([(x, y), (x + 25, y), (x + 25, y + 40), (x, y + 40)], colour)
