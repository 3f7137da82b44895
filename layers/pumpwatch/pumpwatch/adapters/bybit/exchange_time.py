"""The exchange's time, as far as the stamps of its answers can be believed.

A node of the exchange, or our own clock, can be hours out, and every decision hangs on the time. So
the offset between the two is kept, and changed only by answers that agree.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple, Protocol

TOLERANCE, AGREEMENT = 2_000, 1_000
"""Milliseconds by which a stamp may be off, and within which the witnesses of a change agree."""
WITNESSES, LEAST_SPAN = 3, 1_000
"""Answers that change the offset, and the milliseconds between the first and the last of them."""


class Clocks(Protocol):
    """Our own clocks, seconds; the module `time` is them."""

    def time(self) -> float:
        """Return the wall clock's time since 1970."""

    def monotonic(self) -> float:
        """Return the time since some moment."""


class _Moment(NamedTuple):
    """The exchange's time, what our two clocks showed then (milliseconds), and the request."""

    exchange: int
    wall: int
    monotonic: int
    request: int = -1


class ExchangeTime:
    """The time that is believed, milliseconds UTC. Before the first answer it is our wall clock's.

    A stamp within two seconds of it is taken as it is. Another one changes nothing until three
    answers of different requests, over at least one second, agree within a second with our
    monotonic clock; a stamp that fits the old offset in between ends the doubt. Either of our two
    clocks may prove a stamp right: a frozen process may have stopped the monotonic one, and the
    wall clock can be set. Safe to use from several threads.
    """

    def __init__(self, clocks: Clocks = time) -> None:
        self._clocks = clocks
        self._lock = threading.Lock()
        self._base: _Moment | None = None
        """Moves with our clocks, never with a stamp: many small errors do not add up."""
        self._latest: _Moment | None = None
        self._witnesses: list[_Moment] = []
        self._apart = 0

    @property
    def latest(self) -> int | None:
        """Return the latest time that an answer gave, None before the first."""
        return self._latest.exchange if self._latest is not None else None

    def note(self, stamp: int, request: int) -> int:
        """Take note of an answer's stamp and return the time that is believed for that answer.

        All answers to one request share its number.
        """
        with self._lock:
            now = self._read(stamp, request)
            expected = min(self._expected(now), key=lambda time: abs(time - stamp))
            self._apart = stamp - expected
            if abs(self._apart) <= TOLERANCE:
                self._witnesses = []
                self._base = now._replace(exchange=expected)
            elif self._agree(now):
                self._witnesses = []
                self._base = self._latest = now
            else:
                now = now._replace(exchange=expected)
            if self._latest is None or now.exchange >= self._latest.exchange:
                self._latest = now
            return now.exchange

    def now(self) -> int:
        """Return the time by now: of our two clocks the one that moved further counts."""
        with self._lock:
            now, last = self._read(0), self._latest
            if last is None:
                return now.wall
            return last.exchange + max(0, now.wall - last.wall, now.monotonic - last.monotonic)

    def earliest(self) -> int:
        """Return the earliest time that it may be: while in doubt a stamp from behind counts."""
        return self.now() + (min(0, self._apart) if self._witnesses else 0)

    def doubt(self) -> str:
        """Return why the time is not sure, as a sentence; empty when it is."""
        if not self._witnesses:
            return ""
        side = "ahead of" if self._apart > 0 else "behind"
        return (
            f"the exchange's last answer is stamped {abs(self._apart) / 1000:.1f} s {side} the time"
            " that was sure before, and not confirmed yet"
        )

    def lead(self, stamp: int) -> int:
        """Return the milliseconds by which a stamp is ahead of our wall clock."""
        return stamp - self._read(0).wall

    def _read(self, exchange: int, request: int = -1) -> _Moment:
        wall, monotonic = self._clocks.time(), self._clocks.monotonic()
        return _Moment(exchange, round(wall * 1000), round(monotonic * 1000), request)

    def _expected(self, now: _Moment) -> tuple[int, ...]:
        base = self._base
        if base is None:
            return (now.wall,)
        passed = (now.wall - base.wall, now.monotonic - base.monotonic)
        return tuple(base.exchange + elapsed for elapsed in passed)

    def _agree(self, newest: _Moment) -> bool:
        """Return whether enough answers, this one among them, tell the same new offset."""
        kept = [moment for moment in self._witnesses if moment.request != newest.request] + [newest]
        offsets = [moment.exchange - moment.monotonic for moment in kept]
        while max(offsets) - min(offsets) >= AGREEMENT:
            del kept[0], offsets[0]
        self._witnesses = kept
        return len(kept) >= WITNESSES and newest.monotonic - kept[0].monotonic >= LEAST_SPAN
