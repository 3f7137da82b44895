"""The candidates of labelled markets with their traits and labels: what a score is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.detection.boosted import DEVIATIONS, JUMP, Boosted
from pumpwatch.domain.detection.trade_traits import TRADE_TRAITS, trade_traits
from pumpwatch.domain.market.candles import BoolArray, FloatArray, IntArray
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.research.evaluation.labelled import Segment
from pumpwatch_workbench.research.evaluation.scores import (
    HIT_BEFORE,
    IGNORED_AFTER,
    IGNORED_BEFORE,
    WARM_UP,
)

ONSET_PART = 2 * MINUTE
"""Candidates up to so long after an onset are what the score shall find. Later ones look like the
end of any burst: they teach nothing and are left out."""
HALF_HOUR = 30


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTable:
    """Arrays are shaped (candidates, ...), in order of segment and time.

    `traded` says whose trades are known as far back as a judgement needs: the others are judged by
    their candles, and teach with the trades there are (none: traits NaN). `half_hour` is the
    distance of the candle to the next full or half hour in minutes: no score of the product reads
    it.
    """

    segment: IntArray
    symbol: tuple[str, ...]
    time: IntArray
    """Ends of the candles, milliseconds UTC."""
    candle_traits: FloatArray
    trade_traits: FloatArray
    traded: BoolArray
    half_hour: FloatArray
    sure: BoolArray
    pump: BoolArray
    teaches: BoolArray


def training_table(
    segments: Sequence[Segment], events: Sequence[LabelledPump], rule: Boosted
) -> TrainingTable:
    """Return every candidate after the warm-up. Raises `BadInput` when none lies near a pump."""
    parts = [_part(segment, events, rule) for segment in segments]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    number, time, traits, trades, traded, half_hour, sure, pump, teaches = columns
    if not pump.any() or pump.all():
        raise BadInput("the folder has no pump with a burst of turnover: there is nothing to learn")
    names = {segment.number: segment.symbol for segment in segments}
    symbols = tuple(names[int(place)] for place in number)
    return TrainingTable(
        number, symbols, time, traits, trades, traded, half_hour, sure, pump, teaches
    )


def _part(
    segment: Segment, events: Sequence[LabelledPump], rule: Boosted
) -> tuple[np.ndarray, ...]:
    candidates = rule.candidates(segment.candles)
    time = segment.candles.open_time[candidates.columns] + MINUTE
    late = time >= segment.start + WARM_UP
    time, traits, usual = time[late], candidates.traits[late], candidates.usual[late]
    trades = np.full((len(time), len(TRADE_TRAITS)), np.nan)
    traded: BoolArray = np.zeros(len(time), dtype=np.bool_)
    if segment.trades is not None:
        for place, (end, mean) in enumerate(zip(time, usual, strict=True)):
            seen = trade_traits(segment.trades, int(end), float(mean), whole=False)
            if seen is not None:
                trades[place] = seen
            whole = trade_traits(segment.trades, int(end), float(mean))
            traded[place] = whole is not None
    pump: BoolArray = np.zeros(len(time), dtype=np.bool_)
    near: BoolArray = np.zeros(len(time), dtype=np.bool_)
    for event in events:
        if event.segment == segment.number:
            since = time - event.onset
            if event.counted:
                pump |= (since > -HIT_BEFORE) & (since <= ONSET_PART)
            near |= (since >= -IGNORED_BEFORE) & (since <= IGNORED_AFTER)
    minute = (time - MINUTE) // MINUTE % HALF_HOUR
    sure = (traits[:, DEVIATIONS] > np.log(rule.sure_z)) & (traits[:, JUMP] > rule.sure_jump)
    return (
        np.full(len(time), segment.number, dtype=np.int64),
        time,
        traits,
        trades,
        traded,
        np.minimum(minute, HALF_HOUR - minute).astype(np.float64),
        sure,
        pump,
        pump | ~near,
    )
