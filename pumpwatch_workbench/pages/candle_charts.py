"""Candles around events and trades, as the plain data that `charts.js` draws.

    {"kind": "candles", "candles": [[ms, open, high, low, close, turnover], ...], "lines": [],
     "marks": [{"time", "place", "shape", "colour", "text", "price"?}, ...],
     "levels": [{"price", "name", "colour", "from", "until"}, ...],
     "window": [ms, ms], "whole": [ms, ms] or null, "decimals": n}

A mark without a price stands at its candle; a colour is the name of one of the page's properties.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pumpwatch.domain.detection.signals import Phase, Signal
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.event_rows import MINUTE_MS, CandleRow, EventRow
from pumpwatch_workbench.pages.trade_tables import exit_words, side_words
from pumpwatch_workbench.pages.words import price

Chart = dict[str, Any]

BEFORE_MS = 15 * MINUTE_MS
"""Shown before the first of an event's moments."""
AFTER_MS = 10 * MINUTE_MS
"""Shown after the last of them."""
LEAST_MS = 30 * MINUTE_MS
_SIGNIFICANT_DIGITS = 5
_PHASE_SHAPES = {
    Phase.RISING: "arrowUp",
    Phase.PEAKED: "square",
    Phase.FADING: "arrowDown",
    Phase.OVER: "circle",
}


def event_chart(row: EventRow, candles: Sequence[CandleRow]) -> Chart:
    """Return the chart of an event of a run or a journal."""
    signals = row.detected.signals if row.detected else ()
    onset = {"onset": row.planted.onset} if row.planted else {}
    return candle_chart(candles, signals=signals, trade=row.trade, moments=onset)


def candle_chart(
    candles: Sequence[CandleRow],
    *,
    signals: Sequence[Signal] = (),
    trade: Trade | None = None,
    moments: Mapping[str, int] | None = None,
) -> Chart:
    """Return one-minute candles with an event's phases and its trade's entry, exit and levels.

    `moments` are further times by name, such as the onset. The window fits what is marked.
    """
    entered = trade if trade and trade.entry_time is not None else None
    marks = [_moment(name, time) for name, time in (moments or {}).items()]
    marks += [
        _moment(str(signal.phase), signal.time, _PHASE_SHAPES[signal.phase]) for signal in signals
    ]
    if entered:
        marks += _trade_marks(entered)
    whole = [candles[0].open_time, candles[-1].open_time + MINUTE_MS] if candles else [0, 0]
    window = _window([mark["time"] for mark in marks], entered, whole)
    return {
        "kind": "candles",
        "candles": [[candle.open_time, *map(_short, candle[1:])] for candle in candles],
        "lines": [],
        "marks": marks,
        "levels": _levels(entered) if entered else [],
        "window": window,
        "whole": whole if whole[0] < window[0] or window[1] < whole[1] else None,
        "decimals": decimals_of(min((candle.low for candle in candles), default=1.0)),
    }


def decimals_of(value: float) -> int:
    """Return the decimals that give a price five significant digits."""
    return max(0, _SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(value))) if value > 0 else 2


def _window(times: list[int], trade: Trade | None, whole: list[int]) -> list[int]:
    """Return from when until when the chart shows at first: the trade, or else what is marked."""
    if trade is not None:
        # The event goes on after a trade: that is one click away.
        times = [trade.signal_time, trade.exit_time or whole[1]]
    if not times:
        return whole
    first, until = min(times) - BEFORE_MS, max(times) + AFTER_MS
    short = LEAST_MS - (until - first)
    if short > 0:
        first, until = first - short // 2, until + short - short // 2
    return [max(first, whole[0]), min(until, whole[1])] if first < whole[1] else [first, until]


def _moment(name: str, time: int, shape: str = "circle") -> Chart:
    colour = "onset" if name == "onset" else "signal"
    return {"time": time, "place": "above", "shape": shape, "colour": colour, "text": name}


def _trade_marks(trade: Trade) -> list[Chart]:
    shape = "arrowDown" if trade.side is Side.SELL else "arrowUp"
    marks = [_trade_mark(trade.entry_time, trade.entry_price, shape, side_words(trade.side))]
    if trade.exit_time is not None:
        marks.append(_trade_mark(trade.exit_time, trade.exit_price, "square", exit_words(trade)))
    return marks


def _trade_mark(time: int | None, value: Decimal | None, shape: str, word: str) -> Chart:
    mark: Chart = {"time": time, "place": "in", "shape": shape, "colour": "trade"}
    if value is None:
        return mark | {"text": word}
    return mark | {"text": f"{word} {price(value)}", "price": float(value)}


def _levels(trade: Trade) -> list[Chart]:
    return [
        {
            "price": float(value),
            "name": f"{name} {price(value)}",
            "colour": name,
            "from": trade.entry_time,
            "until": trade.exit_time,
        }
        for name, value in (("stop", trade.stop_loss), ("target", trade.take_profit))
        if value is not None
    ]


def _short(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT_DIGITS + 1}g}")
