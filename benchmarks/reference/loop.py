"""The loop over every minute there is: what is held, what detection says, what is entered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from pumpwatch.domain.detection.base import Detector
from pumpwatch.domain.detection.events import advance
from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.domain.trading.funding import FundingTerms
from pumpwatch.domain.trading.limits import Book, check_account, check_plan, check_symbol
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import Denied, Quote, SizedEntry
from pumpwatch.domain.trading.protections import Lock, TradingHistory, in_force
from pumpwatch.domain.trading.sizing import size_entry
from pumpwatch.domain.trading.trades import ExitReason, Trade, TradeState
from pumpwatch.own.rules import detector_named
from pumpwatch.usecases.trade.entries import limits_from, strategy_from
from pumpwatch.usecases.trade.guards import protections_from
from pumpwatch_workbench.research.backtest.engine import rules_of
from pumpwatch_workbench.research.backtest.market import Block
from pumpwatch_workbench.research.backtest.settings import BacktestSettings

from .holding import SETTLED_AFTER, Exits, ReferenceHolding, capacity, slippage
from .recording import OPEN, Recording, Row, alarms_at, price_before, recording_of


def reference_trades(blocks: Sequence[Block], settings: BacktestSettings) -> list[Trade]:
    """Return the closed trades, in no particular order."""
    detector = detector_named(settings.detect.detector, settings.detect)
    recordings = [
        recording_of(block, row, detector)
        for block in blocks
        for row in range(block.candles.shape[0])
        if block.candles.shape[1]
    ]
    if not recordings:
        return []
    loop = _Loop(recordings, settings, detector)
    first = min(recording.first for recording in recordings)
    last = max(recording.end for recording in recordings)
    for tick in range(first, last + SETTLED_AFTER * MINUTE + MINUTE, MINUTE):
        loop.step(tick)
    return loop.closed


class _Loop:
    """The account. `step` is called for every minute there is."""

    def __init__(
        self, recordings: Sequence[Recording], settings: BacktestSettings, detector: Detector
    ) -> None:
        self.recordings = recordings
        self.settings = settings
        self.detector = detector
        self.exits = Exits(settings)
        self.rules = rules_of(settings)
        self.strategy = strategy_from(settings.trade)
        self.limits = limits_from(settings.trade)
        self.protections = protections_from(settings.trade)
        self.equity_realised = settings.trade.paper_equity_usdt
        self.holdings: list[tuple[ReferenceHolding, Recording]] = []
        self.closed: list[Trade] = []
        self.locks: list[Lock] = []
        self.halted: int | None = None
        self.resumed = 0
        self.orders: Counter[str] = Counter()
        self.waiting: list[tuple[int, Signal, Recording]] = []

    def step(self, tick: int) -> None:
        """Do what is due when the minute `tick` begins."""
        ended = self._follow_positions(tick)
        if self.halted is not None and tick >= self._resume_time():
            self.resumed, self.halted = self._resume_time(), None
        self._look_for_signals(tick)
        due = [entry for entry in self.waiting if entry[0] == tick]
        self.waiting = [entry for entry in self.waiting if entry[0] > tick]
        if ended or due:
            self._judge(tick)
        for _, signal, recording in sorted(
            due, key=lambda entry: (entry[1].symbol, entry[2].segment)
        ):
            self._enter(signal, recording, tick)

    # --- signals -------------------------------------------------------------------------

    def _look_for_signals(self, tick: int) -> None:
        for recording in self.recordings:
            if not recording.first < tick <= recording.end:
                continue
            if recording.event is None and tick not in recording.alarms:
                continue
            recording.event, signals = advance(
                recording.event,
                alarms_at(recording, tick, self.detector.interval),
                price_before(recording, tick),
                tick,
                self.detector.name,
                self.rules,
            )
            delay = (self.settings.assumed.delay_candles - 1) * MINUTE
            for signal in signals:
                if self.strategy.acts_on(signal):
                    self.waiting.append((tick + delay, signal, recording))

    # --- positions -----------------------------------------------------------------------

    def _follow_positions(self, tick: int) -> bool:
        """Let the minute that has just ended, then the one that begins, act on what is held."""
        before = len(self.holdings)
        for holding, recording in list(self.holdings):
            if holding.reason is None:
                self.exits.test_minute(holding, recording, tick - MINUTE)
            if holding.reason is None and tick >= holding.trade.closes_at and tick < recording.end:
                self.exits.pay_funding(holding, tick, None)
                holding.reason, holding.due = ExitReason.TIME_LIMIT, tick
                self.orders[_day(tick)] += 1
            row = recording.row_at(tick)
            late = holding.reason is not None and tick >= holding.due + SETTLED_AFTER * MINUTE
            if tick >= recording.end or late:
                self.exits.settle(holding, recording, tick)
            elif holding.reason is not None and holding.left > 0 and row is not None:
                self.exits.take_out(holding, row, tick, Decimal(repr(row[OPEN])), tick)
        finished = [pair for pair in self.holdings if pair[0].left <= 0]
        self.holdings = [pair for pair in self.holdings if pair[0].left > 0]
        for holding, _ in sorted(
            finished, key=lambda pair: (pair[0].trade.exit_time, pair[0].trade.signal_id)
        ):
            closed = self.exits.closed(holding)
            self.equity_realised += closed.realised_pnl
            self.closed.append(closed)
        return len(self.holdings) < before

    # --- entries -------------------------------------------------------------------------

    def _enter(self, signal: Signal, recording: Recording, tick: int) -> None:
        row = recording.row_at(tick)
        if row is None or self.halted is not None or in_force(self.locks, signal.symbol, tick):
            return
        live = [holding.trade for holding, _ in self.holdings]
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
        holding = ReferenceHolding(
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
        self.holdings.append((holding, recording))

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
        filled = min(sized.quantity, capacity(row, contract, self.settings.assumed))
        if filled <= 0:
            return Decimal(0), Decimal(0)
        worse = slippage(row, filled * Decimal(repr(row[OPEN])), self.settings.assumed)
        long = sized.side is Side.BUY
        most = abs(sized.limit_price / (quote.ask if long else quote.bid) - 1)
        if worse > most:
            share = filled * most / worse
            return share // contract.quantity_step * contract.quantity_step, sized.limit_price
        return filled, quote.ask * (1 + worse) if long else quote.bid * (1 - worse)

    def _book(self, tick: int) -> Book:
        equity, exposure, margin = self._equity(tick), Decimal(0), Decimal(0)
        for holding, recording in self.holdings:
            quantity = holding.trade.quantity
            exposure += quantity * Decimal(repr(recording.price_at(tick)))
            margin += holding.entry_value / self.settings.trade.leverage
        return Book(equity, max(Decimal(0), equity - margin), exposure, len(self.holdings))

    # --- equity and protections ----------------------------------------------------------

    def _unrealised(self, tick: int) -> Decimal:
        total = Decimal(0)
        for holding, recording in self.holdings:
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
            closed=[trade for trade in self.closed if (trade.exit_time or 0) >= start],
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
            known
            for known in self.locks
            if (known.protection, known.symbol) == (lock.protection, lock.symbol)
        ]
        if all((known.until or 0) < lock.until for known in same):
            self.locks = [known for known in self.locks if known not in same] + [lock]


def _day(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d")
