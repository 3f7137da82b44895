"""What this machine can ask the desk: the metrics that would be pushed, and whether it works."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic

from prometheus_client import CollectorRegistry, make_asgi_app
from prometheus_client.metrics_core import Metric
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pumpwatch_workbench.dashboard.serve import serving

MOST_SILENCE = 180.0
"""Seconds after the last good tick for which the desk counts as healthy."""


class Health:
    """When the desk last did what it is for; a start counts."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._good = clock()

    def note_good_tick(self) -> None:
        """Take note of a tick that worked."""
        self._good = self._clock()

    def problem(self) -> str:
        """Return what is wrong, as a sentence; empty while the last good tick is not long ago."""
        silence = self._clock() - self._good
        return "" if silence <= MOST_SILENCE else f"no tick has worked for {silence:.0f} seconds"


class ShownMetrics:
    """Keeps the latest families of each job, as a Pushgateway does (MetricsSink port).

    Also a collector; every sample carries job and stage, as a gateway's do: dashboards and alerts
    ask for both. Prometheus keeps the job with `honor_labels`.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._jobs: dict[str, dict[str, Metric]] = {}
        self._lock = threading.Lock()

    def push(self, job: str, exposition: object, *, failed: bool) -> bool:
        """Keep a registry's families; after a failed run only those given are replaced."""
        if not isinstance(exposition, CollectorRegistry):
            return False
        families = {family.name: self._labelled(family, job) for family in exposition.collect()}
        with self._lock:
            self._jobs[job] = {**self._jobs.get(job, {}), **families} if failed else families
        return True

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            jobs = list(self._jobs.values())
        for families in jobs:
            yield from families.values()

    def _labelled(self, family: Metric, job: str) -> Metric:
        copy = Metric(family.name, family.documentation, family.type)
        copy.samples = [
            sample._replace(labels={**sample.labels, "job": job, "stage": self._stage})
            for sample in family.samples
        ]
        return copy


@contextmanager
def metrics_endpoint(
    metrics: ShownMetrics, health: Health, port: int, address: str = "127.0.0.1"
) -> Iterator[str]:
    """Serve /metrics for Prometheus and /healthz; yield the address to scrape.

    Raises `BadInput` for a port that cannot be had.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    shown = make_asgi_app(registry)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = shown
        if scope["path"] == "/healthz":
            problem = health.problem()
            app = PlainTextResponse(f"{problem or 'the desk works'}\n", 503 if problem else 200)
        await app(scope, receive, send)

    with serving(answer, address, port, option="--metrics-port") as url:
        yield f"{url}/metrics"
