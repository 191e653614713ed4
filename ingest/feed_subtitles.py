"""Subtitle files as transcripts: SubRip (.srt), WebVTT (.vtt) and YouTube's SBV. One parser: a line with two times begins a cue.

    1                                    WEBVTT                                0:00:01.000,0:00:04.000
    00:00:01,000 --> 00:00:04,000        00:01.000 --> 00:04.000 align:start   A corner.
    A corner.                            <v Ann>A corner.

What comes before the first cue, and what follows an empty line, is not spoken: numbers, cue names, NOTE and STYLE blocks.
Marks of style are taken out. Automatic captions that scroll say each line twice; the second is left out.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from deepsport.errors import FeedError
from deepsport.timebase import Span
from ingest.feed_events import FeedLine, FeedRows, lines_of
from ingest.feed_times import seconds_of_clock

_CLOCK = r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_TIMING = re.compile(rf"\s*(?P<start>{_CLOCK})\s*(?:-->|,)\s*(?P<end>{_CLOCK})(?:\s.*)?", re.ASCII)
_STYLE = re.compile(r"<[^<>]{0,200}>|\{\\[^{}]{0,200}\}")
_HEAD_CHARS = 20_000


def is_subtitles(text: str) -> bool:
    """Whether the text begins as a subtitle file: WebVTT's word, or a line with two times near its beginning."""
    head = text[:_HEAD_CHARS].lstrip("\ufeff \t\r\n")
    return head.startswith("WEBVTT") or any(_TIMING.fullmatch(line[:300]) for line in lines_of(head)[:60])


def parse_subtitles(path: Path, text: str) -> FeedRows:
    """A line for every cue, on the video's clock.

    Raises: FeedError when no cue can be read.
    """
    feed = FeedRows([], [])
    lines = lines_of(text)
    spoken_last: list[str] = []
    number = 0
    while number < len(lines):
        timing = _TIMING.fullmatch(lines[number][:300])
        if timing is None:
            number += 1
            continue
        where = f"line {number + 1}"
        number += 1
        said = []
        while number < len(lines) and lines[number].strip() and not _TIMING.fullmatch(lines[number][:300]):
            said.append(_plain(lines[number]))
            number += 1
        if number < len(lines) and lines[number].strip() and said and said[-1].isdecimal():
            said.pop()  # the number of the next cue, where no empty line parts them
        start_s, end_s = seconds_of_clock(timing["start"]), seconds_of_clock(timing["end"])
        if start_s is None or end_s is None or end_s < start_s:
            feed.unread.append((where, f"{lines[number - len(said) - 1].strip()[:60]!r} is no start and end of a cue"))
            continue
        fresh = [line for line in said if line and line not in spoken_last]
        spoken_last = [line for line in said if line]
        if fresh:
            feed.lines.append(FeedLine(where, " ".join(fresh), Span(start_s=start_s, end_s=end_s)))
    if not feed.lines:
        raise FeedError(f"{path}: holds no cue that can be read; export the subtitles again")
    return feed


def _plain(line: str) -> str:
    return html.unescape(_STYLE.sub("", line[:4000])).strip()
