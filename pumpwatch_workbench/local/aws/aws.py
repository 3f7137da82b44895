"""The AWS stand-in's process, and clients for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import IO, Any, Self, cast

import boto3

from pumpwatch.errors import PumpwatchError
from pumpwatch_workbench.processes import interruption_later

REGION = "eu-central-1"
FAKE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIALOCALSTACKEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "no-secret-at-all",
    "AWS_SESSION_TOKEN": "no-token-at-all",
}
STOP_SECONDS = 5.0

Client = Any
"""A boto3 client; its type is made while it runs."""


class LocalStackError(PumpwatchError):
    """A part of the local stack could not be started; the message says which and why."""


class AwsServer:
    """moto in a process of its own: its garbage and its lock do not slow down the run's."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._clients: dict[str, Client] = {}
        self.url = ""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            if self._process is not None:
                self._process.kill()
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        with interruption_later():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pumpwatch_workbench.local.aws.aws_server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=_plain_environment(),
            )
        line = cast(IO[str], self._process.stdout).readline()
        if not line:
            status = self._process.wait()
            raise LocalStackError(f"the AWS stand-in (moto) ended at once with status {status}")
        self.url = f"http://127.0.0.1:{json.loads(line)['port']}"

    def __exit__(self, *_: object) -> None:
        """End the process by closing its standard input; kill it when that does not help."""
        process, self._process = self._process, None
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if process is None:
            return
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

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
