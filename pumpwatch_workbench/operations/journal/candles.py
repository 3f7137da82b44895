"""Minutes around each event: from the kept history, or asked for anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.market.candles import (
    CandleRequest,
    Candles,
    CandleSeries,
    FloatArray,
    IntArray,
)
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import RetryLater
from pumpwatch.ports import HistoryStore, MarketData
from pumpwatch_workbench.pages.event_rows import WINDOW_AFTER_MS, WINDOW_BEFORE_MS, CandleRow

MOST_SLICES = 1_000
MOST_EVENTS = 60
"""Charts on a page; the latest events have them."""


def alarms_of(signals: Sequence[Signal]) -> dict[str, Signal]:
    """Return each event's first signal, by event id, the latest events last."""
    first: dict[str, Signal] = {}
    for signal in signals:
        first.setdefault(signal.event_id, signal)
    return first


def stored_candles(
    history: HistoryStore, signals: Sequence[Signal]
) -> dict[str, Sequence[CandleRow]]:
    """Return the minutes around the latest events that the history still holds."""
    wanted = dict(list(alarms_of(signals).items())[-MOST_EVENTS:])
    kept: dict[str, Sequence[CandleRow]] = {}
    for number in range(MOST_SLICES if wanted else 0):
        candles = history.load_slice(number, interval=MINUTE)
        if candles is None:
            break
        rows = {symbol: row for row, symbol in enumerate(candles.symbols)}
        for event_id, alarm in wanted.items():
            if alarm.symbol in rows:
                minutes = _window(candles, rows[alarm.symbol], alarm.time)
                if minutes:
                    kept[event_id] = minutes
    return kept


def fetched_candles(
    market: MarketData,
    signals: Sequence[Signal],
    known: Mapping[str, Sequence[CandleRow]],
    until: int,
) -> dict[str, Sequence[CandleRow]]:
    """Return what is known, and what the exchange says about the other latest events.

    Known candles that end before the event's window, or before `until`, are asked for too. An event
    whose symbol the exchange does not know any more stays without. Raises `RetryLater` when the
    exchange does not answer.
    """
    candles = dict(known)
    for event_id, alarm in list(alarms_of(signals).items())[-MOST_EVENTS:]:
        first = (alarm.time - WINDOW_BEFORE_MS) // MINUTE * MINUTE
        last = min(alarm.time + WINDOW_AFTER_MS, until)
        if event_id in candles and candles[event_id][-1].open_time > last - 2 * MINUTE:
            continue
        request = CandleRequest(alarm.symbol, MINUTE, first, last)
        series = market.candles([request]).get(alarm.symbol)
        if isinstance(series, RetryLater):
            raise series
        if isinstance(series, CandleSeries) and len(series.open_time):
            values = series.values[:, [0, 1, 2, 3, 5]]
            candles[event_id] = _rows(series.open_time, values)
    return candles


def _window(candles: Candles, row: int, alarm: int) -> list[CandleRow]:
    """Return the symbol's minutes in the window; none unless the alarm's own minute is there."""
    opens = candles.open_time
    inside = (opens > alarm - WINDOW_BEFORE_MS - MINUTE) & (opens <= alarm + WINDOW_AFTER_MS)
    inside &= ~np.isnan(candles.close[row])
    times = opens[inside]
    if not ((times <= alarm) & (times > alarm - 3 * MINUTE)).any():
        return []
    columns = (candles.open, candles.high, candles.low, candles.close, candles.turnover)
    return _rows(times, np.stack([column[row, inside] for column in columns], axis=1))


def _rows(times: IntArray, values: FloatArray) -> list[CandleRow]:
    pairs = zip(times.tolist(), values.tolist(), strict=True)
    return [CandleRow(time, *row) for time, row in pairs]
