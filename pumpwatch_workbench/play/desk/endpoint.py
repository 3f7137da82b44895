"""What this machine can ask the desk: the metrics that would be pushed, and whether it works."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from time import monotonic
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.metrics_core import Metric

from pumpwatch.errors import BadInput

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


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # Not HTTPServer's: it asks the name service for this machine's name.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


class _QuietHandler(WSGIRequestHandler):
    timeout = 10.0

    def log_message(self, format: str, *values: object) -> None:
        """Write nothing."""


@contextmanager
def metrics_endpoint(
    metrics: ShownMetrics, health: Health, port: int, address: str = "127.0.0.1"
) -> Iterator[str]:
    """Serve /metrics for Prometheus and /healthz; yield the address to scrape.

    Raises `BadInput` for a port that cannot be had.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    server_class = _Server6 if ":" in address else _Server
    try:
        server = server_class((address, port), _QuietHandler)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise BadInput(
            f"--metrics-port {port} cannot be opened: {reason}: choose another, or 0 for a free one"
        ) from None
    server.set_app(_application(registry, health))
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        host = f"[{address}]" if ":" in address else address
        yield f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _application(registry: CollectorRegistry, health: Health) -> Callable[..., Iterable[bytes]]:
    metrics: Callable[..., Iterable[bytes]] = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/healthz":
            return metrics(environ, start)
        problem = health.problem()
        status = "503 Service Unavailable" if problem else "200 OK"
        start(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{problem or 'the desk works'}\n".encode()]

    return answer
