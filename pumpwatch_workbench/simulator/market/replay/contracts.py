"""Make contracts of recorded events: which can be played, their minutes, names and filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import LabelledPump, RecordedFolder
from pumpwatch_workbench.recordings.quote import usdt_factor
from pumpwatch_workbench.simulator.market.day_window import HOUR_MS, MINUTES_PER_DAY
from pumpwatch_workbench.simulator.market.replay.recording import read_candles, read_trades
from pumpwatch_workbench.simulator.market.replay.schedule import HISTORY_MS, Grid, ScheduledEvent
from pumpwatch_workbench.simulator.market.replay.traded import TradedMinute, traded_minutes
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    BoolArray,
    FloatArray,
    Listing,
    Minutes,
    Trades,
    quantities,
)

FUNDING_INTERVAL_MINUTES = 480
LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_MAX_DECIMALS = 12
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class ReplayContract:
    """A recorded event that can be played, as a contract."""

    event: ScheduledEvent
    symbol: str
    minutes: Minutes
    """Candles of the whole grid, in market time; prices in USDT."""
    launch: int
    """First row that has a price."""
    factor: float
    """Recorded prices and turnovers times this are USDT: a power of ten."""
    price_decimals: int
    quantity_decimals: int
    traded: Mapping[int, TradedMinute]
    """The minutes whose trades were recorded, by row."""

    def daily_turnover(self) -> float:
        """Return the turnover of the 24 hours before the live window, at least 1 USDT."""
        stop = (self.event.live_start - int(self.minutes.open_time[0])) // MINUTE_MS
        return max(float(self.minutes.turnover[stop - MINUTES_PER_DAY : stop].sum()), 1.0)

    def listing(self) -> Listing:
        """Return what the exchange says of the contract; the tick is the recording's."""
        price, step = float(self.minutes.close[-1]), Decimal(10) ** -self.quantity_decimals
        return Listing(
            symbol=self.symbol,
            base_coin=self.symbol.removesuffix("USDT"),
            tick_size=Decimal(10) ** -self.price_decimals,
            **quantities(price, self.daily_turnover(), step),
            min_notional=Decimal(5),
            max_leverage=Decimal(25),
            launch_time=int(self.minutes.open_time[self.launch]),
            funding_interval_minutes=FUNDING_INTERVAL_MINUTES,
            price_limit_ratios=(Decimal("0.15"), Decimal("0.3")),
        )


def make_contracts(
    folder: RecordedFolder, events: Sequence[ScheduledEvent], grid: Grid
) -> tuple[list[ReplayContract], list[tuple[ScheduledEvent, str]]]:
    """Return the contracts, sorted by symbol, and the events that cannot be played, and why.

    Raises `BadInput` when none can.
    """
    candles, trades = read_candles(folder, events, grid), read_trades(folder, events)
    contracts, dropped = [], []
    for event, symbol, minutes, traded in zip(
        events, _symbols(events), candles, trades, strict=True
    ):
        if reason := _shortage(event, minutes):
            dropped.append((event, reason))
        else:
            contracts.append(_contract(event, symbol, grid, minutes, traded))
    if not contracts:
        reasons = "; ".join(f"segment {event.segment}: {reason}" for event, reason in dropped[:3])
        raise BadInput(f"no event in {folder.folder} can be played ({reasons})")
    return sorted(contracts, key=lambda contract: contract.symbol), dropped


def known_onsets(
    contracts: Sequence[ReplayContract], events: Sequence[LabelledPump], grid: Grid
) -> tuple[tuple[str, int], ...]:
    """Return every known pump (symbol, market time) in the minutes played."""
    return tuple(
        (contract.symbol, event.onset + contract.event.shift)
        for contract in contracts
        for event in events
        if event.segment == contract.event.segment
        and grid.first * MINUTE_MS <= event.onset + contract.event.shift < contract.event.live_end
    )


def _symbols(events: Sequence[ScheduledEvent]) -> list[str]:
    names: list[str] = []
    for event in events:
        coin = "".join(letter for letter in event.coin.upper() if letter in LETTERS)
        coin = coin.removesuffix("USDT")
        base = f"{coin}{event.segment:02d}"
        ends = ("", *"BCDEFGHIJKLMNOPQRSTUVWXYZ", *(f"Z{number}" for number in range(len(events))))
        names.append(next(name for end in ends if (name := f"{base}{end}USDT") not in names))
    return names


def _shortage(event: ScheduledEvent, candles: Minutes) -> str:
    if not candles.open_time.size:
        return "the segment has no candles there"
    times = candles.open_time + event.shift
    if times[0] > event.live_start - HISTORY_MS:
        hours = max(event.onset - int(times[0]), 0) / HOUR_MS
        return f"only {hours:.1f} h of candles before its onset, 25 h and 10 min are needed"
    if not np.any(_in_history(event, candles)):
        return "no candle in the 25 hours before its live window"
    return "" if times[-1] >= event.onset else "no candle after its onset"


def _in_history(event: ScheduledEvent, candles: Minutes) -> BoolArray:
    times = candles.open_time + event.shift
    return (times >= event.live_start - HISTORY_MS) & (times < event.live_start)


def _contract(
    event: ScheduledEvent, symbol: str, grid: Grid, candles: Minutes, trades: Trades | None
) -> ReplayContract:
    """Lay an event's candles out on the grid.

    Minutes without a candle have the last close and no volume; so has every minute after the live
    window. The factor is what `usdt_factor` makes of a day of the history.
    """
    history = candles.turnover[_in_history(event, candles)]
    factor = usdt_factor(event.coin, float(history.sum()) * 24 * HOUR_MS / HISTORY_MS)
    decimals = _decimals(np.concatenate([candles.open, candles.high, candles.low, candles.close]))
    scale = 10.0 ** max(decimals - round(np.log10(factor)), 0)
    rows = (candles.open_time + event.shift) // MINUTE_MS - grid.first
    inside = rows >= 0
    at = rows[inside]
    # The latest candle of each row, -1 before the first; candles before the grid are on row 0.
    latest = np.full(grid.minutes, -1)
    latest[0] = np.count_nonzero(~inside) - 1
    latest[at] = np.flatnonzero(inside)
    np.maximum.accumulate(latest, out=latest)
    close = (np.rint(candles.close * factor * scale) / scale)[np.maximum(latest, 0)]
    idle = np.zeros(grid.minutes)
    opened = (np.arange(grid.minutes) + grid.first) * MINUTE_MS
    copies = (close.copy(), close.copy(), close.copy())
    minutes = Minutes(opened, *copies, close, volume=idle, turnover=idle.copy())
    for name in ("open", "high", "low"):
        prices = getattr(candles, name)[inside]
        getattr(minutes, name)[at] = np.rint(prices * factor * scale) / scale
    minutes.volume[at] = candles.volume[inside]
    minutes.turnover[at] = candles.turnover[inside] * factor
    price_decimals = round(np.log10(scale))
    traded = traded_minutes(trades, minutes, event.shift, factor, 10.0**price_decimals)
    return ReplayContract(
        event=event,
        symbol=symbol,
        minutes=minutes,
        launch=int(np.argmax(latest >= 0)),
        factor=factor,
        price_decimals=price_decimals,
        quantity_decimals=max(_decimals(candles.volume), int(np.ceil(np.log10(close[-1])))),
        traded=traded,
    )


def _decimals(values: FloatArray) -> int:
    for decimals in range(_MAX_DECIMALS):
        scaled = values * 10.0**decimals
        if np.all(np.abs(scaled - np.rint(scaled)) <= _ROUNDING * np.maximum(np.abs(scaled), 1.0)):
            return decimals
    return _MAX_DECIMALS
