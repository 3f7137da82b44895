"""The candle history cache in the file. What cannot be read is absent, and rebuilt."""

from __future__ import annotations

from pumpwatch.adapters.archives import ArchiveStore

from .database import Database


class SqliteHistoryStore(ArchiveStore):
    """Candle slices and detection state in the file (HistoryStore port)."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    def _write(self, key: str, body: bytes) -> None:
        self.database.write("INSERT OR REPLACE INTO archives VALUES (?, ?)", (key, body))

    def _read(self, key: str) -> bytes | None:
        row = self.database.row("SELECT body FROM archives WHERE key = ?", (key,))
        return None if row is None else bytes(row[0])
