"""What every sport of the simulator has in common: a field in metres, cameras, players who move, and one shape for a sport.

A sport is one file with one subclass of SportShow: it says how its field is marked, where its players stand, how the score
is shown, and draws one large object for each kind of event. What may happen is the ledger's to say (deepsport/sports), and all
else (cameras, crowd, figures, score bug) is shared.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from deepsport.sports.base import Ledger, State
from deepsport.taxonomy import Sport
from ingest.simulator.looks import Colour, Look

if TYPE_CHECKING:
    from ingest.simulator.canvas import Canvas

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

    @abstractmethod
    def formation(self, rng: np.random.Generator) -> Points:
        """Places (2, N, 2) of the two teams' players in open play, as shares of the field's length and width."""

    @abstractmethod
    def ball_path(self, rng: np.random.Generator, num_frames: int, formation: Points) -> BallPath:
        """The ball's way through a play."""

    @abstractmethod
    def opening(self, teams: tuple[str, str], rng: np.random.Generator) -> State:
        """Where the match stands when the broadcast begins, of the kind that the sport's ledger works on."""

    def settled(self, ledger: Ledger[Any], state: State) -> State:
        """The state once all that the rules require after an event, and that is not shown, has been done."""
        del ledger
        return state

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
