"""Durable totals in the table: one item per function, one conditional update per run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from .codec import Item
from .table import ConditionFailed, Table

__all__ = ["DynamoTotalsStore", "LastRuns"]

TOTALS = "TOTALS"
PREFIX = "total:"
REMEMBERED = 3
"""The last few runs are remembered, so that a repeat of one of them adds nothing."""
SUCCESS = "|result=success"
"""How the key of the counter of good runs ends."""


@dataclass(frozen=True, slots=True)
class LastRuns:
    """When a function last counted something and last counted a good run, Unix seconds."""

    reported: int | None = None
    succeeded: int | None = None


class DynamoTotalsStore:
    """Adds a run's increments exactly once (TotalsStore port)."""

    def __init__(self, table: Table, wall: Callable[[], float] = time.time) -> None:
        self._table = table
        self._wall = wall

    def last_runs(self, function: str) -> LastRuns:
        """Return when the function last ran, for a person who looks."""
        item = self._table.get(TOTALS, function) or {}
        times = {name: int(item[name]) for name in ("reported", "succeeded") if name in item}
        return LastRuns(**times)

    def read(self, function: str) -> Mapping[str, Decimal]:
        """Return a function's totals, for a person who looks."""
        return _totals(self._table.get(TOTALS, function) or {})

    def add(
        self, function: str, run_id: str, increments: Mapping[str, int | float]
    ) -> Mapping[str, Decimal]:
        """Add a run's increments once and return the totals."""
        keys = list(increments)
        runs = [f"#run{index}" for index in range(REMEMBERED)]
        # Each slot takes the one before it; right-hand sides are the values before the update.
        shift = [
            f"{runs[i]} = if_not_exists({runs[i - 1]}, :none)" for i in range(REMEMBERED - 1, 0, -1)
        ]
        times = ["reported"]
        if any(key.endswith(SUCCESS) for key in keys):
            times.append("succeeded")
        seen = [f"{name} = :now" for name in times]
        expression = "SET " + ", ".join([*shift, f"{runs[0]} = :run", *seen])
        if keys:
            expression += " ADD " + ", ".join(f"#t{i} :t{i}" for i in range(len(keys)))
        values: dict[str, object] = {":run": run_id, ":none": "-", ":now": int(self._wall())}
        values |= {f":t{i}": Decimal(str(increments[key])) for i, key in enumerate(keys)}
        names = {f"#t{i}": PREFIX + key for i, key in enumerate(keys)}
        names |= {name: name.removeprefix("#") for name in runs}
        unseen = " AND ".join(f"(attribute_not_exists({run}) OR {run} <> :run)" for run in runs)
        try:
            item = self._table.update(
                TOTALS, function, expression, values, condition=unseen, names=names
            )
        except ConditionFailed as error:
            item = error.item or self._table.get(TOTALS, function) or {}
        return _totals(item)


def _totals(item: Item) -> Mapping[str, Decimal]:
    return {
        name.removeprefix(PREFIX): value for name, value in item.items() if name.startswith(PREFIX)
    }
