"""Ice hockey as the simulator plays and draws it: goal, icing, offside, minor penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from deepsport.sports.base import Ledger, State
from deepsport.sports.ice_hockey import IceHockeyLedger, IceHockeyState
from deepsport.taxonomy import Sport
from ingest.simulator.looks import BLACK, CARD_YELLOW, SKINS, WHITE, Colour, Look, shade
from ingest.simulator.stage import Camera, Field, Movement, SportShow, Unseen, arc, passing_path, project, rectangle, towards
from ingest.simulator.things import draw_official, draw_panel

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.schedule import PlannedEvent

_RED: Final[Colour] = (214, 20, 34)
_BLUE: Final[Colour] = (24, 74, 214)
_PUCK: Final[Colour] = (20, 20, 24)
_LINES = (
    rectangle(0, 0, 60, 30),
    arc(30, 15, 4.5, 0, 360),
    *(arc(x, y, 4.5, 0, 360) for x in (9.5, 50.5) for y in (8, 22)),
)
# The keeper and five skaters, attackers then defenders, the attack going to x = 1.
_KEEPERS = ((0.04, 0.5), (0.955, 0.5))
_SKATERS = {
    "forecheck": (((0.95, 0.3), (0.96, 0.66), (0.86, 0.5), (0.74, 0.25), (0.74, 0.78)),
                  ((0.975, 0.42), (0.9, 0.12), (0.9, 0.9), (0.84, 0.32), (0.83, 0.7))),
    "neutral-zone trap": (((0.22, 0.5), (0.3, 0.14), (0.32, 0.86), (0.36, 0.36), (0.37, 0.66)),
                          ((0.42, 0.5), (0.53, 0.12), (0.53, 0.37), (0.53, 0.63), (0.53, 0.88))),
    "box defence": (((0.7, 0.5), (0.78, 0.1), (0.78, 0.9), (0.91, 0.1), (0.91, 0.92)),
                    ((0.82, 0.34), (0.82, 0.66), (0.9, 0.36), (0.9, 0.64), (0.76, 0.5))),
}
_RUSH = (((0.36, 0.5), (0.38, 0.14), (0.4, 0.86), (0.14, 0.3), (0.12, 0.7)),
         ((0.82, 0.5), (0.84, 0.16), (0.86, 0.84), (0.44, 0.3), (0.4, 0.7)))
_CAUGHT = (((0.56, 0.4), (0.16, 0.2), (0.2, 0.5), (0.18, 0.8), (0.1, 0.45)),
           ((0.9, 0.46), (0.5, 0.2), (0.54, 0.52), (0.5, 0.8), (0.4, 0.42)))


class IceHockeyShow(SportShow):
    """A keeper and five skaters a side on ice, filmed from the side."""

    sport = Sport.ICE_HOCKEY
    kinds = ("goal", "icing", "offside", "minor_penalty")
    score_unit = "goals"
    field = Field(
        length_m=60,
        width_m=30,
        lines=_LINES,
        cameras=(
            Camera(far_y=128, near_y=338, far_x=(120, 760), near_x=(-40, 920), player_px=(28, 46)),
            Camera(far_y=142, near_y=350, far_x=(70, 750), near_x=(-110, 950), player_px=(30, 50)),
        ),
        surfaces=(
            ((176, 204, 222), (70, 80, 100)),
            ((188, 210, 216), (96, 62, 60)),
            ((164, 194, 212), (52, 74, 66)),
            ((184, 200, 222), (60, 56, 92)),
        ),
        num_stripes=2,
    )
    ball_colour = _PUCK
    ball_px = 3.2
    pull = 0.05
    sway = 0.009

    @property
    @override
    def ledger(self) -> Ledger[Any]:
        return IceHockeyLedger(num_overtimes=None)  # a shoot-out has nothing of what is shown

    @override
    def movement(self, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> Movement:
        # Whoever ices the puck gets rid of it under pressure; all else is done by the team that attacks.
        attack = event.team if event.kind != "icing" else 1 - event.team
        keepers = np.array(_KEEPERS)[:, None]
        if event.tactic == "odd-man rush":
            skaters = np.stack([np.array(_RUSH), np.array(_CAUGHT)], axis=1)
        else:
            skaters = np.array(_SKATERS[event.tactic or "box defence"])[None]
        skaters = skaters + rng.normal(0, 0.012, skaters.shape[1:])
        course = np.concatenate([np.broadcast_to(keepers, (len(skaters), 2, 1, 2)), skaters], axis=2)
        course = np.clip(towards(course, attack), 0.02, 0.98)
        passers, side = ((1, 2, 3), attack) if event.tactic == "odd-man rush" else ((1, 2, 3, 4, 5), attack)
        if event.tactic == "forecheck":  # the others have the puck, behind their goal
            passers, side = (1, 2, 3), 1 - attack
        ball = passing_path(rng, num_frames, course, side, (14, 30), 0.0, passers)
        ahead = 1 if attack == 0 else -1
        gazes = {"odd-man rush": (0.0, 0.9), "neutral-zone trap": (-0.3, -0.1)}
        first, last = gazes.get(event.tactic or "", (0.7, 0.9))
        return Movement(course, ball, (ahead * first, ahead * last))

    @override
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        return IceHockeyState(teams=teams, score=(int(rng.integers(3)), int(rng.integers(3))), period=int(rng.integers(1, 4)),
                              phase="live")

    @override
    def settled(self, state: State, rng: np.random.Generator, unseen: Unseen) -> State:
        assert isinstance(state, IceHockeyState)

        def then(kind: str, team: int | None = None) -> State:
            return self.settled(unseen(state, kind, team), rng, unseen)

        if state.phase == "over":
            return state
        if state.penalties and (len(state.penalties) > 1 or rng.random() < 0.5):
            return then("penalty_end", state.penalties[0].team)
        if state.phase == "faceoff":
            return then("faceoff", int(rng.integers(2)))
        if state.period < 3 and rng.random() < 0.05:
            return then("period_end")
        return state

    @override
    def score_words(self, state: IceHockeyState) -> tuple[str, str]:
        return str(state.score[0]), str(state.score[1])

    @override
    def clock_words(self, start_s: float, time_s: float, state: IceHockeyState) -> str:
        left = 1200 - int(start_s + time_s) % 1200
        return f"{left // 60}:{left % 60:02d}"

    @override
    def draw_extras(self, canvas: Canvas, to_pixels: NDArray[np.float64], look: Look) -> None:
        for x, colour, width in ((4.0, _RED, 2), (22.9, _BLUE, 6), (30.0, _RED, 6), (37.1, _BLUE, 6), (56.0, _RED, 2)):
            canvas.path(project(to_pixels, np.array([(x, 0.0), (x, 30.0)])), colour, width)
        for corner, turn in (((8.5, 8.5), 180), ((51.5, 8.5), 270), ((51.5, 21.5), 0), ((8.5, 21.5), 90)):
            edge = np.array(arc(*corner, 8.5, turn, turn + 90))
            outside = np.array([(0.0 if corner[0] < 30 else 60.0, 0.0 if corner[1] < 15 else 30.0)])
            canvas.polygon(project(to_pixels, np.concatenate([edge, outside])), look.surround)
            canvas.path(project(to_pixels, edge), (226, 232, 226), 3)
        for x, back in ((4.0, 3.0), (56.0, 57.0)):
            places = np.array([(x, 13.6), (x, 16.4), (back, 13.9), (back, 16.1)])
            (ax, ay), (bx, by), (cx, cy), (dx, dy) = project(to_pixels, places)
            canvas.polygon([(ax, ay - 20), (bx, by - 22), (bx, by), (dx, dy), (cx, cy - 12)], (222, 228, 232))
            canvas.path([(ax, ay), (ax, ay - 20), (bx, by - 22), (bx, by)], _RED, 3)

    @override
    def draw_player(self, canvas: Canvas, kit: Colour, skin: Colour, stride: float, team: int) -> None:
        canvas.ellipse(1.2, 0, 3.2, 0.9, (120, 146, 160))
        for side in (-1, 1):
            canvas.line(side * 0.8, -4.2, side * (0.9 + 1.1 * stride), -0.6, shade(kit, 0.5), 1.7)
            canvas.line(side * (0.9 + 1.1 * stride) - 0.9, -0.2, side * (0.9 + 1.1 * stride) + 1.1, -0.2, BLACK, 0.7)
        canvas.line(1.2, -5.6, 4.6, -0.3, (96, 70, 44), 0.6)
        canvas.polygon([(-1.7, -8.3), (1.7, -8.3), (2.3, -7.4), (1.7, -3.9), (-1.7, -3.9), (-2.3, -7.4)], kit)
        canvas.circle(0, -9.2, 1.3, shade(kit, 0.55))
        canvas.line(-0.5, -8.9, 0.7, -8.9, skin, 0.8)

    @override
    def draw_ball(self, canvas: Canvas, height: float, event: PlannedEvent, index: int) -> None:
        canvas.ellipse(0, 0, self.ball_px * 1.2, self.ball_px * 0.7, self.ball_colour)

    @override
    def draw_person(
        self, canvas: Canvas, kit: Colour, skin: Colour, hair: Colour, *, shorts: Colour, mirrored: bool, kind: str
    ) -> None:
        side = -1 if mirrored else 1
        canvas.ellipse(4, 0, 20, 4, (120, 146, 160))
        for leg in (-1, 1):
            canvas.line(leg * 6, -40, leg * 8, -8, shorts, 13)
            canvas.line(leg * 7.4, -26, leg * 8, -14, kit, 12)
            canvas.line(leg * 8 - 5, -3, leg * 8 + 5, -3, BLACK, 6)
            canvas.line(leg * 8 - 7, 0, leg * 8 + 7, 0, (216, 222, 228), 2)
        canvas.line(side * 16, -56, side * 26, -2, (96, 70, 44), 3)
        canvas.line(side * 26, -2, side * 32, -2, (96, 70, 44), 4)
        canvas.polygon([(-14, -84), (14, -84), (18, -76), (14, -38), (-14, -38), (-18, -76)], kit)
        for arm in (-1, 1):
            canvas.line(arm * 15, -78, arm * 17, -58, kit, 8)
            canvas.circle(arm * 17, -54, 5, BLACK)
        canvas.line(-14, -46, 14, -46, shade(kit, 0.75), 4)
        canvas.ellipse(0, -92, 6, 7, skin)
        canvas.ellipse(0, -95, 8.5, 7.5, shade(kit, 0.55), start=180, end=360)
        canvas.line(-8, -95, 8, -95, shade(kit, 0.55), 3)

    @override
    def draw_object(self, canvas: Canvas, kind: str, look: Look, motion: float) -> None:
        if kind == "goal":
            self._draw_goal(canvas, motion)
        elif kind == "icing":
            self._draw_icing(canvas, motion)
        elif kind == "offside":
            self._draw_offside(canvas)
        else:
            self._draw_penalty(canvas)

    @staticmethod
    def _draw_goal(canvas: Canvas, motion: float) -> None:
        from ingest.simulator.canvas import draw_net

        draw_net(canvas, -84, -92, 84, 0, (232, 238, 242), (150, 160, 170), 11)
        canvas.path([(-86, 2), (-86, -96), (86, -96), (86, 2)], _RED, 13)
        for angle in np.arange(7) * np.pi / 6 + np.pi:
            x, y = float(np.cos(angle)), float(np.sin(angle))
            canvas.line(x * 30, -112 + y * 24, x * 58, -112 + y * 36, (255, 84, 60), 7)
        canvas.ellipse(0, -108, 24, 26, (255, 24, 24), start=180, end=360)
        canvas.ellipse(10 + 5 * motion, -34, 30, 14, _PUCK)
        canvas.ellipse(10 + 5 * motion, -40, 30, 12, (60, 62, 70))

    @staticmethod
    def _draw_icing(canvas: Canvas, motion: float) -> None:
        draw_panel(canvas, (150, 206, 244), (60, 66, 80))
        canvas.line(52, -130, 52, -10, _RED, 13)
        for y, reach in ((-86, 84), (-68, 96), (-50, 76)):
            canvas.line(40 - reach, y, 30, y, WHITE, 8)
        canvas.ellipse(62 + 8 * motion, -62, 25, 13, BLACK)
        canvas.ellipse(62 + 8 * motion, -70, 25, 11, (66, 68, 76))

    @staticmethod
    def _draw_offside(canvas: Canvas) -> None:
        canvas.box(-96, -26, 96, 0, _BLUE)
        draw_official(canvas.at(-42, 0), (240, 240, 240), (-20, -12), (128, -72), striped=True, hair=BLACK)

    @staticmethod
    def _draw_penalty(canvas: Canvas) -> None:
        canvas.box(-96, -138, 96, -40, (34, 30, 26))
        canvas.box(-90, -132, 90, -46, CARD_YELLOW)
        canvas.text(-74, -66, "2:00", 2.1, BLACK, 8)
        canvas.line(-90, -4, 90, -34, (116, 74, 36), 10)
        canvas.line(-90, -34, 90, -4, (116, 74, 36), 10)
        canvas.line(-96, 0, -78, -8, SKINS[3], 12)
        canvas.line(96, 0, 78, -8, SKINS[3], 12)
