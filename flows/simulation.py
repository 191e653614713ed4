"""Simulated broadcasts on disk, with a manifest that `deepsport ingest` takes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deepsport.engine import in_order, map_items
from deepsport.errors import UserError
from deepsport.files import names_in, replace_atomically
from deepsport.sports import sport_named
from deepsport.taxonomy import Sport
from flows.progress import OnOutcome, Reporter, ignore
from ingest.simulator.files import film_path, make_folder
from ingest.simulator.schedule import FILMED, SimulatorConfig, frames_of, show_of
from ingest.simulator.truth import SUFFIX, truth_path

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
    return _row(order.sport, order.seed)


def _row(sport: Sport, seed: int) -> dict[str, object]:
    video = film_path(Path(), sport, seed)
    return {
        "path": video.name,
        "sport": sport.value,
        "title": f"{sport.value} {seed}",
        "licence": LICENCE,
        "feed": video.with_suffix(".feed.json").name,
        "simulated": True,
    }


def filmed_sport(name: str) -> Sport:
    """The sport that a person means, if the simulator plays it.

    Raises: UserError when it does not.

    >>> filmed_sport("Ice Hockey").value
    'ice_hockey'
    """
    try:
        sport = sport_named(name)
    except UserError:
        raise UserError(f"no sport {name!r}; the simulator plays {', '.join(FILMED)}") from None
    show_of(sport)
    return sport


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
    collect: bool = False,
    sheets: bool = False,
    workers: int = 1,
    reporter: Reporter = ignore,
) -> Path:
    """Makes so many broadcasts of each sport, if asked with contact sheets; gives the manifest's path, which is written last.

    A run's folder holds just what the run asks for: films of the same name are made again where its settings have changed, and
    the manifest lists no others. With ``collect`` the folder is a person's collection: a film with other settings is never
    replaced, and the manifest lists every simulated film that is there.

    Raises: UserError when the simulator does not play a sport, the length holds no play, or the folder cannot be written to; with
    collect, also when a film of other settings, or a manifest of somebody else, is in the way.
    """
    frames_of(duration_s, config)  # mistakes are said before work begins
    for sport in counts:
        show_of(sport)
    orders = [
        Order(sport, first_seed + number, duration_s, out_dir, config, sheets)
        for sport, count in counts.items()
        for number in range(count)
    ]
    path = out_dir / MANIFEST
    if collect:
        _check_collection(path, orders)
    make_folder(out_dir)
    make = partial(make_broadcast, reporter=reporter) if workers == 1 else make_broadcast  # no reporter crosses processes
    outcomes = in_order(map_items(make, orders, workers=workers, label="simulate", on_result=OnOutcome(reporter)))
    for outcome in outcomes:
        if outcome.error is not None:
            raise UserError(f"{outcome.item.sport} {outcome.item.seed}: cannot be simulated: {outcome.error.message}")
    rows = _rows_of(out_dir) if collect else [outcome.value for outcome in outcomes]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    if not path.exists() or path.read_bytes() != text:
        replace_atomically(path, lambda file: file.write(text))
    return path


def _check_collection(manifest: Path, orders: Sequence[Order]) -> None:
    """Raises: UserError when something that is no work of this command, or was made with other settings, would be lost."""
    for line in _text_of(manifest).splitlines():
        row = _json_of(line)
        if not (isinstance(row, dict) and row.get("simulated") is True):
            raise UserError(f"{manifest}: is there already and lists films that were not simulated; name another folder")
    for order in orders:
        video = film_path(order.out_dir, order.sport, order.seed)
        truth = _json_of(_text_of(truth_path(video)))
        if not (video.exists() and isinstance(truth, dict)):
            continue
        num_frames, config = frames_of(order.duration_s, order.config)[0], order.config.model_dump(mode="json")
        if (truth.get("num_frames"), truth.get("config")) != (num_frames, config):
            raise UserError(f"{video}: is there already, made with another length or other settings; name another folder or "
                            "another --first-seed, or delete it")


def _rows_of(folder: Path) -> list[dict[str, object]]:
    """Rows of all simulated films in the folder, by sport and seed; a film without its truth was not made to its end."""
    names = set(names_in(folder))
    found = []
    for name in names:
        stem = name.removesuffix(SUFFIX)
        sport, _, seed = stem.rpartition("-")
        if name != stem and sport in FILMED and seed.isdecimal() and {f"{stem}.mp4", f"{stem}.feed.json"} <= names:
            found.append((FILMED.index(Sport(sport)), int(seed)))
    return [_row(FILMED[index], seed) for index, seed in sorted(found)]


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); name another folder") from error


def _json_of(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
