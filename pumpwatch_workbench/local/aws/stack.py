"""The whole stack of `template.yaml` on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

from pumpwatch_workbench.deployment import TEMPLATE

from .aws import FAKE_CREDENTIALS, REGION, AwsServer
from .functions import LocalFunction
from .queues import QueueReader
from .resources import create_resources, queue_url
from .streams import StreamReader
from .template import Template, TemplateError, load_template

SCHEDULE = "ScheduleV2"
STREAM = "DynamoDB"
QUEUE = "SQS"


class LocalStack:
    """Tables, bucket, secrets and functions as the template says, the AWS stand-in behind them.

    `parameters` are the template's. `variables` are set or replaced by function. `aws`, when given,
    is a stand-in that runs already and is left running.
    """

    def __init__(
        self,
        *,
        template: Path = TEMPLATE,
        parameters: Mapping[str, object] | None = None,
        variables: Mapping[str, Mapping[str, str]] | None = None,
        stack: str = "pumpwatch-local",
        aws: AwsServer | None = None,
    ) -> None:
        self._path = template
        self._template = Template(
            load_template(template), parameters or {}, stack=stack, region=REGION
        )
        self._variables = dict(variables or {})
        if unknown := self._variables.keys() - dict(self._template.functions()):
            raise TemplateError(f"the template has no function {', '.join(sorted(unknown))}")
        self._stack = stack
        self._open = ExitStack()
        self._aws_is_ours = aws is None
        self.aws = aws or AwsServer()
        self.functions: dict[str, LocalFunction] = {}

    def __enter__(self) -> Self:
        if self._aws_is_ours:
            self._open.enter_context(self.aws)
        try:
            create_resources(self._template, self.aws, stack=self._stack)
            for name, properties in self._template.functions():
                self.functions[name] = self._function(name, properties)
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def name_of(self, resource: str) -> str:
        """Return the id of a resource: a table's or bucket's name, a secret's ARN."""
        try:
            return self._template.physical[resource]
        except KeyError:
            raise TemplateError(f"the local stack has no resource {resource}") from None

    def put_secret(self, resource: str, content: Mapping[str, str]) -> None:
        """Put JSON into a secret of the template, as a person would do before going live."""
        self.aws.client("secretsmanager").put_secret_value(
            SecretId=self.name_of(resource), SecretString=json.dumps(content)
        )

    def scheduled_event(self, function: str, time: int) -> dict[str, Any]:
        """Return the event that the function's schedule sends at a time (milliseconds UTC)."""
        properties = self._event_source(function, SCHEDULE)
        moment = datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        execution = blake2b(f"{function}|{time}".encode(), digest_size=8).hexdigest()
        text = str(properties["Input"])
        text = text.replace("<aws.scheduler.scheduled-time>", moment)
        event: dict[str, Any] = json.loads(text.replace("<aws.scheduler.execution-id>", execution))
        return event

    def stream_reader(self, function: str) -> StreamReader:
        """Return a reader of the stream that feeds the function, filtered as the template says."""
        properties = self._event_source(function, STREAM)
        filters = properties.get("FilterCriteria", {}).get("Filters", [])
        return StreamReader(
            self.aws.client("dynamodbstreams"),
            properties["Stream"],
            patterns=[chosen["Pattern"] for chosen in filters],
            batch_size=int(properties.get("BatchSize", 100)),
        )

    def queue_reader(self, function: str) -> QueueReader:
        """Return a reader of the queue that feeds the function."""
        properties = self._event_source(function, QUEUE)
        arn = str(properties["Queue"])
        url = queue_url(self.aws, arn.rpartition(":")[2])
        size = int(properties["BatchSize"])
        return QueueReader(self.aws.client("sqs"), url, arn, batch_size=size)

    def _event_source(self, function: str, kind: str) -> dict[str, Any]:
        for name, properties in self._template.functions():
            if name == function:
                for source in properties.get("Events", {}).values():
                    if source["Type"] == kind:
                        resolved: dict[str, Any] = self._template.resolve(source["Properties"])
                        return resolved
        raise TemplateError(f"{function} has no event source of type {kind}")

    def _function(self, name: str, properties: Mapping[str, Any]) -> LocalFunction:
        variables = self._template.resolve(properties["Environment"]["Variables"])
        extra = self._variables.get(name, {})
        physical = f"{self._stack}-{name}"
        timeout = int(self._template.resolve(properties["Timeout"]))
        memory = int(self._template.resolve(properties["MemorySize"]))
        code = self._path.parent / properties["CodeUri"]
        runtime = {
            **FAKE_CREDENTIALS,
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_NAME": physical,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{properties['Runtime']}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "LAMBDA_TASK_ROOT": str(code),
            "TZ": ":UTC",
        }
        return LocalFunction(
            physical,
            code=code,
            handler=str(properties["Handler"]),
            variables={key: str(value) for key, value in (variables | dict(extra)).items()},
            timeout_seconds=timeout,
            memory_megabytes=memory,
            region=REGION,
            runtime=runtime,
        )
