"""Diving as the simulator plays and draws it: forward, back, inward and armstand dives from a tower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from deepsport.sports.base import Ledger, State
from deepsport.sports.diving import DivingLedger, DivingState
from deepsport.taxonomy import Sport
from ingest.simulator.looks import CARD_YELLOW, CYAN, DARK, MAGENTA, SKINS, WHITE, Colour, Look, shade
from ingest.simulator.stage import NO_DETAILS, BallPath, Camera, Details, Field, Movement, SportShow, Unseen
from ingest.simulator.things import bow, draw_arrow

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.schedule import PlannedEvent

_CONCRETE: Final[Colour] = (196, 200, 206)
_POSITIONS: Final[dict[str, str]] = {"straight": "A", "pike": "B", "tuck": "C"}
_NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    "forward_dive": ("101", "102", "103", "104", "105", "106", "107", "109"),
    "back_dive": ("201", "202", "203", "204", "205", "206", "207", "209"),
    "inward_dive": ("401", "402", "403", "404", "405", "406", "407", "409"),
    "armstand_dive": ("600", "611", "612", "614", "621", "622", "624", "626"),
}
"""Numbers of each group, easy ones first; eight are enough for the six dives of a contest."""
_NUM_ROUNDS = 6
_FLIGHT_FRAMES = 38
_TOWER_SHARE = 0.14
"""Where the platform ends, as a share of the pool's length."""


class DivingShow(SportShow):
    """Two divers in turn, filmed from the side of the pool."""

    sport = Sport.DIVING
    kinds = ("forward_dive", "back_dive", "inward_dive", "armstand_dive")
    field = Field(
        length_m=25,
        width_m=12,
        lines=(),
        cameras=(
            Camera(far_y=236, near_y=352, far_x=(150, 850), near_x=(60, 1000), player_px=(30, 44)),
            Camera(far_y=246, near_y=358, far_x=(120, 860), near_x=(20, 1010), player_px=(32, 46)),
        ),
        surfaces=(
            ((40, 132, 196), (150, 156, 160)),
            ((30, 150, 176), (172, 160, 140)),
            ((52, 116, 182), (128, 140, 152)),
            ((44, 148, 156), (150, 148, 166)),
        ),
        num_stripes=9,
    )
    ball_colour = SKINS[1]
    pull = 0.0
    sway = 0.003
    players_shown = None

    @property
    @override
    def ledger(self) -> Ledger[Any]:
        return DivingLedger(num_rounds=_NUM_ROUNDS)

    @override
    def movement(self, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> Movement:
        # The one who dives is the ball: on the platform, in the air from the event on, in the water after that. The others wait.
        waiting = np.array([[(-0.06, 0.55)], [(-0.1, 0.8)]])
        edge = (_TOWER_SHARE, 0.5)
        landing = (_TOWER_SHARE + float(rng.uniform(0.025, 0.045)), 0.5)
        times = np.array([0.0, since, since + _FLIGHT_FRAMES, num_frames + _FLIGHT_FRAMES + 1.0])
        return Movement(waiting[None], BallPath(times, np.array([edge, edge, landing, landing]), 0.0), (-0.95, -0.92))

    @override
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        return DivingLedger(_NUM_ROUNDS).start(teams, teams[int(rng.integers(2))])

    @override
    def details(self, rng: np.random.Generator, state: DivingState, kind: str, tactic: str | None, team: int) -> Details:
        fresh = [number for number in _NUMBERS[kind] if number not in state.numbers[team]]
        if not fresh:
            return NO_DETAILS
        number = fresh[int(rng.integers(len(fresh)))]
        difficulty = 1.4 + 0.24 * int(number[-1]) + 0.1 * (tactic == "pike") + 0.2 * (tactic == "straight")
        return Details(outcome=number + _POSITIONS[tactic or "tuck"], value=round(difficulty, 1))

    @override
    def settled(self, state: State, rng: np.random.Generator, unseen: Unseen) -> State:
        """Seven judges give their marks."""
        assert isinstance(state, DivingState)
        if state.diver is None:
            return state
        marks = np.clip(np.round(2 * rng.normal(rng.uniform(5, 9), 0.5, 7)) / 2, 0, 10)
        return unseen(state, "award", state.diver, tuple(float(mark) for mark in marks))

    @override
    def is_over(self, state: DivingState) -> bool:
        return all(len(scores) == _NUM_ROUNDS for scores in state.scores)

    @override
    def score_words(self, state: DivingState) -> tuple[str, str]:
        first, second = state.totals
        return f"{first:5.1f}", f"{second:5.1f}"

    @override
    def clock_words(self, start_s: float, time_s: float, state: DivingState) -> str:
        return f"DIVE {min(_NUM_ROUNDS, 1 + min(len(scores) for scores in state.scores))}"

    @override
    def draw_extras(self, canvas: Canvas, to_pixels: NDArray[np.float64], look: Look) -> None:
        from ingest.simulator.stage import PANORAMA_WIDTH, project

        (_, far), (x, y) = project(to_pixels, np.array([(0.0, 0.0), (_TOWER_SHARE * 25, 6.0)]))
        # A plain wall over most of the stand, so that a diver in the air stands out.
        canvas.box(0, 0, PANORAMA_WIDTH, far - 74, shade(look.surround, 0.42))
        for column in range(11):
            canvas.box(10 + 80 * column, 12, 66 + 80 * column, 40, shade(look.surround, 0.6))
        canvas.box(x - 108, y - 196, x - 84, y, shade(_CONCRETE, 0.7))
        canvas.box(x - 116, y - 196, x, y - 184, _CONCRETE)
        canvas.box(x - 108, y - 110, x - 30, y - 101, shade(_CONCRETE, 0.9))
        for step in range(18):
            canvas.line(x - 122, y - 10 * step, x - 108, y - 10 * step, (110, 116, 124), 2)
        canvas.line(x - 116, y - 216, x - 50, y - 216, (110, 116, 124), 2)
        for post in (-116, -84, -50):
            canvas.line(x + post, y - 216, x + post, y - 196, (110, 116, 124), 2)

    @override
    def draw_ball(self, canvas: Canvas, height: float, event: PlannedEvent, index: int) -> None:
        frame = index - event.first
        skin, suit = SKINS[(event.first // 7) % len(SKINS)], (30, 34, 60)
        if frame < 0:  # upright on the edge, whatever is to come
            man = canvas.at(-8, -197, 5.2)
            man.line(0, 0, 0, -4.6, skin, 1.5)
            man.line(0, -4.4, 0, -5.6, suit, 1.9)
            man.line(0, -5.4, 0, -8, skin, 1.9)
            man.line(0.9, -7.4, 1.0, -4.6, skin, 0.7)
            man.circle(0, -9.2, 1.1, skin)
        elif frame < _FLIGHT_FRAMES:
            share = frame / _FLIGHT_FRAMES
            body = canvas.at(0, -226 - 60 * share + 286 * share * share, 7.4)
            self._draw_body(body, event.tactic or "tuck", 40 + 760 * share, skin, suit)
        elif frame < _FLIGHT_FRAMES + 16:
            reach = (frame - _FLIGHT_FRAMES) / 16
            for side in (-1, 0, 1):
                canvas.line(side * 4, 0, side * (8 + 14 * reach), -26 * (1 - reach) - 6, (232, 244, 250), 4)
            canvas.ellipse(0, 0, 12 + 26 * reach, 4 + 5 * reach, (226, 240, 248), width=2)

    @staticmethod
    def _draw_body(canvas: Canvas, position: str, angle_deg: float, skin: Colour, suit: Colour) -> None:
        """A diver in the air about the origin, turned by an angle: rolled up, folded, or stretched."""
        turn = np.radians(angle_deg)
        rotate = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        joints: list[tuple[float, float]] = {"tuck": [(-1.0, -1.7), (-1.3, 0.6), (0.9, -0.6), (0.7, 1.3)],
                  "pike": [(0.2, -3.4), (-0.9, 0.3), (2.4, -1.4), (5.0, -2.9)],
                  "straight": [(0.0, -3.6), (0.0, 0.2), (0.0, 2.8), (0.0, 5.4)]}[position]
        chest, hip, knee, foot = np.array(joints) @ rotate
        canvas.path([chest, hip], skin, 2.1)
        canvas.path([hip, knee], skin, 1.7)
        canvas.path([knee, foot], skin, 1.4)
        canvas.circle(float(hip[0]), float(hip[1]), 1.2, suit)
        if position == "straight":
            canvas.path([chest, np.array((0.0, -7.4)) @ rotate], skin, 1.0)
        head = (np.array(joints[0]) + np.array((0.5, -1.0))) @ rotate
        canvas.circle(float(head[0]), float(head[1]), 1.25, shade(skin, 0.8))

    @override
    def draw_object(self, canvas: Canvas, kind: str, look: Look, motion: float) -> None:
        if kind == "armstand_dive":
            self._draw_armstand(canvas)
            return
        away = {"forward_dive": CARD_YELLOW, "back_dive": MAGENTA, "inward_dive": CYAN}
        colour = away[kind]
        canvas.box(-96, -22, -6, 0, _CONCRETE)
        canvas.box(-96, -22, -6, -16, shade(_CONCRETE, 1.2))
        skin = SKINS[1]
        x = -22
        if kind == "forward_dive":  # facing the water, arms up, over to the front
            canvas.line(x - 6, -24, x, -62, skin, 15)
            canvas.line(x, -58, x + 16, -96, skin, 20)
            canvas.line(x, -64, x + 3, -54, DARK, 21)
            canvas.line(x + 16, -94, x + 40, -128, skin, 10)
            canvas.circle(x + 24, -112, 13, skin)
            draw_arrow(canvas, bow(34, -52, 50, 66, 268, 395), colour, 15)
        elif kind == "back_dive":  # the back to the water, over to the back
            canvas.line(x + 4, -24, x + 6, -62, skin, 15)
            canvas.line(x + 6, -58, x + 20, -94, skin, 20)
            canvas.line(x + 5, -64, x + 8, -54, DARK, 21)
            canvas.line(x + 18, -92, x + 54, -112, skin, 10)
            canvas.circle(x + 34, -104, 13, skin)
            draw_arrow(canvas, bow(-38, -98, 50, 36, 160, 355), colour, 15)
            draw_arrow(canvas, [(70, -110), (76, -40), (74, -26)], colour, 15)
        else:  # the back to the water, but turning in towards the platform
            canvas.line(x + 8, -24, x + 14, -58, skin, 15)
            canvas.line(x + 14, -56, x - 8, -90, skin, 20)
            canvas.line(x + 12, -62, x + 9, -52, DARK, 21)
            canvas.line(x - 8, -88, x - 42, -80, skin, 10)
            canvas.circle(x - 22, -100, 13, skin)
            draw_arrow(canvas, bow(22, -62, 58, 66, 300, 110), colour, 15)
        canvas.line(-6, -2, 96, -2, WHITE, 5)

    @staticmethod
    def _draw_armstand(canvas: Canvas) -> None:
        skin = SKINS[1]
        canvas.box(-96, -22, 96, 0, _CONCRETE)
        canvas.box(-96, -22, 96, -16, shade(_CONCRETE, 1.2))
        for side in (-1, 1):
            canvas.line(side * 20, -26, side * 12, -66, skin, 11)
        canvas.circle(0, -46, 14, skin)
        canvas.line(0, -70, 0, -96, skin, 30)
        canvas.line(0, -96, 0, -104, DARK, 30)
        for side in (-1, 1):
            canvas.line(side * 7, -104, side * 5, -142, skin, 13)
        for side in (-1, 1):
            draw_arrow(canvas, [(side * 70, -34), (side * 70, -112)], (70, 230, 90), 16)
