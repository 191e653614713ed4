"""What is remembered of files, so that looking at a folder again costs a stat a film and not a reading of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from deepsport.errors import UserError
from deepsport.files import replace_atomically
from deepsport.ids import sha256_file

_SETTLED_S = 2.0
"""A file that changed less than this before it was read could change again within the same tick of the clock."""


class FileHashes:
    """sha256 by path; known as long as size, inode, and times of change are what they were."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[object]] = {}
        self._new = False
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); move it away, it is made anew") from None
        if isinstance(known, dict):
            self._known = known

    def sha256(self, file: Path) -> str:
        """The file's sha256 as hex; read only when it is not known. Raises: OSError."""
        stat = file.stat()
        stamp = [stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns]
        match self._known.get(str(file)):
            case [*before, str(sha256)] if before == stamp:
                return sha256
        sha256 = sha256_file(file)
        if time.time() - max(stat.st_mtime, stat.st_ctime) > _SETTLED_S:
            self._known[str(file)] = [*stamp, sha256]
            self._new = True
        return sha256

    def save(self) -> None:
        """Write down what is new; of two processes that do, the last wins, which costs the other's files a reading."""
        if self._new:
            text = json.dumps(self._known, ensure_ascii=False, indent=0)
            replace_atomically(self._path, lambda out: out.write(text.encode(errors="surrogateescape")))
            self._new = False
