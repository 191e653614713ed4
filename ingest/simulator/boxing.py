"""Boxing as the simulator plays and draws it: knockdown, knockout, technical knockout, point deduction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from deepsport.sports.base import State
from deepsport.sports.boxing import BoxingState
from deepsport.taxonomy import Sport
from ingest.simulator.looks import BLACK, CARD_YELLOW, CYAN, MAGENTA, SKINS, WHITE, Colour, Look, shade
from ingest.simulator.stage import BallPath, Camera, Field, Movement, SportShow, Unseen, project, rectangle
from ingest.simulator.things import draw_burst, draw_cross, draw_official, draw_panel

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.schedule import PlannedEvent

_GLOVE: Final[Colour] = (196, 24, 36)
_APART: Final[dict[str, float]] = {"at long range": 0.36, "at close range": 0.11, "on the ropes": 0.13}
"""Share of the ring's side between the boxers."""
_NUM_JUDGES = 3


class BoxingShow(SportShow):
    """Two boxers in a ring, filmed from above the ropes."""

    sport = Sport.BOXING
    kinds = ("knockdown", "knockout", "technical_knockout", "point_deduction")
    score_unit = "the first judge's points"
    field = Field(
        length_m=6.1,
        width_m=6.1,
        lines=(rectangle(0, 0, 6.1, 6.1),),
        cameras=(
            Camera(far_y=168, near_y=338, far_x=(250, 630), near_x=(160, 720), player_px=(92, 132)),
            Camera(far_y=178, near_y=350, far_x=(220, 640), near_x=(130, 740), player_px=(96, 138)),
        ),
        surfaces=(
            ((120, 146, 172), (34, 36, 52)),
            ((170, 166, 158), (52, 34, 38)),
            ((112, 150, 132), (34, 40, 44)),
            ((158, 138, 116), (36, 30, 50)),
        ),
        num_stripes=1,
        line_px=4,
    )
    ball_colour = WHITE
    pull = 0.0
    sway = 0.006
    players_shown = None

    @override
    def movement(self, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> Movement:
        steps = 7
        apart = _APART[event.tactic or "at long range"] * rng.uniform(0.88, 1.12, steps)
        middle = 0.5 + rng.uniform(-0.05, 0.05, steps)
        depth = 0.5 + rng.uniform(-0.08, 0.08, steps)
        if event.tactic == "on the ropes":
            # Who loses by what happens has been driven there.
            pinned = event.team if event.kind == "point_deduction" else 1 - event.team
            middle = np.full(steps, 0.1) + rng.uniform(-0.015, 0.015, steps)
            middle = middle if pinned == 0 else 1 - middle
        course = np.empty((steps, 2, 1, 2))
        course[:, 0, 0, 0], course[:, 1, 0, 0] = middle - apart / 2, middle + apart / 2
        course[:, :, 0, 1] = (depth + rng.uniform(-0.02, 0.02, (2, steps))).T
        gaze = float(rng.uniform(-0.35, 0.35))
        return Movement(course, BallPath(np.array([0.0, num_frames + 1.0]), np.full((2, 2), 0.5), 0.0), (gaze, gaze))

    @override
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        before = int(rng.integers(0, 8))
        won = rng.integers(0, 2, (_NUM_JUDGES, before)).sum(axis=1)
        cards = tuple((9 * before + int(w), 10 * before - int(w)) for w in won) if before else ()
        ahead = (sum(a > b for a, b in cards), sum(b > a for a, b in cards))
        return BoxingState(teams=teams, round=before + 1, cards=cards, score=ahead)

    @override
    def settled(self, state: State, rng: np.random.Generator, unseen: Unseen) -> State:
        """Now and then the bell goes, and the judges give the round ten to nine."""
        assert isinstance(state, BoxingState)
        if state.phase == "over" or rng.random() > 0.3:
            return state
        marks = [mark for _ in range(_NUM_JUDGES) for mark in ((10.0, 9.0) if rng.random() < 0.5 else (9.0, 10.0))]
        return unseen(unseen(state, "round_end"), "scorecards", marks=tuple(marks))

    @override
    def is_over(self, state: BoxingState) -> bool:
        return state.phase == "over"

    @override
    def score_words(self, state: BoxingState) -> tuple[str, str]:
        first = state.cards[0] if state.cards else (0, 0)
        return f"{first[0]:3d}", f"{first[1]:3d}"

    @override
    def clock_words(self, start_s: float, time_s: float, state: BoxingState) -> str:
        return f"RD {state.round}"

    @override
    def draw_extras(self, canvas: Canvas, to_pixels: NDArray[np.float64], look: Look) -> None:
        corners = project(to_pixels, np.array([(-0.1, -0.1), (6.2, -0.1), (6.2, 6.2), (-0.1, 6.2)]))
        heights = (66, 66, 96, 96)
        for share, colour in ((0.35, (206, 40, 46)), (0.65, (236, 236, 236)), (0.95, (40, 70, 190))):
            for one, other in ((0, 1), (0, 3), (1, 2)):  # the near ropes would hide the boxers
                (ax, ay), (bx, by) = corners[one], corners[other]
                canvas.line(ax, ay - heights[one] * share, bx, by - heights[other] * share, colour, 3)
        for (x, y), height, colour in zip(corners, heights, ((206, 40, 46), WHITE, (40, 70, 190), WHITE), strict=True):
            canvas.line(x, y, x, y - height, (90, 94, 104), 6)
            canvas.line(x, y - height * 0.3, x, y - height, colour, 12)

    @override
    def draw_player(self, canvas: Canvas, kit: Colour, skin: Colour, stride: float, team: int) -> None:
        side, give = (1 if team == 0 else -1), 0.3 * stride
        canvas.ellipse(0, 0, 3.0, 0.7, (40, 44, 50))
        for leg, tone in ((-1, shade(skin, 0.86)), (1, skin)):
            canvas.line(leg * 0.6, -4.6, leg * (1.2 + 0.3 * give), -1.2, tone, 1.1)
            canvas.line(leg * (1.2 + 0.3 * give), -1.4, leg * (1.3 + 0.3 * give), -0.2, BLACK, 1.2)
        trunks = [(-1.5, -5.4), (1.5, -5.4), (1.8, -3.2), (0.2, -3.2), (0, -3.9), (-0.2, -3.2), (-1.8, -3.2)]
        canvas.polygon(trunks, shade(kit, 0.8))
        canvas.polygon([(-1.4, -7.9), (1.4, -7.9), (1.7, -7.3), (1.4, -5.2), (-1.4, -5.2), (-1.7, -7.3)], kit)
        canvas.line(-1.2 * side, -7.3, 0.4 * side, -6.6, skin, 0.9)
        canvas.line(1.3 * side, -7.4, (2.0 + give) * side, -6.6, skin, 0.9)
        canvas.circle(0.1 * side, -9.0, 1.1, skin)
        canvas.ellipse(0.1 * side, -9.3, 1.25, 1.0, kit, start=180, end=360)
        canvas.circle(1.0 * side, -7.7, 0.85, shade(kit, 0.9))
        canvas.circle((2.5 + give) * side, -7.5, 0.9, kit)

    @override
    def draw_ball(self, canvas: Canvas, height: float, event: PlannedEvent, index: int) -> None:
        del canvas, height, event, index  # there is none

    @override
    def draw_person(
        self, canvas: Canvas, kit: Colour, skin: Colour, hair: Colour, *, shorts: Colour, mirrored: bool, kind: str
    ) -> None:
        canvas.ellipse(4, 0, 20, 4, (40, 44, 50))
        for leg in (-1, 1):
            canvas.line(leg * 6, -40, leg * 7, -8, skin, 8)
            canvas.line(leg * 7, -16, leg * 7.5, -4, BLACK, 9)
        canvas.polygon([(-13, -54), (13, -54), (16, -30), (2, -30), (0, -38), (-2, -30), (-16, -30)], shorts)
        canvas.polygon([(-9, -86), (9, -86), (14, -80), (13, -50), (-13, -50), (-14, -80)], kit)
        for arm in (-1, 1):
            canvas.line(arm * 14, -79, arm * 17, -66, skin, 6.5)
            canvas.line(arm * 17, -66, arm * 13, -74, skin, 6)
            canvas.circle(arm * 13, -80, 8.5, shade(kit, 0.85))
        canvas.ellipse(0, -94, 6.4, 7.4, skin)
        canvas.ellipse(0, -97, 8, 6.6, kit, start=180, end=360)

    @override
    def draw_object(self, canvas: Canvas, kind: str, look: Look, motion: float) -> None:
        if kind == "knockdown":
            self._draw_count(canvas)
        elif kind == "knockout":
            self._draw_stars(canvas, motion)
        elif kind == "technical_knockout":
            self._draw_stop(canvas)
        else:
            self._draw_deduction(canvas)

    @staticmethod
    def _draw_count(canvas: Canvas) -> None:
        """A hand with spread fingers before somebody on his knees: the count."""
        skin = SKINS[1]
        canvas.line(-62, 0, -58, -50, WHITE, 40)
        canvas.circle(-56, -78, 30, skin)
        for finger in range(5):
            angle = np.radians(200 + 35 * finger)
            canvas.line(-56, -80, -56 + 58 * np.cos(angle), -80 + 58 * np.sin(angle), skin, 14)
        tone = SKINS[3]
        canvas.box(-96, -12, 96, 0, CYAN)
        canvas.line(24, -14, 62, -16, tone, 18)
        canvas.line(62, -18, 58, -52, tone, 20)
        canvas.line(56, -52, 34, -86, tone, 30)
        canvas.circle(24, -108, 16, tone)
        canvas.line(34, -80, 12, -24, tone, 13)
        canvas.circle(10, -22, 16, _GLOVE)

    @staticmethod
    def _draw_stars(canvas: Canvas, motion: float) -> None:
        """Somebody flat on his back, and stars."""
        tone = SKINS[2]
        canvas.box(-96, -14, 96, 0, WHITE)
        canvas.line(-58, -32, 14, -32, tone, 36)
        canvas.line(14, -30, 62, -26, BLACK, 34)
        canvas.line(60, -22, 92, -20, tone, 16)
        canvas.circle(-76, -34, 20, tone)
        canvas.circle(-30, -8, 15, _GLOVE)
        for number, (x, y) in enumerate(((-70, -100), (-12, -118), (48, -100))):
            draw_burst(canvas, x, y + 5 * np.sin(6 * motion + number), 29, CARD_YELLOW, (255, 250, 190))

    @staticmethod
    def _draw_stop(canvas: Canvas) -> None:
        """The referee who waves it off, arms crossed above the head."""
        draw_official(canvas, (90, 170, 240), (46, -136), (-46, -136))
        draw_cross(canvas, 0, -62, 34, MAGENTA, 15)

    @staticmethod
    def _draw_deduction(canvas: Canvas) -> None:
        draw_panel(canvas, (20, 22, 28), (255, 40, 40))
        canvas.box(-74, -80, -14, -58, (255, 40, 40))
        canvas.line(36, -112, 36, -26, (255, 40, 40), 24)
        canvas.line(36, -112, 14, -92, (255, 40, 40), 20)
