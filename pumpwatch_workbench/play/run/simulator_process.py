"""The simulated exchange as a process of its own, stepped in lock step by its control calls."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import IO, Any, cast

from urllib3 import HTTPConnectionPool, connection_from_url

from pumpwatch.errors import BadInput, InvariantBroken
from pumpwatch_workbench.processes import end_process, interruption_later

STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class SimulatorProcess:
    """A running simulator: where it listens, its key, and its control calls."""

    url: str
    user_id: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    _pool: HTTPConnectionPool = field(repr=False)

    def market(self) -> dict[str, Any]:
        """Return the market's time, symbols, last prices and turnovers."""
        return self._call("GET", "/simulator/market", None)

    def summary(self) -> dict[str, Any]:
        """Return time, equity, positions and the requests so far."""
        return self._call("GET", "/simulator/glance", None)

    def advance_to(self, time: int) -> tuple[int, int]:
        """Move the market's clock to `time` (milliseconds UTC), unless it is later already.

        Return the clock's time and the requests so far.
        """
        answer = self._call("POST", "/simulator/clock", {"advance_to": time, "late": True})
        return int(answer["time"]), int(answer["requests"])

    def state(self) -> dict[str, Any]:
        """Return the market's clock, the planted pumps and everything the account has done."""
        return self._call("GET", "/simulator/state", None)

    def _call(self, method: str, path: str, body: object) -> dict[str, Any]:
        answer = self._pool.request(method, path, json=body, timeout=30, retries=False)
        if answer.status != HTTPStatus.OK:
            raise InvariantBroken(f"the simulator refused {path}: {answer.data[:200]!r}")
        answered: dict[str, Any] = answer.json()
        return answered


@contextmanager
def simulator_process(arguments: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Start `pumpwatch simulator` with these arguments and stop it at the end."""
    command = [sys.executable, "-m", "pumpwatch_workbench", "simulator", "--port", "0", *arguments]
    process: subprocess.Popen[str] | None = None
    try:
        with interruption_later():
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        yield process
    finally:
        if process is not None:
            _stop(process)


def connect(process: subprocess.Popen[str]) -> SimulatorProcess:
    """Wait until the simulator listens.

    Raises `BadInput` with the simulator's own sentence when it refuses to start.
    """
    line = cast(IO[str], process.stdout).readline()
    if not line:
        _, problem = process.communicate(timeout=STOP_SECONDS)
        sentence = (problem.strip().splitlines() or ["it ended without a word"])[-1]
        raise BadInput(sentence.removeprefix("pumpwatch: "))
    ready = json.loads(line)
    return SimulatorProcess(
        url=ready["url"],
        user_id=str(ready["user_id"]),
        api_key=ready["api_key"],
        api_secret=ready["api_secret"],
        _pool=connection_from_url(ready["url"]),
    )


def _stop(process: subprocess.Popen[str]) -> None:
    end_process(process, STOP_SECONDS)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
