"""HTTP servers on loopback: request handlers in this process, and programs that some tests need."""

import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

import pytest

READY_SECONDS = 60.0
PORTS_TRIED = 3


class ServerFailed(Exception):
    """The server did not start; the text is what it wrote."""


def needs_server(name, advice=""):
    """Skip without the binary, but never with PUMPWATCH_REQUIRE_SERVERS=1: CI installs them."""
    promised = os.environ.get("PUMPWATCH_REQUIRE_SERVERS") == "1"
    absent = shutil.which(name) is None and not promised
    return pytest.mark.skipif(absent, reason=advice or f"{name} is not installed")


class Handler(BaseHTTPRequestHandler):
    """A request handler that logs nothing."""

    def log_message(self, *_):
        """Log nothing."""

    def body(self):
        """Return what the request carries."""
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, text="", status=200, headers=()):
        """Send a whole answer, as plain text unless the headers say more."""
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain; version=0.0.4", **dict(headers)}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(handler, tls=None):
    """Serve a class of handlers until the block ends, over TLS if a context is given."""
    listener = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls is not None:
        listener.socket = tls.wrap_socket(listener.socket, server_side=True)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def answers(url):
    """Return whether a GET succeeds."""
    try:
        with urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


@contextmanager
def program(name, log, arguments, is_ready):
    """Run a server on a free port until the block ends; yield the port.

    `arguments` and `is_ready` are functions of the port. Somebody else can take the port between
    the look and the start: then another is tried.
    """
    with ExitStack() as stack:
        for left in range(PORTS_TRIED, 0, -1):
            port = free_port()
            try:
                ready = partial(is_ready, port)
                stack.enter_context(_process(name, arguments(port), log, ready))
                break
            except ServerFailed:
                if left == 1:
                    raise
        yield port


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _process(name, arguments, log, is_ready):
    with log.open("w") as output:
        process = subprocess.Popen(
            [shutil.which(name) or name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        ends = time.monotonic() + READY_SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > ends:
                raise ServerFailed(log.read_text()[-2000:])
            time.sleep(0.05)
        if process.poll() is not None:
            raise ServerFailed(f"another server has its port: {log.read_text()[-2000:]}")
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
