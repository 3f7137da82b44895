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
    """Outcome of an invocation. `error` is Lambda's error answer, None for a success."""

    payload: Json
    error: Mapping[str, Any] | None
    seconds: float
    cpu_seconds: float
    """CPU time of the process in this invocation, without its start."""
    cold: bool
    peak_memory: int
    """The process's largest resident memory so far, bytes."""


@dataclass(frozen=True, slots=True)
class _Running:
    """A started client, the API it asks, and the file it writes to."""

    process: subprocess.Popen[bytes]
    api: RuntimeApi
    output: IO[bytes]

    def cpu_seconds(self) -> float:
        """Return user and system time of the process so far."""
        text = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_memory(self) -> int:
        """Return the largest resident memory so far, bytes."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in text.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * KILOBYTE

    def report(self, seconds: float) -> Ended | None:
        """Return the client's report; None when the process died or the time is over."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            ended = self.api.next_report(min(left, POLL_SECONDS))
            if ended is not None or self.process.poll() is not None:
                return ended or self.api.next_report(0.0)
        return None


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
        self._running: _Running | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    @property
    def log(self) -> str:
        """Return everything the function has written."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def invoke(self, event: Json) -> RuntimeInvocation:
        """Invoke the function; a start that fails is the invocation's error, as in Lambda."""
        cold, running = self._running is None, self._running
        if running is None:
            running, first = self._start()
            if first.kind != "ready":
                self.kill()
                return RuntimeInvocation(None, first.body, 0.0, 0.0, cold, 0)
        request_id, before = str(uuid4()), running.cpu_seconds()
        begun = time.perf_counter()
        payload = json.dumps(event).encode()
        running.api.invoke(request_id, payload, timeout_seconds=self._timeout)
        ended = running.report(self._timeout)
        seconds = time.perf_counter() - begun
        if ended is None:
            status = running.process.poll()
            self.kill()
            kind, text = "Sandbox.Timedout", f"Task timed out after {self._timeout:.2f} seconds"
            if status is not None:
                kind, text = "Runtime.ExitError", f"Runtime exited with error: {status}"
            failed = {"errorType": kind, "errorMessage": f"RequestId: {request_id} {text}"}
            return RuntimeInvocation(None, failed, seconds, 0.0, cold, 0)
        if ended.kind not in {"response", "error"} or ended.request_id != request_id:
            raise RuntimeSilent(f"{self.name} answered {ended.kind} to another request")
        cpu, peak = running.cpu_seconds() - before, running.peak_memory()
        # The client asks for the next invocation only when it is done with this one.
        running.api.next_report(self._timeout)
        answered, error = (None, ended.body) if ended.kind == "error" else (ended.body, None)
        return RuntimeInvocation(answered, error, seconds, cpu, cold, peak)

    def kill(self) -> None:
        """End the process at once, as Lambda does: nothing in it may clean up."""
        running, self._running = self._running, None
        if running is not None:
            running.process.kill()
            running.process.wait()
            running.api.close()
            running.output.close()

    def _start(self) -> tuple[_Running, Ended]:
        """Start the process; return it with its first report: ready, or why it cannot start."""
        self.starts += 1
        api = RuntimeApi(f"arn:aws:lambda:eu-central-1:123456789012:function:{self.name}")
        output = self._log.open("ab")
        process = subprocess.Popen(
            # Without site: nothing of this environment is on the path but what the layout names.
            [BASE_INTERPRETER, "-S", "-c", IN_MARKET_TIME, self.name],
            env=self._environment(api.address),
            cwd=self._layout.task(self.name),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        running = self._running = _Running(process, api, output)
        first = api.next_report(INIT_SECONDS)
        if first is None:
            self.kill()
            raise RuntimeSilent(
                f"{self.name} did not start within {INIT_SECONDS:.0f} s: {self.log}"
            )
        self.init_cpu_seconds = running.cpu_seconds()
        return running, first

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
