"""SoccerNet's labels: events (Labels-v2), cameras and replays (Labels-cameras), captions (Labels-caption, dense captioning).

    {"UrlLocal": "...", "annotations": [{"gameTime": "1 - 00:31", "label": "Foul", "position": "31500", "team": "home",
                                         "visibility": "visible"}]}

``position`` is milliseconds on the clock of one half's video, often as text; ``gameTime`` says the half, and the same time to the
second. A camera's label is that of the shot that *ends* at its time (so SoccerNet's own development kit reads it). Captions
are what a reporter wrote: they become utterances.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from deepsport.records import Broadcast
from deepsport.taxonomy import Sport
from deepsport.timebase import Span
from ingest.feed_events import FeedClock, FeedLine, FeedRow, FeedRows, FeedShot, must_be
from ingest.feed_times import period_and_seconds, seconds_of_clock, seconds_of_ms
from ingest.feed_words import kind_of

_LISTS = ("annotations", "predictions")
_TEXTS = ("description", "comment")
_AGREE_S = 2.0
_SECOND_YELLOW = ("Yellow->red card", "second yellow card")


def is_soccernet(document: object) -> bool:
    """Whether the JSON is a list of annotations with SoccerNet's game time."""
    entries = _entries(document)
    return bool(entries) and isinstance(entries[0], dict) and "gameTime" in entries[0]


def _entries(document: object) -> list[Any]:
    found = [document[name] for name in _LISTS if name in document] if isinstance(document, dict) else []
    return found[0] if found and isinstance(found[0], list) else []


def parse_soccernet(path: Path, document: object, broadcast: Broadcast, known_kinds: Collection[str] | None) -> FeedRows:
    """Rows of events, lines of captions and shots of cameras, each on the clock of its half's video.

    Raises: FeedError when the broadcast is not of soccer.
    """
    must_be(Sport.SOCCER, broadcast, path, "SoccerNet's")
    feed = FeedRows([], [], clock=FeedClock.PERIOD_VIDEO)
    begun_s: dict[int, float] = {}
    for index, entry in enumerate(_entries(document)):
        where = f"[{index}]"
        placed = _when(entry)
        if isinstance(placed, str):
            feed.unread.append((where, placed))
            continue
        period, time_s, precision_s = placed
        text = next((entry[name] for name in _TEXTS if isinstance(entry.get(name), str)), None)
        label = entry.get("label")
        if text is not None:
            feed.lines.append(FeedLine(where, text, Span(start_s=time_s, end_s=time_s), period, precision_s))
        elif not isinstance(label, str):
            feed.unread.append((where, "has no label"))
        elif "change_type" in entry or "replay" in entry:
            begin_s = min(begun_s.get(period, 0.0), time_s)
            begun_s[period] = time_s
            feed.shots.append(_shot(where, entry, Span(start_s=begin_s, end_s=time_s), period))
        else:
            team = entry.get("team")
            feed.rows.append(FeedRow(
                where, kind_of(label, known_kinds), time_s, period=period, precision_s=precision_s,
                team=team if isinstance(team, str) and team.lower() != "not applicable" else None,
                outcome="second_yellow" if label in _SECOND_YELLOW else None, shown=entry.get("visibility") != "not shown"))
    return feed


def _when(entry: object) -> tuple[int, float, float] | str:
    """Period, seconds in it, and how exact they are; or why that cannot be told."""
    if not isinstance(entry, dict):
        return "is no annotation"
    said = period_and_seconds(entry.get("gameTime"))
    if said is None:
        return f"gameTime is {str(entry.get('gameTime'))[:40]!r}, not as in 1 - 00:31"
    exact_s = seconds_of_ms(entry.get("position"))
    if exact_s is None:
        return (*said, 1.0)
    if abs(exact_s - said[1]) > _AGREE_S:
        return f"position says {exact_s:.1f} s, gameTime {said[1]:.0f} s; which is true cannot be told"
    return said[0], exact_s, 0.0


def _shot(where: str, entry: dict[str, Any], span: Span, period: int) -> FeedShot:
    link = entry.get("link")
    live_s = None
    if isinstance(link, dict) and str(link.get("half")) == str(period):
        live_s = seconds_of_ms(link.get("position"))
        live_s = seconds_of_clock(link.get("time")) if live_s is None else live_s
    return FeedShot(where, entry["label"][:200], span, period, change=str(entry.get("change_type", ""))[:40],
                    replay=entry.get("replay") == "replay",
                    replay_of=None if live_s is None else Span(start_s=live_s, end_s=live_s))
