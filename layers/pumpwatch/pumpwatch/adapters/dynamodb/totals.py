"""Durable totals in the table: one item per function, one conditional update per run."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from .codec import Item
from .table import ConditionFailed, Table

__all__ = ["DynamoTotalsStore"]

TOTALS = "TOTALS"
PREFIX = "total:"
REMEMBERED = 3
"""The last few runs are remembered, so that a repeat of one of them adds nothing."""


class DynamoTotalsStore:
    """Adds a run's increments exactly once (TotalsStore port)."""

    def __init__(self, table: Table) -> None:
        self._table = table

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
        expression = "SET " + ", ".join([*shift, f"{runs[0]} = :run"])
        if keys:
            expression += " ADD " + ", ".join(f"#t{i} :t{i}" for i in range(len(keys)))
        values: dict[str, object] = {":run": run_id, ":none": "-"}
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
