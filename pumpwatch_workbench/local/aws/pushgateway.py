"""The Pushgateway of a local run: the real program, or a built-in receiver without it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import ThreadingHTTPServer
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from pumpwatch_workbench.processes import interruption_later

from .aws import LocalStackError
from .receiver import MetricsReceiver, serve

REAL = "prometheus-pushgateway"
BUILT_IN = "built-in receiver"
READY_SECONDS = 10.0
STOP_SECONDS = 5.0
ATTEMPTS = 3
PUSH_METHODS = frozenset({"put", "post"})


class Pushgateway:
    """A Pushgateway on a free loopback port; `kind` says which of the two it is.

    `real` asks for one of them; by default the real one is used when it is on PATH.
    """

    def __init__(self, *, real: bool | None = None) -> None:
        self._program = shutil.which(REAL) if real in (None, True) else None
        if real and self._program is None:
            raise LocalStackError(f"{REAL} is not on PATH: install it, or use the built-in one")
        self.kind = REAL if self._program else BUILT_IN
        self.url = ""
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._server: ThreadingHTTPServer | None = None
        self._receiver = MetricsReceiver()

    def __enter__(self) -> Self:
        if self._program:
            try:
                self._start_program(self._program)
            except BaseException:
                if self._process is not None:
                    _stop(self._process)
                raise
        else:
            self._server = serve(self._receiver)
            self._port = self._server.server_address[1]
            often = {"poll_interval": 0.02}  # or its shutdown takes half a second
            threading.Thread(target=self._server.serve_forever, kwargs=often, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._port}"
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        if self._process is not None:
            _stop(self._process)

    def text(self) -> str:
        """Return what a scrape gets, in the text format."""
        return _get(self._port, "/metrics")

    def accepted(self) -> int:
        """Return how many pushes were accepted so far."""
        if self._process is None:
            return self._receiver.accepted
        pushes = 0.0
        for family in text_string_to_metric_families(self.text()):
            for sample in family.samples:
                if sample.name == "pushgateway_http_requests_total":
                    pushed = sample.labels.get("method") in PUSH_METHODS
                    good = sample.labels.get("code", "").startswith("2")
                    pushes += sample.value if pushed and good else 0
        return int(pushes)

    def _start_program(self, program: str) -> None:
        for _ in range(ATTEMPTS):
            self._port = _free_port()
            address = f"127.0.0.1:{self._port}"
            with interruption_later():
                self._process = subprocess.Popen(
                    # Debian's build keeps the groups of former runs in a file unless told not to.
                    [program, f"--web.listen-address={address}", "--persistence.file="],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            if self._is_ready(self._process):
                return
            _stop(self._process)
        self._process = None
        raise LocalStackError(f"{program} did not start on a loopback port")

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        ends = time.monotonic() + READY_SECONDS
        while time.monotonic() < ends and process.poll() is None:
            try:
                _get(self._port, "/-/ready")
            except (OSError, HTTPException):
                time.sleep(0.02)
            else:
                return process.poll() is None
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _get(port: int, path: str) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    if answer.status != HTTPStatus.OK:
        raise HTTPException(f"{path} answered {answer.status}")
    return text


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
