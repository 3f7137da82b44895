"""Simulate `ride` and `fade` on the alarms of a rule, on labelled pumps with their trades.

    pumpwatch evaluate DIR --alarms alarms.csv
    python -m studies.trading_on_alarms DIR alarms.csv [SECONDS]

The alarms may come at any time; the market is looked at every SECONDS (5) after one. An order fills
at the first trade a second after its scan; a stop at the first trade at or beyond it, a target at
its own price. Every alarm is taken, false ones too.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np

from pumpwatch.domain.detection.events import EventRules
from pumpwatch.domain.market.candles import FloatArray, IntArray
from pumpwatch.domain.moments import MINUTE
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.evaluation.labelled import Segment, load_segments

LATENCY = 1_000
COSTS = 0.004
"""Round trip: 0.2 % fees, 0.2 % spread and slippage."""
SCAN = 5
HORIZONS = (15, 30, 60, 900)


def _default(name: str) -> float:
    return float(TradeSettings.model_fields[name].default)


RULES = EventRules()
STOP_ABOVE, RETRACE = _default("fade_stop_above_peak"), _default("fade_target_retrace")
FADE_GAIN = _default("fade_min_gain")
FADE_LIMIT = int(_default("fade_time_limit_minutes")) * MINUTE
RIDE_STOP, RIDE_TARGET = _default("ride_stop_fraction"), _default("ride_target_fraction")
RIDE_SECONDS = int(_default("ride_seconds"))
RIDE_LIMIT = int(_default("ride_time_limit_minutes")) * MINUTE


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm of one segment: when it is known, and the last price a minute before it."""

    segment: Segment
    time: int
    base: float


def alarms_from(path: Path, segments: Sequence[Segment]) -> list[Alarm]:
    """Return the alarms of a file that `pumpwatch evaluate --alarms` wrote, where trades are."""
    traded = {segment.number: segment for segment in segments if segment.trades is not None}
    with path.open(newline="") as file:
        rows = [(int(row["segment"]), row["time"]) for row in csv.DictReader(file)]
    times = [(number, datetime.fromisoformat(text)) for number, text in rows if number in traded]
    return [_alarm(traded[number], round(time.timestamp() * 1000)) for number, time in times]


def _alarm(segment: Segment, time: int) -> Alarm:
    assert segment.trades is not None  # noqa: S101 - the caller has checked it
    before = int(np.searchsorted(segment.trades.time, time - MINUTE))
    return Alarm(segment, time, float(segment.trades.price[max(before - 1, 0)]))


def horizon(alarm: Alarm, seconds: int) -> float | None:
    """Return what a buy at the alarm is worth so many seconds later, after costs."""
    time, price = _after(alarm.segment, alarm.time + LATENCY)
    if not len(time):
        return None
    last = int(np.searchsorted(time, alarm.time + LATENCY + seconds * 1000, side="right"))
    return float(price[max(last - 1, 0)] / price[0] - 1 - COSTS)


def ride(alarm: Alarm, seconds: int = 0) -> float | None:
    """Return what buying at the alarm makes, after costs: with stop, target and time limit, or with
    the stop alone for so many seconds."""
    time, price = _after(alarm.segment, alarm.time + LATENCY)
    if not len(time):
        return None
    entry = float(price[0])
    stop, target = entry * (1 - RIDE_STOP), entry * (1 + RIDE_TARGET)
    if seconds:
        target = float("inf")
    end = _exit(time, price, low=stop, high=target, limit=seconds * 1000 or RIDE_LIMIT)
    return min(end, target) / entry - 1 - COSTS


def fade(alarm: Alarm, seconds: int, patience: int = 0) -> float | None:
    """Return what a short makes once the rise has stalled; None where there was none to make.

    So many seconds of patience after the alarm are kept at least.
    """
    time, price = _after(alarm.segment, alarm.time - MINUTE)
    begin = alarm.time + patience * 1000
    for scan in range(begin, alarm.time + 60 * MINUTE, seconds * 1000):
        seen = price[: int(np.searchsorted(time, scan))]
        if not len(seen):
            return None
        top = int(seen.argmax())
        peak, last = float(seen[top]), float(seen[-1])
        gave_back = peak > alarm.base and (peak - last) / (peak - alarm.base) >= RULES.peaked_share
        if gave_back or scan - max(int(time[top]), alarm.time) >= RULES.patience:
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


def lines(alarms: Sequence[Alarm], seconds: int = SCAN) -> Iterator[str]:
    """Yield the table, one line for each thing that is done on the alarms."""
    plays: dict[str, Callable[[Alarm], float | None]] = {
        f"bought, held {later} s": partial(horizon, seconds=later) for later in HORIZONS
    }
    plays |= {"ride": ride, f"ride, {RIDE_SECONDS} s": partial(ride, seconds=RIDE_SECONDS)}
    for patience in (0, RULES.patience // 1000):
        name = f"fade, {patience} s after the alarm at least (hypothetical)"
        plays[name] = partial(fade, seconds=seconds, patience=patience)
    yield "| what | trades | mean | median | won | worst |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, play in plays.items():
        yield _line(name, [play(alarm) for alarm in alarms])


def main() -> None:
    """Print the table for the folder and the alarms that are named."""
    folder, file, *seconds = sys.argv[1:]
    segments = load_segments(RecordedFolder(Path(folder)))
    rows = lines(alarms_from(Path(file), segments), *map(int, seconds))
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
