"""What time it is on the exchange, as far as the stamps of its answers can be believed.

A node of the exchange, or our own clock, can be hours out. Every decision hangs on the time, so the
offset between the exchange's time and ours is kept, and changed only by answers that agree.
"""

from __future__ import annotations

from dataclasses import dataclass

from pumpwatch.adapters.clock import OwnTime

__all__ = ["ExchangeTime"]

TOLERANCE = 2_000
"""Milliseconds by which a stamp may differ from the time that is believed."""
AGREEMENT = 1_000
"""Milliseconds within which the answers of a changed offset must agree."""
WITNESSES = 3
LEAST_SPAN = 1_000
"""How many answers it takes to change the offset, and over how many milliseconds of ours."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """The exchange's time, and what our wall and monotonic clocks showed then. Milliseconds."""

    exchange: int
    wall: int
    monotonic: int


@dataclass(frozen=True, slots=True)
class _Witness:
    request: int
    stamp: int
    monotonic: int

    @property
    def offset(self) -> int:
        return self.stamp - self.monotonic


class ExchangeTime:
    """The time that is believed, milliseconds UTC. Before the first answer it is our wall clock's.

    A stamp within two seconds of it is taken as it is. Another one changes nothing until three
    answers of different requests, over at least one second, agree within a second with our
    monotonic clock; a stamp that fits the old offset in between ends the doubt. Of our two clocks
    either may prove a stamp right: a frozen process may have stopped the monotonic one, and the
    wall clock can be set.
    """

    def __init__(self, own: OwnTime) -> None:
        self._own = own
        self._base: _Moment | None = None
        """Moves with our clocks, never with a stamp: many small errors do not add up."""
        self._latest: _Moment | None = None
        self._witnesses: list[_Witness] = []
        self._apart = 0

    @property
    def latest(self) -> int | None:
        """Return the latest time that an answer gave, None before the first."""
        return self._latest.exchange if self._latest is not None else None

    def hear(self, stamp: int, request: int) -> int:
        """Take note of an answer's stamp and return the time that is believed for that answer.

        Answers of one request share its number.
        """
        self._own.follow(stamp)
        now = self._read(stamp)
        expected = min(self._expected(now), key=lambda time: abs(time - stamp))
        self._apart = stamp - expected
        if abs(self._apart) <= TOLERANCE:
            self._witnesses.clear()
            self._base = _Moment(expected, now.wall, now.monotonic)
        elif self._agree(_Witness(request, stamp, now.monotonic)):
            self._witnesses.clear()
            self._base = self._latest = now
        else:
            now = _Moment(expected, now.wall, now.monotonic)
        if self._latest is None or now.exchange >= self._latest.exchange:
            self._latest = now
        return now.exchange

    def now(self) -> int:
        """Return the time by now: of our two clocks the one that moved further counts."""
        now = self._read(0)
        if self._latest is None:
            return now.wall
        passed = (now.wall - self._latest.wall, now.monotonic - self._latest.monotonic)
        return self._latest.exchange + max(0, *passed)

    def doubt(self) -> str:
        """Return why the time is not sure, as a sentence; empty when it is."""
        if not self._witnesses:
            return ""
        side = "ahead of" if self._apart > 0 else "behind"
        return (
            f"the exchange's last answer is stamped {abs(self._apart) / 1000:.1f} s {side} the time"
            " that was sure before, and not confirmed yet"
        )

    def _read(self, exchange: int) -> _Moment:
        wall, monotonic = self._own.wall(), self._own.monotonic()
        return _Moment(exchange, round(wall * 1000), round(monotonic * 1000))

    def _expected(self, now: _Moment) -> tuple[int, ...]:
        base = self._base
        if base is None:
            return (now.wall,)
        return (
            base.exchange + now.wall - base.wall,
            base.exchange + now.monotonic - base.monotonic,
        )

    def _agree(self, newest: _Witness) -> bool:
        """Return whether enough answers, this one among them, tell the same new offset."""
        others = [one for one in self._witnesses if one.request != newest.request]
        self._witnesses = [*others, newest]
        while self._spread() >= AGREEMENT:
            del self._witnesses[0]
        span = newest.monotonic - self._witnesses[0].monotonic
        return len(self._witnesses) >= WITNESSES and span >= LEAST_SPAN

    def _spread(self) -> int:
        offsets = [one.offset for one in self._witnesses]
        return max(offsets) - min(offsets)
