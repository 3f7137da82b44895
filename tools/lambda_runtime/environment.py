"""One function's execution environment: the real runtime client in a process of its own.

As in Lambda, the process is started at the first invocation and after it died, is frozen in
between only in so far as it waits, and is killed when an invocation takes too long.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from uuid import uuid4

from pumpwatch.errors import PumpwatchError

from .layout import Layout
from .runtime_api import Ended, RuntimeApi

Json = Any
"""Whatever JSON can say."""

REPOSITORY = Path(__file__).resolve().parents[2]
INIT_SECONDS = 120.0
"""Lambda allows 10; a busy machine gets more, since this is no test of speed."""
POLL_SECONDS = 0.1
KILOBYTE = 1024
TICKS = os.sysconf("SC_CLK_TCK")
BASE_INTERPRETER: str = getattr(sys, "_base_executable", sys.executable)
"""The one behind the virtual environment."""
IN_MARKET_TIME = f"""
import sys
sys.path.append({str(REPOSITORY)!r})
from pumpwatch_workbench.simulator.market_time import composed_in_market_time
sys.path.pop()
from awslambdaric.__main__ import main
with composed_in_market_time(sys.argv[1].removesuffix("Function").lower()):
    main(["awslambdaric", "app.lambda_handler"])
"""
"""Lambda's own client, as `-m awslambdaric app.lambda_handler` would start it; the exchange behind
it is always a simulated one."""


class RuntimeSilent(PumpwatchError):
    """The runtime client neither asked for work nor reported why it could not start."""


@dataclass(frozen=True, slots=True)
class RuntimeInvocation:
    """What came of one invocation. `error` is Lambda's error answer, None for a success."""

    payload: Json
    error: Mapping[str, Any] | None
    seconds: float
    cpu_seconds: float
    """CPU time of the process in this invocation, without its start."""
    cold: bool
    peak_memory: int
    """The process's largest resident memory so far, bytes."""


class ExecutionEnvironment:
    """Runs one built function; `init_cpu_seconds` is what its last start took."""

    def __init__(
        self,
        name: str,
        layout: Layout,
        *,
        variables: Mapping[str, str],
        runtime: Mapping[str, str],
        timeout_seconds: float,
        log: Path,
    ) -> None:
        self.name = name
        self.init_cpu_seconds = 0.0
        self.starts = 0
        self._layout = layout
        self._variables = dict(variables)
        self._runtime = dict(runtime)
        self._timeout = timeout_seconds
        self._log = log
        self._output: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._api: RuntimeApi | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    @property
    def alive(self) -> bool:
        """Return whether there is a warm process."""
        return self._process is not None

    @property
    def log(self) -> str:
        """Return everything the function has written."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def invoke(self, event: Json) -> RuntimeInvocation:
        """Invoke the function; a start that fails is the invocation's error, as in Lambda."""
        cold = self._process is None
        if cold:
            failed = self._start()
            if failed is not None:
                self.kill()
                return RuntimeInvocation(None, failed.body, 0.0, 0.0, cold, 0)
        assert self._api is not None  # noqa: S101 - made by the start
        request_id, before = str(uuid4()), self._cpu_seconds()
        begun = time.perf_counter()
        payload = json.dumps(event).encode()
        self._api.invoke(request_id, payload, timeout_seconds=self._timeout)
        ended = self._wait()
        seconds = time.perf_counter() - begun
        if ended is None:
            status = self._process.poll() if self._process else None
            self.kill()
            if status is not None:
                text = f"RequestId: {request_id} Error: Runtime exited with error: {status}"
                return self._failed("Runtime.ExitError", text, seconds, cold)
            text = f"{request_id} Task timed out after {self._timeout:.2f} seconds"
            return self._failed("Sandbox.Timedout", text, seconds, cold)
        if ended.kind not in {"response", "error"} or ended.request_id != request_id:
            raise RuntimeSilent(f"{self.name} answered {ended.kind} to another request")
        cpu, peak = self._cpu_seconds() - before, self._peak_memory()
        # The client asks for the next invocation only when it is done with this one.
        self._api.next_report(self._timeout)
        answered, error = (None, ended.body) if ended.kind == "error" else (ended.body, None)
        return RuntimeInvocation(answered, error, seconds, cpu, cold, peak)

    def _wait(self) -> Ended | None:
        """Return the client's report; None when the process died or the time is over."""
        assert self._api is not None  # noqa: S101 - made by the start
        assert self._process is not None  # noqa: S101 - made by the start
        ends = time.monotonic() + self._timeout
        while (left := ends - time.monotonic()) > 0:
            ended = self._api.next_report(min(left, POLL_SECONDS))
            if ended is not None or self._process.poll() is not None:
                return ended or self._api.next_report(0.0)
        return None

    def kill(self) -> None:
        """End the process at once, as Lambda does: nothing in it may clean up."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        if self._api is not None:
            self._api.close()
            self._api = None
        if self._output is not None:
            self._output.close()
            self._output = None

    def _start(self) -> Ended | None:
        """Start the process; return the report of a failed start, None when it is ready."""
        self.starts += 1
        arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{self.name}"
        self._api = RuntimeApi(arn)
        self._output = self._log.open("ab")
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter and Lambda's own client
            # Without site: nothing of this environment is on the path but what the layout names.
            [BASE_INTERPRETER, "-S", "-c", IN_MARKET_TIME, self.name],
            env=self._environment(self._api.address),
            cwd=self._layout.task(self.name),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        first = self._api.next_report(INIT_SECONDS)
        if first is None:
            self.kill()
            raise RuntimeSilent(
                f"{self.name} did not start within {INIT_SECONDS:.0f} s: {self.log}"
            )
        self.init_cpu_seconds = self._cpu_seconds()
        return None if first.kind == "ready" else first

    def _environment(self, api: str) -> dict[str, str]:
        path = (self._layout.task(self.name), self._layout.packages, self._layout.runtime)
        return {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            # Layers are read-only in Lambda.
            "PYTHONDONTWRITEBYTECODE": "1",
            **self._runtime,
            "AWS_LAMBDA_RUNTIME_API": api,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "LAMBDA_TASK_ROOT": str(self._layout.task(self.name)),
            **self._variables,
        }

    def _failed(self, kind: str, text: str, seconds: float, cold: bool) -> RuntimeInvocation:
        error = {"errorType": kind, "errorMessage": text}
        return RuntimeInvocation(None, error, seconds, 0.0, cold, 0)

    def _cpu_seconds(self) -> float:
        """Return user and system time of the process so far."""
        assert self._process is not None  # noqa: S101 - asked for while it runs
        text = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def _peak_memory(self) -> int:
        assert self._process is not None  # noqa: S101 - asked for while it runs
        text = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in text.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * KILOBYTE
