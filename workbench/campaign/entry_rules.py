"""What must be so whenever an entry is intended, told from facts and settings alone.

Nothing here calls the code that decides in production: a fault there must not hide itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.adapters.memory import MemoryHaltStore, MemoryJournal, MemoryLockStore
from pumpwatch.domain.orders import OrderRequest, Side
from pumpwatch.domain.signals import Signal
from pumpwatch.domain.trades import ExitReason, OrderRecord, Trade, TradeState

from .exchange import WorldExchange
from .invocation import Run
from .plan import ACCOUNT, OPENING_HOURS, START, Plan

__all__ = ["TIME_LIMIT", "EntryRules", "Facts"]

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
DEEPER = Decimal("1.2")
"""A drawdown so much beyond its limit was there however the price moved in the last moments."""
TIME_LIMIT = 25_000
"""Milliseconds after which an invocation is killed."""
REQUESTS = 4
"""Requests in sequence that the send of an entry and the look for it may need."""
Rule = Callable[[Trade, OrderRequest, Run], str]


@dataclass(frozen=True, slots=True)
class Facts:
    """The truth of a world: its exchange and its stores, reached past all weather."""

    plan: Plan
    exchange: WorldExchange
    journal: MemoryJournal
    halts: MemoryHaltStore
    locks: MemoryLockStore

    def untold(self) -> list[str]:
        """Return the signals whose trades demand a look that nobody has taken yet."""
        seen = self.halts.looked_at()
        return [
            trade.signal_id
            for trade in self.journal.trades_since(0)
            if (trade.exit_reason is ExitReason.UNEXPLAINED or trade.halts)
            and trade.signal_id not in seen
        ]


class EntryRules:
    """Says what an entry breaks, from the moment in which its intent is stored."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._settings = facts.plan.settings
        self._signals = {signal.signal_id: signal for _, signal in facts.plan.signals}
        self._orders_today = 0
        self._foreign: set[str] = set()
        self._rules: Sequence[Rule] = (
            self._halt,
            self._lock,
            self._cooldown,
            self._history,
            self._hours,
            self._time,
            self._ages,
            self._access,
            self._rows,
            self._symbol,
            self._contract,
            self._price,
            self._stop,
        )

    def count(self) -> None:
        """Note that an order was intended."""
        self._orders_today += 1

    def why_not(self, trade: Trade, order: OrderRecord, run: Run) -> str:
        """Return what the entry breaks, as a sentence behind the rule's name; empty when nothing.

        To be asked before the order is counted.
        """
        most = self._settings.max_orders_per_day
        if self._orders_today >= most:
            return f"limits: order {self._orders_today + 1} of a day, {most} allowed"
        answers = (rule(trade, order.request, run) for rule in self._rules)
        return next((why for why in answers if why), "")

    # --- halts and locks -------------------------------------------------------------------

    def _halt(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        halt = self._facts.halts.current()
        if halt is not None and halt.since < run.started:
            return f"halts: an entry in {trade.symbol} while halted: {halt.reason}"
        untold = self._facts.untold()
        return f"halts: an entry while trade {untold[0]} waits for a person" if untold else ""

    def _lock(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        now = self._facts.exchange.now
        for lock in self._facts.locks.current(run.started):
            if lock.symbol in ("", trade.symbol) and now < (lock.until or 0):
                return f"locks: an entry in {trade.symbol} under {lock.protection}: {lock.reason}"
        return ""

    def _cooldown(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        exchange, resumed = self._facts.exchange, self._facts.halts.resumed() or 0
        if trade.symbol in exchange.touched:
            return ""
        closings = (
            row.time
            for row in exchange.engine.ledger.executions
            if row.symbol == trade.symbol and row.closed > 0
        )
        last = max(closings, default=0)
        rest = self._settings.symbol_cooldown_minutes * MINUTE
        early = last >= resumed and exchange.now < last + rest
        return f"locks: {trade.symbol} rests, its last trade was just closed" if early else ""

    def _history(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        """Return the pause that the closed trades demand: a losing streak, a drawdown."""
        settings, now = self._settings, self._facts.exchange.now
        since = self._facts.halts.resumed() or 0
        trades = self._facts.journal.trades_since(0)
        ends = [t for t in trades if t.state is TradeState.CLOSED and (t.exit_time or 0) >= since]
        ends.sort(key=lambda one: (one.exit_time or 0, one.signal_id))
        streak = settings.losing_streak_trades
        last = ends[-streak:] if streak else []
        if last and len(last) == streak and all(one.realised_pnl < 0 for one in last):
            until = (last[-1].exit_time or 0) + settings.losing_streak_pause_minutes * MINUTE
            if now < until:
                return f"locks: an entry after {streak} losses in a row"
        limits = (settings.drawdown_pause_fraction, settings.drawdown_halt_fraction)
        asked = [one for one in limits if one]
        if asked and self._depth(ends) > min(asked) * DEEPER:
            return "locks: an entry in a drawdown that pauses or halts"
        return ""

    def _depth(self, ends: Sequence[Trade]) -> Decimal:
        """Return how far the equity is below its peak over the closed trades, as a share."""
        ledger = self._facts.exchange.engine.ledger
        equity = ledger.wallet + ledger.unrealised()
        now = max(equity, ledger.wallet)
        peak = before = min(equity, ledger.wallet)
        for one in reversed(ends):
            before -= one.realised_pnl
            peak = max(peak, before)
        return (peak - now) / peak

    def _hours(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        closed = self._settings.trading_hours and run.started >= START + OPENING_HOURS
        return f"locks: an entry outside {self._settings.trading_hours}" if closed else ""

    # --- what it was decided on ------------------------------------------------------------

    def _time(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        left = TIME_LIMIT - (self._facts.exchange.now - run.started)
        needed = round(REQUESTS * self._settings.request_timeout_seconds * SECOND)
        if left >= needed or run.undead:
            return ""
        return f"time: an entry with {left} ms left, where {needed} may be needed to follow it"

    def _ages(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        settings, now = self._settings, self._facts.exchange.now
        signal, book = self._signals[trade.signal_id], run.books.get(trade.symbol)
        if run.started - run.scheduled > settings.max_tick_age_seconds * SECOND:
            return f"ages: an entry on a tick of {run.started - run.scheduled} ms"
        if run.started - signal.time > settings.max_signal_age_seconds * SECOND:
            return f"ages: an entry on a signal of {run.started - signal.time} ms"
        if book is None:
            return f"ages: an entry without a look at the book of {trade.symbol}"
        oldest = min(book.time, run.market_seen)
        if now - oldest > settings.max_data_age_seconds * SECOND:
            return f"ages: an entry on prices of {now - oldest} ms"
        return f"clock: an entry while in doubt of the time: {run.doubt}" if run.doubt else ""

    def _access(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        access, since = self._facts.exchange.access
        good = access.account == ACCOUNT and access.may_trade and not access.read_only
        if (good and not access.may_move_funds and not access.hedge_mode) or since > run.connected:
            return ""
        return f"access: an entry with a key that must not be used: {access}"

    def _rows(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        for (source, symbol), (since, until) in self._facts.exchange.odd.items():
            if source == "positions" and since < run.started < self._facts.exchange.now < until:
                return f"rows: an entry while the position in {symbol} cannot be read"
        return ""

    def _symbol(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        exchange, symbol = self._facts.exchange, trade.symbol
        live = self._facts.journal.live_trades()
        others = [one for one in live if one.symbol == symbol and one.state.live]
        if any(one.signal_id != trade.signal_id for one in others):
            return f"limits: a second trade in {symbol}"
        if symbol in exchange.hedged:
            return f"strangers: an entry in {symbol}, which is in hedge mode"
        if exchange.lag_until > run.started:
            return ""
        orders = exchange.engine.ledger.open_orders(exchange.indices[symbol])
        strange = [one for one in orders if not one.link_id and one.create_type == "CreateByUser"]
        if any(one.created < run.started and not one.stop_kind for one in strange):
            return f"strangers: an entry in {symbol}, where somebody else's order rests"
        return ""

    def _contract(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        settings, symbol = self._settings, trade.symbol
        listing = self._facts.exchange.market.listings[self._facts.exchange.indices[symbol]]
        if settings.leverage > listing.max_leverage:
            return f"limits: {symbol} allows a leverage of {listing.max_leverage}"
        rate, due = run.funding.get(symbol, (0.0, 0))
        cost = Decimal(repr(rate)) * (1 if trade.side is Side.BUY else -1)
        soon = due <= self._facts.exchange.now + self._limit - MINUTE
        dear = soon and cost > settings.max_funding_fraction
        return f"limits: a funding of {cost} is due in {symbol}" if dear else ""

    @property
    def _limit(self) -> int:
        one = self._settings
        fade = one.strategy_name == "fade"
        return MINUTE * (one.fade_time_limit_minutes if fade else one.ride_time_limit_minutes)

    def _price(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        """Check the worst price that the entry accepts against the book it was judged by."""
        settings, book = self._settings, run.books[trade.symbol]
        (bid, _), (ask, _) = book.bids[0], book.asks[0]
        if (ask - bid) * 2 > settings.max_spread * (ask + bid):
            return f"limits: an entry in {trade.symbol} within a spread of {ask - bid}"
        limit, tolerance = request.limit_price, settings.slippage_tolerance
        if limit is None:
            loose = getattr(request, "slippage_tolerance", None)
            return "" if loose == tolerance else "price: an entry without a worst price"
        fair = limit >= ask if request.side is Side.BUY else limit <= bid
        worst = ask * (1 + tolerance) if request.side is Side.BUY else bid * (1 - tolerance)
        beyond = limit > worst if request.side is Side.BUY else limit < worst
        return f"price: a limit of {limit} at {bid}/{ask}" if beyond or not fair else ""

    def _stop(self, trade: Trade, request: OrderRequest, run: Run) -> str:
        """Check stop and target against the strategy as the manual words it."""
        signal, book = self._signals[trade.signal_id], run.books[trade.symbol]
        listings = self._facts.exchange.market.listings
        tick = listings[self._facts.exchange.indices[trade.symbol]].tick_size
        wanted_stop, wanted_target = self._levels(signal, book.asks[0][0])
        stop, target = request.stop_loss, request.take_profit
        if request.side is not (Side.SELL if self._settings.strategy_name == "fade" else Side.BUY):
            return f"stop: {trade.symbol} is entered on the wrong side"
        if stop is None or target is None:
            return f"stop: an entry in {trade.symbol} without a stop or a target"
        # Both are rounded toward the entry: never a larger loss, never a later target.
        sign = 1 if request.side is Side.BUY else -1
        if not 0 <= sign * (stop - wanted_stop) < tick:
            return f"stop: {trade.symbol} has a stop at {stop}, planned was {wanted_stop}"
        if not 0 <= sign * (wanted_target - target) < tick:
            return f"stop: {trade.symbol} has a target at {target}, planned was {wanted_target}"
        return ""

    def _levels(self, signal: Signal, ask: Decimal) -> tuple[Decimal, Decimal]:
        one = self._settings
        if one.strategy_name == "ride":
            return ask * (1 - one.ride_stop_fraction), ask * (1 + one.ride_target_fraction)
        peak, base = Decimal(repr(signal.peak_price)), Decimal(repr(signal.base_price))
        target = peak - one.fade_target_retrace * (peak - base)
        return peak * (1 + one.fade_stop_above_peak), target
