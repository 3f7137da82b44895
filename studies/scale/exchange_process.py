"""The calm market behind HTTP, in a process of its own."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager

from pumpwatch_workbench.simulator.market.measured import (
    MeasuredExchange,
    exchange_of,
    serve_on_command,
)
from pumpwatch_workbench.simulator.market.source import MINUTE_MS

from .market import CalmMarket

START = 1_793_577_600_000
"""2026-11-02T00:00:00Z."""
ONSET = START + 3 * MINUTE_MS


def calm_market(symbols: int, movers: int) -> CalmMarket:
    """Return the market that is measured."""
    return CalmMarket(symbols, movers, START, ONSET)


def serve_market(symbols: int, movers: int) -> AbstractContextManager[MeasuredExchange]:
    """Run the server and end it with the block."""
    return exchange_of("studies.scale.exchange_process", symbols, movers)


if __name__ == "__main__":
    serve_on_command(calm_market(int(sys.argv[1]), int(sys.argv[2])), START, write_ahead=True)
