"""The quote, and what follows from it: a strategy's plan, a sized entry, or a denial."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.market.snapshot import MarketSnapshot, OrderBook

from .orders import Side
from .rounding import decimal_from


@dataclass(frozen=True, slots=True)
class Denied:
    """Nothing is sent; `reason` is a plain sentence for the journal, the log and the report."""

    reason: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A symbol's prices at one moment, USDT. All of them are above zero and bid <= ask."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    mark: Decimal
    watches_mark: bool = False
    """Stops and targets fire by the mark price; else it says nothing about them, and in a pump it
    stays tens of per cent behind."""

    @classmethod
    def of(
        cls, snapshot: MarketSnapshot, book: OrderBook | None, symbol: str, *, watches_mark: bool
    ) -> Quote | Denied:
        """Return the prices of a symbol of the snapshot and of its book, or why it has none."""
        if book is None or not book.bids or not book.asks:
            return Denied("one side of the order book is empty")
        bid, ask = book.bids[0][0], book.asks[0][0]
        if not 0 < bid <= ask:
            return Denied("the order book is crossed")
        row = snapshot.symbols.index(symbol)
        last, mark = float(snapshot.last_price[row]), float(snapshot.mark_price[row])
        for name, price in (("last", last), ("mark", mark)):
            if not 0 < price < math.inf:
                return Denied(f"the exchange gives no {name} price for this symbol")
        return cls(bid, ask, decimal_from(last), decimal_from(mark), watches_mark)

    @property
    def spread(self) -> Decimal:
        """Return ask less bid as a share of the middle."""
        return (self.ask - self.bid) * 2 / (self.ask + self.bid)

    def best(self, side: Side) -> Decimal:
        """Return the price a market order of this side meets first."""
        return self.ask if side is Side.BUY else self.bid

    @property
    def highest(self) -> Decimal:
        """Return the highest of the prices by which a stop or a target could fire."""
        return max(self._watched)

    @property
    def lowest(self) -> Decimal:
        """Return the lowest of the prices by which a stop or a target could fire."""
        return min(self._watched)

    @property
    def _watched(self) -> tuple[Decimal, ...]:
        traded = (self.bid, self.ask, self.last)
        return (*traded, self.mark) if self.watches_mark else traded


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """A strategy's plan, prices not rounded yet, USDT."""

    side: Side
    stop_loss: Decimal
    take_profit: Decimal | None
    time_limit: int
    """Milliseconds from the entry after which the position is closed at market."""


@dataclass(frozen=True, slots=True)
class SizedEntry:
    """An entry that may be sent: rounded, within every limit."""

    side: Side
    quantity: Decimal
    stop_loss: Decimal
    take_profit: Decimal | None
    planned_price: Decimal
    """Best price of the book when it was sized."""
    limit_price: Decimal
    """Worst price it may fill at."""
    notional: Decimal
    """The value at the highest price that the order can be filled at, USDT."""
    risk: Decimal
    """The loss at the stop after the worst fill, fees included, USDT."""
    closes_at: int
    """Milliseconds UTC."""
