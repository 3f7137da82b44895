"""Rules for an entry at the moment of its intent, judged by facts and settings alone.

Nothing here calls the code that decides in production: a fault there must not hide itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import OrderRequest, Side
from pumpwatch.domain.trading.trades import ExitReason, Trade, TradeState
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.simulator.engine.ledger import Ledger

from .exchange import GOOD_KEY, CampaignExchange
from .plan import HOSTILE, LONGEST_TRADE, OPENING_HOURS, START, TIME_LIMIT, Plan, PlannedRun
from .stores import Connected, WorldStores

DEEPER = Decimal("1.2")
"""A drawdown so much beyond its limit was there however the price moved in the last moments."""
SENT_WITHIN = 5_000
"""Milliseconds in which an entry may leave after it was judged."""
LEAST_AWAY, MOST_AWAY = Decimal("0.001"), Decimal("0.5")
"""Distance of a stop from the best price, as a share of it, where a strategy chose it itself."""
REQUESTS = 4
"""Requests in sequence that the send of an entry and the look for it may need."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The truth of a world: its exchange and its stores, reached past all faults."""

    plan: Plan
    exchange: CampaignExchange
    stores: WorldStores

    @property
    def seen(self) -> Connected:
        """Return the stores as another process sees them."""
        return self.stores.beside

    @property
    def settings(self) -> TradeSettings:
        """Return the settings of the world's function."""
        return self.plan.settings

    @property
    def ledger(self) -> Ledger:
        """Return the exchange's books."""
        return self.exchange.engine.ledger

    @property
    def limit_minutes(self) -> int:
        """Return how long a position may be open."""
        if self.settings.strategy_name == HOSTILE:
            return LONGEST_TRADE
        fade = self.settings.strategy_name == "fade"
        return (
            self.settings.fade_time_limit_minutes if fade else self.settings.ride_time_limit_minutes
        )

    def live_trades(self) -> dict[str, Trade]:
        """Return the trades that may have a position, by symbol."""
        live = self.seen.journal.live_trades()
        return {trade.symbol: trade for trade in live if trade.state.live}

    def untold(self) -> list[str]:
        """Return the signals whose trades demand a look that nobody has taken yet."""
        return [
            trade.signal_id
            for trade in self.seen.journal.trades_since(0)
            if (trade.exit_reason is ExitReason.UNEXPLAINED or trade.halts)
            and trade.signal_id not in self.seen.halts.looked_at()
        ]


def entry_breaks(
    facts: Facts, trade: Trade, request: OrderRequest, run: PlannedRun
) -> Iterator[str]:
    """Yield what the entry breaks, as sentences behind the rule's name."""
    yield from _halts_and_locks(facts, trade.symbol, run)
    yield from _history(facts)
    yield from _run_and_ages(facts, trade, run)
    yield from _symbol(facts, trade, run)
    if trade.symbol in run.books:
        yield from _prices(facts, trade, request, run)


def _halts_and_locks(facts: Facts, symbol: str, run: PlannedRun) -> Iterator[str]:
    halt, now, settings = facts.seen.halts.current(), facts.exchange.now, facts.settings
    if halt is not None and halt.since < run.started:
        yield f"halts: an entry in {symbol} while halted: {halt.reason}"
    if facts.untold():
        yield f"halts: an entry while trade {facts.untold()[0]} waits for a person"
    for lock in facts.seen.locks.current(run.started):
        if lock.symbol in ("", symbol) and now < (lock.until or 0):
            yield f"locks: an entry in {symbol} under {lock.protection}: {lock.reason}"
    if settings.trading_hours and run.started >= START + OPENING_HOURS:
        yield f"locks: an entry outside {settings.trading_hours}"
    rows = facts.ledger.executions
    last = max((row.time for row in rows if row.symbol == symbol and row.closed > 0), default=0)
    counts = symbol not in facts.exchange.touched and last >= (facts.seen.halts.resumed() or 0)
    if counts and now < last + settings.symbol_cooldown_minutes * MINUTE:
        yield f"locks: {symbol} rests, its last trade was just closed"


def _history(facts: Facts) -> Iterator[str]:
    settings, since = facts.settings, facts.seen.halts.resumed() or 0
    trades = facts.seen.journal.trades_since(0)
    closed = (trade for trade in trades if trade.state is TradeState.CLOSED)
    ends = sorted((t.exit_time or 0, t.signal_id, t.realised_pnl) for t in closed)
    ends = [end for end in ends if end[0] >= since]
    streak = settings.losing_streak_trades
    lost = 0 < streak <= len(ends) and all(result < 0 for _, _, result in ends[-streak:])
    pause = settings.losing_streak_pause_minutes * MINUTE
    if lost and facts.exchange.now < ends[-1][0] + pause:
        yield f"locks: an entry after {streak} losses in a row"
    limits = (settings.drawdown_pause_fraction, settings.drawdown_halt_fraction)
    if any(limits) and _depth(facts, [end[2] for end in ends]) > min(filter(None, limits)) * DEEPER:
        yield "locks: an entry in a drawdown that pauses or halts"


def _depth(facts: Facts, results: Sequence[Decimal]) -> Decimal:
    """Return how far the equity is below its peak over the closed trades, as a share."""
    ledger = facts.ledger
    equity = ledger.wallet + ledger.unrealised()
    peak = before = min(equity, ledger.wallet)
    for result in reversed(results):
        before -= result
        peak = max(peak, before)
    return (peak - max(equity, ledger.wallet)) / peak


def _run_and_ages(facts: Facts, trade: Trade, run: PlannedRun) -> Iterator[str]:
    settings, now = facts.settings, facts.exchange.now
    # Of the time before this request, which the exchange may answer slowly.
    left = TIME_LIMIT - (run.asked - run.started)
    if left < REQUESTS * settings.request_timeout_seconds * 1000 and not run.undead:
        yield f"time: an entry with {left} ms left, too little to follow it"
    if now - run.scheduled > settings.max_tick_age_seconds * 1000 and not run.undead:
        yield f"ages: an entry on a tick of {now - run.scheduled} ms"
    signal_age = now - trade.signal_time - SENT_WITHIN
    if signal_age > settings.max_signal_age_seconds * 1000 and not run.undead:
        yield f"ages: an entry on a signal of {now - trade.signal_time} ms"
    book = run.books.get(trade.symbol)
    if book is None or now - min(book.time, run.market_seen) > settings.max_data_age_seconds * 1000:
        yield f"ages: an entry in {trade.symbol} on prices that are too old, or on none"
    if run.doubt:
        yield f"clock: an entry while in doubt of the time: {run.doubt}"
    key, since = facts.exchange.access
    if key != GOOD_KEY and since <= run.connected:
        yield f"access: an entry with a key that must not be used: {key}"


def _symbol(facts: Facts, trade: Trade, run: PlannedRun) -> Iterator[str]:
    exchange, symbol = facts.exchange, trade.symbol
    live = [other for other in facts.seen.journal.live_trades() if other.state.live]
    if any(other.symbol == symbol and other.signal_id != trade.signal_id for other in live):
        yield f"limits: a second trade in {symbol}"
    ours = {other.symbol for other in live}
    for (source, where), (since, until) in exchange.odd.items():
        strange = source == "positions" and where not in ours
        if strange and since < run.started < exchange.now < until:
            yield f"rows: an entry while the position in {where} cannot be read"
    if symbol in exchange.hedged and exchange.lag_until <= run.started:
        yield f"strangers: an entry in {symbol}, which is in hedge mode"
    for order in facts.ledger.open_orders(exchange.indices[symbol]):
        plain = not order.link_id and not order.stop_kind and order.created < run.started
        if plain and exchange.lag_until <= run.started:
            yield f"strangers: an entry in {symbol}, where somebody else's order rests"


def _prices(facts: Facts, trade: Trade, request: OrderRequest, run: PlannedRun) -> Iterator[str]:
    settings, book = facts.settings, run.books[trade.symbol]
    signal = next(signal for _, signal in facts.plan.signals if signal.signal_id == trade.signal_id)
    tick = facts.exchange.market.listings[facts.exchange.indices[trade.symbol]].tick_size
    (bid, _), (ask, _) = book.bids[0], book.asks[0]
    sign, best, fade = 1, ask, settings.strategy_name == "fade"
    stop = ask * (1 - settings.ride_stop_fraction)
    target = ask * (1 + settings.ride_target_fraction)
    own = settings.strategy_name == HOSTILE
    if fade or (own and request.side is Side.SELL):
        sign, best = -1, bid
    if fade:
        peak, base = Decimal(repr(signal.peak_price)), Decimal(repr(signal.base_price))
        stop = peak * (1 + settings.fade_stop_above_peak)
        target = peak - settings.fade_target_retrace * (peak - base)
    if (ask - bid) * 2 > settings.max_spread * (ask + bid):
        yield f"limits: an entry in {trade.symbol} within a spread of {ask - bid}"
    rate, due = run.funding.get(trade.symbol, (0.0, 0))
    soon = due <= facts.exchange.now + (facts.limit_minutes - 1) * MINUTE
    if soon and not own and sign * Decimal(repr(rate)) > settings.max_funding_fraction:
        yield f"limits: a funding of {rate} is due in {trade.symbol}"
    limit = request.limit_price or best
    if request.limit_price is None:
        yield f"price: an entry in {trade.symbol} without a worst price"
    if not 0 <= sign * (limit - best) <= best * settings.slippage_tolerance:
        yield f"price: a limit of {limit} in {trade.symbol} at {bid}/{ask}"
    # Both are rounded toward the entry: never a larger loss, never a later target.
    if own:
        away = sign * (best - (request.stop_loss or 0))
        if not best * LEAST_AWAY - tick < away <= best * MOST_AWAY:
            yield f"stop: {trade.symbol} has a stop at {request.stop_loss} with the price at {best}"
        if request.take_profit is not None and sign * (request.take_profit - best) <= 0:
            yield f"stop: {trade.symbol} has a target at {request.take_profit}, behind its entry"
    elif request.side is not (Side.SELL if fade else Side.BUY):
        yield f"stop: {trade.symbol} is entered on the wrong side"
    elif not 0 <= sign * ((request.stop_loss or 0) - stop) < tick:
        yield f"stop: {trade.symbol} has a stop at {request.stop_loss}, planned was {stop}"
    elif not 0 <= sign * (target - (request.take_profit or 0)) < tick:
        yield f"stop: {trade.symbol} has a target at {request.take_profit}, planned was {target}"
