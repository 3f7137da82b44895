"""Records as JSON text and back. Money is written as text, so that every digit stays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pumpwatch.adapters.records import read_record, record_fields
from pumpwatch.errors import InvariantBroken

Record = TypeVar("Record")


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
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvariantBroken(f"the store's record {body[:60]!r} is damaged")
    return found
