"""Protections at work: what the settings ask for, what the journal says, which locks follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import TypeVar

from pumpwatch.domain.moments import utc_text
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.orders import Account
from pumpwatch.domain.trading.protections import (
    Drawdown,
    ExchangeIncident,
    Lock,
    LosingStreak,
    LowProfitSymbol,
    Protection,
    StaleData,
    SymbolCooldown,
    TradingHistory,
    TradingHours,
    WeeklyHours,
)
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.errors import RetryLater
from pumpwatch.ports import ExchangeHealth, HaltStore, LockStore
from pumpwatch.settings.trade import TradeSettings

from .look import View
from .run import Desk

Found = TypeVar("Found")
MINUTE, HOUR = 60_000, 3_600_000
LONGEST_TRADE = 1440 * MINUTE
"""A trade that was closed within the look-back was created at most so much before it."""


def protections_from(settings: TradeSettings) -> list[Protection]:
    """Return the protections that the settings switch on."""
    one = settings
    always: list[Protection] = [
        StaleData(max_age_seconds=one.max_data_age_seconds),
        *_hours(one),
    ]
    switched: list[tuple[object, Protection]] = [
        (one.symbol_cooldown_minutes, SymbolCooldown(minutes=one.symbol_cooldown_minutes)),
        (
            one.losing_streak_trades,
            LosingStreak(
                trades=one.losing_streak_trades, pause_minutes=one.losing_streak_pause_minutes
            ),
        ),
        (
            one.drawdown_pause_fraction or one.drawdown_halt_fraction,
            Drawdown(
                lookback_hours=one.drawdown_lookback_hours,
                pause_fraction=one.drawdown_pause_fraction,
                pause_minutes=one.drawdown_pause_minutes,
                halt_fraction=one.drawdown_halt_fraction,
            ),
        ),
        (
            one.low_profit_trades,
            LowProfitSymbol(
                trades=one.low_profit_trades,
                lookback_hours=one.low_profit_lookback_hours,
                fraction=one.low_profit_fraction,
                pause_hours=one.low_profit_pause_hours,
            ),
        ),
        (
            one.incident_failure_fraction,
            ExchangeIncident(
                failure_fraction=one.incident_failure_fraction,
                min_requests=one.incident_min_requests,
                pause_minutes=one.incident_pause_minutes,
            ),
        ),
    ]
    return [*always, *(protection for wanted, protection in switched if wanted)]


def _hours(settings: TradeSettings) -> list[Protection]:
    if not settings.trading_hours:
        return []
    hours = WeeklyHours.parse(settings.trading_hours, zone=settings.trading_time_zone)
    return [TradingHours(hours=hours)]


class Guards:
    """Locks in force, and the protections that set new ones. Entries only."""

    def __init__(
        self, settings: TradeSettings, locks: LockStore, halts: HaltStore, health: ExchangeHealth
    ) -> None:
        self._protections = protections_from(settings)
        self._locks = locks
        self._halts = halts
        self._health = health
        days = (settings.drawdown_lookback_hours, settings.low_profit_lookback_hours)
        minutes = (settings.symbol_cooldown_minutes, settings.losing_streak_pause_minutes)
        self._lookback = max(max(days) * HOUR, max(minutes) * MINUTE)

    def read_halt(self, desk: Desk) -> None:
        """Put the halt in force into the report; where it cannot be read nothing is opened."""
        report = desk.report
        halt = self._read(desk, self._halts.current, "halt flag")
        if halt is not None:
            report.halted = True
            desk.closes_all = halt.close_positions
            who = halt.by or "a person"
            report.block("halt", f"halted since {utc_text(halt.since)} by {who}: {halt.reason}")

    def read_locks(self, desk: Desk) -> None:
        """Put the locks in force into the report; where they cannot be read nothing is opened."""
        now = desk.clock.now()
        locks = self._read(desk, partial(self._locks.current, now), "locks")
        if locks is not None:
            desk.report.locks = list(locks)

    def _read(self, desk: Desk, read: Callable[[], Found], what: str) -> Found | None:
        try:
            return read()
        except RetryLater as error:
            desk.report.block("stores", f"{what} could not be read: {error}")
            desk.problem(f"{what} could not be read, so no entries: {error}", cause="store")
            return None

    def judge(self, desk: Desk, view: View) -> None:
        """Let every protection look at what is known now; store and report what it asks for.

        Raises `RetryLater` when the journal or the locks cannot be read or written: nothing may be
        opened then.
        """
        now = desk.clock.now()
        history = self._history(desk, view, now)
        known = {(lock.protection, lock.symbol): lock for lock in desk.report.locks}
        for protection in self._protections:
            for lock in protection.check(history, now):
                self._apply(desk, lock, known.get((lock.protection, lock.symbol)), now)

    def _apply(self, desk: Desk, lock: Lock, known: Lock | None, now: int) -> None:
        report = desk.report
        if lock.until is None:
            if not report.halted:
                self._halts.halt(Halt(lock.reason, now, by=f"protection {lock.protection}"))
                report.happened("halted", lock.symbol, lock.reason, time=now)
            report.halted = True
            report.block("halt", lock.reason)
            return
        if known is not None and known.until is not None and known.until >= lock.until:
            return
        self._locks.save(lock)
        report.locks = [one for one in report.locks if one is not known] + [lock]
        report.happened("locked", lock.symbol, f"{lock.protection}: {lock.reason}", time=now)

    def _history(self, desk: Desk, view: View, now: int) -> TradingHistory:
        return TradingHistory(
            closed=self._closed(desk, now),
            equity=view.account.equity if isinstance(view.account, Account) else None,
            unrealised=_unrealised(desk, view),
            health=self._health.recent(now),
            # A market that was not looked at opens nothing anyway.
            data_age=view.age(now) or 0,
        )

    def _closed(self, desk: Desk, now: int) -> Sequence[Trade]:
        """Return the trades closed in the look-back and since a person last resumed."""
        start = max(now - self._lookback, self._halts.resumed() or 0)
        found = desk.journal.trades_since(max(0, start - LONGEST_TRADE))
        closed = [
            trade
            for trade in found
            if trade.state is TradeState.CLOSED and (trade.exit_time or 0) >= start
        ]
        return sorted(closed, key=lambda trade: (trade.exit_time or 0, trade.signal_id))


def _unrealised(desk: Desk, view: View) -> Decimal:
    ours = {trade.symbol for trade in desk.trades.values() if trade.state.live}
    held = (one.unrealised_pnl for one in view.positions if one.symbol in ours)
    return sum(held, Decimal(0))
