"""Metrics to a Prometheus Pushgateway. A push never raises and never takes longer than it may."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, push_to_gateway, pushadd_to_gateway
from prometheus_client.exposition import basic_auth_handler, default_handler

__all__ = ["BasicAuth", "PushgatewaySink"]

logger = logging.getLogger(__name__)

MOST_ABANDONED = 4
"""Pushes that hang in the background, before new ones are refused."""

Headers = list[tuple[str, str]]
Send = Callable[[], None]


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """User and password of the gateway."""

    user: str
    password: str = field(repr=False)


class _Push:
    """One push in a thread of its own. `give_up` keeps a late one from being sent at all."""

    def __init__(self, auth: BasicAuth | None) -> None:
        self._auth = auth
        self._given_up = threading.Event()
        self.problem = "it took too long"
        self.accepted = False

    def give_up(self) -> None:
        self._given_up.set()

    def handler(
        self, url: str, method: str, timeout: float | None, headers: Headers, data: bytes
    ) -> Send:
        if self._auth is None:
            send = default_handler(url, method, timeout, headers, data)
        else:
            user, password = self._auth.user, self._auth.password
            send = basic_auth_handler(url, method, timeout, headers, data, user, password)

        def send_unless_late() -> None:
            if not self._given_up.is_set():
                send()

        return send_unless_late

    def run(
        self,
        url: str,
        job: str,
        registry: CollectorRegistry,
        stage: str,
        timeout: float,
        replace: bool,
    ) -> None:
        push = push_to_gateway if replace else pushadd_to_gateway
        try:
            push(
                url,
                job=job,
                registry=registry,
                grouping_key={"stage": stage},
                timeout=timeout,
                handler=self.handler,
            )
        except Exception as error:  # a push can fail in any way, and none may fail a run
            self.problem = type(error).__name__
        else:
            self.accepted = not self._given_up.is_set()


class PushgatewaySink:
    """Pushes to group job + stage (MetricsSink port).

    The push runs in a thread that is left behind when the time is over: no time-out of a socket
    covers slow names, a slow TLS handshake and a dripping answer together.
    """

    def __init__(
        self, url: str, *, stage: str, timeout_seconds: float = 2.0, auth: BasicAuth | None = None
    ) -> None:
        self._url = url
        self._stage = stage
        self._timeout = timeout_seconds
        self._auth = auth
        self._abandoned: list[threading.Thread] = []

    def push(self, job: str, exposition: object, *, failed: bool) -> bool:
        """Push a registry (PUT; POST after a failed run); return whether it was accepted."""
        if not isinstance(exposition, CollectorRegistry):
            logger.error("metrics not pushed", extra={"job": job, "reason": "no registry"})
            return False
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= MOST_ABANDONED:
            logger.warning("metrics not pushed", extra={"job": job, "reason": "pushes hang"})
            return False
        started = time.monotonic()
        attempt = _Push(self._auth)
        arguments = (self._url, job, exposition, self._stage, self._timeout, not failed)
        thread = threading.Thread(target=attempt.run, args=arguments, daemon=True)
        thread.start()
        thread.join(self._timeout)
        if thread.is_alive():
            attempt.give_up()
            self._abandoned.append(thread)
        elif attempt.accepted:
            return True
        seconds = round(time.monotonic() - started, 3)
        reason = {"job": job, "reason": attempt.problem, "seconds": seconds}
        logger.warning("metrics not pushed", extra=reason)
        return False
