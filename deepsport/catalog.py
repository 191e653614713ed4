"""The dataset: immutable Parquet partitions in a directory, read as typed records or by SQL. The only file that imports DuckDB.

    <workspace>/tables/<table>/<unit>.parquet        one partition a table and unit of work
    <workspace>/tables/units/<unit>.parquet          written last: the unit is done, its partitions are complete
    <workspace>/tables/<table>/_compacted.json       which merged file holds which units (after ``compact``)

Any number of processes read and write at once; two that commit the same unit take turns, the second finds it done. A
process killed in the middle of a commit leaves files that nobody sees and the next attempt overwrites. Locks are flock(2)
on ``tables/.locks``, so all writers of a workspace need a file system that honours it.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from deepsport.columns import UNIT_COLUMN, from_table, schema_of, stored_schema_of, to_table
from deepsport.errors import UserError, first_complaint
from deepsport.files import names_in, replace_atomically, sweep
from deepsport.ids import digest
from deepsport.partitions import dataset_of, first_broken, write_parquet
from deepsport.records import TABLES, Drop, Record, Review, Unit
from deepsport.taxonomy import DropReason

R = TypeVar("R", bound=Record)
T = TypeVar("T")

_UNIT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_POINTER = "_compacted.json"
_SQL_CONFIG: dict[str, Any] = {
    # A query sees the registered tables and nothing else: no files, no extensions, no variables of this process.
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
}
_LATEST_REVIEWS = """
    create or replace view latest_reviews as
    select * from reviews
    qualify row_number() over (
        partition by question_id, curator
        order by try_cast(updated_at as timestamptz) desc nulls last, updated_at desc, review_id desc
    ) = 1
"""


class DropCount(NamedTuple):
    """How many items a step left out for one reason."""

    step: str
    reason: DropReason
    num_drops: int


def _one_line(error: duckdb.Error) -> str:
    """DuckDB's message without the picture of the query below it."""
    return " ".join(str(error).partition("\n\n")[0].split())


class _Merged(NamedTuple):
    """What a table's pointer says: the merged file, and the units whose rows it holds."""

    path: Path
    units: frozenset[str]


class Catalog:
    """The tables of a workspace. Cheap to make: nothing is opened or written before it is needed.

    Only rows of finished units are ever seen. An instance may be shared by threads; other processes make their own.
    """

    def __init__(self, workspace: Path) -> None:
        self.workspace = Path(workspace)
        self.tables_dir = self.workspace / "tables"
        self._lock = threading.RLock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._registered: dict[str, tuple[Path, ...]] = {}
        self._pointers: dict[str, tuple[tuple[int, int], _Merged]] = {}
        self._heard: set[str] = set()
        """Units whose word is in ``_said``."""
        self._said: defaultdict[str, set[str]] = defaultdict(set)
        """Units that say that they wrote a partition of the table."""

    def __reduce__(self) -> tuple[type[Catalog], tuple[Path]]:
        return (Catalog, (self.workspace,))

    def __repr__(self) -> str:
        return f"Catalog({str(self.workspace)!r})"

    # ---- writing

    def commit(
        self,
        unit: str,
        step: str,
        stage_hash: str,
        inputs: Sequence[str],
        records: Mapping[type[Record], Sequence[Record]],
        drops: Sequence[Drop] = (),
    ) -> bool:
        """Write what a unit of work made, all of it or nothing; False, and nothing written, when the unit is already done.

        The same records give byte-identical partitions. A type without records gets no file.
        Raises: ValueError for a unit's name that is no plain file name, or for Drop or Unit among the records.
        """
        if not _UNIT_NAME.fullmatch(unit):
            raise ValueError(f"{unit!r} cannot name a unit: letters, digits, '.', '_' and '-' only; use ids.unit_id")
        if Drop in records or Unit in records:
            raise ValueError("pass drops as drops=…, and let commit write the unit itself")
        if self.is_done(unit):
            return False
        tables = {TABLES[kind]: to_table(kind, rows, unit) for kind, rows in records.items() if rows}
        if drops:
            tables[TABLES[Drop]] = to_table(Drop, drops, unit)
        marker = Unit(
            unit=unit,
            step=step,
            stage_hash=stage_hash,
            inputs=tuple(inputs),
            num_records=sum(len(rows) for rows in records.values()),
            num_drops=len(drops),
            tables=tuple(sorted(tables)),
        )
        with self._exclusively(f"unit-{digest(unit)[0]}") as note:
            if self.is_done(unit):
                return False
            killed = note.read().decode()
            for table in TABLES.values() if killed and not self.is_done(killed) else ():
                sweep(self.tables_dir / table / f"{killed}.parquet")
            for table in TABLES.values():
                (self.tables_dir / table / f"{unit}.parquet").unlink(missing_ok=True)  # of an attempt that was killed
            note.truncate(0)
            note.write(unit.encode())  # whoever takes the lock after us and finds a name here cleans up after it
            note.flush()
            for table, rows in tables.items():
                self._write(table, unit, rows)
            self._write(TABLES[Unit], unit, to_table(Unit, [marker], unit))
            note.truncate(0)
        return True

    def _write(self, table: str, unit: str, rows: pa.Table) -> None:
        folder = self.tables_dir / table
        folder.mkdir(parents=True, exist_ok=True)
        replace_atomically(folder / f"{unit}.parquet", lambda file: write_parquet(file, rows.schema, [rows]))

    @contextmanager
    def _exclusively(self, name: str) -> Iterator[IO[bytes]]:
        """Hold a lock of the workspace; the kernel frees it when the process dies. Gives the lock's file, at its start."""
        folder = self.tables_dir / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            yield file

    # ---- what is there

    def is_done(self, unit: str) -> bool:
        """Whether the unit was committed; its rows are then visible and will not change."""
        if (self.tables_dir / TABLES[Unit] / f"{unit}.parquet").exists():
            return True
        merged = self._merged(TABLES[Unit])  # looked at second: compact() points first and deletes afterwards
        return merged is not None and unit in merged.units

    def _small(self, table: str) -> set[str]:
        """Units that have a partition of their own in the table, finished or not."""
        names = names_in(self.tables_dir / table)
        return {n.removesuffix(".parquet") for n in names if n.endswith(".parquet") and n[0] not in "._"}

    def _own(self, table: str, units: set[str]) -> set[str]:
        """Of finished units those that have a partition of their own, or say so: one that is gone must not read as no rows."""
        small = self._small(table) & units
        if table == TABLES[Unit]:
            return small
        if new := units - self._heard:
            self._arrow_of(Unit, sorted(new))
        return small | (self._said[table] & units)

    def _merged(self, table: str) -> _Merged | None:
        path = self.tables_dir / table / _POINTER
        try:
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino)
            known = self._pointers.get(table)
            if known is None or known[0] != stamp:
                pointer = json.loads(path.read_text())
                known = (stamp, _Merged(path.parent / pointer["file"], frozenset(pointer["units"])))
                self._pointers[table] = known
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: unreadable ({error}); restore the file, or delete the workspace and run again") from error
        return known[1]

    def _done(self) -> set[str]:
        small = self._small(TABLES[Unit])
        merged = self._merged(TABLES[Unit])
        return small | merged.units if merged else small

    def _files(self, table: str, done: set[str]) -> tuple[Path, ...]:
        """The files that hold the table's visible rows: the merged one first, then small ones by unit."""
        own = self._own(table, done)
        merged = self._merged(table)
        folder = self.tables_dir / table
        if merged is None:
            return tuple(folder / f"{u}.parquet" for u in sorted(own))
        return (merged.path, *(folder / f"{u}.parquet" for u in sorted(own - merged.units)))

    # ---- reading records

    def read(
        self, record_type: type[R], units: Sequence[str] | None = None, where: str = "", params: Sequence[object] = ()
    ) -> list[R]:
        """Records of one type, validated: in the order of ``units`` (default: all, by name), then as they were written.

        ``where`` is a SQL condition on the table's columns, which may name other tables; ``params`` fill its ``?``.
        Units that are not done contribute nothing. Raises: UserError for a broken partition or a bad condition.
        """
        table = self._retrying(lambda: self._arrow_of(record_type, units))
        if where:
            table = self._matching(table, where, params)
        try:
            return from_table(record_type, table)
        except ValidationError as error:
            raise UserError(
                f"{TABLES[record_type]}: rows that this version of DeepSport cannot read ({first_complaint(error)}); "
                f"read {self.workspace} with the version that wrote it, or start a new workspace"
            ) from error

    def _arrow_of(self, record_type: type[Record], units: Sequence[str] | None) -> pa.Table:
        """Rows of the units, in order, with UNIT_COLUMN."""
        name, schema = TABLES[record_type], stored_schema_of(record_type)
        done = self._done()
        order = sorted(done) if units is None else [u for u in dict.fromkeys(units) if u in done]
        own, merged = self._own(name, set(order)), self._merged(name)
        in_merged = merged.units.intersection(order) if merged else frozenset()
        files = [self.tables_dir / name / f"{u}.parquet" for u in order if u in own and not (merged and u in merged.units)]
        rows = dataset_of(files, schema).to_table()
        if merged and in_merged:
            old = dataset_of([merged.path], schema).to_table(filter=pc.field(UNIT_COLUMN).isin(sorted(in_merged)))
            rows = pa.concat_tables([old, rows])
            rank = pc.index_in(rows[UNIT_COLUMN], value_set=pa.array(order, pa.string()))
            rows = rows.take(pc.array_sort_indices(rank))  # a stable sort
        if record_type is Unit:
            for row in rows.select(["unit", "tables"]).to_pylist():
                for table in row["tables"] or ():
                    self._said[table].add(row["unit"])
            self._heard.update(order)
        return rows

    def _matching(self, table: pa.Table, where: str, params: Sequence[object]) -> pa.Table:
        numbered = table.append_column("_row", pa.array(range(table.num_rows), pa.int64()))
        query = f"select _row from _selected where ({where}\n) order by _row"
        return table.take(self._query(query, params, lambda answer: answer.to_arrow_table()["_row"], numbered))

    def latest_reviews(self) -> list[Review]:
        """The latest review of each question by each curator, by question and curator; also a view for SQL of that name."""
        return from_table(Review, self.sql_arrow("select * from latest_reviews order by question_id, curator"))

    def units(self, step: str, stage_hash: str | None = None) -> list[Unit]:
        """The finished units of a step, of one setting of it or of all, by name."""
        return [u for u in self.read(Unit) if u.step == step and stage_hash in (None, u.stage_hash)]

    # ---- counting

    def count(self, record_type: type[Record]) -> int:
        """Number of visible rows of a type; reads file footers only."""

        def rows() -> int:
            files = self._files(TABLES[record_type], self._done())
            return int(dataset_of(files, schema_of(record_type)).count_rows())

        return self._retrying(rows)

    def counts(self) -> dict[str, int]:
        """Number of visible rows of every table, in pipeline order."""
        return {table: self.count(kind) for kind, table in TABLES.items()}

    def drop_counts(self) -> list[DropCount]:
        """Drops by step and reason, the most frequent reason of a step first."""
        rows = self.sql("select step, reason, count(*) n from drops group by all order by step, n desc, reason")
        return [DropCount(str(r["step"]), DropReason(str(r["reason"])), int(str(r["n"]))) for r in rows]

    # ---- SQL

    def sql(self, query: str, params: Sequence[object] = ()) -> list[dict[str, object]]:
        """Rows of one SELECT over the tables, as dicts; a table with no rows has its columns all the same.

        Read-only, and with no way to files or the network. Raises: UserError for anything but one valid SELECT.
        """
        names, rows = self._query(query, params, lambda answer: (answer.columns, answer.fetchall()))
        return [dict(zip(names, row, strict=True)) for row in rows]

    def sql_arrow(self, query: str, params: Sequence[object] = ()) -> pa.Table:
        """The same as an Arrow table."""
        return self._query(query, params, lambda answer: answer.to_arrow_table())

    def _query(
        self,
        query: str,
        params: Sequence[object],
        fetch: Callable[[duckdb.DuckDBPyRelation], T],
        selected: pa.Table | None = None,
    ) -> T:
        def run() -> T:
            with self._lock:
                connection = self._refreshed()
                if selected is not None:
                    connection.register("_selected", selected)
                try:
                    statements = connection.extract_statements(query)
                    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                        raise UserError(f"the catalog answers one SELECT at a time, not: {query.strip()[:200]}")
                    return fetch(connection.sql(query, params=list(params)))
                except (duckdb.IOException, duckdb.InvalidInputException):
                    raise  # perhaps a file: _retrying looks
                except duckdb.Error as error:
                    raise UserError(f"the query failed: {_one_line(error)}") from error
                finally:
                    if selected is not None:
                        connection.unregister("_selected")

        return self._retrying(run)

    def _refreshed(self) -> duckdb.DuckDBPyConnection:
        """The connection, with every table as it is now."""
        if self._connection is None:
            self._connection = duckdb.connect(":memory:", config=_SQL_CONFIG)
            self._connection.execute("set TimeZone = 'UTC'; set lock_configuration = true")
        done = self._done()
        for kind, table in TABLES.items():
            files = self._files(table, done)
            if self._registered.get(table) != files:
                self._connection.register(table, dataset_of(files, schema_of(kind)))
                self._registered[table] = files
        self._connection.execute(_LATEST_REVIEWS)
        return self._connection

    def _retrying(self, read: Callable[[], T]) -> T:
        """Read; anew when compact() deleted a file between listing and reading; name the file when one is broken."""
        while True:
            before = self._stamps()
            try:
                return read()
            except (OSError, pa.ArrowException, duckdb.IOException, duckdb.InvalidInputException) as error:
                if self._stamps() != before:
                    continue
                done = self._done()
                # Units first: which files there should be stands in them.
                broken = first_broken(f for table in reversed(TABLES.values()) for f in self._files(table, done))
                if broken is not None:
                    path, reason = broken
                    raise UserError(f"{path}: not a readable partition ({reason}); {self._remedy(path)}") from error
                if isinstance(error, duckdb.Error):
                    raise UserError(f"the query failed: {_one_line(error)}") from error
                raise

    def _stamps(self) -> list[_Merged | None]:
        return [self._merged(table) for table in TABLES.values()]

    def _remedy(self, path: Path) -> str:
        marker = self.tables_dir / TABLES[Unit] / path.name
        if path.name.startswith("_") or not marker.exists():  # which compact() may have merged
            return "restore it from a copy, or start a new workspace"
        return f"restore it from a copy, or delete {marker} and run the step again"

    # ---- compaction

    def compact(self, record_type: type[Record] | None = None) -> int:
        """Merge the small partitions of finished units into one file a table; what readers get does not change.

        Returns how many partitions were merged away. Readers and writers may go on meanwhile; a kill at any moment leaves
        either the small files or the merged one in charge.
        """
        types = list(TABLES) if record_type is None else [record_type]
        with self._exclusively("compact"):
            return sum(self._retrying(partial(self._compact, kind)) for kind in types)

    def _compact(self, record_type: type[Record]) -> int:
        table, schema = TABLES[record_type], stored_schema_of(record_type)
        folder = self.tables_dir / table
        done = self._done()
        small, merged = self._own(table, done), self._merged(table)
        old_units = merged.units if merged else frozenset()
        new = sorted(small - old_units)
        if new and len(new) + len(old_units) > 1:
            sources = [folder / f"{u}.parquet" for u in new]
            name = f"_compacted-{digest(sorted(old_units), new)}.parquet"
            old = dataset_of([merged.path] if merged else [], schema).to_batches()
            tables = (pa.Table.from_batches([batch], schema) for batch in old)
            added = (dataset_of([source], schema).to_table() for source in sources)

            replace_atomically(folder / name, lambda file: write_parquet(file, schema, itertools.chain(tables, added)))
            pointer = json.dumps({"file": name, "units": sorted({*old_units, *new})}).encode()
            replace_atomically(folder / _POINTER, lambda file: file.write(pointer))
        else:
            new = []
        # From here on nothing below is read by anyone who lists the table: leftovers, of this or of a killed run.
        merged = self._merged(table)
        if merged:
            for unit in self._small(table) & merged.units:
                (folder / f"{unit}.parquet").unlink(missing_ok=True)
            for path in (*folder.glob("_compacted-*.parquet"), *folder.glob("._compacted*.tmp")):
                if path != merged.path:
                    path.unlink(missing_ok=True)
        return len(new)
