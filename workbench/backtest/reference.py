"""The backtest again, slow and obvious: one minute after the other, one symbol after the other.

Tests hold the fast engine to it by the hash of the trades. It shares with it what production
decides with (the event machine, strategies, limits, sizing, protections) and nothing of how the
engine gets there: detection is the rules' own reference in plain Python, no minute is skipped,
nothing is looked up ahead, and fills and results are reckoned here a second time.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from pumpwatch.domain.candles import HOUR, MINUTE
from pumpwatch.domain.detection import Detector, Ewma, KampsKleinberg, Karbalaii, detector_named
from pumpwatch.domain.detection import reference as rules_in_plain_python
from pumpwatch.domain.events import SymbolView, advance
from pumpwatch.domain.funding import FundingTerms
from pumpwatch.domain.limits import Book, check_account, check_plan, check_symbol
from pumpwatch.domain.market import Instrument
from pumpwatch.domain.orders import Side
from pumpwatch.domain.plans import Denied, Quote, SizedEntry
from pumpwatch.domain.protections import Lock, TradingHistory, in_force
from pumpwatch.domain.signals import PumpEvent, Signal
from pumpwatch.domain.sizing import size_entry
from pumpwatch.domain.trades import ExitReason, Trade, TradeState
from pumpwatch.usecases.entries import limits_from, strategy_from
from pumpwatch.usecases.guards import protections_from

from .engine import rules_of
from .market import Block
from .settings import BacktestSettings

__all__ = ["reference_trades"]

OPEN, HIGH, LOW, CLOSE, VOLUME, TURNOVER = range(6)
Row = tuple[float, float, float, float, float, float]
ALARM_MEMORY = 6
"""Minutes after an alarm in which the event machine is asked even without an event."""
TAKEN_OUT_AFTER, SETTLED_AFTER = 60, 120
"""Minutes; the rules for exits that thin candles delay, stated in docs/backtest.md."""


@dataclass
class _Holding:
    """An open position and what has happened to it so far."""

    trade: Trade
    contract: Instrument
    minute: int
    """Open time of the minute it was entered in."""
    entry_value: Decimal
    left: Decimal
    fees: Decimal
    funding_rate: Decimal
    next_funding: int
    entry_open: Decimal
    best: Decimal
    trailing: Decimal | None
    funding: Decimal = Decimal(0)
    exit_value: Decimal = Decimal(0)
    reason: ExitReason | None = None
    due: int = 0
    """Open time of the minute from which it is taken out."""
    weights: Counter[ExitReason] = field(default_factory=Counter)


@dataclass
class _Recording:
    """One symbol's candles, alarms and event."""

    segment: int
    symbol: str
    contract: Instrument
    first: int
    rows: list[Row | None]
    alarms: dict[int, tuple[float, float]]
    """(strength, jump) by the time at which the alarm is known."""
    event: PumpEvent | None = None

    def row_at(self, time: int) -> Row | None:
        index = (time - self.first) // MINUTE
        return self.rows[index] if 0 <= index < len(self.rows) else None

    def price_at(self, time: int) -> float:
        """Return the last close known at a time."""
        index = min((time - self.first) // MINUTE, len(self.rows)) - 1
        while index >= 0:
            row = self.rows[index]
            if row is not None:
                return row[CLOSE]
            index -= 1
        return math.nan

    @property
    def end(self) -> int:
        return self.first + len(self.rows) * MINUTE


def reference_trades(blocks: Sequence[Block], settings: BacktestSettings) -> list[Trade]:
    """Return the closed trades, in no particular order."""
    detector = detector_named(settings.detect.detector, settings.detect)
    recordings = [
        _recording(block, row, detector)
        for block in blocks
        for row in range(block.candles.shape[0])
        if block.candles.shape[1]
    ]
    if not recordings:
        return []
    loop = _Loop(recordings, settings, detector)
    first = min(one.first for one in recordings)
    last = max(one.end for one in recordings)
    for tick in range(first, last + SETTLED_AFTER * MINUTE + MINUTE, MINUTE):
        loop.step(tick)
    return loop.closed


class _Loop:
    """The account. `step` is called for every minute there is."""

    def __init__(
        self, recordings: Sequence[_Recording], settings: BacktestSettings, detector: Detector
    ) -> None:
        self.recordings = recordings
        self.settings = settings
        self.detector = detector
        self.rules = rules_of(settings)
        self.strategy = strategy_from(settings.trade)
        self.limits = limits_from(settings.trade)
        self.protections = protections_from(settings.trade)
        self.equity_realised = settings.trade.paper_equity_usdt
        self.held: list[tuple[_Holding, _Recording]] = []
        self.closed: list[Trade] = []
        self.locks: list[Lock] = []
        self.halted: int | None = None
        self.resumed = 0
        self.orders: Counter[str] = Counter()
        self.waiting: list[tuple[int, Signal, _Recording]] = []

    def step(self, tick: int) -> None:
        """Do what is due when the minute `tick` begins."""
        ended = self._follow_positions(tick)
        if self.halted is not None and tick >= self._resume_time():
            self.resumed, self.halted = self._resume_time(), None
        self._look_for_signals(tick)
        due = [one for one in self.waiting if one[0] == tick]
        self.waiting = [one for one in self.waiting if one[0] > tick]
        if ended or due:
            self._judge(tick)
        for _, signal, recording in sorted(due, key=lambda one: (one[1].symbol, one[2].segment)):
            self._enter(signal, recording, tick)

    # --- signals -------------------------------------------------------------------------

    def _look_for_signals(self, tick: int) -> None:
        for one in self.recordings:
            if not one.first < tick <= one.end:
                continue
            if one.event is None and tick not in one.alarms:
                continue
            view = _view(one, tick, self.detector.interval)
            one.event, signals = advance(one.event, view, tick, self.detector.name, self.rules)
            delay = (self.settings.assumed.delay_candles - 1) * MINUTE
            for signal in signals:
                if self.strategy.acts_on(signal):
                    self.waiting.append((tick + delay, signal, one))

    # --- positions -----------------------------------------------------------------------

    def _follow_positions(self, tick: int) -> bool:
        """Let the minute that has just ended, then the one that begins, act on what is held."""
        before = len(self.held)
        for holding, recording in list(self.held):
            if holding.reason is None:
                self._test_minute(holding, recording, tick - MINUTE)
            if holding.reason is None and tick >= holding.trade.closes_at and tick < recording.end:
                self._pay_funding(holding, tick, None)
                holding.reason, holding.due = ExitReason.TIME_LIMIT, tick
                self.orders[_day(tick)] += 1
            row = recording.row_at(tick)
            late = holding.reason is not None and tick >= holding.due + SETTLED_AFTER * MINUTE
            if tick >= recording.end or late:
                self._settle(holding, recording, tick)
            elif holding.reason is not None and holding.left > 0 and row is not None:
                self._take_out(holding, row, tick, Decimal(repr(row[OPEN])), tick)
        finished = [one for one in self.held if one[0].left <= 0]
        self.held = [one for one in self.held if one[0].left > 0]
        for holding, _ in sorted(
            finished, key=lambda one: (one[0].trade.exit_time, one[0].trade.signal_id)
        ):
            self._close(holding)
        return len(self.held) < before

    def _test_minute(self, holding: _Holding, recording: _Recording, minute: int) -> None:
        """Pay the funding of a minute, then see what its candle fires, the worst first."""
        row = recording.row_at(minute)
        if row is None or minute < holding.minute:
            return
        opened, high, low = (Decimal(repr(value)) for value in row[:3])
        self._pay_funding(holding, minute + MINUTE - 1, (minute, opened))
        fired = self._fired(holding, opened, high, low)
        if fired is None:
            short = holding.trade.side is Side.SELL
            holding.best = min(holding.best, low) if short else max(holding.best, high)
            return
        holding.reason, price = fired
        holding.due = minute
        self._take_out(holding, row, minute, price, minute + MINUTE - 1)

    def _fired(
        self, holding: _Holding, opened: Decimal, high: Decimal, low: Decimal
    ) -> tuple[ExitReason, Decimal] | None:
        trade, leverage = holding.trade, self.settings.trade.leverage
        short = trade.side is Side.SELL
        sign = 1 if short else -1
        worst, best = (high, low) if short else (low, high)
        room = 1 / leverage - Decimal("0.01")
        entry = holding.entry_value / trade.quantity
        # The exchange's own price has eight decimals.
        edge = Decimal(int(entry * (1 + sign * room) * 10**8)) / 10**8
        levels = [(trade.stop_loss, ExitReason.STOP_LOSS)]
        if edge > 0:
            levels.append((edge, ExitReason.LIQUIDATION))
        if holding.trailing is not None:
            so_far = min(holding.best, opened) if short else max(holding.best, opened)
            levels.append((so_far + sign * holding.trailing, ExitReason.TRAILING_STOP))
        for level, reason in sorted(levels, key=lambda one: sign * (one[0] or 0)):
            if level is not None and sign * (worst - level) >= 0:
                return reason, max(level, opened) if short else min(level, opened)
        target = trade.take_profit
        if holding.trailing is not None:
            reach = best if target is None else (max(best, target) if short else min(best, target))
            pulled = min(holding.best, reach) if short else max(holding.best, reach)
            if short and opened < holding.best:
                pulled = min(pulled, opened)
            if not short and opened > holding.best:
                pulled = max(pulled, opened)
            level = pulled + sign * holding.trailing
            if sign * (worst - level) >= 0:
                return ExitReason.TRAILING_STOP, level
        if target is not None and sign * (best - target) <= 0:
            return ExitReason.TAKE_PROFIT, target
        return None

    def _pay_funding(
        self, holding: _Holding, until: int, opening: tuple[int, Decimal] | None
    ) -> None:
        interval = holding.contract.funding_interval_minutes * MINUTE
        while holding.next_funding <= until:
            price = holding.entry_open
            if opening is not None and holding.next_funding >= opening[0]:
                price = opening[1]
            holding.funding += holding.trade.quantity * price * holding.funding_rate
            holding.next_funding += interval

    def _take_out(
        self, holding: _Holding, row: Row, minute: int, price: Decimal, time: int
    ) -> None:
        """Fill as much of the exit in a minute as its turnover allows."""
        assumed = self.settings.assumed
        part = min(holding.left, self._capacity(row, holding.contract))
        worse = assumed.spread / 2 + self._slippage(row, part * Decimal(repr(row[OPEN])))
        if minute >= holding.due + TAKEN_OUT_AFTER * MINUTE:
            part = holding.left
        if part <= 0:
            return
        if holding.trade.side is Side.SELL:
            filled_at = price * (1 + worse)
        else:
            filled_at = price * max(Decimal(0), 1 - worse)
        self._leave(holding, part, filled_at, time, holding.reason)

    def _settle(self, holding: _Holding, recording: _Recording, tick: int) -> None:
        price = Decimal(repr(recording.price_at(tick)))
        if holding.left > 0:
            self._leave(holding, holding.left, price, tick - 1, ExitReason.SETTLEMENT)

    def _leave(
        self,
        holding: _Holding,
        part: Decimal,
        price: Decimal,
        time: int,
        reason: ExitReason | None,
    ) -> None:
        value = part * price
        holding.exit_value += value
        holding.fees += value * self.settings.trade.taker_fee
        holding.left -= part
        holding.weights[reason or ExitReason.SETTLEMENT] += part  # type: ignore[assignment]
        holding.trade = holding.trade.with_(exit_time=time)

    def _close(self, holding: _Holding) -> None:
        trade = holding.trade
        gain = holding.exit_value - holding.entry_value
        gross = gain if trade.side is Side.BUY else -gain
        result = gross - holding.fees - holding.funding
        self.equity_realised += result
        self.closed.append(
            trade.with_(
                state=TradeState.CLOSED,
                exit_price=holding.exit_value / trade.quantity,
                exit_reason=max(holding.weights, key=lambda one: holding.weights[one]),
                fees=holding.fees,
                funding=holding.funding,
                realised_pnl=result,
            )
        )

    # --- entries -------------------------------------------------------------------------

    def _enter(self, signal: Signal, recording: _Recording, tick: int) -> None:
        row = recording.row_at(tick)
        if row is None or self.halted is not None or in_force(self.locks, signal.symbol, tick):
            return
        live = [one.trade for one, _ in self.held]
        if check_symbol(signal.symbol, trades=live, positions=(), open_orders=()) is not None:
            return
        opened, half = Decimal(repr(row[OPEN])), self.settings.assumed.spread / 2
        quote = Quote(opened * (1 - half), opened * (1 + half), opened, opened)
        sized = self._sized(signal, quote, recording.contract, tick)
        if isinstance(sized, Denied):
            return
        self.orders[_day(tick)] += 1
        filled, price = self._entered(sized, quote, row, recording.contract)
        if filled < recording.contract.min_quantity or filled <= 0:
            return
        trade = Trade(
            signal_id=signal.signal_id,
            event_id=signal.event_id,
            symbol=signal.symbol,
            strategy=self.strategy.name,
            side=sized.side,
            state=TradeState.OPEN,
            signal_time=signal.time,
            signal_price=Decimal(repr(signal.price)),
            created=tick,
            quantity=filled,
            stop_loss=sized.stop_loss,
            take_profit=sized.take_profit,
            closes_at=sized.closes_at,
            entry_price=price,
            entry_time=tick,
        )
        interval = recording.contract.funding_interval_minutes * MINUTE
        trailing = self.settings.trade.trailing_stop_fraction
        holding = _Holding(
            trade=trade,
            contract=recording.contract,
            minute=tick,
            entry_value=filled * price,
            left=filled,
            fees=filled * price * self.settings.trade.taker_fee,
            funding_rate=self.settings.assumed.funding_rate,
            next_funding=(tick // interval + 1) * interval,
            entry_open=opened,
            best=opened,
            trailing=trailing * price if trailing else None,
        )
        self.held.append((holding, recording))

    def _sized(
        self, signal: Signal, quote: Quote, contract: Instrument, tick: int
    ) -> SizedEntry | Denied:
        book = self._book(tick)
        full = check_account(book, self.limits)
        if full is not None:
            return full
        plan = self.strategy.plan(signal, quote)
        if isinstance(plan, Denied):
            return plan
        interval = contract.funding_interval_minutes * MINUTE
        rate = self.settings.assumed.funding_rate
        terms = FundingTerms(
            rate if plan.side is Side.BUY else -rate, (tick // interval + 1) * interval, interval
        )
        denied = check_plan(plan, quote, contract, terms, self.limits, now=tick)
        if denied is not None:
            return denied
        sized = size_entry(plan, quote, contract, book, self.limits, now=tick)
        if self.orders[_day(tick)] >= self.settings.trade.max_orders_per_day:
            return Denied("too many orders")
        return sized

    def _entered(
        self, sized: SizedEntry, quote: Quote, row: Row, contract: Instrument
    ) -> tuple[Decimal, Decimal]:
        """Return what an entry gets in the minute that begins: quantity and price."""
        filled = min(sized.quantity, self._capacity(row, contract))
        if filled <= 0:
            return Decimal(0), Decimal(0)
        worse = self._slippage(row, filled * Decimal(repr(row[OPEN])))
        if worse > self.limits.slippage_tolerance:
            share = filled * self.limits.slippage_tolerance / worse
            filled = share // contract.quantity_step * contract.quantity_step
            worse = self.limits.slippage_tolerance
        long = sized.side is Side.BUY
        return filled, quote.ask * (1 + worse) if long else quote.bid * (1 - worse)

    def _capacity(self, row: Row, contract: Instrument) -> Decimal:
        turnover = Decimal(repr(row[TURNOVER]))
        most = self.settings.assumed.max_turnover_share * turnover / Decimal(repr(row[OPEN]))
        return most // contract.quantity_step * contract.quantity_step

    def _slippage(self, row: Row, taken: Decimal) -> Decimal:
        assumed = self.settings.assumed
        spread = Decimal(repr(row[HIGH])) - Decimal(repr(row[LOW]))
        worse = assumed.slippage_of_range * spread / Decimal(repr(row[OPEN]))
        if taken > 0:
            worse += assumed.slippage_of_turnover * taken / Decimal(repr(row[TURNOVER]))
        return worse

    def _book(self, tick: int) -> Book:
        equity, exposure, margin = self._equity(tick), Decimal(0), Decimal(0)
        for holding, recording in self.held:
            quantity = holding.trade.quantity
            exposure += quantity * Decimal(repr(recording.price_at(tick)))
            margin += holding.entry_value / self.settings.trade.leverage
        return Book(equity, max(Decimal(0), equity - margin), exposure, len(self.held))

    # --- equity and protections ----------------------------------------------------------

    def _unrealised(self, tick: int) -> Decimal:
        total = Decimal(0)
        for holding, recording in self.held:
            worth = holding.trade.quantity * Decimal(repr(recording.price_at(tick)))
            gain = worth - holding.entry_value
            total += gain if holding.trade.side is Side.BUY else -gain
        return total

    def _equity(self, tick: int) -> Decimal:
        return self.equity_realised + self._unrealised(tick)

    def _resume_time(self) -> int:
        return (self.halted or 0) + self.settings.assumed.resume_hours * HOUR

    def _judge(self, tick: int) -> None:
        trade = self.settings.trade
        hours = max(trade.drawdown_lookback_hours, trade.low_profit_lookback_hours)
        minutes = max(trade.symbol_cooldown_minutes, trade.losing_streak_pause_minutes)
        start = max(tick - max(hours * HOUR, minutes * MINUTE), self.resumed)
        history = TradingHistory(
            closed=[one for one in self.closed if (one.exit_time or 0) >= start],
            equity=self._equity(tick),
            unrealised=self._unrealised(tick),
            data_age=0,
        )
        for protection in self.protections:
            for lock in protection.check(history, tick):
                self._keep(lock, tick)

    def _keep(self, lock: Lock, tick: int) -> None:
        if lock.until is None:
            self.halted = tick if self.halted is None else self.halted
            return
        same = [
            one
            for one in self.locks
            if (one.protection, one.symbol) == (lock.protection, lock.symbol)
        ]
        if all((one.until or 0) < lock.until for one in same):
            self.locks = [one for one in self.locks if one not in same] + [lock]


# --- candles ------------------------------------------------------------------------------


def _recording(block: Block, row: int, detector: Detector) -> _Recording:
    candles = block.candles
    rows = rules_in_plain_python.rows_of(candles, row)
    first = int(candles.open_time[0])
    judged, judged_first = rows, first
    if detector.interval == HOUR:
        judged_first = -(-first // HOUR) * HOUR
        judged = _whole_hours(rows[(judged_first - first) // MINUTE :])
    alarms = {}
    for index, found in enumerate(_detections(judged, detector)):
        if found is not None and found[0]:
            alarms[judged_first + (index + 1) * detector.interval] = found[1:]
    return _Recording(
        block.segments[row], candles.symbols[row], block.contracts[row], first, rows, alarms
    )


def _detections(
    rows: Sequence[Row | None], detector: Detector
) -> Sequence[tuple[bool, float, float] | None]:
    if isinstance(detector, Ewma):
        return rules_in_plain_python.ewma(rows, detector)
    if isinstance(detector, Karbalaii):
        return rules_in_plain_python.karbalaii(rows, detector)
    if isinstance(detector, KampsKleinberg):
        return rules_in_plain_python.kamps_kleinberg(rows, detector)
    raise ValueError(f"there is no reference of the rule {detector.name}")


def _view(recording: _Recording, tick: int, interval: int) -> SymbolView:
    """Return the candles of the last hours up to now, as a scan at `tick` sees them."""
    event = recording.event
    since = event.alarm_candle if event is not None else tick - interval
    begin = (since - recording.first) // MINUTE
    rows = recording.rows[begin : (tick - recording.first) // MINUTE]
    forming = False
    if interval == HOUR:
        forming = len(rows) % 60 != 0
        rows = _whole_hours(rows) + ([_merged(rows[len(rows) // 60 * 60 :])] if forming else [])
    strength, jump = recording.alarms.get(tick, (math.nan, math.nan))
    count = len(rows)
    alarm = np.zeros(count, dtype=np.bool_)
    alarm[-1] = tick in recording.alarms and not forming
    columns = np.array([(math.nan,) * 6 if row is None else row for row in rows])
    return SymbolView(
        symbol=recording.symbol,
        interval=interval,
        open_time=since + interval * np.arange(count, dtype=np.int64),
        high=columns[:, HIGH],
        low=columns[:, LOW],
        close=columns[:, CLOSE],
        alarm=alarm,
        strength=np.full(count, strength),
        jump=np.full(count, jump),
        forming=forming,
        close_before=recording.price_at(since),
    )


def _whole_hours(rows: Sequence[Row | None]) -> list[Row | None]:
    return [_merged(rows[begin : begin + 60]) for begin in range(0, len(rows) - 59, 60)]


def _merged(rows: Sequence[Row | None]) -> Row | None:
    known = [row for row in rows if row is not None]
    if not known:
        return None
    return (
        known[0][OPEN],
        max(row[HIGH] for row in known),
        min(row[LOW] for row in known),
        known[-1][CLOSE],
        math.fsum(row[VOLUME] for row in known),
        math.fsum(row[TURNOVER] for row in known),
    )


def _day(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d")
