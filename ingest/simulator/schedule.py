"""What happens in a broadcast, and when: plays with one event each, the shots they are filmed in, the score. No pictures yet.

Everything is counted in frames and drawn from the seed alone. A play is one wide shot; between some plays a plain production cuts
away to the crowd or to a coach. What a broadcast production does is in ingest/simulator/direction.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Final, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from deepsport.errors import ImpossibleEvent, UserError
from deepsport.records import Event
from deepsport.sports import sport_module
from deepsport.sports.base import State
from deepsport.taxonomy import Sport, Transition
from deepsport.timebase import FrameRate, Span
from ingest.simulator.stage import NO_DETAILS, ZONES, Details, SportShow, Unseen

PAL = FrameRate(num=25)
NTSC = FrameRate(num=30000, den=1001)


class Production(StrEnum):
    """How a broadcast is filmed and cut."""

    PLAIN = "plain"
    """Plays, each a single wide shot, and cutaways to the crowd and a coach; all cut hard."""
    BROADCAST = "broadcast"
    """As on television: close-ups, replays between wipes, dissolves, fades, flashes, graphics."""


class SimulatorConfig(BaseModel):
    """How a broadcast is made, beside sport, seed and length."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    play_s: tuple[float, float] = (5.6, 7.0)
    """Shortest and longest play, in seconds."""
    evidence_frames: tuple[int, int] = Field(default=(11, 13))
    """Fewest and most frames on which an event can be seen. With these and play_s, one of eight frames spread over a play shows
    the event in about half of the plays."""
    cutaway_probability: float = Field(default=0.4, ge=0, le=1)
    """How often the picture cuts to the crowd or a coach between two plays."""
    score_bug: bool = True
    """Show clock and score at the top left."""
    noise: int = Field(default=6, ge=0, le=40)
    """Largest noise of the camera, in grey levels."""
    commentary: bool = True
    """Speak lines over the crowd's noise."""
    # Left out of what ids and hashes are made of while it is the default: plain broadcasts keep the ids they always had.
    production: Production = Field(default=Production.PLAIN, exclude_if=lambda value: value == Production.PLAIN)
    """How it is filmed and cut: ``plain`` or ``broadcast``."""
    rate: FrameRate = Field(default=PAL, exclude_if=lambda value: value == PAL)
    """Frames per second: 25, or 30000/1001 as in North America and Japan."""


FLASH_FRAMES = 2
MAX_DURATION_S = 12 * 3600


class Scene(StrEnum):
    """What a shot shows."""

    WIDE = "wide"
    CROWD = "crowd"
    COACH = "coach"
    CLOSE = "close"
    """A player, head and shoulders."""
    REPLAY = "replay"
    GRAPHIC = "graphic"
    """A table that fills the screen."""


class PlannedShot(NamedTuple):
    """Frames first to last (last included) of one camera."""

    scene: Scene
    first: int
    last: int
    camera: int
    """Which of the two wide cameras; in a close-up, which team."""
    play: int | None
    """Index of the play that it films."""
    transition: Transition = Transition.CUT
    mixed: tuple[int, int] | None = None
    """First and last frame that are mixed of the shot before and this one; first lies in the middle."""
    live: int | None = None
    """Of a replay: index of the shot that it shows again."""
    live_from: int = 0
    """Of a replay: the frame that its first one shows again."""
    speed: float = 1.0
    """Of a replay: frames of the live shot for each of its own."""
    number: int = 0
    """Of a close-up: what stands on the shirt."""

    def moment(self, index: int) -> float:
        """The frame of the broadcast on which what frame index shows happened: itself, unless this is a replay."""
        return index if self.live is None else self.live_from + (index - self.first) * self.speed


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """A decisive event of a play, with the frames on which it shows (last included)."""

    kind: str
    team: int
    zone: str
    num_players: int
    first: int
    last: int
    tactic: str | None = None
    details: Details = NO_DETAILS
    unseen: tuple[Event, ...] = ()
    """What the rules require after it and nobody is shown; only kind, team and marks are theirs."""


class GraphicKind(StrEnum):
    """Where a drawing lies."""

    LOWER_THIRD = "lower_third"
    """A name at the bottom left."""
    TABLE = "table"
    """Over most of the picture, which goes on behind it."""
    FULL_SCREEN = "full_screen"
    """In place of the picture: it makes a shot of its own."""


class PlannedGraphic(NamedTuple):
    """A drawing on frames first to last (last included), coming and going over so many frames."""

    kind: GraphicKind
    first: int
    last: int
    ease: int
    words: tuple[str, ...]

    def shown(self, index: int) -> float:
        """How much of it is there on a frame, in [0, 1]."""
        return max(0.0, min(1.0, (index - self.first + 1) / (self.ease + 1), (self.last - index + 1) / (self.ease + 1)))


@dataclass(frozen=True, slots=True)
class Schedule:
    """All of a broadcast but its looks."""

    num_frames: int
    shots: tuple[PlannedShot, ...]
    events: tuple[PlannedEvent, ...]
    """One a play, in order."""
    states: tuple[State, ...]
    """Where the match stands before the first event, and after each; a won match is followed by a new one."""
    matches: tuple[int, ...] = (0,)
    """Which events begin a match: the states before them are where the film comes upon it."""
    graphics: tuple[PlannedGraphic, ...] = ()
    """In order, never two at once."""
    flashes: tuple[int, ...] = ()
    """First frames of flashes, in order; each lights FLASH_FRAMES frames."""


def plan(
    show: SportShow, teams: tuple[str, str], rng: np.random.Generator, duration_s: float, config: SimulatorConfig
) -> Schedule:
    """The plays, shots and events that fill a broadcast exactly.

    Raises: UserError when not even one play fits.
    """
    num_frames, shortest, longest = frames_of(duration_s, config)
    shots: list[PlannedShot] = []
    events: list[PlannedEvent] = []
    states = [show.opening(teams, rng)]
    matches = [0]
    now, camera = 0, int(rng.integers(2))
    while num_frames - now >= shortest:
        length = min(int(rng.integers(shortest, longest + 1)), num_frames - now)
        if num_frames - now - length < 15:  # too little for another shot
            length = num_frames - now
        shots.append(PlannedShot(Scene.WIDE, now, now + length - 1, camera, len(events)))
        event, state = plan_event(show, rng, now, length, states[-1], config)
        events.append(event)
        states.append(show.opening(teams, rng) if show.is_over(state) else state)
        if show.is_over(state):
            matches.append(len(events))
        now, camera = now + length, 1 - camera
        if rng.random() < config.cutaway_probability and num_frames - now >= 15:
            now = _cut_away(shots, rng, now, min(int(rng.integers(32, 58)), num_frames - now))
            if num_frames - now < 15:
                shots[-1] = shots[-1]._replace(last=num_frames - 1)
                now = num_frames
    if now < num_frames:
        _cut_away(shots, rng, now, num_frames - now)
    return Schedule(num_frames, tuple(shots), tuple(events), tuple(states), tuple(matches))


def frames_of(duration_s: float, config: SimulatorConfig) -> tuple[int, int, int]:
    """Frames of the broadcast, of its shortest and of its longest play.

    Raises: UserError when not even one play fits, or it would last longer than any broadcast.
    """
    if not 0 < duration_s <= MAX_DURATION_S:
        raise UserError(f"a broadcast cannot last {duration_s:g} s; it may last up to {MAX_DURATION_S // 3600} hours")
    num_frames, shortest, longest = (round(s * config.rate.fps) for s in (duration_s, *config.play_s))
    if num_frames < shortest:
        raise UserError(f"a broadcast of {duration_s} s holds no play; make it at least {config.play_s[0]} s long")
    return num_frames, shortest, longest


def _cut_away(shots: list[PlannedShot], rng: np.random.Generator, now: int, length: int) -> int:
    scene = Scene.CROWD if rng.random() < 0.6 else Scene.COACH
    if shots[-1].scene is scene:
        scene = Scene.COACH if scene is Scene.CROWD else Scene.CROWD
    shots.append(PlannedShot(scene, now, now + length - 1, 0, None))
    return now + length


def plan_event(
    show: SportShow, rng: np.random.Generator, start: int, length: int, state: State, config: SimulatorConfig
) -> tuple[PlannedEvent, State]:
    """The event of a play of so many frames, and where the match stands after it."""
    # The kind is drawn first and evenly, then the team among those that the rules allow: over many broadcasts every kind is
    # as likely for either team, so nothing can be guessed without looking.
    kind = show.kinds[int(rng.integers(len(show.kinds)))]
    tactics = [tactic.name for tactic in sport_module(show.sport).tactics]
    tactic = tactics[int(rng.integers(len(tactics)))] if tactics else None
    details = [show.details(rng, state, kind, tactic, team) for team in (0, 1)]
    legal = [(team, then) for team in (0, 1) if (then := _apply(show, state, kind, team, details[team], rng)) is not None]
    team, (after, unseen) = legal[int(rng.integers(len(legal)))]
    num_shown = int(rng.integers(config.evidence_frames[0], config.evidence_frames[1] + 1))
    # The middle lies between 1.5 and 5.5 sevenths: eight frames spread over the play are a seventh apart, so that each moment
    # of that stretch is as near to one of them as any other.
    first = start + int(rng.integers(round(length * 1.5 / 7), round(length * 5.5 / 7))) - num_shown // 2
    zone = ZONES[int(rng.integers(len(ZONES)))]
    fewest, most = show.players_shown or (1, 1)
    num_players = int(rng.integers(fewest, most + 1))
    return PlannedEvent(kind, team, zone, num_players, first, first + num_shown - 1, tactic, details[team], unseen), after


def _apply(
    show: SportShow, state: State, kind: str, team: int, details: Details, rng: np.random.Generator
) -> tuple[State, tuple[Event, ...]] | None:
    """The state after the event and what follows it unseen, and those events; None when the sport's ledger refuses it."""
    event = Event(event_id="planned", broadcast_id="", sport=show.sport, kind=kind, time_s=0,
                  evidence=Span(start_s=0, end_s=0), team=state.teams[team], outcome=details.outcome, value=details.value)
    try:
        after: State = show.ledger.apply(state, event)
    except ImpossibleEvent:
        return None
    unseen = Unseen(show.ledger)
    return show.settled(after, rng, unseen), tuple(unseen.events)


FILMED: Final = (
    Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL, Sport.BASKETBALL, Sport.ICE_HOCKEY, Sport.FENCING, Sport.BOXING, Sport.DIVING,
    Sport.TABLE_TENNIS, Sport.BADMINTON,
)
"""The sports that the simulator plays; each has a file beside this one."""


def show_of(sport: Sport) -> SportShow:
    """How a sport is played and drawn.

    Raises: UserError when the simulator does not play it.
    """
    if sport not in FILMED:
        raise UserError(f"the simulator does not play {sport}; it plays {', '.join(FILMED)}")
    shows = vars(import_module(f"ingest.simulator.{sport.value}")).values()
    show: SportShow = next(s for s in shows if isinstance(s, type) and issubclass(s, SportShow) and s is not SportShow)()
    return show
