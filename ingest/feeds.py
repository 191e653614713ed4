"""Feeds: what others wrote down about a broadcast, made into events of its sport, and utterances where it is speech or captions.

A feed is recognised by what it holds, not by its name; FORMATS lists all that are read. A file that cannot be trusted as a
whole is a FeedError; a single event that cannot is a drop. Names in a feed are data: they are never used as a path or run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from deepsport.errors import FeedError
from deepsport.records import Broadcast, Drop, Event, Made, Utterance
from deepsport.sports import known_sports, sport_module
from deepsport.taxonomy import DropReason, Sport
from ingest.feed_coachai import is_coachai, parse_coachai
from ingest.feed_datavolley import is_datavolley, parse_datavolley
from ingest.feed_deepsport import is_deepsport, parse_deepsport
from ingest.feed_events import (
    FeedClock,
    FeedConfig,
    FeedRows,
    FeedShot,
    Placement,
    decode_text,
    parse_json,
    read_bytes,
    to_events,
    to_utterances,
)
from ingest.feed_kloppy import is_kloppy, parse_kloppy
from ingest.feed_osl import is_activitynet, is_osl, parse_activitynet, parse_osl
from ingest.feed_soccernet import is_soccernet, parse_soccernet
from ingest.feed_spadl import is_spadl, parse_spadl
from ingest.feed_sportscode import is_sportscode, parse_sportscode
from ingest.feed_spot import is_spot, parse_spot
from ingest.feed_subtitles import is_subtitles, parse_subtitles
from ingest.feed_unisoccer import is_unisoccer, parse_unisoccer
from ingest.feed_volleystation import is_volleystation, parse_volleystation
from ingest.feed_words import period_of
from ingest.probe import drop_of

__all__ = ["FORMATS", "FeedConfig", "Imported", "parse_feed", "place_feed", "read_feed"]


class Imported(NamedTuple):
    """What a feed gave."""

    items: list[Event]
    """Events in order of time."""
    drops: list[Drop]
    utterances: list[Utterance]
    """Speech, subtitles or captions, in order of time."""
    shots: list[FeedShot]
    """Labels of cameras and replays, on the feed's clock."""


class Feed:
    """A feed's file and the broadcast it is said to be about; text and JSON are made when a format asks for them."""

    def __init__(self, path: Path, data: bytes, broadcast: Broadcast, config: FeedConfig) -> None:
        self.path, self.data, self.broadcast, self.config = path, data, broadcast, config
        self.kinds = known_kinds(broadcast.sport)

    @cached_property
    def text(self) -> str:
        """The file as text, in whatever encoding."""
        return decode_text(self.data, self.config.encoding)

    @cached_property
    def document(self) -> object:
        """The file as JSON; None when it does not begin as JSON does. Raises: FeedError when it begins so and is broken."""
        begins = self.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        return parse_json(self.path, self.data) if begins in (b"{", b"[") else None


class FeedFormat(NamedTuple):
    """A format that is read."""

    name: str
    """As people call it."""
    gives: str
    """What becomes of it."""
    clock: str
    """Whose clock its times are on, and in which unit."""
    recognises: Callable[[Feed], bool]
    parse: Callable[[Feed], FeedRows]


FORMATS = (
    FeedFormat("DataVolley scout file (.dvw)", "events", "the video's, whole seconds; or the time of day with `clock_at_start`",
               lambda f: is_datavolley(f.text), lambda f: parse_datavolley(f.path, f.text, f.broadcast, f.config)),
    FeedFormat("CoachAI and ShuttleSet CSV (badminton)", "events", "the video's, whole seconds, or its frames where they agree",
               lambda f: is_coachai(f.text), lambda f: parse_coachai(f.path, f.text, f.broadcast)),
    FeedFormat("Sportscode XML", "events", "the video's, seconds",
               lambda f: is_sportscode(f.text), lambda f: parse_sportscode(f.path, f.text, f.kinds)),
    FeedFormat("deepsport-feed-1 JSON", "events", "the video's, seconds or frames as it says",
               lambda f: is_deepsport(f.document), lambda f: parse_deepsport(f.path, f.document, f.broadcast)),
    FeedFormat("E2E-Spot JSON (F3Set, FineDiving, FineGym, tennis)", "events", "the video's, frames at the file's true `fps`",
               lambda f: is_spot(f.document), lambda f: parse_spot(f.path, f.document, f.broadcast, f.kinds)),
    FeedFormat("SoccerNet Labels-v2, Labels-cameras, captions", "events, camera labels, utterances",
               "a half's video, milliseconds",
               lambda f: is_soccernet(f.document), lambda f: parse_soccernet(f.path, f.document, f.broadcast, f.kinds)),
    FeedFormat("UniSoccer and MatchTime clip lists", "events, utterances", "a half's video, whole seconds in the clip's name",
               lambda f: is_unisoccer(f.document), lambda f: parse_unisoccer(f.path, f.document, f.broadcast, f.kinds)),
    FeedFormat("OpenSportsLab (OSL) JSON v2", "events, utterances", "the video's, milliseconds",
               lambda f: is_osl(f.document), lambda f: parse_osl(f.path, f.document, f.broadcast, f.kinds)),
    FeedFormat("VolleyStation scout file (.vsm)", "events", "the video's, tenths of a second",
               lambda f: is_volleystation(f.document), lambda f: parse_volleystation(f.path, f.document, f.broadcast)),
    FeedFormat("SPADL JSON (socceraction)", "events", "its own, seconds from each period's beginning",
               lambda f: is_spadl(f.document), lambda f: parse_spadl(f.path, f.document, f.broadcast)),
    FeedFormat("ActivityNet JSON, with segments or captions", "events, utterances", "the video's, seconds",
               lambda f: is_activitynet(f.document), lambda f: parse_activitynet(f.path, f.document, f.broadcast, f.kinds)),
    FeedFormat("StatsBomb, Opta, Stats Perform, Wyscout, Metrica, DataFactory, Sportec (by kloppy)", "events",
               "its own, seconds from each period's beginning",
               lambda f: is_kloppy(f.path, f.data), lambda f: parse_kloppy(f.path, f.broadcast)),
    FeedFormat("Subtitles: SubRip, WebVTT, SBV", "utterances", "the video's, a clock with milliseconds",
               lambda f: is_subtitles(f.text), lambda f: parse_subtitles(f.path, f.text)),
)
"""In the order in which they are tried."""


def read_feed(
    path: Path, *, broadcast: Broadcast, config: FeedConfig, made: Made | None = None, place: Placement | None = None
) -> Imported:
    """Events and utterances of the broadcast from a feed of any known format, and what was left out with its reason.

    Every event lies within the video, and so does its evidence; kinds are of the sport's vocabulary where the sport has one.
    place puts a feed that has a clock of its own on the video's (ingest/align.py finds it); without one, the config's
    ``time_offset_s`` is taken at its word.

    Raises: FeedError when the file is of no known format, damaged beyond use, not about this broadcast, has no true fps, or does
    not say which of its periods the video holds.
    """
    feed = parse_feed(path, broadcast=broadcast, config=config)
    return place_feed(feed, path, broadcast=broadcast, config=config, made=made, place=place)


def parse_feed(path: Path, *, broadcast: Broadcast, config: FeedConfig) -> FeedRows:
    """What the feed says, nothing judged yet. Raises: as `read_feed`."""
    feed = Feed(path, read_bytes(path), broadcast, config)
    for known in FORMATS:
        if known.recognises(feed):
            return known.parse(feed)
    names = "; ".join(known.name for known in FORMATS)
    raise FeedError(f"{path}: is no event feed that can be read ({names}); convert it to deepsport-feed-1")


def place_feed(
    feed: FeedRows, path: Path, *, broadcast: Broadcast, config: FeedConfig, made: Made | None = None, place: Placement | None
    = None ) -> Imported:
    """A parsed feed as records of the broadcast. Raises: FeedError when it counts by period and nobody says which this is."""
    made = made or Made(step="import_events", inputs=(broadcast.broadcast_id,))
    drops: list[Drop] = []
    if feed.clock is FeedClock.PERIOD_VIDEO and place is None:
        feed, others = _only_period(feed, path, broadcast, config)
        if others:
            detail = f"{others} entries are of other periods than the one that the video holds"
            drops.append(drop_of(made.step, path.name, DropReason.EVENT_OUTSIDE_VIDEO, detail))
    events = to_events(feed, path, broadcast, config, made, known_kinds(broadcast.sport), place)
    spoken = made.model_copy(update={"step": "import_transcript"})
    lines = to_utterances(feed, path, broadcast, config, spoken, place)
    return Imported(events.items, [*events.drops, *lines.drops, *drops], lines.items, feed.shots)


def _only_period(feed: FeedRows, path: Path, broadcast: Broadcast, config: FeedConfig) -> tuple[FeedRows, int]:
    """The feed without what is of other periods than the broadcast's, and how much that was."""
    period = period_of(broadcast, config)
    if period is None:
        raise FeedError(f"{path}: counts its times in each half's own video, and {broadcast.title[:60]!r} does not say which "
                        "half it is; name it as in 1_720p.mkv, or set feed.period")
    rows = [row for row in feed.rows if row.period == period]
    lines = [line for line in feed.lines if line.period == period]
    shots = [shot for shot in feed.shots if shot.period == period]
    others = len(feed.rows) + len(feed.lines) + len(feed.shots) - len(rows) - len(lines) - len(shots)
    return FeedRows(rows, feed.unread, lines, shots, feed.clock), others


def known_kinds(sport: Sport) -> frozenset[str] | None:
    """The sport's vocabulary; None for a sport that DeepSport has no file for, whose events keep the feed's words."""
    if sport not in known_sports():
        return None
    return frozenset(kind.kind for kind in sport_module(sport).kinds)
