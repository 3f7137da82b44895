"""Waits for the next tick by the exchange's clock, whatever happens to ours."""

from __future__ import annotations

import threading
from time import monotonic

from pumpwatch.adapters.bybit.exchange_time import ExchangeTime

LONGEST_SLICE = 1.0
"""Seconds: a machine that slept notices within this."""


class Pace:
    """The exchange's time as its last answer and the further of our two clocks say it.

    The wall clock goes on while the machine sleeps, so that a tick that was due then is known to
    be late; the other one goes on when the wall clock is set back. `stop` ends every wait.
    """

    def __init__(self, time: ExchangeTime, stop: threading.Event) -> None:
        self._time = time
        self._stop = stop

    @property
    def stopped(self) -> bool:
        """Return whether it was asked to stop."""
        return self._stop.is_set()

    def now(self) -> int:
        """Return the exchange's time, milliseconds UTC."""
        return self._time.now()

    def wait_until(self, time: int) -> bool:
        """Wait; return False when it was asked to stop meanwhile."""
        # Before the first answer the time is the wall clock's, which may be set back meanwhile.
        end = monotonic() + (time - self.now()) / 1000
        while not self._stop.is_set():
            left = min((time - self.now()) / 1000, end - monotonic())
            if left <= 0:
                return True
            self._stop.wait(min(left, LONGEST_SLICE))
        return False
