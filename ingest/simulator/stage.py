"""What every sport of the simulator has in common: a field in metres, cameras, players who move, and one shape for a sport.

A sport is one file with one subclass of SportShow: it says how its field is marked, where its players stand, how the score
is shown, and draws one large object for each kind of event. What may happen is the ledger's to say (deepsport/sports), and all
else (cameras, crowd, figures, score bug) is shared.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsport.records import Event
from deepsport.sports import sport_module
from deepsport.sports.base import Ledger, State
from deepsport.taxonomy import Sport
from deepsport.timebase import Span
from ingest.simulator.looks import Colour, Look

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.schedule import PlannedEvent

WIDTH, HEIGHT = 640, 360
PANORAMA_WIDTH: Final = 880
"""A wide camera sees WIDTH of these pixels and pans over the rest."""
ZONES: Final = ("left", "centre", "right")
ZONE_X: Final[dict[str, int]] = {"left": 108, "centre": 320, "right": 532}
"""Middle of each third of the picture, in pixels."""

Points = NDArray[np.float64]
"""Places as (N, 2): x along the field and y across it, or pixels."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A wide camera, by where it sees the field's four corners: pixels of a panorama (PANORAMA_WIDTH, HEIGHT)."""

    far_y: float
    """Height of the far edge of the field; above it are boards and crowd."""
    near_y: float
    far_x: tuple[float, float]
    near_x: tuple[float, float]
    player_px: tuple[float, float]
    """Height of a player at the far and the near edge."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field lying from (0, 0) to (length_m, width_m), the far left corner being (0, 0)."""

    length_m: float
    width_m: float
    lines: tuple[tuple[tuple[float, float], ...], ...]
    """Marked lines as polylines, in metres."""
    cameras: tuple[Camera, Camera]
    surfaces: tuple[tuple[Colour, Colour], ...]
    """Colours of the field and of what surrounds it, one pair of which a broadcast has."""
    net_height_m: float = 0.0
    """Of the net across the middle, 0 where there is none."""
    net_along: bool = False
    """Whether the net runs along x (a court seen from behind a baseline) instead of across."""
    num_stripes: int = 14
    line_px: float = 2.2


@dataclass(frozen=True, slots=True)
class BallPath:
    """Where the ball is: straight from place to place, in an arc above the field."""

    times: NDArray[np.float64]
    """Frames at which it is at each place, rising, from the first of the play to past its last."""
    places: Points
    arc: float
    """Height of the arcs, in lengths of a player."""

    def at(self, frame: float) -> tuple[float, float, float]:
        """x, y (shares of the field's length and width) and height (lengths of a player) at a frame of the play."""
        step = int(np.clip(np.searchsorted(self.times, frame, side="right") - 1, 0, len(self.times) - 2))
        share = (frame - self.times[step]) / (self.times[step + 1] - self.times[step])
        x, y = self.places[step] + share * (self.places[step + 1] - self.places[step])
        return float(x), float(y), float(self.arc * 4 * share * (1 - share))


class Movement(NamedTuple):
    """How the players and the ball move through a play."""

    course: NDArray[np.float64]
    """Places (K, 2, N, 2) of the two teams' N players, as shares of the field's length and width, at K moments spread evenly
    over the play; between two moments they go straight."""
    ball: BallPath
    gaze: tuple[float, float] | None = None
    """How far the camera looks to the right (1) or left (-1) at the beginning and at the end; None: anywhere."""


class Details(NamedTuple):
    """What an event carries beside kind and team, where the sport's ledger asks for it."""

    outcome: str | None = None
    value: float | None = None


NO_DETAILS: Final = Details()


class Unseen:
    """What happens after an event and out of the picture: each call is one more such event, and gives the state after it."""

    def __init__(self, ledger: Ledger[Any]) -> None:
        self._ledger = ledger
        self.events: list[Event] = []

    def __call__(self, state: State, kind: str, team: int | None = None, marks: tuple[float, ...] = ()) -> State:
        """The state after one more event, which it notes."""
        event = Event(event_id="unseen", broadcast_id="", sport=self._ledger.sport, kind=kind, time_s=0,
                      evidence=Span(start_s=0, end_s=0), team=None if team is None else state.teams[team], marks=marks)
        self.events.append(event)
        after: State = self._ledger.apply(state, event)
        return after


class SportShow(ABC):
    """How one sport is played and drawn."""

    sport: Sport
    kinds: tuple[str, ...]
    """The kinds of event it shows, all equally often."""
    field: Field
    ball_colour: Colour
    ball_px: float = 2.4
    """Radius of the ball in a wide shot."""
    pull: float = 0.2
    """How far the players follow the ball, as a share of its way."""
    sway: float = 0.02
    """How far a player wanders about its place, as a share of the field's length."""
    score_unit: str = "points"
    """What the numbers of `score_words` count, in their order."""
    players_shown: tuple[int, int] | None = (1, 3)
    """Fewest and most players that take part in an event; None where it is always one athlete and nobody counts."""

    @property
    def ledger(self) -> Ledger[Any]:
        """What decides which events may happen."""
        return sport_module(self.sport).ledger

    @abstractmethod
    def movement(self, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> Movement:
        """How a play goes in which that event happens ``since`` frames after its beginning: its tactic is seen, it is not."""

    @abstractmethod
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        """Where the match stands when the broadcast begins, of the kind that the sport's ledger works on."""

    def details(self, rng: np.random.Generator, state: Any, kind: str, tactic: str | None, team: int) -> Details:
        """What the next event carries, if it is of that kind and that team's."""
        del rng, state, kind, tactic, team
        return NO_DETAILS

    def settled(self, state: State, rng: np.random.Generator, unseen: Unseen) -> State:
        """The state once all that the rules require after an event, and that is not shown, has been done."""
        del rng, unseen
        return state

    def is_over(self, state: Any) -> bool:
        """Whether the match is over, so that a new one begins."""
        return state.winner is not None

    @abstractmethod
    def score_words(self, state: Any) -> tuple[str, str]:
        """The score as the bug shows it, one text a team."""

    @abstractmethod
    def clock_words(self, start_s: float, time_s: float, state: Any) -> str:
        """What stands beside the score; start_s is a number from 0 to 2400 that the broadcast chose."""

    @abstractmethod
    def draw_object(self, canvas: Canvas, kind: str, look: Look, motion: float) -> None:
        """The large object that tells an event's kind, standing on the origin.

        It fills about 190 by 140 pixels above the origin and is the same on every frame but for motion (0 to 1 through the
        evidence), which may move what is small in it.
        """

    def draw_extras(self, canvas: Canvas, to_pixels: NDArray[np.float64], look: Look) -> None:
        """Things that stand on the field of a wide camera (goals). to_pixels is the homography from metres."""
        del canvas, to_pixels, look

    def draw_player(self, canvas: Canvas, kit: Colour, skin: Colour, stride: float, team: int) -> None:
        """A player of the wide shots, 10 units high, standing on the origin. stride in -1..1 is the phase of the run."""
        from ingest.simulator.canvas import draw_small_player

        del team
        draw_small_player(canvas, kit, skin, stride)

    def draw_ball(self, canvas: Canvas, height: float, event: PlannedEvent, index: int) -> None:
        """The ball of the wide shots, height pixels above the origin, on frame index of the broadcast."""
        del event, index
        canvas.ellipse(0, 0, self.ball_px, self.ball_px * 0.5, (34, 54, 40))
        canvas.circle(0, -self.ball_px - height, self.ball_px, self.ball_colour)

    def draw_person(
        self, canvas: Canvas, kit: Colour, skin: Colour, hair: Colour, *, shorts: Colour, mirrored: bool, kind: str
    ) -> None:
        """One of the big players who make the event, 100 units high, standing on the origin."""
        from ingest.simulator.canvas import draw_figure

        del kind
        draw_figure(canvas, kit, skin, hair, shorts=shorts, mirrored=mirrored)


def rally_path(
    rng: np.random.Generator, num_frames: int, sides: tuple[Points, Points], every: tuple[int, int], arc: float
) -> BallPath:
    """A ball that goes to and fro between two groups of places, each flight lasting every[0] to every[1] frames."""
    times, places, side = [0.0], [], int(rng.integers(2))
    while True:
        group = sides[side]
        places.append(group[int(rng.integers(len(group)))] + rng.normal(0, 0.02, 2))
        if times[-1] > num_frames:
            break
        times.append(times[-1] + float(rng.integers(every[0], every[1] + 1)))
        side = 1 - side
    return BallPath(np.array(times), np.array(places), arc)


def passing_path(
    rng: np.random.Generator, num_frames: int, course: NDArray[np.float64], team: int, every: tuple[int, int], arc: float,
    players: tuple[int, ...],
) -> BallPath:
    """A ball that some players of a team pass among themselves, every[0] to every[1] frames apart, wherever their course takes
    them.
    """
    times, places, player = [0.0], [], players[int(rng.integers(len(players)))]
    while True:
        moment = min(1.0, times[-1] / max(1, num_frames - 1)) * (len(course) - 1)
        step = min(int(moment), max(0, len(course) - 2))
        here, there = course[step, team, player], course[min(step + 1, len(course) - 1), team, player]
        places.append(here + (moment - step) * (there - here))
        if times[-1] > num_frames:
            return BallPath(np.array(times), np.array(places), arc)
        times.append(times[-1] + float(rng.integers(every[0], every[1] + 1)))
        others = [other for other in players if other != player]
        player = others[int(rng.integers(len(others)))]


def towards(course: NDArray[np.float64], team: int) -> NDArray[np.float64]:
    """A course (K, 2, N, 2) told as [attackers, defenders] with the attack going to the right, as it is when ``team`` attacks:
    the first team plays from left to right.
    """
    if team == 0:
        return course
    turned = course[:, ::-1] * np.array([-1.0, 1.0]) + np.array([1.0, 0.0])
    return np.asarray(turned)


def project(to_pixels: NDArray[np.float64], places: Points) -> Points:
    """Places (N, 2) through a homography, as pixels (N, 2)."""
    homogeneous = np.column_stack([places, np.ones(len(places))]) @ to_pixels.T
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])


def rectangle(x0: float, y0: float, x1: float, y1: float) -> tuple[tuple[float, float], ...]:
    """The four sides of a rectangle as a closed polyline.

    >>> rectangle(0, 0, 2, 1)
    ((0, 0), (2, 0), (2, 1), (0, 1), (0, 0))
    """
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)


def arc(x: float, y: float, radius: float, start_deg: float, end_deg: float) -> tuple[tuple[float, float], ...]:
    """A part of a circle as a polyline."""
    angles = np.radians(np.linspace(start_deg, end_deg, 24))
    return tuple((x + radius * float(np.cos(a)), y + radius * float(np.sin(a))) for a in angles)
