"""What must be so of every position of ours: a sound stop, and an end when it is due."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.domain.orders import Leg, Outcome
from pumpwatch.domain.trades import Trade, TradeState
from workbench.simulator.engine.records import Position as Held

from .entry_rules import Facts
from .people import People

__all__ = ["CARE_NEEDS", "CareRules"]

MINUTE = 60_000
CARE_NEEDS = frozenset(
    {
        ("broker", "positions"),
        ("broker", "place"),
        ("broker", "find_order"),
        ("broker", "fills"),
        ("broker", "set_protection"),
        ("journal", "live_trades"),
        ("journal", "orders"),
        ("journal", "intend"),
        ("journal", "settle"),
        ("journal", "save"),
        ("leases", "acquire"),
    }
)
"""The calls without which care may wait. Whatever else fails: no position stays without its stop,
and none stays open beyond its time, for longer than two runs."""
STOP_NEEDS = CARE_NEEDS - {("journal", "settle"), ("journal", "save"), ("journal", "intend")}
"""The same for a stop that is missing: it is set even when the table refuses every write."""
RUNS = 2
AFTER_REFUSAL = 6 * MINUTE
"""How long a refused exit may wait for its next try."""
WIDER = Decimal("1.001")


class CareRules:
    """Follows how many runs had all that care needs, and what is still not right after two."""

    def __init__(self, facts: Facts, people: People) -> None:
        self._facts = facts
        self._people = people
        self._calm = {"stops": 0, "exits": 0}
        self._rough: set[str] = set()

    def begin(self) -> None:
        """Begin a tick."""
        self._rough = set()

    def disturb(self, call: tuple[str, str] | None) -> None:
        """Note a trouble: with one call only, or (None) with the run or the exchange as a whole."""
        if call is None or call in CARE_NEEDS:
            self._rough.add("exits")
        if call is None or call in STOP_NEEDS:
            self._rough.add("stops")

    def overdue(self, ours: list[Held], looked: int) -> str:
        """Return what care has missed by the end of a tick, as a sentence; empty when nothing.

        `looked`: when its last run began.
        """
        for what in self._calm:
            self._calm[what] = 0 if what in self._rough else self._calm[what] + 1
        exchange = self._facts.exchange
        live = {one.symbol: one for one in self._facts.journal.live_trades() if one.state.live}
        for held in ours:
            trade = live.get(held.symbol)
            if exchange.is_dead(held.symbol) or trade is None or self._waits(trade):
                continue
            since = exchange.engine.ledger.protection.bare_since.get(held.symbol, looked)
            if self._calm["stops"] >= RUNS and since <= looked - RUNS * MINUTE:
                return f"care: {held.symbol} is without a stop after {RUNS} runs that could set it"
            due = self._due(held, looked)
            if self._calm["exits"] >= RUNS and due:
                return f"care: {held.symbol} is still open, {due}"
        return ""

    def moved_back(self) -> str:
        """Return whether a stop that a person moved was set anew, as a sentence."""
        ledger, indices = self._facts.exchange.engine.ledger, self._facts.exchange.indices
        for symbol, (stop, opened) in self._people.moved.items():
            held = ledger.position(indices[symbol])
            same = held.side is not None and held.opened == opened
            if same and held.stop_loss not in (None, stop):
                return f"stops: a person moved {symbol}'s to {stop}, it was set to {held.stop_loss}"
        return ""

    def stop_set(self, symbol: str, stop: Decimal) -> str:
        """Return what a stop breaks that was just accepted for a position, as a sentence."""
        exchange = self._facts.exchange
        held = exchange.engine.ledger.position(exchange.indices[symbol])
        trades = [one for one in self._facts.journal.live_trades() if one.symbol == symbol]
        trade = next((one for one in trades if one.state.live), None)
        if trade is None:
            return f"strangers: a stop was set in {symbol}, where nothing is ours"
        if held.side is None:
            return ""
        edge = exchange.engine.ledger.liquidation_price(held)
        if edge > 0 and held.sign * (stop - edge) <= 0:
            return f"stops: {symbol} is liquidated at {edge}, before its stop at {stop}"
        entry = next(
            one for one in self._facts.journal.orders(trade.signal_id) if one.leg is Leg.ENTRY
        )
        meant, price = entry.request.stop_loss, trade.planned_price
        moved = self._people.moved.get(symbol)
        if meant is None or price is None or symbol in exchange.touched or moved is not None:
            return ""
        tick = exchange.market.listings[held.index].tick_size
        loss = held.sign * (held.entry_price - stop)
        far = max(abs(meant - held.entry_price), held.entry_price * abs(meant / price - 1))
        if loss > far * WIDER + tick:
            return f"stops: {symbol}'s at {stop} is farther from {held.entry_price} than planned"
        return ""

    def _due(self, held: Held, looked: int) -> str:
        settings, halt = self._facts.plan.settings, self._facts.halts.current()
        fade = settings.strategy_name == "fade"
        minutes = settings.fade_time_limit_minutes if fade else settings.ride_time_limit_minutes
        late = looked - held.opened - minutes * MINUTE
        if late > (RUNS - 1) * MINUTE:
            return f"{late / 1000:.0f} s beyond its time limit"
        if halt is not None and halt.close_positions and halt.since < looked - (RUNS - 1) * MINUTE:
            return "although a person asked for everything to be closed"
        return ""

    def _waits(self, trade: Trade) -> bool:
        """Tell whether an exit was refused a moment ago, or is not settled yet."""
        now, refused = self._facts.exchange.now, trade.exit_refused
        if refused is not None and now - refused < AFTER_REFUSAL:
            return True
        orders = self._facts.journal.orders(trade.signal_id)
        young = [one for one in orders if now - one.intended < MINUTE]
        return trade.state is not TradeState.OPEN and any(
            one.outcome is Outcome.UNKNOWN for one in young
        )
