"""The AWS stand-in's process, and clients for it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any, Self

import boto3

from pumpwatch.errors import BadInput, PumpwatchError
from pumpwatch_workbench.processes import helper_process

REGION = "eu-central-1"
FAKE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIALOCALSTACKEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "no-secret-at-all",
    "AWS_SESSION_TOKEN": "no-token-at-all",
}
SERVER = "pumpwatch_workbench.local.aws.aws_server"

Client = Any
"""A boto3 client; its type is made while it runs."""


class LocalStackError(PumpwatchError):
    """A part of the local stack could not be started; the message says which and why."""


class AwsServer:
    """moto in a process of its own: its garbage and its lock do not slow down the run's."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._clients: dict[str, Client] = {}
        self.url = ""

    def __enter__(self) -> Self:
        helper = helper_process(SERVER, environment=_plain_environment())
        try:
            self.process, ready = self._open.enter_context(helper)
        except BadInput as error:
            raise LocalStackError(f"the AWS stand-in (moto) did not start: {error}") from None
        self.url = f"http://127.0.0.1:{ready['port']}"
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self._open.close()

    def client(self, service: str) -> Client:
        """Return the boto3 client for one of the stand-in's services."""
        if service not in self._clients:
            credentials = {name.lower(): value for name, value in FAKE_CREDENTIALS.items()}
            session = boto3.session.Session(region_name=REGION, **credentials)  # type: ignore[arg-type]
            made = session.client(service, endpoint_url=self.url)  # type: ignore[call-overload]
            self._clients[service] = made
        return self._clients[service]


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
