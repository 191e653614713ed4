"""The catalog: all-or-nothing commits, exact round trips, read-only SQL, and many processes at once."""

import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from annotated_types import Ge, Le
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from deepsport.catalog import Catalog, DropCount
from deepsport.columns import UNIT_COLUMN, from_table, to_table
from deepsport.errors import UserError
from deepsport.records import TABLES, Broadcast, Clip, Drop, Made, Record, Review, Shot, Unit
from deepsport.taxonomy import DropReason, Sport, Transition, Verdict
from deepsport.timebase import FrameRate, FrameWindow, Span


def shots(broadcast_id: str, num: int = 3) -> list[Shot]:
    return [
        Shot(
            shot_id=f"shot-{broadcast_id}-{i}",
            broadcast_id=broadcast_id,
            shot_index=i,
            span=Span(start_s=i, end_s=i + 0.04),
            transition=Transition.CUT,
            made=Made(step="detect_shots", inputs=(broadcast_id,), seed=7),
        )
        for i in range(num)
    ]


def clip(broadcast_id: str) -> Clip:
    span = Span(start_s=0, end_s=6)
    rate = FrameRate(num=30000, den=1001)
    return Clip(
        clip_id=f"clip-{broadcast_id}",
        broadcast_id=broadcast_id,
        sport=Sport.TENNIS,
        span=span,
        first_frame=0,
        num_frames=180,
        rate=rate,
    )


def drop(item: str, reason: DropReason = DropReason.NO_LICENCE, step: str = "ingest") -> Drop:
    return Drop(drop_id=f"drop-{step}-{item}", step=step, item=item, reason=reason)


def files_under(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and ".locks" not in p.parts)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "workspace")


# ---- what goes in comes out


def values_of(annotation: Any, metadata: Sequence[Any] = ()) -> st.SearchStrategy[Any]:
    """Any value a field of a record may hold."""
    arguments = get_args(annotation)
    if get_origin(annotation) is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if NoneType in arguments:
        return st.none() | values_of(next(a for a in arguments if a is not NoneType), metadata)
    if annotation is Span:
        times = st.floats(-1e9, 1e9)
        return st.tuples(times, times).map(lambda t: Span(start_s=min(t), end_s=max(t)))
    if annotation is FrameWindow:
        return st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(lambda t: FrameWindow(idx_start=t[0], idx_end=sum(t)))
    if annotation is FrameRate:
        return st.builds(FrameRate, num=st.integers(1, 10**6), den=st.integers(1, 2000))
    if issubclass(annotation, BaseModel):
        return records_of(annotation)
    if issubclass(annotation, StrEnum):
        return st.sampled_from(annotation)
    low = next((m.ge for m in metadata if isinstance(m, Ge)), None)
    high = next((m.le for m in metadata if isinstance(m, Le)), None)
    plain: dict[type, st.SearchStrategy[Any]] = {
        str: st.text(max_size=12),
        bool: st.booleans(),
        int: st.integers(-(2**63) if low is None else int(low), 2**63 - 1 if high is None else int(high)),
        float: st.floats(low, high, allow_nan=False),
    }
    return plain[annotation]


def records_of(record_type: type[BaseModel]) -> st.SearchStrategy[Any]:
    fields = record_type.model_fields.items()
    return st.builds(record_type, **{name: values_of(f.annotation, f.metadata) for name, f in fields})


@pytest.mark.parametrize("record_type", TABLES, ids=TABLES.values())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_records_round_trip_exactly_through_parquet(record_type: type[Record], data: st.DataObject, tmp_path: Path) -> None:
    records = data.draw(st.lists(records_of(record_type), max_size=4))
    path = tmp_path / "partition.parquet"
    pq.write_table(to_table(record_type, records, "u1"), path)
    again = from_table(record_type, pq.read_table(path))
    assert again == records
    assert [type(v) for r in again for v in r.__dict__.values()] == [type(v) for r in records for v in r.__dict__.values()]


def test_commit_is_read_back_typed_and_counted(catalog: Catalog) -> None:
    assert catalog.commit("ingest-1", "ingest", "h1", ["b1"], {Shot: shots("b1"), Clip: [clip("b1")]}, [drop("b9")])
    assert catalog.read(Shot) == shots("b1")
    assert catalog.read(Clip) == [clip("b1")]
    assert catalog.read(Broadcast) == []
    unit = Unit(unit="ingest-1", step="ingest", stage_hash="h1", inputs=("b1",), num_records=4, num_drops=1,
                tables=("clips", "drops", "shots"))
    assert catalog.units("ingest") == catalog.units("ingest", "h1") == [unit]
    assert catalog.units("ingest", "h2") == catalog.units("ask") == []
    assert catalog.count(Shot) == 3
    assert {t: n for t, n in catalog.counts().items() if n} == {"shots": 3, "clips": 1, "drops": 1, "units": 1}
    assert set(catalog.counts()) == set(TABLES.values())


def test_nothing_is_written_by_looking(catalog: Catalog) -> None:
    assert catalog.read(Shot) == [] and catalog.sql("select * from shots") == [] and not catalog.is_done("u")
    assert not catalog.workspace.exists()


def test_order_is_units_then_rows(catalog: Catalog) -> None:
    for name in ("u3", "u1", "u2"):
        catalog.commit(name, "ingest", "h", [], {Shot: shots(name)})
    assert [s.broadcast_id for s in catalog.read(Shot)] == ["u1"] * 3 + ["u2"] * 3 + ["u3"] * 3
    assert catalog.read(Shot, units=["u3", "u1", "never", "u3"]) == shots("u3") + shots("u1")
    assert catalog.read(Shot, units=[]) == []


def test_read_takes_a_condition(catalog: Catalog) -> None:
    catalog.commit("u1", "ingest", "h", [], {Shot: shots("b1"), Clip: [clip("b1")]})
    catalog.commit("u2", "ingest", "h", [], {Shot: shots("b2")})
    assert catalog.read(Shot, where="shot_index >= ? and broadcast_id = ?", params=[1, "b2"]) == shots("b2")[1:]
    assert catalog.read(Shot, where="broadcast_id in (select broadcast_id from clips) -- note") == shots("b1")
    assert catalog.read(Shot, units=["u2"], where="span.start_s < 1 or made.seed = 0") == shots("b2")[:1]
    with pytest.raises(UserError, match="colour"):
        catalog.read(Shot, where="colour = 'red'")


def test_partition_older_than_a_field_reads_its_default(catalog: Catalog) -> None:
    catalog.commit("u1", "ingest", "h", [], {Shot: shots("b1", 1)})
    path = catalog.tables_dir / "shots" / "u1.parquet"
    table = pq.read_table(path)
    old_made = table["made"].combine_chunks().flatten()[0]
    older = table.drop_columns(["made"]).append_column("made", pa.StructArray.from_arrays([old_made], ["step"]))
    pq.write_table(older, path)
    assert catalog.sql("select made.step, made.inputs from shots")[0]["step"] == "detect_shots"
    pq.write_table(table.drop_columns(["made"]), path)
    assert catalog.read(Shot) == [shots("b1", 1)[0].model_copy(update={"made": Made(step="detect_shots")})]


# ---- once and for all


def test_second_commit_of_a_unit_writes_nothing(catalog: Catalog) -> None:
    catalog.commit("u1", "ingest", "h", [], {Shot: shots("b1")})
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in catalog.tables_dir.rglob("*.parquet")}
    assert catalog.commit("u1", "ingest", "h", [], {Shot: shots("b1"), Clip: [clip("b1")]}) is False
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in catalog.tables_dir.rglob("*.parquet")} == before


def test_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        catalog = Catalog(tmp_path / name)
        catalog.commit("u1", "ingest", "h", ["a"], {Shot: shots("b1", 500), Clip: [clip("b1")]}, [drop("x")])
        contents.append({p.relative_to(tmp_path / name): p.read_bytes() for p in catalog.tables_dir.rglob("*.parquet")})
    assert contents[0] == contents[1] and len(contents[0]) == 4


def test_empty_types_write_no_file(catalog: Catalog) -> None:
    assert catalog.commit("u1", "ingest", "h", [], {Shot: [], Clip: []})
    assert files_under(catalog.tables_dir) == ["units/u1.parquet"]


@pytest.mark.parametrize("unit", ["", "../u", "a/b", ".u", "_u", "u\n", "é", "u" * 152])
def test_unit_names_are_plain_file_names(catalog: Catalog, unit: str) -> None:
    with pytest.raises(ValueError, match="cannot name a unit"):
        catalog.commit(unit, "ingest", "h", [], {})


def test_wrong_types_are_refused_before_anything_is_written(catalog: Catalog) -> None:
    with pytest.raises(TypeError, match="a partition of Clip cannot hold a Shot"):
        catalog.commit("u1", "ingest", "h", [], {Shot: shots("b1"), Clip: shots("b1")})
    with pytest.raises(ValueError, match="pass drops as"):
        catalog.commit("u1", "ingest", "h", [], {Drop: [drop("x")]})
    assert not catalog.tables_dir.exists()


def test_full_disk_leaves_nothing_visible(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            catalog.commit("u1", "ingest", "h", [], {Shot: shots("b1")})
    assert catalog.read(Shot) == [] and files_under(catalog.tables_dir) == []
    assert catalog.commit("u1", "ingest", "h", [], {Shot: shots("b1")})
    assert catalog.read(Shot) == shots("b1")


# ---- SQL


def test_sql_sees_every_table_also_empty_ones(catalog: Catalog) -> None:
    for table, kind in zip(TABLES.values(), TABLES, strict=True):
        assert catalog.sql(f"select count(*) n from {table}") == [{"n": 0}]
        assert catalog.sql_arrow(f"select * from {table}").column_names == list(kind.model_fields)
    catalog.commit("u1", "ingest", "h", [], {Shot: shots("b1")})
    assert catalog.sql("select broadcast_id b, sum(shot_index) s from shots group by 1") == [{"b": "b1", "s": 3}]
    rows = catalog.sql("select * from shots where shot_index = ?", [1])
    assert [Shot.model_validate(row) for row in rows] == shots("b1")[1:2]


def test_sql_sees_commits_of_others(catalog: Catalog) -> None:
    assert catalog.sql("select count(*) n from shots") == [{"n": 0}]
    other = pickle.loads(pickle.dumps(catalog))
    other.commit("u1", "ingest", "h", [], {Shot: shots("b1")})
    assert catalog.sql("select count(*) n from shots") == [{"n": 3}]
    assert catalog.sql("select count(*) n from latest_reviews") == [{"n": 0}]


@pytest.mark.parametrize(
    "query",
    [
        "copy shots to '{out}'",
        "create table mine as select 1",
        "select 1; select 2",
        "",
        "attach '{out}' as other",
        "set threads = 1",
        "select * from read_parquet('{workspace}/tables/units/u1.parquet')",
        "select * from '{workspace}/tables/units/u1.parquet'",
        "select * from read_text('/etc/hostname')",
        "select * from glob('/*')",
        "install httpfs",
        "select getenv('HOME')",
        "explain analyze copy shots to '{out}'",
        "select * from catalog",
        "select nothing",
        "select * from shots where shot_id = ?",
        "selec 1",
    ],
)
def test_sql_reads_tables_and_nothing_else(catalog: Catalog, tmp_path: Path, query: str) -> None:
    catalog.commit("u1", "ingest", "h", [], {Shot: shots("b1")})
    with pytest.raises(UserError) as caught:
        catalog.sql(query.format(out=tmp_path / "out", workspace=catalog.workspace))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
    assert catalog.sql("select count(*) n from shots") == [{"n": 3}]


def test_latest_review_of_each_curator_counts(catalog: Catalog) -> None:
    def review(n: int, question: str, curator: str, at: str) -> Review:
        return Review(review_id=f"review-{n}", question_id=question, curator=curator, verdict=Verdict.ACCEPT, updated_at=at)

    reviews = [
        review(1, "q1", "ada", "2025-03-01T10:00:00Z"),
        review(2, "q1", "ada", "2025-03-01T10:00:00.500Z"),  # later, though "." sorts before "Z"
        review(3, "q1", "bob", "2025-03-01T12:00:00+02:00"),
        review(4, "q1", "bob", "2025-03-01T11:00:00+00:00"),  # later, though 11 is before 12
        review(5, "q2", "ada", "2024-01-01T00:00:00Z"),
    ]
    catalog.commit("u1", "pull", "h", [], {Review: reviews[1:4]})
    catalog.commit("u2", "pull", "h", [], {Review: [reviews[0], reviews[4]]})
    assert [r.review_id for r in catalog.latest_reviews()] == ["review-2", "review-4", "review-5"]
    assert catalog.sql("select count(*) n from latest_reviews where curator = 'ada'") == [{"n": 2}]


def test_drops_are_counted_by_step_and_reason(catalog: Catalog) -> None:
    catalog.commit("u1", "ingest", "h", [], {}, [drop("a"), drop("b"), drop("c", DropReason.BAD_FEED)])
    catalog.commit("u2", "ask", "h", [], {}, [drop("q", DropReason.AMBIGUOUS, "ask")])
    assert catalog.drop_counts() == [
        DropCount("ask", DropReason.AMBIGUOUS, 1),
        DropCount("ingest", DropReason.NO_LICENCE, 2),
        DropCount("ingest", DropReason.BAD_FEED, 1),
    ]


# ---- broken files


LOOKS = [lambda c: c.read(Shot), lambda c: c.sql("select * from shots"), lambda c: c.compact()]


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:20] + bytes(40) + b[60:]])
@pytest.mark.parametrize("look", LOOKS)
def test_broken_partition_is_named_with_the_remedy(
    catalog: Catalog, damage: Callable[[bytes], bytes], look: Callable[[Catalog], object]
) -> None:
    catalog.commit("u1", "ingest", "h", [], {Shot: shots("b1")})
    catalog.commit("u2", "ingest", "h", [], {Shot: shots("b2")})
    path = catalog.tables_dir / "shots" / "u2.parquet"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        UserError, match=r"shots/u2\.parquet: not a readable partition .*delete .*units/u2\.parquet and run the step"
    ):
        look(catalog)
    (catalog.tables_dir / "units" / "u2.parquet").unlink()
    assert catalog.commit("u2", "ingest", "h", [], {Shot: shots("b2")})
    look(catalog)
    assert catalog.count(Shot) == 6


@pytest.mark.parametrize("look", [*LOOKS, lambda c: c.read(Shot, ["u2"]), lambda c: c.count(Shot), lambda c: c.counts()])
def test_a_partition_that_is_gone_is_not_read_as_no_rows(catalog: Catalog, look: Callable[[Catalog], object]) -> None:
    for name in ("u1", "u2"):
        catalog.commit(name, "ingest", "h", [], {Shot: shots(name), Clip: []})
    (catalog.tables_dir / "shots" / "u2.parquet").unlink()
    for seen in (catalog, Catalog(catalog.workspace)):
        with pytest.raises(UserError, match=r"shots/u2\.parquet: .*it is gone.* delete .*units/u2\.parquet and run"):
            look(seen)
        assert seen.read(Shot, ["u1"]) == shots("u1") and seen.read(Clip) == []
    (catalog.tables_dir / "units" / "u2.parquet").unlink()
    assert catalog.commit("u2", "ingest", "h", [], {Shot: shots("u2")})
    look(catalog)
    assert catalog.count(Shot) == 6


def test_units_of_before_they_named_their_tables_are_read(catalog: Catalog) -> None:
    for name in ("u1", "u2"):
        catalog.commit(name, "ingest", "h", [], {Shot: shots(name)})
        path = catalog.tables_dir / "units" / f"{name}.parquet"
        pq.write_table(pq.read_table(path).drop_columns(["tables"]), path)
    assert catalog.read(Shot) == shots("u1") + shots("u2")
    catalog.compact()
    assert Catalog(catalog.workspace).count(Shot) == 6


def test_rows_of_another_version_are_a_user_error(catalog: Catalog) -> None:
    catalog.commit("u1", "ingest", "h", [], {Shot: shots("b1", 1)})
    path = catalog.tables_dir / "shots" / "u1.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index("transition"), "transition", pa.array(["page turn"])), path)
    with pytest.raises(UserError, match="shots: rows that this version of DeepSport cannot read"):
        catalog.read(Shot)


# ---- compaction


def state(catalog: Catalog) -> list[object]:
    return [
        catalog.read(Shot),
        catalog.read(Shot, units=["u7", "u2", "u5"]),
        catalog.read(Clip),
        catalog.read(Unit),
        catalog.counts(),
        catalog.sql("select shot_id, span.end_s e from shots order by all"),
        [catalog.is_done(f"u{n}") for n in range(12)],
    ]


def fill(catalog: Catalog, numbers: Sequence[int]) -> None:
    for n in numbers:
        catalog.commit(f"u{n}", "ingest", "h", [], {Shot: shots(f"b{n}", n % 3), Clip: [clip(f"b{n}")]})


def test_compaction_changes_nothing_that_readers_get(catalog: Catalog) -> None:
    fill(catalog, [1, 3, 5, 7, 9])
    reader = Catalog(catalog.workspace)
    before = state(reader)
    assert catalog.compact() == 3 + 5 + 5  # b3 and b9 have no shots
    assert state(reader) == before == state(catalog)
    assert [name for name in files_under(catalog.tables_dir) if name.startswith("clips")] == [
        name for name in files_under(catalog.tables_dir) if name.startswith("clips/_compacted")
    ]
    assert catalog.compact() == 0
    fill(catalog, [0, 2, 4, 6, 8, 9])  # units between, before and after the merged ones; 9 is done
    before = state(reader)
    assert catalog.compact(Shot) == 3  # of 2, 4 and 8
    assert state(reader) == before == state(catalog)
    assert len(catalog.read(Clip)) == 10


def test_single_partition_is_left_alone(catalog: Catalog) -> None:
    fill(catalog, [1])
    before = files_under(catalog.tables_dir)
    assert catalog.compact() == 0 and files_under(catalog.tables_dir) == before


def test_unfinished_partitions_are_not_compacted(catalog: Catalog) -> None:
    fill(catalog, [1, 2, 4])
    (catalog.tables_dir / "units" / "u4.parquet").unlink()
    catalog.compact()
    assert [c.broadcast_id for c in catalog.read(Clip)] == ["b1", "b2"]
    assert (catalog.tables_dir / "clips" / "u4.parquet").exists()
    fill(catalog, [4])
    assert [c.broadcast_id for c in catalog.read(Clip)] == ["b1", "b2", "b4"]


def test_many_rows_keep_their_order_through_compaction(catalog: Catalog) -> None:
    many = [drop(f"{n:06}") for n in range(60_000)]
    catalog.commit("u2", "ingest", "h", [], {}, many)
    catalog.commit("u1", "ingest", "h", [], {}, many[:10])
    catalog.compact()
    items = [row["item"] for row in catalog._arrow_of(Drop, None).select(["item"]).to_pylist()]
    assert items == [d.item for d in many[:10] + many]
    assert catalog._arrow_of(Drop, ["u2"])[UNIT_COLUMN].unique().to_pylist() == ["u2"]


# ---- other processes

PROGRAM = """
import os, pickle, random, signal, sys, time
from pathlib import Path

from deepsport.catalog import Catalog

catalog = Catalog(Path({workspace!r}))
work = pickle.loads(Path({work!r}).read_bytes())


def kill_at(name, number, before):
    real, calls = getattr(os, name), []

    def counted(*args, **kwargs):
        calls.append(args)
        if len(calls) == number and before:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args, **kwargs)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(os, name, counted)


"""


def program(catalog: Catalog, body: str, work: object = None) -> list[str]:
    """A command that runs ``body`` in a process of its own, on the same workspace, with ``work`` at hand."""
    path = catalog.workspace.parent / "work.pickle"
    path.write_bytes(pickle.dumps(work))
    return [sys.executable, "-c", PROGRAM.format(workspace=str(catalog.workspace), work=str(path)) + textwrap.dedent(body)]


@pytest.mark.parametrize(("number", "before"), [(1, True), (3, True), (3, False)])
def test_kill_9_in_a_commit_leaves_nothing_visible(catalog: Catalog, number: int, before: bool) -> None:
    """The commit renames three files: shots, drops, and last the unit. It is killed before or after each of them."""
    fill(catalog, [1])
    earlier = state(catalog)
    body = f"kill_at('replace', {number}, {before})\ncatalog.commit('u2', 's', 'h', [], *work)"
    work = ({Shot: shots("b2", 4)}, [drop("x")])
    assert subprocess.run(program(catalog, body, work), timeout=600).returncode == -signal.SIGKILL
    complete = number == 3 and not before
    assert catalog.is_done("u2") is complete
    if not complete:
        assert state(catalog) == earlier
    # The run is started again; this time the step finds other things to say (a teacher's words differ from run to run).
    assert catalog.commit("u2", "s", "h", [], {Clip: [clip("b2")], Shot: shots("b2", 2)}) is not complete
    if not complete:
        assert (catalog.count(Shot), catalog.count(Clip), catalog.count(Drop)) == (1 + 2, 2, 0)
    assert not [name for name in files_under(catalog.tables_dir) if name.endswith(".tmp")]


@pytest.mark.parametrize(("name", "number"), [("replace", 1), ("unlink", 1), ("replace", 5)])
def test_kill_9_in_a_compaction_changes_nothing_that_readers_get(catalog: Catalog, name: str, number: int) -> None:
    fill(catalog, [1, 2, 5])
    catalog.compact()
    fill(catalog, [3, 4, 7])
    before = state(catalog)
    body = f"kill_at('{name}', {number}, False)\ncatalog.compact()"
    assert subprocess.run(program(catalog, body), timeout=600).returncode == -signal.SIGKILL
    assert state(catalog) == before
    catalog.compact()
    assert state(catalog) == before
    left = [n for n in files_under(catalog.tables_dir) if not n.rpartition("/")[2].startswith("_compacted")]
    assert left == [] and len(files_under(catalog.tables_dir)) == 2 * 3


def test_processes_commit_read_and_compact_at_once(catalog: Catalog) -> None:
    """Three processes commit the same units in different orders, one compacts, and we read all the while."""
    units = {f"u{n}": ({Shot: shots(f"b{n}", 4)}, [drop(f"x{n}")]) for n in range(20)}
    writer = """
        order = list(work)
        random.Random({seed}).shuffle(order)
        print(sum(catalog.commit(unit, "s", "h", [], *work[unit]) for unit in order))
    """
    merger = """
        while len(catalog.units("s")) < len(work):
            catalog.compact()
            time.sleep(0.05)
    """
    programs = [program(catalog, writer.format(seed=seed), units) for seed in range(3)] + [program(catalog, merger, units)]
    running = [subprocess.Popen(p, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for p in programs]
    while any(process.poll() is None for process in running):
        for row in catalog.sql("select broadcast_id, count(*) n, count(distinct shot_id) d from shots group by 1"):
            assert row["n"] == row["d"] == 4
        seen = [s.broadcast_id for s in catalog.read(Shot)]
        assert all(seen.count(name) == 4 for name in set(seen))
        assert len(catalog.read(Drop)) * 4 >= len(seen)
        time.sleep(0.05)
    answers = [process.communicate(timeout=600) for process in running]
    assert [errors for _, errors in answers] == [""] * 4
    assert sum(int(out) for out, _ in answers[:3]) == len(units)
    assert catalog.read(Shot) == [shot for unit in sorted(units) for shot in units[unit][0][Shot]]
    assert catalog.count(Drop) == len(units)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"file": "a", "units": 1}'])
def test_pointer_that_is_not_one_is_named(catalog: Catalog, text: str) -> None:
    fill(catalog, [1, 2])
    catalog.compact()
    pointer = catalog.tables_dir / "clips" / "_compacted.json"
    assert set(json.loads(pointer.read_text())) == {"file", "units"}
    pointer.write_text(text)
    os.utime(pointer, (1, 1))
    with pytest.raises(UserError, match=r"_compacted\.json: unreadable"):
        catalog.read(Clip)
