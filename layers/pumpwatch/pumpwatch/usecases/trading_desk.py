"""What one run of the trade use case works with, and one look at the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from pumpwatch.domain.market import Instrument, MarketSnapshot, OrderBook
from pumpwatch.domain.orders import Account, Fill, OrderStatus, Position
from pumpwatch.domain.rows import Rows
from pumpwatch.domain.trades import Trade
from pumpwatch.errors import (
    DeadlineNear,
    ExchangeUnavailable,
    PumpwatchError,
    RetryLater,
    SkipSymbol,
    StoreUnavailable,
    UnreadableAnswer,
)
from pumpwatch.ports import Broker, Clock, Deadline, Journal, Lease, MarketData
from pumpwatch.settings import TradeSettings

from .reads import Reads
from .trade_report import TradeReport

__all__ = ["Contracts", "Desk", "View"]

MINUTE, HOUR = 60_000, 3_600_000
CAUSES: Sequence[tuple[type[PumpwatchError], str]] = (
    (StoreUnavailable, "store"),
    (DeadlineNear, "time"),
    (UnreadableAnswer, "rows"),
    (ExchangeUnavailable, "exchange"),
)
"""Words of `metrics.PROBLEMS` for errors; whatever else goes wrong concerns an order."""
Answer = TypeVar("Answer")


class Contracts:
    """The exchange's contracts: read once an hour, and sooner when a symbol is not among them."""

    def __init__(self, market: MarketData) -> None:
        self._market = market
        self._known: Mapping[str, Instrument] = {}
        self._read: int | None = None

    def get(self, symbol: str, now: int) -> Instrument | None:
        """Return the contract, or None when the exchange does not list it."""
        self.refresh(now, older_than=HOUR if symbol in self._known else MINUTE)
        return self._known.get(symbol)

    def refresh(self, now: int, *, older_than: int = HOUR) -> None:
        """Read the contracts when what is known is so many milliseconds old."""
        if self._read is None or now - self._read >= older_than:
            self._known, self._read = self._market.instruments(), now

    def doubt(self) -> None:
        """Read the contracts anew at the next look: what is known of them may be out of date."""
        self._read = None

    def known(self, symbol: str) -> Instrument | None:
        """Return what is known of the contract without asking."""
        return self._known.get(symbol)


@dataclass(frozen=True, slots=True)
class View:
    """One look at the account and, where entries are at stake, at the market."""

    positions: Mapping[str, Position]
    open_orders: Sequence[OrderStatus] = ()
    account: Account | None = None
    snapshot: MarketSnapshot | None = None
    books: Mapping[str, OrderBook | PumpwatchError] = field(default_factory=dict)


@dataclass(slots=True)
class Desk:
    """The ports, the lease, the deadline and the report of one run."""

    broker: Broker
    market: MarketData
    journal: Journal
    clock: Clock
    deadline: Deadline
    lease: Lease
    settings: TradeSettings
    reads: Reads
    wait: Callable[[float], None]
    contracts: Contracts
    report: TradeReport
    trades: dict[str, Trade] = field(default_factory=dict)
    """The trades this run has to do with, as they are stored, by signal id."""
    sent: set[str] = field(default_factory=set)
    """Signal ids of the trades this run has sent orders for."""
    exits: Counter[str] = field(default_factory=Counter)
    """Exits sent in this run by signal id."""
    refusals: list[str] = field(default_factory=list)
    """Ids of the orders that the exchange refused in this run."""
    touched: bool = False
    """Whether something was sent since the last look at the account."""
    closes_all: bool = False
    """Whether a person asked for all positions to be closed."""
    halting: dict[str, Trade] = field(default_factory=dict)
    """Trades that halt entries until a person has looked at them, by signal id."""

    owners: dict[str, str] = field(default_factory=dict)
    """Signal ids by order id, of symbols in which several trades of ours have fills."""

    @property
    def live(self) -> list[Trade]:
        """Return the trades that need care, oldest first."""
        return [trade for trade in self.trades.values() if trade.state.live]

    def has_time(self, requests: int) -> bool:
        """Return whether so many requests in sequence, at their slowest, fit in before the end."""
        worst = requests * self.settings.request_timeout_seconds + 1.0
        return self.deadline.seconds_left() >= worst

    def is_of(self, trade: Trade, fill: Fill) -> bool:
        """Return whether the fill may belong to the trade: not to another one of ours."""
        return self.owners.get(fill.order_id, trade.signal_id) == trade.signal_id

    def day(self, now: int) -> str:
        """Return the UTC day that orders are counted under, `YYYY-MM-DD`."""
        return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%d")

    def keep(self, trade: Trade) -> Trade:
        """Remember the trade as it is stored now."""
        self.trades[trade.signal_id] = trade
        if trade.halts:
            self.halting[trade.signal_id] = trade
        return trade

    def refused(self, error: PumpwatchError, text: str, trade: Trade | None = None) -> None:
        """Report an error as a problem, by its kind."""
        cause = next((word for kind, word in CAUSES if isinstance(error, kind)), "order")
        self.problem(f"{text}: {error}", trade, cause=cause)

    def problem(self, text: str, trade: Trade | None = None, *, cause: str = "exchange") -> None:
        """Report what went wrong and is left to the next run; `cause` as in `metrics.PROBLEMS`."""
        self.report.problem(text, time=self.clock.now(), cause=cause, trade=trade)

    def look(self, symbols: Sequence[str] = ()) -> View:
        """Look at the account, and at the market and these symbols' books, in one round of reads.

        Raises when positions or orders cannot be read; what only entries need may be missing.
        """
        positions = self.reads.start(self.broker.positions)
        orders = self.reads.start(self.broker.open_orders)
        account = self.reads.start(self.broker.account)
        # One symbol's row is a thousandth of the whole market's answer.
        one = symbols[0] if len(set(symbols)) == 1 else ""
        snapshot = self.reads.start(partial(self.market.snapshot, one)) if symbols else None
        contracts = self.reads.start(partial(self.contracts.refresh, self.clock.now()))
        books = {
            symbol: self.reads.start(partial(self.market.order_book, symbol))
            for symbol in dict.fromkeys(symbols)
        }
        self.touched = False
        self._optional(contracts.result)
        return View(
            positions={one.symbol: one for one in positions.result()},
            open_orders=orders.result(),
            account=self._optional(account.result),
            snapshot=self._optional(snapshot.result) if snapshot is not None else None,
            books={symbol: _answer_or_error(book.result) for symbol, book in books.items()},
        )

    def unreadable(self, rows: Rows[Answer]) -> None:
        """Count the rows of a list that could not be read, and say whose they are."""
        for row in rows.unreadable:
            self.report.unreadable[row.source] += 1
            whose = row.symbol or "no symbol"
            self.problem(
                f"a row of {row.source} ({whose}) cannot be read: {row.reason}", cause="rows"
            )

    def answer_or_error(self, asked: Future[Answer]) -> Answer | RetryLater:
        """Return the answer of a read, or why there is none."""
        try:
            return asked.result()
        except RetryLater as error:
            return error

    def _optional(self, answer: Callable[[], Answer]) -> Answer | None:
        try:
            return answer()
        except (RetryLater, SkipSymbol) as error:
            self.problem(f"{type(error).__name__}: {error}")
            return None


def _answer_or_error(answer: Callable[[], Answer]) -> Answer | PumpwatchError:
    try:
        return answer()
    except (RetryLater, SkipSymbol) as error:
        return error
