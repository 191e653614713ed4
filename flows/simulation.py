"""Simulated broadcasts on disk, with a manifest that `deepsport ingest` takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deepsport.engine import in_order, map_items
from deepsport.errors import UserError
from deepsport.files import replace_atomically
from deepsport.taxonomy import Sport
from flows.progress import OnOutcome, Reporter, ignore
from ingest.simulator.schedule import SimulatorConfig

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


def make_broadcast(order: Order) -> dict[str, object]:
    """Makes one broadcast, unless it is there; gives its row of the manifest."""
    from ingest.simulator.files import simulate

    files = simulate(order.sport, order.seed, order.duration_s, order.out_dir, order.config)
    return {
        "path": files.video.name,
        "sport": order.sport.value,
        "title": f"{order.sport.value} {order.seed}",
        "licence": LICENCE,
        "feed": files.feed.name,
        "simulated": True,
    }


def make_broadcasts(
    out_dir: Path,
    counts: Mapping[Sport, int],
    duration_s: float,
    first_seed: int,
    config: SimulatorConfig,
    *,
    workers: int = 1,
    reporter: Reporter = ignore,
) -> Path:
    """Makes so many broadcasts of each sport; gives the path of the manifest, which is written last.

    Raises: UserError when the simulator does not play a sport, or the length holds no play.
    """
    if not 0 < duration_s < float("inf"):
        raise UserError(f"a broadcast of {duration_s} s cannot be simulated; say how many seconds it is to last")
    orders = [
        Order(sport, first_seed + number, duration_s, out_dir, config)
        for sport, count in counts.items()
        for number in range(count)
    ]
    outcomes = in_order(map_items(make_broadcast, orders, workers=workers, label="simulate", on_result=OnOutcome(reporter)))
    for outcome in outcomes:
        if outcome.error is not None:
            raise UserError(f"{outcome.item.sport} {outcome.item.seed}: cannot be simulated: {outcome.error.message}")
    text = "".join(json.dumps(outcome.value, ensure_ascii=False) + "\n" for outcome in outcomes).encode()
    path = out_dir / MANIFEST
    if not path.exists() or path.read_bytes() != text:
        replace_atomically(path, lambda file: file.write(text))
    return path
