"""Signals, events, leases, the halt flag and the totals, kept in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pumpwatch.domain.detection.signals import PumpEvent, Signal
from pumpwatch.domain.lease import Lease
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.errors import LeaseHeld, LeaseLost

REMEMBERED_RUNS = 6


class MemorySignalStore:
    """Signals by id (SignalStore port)."""

    def __init__(self) -> None:
        self._signals: dict[str, Signal] = {}

    def publish(self, signal: Signal) -> bool:
        """Store the signal; return False when its id was there already."""
        if signal.signal_id in self._signals:
            return False
        self._signals[signal.signal_id] = signal
        return True

    def since(self, time: int) -> Sequence[Signal]:
        """Return the signals with `signal.time >= time`, oldest first."""
        fresh = [signal for signal in self._signals.values() if signal.time >= time]
        return sorted(fresh, key=lambda signal: (signal.time, signal.signal_id))


class MemoryEventStore:
    """The latest event of each symbol (EventStore port)."""

    def __init__(self) -> None:
        self._events: dict[str, PumpEvent] = {}

    def current(self) -> Sequence[PumpEvent]:
        """Return the stored events, by symbol."""
        return [self._events[symbol] for symbol in sorted(self._events)]

    def save(self, event: PumpEvent) -> None:
        """Store the event, replacing the symbol's former one."""
        self._events[event.symbol] = event

    def remove(self, event: PumpEvent) -> None:
        """Forget the event; another event of the symbol is left alone."""
        known = self._events.get(event.symbol)
        if known is not None and known.event_id == event.event_id:
            del self._events[event.symbol]


@dataclass(slots=True)
class _Holder:
    owner: str
    token: int
    ends: float


class MemoryLeaseStore:
    """Leases that run out by the given wall clock, in seconds (LeaseStore port)."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._holders: dict[str, _Holder] = {}

    def acquire(self, name: str, *, owner: str, seconds: float) -> Lease:
        """Take the lease if it is free or ran out. Raises `LeaseHeld`."""
        holder = self._holders.get(name)
        if holder is not None and holder.owner and holder.ends > self._wall():
            raise LeaseHeld(f"lease {name} is held by {holder.owner}")
        token = holder.token + 1 if holder is not None else 1
        self._holders[name] = _Holder(owner, token, self._wall() + seconds)
        return Lease(name, owner, token)

    def release(self, lease: Lease) -> None:
        """Give the lease back; a lease that was lost meanwhile is left alone."""
        holder = self._holders.get(lease.name)
        if holder is not None and (holder.owner, holder.token) == (lease.owner, lease.token):
            holder.owner = ""

    def check(self, lease: Lease) -> None:
        """Raise `LeaseLost` unless the lease is still the newest one and was not released."""
        holder = self._holders.get(lease.name)
        if holder is None or (holder.owner, holder.token) != (lease.owner, lease.token):
            raise LeaseLost(f"lease {lease.name} of {lease.owner} was taken over")


class MemoryHaltStore:
    """The halt flag (HaltStore port)."""

    def __init__(self) -> None:
        self._halt: Halt | None = None
        self._resumed: int | None = None
        self._looked_at: set[str] = set()

    def current(self) -> Halt | None:
        """Return the halt in force, or None."""
        return self._halt

    def halt(self, halt: Halt) -> None:
        """Stop entries; an earlier halt keeps its reason and time, and may be told to close."""
        if self._halt is None:
            self._halt = halt
        elif halt.close_positions:
            self._halt = replace(self._halt, close_positions=True)

    def resume(self, *, by: str, time: int, trades: Collection[str] = ()) -> None:
        """Allow entries again; the trades count as looked at."""
        self._halt, self._resumed = None, time
        self._looked_at.update(trades)

    def looked_at(self) -> Collection[str]:
        """Return the ids of the halting trades that people have looked at."""
        return frozenset(self._looked_at)

    def resumed(self) -> int | None:
        """Return when a person last resumed."""
        return self._resumed


class MemoryLockStore:
    """Locks by protection and symbol (LockStore port)."""

    def __init__(self) -> None:
        self._locks: dict[tuple[str, str], Lock] = {}

    def current(self, now: int) -> Sequence[Lock]:
        """Return the locks in force at `now`, oldest first."""
        locks = [lock for lock in self._locks.values() if lock.until and now < lock.until]
        return sorted(locks, key=lambda lock: (lock.since, lock.protection, lock.symbol))

    def save(self, lock: Lock) -> None:
        """Store the lock; a later end is never replaced by an earlier one."""
        key = (lock.protection, lock.symbol)
        known = self._locks.get(key)
        if known is None or (known.until or 0) < (lock.until or 0):
            self._locks[key] = lock


class MemoryTotalsStore:
    """Totals that add a run's increments once (TotalsStore port)."""

    def __init__(self) -> None:
        self._totals: dict[str, dict[str, Decimal]] = {}
        self._runs: dict[str, list[str]] = {}
        self._kept: dict[str, str] = {}

    def add(
        self, function: str, run_id: str, increments: Mapping[str, int | float]
    ) -> Mapping[str, Decimal]:
        """Add a run's increments once and return the totals."""
        totals = self._totals.setdefault(function, {})
        runs = self._runs.setdefault(function, [])
        if run_id not in runs:
            runs.append(run_id)
            del runs[:-REMEMBERED_RUNS]
            for key, increment in increments.items():
                totals[key] = totals.get(key, Decimal(0)) + Decimal(str(increment))
        return dict(totals)

    def kept(self, function: str) -> str:
        """Return the text that was kept."""
        return self._kept.get(function, "")

    def keep(self, function: str, text: str) -> None:
        """Keep a text for the next run."""
        self._kept[function] = text
