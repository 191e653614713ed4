"""A workspace is a folder: tables, media, shards, checkpoints and reports of one dataset (DESIGN: the dataset is a directory)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from deepsport.errors import UserError
from deepsport.store import Store

if TYPE_CHECKING:
    from deepsport.catalog import Catalog


@dataclass(frozen=True)
class Workspace:
    """Where everything of a dataset lies. Pickles by its path."""

    root: Path

    @cached_property
    def catalog(self) -> Catalog:
        """Its tables."""
        from deepsport.catalog import Catalog  # DuckDB and pandas take longer than all else that a worker of ingest needs

        return Catalog(self.root)

    @cached_property
    def store(self) -> Store:
        """Its media."""
        return Store(self.root / "media")

    @property
    def shards_dir(self) -> Path:
        """Shards and their manifests."""
        return self.root / "shards"

    @property
    def checkpoints_dir(self) -> Path:
        """Models that were trained."""
        return self.root / "checkpoints"

    @property
    def reports_dir(self) -> Path:
        """Reports as HTML and JSON."""
        return self.root / "reports"

    def make(self) -> None:
        """Sees that its folder is there; for who is about to fill it, so that a refused command leaves none.

        Raises: UserError when a file is in the way or the folder cannot be made.
        """
        try:
            (self.root / "tables" / "units").mkdir(parents=True, exist_ok=True)  # by which it is known as a workspace
        except (FileExistsError, NotADirectoryError):
            raise UserError(f"{self.root}: a file, not a folder; choose another --workspace") from None
        except OSError as error:
            raise UserError(f"{self.root}: cannot be made ({error.strerror}); choose another --workspace") from None

    def check(self) -> None:
        """Raises: UserError when there is no such folder."""
        if not self.root.is_dir():
            what = "a file, not a folder" if self.root.exists() else "no such workspace"
            raise UserError(f"{self.root}: {what}; run `deepsport ingest` first, or choose another --workspace")

    def __reduce__(self) -> tuple[type[Workspace], tuple[Path]]:
        return (Workspace, (self.root,))


def open_workspace(path: Path) -> Workspace:
    """The workspace in that folder, which may not be there yet."""
    return Workspace(path.absolute())
