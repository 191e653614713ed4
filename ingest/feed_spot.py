"""Events in the JSON of E2E-Spot (jhong93/spot): a list of videos, each with its fps and its events by frame.

    [{"video": "usopen_2020_..._166072_166372", "fps": 29.97002997, "num_frames": 300,
      "events": [{"frame": 139, "label": "near_court_serve", "comment": ""}]}]

The data sets name a cut of a longer video ``<video>_<first frame>_<frame after the last>``; where that agrees with
``num_frames`` the cuts of a broadcast that is the whole video are all read, each on its own place. Several of the published
files say ``fps: -1`` for every video (FineDiving): those are refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deepsport.errors import FeedError
from deepsport.records import Broadcast
from ingest.feed_deepsport import first_fault
from ingest.feed_events import FeedRow, FeedRows, frame_rate, snake_case, some
from ingest.feed_words import bare_name, check_length, names_of

_CUT = re.compile(r"(?P<video>.+?)_(?P<start>\d{1,9})_(?P<end>\d{1,9})")
_SIDE = re.compile(r"(?P<side>near|far)_court_(?P<kind>.+)")
_MAX_NAME = 300


class _Event(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    frame: int = Field(ge=0, le=10**9)
    label: str
    comment: str = ""


class _Video(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    video: str
    fps: Any = None
    num_frames: int = Field(ge=1, le=10**9)
    events: list[Any]


def is_spot(document: object) -> bool:
    """Whether the JSON looks like a list of E2E-Spot's videos."""
    first = document[0] if isinstance(document, list) and document else None
    return isinstance(first, dict) and {"video", "events"} <= set(first)


def parse_spot(path: Path, document: object, broadcast: Broadcast, known_kinds: Collection[str] | None) -> FeedRows:
    """The rows of the broadcast's video, found by the broadcast's title or file name.

    Raises: FeedError when no video or no rate is found, or the video found is of another length.
    """
    assert isinstance(document, list)
    rows: list[FeedRow] = []
    unread: list[tuple[str, str]] = []
    for index, first_frame, entry in _chosen(path, document, broadcast):
        try:
            video = _Video.model_validate(entry)
        except ValidationError as error:
            raise FeedError(f"{path}: [{index}] is not an E2E-Spot video: {first_fault(error)}") from error
        rate = frame_rate(path, video.fps, broadcast)
        if first_frame is None:
            check_length(path, video.video, rate.time_s(video.num_frames), broadcast, f" ({video.num_frames} frames)")
        for position, found in enumerate(video.events):
            where = f"[{index}].events[{position}]"
            try:
                event = _Event.model_validate(found)
            except ValidationError as error:
                unread.append((where, first_fault(error)))
                continue
            if event.frame >= video.num_frames:
                unread.append((where, f"frame {event.frame} of a video of {video.num_frames} frames"))
                continue
            kind, zone = _kind_and_zone(event.label, known_kinds)
            time_s = rate.time_s((first_frame or 0) + event.frame)
            rows.append(FeedRow(where=where, kind=kind, time_s=time_s, zone=zone, outcome=event.comment or None))
    return FeedRows(rows, unread)


def _chosen(path: Path, document: list[Any], broadcast: Broadcast) -> list[tuple[int, int | None, Any]]:
    """The entries of the broadcast: position in the list, first frame when the entry is a cut of it, the entry."""
    wanted = names_of(broadcast)
    videos = [(index, entry) for index, entry in enumerate(document) if isinstance(entry, dict) and "video" in entry]
    named = [(index, str(entry["video"]), entry) for index, entry in videos]
    exact = [(index, None, entry) for index, name, entry in named if bare_name(name) in wanted]
    if exact:
        if len(exact) > 1:
            raise FeedError(f"{path}: holds {len(exact)} entries for {broadcast.title!r}; leave one")
        return list(exact)
    cuts: list[tuple[int, int | None, Any]] = []
    for index, name, entry in named:
        found = _CUT.fullmatch(name) if len(name) <= _MAX_NAME else None
        if found is None:
            continue
        start, end = int(found["start"]), int(found["end"])
        # fs_comp also numbers the cuts of a video: <video>_01_<start>_<end>.
        names = {bare_name(found["video"]), bare_name(re.sub(r"_\d+$", "", found["video"]))}
        if names & wanted and end - start == entry.get("num_frames"):
            cuts.append((index, start, entry))
    if not cuts:
        held = some([name[:80] for _, name, _ in named])
        raise FeedError(
            f"{path}: no video named {broadcast.title!r}; it holds {held}. Give the broadcast that title in the manifest"
        )
    return cuts


def _kind_and_zone(label: str, known_kinds: Collection[str] | None) -> tuple[str, str | None]:
    """The kind a label stands for; tennis labels say the side of the court first, which becomes the zone."""
    kind = snake_case(label)
    side = _SIDE.fullmatch(kind)
    if side is not None and kind not in (known_kinds or ()):
        return side["kind"], side["side"]
    return kind, None
