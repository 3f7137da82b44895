"""The trade use case: one tick from the lease to the report.

Order of work: lease, our live trades and the halt, positions, stops and exits; then, with what time
is left, signals, protections and entries. Care runs in every mode; halts, stale ticks and limits
stop entries only.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

from pumpwatch.domain.lease import Lease
from pumpwatch.domain.trading.evidence import own_position
from pumpwatch.domain.trading.orders import Account
from pumpwatch.domain.trading.protections import in_force
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.errors import LeaseHeld, RetryLater
from pumpwatch.ports import (
    Broker,
    Clock,
    Deadline,
    ExchangeHealth,
    HaltStore,
    Journal,
    LeaseStore,
    LockStore,
    MarketData,
    SignalStore,
)
from pumpwatch.settings.trade import TradeSettings
from pumpwatch.usecases.tick import Tick

from .access_check import AccessCheck
from .care import Care
from .entry_round import EntryRound
from .guards import Guards
from .holdings import position_in
from .look import View, look
from .reads import Reads
from .realised_profit import RealisedProfit
from .report import TradeReport
from .run import Contracts, Desk
from .stops import trail

LEASE_NAME = "trade"
LONGEST_RUN = 25.0
"""Seconds; the function's time-out is at most this."""
LEASE_RESERVE = 5.0
"""Seconds by which the lease outlives the run: a killed run is dead before its lease ends."""
LEASE_PAUSE = 0.25
LEASE_PATIENCE = 3.0
"""Seconds that a run waits for a lease that is taken."""


class TradeSignals:
    """Trade fresh signals under hard limits and care for what is open. One per warm function."""

    def __init__(
        self,
        *,
        broker: Broker,
        market: MarketData,
        journal: Journal,
        signals: SignalStore,
        leases: LeaseStore,
        halts: HaltStore,
        locks: LockStore,
        health: ExchangeHealth,
        clock: Clock,
        settings: TradeSettings,
        wait: Callable[[float], None],
        executor: Executor | None = None,
    ) -> None:
        self._broker = broker
        self._market = market
        self._journal = journal
        self._leases = leases
        self._halts = halts
        self._clock = clock
        self._settings = settings
        self._wait = wait
        self._reads = Reads(executor)
        self._contracts = Contracts(market)
        self._realised = RealisedProfit(journal)
        self._guards = Guards(settings, locks, halts, health)
        access = AccessCheck(broker, settings)
        self._entries = EntryRound(signals, self._guards, access)
        self._care = Care()

    def run(
        self,
        tick: Tick,
        deadline: Deadline,
        *,
        publish: Callable[[TradeReport], None] | None = None,
    ) -> TradeReport:
        """Do one tick's work and return what was done and found.

        `publish` is called with the report of a good run while the lease is still held: totals are
        added and pushed by one run at a time.

        Raises `StopTrading`'s subclasses, `LeaseLost`, or `RetryLater` when the account or the
        journal cannot be read at all. A single trade's failure is a problem in the report.
        """
        report = TradeReport()
        lease = self._acquire(tick, deadline)
        if lease is None:
            report.busy = True
            return report
        try:
            desk = Desk(
                broker=self._broker,
                market=self._market,
                journal=self._journal,
                clock=self._clock,
                deadline=deadline,
                lease=lease,
                settings=self._settings,
                reads=self._reads,
                wait=self._wait,
                contracts=self._contracts,
                report=report,
            )
            self._work(desk, tick)
            if publish is not None:
                publish(report)
        finally:
            self._release(lease)
        return report

    def _acquire(self, tick: Tick, deadline: Deadline) -> Lease | None:
        patience_ends = deadline.seconds_left() - LEASE_PATIENCE
        for attempt in range(round(LEASE_PATIENCE / LEASE_PAUSE) + 1):
            if attempt:
                self._wait(LEASE_PAUSE)
            seconds = min(max(deadline.seconds_left(), 0.0), LONGEST_RUN) + LEASE_RESERVE
            try:
                return self._leases.acquire(LEASE_NAME, owner=tick.execution_id, seconds=seconds)
            except LeaseHeld:
                if deadline.seconds_left() - LEASE_PAUSE < patience_ends:
                    break
        return None

    def _release(self, lease: Lease) -> None:
        try:
            self._leases.release(lease)
        except RetryLater:
            # It runs out by itself, and the run's own result or error matters more.
            return

    def _work(self, desk: Desk, tick: Tick) -> None:
        asked = desk.reads.start(self._broker.positions)
        for trade in self._journal.live_trades():
            desk.keep(trade)
        self._guards.read_halt(desk)
        ahead = self._entries.ask_ahead(desk)
        listed = desk.answer_or_error(asked)
        self._care.run(desk, listed)
        self._free_looked_at(desk)
        if isinstance(listed, RetryLater):
            # What care was possible without the list was given; the run counts as failed.
            raise listed
        desk.unreadable(listed)
        self._finish(desk, self._entries.run(desk, tick, listed, ahead))

    def _free_looked_at(self, desk: Desk) -> None:
        """Let the trades halt entries no longer that a person has looked at."""
        for trade in [one for one in desk.trades.values() if one.halts]:
            try:
                if trade.signal_id in self._halts.looked_at():
                    freed = trade.with_(halts="", looked_at=desk.clock.now())
                    self._journal.save(freed, desk.lease)
                    desk.keep(freed)
            except RetryLater as error:
                desk.refused(error, "a trade that halts entries could not be freed", trade)

    def _finish(self, desk: Desk, view: View) -> None:
        for trade in desk.live:
            own = own_position(trade, position_in(view.positions, trade.symbol))
            if own is not None:
                trail(desk, trade, own)
        if desk.touched:
            view = look(desk, view.positions)
        report, now = desk.report, self._clock.now()
        if in_force(report.locks, "", now) is not None:
            report.block("lock", "a protection pauses every symbol")
        if isinstance(view.account, Account):
            report.equity, report.available = view.account.equity, view.account.available
        report.describe_holdings(list(view.positions), list(desk.trades.values()), now=now)
        try:
            if isinstance(view.open_orders, Rows):
                report.describe_orders(view.open_orders, installation=self._journal.installation())
            report.realised_pnl = self._realised.total(
                now, token=desk.lease.token, cared_for=desk.trades.values()
            )
        except RetryLater as error:
            desk.refused(error, "the run could not be described in full")
