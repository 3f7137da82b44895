"""Waits for the next tick by the exchange's clock, even if the machine sleeps."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from pumpwatch.adapters.bybit.session import BybitSession

LONGEST_SLICE = 1.0
"""Seconds: a machine that slept notices within this."""


class Pace(Protocol):
    """The time, and how to wait for a later one."""

    @property
    def stopped(self) -> bool:
        """Return whether it was asked to stop."""

    def now(self) -> int:
        """Return the exchange's time, milliseconds UTC."""

    def wait_until(self, time: int) -> bool:
        """Wait; return False when it was asked to stop meanwhile."""


class ExchangePace:
    """The exchange's time as this machine's wall clock and the last skew say it.

    The wall clock goes on while the machine sleeps, so that a tick that was due then is known to
    be late. `stop` ends every wait.
    """

    def __init__(self, session: BybitSession, stop: threading.Event) -> None:
        self._session = session
        self._stop = stop

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def now(self) -> int:
        return round((time.time() - (self._session.clock_skew_seconds or 0.0)) * 1000)

    def wait_until(self, time: int) -> bool:
        while not self._stop.is_set():
            left = (time - self.now()) / 1000
            if left <= 0:
                return True
            self._stop.wait(min(left, LONGEST_SLICE))
        return False
