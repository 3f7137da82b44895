"""Durable totals in the file: a run's increments are added once, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from pumpwatch.ports import Increments, TotalsStore

from .bodies import InFile

KEPT = "shown "
"""Prefix of a kept text's key in the file's notes."""
REMEMBERED = 6
"""The last few entries are remembered, so that a repeat of one of them adds nothing."""


class SqliteTotalsStore(InFile, TotalsStore):
    """Adds a run's increments exactly once."""

    def add(
        self, function: str, run_id: str, increments: Increments, equity: float | None = None
    ) -> Mapping[str, Decimal]:
        with self.database.transaction():
            totals = self.read(function)
            if self._is_counted(function, run_id):
                return totals
            changed = {
                key: totals.get(key, Decimal(0)) + Decimal(str(amount))
                for key, amount in increments.items()
            }
            for key, value in changed.items():
                self.database.write(
                    "INSERT OR REPLACE INTO totals VALUES (?, ?, ?)", (function, key, str(value))
                )
            self._remember(function, run_id)
        return {**totals, **changed}

    def read(self, function: str) -> dict[str, Decimal]:
        """Return a function's totals."""
        rows = self.database.rows("SELECT key, value FROM totals WHERE function = ?", (function,))
        return {key: Decimal(value) for key, value in rows}

    def kept(self, function: str) -> str:
        row = self.database.row("SELECT value FROM notes WHERE key = ?", (KEPT + function,))
        return row[0] if row is not None else ""

    def keep(self, function: str, text: str) -> None:
        key = KEPT + function
        self.database.write("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, text))

    def _is_counted(self, function: str, run_id: str) -> bool:
        sql = "SELECT 1 FROM counted_runs WHERE function = ? AND run_id = ?"
        return self.database.row(sql, (function, run_id)) is not None

    def _remember(self, function: str, run_id: str) -> None:
        self.database.write(
            "INSERT INTO counted_runs (function, run_id) VALUES (?, ?)", (function, run_id)
        )
        self.database.write(
            "DELETE FROM counted_runs WHERE function = ? AND number NOT IN (SELECT number FROM"
            " counted_runs WHERE function = ? ORDER BY number DESC LIMIT ?)",
            (function, function, REMEMBERED),
        )
