"""The candle history cache in the file. What cannot be read is absent, and rebuilt."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from pumpwatch.adapters.archives import (
    UNREADABLE,
    Arrays,
    archive_of,
    arrays_of_candles,
    arrays_of_state,
    candles_of_arrays,
    read_archive,
    slice_key,
    state_key,
)
from pumpwatch.domain.candles import Candles

from .database import Database

__all__ = ["SqliteHistoryStore"]

logger = logging.getLogger(__name__)


class SqliteHistoryStore:
    """Candle slices and detection state (HistoryStore port)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.unreadable = 0
        """Archives that were there and could not be used."""

    def load_state(self, name: str) -> Mapping[str, object] | None:
        """Return the named arrays saved last, or None (absent or unreadable)."""
        return self._load(state_key(name))

    def save_state(self, name: str, state: Mapping[str, object]) -> None:
        """Replace the named state. Raises `TypeError` for values that are no plain arrays."""
        self._save(state_key(name), arrays_of_state(state))

    def load_slice(self, number: int, *, interval: int) -> Candles | None:
        """Return a slice of the candle history, or None (absent or unreadable)."""
        key = slice_key(number, interval)
        arrays = self._load(key)
        if arrays is None:
            return None
        candles = candles_of_arrays(arrays, interval)
        if candles is None:
            self._unusable(key, "its arrays do not fit together")
        return candles

    def save_slice(self, number: int, candles: Candles) -> None:
        """Replace a slice of the candle history."""
        self._save(slice_key(number, candles.interval), arrays_of_candles(candles))

    def _save(self, key: str, arrays: Arrays) -> None:
        body = archive_of(arrays, where=key)
        self._database.write("INSERT OR REPLACE INTO archives VALUES (?, ?)", (key, body))

    def _load(self, key: str) -> Arrays | None:
        found = self._database.row("SELECT body FROM archives WHERE key = ?", (key,))
        if found is None:
            return None
        try:
            return read_archive(found[0])
        except UNREADABLE as error:
            self._unusable(key, type(error).__name__)
            return None

    def _unusable(self, key: str, reason: str) -> None:
        self.unreadable += 1
        logger.warning("history is rebuilt", extra={"key": key, "reason": reason})
