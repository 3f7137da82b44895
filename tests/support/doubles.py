"""Stand-ins for ports that only tests need: set by hand, or kept in this process."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest

from pumpwatch.credentials import ExchangeKey, PushCredentials
from pumpwatch.errors import BadCredentials
from pumpwatch_workbench.local.memory import MemoryDatabase
from pumpwatch_workbench.local.store import SqlitePaperStore, SqliteTotalsStore


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


class MemoryTotalsStore(SqliteTotalsStore):
    """Adds a run's increments exactly once."""

    def __init__(self) -> None:
        super().__init__(MemoryDatabase())


class MemoryPaperStore(SqlitePaperStore):
    """Keeps the paper account."""

    def __init__(self) -> None:
        super().__init__(MemoryDatabase())
