"""Rules for every position of ours: a sound stop, and an end when it is due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import Leg, Outcome
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.simulator.engine.records import ExchangePosition

from .entry_rules import Facts
from .people import People

STOP_NEEDS = frozenset(
    [("broker", name) for name in ("positions", "place", "find_order", "fills", "set_protection")]
    + [("journal", "live_trades"), ("journal", "orders"), ("leases", "acquire")]
)
"""The calls without which a stop may wait. Whatever else fails: no position stays without its stop,
and none stays open beyond its time, for longer than two runs."""
EXIT_NEEDS = STOP_NEEDS | {("journal", name) for name in ("intend", "settle", "save")}
TOLD_NEEDS = EXIT_NEEDS | {("halts", "instructions")}
NEEDS = {"stops": STOP_NEEDS, "exits": EXIT_NEEDS, "halts": TOLD_NEEDS}
RUNS = 2
AFTER_REFUSAL = 6 * MINUTE
"""Milliseconds that a refused exit may wait for its next try."""
WIDER = Decimal("1.02")


class CareRules:
    """Counts the runs that had all that care needs; says what is still not right after two."""

    def __init__(self, facts: Facts, people: People) -> None:
        self._facts, self._people = facts, people
        self._sound_runs = dict.fromkeys(NEEDS, 0)
        self._disturbed: set[str] = set()

    def disturb(self, call: tuple[str, str] | None) -> None:
        """Note a trouble: with one call only, or (None) with the run or the exchange as a whole."""
        self._disturbed |= {what for what, calls in NEEDS.items() if call is None or call in calls}

    def missed(self, ours: Sequence[ExchangePosition], looked: int) -> Iterator[str]:
        """Yield what care has missed by the end of a tick; `looked`: when its last run began."""
        for what in NEEDS:
            self._sound_runs[what] = 0 if what in self._disturbed else self._sound_runs[what] + 1
        self._disturbed.clear()
        could = {what for what, runs in self._sound_runs.items() if runs >= RUNS}
        facts, asked = self._facts, self._facts.seen.halts.instructions()
        live, bare = facts.live_trades(), facts.ledger.protection.bare_since
        since = looked - (RUNS - 1) * MINUTE
        halt, requests = asked.halt, asked.to_close.values()
        all_close = halt is not None and halt.close_positions and halt.since < since
        to_close = {request.signal_id for request in requests if request.time < since}
        for position in ours:
            symbol, trade = position.symbol, live.get(position.symbol)
            if trade is None or facts.exchange.is_dead(symbol) or self.waits(trade):
                continue
            if "stops" in could and bare.get(symbol, looked) < since:
                yield f"care: {symbol} is without a stop after {RUNS} runs that could set it"
            must_close = all_close or trade.signal_id in to_close
            due = position.opened + facts.limit_minutes * MINUTE < since
            if (due and "exits" in could) or (must_close and "halts" in could):
                yield f"care: {symbol} is open after {RUNS} runs that had to close it"

    def stop_breaks(self, symbol: str, stop: Decimal) -> Iterator[str]:
        """Yield what a stop breaks that the exchange has just accepted for a position."""
        facts, exchange = self._facts, self._facts.exchange
        position = facts.ledger.position(exchange.indices[symbol])
        trade = facts.live_trades().get(symbol)
        if trade is None:
            yield f"strangers: a stop was set in {symbol}, where nothing is ours"
            return
        edge = facts.ledger.liquidation_price(position) if position.side else 0
        if edge > 0 and position.sign * (stop - edge) <= 0:
            yield f"stops: {symbol} is liquidated at {edge}, before its stop at {stop}"
        orders = facts.seen.journal.orders(trade.signal_id)
        meant = next(order.request.stop_loss for order in orders if order.leg is Leg.ENTRY)
        # What could not be closed gets a stop farther away.
        if meant is None or not trade.planned_price or not position.side or trade.exit_attempt:
            return
        if symbol in exchange.touched or symbol in self._people.moved:
            return
        tick = exchange.market.listings[position.index].tick_size
        mark = exchange.engine.mark(position.index)
        # Past its place, a position that cannot be closed is protected from where the price is.
        passed = position.sign * (mark - meant) <= 0
        start = mark if passed else position.entry_price
        far = start * abs(meant / trade.planned_price - 1)
        far = far if passed else max(abs(meant - start), far)
        if position.sign * (start - stop) > far * WIDER + tick:
            yield f"stops: {symbol}'s at {stop} is farther from {start} than planned"

    def waits(self, trade: Trade) -> bool:
        """Tell whether the exchange has just refused or cancelled an exit, or has not answered."""
        now, orders = self._facts.exchange.now, self._facts.seen.journal.orders(trade.signal_id)
        exits = [order for order in orders if order.leg is Leg.EXIT]
        ended = any(
            order.outcome is Outcome.REJECTED and now - (order.settled or 0) < MINUTE
            for order in exits
        )
        young = any(
            order.outcome is Outcome.UNKNOWN and now - order.intended < MINUTE for order in exits
        )
        refused = trade.exit_refused is not None and now - trade.exit_refused < AFTER_REFUSAL
        return ended or refused or (young and trade.state is not TradeState.OPEN)
