"""The report's charts as Plotly figures in plain dictionaries, styled by `chart_style.TEMPLATE`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from pumpwatch.domain.orders import Side
from pumpwatch.domain.signals import Phase, Signal
from pumpwatch.domain.trades import Trade
from workbench.reports.chart_style import (
    Figure,
    horizontal_line,
    level_label,
    time_label,
    vertical_line,
)
from workbench.reports.formats import clock, price, seconds, signed_money
from workbench.run.result import CandleRow, EventRow

__all__ = [
    "WINDOW_AFTER_MS",
    "WINDOW_BEFORE_MS",
    "equity_chart",
    "event_chart",
    "percentile",
    "requests_chart",
    "tick_chart",
    "trade_chart",
    "window_of",
]

MINUTE_MS = 60_000
WINDOW_BEFORE_MS = 20 * MINUTE_MS
WINDOW_AFTER_MS = 60 * MINUTE_MS

_SIGNIFICANT_DIGITS = 5
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
        "xaxis": {"type": "date", "tickformat": "%H:%M", "anchor": "y2"},
        "yaxis": {"domain": [0.2, 0.84], "tickformat": _price_format(candles), "nticks": 5},
        "yaxis2": {"domain": [0, 0.15], "tickformat": "~s", "nticks": 3, "rangemode": "tozero"},
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
            "xaxis": {"type": "date", "tickformat": "%H:%M", "anchor": "y2"},
            "yaxis": {"domain": [0.2, 1], "tickformat": _price_format(candles), "nticks": 5},
            "yaxis2": {"domain": [0, 0.15], "tickformat": "~s", "nticks": 3, "rangemode": "tozero"},
            "shapes": [vertical_line(alarm, "var(--signal)")],
            "annotations": [time_label("alarm", alarm, "var(--signal)")],
        },
    }


def equity_chart(equity: Sequence[tuple[int, Decimal]]) -> Figure:
    """Return the equity over market time, with the starting equity as a dotted line."""
    layout: Figure = {
        "xaxis": {"type": "date", "tickformat": "%H:%M"},
        "yaxis": {"tickformat": ",.0f", "nticks": 6},
    }
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "equity",
            "x": [time for time, _ in equity],
            "y": [round(float(value), 2) for _, value in equity],
            "line": {"color": "var(--trade)", "width": 1.75, "shape": "hv"},
            "hovertemplate": "%{x|%H:%M:%S}  %{y:,.2f} USDT<extra></extra>",
        }
    ]
    if equity:
        start = float(equity[0][1])
        spread = max(abs(float(value) - start) for _, value in equity)
        layout["yaxis"]["tickformat"] = f",.{_places(spread)}f"
        layout["shapes"] = [horizontal_line(start)]
        layout["annotations"] = [level_label("start", start)]
    return {"data": data, "layout": layout}


def tick_chart(tick_seconds: Sequence[float]) -> Figure:
    """Return the wall time of each detect tick in milliseconds, with its p50 and p95."""
    values = [round(value * 1000, 2) for value in tick_seconds]
    figure = _per_tick(values, "%{y:,.0f} ms")
    for name, rank in (("p50", 50), ("p95", 95)):
        level = percentile(values, rank)
        if level is not None:
            figure["layout"]["shapes"].append(horizontal_line(level))
            text = f"{name} {seconds(level / 1000)}"
            figure["layout"]["annotations"].append(level_label(text, level))
    return figure


def requests_chart(tick_requests: Sequence[int]) -> Figure:
    """Return how many Bybit requests each detect tick made."""
    return _per_tick(list(tick_requests), "%{y} requests")


def percentile(values: Sequence[float], rank: float) -> float | None:
    """Return the percentile of the values by linear interpolation; None without values."""
    return float(np.percentile(np.asarray(values, dtype=np.float64), rank)) if values else None


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
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"signal: {signal.phase}",
        "yaxis": "y3",
        "x": [signal.time],
        "y": [height],
        "cliponaxis": False,
        "marker": {
            "symbol": symbol,
            "size": 10,
            "color": "var(--signal)",
            "line": {"color": "var(--signal)", "width": 2},
        },
        "hovertext": [text],
        "hoverinfo": "text",
    }


def _trade_marks(trade: Trade, until: int) -> list[Figure]:
    start = trade.entry_time or until
    end = trade.exit_time if trade.exit_time is not None else max(until, start)
    short = trade.side is Side.SELL
    marks = [
        _level(name, value, start, end, colour)
        for name, value, colour in (
            ("stop", trade.stop_loss, "var(--stop)"),
            ("target", trade.take_profit, "var(--target)"),
        )
        if value is not None
    ]
    entry_text = f"{'short' if short else 'long'} entry<br>{clock(start)} at "
    marks.append(
        _trade_mark(
            "entry",
            start,
            trade.entry_price,
            "triangle-down" if short else "triangle-up",
            entry_text + price(trade.entry_price),
        )
    )
    if trade.exit_time is not None:
        reason = trade.exit_reason.replace("_", " ") if trade.exit_reason else "closed"
        text = f"exit: {reason}<br>{clock(end)} at {price(trade.exit_price)}"
        text += f"<br>{signed_money(trade.realised_pnl)} USDT"
        marks.append(_trade_mark("exit", end, trade.exit_price, "x", text))
    return marks


def _trade_mark(name: str, time: int, value: Decimal | None, symbol: str, text: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [time],
        "y": [None if value is None else float(value)],
        "marker": {
            "symbol": symbol,
            "size": 12,
            "color": "var(--trade)",
            "line": {"color": "var(--surface)", "width": 1.5},
        },
        "hovertext": [text],
        "hoverinfo": "text",
    }


def _level(name: str, value: Decimal, start: int, end: int, colour: str) -> Figure:
    text = f"{name} {price(value)}"
    return {
        "type": "scatter",
        "mode": "lines+text",
        "name": name,
        "x": [start, end],
        "y": [float(value), float(value)],
        "line": {"color": colour, "width": 1.5, "dash": "dash"},
        "text": [name, ""],
        "textposition": "middle left",
        "textfont": {"color": colour, "size": 11},
        "hovertext": [text, text],
        "hoverinfo": "text",
    }


def _per_tick(values: Sequence[float], hover: str) -> Figure:
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": list(range(1, len(values) + 1)),
        "y": list(values),
        "marker": {"color": "var(--trade)", "size": 4, "opacity": 0.75},
        "hovertemplate": f"tick %{{x}}: {hover}<extra></extra>",
    }
    layout: Figure = {
        "margin": {"b": 44},
        "xaxis": {
            "title": {"text": "tick", "standoff": 12},
            "nticks": 8,
            "range": [0, len(values) + 1],
        },
        "yaxis": {"rangemode": "tozero", "tickformat": ",~r", "nticks": 5},
        "shapes": [],
        "annotations": [],
    }
    return {"data": [trace], "layout": layout}


def _short(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def _price_format(candles: Sequence[CandleRow]) -> str:
    spread = max((c.high for c in candles), default=1.0) - min(
        (c.low for c in candles), default=0.0
    )
    return f",.{_places(spread)}f"


def _places(spread: float) -> int:
    """Return the decimals that tell apart the tick labels of an axis with this spread."""
    return max(0, 1 - math.floor(math.log10(spread))) if spread > 0 else 2
