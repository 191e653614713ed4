"""Where broadcasts are looked for: files, folders, manifests and URLs."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from deepsport.errors import MediaError, UserError
from deepsport.log import printable
from deepsport.records import Drop, Kept
from deepsport.taxonomy import DropReason, Sport
from deepsport.video import MissingMedia, open_media, video_stream
from ingest.fetch import file_name, list_files, public_url
from ingest.manifests import MANIFEST_SUFFIXES, read_manifest, read_remote_manifest
from ingest.probe import drop_of, quarantine
from ingest.sources import MEDIA_SUFFIXES, STEP, Source, absolute, is_text, is_url

log = logging.getLogger(__name__)


def check_place(place: str | Path) -> None:
    """Raises: MissingMedia for a path that does not exist or is no file or folder, UserError for an empty one. URLs pass."""
    if not str(place).strip():
        raise UserError("a place to ingest is empty; name a file, folder, manifest or URL, or . for this folder")
    path = absolute(place)
    if is_url(str(place)) or path.is_dir() or path.is_file():
        return
    if path.exists():
        raise MissingMedia(f"{path}: a pipe or a device, whose end nobody knows; save it as a file")
    raise MissingMedia(f"{path}: no such file or folder; mend the path")


def find_sources(places: Iterable[str | Path], sport: Sport = Sport.OTHER) -> Kept[Source]:
    """Sources in files, folders (searched to any depth), manifests (.csv, .jsonl, .parquet) and URLs, in the order given.

    Folders are read by name; a URL that ends with / is one too. Relative places in a manifest lie where it lies. sport is given
    to what names none itself. Beside a film ``match.mp4``, ``match.feed.json`` is taken for its feed; ``match.truth.json`` marks
    it as simulated. What a workspace keeps in ``media`` is not looked through.

    Raises: as ``check_place``; FeedError for a manifest that cannot be read.
    """
    kept: list[Source] = []
    drops: list[Drop] = []
    for place in places:
        check_place(place)
        path = absolute(place)
        if is_url(str(place)) and str(place).endswith("/"):
            try:
                films = [url for url in list_files(str(place)) if file_name(url).suffix.lower() in MEDIA_SUFFIXES]
            except MediaError as error:
                drops.append(quarantine(public_url(str(place)), error, STEP))
                continue
            kept += [Source(uri=url, sport=sport, title=file_name(url).stem) for url in films]
        elif is_url(str(place)) and file_name(str(place)).suffix.lower() in MANIFEST_SUFFIXES:
            try:
                found = read_remote_manifest(str(place), sport)
            except MediaError as error:
                drops.append(quarantine(public_url(str(place)), error, STEP))
                continue
            kept += found.items
            drops += found.drops
        elif is_url(str(place)):
            kept.append(Source(uri=str(place), sport=sport, title=file_name(str(place)).stem))
        elif path.is_dir():
            found = _films_in(path, sport)
            kept += found.items
            drops += found.drops
            for manifest in sorted(file for file in path.glob("manifest.*") if file.suffix.lower() in MANIFEST_SUFFIXES):
                log.warning("%s: not read, for its folder was named; name it for its sports, licences and feeds", manifest)
        elif path.suffix.lower() in MANIFEST_SUFFIXES:
            found = read_manifest(path, sport)
            kept += found.items
            drops += found.drops
        else:
            kept.append(_source_of(path, sport))
    nameless = [source for source in kept if not is_text(source.uri)]
    detail = "its name is no UTF-8, so no table can hold it; rename it"
    drops += [drop_of(STEP, printable(source.uri), DropReason.UNREADABLE_MEDIA, detail) for source in nameless]
    return Kept([source for source in kept if is_text(source.uri)], drops)


def _films_in(folder: Path, sport: Sport) -> Kept[Source]:
    """The films in a folder, to any depth, by name; and a drop for what cannot be looked at."""
    drops: list[Drop] = []
    films: list[Path] = []
    seen: set[tuple[int, int]] = set()
    waiting = [folder]

    def refuse(error: OSError) -> None:
        detail = f"cannot be read ({error.strerror}); check its rights and its disk"
        drops.append(drop_of(STEP, printable(str(error.filename)), DropReason.UNREACHABLE_MEDIA, detail))

    while waiting:  # linked folders come after all others, so that a film that can be reached without a link is named without
        start = waiting.pop(0)
        if start != folder and any(_is_store(one) for one in (start.resolve(), *start.resolve().parents)):
            continue  # a link into a workspace
        for base, folders, files in os.walk(start, onerror=refuse):
            found = Path(base).stat()
            if (found.st_dev, found.st_ino) in seen:
                folders.clear()
                continue
            seen.add((found.st_dev, found.st_ino))
            folders[:] = sorted(name for name in folders if not name.startswith(".") and not _is_store(Path(base, name)))
            waiting += [path for name in folders if (path := Path(base, name)).is_symlink()]
            films += [path for name in files if not name.startswith(".") and _is_media(path := Path(base, name))]
    return Kept([_source_of(film, sport) for film in sorted(films)], drops)


def _is_store(folder: Path) -> bool:
    """Whether a workspace keeps its media there."""
    return folder.name == "media" and (folder.parent / "tables" / "units").is_dir()


def _is_media(path: Path) -> bool:
    """Files with a film's suffix, good or bad, links to nowhere too, and any other file that proves to be a film."""
    if path.suffix.lower() in MEDIA_SUFFIXES:
        return path.is_file() or (path.is_symlink() and not path.exists())
    if not path.is_file():
        return False
    try:
        with open_media(path) as container:
            return video_stream(container, path).codec_context.width > 0
    except MediaError:
        return False


def _source_of(path: Path, sport: Sport) -> Source:
    feed = path.with_suffix(".feed.json")
    return Source(
        uri=str(path),
        sport=sport,
        title=path.stem,
        feed=str(feed) if feed.is_file() else None,
        simulated=path.with_suffix(".truth.json").is_file(),
    )
