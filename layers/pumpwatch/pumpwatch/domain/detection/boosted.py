"""The learned rule on minutes: bursts of turnover with a rise, judged by what surrounds them.

A candle is a candidate when its turnover is above `burst` times the mean minute of the day before
and `burst_z` of the day's standard deviations above that mean, and its high is `rise` above the
lowest close of the five minutes before. A finished candidate alarms when the learned score of its
traits is above its threshold. Where the market's trades of the minute are known, the score reads
them too; where they are not, a second score of the candles alone decides.

No trait knows the time of day, the currency, or how long a symbol has been watched.
docs/model-card.md says what the scores were trained on. Scans that see the seconds judge bursts
sooner (`burst_rule`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from pumpwatch.domain.market.candles import BoolArray, Candles, FloatArray, IntArray
from pumpwatch.domain.moments import HOUR, MINUTE

from .base import Carry, Detections, Detector, KnownTrades
from .bursts import DAY_OF_MINUTES, least_usual
from .chunks import Chunk, blank, chunks
from .model import Model, stored_model
from .trade_traits import TRADE_TRAITS, trade_traits
from .traits import CANDLE_TRAITS, candle_traits
from .windows import previous, trailing_sum

DEVIATIONS = 2
"""Column of the candle's traits."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Candles that are looked at closely; arrays are shaped (candidates, ...).

    `rows` and `columns` are places on the grid, `usual` is the mean turnover of a minute.
    """

    rows: IntArray
    columns: IntArray
    traits: FloatArray
    usual: FloatArray


@dataclass(frozen=True, slots=True)
class Boosted(Detector):
    """The rule and its settings."""

    margin: float = 0.0
    """Added to the scores' thresholds, log-odds: above zero fewer alarms, below more."""
    burst: float = 80.0
    burst_z: float = 15.0
    rise: float = 0.01
    """Fraction."""
    read_trades: int = 1
    """0: judge by the candles alone, as if no trades were known."""
    scores: Model = field(default_factory=stored_model, repr=False)

    name: ClassVar[str] = "boosted"
    interval: ClassVar[int] = MINUTE
    flow: ClassVar[str] = "turnover"
    window: ClassVar[int] = DAY_OF_MINUTES
    minimum: ClassVar[int] = DAY_OF_MINUTES
    history: ClassVar[int] = 26 * HOUR // MINUTE
    monotone: ClassVar[bool] = False
    extra: ClassVar[int] = 3
    unseen_limit: ClassVar[int] = 180
    """The bounds of `needs` hold for at most so many unseen candles."""
    reach: ClassVar[int] = 5
    """Minutes before the candle whose lowest close the rise is measured from."""

    def __post_init__(self) -> None:
        if min(self.burst, self.burst_z, self.rise) <= 0:
            raise ValueError("burst, burst_z and rise must be above zero")

    @property
    def reads_trades(self) -> bool:
        return self.read_trades != 0

    def detect(
        self, candles: Candles, start: Carry | None = None, trades: KnownTrades = None
    ) -> Detections:
        """Return alarm, turnover over the day's mean minute, and jump over the last close."""
        results = blank(candles)
        scored, traded = (np.zeros(candles.shape, dtype=np.bool_) for _ in range(2))
        for chunk in chunks(candles, start, ("high", "close", "volume", "turnover")):
            candidate, strength, jump = self._look(chunk)
            looked_at = self._candidates(chunk, candidate)
            score, known = self._judge(looked_at, candles, trades)
            chunk.write(results, self.minimum, np.zeros_like(candidate), strength, jump)
            places = looked_at.rows, looked_at.columns
            results.alarm[places] = score > self.margin
            scored[places], traded[places] = True, known
        if not self.reads_trades:
            return results
        return Detections(results.alarm, results.strength, results.jump, scored, traded)

    def margins(
        self, candles: Candles, trades: KnownTrades = None
    ) -> tuple[Candidates, FloatArray]:
        """Return the candidates, and for each the largest `margin` with which it alarms."""
        candidates = self.candidates(candles)
        return candidates, self._judge(candidates, candles, trades)[0]

    def candidates(self, candles: Candles) -> Candidates:
        """Return every candidate with its traits, in order of rows and columns."""
        parts = [
            self._candidates(chunk, self._look(chunk)[0])
            for chunk in chunks(candles, None, ("high", "close", "volume", "turnover"))
        ]
        none = np.empty(0, dtype=np.int64)
        parts.append(Candidates(none, none, np.empty((0, len(CANDLE_TRAITS))), np.empty(0)))
        names = ("rows", "columns", "traits", "usual")
        return Candidates(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))

    def _look(self, chunk: Chunk) -> tuple[BoolArray, FloatArray, FloatArray]:
        """Return candidate, turnover over the mean minute, and jump, each (symbols, candles)."""
        high, close, _, turnover = chunk.columns
        mean = previous(trailing_sum(turnover, DAY_OF_MINUTES), np.nan)
        mean /= DAY_OF_MINUTES
        lowest = close.copy()
        for back in range(1, self.reach):
            np.minimum(lowest[:, back:], close[:, :-back], out=lowest[:, back:])
        jump = high / previous(close, chunk.start.close)
        jump -= 1.0
        candidate = turnover > self.burst * mean
        candidate &= high > (1.0 + self.rise) * previous(lowest, np.nan)
        # After a day without turnover nothing is usual.
        candidate &= mean > 0
        candidate[:, :DAY_OF_MINUTES] = False
        candidate &= np.arange(candidate.shape[1]) < chunk.counts[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            return candidate, turnover / mean, jump

    def _candidates(self, chunk: Chunk, candidate: BoolArray) -> Candidates:
        rows, places = np.nonzero(candidate)
        high, close, volume, turnover = chunk.columns
        traits = candle_traits((high, close, volume, turnover), rows, places)
        far = traits[:, DEVIATIONS] > np.log(self.burst_z)
        rows, places, traits = rows[far], places[far], traits[far]
        usual = np.exp(-traits[:, 0]) * turnover[rows, places]
        columns = places
        if chunk.known is not None:
            order = np.argsort(~chunk.known, axis=1, kind="stable")
            columns = order[rows, places]
        return Candidates(rows + chunk.rows.start, columns, traits, usual)

    def _judge(
        self, looked_at: Candidates, candles: Candles, trades: KnownTrades
    ) -> tuple[FloatArray, BoolArray]:
        """Return the candidates' scores over the threshold, and which were read with the trades,
        each (candidates,)."""
        traits = looked_at.traits
        score = self.scores.candles.score(traits) - self.scores.candles.threshold
        known, full = self._with_trades(looked_at, candles, trades)
        if known.any():
            score[known] = self.scores.trades.score(full) - self.scores.trades.threshold
        return score, known

    def _with_trades(
        self, looked_at: Candidates, candles: Candles, trades: KnownTrades
    ) -> tuple[BoolArray, FloatArray]:
        """Return whose trades are known, and the traits of those candidates with them."""
        known = np.zeros(len(looked_at.rows), dtype=np.bool_)
        more: list[FloatArray] = []
        for place, (row, column) in enumerate(zip(looked_at.rows, looked_at.columns, strict=True)):
            seen = trades[row] if trades is not None and self.read_trades else None
            end = int(candles.open_time[column]) + candles.interval
            traded = (
                None if seen is None else trade_traits(seen, end, float(looked_at.usual[place]))
            )
            if traded is not None:
                known[place] = True
                more.append(traded)
        if not more:
            return known, np.empty((0, looked_at.traits.shape[1] + len(TRADE_TRAITS)))
        return known, np.concatenate([looked_at.traits[known], np.array(more)], axis=1)

    def advance(self, candles: Candles, start: Carry | None = None) -> Carry:
        """Return the memory after the last column.

        `extra`: the turnover of the candles that are in the next window for sure, the sum of its
        squares, and the lowest close of the last five.
        """
        memory = (Carry.none(candles.shape[0], self.extra) if start is None else start).copy()
        for chunk in chunks(candles, start, ("close", "turnover")):
            close, turnover = chunk.columns
            memory.count[chunk.rows] = chunk.start.count + chunk.counts
            memory.close[chunk.rows] = chunk.last(close, chunk.start.close)
            memory.mean[chunk.rows] = memory.variance[chunk.rows] = 0.0
            inside = np.nan_to_num(chunk.recent(turnover, DAY_OF_MINUTES - self.unseen_limit))
            memory.extra[chunk.rows, 0] = inside.sum(axis=1)
            memory.extra[chunk.rows, 1] = (inside * inside).sum(axis=1)
            memory.extra[chunk.rows, 2] = np.fmin.reduce(chunk.recent(close, self.reach), axis=1)
        return memory

    def needs(
        self, carry: Carry, unseen: IntArray, low: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return lower bounds (turnover, high) of the next candle that could alarm."""
        usual = least_usual(carry.extra[:, 0], carry.extra[:, 1], self.unseen_limit)
        flow = np.maximum(self.burst * usual.mean, usual.mean + self.burst_z * usual.deviation)
        flow = np.where(unseen <= self.unseen_limit, flow, np.nan)
        return flow, (1.0 + self.rise) * np.fmin(carry.extra[:, 2], low)
