"""The backtest: vectorised detection first, then only what it signals is walked through.

Detection runs over whole arrays. Of the candles only a window behind each alarm is kept, so a
market of any length streams through in the memory of one block. The account then goes through the
signals of all symbols in order of time.

Looking ahead is impossible by construction: a scan is given the candles up to its minute
(`events`), a strategy a signal and the opening price of the minute in which the order fills
(`account`), and the exit is found by going forward (`walk`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

import numpy as np

from pumpwatch.domain.detection.base import Detector
from pumpwatch.domain.detection.events import EventRules
from pumpwatch.domain.detection.signals import Phase, Signal
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.own.rules import detector_named
from pumpwatch.usecases.trade.entries import strategy_from
from pumpwatch_workbench.pages.event_rows import DetectedEvent, Verdict
from pumpwatch_workbench.research.evaluation.scores import hourly

from .account import SimulatedAccount, SimulatedTrade
from .events import Track, events_of, signals_of
from .market import Block, Window, window_at
from .settings import BacktestSettings
from .walk import LAST_MINUTE

NEVER = 1 << 62


@dataclass(slots=True)
class Coverage:
    """The data of a backtest."""

    begin: int = NEVER
    """Open time of the first candle, milliseconds UTC."""
    end: int = 0
    """End of the last candle."""
    candles: int = 0
    """Minutes times symbols, unknown ones included."""
    segments: int = 0
    symbols: set[str] = field(default_factory=set)

    def add(self, block: Block) -> None:
        """Count a block in."""
        rows, count = block.candles.shape
        if count == 0:
            return
        self.begin = min(self.begin, int(block.candles.open_time[0]))
        self.end = max(self.end, int(block.candles.open_time[-1]) + MINUTE)
        self.candles += rows * count
        self.segments += rows
        self.symbols |= set(block.candles.symbols)


@dataclass(frozen=True, slots=True)
class FoundSignal:
    """A signal, and the alarm it goes back to."""

    signal: Signal
    segment: int
    alarm_time: int
    """Time at which the alarm was known, milliseconds UTC."""


@dataclass(frozen=True, slots=True)
class BacktestOutcome:
    """A backtest's result."""

    settings: BacktestSettings
    coverage: Coverage
    alarms: int
    signals: tuple[FoundSignal, ...]
    """Those the strategy acts on, in order of time."""
    closed: tuple[SimulatedTrade, ...]
    """Closed trades, in the order of their exits."""
    dropped: tuple[Trade, ...]
    """Signals that were not traded, each with its reason."""
    tracks: Sequence[Track] = ()

    @property
    def trades(self) -> tuple[Trade, ...]:
        """Return the closed trades."""
        return tuple(position.trade for position in self.closed)

    def events(self) -> Iterator[DetectedEvent]:
        """Yield every event of the period, whatever the strategy makes of it, phase by phase."""
        for _, group in groupby(self.tracks, key=lambda track: track.window.segment):
            for track in events_of(group):
                if track.window.known_at >= self.coverage.begin:
                    signals = track.signals_until(Phase.OVER)
                    yield DetectedEvent.from_signals(signals, Verdict.IGNORED)


def run_backtest(
    blocks: Iterable[Block], settings: BacktestSettings, *, begin: int = 0, end: int = NEVER
) -> BacktestOutcome:
    """Trade on every signal that is known in [begin, end), milliseconds UTC.

    Candles before `begin` warm the detector up; candles from `end` on are not looked at.
    """
    detector = detector_named(settings.detect.detector, settings.detect)
    reach = reach_of(settings)
    coverage = Coverage()
    windows: list[Window] = []
    for whole in blocks:
        block = whole.between(0, end) if end < NEVER else whole
        coverage.add(block)
        windows += alarm_windows(block, detector, reach=reach)
    coverage.begin = max(coverage.begin, begin) if coverage.candles else coverage.begin
    rules = rules_of(settings)
    tracks = [Track(window, detector.name, rules) for window in windows]
    return trade_on(tracks, settings, coverage, begin=begin)


def rules_of(settings: BacktestSettings) -> EventRules:
    """Return the rules of the event machine that production makes of these settings."""
    return EventRules(cooldown=settings.detect.cooldown_minutes * MINUTE)


def reach_of(settings: BacktestSettings) -> int:
    """Return how many minutes from an alarm's candle on can matter."""
    trade, own = settings.trade, strategy_from(settings.trade)
    limits = [trade.fade_time_limit_minutes, trade.ride_time_limit_minutes]
    limits.append(getattr(own, "time_limit_minutes", 0))
    event = rules_of(settings).time_limit // MINUTE
    return HOUR // MINUTE + event + settings.assumed.delay_candles + max(limits) + LAST_MINUTE + 2


def alarm_windows(block: Block, detector: Detector, *, reach: int) -> Iterator[Window]:
    """Yield the window of each alarm, segment by segment, oldest first."""
    slow = detector.interval == HOUR
    judged = hourly(block.candles) if slow else block.candles
    if judged.shape[1] == 0:
        return
    detected = detector.detect(judged)
    offset = (int(judged.open_time[0]) - int(block.candles.open_time[0])) // MINUTE
    step = detector.interval // MINUTE
    for row, column in zip(*(axis.tolist() for axis in np.nonzero(detected.alarm)), strict=True):
        yield window_at(
            block,
            row,
            offset + column * step,
            alarm=step - 1,
            reach=reach,
            strength=float(detected.strength[row, column]),
            jump=float(detected.jump[row, column]),
        )


def trade_on(
    tracks: Sequence[Track], settings: BacktestSettings, coverage: Coverage, *, begin: int = 0
) -> BacktestOutcome:
    """Let an account trade on the signals of these tracks.

    The tracks of one segment stand together, oldest first.
    """
    strategy = strategy_from(settings.trade)
    delay = (settings.assumed.delay_candles - 1) * MINUTE
    queue: list[tuple[int, str, int, Signal, Window]] = []
    for segment, group in groupby(tracks, key=lambda track: track.window.segment):
        for signal, track in signals_of(list(group), strategy):
            if signal.time >= begin:
                queue.append((signal.time + delay, signal.symbol, segment, signal, track.window))
    queue.sort(key=itemgetter(0, 1, 2))
    account = SimulatedAccount(settings)
    for tick, group_of_tick in groupby(queue, key=itemgetter(0)):
        account.enter([(signal, window) for *_, signal, window in group_of_tick], tick)
    account.close_until(NEVER)
    return BacktestOutcome(
        settings=settings,
        coverage=coverage,
        alarms=len(tracks),
        signals=tuple(
            FoundSignal(signal, segment, window.known_at) for *_, segment, signal, window in queue
        ),
        closed=tuple(account.closed),
        dropped=tuple(account.dropped),
        tracks=tracks,
    )
