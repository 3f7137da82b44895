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
        return self.time

    def earliest(self) -> int:
        return self.time - self.behind

    def doubt(self) -> str:
        return self.doubts

    def advance(self, milliseconds: int) -> None:
        self.time += milliseconds


class ManualDeadline:
    """A deadline that is set by hand (Deadline port)."""

    def __init__(self, seconds: float = 25.0) -> None:
        self.seconds = seconds

    def seconds_left(self) -> float:
        return self.seconds


class MemorySecrets:
    """Secrets that are given (Secrets port); None stands for a placeholder, or no password."""

    def __init__(self, key: ExchangeKey | None, push: PushCredentials | None = None) -> None:
        self.key = key
        self.push = push

    def exchange_key(self) -> ExchangeKey:
        if self.key is None:
            raise BadCredentials("the secret holds no exchange key yet")
        return self.key

    def push_credentials(self) -> PushCredentials | None:
        return self.push

    def forget(self) -> None:
        """Do nothing: what is given is never cached."""


class MemoryHistoryStore:
    """The candle history cache (HistoryStore port). What is loaded is a copy of what was saved."""

    def __init__(self) -> None:
        self._states: dict[str, dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]] = {}
        self._slices: dict[tuple[int, int], Candles] = {}

    def load_state(self, name: str) -> Mapping[str, object] | None:
        state = self._states.get(name)
        return None if state is None else {key: array.copy() for key, array in state.items()}

    def save_state(self, name: str, state: Mapping[str, object]) -> None:
        arrays = {key: np.array(value) for key, value in state.items()}
        for key, array in arrays.items():
            if array.dtype.hasobject:
                raise TypeError(f"state {name}: {key} is not numeric or fixed-width text")
        self._states[name] = arrays

    def load_slice(self, number: int, *, interval: int) -> Candles | None:
        candles = self._slices.get((interval, number))
        return None if candles is None else candles.merged({})

    def save_slice(self, number: int, candles: Candles) -> None:
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
        if not isinstance(exposition, CollectorRegistry):
            raise TypeError("the exposition must be a prometheus_client registry")
        if self.accepts:
            self.pushes.append(Push(job, failed, generate_latest(exposition).decode()))
        return self.accepts
