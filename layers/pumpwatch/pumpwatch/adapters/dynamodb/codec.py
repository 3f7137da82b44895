"""Frozen dataclasses as DynamoDB items and back. Money stays `Decimal` all the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from pumpwatch.adapters.records import Fields, read_record, record_fields

Item = Fields
KEYS = frozenset({"pk", "sk", "expires_at"})
Write = Mapping[str, Any]
"""One write of a transaction, in DynamoDB's wire format."""
Record = TypeVar("Record")

to_item = record_fields

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def marshal(item: Mapping[str, object]) -> dict[str, Any]:
    """Return the item in DynamoDB's wire format; None values are left out."""
    return {name: _serializer.serialize(value) for name, value in item.items() if value is not None}


def put_of(key: Mapping[str, object], record: object, *, condition: str = "") -> Write:
    """Return the write of a record under its key, as a part of a transaction."""
    put: dict[str, Any] = {"Item": marshal({**key, **to_item(record)})}
    return {"Put": put | ({"ConditionExpression": condition} if condition else {})}


def unmarshal(item: Mapping[str, Any]) -> Item:
    """Return the item of a wire-format one; numbers are `Decimal`."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}


def from_item(kind: type[Record], item: Mapping[str, Any]) -> Record:
    """Return the dataclass an item was made of. Raises `InvariantBroken` when it cannot be read."""
    fields = {name: value for name, value in item.items() if name not in KEYS}
    return read_record(kind, fields, where=f"the table's item {item.get('pk')} {item.get('sk')}")
