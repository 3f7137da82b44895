"""The smaller ports: a clock that is set by hand, secrets, the history cache, the metrics sink."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest

from pumpwatch.credentials import ExchangeKey, PushCredentials
from pumpwatch.domain.market.candles import Candles
from pumpwatch.errors import BadCredentials


class ManualClock:
    """A clock that stands still until it is moved (Clock port)."""

    def __init__(self, time: int) -> None:
        self.time = time
        self.doubts, self.behind = "", 0

    def now(self) -> int:
        """Return the time it was set to, milliseconds UTC."""
        return self.time

    def earliest(self) -> int:
        """Return the time less `behind`."""
        return self.time - self.behind

    def doubt(self) -> str:
        """Return what `doubts` was set to."""
        return self.doubts

    def advance(self, milliseconds: int) -> None:
        """Move the clock."""
        self.time += milliseconds


class ManualDeadline:
    """A deadline that is set by hand (Deadline port)."""

    def __init__(self, seconds: float = 25.0) -> None:
        self.seconds = seconds

    def seconds_left(self) -> float:
        """Return what it was set to."""
        return self.seconds


class MemorySecrets:
    """Secrets that are given (Secrets port); None stands for a placeholder, or no password."""

    def __init__(self, key: ExchangeKey | None, push: PushCredentials | None = None) -> None:
        self.key = key
        self.push = push

    def exchange_key(self) -> ExchangeKey:
        """Return the key. Raises `BadCredentials` when there is none."""
        if self.key is None:
            raise BadCredentials("the secret holds no exchange key yet")
        return self.key

    def push_credentials(self) -> PushCredentials | None:
        """Return what the Pushgateway asks for."""
        return self.push

    def forget(self) -> None:
        """Do nothing: what is given is never cached."""


class MemoryHistoryStore:
    """The candle history cache (HistoryStore port). What is loaded is a copy of what was saved."""

    def __init__(self) -> None:
        self._states: dict[str, dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]] = {}
        self._slices: dict[tuple[int, int], Candles] = {}

    def load_state(self, name: str) -> Mapping[str, object] | None:
        """Return the named state saved last, or None."""
        state = self._states.get(name)
        return None if state is None else {key: array.copy() for key, array in state.items()}

    def save_state(self, name: str, state: Mapping[str, object]) -> None:
        """Replace the named state. Raises `TypeError` for values that are no plain arrays."""
        arrays = {key: np.array(value) for key, value in state.items()}
        for key, array in arrays.items():
            if array.dtype.hasobject:
                raise TypeError(f"state {name}: {key} is not numeric or fixed-width text")
        self._states[name] = arrays

    def load_slice(self, number: int, *, interval: int) -> Candles | None:
        """Return a slice of the candle history, or None."""
        candles = self._slices.get((interval, number))
        return None if candles is None else candles.merged({})

    def save_slice(self, number: int, candles: Candles) -> None:
        """Replace a slice of the candle history."""
        self._slices[candles.interval, number] = candles.merged({})


@dataclass(frozen=True, slots=True)
class Push:
    """One push: the job, whether the run failed, and the text that would be sent."""

    job: str
    failed: bool
    text: str


class MemoryMetricsSink:
    """Remembers what was pushed (MetricsSink port). `accepts` can be turned off."""

    def __init__(self) -> None:
        self.accepts = True
        self.pushes: list[Push] = []

    def push(self, job: str, exposition: object, *, failed: bool) -> bool:
        """Remember the push; return whether it was accepted."""
        if not isinstance(exposition, CollectorRegistry):
            raise TypeError("the exposition must be a prometheus_client registry")
        if self.accepts:
            self.pushes.append(Push(job, failed, generate_latest(exposition).decode()))
        return self.accepts
