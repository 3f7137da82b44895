"""What a score is trained on: looks at bursts and candidate minutes of labelled markets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.burst_rule import step_of
from pumpwatch.domain.detection.burst_traits import BURST_TRAITS, burst_traits
from pumpwatch.domain.detection.trade_traits import TRADE_TRAITS, trade_traits
from pumpwatch.domain.market.candles import BoolArray, FloatArray, IntArray
from pumpwatch.domain.moments import DAY, MINUTE, SECOND
from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.recordings.tables import Announcement
from pumpwatch_workbench.research.evaluation.labelled import WARM_UP, Segment
from pumpwatch_workbench.research.evaluation.looks import looks
from pumpwatch_workbench.research.evaluation.scores import (
    HIT_BEFORE,
    IGNORED_AFTER,
    IGNORED_BEFORE,
)

ONSET_PART = MINUTE
"""Time after an onset in which an example is what the score shall find. Later ones look like the
end of any burst: they teach nothing and are left out."""
CANDLE_ONSET_PART = 2 * MINUTE
SPILL_BEFORE, SPILL_AFTER = 5 * MINUTE, 15 * MINUTE
"""Around an announced pump of another coin, members of the group buy the wrong one."""
TEACHING_STEP = 5 * SECOND
BURST_GAP = 2 * MINUTE
"""Examples further apart are of two bursts."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Examples in order of segment and time; arrays are shaped (examples, ...).

    `begin` is when the burst of each began, milliseconds UTC like `time`. `pump` ones are what the
    score shall find; those that do not `teach` are near a pump but no beginning of it; `spill` ones
    lie around an announced pump of another coin: they neither teach nor choose a threshold.
    """

    segment: IntArray
    symbol: tuple[str, ...]
    time: IntArray
    begin: IntArray
    traits: FloatArray
    pump: BoolArray
    teach: BoolArray
    spill: BoolArray

    def weight_of(self, chosen: BoolArray) -> FloatArray:
        """Return the weights of some examples among themselves, (chosen,)."""
        new = np.diff(self.time, prepend=0) > BURST_GAP
        new |= np.diff(self.segment, prepend=-1) != 0
        burst = np.cumsum(new)[chosen]
        _, place, count = np.unique(burst, return_inverse=True, return_counts=True)
        return 1.0 / count[place]


def burst_examples(
    segments: Sequence[Segment],
    events: Sequence[LabelledPump],
    announced: Sequence[Announcement],
    interval: int,
    every: int,
) -> Examples:
    """Return the looks of scans `interval` apart, at phases `every` apart, milliseconds.

    Raises `BadInput` when none lies near a pump.
    """
    rows: list[tuple[int, int, int, FloatArray]] = []
    for segment in segments:
        begin = segment.start + WARM_UP
        seen = []
        for phase in range(0, interval, every):
            for look in looks(segment, interval, phase, begin):
                burst = burst_traits(look, step_of(interval))
                if burst is not None:
                    seen.append((segment.number, look.time, burst[1], burst[0]))
        rows += sorted(seen, key=lambda row: row[1])
    number, time, begun = np.array([row[:3] for row in rows], dtype=np.int64).reshape(-1, 3).T
    traits = np.array([row[3] for row in rows]).reshape(len(rows), len(BURST_TRAITS))
    examples = _labelled(segments, events, announced, number, time, begun, traits, ONSET_PART)
    # Looks closer together than this say the same again.
    return replace(examples, teach=examples.teach & (time % TEACHING_STEP < every))


def minute_examples(
    segments: Sequence[Segment],
    events: Sequence[LabelledPump],
    announced: Sequence[Announcement],
    rule: Boosted,
) -> tuple[Examples, FloatArray]:
    """Return every candidate minute after the warm-up, and the traits of its trades.

    The latter are shaped (examples, traits), NaN where no trade is known.
    """
    number, time, traits, trades = [], [], [], []
    for segment in segments:
        candidates = rule.candidates(segment.candles)
        ends = segment.candles.open_time[candidates.columns] + MINUTE
        late = ends >= segment.start + WARM_UP
        number.append(np.full(np.count_nonzero(late), segment.number, dtype=np.int64))
        time.append(ends[late])
        traits.append(candidates.traits[late])
        trades += [
            _trades(segment, int(end), float(usual))
            for end, usual in zip(ends[late], candidates.usual[late], strict=True)
        ]
    ended = np.concatenate(time)
    examples = _labelled(
        segments,
        events,
        announced,
        np.concatenate(number),
        ended,
        ended - MINUTE,
        np.concatenate(traits),
        CANDLE_ONSET_PART,
    )
    return examples, np.array(trades).reshape(len(ended), len(TRADE_TRAITS))


def _trades(segment: Segment, end: int, usual: float) -> FloatArray:
    traits = None if segment.trades is None else trade_traits(segment.trades, end, usual)
    return np.full(len(TRADE_TRAITS), np.nan) if traits is None else traits


def _labelled(
    segments: Sequence[Segment],
    events: Sequence[LabelledPump],
    announced: Sequence[Announcement],
    number: IntArray,
    time: IntArray,
    begin: IntArray,
    traits: FloatArray,
    onset_part: int,
) -> Examples:
    pump, near, spill = (np.zeros(len(time), dtype=np.bool_) for _ in range(3))
    for event in events:
        # An example of another segment is near none of this one's events.
        since = np.where(number == event.segment, time - event.onset, -DAY)
        near |= (since >= -IGNORED_BEFORE) & (since <= IGNORED_AFTER)
        if event.counted:
            pump |= (since > -HIT_BEFORE) & (since <= onset_part)
    names = {segment.number: segment.symbol for segment in segments}
    symbol = np.array([names[int(place)] for place in number], dtype=np.str_)
    for announcement in announced:
        since = time - announcement.time
        around = (since >= -SPILL_BEFORE) & (since <= SPILL_AFTER)
        spill |= around & (symbol != announcement.symbol)
    if not (pump & ~spill).any() or pump.all():
        raise BadInput(
            "the folder has no pump with a burst of turnover, apart from those at the time of "
            "another coin's pump in announced.csv: there is nothing to learn"
        )
    return Examples(number, tuple(symbol.tolist()), time, begin, traits, pump, pump | ~near, spill)
