"""Durable totals in the table: one item per function, one conditional update per run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.ports import Increments, TotalsStore

from .codec import Item
from .table import ConditionFailed, Table

TOTALS = "TOTALS"
PREFIX, OWN = "t:", "o:"
"""Prefixes of attributes that hold a total; the second stands for the function's name:
writing is paid by the item's size, and names are most of it."""
MOST_ACTIONS = 90
"""Totals that one update adds to; with the marks of the run it stays below 100 actions."""
REMEMBERED = 6
"""Entries that are remembered, so that a repeat of one adds nothing: the last three runs,
even when each of them had a second entry because its push failed."""
SUCCESS = "|result=success"
"""The end of the key of the counter of good runs."""


@dataclass(frozen=True, slots=True)
class LastRuns:
    """Times at which a function last counted a run and last a good one, Unix seconds."""

    reported: int | None = None
    succeeded: int | None = None
    equity: Decimal | None = None
    """What the account was worth in the last run that knew it, USDT."""


class DynamoTotalsStore(TotalsStore):
    """Adds a run's increments exactly once."""

    def __init__(self, table: Table, wall: Callable[[], float] = time.time) -> None:
        self._table = table
        self._wall = wall
        self._kept: dict[str, str] = {}

    def last_runs(self, function: str) -> LastRuns:
        """Return when the function last ran, for a person who looks."""
        item = self._table.get(*_key(function)) or {}
        times = {name: int(item[name]) for name in ("reported", "succeeded") if name in item}
        return LastRuns(**times, equity=item.get("equity"))

    def read(self, function: str) -> Mapping[str, Decimal]:
        """Return a function's totals, for a person who looks."""
        return _totals(function, self._table.get(*_key(function)) or {})

    def add(
        self, function: str, run_id: str, increments: Increments, equity: float | None = None
    ) -> Mapping[str, Decimal]:
        """Add a run's increments once and return the totals.

        What does not fit into one update follows in more of them. A repeat is known by the first:
        of a run that died between two, the rest is lost rather than ever counted twice.
        """
        keys = sorted(increments)
        first, rest = keys[:MOST_ACTIONS], keys[MOST_ACTIONS:]
        now: dict[str, object] = {"reported": int(self._wall())}
        if any(key.endswith(SUCCESS) for key in keys):
            now["succeeded"] = now["reported"]
        if equity is not None:
            now["equity"] = Decimal(str(equity))
        part = {key: increments[key] for key in first}
        item, added = self._add_first(function, run_id, part, now)
        while added and rest:
            more, rest = rest[:MOST_ACTIONS], rest[MOST_ACTIONS:]
            mark = f"{run_id}/{len(rest)}"
            item = self._add_more(function, mark, {key: increments[key] for key in more})
        self._kept[function] = item.get("kept", "")
        return _totals(function, item)

    def kept(self, function: str) -> str:
        return self._kept.get(function, "")

    def keep(self, function: str, text: str) -> None:
        self._table.update(*_key(function), "SET kept = :kept", {":kept": text})

    def _add_first(
        self, function: str, run_id: str, increments: Increments, now: Mapping[str, object]
    ) -> tuple[Item, bool]:
        """Return the item and whether the increments were added now; `now` is set beside them."""
        runs = [f"#run{index}" for index in range(REMEMBERED)]
        # Each slot takes the one before it; right-hand sides are the values before the update.
        shift = [
            f"{runs[i]} = if_not_exists({runs[i - 1]}, :none)" for i in range(REMEMBERED - 1, 0, -1)
        ]
        seen = [f"{name} = :{name}" for name in now]
        expression = ", ".join([*shift, f"{runs[0]} = :run", *seen])
        unseen = " AND ".join(f"(attribute_not_exists({run}) OR {run} <> :run)" for run in runs)
        values = {
            ":run": run_id,
            ":none": "-",
            **{f":{name}": value for name, value in now.items()},
        }
        names = {name: name.removeprefix("#") for name in runs}
        return self._update(function, expression, unseen, names, values, increments)

    def _add_more(self, function: str, mark: str, increments: Increments) -> Item:
        """Add a further part; its mark keeps a request that is sent again from adding twice."""
        item, _ = self._update(
            function,
            "#part = :part",
            "(attribute_not_exists(#part) OR #part <> :part)",
            {"#part": "part"},
            {":part": mark},
            increments,
        )
        return item

    def _update(
        self,
        function: str,
        expression: str,
        condition: str,
        names: dict[str, str],
        values: dict[str, object],
        increments: Increments,
    ) -> tuple[Item, bool]:
        request = secrets.token_hex(4)
        expression = f"SET #request = :request, {expression}"
        names["#request"], values[":request"] = "request", request
        for number, (key, amount) in enumerate(increments.items()):
            expression += (", " if number else " ADD ") + f"#t{number} :t{number}"
            names[f"#t{number}"] = _attribute(function, key)
            values[f":t{number}"] = Decimal(str(amount))
        try:
            item = self._table.update(
                *_key(function), expression, values, condition=condition, names=names
            )
        except ConditionFailed as error:
            item = error.item or self._table.get(*_key(function)) or {}
            # Where the answer to a request was lost, botocore sent it a second time.
            return item, item.get("request") == request
        return item, True


def _key(function: str) -> tuple[str, str]:
    """Return partition and sort key: a partition each, so that a role reaches its own alone."""
    return f"{TOTALS}#{function}", TOTALS


def _attribute(function: str, key: str) -> str:
    own = f"{function}_"
    return OWN + key.removeprefix(own) if key.startswith(own) else PREFIX + key


def _totals(function: str, item: Item) -> Mapping[str, Decimal]:
    totals = {}
    for name, value in item.items():
        if name.startswith(OWN):
            totals[f"{function}_{name.removeprefix(OWN)}"] = value
        elif name.startswith(PREFIX):
            totals[name.removeprefix(PREFIX)] = value
    return totals
