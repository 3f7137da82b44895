"""A Lambda function as the template describes it, run in this process.

What Lambda does and this does too: a cold start loads the handler anew with the function's
environment and nothing else of AWS; event and result make a round trip through JSON; the context
knows the time left; an exception becomes Lambda's error answer; standard output and log go to the
function's own log. What it does not: it cannot kill a run that takes too long (it is reported as
timed out afterwards), and only one function runs at a time.
"""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3

from pumpwatch_workbench.simulator.market_time import composed_in_market_time

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "COVERAGE_PROCESS_START")

Json = Any

Handler = Callable[[Json, "FunctionContext"], Json]


class FunctionFailed(Exception):
    """The function raised; the message is its error's type and text."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """Result of one invocation. `error` is Lambda's error answer, None for a success."""

    payload: Json
    error: Mapping[str, Any] | None
    seconds: float
    """Wall time of the handler alone."""
    cold: bool

    def result(self) -> Json:
        """Return the payload. Raises `FunctionFailed`."""
        if self.error is not None:
            raise FunctionFailed(f"{self.error['errorType']}: {self.error['errorMessage']}")
        return self.payload


class FunctionContext:
    """Lambda's context object."""

    def __init__(self, function: LocalFunction, request_id: str) -> None:
        self.function_name = function.name
        self.invoked_function_arn = (
            f"arn:aws:lambda:{function.region}:123456789012:function:{function.name}"
        )
        self.memory_limit_in_mb = str(function.memory_megabytes)
        self.aws_request_id = request_id
        self._ends = time.monotonic() + function.timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation would be killed."""
        return max(0, int((self._ends - time.monotonic()) * 1000))


class LocalFunction:
    """One function: `invoke` it with events; `log` is what it wrote."""

    def __init__(
        self,
        name: str,
        *,
        code: Path,
        handler: str,
        variables: Mapping[str, str],
        timeout_seconds: float,
        memory_megabytes: int,
        region: str,
        runtime: Mapping[str, str],
    ) -> None:
        self.name = name
        self.code = code
        self.handler = handler
        self.variables = dict(variables)
        self.timeout_seconds = timeout_seconds
        self.memory_megabytes = memory_megabytes
        self.region = region
        self.log = io.StringIO()
        self.invocations = 0
        self.runtime = dict(runtime)
        """Variables that the runtime sets: credentials, region, where AWS is."""
        self._loaded: Handler | None = None
        self._logging: dict[str, Any] = {}

    def forget(self) -> None:
        """Drop the warm instance: the next invocation is a cold start."""
        self._loaded = None

    def invoke(self, event: object) -> Invocation:
        """Invoke the function with an event and return what came of it."""
        self.invocations += 1
        request_id = str(UUID(int=self.invocations))
        cold = self._loaded is None
        sent = json.loads(json.dumps(event))
        with self._lambda_process():
            started = time.perf_counter()
            try:
                handler = self._loaded or self._load()
                context = FunctionContext(self, request_id)
                payload = json.loads(json.dumps(handler(sent, context)))
            except Exception as raised:
                return self._failed(raised, request_id, time.perf_counter() - started, cold)
        seconds = time.perf_counter() - started
        if seconds > self.timeout_seconds:
            text = f"{request_id} Task timed out after {self.timeout_seconds:.2f} seconds"
            error = {"errorType": "Sandbox.Timedout", "errorMessage": text}
            return Invocation(None, error, seconds, cold)
        return Invocation(payload, None, seconds, cold)

    def _failed(self, raised: Exception, request_id: str, seconds: float, cold: bool) -> Invocation:
        error = {
            "errorMessage": str(raised),
            "errorType": type(raised).__name__,
            "requestId": request_id,
            "stackTrace": traceback.format_tb(raised.__traceback__),
        }
        return Invocation(None, error, seconds, cold)

    def _load(self) -> Handler:
        """Load the handler's module under a name of its own, as a new process would."""
        # A new process has no logger that an earlier one has set up.
        logging.Logger.manager.loggerDict.pop(
            self.variables.get("POWERTOOLS_SERVICE_NAME", ""), None
        )
        module_name, _, attribute = self.handler.rpartition(".")
        path = self.code / f"{module_name}.py"
        specification = importlib.util.spec_from_file_location(
            f"localstack_{self.name}_{module_name}", path
        )
        if specification is None or specification.loader is None or not path.is_file():
            raise FunctionFailed(f"Runtime.ImportModuleError: {path} does not exist")
        module = importlib.util.module_from_spec(specification)
        with composed_in_market_time(self.code.name):
            specification.loader.exec_module(module)
        handler: Handler = getattr(module, attribute)
        self._loaded = handler
        return handler

    @contextmanager
    def _lambda_process(self) -> Iterator[None]:
        """Make this process look like the function's own: environment, output, log, AWS session."""
        environment = dict(os.environ)
        session = boto3.DEFAULT_SESSION
        outside = _logging_state()
        kept = {name: environment[name] for name in KEPT if name in environment}
        os.environ.clear()
        os.environ.update({**kept, **self.runtime, **self.variables})
        boto3.DEFAULT_SESSION = None
        _set_logging(self._logging)
        try:
            with redirect_stdout(self.log):
                yield
        finally:
            self._logging = _logging_state()
            _set_logging(outside)
            boto3.DEFAULT_SESSION = session
            os.environ.clear()
            os.environ.update(environment)


def _logging_state() -> dict[str, Any]:
    logger = logging.getLogger("pumpwatch")
    return {
        "handlers": list(logger.handlers),
        "level": logger.level,
        "propagate": logger.propagate,
    }


def _set_logging(state: Mapping[str, Any]) -> None:
    logger = logging.getLogger("pumpwatch")
    logger.handlers[:] = state.get("handlers", [])
    logger.setLevel(state.get("level", logging.NOTSET))
    logger.propagate = state.get("propagate", True)
