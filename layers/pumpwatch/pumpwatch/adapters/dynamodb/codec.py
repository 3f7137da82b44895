"""Frozen dataclasses as DynamoDB items and back. Money stays `Decimal` all the way."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from pumpwatch.errors import InvariantBroken

__all__ = ["Item", "from_item", "marshal", "to_item", "unmarshal"]

Item = dict[str, Any]
Record = TypeVar("Record")

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()
_known_hints: dict[type[Any], dict[str, Any]] = {}


def marshal(item: Mapping[str, object]) -> dict[str, Any]:
    """Return the item in DynamoDB's wire format; None values are left out."""
    return {name: _serializer.serialize(value) for name, value in item.items() if value is not None}


def unmarshal(item: Mapping[str, Any]) -> Item:
    """Return the item of a wire-format one; numbers are `Decimal`."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}


def to_item(record: object) -> Item:
    """Return a dataclass's fields as an item (nested dataclasses as maps, enums as their value)."""
    return {
        one.name: plain
        for one in fields(record)  # type: ignore[arg-type]
        if (plain := _plain(getattr(record, one.name))) is not None
    }


def from_item(kind: type[Record], item: Mapping[str, Any]) -> Record:
    """Return the dataclass an item was made of; fields added since then get their default.

    Raises `InvariantBroken` when it cannot be read: nobody but Pumpwatch writes these items.
    """
    try:
        return _build(kind, item)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        problem = f"{type(error).__name__}: {error}"
    where = f"{item.get('pk')} {item.get('sk')}"
    raise InvariantBroken(f"the table's item {where} is no {kind.__name__}: {problem}")


def _build(kind: type[Record], item: Mapping[str, Any]) -> Record:
    hints, values = _hints(kind), {}
    for one in fields(kind):  # type: ignore[arg-type]
        if one.name in item:
            values[one.name] = _value(hints[one.name], item[one.name])
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
        return to_item(value)
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
