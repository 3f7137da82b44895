"""Pair the trades of the journal with those of the simulation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.research.backtest.account import SimulatedTrade

NEAR = 5 * MINUTE
"""Signals of one symbol and side that lie no further apart go back to the same pump."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Closed trades on both sides, or on one."""

    both: tuple[tuple[SimulatedTrade, Trade], ...]
    missed: tuple[SimulatedTrade, ...]
    """Only the simulation traded."""
    extra: tuple[Trade, ...]
    """Only the journal has it."""


def pair(simulated: Sequence[SimulatedTrade], journal: Iterable[Trade]) -> Pairing:
    """Pair by event, then by symbol, side and time of the signal."""
    left = [trade for trade in journal if trade.state is TradeState.CLOSED and trade.entry_time]
    both: list[tuple[SimulatedTrade, Trade]] = []
    missed: list[SimulatedTrade] = []
    by_event = {trade.event_id: trade for trade in left}
    waiting = []
    for position in simulated:
        same = by_event.get(position.trade.event_id)
        if same is not None and same in left:
            both.append((position, same))
            left.remove(same)
        else:
            waiting.append(position)
    for position in waiting:
        near = min(
            (trade for trade in left if _is_near(position.trade, trade)),
            key=lambda trade, position=position: abs(
                trade.signal_time - position.trade.signal_time
            ),  # type: ignore[misc]
            default=None,
        )
        if near is None:
            missed.append(position)
        else:
            both.append((position, near))
            left.remove(near)
    both.sort(key=lambda two: two[0].trade.entry_time or 0)
    return Pairing(tuple(both), tuple(missed), tuple(left))


def _is_near(simulated: Trade, trade: Trade) -> bool:
    same = (simulated.symbol, simulated.side) == (trade.symbol, trade.side)
    return same and abs(simulated.signal_time - trade.signal_time) <= NEAR
