"""What is wrong with a file: what ingest puts right by itself, and what becomes a Drop."""

from __future__ import annotations

from typing import NamedTuple

from deepsport.errors import FeedError, UserError
from deepsport.ids import make_id
from deepsport.records import Drop
from deepsport.taxonomy import DropReason
from deepsport.video import MediaInfo, MissingMedia, NoVideoStream
from ingest.fetch import ChangedMedia, UnreachableMedia

_REENCODE = "ffmpeg -i IN {}-c:v libx264 -c:a aac OUT.mp4"
_LATE_S = 0.1
"""Encoders may begin the sound a frame of it late."""
_REMUX = "ffmpeg -i IN -c copy OUT.mkv"


class Fault(NamedTuple):
    """Something unusual about a file that would mislead whoever reads it plainly."""

    repair: str
    """What ingest puts right, in the words that stand in ``Broadcast.repairs``."""
    does: str
    """What ingest does about it."""
    remedy: str
    """A command that mends the file itself, for other programs."""


def faults_of(info: MediaInfo) -> list[Fault]:
    """What ingest puts right in such a file; times are then true and pixels square, upright and whole."""
    sound_late = f"sound begins {info.sound_start_s:.3f} s late"
    mend = _REENCODE.format
    found = (
        (info.rotation, f"rotation {info.rotation}", "turns every picture upright", mend("")),
        (not info.square_pixels, "pixels made square", "stretches the picture", mend("-vf scale=iw*sar:ih,setsar=1 ")),
        (info.interlaced, "interlaced", "makes one whole picture of two fields", mend(f"-vf bwdif={_fields(info)} ")),
        (info.variable_rate, "variable frame rate", "shows each frame until the next is due", mend("-fps_mode cfr ")),
        (
            abs(info.start_s) > 1 / info.rate.fps,
            f"start offset {info.start_s:.3f} s",
            "counts time from the first picture",
            _REMUX,
        ),
        (not info.duration_stated, "duration not stated", "counts the packets", _REMUX),
        (info.sound_start_s > _LATE_S, sound_late, "puts silence before it", mend("-af aresample=async=1:first_pts=0 ")),
    )
    return [Fault(*words) for is_so, *words in found if is_so]


def _fields(info: MediaInfo) -> str:
    return "send_frame" if info.unmarked_fields is None else f"send_frame:parity={info.unmarked_fields}"


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
