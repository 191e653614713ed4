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

from deepsport.errors import FeedError, MediaError
from deepsport.ids import sha256_file
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
    exportable: bool = True
    """Whether the rights holder lets clips of it leave the workspace."""
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
    it as simulated.

    Raises: MissingMedia for a path that does not exist, FeedError for a manifest that cannot be read.
    """
    kept: list[Source] = []
    drops: list[Drop] = []
    for place in places:
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
            kept += [_source_of(file, sport) for file in sorted(path.rglob("*")) if _is_media(file, path)]
            for manifest in sorted(file for file in path.glob("manifest.*") if file.suffix.lower() in _MANIFEST_SUFFIXES):
                log.warning("%s: not read, for its folder was named; name it for its sports, licences and feeds", manifest)
        elif not path.exists():
            raise MissingMedia(f"{path}: no such file or folder; mend the path")
        elif path.suffix.lower() in _MANIFEST_SUFFIXES:
            found = read_manifest(path, sport)
            kept += found.items
            drops += found.drops
        else:
            kept.append(_source_of(path, sport))
    return Kept(kept, drops)


def absolute(place: str | Path) -> Path:
    """However it is spelt, the same film has one name; links keep theirs."""
    path, short = Path(place).absolute(), Path(os.path.abspath(place))  # noqa: PTH100
    return short if short.exists() and path.exists() and short.samefile(path) else path


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
        raise FeedError(f"{path}: is no CSV ({error}); save the manifest as comma-separated text") from error
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
    uri = _place(base, places[0], "media")
    feed = _place(base, cells["feed"], "feed") if cells.get("feed") else None
    named = cells.get("sport", "").lower().replace(" ", "_").replace("-", "_")
    if named and named not in list(Sport):
        raise FeedError(f"unknown sport {cells['sport']!r}; one of {', '.join(Sport)}")
    licence, rights = cells.get("licence") or "unknown", cells.get("rights", "")
    return Source(
        uri=uri,
        sport=Sport(named) if named else sport,
        title=cells.get("title") or (file_name(uri) if is_url(uri) else Path(uri)).stem,
        licence=licence,
        rights=rights,
        exportable=_yes_no(cells, "exportable", not forbids_export(licence, rights)),
        feed=feed,
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


def _place(base: Path | str, place: str, what: str) -> str:
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
    if not found:
        raise MissingMedia(f"{path}: no such {what} file; mend the path")
    return str(path)


def drop_duplicates(sources: Sequence[Source], sha256_of: Callable[[Path], str] = sha256_file) -> Kept[Source]:
    """Local sources without those whose bytes an earlier one has already; only files of the same size are read. URLs pass, once.

    A file or URL that was named before is no copy, and leaves no drop.
    """
    kept: list[Source] = []
    drops: list[Drop] = []
    urls: set[str] = set()
    by_size: dict[int, list[Source]] = {}
    hashes: dict[str, str] = {}

    def hash_of(source: Source) -> str:
        if source.uri not in hashes:
            try:
                hashes[source.uri] = sha256_of(Path(source.uri))
            except OSError:  # ingest will say what is wrong with it
                hashes[source.uri] = source.uri
        return hashes[source.uri]

    for source in sources:
        if source.is_remote:
            if source.uri in urls:
                continue
            urls.add(source.uri)
        elif Path(source.uri).is_file():
            same_size = by_size.setdefault(Path(source.uri).stat().st_size, [])
            twin = next((other for other in same_size if hash_of(other) == hash_of(source)), None)
            if twin is not None:
                if twin.uri == source.uri:
                    continue
                drops.append(drop_of(STEP, source.uri, DropReason.DUPLICATE_MEDIA, f"the same bytes as {twin.uri}"))
                continue
            same_size.append(source)
        kept.append(source)
    return Kept(kept, drops)


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
