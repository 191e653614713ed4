"""Event feeds: what others wrote down about a broadcast, made into events of the broadcast's sport.

A feed is recognised by what it holds, not by its name. Formats: our own JSON (ingest/feed_deepsport.py), E2E-Spot JSON
(ingest/feed_spot.py), DataVolley scout files (ingest/feed_datavolley.py), and soccer feeds of the data companies
(ingest/feed_kloppy.py). A file that cannot be trusted as a whole is a
FeedError; a single event that cannot is a drop. Names in a feed are data: they are never used as a path or run.
"""

from __future__ import annotations

from pathlib import Path

from deepsport.errors import FeedError
from deepsport.records import Broadcast, Event, Kept, Made
from deepsport.sports import known_sports, sport_module
from deepsport.taxonomy import Sport
from ingest.feed_datavolley import decode_scout, is_datavolley, parse_datavolley
from ingest.feed_deepsport import is_deepsport, parse_deepsport
from ingest.feed_events import FeedConfig, FeedRows, parse_json, read_bytes, to_events
from ingest.feed_kloppy import is_kloppy, parse_kloppy
from ingest.feed_spot import is_spot, parse_spot

__all__ = ["FeedConfig", "read_feed"]

READABLE = "deepsport-feed-1 JSON, E2E-Spot JSON, DataVolley .dvw, soccer feeds of the vendors that kloppy reads"


def read_feed(path: Path, *, broadcast: Broadcast, config: FeedConfig, made: Made | None = None) -> Kept[Event]:
    """Events of the broadcast from a feed of any known format, in order of time, and the events left out with their reason.

    Every event lies within the video, and so does its evidence; kinds are of the sport's vocabulary where the sport has one.

    Raises: FeedError when the file is of no known format, damaged beyond use, not about this broadcast, or has no true fps.
    """
    data = read_bytes(path)
    kinds = known_kinds(broadcast.sport)
    rows = _rows(path, data, broadcast, config, kinds)
    return to_events(rows, path, broadcast, config, made or Made(step="import_events", inputs=(broadcast.broadcast_id,)), kinds)


def known_kinds(sport: Sport) -> frozenset[str] | None:
    """The sport's vocabulary; None for a sport that DeepSport has no file for, whose events keep the feed's words."""
    if sport not in known_sports():
        return None
    return frozenset(kind.kind for kind in sport_module(sport).kinds)


def _rows(path: Path, data: bytes, broadcast: Broadcast, config: FeedConfig, kinds: frozenset[str] | None) -> FeedRows:
    """What the feed says, in the format that its content shows."""
    text = decode_scout(data, config.encoding)
    if is_datavolley(text):
        return parse_datavolley(path, text, broadcast, config)
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        document = parse_json(path, data)
        if is_deepsport(document):
            return parse_deepsport(path, document, broadcast)
        if is_spot(document):
            return parse_spot(path, document, broadcast, kinds)
    if is_kloppy(path, data):
        return parse_kloppy(path, broadcast)
    raise FeedError(f"{path}: is no event feed that can be read ({READABLE}); convert it to deepsport-feed-1")
