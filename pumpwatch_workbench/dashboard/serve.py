"""The page, or another application, on a port, from a thread of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from pumpwatch.errors import BadInput
from pumpwatch_workbench.dashboard.access import TOKEN_FILE, token_for
from pumpwatch_workbench.dashboard.app import page_app
from pumpwatch_workbench.dashboard.sources import Source
from pumpwatch_workbench.local.home import home

MOST_CONNECTIONS = 100
LONGEST_SILENCE = 10.0
"""Seconds that a connection may take for a request."""
LONGEST_END = 5.0
"""Seconds; what is open is given one."""


class _Bounded(H11Protocol):
    """A connection that ends when there are too many, or when it asks nothing.

    Uvicorn keeps those: strangers could take every open file of a process that trades.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.close()
        else:
            self.loop.call_later(LONGEST_SILENCE, self._end_if_silent, None)

    def _end_if_silent(self, before: RequestResponseCycle | None) -> None:
        """Close it if it has begun no request since the last look, and answers none."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if self.cycle is before and not is_answering:
            self.transport.close()
        elif not self.transport.is_closing():
            self.loop.call_later(LONGEST_SILENCE, self._end_if_silent, self.cycle)


@contextmanager
def serving(app: ASGIApp, address: str, port: int, *, option: str) -> Iterator[str]:
    """Serve it and yield its URL; signals stay the caller's.

    Raises `BadInput` for a port that cannot be had.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listener = socket.create_server((address, port), family=family, backlog=MOST_CONNECTIONS)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise BadInput(
            f"{option} {port} cannot be opened: {why}: choose another, or 0 for a free one"
        ) from None
    config = uvicorn.Config(
        app,
        http=_Bounded,
        log_config=None,
        log_level="critical",
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with closing(listener):
        thread = threading.Thread(target=server.run, args=([listener],), name=option, daemon=True)
        thread.start()
        try:
            host = f"[{address}]" if ":" in address else address
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(LONGEST_END)


@contextmanager
def page_on(
    source: Source,
    port: int,
    address: str = "127.0.0.1",
    variable: str = "",
    *,
    option: str = "--web",
) -> Iterator[str]:
    """Serve the page of a source and yield how to open it. Raises `BadInput`.

    The token is shown on a terminal alone: what is not one may be kept.
    """
    with closing(source):
        token = token_for(address, variable, os.environ)
        app = page_app(source, token=token, address=address)
        with serving(app, address, port, option=option) as url:
            shown = token if sys.stdout.isatty() and not variable else ""
            where = "" if shown else f" and the token in {variable or home() / TOKEN_FILE}"
            yield f"{url}/?token={shown}{where}"
