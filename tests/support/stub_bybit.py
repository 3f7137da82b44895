"""A tiny HTTP server that answers what it was told to, however rude."""

import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STAMP = 1_760_000_045_678
FORBIDDEN_PAGE = (
    b"<!DOCTYPE HTML><HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD>"
    b"<BODY>The Amazon CloudFront distribution is configured to block access from your country."
    b"</BODY></HTML>"
)


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    delay: float = 0.0
    claimed_length: int | None = None
    """Promise more bytes than are sent: the body is cut off."""
    hang_up: bool = False
    """Close the connection without an answer."""


@dataclass
class Request:
    method: str
    path: str
    query: dict
    raw_query: str
    body: bytes
    headers: dict

    @property
    def json(self):
        return json.loads(self.body)


def ok(result=None, *, code=0, message="OK", stamp=STAMP, **reply):
    envelope = {"retCode": code, "retMsg": message, "result": {} if result is None else result}
    envelope |= {"retExtInfo": {}, "time": stamp}
    return Reply(json.dumps(envelope).encode(), **reply)


def refused(code, message="refused", **reply):
    return ok(code=code, message=message, **reply)


class StubBybit:
    """Answers come from a queue for each path; the last one stays."""

    def __init__(self):
        self.requests = []
        self._replies = defaultdict(list)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path, *replies):
        self._replies[path] = list(replies)

    def sent(self, path):
        return [request for request in self.requests if request.path == path]

    def _next(self, path):
        replies = self._replies[path]
        if not replies:
            return Reply(b"404 page not found", status=404)
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def _handler(stub):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                """Stay silent."""

            def do_GET(self):
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                stub.requests.append(
                    Request(self.command, parts.path, query, parts.query, body, dict(self.headers))
                )
                self._send(stub._next(parts.path))

            do_POST = do_PUT = do_GET

            def _send(self, reply):
                time.sleep(reply.delay)
                if reply.hang_up:
                    self.close_connection = True
                    return
                try:
                    self.send_response(reply.status)
                    length = reply.claimed_length or len(reply.body)
                    for name, value in {"Content-Length": str(length), **reply.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(reply.body)
                except OSError:
                    self.close_connection = True
                if reply.claimed_length:
                    self.close_connection = True

        return Handler
