"""Parquet files as the catalog writes and reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

ROWS_PER_GROUP = 50_000
"""Rows of a row group: what a reader decodes at once."""


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
        except FileNotFoundError:
            return path, "it is gone"
        except (OSError, pa.ArrowException) as error:
            return path, str(error).splitlines()[0]
    return None
