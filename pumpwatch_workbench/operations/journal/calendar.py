"""Sums of each day and each ISO week of a period, UTC, those in which nothing happened too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from pumpwatch.domain.moments import DAY, SECOND
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch_workbench.operations.journal.candles import alarms_of
from pumpwatch_workbench.operations.journal.period import Period
from pumpwatch_workbench.pages.tables import ROWS_AT_MOST, Cell, Column, PageTable, latest, texts
from pumpwatch_workbench.pages.words import money, number, signed_money

DAYS, WEEKS = "%Y-%m-%d", "%G-W%V"
FIGURES: tuple[tuple[str, str, Callable[[Any], str], bool], ...] = (
    ("trades", "Trades", number, False),
    ("won", "Won", number, True),
    ("result", "Result, USDT", signed_money, False),
    ("fees", "Fees", money, True),
    ("largest_loss", "Largest loss", signed_money, True),
    ("events", "Events", number, False),
    ("denied", "Not entered", number, True),
    ("equity", "Equity at its end", money, False),
)
"""Key, heading, writer, and whether a narrow screen leaves it out."""


def calendar_of(period: Period, form: str) -> list[dict[str, Any]]:
    """Return the sums of each day or week since the first of which anything is known.

    Trades count by their exit, denials and events when they came; money is USDT. `equity` is that
    of the last tick that knew it, None if none did.
    """

    @cache
    def of_day(day: int) -> str:
        return datetime.fromtimestamp(day * DAY / SECOND, UTC).strftime(form)

    facts: list[tuple[int, str, Any]] = [
        *((alarm.time, "event", alarm) for alarm in alarms_of(period.signals).values()),
        *((trade.exit_time or trade.created, trade.state, trade) for trade in period.trades),
        *((run.time, "equity", run.equity) for run in period.runs or ()),
    ]
    first = max(period.since, min((time for time, *_ in facts), default=period.until))
    spans: dict[str, dict[str, list[Any]]] = {
        of_day(day): defaultdict(list) for day in range(first // DAY, -(-period.until // DAY))
    }
    for time, kind, fact in facts:
        spans.setdefault(of_day(time // DAY), defaultdict(list))[kind].append(fact)
    return [{"name": name, **_sums(kinds)} for name, kinds in spans.items()]


def calendar_table(heading: str, sums: Sequence[Mapping[str, Any]]) -> PageTable:
    """Return a row for each day or week, the latest last."""
    shown = [Column(name, numeric=True, wide=wide) for _, name, _, wide in FIGURES]
    rows = tuple(
        (Cell(row["name"]), *(Cell(write(row[key])) for key, _, write, _ in FIGURES))
        for row in sums[-ROWS_AT_MOST:]
    )
    caption = f"Each {heading.lower()} of UTC, trades by their exit; the first and last may be cut"
    return PageTable(latest(caption, len(sums)), (*texts(heading), *shown), rows)


def _sums(kinds: Mapping[str, list[Any]]) -> dict[str, Any]:
    closed = kinds.get(TradeState.CLOSED, [])
    results = [trade.realised_pnl for trade in closed]
    return {
        "trades": len(results),
        "won": sum(result > 0 for result in results),
        "result": sum(results, Decimal(0)),
        "fees": sum((trade.fees for trade in closed), Decimal(0)),
        "largest_loss": min((result for result in results if result < 0), default=None),
        "events": len(kinds.get("event", [])),
        "denied": len(kinds.get(TradeState.DROPPED, [])),
        "equity": next((e for e in reversed(kinds.get("equity", [])) if e is not None), None),
    }
