"""An HTTP transport whose time-out is for the whole request, however slowly an answer drips.

`requests` bounds the connect and each single read, so an answer that brings a byte now and then
never ends. Here name lookup apart everything counts against one total: connecting, the handshake,
sending, headers and body.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Mapping
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Request, Response
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONNECT_SECONDS = 3.0
READ_AHEAD = 1 << 17
"""Bytes read from a socket at once: the answer about the whole market has some hundred thousand."""


class _BoundedReader(io.RawIOBase):
    """A socket's raw reader that gives each read only what is left of the total."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, seconds: float) -> None:
        self._raw, self._sock = raw, sock
        self._end = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    """An answer, headers included, that must come whole within the socket's time-out.

    When it is made, urllib3 has just set that time-out to what the request has left.
    """

    def __init__(self, sock: socket.socket, *rest: Any, **named: Any) -> None:
        super().__init__(sock, *rest, **named)
        seconds = sock.gettimeout()
        if seconds is not None:
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_BoundedReader(raw, sock, seconds), READ_AHEAD)


class _BoundedConnection(HTTPConnection):
    response_class = _BoundedResponse


class _BoundedSecureConnection(HTTPSConnection):
    response_class = _BoundedResponse


class _BoundedPool(HTTPConnectionPool):
    ConnectionCls = _BoundedConnection


class _BoundedSecurePool(HTTPSConnectionPool):
    ConnectionCls = _BoundedSecureConnection


class BoundedAdapter(HTTPAdapter):
    """Send each request with `seconds()` for all of it; the time-out it is called with is not used.

    Nothing is ever sent twice.
    """

    def __init__(self, seconds: Callable[[], float], *, threads: int) -> None:
        self._seconds = seconds
        self._pool: ConnectionPool | None = None
        super().__init__(pool_connections=1, pool_maxsize=threads, max_retries=0)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: object
    ) -> None:
        """Make the pools with connections whose answers are bounded."""
        super().init_poolmanager(connections, maxsize, block, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _BoundedPool,
            "https": _BoundedSecurePool,
        }

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: object = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Send the request once. Raises what `requests` raises, also when the total ran out."""
        return super().send(
            request,
            stream=stream,
            timeout=self._timeout(),  # type: ignore[arg-type]
            verify=verify,
            cert=cert,
            proxies=proxies,
        )

    def get(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        """Ask the one host a question, on the connections of `send`, and return the whole answer.

        `requests` takes longer to prepare such a request than to read what comes back. A redirect
        is not followed. Raises what urllib3 raises, also when the total ran out.
        """
        if self._pool is None:
            pool = self.get_connection_with_tls_context(Request("GET", url).prepare(), verify=True)
            self.cert_verify(pool, url, verify=True, cert=None)  # type: ignore[no-untyped-call]
            self._pool = pool
        path = url.partition("://")[2].partition("/")[2]
        answer: BaseHTTPResponse = self._pool.urlopen(  # type: ignore[attr-defined]
            "GET",
            f"/{path}",
            headers=headers,
            retries=False,
            redirect=False,
            timeout=self._timeout(),
        )
        return answer

    def _timeout(self) -> Timeout:
        total = self._seconds()
        return Timeout(total=total, connect=min(CONNECT_SECONDS, total))
