"""A simulated exchange in a process of its own: no rate limits, latency on command.

`python -m benchmarks.exchange_process SYMBOLS MOVERS` prints {"url": ...}; each line on standard
input sets the latency in milliseconds; it ends when standard input closes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO

MINUTE = 60_000
PUMP_SIZE = 0.4
PUMP_AGE_SECONDS = 70
"""The movers' pumps begin this long after the market does: by then the history is there."""


@dataclass(frozen=True, slots=True)
class MeasuredExchange:
    """The running exchange."""

    url: str
    begun: float
    _input: IO[str]

    def latency(self, milliseconds: int) -> None:
        """Set the round trip of every request from now on."""
        self._input.write(f"{milliseconds}\n")
        self._input.flush()
        time.sleep(0.2)


@contextmanager
def exchange_process(symbols: int, movers: int) -> Iterator[MeasuredExchange]:
    """Run the exchange and end it with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.exchange_process", str(symbols), str(movers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = json.loads(process.stdout.readline())["url"]
        yield MeasuredExchange(url, time.time(), process.stdin)
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def serve(symbols: int, movers: int) -> None:
    """Serve until standard input closes."""
    from workbench.simulator.auth import credentials_from_seed  # noqa: PLC0415 - this process only
    from workbench.simulator.clock import MarketClock  # noqa: PLC0415
    from workbench.simulator.exchange import Exchange  # noqa: PLC0415
    from workbench.simulator.exchange_settings import ExchangeSettings  # noqa: PLC0415
    from workbench.simulator.market import PlantedEvent  # noqa: PLC0415
    from workbench.simulator.server import start_simulator  # noqa: PLC0415
    from workbench.simulator.synthetic.market import SyntheticMarket  # noqa: PLC0415

    start = time.time_ns() // 1_000_000 // MINUTE * MINUTE
    names = [one.symbol for one in SyntheticMarket(symbols, 1, start, pump_count=0).listings]
    onset = start + PUMP_AGE_SECONDS * 1000
    chosen = [name for name in names if name.endswith("USDT")][20 : 20 + movers]
    pumps = [PlantedEvent(name, onset, onset + 30_000, PUMP_SIZE) for name in chosen]
    market = SyntheticMarket(symbols, 1, start, pumps=pumps, quiet=True)
    market.view(start)
    settings = ExchangeSettings(rate_limits=False)
    exchange = Exchange(market, MarketClock(), credentials_from_seed(1), settings)
    with start_simulator(exchange) as server:
        print(json.dumps({"url": server.url}), flush=True)
        for line in sys.stdin:
            exchange.settings = replace(settings, latency_ms=int(line))


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
