"""Records as Arrow columns and back, exactly. The Arrow schema is derived from the pydantic model; nothing is declared twice.

Nested models become structs, tuples lists, string enums strings, and every column may be null, so that a field added
later reads as its default in partitions written before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel, TypeAdapter

from deepsport.records import Record

R = TypeVar("R", bound=Record)

UNIT_COLUMN = "_unit"
"""Column of every stored partition that names the unit of work that wrote the row; no part of the record."""


def _without_none(annotation: Any) -> Any:
    """The annotation, or X where it is ``X | None``."""
    if get_origin(annotation) in (Union, UnionType):
        others = [a for a in get_args(annotation) if a is not NoneType]
        assert len(others) == 1, f"a field of a record is one type or None, not {annotation}"
        return others[0]
    return annotation


def _arrow_type(annotation: Any) -> pa.DataType:
    kind = _without_none(annotation)
    if get_origin(kind) is tuple:
        arguments = get_args(kind)
        assert len(arguments) == 2 and arguments[1] is Ellipsis, f"a tuple in a record is tuple[X, ...], not {kind}"
        return pa.list_(_arrow_type(arguments[0]))
    if issubclass(kind, BaseModel):
        return pa.struct([pa.field(name, _arrow_type(field.annotation)) for name, field in kind.model_fields.items()])
    if issubclass(kind, (str, StrEnum)):
        return pa.string()
    plain = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    assert kind in plain, f"a record cannot hold {kind}; say in columns.py how Arrow stores it"
    return plain[kind]


@cache
def schema_of(record_type: type[Record]) -> pa.Schema:
    """The Arrow schema of a record type, one column a field, in the order of the fields."""
    return pa.schema([pa.field(name, _arrow_type(field.annotation)) for name, field in record_type.model_fields.items()])


@cache
def stored_schema_of(record_type: type[Record]) -> pa.Schema:
    """The schema of a partition: the record's columns and UNIT_COLUMN."""
    return schema_of(record_type).append(pa.field(UNIT_COLUMN, pa.string()))


@cache
def _adapter(record_type: type[R]) -> TypeAdapter[list[R]]:
    return TypeAdapter(list[record_type])  # type: ignore[valid-type]


@cache
def _defaulted(record_type: type[Record]) -> tuple[str, ...]:
    """Fields that cannot be None and have a default: a null in them means the partition is older than the field."""
    return tuple(
        name
        for name, field in record_type.model_fields.items()
        if not field.is_required() and NoneType not in get_args(field.annotation)
    )


def to_table(record_type: type[R], records: Sequence[R], unit: str) -> pa.Table:
    """The records as an Arrow table of stored_schema_of(record_type), in order, all from one unit.

    Raises: TypeError when a record is of another type; OverflowError when an int does not fit in 64 bits.
    """
    for record in records:
        if type(record) is not record_type:
            raise TypeError(f"a partition of {record_type.__name__} cannot hold a {type(record).__name__}")
    rows = _adapter(record_type).dump_python(list(records))
    return pa.Table.from_pylist(rows, schema_of(record_type)).append_column(
        pa.field(UNIT_COLUMN, pa.string()), pa.array([unit] * len(rows), pa.string())
    )


def from_table(record_type: type[R], table: pa.Table) -> list[R]:
    """The table's rows as records, in order; columns that are not the record's are left aside.

    Raises: pydantic.ValidationError when a row does not hold a valid record.
    """
    table = table.select(schema_of(record_type).names)
    rows: list[dict[str, object]] = table.to_pylist()
    for name in _defaulted(record_type):
        if table[name].null_count:
            for row in rows:
                if row[name] is None:
                    del row[name]
    return _adapter(record_type).validate_python(rows)
