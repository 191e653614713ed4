"""Manifests: what is said of broadcasts, a row each.

A manifest is a CSV, JSONL or Parquet file with a row for each broadcast and the columns ``path`` or ``url`` (or ``path_or_url``),
``sport``, ``title``, ``licence``, ``rights``, ``exportable``, ``feed`` and ``simulated``; only the first is needed. Paths are
relative to the folder of the manifest. A bad row becomes a Drop, the others go on.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from deepsport.errors import FeedError
from deepsport.records import Drop, Kept
from deepsport.taxonomy import DropReason, Sport
from deepsport.video import MissingMedia
from ingest.fetch import file_name, public_url, read_file
from ingest.probe import drop_of
from ingest.sources import STEP, Source, absolute, forbids_export, is_text, is_url

MANIFEST_SUFFIXES = (".csv", ".jsonl", ".parquet")
_PLACES = ("path", "url", "path_or_url")
_COLUMNS = (*_PLACES, "sport", "title", "licence", "rights", "exportable", "feed", "simulated")
_YES_NO = {"": None, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_remote_manifest(url: str, sport: Sport) -> Kept[Source]:
    """Sources of a manifest at a URL. Raises: as ``read_manifest``; MediaError when it cannot be had."""
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
    if "\0" in text or not is_text(text):
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
