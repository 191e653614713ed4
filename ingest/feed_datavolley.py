"""Volleyball events from DataVolley scout files (.dvw), the format in which professional teams keep their matches.

A scout writes every touch as a code such as ``a16AH#V6~2~~T2``: team (``*`` home, ``a`` visitors), shirt number, skill (Serve,
Reception, sEt, Attack, Block, Dig, Freeball), type, evaluation, then combination, target and zones. A line ``ap00:01`` gives the
point and the score. Only the touch that decides a rally becomes an event, and only when it gives the point to the team that
the score line credits: the two prove one another (they agree on all 213 rallies of Stuttgart–Schwerin 2018, and on 126 of 127 of
Braslovče–Branik 2015, where the point went against a winning attack).

Columns after the code, divided by semicolons: 7 time of day, 8 set, 11 number of the video file, 12 second in the video. Video
times are whole seconds, so an event lies within the second that follows. Files come with CR, LF or CRLF, in Windows-1252 or
another 8-bit encoding or UTF-8, and are often cut short; what is whole is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from deepsport.errors import FeedError
from deepsport.records import Broadcast
from deepsport.taxonomy import Sport
from ingest.feed_events import FeedConfig, FeedRow, FeedRows, lines_of, must_be
from ingest.feed_times import seconds_between, seconds_of, seconds_of_day

_SCOUT = "[3SCOUT]"
# A line of its own: in JSON a line cannot begin so.
_MARK = re.compile(r"(?:^|[\r\n])\s*\[3(?:DATAVOLLEYSCOUT|SCOUT)\]\s*(?:[\r\n]|$)")

_CLOCK_COLUMN = 7
_VIDEO_FILE_COLUMN = 11
_VIDEO_TIME_COLUMN = 12

_POINT = re.compile(r"(?P<team>[*a])p(?P<home>\d{1,3}):(?P<away>\d{1,3})")
_TOUCH = re.compile(r"(?P<team>[*a])(?P<number>\d\d)(?P<skill>[SRABDEF])(?P<type>[A-Z~])(?P<evaluation>[#+!\-/=])(?P<rest>.*)")
_SET_END = re.compile(r"\*\*\d\s*set")
_ASIDE = re.compile(r"(?P<team>[*a])(?:T|c\d\d:\d\d)(?:;|$)")

DECISIVE: dict[str, tuple[str, bool]] = {
    "S#": ("service_ace", True),
    "S=": ("service_error", False),
    "A#": ("kill", True),
    "A=": ("attack_error", False),
    "B#": ("block", True),
    "B/": ("net_touch", False),
    "E=": ("ball_error", False),
    "D=": ("ball_error", False),
    "F=": ("ball_error", False),
}
"""Skill and evaluation of the touches that can decide a rally: the kind of event, and whether the touching team wins it.

In this order of precedence: beside a kill, ``D=`` and ``B/`` only say who did not stop it. The evaluations are DataVolley's
defaults: ``#`` perfect or winning, ``=`` error, and for a block ``/`` invasion of the net."""


@dataclass(frozen=True, slots=True)
class Touch:
    """One touch of the ball, as a scout writes it."""

    line: int
    team: str
    """``*`` the home team, ``a`` the visitors."""
    number: int
    key: str
    """Skill and evaluation, as in DECISIVE."""
    rest: str
    columns: tuple[str, ...]


class _Rally(NamedTuple):
    line: int
    """Of the score line, or the last touch when the rally has none."""
    touches: list[Touch]
    winner: str | None
    score: str


def is_datavolley(text: str) -> bool:
    """Whether the text is a DataVolley scout file, be it a damaged one."""
    return _MARK.search(text.removeprefix("\ufeff")) is not None


def parse_datavolley(path: Path, text: str, broadcast: Broadcast, config: FeedConfig) -> FeedRows:
    """One row for every rally whose deciding touch and score line agree; the other rallies are reported.

    Raises: FeedError when the broadcast is not volleyball, the file ends before its scout section, its rallies lie in several
    video files, or no touch has a time and ``clock_at_start`` does not help.
    """
    must_be(Sport.VOLLEYBALL, broadcast, path, "a volleyball scout file")
    sections = _sections(text)
    if _SCOUT not in sections:
        raise FeedError(f"{path}: ends before its {_SCOUT} section; export it from DataVolley again")
    teams = _teams(sections)
    players = {"*": _players(sections, "H"), "a": _players(sections, "V")}
    rallies = list(_rallies(sections[_SCOUT]))
    touches = [touch for rally in rallies for touch in rally.touches]
    clock = _Clock(path, touches, config)
    rows: list[FeedRow] = []
    unread: list[tuple[str, str]] = []
    for rally in rallies:
        where = f"line {rally.line}"
        if rally.winner is None:
            unread.append((where, "the rally has no score line; was the file cut short?"))
            continue
        touch = deciding_touch(rally.touches, rally.winner)
        if touch is None:
            unread.append((where, f"no touch gives the point to {teams[rally.winner]} at {rally.score}"))
            continue
        time = clock.time_s(touch)
        if time is None:
            unread.append((f"line {touch.line}", "the touch that decides the rally has no time"))
            continue
        kind, _ = DECISIVE[touch.key]
        rows.append(
            FeedRow(
                where=f"line {touch.line}",
                kind=kind,
                time_s=time,
                precision_s=1.0 if time == math.floor(time) else 0.0,
                team=teams[touch.team],
                player=players[touch.team].get(touch.number, str(touch.number)),
                zone=_zone(touch),
                num_players=_blockers(touch),
                outcome=rally.score,
            )
        )
    return FeedRows(rows, unread)


def _sections(text: str) -> dict[str, list[tuple[int, str]]]:
    """Lines (with their number from 1) of each section; a section that comes twice is continued."""
    sections: dict[str, list[tuple[int, str]]] = {}
    current: list[tuple[int, str]] = []
    for number, line in enumerate(lines_of(text), start=1):
        stripped = line.strip().lstrip("\ufeff")
        if stripped.startswith("[3") and stripped.endswith("]"):
            current = sections.setdefault(stripped, [])
        elif stripped:
            current.append((number, stripped))
    return sections


def _teams(sections: dict[str, list[tuple[int, str]]]) -> dict[str, str]:
    """Names of the home team (``*``) and the visitors (``a``)."""
    lines = [line.split(";") for _, line in sections.get("[3TEAMS]", [])]
    names = [columns[1].strip() if len(columns) > 1 else "" for columns in lines] + ["", ""]
    return {"*": names[0] or "home", "a": names[1] or "visitors"}


def _players(sections: dict[str, list[tuple[int, str]]], side: str) -> dict[int, str]:
    """Names of a team's players by shirt number."""
    players = {}
    for _, line in sections.get(f"[3PLAYERS-{side}]", []):
        columns = [column.strip() for column in line.split(";")]
        if len(columns) > 10 and columns[1].isdecimal() and len(columns[1]) <= 3:
            name = f"{columns[10]} {columns[9]}".strip()
            if name:
                players[int(columns[1])] = name
    return players


def _rallies(lines: list[tuple[int, str]]) -> Iterator[_Rally]:
    """The touches between two score lines, rally by rally."""
    touches: list[Touch] = []
    for number, line in lines:
        columns = tuple(line.split(";"))
        code = columns[0]
        touch, point = _TOUCH.match(code), _POINT.match(code)
        if touch is not None:
            key = touch["skill"] + touch["evaluation"]
            touches.append(Touch(number, touch["team"], int(touch["number"]), key, touch["rest"], columns))
        elif point is not None:
            if touches:
                yield _Rally(number, touches, point["team"], f"{int(point['home'])}-{int(point['away'])}")
            touches = []
        elif _SET_END.match(code) and touches:
            yield _Rally(touches[-1].line, touches, None, "")
            touches = []
    if touches:
        yield _Rally(touches[-1].line, touches, None, "")


def deciding_touch(touches: Sequence[Touch], winner: str) -> Touch | None:
    """The touch by which the rally went to the winner, or None when none explains it."""
    for key, (_, wins) in DECISIVE.items():
        for touch in reversed(touches):
            if touch.key == key and (touch.team == winner) == wins:
                return touch
    return None


def _zone(touch: Touch) -> str | None:
    """The court zone (1 to 9, seen from the touching team) of the hit; of the block, where it stood."""
    # After combination (2) and target (1): start zone, end zone.
    position = 4 if touch.key[0] in "BD" else 3
    zone = touch.rest[position : position + 1]
    return f"zone {zone}" if zone in tuple("123456789") else None


def _blockers(touch: Touch) -> int | None:
    """How many players form the block, where the scout wrote it: the digit after the skill's subtype."""
    digit = touch.rest[7:8]
    return int(digit) if touch.key[0] == "B" and digit in ("1", "2", "3") else None


class _Clock:
    """When a touch happened, on the video's clock."""

    def __init__(self, path: Path, touches: list[Touch], config: FeedConfig) -> None:
        self.by_video = any(_video_time(touch) is not None for touch in touches)
        self.start_s: int | None = None
        if self.by_video:
            files = {touch.columns[_VIDEO_FILE_COLUMN].strip() for touch in touches if _video_time(touch) is not None} - {""}
            if len(files) > 1:
                raise FeedError(f"{path}: its rallies lie in {len(files)} video files; split it into one scout file per video")
            return
        if not touches:
            return
        if config.clock_at_start is None:
            raise FeedError(
                f"{path}: no touch has a video time; synchronise it with the video in DataVolley, "
                "or set clock_at_start to the time of day at the video's first frame, as 20.44.12"
            )
        self.start_s = seconds_of_day(config.clock_at_start)

    def time_s(self, touch: Touch) -> float | None:
        """Seconds since the video's first frame, or None when the line does not say."""
        if self.by_video:
            return _video_time(touch)
        clock_s = seconds_of_day(touch.columns[_CLOCK_COLUMN]) if len(touch.columns) > _CLOCK_COLUMN else None
        if clock_s is None or self.start_s is None:
            return None
        return seconds_between(clock_s, self.start_s)


def _video_time(touch: Touch) -> float | None:
    text = touch.columns[_VIDEO_TIME_COLUMN].strip() if len(touch.columns) > _VIDEO_TIME_COLUMN else ""
    return seconds_of(text)


class ScoutRally(NamedTuple):
    """A rally by its score line, teams by index: 0 home, 1 visitors."""

    line: int
    set_number: int
    server: int | None
    decided: tuple[str, int] | None
    """Kind of the deciding touch and who made it; it gives the point to the other team when none gives it to the winner, and is
    None when none decides anything."""
    winner: int
    points: tuple[int, int]
    """In the set, after the rally."""
    asides: tuple[tuple[str, int], ...]
    """Time-outs and substitutions before the rally, and whose they are."""


@dataclass(frozen=True, slots=True)
class Scout:
    """A match as its scout wrote it down, times left aside."""

    teams: tuple[str, str]
    rallies: tuple[ScoutRally, ...]
    set_scores: tuple[tuple[int, int], ...]
    """Of the sets that the file lists as played, home first."""
    unfinished: bool
    """Whether the last set has no end in the file."""
    unread: tuple[tuple[str, str], ...]
    num_records: int
    """Lines of the scout section."""


def split_scouts(text: str) -> list[str]:
    r"""The files of which a text consists, one for each match, their lines numbered as in the text.

    >>> split_scouts("[3DATAVOLLEYSCOUT]\n[3SCOUT]\n[3DATAVOLLEYSCOUT]\n[3SCOUT]\n")[1].splitlines()
    ['', '', '[3DATAVOLLEYSCOUT]', '[3SCOUT]']
    """
    heads = [found.start() for found in re.finditer(r"(?m)^\ufeff?\[3DATAVOLLEYSCOUT\]", text)]
    starts = [0, *heads[1:]]
    return ["\n" * text.count("\n", 0, start) + text[start:end] for start, end in pairwise([*starts, len(text)])]


def read_scout(path: Path, text: str) -> Scout:
    """All that a scout file says of the score, rally by rally.

    Raises: FeedError when it ends before its scout section, or the teams cannot be told apart.
    """
    sections = _sections(text)
    if _SCOUT not in sections:
        raise FeedError(f"{path}: ends before its {_SCOUT} section; export it from DataVolley again")
    names = _teams(sections)
    if names["*"] == names["a"]:
        raise FeedError(f"{path}: both teams are called {names['*'][:40]!r}; name them apart")
    rallies: list[ScoutRally] = []
    unread: list[tuple[str, str]] = []
    touches: list[Touch] = []
    asides: list[tuple[str, int]] = []
    set_number = 1
    for number, line in sections[_SCOUT]:
        columns = tuple(line.split(";"))
        touch, point, aside = (pattern.match(columns[0]) for pattern in (_TOUCH, _POINT, _ASIDE))
        if touch is not None:
            key = touch["skill"] + touch["evaluation"]
            touches.append(Touch(number, touch["team"], int(touch["number"]), key, touch["rest"], columns))
        elif aside is not None:
            asides.append(("time_out" if columns[0][1] == "T" else "substitution", "*a".index(aside["team"])))
        elif point is not None:
            deciding = deciding_touch(touches, point["team"]) or deciding_touch(touches, "a" if point["team"] == "*" else "*")
            served = next(("*a".index(each.team) for each in touches if each.key[0] == "S"), None)
            decided = None if deciding is None else (DECISIVE[deciding.key][0], "*a".index(deciding.team))
            rallies.append(ScoutRally(number, set_number, served, decided, "*a".index(point["team"]),
                                      (int(point["home"]), int(point["away"])), tuple(asides)))
            touches, asides = [], []
        elif _SET_END.match(columns[0]):
            set_number += 1
            touches, asides = [], []
    if touches:
        unread.append((f"line {touches[-1].line}", "the rally has no score line; was the file cut short?"))
    unfinished = bool(rallies) and rallies[-1].set_number == set_number
    teams = (names["*"], names["a"])
    return Scout(teams, tuple(rallies), _set_scores(sections), unfinished, tuple(unread), len(sections[_SCOUT]))


def _set_scores(sections: dict[str, list[tuple[int, str]]]) -> tuple[tuple[int, int], ...]:
    """The last score that each line of the set section gives: ``True;8-7;16-13;21-19;25-20;26;``."""
    scores = []
    for _, line in sections.get("[3SET]", []):
        found = [re.fullmatch(r"\s*(\d{1,3})\s*-\s*(\d{1,3})\s*", column) for column in line.split(";")[1:5]]
        told = [match for match in found if match is not None]
        if told:
            scores.append((int(told[-1][1]), int(told[-1][2])))
    return tuple(scores)
