"""Tiles and tables of the journal report about events, stops and costs, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.operations.journal.figures import Figures
from pumpwatch_workbench.operations.journal.period import Period
from pumpwatch_workbench.operations.journal.spending import Slippage, Spending
from pumpwatch_workbench.pages.event_rows import DetectedEvent
from pumpwatch_workbench.pages.tables import (
    ROWS_AT_MOST,
    Cell,
    PageTable,
    Tile,
    latest,
    numbers,
    row,
    texts,
)
from pumpwatch_workbench.pages.trade_tables import result_cell, trade_state_words
from pumpwatch_workbench.pages.words import (
    NOTHING,
    counted,
    date_and_clock,
    money,
    number,
    percent,
    share,
    signed_money,
    turnover_words,
)

NO_DATA = "no data"
UNKNOWN = "not recorded"


def journal_tiles(figures: Figures) -> tuple[Tile, ...]:
    """Return what was made and done, the most wanted first."""
    trading, runs, spent = figures.trading, figures.runs, figures.spending
    equity = runs.equity if runs else None
    return (
        Tile(
            "Realised profit and loss",
            f"{signed_money(trading.realised)} USDT" if trading.closed else NO_DATA,
            f"after all costs, {counted(trading.closed, 'closed trade')}",
        ),
        Tile(
            "Win rate",
            NO_DATA if trading.win_rate is None else share(trading.win_rate),
            f"{trading.won:,} of {trading.closed:,} closed trades",
        ),
        Tile("Open now", number(trading.open_now), "of the trades of this period"),
        Tile("Pump events", number(figures.events), counted(figures.signals, "signal")),
        Tile("Not entered", number(trading.denied), "denied, refused or never placed"),
        Tile(
            "Fees",
            f"{money(spent.fees)} USDT" if spent.trades else NO_DATA,
            f"and {money(spent.funding)} of funding, {counted(spent.trades, 'trade')}",
        ),
        Tile(
            "Equity",
            UNKNOWN if equity is None else f"{money(equity)} USDT",
            "at the last tick that knew it",
        ),
        _ticks_tile(figures),
    )


def events_table(
    events: Sequence[DetectedEvent], trades: Mapping[str, Trade], anchors: Mapping[str, str]
) -> PageTable:
    """Return the latest events with what trading made of them."""
    columns = (
        *texts("Symbol", "Alarm, UTC"),
        *numbers("Rise at the alarm", wide=True),
        *texts("Turnover", wide=True),
        *texts("Trade"),
        *numbers("Result, USDT"),
    )
    rows = []
    for event in events[-ROWS_AT_MOST:]:
        trade, anchor = trades.get(event.event_id), anchors.get(event.event_id, "")
        rows.append(
            row(
                Cell(event.symbol, href=f"#{anchor}" if anchor else ""),
                date_and_clock(event.alarm_time),
                percent(event.signals[0].price / event.base_price - 1.0),
                turnover_words(event.detector, event.strength),
                trade_state_words(trade),
                result_cell(trade),
            )
        )
    return PageTable(latest("Every event", len(events)), columns, tuple(rows))


def stops_table(period: Period) -> PageTable:
    """Return halts and pauses with their reasons, the latest last."""
    columns = (
        *texts("What", "From, UTC", "Until, UTC"),
        *texts("Symbol", wide=True),
        *texts("Reason", prose=True),
    )
    entries = sorted(_stops(period))
    rows = tuple(
        row(what, date_and_clock(since), *others)
        for since, what, *others in entries[-ROWS_AT_MOST:]
    )
    caption = latest("Halts and pauses: entries were stopped, exits went on", len(entries))
    return PageTable(caption, columns, rows)


def costs_table(spent: Spending) -> PageTable:
    """Return what trading and running cost, each with what it is of."""
    columns = (
        *texts("Cost"),
        *numbers("Amount"),
        *numbers("n", wide=True),
        *texts("What it is", prose=True),
    )
    positions = number(spent.trades)
    fees, funding = (
        f"{money(amount)} USDT" if spent.trades else NO_DATA
        for amount in (spent.fees, spent.funding)
    )
    rows = [
        ("Fees", fees, positions, "within the results above"),
        ("Funding", funding, positions, "paid; below zero: received"),
        _slippage("Slippage of entries", spent.entry_slippage, "from the price they were sized at"),
        _slippage("Slippage of stops", spent.stop_slippage, "from the stop's price"),
        _aws(spent),
    ]
    cells = tuple(
        row(*(Cell.nothing(text) if text == NO_DATA else text for text in line)) for line in rows
    )
    return PageTable(
        "Slippage is in the trades' prices already; below zero: in our favour.", columns, cells
    )


def _slippage(name: str, slippage: Slippage, words: str) -> tuple[str, str, str, str]:
    if not slippage.trades:
        return name, NO_DATA, "0", words
    meaning = f"{share(slippage.share, places=2)} of the notional, {words}"
    return name, f"{money(slippage.usdt)} USDT", number(slippage.trades), meaning


def _aws(spent: Spending) -> tuple[str, str, str, str]:
    aws = spent.aws
    if aws is None:
        return "AWS", "none", NOTHING, "nothing of this runs on AWS, or it was not measured"
    meaning = (
        f"an estimate, no bill: {aws.dollars_a_month:,.2f} a month for {aws.symbols:,} symbols"
        f" every {aws.scan_seconds} s, see docs/costs.md"
    )
    return "AWS", f"{aws.dollars:,.2f} US dollars", NOTHING, meaning


def _stops(period: Period) -> Iterator[tuple[int, str, str, str, str]]:
    for halt, ended in period.halts:
        yield halt.since, f"halt by {halt.by or 'a person'}", _end(ended), "all", halt.reason
    for lock in period.locks:
        what = lock.protection.replace("_", " ")
        yield lock.since, what, _end(lock.until), lock.symbol or "all", lock.reason


def _ticks_tile(figures: Figures) -> Tile:
    runs, functions = figures.runs, figures.functions
    if runs is not None:
        return Tile("Ticks", f"{runs.ticks:,}", f"{runs.late} late, {runs.failed} with a failure")
    if not functions:
        return Tile("Ticks", UNKNOWN, "the table keeps no run records")
    count = sum(function.runs for function in functions)
    failed = sum(function.failed for function in functions)
    names = " and ".join(function.function for function in functions if function.runs)
    return Tile(
        "Runs",
        f"{count:,}" if count else NO_DATA,
        f"of {names}, {failed:,} failed" if count else "Lambda's logs could tell nothing",
    )


def _end(time: int | None) -> str:
    return "in force" if time is None else date_and_clock(time)
