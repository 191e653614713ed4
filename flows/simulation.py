"""Simulated broadcasts on disk, with a manifest that `deepsport ingest` takes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deepsport.engine import in_order, map_items
from deepsport.errors import UserError
from deepsport.files import replace_atomically
from deepsport.taxonomy import Sport
from flows.progress import OnOutcome, Reporter, ignore
from ingest.simulator.files import make_folder
from ingest.simulator.schedule import SimulatorConfig, frames_of, show_of

MANIFEST = "manifest.jsonl"
LICENCE = "Apache-2.0"
"""Of what the simulator makes: its code and sounds are ours."""


@dataclass(frozen=True, slots=True)
class Order:
    """One broadcast to make; crosses processes."""

    sport: Sport
    seed: int
    duration_s: float
    out_dir: Path
    config: SimulatorConfig
    sheet: bool = False
    """Draw a contact sheet beside it, too."""


def make_broadcast(order: Order, reporter: Reporter = ignore) -> dict[str, object]:
    """Makes one broadcast, unless it is there; gives its row of the manifest. reporter is told the seconds that are made."""
    from ingest.simulator.files import simulate

    def on_frame(num_frames: int) -> None:
        reporter(f"{order.sport} {order.seed}", int(num_frames / order.config.rate.fps), int(order.duration_s))

    files = simulate(order.sport, order.seed, order.duration_s, order.out_dir, order.config, on_frame=on_frame)
    sheet = files.video.with_suffix(".png")
    if order.sheet and not (sheet.exists() and sheet.stat().st_mtime_ns >= files.truth.stat().st_mtime_ns):
        _draw_sheet(order, sheet)
    return {
        "path": files.video.name,
        "sport": order.sport.value,
        "title": f"{order.sport.value} {order.seed}",
        "licence": LICENCE,
        "feed": files.feed.name,
        "simulated": True,
    }


def _draw_sheet(order: Order, path: Path) -> None:
    from ingest.simulator.broadcast import SimulatedBroadcast
    from ingest.simulator.sheet import contact_sheet

    drawn = io.BytesIO()
    contact_sheet(SimulatedBroadcast(order.sport, order.seed, order.duration_s, order.config)).save(drawn, "PNG", optimize=True)
    replace_atomically(path, lambda file: file.write(drawn.getvalue()))


def make_broadcasts(
    out_dir: Path,
    counts: Mapping[Sport, int],
    duration_s: float,
    first_seed: int,
    config: SimulatorConfig,
    *,
    sheets: bool = False,
    workers: int = 1,
    reporter: Reporter = ignore,
) -> Path:
    """Makes so many broadcasts of each sport, if asked with contact sheets; gives the manifest's path, which is written last.

    Raises: UserError when the simulator does not play a sport, the length holds no play, or the folder cannot be written to.
    """
    frames_of(duration_s, config)  # mistakes are said before work begins
    for sport in counts:
        show_of(sport)
    make_folder(out_dir)
    orders = [
        Order(sport, first_seed + number, duration_s, out_dir, config, sheets)
        for sport, count in counts.items()
        for number in range(count)
    ]
    make = partial(make_broadcast, reporter=reporter) if workers == 1 else make_broadcast  # no reporter crosses processes
    outcomes = in_order(map_items(make, orders, workers=workers, label="simulate", on_result=OnOutcome(reporter)))
    for outcome in outcomes:
        if outcome.error is not None:
            raise UserError(f"{outcome.item.sport} {outcome.item.seed}: cannot be simulated: {outcome.error.message}")
    text = "".join(json.dumps(outcome.value, ensure_ascii=False) + "\n" for outcome in outcomes).encode()
    path = out_dir / MANIFEST
    if not path.exists() or path.read_bytes() != text:
        replace_atomically(path, lambda file: file.write(text))
    return path
