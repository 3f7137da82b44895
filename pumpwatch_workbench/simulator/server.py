"""The simulated exchange behind HTTP on the loopback address."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from aiohttp import web

from pumpwatch.errors import BadInput
from pumpwatch_workbench.simulator import control
from pumpwatch_workbench.simulator.endpoints.wire.messages import Response
from pumpwatch_workbench.simulator.exchange import LOOPBACK, Exchange

MAX_PORT = 65_535
START_SECONDS = 30
BACKLOG = 1_024


class SimulatorStartError(BadInput):
    """The simulator cannot start; the text says why and what to do."""


async def _respond(exchange: Exchange, request: web.Request) -> web.StreamResponse:
    path, _, query = request.raw_path.partition("?")
    body = await request.read()
    if path.startswith(control.PREFIX):
        return _http(exchange, control.handle(exchange, request.method, path, body))
    half = 0.0 if exchange.clock.stepped else exchange.settings.latency_ms / 2_000
    if half:
        await asyncio.sleep(half)
    answer = exchange.handle(
        request.method, path, query, body, request.headers, request.remote or LOOPBACK
    )
    pause = half if exchange.clock.stepped else half + answer.delay_ms / 1_000
    if pause:
        await asyncio.sleep(pause)
    if answer.dropped or answer.reset:
        _break_connection(request, reset=answer.reset)
    elif answer.cut or answer.drip_ms:
        return await _send_badly(request, answer)
    return _http(exchange, answer)


def _http(exchange: Exchange, answer: Response) -> web.Response:
    response = web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    if exchange.settings.gzip:
        response.enable_compression()
    return response


def _break_connection(request: web.Request, *, reset: bool) -> None:
    """End the connection without an answer: closed, or torn down with a TCP reset."""
    transport = request.transport
    if transport is None:
        return
    if reset:
        # Closing a socket that lingers for no time sends RST in place of FIN.
        line = transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _send_badly(request: web.Request, answer: Response) -> web.StreamResponse:
    """Send half of the body and hang up, or all of it byte by byte."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    if answer.cut == "chunked":
        response.enable_chunked_encoding()
    else:
        response.content_length = len(answer.body)
    # A client that has had enough hangs up at any point.
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        if answer.cut:
            await response.write(answer.body[: len(answer.body) // 2])
        else:
            for byte in answer.body:
                await response.write(bytes([byte]))
                await asyncio.sleep(answer.drip_ms / 1_000)
    if answer.cut and request.transport is not None:
        request.transport.close()
    return response


def _port_problem(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is busy: choose another with --port, or --port 0 for a free one"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"port {port} may not be opened by this user: choose one above 1023 with --port"
    return f"port {port} cannot be opened ({error.strerror}): choose another with --port"


class SimulatorServer:
    """Run an exchange's HTTP server in a thread of this process; also a context manager."""

    def __init__(self, exchange: Exchange, port: int = 0) -> None:
        self.exchange = exchange
        self.port = port
        self._stop: Callable[[], object] = lambda: None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return the address to give to clients."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> SimulatorServer:
        """Start to serve and return when requests are accepted.

        Port 0 takes a free one. Raises SimulatorStartError when a port is busy or not allowed.
        """
        if not 0 <= self.port <= MAX_PORT:
            raise SimulatorStartError(
                f"port {self.port} is not in 0..{MAX_PORT}: choose another --port"
            )
        ready: Future[int] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(ready)), name="simulator", daemon=True
        )
        self._thread.start()
        try:
            self.port = ready.result(START_SECONDS)
        except TimeoutError as error:
            raise SimulatorStartError("the server did not start in time: try again") from error
        return self

    def stop(self) -> None:
        """Stop to serve; a server that is not running is left alone."""
        self._stop()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> SimulatorServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _serve(self, ready: Future[int]) -> None:
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("*", "/{path:.*}", partial(_respond, self.exchange))
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, LOOPBACK, self.port, backlog=BACKLOG).start()
            except OSError as error:
                ready.set_exception(SimulatorStartError(_port_problem(self.port, error)))
                return
            stop, loop = asyncio.Event(), asyncio.get_running_loop()
            # A server that was stopped has closed its loop.
            self._stop = lambda: loop.is_closed() or loop.call_soon_threadsafe(stop.set)
            ready.set_result(int(runner.addresses[0][1]))
            await stop.wait()
        finally:
            await runner.cleanup()
