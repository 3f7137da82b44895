"""Frozen dataclasses as plain fields and back, for stores of every technology."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pumpwatch.errors import InvariantBroken

Fields = dict[str, Any]
Record = TypeVar("Record")


def record_fields(record: object) -> Fields:
    """Return a dataclass's fields that are not None (nested ones as dicts, enums as their value).

    A float becomes the `Decimal` that its shortest text names.
    """
    return {
        one.name: plain
        for one in fields(record)  # type: ignore[arg-type]
        if (plain := _plain(getattr(record, one.name))) is not None
    }


def read_record(kind: type[Record], found: Mapping[str, Any], *, where: str) -> Record:
    """Return the dataclass that the fields were made of; those added since get their default.

    Raises `InvariantBroken`, naming `where`, when it cannot be read: nobody but Pumpwatch writes
    records.
    """
    try:
        record: Record = _build(kind, found)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        problem = f"{type(error).__name__}: {error}"
    else:
        return record
    raise InvariantBroken(f"{where} is no {kind.__name__}: {problem}")


def _build(kind: Any, found: Mapping[str, Any]) -> Any:
    values = {}
    for name, read, required, nullable in _plan(kind):
        if name in found:
            values[name] = read(found[name])
        elif required:
            if not nullable:
                raise KeyError(name)
            values[name] = None
    return kind(**values)


@cache
def _plan(kind: type[Any]) -> tuple[tuple[str, Callable[[Any], Any], bool, bool], ...]:
    """Return for each field: name, reader, whether it has no default, whether None is allowed.

    Reflection costs more than reading, and a report reads tens of thousands of records.
    """
    hints = get_type_hints(kind)
    return tuple(
        (
            one.name,
            _reader(hints[one.name]),
            one.default is MISSING and one.default_factory is MISSING,
            type(None) in get_args(hints[one.name]),
        )
        for one in fields(kind)
    )


def _reader(hint: Any) -> Callable[[Any], Any]:
    """Return what makes a field of the type its annotation names (`X | None` is read as X)."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    kind: Any = hint
    if not is_dataclass(hint):
        return kind  # type: ignore[no-any-return]

    def nested(value: object) -> object:
        if not isinstance(value, dict):
            raise TypeError(f"{kind.__name__} is no map")
        return _build(kind, value)

    return nested


def _plain(value: object) -> object:
    if is_dataclass(value):
        return record_fields(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return Decimal(repr(value))
    return value
