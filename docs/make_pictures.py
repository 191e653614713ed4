"""Makes docs/simulated.png, docs/broadcast.png, docs/sports.png and docs/episode.png from the simulator.

python docs/make_pictures.py

docs/show.png is a part of the page that `deepsport show` draws of a broadcast, as a browser shows it; the broadcast is that of
`deepsport simulate --sport soccer --minutes 0.75 --first-seed 4`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from deepsport.taxonomy import Sport
from deepsport.timebase import FrameWindow
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import FILMED, Production, SimulatorConfig
from ingest.simulator.sheet import contact_sheet, wrapped

HERE = Path(__file__).parent
LARGE, MIDDLE, SMALL = (256, 144), (192, 108), (160, 90)
GAP, LINE = 6, 20
INK, FAINT, GREEN = (30, 34, 40), (110, 116, 124), (32, 150, 80)
Picture = tuple[Image.Image, str, bool]
"""A frame, the line below it, and whether it is framed in green."""


def frame_of(broadcast: SimulatedBroadcast, index: int, size: tuple[int, int]) -> Image.Image:
    """A frame as a small picture."""
    return Image.fromarray(broadcast.frame(index)).resize(size, Image.Resampling.LANCZOS)


def events_of(sport: Sport, seed: int, size: tuple[int, int] = LARGE) -> list[Picture]:
    """An ordinary moment and how it is played, then the first event of each kind in the middle of its evidence."""
    broadcast = SimulatedBroadcast(sport, seed, duration_s=90)
    first = {event.kind: event for event in reversed(broadcast.events)}
    named = str(sport).replace("_", " ")
    quiet = 40 if broadcast.events[0].evidence.start_s > 41 / broadcast.rate.fps else 20
    played = broadcast.events[0].tactic or "play goes on"
    pictures: list[Picture] = [(frame_of(broadcast, quiet, size), f"{named}: {played}", False)]
    for kind, event in sorted(first.items(), key=lambda item: item[1].time_s):
        middle = broadcast.rate.frame_at((event.evidence.start_s + event.evidence.end_s) / 2)
        words = [kind.replace("_", " "), event.team, event.zone, event.num_players]
        pictures.append((frame_of(broadcast, middle, size), ", ".join(str(word) for word in words if word), True))
    return pictures


def strip(broadcast: SimulatedBroadcast, indices: Sequence[int], evidence: FrameWindow) -> list[Picture]:
    """Frames with their numbers, those of the evidence marked."""
    return [(frame_of(broadcast, i, SMALL), f"frame {i}", evidence.contains(i)) for i in indices]


def sheet(rows: Sequence[tuple[str, Sequence[Picture]]], path: Path, colours: int = 192) -> None:
    """Rows of pictures with a heading each, as a PNG of few colours."""
    width, height = rows[0][1][0][0].size
    columns = max(len(pictures) for _, pictures in rows)
    heads = [LINE + 4 if head else 0 for head, _ in rows]
    font = ImageFont.load_default(size=13)
    captions = [[wrapped(words, width, font.getlength) for _, words, _ in pictures] for _, pictures in rows]
    belows = [LINE * max(map(len, row)) for row in captions]
    size = columns * (width + GAP) + GAP, sum(heads) + sum(belows) + len(rows) * (height + GAP) + GAP
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    top = GAP
    for (head, pictures), above, row, below in zip(rows, heads, captions, belows, strict=True):
        draw.text((GAP, top), head, INK, font)
        top += above
        for column, ((picture, _, marked), lines) in enumerate(zip(pictures, row, strict=True)):
            left = GAP + column * (width + GAP)
            image.paste(picture, (left, top))
            if marked:
                draw.rectangle((left, top, left + width - 1, top + height - 1), outline=GREEN, width=3)
            for number, words in enumerate(lines):
                draw.text((left + 2, top + height + 2 + number * LINE), words, GREEN if marked else FAINT, font)
        top += height + below + GAP
    image.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Write all."""
    broadcast = SimulatedBroadcast(Sport.TENNIS, 28, 120, SimulatorConfig(production=Production.BROADCAST, noise=0))
    contact_sheet(broadcast, max_moments=18).save(HERE / "broadcast.png", optimize=True)
    sheet([("", events_of(sport, seed=0)) for sport in (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)], HERE / "simulated.png")
    others = [sport for sport in FILMED if sport not in (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)]
    sheet([("", events_of(sport, 1, MIDDLE)) for sport in others], HERE / "sports.png", 176)
    # The clip of docs/walk.md: frames 0 to 171 of soccer 0, its foul on frames 124 to 134.
    broadcast, evidence = SimulatedBroadcast(Sport.SOCCER, seed=0, duration_s=24), FrameWindow(idx_start=124, idx_end=134)
    first = FrameWindow(idx_start=0, idx_end=171).uniform(8)
    second = FrameWindow(idx_start=123, idx_end=147).uniform(8)
    question = "Shown at the start. Question: in frames 120-144, which event happens?"
    look = "<think>120-144: not in view.</think> frame_extraction_tool(123, 147) is answered with"
    rows = [(question, strip(broadcast, first, evidence)), (look, strip(broadcast, second, evidence))]
    sheet(rows, HERE / "episode.png")


if __name__ == "__main__":
    main()
