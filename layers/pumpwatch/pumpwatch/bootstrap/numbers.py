"""The numbers in a trade run's report."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.metrics.catalogue import BLOCKED_BY, MODES, PROTECTIONS
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.usecases.trade.report import TradeReport

MONEY = ("equity", "available", "exposure", "unrealised_pnl", "realised_pnl")
GAUGES = ("open_positions", "foreign_positions", "positions_without_stop", "unknown_orders",
          "exits_overdue", "foreign_orders")  # fmt: skip
COUNTERS = ("stops_refused", "exits_refused", "care_missed", "signals_unopened")
"""Fields of the report that are metrics of the same name."""


def describe(report: TradeReport, numbers: RunNumbers, *, mode: str) -> None:
    """Fill in what a run's report says."""
    for name in MODES:
        numbers.set("mode_info", int(name == mode), mode=name)
    for name in MONEY:
        numbers.set(f"{name}_usdt", getattr(report, name))
    for name in GAUGES:
        numbers.set(name, getattr(report, name))
    numbers.set("halted", int(report.halted))
    numbers.set("vanished_positions", report.vanished)
    for reason in BLOCKED_BY:
        numbers.set("entries_blocked", int(reason in report.blocked), reason=reason)
    for name in PROTECTIONS:
        ends = [lock.until or 0 for lock in report.locks if lock.protection == name]
        numbers.set("locks", len(ends), protection=name)
        numbers.set("lock_end_timestamp_seconds", max(ends, default=0) / 1000, protection=name)
    if report.key_expires is not None:
        numbers.set("key_expiry_timestamp_seconds", report.key_expires / 1000)
    for (leg, outcome), count in report.orders.items():
        numbers.count("orders", count, leg=leg.value, outcome=outcome.value)
    for trade in report.closed:
        numbers.count("trades_closed", result="win" if trade.realised_pnl > 0 else "loss")
    for kind, count in report.repairs.items():
        numbers.count("repairs", count, kind=kind)
    for name in COUNTERS:
        numbers.count(name, getattr(report, name))
    for kind, count in report.problems_by_cause.items():
        numbers.count("problems", count, kind=kind)
    for name, count in report.unreadable.items():
        numbers.count("unreadable_rows", count, list=name)
    _describe_fills(report, numbers)


def _describe_fills(report: TradeReport, numbers: RunNumbers) -> None:
    if report.stop_verified_seconds is not None:
        numbers.observe("fill_to_stop_seconds", report.stop_verified_seconds)
    for trade in report.opened:
        if trade.entry_price is None:
            continue
        _describe_fill(numbers, trade, "entry", trade.entry_price, Decimal(0))
        worse = (trade.entry_price - trade.signal_price) / trade.signal_price
        if trade.side is Side.SELL:
            worse = -worse
        numbers.observe("entry_slippage_ratio", max(Decimal(0), worse))
        if trade.acknowledged is not None:
            waited = (trade.acknowledged - trade.signal_time) / 1000
            numbers.observe("signal_to_order_seconds", max(0.0, waited))
    for trade in report.closed:
        if trade.exit_price is not None:
            _describe_fill(numbers, trade, "exit", trade.exit_price, trade.realised_pnl)


def _describe_fill(
    numbers: RunNumbers, trade: Trade, leg: str, price: Decimal, result: Decimal
) -> None:
    side = "long" if trade.side is Side.BUY else "short"
    amounts = {"price": price, "notional": price * trade.quantity, "result": result}
    for name, amount in amounts.items():
        numbers.set(f"fill_{name}_usdt", amount, symbol=trade.symbol, leg=leg, side=side)
