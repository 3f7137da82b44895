"""Leases of the one process that has the file: no clock ends them, and a full disk takes none."""

from __future__ import annotations

from contextlib import suppress

from pumpwatch.domain.lease import Lease
from pumpwatch.errors import StoreUnavailable
from pumpwatch_workbench.local.store import SqliteLeaseStore


class DeskLeases(SqliteLeaseStore):
    """Gives every lease at once: the file is locked, so its holder is dead or this process.

    While the disk takes no writes, a run gets a lease that guards none: positions are looked at,
    and what must be written first is not done.
    """

    def acquire(self, name: str, *, owner: str, seconds: float) -> Lease:
        sql = "SELECT token, mark FROM leases WHERE name = ?"
        token, mark = self.database.row(sql, (name,)) or (0, "")
        values = (name, owner, token + 1, 0, mark)
        with suppress(StoreUnavailable):
            self.database.write("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?)", values)
        return Lease(name, owner, token + 1, mark)
