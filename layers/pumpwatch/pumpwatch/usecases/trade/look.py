"""A look at the account and, for an entry, at a symbol's market: one round of reads."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TypeVar

from pumpwatch.domain.market.snapshot import MarketSnapshot, OrderBook
from pumpwatch.domain.trading.orders import Account, OrderStatus, Position
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.errors import PumpwatchError, RetryLater, SkipSymbol, UnreadableAnswer

from .run import Run

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class View:
    """The answers of a look. An error stands for what could not be read, None for what was not
    asked."""

    positions: Rows[Position]
    """Positions as they were last listed."""
    positions_error: PumpwatchError | None = None
    open_orders: Rows[OrderStatus] | PumpwatchError | None = None
    account: Account | PumpwatchError | None = None
    snapshot: MarketSnapshot | PumpwatchError | None = None
    book: OrderBook | PumpwatchError | None = None
    leverage: Decimal | PumpwatchError | None = None
    """As `Broker.leverage` gives it."""

    def age(self, now: int) -> int | None:
        """Return the age of the older of ticker and book, milliseconds; None where neither is.

        A stamp ahead of `now` counts as much as one behind it.
        """
        quotes = (self.snapshot, self.book)
        times = [quote.time for quote in quotes if isinstance(quote, MarketSnapshot | OrderBook)]
        return max((abs(now - time) for time in times), default=None)


@dataclass(frozen=True, slots=True)
class Asked:
    """The reads of a look that are on their way; None for what was not asked."""

    open_orders: Future[Rows[OrderStatus]]
    account: Future[Account]
    snapshot: Future[MarketSnapshot] | None = None
    book: Future[OrderBook] | None = None
    leverage: Future[Decimal | None] | None = None


def ask(run: Run, symbol: str = "") -> Asked:
    """Ask about the account, and about a symbol where one is named."""
    start, broker = run.ports.start, run.ports.broker
    account = Asked(open_orders=start(broker.open_orders), account=start(broker.account))
    return ask_about(run, symbol, account) if symbol else account


def ask_about(run: Run, symbol: str, account: Asked) -> Asked:
    """Ask for a symbol's ticker, book and leverage, beside what is asked about the account."""
    start, market = run.ports.start, run.ports.market
    return replace(
        account,
        snapshot=start(partial(market.snapshot, symbol)),
        book=start(partial(market.order_book, symbol)),
        leverage=start(partial(run.ports.broker.leverage, symbol)),
    )


def look(
    run: Run, positions: Rows[Position], symbol: str = "", *, asked: Asked | None = None
) -> View:
    """Look at the account, and at a symbol's ticker and book where one is named.

    `positions` is the list to go on with: it is read anew where something was sent since. `asked`
    are reads that were started before. What cannot be read is a problem in the report.
    """
    listed = run.ports.start(run.ports.broker.positions) if run.touched else None
    asked = asked if asked is not None and not run.touched else ask(run, symbol)
    contracts = run.ports.start(partial(run.contracts.refresh, run.now()))
    run.touched = False
    listed_now, _ = _answer(run, listed), _answer(run, contracts)
    orders, account = _answer(run, asked.open_orders), _answer(run, asked.account)
    if isinstance(account, UnreadableAnswer):
        run.report.unreadable["wallet"] += 1
    snapshot, book = _answer(run, asked.snapshot), _answer(run, asked.book)
    leverage = _answer(run, asked.leverage)
    return View(
        positions=listed_now if isinstance(listed_now, Rows) else positions,
        positions_error=listed_now if isinstance(listed_now, PumpwatchError) else None,
        open_orders=orders,
        account=account,
        snapshot=snapshot,
        book=book,
        leverage=leverage,
    )


def _answer(run: Run, asked: Future[Answer] | None) -> Answer | PumpwatchError | None:
    try:
        return asked.result() if asked is not None else None
    except (RetryLater, SkipSymbol) as error:
        run.problem(f"{type(error).__name__}: {error}")
        return error
