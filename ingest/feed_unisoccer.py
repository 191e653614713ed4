"""The clip lists of UniSoccer and MatchTime: a class and often a comment for each moment of a match, named by its time.

    [{"video": "england_epl_2015-2016/2016-01-23 - 20-30 West Ham 2 - 2 Manchester City/1_04_10.mp4",
      "caption": "ball out of play", "comments_text": "..."}]

``1_04_10`` is the first half, 04:10 on the clock of that half's video, to the second; the clip itself is 15 seconds to either
side (UniSoccer#11). One file holds many matches: the broadcast's is found by the folder's name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

from deepsport.records import Broadcast
from deepsport.taxonomy import Sport
from deepsport.timebase import Span
from ingest.feed_events import FeedClock, FeedLine, FeedRow, FeedRows, must_be
from ingest.feed_times import seconds_of_clock
from ingest.feed_words import kind_of, not_named

_CLIP = re.compile(r"(?P<period>[1-9])_(?P<minutes>\d{1,3})_(?P<seconds>\d{1,2})\.\w+", re.ASCII)


def is_unisoccer(document: object) -> bool:
    """Whether the JSON is a list of named clips with a class."""
    first = document[0] if isinstance(document, list) and document else None
    return isinstance(first, dict) and {"video", "caption"} <= set(first)


def parse_unisoccer(path: Path, document: object, broadcast: Broadcast, known_kinds: Collection[str] | None) -> FeedRows:
    """Rows of classes and lines of comments of the broadcast's match.

    Raises: FeedError when the broadcast is not of soccer, or the file does not hold its match.
    """
    assert isinstance(document, list)
    must_be(Sport.SOCCER, broadcast, path, "of soccer matches")
    wanted = {part.strip().lower() for part in (broadcast.title, *_parts(broadcast.source_uri))}
    matches: dict[str, list[tuple[int, str, dict[str, Any]]]] = {}
    for index, entry in enumerate(document):
        if isinstance(entry, dict) and isinstance(entry.get("video"), str):
            *folders, clip = _parts(entry["video"]) or [""]
            matches.setdefault(folders[-1] if folders else "", []).append((index, clip, entry))
    mine = [entries for match, entries in matches.items() if match.strip().lower() in wanted]
    if not mine:
        raise not_named(path, broadcast, 0, list(matches))
    feed = FeedRows([], [], clock=FeedClock.PERIOD_VIDEO)
    for index, clip, entry in mine[0]:
        _read(feed, f"[{index}]", clip, entry, known_kinds)
    return feed


def _parts(name: str) -> tuple[str, ...]:
    # Lists made on Windows have backslashes in them.
    return PurePosixPath(name.replace("\\", "/")).parts


def _read(feed: FeedRows, where: str, clip: str, entry: dict[str, Any], known_kinds: Collection[str] | None) -> None:
    found = _CLIP.fullmatch(clip)
    time_s = None if found is None else seconds_of_clock(f"{found['minutes']}:{found['seconds']}")
    if found is None or time_s is None:
        feed.unread.append((where, f"{clip[:40]!r} is not named by a time, as in 1_04_10.mp4"))
        return
    period = int(found["period"])
    label, text = entry.get("caption"), entry.get("comments_text")
    if isinstance(label, str):
        outcome = "second_yellow" if label == "second yellow card" else None
        feed.rows.append(FeedRow(where, kind_of(label, known_kinds), time_s, period=period, precision_s=1.0, outcome=outcome))
    else:
        feed.unread.append((where, "has no class"))
    if isinstance(text, str):
        feed.lines.append(FeedLine(where, text, Span(start_s=time_s, end_s=time_s), period, 1.0))
