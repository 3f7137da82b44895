"""One look at the account and, for an entry, at one symbol's market: one round of reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from pumpwatch.domain.market import MarketSnapshot, OrderBook
from pumpwatch.domain.orders import Account, OrderStatus, Position
from pumpwatch.domain.rows import Rows
from pumpwatch.errors import PumpwatchError, RetryLater, SkipSymbol

from .trading_desk import Desk

__all__ = ["View", "look"]

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class View:
    """What a look saw. An error stands for what could not be read, None for what was not asked."""

    positions: Rows[Position]
    """As they were last listed."""
    positions_error: PumpwatchError | None = None
    open_orders: Rows[OrderStatus] | PumpwatchError | None = None
    account: Account | PumpwatchError | None = None
    snapshot: MarketSnapshot | PumpwatchError | None = None
    book: OrderBook | PumpwatchError | None = None

    def age(self, now: int) -> int | None:
        """Return the age of the older of ticker and book, milliseconds; None where neither is.

        A stamp ahead of `now` counts as much as one behind it.
        """
        quotes = (self.snapshot, self.book)
        times = [one.time for one in quotes if isinstance(one, MarketSnapshot | OrderBook)]
        return max((abs(now - time) for time in times), default=None)


def look(desk: Desk, positions: Rows[Position], symbol: str = "") -> View:
    """Look at the account, and at a symbol's ticker and book where one is named.

    `positions` is the list to go on with where it cannot be read anew. What cannot be read is a
    problem in the report.
    """
    start, market = desk.reads.start, desk.market
    listed = start(desk.broker.positions)
    orders = start(desk.broker.open_orders)
    account = start(desk.broker.account)
    contracts = start(partial(desk.contracts.refresh, desk.clock.now()))
    snapshot = start(partial(market.snapshot, symbol)) if symbol else None
    book = start(partial(market.order_book, symbol)) if symbol else None
    desk.touched = False
    held = _answer(desk, listed.result)
    _answer(desk, contracts.result)
    return View(
        positions=positions if isinstance(held, PumpwatchError) else held,
        positions_error=held if isinstance(held, PumpwatchError) else None,
        open_orders=_answer(desk, orders.result),
        account=_answer(desk, account.result),
        snapshot=_answer(desk, snapshot.result) if snapshot is not None else None,
        book=_answer(desk, book.result) if book is not None else None,
    )


def _answer(desk: Desk, answer: Callable[[], Answer]) -> Answer | PumpwatchError:
    try:
        return answer()
    except (RetryLater, SkipSymbol) as error:
        desk.problem(f"{type(error).__name__}: {error}")
        return error
