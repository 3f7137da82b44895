"""Metrics to look at from this machine: what would be pushed, served on the loopback address."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

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
def metrics_endpoint(metrics: ShownMetrics, port: int) -> Iterator[str]:
    """Serve them for Prometheus on this machine alone; yield the address to scrape.

    Raises `BadInput` for a port that cannot be had.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    try:
        server, thread = start_http_server(port, addr=ADDRESS, registry=registry)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise BadInput(
            f"--metrics-port {port} cannot be opened: {reason}: choose another, or 0 for a free one"
        ) from None
    try:
        yield f"http://{ADDRESS}:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
