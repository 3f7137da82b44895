"""Invariants after every tick, judged by the exchange's own books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

from pumpwatch.domain.trading.orders import Leg, OrderRequest, order_id_for
from pumpwatch.domain.trading.trades import OrderRecord, Trade
from pumpwatch_workbench.simulator.engine.records import ExchangePosition, Order

from .agreement_rules import disagreements, wrong_results
from .care_rules import CareRules
from .entry_rules import Facts, entry_breaks
from .people import People
from .plan import PlannedRun

MOST_ATTEMPTS = 60
CENT = Decimal("0.01")
RISK_SLACK = Decimal("1.01")
SLACK = Decimal("1.03")
"""Prices move between the look and the fill by at most the slippage tolerance and a little."""
HARMLESS = frozenset({"bad_key", "halt", "halt_closing", "hedge_stranger", "odd_stranger"})
"""Actions of people that do not affect the care for positions."""
STOP_TROUBLES = frozenset({"drop_stop", "drop_next_stop"})
LEAVES_WITHIN = {Leg.ENTRY: 5_100, Leg.EXIT: 20_100}
"""Milliseconds from its intent within which an order leaves and arrives, or never."""


class Violation(AssertionError):
    """An invariant does not hold; the text says which and what is so instead."""


def _require(breaks: Iterable[str]) -> None:
    for why in breaks:
        raise Violation(why)


class Invariants:
    """Watches one world. `disturb` notes that something went wrong in the present tick."""

    def __init__(self, facts: Facts, people: People) -> None:
        self._facts, self._people = facts, people
        self._exchange, self._ledger = facts.exchange, facts.ledger
        self._care = CareRules(facts, people)
        self._intended: dict[str, int] = {}
        self._newest_token = 0
        self._disturbed = False
        self._foreign: set[str] = set()
        self._bare_allowed: set[str] = set()
        letters = facts.seen.journal.installation()
        signals = {signal.signal_id for _, signal in facts.plan.signals}
        self._entries = {order_id_for(name, Leg.ENTRY, 0, letters): name for name in signals}
        self._exits = {
            order_id_for(name, Leg.EXIT, attempt, letters)
            for name in signals
            for attempt in range(MOST_ATTEMPTS)
        }

    # --- what happens in between -----------------------------------------------------------

    def begin(self) -> None:
        """Begin a tick."""
        self._disturbed = False

    def disturb(self, call: tuple[str, str] | None = None) -> None:
        """Note that something went wrong in this tick: with one call only, or as a whole."""
        self._disturbed = True
        self._care.disturb(call)

    def happened(self, kind: str, symbol: str) -> None:
        """Note an incident on the exchange, or what people did."""
        self.disturb(("people", kind) if kind in HARMLESS else None)
        if kind.startswith("manual"):
            self._exchange.touched.add(symbol)
        if kind in ("manual_open", "manual_order"):
            self._foreign.add(symbol)
        if kind in STOP_TROUBLES:
            self._bare_allowed.add(symbol)
            self._people.moved.pop(symbol, None)

    def odd(self, symbol: str) -> None:
        """Note that a symbol has rows that cannot be read: those of strangers never stop care."""
        ours = any(trade.symbol == symbol for trade in self._facts.seen.journal.live_trades())
        self.disturb(None if ours else ("strangers", "rows"))

    def lease_taken(self, token: int) -> None:
        """Note a new lease."""
        self._newest_token = max(self._newest_token, token)

    def fence(self, run: PlannedRun, what: str) -> None:
        """Check that a run that writes, sends or sets something has not lost its lease."""
        if run.token < self._newest_token:
            raise Violation(f"one writer: {what} by a run whose lease another has taken")

    def intended(self, run: PlannedRun, trade: Trade, order: OrderRecord) -> None:
        """Check an intent that the journal has accepted: it is the decision to send an order."""
        if order.leg is Leg.ENTRY:
            if len(self._intended) >= self._facts.settings.max_orders_per_day:
                raise Violation(f"limits: an entry after {len(self._intended)} orders of a day")
            _require(entry_breaks(self._facts, trade, order.request, run))
        self._intended[order.request.order_id] = self._exchange.now

    def stop_set(self, symbol: str, stop: Decimal) -> None:
        """Check a stop that the exchange has accepted for a position."""
        _require(self._care.stop_breaks(symbol, stop))

    def placed(self, run: PlannedRun, request: OrderRequest) -> None:
        """Check an order that the exchange has accepted, at that moment."""
        self.fence(run, "an order")
        _require(self._order_breaks(request))
        order = self._ledger.by_link.get(request.order_id)
        if order is not None and not request.reduce_only and order.filled:
            _require(self._risk_breaks(order))
            if self._exchange.now >= self._exchange.blind_until:
                _require(self._limit_breaks(order))

    def _order_breaks(self, request: OrderRequest) -> Iterator[str]:
        intended, name = self._intended.get(request.order_id), request.order_id
        if intended is None:
            yield f"ids: {name} was sent without being stored"
            return
        age = self._exchange.now - intended
        within = LEAVES_WITHIN[Leg.EXIT if request.reduce_only else Leg.ENTRY]
        if request.send_by is None or age > within:
            yield f"send by: {name} left {age} ms after its intent"
        if request.reduce_only and request.limit_price is not None:
            yield f"price: the exit {name} has a limit"

    def _risk_breaks(self, order: Order) -> Iterator[str]:
        settings, ledger, symbol = self._facts.settings, self._ledger, order.symbol
        price, stop = order.average_price, order.stop_loss
        if price is None or stop is None:
            yield f"stops: the entry in {symbol} carries none"
            return
        sign = 1 if order.side == "Buy" else -1
        if sign * (price - stop) <= 0:
            yield f"stops: {symbol} was filled at {price}, beyond its stop at {stop}"
        edge = ledger.liquidation_price(ledger.position(order.index))
        if symbol not in self._foreign and edge > 0 and sign * (stop - edge) <= 0:
            yield f"stops: {symbol} is liquidated at {edge}, before its stop {stop}"
        loss = order.filled * (abs(price - stop) + settings.taker_fee * (price + stop))
        equity = ledger.wallet + ledger.unrealised()
        if loss > settings.risk_fraction * equity * RISK_SLACK:
            yield f"limits: the stop in {symbol} loses {loss:.2f} of {equity:.2f}"

    def _limit_breaks(self, order: Order) -> Iterator[str]:
        settings, ledger = self._facts.settings, self._ledger
        count = len(self._our_positions())
        if count > settings.max_open_positions:
            yield f"limits: {count} positions, {settings.max_open_positions} allowed"
        if order.filled_value > settings.max_notional_usdt * SLACK:
            yield f"limits: an entry of {order.filled_value} USDT"
        equity = ledger.wallet + ledger.unrealised()
        # The new position counts at what it cost: a mark price that lags is not what was paid.
        others = (other for other in ledger.open_positions() if other.index != order.index)
        exposure = sum(
            (other.size * ledger.mark(other.index) for other in others), order.filled_value
        )
        if exposure > settings.max_exposure_fraction * equity * SLACK + CENT:
            yield f"limits: exposure {exposure} of equity {equity}"
        position = ledger.position(order.index)
        if position.leverage != settings.leverage:
            yield f"limits: leverage {position.leverage} in {order.symbol}"
        # A list that lags does not show what a stranger has just opened.
        seen = order.symbol in self._foreign and not self._exchange.lagging
        if seen and position.size > order.filled:
            yield f"strangers: an entry into a position that is not ours, {order.symbol}"

    # --- after a tick ------------------------------------------------------------------------

    def check(self, *, completed: bool, looked: int) -> None:
        """Check everything that must hold after a tick.

        `completed`: its last run came to its end; `looked`: when that began. What the exchange has
        moved since then the run need not have seen, nor what lists that lagged did not show it.
        """
        _require(self._id_breaks())
        _require(self._bare_ever())
        _require(self._people.moved_back())
        _require(self._care.missed(self._our_positions(), looked))
        if completed and not self._disturbed and self._exchange.lag_until <= looked:
            _require(self._bare_now())
            _require(disagreements(self._facts, self._foreign, looked))

    def check_end(self) -> None:
        """Check what must hold once everything has had time to settle."""
        # What no list ever tells is looked for longer than the quiet end lasts.
        listed = self._facts.seen.journal.live_trades()
        trades = (trade for trade in listed if trade.state.live and trade.vanished is None)
        live = [trade for trade in trades if trade.symbol not in self._exchange.untold]
        if live:
            raise Violation(f"settled: {len(live)} trades are still live at the end: {live[0]}")
        for position in self._our_positions():
            raise Violation(f"settled: {position.symbol} is still held at the end")
        _require(wrong_results(self._facts))

    def _our_positions(self) -> list[ExchangePosition]:
        return [each for each in self._ledger.open_positions() if each.symbol not in self._foreign]

    def _id_breaks(self) -> Iterator[str]:
        ours = [order for order in self._ledger.orders.values() if order.link_id]
        for order in ours:
            known = self._exits if order.reduce_only else self._entries
            if order.link_id not in known:
                yield f"ids: {order.link_id} is not derived from a signal"
        entries = Counter(self._entries[order.link_id] for order in ours if not order.reduce_only)
        for signal, count in entries.items():
            if count > 1:
                yield f"one entry: signal {signal} has led to several entries"

    def _bare_ever(self) -> Iterator[str]:
        """Yield positions of ours that were ever without a stop, but where a fault took it away."""
        bare = self._ledger.protection.by_symbol(self._exchange.now)
        allowed = self._bare_allowed | self._foreign
        if any(milliseconds and symbol not in allowed for symbol, milliseconds in bare.items()):
            # A stop that fired and could not fill all is cancelled with what is left.
            orders = self._ledger.orders.values()
            spent = (order for order in orders if order.stop_kind and order.status == "Cancelled")
            allowed |= {order.symbol for order in spent if order.cancel_type == "UNKNOWN"}
        for symbol, milliseconds in bare.items():
            if milliseconds and symbol not in allowed:
                yield f"stops: {symbol} was without a stop for {milliseconds} ms"

    def _bare_now(self) -> Iterator[str]:
        bare = self._ledger.protection.bare_since
        live = self._facts.seen.journal.live_trades() if bare else ()
        waiting = {trade.symbol for trade in live if self._care.waits(trade)}
        for symbol in set(bare) - waiting - self._foreign:
            if not self._exchange.is_dead(symbol):
                yield f"stops: {symbol} is without a stop after an undisturbed tick"
