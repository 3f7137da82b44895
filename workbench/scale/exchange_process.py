"""The calm market behind HTTP, in a process of its own: clock and latency on command.

`python -m workbench.scale.exchange_process SYMBOLS MOVERS` prints {"url"}. Each line on standard
input, `latency MILLISECONDS` or `time MILLISECONDS`, is carried out and answered with "ok". It ends
when standard input closes. The answer about the whole market is written before it is asked for, so
that a tick's duration has none of the server's work in it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO

from pumpwatch.errors import BadInput
from workbench.simulator.market import MINUTE_MS

from .market import CalmMarket

__all__ = ["ONSET", "START", "ServedMarket", "calm_market", "serve_market"]

START = 1_793_577_600_000
"""2026-11-02T00:00:00Z."""
ONSET = START + 3 * MINUTE_MS
STOP_SECONDS = 10


def calm_market(symbols: int, movers: int) -> CalmMarket:
    """Return the market that is measured."""
    return CalmMarket(symbols, movers, START, ONSET)


@dataclass(frozen=True, slots=True)
class ServedMarket:
    """The running server."""

    url: str
    _input: IO[str]
    _output: IO[str]

    def tell(self, what: str, milliseconds: int) -> None:
        """Set `latency` (of every request from now on) or `time` (the market's)."""
        self._input.write(f"{what} {milliseconds}\n")
        self._input.flush()
        if self._output.readline() != "ok\n":
            raise BadInput("the simulated exchange ended while it was measured")


@contextmanager
def serve_market(symbols: int, movers: int) -> Iterator[ServedMarket]:
    """Run the server and end it with the block."""
    command = [sys.executable, "-m", __name__, str(symbols), str(movers)]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    if process.stdin is None or process.stdout is None:
        raise BadInput("the simulated exchange has no pipes")
    try:
        url = json.loads(process.stdout.readline() or "{}").get("url")
        if not url:
            raise BadInput("the simulated exchange did not start")
        yield ServedMarket(url, process.stdin, process.stdout)
    finally:
        process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class _HeldClock:
    """Market time that stands where it was put, while requests take real time."""

    stepped = False

    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        return self.time

    def advance_to(self, milliseconds: int) -> int:
        self.time = milliseconds
        return milliseconds

    def advance_by(self, milliseconds: int) -> int:
        return self.advance_to(self.time + milliseconds)


def _serve(symbols: int, movers: int) -> None:
    from workbench.simulator.auth import credentials_from_seed  # noqa: PLC0415 - this process only
    from workbench.simulator.exchange import Exchange  # noqa: PLC0415
    from workbench.simulator.exchange_settings import ExchangeSettings  # noqa: PLC0415
    from workbench.simulator.server import start_simulator  # noqa: PLC0415

    clock = _HeldClock()
    settings = ExchangeSettings(rate_limits=False)
    market = calm_market(symbols, movers)
    exchange = Exchange(market, clock, credentials_from_seed(1), settings)
    with start_simulator(exchange) as server:
        sys.stdout.write(json.dumps({"url": server.url}) + "\n")
        sys.stdout.flush()
        for line in sys.stdin:
            what, value = line.split()
            if what == "time":
                exchange.tickers.all(clock.advance_to(int(value)))
            else:
                exchange.settings = replace(settings, latency_ms=int(value))
            sys.stdout.write("ok\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
