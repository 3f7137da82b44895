"""Metrics to a Prometheus Pushgateway, or to VictoriaMetrics' import path.

A push never raises and never takes longer than it may.
"""

from __future__ import annotations

import base64
import logging
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import (
    BaseHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from prometheus_client import (
    CollectorRegistry,
    generate_latest,
    push_to_gateway,
    pushadd_to_gateway,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from pumpwatch.credentials import PushCredentials
from pumpwatch.domain.texts import one_line
from pumpwatch.errors import PumpwatchError
from pumpwatch.ports import MetricsSink

logger = logging.getLogger(__name__)

MOST_ABANDONED = 4
"""Pushes that hang in the background, before new ones are refused."""
BAD_REQUEST, MOST_SAID = 400, 300
"""Letters of a refusal's text that are logged."""
IMPORT_PATH = "/api/v1/import/prometheus"
"""An address that ends so is VictoriaMetrics': it takes the same text, and labels in the query."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Headers = list[tuple[str, str]]
Send = Callable[[], None]


class NotPushed(Exception):
    """The push was not accepted; the text says why and never holds a password."""


@dataclass
class _Push:
    """One push in a thread of its own. `given_up` keeps a late one from being sent at all."""

    url: str
    job: str
    stage: str
    registry: CollectorRegistry
    replace: bool
    timeout: float
    credentials: Callable[[], PushCredentials | None]
    given_up: threading.Event = field(default_factory=threading.Event)
    hidden: Sequence[str] = ()
    """Secrets that no text may show."""
    problem: str = "it took too long"
    accepted: bool = False

    def run(self) -> None:
        try:
            if urlsplit(self.url).path.endswith(IMPORT_PATH):
                self._import()
            else:
                self._push()
        except HTTPError as error:
            self.problem = f"the gateway answered with HTTP {error.code}{_said(error, self.hidden)}"
            error.close()
        except URLError as error:
            # A gateway that refuses the password can hang up before all of the push has arrived.
            why = type(error.reason).__name__
            self.problem = f"no answer ({why}): unreachable, or it refused before reading"
        except (NotPushed, PumpwatchError) as error:
            self.problem = str(error)
        except Exception as error:  # a push can fail in any way, and none may fail a run
            self.problem = type(error).__name__
        else:
            self.accepted = not self.given_up.is_set()

    def _push(self) -> None:
        push = push_to_gateway if self.replace else pushadd_to_gateway
        push(
            self.url,
            job=self.job,
            registry=self.registry,
            grouping_key={"stage": self.stage},
            timeout=self.timeout,
            handler=self._handler,
        )

    def _import(self) -> None:
        """Import a point of each series; there is no group that it could replace."""
        labels = [("extra_label", f"job={self.job}"), ("extra_label", f"stage={self.stage}")]
        url = f"{self.url}?{urlencode(labels)}"
        headers = [("Content-Type", CONTENT_TYPE_LATEST)]
        self._handler(url, "POST", self.timeout, headers, generate_latest(self.registry))()

    def _handler(
        self, url: str, method: str, timeout: float | None, headers: Headers, data: bytes
    ) -> Send:
        def send() -> None:
            credentials = self.credentials()
            request = Request(url, data=data, method=method)  # noqa: S310 - checked in the settings
            authorisation = _authorisation(url, credentials)
            if credentials is not None:
                self.hidden = [credentials.password, authorisation[0][1].split()[1]]
            for name, value in [*headers, *authorisation]:
                request.add_header(name, value)
            opener = _opener(url, credentials)
            if not self.given_up.is_set():
                opener.open(request, timeout=timeout).close()

        return send


class PushgatewaySink(MetricsSink):
    """Pushes to group job + stage.

    The push runs in a thread that is left behind when the time is over: no time-out of a socket
    covers the secret's reading, slow names, a slow TLS handshake and a dripping answer together.
    User and password are asked for at each push (they are cached where they are kept) and go only
    over TLS, verified against the authority that comes with them, or to this machine itself.
    """

    def __init__(
        self,
        url: str,
        *,
        stage: str,
        timeout_seconds: float = 2.0,
        credentials: Callable[[], PushCredentials | None] = lambda: None,
    ) -> None:
        self._url = url
        self._stage = stage
        self._timeout = timeout_seconds
        self._credentials = credentials
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
        attempt = _Push(
            self._url,
            job,
            self._stage,
            exposition,
            replace=not failed,
            timeout=self._timeout,
            credentials=self._credentials,
        )
        thread = threading.Thread(target=attempt.run, daemon=True)
        thread.start()
        thread.join(self._timeout)
        if thread.is_alive():
            attempt.given_up.set()
            self._abandoned.append(thread)
        elif attempt.accepted:
            return True
        seconds = round(time.monotonic() - started, 3)
        reason = {"job": job, "reason": attempt.problem, "seconds": seconds}
        logger.warning("metrics not pushed", extra=reason)
        return False


def _said(error: HTTPError, hidden: Sequence[str]) -> str:
    """Return the beginning of what a 400 says: it names the metric that clashes, never a secret."""
    if error.code != BAD_REQUEST:
        return ""  # a proxy's page says nothing about the push
    with suppress(OSError, HTTPException):
        text = error.read(MOST_SAID * 4).decode("utf-8", "replace")
        for secret in hidden:
            text = text.replace(secret, "***")
        return f": {one_line(text, MOST_SAID)}"
    return ", and its text broke off"


def _authorisation(url: str, credentials: PushCredentials | None) -> Headers:
    if credentials is None:
        return []
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise NotPushed("the password is sent over https only: change PUSHGATEWAY_URL")
    pair = f"{credentials.user}:{credentials.password}".encode()
    return [("Authorization", f"Basic {base64.b64encode(pair).decode()}")]


def _opener(url: str, credentials: PushCredentials | None) -> OpenerDirector:
    """Return an opener without proxies and redirects that trusts the authority in the secret."""
    handlers: list[BaseHandler] = [ProxyHandler({}), _NoRedirect()]
    if urlsplit(url).scheme == "https":
        authority = credentials.authority if credentials is not None else ""
        handlers.append(HTTPSHandler(context=_context(authority)))
    return build_opener(*handlers)


@lru_cache(maxsize=2)
def _context(authority: str) -> ssl.SSLContext:
    """Return a verifying context; reading the public authorities takes a while, so it is kept."""
    try:
        return ssl.create_default_context(cadata=authority or None)
    except (ssl.SSLError, ValueError):
        raise NotPushed("the ca in the Pushgateway's secret is no certificate in PEM") from None


class _NoRedirect(HTTPRedirectHandler):
    """Follows nothing: a redirect would carry the password to another address."""

    def redirect_request(self, *_: object) -> None:
        return None
