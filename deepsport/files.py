"""Files that appear whole or not at all."""

from __future__ import annotations

import atexit
import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

_ROOM = "make room {there} and run it again, what is done stays done"
_MOVE = "move away what is in its way, and run it again"
_REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EROFS: "mount it for writing, or name a place that can be written",
    errno.ENOTDIR: _MOVE,
    errno.EISDIR: _MOVE,
    errno.EEXIST: _MOVE,
}


def disk_fault(error: BaseException) -> str:
    """What an error says of a place that cannot be written, in one line with the remedy; empty for any other error.

    >>> disk_fault(OSError(28, "No space left on device", "/data/b17.mp4"))
    'no room to write /data/b17.mp4 (No space left on device); make room there and run it again, what is done stays done'
    >>> disk_fault(OSError(30, "Read-only file system", "/data/tables"))
    'cannot write /data/tables (Read-only file system); mount it for writing, or name a place that can be written'
    >>> disk_fault(OSError(2, "No such file or directory"))
    ''
    """
    if not isinstance(error, OSError) or error.errno not in _REMEDIES:
        return ""
    path, remedy = error.filename2 or error.filename, _REMEDIES[error.errno]
    where = f" {path}" if path else ""
    there = "there" if where else "in the workspace and in the folder for temporary files"
    what = "no room to write" if remedy is _ROOM else "cannot write"
    return f"{what}{where} ({os.strerror(error.errno)}); {remedy.format(there=there)}"


def temporary_beside(path: Path) -> Path:
    """A new hidden name in the path's folder, for what will be renamed to it; ``sweep`` knows such names."""
    return path.with_name(f".{path.name}.{uuid4().hex}.tmp")


def replace_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Give ``path`` the bytes that ``write`` produces, durably: temporary name beside it, fsync, rename.

    A failure leaves what was there; a killed process leaves a temporary file that ``sweep`` finds.
    """
    temporary = temporary_beside(path)
    try:
        with temporary.open("xb") as file:
            write(file)
        rename_durably(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def rename_durably(temporary: Path, path: Path) -> None:
    """Rename within a file system so that after a power cut ``path`` holds either what it held or all the new bytes."""
    _fsync(temporary)
    temporary.replace(path)
    _fsync(path.parent)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def names_in(folder: Path) -> list[str]:
    """Names of the folder's entries in any order; none when there is no folder."""
    try:
        return [entry.name for entry in os.scandir(folder)]  # three times faster than iterdir on thousands of partitions
    except FileNotFoundError:
        return []


def sweep(path: Path) -> None:
    """Delete temporary files that killed writers of ``path`` left; only for who holds the lock on it."""
    left_over = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{32}}\.tmp")
    for name in names_in(path.parent):
        if left_over.fullmatch(name):
            (path.parent / name).unlink(missing_ok=True)


_SCRATCH = "deepsport-run-"
_held: list[IO[bytes]] = []
"""The lock of this process's scratch folder."""


def use_scratch() -> None:
    """Have this process keep its temporary files in a folder of its own (under TMPDIR), and remove those of the dead.

    The folder goes when the process ends. A killed one's goes when the next process comes here: its owner holds a lock on a
    file in it, which the kernel frees. Where no folder can be made, temporary files lie where they would.
    """
    if _held:
        return
    with suppress(OSError):
        root = Path(tempfile.gettempdir())
        for name in names_in(root):
            if name.startswith(_SCRATCH):
                _sweep_scratch(root / name)
        while True:
            folder = Path(tempfile.mkdtemp(prefix=_SCRATCH))
            lock = (folder / "lock").open("wb")
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (folder / "lock").exists():  # else one that swept was faster than we to lock it
                break
            lock.close()
        _held.append(lock)
        tempfile.tempdir = str(folder)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _sweep_scratch(folder: Path) -> None:
    """Remove a scratch folder of ours that nobody holds."""
    with suppress(OSError):
        if folder.lstat().st_uid == os.getuid():
            with (folder / "lock").open("r+b") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
