"""Writes a simulated broadcast as files: the video, an event feed, the truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from deepsport.errors import UserError
from deepsport.files import replace_atomically
from deepsport.taxonomy import Sport
from ingest.simulator.ambience import SAMPLE_RATE
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.feeds import FeedShape, write_feed
from ingest.simulator.schedule import Production, SimulatorConfig
from ingest.simulator.stage import HEIGHT, WIDTH
from ingest.simulator.truth import truth_path

if TYPE_CHECKING:
    from ingest.simulator.canvas import Image


class Take(NamedTuple):
    """How a film is put into a file."""

    gop: int
    """Frames from keyframe to keyframe."""
    preset: str
    crf: int
    quick: bool
    size: tuple[int, int] = (WIDTH, HEIGHT)
    change: Callable[[Image], Image] | None = None
    """What becomes of every picture; it must come out in the size."""
    holds: Callable[[int], bool] | None = None
    """Frames that are left out: the one before stays, so the rate varies."""
    rotation: int = 0
    """Degrees anticlockwise by which a player is to turn the pictures."""
    sound: Literal["own", "silent", "none"] = "own"


TAKES: Final = {
    # So short a GOP that the file can serve as a proxy as it is. A quarter less time than veryfast for a quarter more bytes.
    Production.PLAIN: Take(10, "superfast", 23, quick=False),
    # Two seconds, as on television; another eighth less time for a third more bytes.
    Production.BROADCAST: Take(50, "ultrafast", 26, quick=True),
}

PROGRESS_FRAMES: Final = 25
"""So often a film that is being written says how far it is."""


class SimulatedFiles(NamedTuple):
    """What `simulate` wrote."""

    video: Path
    feed: Path
    truth: Path


def simulate(
    sport: Sport,
    seed: int,
    duration_s: float,
    out_dir: Path,
    config: SimulatorConfig | None = None,
    *,
    on_frame: Callable[[int], None] | None = None,
) -> SimulatedFiles:
    """Writes <sport>-<seed>.mp4, .feed.json (deepsport-feed-1) and .truth.json; the same arguments give the same bytes.

    The truth is written last: files that are there already for the same arguments are left as they are, and those that other
    settings made are made again.

    Raises: UserError when the simulator does not play the sport, the length holds no play, a film of that name was made by
    something else, or the folder cannot be written to.
    """
    broadcast = SimulatedBroadcast(sport, seed, duration_s, config)
    return write_files(broadcast, film_path(out_dir, sport, seed), on_frame=on_frame)


def film_path(folder: Path, sport: Sport, seed: int) -> Path:
    """What a simulated film is called.

    >>> film_path(Path("made"), Sport.TENNIS, 3).name
    'tennis-3.mp4'
    """
    return folder / f"{sport}-{seed}.mp4"


def write_files(
    broadcast: SimulatedBroadcast, video: Path, take: Take | None = None, *, on_frame: Callable[[int], None] | None = None
) -> SimulatedFiles:
    """Writes the film and, beside it, its feed and its truth, as `simulate` does."""
    files = SimulatedFiles(video, video.with_suffix(".feed.json"), truth_path(video))
    feed = write_feed(broadcast.truth, FeedShape.DEEPSPORT).data
    truth = (broadcast.truth.model_dump_json(indent=1) + "\n").encode()
    if files.truth.exists() and files.truth.read_bytes() == truth and files.video.exists() and files.feed.exists():
        return files
    # The feed first: beside a film without a truth it shows that a killed run of ours left it.
    if files.video.exists() and not (files.truth.exists() or files.feed.exists()):
        raise UserError(f"{files.video} is there already and was not simulated; name another folder")
    make_folder(video.parent)
    try:
        files.truth.unlink(missing_ok=True)
        replace_atomically(files.feed, lambda file: file.write(feed))
        write_film(broadcast, files.video, take, on_frame=on_frame)
        replace_atomically(files.truth, lambda file: file.write(truth))
    except OSError as error:
        raise UserError(f"{video.parent}: cannot be written to ({error.strerror or error})") from error
    return files


def make_folder(folder: Path) -> None:
    """Makes the folder, unless it is there. Raises: UserError when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{folder}: cannot be made, for a file has that name or a part of it; name another folder") from None
    except OSError as error:
        raise UserError(f"{folder}: cannot be written to ({error.strerror or error})") from error


def write_film(
    broadcast: SimulatedBroadcast, path: Path, take: Take | None = None, *, on_frame: Callable[[int], None] | None = None
) -> None:
    """Writes pictures and sound as an mp4, frame by frame: memory does not grow with the length.

    on_frame is told every PROGRESS_FRAMES how many are written.
    """
    from deepsport.video import VideoWriter

    take = take or TAKES[broadcast.config.production]
    rate, sound, num_sent = broadcast.rate, broadcast.sound, 0
    level = np.float32(take.sound == "own")
    with VideoWriter(
        path,
        rate,
        take.size,
        sample_rate=None if take.sound == "none" else SAMPLE_RATE,
        gop=take.gop,
        crf=take.crf,
        preset=take.preset,
        quick=take.quick,
        rotation=take.rotation,
    ) as writer:
        for index, frame in enumerate(broadcast.frames()):
            if take.holds is not None and take.holds(index):
                writer.hold()
            else:
                writer.add_frame(take.change(frame) if take.change is not None else frame)
            if take.sound != "none":
                due = writer.num_frames * SAMPLE_RATE * rate.den // rate.num
                writer.add_audio(level * sound.part(num_sent, due))
                num_sent = due
            if on_frame is not None and writer.num_frames % PROGRESS_FRAMES == 0:
                on_frame(writer.num_frames)
        if take.sound != "none":
            writer.add_audio(level * sound.part(num_sent, sound.num_samples))
