"""Fencing as the simulator plays and draws it: attack, riposte, rear limit, red card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from deepsport.sports.base import State
from deepsport.sports.fencing import FencingState
from deepsport.sports.fencing_rules import WEAPONS
from deepsport.taxonomy import Sport
from ingest.simulator.looks import BLACK, CARD_YELLOW, CYAN, DARK, WHITE, Colour, Look, shade
from ingest.simulator.stage import BallPath, Camera, Field, Movement, SportShow, Unseen, project
from ingest.simulator.things import bow, draw_arrow, draw_burst, draw_official

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.schedule import PlannedEvent

_STEEL: Final[Colour] = (222, 228, 236)
_LAMP_GREEN: Final[Colour] = (30, 250, 70)
_LAMP_RED: Final[Colour] = (255, 30, 30)
_LINES = (
    ((0, 0), (14, 0)), ((0, 2), (14, 2)),
    *(((x, 0.0), (x, 2.0)) for x in (0, 2, 5, 9, 12, 14)),
    *(((7, y), (7, y + 0.3)) for y in (0.0, 0.55, 1.1, 1.65)),
)
_APART: Final[dict[str, float]] = {"driven to the end": 0.17, "long distance": 0.36, "close quarters": 0.095}
"""Share of the piste between the fencers."""


class FencingShow(SportShow):
    """Two fencers on a piste, filmed from the side."""

    sport = Sport.FENCING
    kinds = ("attack", "riposte", "rear_limit", "red_card")
    score_unit = "touches"
    field = Field(
        length_m=14,
        width_m=2,
        lines=_LINES,
        cameras=(
            Camera(far_y=226, near_y=278, far_x=(74, 806), near_x=(52, 828), player_px=(104, 112)),
            Camera(far_y=238, near_y=296, far_x=(66, 814), near_x=(38, 842), player_px=(110, 120)),
        ),
        surfaces=(
            ((112, 118, 128), (58, 46, 66)),
            ((96, 124, 148), (44, 50, 60)),
            ((136, 122, 104), (60, 44, 44)),
            ((92, 128, 112), (52, 56, 80)),
        ),
        num_stripes=7,
        line_px=3,
    )
    ball_colour = WHITE
    pull = 0.0
    sway = 0.004
    players_shown = None

    @override
    def movement(self, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> Movement:
        apart = _APART[event.tactic or "long distance"]
        steps = 8
        middle = 0.5 + np.cumsum(rng.uniform(-0.035, 0.035, steps))
        if event.tactic == "driven to the end":
            # Who leaves the piste has been driven there; else it is the other one.
            driven = event.team if event.kind == "rear_limit" else 1 - event.team
            end = np.linspace(0.17, 0.115, steps) + rng.uniform(-0.01, 0.01, steps)
            middle = end if driven == 0 else 1 - end
        distance = apart * rng.uniform(0.86, 1.14, steps)
        course = np.full((steps, 2, 1, 2), 0.5)
        course[:, 0, 0, 0], course[:, 1, 0, 0] = middle - distance / 2, middle + distance / 2
        gaze = float(np.clip(4 * (middle.mean() - 0.5), -0.9, 0.9))
        return Movement(course, BallPath(np.array([0.0, num_frames + 1.0]), np.full((2, 2), 0.5), 0.0), (gaze, gaze))

    @override
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        score = int(rng.integers(7)), int(rng.integers(7))
        return FencingState(teams=teams, score=score, weapons=(WEAPONS[int(rng.integers(3))],))

    @override
    def settled(self, state: State, rng: np.random.Generator, unseen: Unseen) -> State:
        assert isinstance(state, FencingState)
        if state.winner is None and state.phase == "break_due":
            return unseen(state, "period_end")
        return state

    @override
    def score_words(self, state: FencingState) -> tuple[str, str]:
        return str(state.score[0]), str(state.score[1])

    @override
    def clock_words(self, start_s: float, time_s: float, state: FencingState) -> str:
        left = 180 - int(start_s + time_s) % 180
        return f"{left // 60}:{left % 60:02d}"

    @override
    def draw_extras(self, canvas: Canvas, to_pixels: NDArray[np.float64], look: Look) -> None:
        (x, y), = project(to_pixels, np.array([(7.0, -0.8)]))
        canvas.box(x - 34, y - 74, x + 34, y - 42, (20, 22, 28))
        canvas.box(x - 4, y - 42, x + 4, y, (50, 54, 62))
        canvas.box(x - 30, y - 70, x - 4, y - 56, (70, 18, 20))  # the lamps are out
        canvas.box(x + 4, y - 70, x + 30, y - 56, (14, 62, 26))

    @override
    def draw_player(self, canvas: Canvas, kit: Colour, skin: Colour, stride: float, team: int) -> None:
        side = 1 if team == 0 else -1
        dark, give = shade(kit, 0.72), 0.25 * stride
        canvas.ellipse(0, 0, 3.6, 0.7, (28, 30, 36))
        canvas.line(-0.4 * side, -4.4, (-2.2 - give) * side, -2.2, dark, 1.3)
        canvas.line((-2.2 - give) * side, -2.2, (-2.4 - give) * side, -0.3, dark, 1.1)
        canvas.line(0.4 * side, -4.4, (2.0 + give) * side, -2.6, kit, 1.4)
        canvas.line((2.0 + give) * side, -2.6, (2.1 + give) * side, -0.3, kit, 1.1)
        canvas.line((2.0 + give) * side, -0.2, (2.9 + give) * side, -0.2, BLACK, 0.6)
        canvas.polygon([(-1.1, -7.8), (1.1, -7.8), (1.2, -4.2), (-1.2, -4.2)], kit)
        canvas.line(-0.8 * side, -7.4, -2.4 * side, -7.6, dark, 1.0)
        canvas.line(-2.4 * side, -7.6, -2.7 * side, -9.0, dark, 0.8)
        canvas.line(0.9 * side, -7.2, 2.5 * side, -6.4, kit, 1.1)
        canvas.circle(2.7 * side, -6.4, 0.6, _STEEL)
        canvas.line(2.7 * side, -6.4, 6.4 * side, -6.9, _STEEL, 0.28)
        canvas.ellipse(0.1 * side, -9.0, 1.05, 1.25, DARK)
        canvas.ellipse(-0.35 * side, -9.0, 0.8, 1.2, shade(kit, 0.9))

    @override
    def draw_ball(self, canvas: Canvas, height: float, event: PlannedEvent, index: int) -> None:
        del canvas, height, event, index  # there is none

    @override
    def draw_person(
        self, canvas: Canvas, kit: Colour, skin: Colour, hair: Colour, *, shorts: Colour, mirrored: bool, kind: str
    ) -> None:
        side, dark = -1 if mirrored else 1, shade(kit, 0.72)
        canvas.ellipse(4, 0, 22, 4, (28, 30, 36))
        for leg in (-1, 1):
            canvas.line(leg * 6, -44, leg * 8, -6, dark if leg < 0 else kit, 13)
            canvas.line(leg * 8, -2, leg * 12, -2, BLACK, 5)
        canvas.polygon([(-11, -86), (11, -86), (15, -80), (13, -40), (-13, -40), (-15, -80)], kit)
        canvas.line(0, -84, 0, -44, dark, 1.6)
        canvas.line(-side * 13, -78, -side * 17, -56, kit, 8)
        canvas.circle(-side * 18, -48, 9, DARK)  # the mask in one hand
        canvas.line(side * 13, -78, side * 17, -58, kit, 8)
        canvas.circle(side * 18, -55, 4, _STEEL)
        canvas.line(side * 18, -55, side * 34, -112, _STEEL, 2.2)
        canvas.ellipse(0, -93, 6.4, 7.6, skin)
        canvas.ellipse(0, -96, 6.8, 5.4, hair, start=180, end=360)

    @override
    def draw_object(self, canvas: Canvas, kind: str, look: Look, motion: float) -> None:
        if kind == "attack":
            self._draw_hit(canvas, motion)
        elif kind == "riposte":
            self._draw_parry(canvas)
        elif kind == "rear_limit":
            self._draw_end(canvas)
        else:
            self._draw_card(canvas)

    @staticmethod
    def _draw_hit(canvas: Canvas, motion: float) -> None:
        """A target that the point has reached, and a lamp that is on."""
        canvas.box(-96, -140, 96, -112, (20, 22, 28))
        canvas.box(-92, -136, 92, -116, _LAMP_GREEN)
        canvas.polygon([(20, -100), (84, -100), (96, -84), (90, 0), (26, 0)], _STEEL)
        canvas.line(58, -96, 58, 0, (150, 158, 170), 4)
        draw_burst(canvas, 34, -58, 36, CARD_YELLOW, WHITE)
        bend = 10 * motion
        canvas.path([(-70, -50), (-20, -52 - bend), (34, -58)], (150, 158, 170), 9)
        canvas.circle(-70, -50, 19, (250, 250, 250))
        canvas.line(-96, -48, -74, -50, BLACK, 16)

    @staticmethod
    def _draw_parry(canvas: Canvas) -> None:
        """Two blades that cross, and the way back from there."""
        draw_burst(canvas, 0, -86, 54, CYAN, WHITE)
        canvas.line(-84, -18, 70, -134, _STEEL, 11)
        canvas.line(84, -18, -70, -134, (150, 158, 172), 11)
        for side in (-1, 1):
            canvas.circle(side * 84, -18, 15, CYAN)
        draw_arrow(canvas, bow(0, -34, 62, 34, 165, 20), CYAN, 13)

    @staticmethod
    def _draw_end(canvas: Canvas) -> None:
        """The last two metres of a piste, and a shoe behind them."""
        for number in range(8):
            left = -96 + number * 24
            colour = CARD_YELLOW if number % 2 else (232, 60, 24)
            canvas.polygon([(left, 0), (left + 24, 0), (left + 44, -40), (left + 20, -40)] if left < 60
                           else [(left, 0), (left + 24, 0), (left + 24, -40), (left + 20, -40)], colour)
        canvas.line(-96, -44, 96, -44, WHITE, 9)
        canvas.line(-6, -138, 4, -84, WHITE, 34)
        canvas.polygon([(-16, -90), (22, -90), (30, -74), (74, -62), (74, -50), (-18, -50)], BLACK)
        canvas.line(-18, -50, 74, -50, (190, 194, 200), 6)

    @staticmethod
    def _draw_card(canvas: Canvas) -> None:
        draw_official(canvas.at(-24, 0), (36, 40, 62), (-30, -10), (58, -92))
        canvas.polygon([(22, -142), (84, -134), (78, -66), (16, -74)], WHITE)
        canvas.polygon([(27, -136), (79, -129), (74, -72), (22, -79)], _LAMP_RED)
