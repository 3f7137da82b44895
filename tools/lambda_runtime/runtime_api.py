"""A small Lambda Runtime API: what the runtime client asks for its work and answers to.

`GET .../invocation/next` hands out one invocation at a time, `POST .../response` and `.../error`
take what came of it, `POST .../init/error` why the function could not start.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from types import TracebackType
from typing import Any, Self

Json = Any
"""Whatever JSON can say."""

PREFIX = "/2018-06-01/runtime/"
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Ended:
    """What the runtime client reported. `kind`: ready, response, error; init: it cannot start."""

    kind: str
    body: Json = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class _Invocation:
    request_id: str
    payload: bytes
    deadline_ms: int


@dataclass(slots=True)
class _State:
    """What the server's threads share."""

    arn: str
    waiting: Queue[_Invocation] = field(default_factory=Queue)
    reported: Queue[Ended] = field(default_factory=Queue)
    closing: threading.Event = field(default_factory=threading.Event)


class RuntimeApi:
    """The API for one execution environment, on a free loopback port."""

    def __init__(self, function_arn: str) -> None:
        self._state = _State(function_arn)
        state = self._state
        handler = type("Handler", (_Handler,), {"state": state})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._state.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def invoke(self, request_id: str, payload: bytes, *, timeout_seconds: float) -> None:
        """Queue an invocation; its deadline counts from now."""
        deadline = int((time.time() + timeout_seconds) * 1000)
        self._state.waiting.put(_Invocation(request_id, payload, deadline))

    def next_report(self, seconds: float) -> Ended | None:
        """Wait for the client's next report; None when none came in time."""
        try:
            return self._state.reported.get(timeout=max(seconds, 0.001))
        except Empty:
            return None


class _Handler(BaseHTTPRequestHandler):
    """One request of the runtime client."""

    protocol_version = "HTTP/1.1"
    state: _State

    def do_GET(self) -> None:
        """Hand out the next invocation, when there is one."""
        if self.path != f"{PREFIX}invocation/next":
            self._answer(HTTPStatus.NOT_FOUND)
            return
        self.state.reported.put(Ended("ready"))
        while not self.state.closing.is_set():
            try:
                invocation = self.state.waiting.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            headers = {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": self.state.arn,
                # Without it the client waits for ever.
                "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
            }
            self._answer(HTTPStatus.OK, invocation.payload, headers)
            return
        self.close_connection = True

    def do_POST(self) -> None:
        """Take a response or an error."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = self.path.removeprefix(PREFIX).split("/")
        kinds = {"response": "response", "error": "error"}
        if parts == ["init", "error"]:
            self.state.reported.put(Ended("init", json.loads(body)))
        elif len(parts) == 3 and parts[2] in kinds:  # noqa: PLR2004 - invocation/ID/kind
            self.state.reported.put(Ended(kinds[parts[2]], json.loads(body), parts[1]))
        else:
            self._answer(HTTPStatus.NOT_FOUND)
            return
        self._answer(HTTPStatus.ACCEPTED)

    def _answer(
        self, status: HTTPStatus, body: bytes = b"{}", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: requests are the client's business."""
