"""The simulated account: entries within production's limits, protections, equity.

Everything happens at ticks, one a minute. A tick first books what has closed up to then,
lets the protections judge, and then enters: the order of production.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.domain.trading.funding import FundingTerms
from pumpwatch.domain.trading.limits import (
    Book,
    RiskLimits,
    check_account,
    check_plan,
    check_symbol,
)
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import Denied, SizedEntry
from pumpwatch.domain.trading.protections import Lock, TradingHistory, in_force
from pumpwatch.domain.trading.rounding import decimal_from
from pumpwatch.domain.trading.sizing import size_entry
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.usecases.trade.entries import limits_from, strategy_from
from pumpwatch.usecases.trade.guards import protections_from

from .fills import entry_part, quote_at
from .market import OPEN, Window
from .settings import BacktestSettings
from .walk import finished

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedTrade:
    """A trade that was entered, as it will have been closed, and where its candles are."""

    trade: Trade
    planned: Decimal
    """Quantity that was asked for; the trade's own is what was filled."""
    window: Window
    exit_sent: int | None
    """Time at which an order to close it was sent at its time limit, milliseconds UTC."""

    def mark(self, time: int) -> Decimal:
        """Return the last price known at a time."""
        return decimal_from(self.window.price_at(time))

    def unrealised(self, time: int) -> Decimal:
        """Return the open profit at a time, before costs, USDT."""
        move = self.mark(time) - (self.trade.entry_price or ZERO)
        return self.trade.quantity * (move if self.trade.side is Side.BUY else -move)


def tick_of(time: int) -> int:
    """Return the first tick at or after a time, milliseconds UTC."""
    return -(-time // MINUTE) * MINUTE


class SimulatedAccount:
    """Open and closed positions. Feed it signals in order of their ticks."""

    def __init__(self, settings: BacktestSettings) -> None:
        trade = settings.trade
        self.settings = settings
        self.open: list[SimulatedTrade] = []
        self.closed: list[SimulatedTrade] = []
        self.dropped: list[Trade] = []
        self.strategy = strategy_from(trade)
        self._limits: RiskLimits = limits_from(trade)
        self._protections = protections_from(trade)
        self._lookback = max(
            max(trade.drawdown_lookback_hours, trade.low_profit_lookback_hours) * HOUR,
            max(trade.symbol_cooldown_minutes, trade.losing_streak_pause_minutes) * MINUTE,
        )
        self._realised = ZERO
        self._locks: list[Lock] = []
        self._halted: int | None = None
        self._resumed = 0
        self._orders: Counter[str] = Counter()

    def enter(self, signals: list[tuple[Signal, Window]], tick: int) -> None:
        """Act on the signals of one tick, milliseconds UTC, after everything that closed before."""
        self.close_until(tick - 1)
        self._tick(tick, wanted=True)
        for signal, window in signals:
            self._enter(signal, window, tick)

    def close_until(self, time: int) -> None:
        """Go through the ticks up to a time at which a trade is found closed."""
        while self.open:
            tick = min(tick_of(position.trade.exit_time or 0) for position in self.open)
            if tick > time:
                return
            self._tick(tick, wanted=False)

    def equity(self, time: int) -> Decimal:
        """Return start, realised and open profit at a time."""
        return (
            self.settings.trade.paper_equity_usdt
            + self._realised
            + sum((position.unrealised(time) for position in self.open), ZERO)
        )

    # --- inside --------------------------------------------------------------------------

    def _tick(self, tick: int, *, wanted: bool) -> None:
        ended = [
            position for position in self.open if tick_of(position.trade.exit_time or 0) <= tick
        ]
        for position in sorted(
            ended, key=lambda position: (position.trade.exit_time, position.trade.signal_id)
        ):
            self.open.remove(position)
            self.closed.append(position)
            self._realised += position.trade.realised_pnl
            if position.exit_sent is not None:
                self._orders[_day(position.exit_sent)] += 1
        if self._halted is not None and tick >= self._resume_time(self._halted):
            self._resumed, self._halted = self._resume_time(self._halted), None
        if wanted or ended:
            self._judge(tick)

    def _resume_time(self, halted: int) -> int:
        return halted + self.settings.assumed.resume_hours * HOUR

    def _judge(self, tick: int) -> None:
        """Let every protection look, and keep the locks it asks for."""
        start = max(tick - self._lookback, self._resumed)
        recent = []
        for position in reversed(self.closed):
            if (position.trade.exit_time or 0) < start:
                break
            recent.append(position.trade)
        unrealised = sum((position.unrealised(tick) for position in self.open), ZERO)
        history = TradingHistory(
            closed=recent[::-1], equity=self.equity(tick), unrealised=unrealised, data_age=0
        )
        for protection in self._protections:
            for lock in protection.check(history, tick):
                self._keep(lock, tick)

    def _keep(self, lock: Lock, tick: int) -> None:
        if lock.until is None:
            self._halted = tick if self._halted is None else self._halted
            return
        for known in self._locks:
            if (known.protection, known.symbol) == (lock.protection, lock.symbol):
                if known.until is not None and known.until >= lock.until:
                    return
                self._locks.remove(known)
                break
        self._locks.append(lock)

    def _enter(self, signal: Signal, window: Window, tick: int) -> None:
        trade = Trade(
            signal_id=signal.signal_id,
            event_id=signal.event_id,
            symbol=signal.symbol,
            strategy=self.strategy.name,
            side=self.strategy.side,
            state=TradeState.ENTERING,
            signal_time=signal.time,
            signal_price=decimal_from(signal.price),
            created=tick,
        )
        index = window.index_of(tick)
        sized = self._sized(signal, window, index, tick)
        if isinstance(sized, Denied):
            self._drop(trade, sized.reason)
            return
        self._orders[_day(tick)] += 1
        trade = trade.with_(
            side=sized.side,
            quantity=sized.quantity,
            stop_loss=sized.stop_loss,
            take_profit=sized.take_profit,
            planned_price=sized.planned_price,
            closes_at=sized.closes_at,
        )
        part = entry_part(
            sized.side,
            sized.quantity,
            window.values[index],
            window.contract,
            self.settings.assumed,
            bound=sized.limit_price,
        )
        if part is None:
            self._drop(trade, "the candle was too thin or too wild to fill anything")
            return
        entered = trade.with_(quantity=part.quantity, state=TradeState.OPEN)
        done, exit_sent = finished(entered, part, window, index, self.settings)
        self.open.append(SimulatedTrade(done, sized.quantity, window, exit_sent))

    def _drop(self, trade: Trade, reason: str) -> None:
        self.dropped.append(trade.with_(state=TradeState.DROPPED, denial=reason))

    def _sized(self, signal: Signal, window: Window, index: int, tick: int) -> SizedEntry | Denied:
        """Put the signal through everything that may deny it, in production's order."""
        if not window.is_known(index):
            return Denied("no candle follows the signal")
        taken = self._taken(signal, tick)
        if taken is not None:
            return taken
        book = self._book(tick)
        full = check_account(book, self._limits)
        if full is not None:
            return full
        quote = quote_at(window.values[index, OPEN], self.settings.assumed)
        plan = self.strategy.plan(signal, quote)
        if isinstance(plan, Denied):
            return plan
        contract, limits = window.contract, self._limits
        terms = self._funding(plan.side, window, tick)
        sized = check_plan(plan, quote, contract, terms, limits, now=tick) or size_entry(
            plan, quote, contract, book, limits, now=tick
        )
        most = self.settings.trade.max_orders_per_day
        if isinstance(sized, SizedEntry) and self._orders_on(_day(tick), tick) >= most:
            return Denied(f"{most} orders were sent on {_day(tick)} already")
        return sized

    def _orders_on(self, day: str, tick: int) -> int:
        """Return the orders sent on a day up to a tick; those of closed trades are counted in."""
        sent = (position.exit_sent for position in self.open)
        return self._orders[day] + sum(
            time is not None and time <= tick and _day(time) == day for time in sent
        )

    def _taken(self, signal: Signal, tick: int) -> Denied | None:
        if self._halted is not None:
            return Denied("halted by the drawdown protection")
        lock = in_force(self._locks, signal.symbol, tick)
        if lock is not None:
            return Denied(f"{lock.protection}: {lock.reason}")
        trades = [position.trade.with_(state=TradeState.OPEN) for position in self.open]
        return check_symbol(signal.symbol, trades=trades, positions=(), open_orders=())

    def _book(self, tick: int) -> Book:
        leverage, equity = self.settings.trade.leverage, self.equity(tick)
        entered = [(position, position.trade.entry_price or ZERO) for position in self.open]
        margin = sum(
            (position.trade.quantity * price / leverage for position, price in entered), ZERO
        )
        exposure = sum(
            (position.trade.quantity * position.mark(tick) for position in self.open), ZERO
        )
        return Book(equity, max(ZERO, equity - margin), exposure, len(self.open))

    def _funding(self, side: Side, window: Window, tick: int) -> FundingTerms:
        rate = self.settings.assumed.funding_rate
        interval = window.contract.funding_interval_minutes * MINUTE
        return FundingTerms(
            rate=rate if side is Side.BUY else -rate,
            next_time=(tick // interval + 1) * interval,
            interval=interval,
        )


def _day(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d")
