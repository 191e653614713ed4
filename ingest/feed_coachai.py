"""Badminton events from the stroke-by-stroke CSV of the CoachAI project and ShuttleSet (arXiv 2306.04948).

A row is a stroke; the last one of a rally says why the rally ended (``lose_reason``) and who won it (``getpoint_player``), and
the scores are those after the rally. Players are ``A`` and ``B`` in ShuttleSet, names elsewhere: then who is ``A`` follows from
the rallies that somebody loses by an own mistake. Only the stroke that decides a rally becomes an event, and only when reason
and winner agree.

``time`` counts whole seconds of the video, ``frame_num`` its frames. The files do not say the frame rate, so the frame is
believed only where it lies, at the broadcast's own rate, within the second that ``time`` names.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deepsport.errors import FeedError
from deepsport.records import Broadcast
from deepsport.taxonomy import Sport
from ingest.feed_events import FeedRow, FeedRows, must_be
from ingest.feed_times import seconds_of_clock

_COLUMNS = ("rally", "ball_round", "roundscore_A", "roundscore_B", "player", "type", "lose_reason", "getpoint_player")

STROKES = {
    "發短球": "service_ace", "發長球": "service_ace", "殺球": "smash", "點扣": "smash",
    "切球": "drop_shot", "過度切球": "drop_shot", "過渡切球": "drop_shot",
    "網前球": "net_shot", "放小球": "net_shot", "勾球": "net_shot",
    "推撲球": "net_kill", "推球": "net_kill", "撲球": "net_kill",
    "長球": "clear", "挑球": "lob", "平球": "drive", "小平球": "drive", "後場抽平球": "drive",
    "接殺防守": "smash_return", "擋小球": "smash_return", "防守回挑": "smash_return", "防守回抽": "smash_return",
}
"""What a stroke that wins the rally is called in badminton's vocabulary; a type not listed (``未知球種``) is a mere ``point``."""
MISTAKES = {"出界": "shuttle_out", "掛網": "netted", "未過網": "netted"}
"""Reasons by which the player of the last stroke lost the rally."""
LANDED, MISJUDGED = ("落地致勝", "對手落地致勝"), ("落點判斷失誤", "對手落點判斷失誤")
_NO_STROKE = "接不到"
"""A row that says that the other player did not reach the shuttle."""


@dataclass(frozen=True, slots=True)
class CoachaiRally:
    """A rally as the file tells it."""

    line: int
    """Of its last stroke."""
    game: int
    number: int
    """Within the match or game, as the file counts; rallies may be missing."""
    server: str
    hitter: str
    """Who played the last stroke."""
    stroke: str
    reason: str
    winner: str
    """``A`` or ``B``."""
    score: tuple[int, int]
    """Of A and B after it."""
    time: str
    frame: float | None
    num_strokes: int


@dataclass(frozen=True, slots=True)
class CoachaiMatch:
    """One match, or one game of it."""

    players: tuple[str, str]
    """A and B."""
    rallies: tuple[CoachaiRally, ...]
    unread: tuple[tuple[str, str], ...]
    num_rows: int


def is_coachai(text: str) -> bool:
    """Whether the first line names the columns of a CoachAI file."""
    header = text.removeprefix("\ufeff")[:4000].split("\n", 1)[0].strip().split(",")
    return set(_COLUMNS) <= {column.strip() for column in header}


def read_coachai(path: Path, text: str) -> CoachaiMatch:
    """The rallies of one match, in order.

    Raises: FeedError when the rows are of several matches, or not of two players who can be told to be A and B.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    except csv.Error as error:
        raise FeedError(f"{path}: is no CSV that can be read ({error}); export it again") from error
    matches = {row.get("match_id") for row in rows} - {"", None}
    if len(matches) > 1:
        raise FeedError(f"{path}: holds {len(matches)} matches; split it into one file a match")
    rallies: list[CoachaiRally] = []
    unread: list[tuple[str, str]] = []
    for line, strokes in _rallies(rows):
        rally = _rally(line, strokes)
        if isinstance(rally, str):
            unread.append((f"line {line}", rally))
        else:
            rallies.append(rally)
    return CoachaiMatch(_players(path, rallies), tuple(rallies), tuple(unread), len(rows))


def kind_of(rally: CoachaiRally, players: tuple[str, str]) -> tuple[str, str] | None:
    """The kind of event that decides the rally and who makes it; None when reason and winner contradict one another."""
    winner = players["AB".index(rally.winner)]
    loser = players[rally.winner == "A"]
    if rally.reason in MISTAKES:
        kind = "service_fault" if rally.num_strokes == 1 else MISTAKES[rally.reason]
        return (kind, loser) if rally.hitter == loser else None
    if rally.hitter != winner:
        return None
    if rally.reason in MISJUDGED:
        return "misjudged", loser
    return (STROKES.get(rally.stroke, "point"), winner) if rally.reason in LANDED else None


def parse_coachai(path: Path, text: str, broadcast: Broadcast) -> FeedRows:
    """One row for every rally whose reason and winner agree; the other rallies are reported.

    Raises: FeedError when the broadcast is not badminton, or as `read_coachai`.
    """
    must_be(Sport.BADMINTON, broadcast, path, "a record of badminton")
    match = read_coachai(path, text)
    rows: list[FeedRow] = []
    unread = list(match.unread)
    for rally in match.rallies:
        decided, time = kind_of(rally, match.players), _time_s(rally, broadcast)
        if decided is None or time is None:
            why = "the reason contradicts the winner" if decided is None else "no time is given"
            unread.append((f"line {rally.line}", why))
            continue
        kind, player = decided
        seconds, precision = time
        rows.append(FeedRow(where=f"line {rally.line}", kind=kind, time_s=seconds, precision_s=precision, team=player,
                            player=player, outcome=f"{rally.score[0]}-{rally.score[1]}"))
    return FeedRows(rows, unread)


def _rallies(rows: list[dict[str, str]]) -> Iterator[tuple[int, list[dict[str, str]]]]:
    """The strokes of each rally, with the line of the last."""
    strokes: list[dict[str, str]] = []
    key: tuple[str | None, ...] | None = None
    line = 1
    for number, row in enumerate(rows, start=2):
        if row.get("type") == _NO_STROKE:
            continue
        found = (row.get("set"), row.get("rally"))
        if strokes and found != key:
            yield line, strokes
            strokes = []
        key, line = found, number
        strokes.append(row)
    if strokes:
        yield line, strokes


def _rally(line: int, strokes: list[dict[str, str]]) -> CoachaiRally | str:
    """The rally, or why it cannot be read."""
    first, last = strokes[0], strokes[-1]
    numbers = [_number(last.get(column)) for column in ("roundscore_A", "roundscore_B", "rally")]
    game, order = _number(last.get("set", "1")), _number(first.get("ball_round"))
    if None in numbers or game is None:
        return "its score, rally or set is no number"
    if last.get("getpoint_player") not in ("A", "B"):
        return "nobody is said to have won it"
    if order != 1:
        return "its first strokes are missing"
    if not first.get("player") or not last.get("player"):
        return "a stroke has no player"
    a, b, number = (int(value) for value in numbers if value is not None)
    return CoachaiRally(line, int(game), number, first["player"], last["player"], last.get("type") or "",
                        last.get("lose_reason") or "", last["getpoint_player"], (a, b), last.get("time") or "",
                        _number(last.get("frame_num")), len(strokes))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _players(path: Path, rallies: list[CoachaiRally]) -> tuple[str, str]:
    names = sorted({rally.hitter for rally in rallies} | {rally.server for rally in rallies})
    if not rallies:
        raise FeedError(f"{path}: no rally can be read from it; give a stroke-by-stroke CSV with scores")
    if set(names) <= {"A", "B"}:
        return ("A", "B")
    if len(names) != 2:
        raise FeedError(f"{path}: names {len(names)} players, not two; it must be one singles match")
    votes: Counter[str] = Counter()
    for rally in rallies:
        if rally.reason in MISTAKES:  # the hitter lost it, so the winner is the other
            other = names[rally.hitter == names[0]]
            votes[other if rally.winner == "A" else rally.hitter] += 1
        elif rally.reason in LANDED:
            votes[rally.hitter if rally.winner == "A" else names[rally.hitter == names[0]]] += 1
    first = max(names, key=lambda name: votes[name])
    if votes[names[0]] == votes[names[1]]:
        raise FeedError(f"{path}: nothing tells which of {names[0]!r} and {names[1]!r} is player A; write A and B as players")
    return (first, names[first == names[0]])


def _time_s(rally: CoachaiRally, broadcast: Broadcast) -> tuple[float, float] | None:
    """Seconds into the video, and how exact they are."""
    second = seconds_of_clock(rally.time) if rally.time.count(":") == 2 else None
    if second is None:
        return None
    if rally.frame is not None and rally.frame == int(rally.frame):
        exact = broadcast.source_rate.time_s(int(rally.frame))
        if second <= exact < second + 1:
            return exact, 0.0
    return second, 1.0
