"""One DynamoDB table for signals, events, leases, the journal, the halt flag and the totals."""

from .journal import DynamoJournal
from .paper import DynamoPaperStore
from .stores import (
    DynamoEventStore,
    DynamoHaltStore,
    DynamoLeaseStore,
    DynamoLockStore,
    DynamoSignalStore,
)
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
