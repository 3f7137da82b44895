"""Records of each run for the report. A record is not state: nothing depends on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from .bodies import InFile, body_of, read_body

KEEP = 90 * 86_400_000
"""Milliseconds after which a record is forgotten."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One tick of both functions. Wall and CPU time in seconds, `time` in milliseconds UTC."""

    time: int
    detect_seconds: float | None = None
    """Wall time; None if the run failed."""
    trade_seconds: float | None = None
    cpu_seconds: float = 0.0
    memory_mib: float | None = None
    """Most memory the process has held so far; None where the system does not say."""
    requests: int = 0
    stale: bool = False
    equity: Decimal | None = None
    alerts_raised: int = 0
    alerts_delivered: int = 0
    problem: str = ""


class SqliteRunRecords(InFile):
    """Run records by time; of two in the same millisecond the later one stays."""

    def add(self, record: RunRecord) -> None:
        """Store the record and forget those that are too old."""
        with self.database.transaction():
            self.database.write(
                "INSERT OR REPLACE INTO runs VALUES (?, ?)", (record.time, body_of(record))
            )
            self.database.write("DELETE FROM runs WHERE time < ?", (record.time - KEEP,))

    def since(self, time: int) -> Sequence[RunRecord]:
        """Return the records from `time` on, oldest first."""
        sql = "SELECT body FROM runs WHERE time >= ? ORDER BY time"
        return self._records(RunRecord, sql, (time,))

    def latest(self, count: int) -> Iterator[RunRecord]:
        """Yield the last `count` records, newest first; each is read when it is asked for."""
        sql = "SELECT body FROM runs ORDER BY time DESC LIMIT ?"
        return (read_body(RunRecord, body) for (body,) in self.database.rows(sql, (count,)))
