"""Sources: which broadcasts to ingest, from files, folders, manifests and URLs.

A manifest is a CSV, JSONL or Parquet file with a row for each broadcast and the columns ``path`` or ``url`` (or ``path_or_url``),
``sport``, ``title``, ``licence``, ``rights``, ``exportable``, ``feed`` and ``simulated``; only the first is needed. Paths are
relative to the folder of the manifest. A bad row becomes a Drop, the others go on.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from deepsport.errors import FeedError, MediaError, UserError
from deepsport.ids import sha256_file
from deepsport.log import printable
from deepsport.records import Drop, Kept
from deepsport.taxonomy import DropReason, Sport
from deepsport.video import MissingMedia, open_media, video_stream
from ingest.fetch import Fetched, MediaStore, fetch, file_name, list_files, public_url, read_file, scheme_of, steady
from ingest.probe import drop_of, quarantine

log = logging.getLogger(__name__)

STEP = "find_sources"
MEDIA_SUFFIXES = frozenset(
    (
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".ts",
        ".mts",
        ".m2ts",
        ".mpg",
        ".mpeg",
        ".flv",
        ".wmv",
        ".ogv",
        ".mxf",
        ".3gp",
    )
)
_MANIFEST_SUFFIXES = (".csv", ".jsonl", ".parquet")
_PLACES = ("path", "url", "path_or_url")
_COLUMNS = (*_PLACES, "sport", "title", "licence", "rights", "exportable", "feed", "simulated")
_YES_NO = {"": None, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_CLOSED = re.compile(
    r"all rights reserved|\b(proprietary|confidential|nda|non-disclosure|internal|not for (export|distribution))\b"
    r"|no-?derivatives|\bcc[ -]by([ -]nc)?[ -]nd\b",
    re.IGNORECASE,
)


class Source(BaseModel):
    """One broadcast to ingest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    """Where the media is: an absolute path or a URL, as records and messages have it: without a password."""
    sport: Sport = Sport.OTHER
    title: str = ""
    licence: str = "unknown"
    rights: str = ""
    """Who holds them, and on what terms."""
    exportable: bool | None = None
    """Whether the rights holder lets clips of it leave the workspace, where that was said; else licence and rights decide."""
    feed: str | None = None
    """Absolute path or URL of its event feed."""
    simulated: bool = False
    addresses: Mapping[str, SecretStr] = {}
    """Those of its URLs that were given with a password, by what they are without it."""

    @model_validator(mode="before")
    @classmethod
    def _hide_secrets(cls, given: dict[str, Any]) -> dict[str, Any]:
        public = {name: public_url(given[name]) for name in ("uri", "feed") if given.get(name)}
        return {"addresses": {url: given[name] for name, url in public.items() if url != given[name]}, **given, **public}

    def address(self, place: str) -> str:
        """What to ask for its media or feed, password included; for fetching only."""
        return self.addresses[place].get_secret_value() if place in self.addresses else place

    @property
    def is_remote(self) -> bool:
        """Whether the media has to be fetched first."""
        return is_url(self.uri)

    @property
    def may_leave(self) -> bool:
        """Whether clips of it may leave the workspace."""
        return not forbids_export(self.licence, self.rights) if self.exportable is None else self.exportable

    def completed(self, other: Source) -> Source:
        """The film with what it does not say itself taken from another mention of it.

        That clips may leave is not taken over a licence or rights that are said here.
        """
        silent = self.licence == "unknown" and not self.rights
        unsaid = {
            "sport": (self.sport is Sport.OTHER, other.sport),
            "title": (self.title in ("", Path(self.uri).stem) and other.title != Path(other.uri).stem, other.title),
            "licence": (self.licence == "unknown", other.licence),
            "rights": (not self.rights, other.rights),
            "feed": (self.feed is None, other.feed),
            "simulated": (not self.simulated, other.simulated),
            "exportable": (self.exportable is None and (silent or not other.exportable), other.exportable),
            "addresses": (True, {**other.addresses, **self.addresses}),
        }
        return self.model_copy(update={name: value for name, (missing, value) in unsaid.items() if missing})


def is_url(text: str) -> bool:
    """Whether a place is a URL and not a path.

    >>> is_url("s3://bucket/a.mp4"), is_url("C:/films/a.mp4"), is_url("films/a.mp4")
    (True, False, False)
    """
    return len(scheme_of(text)) > 1


def forbids_export(licence: str, rights: str = "") -> bool:
    """Whether the words of a licence or of the rights keep clips from leaving: closed ones, and those that allow no excerpt.

    >>> forbids_export("CC-BY-NC-ND-4.0"), forbids_export("CC-BY-NC-4.0"), forbids_export("", "© League. All rights reserved")
    (True, False, True)
    """
    return _CLOSED.search(f"{licence}\n{rights}") is not None


def find_sources(places: Iterable[str | Path], sport: Sport = Sport.OTHER) -> Kept[Source]:
    """Sources in files, folders (searched to any depth), manifests (.csv, .jsonl, .parquet) and URLs, in the order given.

    Folders are read by name; a URL that ends with / is one too. Relative places in a manifest lie where it lies. sport is given
    to what names none itself. Beside a film ``match.mp4``, ``match.feed.json`` is taken for its feed; ``match.truth.json`` marks
    it as simulated. What a workspace keeps in ``media`` is not looked through.

    Raises: MissingMedia for a path that does not exist or is no file, FeedError for a manifest that cannot be read, UserError
    for an empty place.
    """
    kept: list[Source] = []
    drops: list[Drop] = []
    for place in places:
        if not str(place).strip():
            raise UserError("a place to ingest is empty; name a file, folder, manifest or URL, or . for this folder")
        path = absolute(place)
        if is_url(str(place)) and str(place).endswith("/"):
            try:
                films = [url for url in list_files(str(place)) if file_name(url).suffix.lower() in MEDIA_SUFFIXES]
            except MediaError as error:
                drops.append(quarantine(public_url(str(place)), error, STEP))
                continue
            kept += [Source(uri=url, sport=sport, title=file_name(url).stem) for url in films]
        elif is_url(str(place)) and file_name(str(place)).suffix.lower() in _MANIFEST_SUFFIXES:
            try:
                found = _read_remote_manifest(str(place), sport)
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
            for manifest in sorted(file for file in path.glob("manifest.*") if file.suffix.lower() in _MANIFEST_SUFFIXES):
                log.warning("%s: not read, for its folder was named; name it for its sports, licences and feeds", manifest)
        elif not path.exists():
            raise MissingMedia(f"{path}: no such file or folder; mend the path")
        elif not path.is_file():
            raise MissingMedia(f"{path}: a pipe or a device, whose end nobody knows; save it as a file")
        elif path.suffix.lower() in _MANIFEST_SUFFIXES:
            found = read_manifest(path, sport)
            kept += found.items
            drops += found.drops
        else:
            kept.append(_source_of(path, sport))
    nameless = [source for source in kept if not _is_text(source.uri)]
    detail = "its name is no UTF-8, so no table can hold it; rename it"
    drops += [drop_of(STEP, printable(source.uri), DropReason.UNREADABLE_MEDIA, detail) for source in nameless]
    return Kept([source for source in kept if _is_text(source.uri)], drops)


def absolute(place: str | Path) -> Path:
    """However it is spelt, the same film has one name; links keep theirs."""
    path, short = Path(place).absolute(), Path(os.path.abspath(place))  # noqa: PTH100
    return short if short.exists() and path.exists() and short.samefile(path) else path


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


def _is_text(name: str) -> bool:
    """Whether the bytes of a file's name are UTF-8."""
    return not any(0xD800 <= ord(c) < 0xE000 for c in name)


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


def _read_remote_manifest(url: str, sport: Sport) -> Kept[Source]:
    with tempfile.TemporaryDirectory(prefix="deepsport-") as folder:
        path = Path(folder) / f"manifest{file_name(url).suffix}"
        path.write_bytes(read_file(url))
        try:
            return read_manifest(path, sport, url)
        except FeedError as error:
            raise FeedError(str(error).replace(str(path), public_url(url))) from error


def read_manifest(path: Path, sport: Sport = Sport.OTHER, url: str = "") -> Kept[Source]:
    """Sources of a manifest in the order of its rows, and a drop for each bad row (its item is ``manifest:line``).

    url is where the file came from, if it was fetched; its rows' relative places then lie there.

    Raises: FeedError when the file is no UTF-8 text or no Parquet, or its header has no place or unknown columns.
    """
    kept: list[Source] = []
    drops: list[Drop] = []
    base = url.rpartition("/")[0] or path.absolute().parent
    line = 0
    try:
        for line, row in _rows(path):
            item = f"{public_url(url) or path}:{line}"
            try:
                kept.append(_source_in(row, base, sport))
            except MissingMedia as error:
                drops.append(drop_of(STEP, item, DropReason.MISSING_FILE, str(error)))
            except FeedError as error:
                drops.append(drop_of(STEP, item, DropReason.BAD_MANIFEST_ROW, str(error)))
    except UnicodeDecodeError as error:
        raise FeedError(f"{path}: is not UTF-8 text; save the manifest as UTF-8") from error
    except csv.Error as error:
        after = f" after line {line}" if line else ""
        raise FeedError(f"{path}: is no CSV{after} ({error}); save the manifest as comma-separated text") from error
    return Kept(kept, drops)


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, object] | str]]:
    """(line, cells) of each row; for a line of JSONL that is no object, the text of the complaint."""
    if path.suffix.lower() == ".parquet":
        yield from _parquet_rows(path)
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix.lower() == ".jsonl":
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    yield number, f"is no JSON ({error}); write one object a line"
                    continue
                yield number, row if isinstance(row, dict) else "is no JSON object; write one object a line"
            return
        reader = csv.DictReader(file, strict=True)
        reader.fieldnames = _checked([name.strip() for name in reader.fieldnames or ()], path)
        for row in reader:
            if None in row:
                yield reader.line_num, "has more cells than the header; quote cells that hold a comma"
                continue
            yield reader.line_num, dict(row)


def _parquet_rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """(row, cells), the first row being 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            _checked(file.schema_arrow.names, path)
            number = 0
            for batch in file.iter_batches():
                for number, row in enumerate(batch.to_pylist(), number + 1):  # noqa: B020
                    yield number, row
    except (pa.ArrowException, OSError) as error:
        raise FeedError(f"{path}: is no Parquet file ({str(error).splitlines()[0]}); write it again") from error


def _checked(header: Sequence[str], path: Path) -> Sequence[str]:
    """The names of the columns. Raises: FeedError when there are none, unknown ones, or none that names a place."""
    if not header:
        raise FeedError(f"{path}: is empty; its first line names the columns: {', '.join(_COLUMNS)}")
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise FeedError(f"{path}: has two columns named {', '.join(twice)}; keep one")
    _refuse_unknown(header, str(path))
    if not set(header) & set(_PLACES):
        raise FeedError(f"{path}: has no column path or url; add one")
    return header


def _refuse_unknown(names: Iterable[str], where: str) -> None:
    unknown = sorted({name for name in names if name not in _COLUMNS})
    if unknown:
        raise FeedError(f"{where}: unknown column {', '.join(unknown)}; the columns are {', '.join(_COLUMNS)}")


def _source_in(row: Mapping[str, object] | str, base: Path | str, sport: Sport) -> Source:
    """A row's source. Raises: MissingMedia for a file that is not there, FeedError for whatever else is wrong."""
    if isinstance(row, str):
        raise FeedError(f"the row {row}")
    _refuse_unknown(row, "the row")
    cells = {name: _cell(name, value) for name, value in row.items()}
    places = [cells[name] for name in _PLACES if cells.get(name)]
    if len(places) != 1:
        raise FeedError("the row names no place; fill in path or url" if not places else "the row names two places; keep one")
    kept_in = _yes_no(cells, "exportable") is False or forbids_export(cells.get("licence", ""), cells.get("rights", ""))
    uri = _place(base, places[0], "media", may_lack=kept_in)  # what was ingested of it must hear of that
    feed = _place(base, cells["feed"], "feed") if cells.get("feed") else None
    named = cells.get("sport", "").lower().replace(" ", "_").replace("-", "_")
    if named and named not in list(Sport):
        raise FeedError(f"unknown sport {cells['sport']!r}; one of {', '.join(Sport)}")
    return Source(
        uri=uri,
        sport=Sport(named) if named else sport,
        title=cells.get("title") or (file_name(uri) if is_url(uri) else Path(uri)).stem,
        licence=cells.get("licence") or "unknown",
        rights=cells.get("rights", ""),
        exportable=_yes_no(cells, "exportable"),
        feed=feed,
        simulated=_yes_no(cells, "simulated") or False,
    )


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | bool):
        raise FeedError(f"{name} is no text but of type {type(value).__name__}; write it as text")
    text = str(value).strip()
    if "\0" in text or not _is_text(text):
        raise FeedError(f"{name} holds a NUL or half a character; write it as plain text")
    return text


def _yes_no(cells: Mapping[str, str], name: str) -> bool | None:
    text = cells.get(name, "").lower()
    if text not in _YES_NO:
        raise FeedError(f"{name} is {text!r}; write true or false")
    return _YES_NO[text]


def _place(base: Path | str, place: str, what: str, *, may_lack: bool = False) -> str:
    """A cell's place: a URL, or a file that is there; a relative one lies where the manifest does.

    Raises: MissingMedia for a file that is not there, FeedError for a path that cannot be one.
    """
    if is_url(place):
        return place
    if isinstance(base, str) and not Path(place).is_absolute():
        return f"{base}/{place}"
    try:
        path = absolute(Path(base) / place)
        found = path.is_file()
    except OSError as error:  # a name too long for the file system
        raise FeedError(f"the {what} path cannot be one ({error.strerror}); mend it") from error
    if not found and not may_lack:
        raise MissingMedia(f"{path}: no such {what} file; mend the path")
    return str(path)


def drop_duplicates(sources: Sequence[Source], sha256_of: Callable[[Path], str] = sha256_file) -> Kept[Source]:
    """Local sources without those whose bytes an earlier one has already; only files of the same size are read. URLs pass, once.

    What only the later mention says holds for the one that is kept, and what either keeps in stays in. A file or URL that
    was named before is no copy, and leaves no drop.
    """
    kept: list[Source] = []
    drops: list[Drop] = []
    alike: dict[str | int, list[int]] = {}
    """By URL or size: places in kept."""
    hashes: dict[str, str] = {}

    def hash_of(source: Source) -> str:
        if source.uri not in hashes:
            try:
                hashes[source.uri] = sha256_of(Path(source.uri))
            except OSError:  # ingest will say what is wrong with it
                hashes[source.uri] = source.uri
        return hashes[source.uri]

    for source in sources:
        if source.is_remote or Path(source.uri).is_file():
            places = alike.setdefault(source.uri if source.is_remote else Path(source.uri).stat().st_size, [])
            place = next((i for i in places if source.is_remote or hash_of(kept[i]) == hash_of(source)), None)
            if place is not None:
                twin = kept[place]
                kept[place] = _joined(twin, source)
                if twin.uri != source.uri:
                    drops.append(drop_of(STEP, source.uri, DropReason.DUPLICATE_MEDIA, f"the same bytes as {twin.uri}"))
                continue
            places.append(len(kept))
        kept.append(source)
    return Kept(kept, drops)


def _joined(film: Source, again: Source) -> Source:
    """Two mentions of a film in one run as one."""
    one = film.completed(again)
    if again.sport not in (Sport.OTHER, one.sport):
        log.warning("%s: named twice, as %s and as %s; the first holds", one.uri, one.sport, again.sport)
    return one if film.may_leave and again.may_leave else one.model_copy(update={"exportable": False})


def source_feed(source: Source, store: MediaStore) -> Fetched | None:
    """The source's feed as a local file, with its sha256; a URL is copied to the store, once. None when it has none.

    Raises: as ``source_media``.
    """
    if source.feed is None:
        return None
    if is_url(source.feed):
        return fetch(source.address(source.feed), store, file_name(source.feed).suffix.lower())
    return Fetched(Path(source.feed), sha256_file(Path(source.feed)))


@contextmanager
def source_media(source: Source, store: MediaStore) -> Iterator[Fetched]:
    """The source's media as a local file, with its sha256, to be read within the block; a URL is copied to the store, once.

    Raises: MissingMedia, UnreachableMedia, MediaError; ChangedMedia when the file changes within the block; UserError when the
    URL's protocol needs a package that is not installed.
    """
    if source.is_remote:
        url = source.address(source.uri)
        suffix = file_name(url).suffix.lower()
        yield fetch(url, store, suffix if suffix in MEDIA_SUFFIXES else "")
        return
    with steady(Path(source.uri)) as sha256:
        yield Fetched(Path(source.uri), sha256)
