"""Candles around events and trades, as Plotly figures styled by `chart_style.TEMPLATE`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pumpwatch.domain.detection.signals import Phase, Signal
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.chart_style import Figure, axis_places, time_label, vertical_line
from pumpwatch_workbench.pages.event_rows import (
    MINUTE_MS,
    WINDOW_AFTER_MS,
    WINDOW_BEFORE_MS,
    CandleRow,
    EventRow,
)
from pumpwatch_workbench.pages.trade_tables import exit_words, side_words
from pumpwatch_workbench.pages.words import clock, price, signed_money

_SIGNIFICANT_DIGITS = 5
_TIME_AXIS = {"type": "date", "tickformat": "%H:%M", "anchor": "y2"}
_TURNOVER_AXIS = {"domain": [0, 0.15], "tickformat": "~s", "nticks": 2, "rangemode": "tozero"}
ROOM = 0.12
"""Share of the prices' range that is left free above and below it."""
_PHASE_MARKS = {
    Phase.RISING: ("triangle-up-open", 0.82),
    Phase.PEAKED: ("diamond-open", 0.3),
    Phase.FADING: ("square-open", 0.3),
    Phase.OVER: ("circle-open", 0.3),
}


def window_of(row: EventRow, candles: Sequence[CandleRow]) -> list[CandleRow]:
    """Return the candles from 20 minutes before the event to 60 minutes after it."""
    first, last = row.time - WINDOW_BEFORE_MS, row.time + WINDOW_AFTER_MS
    return [candle for candle in candles if first - MINUTE_MS < candle.open_time <= last]


def event_chart(row: EventRow, candles: Sequence[CandleRow]) -> Figure:
    """Return one-minute candles with turnover, onset, signals, entry, exit, stop and target."""
    times = [candle.open_time for candle in candles]
    data: list[Figure] = [_candles(times, candles), _turnover(times, candles)]
    if row.detected:
        data += [_signal_mark(signal) for signal in row.detected.signals]
    if row.trade and row.trade.entry_time is not None:
        data += _trade_marks(row.trade, times[-1] + MINUTE_MS if times else row.time)
    layout: Figure = {
        "xaxis": _TIME_AXIS,
        "yaxis": {"domain": [0.2, 0.84], **_price_axis(candles, row.trade)},
        "yaxis2": _TURNOVER_AXIS,
        "yaxis3": {"domain": [0.86, 1], "range": [0, 1], "visible": False, "fixedrange": True},
    }
    if row.planted:
        layout["shapes"] = [vertical_line(row.planted.onset, "var(--onset)")]
        layout["annotations"] = [time_label("onset", row.planted.onset, "var(--onset)")]
    return {"data": data, "layout": layout}


def trade_chart(trade: Trade, candles: Sequence[CandleRow], alarm: int) -> Figure:
    """Return one-minute candles with turnover, the alarm, entry, exit, stop and target."""
    times = [candle.open_time for candle in candles]
    data = [_candles(times, candles), _turnover(times, candles)]
    data += _trade_marks(trade, times[-1] + MINUTE_MS if times else trade.created)
    return {
        "data": data,
        "layout": {
            "xaxis": _TIME_AXIS,
            "yaxis": {"domain": [0.2, 1], **_price_axis(candles, trade)},
            "yaxis2": _TURNOVER_AXIS,
            "shapes": [vertical_line(alarm, "var(--signal)")],
            "annotations": [time_label("alarm", alarm, "var(--signal)")],
        },
    }


def _candles(times: list[int], candles: Sequence[CandleRow]) -> Figure:
    return {
        "type": "candlestick",
        "name": "price",
        "x": times,
        "xperiod": MINUTE_MS,
        "xperiodalignment": "middle",
        "open": [_short(candle.open) for candle in candles],
        "high": [_short(candle.high) for candle in candles],
        "low": [_short(candle.low) for candle in candles],
        "close": [_short(candle.close) for candle in candles],
        "xhoverformat": "%H:%M",
    }


def _turnover(times: list[int], candles: Sequence[CandleRow]) -> Figure:
    return {
        "type": "bar",
        "name": "turnover",
        "yaxis": "y2",
        "x": times,
        "xperiod": MINUTE_MS,
        "xperiodalignment": "middle",
        "y": [_short(candle.turnover) for candle in candles],
        "hovertemplate": "%{x|%H:%M}  %{y:,.0f} USDT<extra>turnover</extra>",
    }


def _signal_mark(signal: Signal) -> Figure:
    symbol, height = _PHASE_MARKS[signal.phase]
    text = f"signal: {signal.phase}<br>{clock(signal.time)}, price {price(signal.price)}"
    marker = {"symbol": symbol, "size": 10, "color": "var(--signal)"}
    marker["line"] = {"color": "var(--signal)", "width": 2}
    mark = _mark(f"signal: {signal.phase}", signal.time, height, marker, text)
    return mark | {"yaxis": "y3", "cliponaxis": False}


def _trade_marks(trade: Trade, until: int) -> list[Figure]:
    start = trade.entry_time or until
    end = trade.exit_time if trade.exit_time is not None else max(until, start)
    short = trade.side is Side.SELL
    marks = [
        _level(name, value, start, end, colour, above=above)
        for name, value, colour, above in (
            ("stop", trade.stop_loss, "var(--stop)", short),
            ("target", trade.take_profit, "var(--target)", not short),
        )
        if value is not None
    ]
    entry_text = f"{side_words(trade.side)} entry<br>{clock(start)} at {price(trade.entry_price)}"
    symbol = "triangle-down" if short else "triangle-up"
    marks.append(_trade_mark("entry", start, trade.entry_price, symbol, entry_text))
    if trade.exit_time is not None:
        text = f"exit: {exit_words(trade)}<br>{clock(end)} at {price(trade.exit_price)}"
        text += f"<br>{signed_money(trade.realised_pnl)} USDT"
        marks.append(_trade_mark("exit", end, trade.exit_price, "x", text))
    return marks


def _trade_mark(name: str, time: int, value: Decimal | None, symbol: str, text: str) -> Figure:
    marker = {"symbol": symbol, "size": 12, "color": "var(--trade)"}
    marker["line"] = {"color": "var(--surface)", "width": 1.5}
    return _mark(name, time, None if value is None else float(value), marker, text)


def _mark(name: str, time: int, height: float | None, marker: Figure, text: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [time],
        "y": [height],
        "marker": marker,
        "hovertext": [text],
        "hoverinfo": "text",
    }


def _level(name: str, value: Decimal, start: int, end: int, colour: str, *, above: bool) -> Figure:
    """Return a dashed line; its name stands on the side that the price seldom reaches."""
    text = f"{name} {price(value)}"
    return {
        "type": "scatter",
        "mode": "lines+text",
        "name": name,
        "x": [start, end],
        "y": [float(value), float(value)],
        "line": {"color": colour, "width": 1.5, "dash": "dash"},
        "text": [name, ""],
        "textposition": f"{'top' if above else 'bottom'} right",
        "textfont": {"color": colour, "size": 12},
        "hovertext": [text, text],
        "hoverinfo": "text",
    }


def _short(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def _price_axis(candles: Sequence[CandleRow], trade: Trade | None) -> Figure:
    """Return an axis that shows all candles and a held trade's levels, with room for names."""
    prices = [candle.high for candle in candles] + [candle.low for candle in candles]
    spread = max(prices) - min(prices) if prices else 1.0
    axis: Figure = {"tickformat": f",.{axis_places(spread)}f", "nticks": 5}
    if trade is not None and trade.entry_time is not None:
        prices += [
            float(level) for level in (trade.stop_loss, trade.take_profit) if level is not None
        ]
    if prices:
        low, high = min(prices), max(prices)
        room = ROOM * (high - low or high)
        axis["range"] = [low - room, high + room]
    return axis
