"""OpenSportsLab's JSON v2 and ActivityNet's: events as moments or stretches of the videos that the file names.

    {"version": "2.0", "data": [{"id": "..", "inputs": [{"type": "video", "path": "clips/1.mp4"}],
      "events": [{"head": "action", "label": "pass", "position_ms": 1240}],
      "dense_captions": [{"position_ms": 1100, "text": ".."}]}]}
    {"database": {"v_x": {"duration": 224.49, "annotations": [{"segment": [11.55, 57.07], "label": "Wakeboarding"}]}}}

ActivityNet Captions (``timestamps`` and ``sentences``) become utterances. Answers and labels of whole clips have no time and
are not read.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from deepsport.records import Broadcast
from deepsport.timebase import Span
from ingest.feed_events import FeedLine, FeedRow, FeedRows
from ingest.feed_times import seconds_of, seconds_of_ms
from ingest.feed_words import bare_name, check_length, kind_of, names_of, not_named


def is_osl(document: object) -> bool:
    """Whether the JSON is OSL's: items with inputs under ``data``."""
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        return False
    return any(isinstance(item, dict) and "inputs" in item for item in document["data"])


def parse_osl(path: Path, document: object, broadcast: Broadcast, known_kinds: Collection[str] | None) -> FeedRows:
    """Rows and lines of the one item that has the broadcast among its inputs.

    Raises: FeedError when none or several do.
    """
    assert isinstance(document, dict)
    items = [item for item in document["data"] if isinstance(item, dict)]
    wanted = names_of(broadcast)
    mine = [item for item in items if wanted & _inputs(item)]
    if len(mine) != 1:
        raise not_named(path, broadcast, len(mine), [name for item in items for name in sorted(_inputs(item))])
    feed = FeedRows([], [])
    for index, entry in enumerate(_list(mine[0], "events")):
        label, time_s = _text(entry, "label"), _time(entry)
        if label is None or time_s is None:
            feed.unread.append((f"events[{index}]", "has no label" if label is None else "has no position_ms"))
            continue
        feed.rows.append(FeedRow(f"events[{index}]", kind_of(label, known_kinds), time_s, team=_text(entry, "team")))
    for index, entry in enumerate(_list(mine[0], "dense_captions")):
        text, time_s = _text(entry, "text"), _time(entry)
        if text is None or time_s is None:
            feed.unread.append((f"dense_captions[{index}]", "has no text" if text is None else "has no position_ms"))
            continue
        feed.lines.append(FeedLine(f"dense_captions[{index}]", text, Span(start_s=time_s, end_s=time_s)))
    return feed


def is_activitynet(document: object) -> bool:
    """Whether the JSON is ActivityNet's: videos by name, each with a duration and segments or sentences."""
    videos = _videos(document)
    first = next(iter(videos.values()), None)
    if not isinstance(first, dict) or "duration" not in first:
        return False
    return "annotations" in first or {"timestamps", "sentences"} <= set(first)


def parse_activitynet(path: Path, document: object, broadcast: Broadcast, known_kinds: Collection[str] | None) -> FeedRows:
    """Rows of the broadcast's segments and lines of its sentences, each with its whole stretch as evidence.

    Raises: FeedError when the video is not in the file, or has another length there.
    """
    videos = _videos(document)
    wanted = names_of(broadcast)
    found = [name for name in videos if wanted & {bare_name(name), bare_name(name.removeprefix("v_"))}]
    entry = videos[found[0]] if len(found) == 1 else None
    if not isinstance(entry, dict):
        raise not_named(path, broadcast, len(found), list(videos))
    length_s = seconds_of(entry.get("duration"))
    if length_s is not None:
        check_length(path, found[0], length_s, broadcast)
    feed = FeedRows([], [])
    for index, note in enumerate(_list(entry, "annotations")):
        span, label = _segment(note.get("segment") if isinstance(note, dict) else None), _text(note, "label")
        if span is None or label is None:
            why = "has no label" if label is None else "segment is not [start, end] in seconds"
            feed.unread.append((f"annotations[{index}]", why))
            continue
        feed.rows.append(FeedRow(f"annotations[{index}]", kind_of(label, known_kinds), span.start_s, evidence=span))
    times, texts = _list(entry, "timestamps"), _list(entry, "sentences")
    for index, (segment, text) in enumerate(zip(times, texts, strict=False)):
        span = _segment(segment)
        if span is None or not isinstance(text, str):
            feed.unread.append((f"timestamps[{index}]", "is not [start, end] in seconds with a sentence"))
            continue
        feed.lines.append(FeedLine(f"sentences[{index}]", text, span))
    return feed


def _inputs(item: dict[str, Any]) -> set[str]:
    entries = [entry for entry in _list(item, "inputs") if isinstance(entry, dict)]
    names = [entry.get("path") for entry in entries] + [item.get("id")]
    return {bare_name(name) for name in names if isinstance(name, str)} - {""}


def _videos(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        return {}
    database = document.get("database")
    return database if isinstance(database, dict) else document


def _list(entry: object, name: str) -> list[Any]:
    found = entry.get(name) if isinstance(entry, dict) else None
    return found if isinstance(found, list) else []


def _text(entry: object, name: str) -> str | None:
    found = entry.get(name) if isinstance(entry, dict) else None
    return found if isinstance(found, str) and found.strip() else None


def _time(entry: object) -> float | None:
    return seconds_of_ms(entry.get("position_ms")) if isinstance(entry, dict) else None


def _segment(segment: object) -> Span | None:
    if not isinstance(segment, list) or len(segment) != 2:
        return None
    start_s, end_s = seconds_of(segment[0]), seconds_of(segment[1])
    return None if start_s is None or end_s is None or end_s < start_s else Span(start_s=start_s, end_s=end_s)
