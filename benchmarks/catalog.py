"""What a row costs: Parquet partitions of the catalog beside inserts into a DuckDB file.

    python -m benchmarks.catalog [--json]

CPU time of this process per row, the median of interleaved repeats; every variant stores the same questions. Both
inserts run in one transaction, into a table with the same columns. executemany gets tuples that are already made; the
catalog's figure includes turning records into Arrow, fsync and rename.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from deepsport.catalog import Catalog
from deepsport.columns import UNIT_COLUMN, schema_of, to_table
from deepsport.records import Made, Question
from deepsport.taxonomy import DIMENSION_OF, AnswerKind, Sport, Task
from deepsport.timebase import FrameWindow

QUERY = "select task, sport, count(*), max(evidence.idx_end) from questions group by all"
REPEATS = 5
NUM_ROWS = 20_000
NUM_INSERTED = 500
"""Rows for the inserts one by one: at their price more would only cost patience."""


def make_questions(num: int) -> list[Question]:
    return [
        Question(
            question_id=f"question-{i:016x}",
            clip_id=f"clip-{i // 5:016x}",
            broadcast_id=f"broadcast-{i // 500:016x}",
            sport=(Sport.SOCCER, Sport.TENNIS)[i % 2],
            task=Task.EVENT_RECOGNITION,
            dimension=DIMENSION_OF[Task.EVENT_RECOGNITION],
            text=f"In frames {i % 90}-{i % 90 + 28}, which event happens?",
            answer_kind=AnswerKind.CHOICE,
            options=("goal", "corner kick", "foul", "offside"),
            answers=("goal",),
            evidence=FrameWindow(idx_start=i % 90 + 4, idx_end=i % 90 + 18),
            event_ids=(f"event-{i:016x}",),
            template_id="event_recognition-1",
            made=Made(step="ask", inputs=(f"clip-{i // 5:016x}",), config_hash="0123456789abcdef", code_version="0.1.0"),
        )
        for i in range(num)
    ]


def cpu_us_per_row(work: Callable[[], object], num_rows: int) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) / num_rows * 1e6


def empty_file(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(path))
    connection.register("source", schema_of(Question).empty_table())
    connection.execute("create table questions as select * from source")
    return connection


def insert_many(path: Path, rows: list[tuple[object, ...]]) -> None:
    with empty_file(path) as connection:
        connection.execute("begin")
        connection.executemany(f"insert into questions values ({', '.join('?' * len(rows[0]))})", rows)
        connection.execute("commit")


def insert_arrow(path: Path, questions: list[Question]) -> None:
    with empty_file(path) as connection:
        connection.register("arrow", to_table(Question, questions, "u").drop_columns([UNIT_COLUMN]))
        connection.execute("insert into questions select * from arrow")


def commit_small(catalog: Catalog, questions: list[Question]) -> None:
    for i in range(0, len(questions), 10):
        catalog.commit(f"u{i}", "ask", "h", [], {Question: questions[i : i + 10]})


def query_file(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(QUERY).fetchall()


def measure_once(root: Path, questions: list[Question]) -> dict[str, float]:
    root.mkdir()
    catalog, few = Catalog(root / "one"), questions[:NUM_INSERTED]
    rows = [tuple(row.values()) for row in to_table(Question, few, "u").drop_columns([UNIT_COLUMN]).to_pylist()]
    catalog.sql("select 1")  # opens DuckDB
    return {
        "catalog.commit": cpu_us_per_row(lambda: catalog.commit("u", "ask", "h", [], {Question: questions}), len(questions)),
        "catalog.commit, 10 rows a unit": cpu_us_per_row(lambda: commit_small(Catalog(root / "many"), few), len(few)),
        "duckdb executemany": cpu_us_per_row(lambda: insert_many(root / "many.db", rows), len(rows)),
        "duckdb insert from Arrow": cpu_us_per_row(lambda: insert_arrow(root / "arrow.db", questions), len(questions)),
        "catalog.read, typed": cpu_us_per_row(lambda: catalog.read(Question), len(questions)),
        "catalog.sql, group by": cpu_us_per_row(lambda: catalog.sql(QUERY), len(questions)),
        "duckdb file, group by": cpu_us_per_row(lambda: query_file(root / "arrow.db"), len(questions)),
    }


def measure() -> dict[str, Any]:
    questions = make_questions(NUM_ROWS)
    with tempfile.TemporaryDirectory() as folder:
        runs = [measure_once(Path(folder) / str(repeat), questions) for repeat in range(REPEATS)]
    figures = {name: [run[name] for run in runs] for name in runs[0]}
    medians = {name: statistics.median(values) for name, values in figures.items()}
    return {
        "num_rows": NUM_ROWS,
        "repeats": REPEATS,
        "cpu_us_per_row": {name: round(value, 3) for name, value in medians.items()},
        "executemany_over_commit": round(medians["duckdb executemany"] / medians["catalog.commit"], 1),
        "executemany_over_small_commits": round(medians["duckdb executemany"] / medians["catalog.commit, 10 rows a unit"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    arguments = parser.parse_args()
    found = measure()
    if arguments.json:
        print(json.dumps(found))
        return
    for name, value in found["cpu_us_per_row"].items():
        print(f"{name:32} {value:10.2f} CPU µs a row")
    print(f"executemany costs {found['executemany_over_commit']} times as much a row as catalog.commit of {NUM_ROWS} rows,")
    print(f"and {found['executemany_over_small_commits']} times as much as commits of 10 rows each")


if __name__ == "__main__":
    main()
