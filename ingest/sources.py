"""A broadcast to ingest: where it is, what is said of it, and its bytes.

search.py finds sources in files, folders and URLs, manifests.py reads what is said of them.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from deepsport.ids import sha256_file
from deepsport.records import Drop, Kept
from deepsport.taxonomy import DropReason, Sport
from ingest.fetch import Fetched, MediaStore, fetch, file_name, public_url, scheme_of, steady
from ingest.probe import drop_of

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


def absolute(place: str | Path) -> Path:
    """However it is spelt, the same film has one name; links keep theirs."""
    path, short = Path(place).absolute(), Path(os.path.abspath(place))  # noqa: PTH100
    return short if short.exists() and path.exists() and short.samefile(path) else path


def is_text(name: str) -> bool:
    """Whether the bytes of a file's name are UTF-8."""
    return not any(0xD800 <= ord(c) < 0xE000 for c in name)


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
