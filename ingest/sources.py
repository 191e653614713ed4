"""Sources: which broadcasts to ingest, from files, folders, manifests and URLs.

A manifest is a CSV or JSONL file with a row for each broadcast and the columns ``path`` or ``url`` (or ``path_or_url``),
``sport``, ``title``, ``licence``, ``exportable``, ``feed``, ``simulated``; only the first is needed. Paths are relative to the
manifest's folder. A bad row becomes a Drop, the others go on.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from deepsport.errors import FeedError, MediaError, UserError
from deepsport.ids import digest, sha256_file
from deepsport.records import Drop, Kept
from deepsport.taxonomy import DropReason, Sport
from deepsport.video import MissingMedia, open_media, video_stream
from ingest.probe import drop_of

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
_MANIFEST_SUFFIXES = (".csv", ".jsonl")
_PLACES = ("path", "url", "path_or_url")
_COLUMNS = (*_PLACES, "sport", "title", "licence", "exportable", "feed", "simulated")
_YES_NO = {"": None, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_TIMEOUT_S = 60


class Source(BaseModel):
    """One broadcast to ingest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    """Where the media is: an absolute path or a URL."""
    sport: Sport = Sport.OTHER
    title: str = ""
    licence: str = "unknown"
    exportable: bool = True
    """Whether the rights holder lets clips of it leave the workspace."""
    feed: str | None = None
    """Absolute path of its event feed."""
    simulated: bool = False

    @property
    def is_remote(self) -> bool:
        """Whether the media has to be fetched first."""
        return is_url(self.uri)


class MediaStore(Protocol):
    """What fetching needs of deepsport.store.Store."""

    def put_file(self, local: Path, key: str, *, move: bool = False) -> str:
        """Keep a file under a key; move gives the file away."""

    def path(self, key: str) -> Path:
        """A local file with what the key holds."""

    def exists(self, key: str) -> bool:
        """Whether the key is there."""


def is_url(text: str) -> bool:
    """Whether a place is a URL and not a path.

    >>> is_url("s3://bucket/a.mp4"), is_url("C:/films/a.mp4"), is_url("films/a.mp4")
    (True, False, False)
    """
    return len(_scheme(text)) > 1


def _scheme(url: str) -> str:
    scheme, colon, _ = url.partition("://")
    return scheme.lower() if colon and scheme.replace("+", "").replace("-", "").isalnum() else ""


def _file_name(url: str) -> PurePosixPath:
    """The last part of a URL's path; urlsplit would raise on some texts that only look like a URL."""
    return PurePosixPath(PurePosixPath(url.partition("://")[2].partition("?")[0].partition("#")[0]).name)


def find_sources(places: Iterable[str | Path], sport: Sport = Sport.OTHER) -> Kept[Source]:
    """Sources in files, folders (searched to any depth), manifests (.csv, .jsonl) and URLs, in the order given; folders by name.

    sport is given to what names none itself. Beside a film ``match.mp4``, ``match.feed.json`` is taken for its feed;
    ``match.truth.json`` marks it as simulated.

    Raises: MissingMedia for a path that does not exist, FeedError for a manifest that cannot be read.
    """
    kept: list[Source] = []
    drops: list[Drop] = []
    for place in places:
        path = Path(place).absolute()
        if is_url(str(place)):
            kept.append(Source(uri=str(place), sport=sport, title=_file_name(str(place)).stem))
        elif path.is_dir():
            kept += [_source_of(file, sport) for file in sorted(path.rglob("*")) if _is_media(file, path)]
        elif not path.exists():
            raise MissingMedia(f"{path}: no such file or folder; mend the path")
        elif path.suffix.lower() in _MANIFEST_SUFFIXES:
            found = read_manifest(path, sport)
            kept += found.items
            drops += found.drops
        else:
            kept.append(_source_of(path, sport))
    return Kept(kept, drops)


def _is_media(path: Path, folder: Path) -> bool:
    """Files with a film's suffix, good or bad, and any other file that proves to be one; nothing hidden."""
    if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
        return False
    if path.suffix.lower() in MEDIA_SUFFIXES:
        return True
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


def read_manifest(path: Path, sport: Sport = Sport.OTHER) -> Kept[Source]:
    """Sources of a manifest in the order of its rows, and a drop for each bad row (its item is ``manifest:line``).

    Raises: FeedError when the file is no UTF-8 text, or the header of a CSV has no place or unknown columns.
    """
    kept: list[Source] = []
    drops: list[Drop] = []
    try:
        for line, row in _rows(path):
            item = f"{path}:{line}"
            try:
                kept.append(_source_in(row, path.absolute().parent, sport))
            except MissingMedia as error:
                drops.append(drop_of(STEP, item, DropReason.MISSING_FILE, str(error)))
            except FeedError as error:
                drops.append(drop_of(STEP, item, DropReason.BAD_MANIFEST_ROW, str(error)))
    except UnicodeDecodeError as error:
        raise FeedError(f"{path}: is not UTF-8 text; save the manifest as UTF-8") from error
    except csv.Error as error:
        raise FeedError(f"{path}: is no CSV ({error}); save the manifest as comma-separated text") from error
    return Kept(kept, drops)


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, object] | str]]:
    """(line, cells) of each row; for a line of JSONL that is no object, the text of the complaint."""
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
        header = [name.strip() for name in reader.fieldnames or ()]
        if not header:
            raise FeedError(f"{path}: is empty; its first line names the columns: {', '.join(_COLUMNS)}")
        _refuse_unknown(header, str(path))
        if not set(header) & set(_PLACES):
            raise FeedError(f"{path}: has no column path or url; add one")
        reader.fieldnames = header
        for row in reader:
            if None in row:
                yield reader.line_num, "has more cells than the header; quote cells that hold a comma"
                continue
            yield reader.line_num, dict(row)


def _refuse_unknown(names: Iterable[str], where: str) -> None:
    unknown = sorted({name for name in names if name not in _COLUMNS})
    if unknown:
        raise FeedError(f"{where}: unknown column {', '.join(unknown)}; the columns are {', '.join(_COLUMNS)}")


def _source_in(row: Mapping[str, object] | str, folder: Path, sport: Sport) -> Source:
    """A row's source. Raises: MissingMedia for a file that is not there, FeedError for whatever else is wrong."""
    if isinstance(row, str):
        raise FeedError(f"the row {row}")
    _refuse_unknown(row, "the row")
    cells = {name: _cell(name, value) for name, value in row.items()}
    places = [cells[name] for name in _PLACES if cells.get(name)]
    if len(places) != 1:
        raise FeedError("the row names no place; fill in path or url" if not places else "the row names two places; keep one")
    uri = places[0] if is_url(places[0]) else str(_existing(folder, places[0], "media"))
    feed = cells.get("feed")
    named = cells.get("sport", "").lower().replace(" ", "_").replace("-", "_")
    if named and named not in list(Sport):
        raise FeedError(f"unknown sport {cells['sport']!r}; one of {', '.join(Sport)}")
    return Source(
        uri=uri,
        sport=Sport(named) if named else sport,
        title=cells.get("title") or (_file_name(uri) if is_url(uri) else Path(uri)).stem,
        licence=cells.get("licence") or "unknown",
        exportable=_yes_no(cells, "exportable", True),
        feed=str(_existing(folder, feed, "feed")) if feed else None,
        simulated=_yes_no(cells, "simulated", False),
    )


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | bool):
        raise FeedError(f"{name} is {json.dumps(value)}; write it as text")
    text = str(value).strip()
    if "\0" in text or (not text.isprintable() and any(0xD800 <= ord(c) < 0xE000 for c in text)):
        raise FeedError(f"{name} holds a NUL or half a character; write it as plain text")
    return text


def _yes_no(cells: Mapping[str, str], name: str, default: bool) -> bool:
    text = cells.get(name, "").lower()
    if text not in _YES_NO:
        raise FeedError(f"{name} is {text!r}; write true or false")
    value = _YES_NO[text]
    return default if value is None else value


def _existing(folder: Path, place: str, what: str) -> Path:
    path = (folder / place).absolute()
    try:
        found = path.is_file()
    except OSError as error:  # a name too long for the file system
        raise FeedError(f"the {what} path cannot be one ({error.strerror}); mend it") from error
    if not found:
        raise MissingMedia(f"{path}: no such {what} file; mend the path")
    return path


def drop_duplicates(sources: Sequence[Source]) -> Kept[Source]:
    """Local sources without those whose bytes an earlier one has already; only files of the same size are read. URLs pass."""
    kept: list[Source] = []
    drops: list[Drop] = []
    by_size: dict[int, list[Source]] = {}
    hashes: dict[str, str] = {}

    def hash_of(source: Source) -> str:
        if source.uri not in hashes:
            hashes[source.uri] = sha256_file(Path(source.uri))
        return hashes[source.uri]

    for source in sources:
        if not source.is_remote and Path(source.uri).is_file():
            same_size = by_size.setdefault(Path(source.uri).stat().st_size, [])
            twin = next((other for other in same_size if hash_of(other) == hash_of(source)), None)
            if twin is not None:
                drops.append(drop_of(STEP, source.uri, DropReason.DUPLICATE_MEDIA, f"the same bytes as {twin.uri}"))
                continue
            same_size.append(source)
        kept.append(source)
    return Kept(kept, drops)


def local_media(source: Source, store: MediaStore) -> Path:
    """The source's media as a local file; a URL is copied to the store's incoming area, once.

    Raises: MediaError when it cannot be fetched, UserError when the URL's protocol needs a package that is not installed.
    """
    if not source.is_remote:
        return Path(source.uri)
    suffix = _file_name(source.uri).suffix.lower()
    key = f"incoming/{digest(source.uri)}{suffix if suffix in MEDIA_SUFFIXES else ''}"
    if not store.exists(key):
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "media"
            _download(source.uri, local)
            store.put_file(local, key, move=True)
    return store.path(key)


def _download(url: str, local: Path) -> None:
    import fsspec

    scheme = _scheme(url)
    options: dict[str, object] = {}
    faults: tuple[type[Exception], ...] = (OSError, TimeoutError)
    try:
        if scheme in ("http", "https"):
            import aiohttp

            # No limit on the whole, which may be hours of video; one on every wait.
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=_TIMEOUT_S, sock_read=_TIMEOUT_S)
            options["client_kwargs"] = {"timeout": timeout}
            faults = (*faults, aiohttp.ClientError)
        filesystem, path = fsspec.url_to_fs(url, **options)
    except ImportError as error:
        raise UserError(f"{url}: needs a package for {scheme} ({error}); pip install 'fsspec[{scheme}]'") from error
    except ValueError as error:
        raise MediaError(f"{url}: cannot be fetched ({error}); use http(s), s3 or another protocol that fsspec knows") from error
    try:
        filesystem.get_file(path, str(local))
    except FileNotFoundError as error:
        raise MissingMedia(f"{url}: nothing there; mend the URL") from error
    except faults as error:
        raise MediaError(f"{url}: cannot be fetched ({error}); try again") from error
