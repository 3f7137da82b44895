"""Frozen dataclasses as plain fields and back, for stores of every technology."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pumpwatch.errors import InvariantBroken

__all__ = ["Fields", "read_record", "record_fields"]

Fields = dict[str, Any]
Record = TypeVar("Record")

_known_hints: dict[type[Any], dict[str, Any]] = {}


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
        return _build(kind, found)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise InvariantBroken(f"{where} is no {kind.__name__}: {problem}")


def _build(kind: type[Record], found: Mapping[str, Any]) -> Record:
    hints, values = _hints(kind), {}
    for one in fields(kind):  # type: ignore[arg-type]
        if one.name in found:
            values[one.name] = _value(hints[one.name], found[one.name])
        elif one.default is MISSING and one.default_factory is MISSING:
            if type(None) not in get_args(hints[one.name]):
                raise KeyError(one.name)
            values[one.name] = None
    return kind(**values)


def _hints(kind: type[Any]) -> dict[str, Any]:
    if kind not in _known_hints:
        _known_hints[kind] = get_type_hints(kind)
    return _known_hints[kind]


def _plain(value: object) -> object:
    if is_dataclass(value):
        return record_fields(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return Decimal(repr(value))
    return value


def _value(hint: type[Any], value: object) -> object:
    """Return a field of the type that its annotation names (`X | None` is read as X)."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    if is_dataclass(hint):
        if not isinstance(value, dict):
            raise TypeError(f"{hint.__name__} is no map")
        return _build(hint, value)
    return hint(value)
