"""The truth about a simulated broadcast, and the file beside the video that holds it.

``read_truth(Path("soccer-0.mp4"))``, or ``SimulatedBroadcast(...).truth`` without any file: its shots, events and utterances
are as ingest should find them; ``truth.cuts`` and ``truth.gradual`` are the transitions in frames.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import SerializeAsAny, ValidationError, field_validator
from pydantic_core.core_schema import ValidationInfo

from deepsport.errors import UserError
from deepsport.records import Event, Record, Shot, Utterance
from deepsport.sports import sport_module
from deepsport.sports.base import State
from deepsport.taxonomy import Sport, Transition
from deepsport.timebase import FrameRate, FrameWindow, Span
from ingest.simulator.schedule import GraphicKind, Scene, SimulatorConfig

SUFFIX = ".truth.json"


class Play(Record):
    """A stretch of live play with one decisive event."""

    span: Span
    event_index: int
    """Position of its event in the broadcast's events."""


class Replay(Record):
    """A shot in which an event is seen again."""

    shot_index: int
    """Of the replay, whose Shot.replay_of names the live shot."""
    event_index: int
    evidence: Span
    """When the event is seen again."""
    speed: float
    """Of the pictures, 1 being as it happened."""


class Graphic(Record):
    """A drawing that comes and goes; but for one that fills the screen it makes no shot, the picture goes on behind it."""

    kind: GraphicKind
    span: Span
    """From its first frame to its last, coming and going included."""
    words: tuple[str, ...]
    """Its lines of text."""


class Truth(Record):
    """All that is true of a simulated broadcast."""

    format: Literal["deepsport-truth-2"] = "deepsport-truth-2"
    sport: Sport
    seed: int
    config: SimulatorConfig
    rate: FrameRate
    num_frames: int
    teams: tuple[str, str]
    """As a viewer would name them; the first stands first on the score bug."""
    plays: tuple[Play, ...]
    shots: tuple[Shot, ...]
    """Without gaps from the first frame to the last."""
    scenes: tuple[Scene, ...]
    """What each shot shows, said finer than Shot.camera says it."""
    replays: tuple[Replay, ...] = ()
    flashes: tuple[Span, ...] = ()
    """When a photographer's flash lights the picture. No shot ends there."""
    graphics: tuple[Graphic, ...] = ()
    events: tuple[Event, ...]
    """In order, one a play; evidence covers just the frames on which the event is seen live."""
    unseen: tuple[Event, ...] = ()
    """What happens out of the picture, in order, such as restarts and judges' marks; no frame of their evidence shows them."""
    matches: tuple[int, ...] = (0,)
    """Which events begin a match, as positions: the first, and the one after each event that ended a match."""
    utterances: tuple[Utterance, ...]
    states: tuple[SerializeAsAny[State], ...]
    """Of the sport's ledger: before the first event, and after each."""

    @field_validator("states", mode="before")
    @classmethod
    def _of_the_sport(cls, value: Any, info: ValidationInfo) -> Any:
        kind = type(sport_module(info.data["sport"]).ledger.midway(("a", "b")))
        return tuple(state if isinstance(state, State) else kind.model_validate(state, strict=False) for state in value)

    @property
    def cuts(self) -> list[int]:
        """First frames of the shots that begin with a hard cut."""
        return [self.rate.frame_at(shot.span.start_s) for shot in self.shots if shot.transition is Transition.CUT]

    @property
    def gradual(self) -> list[tuple[Transition, FrameWindow]]:
        """The gradual transitions: their kind, and the frames that are mixed of two shots."""
        found = []
        for shot in self.shots:
            if shot.transition_span is not None:
                window = self.rate.window_of(shot.transition_span, self.num_frames)
                assert window is not None
                found.append((shot.transition, window))
        return found


def truth_path(video: Path) -> Path:
    """Where the truth about a video lies.

    >>> truth_path(Path("made/soccer-0.mp4")).name
    'soccer-0.truth.json'
    """
    return video.with_suffix(SUFFIX)


def read_truth(video: Path) -> Truth:
    """The truth that lies beside a simulated video.

    Raises: UserError when there is none, or it was written by another version.
    """
    path = truth_path(video)
    try:
        return Truth.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); only simulated videos have a truth") from error
    except ValidationError as error:
        raise UserError(f"{path}: not a truth that this version reads; make the broadcast again") from error
