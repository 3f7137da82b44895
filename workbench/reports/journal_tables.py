"""The journal report's tiles and tables, as text: no markup here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pumpwatch.domain.orders import Side
from pumpwatch.domain.signals import Signal
from pumpwatch.domain.trades import Trade, TradeState
from workbench.journal.figures import ApiRow, Figures, Spread
from workbench.journal.histograms import Bounds
from workbench.journal.period import Period
from workbench.reports.formats import (
    NOTHING,
    date_and_clock,
    money,
    number,
    percent,
    price,
    seconds,
    signed_money,
)
from workbench.reports.tables import Cell, Column, Table, Tile, exit_words

__all__ = [
    "ROWS_AT_MOST",
    "api_table",
    "bounds_table",
    "counts_table",
    "events_table",
    "journal_tiles",
    "stops_table",
    "times_table",
    "trades_table",
]

ROWS_AT_MOST = 500
"""Rows of a table on the page, the latest ones; JSON has all."""
UNKNOWN = "not recorded"


def journal_tiles(figures: Figures) -> tuple[Tile, ...]:
    """Return the key figures, the most wanted first."""
    interval = "no closed trade"
    if figures.win_interval is not None:
        low, high = figures.win_interval
        interval = f"95 %: {_share(low)} to {_share(high)}; {figures.won} of {figures.closed}"
    alerts = UNKNOWN
    if figures.alerts_raised is not None:
        alerts = f"{figures.alerts_delivered} of {figures.alerts_raised}"
    requests = sum(row.requests for row in figures.api)
    failures = sum(row.failures for row in figures.api)
    rate = _share(failures / requests, places=2) if requests else UNKNOWN
    return (
        Tile("Realised profit and loss", f"{signed_money(figures.realised)} USDT", "after costs"),
        Tile("Win rate", _share(figures.win_rate), interval),
        Tile(
            "Fill rate",
            _share(figures.fill_rate),
            f"{figures.entries_filled} of {figures.entries_sent} entry orders",
        ),
        Tile("Pump events", number(figures.events), f"{figures.signals} signals"),
        Tile("Not entered", number(figures.denied), "denied, refused or never placed"),
        Tile("Open now", number(figures.open_now), "of the trades of this period"),
        Tile("Fees", f"{money(figures.fees)} USDT", f"and {money(figures.funding)} of funding"),
        Tile("Alerts delivered", alerts, "messages to Slack, as lines"),
        Tile("API error rate", rate, f"of {requests:,} requests since the store was made"),
        Tile("Ticks", _count(figures.ticks), _tick_words(figures)),
    )


def times_table(figures: Figures) -> Table:
    """Return the percentiles of what was measured."""
    columns = (
        Column("Measured"),
        Column("Times", numeric=True, wide=True),
        Column("p50", numeric=True),
        Column("p95", numeric=True),
        Column("p99", numeric=True, wide=True),
        Column("Largest", numeric=True),
    )
    rows = [
        _spread_cells("Detect, wall time", figures.detect_seconds),
        _spread_cells("Trade, wall time", figures.trade_seconds),
        _spread_cells("CPU time of a tick", figures.cpu_seconds),
        _spread_cells("From fill to verified stop", figures.stop_verified),
    ]
    memory = UNKNOWN if figures.memory_mib is None else f"{figures.memory_mib:,.0f} MiB"
    quiet = [Cell(NOTHING, "quiet")] * 4
    rows.append((Cell("Memory of the process, most"), *quiet, Cell(memory)))
    return Table("What runs cost.", columns, tuple(rows))


def bounds_table(rows: Sequence[Bounds]) -> Table:
    """Return the bounds that histograms know."""
    columns = (
        Column("Measured", prose=True),
        Column("Times", numeric=True, wide=True),
        Column("50 % within", numeric=True),
        Column("95 % within", numeric=True),
        Column("99 % within", numeric=True, wide=True),
    )
    cells = tuple(
        (
            Cell(f"{row.help} ({row.name.split('_')[1]})"),
            Cell(f"{row.count:,}"),
            *(Cell(_bound(row, value)) for value in (row.p50, row.p95, row.p99)),
        )
        for row in rows
    )
    return Table("From histograms, since the store was made: the bucket's bound.", columns, cells)


def api_table(rows: Sequence[ApiRow]) -> Table:
    """Return requests and failures by endpoint, with the codes of the failures."""
    columns = (
        Column("Endpoint"),
        Column("Requests", numeric=True),
        Column("Failed", numeric=True),
        Column("Error rate", numeric=True),
        Column("Codes", prose=True),
    )
    cells = tuple(
        (
            Cell(row.endpoint),
            Cell(f"{row.requests:,}"),
            Cell(f"{row.failures:,}", "bad" if row.failures else ""),
            Cell(_share(row.error_rate, places=2)),
            Cell(
                ", ".join(f"{code.replace('_', ' ')} {count}" for code, count in row.codes)
                or NOTHING
            ),
        )
        for row in rows
    )
    return Table("Requests to the exchange since the store was made.", columns, cells)


def events_table(
    alarms: Sequence[Signal], trades: Mapping[str, Trade], anchors: Mapping[str, str]
) -> Table:
    """Return the latest events with what trading made of them."""
    columns = (
        Column("Alarm, UTC"),
        Column("Symbol"),
        Column("Rise at the alarm", numeric=True, wide=True),
        Column("Strength", numeric=True, wide=True),
        Column("Trade"),
        Column("Result, USDT", numeric=True),
    )
    rows = []
    for alarm in list(alarms)[-ROWS_AT_MOST:]:
        trade = trades.get(alarm.event_id)
        anchor = anchors.get(alarm.event_id, "")
        rows.append(
            (
                Cell(date_and_clock(alarm.time)),
                Cell(alarm.symbol, href=f"#{anchor}" if anchor else ""),
                Cell(percent(alarm.price / alarm.base_price - 1.0)),
                Cell(f"{alarm.strength:,.0f}"),
                Cell(trade_state_words(trade)),
                _result_cell(trade),
            )
        )
    return Table(_latest("Every event", len(alarms)), columns, tuple(rows))


def trades_table(trades: Sequence[Trade]) -> Table:
    """Return the latest trades that held a position."""
    columns = (
        Column("Entered, UTC"),
        Column("Symbol"),
        Column("Side", wide=True),
        Column("Entry", numeric=True, wide=True),
        Column("Quantity", numeric=True, wide=True),
        Column("Exited, UTC", wide=True),
        Column("Exit", numeric=True, wide=True),
        Column("Why"),
        Column("Fees", numeric=True, wide=True),
        Column("Funding", numeric=True, wide=True),
        Column("Result, USDT", numeric=True),
    )
    held = [trade for trade in trades if trade.entry_time is not None]
    rows = tuple(
        (
            Cell(date_and_clock(trade.entry_time)),
            Cell(trade.symbol),
            Cell("short" if trade.side is Side.SELL else "long"),
            Cell(price(trade.entry_price)),
            Cell(number(trade.quantity)),
            Cell(date_and_clock(trade.exit_time)),
            Cell(price(trade.exit_price)),
            Cell(exit_words(trade)),
            Cell(money(trade.fees)),
            Cell(money(trade.funding)),
            _result_cell(trade),
        )
        for trade in held[-ROWS_AT_MOST:]
    )
    return Table(_latest("Every trade that held a position", len(held)), columns, rows)


def stops_table(period: Period) -> Table:
    """Return halts and pauses with their reasons, the latest last."""
    columns = (
        Column("From, UTC"),
        Column("Until, UTC"),
        Column("What"),
        Column("Symbol", wide=True),
        Column("Reason", prose=True),
    )
    entries = [
        (
            one.halt.since,
            _end(one.ended),
            f"halt by {one.halt.by or 'a person'}",
            "all",
            one.halt.reason,
        )
        for one in period.halts
    ]
    entries += [
        (
            lock.since,
            _end(lock.until),
            lock.protection.replace("_", " "),
            lock.symbol or "all",
            lock.reason,
        )
        for lock in period.locks
    ]
    entries.sort(key=lambda one: one[0])
    rows = tuple(
        (Cell(date_and_clock(since)), *(Cell(text) for text in others))
        for since, *others in entries[-ROWS_AT_MOST:]
    )
    return Table("Halts and pauses: entries were stopped, exits went on.", columns, rows)


def counts_table(caption: str, heading: str, counts: Sequence[tuple[str, int]]) -> Table:
    """Return reasons with how often each occurred."""
    columns = (Column(heading, prose=True), Column("Times", numeric=True))
    return Table(caption, columns, tuple((Cell(name), Cell(number(n))) for name, n in counts))


def trade_state_words(trade: Trade | None) -> str:
    """Return in short what became of an event's trade."""
    if trade is None:
        return "no trade"
    if trade.state is TradeState.DROPPED:
        return "not entered"
    return exit_words(trade) if trade.entry_time is not None else trade.state.value


def _result_cell(trade: Trade | None) -> Cell:
    if trade is None or trade.exit_time is None:
        return Cell(NOTHING, "quiet")
    tone = "good" if trade.realised_pnl > 0 else "bad" if trade.realised_pnl < 0 else ""
    return Cell(signed_money(trade.realised_pnl), tone)  # type: ignore[arg-type]


def _spread_cells(name: str, spread: Spread | None) -> tuple[Cell, ...]:
    if spread is None:
        return (Cell(name), *([Cell(NOTHING, "quiet")] * 4), Cell(UNKNOWN, "quiet"))
    values = (spread.p50, spread.p95, spread.p99, spread.largest)
    return (Cell(name), Cell(number(spread.count)), *(Cell(seconds(one)) for one in values))


def _tick_words(figures: Figures) -> str:
    if figures.ticks is None:
        return "the table keeps no run records"
    return f"{figures.late_ticks} late, {figures.failed_ticks} with a failure"


def _end(time: int | None) -> str:
    return "in force" if time is None else date_and_clock(time)


def _latest(what: str, count: int) -> str:
    left = count - ROWS_AT_MOST
    return f"{what}; {left:,} earlier ones are only in --json." if left > 0 else f"{what}."


def _share(fraction: float | None, *, places: int = 1) -> str:
    return NOTHING if fraction is None else f"{100 * fraction:.{places}f} %"


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def _bound(row: Bounds, value: float) -> str:
    if math.isinf(value):
        return "more"
    return _share(value, places=2) if row.name.endswith("_ratio") else seconds(value)
