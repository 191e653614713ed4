"""``deepsport show``: what ingest made of a broadcast, as a page to look through (export/broadcast_page.py)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from deepsport.errors import MediaError, UserError
from deepsport.files import disk_fault
from deepsport.log import printable
from deepsport.records import Broadcast, Clip, ClockFit, Drop, Event, Shot, Unit, Utterance
from export.broadcast_page import BroadcastView, render_broadcast
from export.report import PICTURE_WIDTH, encode_picture, write_page
from flows.session import Session
from flows.stage import EXIT_DONE
from flows.stages import STEP, current_units

_NUM_NAMED = 5


def run_show(session: Session, names: Sequence[str]) -> int:
    """Writes ``reports/broadcasts/<broadcast_id>.html`` of each broadcast of such an id, title, path or file name, or of all.

    Raises: UserError when nothing was ingested with the recipe, or nothing of such a name.
    """
    catalog = session.workspace.catalog
    units = [unit for unit in current_units(catalog, STEP, session.recipe.stage_hash(STEP)) if unit.num_records]
    found = [(unit, catalog.read(Broadcast, [unit.unit])[0]) for unit in units]
    if not found:
        is_empty = not current_units(catalog, STEP)
        remedy = "begin with deepsport ingest FOLDER" if is_empty else "name the recipe and settings of what there is"
        raise UserError(f"nothing was ingested with recipe {session.recipe.name} as it is set; {remedy}")
    found.sort(key=lambda pair: (pair[1].title, pair[1].source_uri))
    wanted = [pair for name in names for pair in _named(name, found)] if names else found
    pages = []
    with session.progress() as reporter:
        for number, (unit, broadcast) in enumerate({unit.unit: (unit, broadcast) for unit, broadcast in wanted}.values(), 1):
            page = session.workspace.reports_dir / "broadcasts" / f"{broadcast.broadcast_id}.html"
            try:
                write_page(page, render_broadcast(_view(session, unit, broadcast)))
            except OSError as error:
                why = f"{page}: cannot be written ({error.strerror}); mend its rights, or move away what is in its way"
                raise UserError(disk_fault(error) or why) from error
            pages.append((broadcast.title, page))
            reporter("show", number, len(wanted))
    for title, page in pages:
        session.show(f"{printable(title)}: {page}")
    return EXIT_DONE


def _named(name: str, found: Sequence[tuple[Unit, Broadcast]]) -> list[tuple[Unit, Broadcast]]:
    pairs = [
        (unit, broadcast)
        for unit, broadcast in found
        if name in (broadcast.broadcast_id, broadcast.title, broadcast.source_uri, broadcast.source_uri.rpartition("/")[2])
        or _is_one_file(name, broadcast.source_uri)
    ]
    if not pairs:
        titles = ", ".join(broadcast.title[:80] for _, broadcast in found[:_NUM_NAMED])
        more = f" and {len(found) - _NUM_NAMED} more" if len(found) > _NUM_NAMED else ""
        raise UserError(f"{name}: no broadcast of that id, title or path was ingested; there are {titles}{more}")
    return pairs


def _is_one_file(name: str, uri: str) -> bool:
    """Whatever the spelling, links included; a URL is no file."""
    try:
        return Path(name).samefile(uri)
    except (OSError, ValueError):  # one of them is not there, or no path
        return False


def _view(session: Session, unit: Unit, broadcast: Broadcast) -> BroadcastView:
    catalog = session.workspace.catalog
    shots = sorted(catalog.read(Shot, [unit.unit]), key=lambda shot: shot.span.start_s)
    pictures = _pictures(session, broadcast, shots)
    if num_without := len(shots) - len(pictures):
        proxy = session.workspace.root / "media" / broadcast.proxy_key
        without = f"{broadcast.title}: without {num_without} of {len(shots)} pictures"
        session.say(f"{without}: {proxy} is lost or damaged; delete it and ingest again")
    return BroadcastView(
        broadcast=broadcast,
        shots=shots,
        utterances=sorted(catalog.read(Utterance, [unit.unit]), key=lambda said: said.span.start_s),
        events=sorted(catalog.read(Event, [unit.unit]), key=lambda event: event.time_s),
        clips=sorted(catalog.read(Clip, [unit.unit]), key=lambda clip: clip.span.start_s),
        clock_fits=catalog.read(ClockFit, [unit.unit]),
        drops=catalog.read(Drop, [unit.unit]),
        pictures=pictures,
    )


def _pictures(session: Session, broadcast: Broadcast, shots: Sequence[Shot]) -> dict[str, bytes]:
    """The middle of each shot by its id, as far as the proxy can be read."""
    from deepsport.video import FrameReader

    proxy = session.recipe.ingest.proxy
    height = max(2, round(PICTURE_WIDTH * proxy.height / proxy.width))
    pictures = {}
    with suppress(UserError), FrameReader(
        session.workspace.store.path(broadcast.proxy_key), size=(PICTURE_WIDTH, height)
    ) as reader:
        for shot in shots:
            middle = broadcast.proxy_rate.frame_at((shot.span.start_s + shot.span.end_s) / 2)
            with suppress(MediaError):
                pictures[shot.shot_id] = encode_picture(reader.frames([min(middle, reader.num_frames - 1)])[0])
    return pictures
