"""An overview as a person reads it, at any width."""

from __future__ import annotations

from collections.abc import Iterator

from pumpwatch.domain.trading.strategies import EVIDENCE, with_evidence
from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.trade_tables import side_words
from pumpwatch_workbench.pages.words import duration, moment, money, number, price, signed_money

from .halting import describe
from .overview import Overview

A_WHILE = 120
"""Seconds from which on an age is told in minutes."""


def lines_of(seen: Overview) -> Iterator[str]:
    """Yield an overview in sentences."""
    runs = f" runs as process {seen.process}" if seen.process else " does not run"
    yield f"{seen.name}{'' if seen.process is None else runs}"
    yield f"{seen.mode} mode, {seen.orders_today} orders today (UTC)"
    if seen.abandoned:
        yield "WARNING: something is open and nothing runs that cares for it. Start it"
    equity = "not known here" if seen.equity_usdt is None else f"{money(seen.equity_usdt)} USDT"
    opened = "price unknown" if seen.unrealised is None else signed_money(seen.unrealised)
    today, profit = signed_money(seen.profit_today_usdt), signed_money(seen.profit_usdt)
    yield f"equity {equity}; today {today}, in all {profit}, open {opened}"
    if signal := seen.last_signal:
        ago = _ago((seen.now - signal.time) / 1000)
        yield f"last signal: {signal.symbol} {signal.phase.value}, {ago}"
    else:
        yield "no signal in the last 24 hours"
    for name, age in seen.ages.items():
        text = "never succeeded" if age is None else f"succeeded {_ago(age)}"
        late = name in seen.late and seen.process != ""
        yield f"{name}: {text}{'  <- late' if late else ''}"
    yield from _stopped(seen)
    for trade in seen.trades:
        yield from _position(seen, trade)
    if not seen.trades:
        yield "no open positions"
    for name in sorted({trade.strategy for trade in seen.trades} & EVIDENCE.keys()):
        yield with_evidence(name)


def _ago(age: float) -> str:
    text = f"{max(0, age):.0f} s" if age < A_WHILE else duration(round(age * 1000))
    return f"{text} ago"


def _stopped(seen: Overview) -> Iterator[str]:
    """Yield what keeps it from opening something."""
    if seen.halt is not None:
        closes = ", positions are closed" if seen.halt.close_positions else ""
        since = moment(seen.halt.since)
        yield f"halted since {since} by {seen.halt.by}{closes}: {seen.halt.reason}"
    for line in describe(seen.halting):
        yield f"halted by a trade until a person resumes: {line}"
    for line in seen.unreadable:
        yield f"not cared for, and nothing is opened: {line}"
    for lock in seen.locks:
        until = moment(lock.until) if lock.until else "a person resumes"
        yield f"paused until {until}: {lock.protection} {lock.symbol}: {lock.reason}"


def _position(seen: Overview, trade: Trade) -> Iterator[str]:
    result, side = seen.open_result(trade), side_words(trade.side)
    now = "price unknown"
    if result is not None:
        now = f"now {price(seen.prices.get(trade.symbol))}, {signed_money(result)} USDT"
    yield f"{trade.symbol} {side} {number(trade.quantity)} at {price(trade.entry_price)}, {now}"
    other = f", of {trade.mode} mode" * (trade.mode not in ("", seen.mode))
    ends = f"stop {price(trade.stop_loss)}, target {price(trade.take_profit)}"
    yield f"  {ends}, {trade.state.value}{other}, since {moment(trade.created)}"
    if request := seen.to_close.get(trade.signal_id):
        yield f"  to be closed for {request.by}: {request.reason}"
