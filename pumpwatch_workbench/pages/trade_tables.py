"""Trades in words and as a table, the same on every page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.pages.tables import (
    ROWS_AT_MOST,
    Cell,
    PageTable,
    Tone,
    latest,
    numbers,
    row,
    texts,
)
from pumpwatch_workbench.pages.words import (
    NOTHING,
    date_and_clock,
    money,
    number,
    price,
    signed_money,
)

When = Callable[[int | None], str]


def exit_words(trade: Trade | None) -> str:
    """Return why a trade ended, in words."""
    if trade is None or trade.entry_time is None:
        return NOTHING
    if trade.exit_time is None:
        return "still open"
    return trade.exit_reason.replace("_", " ") if trade.exit_reason else "closed"


def side_words(side: Side) -> str:
    """Return the side as traders say it."""
    return "short" if side is Side.SELL else "long"


def trade_state_words(trade: Trade | None) -> str:
    """Return in short what became of an event's trade."""
    if trade is None:
        return "no trade"
    if trade.state is TradeState.DROPPED:
        return "not entered"
    return exit_words(trade) if trade.entry_time is not None else trade.state.value


def amount_cell(amount: Decimal) -> Cell:
    """Return a gain or loss, USDT, with its sign."""
    tone: Tone = "good" if amount > 0 else "bad" if amount < 0 else ""
    return Cell(signed_money(amount), tone)


def result_cell(trade: Trade | None) -> Cell:
    """Return what a trade made, where it is closed."""
    if trade is None or trade.entry_time is None:
        return Cell.nothing()
    if trade.exit_time is None:
        return Cell.nothing("still open")
    return amount_cell(trade.realised_pnl)


def trades_table(
    trades: Sequence[Trade],
    what: str,
    *,
    when: When = date_and_clock,
    anchors: Mapping[str, str] | None = None,
    levels: bool = False,
) -> PageTable:
    """Return the latest of the trades that held a position, with stop and target if asked for.

    `anchors` are the ids of charts by signal id. Results are after all costs.
    """
    columns = (
        *texts("Symbol"),
        *texts("Side", wide=True),
        *texts("Entered, UTC"),
        *numbers("Entry", "Quantity", *(("Stop", "Target") if levels else ()), wide=True),
        *texts("Exited, UTC", wide=True),
        *numbers("Exit", wide=True),
        *texts("Why"),
        *numbers("Fees", "Funding", wide=True),
        *numbers("Result, USDT"),
    )
    entered = [trade for trade in trades if trade.entry_time is not None]
    links = anchors or {}
    rows = tuple(
        _cells(trade, when, links.get(trade.signal_id, ""), levels)
        for trade in entered[-ROWS_AT_MOST:]
    )
    return PageTable(latest(f"{what}, results after all costs", len(entered)), columns, rows)


def _cells(trade: Trade, when: When, anchor: str, levels: bool) -> tuple[Cell, ...]:
    return row(
        Cell(trade.symbol, href=f"#{anchor}" if anchor else ""),
        side_words(trade.side),
        when(trade.entry_time),
        price(trade.entry_price),
        number(trade.quantity),
        *(price(level) for level in (trade.stop_loss, trade.take_profit) if levels),
        when(trade.exit_time),
        price(trade.exit_price),
        exit_words(trade),
        *(money(cost) if trade.exit_time else NOTHING for cost in (trade.fees, trade.funding)),
        result_cell(trade),
    )
