"""A simulated exchange in a process of its own: no rate limits, clock and latency on command.

`python -m benchmarks.exchange_process SYMBOLS MOVERS` prints {"url"}. Each line on standard
input, `latency MILLISECONDS` or `time MILLISECONDS`, is carried out and answered with "ok". It ends
when standard input closes. Latency is real (a sleep), while market time stands where it was put.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO

MINUTE = 60_000
START = 1_793_577_600_000
"""2026-11-02T00:00:00Z."""
PUMP_SIZE = 0.6
PUMP_MINUTE = 5
"""The movers' pumps begin this many minutes after the market does."""


@dataclass(frozen=True, slots=True)
class MeasuredExchange:
    """The running exchange."""

    url: str
    _input: IO[str]
    _output: IO[str]

    def tell(self, what: str, milliseconds: int) -> None:
        """Set `latency` (of every request from now on) or `time` (the market's)."""
        self._input.write(f"{what} {milliseconds}\n")
        self._input.flush()
        assert self._output.readline() == "ok\n"


class HeldClock:
    """Market time that stands where it was put, while requests take real time."""

    stepped = False

    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        """Return market time, milliseconds UTC."""
        return self.time

    def advance_to(self, milliseconds: int) -> int:
        """Put the clock."""
        self.time = milliseconds
        return milliseconds

    def advance_by(self, milliseconds: int) -> int:
        """Move the clock."""
        return self.advance_to(self.time + milliseconds)


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
        yield MeasuredExchange(url, process.stdin, process.stdout)
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def serve(symbols: int, movers: int) -> None:
    """Serve until standard input closes."""
    from workbench.simulator.auth import credentials_from_seed  # noqa: PLC0415 - this process only
    from workbench.simulator.exchange import Exchange  # noqa: PLC0415
    from workbench.simulator.exchange_settings import ExchangeSettings  # noqa: PLC0415
    from workbench.simulator.market import PlantedEvent  # noqa: PLC0415
    from workbench.simulator.server import start_simulator  # noqa: PLC0415
    from workbench.simulator.synthetic.market import SyntheticMarket  # noqa: PLC0415

    names = [one.symbol for one in SyntheticMarket(symbols, 1, START, pump_count=0).listings]
    onset = START + PUMP_MINUTE * MINUTE + 5_000
    chosen = [name for name in names if name.endswith("USDT")][20 : 20 + movers]
    pumps = [PlantedEvent(name, onset, onset + 30_000, PUMP_SIZE) for name in chosen]
    market = SyntheticMarket(symbols, 1, START, pumps=pumps, quiet=True)
    market.view(START)
    settings = ExchangeSettings(rate_limits=False)
    clock = HeldClock()
    exchange = Exchange(market, clock, credentials_from_seed(1), settings)
    with start_simulator(exchange) as server:
        print(json.dumps({"url": server.url}), flush=True)
        for line in sys.stdin:
            what, value = line.split()
            if what == "time":
                clock.advance_to(int(value))
            else:
                exchange.settings = replace(settings, latency_ms=int(value))
            print("ok", flush=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
