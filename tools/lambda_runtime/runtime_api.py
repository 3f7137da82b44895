"""A small Lambda Runtime API: what the runtime client asks for its work and answers to.

`GET .../invocation/next` hands out one invocation at a time, `POST .../response` and `.../error`
take what came of it, `POST .../init/error` why the function could not start.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any

Json = Any
"""Whatever JSON can say."""

PREFIX = "/2018-06-01/runtime/"
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Ended:
    """The runtime client's report. `kind`: ready, response, error; init: it cannot start."""

    kind: str
    body: Json = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class _Invocation:
    request_id: str
    payload: bytes
    deadline_ms: int


class RuntimeApi:
    """The API for one execution environment, on a free loopback port."""

    def __init__(self, function_arn: str) -> None:
        self.arn = function_arn
        self.waiting: Queue[_Invocation] = Queue()
        self.reported: Queue[Ended] = Queue()
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def invoke(self, request_id: str, payload: bytes, *, timeout_seconds: float) -> None:
        """Queue an invocation; its deadline counts from now."""
        deadline = int((time.time() + timeout_seconds) * 1000)
        self.waiting.put(_Invocation(request_id, payload, deadline))

    def next_report(self, seconds: float) -> Ended | None:
        """Wait for the client's next report; None when none came in time."""
        try:
            return self.reported.get(timeout=max(seconds, 0.001))
        except Empty:
            return None


class _Handler(BaseHTTPRequestHandler):
    """One request of the runtime client."""

    protocol_version = "HTTP/1.1"
    api: RuntimeApi

    def do_GET(self) -> None:
        """Hand out the next invocation, when there is one."""
        if self.path != f"{PREFIX}invocation/next":
            self._answer(HTTPStatus.NOT_FOUND)
            return
        self.api.reported.put(Ended("ready"))
        while not self.api.closing.is_set():
            try:
                invocation = self.api.waiting.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            headers = {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": self.api.arn,
                # Without it the client waits for ever.
                "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
            }
            self._answer(HTTPStatus.OK, invocation.payload, headers)
            return
        self.close_connection = True

    def do_POST(self) -> None:
        """Take a response or an error."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match self.path.removeprefix(PREFIX).split("/"):
            case ["init", "error"]:
                self.api.reported.put(Ended("init", json.loads(body)))
            case ["invocation", request_id, ("response" | "error") as kind]:
                self.api.reported.put(Ended(kind, json.loads(body), request_id))
            case _:
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
