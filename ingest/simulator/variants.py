"""Hard cases: the same broadcast as a phone, a bad encoder or a careless editor would leave it, with the truth still exact.

Times in the truth are those of the pictures as they are seen: a variable rate, a rotation or a crop moves nothing. Where the
commentary is misplaced, the truth says where each line is spoken now.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from deepsport.taxonomy import Sport
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.files import TAKES, SimulatedFiles, write_files
from ingest.simulator.schedule import Production, Scene, SimulatorConfig
from ingest.simulator.sound import PlacedLine
from ingest.simulator.stage import HEIGHT, WIDTH

if TYPE_CHECKING:
    from ingest.simulator.canvas import Image


class Variant(StrEnum):
    """What is done to a broadcast."""

    VARIABLE_RATE = "variable_rate"
    """In every second wide shot, away from events and cuts, only every second frame is there."""
    ROTATED = "rotated"
    """Stored lying on its side, with a note to turn it by a quarter."""
    SILENT = "silent"
    """A sound track without a sound."""
    NO_AUDIO = "no_audio"
    """No sound track."""
    LONG = "long"
    """Two hours, whatever length is asked for."""
    MISPLACED_COMMENTARY = "misplaced_commentary"
    """Every line is spoken a third of the broadcast too late; those past the end are spoken at the beginning."""
    REENCODED = "reencoded"
    """Near-duplicate: smaller and coarser."""
    CROPPED = "cropped"
    """Near-duplicate: without a margin all around."""
    LOGO = "logo"
    """Near-duplicate: with another channel's logo."""


LONG_S = 2 * 3600.0
_CROP = 0.06
"""Share of the picture that is cut off at each edge."""


def simulate_variant(
    variant: Variant,
    sport: Sport,
    seed: int,
    duration_s: float,
    out_dir: Path,
    config: SimulatorConfig | None = None,
    *,
    on_frame: Callable[[int], None] | None = None,
) -> SimulatedFiles:
    """Writes <sport>-<seed>-<variant>.mp4 and, beside it, feed and truth, as `ingest.simulator.files.simulate` does.

    config is by default that of a broadcast production. Raises: UserError, as `simulate` does.
    """
    config = config or SimulatorConfig(production=Production.BROADCAST)
    kind = _Misplaced if variant is Variant.MISPLACED_COMMENTARY else SimulatedBroadcast
    broadcast = kind(sport, seed, LONG_S if variant is Variant.LONG else duration_s, config)
    take = TAKES[config.production]
    if variant is Variant.VARIABLE_RATE:
        take = take._replace(holds=_left_out(broadcast).__contains__)
    elif variant is Variant.ROTATED:
        take = take._replace(size=(HEIGHT, WIDTH), rotation=90, change=_on_its_side)
    elif variant is Variant.SILENT:
        take = take._replace(sound="silent")
    elif variant is Variant.NO_AUDIO:
        take = take._replace(sound="none")
    elif variant is Variant.REENCODED:
        take = take._replace(size=(480, 270), crf=34, gop=25, change=_smaller)
    elif variant is Variant.CROPPED:
        take = take._replace(change=_cropped)
    elif variant is Variant.LOGO:
        take = take._replace(change=_with_logo)
    return write_files(broadcast, out_dir / f"{sport}-{seed}-{variant}.mp4", take, on_frame=on_frame)


class _Misplaced(SimulatedBroadcast):
    @cached_property
    @override
    def _placed_lines(self) -> list[PlacedLine]:
        late = [line._replace(start_s=(line.start_s + self.duration_s / 3) % self.duration_s) for line in super()._placed_lines]
        return sorted((line for line in late if line.end_s <= self.duration_s), key=lambda line: line.start_s)


def _left_out(broadcast: SimulatedBroadcast) -> set[int]:
    """Frames whose absence nobody can tell: odd ones in the middle of every second wide shot, where no event is seen."""
    shots = [shot for shot in broadcast.schedule.shots if shot.scene is Scene.WIDE]
    found = {index for shot in shots[::2] for index in range(shot.first + 16, shot.last - 16) if index % 2}
    for event in broadcast.schedule.events:
        found -= set(range(event.first - 1, event.last + 2))
    return found


def _on_its_side(image: Image) -> Image:
    return np.rot90(image, -1)


def _smaller(image: Image) -> Image:
    import cv2

    return np.asarray(cv2.resize(image, (480, 270), interpolation=cv2.INTER_AREA), np.uint8)


def _cropped(image: Image) -> Image:
    import cv2

    x, y = round(_CROP * WIDTH), round(_CROP * HEIGHT)
    return np.asarray(cv2.resize(image[y : HEIGHT - y, x : WIDTH - x], (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), np.uint8)


def _with_logo(image: Image) -> Image:
    from ingest.simulator.canvas import Canvas
    from ingest.simulator.looks import DARK, WHITE

    canvas = Canvas(image).at(WIDTH - 92, HEIGHT - 40)
    canvas.box(0, 0, 76, 26, DARK)
    canvas.text(6, 19, "SIM 24", 0.55, WHITE)
    return image
