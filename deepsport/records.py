"""Every record type, in the order of the pipeline. Frozen, closed (extra="forbid"), and stored one table a type by the catalog.

    Broadcast ─▶ Shot, Utterance, Event, ClockFit, Clip, Fingerprint ─▶ Question ─▶ Trajectory, Review
                                                                     ─▶ ClipGroup, PassRate ─▶ Lesson ─▶ Evaluation
    beside them: Drop (what was left out and why), Completion (what a language model said), Unit (what work is done)

Times in seconds are on the broadcast's clock unless a field says otherwise; frame windows are on the clip's frames. A record
says how it was made in ``made``. Two records with the same id are the same record.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from deepsport.taxonomy import (
    AnswerKind,
    Band,
    Budget,
    CameraKind,
    Dimension,
    DropReason,
    FailureClass,
    FormatErrorKind,
    Split,
    Sport,
    StopReason,
    Task,
    Transition,
    Verdict,
)
from deepsport.timebase import FrameRate, FrameWindow, Span

T = TypeVar("T")


class Record(BaseModel):
    """Base of all records: immutable, and refusing fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Made(Record):
    """How a record came to be: enough to make it again."""

    step: str
    """The step that made it, e.g. ``detect_shots``."""
    inputs: tuple[str, ...] = ()
    """Ids of the records it was made from."""
    config_hash: str = ""
    """Hash of the stage's settings and of all stages before it."""
    code_version: str = ""
    """Version of DeepSport."""
    seed: int = 0


class Broadcast(Record):
    """One video file as it came in, and the 640×360 proxy that everything after ingest looks at."""

    broadcast_id: str
    """From the bytes of the media: a renamed copy is the same broadcast, a changed file is another."""
    replaces: str | None = None
    """The broadcast_id of what lay at the same place before the file changed; its rows stay and are no longer used."""
    sport: Sport
    title: str
    source_uri: str
    """Where it came from: a path, or a URL without its secrets."""
    media_sha256: str
    size_bytes: int
    duration_s: float
    width: int
    height: int
    source_rate: FrameRate
    """Nominal rate of the source; the source itself may vary (VFR), the proxy never does."""
    proxy_key: str
    """Key of the proxy in the store: constant rate, starts at 0, display orientation, square pixels."""
    proxy_rate: FrameRate
    proxy_num_frames: int
    has_audio: bool
    commentary_lag_s: float | None = None
    """How long after an event the commentary speaks of it, in the middle; None without a feed, or where too little agrees."""
    repairs: tuple[str, ...] = ()
    """What was put right on the way in, e.g. ``variable frame rate``, ``rotation 90``."""
    licence: str = "unknown"
    rights: str = ""
    """Who holds the rights, and on what terms, as the manifest says."""
    exportable: bool = True
    """Whether the rights holder lets clips of it leave the workspace."""
    feed_uri: str | None = None
    """Path or URL of its event feed."""
    feed_sha256: str | None = None
    simulated: bool = False
    made: Made = Made(step="ingest")


class Shot(Record):
    """What lies between two transitions; the shots of a broadcast cover it without gap or overlap."""

    shot_id: str
    broadcast_id: str
    shot_index: int
    span: Span
    transition: Transition
    """How the shot begins."""
    transition_span: Span | None = None
    """How long a dissolve, fade or wipe lasts; the shot's span begins in the middle of it. None for a cut."""
    camera: CameraKind = CameraKind.OTHER
    replay: bool = False
    """Whether it shows again what was shown before, between wipes."""
    replay_of: str | None = None
    """The shot_id of the live original of a replay; None when it is no replay, or its original was not found."""
    made: Made = Made(step="detect_shots")


class SpokenWord(Record):
    """A word with its punctuation, and when it is said."""

    text: str
    span: Span


class Utterance(Record):
    """A stretch of speech, as transcribed."""

    utterance_id: str
    broadcast_id: str
    span: Span
    text: str
    avg_logprob: float
    """Mean log-probability of the tokens: the recogniser's own confidence, 0 is certain."""
    no_speech_prob: float
    words: tuple[SpokenWord, ...] = ()
    """Its words with their times, where the recogniser gives them."""
    language: str | None = None
    """Two-letter code of the language that was heard, or was said to be spoken."""
    made: Made = Made(step="transcribe")


class Event(Record):
    """Something that happened, in the sport's own vocabulary (deepsport/sports/<sport>.py)."""

    event_id: str
    broadcast_id: str
    sport: Sport
    kind: str
    """A kind of the sport's vocabulary, e.g. ``corner_kick``."""
    time_s: float
    evidence: Span
    """When a viewer can see what happened."""
    team: str | None = None
    """As a viewer would name it: the colour of the kit where that is known, else the feed's name."""
    player: str | None = None
    zone: str | None = None
    """Where: ``left``, ``centre`` or ``right`` of the picture, or the feed's zone."""
    num_players: int | None = None
    """How many players take part (wall, block, celebration)."""
    outcome: str | None = None
    value: float | None = None
    """A number that belongs to the event: a mark, a difficulty, yards."""
    marks: tuple[float, ...] = ()
    """Several numbers in a fixed order: the judges' marks, as the sport's vocabulary says."""
    tactic: str | None = None
    """How it was being played: one of the sport's tactics."""
    made: Made = Made(step="import_events")


class ClockFit(Record):
    """How a feed's clock runs against the video's, by what is seen and heard: video second = offset_s + rate × feed second."""

    clock_fit_id: str
    broadcast_id: str
    feed_uri: str
    period: int | None
    """The half or period whose clock it is; None where the feed has one clock."""
    offset_s: float
    """The second of the video at which the feed's clock reads 0."""
    rate: float
    """Seconds of the video in a second of the feed; 1 where neither drifts."""
    num_events: int
    """Events and lines of the feed that were fitted."""
    num_matched: int
    """Of these, how many have a moment of their own in the video: a spoken word, a change of the score, a whistle."""
    residual_s: float | None
    """Median distance of the matched from their moment; None when nothing has one and cuts alone decide."""
    residual_p90_s: float | None
    """Nine tenths of the matched lie nearer."""
    uncertainty_s: float
    """Standard deviation of the fitted time, at the event where it is greatest."""
    chance: float = Field(ge=0, le=1)
    """Chance that the feed of another match would have fitted as well."""
    rival: float = Field(ge=0, le=1)
    """Chance, given the evidence, that the true fit is another one."""
    commentary_lag_s: float | None
    """How long after an event its words begin, as measured under this fit."""
    evidence: tuple[str, ...]
    """What decided, the most telling first: ``score``, ``digits`` (whose score it was), ``speech``, ``cuts``, ``whistles``."""
    refusal: str = ""
    """Why the fit is not trusted and the feed's events were left out; empty for one that is used."""
    made: Made = Made(step="align_feed")

    def video_s(self, time_s: float) -> float:
        """The second of the video at which the feed's clock reads time_s."""
        return self.offset_s + self.rate * time_s


class Clip(Record):
    """A stretch of a broadcast that questions are asked about; virtual: its pixels are frames of the broadcast's proxy."""

    clip_id: str
    broadcast_id: str
    sport: Sport
    span: Span
    first_frame: int
    """Index in the proxy of the clip's frame 0."""
    num_frames: int
    rate: FrameRate
    made: Made = Made(step="cut_clips")


class Fingerprint(Record):
    """How a broadcast looks, coarsely, five times a second: enough to find it again in another encode, crop or edit."""

    broadcast_id: str
    per_s: int
    """Pictures a second, evenly from the broadcast's start."""
    sights: str
    """Base64 of the pictures, one after another: brightness 0 to 255, a byte each, 9 rows of 16."""
    made: Made = Made(step="fingerprint")


class ClipGroup(Record):
    """Clips that show the same: other encodes, crops, logos, replays. A group lies in one split as a whole."""

    clip_group_id: str
    clip_ids: tuple[str, ...]
    """Two at least; a clip is in one group at most."""
    broadcast_ids: tuple[str, ...]
    """The broadcasts that these clips are of."""
    made: Made = Made(step="group_clips")


class Question(Record):
    """A question about a clip, with a key that can be proved from the events and the rules."""

    question_id: str
    clip_id: str
    broadcast_id: str
    sport: Sport
    task: Task
    dimension: Dimension
    text: str
    """As it is put to the model, without the options."""
    answer_kind: AnswerKind
    options: tuple[str, ...] = ()
    """For CHOICE: what may be answered, the key among them."""
    answers: tuple[str, ...]
    """Gold answers, any of which is right. NUMBER: ``3``. WINDOW: ``12-40``. TEXT: the key facts, all of which must be said,
    separated by ``;``."""
    evidence: FrameWindow
    """Frames of the clip on which the answer can be seen."""
    event_ids: tuple[str, ...]
    rule_ids: tuple[str, ...] = ()
    """Rules that the answer stands on."""
    template_id: str
    made: Made = Made(step="ask")


class Turn(Record):
    """One turn of an episode: what the policy said, and what it was shown for it."""

    text: str
    """The policy's words, tags included."""
    window: FrameWindow | None = None
    """The window it asked for, if it called the frame tool well."""
    frame_indices: tuple[int, ...] = ()
    """Frames shown in reply."""
    error: FormatErrorKind | None = None


class Trajectory(Record):
    """One episode written down; every frame index in it was really shown."""

    trajectory_id: str
    question_id: str
    clip_id: str
    policy: str
    """Who played: a model's name, ``scripted-teacher``, …"""
    initial_frames: tuple[int, ...]
    turns: tuple[Turn, ...]
    stop: StopReason
    answer: str | None
    accuracy: float = Field(ge=0, le=1)
    made: Made = Made(step="rollout")

    @property
    def used_tool(self) -> bool:
        """Whether any frames were asked for and shown."""
        return any(turn.window is not None for turn in self.turns)

    @property
    def seen_frames(self) -> tuple[int, ...]:
        """Every frame shown, in order, the initial ones first."""
        return self.initial_frames + tuple(i for turn in self.turns for i in turn.frame_indices)

    @property
    def format_ok(self) -> bool:
        """Whether the episode ended in an answer without breaking the protocol."""
        return self.stop is StopReason.ANSWERED and all(turn.error is None for turn in self.turns)


class Completion(Record):
    """One completion of a language model, kept as it came."""

    completion_id: str
    model: str
    purpose: str
    """The step that asked, e.g. ``word_question``."""
    prompt_sha256: str
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    error: str | None = None
    """Set when no usable completion came; text is then empty or cut."""


class Review(Record):
    """A curator's word on a question; a later review by the same curator replaces an earlier one."""

    review_id: str
    question_id: str
    curator: str
    verdict: Verdict
    corrected_answer: str | None = None
    reasons: tuple[str, ...] = ()
    difficulty: int | None = Field(default=None, ge=1, le=5)
    evidence: FrameWindow | None = None
    note: str = ""
    updated_at: str
    """ISO 8601, UTC, by the labelling server's clock."""
    project: str = ""
    """Title of the review project it was given in."""


class PassRate(Record):
    """How often the base model answered a question, under a frame budget."""

    pass_rate_id: str
    question_id: str
    policy: str
    budget: Budget
    num_rollouts: int
    num_passed: int
    made: Made = Made(step="measure_pass_rates")

    @property
    def rate(self) -> float:
        """Share of rollouts that passed, in [0, 1]."""
        return self.num_passed / self.num_rollouts


class Lesson(Record):
    """A graded question, placed in the curriculum."""

    lesson_id: str
    question_id: str
    broadcast_id: str
    sport: Sport
    task: Task
    split: Split
    band: Band
    initial_pass_rate: float
    evidence_pass_rate: float
    rank: int
    """Position in the curriculum within its split, from 0; perception first."""
    made: Made = Made(step="place_lessons")


class Evaluation(Record):
    """How one checkpoint did on one question (greedy)."""

    evaluation_id: str
    checkpoint: str
    question_id: str
    sport: Sport
    task: Task
    split: Split
    band: Band
    answer: str | None
    accuracy: float = Field(ge=0, le=1)
    used_tool: bool
    num_frames: int
    """Frames seen, the initial ones included."""
    evidence_seen: bool
    failure: FailureClass | None
    made: Made = Made(step="evaluate")


class Drop(Record):
    """Something that was left out or quarantined, and why. Nothing disappears without one."""

    drop_id: str
    step: str
    item: str
    """The id, path or line of what was dropped."""
    reason: DropReason
    detail: str = ""

    @property
    def line(self) -> str:
        """What was dropped and why, in one line."""
        return self.detail if self.detail.startswith(f"{self.item}: ") else f"{self.item}: {self.detail or self.reason}"


class Unit(Record):
    """A unit of work that is done: written last, so its presence means that all its partitions are complete."""

    unit: str
    """Also the name of the partitions it wrote."""
    step: str
    stage_hash: str
    inputs: tuple[str, ...]
    num_records: int
    num_drops: int
    tables: tuple[str, ...] = ()
    """Tables in which it has a partition; empty also for a unit of before this was noted."""


TABLES: dict[type[Record], str] = {
    Broadcast: "broadcasts",
    Shot: "shots",
    Utterance: "utterances",
    Event: "events",
    ClockFit: "clock_fits",
    Clip: "clips",
    Fingerprint: "fingerprints",
    ClipGroup: "clip_groups",
    Question: "questions",
    Trajectory: "trajectories",
    Completion: "completions",
    Review: "reviews",
    PassRate: "pass_rates",
    Lesson: "lessons",
    Evaluation: "evaluations",
    Drop: "drops",
    Unit: "units",
}
"""Table of each record type, in pipeline order."""


class Kept(NamedTuple, Generic[T]):
    """What a step kept and what it dropped."""

    items: list[T]
    drops: list[Drop]
