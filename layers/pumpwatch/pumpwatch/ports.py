"""The ports of the use cases, named by role. Adapters are named by technology.

Times are milliseconds UTC unless a name says otherwise. Every method may raise `RetryLater`'s
subclasses; what else it raises is in its docstring.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # detect loads these ports without the trading types
    from decimal import Decimal

    from pumpwatch.credentials import ExchangeKey, PushCredentials
    from pumpwatch.domain.detection.signals import PumpEvent, Signal
    from pumpwatch.domain.lease import Lease
    from pumpwatch.domain.market.candles import CandleRequest, Candles, CandleSeries
    from pumpwatch.domain.market.health import Health
    from pumpwatch.domain.market.snapshot import Instrument, MarketSnapshot, OrderBook
    from pumpwatch.domain.market.trades import MarketTrades
    from pumpwatch.domain.trading.access import Access
    from pumpwatch.domain.trading.halt import CloseRequest, Halt, Instructions
    from pumpwatch.domain.trading.orders import (
        Account,
        Fill,
        OrderRequest,
        OrderStatus,
        Position,
        StopTrigger,
    )
    from pumpwatch.domain.trading.protections import Lock
    from pumpwatch.domain.trading.rows import Rows
    from pumpwatch.domain.trading.trades import OrderRecord, RepairNote, Trade
    from pumpwatch.errors import PumpwatchError


class Clock(Protocol):
    """The time that decisions are dated with: the exchange's own, as it stamps its answers."""

    def now(self) -> int:
        """Return the time, milliseconds UTC."""

    def earliest(self) -> int:
        """Return the earliest time that it may be, milliseconds UTC: `now` unless in doubt.

        A position is closed by its time limit only when every time that it may be is past it.
        """

    def doubt(self) -> str:
        """Return why the time is not sure, as a sentence; empty when it is.

        While it is not sure the time that was sure before goes on: nothing new is opened, and
        nothing is stored because of another time.
        """


class Deadline(Protocol):
    """The end of this invocation."""

    def seconds_left(self) -> float:
        """Return the seconds until the invocation is killed."""


class MarketData(Protocol):
    """The exchange's public side."""

    def time(self) -> int:
        """Return the exchange's time with one light request; it also warms the connection."""

    def snapshot(self, symbol: str = "") -> MarketSnapshot:
        """Return the whole market from one request. Impossible rows are skipped and named.

        `symbol` says that one symbol is wanted: others may be left out then. One that the exchange
        does not know has no row.
        """

    def watchlist(self) -> Mapping[str, str]:
        """Return the class of every USDT perpetual, whether its terms can be read or not."""

    def instruments(self) -> Mapping[str, Instrument]:
        """Return every tradable USDT perpetual whose terms can be read, by symbol, all pages."""

    def candles(
        self, requests: Sequence[CandleRequest]
    ) -> Mapping[str, CandleSeries | PumpwatchError]:
        """Return what each request gave: the series, or the error that concerns this symbol alone.

        A range of more than 1,000 candles takes several calls to the exchange.
        """

    def recent_trades(self, symbols: Sequence[str]) -> Mapping[str, MarketTrades | PumpwatchError]:
        """Return each symbol's last trades, or the error that concerns this symbol alone.

        One request a symbol. An exchange shows so many trades and no more: `MarketTrades.since`
        says from when on they are all there.
        """

    def order_book(self, symbol: str) -> OrderBook:
        """Return the best levels of the book. Raises `UnknownSymbol`, `BadMarketData`."""


class SignalStore(Protocol):
    """Signals from detection to trading."""

    def publish(self, signal: Signal) -> bool:
        """Store the signal; return False when it was there already (nothing is changed then)."""

    def since(self, time: int) -> Sequence[Signal]:
        """Return the signals with `signal.time >= time`, oldest first."""


class EventStore(Protocol):
    """Pump events that are not over, and those that cool down."""

    def current(self) -> Sequence[PumpEvent]:
        """Return the latest event of every symbol that has one and is not re-armed yet."""

    def save(self, event: PumpEvent) -> None:
        """Store the event, replacing the symbol's former one."""

    def remove(self, event: PumpEvent) -> None:
        """Forget the event, so that its symbol can alarm again; a newer event stays."""


class HistoryStore(Protocol):
    """The cache of candle history and detection state. It can be lost: everything is rebuilt."""

    def load_state(self, name: str) -> Mapping[str, object] | None:
        """Return the arrays saved last, or None (absent, unreadable or older format).

        Values are numpy arrays (numeric or fixed-width text).
        """

    def save_state(self, name: str, state: Mapping[str, object]) -> None:
        """Replace the named state."""

    def load_slice(self, number: int, *, interval: int) -> Candles | None:
        """Return a slice of the candle history, or None (absent, unreadable or older format)."""

    def save_slice(self, number: int, candles: Candles) -> None:
        """Replace a slice of the candle history."""


class LeaseStore(Protocol):
    """One writer at a time."""

    def acquire(self, name: str, *, owner: str, seconds: float) -> Lease:
        """Take the lease, with its mark, if it is free or ran out. Raises `LeaseHeld`."""

    def release(self, lease: Lease) -> None:
        """Give the lease back and keep its mark; a lease that was lost meanwhile is left alone."""


class ScanQueue(Protocol):
    """The coming scans of the market, each an event of its own when it is due."""

    def enqueue(self, slots: Sequence[int], *, now: int) -> None:
        """Let a scan come at each slot; times in milliseconds UTC, to the second.

        Of several calls for the same slot each brings one. When it raises some may come.
        """


Increments = Mapping[str, int | float]
"""What a run adds, by the metric's name with its label values, as `metrics.total_key` writes it."""


class TotalsStore(Protocol):
    """Durable totals behind the true counters: one item per function."""

    def add(
        self, function: str, run_id: str, increments: Increments, equity: float | None = None
    ) -> Mapping[str, Decimal]:
        """Add a run's increments once (a repeat of `run_id` changes nothing) and return the totals.

        `equity` is what the account is worth, for a person who looks where nothing else keeps it.
        """

    def kept(self, function: str) -> str:
        """Return the text that `keep` stored, as the last `add` of the function saw it."""

    def keep(self, function: str, text: str) -> None:
        """Store a text for the function's next run, whichever instance makes it."""


class Broker(Protocol):
    """The exchange's private side, or the paper one. Our positions are linear, in one-way mode.

    Lists are read row by row: a row that cannot be read is in the answer's `unreadable` and takes
    no other row with it.
    """

    def account(self) -> Account:
        """Return the account's money."""

    def positions(self, symbol: str = "") -> Rows[Position]:
        """Return every open position, ours or not; with a symbol those of that symbol."""

    def open_orders(self) -> Rows[OrderStatus]:
        """Return every order that can still be filled, protections included.

        An order in a state that is new to us is open.
        """

    def place(self, request: OrderRequest) -> str:
        """Send the order once and return the exchange's id for it: accepted, not filled.

        Raises `DuplicateOrder`, `Rejected`, `OutcomeUnknown` when no answer says what happened, or
        `RetryLater` when nothing was sent (`DeadlineNear` once `request.send_by` has passed).
        """

    def find_order(self, symbol: str, order_id: str) -> OrderStatus | None:
        """Look in open orders, history and executions for our id; None when all three are empty.

        Raises `UnreadableAnswer` when the order is there and its row cannot be read.
        """

    def fills(self, symbol: str, *, since: int) -> Rows[Fill]:
        """Return the symbol's executions from `since` on, oldest first, all pages."""

    def leverage(self, symbol: str) -> Decimal | None:
        """Return the leverage that a first position in the symbol would have, 0 where no one says.

        None: the account holds the symbol already, or keeps it in hedge mode.
        """

    def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Set the leverage; already set is a success. Raises `Rejected`."""

    def set_protection(
        self,
        symbol: str,
        *,
        stop_loss: Decimal | None,
        take_profit: Decimal | None,
        trigger: StopTrigger,
        trailing_stop: Decimal | None = None,
    ) -> None:
        """Set the position's stop, its target and its trailing distance; None leaves one as it is.

        Unchanged is a success. The fixed stop stays in force beside a trailing one.
        Raises `Rejected` (flat, or the price has passed the stop) or `OutcomeUnknown`.
        """

    def access(self) -> Access:
        """Return what the key may do on which account, and how that account keeps positions."""


class ExchangeHealth(Protocol):
    """The exchange's recent answers and failures, as this process saw them."""

    def recent(self, now: int) -> Health:
        """Return requests and failures of the last minutes; `now` in milliseconds UTC."""


class Journal(Protocol):
    """The durable record of intents, orders and trades. Every write checks the lease."""

    def installation(self) -> str:
        """Return this journal's six letters, made once: its orders carry them, see `order_id_for`.

        Two deployments on one account are told apart by it.
        """

    def live_trades(self) -> Rows[Trade]:
        """Return the trades that still need care, and ended ones that halt entries."""

    def trade(self, signal_id: str) -> Trade | None:
        """Return the signal's trade."""

    def trades_since(self, time: int) -> Rows[Trade]:
        """Return the trades created from `time` on, oldest first (any state)."""

    def orders(self, signal_id: str) -> Sequence[OrderRecord]:
        """Return the orders of a trade, oldest first."""

    def orders_on(self, day: str) -> int:
        """Return how many orders were intended on a UTC day (`YYYY-MM-DD`)."""

    def intend(
        self, trade: Trade, order: OrderRecord, lease: Lease, *, day: str, max_orders: int | None
    ) -> None:
        """Store trade and intent, counting it, in one transaction that checks the lease.

        Raises `LeaseLost`; `LimitReached` when the day's count has reached `max_orders` (None:
        exits are counted and never refused); `DuplicateOrder` when the intent exists already.
        """

    def settle(
        self, trade: Trade, order: OrderRecord, lease: Lease, *, repair: RepairNote | None = None
    ) -> None:
        """Store an order's outcome, the trade that follows and the repair it was, together.

        Raises `LeaseLost`.
        """

    def save(self, trade: Trade, lease: Lease, *, repair: RepairNote | None = None) -> None:
        """Store the trade, and the repair that changed it. Raises `LeaseLost`."""

    def repairs(self, signal_id: str) -> Sequence[RepairNote]:
        """Return what was put right in a trade, oldest first."""


class HaltStore(Protocol):
    """The persisted halt flag, and the requests to close single trades."""

    def current(self) -> Halt | None:
        """Return the halt in force, or None."""
        return self.instructions().halt

    def instructions(self) -> Instructions:
        """Return the halt in force and the requests to close, in one read."""

    def ask_to_close(self, request: CloseRequest) -> None:
        """Store a request; one for the same trade is replaced."""

    def drop_requests(self, signal_ids: Collection[str]) -> None:
        """Remove the requests for trades that are closed."""

    def halt(self, halt: Halt) -> None:
        """Stop entries; an earlier halt keeps its reason and time, and may be told to close."""

    def resume(self, *, by: str, time: int, trades: Collection[str] = ()) -> None:
        """Allow entries again. `trades` are the signal ids of halting trades that were looked at;
        they stay on record beside those of earlier times.
        """

    def looked_at(self) -> Collection[str]:
        """Return the signal ids of the halting trades that people have looked at."""

    def resumed(self) -> int | None:
        """Return when a person last resumed: protections do not look back beyond it."""


class LockStore(Protocol):
    """Pauses that protections have set. They end by themselves."""

    def current(self, now: int) -> Sequence[Lock]:
        """Return the locks in force at `now` (milliseconds UTC), oldest first."""

    def save(self, lock: Lock) -> None:
        """Store the lock; one of the same protection and symbol is replaced by a later end only."""


class Secrets(Protocol):
    """The store of keys and passwords; each is cached for five minutes at most."""

    def exchange_key(self) -> ExchangeKey:
        """Return the key. Raises `BadCredentials` for a secret that is absent or malformed."""

    def push_credentials(self) -> PushCredentials | None:
        """Return what the Pushgateway asks for, None when no secret is named for it.

        Raises `BadCredentials` as `exchange_key` does.
        """

    def forget(self) -> None:
        """Drop what is cached, so that a rotated key is read."""


class MetricsSink(Protocol):
    """The receiver of a run's metrics. A sink never raises and takes at most its time-out."""

    def push(self, job: str, exposition: object, *, failed: bool) -> bool:
        """Push a `prometheus_client` registry; return whether it was accepted.

        After a failed run only the given metrics are replaced, so that the last success stays.
        """
