"""The report of a detect run: the numbers behind its metrics, and its signals."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan
from typing import NamedTuple

from pumpwatch.domain.detection.signals import PumpEvent, Signal
from pumpwatch.domain.moments import MINUTE


class Judgement(NamedTuple):
    """What came of a look at a symbol."""

    symbol: str
    time: int
    what: str
    """`burst` or `candle`."""
    verdict: str
    """What was seen, and why nothing followed, for a person."""
    alarmed: bool = False


def verdict_words(strength: float, jump: float, why: str) -> str:
    """Return the verdict of a rule, which need not know what it saw (NaN)."""
    if isnan(strength + jump):
        return why
    return f"{strength:,.2f} times the usual flow, {100 * jump:+.1f} %: {why}"


@dataclass(slots=True)
class DetectReport:
    """Gauges describe the last scan of the run; counts add up over its scans."""

    time: int = 0
    """The exchange's time of the last look at the market, milliseconds UTC."""
    tick_delay_seconds: float = 0.0
    """Seconds from the scheduled time to the first look at the market."""
    symbols: int = 0
    """Symbols watched that the last snapshot had."""
    skipped: int = 0
    """Symbols left out because of bad data, in the snapshot or in their candles."""
    warming_up: int = 0
    """Symbols without enough history."""
    candidates: int = 0
    """Symbols that the screen could not drop."""
    candidates_deferred: int = 0
    """Those of them that are beyond the budget of a scan: their candles were not asked for."""
    candidates_unjudged: int = 0
    """Those whose candles or history did not come, or whose signal could not be stored."""
    events_open: int = 0
    """Events that are not over."""
    requests: int = 0
    """Requests to the exchange, counted from what was asked of it."""
    refreshed: int = 0
    """Symbols whose history was refreshed."""
    screen_missed: int = 0
    """Candles that the screen dropped although the full rule could have alarmed on them."""
    judged_with_trades: int = 0
    """Candles and bursts that a score judged knowing the market's trades."""
    judged_without_trades: int = 0
    """Those that a score would have judged by the market's trades too, had they been known."""
    looks: int = 0
    """Bursts that were looked at closely."""
    looks_skipped: int = 0
    """Bursts beyond the most that a scan looks at."""
    market_moves: int = 0
    """Moves of the whole market that began."""
    bad_candles: int = 0
    failure: str = ""
    """What a rule of one's own did wrong, so that candles were judged without alarms."""
    clock_doubts: int = 0
    """Scans by a time of the exchange that was not sure."""
    signals: list[Signal] = field(default_factory=list)
    """Signals published by this run, oldest first."""
    signal_delays: list[float] = field(default_factory=list)
    """Seconds from the open of the candle that alarmed to each event's first signal."""
    events: list[PumpEvent] = field(default_factory=list)
    """The current event of each symbol that has one, those that cool down included."""
    judged: list[Judgement] = field(default_factory=list)
    """What the run judged, for a person who watches."""

    @property
    def second_of_minute(self) -> float:
        """Return where in the minute the last scan saw the market."""
        return self.time % MINUTE / 1000
