"""A deployed stack as CloudFormation describes it, and the clients for what is in it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.errors import BadInput, PumpwatchError, RetryLater

Client = Any
"""A boto3 client; its type is made while it runs."""
Clients = Callable[[str], Client]


class AwsRefused(PumpwatchError):
    """AWS refused a call; the message says which and why."""


class FunctionBusy(RetryLater):
    """The function's reserved concurrency is taken by a run: ask again."""


@dataclass(frozen=True, slots=True)
class FunctionAnswer:
    """Answer of a function. `error` is Lambda's error answer, None for a success."""

    payload: Any
    error: Mapping[str, Any] | None


def aws_call(what: str, call: Callable[..., Any], **asked: object) -> Any:
    """Return the call's answer. Raises `AwsRefused` with a sentence."""
    try:
        return call(**asked)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        text = error.response.get("Error", {}).get("Message", "")
        raise AwsRefused(f"{what}: {code}: {text}") from None
    except BotoCoreError as error:
        raise AwsRefused(f"{what}: {error}: look at network, region and credentials") from None


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """A stack as CloudFormation describes it, and clients for its services."""

    name: str
    region: str
    clients: Clients
    outputs: Mapping[str, str]
    status: str = ""
    """CloudFormation's word for how the last deployment ended."""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def _described(cls, stack: Mapping[str, Any], region: str, clients: Clients) -> DeployedStack:
        return cls(
            stack.get("StackName", ""),
            region,
            clients,
            {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())},
            stack.get("StackStatus", ""),
            {
                parameter["ParameterKey"]: parameter.get("ParameterValue", "")
                for parameter in stack.get("Parameters", ())
            },
        )

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
        return replace(cls._described(answer["Stacks"][0], region, clients), name=name)

    @classmethod
    def of_stage(cls, stage: str, region: str, clients: Clients) -> DeployedStack:
        """Return the stack of a stage. Raises `BadInput` where there is none, `AwsRefused`."""
        pages = clients("cloudformation").get_paginator("describe_stacks").paginate()
        stacks = aws_call(
            "AWS did not list the stacks",
            lambda: [stack for page in pages for stack in page["Stacks"]],
        )
        for stack in stacks:
            described = cls._described(stack, region, clients)
            stages = described.parameters.get("Stage"), described.outputs.get("Stage")
            if stage in stages and {"StateTable", "HistoryBucket"} <= described.outputs.keys():
                return described
        raise BadInput(
            f"--stage is {stage}: no stack of that stage is deployed in this account's region"
        )

    def output(self, name: str) -> str:
        """Return an output. Raises `AwsRefused` where the stack does not have it."""
        if name not in self.outputs:
            raise AwsRefused(f"stack {self.name} has no output {name}: deploy the present version")
        return self.outputs[name]

    @property
    def stage(self) -> str:
        """Return the installation's name."""
        return self.output("Stage")

    @property
    def scan_seconds(self) -> int:
        """Return how often detect scans the market."""
        return int(self.parameters.get("ScanIntervalSeconds") or 60)

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
