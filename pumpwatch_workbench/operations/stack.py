"""A deployed stack as CloudFormation describes it, and the clients for what is in it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.errors import BadInput, PumpwatchError, RetryLater

Client = Any
"""A boto3 client; its type is made while it runs."""
Clients = Callable[[str], Client]
"""Gives the client of a service."""


class AwsRefused(PumpwatchError):
    """AWS did not do what it was asked for; the message says what and why."""


class FunctionBusy(RetryLater):
    """The function's reserved concurrency is taken by a run: ask again."""


@dataclass(frozen=True, slots=True)
class FunctionAnswer:
    """What a function answered. `error` is Lambda's error answer, None for a success."""

    payload: Any
    error: Mapping[str, Any] | None


def aws_call(what: str, call: Callable[..., Any], **asked: object) -> Any:  # noqa: ANN401 - boto3's
    """Return the call's answer. Raises `AwsRefused` with a sentence."""
    try:
        return call(**asked)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        text = error.response.get("Error", {}).get("Message", "")
        raise AwsRefused(f"{what}: {code}: {text}") from None
    except BotoCoreError as error:
        raise AwsRefused(f"{what}: {error}: look at network, region and credentials") from None


class DeployedStack:
    """The outputs of a stack by name, and what is done with them."""

    def __init__(
        self, name: str, region: str, clients: Clients, outputs: Mapping[str, str], status: str = ""
    ) -> None:
        self.name = name
        self.region = region
        self.outputs = dict(outputs)
        self.status = status
        """CloudFormation's word for how the last deployment ended."""
        self.clients = clients

    @classmethod
    def find(cls, name: str, region: str, clients: Clients) -> DeployedStack:
        """Return the stack. Raises `BadInput` where there is none, `AwsRefused`."""
        client = clients("cloudformation")
        try:
            answer = aws_call(
                f"stack {name} in {region} could not be read",
                client.describe_stacks,
                StackName=name,
            )
        except AwsRefused as error:
            if "does not exist" in str(error):
                raise BadInput(
                    f"there is no stack {name} in {region}: name another with --stack and --region"
                ) from None
            raise
        (found,) = answer["Stacks"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
        return cls(name, region, clients, outputs, found["StackStatus"])

    def output(self, name: str) -> str:
        """Return an output. Raises `AwsRefused` for one that the stack does not have."""
        if name not in self.outputs:
            raise AwsRefused(f"stack {self.name} has no output {name}: deploy the present version")
        return self.outputs[name]

    @property
    def stage(self) -> str:
        """Return the installation's name."""
        return self.output("Stage")

    def table(self) -> Table:
        """Return the table of signals, journal and halt flag."""
        return Table(self.output("StateTable"), self.clients("dynamodb"))

    def invoke(self, function: str, payload: Mapping[str, object]) -> FunctionAnswer:
        """Invoke a function (named by its output) and wait for its answer.

        Raises `FunctionBusy` while its reserved concurrency is taken, `AwsRefused`.
        """
        client = self.clients("lambda")
        try:
            answer = aws_call(
                f"{function} could not be invoked",
                client.invoke,
                FunctionName=self.output(function),
                Payload=json.dumps(payload).encode(),
            )
        except AwsRefused as error:
            if "TooManyRequests" in str(error):
                raise FunctionBusy(f"{function} is at work") from None
            raise
        body = json.loads(answer["Payload"].read() or b"null")
        return (
            FunctionAnswer(None, body) if "FunctionError" in answer else FunctionAnswer(body, None)
        )

    def operator(self) -> str:
        """Return who is at the keyboard: the AWS identity, or else the user's name here."""
        try:
            identity = aws_call("identity", self.clients("sts").get_caller_identity)
        except AwsRefused:
            return user_here()
        return str(identity["Arn"]).rpartition(":")[2]


def user_here() -> str:
    """Return the name of the person at this machine, "someone" where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "someone"
