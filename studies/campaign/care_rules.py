"""What must be so of every position of ours: a sound stop, and an end when it is due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from pumpwatch.domain.trading.orders import Leg, Outcome
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.simulator.engine.records import Position

from .entry_rules import Facts
from .people import People
from .plan import MINUTE

STOP_NEEDS = frozenset(
    [("broker", name) for name in ("positions", "place", "find_order", "fills", "set_protection")]
    + [("journal", "live_trades"), ("journal", "orders"), ("leases", "acquire")]
)
"""The calls without which a stop may wait. Whatever else fails: no position stays without its stop,
and none stays open beyond its time, for longer than two runs."""
EXIT_NEEDS = STOP_NEEDS | {("journal", name) for name in ("intend", "settle", "save")}
NEEDS = {"stops": STOP_NEEDS, "exits": EXIT_NEEDS, "halts": EXIT_NEEDS | {("halts", "current")}}
RUNS = 2
AFTER_REFUSAL = 6 * MINUTE
"""Milliseconds that a refused exit may wait for its next try."""
WIDER = Decimal("1.02")


class CareRules:
    """Counts the runs that had all that care needs; says what is still not right after two."""

    def __init__(self, facts: Facts, people: People) -> None:
        self._facts, self._people = facts, people
        self._calm = dict.fromkeys(NEEDS, 0)
        self._rough: set[str] = set()

    def disturb(self, call: tuple[str, str] | None) -> None:
        """Note a trouble: with one call only, or (None) with the run or the exchange as a whole."""
        self._rough |= {what for what, calls in NEEDS.items() if call is None or call in calls}

    def missed(self, ours: Sequence[Position], looked: int) -> Iterator[str]:
        """Yield what care has missed by the end of a tick; `looked`: when its last run began."""
        for what in NEEDS:
            self._calm[what] = 0 if what in self._rough else self._calm[what] + 1
        self._rough.clear()
        exchange, halt = self._facts.exchange, self._facts.halts.current()
        settings = self._facts.plan.settings
        fade = settings.strategy_name == "fade"
        minutes = settings.fade_time_limit_minutes if fade else settings.ride_time_limit_minutes
        live = {one.symbol: one for one in self._facts.journal.live_trades() if one.state.live}
        since = looked - (RUNS - 1) * MINUTE
        bare = exchange.engine.ledger.protection.bare_since
        for held in ours:
            trade = live.get(held.symbol)
            if exchange.is_dead(held.symbol) or trade is None or self.waits(trade):
                continue
            if self._calm["stops"] >= RUNS and bare.get(held.symbol, looked) < since:
                yield f"care: {held.symbol} is without a stop after {RUNS} runs that could set it"
            asked = halt is not None and halt.close_positions and halt.since < since
            due = held.opened + minutes * MINUTE < since and self._calm["exits"] >= RUNS
            if due or (asked and self._calm["halts"] >= RUNS):
                yield f"care: {held.symbol} is open after {RUNS} runs that had to close it"

    def stop_breaks(self, symbol: str, stop: Decimal) -> Iterator[str]:
        """Yield what a stop breaks that the exchange has just accepted for a position."""
        exchange = self._facts.exchange
        held = exchange.engine.ledger.position(exchange.indices[symbol])
        trades = [one for one in self._facts.journal.live_trades() if one.symbol == symbol]
        trade = next((one for one in trades if one.state.live), None)
        if trade is None:
            yield f"strangers: a stop was set in {symbol}, where nothing is ours"
            return
        edge = exchange.engine.ledger.liquidation_price(held) if held.side else 0
        if edge > 0 and held.sign * (stop - edge) <= 0:
            yield f"stops: {symbol} is liquidated at {edge}, before its stop at {stop}"
        orders = self._facts.journal.orders(trade.signal_id)
        meant = next(one.request.stop_loss for one in orders if one.leg is Leg.ENTRY)
        # What could not be closed gets a stop farther away.
        if meant is None or not trade.planned_price or not held.side or trade.exit_attempt:
            return
        if symbol in exchange.touched or symbol in self._people.moved:
            return
        tick, mark = (
            exchange.market.listings[held.index].tick_size,
            exchange.engine.mark(held.index),
        )
        # Past its place, a position that cannot be closed is protected from where the price is.
        passed = held.sign * (mark - meant) <= 0
        start = mark if passed else held.entry_price
        far = start * abs(meant / trade.planned_price - 1)
        far = far if passed else max(abs(meant - start), far)
        if held.sign * (start - stop) > far * WIDER + tick:
            yield f"stops: {symbol}'s at {stop} is farther from {start} than planned"

    def waits(self, trade: Trade) -> bool:
        """Tell whether the exchange has just refused or cancelled an exit, or has not answered."""
        now = self._facts.exchange.now
        exits = [o for o in self._facts.journal.orders(trade.signal_id) if o.leg is Leg.EXIT]
        ended = any(
            o.outcome is Outcome.REJECTED and now - (o.settled or 0) < MINUTE for o in exits
        )
        young = any(o.outcome is Outcome.UNKNOWN and now - o.intended < MINUTE for o in exits)
        refused = trade.exit_refused is not None and now - trade.exit_refused < AFTER_REFUSAL
        return ended or refused or (young and trade.state is not TradeState.OPEN)
