"""The request budget of this machine's address, in a file that all our processes share.

Bybit counts the requests of an address to all of its hosts together. What a process may send is
decided under a lock that the system takes back when the process dies.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pumpwatch.adapters.bybit.limiter import require_time
from pumpwatch.errors import ExchangeForbidden
from pumpwatch.ports import Deadline
from pumpwatch.settings.shared import LOOPBACK

from .home import home

logger = logging.getLogger(__name__)

FILE = "budget-bybit"
PER_SECOND, BURST = 90.0, 90.0
"""At most 540 requests in any five seconds: they bunch up on their way to Bybit's 600."""
BULK_SPARE = 45
"""Requests of the burst that a download leaves to trading."""
BAN_SECONDS = 600
PATIENCE, STEP = 0.2, 0.001
"""Seconds that a request waits for the lock at most, and for anything at least."""
ALONE_SECONDS = 10.0
"""Time without sharing once the file could not be used."""
SIZE = 2048
"""Bytes of the file: each write replaces all of them at once."""


@dataclass(slots=True)
class _State:
    tokens: float = BURST
    at: float = 0.0
    """The monotonic clock, which all processes share; it begins anew with the machine."""
    bans: dict[str, tuple[float, int]] = field(default_factory=dict)
    """The end of each host's ban (Unix time), and the process that was told so."""


class SharedBudget:
    """The share of one process, which talks to one host. Safe to use from several threads.

    `spare` requests of the burst are left to others. A ban is of the host that told it: elsewhere
    the country may be welcome. A loopback host shares nothing. Whoever cannot use the file is told
    so once and goes on by the limits of its own process.
    """

    def __init__(
        self,
        host: str,
        *,
        spare: int = 0,
        folder: Path | None = None,
        wait: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._host, self._spare = host, spare
        self._path = (folder or home()) / FILE
        self._wait, self._monotonic, self._now = wait, monotonic, now
        self._alone_until = float("inf") if host in LOOPBACK else float("-inf")
        self._threads = threading.Lock()
        self._warned = False

    def take(self, deadline: Deadline) -> None:
        """Wait for a turn. Raises `DeadlineNear`, and `ExchangeForbidden` during a ban."""
        while pause := self._turn():
            require_time(deadline, pause)
            self._wait(pause)

    def note_ban(self) -> None:
        """Keep every process from this host for ten minutes."""
        self._change(self._ban)

    def seconds_banned(self) -> float:
        """Return for how long the host is still banned; 0 when it is not, as far as is known."""
        return self._change(self._banned) or 0.0

    def _banned(self, state: _State) -> float:
        until, _ = state.bans.get(self._host, (0.0, 0))
        left = until - self._now()
        return left if 0 < left <= BAN_SECONDS else 0.0

    def _turn(self) -> float:
        """Take a turn, or return the seconds after which there may be one."""
        return self._change(self._spend) or 0.0

    def _spend(self, state: _State) -> float:
        until, process = state.bans.get(self._host, (0.0, 0))
        if self._banned(state):
            moment = datetime.fromtimestamp(until, UTC)
            raise ExchangeForbidden(
                f"the address is banned until {moment:%H:%M:%S} UTC (process {process} was told"
                " so): is another program using this address?"
            )
        now = self._monotonic()
        refill = max(0.0, now - state.at) * PER_SECOND
        state.tokens, state.at = min(BURST, state.tokens + refill), now
        missing = 1.0 + self._spare - state.tokens
        if missing > 0.0:
            return max(STEP, missing / PER_SECOND)
        state.tokens -= 1.0
        return 0.0

    def _ban(self, state: _State) -> float:
        now = self._now()
        state.bans = {host: ban for host, ban in state.bans.items() if ban[0] > now}
        state.bans[self._host] = (now + BAN_SECONDS, os.getpid())
        return 0.0

    def _change(self, change: Callable[[_State], float]) -> float | None:
        """Change the state as all processes see it; None when the file cannot be used."""
        if self._monotonic() < self._alone_until:
            return None
        try:
            with self._threads, _locked(self._path) as descriptor:
                state = _read(descriptor, self._path)
                answer = change(state)
                _write(descriptor, state)
        except OSError as error:
            self._alone_until = self._monotonic() + ALONE_SECONDS
            if not self._warned:
                logger.warning(
                    "the request budget is not shared with other programs: %s (%s)",
                    self._path,
                    error.strerror or error,
                )
            self._warned = True
            return None
        self._warned = False
        return answer


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        last = time.monotonic() + PATIENCE
        while not _lock(descriptor):
            if time.monotonic() > last:
                raise TimeoutError("another process does not give it back")
            time.sleep(STEP)
        try:
            yield descriptor
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":  # pragma: no cover - measured on Linux
    import msvcrt

    def _lock(descriptor: int) -> bool:
        os.lseek(descriptor, SIZE, os.SEEK_SET)  # what is locked nobody else can read
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, SIZE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing leaves it to a child that was forked


def _read(descriptor: int, path: Path) -> _State:
    os.lseek(descriptor, 0, os.SEEK_SET)
    content = os.read(descriptor, SIZE)
    if not content.strip():
        return _State()
    try:
        tokens, at, bans = json.loads(content)
        return _State(
            max(0.0, float(tokens)),
            float(at),
            {str(host): (float(until), int(process)) for host, (until, process) in bans.items()},
        )
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        logger.warning("%s is damaged: the request budget begins anew", path)
        return _State(tokens=0.0, at=float("inf"))


def _write(descriptor: int, state: _State) -> None:
    text = json.dumps([state.tokens, state.at, state.bans])
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, text.encode().ljust(SIZE))
