"""What is wrong with a file, and what it is called in the books: from an error to a Drop."""

from __future__ import annotations

from deepsport.errors import FeedError, UserError
from deepsport.ids import make_id
from deepsport.records import Drop
from deepsport.taxonomy import DropReason
from deepsport.video import MissingMedia, NoVideoStream
from ingest.fetch import ChangedMedia, UnreachableMedia


def reason_of(error: UserError) -> DropReason:
    """The reason under which an error is counted.

    >>> reason_of(NoVideoStream("song.mp4: no video stream"))
    <DropReason.NO_VIDEO_STREAM: 'no_video_stream'>
    """
    if isinstance(error, MissingMedia):
        return DropReason.MISSING_FILE
    if isinstance(error, NoVideoStream):
        return DropReason.NO_VIDEO_STREAM
    if isinstance(error, UnreachableMedia):
        return DropReason.UNREACHABLE_MEDIA
    if isinstance(error, ChangedMedia):
        return DropReason.CHANGED_MEDIA
    if isinstance(error, FeedError):
        return DropReason.BAD_FEED
    return DropReason.UNREADABLE_MEDIA


def quarantine(item: str, error: UserError, step: str = "ingest") -> Drop:
    """The drop that stands for an item (the source's uri) which cannot be used; its detail is the error with its remedy."""
    return drop_of(step, item, reason_of(error), str(error))


def drop_of(step: str, item: str, reason: DropReason, detail: str) -> Drop:
    """A drop with the id that its contents give it."""
    return Drop(drop_id=make_id("drop", step, item, reason, detail), step=step, item=item, reason=reason, detail=detail)
