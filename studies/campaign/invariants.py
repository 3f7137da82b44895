"""What must be true after every tick, told from the exchange's own books."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal

from pumpwatch.adapters.bybit.orders import read_position
from pumpwatch.domain.trading.evidence import own_position
from pumpwatch.domain.trading.orders import Leg, OrderRequest, Outcome, order_id_for
from pumpwatch.domain.trading.reconcile import UNEXPLAINED_AFTER, never_placed_after
from pumpwatch.domain.trading.trades import ExitReason, OrderRecord, Trade, TradeState
from pumpwatch_workbench.simulator.endpoints.wire.rows import position_row
from pumpwatch_workbench.simulator.engine.records import Order, Position

from .care_rules import CareRules
from .entry_rules import Facts, entry_breaks
from .people import People
from .plan import Run

MOST_ATTEMPTS = 60
CENT = Decimal("0.01")
RISK_SLACK = Decimal("1.01")
SLACK = Decimal("1.03")
"""Prices move between the look and the fill by at most the slippage tolerance and a little."""
HARMLESS = frozenset({"bad_key", "halt", "halt_closing", "hedge_stranger", "odd_stranger"})
"""What people do that leaves care as it was."""
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
        self._settings, self._exchange = facts.plan.settings, facts.exchange
        self._ledger, self._journal = facts.exchange.engine.ledger, facts.journal
        self._facts, self._people = facts, people
        self._care = CareRules(facts, people)
        self._intended: dict[str, int] = {}
        self._newest_token = 0
        self._disturbed: list[str] = []
        self._foreign: set[str] = set()
        self._bare_allowed: set[str] = set()
        letters = facts.journal.installation()
        ids = {signal.signal_id for _, signal in facts.plan.signals}
        self._ours = {order_id_for(name, Leg.ENTRY, 0, letters): name for name in ids}
        self._exits = {
            order_id_for(name, Leg.EXIT, attempt, letters)
            for name in ids
            for attempt in range(MOST_ATTEMPTS)
        }

    # --- what happens in between -----------------------------------------------------------

    def begin(self) -> None:
        """Begin a tick."""
        self._disturbed = []

    def disturb(self, what: str, call: tuple[str, str] | None = None) -> None:
        """Note that something went wrong in this tick: with one call only, or as a whole."""
        self._disturbed.append(what)
        self._care.disturb(call)

    def happened(self, kind: str, symbol: str) -> None:
        """Note an incident on the exchange, or what people did."""
        self.disturb(f"{kind} {symbol}", ("people", kind) if kind in HARMLESS else None)
        if kind.startswith("manual"):
            self._exchange.touched.add(symbol)
        if kind in ("manual_open", "manual_order"):
            self._foreign.add(symbol)
        if kind in STOP_TROUBLES:
            self._bare_allowed.add(symbol)
            self._people.moved.pop(symbol, None)

    def odd(self, symbol: str) -> None:
        """Note that a symbol has rows that cannot be read: those of strangers never stop care."""
        ours = any(one.symbol == symbol for one in self._journal.live_trades())
        self.disturb(f"odd rows of {symbol}", None if ours else ("strangers", "rows"))

    def lease_taken(self, token: int) -> None:
        """Note a new lease."""
        self._newest_token = max(self._newest_token, token)

    def fence(self, run: Run, what: str) -> None:
        """Check that a run that writes, sends or sets something has not lost its lease."""
        if run.token < self._newest_token:
            raise Violation(f"one writer: {what} by a run whose lease another has taken")

    def intended(self, run: Run, trade: Trade, order: OrderRecord) -> None:
        """Check an intent that the journal has accepted: it is the decision to send an order."""
        most = self._settings.max_orders_per_day
        if order.leg is Leg.ENTRY:
            if len(self._intended) >= most:
                raise Violation(f"limits: an entry after {len(self._intended)} orders of a day")
            _require(entry_breaks(self._facts, trade, order.request, run))
        self._intended[order.request.order_id] = self._exchange.now

    def stop_set(self, symbol: str, stop: Decimal) -> None:
        """Check a stop that the exchange has accepted for a position."""
        _require(self._care.stop_breaks(symbol, stop))

    def placed(self, run: Run, request: OrderRequest) -> None:
        """Check an order that the exchange has accepted, at that moment."""
        self.fence(run, "an order")
        intended, now = self._intended.get(request.order_id), self._exchange.now
        if intended is None:
            raise Violation(f"ids: {request.order_id} was sent without being stored")
        within = LEAVES_WITHIN[Leg.EXIT if request.reduce_only else Leg.ENTRY]
        if request.send_by is None or now - intended > within:
            raise Violation(
                f"send by: {request.order_id} left {now - intended} ms after its intent"
            )
        if request.reduce_only and request.limit_price is not None:
            raise Violation(f"price: the exit {request.order_id} has a limit")
        order = self._ledger.by_link.get(request.order_id)
        if order is not None and not request.reduce_only and order.filled:
            self._check_entry(order)

    def _check_entry(self, order: Order) -> None:
        settings, ledger = self._settings, self._ledger
        self._check_risk(order)
        if self._exchange.now < self._exchange.blind_until:
            return
        count = len(self._ours_held())
        if count > settings.max_open_positions:
            raise Violation(f"limits: {count} positions, {settings.max_open_positions} allowed")
        if order.filled_value > settings.max_notional_usdt * SLACK:
            raise Violation(f"limits: an entry of {order.filled_value} USDT")
        equity = ledger.wallet + ledger.unrealised()
        # The new position counts at what it cost: a mark price that lags is not what was paid.
        others = (one for one in ledger.held() if one.index != order.index)
        exposure = sum((one.size * ledger.mark(one.index) for one in others), order.filled_value)
        if exposure > settings.max_exposure_fraction * equity * SLACK + CENT:
            raise Violation(f"limits: exposure {exposure} of equity {equity}")
        position = ledger.position(order.index)
        if position.leverage != settings.leverage:
            raise Violation(f"limits: leverage {position.leverage} in {order.symbol}")
        # A list that lags does not show what a stranger has just opened.
        seen = order.symbol in self._foreign and not self._exchange.lagging
        if seen and position.size > order.filled:
            raise Violation(f"strangers: an entry into a position that is not ours, {order.symbol}")

    def _check_risk(self, order: Order) -> None:
        """Check what the stop of a filled entry would lose, and where it lies."""
        settings, ledger = self._settings, self._ledger
        price, stop = order.average_price, order.stop_loss
        if price is None or stop is None:
            raise Violation(f"stops: the entry in {order.symbol} carries none")
        sign = 1 if order.side == "Buy" else -1
        if sign * (price - stop) <= 0:
            raise Violation(
                f"stops: {order.symbol} was filled at {price}, beyond its stop at {stop}"
            )
        edge = ledger.liquidation_price(ledger.position(order.index))
        alone = order.symbol not in self._foreign
        if alone and edge > 0 and sign * (stop - edge) <= 0:
            raise Violation(
                f"stops: {order.symbol} is liquidated at {edge}, before its stop {stop}"
            )
        loss = order.filled * (abs(price - stop) + settings.taker_fee * (price + stop))
        equity = ledger.wallet + ledger.unrealised()
        if loss > settings.risk_fraction * equity * RISK_SLACK:
            raise Violation(f"limits: the stop in {order.symbol} loses {loss:.2f} of {equity:.2f}")

    # --- after a tick ------------------------------------------------------------------------

    def check(self, *, completed: bool, looked: int) -> None:
        """Check everything that must hold after a tick.

        `completed`: its last run came to its end; `looked`: when that began. What the exchange has
        moved since then the run need not have seen, nor what lists that lagged did not show it.
        """
        self._check_orders()
        self._check_stops_always()
        _require(self._people.moved_back())
        _require(self._care.missed(self._ours_held(), looked))
        if completed and not self._disturbed and self._exchange.lag_until <= looked:
            self._check_stops_now()
            self._check_agreement(looked)

    def check_end(self) -> None:
        """Check what must hold once everything has had time to settle."""
        # What no list ever tells is looked for longer than the quiet end lasts.
        listed = self._journal.live_trades()
        trades = (one for one in listed if one.state.live and one.vanished is None)
        live = [one for one in trades if one.symbol not in self._exchange.untold]
        if live:
            raise Violation(f"settled: {len(live)} trades are still live at the end: {live[0]}")
        for position in self._ours_held():
            raise Violation(f"settled: {position.symbol} is still held at the end")
        self._check_results()

    def _ours_held(self) -> list[Position]:
        return [one for one in self._ledger.held() if one.symbol not in self._foreign]

    def _check_orders(self) -> None:
        entries: Counter[str] = Counter()
        for order in self._ledger.orders.values():
            if not order.link_id:
                continue
            if order.reduce_only:
                if order.link_id not in self._exits:
                    raise Violation(f"ids: exit {order.link_id} is not derived from a signal")
                continue
            signal = self._ours.get(order.link_id)
            if signal is None:
                raise Violation(f"ids: entry {order.link_id} is not derived from a signal")
            entries[signal] += 1
            if entries[signal] > 1:
                raise Violation(f"one entry: signal {signal} has led to several entries")

    def _check_stops_always(self) -> None:
        """No position of ours was ever without a stop, but where a fault took it away."""
        bare = self._ledger.protection.by_symbol(self._exchange.now)
        allowed = self._bare_allowed | self._foreign
        if any(milliseconds and symbol not in allowed for symbol, milliseconds in bare.items()):
            # A stop that fired and could not fill all is cancelled with what is left.
            orders = self._ledger.orders.values()
            spent = (one for one in orders if one.stop_kind and one.status == "Cancelled")
            allowed |= {one.symbol for one in spent if one.cancel_type == "UNKNOWN"}
        for symbol, milliseconds in bare.items():
            if milliseconds and symbol not in allowed:
                raise Violation(f"stops: {symbol} was without a stop for {milliseconds} ms")

    def _check_stops_now(self) -> None:
        bare = self._ledger.protection.bare_since
        live = self._journal.live_trades() if bare else ()
        waiting = {trade.symbol for trade in live if self._care.waits(trade)}
        for symbol in set(bare) - waiting - self._foreign:
            if not self._exchange.is_dead(symbol):
                raise Violation(f"stops: {symbol} is without a stop after an undisturbed tick")

    def _check_agreement(self, looked: int) -> None:
        ledger, now = self._ledger, self._exchange.now
        moved = {row.symbol for row in ledger.executions if row.time >= looked}
        live = {one.symbol: one for one in self._journal.live_trades() if one.state.live}
        rows = (position_row(ledger, one, now) for one in ledger.held())
        held = {one.symbol: one for one in map(read_position, rows) if one is not None}
        for symbol, trade in live.items():
            if symbol not in moved:
                position = held.get(symbol) and own_position(trade, held[symbol])
                self._check_trade(trade, position, now)
        for symbol in held:
            if symbol not in live and symbol not in moved | self._foreign:
                raise Violation(f"agreement: the journal knows nothing of the position in {symbol}")
        for trade in self._journal.trades_since(0):
            if trade.symbol not in moved:
                self._check_outcomes(trade)

    def _check_trade(self, trade: Trade, position: object, now: int) -> None:
        if trade.state is not TradeState.OPEN:
            orders = self._journal.orders(trade.signal_id)
            age = now - max(order.intended for order in orders)
            patience = never_placed_after(self._settings.settling_seconds * 1000)
            if trade.symbol in self._exchange.untold:
                patience += UNEXPLAINED_AFTER
            if age > patience + 1_000:
                raise Violation(f"agreement: {trade.symbol} is {trade.state} after {age} ms")
            return
        if position is None:
            if trade.vanished is None and trade.symbol not in self._exchange.untold:
                raise Violation(
                    f"agreement: the journal holds {trade.symbol}, the exchange does not"
                )
            return
        if position.quantity != trade.quantity:  # type: ignore[attr-defined]
            raise Violation(
                f"agreement: {trade.symbol} is held at another size than the journal says"
            )

    def _check_outcomes(self, trade: Trade) -> None:
        for record in self._journal.orders(trade.signal_id):
            if self._given_up(record):
                continue
            order = self._ledger.by_link.get(record.request.order_id)
            filled = order.filled if order is not None else Decimal(0)
            if record.outcome is Outcome.UNKNOWN:
                if not trade.state.live:
                    raise Violation(f"agreement: {record.request.order_id} stays unknown")
            elif filled != record.filled_quantity:
                raise Violation(
                    f"agreement: {record.request.order_id} was filled {filled}, "
                    f"the journal says {record.filled_quantity}"
                )

    def _given_up(self, record: OrderRecord) -> bool:
        """Tell whether an order left no trace for so long that nobody could know what it did."""
        lost = record.detail.startswith("never placed")
        return lost and (record.leg is Leg.EXIT or self._exchange.blind_until > 0)

    def _check_results(self) -> None:
        """Realised profit in the journal is what the exchange's executions add up to."""
        untold = set(self._exchange.untold) | {
            trade.symbol
            for trade in self._journal.trades_since(0)
            if trade.exit_reason is ExitReason.UNEXPLAINED
            or trade.vanished is not None
            or any(
                one.leg is Leg.ENTRY and self._given_up(one)
                for one in self._journal.orders(trade.signal_id)
            )
        }
        told: defaultdict[str, Decimal] = defaultdict(Decimal)
        for trade in self._journal.trades_since(0):
            told[trade.symbol] += trade.realised_pnl
        made: defaultdict[str, Decimal] = defaultdict(Decimal)
        for row in self._ledger.executions:
            value = row.value if row.side == "Sell" else -row.value
            made[row.symbol] += (0 if row.kind == "Funding" else value) - row.fee
        for symbol in (set(told) | set(made)) - self._exchange.touched - untold:
            if abs(told[symbol] - made[symbol]) > CENT:
                raise Violation(
                    f"results: {symbol} made {made[symbol]}, the journal says {told[symbol]}"
                )
