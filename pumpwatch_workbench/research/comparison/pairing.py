"""Which trade of the journal answers which trade of the simulation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.research.backtest.account import Position

NEAR = 5 * MINUTE
"""Signals of one symbol and side that lie no further apart go back to the same pump."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Closed trades on both sides, or on one."""

    both: tuple[tuple[Position, Trade], ...]
    missed: tuple[Position, ...]
    """Only the simulation traded."""
    extra: tuple[Trade, ...]
    """Only the journal has it."""


def pair(simulated: Sequence[Position], journal: Iterable[Trade]) -> Pairing:
    """Pair by event, then by symbol, side and time of the signal."""
    left = [trade for trade in journal if trade.state is TradeState.CLOSED and trade.entry_time]
    both: list[tuple[Position, Trade]] = []
    missed: list[Position] = []
    by_event = {trade.event_id: trade for trade in left}
    waiting = []
    for one in simulated:
        same = by_event.get(one.trade.event_id)
        if same is not None and same in left:
            both.append((one, same))
            left.remove(same)
        else:
            waiting.append(one)
    for one in waiting:
        near = min(
            (trade for trade in left if _is_near(one.trade, trade)),
            key=lambda trade, one=one: abs(trade.signal_time - one.trade.signal_time),  # type: ignore[misc]
            default=None,
        )
        if near is None:
            missed.append(one)
        else:
            both.append((one, near))
            left.remove(near)
    both.sort(key=lambda two: two[0].trade.entry_time or 0)
    return Pairing(tuple(both), tuple(missed), tuple(left))


def _is_near(one: Trade, other: Trade) -> bool:
    same = (one.symbol, one.side) == (other.symbol, other.side)
    return same and abs(one.signal_time - other.signal_time) <= NEAR
