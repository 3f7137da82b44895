"""Metrics to look at from this machine: what would be pushed, served on the loopback address."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from http.server import HTTPServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import Metric

from pumpwatch.errors import BadInput

ADDRESS = "127.0.0.1"


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
        """Yield what was kept last."""
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


class MetricsEndpoint:
    """An HTTP server for Prometheus on this machine alone; a context manager."""

    def __init__(self, metrics: ShownMetrics, port: int) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(metrics)
        self._wanted = port
        self._server: HTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return the address to scrape."""
        assert self._server is not None  # noqa: S101 - asked for while it is open
        return f"http://{ADDRESS}:{self._server.server_address[1]}/metrics"

    def __enter__(self) -> MetricsEndpoint:
        """Start to serve. Raises `BadInput` for a port that cannot be had."""
        try:
            self._server, self._thread = start_http_server(
                self._wanted, addr=ADDRESS, registry=self._registry
            )
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise BadInput(
                f"--metrics-port {self._wanted} cannot be opened: {reason}: choose another, or 0"
                " for a free one"
            ) from None
        return self

    def __exit__(self, *error: object) -> None:
        """Stop to serve."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
