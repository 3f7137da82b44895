"""Records as JSON text in the file. Money is written as text, so that every digit stays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from pumpwatch.adapters.records import read_record, record_fields
from pumpwatch.errors import InvariantBroken

from .database import Database

Record = TypeVar("Record")


class InFile:
    """A store whose records are JSON in an open file."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def _records(self, kind: type[Record], sql: str, values: Sequence[object] = ()) -> list[Record]:
        return [read_body(kind, body) for (body,) in self.database.rows(sql, values)]

    def _record(self, kind: type[Record], sql: str, values: Sequence[object] = ()) -> Record | None:
        records = self._records(kind, sql, values)
        return records[0] if records else None


def body_of(record: object) -> str:
    """Return a dataclass as JSON."""
    return json_of(record_fields(record))


def json_of(fields: Mapping[str, object]) -> str:
    """Return plain fields as JSON; a `Decimal` becomes text."""
    return json.dumps(fields, default=str, separators=(",", ":"), ensure_ascii=False)


def read_body(kind: type[Record], body: str) -> Record:
    """Return the dataclass. Raises `InvariantBroken` when it cannot be read."""
    return read_record(kind, read_json(body), where=f"the store's record {body[:60]!r}")


def read_json(body: str) -> dict[str, Any]:
    """Return the fields of a body. Raises `InvariantBroken` when it is damaged."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError):
        fields = None
    if not isinstance(fields, dict):
        raise InvariantBroken(f"the store's record {body[:60]!r} is damaged")
    return fields
