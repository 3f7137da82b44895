"""Frozen dataclasses as plain fields and back, for stores of every technology.

Versions read each other's records: a field that was added since has its default, and one that this
version does not know is kept in `unknown`, where the dataclass has it, and stored again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from pumpwatch.errors import InvariantBroken

Fields = dict[str, Any]
UNKNOWN = "unknown"
Record = TypeVar("Record")


def record_fields(record: object) -> Fields:
    """Return a dataclass's fields that are not None, nested dataclasses as dicts.

    A float becomes the `Decimal` that its shortest text names.
    """
    kind: Any = type(record)
    adapter, _ = _plan(kind)
    stored = adapter.dump_python(record, exclude_none=True, warnings=False)
    unknown: Fields = stored.pop(UNKNOWN, {})
    return unknown | {
        name: Decimal(repr(value)) if isinstance(value, float) else value
        for name, value in stored.items()
    }


def read_record(kind: type[Record], stored: Mapping[str, Any], *, where: str) -> Record:
    """Return the dataclass that the fields were made of.

    Raises `InvariantBroken`, naming `where`, when it cannot be read: only Pumpwatch writes records.
    """
    dataclass: Any = kind
    adapter, absent = _plan(dataclass)
    if UNKNOWN in dataclass.__dataclass_fields__:
        known = dataclass.__dataclass_fields__.keys()
        unknown = {name: value for name, value in stored.items() if name not in known}
        stored = {**stored, UNKNOWN: unknown or None}
    try:
        record: Record = adapter.validate_python({**absent, **stored})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    else:
        return record
    raise InvariantBroken(
        f"{where} is no {kind.__name__}: {problem}; it stays as it is: if a newer version wrote it,"
        " deploy that one again"
    )


@cache
def _plan(kind: type[Any]) -> tuple[TypeAdapter[Any], Fields]:
    # Making the adapter costs a hundred times what reading a record does.
    required = (
        field.name
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    )
    return TypeAdapter(kind), dict.fromkeys(required)
