"""A synthetic market behind HTTP, in a process of its own."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager

from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.simulator.market.measured import (
    MeasuredExchange,
    exchange_of,
    serve_on_command,
)

START = 1_793_577_600_000
"""2026-11-02T00:00:00Z."""
PUMP_SIZE = 0.6
PUMP_MINUTE = 5
"""The movers' pumps begin this many minutes after the market does."""


def exchange_process(symbols: int, movers: int) -> AbstractContextManager[MeasuredExchange]:
    """Run the exchange and end it with the block."""
    return exchange_of("benchmarks.exchange_process", symbols, movers)


def serve(symbols: int, movers: int) -> None:
    """Serve until standard input closes."""
    from pumpwatch_workbench.simulator.market.source import PlantedEvent  # noqa: PLC0415 - this process only
    from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket  # noqa: PLC0415

    names = [one.symbol for one in SyntheticMarket(symbols, 1, START).listings]
    onset = START + PUMP_MINUTE * MINUTE + 5_000
    chosen = [name for name in names if name.endswith("USDT")][20 : 20 + movers]
    pumps = [PlantedEvent(name, onset, onset + 30_000, PUMP_SIZE) for name in chosen]
    market = SyntheticMarket(symbols, 1, START, pumps=pumps, quiet=True)
    market.view(START)
    serve_on_command(market, START)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
