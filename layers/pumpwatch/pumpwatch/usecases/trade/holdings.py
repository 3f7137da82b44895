"""The account's holding in a trade's symbol, as far as the exchange lets it be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pumpwatch.domain.trading.evidence import own_position
from pumpwatch.domain.trading.orders import Position
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.errors import RetryLater, UnreadableAnswer

from .run import Run


@dataclass(frozen=True, slots=True)
class Holding:
    """The position in a trade's symbol; None says that there is none only where it is known."""

    position: Position | None
    known: bool = True


def holdings(
    run: Run, listed: Rows[Position] | RetryLater, trades: Iterable[Trade]
) -> dict[str, Holding]:
    """Return what is held for each trade, by signal id.

    A symbol whose row in the list cannot be read is asked for by itself. Where the list does not
    answer at all, one symbol is asked for: when that fails too the others are not tried.
    """
    answers: dict[str, Holding] = {}
    silent = False
    for trade in trades:
        holding = _listed(listed, trade) if isinstance(listed, Rows) else None
        if holding is None and not silent:
            try:
                holding = _listed(run.ports.broker.positions(trade.symbol), trade)
            except RetryLater as error:
                silent = not isinstance(error, UnreadableAnswer)
                run.problem(f"the position cannot be read: {error}", trade, cause="exchange")
        if holding is None:
            run.problem("the position's row cannot be read", trade, cause="rows")
        answers[trade.signal_id] = holding or Holding(None, known=False)
    return answers


def position_in(rows: Iterable[Position], symbol: str) -> Position | None:
    """Return the symbol's position in one-way mode, or None."""
    return next((row for row in rows if row.symbol == symbol and not row.hedge), None)


def _listed(rows: Rows[Position], trade: Trade) -> Holding | None:
    """Return what the rows say of the trade's symbol, None where that cannot be read.

    A row that names no symbol may be about this one, unless the trade's own position is there.
    """
    position = position_in(rows, trade.symbol)
    named = any(row.symbol == trade.symbol for row in rows.unreadable)
    doubtful = named or (rows.unreadable_of(trade.symbol) and not own_position(trade, position))
    return None if doubtful else Holding(position)
