"""Makes contracts of recorded events: which can be played, their names and their filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import LabelledPump, RecordedFolder
from pumpwatch_workbench.simulator.market.day_window import MINUTES_PER_DAY
from pumpwatch_workbench.simulator.market.replay.recording import read_candles, read_trades
from pumpwatch_workbench.simulator.market.replay.staging import (
    Grid,
    Played,
    Staged,
    lay_out,
    stretch_for,
)
from pumpwatch_workbench.simulator.market.replay.traded import TradedMinute, traded_minutes
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, Listing

FUNDING_INTERVAL_MINUTES = 480
LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
"""What the exchange's symbols are made of."""


@dataclass(frozen=True, slots=True)
class ReplayContract:
    """Where a contract comes from. Times in milliseconds UTC."""

    symbol: str
    segment: int
    coin: str
    recorded_onset: int
    onset: int
    """In market time."""
    live_start: int
    live_end: int
    """From here on the contract stands still, without volume."""
    factor: float
    """Recorded prices and turnovers times this are USDT."""


@dataclass(frozen=True, slots=True)
class DroppedEvent:
    """A counted event that cannot be played."""

    segment: int
    coin: str
    recorded_onset: int
    reason: str


@dataclass(frozen=True, slots=True)
class CastEvent:
    """An event that can be played, as a contract."""

    staged: Staged
    symbol: str
    played: Played
    traded: dict[int, TradedMinute]


def cast_events(
    folder: RecordedFolder, staged: Sequence[Staged], grid: Grid
) -> tuple[list[CastEvent], tuple[DroppedEvent, ...]]:
    """Return the contracts that can be played, sorted by symbol, and the events that cannot."""
    stretches = [stretch_for(one, grid) for one in staged]
    candles = read_candles(folder, stretches)
    # Trades are needed where somebody may trade: in the live window only.
    live = [
        replace(stretch, first=one.live_start - one.shift, last=one.live_end - one.shift - 1)
        for one, stretch in zip(staged, stretches, strict=True)
    ]
    trades = read_trades(folder, live)
    cast, dropped = [], []
    symbols = _symbols(staged)
    for one, symbol, minutes, traded in zip(staged, symbols, candles, trades, strict=True):
        played = lay_out(one, grid, minutes)
        if isinstance(played, str):
            event = one.event
            dropped.append(DroppedEvent(event.segment, event.symbol, event.onset, played))
            continue
        rows = {} if traded is None else traded_minutes(one, grid, played, traded)
        cast.append(CastEvent(one, symbol, played, rows))
    if not cast:
        reasons = "; ".join(f"segment {one.segment}: {one.reason}" for one in dropped[:3])
        raise BadInput(f"no event in {folder.folder} can be played ({reasons})")
    return sorted(cast, key=lambda one: one.symbol), tuple(dropped)


def _symbols(staged: Sequence[Staged]) -> list[str]:
    """Return a symbol for each event: coin, segment, and a letter when that is taken."""
    names: list[str] = []
    for one in staged:
        coin = "".join(letter for letter in one.event.symbol.upper() if letter in LETTERS)
        base = f"{coin}{one.event.segment:02d}"
        ends = ("", *"BCDEFGHIJKLMNOPQRSTUVWXYZ", *(f"Z{number}" for number in range(len(staged))))
        names.append(next(name for end in ends if (name := f"{base}{end}USDT") not in names))
    return names


def known_onsets(
    cast: Sequence[CastEvent], events: Sequence[LabelledPump], grid: Grid
) -> tuple[tuple[str, int], ...]:
    """Return every known pump (symbol, market time) in the minutes played."""
    known = []
    for one in cast:
        for event in events:
            onset = event.onset + one.staged.shift
            same = event.segment == one.staged.event.segment
            if same and grid.first * MINUTE_MS <= onset < one.staged.live_end:
                known.append((one.symbol, onset))
    return tuple(known)


def daily_turnover(one: CastEvent, grid: Grid) -> float:
    """Return the turnover of the 24 hours before the live window, at least 1 USDT."""
    stop = one.staged.live_start // MINUTE_MS - grid.first
    return max(float(one.played.turnover[stop - MINUTES_PER_DAY : stop].sum()), 1.0)


def listing_of(one: CastEvent, grid: Grid) -> Listing:
    """Return what the exchange says of the contract; the tick is the recording's."""
    price = float(one.played.close[-1])
    step = Decimal(10) ** -one.played.quantity_decimals
    largest = (
        Decimal(round(max(0.02 * daily_turnover(one, grid), 20_000.0) / price)) // step + 1
    ) * step
    return Listing(
        symbol=one.symbol,
        base_coin=one.symbol.removesuffix("USDT"),
        tick_size=Decimal(10) ** -one.played.price_decimals,
        quantity_step=step,
        min_quantity=step,
        max_quantity=largest,
        max_market_quantity=max(largest / 4 // step * step, step),
        min_notional=Decimal(5),
        max_leverage=Decimal(25),
        launch_time=(grid.first + one.played.launch) * MINUTE_MS,
        funding_interval_minutes=FUNDING_INTERVAL_MINUTES,
        price_limit_ratios=(Decimal("0.15"), Decimal("0.3")),
    )
