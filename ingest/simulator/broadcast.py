"""One simulated broadcast: any frame by its number, the sound, and the truth about both.

A broadcast is a pure function of sport, seed, length and settings, and is cheap until a frame or the sound is asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deepsport.ids import digest, make_id
from deepsport.records import Event, Made, Shot, Utterance
from deepsport.taxonomy import CameraKind, Sport, Transition
from deepsport.timebase import FrameRate, FrameWindow, Span
from ingest.simulator.ambience import Samples, ambience_of
from ingest.simulator.direction import direct
from ingest.simulator.looks import choose_look
from ingest.simulator.schedule import FLASH_FRAMES, PlannedShot, Production, Scene, SimulatorConfig, plan, show_of
from ingest.simulator.sound import PlacedLine, Sound, place_lines
from ingest.simulator.truth import Graphic, Play, Replay, Truth

if TYPE_CHECKING:
    from ingest.simulator.film import Film

_CAMERA_OF = {
    Scene.WIDE: CameraKind.WIDE,
    Scene.CROWD: CameraKind.OTHER,
    Scene.COACH: CameraKind.CLOSE,
    Scene.CLOSE: CameraKind.CLOSE,
    Scene.REPLAY: CameraKind.WIDE,
    Scene.GRAPHIC: CameraKind.GRAPHIC,
}


class SimulatedBroadcast:
    """A broadcast of duration_s seconds at 640x360, the same for the same arguments on every machine.

    Times are seconds of the broadcast; broadcast_id is written into the records.

    Raises: UserError when the simulator does not play the sport, or the length holds no play.

    >>> tennis = SimulatedBroadcast(Sport.TENNIS, seed=3, duration_s=20)
    >>> tennis.num_frames, len(tennis.plays) == len(tennis.events)
    (500, True)
    >>> tennis.frame(0).shape
    (360, 640, 3)
    """

    def __init__(
        self, sport: Sport, seed: int, duration_s: float, config: SimulatorConfig | None = None, broadcast_id: str = ""
    ) -> None:
        self.sport, self.seed, self.config = sport, seed, config or SimulatorConfig()
        self.broadcast_id = broadcast_id
        self.rate: FrameRate = self.config.rate
        self.show = show_of(sport)
        # A hash, so that neighbouring seeds, and the same seed in two sports, have nothing in common.
        self._entropy = int(digest("simulator", sport, seed), 16)
        self.look = choose_look(self._rng("look"), self.show.field.surfaces, self.config.noise)
        planned = direct if self.config.production is Production.BROADCAST else plan
        self.schedule = planned(self.show, self.look.teams, self._rng("plan"), duration_s, self.config)
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
    def unseen(self) -> list[Event]:
        """What happens out of the picture, in order: restarts, the judges' marks, what else the rules require after an event.

        Each is put on a frame of its own just after the event that it follows.
        """
        happened = [
            (planned, index)
            for event in self.schedule.events
            for index, planned in enumerate(event.unseen, start=event.last + 2)
        ]
        ids = {"broadcast_id": self.broadcast_id, "made": self._made()}
        return [
            planned.model_copy(update=ids | {"event_id": self._id("unseen", number), "time_s": self.rate.time_s(index),
                                             "evidence": self._span(index, index)})
            for number, (planned, index) in enumerate(happened)
        ]

    @cached_property
    def plays(self) -> list[Play]:
        """The plays in order, each a single wide shot."""
        return [
            Play(span=self._span(s.first, s.last), event_index=s.play)
            for s in self.schedule.shots
            if s.play is not None and s.live is None
        ]

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
                transition=shot.transition if index else Transition.START,
                transition_span=self._span(*shot.mixed) if shot.mixed else None,
                camera=_CAMERA_OF[shot.scene],
                replay=shot.live is not None,
                replay_of=None if shot.live is None else self._id("shot", shot.live),
                made=made,
            )
            for index, shot in enumerate(self.schedule.shots)
        ]

    @cached_property
    def replays(self) -> list[Replay]:
        """The shots in which an event is seen again, in order."""
        found = []
        for number, shot in enumerate(self.schedule.shots):
            if shot.live is None or shot.play is None:
                continue
            event = self.schedule.events[shot.play]
            again = [i for i in range(shot.first, shot.last + 1) if event.first <= int(shot.moment(i)) <= event.last]
            span = self._span(again[0], again[-1])
            found.append(Replay(shot_index=number, event_index=shot.play, evidence=span, speed=shot.speed))
        return found

    @property
    def graphics(self) -> list[Graphic]:
        """The drawings that come and go, and the tables that fill the screen."""
        return [
            Graphic(kind=graphic.kind, span=self._span(graphic.first, graphic.last), words=graphic.words)
            for graphic in self.schedule.graphics
        ]

    @cached_property
    def _placed_lines(self) -> list[PlacedLine]:
        if not self.config.commentary:
            return []
        return place_lines(self.sport, self.schedule, self._moments_s, self.duration_s, self._rng("speech"))

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
            replays=tuple(self.replays),
            flashes=tuple(self._span(first, first + FLASH_FRAMES - 1) for first in self.schedule.flashes),
            graphics=tuple(self.graphics),
            events=tuple(self.events),
            unseen=tuple(self.unseen),
            matches=self.schedule.matches,
            utterances=tuple(self.utterances),
            states=self.schedule.states,
        )

    @property
    def duration_s(self) -> float:
        """How long the pictures last, in seconds."""
        return self.rate.time_s(self.num_frames)

    @property
    def _moments_s(self) -> list[float]:
        return [event.time_s for event in self.events]

    @cached_property
    def sound(self) -> Sound:
        """The sound, any part of which can be had without the rest: mono at 16 kHz, as long as the pictures."""
        happened = [(event.time_s, event.kind) for event in self.events]
        return Sound(self._placed_lines, happened, ambience_of(self.sport), self.duration_s, self._rng("crowd"))

    def audio(self) -> Samples:
        """All the sound at once: float32 mono at 16 kHz within [-1, 1]."""
        return self.sound.part(0, self.sound.num_samples)

    def _shot_number(self, frame_index: int) -> int:
        return bisect_right(self._shot_starts, frame_index) - 1

    def shot_at(self, frame_index: int) -> PlannedShot:
        """The shot that a frame belongs to."""
        return self.schedule.shots[self._shot_number(frame_index)]

    @cached_property
    def _shot_starts(self) -> list[int]:
        return [shot.first for shot in self.schedule.shots]

    @cached_property
    def _film(self) -> Film:
        return self._new_film()

    def _new_film(self) -> Film:
        from ingest.simulator.film import Film

        return Film(self.show, self.look, self.schedule, self.config, self._entropy, self.start_clock_s)

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """All frames in order, as `frame` gives them; the memory of each is used again two frames later."""
        film = self._new_film()
        film.reuse_memory()
        for number, shot in enumerate(self.schedule.shots):
            for index in range(shot.first, shot.last + 1):
                yield film.frame(index, number)

    def frame(self, frame_index: int) -> NDArray[np.uint8]:
        """One frame as HWC uint8 RGB, (360, 640, 3).

        Raises: IndexError outside the broadcast.
        """
        if not 0 <= frame_index < self.num_frames:
            raise IndexError(f"frame {frame_index} of a broadcast of {self.num_frames} frames")
        return self._film.frame(frame_index, self._shot_number(frame_index))

    def bug_words(self, frame_index: int) -> tuple[str, str, str]:
        """What the score bug says on a frame: the score of each team, and the clock."""
        return self._film.bug_words(frame_index)
