"""What one run of the trade use case works with, and one look at the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pumpwatch.domain.market import Instrument
from pumpwatch.domain.trades import Trade
from pumpwatch.ports import Broker, Clock, Deadline, Journal, Lease, MarketData
from pumpwatch.settings import TradeSettings

from .reads import Reads
from .trade_report import TradeReport

__all__ = ["Contracts", "Desk"]

MINUTE, HOUR = 60_000, 3_600_000


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
    refused: list[str] = field(default_factory=list)
    """Ids of the orders that the exchange refused in this run."""
    touched: bool = False
    """Whether something was sent since the last look at the account."""
    closes_all: bool = False
    """Whether a person asked for all positions to be closed."""
    unexplained: list[Trade] = field(default_factory=list)
    """Trades ended in this run without knowing what became of their position."""

    def has_time(self, requests: int) -> bool:
        """Return whether so many requests in sequence, at their slowest, fit in before the end."""
        worst = requests * self.settings.care_timeout_seconds + 1.0
        return self.deadline.seconds_left() >= worst

    def day(self, now: int) -> str:
        """Return the UTC day that orders are counted under, `YYYY-MM-DD`."""
        return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%d")

    def keep(self, trade: Trade) -> Trade:
        """Remember the trade as it is stored now."""
        self.trades[trade.signal_id] = trade
        return trade

    def problem(self, text: str, trade: Trade | None = None, *, cause: str = "exchange") -> None:
        """Report what went wrong and is left to the next run; `cause` as in `metrics.PROBLEMS`."""
        self.report.problem(text, time=self.clock.now(), cause=cause, trade=trade)
