"""Volleyball events from VolleyStation scout files (.vsm): JSON with the touches of each rally and who won the point.

Skills and evaluations are DataVolley's, so the touch that decides a rally is found as there (ingest/feed_datavolley.py). Times
are tenths of a second in the match's video: the file shows it, for a reception follows its serve by 11 to 27 of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deepsport.errors import FeedError
from deepsport.records import Broadcast
from deepsport.taxonomy import Sport
from ingest.feed_datavolley import DECISIVE, Scout, ScoutRally, Touch, deciding_touch
from ingest.feed_events import FeedRow, FeedRows, must_be
from ingest.feed_times import number_of, seconds_of_tenths

_SIDES = {"*": "home", "a": "away"}
_MARKS = tuple(_SIDES)


def is_volleystation(document: object) -> bool:
    """Whether the JSON is a VolleyStation scout file."""
    return isinstance(document, dict) and isinstance(document.get("scout"), dict) and "sets" in document["scout"]


def parse_volleystation(path: Path, document: object, broadcast: Broadcast) -> FeedRows:
    """One row for every rally that a touch decides as the point says; the others are reported.

    Raises: FeedError when the broadcast is not volleyball.
    """
    assert isinstance(document, dict)
    must_be(Sport.VOLLEYBALL, broadcast, path, "a volleyball scout file")
    teams = {mark: _team(document, side) for mark, side in _SIDES.items()}
    feed = FeedRows([], [])
    for set_number, played in enumerate(_list(document["scout"].get("sets")), start=1):
        for number, event in enumerate(_list(_dict(played).get("events"))):
            rally = _dict(_dict(event).get("exchange"))
            if rally:
                _read(feed, f"set {set_number}, events[{number}]", rally, _dict(_dict(event).get("score")), teams)
    return feed


def _read(
    feed: FeedRows, where: str, rally: dict[str, Any], score: dict[str, Any], teams: dict[str, tuple[str, dict[int, str]]]
) -> None:
    winner = str(rally.get("point"))
    plays = [_dict(play) for play in _list(rally.get("plays"))]
    touches = [_touch(number, play) for number, play in enumerate(plays) if str(play.get("team")) in _MARKS]
    if winner not in _MARKS:
        feed.unread.append((where, "the rally has no point; was the file cut short?"))
        return
    touch = deciding_touch(touches, winner)
    if touch is None:
        feed.unread.append((where, f"no touch gives the point to {teams[winner][0]}"))
        return
    play = plays[touch.line]
    time_s = seconds_of_tenths(play.get("time"))
    if time_s is None:
        feed.unread.append((where, "the touch that decides the rally has no time in the video"))
        return
    name, players = teams[touch.team]
    points = [number_of(score.get(side)) for side in ("home", "away")]
    zone = number_of(play.get("endZone" if touch.key[0] not in "BD" else "startZone"))
    feed.rows.append(FeedRow(
        where, DECISIVE[touch.key][0], time_s, precision_s=0.1, team=name, player=players.get(touch.number, str(touch.number)),
        zone=f"zone {zone:.0f}" if zone is not None and zone in range(1, 10) else None,
        outcome=None if None in points else "-".join(f"{point:.0f}" for point in points)))


def read_station(path: Path, document: object) -> Scout:
    """All that the file says of the score, rally by rally.

    Raises: FeedError when the teams cannot be told apart.
    """
    assert isinstance(document, dict)
    names = [_team(document, side)[0] for side in _SIDES.values()]
    if names[0] == names[1]:
        raise FeedError(f"{path}: both teams are called {names[0][:40]!r}; name them apart")
    rallies: list[ScoutRally] = []
    unread: list[tuple[str, str]] = []
    told: list[tuple[int, int]] = []
    num_records = 0
    for set_number, played in enumerate(_list(document["scout"].get("sets")), start=1):
        asides: list[tuple[str, int]] = []
        final = _points(_dict(_dict(played).get("score")))
        told += [final] if final is not None else []
        for number, event in enumerate(_list(_dict(played).get("events"))):
            num_records += 1
            for key, kind in (("timeout", "time_out"), ("substitution", "substitution")):
                if (team := _dict(_dict(event).get(key)).get("team")) in _MARKS:
                    asides.append((kind, _MARKS.index(team)))
            rally, points = _dict(_dict(event).get("exchange")), _points(_dict(_dict(event).get("score")))
            if not rally:
                continue
            winner = rally.get("point")
            if winner not in _MARKS or points is None:
                unread.append((f"set {set_number}, events[{number}]", "the rally has no point or no score"))
                continue
            touches = [_touch(line, _dict(play)) for line, play in enumerate(_list(rally.get("plays")))
                       if _dict(play).get("team") in _MARKS]
            deciding = deciding_touch(touches, winner) or deciding_touch(touches, "a" if winner == "*" else "*")
            rallies.append(ScoutRally(
                number, set_number, next((_MARKS.index(each.team) for each in touches if each.key[0] == "S"), None),
                None if deciding is None else (DECISIVE[deciding.key][0], _MARKS.index(deciding.team)),
                _MARKS.index(winner), points, tuple(asides)))
            asides = []
    return Scout((names[0], names[1]), tuple(rallies), tuple(told), False, tuple(unread), num_records)


def _points(score: dict[str, Any]) -> tuple[int, int] | None:
    home, away = (number_of(score.get(side)) for side in ("home", "away"))
    return None if home is None or away is None else (int(home), int(away))


def _touch(number: int, play: dict[str, Any]) -> Touch:
    shirt = number_of(play.get("player"))
    key = f"{play.get('skill')}{play.get('effect')}"
    return Touch(line=number, team=play["team"], number=-1 if shirt is None else int(shirt), key=key, rest="", columns=())


def _team(document: dict[str, Any], side: str) -> tuple[str, dict[int, str]]:
    """A team's name, and its players' by shirt number."""
    team = _dict(_dict(document.get("team")).get(side))
    players = {}
    for player in _list(team.get("players")):
        number = number_of(_dict(player).get("shirtNumber"))
        names = [_dict(player).get(part) for part in ("firstName", "lastName")]
        name = " ".join(part.strip() for part in names if isinstance(part, str))
        if number is not None and name:
            players[int(number)] = name
    called = team.get("name")
    return (called if isinstance(called, str) and called.strip() else side), players


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
