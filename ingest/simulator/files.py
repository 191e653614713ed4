"""Writes a simulated broadcast as files: the video, an event feed, the truth, and a contact sheet for people to look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deepsport.files import replace_atomically
from deepsport.sports.base import describe
from deepsport.taxonomy import Sport
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import SimulatorConfig
from ingest.simulator.sound import SAMPLE_RATE
from ingest.simulator.truth import truth_path

if TYPE_CHECKING:
    from PIL.Image import Image

GOP = 10
"""Frames from keyframe to keyframe; so few that the file can serve as a proxy as it is."""

PRESET = "superfast"
"""Of x264: a quarter less time than veryfast for a quarter more bytes."""


class SimulatedFiles(NamedTuple):
    """What `simulate` wrote."""

    video: Path
    feed: Path
    truth: Path


def simulate(
    sport: Sport, seed: int, duration_s: float, out_dir: Path, config: SimulatorConfig | None = None
) -> SimulatedFiles:
    """Writes <sport>-<seed>.mp4, .feed.json (deepsport-feed-1) and .truth.json; the same arguments give the same bytes.

    The truth is written last: files that are there already for the same arguments are left as they are.

    Raises: UserError when the simulator does not play the sport, or the length holds no play.
    """
    from deepsport.video import write_video

    broadcast = SimulatedBroadcast(sport, seed, duration_s, config)
    stem = f"{sport}-{seed}"
    video = out_dir / f"{stem}.mp4"
    files = SimulatedFiles(video, video.with_suffix(".feed.json"), truth_path(video))
    feed, truth = _json(feed_of(broadcast)), (broadcast.truth.model_dump_json(indent=1) + "\n").encode()
    if files.truth.exists() and files.truth.read_bytes() == truth and files.video.exists() and files.feed.exists():
        return files
    out_dir.mkdir(parents=True, exist_ok=True)
    files.truth.unlink(missing_ok=True)
    frames = (broadcast.frame(i) for i in range(broadcast.num_frames))
    write_video(files.video, frames, broadcast.rate, broadcast.audio(), sample_rate=SAMPLE_RATE, gop=GOP, preset=PRESET)
    replace_atomically(files.feed, lambda file: file.write(feed))
    replace_atomically(files.truth, lambda file: file.write(truth))
    return files


def feed_of(broadcast: SimulatedBroadcast) -> dict[str, object]:
    """The events as a deepsport-feed-1 document."""
    events = [
        {
            "time_s": event.time_s,
            "evidence": [event.evidence.start_s, event.evidence.end_s],
            "kind": event.kind,
            "team": event.team,
            "zone": event.zone,
            "num_players": event.num_players,
            **{name: value for name in ("outcome", "value", "tactic") if (value := getattr(event, name)) is not None},
        }
        for event in broadcast.events
    ]
    rate = broadcast.rate
    header = {"format": "deepsport-feed-1", "sport": str(broadcast.sport), "fps": [rate.num, rate.den], "unit": "seconds"}
    return {**header, "events": events}


def contact_sheet(broadcast: SimulatedBroadcast, max_rows: int = 12) -> Image:
    """A picture with a row for each event (the first max_rows): a second before, at its start, middle and end, and after it."""
    import numpy as np
    from PIL import Image, ImageDraw

    columns, (width, height), label_px = 5, (256, 144), 18
    events = broadcast.events[:max_rows]
    sheet = Image.new("RGB", (columns * (width + 4) + 4, len(events) * (height + label_px + 4) + 4), (16, 18, 24))
    draw = ImageDraw.Draw(sheet)
    for row, event in enumerate(events):
        window = broadcast.rate.window_of(event.evidence, broadcast.num_frames)
        assert window is not None
        top = 4 + row * (height + label_px + 4)
        draw.text((6, top + 2), f"{event.time_s:6.2f} s  {describe(event)}", fill=(230, 232, 240))
        first, last = window.idx_start, window.idx_end
        for column, index in enumerate((first - 25, first, (first + last) // 2, last, last + 13)):
            index = int(np.clip(index, 0, broadcast.num_frames - 1))
            picture = Image.fromarray(broadcast.frame(index)).resize((width, height), Image.Resampling.BOX)
            sheet.paste(picture, (4 + column * (width + 4), top + label_px))
            draw.text((8 + column * (width + 4), top + label_px + height - 13), f"{index}", fill=(255, 255, 255))
    return sheet


def _json(document: dict[str, object]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
