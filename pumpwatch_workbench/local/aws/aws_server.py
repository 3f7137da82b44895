"""The AWS stand-in: moto's services behind an HTTP server of our own, in a process of its own.

`AwsServer` runs it with `python -m`. It prints `{"port": N}` when it listens and ends when its
standard input closes, so it never outlives its parent. State and answers are moto's. Moto's own
server opens a connection and a thread for every request, tries every host name it knows first,
lists its own modules each time and asks Flask for its way; this one keeps connections open and
reads the service from the signature.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from moto.core.request import Request
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler
from moto.s3.responses import S3Response
from moto.secretsmanager.responses import SecretsManagerResponse

from pumpwatch_workbench.processes import relax_collector

from .lean_moto import make_lean
from .queues import SentMessages

Handler = Callable[[Request, str, dict[str, str]], Any]
"""Answers with status, headers and body."""

HANDLERS: dict[str, Handler] = {
    "dynamodb": DynamoHandler.dispatch,
    "dynamodbstreams": DynamoDBStreamsHandler.dispatch,
    "secretsmanager": SecretsManagerResponse.dispatch,
}
SERVICES = frozenset({"dynamodb", "s3", "secretsmanager", "sqs"})
"""Services of the template's resources; the local stack itself plays Lambda and the scheduler."""

SHUTDOWN_SECONDS = 1.0
"""A client that vanished in the middle of a request is not waited for."""


class AwsApplication:
    """Answer AWS requests with moto, one at a time, and those to queues by itself."""

    def __init__(self) -> None:
        make_lean()
        self._messages = SentMessages()

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        service = _service(request)
        if service is None:
            return web.Response(
                status=400, text="not signed for DynamoDB, S3, Secrets Manager or SQS\n"
            )
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await request.read()
        if service == "sqs":
            action = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
            answer = self._messages.answer(action, json.loads(body))
            status = HTTPStatus.BAD_REQUEST if answer is None else HTTPStatus.OK
            return web.json_response(answer or {"__type": "UnsupportedOperation"}, status=status)
        handler = HANDLERS.get(service) or _s3_handler(request.path)
        url = f"http://{request.host}{request.raw_path}"
        asked = Request.from_primitives(request.method, url, request.headers, body)
        status, headers, answered = handler(asked, asked.raw_url, dict(asked.headers))
        if isinstance(answered, str):
            answered = answered.encode()
        headers = {
            name: str(value) for name, value in headers.items() if name.lower() != "content-length"
        }
        return web.Response(status=status, headers=headers, body=answered)


def _s3_handler(path: str) -> Handler:
    """Return what answers for `/bucket`, or for `/bucket/key`."""
    key = path.lstrip("/").partition("/")[2]
    return S3Response.key_dispatch if key else S3Response.bucket_dispatch


def _service(request: web.BaseRequest) -> str | None:
    """Return the service a request was signed for.

    The signature's scope reads `Credential=key/date/region/service/aws4_request`.
    """
    scope = request.headers.get("Authorization", "").partition("Credential=")[2].split(",")[0]
    service = scope.rpartition("/")[0].rpartition("/")[2]
    if service not in SERVICES:
        return None
    streams = request.headers.get("X-Amz-Target", "").startswith("DynamoDBStreams")
    return "dynamodbstreams" if streams else service


async def serve() -> None:
    """Serve until standard input closes."""
    server = web.Server(AwsApplication().handle, access_log=None)
    relax_collector()
    runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    # Ctrl-C reaches the whole process group; this one ends with the program that started it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(serve())
