"""Counts what a handler in this process asks of the table, of the bucket and of the exchange.

Table: request units by partition key, as they are paid for and as a partition takes them (a
strongly consistent read of 4 KB and a write of 1 KB are one each, a transaction twice that).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from requests import PreparedRequest, Response

from pumpwatch.adapters.bybit.bounded import BoundedAdapter

READ_BYTES, WRITE_BYTES = 4_096, 1_024
TRANSACTION = 2
CREATE = "/v5/order/create"
PUBLIC = "/v5/market/"


@dataclass(slots=True)
class Traffic:
    """Units by partition key, requests to the bucket, and the exchange's paths in turn."""

    reads: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    bucket_reads: int = 0
    bucket_writes: int = 0
    paths: list[str] = field(default_factory=list)

    @property
    def until_order(self) -> int:
        """Return how many requests were sent up to the order, itself included."""
        return self.paths.index(CREATE) + 1

    @property
    def units(self) -> dict[str, int]:
        """Return what is paid for, over all keys."""
        return {
            "table_reads": self.reads.total(),
            "table_writes": self.writes.total(),
            "bucket_reads": self.bucket_reads,
            "bucket_writes": self.bucket_writes,
        }

    @property
    def public(self) -> int:
        """Return the requests without a key."""
        return sum(path.startswith(PUBLIC) for path in self.paths)

    def note(self, operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Count one call to AWS."""
        if operation == "GetItem":
            self.reads[_pk(asked["Key"])] += _blocks(answer.get("Item", {}), READ_BYTES)
        elif operation == "Query":
            values = asked["ExpressionAttributeValues"]
            self.reads[values[":pk"]["S"]] += _blocks(answer.get("Items", []), READ_BYTES)
        elif operation == "PutItem":
            self.writes[_pk(asked["Item"])] += _blocks(asked["Item"], WRITE_BYTES)
        elif operation in {"UpdateItem", "DeleteItem"}:
            item = answer.get("Attributes", {})
            self.writes[_pk(asked["Key"])] += _blocks(item, WRITE_BYTES)
        elif operation == "TransactWriteItems":
            for write in asked["TransactItems"]:
                (what,) = write.values()
                key = _pk(what.get("Item") or what["Key"])
                self.writes[key] += TRANSACTION * _blocks(what, WRITE_BYTES)
        elif operation in {"GetObject", "HeadObject"}:
            self.bucket_reads += 1
        elif operation in {"PutObject", "ListObjectsV2"}:
            self.bucket_writes += 1


def _pk(item: Mapping[str, Any]) -> str:
    key: str = item["pk"]["S"]
    return key


def _blocks(items: object, size: int) -> int:
    return max(1, math.ceil(len(json.dumps(items, default=str)) / size))


@contextmanager
def watched() -> Iterator[Traffic]:
    """Count every call to AWS and every request to the exchange made inside the block."""
    traffic = Traffic()
    call, send = BaseClient._make_api_call, BoundedAdapter.send  # type: ignore[attr-defined]

    def counted(client: BaseClient, operation: str, asked: dict[str, Any]) -> Any:
        answer = call(client, operation, asked)
        traffic.note(operation, asked, answer)
        return answer

    def sent(self: BoundedAdapter, request: PreparedRequest, **options: Any) -> Response:
        traffic.paths.append(request.path_url.split("?")[0])
        return send(self, request, **options)

    with (
        patch.object(BaseClient, "_make_api_call", counted),
        patch.object(BoundedAdapter, "send", sent),
    ):
        yield traffic
