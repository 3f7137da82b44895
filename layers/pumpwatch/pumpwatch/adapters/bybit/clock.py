"""The exchange's own time as the clock of decisions."""

from __future__ import annotations

from .session import BybitSession


class ExchangeClock:
    """The latest time the exchange stamped an answer with, as far as it is believed (Clock port).

    In production it equals wall time within a request's age; in a lock-step simulation it is the
    market's time and the same in every run. Nothing answered yet in this run: it asks, once.
    """

    def __init__(self, session: BybitSession) -> None:
        self._session = session

    def now(self) -> int:
        """Return the exchange's time, milliseconds UTC; by our own clocks while it tells none."""
        return self._session.time_now()

    def earliest(self) -> int:
        """Return the earliest time that it may be, milliseconds UTC."""
        return self._session.earliest_time()

    def doubt(self) -> str:
        """Return why the time is not sure; empty when it is."""
        return self._session.time_doubt()
