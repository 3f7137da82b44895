"""One file on this machine for everything that is kept, behind the same ports as table and bucket.

It is not deployed to be used there: `pumpwatch desk` keeps its state in it.
"""

from .database import Database, StoreProblem, exclusive_lock, holder_of
from .journal import SqliteJournal
from .paper import SqlitePaperStore
from .records import RunRecord, SqliteRunRecords
from .stores import (
    SqliteEventStore,
    SqliteHaltStore,
    SqliteHistoryStore,
    SqliteLeaseStore,
    SqliteLockStore,
    SqliteOwnLeases,
    SqliteSignalStore,
)
from .totals import SqliteTotalsStore

__all__ = [
    "Database",
    "RunRecord",
    "SqliteEventStore",
    "SqliteHaltStore",
    "SqliteHistoryStore",
    "SqliteJournal",
    "SqliteLeaseStore",
    "SqliteLockStore",
    "SqliteOwnLeases",
    "SqlitePaperStore",
    "SqliteRunRecords",
    "SqliteSignalStore",
    "SqliteTotalsStore",
    "StoreProblem",
    "exclusive_lock",
    "holder_of",
]
