"""The ports of the trade use case, the contracts, and what a run remembers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import TypeVar

from pumpwatch.domain.lease import Lease
from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import DAY, HOUR, MINUTE, utc_text
from pumpwatch.domain.trading.halt import CloseRequest
from pumpwatch.domain.trading.orders import Fill
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.trades import RepairNote, Trade
from pumpwatch.errors import (
    DeadlineNear,
    ExchangeUnavailable,
    PumpwatchError,
    RetryLater,
    StoreUnavailable,
    UnreadableAnswer,
)
from pumpwatch.ports import (
    Broker,
    Clock,
    Deadline,
    ExchangeHealth,
    HaltStore,
    Journal,
    LockStore,
    MarketData,
    SignalStore,
)
from pumpwatch.settings.trade import TradeSettings

from .report import TradeReport

WEEK = 7 * DAY
CAUSES: Sequence[tuple[type[PumpwatchError], str]] = (
    (StoreUnavailable, "store"),
    (DeadlineNear, "time"),
    (UnreadableAnswer, "rows"),
    (ExchangeUnavailable, "exchange"),
)
"""Words of `PROBLEMS` for errors; whatever else goes wrong concerns an order."""

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
class Ports:
    """The outside as the use case reaches it, the same in every run.

    With an executor, reads that do not depend on each other go out side by side and cost one round
    trip together. Without it they are made at once in the caller's order: a simulated run stays
    repeatable.
    """

    broker: Broker
    market: MarketData
    journal: Journal
    signals: SignalStore
    halts: HaltStore
    locks: LockStore
    health: ExchangeHealth
    clock: Clock
    wait: Callable[[float], None]
    """Pauses for seconds."""
    executor: Executor | None = None

    def start(self, read: Callable[[], Answer]) -> Future[Answer]:
        """Start the read; its `result()` gives the answer or raises what the read raised."""
        if self.executor is not None:
            return self.executor.submit(read)
        future: Future[Answer] = Future()
        try:
            future.set_result(read())
        except PumpwatchError as error:
            future.set_exception(error)
        return future


@dataclass(slots=True)
class Run:
    """One run: its lease, its deadline, its report, and what it remembers."""

    ports: Ports
    settings: TradeSettings
    contracts: Contracts
    lease: Lease
    deadline: Deadline
    report: TradeReport = field(default_factory=TradeReport)
    seconds_at_start: float = 0.0
    """What the deadline left when the run began."""
    trades: dict[str, Trade] = field(default_factory=dict)
    """The trades this run has to do with, as they are stored, by signal id."""
    sent: set[str] = field(default_factory=set)
    """Signal ids of the trades this run has sent orders for."""
    exits: Counter[str] = field(default_factory=Counter)
    """Exits sent in this run by signal id."""
    refusals: list[str] = field(default_factory=list)
    """Ids of the orders that the exchange refused in this run."""
    touched: bool = False
    """True once something was sent since the last look at the account."""
    closes_all: bool = False
    """True when a person asked for all positions to be closed."""
    to_close: Mapping[str, CloseRequest] = field(default_factory=dict)
    """Requests to close a trade, by its signal id."""
    owners: dict[str, str] = field(default_factory=dict)
    """Signal ids by order id, of symbols in which several trades of ours have fills."""

    def now(self) -> int:
        """Return the exchange's time, milliseconds UTC."""
        return self.ports.clock.now()

    def woken(self) -> int:
        """Return the exchange's time at which the run began: no answer told it then."""
        passed = self.seconds_at_start - self.deadline.seconds_left()
        return self.now() - round(passed * 1000)

    @property
    def live(self) -> list[Trade]:
        """Return the trades that need care, oldest first."""
        return [trade for trade in self.trades.values() if trade.state.live]

    def has_time(self, requests: int) -> bool:
        """Return whether so many requests in sequence, at their slowest, fit in before the end."""
        worst = requests * self.settings.care_timeout_seconds + 1.0
        return self.deadline.seconds_left() >= worst

    def is_of(self, trade: Trade, fill: Fill) -> bool:
        """Return whether the fill may belong to the trade: not to another one of ours."""
        return self.owners.get(fill.order_id, trade.signal_id) == trade.signal_id

    def recent_trades(self) -> Rows[Trade]:
        """Return the trades of the last seven days, oldest first."""
        return self.ports.journal.trades_since(max(0, self.now() - WEEK))

    def day(self, now: int) -> str:
        """Return the UTC day that orders are counted under, `YYYY-MM-DD`."""
        return utc_text(now)[:10]

    def save(self, trade: Trade, *, repair: RepairNote | None = None) -> None:
        """Store the trade under the run's lease. Raises what the journal raises."""
        self.ports.journal.save(trade, self.lease, repair=repair)

    def keep(self, trade: Trade) -> Trade:
        """Remember the trade as it is stored now."""
        self.trades[trade.signal_id] = trade
        return trade

    def refused(self, error: PumpwatchError, text: str, trade: Trade | None = None) -> None:
        """Report an error as a problem, by its kind."""
        cause = next((word for kind, word in CAUSES if isinstance(error, kind)), "order")
        self.problem(f"{text}: {error}", trade, cause=cause)

    def problem(self, text: str, trade: Trade | None = None, *, cause: str = "exchange") -> None:
        """Report what went wrong and is left to the next run; `cause` as in `PROBLEMS`."""
        self.report.problem(text, time=self.now(), cause=cause, trade=trade)

    def unreadable(self, rows: Rows[Answer]) -> None:
        """Count the rows of a list that could not be read, and say whose they are."""
        for row in rows.unreadable:
            self.report.unreadable[row.source] += 1
            self.problem(str(row), cause="rows")

    def answer_or_error(self, asked: Future[Answer]) -> Answer | RetryLater:
        """Return the answer of a read, or why there is none."""
        try:
            return asked.result()
        except RetryLater as error:
            return error
