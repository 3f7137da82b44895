"""A synthetic market behind HTTP, in a process of its own: for this study and the benchmarks."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager

from pumpwatch_workbench.simulator.market.measured import (
    MeasuredExchange,
    exchange_of,
    serve_on_command,
)
from pumpwatch_workbench.simulator.market.source import PlantedEvent
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket

MINUTE = 60_000
START = 1_793_577_600_000
"""2026-11-02T00:00:00Z."""
LATENCY_MS = 60
SECOND = 4_000
"""Milliseconds into the minute at which the schedule fires."""
PUMP_SIZE = 0.6
PUMP_MINUTE = 5
"""Minutes from the market's start to the first pump of the symbols that move."""
APART = 12_000
"""Milliseconds between two pumps: hardly ever do two symbols burst in the same scan."""


def exchange_process(symbols: int, movers: int = 0) -> AbstractContextManager[MeasuredExchange]:
    """Run the exchange and end it with the block."""
    return exchange_of("studies.scale.exchange", symbols, movers)


def _serve(symbols: int, movers: int) -> None:
    """Serve until standard input closes."""
    names = [listing.symbol for listing in SyntheticMarket(symbols, 1, START, pumps=[]).listings]
    first = START + PUMP_MINUTE * MINUTE + 5_000
    onsets = range(first, first + movers * APART, APART)
    chosen = [name for name in names if name.endswith("USDT")][20 : 20 + movers]
    pumps = [
        PlantedEvent(name, onset, onset + 30_000, PUMP_SIZE)
        for name, onset in zip(chosen, onsets, strict=True)
    ]
    market = SyntheticMarket(symbols, 1, START, pumps=pumps, quiet=True)
    market.view(START)
    serve_on_command(market, START)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
