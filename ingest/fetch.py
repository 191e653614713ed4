"""Media on its way in: copied once from any URL that fsspec reads, gone on with after a break, and noticed when it changes.

    https://, s3://, gs://, … ─▶ <store>/.parts/<url>.part, its version and sha256 in <url>.json ─▶ incoming/<url and version>

A copy that broke off is gone on with from the byte where it ended, in this process or the next one, as long as the source still
has the version that it had (size, and ETag or time of change). Faults that may pass are tried again; the count of tries begins
anew whenever more has come. From a server that cannot give ranges it is copied anew.

A password in a URL serves to fetch and for nothing else: messages, notes and names have the URL as ``public_url`` gives it.
"""

from __future__ import annotations

import fcntl
import ftplib
import hashlib
import http
import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple, Protocol, Self, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from deepsport.errors import MediaError, UserError
from deepsport.files import disk_fault
from deepsport.ids import digest, sha256_file
from deepsport.log import MASK, redact
from deepsport.video import MissingMedia

T = TypeVar("T")

_BLOCK_BYTES = 4 << 20
_ATTEMPTS = 4
_PAUSE_S = 0.5
_TIMEOUT_S = 60
_LOGIN = re.compile(r"(?<=://)([^/?#:@]*):[^/?#]*@")
_PASSING_STATUS = (408, 425, 429)
_VERSION_KEYS = ("ETag", "etag", "md5Hash", "Content-MD5", "Digest", "Last-Modified", "LastModified", "mtime", "created")


class UnreachableMedia(MediaError):
    """A host or an object store did not answer, refused, or broke off, at every attempt; a later run tries again."""


class ChangedMedia(MediaError):
    """A source is not any more what it was when reading began; a later run tries again."""


class MediaStore(Protocol):
    """What fetching needs of deepsport.store.Store."""

    @property
    def parts_dir(self) -> Path:
        """A folder of this machine for what is not yet whole."""

    def put_file(self, local: Path, key: str, *, move: bool = False, sha256: str | None = None) -> str:
        """Keep a file under a key; move gives the file away, sha256 spares reading it."""

    def path(self, key: str) -> Path:
        """A local file with what the key holds."""

    def exists(self, key: str) -> bool:
        """Whether the key is there."""


class Fetched(NamedTuple):
    """A local file and the sha256 of its bytes."""

    path: Path
    sha256: str


class _NoRanges(Exception):
    """A host that gives a file from its beginning only."""


class _Stated(NamedTuple):
    """What a host says of a file."""

    size_bytes: int | None
    version: str
    """Tells one state of the file from another; empty where the host says nothing."""


def scheme_of(url: str) -> str:
    """The protocol of a URL in lower case; empty for a path.

    >>> scheme_of("S3://bucket/a.mp4"), scheme_of("films/a.mp4")
    ('s3', '')
    """
    scheme, colon, _ = url.partition("://")
    return scheme.lower() if colon and scheme.replace("+", "").replace("-", "").isalnum() else ""


def public_url(url: str) -> str:
    """A URL without its secrets, as messages and records have it; a path as it is.

    Another password makes no other URL. Another user does, and another token in the query, for it may stand for another file:
    a digest tells them apart.

    >>> public_url("ftp://kim:one@host/a.mp4") == public_url("ftp://kim:two@host/a.mp4") != public_url("ftp://lee:two@host/a.mp4")
    True
    >>> public_url("https://host/film?token=abc&n=1")
    'https://host/film?token=**********02f393&n=1'
    """
    if not scheme_of(url):
        return url

    def hide(secret: str) -> str:
        return secret if secret.startswith(MASK) else MASK + digest(secret, length=6)

    return redact(_LOGIN.sub(rf"\1:{MASK}@", url), hide=hide)


def file_name(url: str) -> PurePosixPath:
    """The last part of a URL's path; urlsplit would raise on some texts that only look like a URL."""
    url = _LOGIN.sub("", url)
    return PurePosixPath(PurePosixPath(url.partition("://")[2].partition("?")[0].partition("#")[0]).name)


def version_of(url: str) -> str:
    """What tells the state of the file at a URL from another state of it; empty where its host does not say.

    Raises: MissingMedia, UnreachableMedia, MediaError; UserError when the protocol needs a package that is not installed.
    """
    return _Remote(url).stated().version


def list_files(url: str) -> list[str]:
    """URLs of all files under a folder's URL, to any depth, by name. Raises: as ``version_of``."""
    found: list[str] = _Remote(url).asked(lambda fs, path: [_url_of(fs, name, url, path) for name in _find(fs, path)])
    return sorted(found)


def _url_of(fs: Any, name: str, folder: str, path: str) -> str:
    """The URL of a file that was listed under a folder; fsspec forgets the host of those whose file systems have paths only."""
    below = name.removeprefix(path.rstrip("/") + "/")
    return f"{folder.rstrip('/')}/{below}" if below != name else str(fs.unstrip_protocol(name))


def _find(fs: Any, path: str) -> list[str]:
    """Names of all files under a folder."""
    from fsspec.asyn import AsyncFileSystem
    from fsspec.spec import AbstractFileSystem

    if getattr(type(fs), "_find", type(fs).find) not in (AsyncFileSystem._find, AbstractFileSystem.find):
        return list(fs.find(path))  # an object store's, which has no folders
    # The one for all others takes a folder that cannot be had for an empty one.
    names: list[str] = []
    folders = [path]
    for folder in folders:
        try:
            listed = fs.ls(folder, detail=True)
        except FileNotFoundError:
            # A link that leads nowhere spoils no index. An empty folder is asked for again by fsspec, without its slash.
            if folder == path and not fs.exists(path):
                raise
            continue
        names += [info["name"] for info in listed if info["type"] != "directory"]
        folders += [info["name"] for info in listed if info["type"] == "directory" and info["name"] not in folders]
    return names


def read_file(url: str) -> bytes:
    """All bytes of a small file at a URL, kept nowhere. Raises: as ``version_of``."""
    found: bytes = _Remote(url).asked(lambda fs, path: fs.cat_file(path))
    return found


def fetch(url: str, store: MediaStore, suffix: str = "") -> Fetched:
    """The file at a URL as a local one: copied to the store's incoming area, once for each version of it.

    Raises: MissingMedia, UnreachableMedia, ChangedMedia when it changed while it was copied, MediaError for an unknown protocol;
    UserError when the protocol needs a package that is not installed.
    """
    remote = _Remote(url)
    name = digest(remote.url)
    with _Note(store.parts_dir / f"{name}.json") as note:
        copy = _Copy(remote, store.parts_dir / f"{name}.part", note)
        key = _key(remote.url, remote.stated().version, suffix)
        if not store.exists(key):
            try:
                remote.patiently(copy.go_on, progress=lambda: copy.size_bytes)
            except OSError as error:
                if disk_fault(error):  # gives back what it took, so that other films may fit
                    copy.part.unlink(missing_ok=True)
                raise
            key = _key(remote.url, note["version"], suffix)
            store.put_file(copy.part, key, move=True, sha256=copy.sha256)
            note.write(key=key, sha256=copy.sha256)
        elif note["key"] != key:
            note.write(key=key, sha256=sha256_file(store.path(key)))
        return Fetched(store.path(key), note["sha256"])


def _key(url: str, version: str, suffix: str) -> str:
    return f"incoming/{digest(url, version)}{suffix}"


class _Note:
    """What is known of a copy, in a small file beside it; locked while it is open, so that no two processes write one copy."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._file.seek(0)
        try:
            self._said = {str(name): str(value) for name, value in json.loads(self._file.read()).items()}
        except (ValueError, AttributeError):  # new, or its writer was killed
            self._said = {}

    def __getitem__(self, name: str) -> str:
        return self._said.get(name, "")

    def write(self, **said: str) -> None:
        """Note something, at once."""
        self._said.update(said)
        self._file.truncate(0)
        json.dump(self._said, self._file)
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _Remote:
    """A place behind a URL."""

    def __init__(self, url: str) -> None:
        self.url = public_url(url)
        self._given = url

    def _connect(self) -> tuple[Any, str]:
        """The file system that fsspec has for it and the path there; made for each call, for some connect when they are made."""
        import fsspec

        scheme = scheme_of(self._given)
        if MASK in self._given:
            raise UnreachableMedia(f"{self.url}: its password is not kept; name it again with the password")
        options: dict[str, object] = {}
        try:
            if scheme in ("http", "https"):
                import aiohttp

                # No limit on the whole, which may be hours of video; one on every wait.
                timeout = aiohttp.ClientTimeout(total=None, sock_connect=_TIMEOUT_S, sock_read=_TIMEOUT_S)
                options["client_kwargs"] = {"timeout": timeout}
            fs, path = fsspec.url_to_fs(self._given, **options)
            return fs, str(path)
        except ImportError as error:
            extra = {"https": "http", "gcs": "gs"}.get(scheme, scheme)
            package = f"deepsport[{extra}]" if extra in ("http", "s3", "gs") else f"fsspec[{scheme}]"
            raise UserError(f"{self.url}: needs a package for {scheme} ({error}); pip install '{package}'") from error
        except ValueError as error:
            detail = self._say(error)
            raise MediaError(f"{self.url}: cannot be fetched ({detail}); use http(s), s3 or what else fsspec knows") from error

    def _say(self, error: BaseException) -> str:
        """An error of another's making, in words without secrets."""
        return redact(str(error).replace(self._given, self.url)) or type(error).__name__

    def stated(self) -> _Stated:
        """What its host says of it now."""

        def ask(fs: Any, path: str) -> _Stated:
            fs.invalidate_cache()
            info = fs.info(path)
            if info.get("type") == "directory":
                raise MissingMedia(f"{self.url}: a folder, not a file; end the URL with / to ingest what is in it")
            size = info.get("size")
            said = next((f"{key} {info[key]}" for key in _VERSION_KEYS if info.get(key)), "")
            return _Stated(size, f"{size} {said}" if said or size is not None else "")

        return self.asked(ask)

    def open(self, offset: int) -> IO[bytes]:
        """The file from a byte on. Raises: _NoRanges when its host cannot do that."""
        file: IO[bytes]
        fs, path = self._connect()
        if scheme_of(self._given) not in ("http", "https"):
            file = fs.open(path, "rb", block_size=_BLOCK_BYTES, cache_type="none")
            file.seek(offset)
            return file
        # One answer for all that is missing: fsspec's seekable files ask for every block, and a break loses the block.
        file = fs.open(path, "rb", block_size=0, headers={"Range": f"bytes={offset}-"} if offset else {})
        if offset and file.r.status != http.HTTPStatus.PARTIAL_CONTENT:  # type: ignore[attr-defined]
            file.close()
            raise _NoRanges
        return file

    def asked(self, ask: Callable[[Any, str], T]) -> T:
        """The answer to a question put to the host, patiently."""
        return self.patiently(lambda: ask(*self._connect()))

    def patiently(self, call: Callable[[], T], progress: Callable[[], int] = lambda: 0) -> T:
        """The call's result; tried again after faults that may pass, until several tries in a row brought no more bytes."""
        most, fruitless = progress(), 0

        def stuck(_: RetryCallState) -> bool:
            nonlocal most, fruitless
            fruitless = 0 if progress() > most else fruitless + 1
            most = max(most, progress())
            return fruitless >= _ATTEMPTS

        attempts = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stuck,
            wait=lambda _: random.uniform(0, _PAUSE_S * 2**fruitless),  # as short as at first where something came
            reraise=True,
        )
        try:
            return attempts(call)
        except UserError:
            raise
        except Exception as raised:  # each protocol's client raises errors of its own
            error = _root_of(raised)
            # StopIteration is how fsspec's FTP says that it finds no such name.
            if isinstance(error, FileNotFoundError | NotADirectoryError | StopIteration) or _status_of(error) in (404, 410):
                raise MissingMedia(f"{self.url}: nothing there; mend the URL") from error
            if disk_fault(error):
                raise
            if isinstance(error, PermissionError) or _status_of(error) in (401, 403):
                refused = f"access is refused ({self._say(error)}); check rights and credentials"
                raise UnreachableMedia(f"{self.url}: {refused}") from error
            detail = f"cannot be fetched ({self._say(error)}); try again when its host answers"
            raise UnreachableMedia(f"{self.url}: {detail}") from error


def _root_of(error: BaseException) -> BaseException:
    """What it was: fsspec's http calls every fault of a request FileNotFoundError, with a cause."""
    return error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ is not None else error


def _status_of(error: BaseException) -> int | None:
    status = getattr(error, "status", None) or getattr(error, "code", None)
    return status if isinstance(status, int) else None


def _may_pass(raised: BaseException) -> bool:
    """Whether a fault is one of the network or of a host in trouble; whatever is not known to be lasting may pass."""
    error = _root_of(raised)
    if disk_fault(error):
        return False
    status = _status_of(error)
    if status is not None:
        return status >= 500 or status in _PASSING_STATUS
    absent = (FileNotFoundError, IsADirectoryError, StopIteration)
    refused = (UserError, PermissionError, ftplib.error_perm, NotImplementedError, ImportError)
    return isinstance(error, Exception) and not isinstance(error, (*absent, *refused))


class _Copy:
    """A copy under way."""

    def __init__(self, remote: _Remote, part: Path, note: _Note) -> None:
        self.part = part
        self.size_bytes = 0
        """Bytes that are there and hashed."""
        self.sha256 = ""
        self._remote = remote
        self._note = note
        self._hasher = hashlib.sha256()

    def go_on(self) -> None:
        """Copy what is missing. Raises: whatever the protocol's client raises; ChangedMedia."""
        stated = self._remote.stated()
        with self.part.open("ab+") as file:
            if not stated.version or stated.version != self._note["version"]:
                self._restart(file)
            elif self.size_bytes != file.tell():
                self._restart(None)
                self._hash(file)
            self._note.write(url=self._remote.url, version=stated.version)
            try:
                self._read_on(file, stated)
            except _NoRanges:
                self._restart(file)
                self._read_on(file, stated)
        if stated.size_bytes is not None and self.size_bytes < stated.size_bytes:
            raise ConnectionError(f"it broke off after {self.size_bytes} of {stated.size_bytes} bytes")
        if self._remote.stated() != stated or (stated.size_bytes or self.size_bytes) != self.size_bytes:
            self.part.unlink()
            raise ChangedMedia(f"{self._remote.url}: changed while it was copied; ingest it again when it is complete")
        self.sha256 = self._hasher.hexdigest()

    def _restart(self, file: IO[bytes] | None) -> None:
        self._hasher, self.size_bytes = hashlib.sha256(), 0
        if file is not None:
            file.truncate(0)

    def _hash(self, file: IO[bytes]) -> None:
        """Take in what an earlier process left."""
        file.seek(0)
        while block := file.read(_BLOCK_BYTES):
            self._hasher.update(block)
            self.size_bytes += len(block)

    def _read_on(self, file: IO[bytes], stated: _Stated) -> None:
        if stated.size_bytes is not None and self.size_bytes >= stated.size_bytes:
            return
        with self._remote.open(self.size_bytes) as remote:
            for block in _blocks_of(remote):
                file.write(block)
                file.flush()
                self._hasher.update(block)
                self.size_bytes += len(block)


def _blocks_of(file: IO[bytes]) -> Iterator[bytes]:
    """What is read of a file, block by block; when it breaks off, all that came before that."""
    try:
        while block := file.read(_BLOCK_BYTES):
            yield block
    except Exception:
        if response := getattr(file, "r", None):  # aiohttp tells of the break first, and of what had come before it no more
            response.content.set_exception(None)
            yield response.content.read_nowait(-1)
        raise


@contextmanager
def steady(path: Path) -> Iterator[str]:
    """The sha256 of a local file that must not change in the block.

    Raises: ChangedMedia when it did, also in place of the MediaError that this led to; MissingMedia when it is not there.
    """
    before = _stamp(path)
    sha256 = sha256_file(path)

    def check(cause: Exception | None = None) -> None:
        try:
            same = _stamp(path) == before or sha256_file(path) == sha256
        except (MissingMedia, OSError):
            same = False
        if not same:
            raise ChangedMedia(f"{path}: changed while it was read; ingest it again when it is complete") from cause

    try:
        yield sha256
    except MediaError as error:
        check(error)
        raise
    check()


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise MissingMedia(f"{path}: no such file; mend the path") from None
    return stat.st_size, stat.st_mtime_ns, stat.st_ino
