"""A tiny HTTP server that answers what it was told to, however rude."""

import json
import ssl
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from pumpwatch.adapters.bybit import endpoints
from pumpwatch.credentials import ExchangeKey

KEY = ExchangeKey("public-part-of-key", "secret-part-of-key")
STAMP = 1_760_000_045_678
TIME_PATH = endpoints.TIME.path
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
    drip: float = 0.0
    """Seconds between the bytes of the body."""
    drip_head: float = 0.0
    """Seconds between headers that never end."""


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


ACCEPTED = ok({"orderId": "c18b72e4", "orderLinkId": "order-1"})

DOUBTFUL = {
    "no answer in time": Reply(ACCEPTED.body, delay=1.3),
    "connection closed": Reply(hang_up=True),
    "body cut off": Reply(ACCEPTED.body[:20], claimed_length=500),
    "server error page": Reply(b"<html>", status=500),
    "bad gateway": Reply(b"", status=502),
    "gateway time-out": Reply(b"", status=504),
    "not JSON": Reply(b"<html>maintenance</html>"),
    "not text": Reply(b"\xff\xfe\x00"),
    "empty": Reply(b""),
    "a list": Reply(b"[]"),
    "null": Reply(b"null"),
    "a number": Reply(b"7"),
    "no code": Reply(b'{"result":{},"time":1}'),
    "code null": Reply(b'{"retCode":null,"retMsg":"","result":{},"time":1}'),
    "code an object": Reply(b'{"retCode":{"a":1},"retMsg":"","result":{},"time":1}'),
    "no message": Reply(b'{"retCode":99,"result":{}}'),
    "server time-out 10000": refused(10000, "Server Timeout"),
    "server error 10016": refused(10016, "Internal System Error."),
    "moved elsewhere": Reply(b"", status=307, headers={"Location": "/v5/order/create"}),
}
"""Answers after which nobody knows whether the request was carried out."""


def ask(session):
    return session.call(endpoints.TICKERS, category="linear")


def act(session):
    return session.call(endpoints.CREATE_ORDER, category="linear", symbol="AUSDT", qty="1")


class StubBybit:
    """Answers come from a queue for each path; the last one stays. The time is always told.

    `certificate`, of trustme, makes it speak TLS.
    """

    def __init__(self, certificate=None):
        self.requests = []
        self.connections = 0
        self._replies = defaultdict(list, {TIME_PATH: [ok({})]})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self._server.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
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

            def setup(self):
                super().setup()
                stub.connections += 1

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
                    while reply.drip_head:
                        self.send_header("X-Slow", "1")
                        self.flush_headers()
                        time.sleep(reply.drip_head)
                    self.end_headers()
                    self._write(reply)
                except OSError:
                    self.close_connection = True
                if reply.claimed_length:
                    self.close_connection = True

            def _write(self, reply):
                step = 1 if reply.drip else max(1, len(reply.body))
                for start in range(0, len(reply.body), step):
                    self.wfile.write(reply.body[start : start + step])
                    time.sleep(reply.drip)

        return Handler
