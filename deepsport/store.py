"""Media by key, in a folder or an object store (any fsspec URL: ``file://``, ``memory://``, ``s3://``, ``gs://``).

    store = Store("s3://club-archive/media")
    store.put_file(Path("/tmp/proxy.mp4"), "proxies/b-0f3a.mp4")
    reader = FrameReader(store.path("proxies/b-0f3a.mp4"), size=(640, 360))

What is under a key appears whole or not at all. In a folder that is a rename; an object store shows an object when its
upload is complete. Beside a remote object lies its sha256 (``.sums/<key>``), by which ``path`` checks the copy it fetched.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, BinaryIO, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from deepsport.errors import UserError
from deepsport.files import rename_durably, replace_atomically, temporary_beside
from deepsport.ids import digest, sha256_file

T = TypeVar("T")

_ATTEMPTS = 4
_TIMEOUT_S = 30.0
_SLOWEST_BYTES_PER_S = 250_000
"""A transfer slower than this counts as hung."""


def _checked(key: str) -> str:
    parts = key.split("/")
    if not key or len(key) > 900 or "\\" in key or not key.isprintable() or any(not p or p.startswith(".") for p in parts):
        raise UserError(
            f"{key[:200]!r} cannot be a key of the store; use relative names like 'proxies/b17.mp4', "
            "no part of them empty or with a leading dot"
        )
    return key


def _is_network_fault(error: BaseException) -> bool:
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    # The clients of the object stores speak aiohttp; it is loaded when one of them is.
    aiohttp = sys.modules.get("aiohttp")
    return aiohttp is not None and isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError))


def _within(limit_s: float, call: Callable[[], T]) -> T:
    """The call's result. Raises: TimeoutError when it takes longer; it may then go on unheard."""
    answer: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answer.append(call())
        except BaseException as error:  # raised again below, in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    if errors:
        raise errors[0]
    if not answer:
        raise TimeoutError(f"no answer within {limit_s:.0f} s")
    return answer[0]


class Store:
    """A place for media, addressed by keys: relative paths with forward slashes that never leave the root.

    cache_dir holds copies of remote files (default ``~/.cache/deepsport``); a local store needs none.
    Raises: UserError for a root whose protocol is unknown or not installed.
    """

    def __init__(self, root: str | Path, cache_dir: Path | None = None) -> None:
        try:
            self._fs, base = fsspec.url_to_fs(str(root))
        except (ImportError, ValueError) as error:
            raise UserError(f"the store {str(root).partition('://')[0]}://… cannot be opened: {error}") from error
        self._base = str(base).rstrip("/")
        self._root = Path(base) if isinstance(self._fs, LocalFileSystem) else None
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._cache_dir = cache_dir or home / "deepsport"
        self._pause_s = 0.5

    @property
    def is_local(self) -> bool:
        """Whether files lie in a folder of this machine."""
        return self._root is not None

    @property
    def parts_dir(self) -> Path:
        """A folder of this machine for what is not yet whole: beside a local store's files, else in the cache."""
        return (self._root or self._cache_dir) / ".parts"

    def put_file(self, local: Path, key: str, *, move: bool = False, sha256: str | None = None) -> str:
        """Store a copy of a local file under the key, replacing what is there, and give its sha256 (hex).

        Writes nothing when the same bytes are there already. ``move`` gives the file away: no copy where a rename will do.
        sha256 is the file's own where it is known, so that it is not read for it.
        Raises: UserError for a bad key, a missing file, or a store that cannot be written.
        """
        _checked(key)
        if not local.is_file():
            raise UserError(f"{local}: no such file to put into the store")
        sha256 = sha256 or sha256_file(local)
        if self._root is not None:
            self._put_local(local, self._root / key, sha256, move)
        else:
            self._put_remote(local, key, sha256)
        if move:
            local.unlink(missing_ok=True)
        return sha256

    def _put_local(self, local: Path, path: Path, sha256: str, move: bool) -> None:
        if path.is_file() and path.stat().st_size == local.stat().st_size and sha256_file(path) == sha256:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if move and local.stat().st_dev == path.parent.stat().st_dev:
            rename_durably(local, path)
            return

        def copy(out: IO[bytes]) -> None:
            with local.open("rb") as file:
                shutil.copyfileobj(file, out, 1 << 20)

        replace_atomically(path, copy)

    def _put_remote(self, local: Path, key: str, sha256: str) -> None:
        size_bytes = local.stat().st_size
        note = f"{sha256} {size_bytes}\n"
        if self.exists(key) and self._note(key) == (sha256, size_bytes):
            return

        def put() -> None:
            # The object last: nobody looks for the sum of what is not there, and who reads in between finds them unlike.
            self._makedirs(self._sum_path(key))
            self._fs.pipe_file(self._sum_path(key), note.encode())
            self._makedirs(self._path(key))
            self._fs.put_file(str(local), self._path(key))

        self._remotely(key, put, size_bytes)

    def _makedirs(self, path: str) -> None:
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)

    def exists(self, key: str) -> bool:
        """Whether something is stored under the key."""
        _checked(key)
        if self._root is not None:
            return (self._root / key).is_file()
        return bool(self._remotely(key, lambda: self._fs.isfile(self._path(key))))

    def path(self, key: str) -> Path:
        """A local file with the key's bytes: the file itself, or a checked copy in the cache when the store is remote.

        Treat it as read-only. Raises: UserError when nothing is stored there or the copy does not match its sha256.
        """
        _checked(key)
        if self._root is not None:
            path = self._root / key
            if not path.is_file():
                raise UserError(f"{path}: not in the store; run the step that writes it, or mend the workspace setting")
            return path
        if not self.exists(key):
            raise UserError(f"{key}: not in the store {self._fs.unstrip_protocol(self._base)}; run the step that writes it")
        note = self._note(key)
        if note is None:  # put there by other means: no sum to check, so the store's own token names the version
            size_bytes = int(self._remotely(key, lambda: self._fs.size(self._path(key))))
            token = self._remotely(key, lambda: self._fs.ukey(self._path(key)))
            name = digest(self._fs.unstrip_protocol(self._path(key)), str(token), length=64)
        else:
            name, size_bytes = note
        cached = self._cache_dir / name[:2] / f"{name}{Path(key).suffix}"
        if not (cached.is_file() and cached.stat().st_size == size_bytes):
            self._fetch(key, cached, size_bytes, None if note is None else name)
        return cached

    def _fetch(self, key: str, cached: Path, size_bytes: int, sha256: str | None) -> None:
        cached.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(cached)
        try:
            self._remotely(key, lambda: self._fs.get_file(self._path(key), str(temporary)), size_bytes)
            found = temporary.stat().st_size
            if found != size_bytes or (sha256 is not None and sha256_file(temporary) != sha256):
                raise UserError(
                    f"{key}: the copy from the store is damaged ({found} of {size_bytes} bytes); store the file again"
                )
            rename_durably(temporary, cached)
        finally:
            temporary.unlink(missing_ok=True)

    def open(self, key: str) -> BinaryIO:
        """The key's bytes as a file open for reading. Raises: as ``path``."""
        return self.path(key).open("rb")

    # ---- remote only

    def _path(self, key: str) -> str:
        return f"{self._base}/{key}"

    def _sum_path(self, key: str) -> str:
        return f"{self._base}/.sums/{key}"

    def _note(self, key: str) -> tuple[str, int] | None:
        """sha256 and size as they were put, or None for an object that we did not put."""
        try:
            text = self._remotely(key, lambda: self._fs.cat_file(self._sum_path(key))).decode()
        except FileNotFoundError:
            return None
        sha256, size_bytes = text.split()
        if len(sha256) != hashlib.sha256().digest_size * 2 or not sha256.isalnum():
            raise UserError(f"{key}: its sum in the store is not one; store the file again")
        return sha256, int(size_bytes)

    def _remotely(self, key: str, call: Callable[[], Any], size_bytes: int = 0) -> Any:
        """The call, within a limit of time, tried again on faults of the network only."""
        limit_s = _TIMEOUT_S + size_bytes / _SLOWEST_BYTES_PER_S
        attempts = Retrying(
            retry=retry_if_exception(_is_network_fault),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=self._pause_s, max=20 * self._pause_s),
            reraise=True,
        )
        try:
            return attempts(lambda: _within(limit_s, call))
        except (NotImplementedError, PermissionError) as error:
            raise UserError(
                f"{key}: the store refuses ({error or type(error).__name__}); check its rights and credentials"
            ) from error
        except Exception as error:
            if not _is_network_fault(error):
                raise
            raise UserError(f"{key}: the store did not answer in {_ATTEMPTS} attempts ({error}); check the network") from error
