"""A feed made part of its broadcast: parsed, its clock fitted to the video's where it runs on its own, its records placed.

What the fit stands on is only looked for when there is a fit to make: `look` is called then, and not for a feed on the video's
clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from deepsport.errors import FeedError
from deepsport.records import Broadcast, ClockFit, Drop, Event, Made, Shot, Utterance
from deepsport.taxonomy import CameraKind, DropReason
from deepsport.timebase import Span
from ingest.align import AlignConfig, Evidence, align_feed
from ingest.feed_events import FeedClock, FeedConfig, FeedRows, FeedShot, Placement
from ingest.feeds import parse_feed, place_feed
from ingest.probe import drop_of, quarantine


class Fed(NamedTuple):
    """What a feed gave its broadcast."""

    events: list[Event]
    utterances: list[Utterance]
    fits: list[ClockFit]
    shots: list[FeedShot]
    drops: list[Drop]


NOTHING = Fed([], [], [], [], [])


class ReadFeed(NamedTuple):
    """A feed that was read, or the reason why it was not."""

    uri: str
    """Where it is from; drops name it."""
    path: Path
    rows: FeedRows | None
    fault: FeedError | None = None

    @property
    def is_transcript(self) -> bool:
        """Whether it says word for word what is spoken, so that no recogniser need listen: a subtitle file."""
        rows = self.rows
        return rows is not None and not rows.rows and any(line.span.duration_s for line in rows.lines)


def open_feed(uri: str, path: Path, broadcast: Broadcast, config: FeedConfig) -> ReadFeed:
    """The feed from ``uri`` that lies at ``path``, parsed; a feed that cannot be trusted is one with a fault."""
    try:
        return ReadFeed(uri, path, parse_feed(path, broadcast=broadcast, config=config))
    except FeedError as error:
        return ReadFeed(uri, path, None, error)


def import_feed(
    feed: ReadFeed, broadcast: Broadcast, config: FeedConfig, align: AlignConfig, look: Callable[[], Evidence], made: Made
) -> Fed:
    """The records of a feed; a period whose clock cannot be fitted with certainty is a drop and gives no event."""
    if feed.rows is None:
        assert feed.fault is not None
        return NOTHING._replace(drops=[_set_aside(feed, feed.fault, made)])
    rows = feed.rows
    fits: dict[int | None, ClockFit] = {}
    drops: list[Drop] = []
    place: Placement | None = None
    if rows.rows and (align.when == "always" or (align.when == "own_clock" and rows.clock is FeedClock.OWN)):
        fitted = made.model_copy(update={"step": "align_feed"})
        fits = align_feed(rows.rows, broadcast, look(), align, feed.uri, config.time_offset_s, fitted)
        drops = [_refused(PurePath(feed.uri).name, fit) for fit in fits.values() if fit.refusal]
        place = Placement({period: None if fit.refusal else fit for period, fit in fits.items()})
    try:
        found = place_feed(rows, feed.path, broadcast=broadcast, config=config, made=made, place=place)
    except FeedError as error:
        return NOTHING._replace(drops=[_set_aside(feed, error, made)])
    return Fed(found.items, found.utterances, list(fits.values()), found.shots, [*found.drops, *drops])


def _set_aside(feed: ReadFeed, fault: FeedError, made: Made) -> Drop:
    """The drop of a feed; one from a URL is named by that, wherever its copy lies."""
    drop = quarantine(feed.uri, fault, made.step)
    return drop.model_copy(update={"detail": drop.detail.replace(str(feed.path), feed.uri)})


def _refused(name: str, fit: ClockFit) -> Drop:
    part = name if fit.period is None else f"{name}: period {fit.period}"
    remedy = "give the feed of this match, or say where its clock begins (feed.time_offset_s, with align.when = never)"
    detail = f"{fit.refusal}; its {fit.num_events} events are left out: {remedy}"
    return drop_of(fit.made.step, part, DropReason.FEED_NOT_ALIGNED, detail)


def label_shots(shots: Sequence[Shot], labels: Sequence[FeedShot]) -> list[Shot]:
    """Shots that were found, with the camera and the replay of the label that covers more than half of each."""
    labelled = []
    for shot in shots:
        label = max(labels, key=lambda seen: seen.span.intersection_s(shot.span), default=None)
        if label is None or label.span.intersection_s(shot.span) * 2 <= shot.span.duration_s:
            labelled.append(shot)
            continue
        live = None if label.replay_of is None else _shot_at(shots, label.replay_of)
        labelled.append(shot.model_copy(update={
            "camera": _camera(label.label), "replay": label.replay, "replay_of": None if live is None else live.shot_id}))
    return labelled


def _shot_at(shots: Sequence[Shot], moment: Span) -> Shot | None:
    return next((shot for shot in shots if shot.span.contains(moment.start_s)), None)


def _camera(label: str) -> CameraKind:
    """SoccerNet's names for cameras: those that see the whole pitch, those that come near, and the rest."""
    name = label.lower()
    if name.startswith("main"):
        return CameraKind.WIDE
    return CameraKind.CLOSE if name.startswith("close") else CameraKind.OTHER
