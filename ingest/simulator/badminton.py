"""Badminton as the simulator plays and draws it: smash, drop shot, shuttle netted, shuttle out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from typing_extensions import override

from deepsport.sports.badminton import BadmintonLedger, BadmintonState
from deepsport.sports.base import State
from deepsport.taxonomy import Sport
from ingest.simulator.looks import BLACK, CYAN, WHITE, Colour, Look
from ingest.simulator.stage import Camera, Field, Movement, SportShow, rally_path, rectangle
from ingest.simulator.things import bow, draw_arrow, draw_burst, draw_official

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.schedule import PlannedEvent

_CORK: Final[Colour] = (222, 196, 150)
_LINES = (
    rectangle(0, 0, 6.1, 13.4),
    rectangle(0.46, 0, 5.64, 13.4),
    ((0, 0.76), (6.1, 0.76)),
    ((0, 12.64), (6.1, 12.64)),
    ((0, 4.72), (6.1, 4.72)),
    ((0, 8.68), (6.1, 8.68)),
    ((3.05, 0), (3.05, 4.72)),
    ((3.05, 8.68), (3.05, 13.4)),
)
# Of the far pair; the near one stands mirrored.
_BESIDE = ((0.24, 0.24), (0.76, 0.24))
_BEHIND = ((0.5, 0.4), (0.5, 0.08))


class BadmintonShow(SportShow):
    """Doubles in a hall, filmed from behind a back line."""

    sport = Sport.BADMINTON
    kinds = ("smash", "drop_shot", "netted", "shuttle_out")
    score_unit = "games, points"
    field = Field(
        length_m=6.1,
        width_m=13.4,
        lines=_LINES,
        cameras=(
            Camera(far_y=116, near_y=338, far_x=(316, 564), near_x=(220, 660), player_px=(40, 70)),
            Camera(far_y=128, near_y=350, far_x=(330, 590), near_x=(170, 660), player_px=(42, 74)),
        ),
        surfaces=(
            ((46, 124, 92), (40, 66, 76)),
            ((60, 112, 120), (74, 58, 52)),
            ((86, 118, 84), (54, 54, 70)),
            ((40, 108, 110), (64, 72, 84)),
        ),
        net_height_m=1.55,
        net_along=True,
        num_stripes=1,
    )
    ball_colour = WHITE
    ball_px = 3.6
    pull = 0.04
    sway = 0.02
    players_shown = (1, 2)

    @override
    def movement(self, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> Movement:
        places = [_BESIDE, _BESIDE]
        if event.tactic == "both pairs front and back":
            places = [_BEHIND, _BEHIND]
        elif event.tactic == "attack against defence":
            attack = event.team if event.kind in ("smash", "drop_shot") else int(rng.integers(2))
            places[attack] = _BEHIND
        far = int(rng.integers(2))
        pairs = np.array(places)
        pairs[1 - far] = 1 - pairs[1 - far]
        pairs = pairs + rng.normal(0, 0.018, pairs.shape)
        return Movement(pairs[None], rally_path(rng, num_frames, (pairs[0], pairs[1]), (15, 27), 1.2))

    @override
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        ledger = BadmintonLedger()
        state = ledger.start(teams, teams[int(rng.integers(2))])
        for side in rng.integers(0, 2, int(rng.integers(0, 30))):
            state = ledger.score_point(state, int(side))
        return state

    @override
    def score_words(self, state: BadmintonState) -> tuple[str, str]:
        return f"{state.score[0]} {state.points[0]:2d}", f"{state.score[1]} {state.points[1]:2d}"

    @override
    def clock_words(self, start_s: float, time_s: float, state: BadmintonState) -> str:
        return f"G {sum(state.score) + 1}"

    @override
    def draw_player(self, canvas: Canvas, kit: Colour, skin: Colour, stride: float, team: int) -> None:
        from ingest.simulator.canvas import draw_small_player

        draw_small_player(canvas, kit, skin, stride)
        canvas.line(1.4, -7.6, 2.6, -8.6, skin, 0.7)
        canvas.line(2.6, -8.6, 3.4, -10.4, (60, 62, 70), 0.3)
        canvas.ellipse(3.8, -11.3, 0.7, 1.0, (226, 232, 236), width=0.3)

    @override
    def draw_ball(self, canvas: Canvas, height: float, event: PlannedEvent, index: int) -> None:
        canvas.ellipse(0, 0, self.ball_px, self.ball_px * 0.5, (30, 60, 50))
        draw_shuttle(canvas.at(0, -24 - height), self.ball_px * 1.5, 90)

    @override
    def draw_object(self, canvas: Canvas, kind: str, look: Look, motion: float) -> None:
        if kind == "smash":
            self._draw_smash(canvas, motion)
        elif kind == "drop_shot":
            self._draw_drop(canvas, motion)
        elif kind == "netted":
            self._draw_netted(canvas)
        else:
            self._draw_out(canvas)

    @staticmethod
    def _draw_smash(canvas: Canvas, motion: float) -> None:
        draw_burst(canvas, -14, -96, 56, (255, 110, 0), (255, 226, 70))
        canvas.line(-92, -20, -60, -66, (40, 44, 52), 10)
        canvas.ellipse(-36, -100, 34, 44, (240, 244, 246), angle=34)
        for offset in range(-24, 25, 12):
            canvas.line(-36 + offset - 16, -100 + 22, -36 + offset + 16, -100 - 22, (150, 160, 168), 1.5)
        canvas.ellipse(-36, -100, 34, 44, (30, 60, 190), angle=34, width=8)
        for side in (-16, 16):
            canvas.line(14 + side, -98 - side / 2, 40 + side, -62 - side / 2, WHITE, 7)
        draw_shuttle(canvas.at(64 + 6 * motion, -30 + 8 * motion), 42, 55)

    @staticmethod
    def _draw_drop(canvas: Canvas, motion: float) -> None:
        canvas.line(-6, 0, -6, -96, WHITE, 10)
        canvas.box(-20, -98, 8, -84, WHITE)
        canvas.line(-96, -2, 96, -2, WHITE, 6)
        draw_arrow(canvas, [*bow(-20, -76, 66, 58, 195, 345), (48, -60), (50, -52)], CYAN, 13)
        draw_shuttle(canvas.at(54, -24 + 5 * motion), 34, 100)

    @staticmethod
    def _draw_netted(canvas: Canvas) -> None:
        from ingest.simulator.canvas import draw_net

        draw_net(canvas, -97, -114, 97, 0, (70, 26, 34), (184, 110, 118), 13)
        canvas.box(-98, -136, 98, -110, WHITE)
        draw_shuttle(canvas.at(0, -50), 52, 20)

    @staticmethod
    def _draw_out(canvas: Canvas) -> None:
        draw_official(canvas, (60, 190, 70), (-94, -78), (94, -78))
        canvas.line(-96, -20, 96, -20, WHITE, 10)


def draw_shuttle(canvas: Canvas, length: float, angle_deg: float) -> None:
    """A shuttlecock about the origin that flies with its cork ahead, in the direction angle_deg (90 is down)."""
    angle = np.radians(angle_deg)
    ahead, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    nose, tail = ahead * length * 0.42, -ahead * length * 0.6
    narrow, wide = across * length * 0.14, across * length * 0.46
    skirt = [nose + narrow, tail + wide, tail - wide, nose - narrow]
    if length > 20:
        canvas.polygon(np.array(skirt) * 1.08, BLACK)
    canvas.polygon(np.array(skirt), (250, 250, 250))
    if length > 20:
        for share in (-0.5, 0.0, 0.5):
            ends = np.stack([nose + across * share * length * 0.2, tail + across * share * length * 0.8])
            canvas.path(ends, (150, 156, 164), 2)
    canvas.circle(float(nose[0]), float(nose[1]), length * 0.17, _CORK)
