"""A simulated exchange in a process of its own, for measuring: clock and latency on command.

The process prints {"url"}. Each line on its standard input, `latency MILLISECONDS` or `time
MILLISECONDS`, is carried out and answered with "ok". It ends when standard input closes. Latency is
real (a sleep), while market time stands where it was put; there are no rate limits.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, cast

from pumpwatch.errors import BadInput
from pumpwatch_workbench.processes import helper_process
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.server import SimulatorServer

from .clock import MarketClock
from .source import Market


@dataclass(frozen=True, slots=True)
class MeasuredExchange:
    """The running exchange."""

    url: str
    _process: subprocess.Popen[str]

    def tell(self, what: str, milliseconds: int) -> None:
        """Set `latency` (of every request from now on) or `time` (the market's).

        Raises `BadInput` when the exchange has ended.
        """
        source, output = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        source.write(f"{what} {milliseconds}\n")
        source.flush()
        if output.readline() != "ok\n":
            raise BadInput("the simulated exchange ended while it was measured")


@contextmanager
def exchange_of(module: str, symbols: int, movers: int) -> Iterator[MeasuredExchange]:
    """Run `python -m module SYMBOLS MOVERS`, which serves a market, and end it with the block."""
    with helper_process(module, str(symbols), str(movers)) as (process, ready):
        yield MeasuredExchange(ready["url"], process)


def serve_on_command(market: Market, start: int) -> None:
    """Serve a market that stands at `start` until standard input closes."""
    settings, clock = ExchangeSettings(rate_limits=False), HeldClock(start)
    exchange = Exchange(market, clock, credentials_from_seed(1), settings)
    with SimulatorServer(exchange) as server:
        _say(json.dumps({"url": server.url}))
        for line in sys.stdin:
            what, value = line.split()
            if what == "latency":
                exchange.settings = replace(settings, latency_ms=int(value))
            else:
                clock.advance_to(int(value))
            _say("ok")


class HeldClock(MarketClock):
    """Market time that stands where it was put, while requests take real time."""

    def __init__(self, start: int) -> None:
        super().__init__(start=start)

    def now(self) -> int:
        return self._latest

    def _move(self, to: int) -> int:
        self._latest = to
        return to


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
