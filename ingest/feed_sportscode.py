"""Instances in Sportscode's XML, which analysts' video taggers export: a code, its stretch of the video, and labels in groups.

<file><ALL_INSTANCES><instance><ID>1</ID><start>3.6</start><end>9.7</end><code>CORNER</code>
<label><group>Team</group><text>Henkie</text></label></instance></ALL_INSTANCES></file>
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from xml.etree import ElementTree

from deepsport.errors import FeedError
from deepsport.timebase import Span
from ingest.feed_events import FeedRow, FeedRows
from ingest.feed_times import seconds_of, seconds_of_clock
from ingest.feed_words import kind_of

_MARK = "<ALL_INSTANCES"
_DECLARATION = re.compile(r"^\s*\ufeff?\s*<\?xml[^<>]{0,200}\?>")
_TEAM, _PLAYER = ("team", "side"), ("player", "players")


def is_sportscode(text: str) -> bool:
    """Whether the text is XML with a list of instances, be it a damaged one."""
    return text.lstrip("\ufeff \t\r\n").startswith("<") and _MARK in text


def parse_sportscode(path: Path, text: str, known_kinds: Collection[str] | None) -> FeedRows:
    """A row for every instance, with its stretch as evidence. Labels of neither team nor player become the outcome.

    Raises: FeedError when the XML is broken or declares entities.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FeedError(f"{path}: declares XML entities, which no feed needs; export it without")
    try:
        # As text, so that an encoding it declares wrongly (a UTF-8 file that says UTF-16) does no harm.
        root = ElementTree.fromstring(_DECLARATION.sub("", text, count=1))
    except (ElementTree.ParseError, ValueError) as error:
        raise FeedError(f"{path}: broken XML ({error}); was it cut short? export it again") from error
    feed = FeedRows([], [])
    if root.find(".//instance") is None:
        raise FeedError(f"{path}: holds no instance; export it again")
    for index, instance in enumerate(root.iterfind(".//instance")):
        where = f"instance {(instance.findtext('ID') or str(index)).strip()[:40]}"
        start_s, end_s = (_time(instance.findtext(name)) for name in ("start", "end"))
        code = (instance.findtext("code") or "").strip()
        if start_s is None or end_s is None or end_s < start_s:
            feed.unread.append((where, "has no start and end in seconds, in this order"))
            continue
        if not code:
            feed.unread.append((where, "has no code"))
            continue
        labels = [((label.findtext("group") or "").strip(), (label.findtext("text") or "").strip())
                  for label in instance.iterfind("label")]
        feed.rows.append(FeedRow(
            where, kind_of(code, known_kinds), start_s, evidence=Span(start_s=start_s, end_s=end_s),
            team=_first(labels, _TEAM), player=_first(labels, _PLAYER),
            outcome="; ".join(f"{group}: {text}" if group else text for group, text in labels[:20]
                              if text and group.lower() not in (*_TEAM, *_PLAYER)) or None))
    return feed


def _time(text: str | None) -> float | None:
    """Seconds, which some taggers write as a clock."""
    seconds = seconds_of(text)
    return seconds_of_clock(text) if seconds is None else seconds


def _first(labels: list[tuple[str, str]], groups: Collection[str]) -> str | None:
    return next((text for group, text in labels if text and group.lower() in groups), None)
