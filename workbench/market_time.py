"""Our own clocks as they are beside a simulated market, whose time is not this machine's.

A simulated exchange stamps its answers with market time, which stands still, jumps or runs. The
rule that a changed time needs three witnesses is then in the way: these clocks follow each stamp.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from urllib.parse import urlsplit

from pumpwatch.adapters.clock import MachineTime, OwnTime
from pumpwatch.settings import LOOPBACK

__all__ = ["MarketTime", "composed_in_market_time", "own_time_for"]

COMPOSED = ("detect", "trade")


class MarketTime:
    """This machine's clocks, moved to wherever the market's stamps are (OwnTime)."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def wall(self) -> float:
        """Return the market's time, seconds since 1970; between stamps it goes on as ours does."""
        return time.time() + self._ahead

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def follow(self, stamp: int) -> None:
        """Move to a stamp, milliseconds UTC."""
        self._ahead = stamp / 1000 - time.time()


def own_time_for(address: str) -> OwnTime:
    """Return the clocks to use beside an exchange: a loopback address is a simulated one."""
    return MarketTime() if urlsplit(address).hostname in LOOPBACK else MachineTime()


@contextmanager
def composed_in_market_time(function: str) -> Iterator[None]:
    """Let the handler of detect or trade, loaded meanwhile, put its function together with these
    clocks. A deployed function has no such switch; another name changes nothing.
    """
    if function not in COMPOSED:
        yield
        return
    name, module = f"{function}_function", import_module(f"pumpwatch.bootstrap.{function}")
    compose = getattr(module, name)
    setattr(module, name, partial(compose, own_time=MarketTime()))
    try:
        yield
    finally:
        setattr(module, name, compose)
