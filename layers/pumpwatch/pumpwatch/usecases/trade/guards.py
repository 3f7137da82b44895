"""The guards of entries: the halt, the locks, and the protections that set new locks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TypeVar

from pumpwatch.domain.moments import DAY, HOUR, MINUTE, utc_text
from pumpwatch.domain.trading.halt import Halt, Instructions
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
)
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.domain.trading.weekly_hours import WeeklyHours
from pumpwatch.errors import InvariantBroken, RetryLater
from pumpwatch.settings.trade import TradeSettings

from .look import View
from .run import Run

Answer = TypeVar("Answer")
LONGEST_TRADE = DAY
"""A trade that was closed within the look-back was created at most so much before it."""


def protections_from(settings: TradeSettings) -> list[Protection]:
    """Return the protections that the settings switch on."""
    s = settings
    protections: list[Protection] = [StaleData(s.max_data_age_seconds)]
    if s.trading_hours:
        hours = WeeklyHours.parse(s.trading_hours, zone=s.trading_time_zone)
        protections.append(TradingHours(hours))
    if s.symbol_cooldown_minutes:
        protections.append(SymbolCooldown(s.symbol_cooldown_minutes))
    if s.losing_streak_trades:
        protections.append(LosingStreak(s.losing_streak_trades, s.losing_streak_pause_minutes))
    if s.drawdown_pause_fraction or s.drawdown_halt_fraction:
        drawdown = Drawdown(
            lookback_hours=s.drawdown_lookback_hours,
            pause_fraction=s.drawdown_pause_fraction,
            pause_minutes=s.drawdown_pause_minutes,
            halt_fraction=s.drawdown_halt_fraction,
        )
        protections.append(drawdown)
    if s.low_profit_trades:
        low_profit = LowProfitSymbol(
            trades=s.low_profit_trades,
            lookback_hours=s.low_profit_lookback_hours,
            fraction=s.low_profit_fraction,
            pause_hours=s.low_profit_pause_hours,
        )
        protections.append(low_profit)
    if s.incident_failure_fraction:
        incident = ExchangeIncident(
            failure_fraction=s.incident_failure_fraction,
            min_requests=s.incident_min_requests,
            pause_minutes=s.incident_pause_minutes,
        )
        protections.append(incident)
    return protections


@dataclass(frozen=True, slots=True)
class Records:
    """The table's records that entries depend on, on their way."""

    trades: Future[Rows[Trade]]
    resumed: Future[int | None]
    locks: Future[Sequence[Lock]]


def read_halt(run: Run, asked: Future[Instructions] | None = None) -> None:
    """Take up what people ask for, the halt into the report; where it cannot be read nothing is
    opened."""
    ask = asked.result if asked is not None else run.ports.halts.instructions
    instructions = _read(run, ask, "halt flag")
    if instructions is None:
        return
    run.to_close, halt = instructions.to_close, instructions.halt
    if halt is not None:
        run.report.halted = True
        run.closes_all = halt.close_positions
        who = halt.by or "a person"
        run.report.block("halt", f"halted since {utc_text(halt.since)} by {who}: {halt.reason}")


def read_locks(run: Run, records: Records | None = None) -> None:
    """Put the locks in force into the report; where they cannot be read nothing is opened."""
    now = run.now()
    ask = records.locks.result if records else partial(run.ports.locks.current, now)
    locks = _read(run, ask, "locks")
    if locks is not None:
        run.report.locks = [lock for lock in locks if lock.until is None or now < lock.until]


def _read(run: Run, read: Callable[[], Answer], what: str) -> Answer | None:
    try:
        return read()
    except (RetryLater, InvariantBroken) as error:
        run.report.block("stores", f"{what} could not be read: {error}")
        run.problem(f"{what} could not be read, so no entries: {error}", cause="store")
        return None


class Guards:
    """The protections, which set new locks. Entries only."""

    def __init__(self, settings: TradeSettings) -> None:
        self._protections = protections_from(settings)
        hours = (settings.drawdown_lookback_hours, settings.low_profit_lookback_hours)
        minutes = (settings.symbol_cooldown_minutes, settings.losing_streak_pause_minutes)
        self._lookback = max(max(hours) * HOUR, max(minutes) * MINUTE)

    def ask_trades(self, run: Run, now: int) -> Future[Rows[Trade]]:
        """Ask for the trades that `judge` needs at `now` or later."""
        return run.ports.start(partial(run.ports.journal.trades_since, self._since(now)))

    def judge(self, run: Run, view: View, records: Records | None = None) -> None:
        """Let every protection look at what is known now; store and report what it asks for.

        Raises `RetryLater` when the journal or the locks cannot be read or written: nothing may be
        opened then.
        """
        now = run.now()
        history = self._history(run, view, now, records)
        known = {(lock.protection, lock.symbol): lock for lock in run.report.locks}
        for protection in self._protections:
            for lock in protection.check(history, now):
                self._apply(run, lock, known.get((lock.protection, lock.symbol)), now)

    def _apply(self, run: Run, lock: Lock, known: Lock | None, now: int) -> None:
        report = run.report
        if lock.until is None:
            if not report.halted:
                run.ports.halts.halt(Halt(lock.reason, now, by=f"protection {lock.protection}"))
                report.note("halted", lock.reason, time=now, symbol=lock.symbol)
            report.halted = True
            report.block("halt", lock.reason)
            return
        if known is not None and known.until is not None and known.until >= lock.until:
            return
        run.ports.locks.save(lock)
        report.locks = [other for other in report.locks if other is not known] + [lock]
        report.note("locked", f"{lock.protection}: {lock.reason}", time=now, symbol=lock.symbol)

    def _history(self, run: Run, view: View, now: int, records: Records | None) -> TradingHistory:
        return TradingHistory(
            closed=self._closed(run, now, records),
            equity=view.account.equity if isinstance(view.account, Account) else None,
            unrealised=_unrealised(run, view),
            health=run.ports.health.recent(now),
            # A market that was not looked at opens nothing anyway.
            data_age=view.age(now) or 0,
        )

    def _since(self, now: int) -> int:
        """Return from when on trades matter that may have been closed within the look-back."""
        return max(0, now - self._lookback - LONGEST_TRADE)

    def _closed(self, run: Run, now: int, records: Records | None) -> Sequence[Trade]:
        ports, since = run.ports, self._since(now)
        resumed = records.resumed.result() if records else ports.halts.resumed()
        stored = records.trades.result() if records else ports.journal.trades_since(since)
        if stored.unreadable:
            run.unreadable(stored)
            run.report.block("rows", str(stored.unreadable[0]))
        start = max(now - self._lookback, resumed or 0)
        # What this run has changed since the records were read counts as it is now.
        trades = {trade.signal_id: trade for trade in stored} | run.trades
        closed = [
            trade
            for trade in trades.values()
            if trade.state is TradeState.CLOSED
            and trade.is_of_mode(run.settings.trading_mode)
            and (trade.exit_time or 0) >= start
        ]
        return sorted(closed, key=lambda trade: (trade.exit_time or 0, trade.signal_id))


def _unrealised(run: Run, view: View) -> Decimal:
    ours = {trade.symbol for trade in run.trades.values() if trade.state.live}
    profits = (p.unrealised_pnl for p in view.positions if p.symbol in ours)
    return sum(profits, Decimal(0))
