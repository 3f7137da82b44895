"""The exchange's time beside a simulated market, whose time is not this machine's.

A simulated exchange stamps its answers with market time, which stands still, jumps or runs. The
rule that a changed time needs three witnesses is in its way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from urllib.parse import urlsplit

from pumpwatch.adapters.bybit.exchange_time import ExchangeTime
from pumpwatch.settings.shared import LOOPBACK


class MarketTime(ExchangeTime):
    """Believes every stamp as it comes; the latest time does not go back."""

    def note(self, stamp: int, request: int) -> int:
        """Take a stamp for the time, and return it."""
        with self._lock:
            if self._latest is None or stamp >= self._latest.exchange:
                self._latest = self._read(stamp)
        return stamp

    def lead(self, stamp: int) -> int:
        """Return 0: a simulated exchange judges signatures by this machine's clock."""
        return 0


def exchange_time_for(address: str) -> ExchangeTime:
    """Return what to use beside an exchange: one on a loopback address is simulated."""
    return MarketTime() if urlsplit(address).hostname in LOOPBACK else ExchangeTime()


@contextmanager
def composed_in_market_time(function: str) -> Iterator[None]:
    """Let a handler of `detect` or `trade` that is loaded meanwhile be composed in market time.

    A deployed function has no such switch; another name changes nothing.
    """
    if function not in ("detect", "trade"):
        yield
        return
    name, module = f"{function}_from_environment", import_module(f"pumpwatch.bootstrap.{function}")
    compose = getattr(module, name)
    setattr(module, name, partial(compose, exchange_time=MarketTime()))
    try:
        yield
    finally:
        setattr(module, name, compose)
