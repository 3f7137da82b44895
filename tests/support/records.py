"""Plausible records to store, with single fields changed where a test cares."""

from dataclasses import replace
from decimal import Decimal

import numpy as np

from pumpwatch.domain.detection.signals import Phase, PumpEvent, Signal, event_id_for, signal_id_for
from pumpwatch.domain.market.candles import Candles, CandleSeries, possible_candles
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import (
    Leg,
    OrderRequest,
    Outcome,
    Side,
    StopTrigger,
    order_id_for,
)
from pumpwatch.domain.trading.trades import OrderRecord, Trade, TradeState

NOW = 1_760_000_040_000
"""Milliseconds UTC, on a full minute."""


def a_signal(symbol="PUMPUSDT", phase=Phase.PEAKED, **changes):
    event_id = event_id_for(symbol, "ewma", NOW)
    signal = Signal(
        signal_id=signal_id_for(event_id, phase),
        event_id=event_id,
        symbol=symbol,
        phase=phase,
        time=NOW,
        price=1.1,
        base_price=1.0,
        peak_price=1.2,
        strength=80.25,
        jump=0.2,
        detector="ewma",
    )
    return replace(signal, **changes)


def an_event(symbol="PUMPUSDT", **changes):
    event = PumpEvent(
        event_id=event_id_for(symbol, "ewma", NOW),
        symbol=symbol,
        detector="ewma",
        phase=Phase.RISING,
        alarm_candle=NOW,
        alarm_time=NOW + MINUTE,
        alarm_price=1.15,
        base_price=1.0,
        peak_price=1.2,
        peak_time=NOW,
        last_price=1.15,
        strength=80.25,
        jump=0.2,
        updated=NOW + MINUTE,
        phase_since=NOW + MINUTE,
    )
    return replace(event, **changes)


def a_trade(signal_id="signal-1", **changes):
    trade = Trade(
        signal_id=signal_id,
        event_id="event-1",
        symbol="PUMPUSDT",
        strategy="fade",
        side=Side.SELL,
        state=TradeState.ENTERING,
        signal_time=NOW,
        signal_price=Decimal("1.1"),
        created=NOW,
        quantity=Decimal("45.5"),
        stop_loss=Decimal("1.236"),
        take_profit=Decimal("1.05"),
        closes_at=NOW + 30 * MINUTE,
    )
    return replace(trade, **changes)


def an_entry(order_id="order-1", **changes):
    request = OrderRequest(
        order_id=order_id,
        symbol="PUMPUSDT",
        side=Side.SELL,
        quantity=Decimal("45.5"),
        reduce_only=False,
        stop_loss=Decimal("1.236"),
        take_profit=Decimal("1.05"),
        stop_trigger=StopTrigger.MARK_PRICE,
        limit_price=Decimal("0.5"),
    )
    return replace(request, **changes)


def an_exit(order_id="order-2", **changes):
    request = OrderRequest(
        order_id=order_id,
        symbol="PUMPUSDT",
        side=Side.BUY,
        quantity=Decimal("45.5"),
        reduce_only=True,
    )
    return replace(request, **changes)


def an_order(signal_id="signal-1", attempt=0, **changes):
    order = OrderRecord(
        request=an_entry(order_id_for(signal_id, Leg.ENTRY, attempt)),
        signal_id=signal_id,
        leg=Leg.ENTRY,
        attempt=attempt,
        intended=NOW + attempt,
    )
    return replace(order, **changes)


def settled(order):
    return replace(
        order,
        outcome=Outcome.FILLED,
        exchange_id="c18b72e4",
        filled_quantity=Decimal("45.5"),
        average_price=Decimal("1.0987"),
        fee=Decimal("0.0274949675"),
        settled=NOW + 900,
    )


def candles(symbol, rows, *, start=NOW, interval=MINUTE, forming=False):
    """Rows are (open, high, low, close); volume is 10, turnover ten times the close."""
    values = np.array([[*row, 10.0, 10.0 * row[3]] for row in rows], dtype=float).reshape(-1, 6)
    open_time = start + interval * np.arange(len(rows), dtype=np.int64)
    return CandleSeries(symbol, interval, open_time, values, forming)


def on_grid(series, *, first, count):
    """Lay series of single symbols on one grid of minutes."""
    grid = Candles.empty([one.symbol for one in series], interval=MINUTE, first=first, count=count)
    return grid.merged({one.symbol: one for one in series})


def is_sound(series):
    """Return whether all candles can be true and follow each other."""
    possible = possible_candles(series.open_time, series.values, interval=series.interval)
    return possible.all() and (np.diff(series.open_time) > 0).all()
