"""Disagreements between the journal and the exchange's own books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Set
from decimal import Decimal

from pumpwatch.domain.trading.orders import Leg, Outcome
from pumpwatch.domain.trading.reconcile import UNEXPLAINED_AFTER, never_placed_after
from pumpwatch.domain.trading.trades import ExitReason, OrderRecord, Trade, TradeState

from .entry_rules import Facts

CENT = Decimal("0.01")
ZERO = Decimal(0)


def disagreements(facts: Facts, foreign: Set[str], looked: int) -> Iterator[str]:
    """Yield them, but for what has moved on the exchange since `looked`, milliseconds UTC."""
    moved = {row.symbol for row in facts.ledger.executions if row.time >= looked}
    live = facts.live_trades()
    for symbol, trade in live.items():
        if symbol not in moved:
            yield from _trade(facts, trade)
    for position in facts.ledger.open_positions():
        if position.symbol not in live and position.symbol not in moved | foreign:
            yield f"agreement: the journal knows nothing of the position in {position.symbol}"
    for trade in facts.seen.journal.trades_since(0):
        if trade.symbol not in moved:
            yield from _outcomes(facts, trade)


def _trade(facts: Facts, trade: Trade) -> Iterator[str]:
    symbol, untold = trade.symbol, trade.symbol in facts.exchange.untold
    if trade.state is not TradeState.OPEN:
        orders = facts.seen.journal.orders(trade.signal_id)
        age = facts.exchange.now - max(order.intended for order in orders)
        most = never_placed_after(facts.settings.settling_seconds * 1000)
        if age > most + untold * UNEXPLAINED_AFTER + 1_000:
            yield f"agreement: {symbol} is {trade.state} after {age} ms"
        return
    position = facts.ledger.position(facts.exchange.indices[symbol])
    if (position.side or "").lower() != trade.side.value:
        if trade.vanished is None and not untold:
            yield f"agreement: the journal holds {symbol}, the exchange does not"
    elif position.size != trade.quantity:
        yield f"agreement: {symbol} is held at another size than the journal says"


def _outcomes(facts: Facts, trade: Trade) -> Iterator[str]:
    for record in facts.seen.journal.orders(trade.signal_id):
        if _is_given_up(facts, record):
            continue
        name = record.request.order_id
        order = facts.ledger.by_link.get(name)
        filled = order.filled if order is not None else ZERO
        if record.outcome is Outcome.UNKNOWN:
            if not trade.state.live:
                yield f"agreement: {name} stays unknown"
        elif filled != record.filled_quantity:
            yield (
                f"agreement: {name} was filled {filled}, the journal says {record.filled_quantity}"
            )


def _is_given_up(facts: Facts, record: OrderRecord) -> bool:
    """Tell whether an order left no trace for so long that nobody could know what it did."""
    lost = record.detail.startswith("never placed")
    return lost and (record.leg is Leg.EXIT or facts.exchange.blind_until > 0)


def wrong_results(facts: Facts) -> Iterator[str]:
    """Yield symbols whose realised profit is not what their executions add up to."""
    told: defaultdict[str, Decimal] = defaultdict(Decimal)
    untold = facts.exchange.touched | facts.exchange.untold.keys()
    for trade in facts.seen.journal.trades_since(0):
        told[trade.symbol] += trade.realised_pnl
        entries = (o for o in facts.seen.journal.orders(trade.signal_id) if o.leg is Leg.ENTRY)
        lost = any(_is_given_up(facts, order) for order in entries)
        if lost or trade.exit_reason is ExitReason.UNEXPLAINED or trade.vanished is not None:
            untold.add(trade.symbol)
    made: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in facts.ledger.executions:
        value = row.value if row.side == "Sell" else -row.value
        made[row.symbol] += (ZERO if row.kind == "Funding" else value) - row.fee
    for symbol in (told.keys() | made.keys()) - untold:
        if abs(told[symbol] - made[symbol]) > CENT:
            yield f"results: {symbol} made {made[symbol]}, the journal says {told[symbol]}"
