"""One DynamoDB table for signals, events, leases, the journal, the halt flag and the totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpwatch.adapters.lazily import lazily

if TYPE_CHECKING:
    from .guards import DynamoHaltStore, DynamoLockStore
    from .journal import DynamoJournal
    from .paper import DynamoPaperStore
    from .stores import DynamoEventStore, DynamoLeaseStore, DynamoSignalStore
    from .table import Table, dynamodb_client
    from .totals import DynamoTotalsStore

__all__ = [
    "DynamoEventStore",
    "DynamoHaltStore",
    "DynamoJournal",
    "DynamoLeaseStore",
    "DynamoLockStore",
    "DynamoPaperStore",
    "DynamoSignalStore",
    "DynamoTotalsStore",
    "Table",
    "dynamodb_client",
]

__getattr__ = lazily(
    __name__,
    {
        "DynamoJournal": "journal",
        "DynamoPaperStore": "paper",
        "DynamoTotalsStore": "totals",
        "Table": "table",
        "dynamodb_client": "table",
        "DynamoEventStore": "stores",
        "DynamoHaltStore": "guards",
        "DynamoLeaseStore": "stores",
        "DynamoLockStore": "guards",
        "DynamoSignalStore": "stores",
    },
)
