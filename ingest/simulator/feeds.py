"""Event feeds of a simulated broadcast in the shapes that others write, with the faults that real ones have.

Real scribes keep a clock of their own, which began at another moment (offset_s) and may run at another pace (drift); they
miss events, and write some twice. What is written is a pure function of truth, shape and noise, and comes with what is
true of every line, so that whatever puts a feed back on the video's clock can be measured.
"""

from __future__ import annotations

import csv
import io
import json
from bisect import bisect_right
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from deepsport.errors import UserError
from deepsport.ids import digest
from deepsport.records import Event
from deepsport.sports import sport_module
from deepsport.sports.badminton import BadmintonState
from deepsport.sports.base import State, label_of
from deepsport.sports.rally import plus
from deepsport.sports.volleyball import VolleyballState
from deepsport.taxonomy import Sport
from ingest.simulator.truth import Truth


class FeedShape(StrEnum):
    """Whose format a feed is written in."""

    DEEPSPORT = "deepsport"
    """Our own JSON: any sport, evidence included."""
    SOCCERNET = "soccernet"
    """SoccerNet Labels-v2.json: soccer; one half, times in milliseconds."""
    DATAVOLLEY = "datavolley"
    """A DataVolley scout file (.dvw): volleyball; whole seconds, the score after every rally."""
    COACHAI = "coachai"
    """A stroke-by-stroke CSV as of CoachAI and ShuttleSet: badminton; seconds and frames, the score after every rally."""
    SPOT = "spot"
    """E2E-Spot JSON: any sport; frames."""


class FeedNoise(BaseModel):
    """What is wrong with a feed. With the defaults, nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    offset_s: float = Field(default=0.0, allow_inf_nan=False)
    """What the feed's clock shows on the video's first frame."""
    drift: float = Field(default=0.0, gt=-0.5, lt=0.5)
    """How much faster it runs than the video: 0.005 is three tenths of a second in a minute."""
    jitter_s: float = Field(default=0.0, ge=0, le=10)
    """Standard deviation of how far a time is off beside that."""
    missing: float = Field(default=0.0, ge=0, le=1)
    """Share of the events that nobody wrote down."""
    doubled: float = Field(default=0.0, ge=0, le=1)
    """Share of those written down that are written twice, up to two seconds apart."""
    seed: int = 0

    def clock_s(self, time_s: float) -> float:
        """What the feed's clock shows at a time of the video."""
        return self.offset_s + (1 + self.drift) * time_s


class Entry(NamedTuple):
    """An event as a feed has it."""

    time_s: float
    """On the feed's clock."""
    event_index: int
    """Which event of the truth it is."""
    doubled: bool
    """Whether it was written before."""


class WrittenFeed(NamedTuple):
    """A feed and what is true of it."""

    suffix: str
    """What its file is usually called, after the film's name."""
    data: bytes
    entries: tuple[Entry, ...]
    """One for each event in the feed, in its order."""


def noted(truth: Truth, noise: FeedNoise) -> tuple[Entry, ...]:
    """The events as a scribe noted them, in order of the feed's clock; what lies before its zero was not noted.

    >>> from ingest.simulator.broadcast import SimulatedBroadcast
    >>> truth = SimulatedBroadcast(Sport.TENNIS, 1, 30).truth
    >>> entries = noted(truth, FeedNoise(offset_s=20))
    >>> [round(entry.time_s - truth.events[entry.event_index].time_s, 6) for entry in entries] == [20.0] * len(truth.events)
    True
    """
    rng = np.random.default_rng([int(digest("feed", truth.sport, truth.seed), 16), noise.seed])
    entries: list[Entry] = []
    for index, event in enumerate(truth.events):
        is_missing, is_doubled = rng.random(2) < (noise.missing, noise.doubled)
        jitters, apart_s = rng.normal(0, noise.jitter_s, 2), float(rng.uniform(0.2, 2))
        time_s = noise.clock_s(event.time_s)
        if not is_missing:
            entries.append(Entry(time_s + float(jitters[0]), index, doubled=False))
            if is_doubled:
                entries.append(Entry(time_s + apart_s + float(jitters[1]), index, doubled=True))
    return tuple(sorted(entry for entry in entries if entry.time_s >= 0))


def write_feed(truth: Truth, shape: FeedShape, noise: FeedNoise | None = None) -> WrittenFeed:
    """The feed's bytes, and what is true of them.

    Raises: UserError when feeds of that shape are not about the sport.
    """
    suffix, sport, write = _SHAPES[shape]
    if sport is not None and truth.sport is not sport:
        raise UserError(f"a {shape} feed is about {sport}, the broadcast is {truth.sport}")
    noise = noise or FeedNoise()
    entries = noted(truth, noise)
    return WrittenFeed(suffix, write(truth, entries, noise), entries)


def _deepsport(truth: Truth, entries: tuple[Entry, ...], noise: FeedNoise) -> bytes:
    events: list[dict[str, object]] = []
    for entry in entries:
        event = truth.events[entry.event_index]
        moved_s = entry.time_s - event.time_s
        evidence = [event.evidence.start_s + moved_s, event.evidence.end_s + moved_s]
        events.append({"time_s": entry.time_s, "evidence": evidence, **_facts(event)})
    unseen = [{"time_s": time_s, **_facts(event)} for event in truth.unseen if (time_s := noise.clock_s(event.time_s)) >= 0]
    matches = [
        {"time_s": noise.clock_s(truth.plays[first].span.start_s), "state": _begun(truth, truth.states[first])}
        for first in truth.matches
        if first < len(truth.events)
    ]
    return _json({
        "format": "deepsport-feed-1", "sport": str(truth.sport), "fps": [truth.rate.num, truth.rate.den], "unit": "seconds",
        "matches": matches, "events": events, "unseen": unseen,
    })  # fmt: skip


def _begun(truth: Truth, state: State) -> dict[str, object]:
    """A state by what is not as at the start of a match."""
    start = sport_module(truth.sport).ledger.start(truth.teams).model_dump(mode="json")
    return {name: value for name, value in state.model_dump(mode="json").items() if name == "teams" or value != start[name]}


def _facts(event: Event) -> dict[str, object]:
    facts = {name: value for name in _FACTS if (value := getattr(event, name)) is not None}
    return facts | ({"marks": event.marks} if event.marks else {})


_FACTS: Final = ("kind", "team", "zone", "num_players", "outcome", "value", "tactic")
_SOCCERNET_LABELS: Final = {"corner_kick": "Corner", "yellow_card": "Yellow card", "red_card": "Red card", "penalty": "Penalty"}


def _soccernet(truth: Truth, entries: tuple[Entry, ...], noise: FeedNoise) -> bytes:
    del noise
    annotations = []
    for entry in entries:
        event, seconds = truth.events[entry.event_index], int(entry.time_s)
        annotations.append({
            "gameTime": f"1 - {seconds // 60:02d}:{seconds % 60:02d}",
            "label": _SOCCERNET_LABELS.get(event.kind, label_of(event.kind).capitalize()),
            "position": str(round(1000 * entry.time_s)),
            "team": "home" if event.team == truth.teams[0] else "away",
            "visibility": "visible",
        })
    teams = {"gameHomeTeam": truth.teams[0], "gameAwayTeam": truth.teams[1]}
    return _json({"UrlLocal": f"simulated/{truth.sport}-{truth.seed}/", **teams, "annotations": annotations})


def _spot(truth: Truth, entries: tuple[Entry, ...], noise: FeedNoise) -> bytes:
    del noise
    events = [
        {"frame": frame, "label": truth.events[entry.event_index].kind, "comment": ""}
        for entry in entries
        if (frame := truth.rate.frame_at(entry.time_s)) < truth.num_frames
    ]
    video = {"video": f"{truth.sport}-{truth.seed}", "fps": truth.rate.fps, "num_frames": truth.num_frames, "events": events}
    return _json([video])


class _Told(NamedTuple):
    """A rally as a scribe tells it, teams by index."""

    number: int
    """Of the set or game, counted from 1."""
    server: int
    winner: int
    points: tuple[int, int]
    """After the rally, also when it ends the set."""


def _told(event: Event, before: VolleyballState | BadmintonState, wins: bool) -> _Told:
    side = before.teams.index(event.team or "")
    winner = side if wins else 1 - side
    server = side if before.server is None else before.server  # None: a set begins of which nobody has served yet
    return _Told(sum(before.score) + 1, server, winner, plus(before.points, winner))


_TOUCHES: Final = {"kill": ("AH#", True), "service_ace": ("SM#", True), "block": ("BH#", True), "net_touch": ("BH/", False)}
"""The touch that decides a rally: skill, type and evaluation, and whether it wins it."""


def _datavolley(truth: Truth, entries: tuple[Entry, ...], noise: FeedNoise) -> bytes:
    del noise
    marks = dict(zip(truth.teams, "*a", strict=True))
    heading = [
        "[3DATAVOLLEYSCOUT]", "FILEFORMAT: 2.0", "GENERATOR-PRG: simulated", "[3TEAMS]", f"1;{truth.teams[0]};0;;;",
        f"2;{truth.teams[1]};0;;;", "[3SCOUT]",
    ]  # fmt: skip
    lines = list(heading)
    running: int | None = None
    match = 1
    for entry in entries:
        if _match_of(truth, entry) != match:  # as scouts do, who begin a file for it
            match, running = _match_of(truth, entry), None
            lines += heading
        event, before = truth.events[entry.event_index], truth.states[entry.event_index]
        assert isinstance(before, VolleyballState)
        touch, wins = _TOUCHES[event.kind]
        rally = _told(event, before, wins)
        second, own = int(entry.time_s), marks[event.team or ""]
        clock = f"{20 + second // 3600:02d}.{second // 60 % 60:02d}.{second % 60:02d}"
        place = f";;;;;;;{clock};{rally.number};1;1;1;{second};"
        if running not in (None, rally.number):
            lines.append(f"**{running}set{place}")
        running = rally.number
        if touch[0] != "S":  # somebody served before
            lines.append(f"{'*a'[rally.server]}{5:02d}SM-{place}")
        lines.append(f"{own}{_shirt(event):02d}{touch}{place}")
        lines.append(f"{'*a'[rally.winner]}p{rally.points[0]:02d}:{rally.points[1]:02d}{place}")
    return ("\r\n".join(lines) + "\r\n").encode("cp1252")


_STROKES: Final = {
    "smash": ("殺球", "落地致勝", True),
    "drop_shot": ("切球", "落地致勝", True),
    "netted": ("網前球", "掛網", False),
    "shuttle_out": ("長球", "出界", False),
}
"""The stroke that ends a rally, why it ends it, and whether it wins it, in the words of the published files."""
_COACHAI_COLUMNS: Final = (
    "rally", "ball_round", "time", "frame_num", "roundscore_A", "roundscore_B", "player", "type", "lose_reason",
    "getpoint_player", "set",
)  # fmt: skip


def _coachai(truth: Truth, entries: tuple[Entry, ...], noise: FeedNoise) -> bytes:
    del noise
    text = io.StringIO()
    file = csv.DictWriter(text, _COACHAI_COLUMNS, lineterminator="\n")
    file.writeheader()
    number, match = 0, 1
    for entry in entries:
        event, before = truth.events[entry.event_index], truth.states[entry.event_index]
        assert isinstance(before, BadmintonState)
        number = number + 1 if _match_of(truth, entry) == match else 1
        match = _match_of(truth, entry)
        stroke, reason, wins = _STROKES[event.kind]
        rally = _told(event, before, wins)
        own = truth.teams.index(event.team or "")
        seconds = int(entry.time_s)
        said = {
            "rally": number,
            "time": f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
            "frame_num": f"{truth.rate.frame_at(entry.time_s)}.0",
            "roundscore_A": rally.points[0],
            "roundscore_B": rally.points[1],
            "set": rally.number,
        }
        strokes = [(rally.server, {"type": "發短球"})]
        if own == rally.server:  # the other returned the service
            strokes.append((1 - own, {"type": "挑球"}))
        strokes.append((own, {"type": stroke, "lose_reason": reason, "getpoint_player": "AB"[rally.winner]}))
        for ball_round, (side, words) in enumerate(strokes, start=1):
            file.writerow({**said, "ball_round": ball_round, "player": truth.teams[side], **words})
    return text.getvalue().encode()


def _match_of(truth: Truth, entry: Entry) -> int:
    """Which match of the film it belongs to, counted from 1."""
    return bisect_right(truth.matches, entry.event_index)


def _shirt(event: Event) -> int:
    return 1 + int(digest(event.event_id), 16) % 18


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


_SHAPES: Final[dict[FeedShape, tuple[str, Sport | None, Callable[[Truth, tuple[Entry, ...], FeedNoise], bytes]]]] = {
    FeedShape.DEEPSPORT: (".feed.json", None, _deepsport),
    FeedShape.SOCCERNET: (".Labels-v2.json", Sport.SOCCER, _soccernet),
    FeedShape.DATAVOLLEY: (".dvw", Sport.VOLLEYBALL, _datavolley),
    FeedShape.COACHAI: (".csv", Sport.BADMINTON, _coachai),
    FeedShape.SPOT: (".spot.json", None, _spot),
}
