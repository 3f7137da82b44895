"""The page on a port, from a thread of its own."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import uvicorn
from starlette.types import ASGIApp

from pumpwatch.errors import BadInput
from pumpwatch_workbench.dashboard.access import TOKEN_FILE, token_for
from pumpwatch_workbench.dashboard.app import page_app
from pumpwatch_workbench.dashboard.sources import Source
from pumpwatch_workbench.local.home import home

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 100
START_SECONDS = 10.0


@contextmanager
def serving(
    app: ASGIApp,
    address: str,
    port: int,
    *,
    option: str = "--port",
    end: Callable[[], object] = lambda: None,
) -> Iterator[str]:
    """Serve it and yield its URL. `end` ends what goes on for ever.

    Signals stay the caller's. Raises `BadInput` for a port that cannot be had.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        loop="asyncio",
        http="h11",
        ws="none",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with _listening(address, port, option) as listener:
        thread = threading.Thread(
            target=_serve, args=(server, listener), name="dashboard", daemon=True
        )
        thread.start()
        try:
            host = f"[{address}]" if ":" in address else address
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            end()
            thread.join(START_SECONDS)


def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    try:
        server.run([listener])
    except BaseException as error:  # what happens to the page is never the caller's
        logger.warning("the dashboard has ended", extra={"reason": type(error).__name__})


def _listening(address: str, port: int, option: str) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(MOST_CONNECTIONS)
    except OSError as error:
        listener.close()
        reason = (error.strerror or type(error).__name__).lower()
        raise BadInput(
            f"{option} {port} cannot be opened: {reason}: choose another, or 0 for a free one"
        ) from None
    return listener


@contextmanager
def page_on(
    source: Source, port: int, address: str = "127.0.0.1", variable: str = "", *, option: str
) -> Iterator[str]:
    """Serve the page of a source and yield how to open it. Raises `BadInput`.

    The token is said on a terminal alone: what is not one may be kept.
    """
    with closing(source):
        token = token_for(address, variable, os.environ)
        app, watch = page_app(source, token=token, address=address)
        with serving(app, address, port, option=option, end=watch.close) as url:
            if variable:
                yield f"Live page: {url}/?token= and the token in {variable}"
            elif sys.stdout.isatty():
                yield f"Live page: {url}/?token={token}"
            else:
                yield f"Live page: {url}/?token= and the token in {home() / TOKEN_FILE}"
