"""Store what reconciliation found to differ, and report it."""

from __future__ import annotations

from pumpwatch.domain.trading.evidence import Evidence, outcome_of
from pumpwatch.domain.trading.orders import Leg, Outcome
from pumpwatch.domain.trading.reconcile import reconcile
from pumpwatch.domain.trading.repairs import Repair, RepairKind
from pumpwatch.domain.trading.trades import ExitReason, RepairNote, Trade, TradeState
from pumpwatch.errors import StoreUnavailable

from .run import Run


def put_right(run: Run, evidence: Evidence) -> tuple[Trade, bool]:
    """Store what the evidence puts right; return the trade, and whether it lacks a sound stop."""
    trade, unprotected = evidence.trade, False
    settling = run.settings.settling_seconds * 1000
    repairs = reconcile([evidence], now=run.now(), settling_time=settling)
    stored = _settle_past(run, evidence)
    for repair in repairs:
        if repair.kind is RepairKind.STOP_MISSING:
            unprotected = True
        elif stored:
            trade, stored = _stored(run, repair)
        else:
            trade = repair.trade
    return trade, unprotected


def _stored(run: Run, repair: Repair) -> tuple[Trade, bool]:
    """Store the repair; return the trade, and whether the table took it: else the next run does."""
    try:
        return store_repair(run, repair), True
    except StoreUnavailable as error:
        run.refused(error, f"{repair.kind.value} was not stored", repair.trade)
        return repair.trade, False


def _settle_past(run: Run, evidence: Evidence) -> bool:
    """Settle orders that are past and whose record still says that nothing is known of them.

    So it is when the table kept a write, said that it had not, and was overwritten. Returns False
    where the table did not take one: nothing else of the trade may be stored before it.
    """
    if evidence.missing:
        return True
    entered = evidence.trade.state is not TradeState.ENTERING
    for order in evidence.orders:
        past = entered if order.leg is Leg.ENTRY else order is not evidence.pending
        if past and order.outcome is Outcome.UNKNOWN:
            record = outcome_of(evidence, order, run.now())
            try:
                run.ports.journal.settle(evidence.trade, record, run.lease)
            except StoreUnavailable as error:
                run.refused(error, "an order's outcome was not stored", evidence.trade)
                return False
    return True


def store_repair(run: Run, repair: Repair) -> Trade:
    """Store a repair, count it, and return the trade as it is stored."""
    trade, order, report, now = repair.trade, repair.order, run.report, run.now()
    before = run.trades.get(trade.signal_id)
    if repair.kind is RepairKind.WAITING:
        report.note(repair.kind.value, repair.note, time=now, trade=trade)
        return run.keep(trade)
    note = repair.note or _sentence(trade)
    differed = _differed(run, repair)
    repair_note = RepairNote(now, repair.kind.value, note) if differed else None
    if trade.halts:
        # Also when the table keeps the write without saying so.
        run.keep(trade)
    if order is not None:
        run.ports.journal.settle(trade, order, run.lease, repair=repair_note)
        report.orders[order.leg, order.outcome] += 1
    else:
        run.save(trade, repair=repair_note)
    if differed:
        report.repairs[repair.kind.value] += 1
    if repair.kind is RepairKind.STOP_SEEN:
        report.stop_verified_after((now - (trade.entry_time or now)) / 1000)
    elif repair.kind is RepairKind.OPENED:
        report.opened.append(trade)
    elif repair.kind is RepairKind.CLOSED:
        if before is not None and before.state is TradeState.ENTERING:
            report.opened.append(trade)  # it was open only while no run looked
        report.closed.append(trade)
    report.note(repair.kind.value, note, time=now, trade=trade)
    return run.keep(trade)


def _differed(run: Run, repair: Repair) -> bool:
    """Return whether journal and exchange disagreed: not so for what this run did itself, a stop
    that is seen for the first time, and a close by the stop, the target or somebody else."""
    before = run.trades.get(repair.trade.signal_id)
    open_before = before is not None and before.state is TradeState.OPEN
    expected = repair.kind is RepairKind.STOP_SEEN or (
        repair.kind is RepairKind.CLOSED
        and open_before
        and repair.trade.exit_reason is not ExitReason.UNEXPLAINED
    )
    return not expected and repair.trade.signal_id not in run.sent


def _sentence(trade: Trade) -> str:
    if trade.state is TradeState.CLOSED:
        return (
            f"{trade.exit_reason} at {trade.exit_price}, {trade.realised_pnl:+.2f} USDT after costs"
        )
    return f"{trade.side} {trade.quantity} at {trade.entry_price}, stop {trade.stop_loss}"
