"""A rule of one's own as a detector: nothing else can tell it from a built-in one."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from pumpwatch.domain.detection.base import Carry, Detections, Detector, KnownTrades, known_before
from pumpwatch.domain.detection.chunks import CHUNK, blank
from pumpwatch.domain.detection.rules import DETECTORS, DetectorSettings
from pumpwatch.domain.market.candles import COLUMNS, BoolArray, Candles, FloatArray, IntArray
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import DAY, HOUR, MINUTE
from pumpwatch.errors import OwnCodeFailed

from .loading import Guard, answer_of, load, number

SECONDS = 2.0
ATTRIBUTES = ("history", "least_rise", "least_turnover", "reads_trades")
LONGEST, KEPT = 7 * DAY // MINUTE, 25 * HOUR // MINUTE
"""Minutes that a rule may look back, and that the screen needs at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Minutes:
    """One-minute candles of several symbols, up to the one that may alarm.

    Arrays are shaped (minutes, symbols), newest last: as many minutes as the rule's `history`.
    Prices and turnover in USDT, volume in the base coin; NaN is not known. `time`, shaped
    (symbols,), is when the newest minute began, milliseconds UTC.
    """

    time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    turnover: FloatArray


class Rule(Protocol):
    """A rule of one's own. It judges each symbol for itself: which others are there is chance."""

    history: int
    """Minutes that it looks at, the newest one included: 2 to 10,080."""
    least_rise: float
    """Rise of the newest high over the last close below which it never alarms, as a fraction."""
    least_turnover: float
    """Turnover of the newest minute below which it never alarms, USDT. With 0 for both, candles of
    every symbol are asked for."""

    def alarms(self, candles: Minutes, trades: Sequence[MarketTrades | None] | None) -> BoolArray:
        """Return for each symbol whether its newest minute, which has ended, is an alarm.

        With `reads_trades = True` it is asked again about its alarms, with that minute's trades
        where they are known: never in a backtest.
        """


class OwnDetector:
    """The rule as a `Detector`. A watched one keeps its failure in `failure`, else it is raised."""

    interval, unseen_limit, flow, extra, monotone = MINUTE, DAY // MINUTE, "turnover", 0, False

    def __init__(self, name: str, *, watched: bool = False) -> None:
        self.own: Rule
        self.own, declared = load("rules", name, DETECTORS, ATTRIBUTES)
        self.name = self.memory = name
        self.failure, self._watched, what = "", watched, f"the rule {name}"
        self._call = Guard(what, SECONDS).call if watched else partial(answer_of, what)
        self.window = int(number(name, declared, "history", 2, LONGEST)) - 1
        self.history = max(self.window + 1, KEPT)
        self._rise = number(name, declared, "least_rise", 0, 10)
        self._turnover = number(name, declared, "least_turnover", 0, 1e12)
        self._reads_trades = declared["reads_trades"] is True

    def detect(
        self, candles: Candles, start: Carry | None = None, trades: KnownTrades = None
    ) -> Detections:
        """Return alarms, turnover over its mean in the window, and jump over the last close."""
        results, scored = blank(candles), None
        results.jump[:] = candles.high / _last_closes(candles, start)[:, :-1] - 1.0
        asked = (results.jump >= self._rise) & (candles.turnover >= self._turnover)
        asked &= known_before(candles, start) >= self.window
        asked[:, : self.window] = False
        try:
            self._judge(candles, asked, results)
            if self._reads_trades:
                scored = results.alarm.copy()
                if trades is not None:
                    self._judge(candles, scored, results, trades)
        except OwnCodeFailed as error:
            if not self._watched:
                raise
            self.failure = str(error)
            return blank(candles)
        return Detections(results.alarm, results.strength, results.jump, scored)

    def advance(self, candles: Candles, start: Carry | None = None) -> Carry:
        """Return count and last close after the last column."""
        memory = (Carry.none(candles.shape[0]) if start is None else start).copy()
        memory.count[:] += (~np.isnan(candles.close)).sum(axis=1)
        memory.close[:] = _last_closes(candles, start)[:, -1]
        return memory

    def needs(
        self, carry: Carry, unseen: IntArray, low: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the bounds that the rule declares, (turnover, high)."""
        close = np.where(unseen == 0, carry.close, np.fmin(carry.close, low))
        return np.full(len(close), float(self._turnover)), (1.0 + self._rise) * close

    def _judge(
        self, candles: Candles, asked: BoolArray, results: Detections, trades: KnownTrades = None
    ) -> None:
        """Ask about candles, each of them the end of a window: it is shown nothing of later."""
        places, size = np.argwhere(asked), max(1, CHUNK // (self.window + 1))
        for some in (places[at : at + size] for at in range(0, len(places), size)):
            rows, columns = some.T
            inside = columns + np.arange(-self.window, 1)[:, None]
            parts = {name: getattr(candles, name)[rows, inside] for name in COLUMNS}
            usual = np.maximum(np.nanmean(parts["turnover"], axis=0), 1e-9)
            results.strength[rows, columns] = parts["turnover"][-1] / usual
            shown = Minutes(candles.open_time[columns], **parts)
            known = trades and [_of(trades[row], shown.time[at]) for at, row in enumerate(rows)]
            work = partial(self._answer, len(rows), shown, known)
            results.alarm[rows, columns] = self._call(work)

    def _answer(
        self, count: int, candles: Minutes, trades: Sequence[MarketTrades | None] | None
    ) -> BoolArray:
        with np.errstate(all="ignore"):
            answer = np.array(self.own.alarms(candles, trades))
        if answer.dtype != np.bool_ or answer.shape != (count,):
            raise TypeError(f"alarms gave {answer.dtype} {answer.shape}, not a bool a symbol")
        return answer


def detector_named(name: str, settings: DetectorSettings, *, watched: bool = False) -> Detector:
    """Return the rule of that name; a watched one of one's own fails without raising.

    Raises `SettingsError`.
    """
    if name in DETECTORS:
        return DETECTORS[name](settings)
    return OwnDetector(name, watched=watched)


def _last_closes(candles: Candles, start: Carry | None) -> FloatArray:
    """Return the last known close before the first candle and after each, (symbols, 1 + all)."""
    memory = Carry.none(candles.shape[0]) if start is None else start
    close = np.concatenate([memory.close[:, None], candles.close], axis=1)
    last = np.where(np.isnan(close), 0, np.arange(close.shape[1]))
    filled: FloatArray = np.take_along_axis(close, np.maximum.accumulate(last, axis=1), axis=1)
    return filled


def _of(trades: MarketTrades | None, opened: int) -> MarketTrades | None:
    if trades is None or trades.since > opened:
        return None
    return deepcopy(trades.between(opened, opened + MINUTE))
