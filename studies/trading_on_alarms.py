"""Simulate `fade` and `ride` on labelled pumps, by how often the market is looked at.

    python -m studies.trading_on_alarms DIR

Scans come every 60, 10 or 5 seconds. Between the ends of candles only the sure condition of the
rule `boosted` can alarm, on the forming candle as the trades up to the scan made it; at an end the
score decides too, with the trades of its minute. An order fills at the first trade a second after
its scan; a stop at the first trade at or beyond it, a target at its own price. Every alarm after
the warm-up is taken, false ones too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.events import EventRules
from pumpwatch.domain.market.candles import FloatArray, IntArray
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.research.evaluation.labelled import Segment, load_pump_events
from pumpwatch_workbench.research.evaluation.scores import WARM_UP, emitted

LATENCY = 1_000
COSTS = 0.004
"""Round trip: 0.2 % fees, 0.2 % spread and slippage."""
SCANS = (60, 10, 5)
HORIZONS = (15, 60, 300, 900)


def _default(name: str) -> float:
    return float(TradeSettings.model_fields[name].default)


GAVE_BACK = EventRules().peaked_share
STOP_ABOVE, RETRACE = _default("fade_stop_above_peak"), _default("fade_target_retrace")
FADE_GAIN = _default("fade_min_gain")
FADE_LIMIT = int(_default("fade_time_limit_minutes")) * MINUTE
RIDE_STOP, RIDE_TARGET = _default("ride_stop_fraction"), _default("ride_target_fraction")
RIDE_LIMIT = int(_default("ride_time_limit_minutes")) * MINUTE


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm of one segment: when it is known, and the close before its candle."""

    segment: Segment
    time: int
    base: float


def alarms_at(segment: Segment, rule: Boosted, seconds: int) -> list[Alarm]:
    """Return the alarms sent out when the market is looked at every so many seconds."""
    assert segment.trades is not None  # noqa: S101 - the caller has checked it
    candidates, margin = rule.margins(segment.candles, [segment.trades])
    times: dict[int, float] = {}
    for place, column in enumerate(candidates.columns):
        if margin[place] <= rule.margin:
            continue
        opened = int(segment.candles.open_time[column])
        base = float(segment.candles.close[0, column - 1])
        time = opened + MINUTE
        if np.isinf(margin[place]):
            day = segment.candles.turnover[0, column - 1440 : column]
            enough = float(day.mean() + rule.sure_z * day.std())
            time = _first_sure(segment.trades, opened, base, rule, enough, seconds)
        times[time] = base
    sent = emitted(list(times), from_time=segment.start + WARM_UP)
    return [Alarm(segment, time, times[time]) for time in sent]


def _first_sure(
    trades: MarketTrades, opened: int, base: float, rule: Boosted, enough: float, seconds: int
) -> int:
    """Return the first scan at which the forming candle is sure to alarm."""
    first, last = np.searchsorted(trades.time, [opened, opened + MINUTE])
    part = slice(int(first), int(last))
    turnover = np.cumsum(trades.price[part] * trades.quantity[part])
    high = np.maximum.accumulate(trades.price[part])
    sure = (turnover > enough) & (high / base - 1 > rule.sure_jump)
    if not sure.any():
        return opened + MINUTE
    step = seconds * 1000
    return min(opened + MINUTE, -(-(int(trades.time[part][np.argmax(sure)]) + 1) // step) * step)


def horizon(alarm: Alarm, seconds: int) -> float | None:
    """Return what a buy at the alarm is worth so many seconds later, after costs."""
    time, price = _after(alarm.segment, alarm.time + LATENCY)
    if not len(time):
        return None
    last = int(np.searchsorted(time, alarm.time + LATENCY + seconds * 1000, side="right"))
    return float(price[max(last - 1, 0)] / price[0] - 1 - COSTS)


def ride(alarm: Alarm) -> float | None:
    """Return what buying at the alarm makes, with stop, target and time limit, after costs."""
    time, price = _after(alarm.segment, alarm.time + LATENCY)
    if not len(time):
        return None
    entry = float(price[0])
    stop, target = entry * (1 - RIDE_STOP), entry * (1 + RIDE_TARGET)
    end = _exit(time, price, low=stop, high=target, limit=RIDE_LIMIT)
    return min(end, target) / entry - 1 - COSTS


def fade(alarm: Alarm, seconds: int) -> float | None:
    """Return what a short makes once the rise has stalled; None where there was none to make."""
    step = seconds * 1000
    time, price = _after(alarm.segment, alarm.time - MINUTE)
    for scan in range(alarm.time, alarm.time + 60 * MINUTE, step):
        seen = price[: int(np.searchsorted(time, scan))]
        if not len(seen):
            return None
        peak, last = float(seen.max()), float(seen[-1])
        if peak > alarm.base and (peak - last) / (peak - alarm.base) >= GAVE_BACK:
            return _short(alarm, scan, peak)
    return None


def _short(alarm: Alarm, scan: int, peak: float) -> float | None:
    stop, target = peak * (1 + STOP_ABOVE), peak - RETRACE * (peak - alarm.base)
    time, price = _after(alarm.segment, scan + LATENCY)
    if not len(time) or not target < price[0] < stop:
        return None
    entry = float(price[0])
    if entry - target < FADE_GAIN * entry:
        return None
    end = _exit(time, price, low=target, high=stop, limit=FADE_LIMIT)
    return 1 - max(end, target) / entry - COSTS


def _exit(time: IntArray, price: FloatArray, *, low: float, high: float, limit: int) -> float:
    """Return the price of the first trade at or beyond a bound, or the last one in time."""
    inside = int(np.searchsorted(time, time[0] + limit, side="right"))
    beyond = np.flatnonzero((price[1:inside] <= low) | (price[1:inside] >= high))
    return float(price[beyond[0] + 1] if len(beyond) else price[inside - 1])


def _after(segment: Segment, begin: int) -> tuple[IntArray, FloatArray]:
    assert segment.trades is not None  # noqa: S101 - the caller has checked it
    first, last = np.searchsorted(segment.trades.time, [begin, begin + 100 * MINUTE])
    part = slice(int(first), int(last))
    return segment.trades.time[part], segment.trades.price[part]


def _line(name: str, results: Sequence[float | None]) -> str:
    made = np.array([result for result in results if result is not None])
    if not len(made):
        return f"| {name} | 0 | | | | |"
    return (
        f"| {name} | {len(made)} | {100 * made.mean():+.1f} % | {100 * np.median(made):+.1f} %"
        f" | {100 * (made > 0).mean():.0f} % | {100 * made.min():+.0f} % |"
    )


def lines(segments: Sequence[Segment]) -> Iterator[str]:
    """Yield the table, one line for each interval and what is done."""
    traded = [segment for segment in segments if segment.trades is not None]
    yield "| every | trades | mean | median | won | worst |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for seconds in SCANS:
        alarms = [alarm for segment in traded for alarm in alarms_at(segment, Boosted(), seconds)]
        for later in HORIZONS:
            results = [horizon(alarm, later) for alarm in alarms]
            yield _line(f"{seconds} s, bought and held {later} s", results)
        yield _line(f"{seconds} s, ride", [ride(alarm) for alarm in alarms])
        yield _line(f"{seconds} s, fade (hypothetical)", [fade(alarm, seconds) for alarm in alarms])


def main() -> None:
    """Print the table for the folder that is named."""
    segments, _ = load_pump_events(Path(sys.argv[1]))
    sys.stdout.write("\n".join(lines(segments)) + "\n")


if __name__ == "__main__":
    main()
