"""The way of an order: intent, send, look, settle.

An order is sent once. Whatever the answer was, what became of it is found by asking; a run that is
killed anywhere leaves an intent, and the next run asks in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from pumpwatch.domain.trading.evidence import Evidence, needs_evidence, own_position
from pumpwatch.domain.trading.orders import Leg, OrderRequest, Outcome, Position, order_id_for
from pumpwatch.domain.trading.reconcile import EXIT_WITHIN
from pumpwatch.domain.trading.repairs import Repair, RepairKind
from pumpwatch.domain.trading.trades import ExitReason, OrderRecord, Trade, TradeState
from pumpwatch.errors import (
    DeadlineNear,
    DuplicateOrder,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StoreUnavailable,
)

from .evidence import gather
from .repairs import put_right, store_repair
from .run import Run
from .stops import Case, restore_stops, set_farther_stop, trail

ENTRY_REQUESTS = 5
"""Requests in sequence that an entry may need: the leverage, the send, and a look in open orders,
history and executions (the position, with its stop, is read beside them). An exit needs one: what
became of it the next run can find out."""
EXITS_PER_RUN = 3
"""Exits that a run sends for one trade at most, where a thin book fills them in parts."""
LOOKS = (0.0, 0.2, 0.4, 0.8, 1.6)
"""Seconds to wait before each look for an order that was just sent."""


def send_entry(run: Run, trade: Trade, request: OrderRequest) -> Trade:
    """Store the entry's intent, send it once, and follow it up to its verified stop.

    Raises `LimitReached`, `LeaseLost` or `DuplicateOrder` when the journal refuses the intent:
    nothing was sent then.
    """
    now = run.now()
    order = OrderRecord(request, trade.signal_id, Leg.ENTRY, 0, intended=now)
    limit = run.settings.max_orders_per_day
    try:
        run.ports.journal.intend(trade, order, run.lease, day=run.day(now), max_orders=limit)
    except StoreUnavailable:
        # The table may have kept it: in this run the symbol counts as taken.
        run.keep(trade)
        raise
    run.keep(trade)
    return _send(run, trade, order)


def close_at_market(run: Run, trade: Trade, reason: ExitReason) -> Trade:
    """Close the trade's position with reduce-only market orders, one attempt class after the other.

    A refused exit goes again at once only when nothing else protects the position. Raises
    `DeadlineNear` when there is no time for one request.
    """
    urgent = reason in (ExitReason.STOP_MISSING, ExitReason.UNSAFE_LIQUIDATION)
    while trade.state is TradeState.OPEN and run.exits[trade.signal_id] < EXITS_PER_RUN:
        if not run.has_time(1):
            raise DeadlineNear("too little time is left to close the position")
        refused = len(run.refusals)
        trade = _send_exit(run, trade, reason)
        if len(run.refusals) > refused and not urgent:
            break
    return trade


def protect(run: Run, cases: Sequence[Case]) -> None:
    """Give the positions the stops they lack; close those that cannot have one."""
    for trade, position in restore_stops(run, cases):
        if trade.state is TradeState.OPEN:
            run.report.stops_refused += 1
            run.keep(trade)
            try:
                close_at_market(run, trade, _why_unsafe(position))
            except (RetryLater, OutcomeUnknown, Rejected) as error:
                run.refused(error, "a position without a sound stop was not closed", trade)
            left = run.trades[trade.signal_id]
            if left.state is TradeState.OPEN:
                set_farther_stop(run, left, position)


def settle(run: Run, evidence: Evidence) -> Trade:
    """Put right what differs between journal and exchange, and see to the stop."""
    trade, unprotected = put_right(run, evidence)
    own = own_position(trade, evidence.position)
    if own is None:
        return trade
    if unprotected:
        protect(run, [(trade, own)])
        return run.trades.get(trade.signal_id, trade)
    return trail(run, trade, own)


def hold_back(run: Run, trade: Trade) -> Trade:
    """Remember that the trade's own rows could not be read: the next run goes on without them."""
    if trade.unreadable is not None:
        return trade
    marked = trade.with_(unreadable=run.now())
    try:
        run.save(marked)
    except StoreUnavailable as error:
        run.refused(error, "that its rows cannot be read was not stored", trade)
    return run.keep(marked)


def _why_unsafe(position: Position) -> ExitReason:
    if position.stop_loss is not None and position.liquidation_price is not None:
        return ExitReason.UNSAFE_LIQUIDATION
    return ExitReason.STOP_MISSING


def _send_exit(run: Run, trade: Trade, reason: ExitReason) -> Trade:
    now = run.now()
    quantity, closes_all = _exit_quantity(run, trade)
    request = OrderRequest(
        order_id=order_id_for(trade.signal_id, Leg.EXIT, trade.exit_attempt, trade.installation),
        symbol=trade.symbol,
        side=trade.side.opposite,
        quantity=quantity,
        reduce_only=True,
        closes_all=closes_all,
        send_by=now + EXIT_WITHIN,
    )
    order = OrderRecord(request, trade.signal_id, Leg.EXIT, trade.exit_attempt, intended=now)
    exiting = trade.with_(state=TradeState.EXITING, exit_reason=reason)
    run.exits[trade.signal_id] += 1
    try:
        run.ports.journal.intend(exiting, order, run.lease, day=run.day(now), max_orders=None)
    except DuplicateOrder as error:
        # The table had kept an intent and not said so: it may have left, so it is only asked for.
        run.refused(error, "an exit was meant before", trade)
        run.save(exiting)
        return _follow(run, run.keep(exiting), order)
    return _send(run, run.keep(exiting), order)


def _exit_quantity(run: Run, trade: Trade) -> tuple[Decimal, bool]:
    """Return how much to close at a time, and whether to ask for everything instead.

    A contract's step or least quantity can change while it is held; then only an order for the
    whole position is accepted. So it is after a refusal where the contract is not known.
    """
    contract, quantity = run.contracts.known(trade.symbol), trade.quantity
    if contract is None:
        return quantity, trade.exit_refused is not None
    odd = quantity % contract.quantity_step != 0 or quantity < contract.min_quantity
    return (quantity, True) if odd else (min(quantity, contract.max_market_quantity), False)


def _send(run: Run, trade: Trade, order: OrderRecord) -> Trade:
    run.sent.add(trade.signal_id)
    run.touched = True
    if order.leg is Leg.ENTRY and not run.has_time(ENTRY_REQUESTS - 1):
        # Storing the intent took too long: the order has not left, and it will not.
        return _refused(run, trade, order, "not sent: too little time was left to follow it")
    try:
        exchange_id = run.ports.broker.place(order.request)
        order = replace(order, exchange_id=exchange_id)
        if order.leg is Leg.ENTRY:
            trade = run.keep(trade.with_(acknowledged=run.now()))
    except DuplicateOrder:
        run.problem("the exchange knows this order already: looking it up", trade, cause="order")
    except Rejected as refusal:
        run.refusals.append(order.request.order_id)
        # The contract may have changed since it was read.
        run.contracts.doubt()
        trade = _refused(run, trade, order, f"refused by the exchange: {refusal}")
        if order.leg is Leg.ENTRY:
            return trade
    except (OutcomeUnknown, RetryLater) as doubt:
        run.problem(f"not known whether the {order.leg} arrived: {doubt}", trade, cause="order")
    trade = _follow(run, trade, order)
    if trade.state in (TradeState.ENTERING, TradeState.EXITING):
        run.report.orders[order.leg, Outcome.UNKNOWN] += 1
    return trade


def _refused(run: Run, trade: Trade, order: OrderRecord, reason: str) -> Trade:
    now = run.now()
    ended = replace(order, outcome=Outcome.REJECTED, detail=reason, settled=now)
    if order.leg is Leg.ENTRY:
        after = trade.with_(state=TradeState.DROPPED, quantity=Decimal(0), denial=reason)
        kind = RepairKind.DROPPED
    else:
        run.report.exits_refused += 1
        run.problem(f"an exit was {reason}", trade, cause="order")
        attempt = order.attempt + 1
        after = trade.with_(state=TradeState.OPEN, exit_attempt=attempt, exit_refused=now)
        kind = RepairKind.EXIT_ENDED
    return store_repair(run, Repair(kind, after, ended, reason))


def _follow(run: Run, trade: Trade, order: OrderRecord) -> Trade:
    """Look until the order's outcome and the position's stop are known, a few times at most."""
    missing: Sequence[str] = ()
    for pause in LOOKS:
        if pause:
            if not run.has_time(1):
                break
            run.ports.wait(pause)
        try:
            entering, journal = order.leg is Leg.ENTRY, run.ports.journal
            orders = [order] if entering else journal.orders(trade.signal_id)
            evidence = gather(run, trade, orders)
            missing = evidence.missing
            for sentence in missing:
                run.problem(sentence, trade, cause="rows")
            if not missing or not needs_evidence(trade, evidence.position):
                # What is left after an exit is the business of whoever wanted it.
                (settle if entering else put_right)(run, evidence)
        except RetryLater as error:
            run.refused(error, f"the {order.leg} could not be followed", trade)
        trade = run.trades[trade.signal_id]
        waiting = trade.state in (TradeState.ENTERING, TradeState.EXITING)
        unverified = trade.state is TradeState.OPEN and trade.stop_verified is None
        if not waiting and not unverified:
            return trade
    return hold_back(run, trade) if missing else trade
