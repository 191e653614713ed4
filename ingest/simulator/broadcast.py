"""One simulated broadcast: any frame by its number, the sound, and the truth about both.

A broadcast is a pure function of sport, seed, length and settings, and is cheap until a frame or the sound is asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deepsport.ids import digest, make_id
from deepsport.records import Event, Made, Shot, Utterance
from deepsport.taxonomy import CameraKind, Sport, Transition
from deepsport.timebase import FrameRate, FrameWindow, Span
from ingest.simulator.looks import choose_look
from ingest.simulator.schedule import FRAMES_PER_S, PlannedShot, Scene, SimulatorConfig, plan, show_of
from ingest.simulator.sound import PlacedLine, Samples, mix, place_lines
from ingest.simulator.truth import Play, Truth

if TYPE_CHECKING:
    from ingest.simulator.film import Film

_CAMERA_OF = {Scene.WIDE: CameraKind.WIDE, Scene.CROWD: CameraKind.OTHER, Scene.COACH: CameraKind.CLOSE}


class SimulatedBroadcast:
    """A broadcast of duration_s seconds at 25 fps and 640x360, the same for the same arguments on every machine.

    Times are seconds of the broadcast; broadcast_id is written into the records.

    Raises: UserError when the simulator does not play the sport, or the length holds no play.

    >>> tennis = SimulatedBroadcast(Sport.TENNIS, seed=3, duration_s=20)
    >>> tennis.num_frames, len(tennis.plays) == len(tennis.events)
    (500, True)
    >>> tennis.frame(0).shape
    (360, 640, 3)
    """

    rate = FrameRate(num=FRAMES_PER_S)

    def __init__(
        self, sport: Sport, seed: int, duration_s: float, config: SimulatorConfig | None = None, broadcast_id: str = ""
    ) -> None:
        self.sport, self.seed, self.config = sport, seed, config or SimulatorConfig()
        self.broadcast_id = broadcast_id
        self.show = show_of(sport)
        # A hash, so that neighbouring seeds, and the same seed in two sports, have nothing in common.
        self._entropy = int(digest("simulator", sport, seed), 16)
        self.look = choose_look(self._rng("look"), self.show.field.surfaces, self.config.noise)
        self.schedule = plan(self.show, self.look.teams, self._rng("plan"), duration_s, self.config)
        self.start_clock_s = float(self._rng("clock").integers(0, 2400))
        self.num_frames = self.schedule.num_frames
        self.teams = self.look.teams

    def _rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng([self._entropy, int(digest(purpose), 16)])

    def _made(self) -> Made:
        return Made(step="simulate", seed=self.seed, config_hash=digest(self.config))

    def _id(self, kind: str, number: int) -> str:
        return make_id(kind, self.broadcast_id, self.sport, self.seed, self.num_frames, self.config, number)

    def _span(self, first: int, last: int) -> Span:
        return self.rate.span_of(FrameWindow(idx_start=first, idx_end=last))

    @cached_property
    def events(self) -> list[Event]:
        """The decisive events in order, one a play; evidence covers just the frames on which the event shows."""
        made = self._made()
        return [
            Event(
                event_id=self._id("event", number),
                broadcast_id=self.broadcast_id,
                sport=self.sport,
                kind=event.kind,
                time_s=self.rate.time_s(event.first + 2),
                evidence=self._span(event.first, event.last),
                team=self.teams[event.team],
                zone=event.zone,
                num_players=event.num_players if self.show.players_shown else None,
                outcome=event.details.outcome,
                value=event.details.value,
                tactic=event.tactic,
                made=made,
            )
            for number, event in enumerate(self.schedule.events)
        ]

    @cached_property
    def plays(self) -> list[Play]:
        """The plays in order, each a single wide shot."""
        return [Play(span=self._span(s.first, s.last), event_index=s.play) for s in self.schedule.shots if s.play is not None]

    @cached_property
    def shots(self) -> list[Shot]:
        """The shots in order, covering the broadcast without gaps."""
        made = self._made()
        return [
            Shot(
                shot_id=self._id("shot", index),
                broadcast_id=self.broadcast_id,
                shot_index=index,
                span=self._span(shot.first, shot.last),
                transition=Transition.CUT if index else Transition.START,
                camera=_CAMERA_OF[shot.scene],
                made=made,
            )
            for index, shot in enumerate(self.schedule.shots)
        ]

    @cached_property
    def _placed_lines(self) -> list[PlacedLine]:
        if not self.config.commentary:
            return []
        return place_lines(self.sport, self.schedule, [event.time_s for event in self.events], self._rng("speech"))

    @cached_property
    def utterances(self) -> list[Utterance]:
        """The lines that are spoken, with the span of their sound; empty without commentary."""
        made = self._made()
        return [
            Utterance(
                utterance_id=self._id("utterance", number),
                broadcast_id=self.broadcast_id,
                span=Span(start_s=placed.start_s, end_s=placed.end_s),
                text=placed.line.text,
                avg_logprob=0.0,
                no_speech_prob=0.0,
                made=made,
            )
            for number, placed in enumerate(self._placed_lines)
        ]

    @property
    def truth(self) -> Truth:
        """All that is true of it, as it is written beside the video."""
        return Truth(
            sport=self.sport,
            seed=self.seed,
            config=self.config,
            rate=self.rate,
            num_frames=self.num_frames,
            teams=self.teams,
            plays=tuple(self.plays),
            shots=tuple(self.shots),
            scenes=tuple(shot.scene for shot in self.schedule.shots),
            events=tuple(self.events),
            utterances=tuple(self.utterances),
            states=self.schedule.states,
        )

    def audio(self) -> Samples:
        """The sound: float32 mono at 16 kHz within [-1, 1], as long as the pictures."""
        moments_s = [event.time_s for event in self.events]
        return mix(self._placed_lines, moments_s, self.rate.time_s(self.num_frames), self._rng("crowd"))

    def shot_at(self, frame_index: int) -> PlannedShot:
        """The shot that a frame belongs to."""
        return self.schedule.shots[int(np.searchsorted(self._shot_starts, frame_index, side="right")) - 1]

    @cached_property
    def _shot_starts(self) -> NDArray[np.int64]:
        return np.array([shot.first for shot in self.schedule.shots])

    @cached_property
    def _film(self) -> Film:
        from ingest.simulator.film import Film

        return Film(self.show, self.look, self.schedule, self.config, self._entropy, self.start_clock_s)

    def frame(self, frame_index: int) -> NDArray[np.uint8]:
        """One frame as HWC uint8 RGB, (360, 640, 3).

        Raises: IndexError outside the broadcast.
        """
        if not 0 <= frame_index < self.num_frames:
            raise IndexError(f"frame {frame_index} of a broadcast of {self.num_frames} frames")
        return self._film.frame(frame_index, self.shot_at(frame_index))
