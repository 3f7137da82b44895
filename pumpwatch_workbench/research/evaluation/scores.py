"""Score a detector event by event on labelled pumps, as the data's own rules say.

An alarm is dated when its candle is complete. The first 24 hours of a segment are warm-up. After an
emitted alarm the detector is silent for 30 minutes. A hit is the first emitted alarm in
(onset - 60 s, onset + 300 s], for one-hour candles up to onset + 3,700 s; an event without a hit
but with an alarm in [onset - 1 h, onset - 60 s] is early. Alarms in [onset - 1 h, onset + 6 h] of
any event are ignored, hits aside; every other alarm is false.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pumpwatch.domain.detection.base import CandleRule
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.market.candles import Candles, FloatArray, IntArray
from pumpwatch.domain.moments import DAY, HOUR, MINUTE
from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.research.evaluation.labelled import WARM_UP, Segment, Watched
from pumpwatch_workbench.research.evaluation.looks import Scans
from pumpwatch_workbench.research.evaluation.shares import poisson_interval

SILENCE = 30 * MINUTE
HIT_BEFORE = MINUTE
HIT_AFTER = 5 * MINUTE
HIT_AFTER_HOURLY = 3_700_000
IGNORED_BEFORE, IGNORED_AFTER = HOUR, 6 * HOUR


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a detector's alarms. Delays in seconds from onset to alarm, one a hit."""

    hits: int
    early: int
    missed: int
    false_alarms: int
    clean_symbol_days: float
    delays: tuple[float, ...] = field(repr=False)

    @property
    def events(self) -> int:
        """Return the counted events after warm-up."""
        return self.hits + self.early + self.missed

    @property
    def precision(self) -> float:
        """Return hits over hits and false alarms; NaN without any event or any such alarm."""
        alarms = self.hits + self.false_alarms
        return self.hits / alarms if alarms and self.events else math.nan

    @property
    def recall(self) -> float:
        """Return hits over counted events; NaN without any event."""
        return self.hits / self.events if self.events else math.nan

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall; NaN without any event."""
        both = self.hits + self.false_alarms + self.events
        return 2 * self.hits / both if self.events else math.nan

    @property
    def false_alarms_per_symbol_day(self) -> float:
        """Return false alarms over clean symbol-days; NaN without clean days."""
        return self.false_alarms / self.clean_symbol_days if self.clean_symbol_days else math.nan

    @property
    def false_alarm_interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of false alarms per symbol-day; None without clean days."""
        if not self.clean_symbol_days:
            return None
        low, high = poisson_interval(self.false_alarms)
        return low / self.clean_symbol_days, high / self.clean_symbol_days

    @classmethod
    def total(cls, parts: Sequence[Score]) -> Score:
        """Return the score of all parts together."""
        return cls(
            sum(part.hits for part in parts),
            sum(part.early for part in parts),
            sum(part.missed for part in parts),
            sum(part.false_alarms for part in parts),
            sum(part.clean_symbol_days for part in parts),
            tuple(delay for part in parts for delay in part.delays),
        )

    @property
    def median_delay(self) -> float:
        """Return the median delay of the hits in seconds; NaN without hits."""
        return self.delay_at(50)

    def delay_at(self, rank: float) -> float:
        """Return a percentile of the hits' delays in seconds, interpolated; NaN without hits."""
        return float(np.percentile(self.delays, rank)) if self.delays else math.nan

    def to_json(self) -> dict[str, object]:
        """Return the figures by name; what is not defined is None."""
        return {
            "events": self.events,
            "hits": self.hits,
            "early": self.early,
            "false_alarms": self.false_alarms,
            "symbol_days": self.clean_symbol_days,
            "false_alarms_per_symbol_day": _number(self.false_alarms_per_symbol_day),
            "false_alarms_per_symbol_day_interval": self.false_alarm_interval,
            "precision": _number(self.precision),
            "recall": _number(self.recall),
            "f1": _number(self.f1),
            "delay_p50_seconds": _number(self.median_delay),
            "delay_p90_seconds": _number(self.delay_at(90)),
        }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def emitted(times: Sequence[int], *, from_time: int) -> list[int]:
    """Return the alarms sent out from `from_time` on; each silences those right after it."""
    sent: list[int] = []
    for time in sorted(times):
        if time >= from_time and (not sent or time >= sent[-1] + SILENCE):
            sent.append(time)
    return sent


def score(
    segments: Sequence[Watched],
    events: Sequence[LabelledPump],
    alarms: Mapping[int, Sequence[int]],
    *,
    hit_after: int = HIT_AFTER,
) -> Score:
    """Score alarms, given by segment number as milliseconds UTC, before any silence is applied."""
    parts = []
    for segment in segments:
        known = [event for event in events if event.segment == segment.number]
        times = alarms.get(segment.number, ())
        parts.append(segment_score(segment, known, times, clean_days(segment, known), hit_after))
    return Score.total(parts)


def segment_score(
    segment: Watched,
    known: Sequence[LabelledPump],
    times: Sequence[int],
    clean_symbol_days: float,
    hit_after: int = HIT_AFTER,
) -> Score:
    """Return the score of the alarms in one segment, whose events are `known`."""
    live_from = segment.start + WARM_UP
    hits = early = missed = 0
    delays: list[float] = []
    sent = emitted(times, from_time=live_from)
    for event in known:
        if not event.counted or event.onset < live_from:
            continue
        hit = _first(sent, event.onset - HIT_BEFORE + 1, event.onset + hit_after)
        if hit is not None:
            hits += 1
            delays.append((hit - event.onset) / 1000)
        elif _first(sent, event.onset - HOUR, event.onset - HIT_BEFORE) is not None:
            early += 1
        else:
            missed += 1
    spans = _ignored(known)
    false_alarms = sum(not any(begin <= time <= end for begin, end in spans) for time in sent)
    return Score(hits, early, missed, false_alarms, clean_symbol_days, tuple(delays))


def clean_days(segment: Watched, known: Sequence[LabelledPump]) -> float:
    """Return the days of a segment in which an alarm would be false."""
    live_from, spans = segment.start + WARM_UP, _ignored(known)
    lost = np.asarray(segment.missing, dtype=np.int64)
    ignored = np.any([(begin <= lost) & (lost < end) for begin, end in spans], axis=0)
    missing = MINUTE * int(np.count_nonzero((lost >= live_from) & ~ignored))
    return max(0, _clean_time(live_from, segment.end, spans) - missing) / DAY


def _ignored(known: Sequence[LabelledPump]) -> list[tuple[int, int]]:
    return [(event.onset - IGNORED_BEFORE, event.onset + IGNORED_AFTER) for event in known]


def _first(times: Sequence[int], begin: int, end: int) -> int | None:
    return next((time for time in times if begin <= time <= end), None)


def _clean_time(begin: int, end: int, spans: Sequence[tuple[int, int]]) -> int:
    clean = 0
    position = begin
    for span_begin, span_end in sorted(spans):
        clean += max(0, min(span_begin, end) - position)
        position = max(position, span_end)
    return clean + max(0, end - position)


def hit_after(detector: CandleRule) -> int:
    """Return how long after an onset an alarm of the rule is still a hit, milliseconds."""
    return HIT_AFTER_HOURLY if detector.interval == HOUR else HIT_AFTER


def raise_alarms(
    detector: CandleRule, segments: Sequence[Segment], scans: Scans | None = None
) -> dict[int, list[int]]:
    """Return when each segment's alarms are known, by its number, before any silence is applied.

    Milliseconds UTC. `boosted` alarms at the scan that sees it, see `scans` (None: the product's);
    other rules at the ends of their candles; hourly rules get hourly candles.
    """
    alarms = {}
    for segment in segments:
        if isinstance(detector, Boosted):
            times, margins = (scans or Scans()).margins(detector, segment)
            alarms[segment.number] = times[margins > detector.margin].tolist()
            continue
        candles = hourly(segment.candles) if detector.interval == HOUR else segment.candles
        alarm = detector.detect(candles).alarm[0]
        alarms[segment.number] = (candles.open_time[alarm] + candles.interval).tolist()
    return alarms


def hourly(candles: Candles) -> Candles:
    """Return the whole hours of one-minute candles as one-hour candles; unfinished ones are left
    out.

    An hour with an unknown minute is made from the minutes that are known.
    """
    minutes = HOUR // candles.interval
    first = -(-int(candles.open_time[0]) // HOUR) * HOUR
    count = (int(candles.open_time[-1]) + candles.interval - first) // HOUR
    whole = candles.regrid(first=first, count=max(0, count) * minutes)
    shape = (len(candles.symbols), max(0, count), minutes)

    known = ~np.isnan(whole.close.reshape(shape))
    begin, end = known.argmax(axis=2), minutes - 1 - known[:, :, ::-1].argmax(axis=2)

    def at(column: FloatArray, index: IntArray) -> FloatArray:
        return np.take_along_axis(column.reshape(shape), index[:, :, None], axis=2)[:, :, 0]

    def over(column: FloatArray, reduce: Callable[..., FloatArray], empty: float) -> FloatArray:
        values = reduce(np.where(known, column.reshape(shape), empty), axis=2)
        return np.where(known.any(axis=2), values, np.nan)

    return Candles(
        candles.symbols,
        HOUR,
        first + HOUR * np.arange(max(0, count), dtype=np.int64),
        at(whole.open, begin),
        over(whole.high, np.max, -np.inf),
        over(whole.low, np.min, np.inf),
        at(whole.close, end),
        over(whole.volume, np.sum, 0.0),
        over(whole.turnover, np.sum, 0.0),
    )
