"""Counts what a handler in this process asks of the table and of the bucket."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from pumpwatch.settings.overrides import OBJECT

READ_BYTES, WRITE_BYTES = 4_096, 1_024
TRANSACTION = 2
QUEUE = frozenset({"SendMessageBatch", "ReceiveMessage"})
"""Requests that depend on the scan interval alone: the costs count them from it."""
BUCKET = {
    "GetObject": "bucket_reads",
    "HeadObject": "bucket_reads",
    "PutObject": "bucket_writes",
    "ListObjectsV2": "bucket_writes",
}


def units(operation: str, asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, int]:
    """Return the request units that one call to AWS is billed for.

    A strongly consistent read of 4 KB and a write of 1 KB are one each, a transaction twice that.
    """
    if operation == "TransactWriteItems":
        writes = [next(iter(write.values())) for write in asked["TransactItems"]]
        return {"table_writes": TRANSACTION * sum(_blocks(item, WRITE_BYTES) for item in writes)}
    if operation in QUEUE:
        return {}
    if asked.get("Key") == OBJECT:
        return {}  # The costs count the settings' reads from the schedule.
    if operation in BUCKET:
        return {BUCKET[operation]: 1}
    if operation in ("GetItem", "Query"):
        return {"table_reads": _blocks(answer.get("Item", answer.get("Items", {})), READ_BYTES)}
    # A put names its item; an update or a deletion answers with it.
    return {"table_writes": _blocks(asked.get("Item", answer.get("Attributes", {})), WRITE_BYTES)}


def _blocks(items: object, size: int) -> int:
    return max(1, math.ceil(len(json.dumps(items, default=str)) / size))


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the units of every call to AWS made inside the block."""
    total = Counter[str]()
    call = BaseClient._make_api_call

    def counting(client: BaseClient, operation: str, asked: dict[str, Any]) -> Any:
        answer = call(client, operation, asked)
        total.update(units(operation, asked, answer))
        return answer

    with patch.object(BaseClient, "_make_api_call", counting):
        yield total
