"""Counts what a handler in this process asks of DynamoDB and S3, in the units that are paid for."""

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

READ_BYTES, WRITE_BYTES = 4_096, 1_024
TRANSACTION = 2
"""A transaction costs twice what its writes and checks cost alone."""


@dataclass
class AwsCalls:
    """Units so far: request units of the table (strongly consistent), requests to the bucket."""

    units: Counter[str] = field(default_factory=Counter)

    def add(self, operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Count one call."""
        if operation == "GetItem":
            self.units["table_reads"] += _blocks(answer.get("Item", {}), READ_BYTES)
        elif operation == "Query":
            self.units["table_reads"] += _blocks(answer.get("Items", []), READ_BYTES)
        elif operation in {"PutItem", "DeleteItem"}:
            self.units["table_writes"] += _blocks(asked.get("Item", {}), WRITE_BYTES)
        elif operation == "UpdateItem":
            self.units["table_writes"] += _blocks(answer.get("Attributes", {}), WRITE_BYTES)
        elif operation == "TransactWriteItems":
            self.units["table_writes"] += TRANSACTION * sum(
                _blocks(one, WRITE_BYTES) for one in asked["TransactItems"]
            )
        elif operation in {"GetObject", "HeadObject"}:
            self.units["bucket_reads"] += 1
        elif operation in {"PutObject", "ListObjectsV2"}:
            self.units["bucket_writes"] += 1


def _blocks(items: object, size: int) -> int:
    return max(1, math.ceil(len(json.dumps(items, default=str)) / size))


@contextmanager
def counted(calls: AwsCalls) -> Iterator[None]:
    """Count every call that botocore makes inside the block."""
    real = BaseClient._make_api_call

    def call(client: BaseClient, operation: str, asked: dict[str, Any]) -> Any:  # noqa: ANN401
        answer = real(client, operation, asked)
        calls.add(operation, asked, answer)
        return answer

    with patch.object(BaseClient, "_make_api_call", call):
        yield
