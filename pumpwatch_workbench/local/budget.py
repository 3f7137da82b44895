"""The request budget of this machine's address, in a file that all our processes share.

Bybit counts the requests of an address to all of its hosts together. What a process may send is
decided under a lock that the system takes back when the process dies.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from pumpwatch.adapters.bybit.limiter import require_time
from pumpwatch.errors import ExchangeForbidden
from pumpwatch.ports import Deadline
from pumpwatch.settings.shared import LOOPBACK

from .home import home

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)

FILE = "budget-bybit"
PER_SECOND, BURST = 90.0, 90.0
"""At most 540 requests in any five seconds: they bunch up on their way to Bybit's 600."""
BULK_SPARE = 45
"""Requests of the burst that a download leaves to trading."""
BAN_SECONDS = 600
PATIENCE, STEP = 0.5, 0.001
"""Seconds that a request waits for the lock at most, and for anything at least."""
ALONE_SECONDS = 60.0
"""Time without sharing once the file could not be used."""
SIZE = 2048
"""Bytes of the file: each write replaces all of them at once."""


@dataclass(slots=True)
class _State:
    tokens: float = BURST
    at: float = 0.0
    """The monotonic clock, which all processes share; it begins anew with the machine."""
    bans: dict[str, float] = field(default_factory=dict)
    """The end of each host's ban (Unix time)."""


class SharedBudget:
    """The share of one process, which talks to one host or URL. Safe to use from several threads.

    `spare` requests of the burst are left to others. A ban is of the host that told it: elsewhere
    the country may be welcome. A loopback host shares nothing, nor does a process that cannot use
    the file: it goes on by its own limits, and says so each minute.
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
        self._host, self._spare = urlsplit(host).hostname or host, spare
        self._path = (folder or home()) / FILE
        self._wait, self._monotonic, self._now = wait, monotonic, now
        self._alone_until = float("inf") if self._host in LOOPBACK else float("-inf")

    def take(self, deadline: Deadline) -> None:
        """Wait for a turn. Raises `DeadlineNear`, and `ExchangeForbidden` during a ban."""
        while pause := self._change(self._spend):
            require_time(deadline, pause)
            self._wait(pause)

    def note_ban(self) -> None:
        """Keep every process from this host for ten minutes."""
        self._change(self._ban)

    def seconds_banned(self) -> float:
        """Return for how long the host is still banned; 0 when it is not, as far as is known."""
        return self._change(self._banned)

    def _spend(self, state: _State) -> float:
        """Take a turn, or return the seconds after which there may be one."""
        if self._banned(state):
            until = datetime.fromtimestamp(state.bans[self._host], UTC)
            raise ExchangeForbidden(
                f"the address is banned until {until:%H:%M:%S} UTC: is another program using this"
                " address?"
            )
        now = self._monotonic()
        refill = max(0.0, now - state.at) * PER_SECOND
        state.tokens, state.at = min(BURST, state.tokens + refill), now
        missing = 1.0 + self._spare - state.tokens
        if missing > 0.0:
            return max(STEP, missing / PER_SECOND)
        state.tokens -= 1.0
        return 0.0

    def _banned(self, state: _State) -> float:
        left = state.bans.get(self._host, 0.0) - self._now()
        return left if 0 < left <= BAN_SECONDS else 0.0

    def _ban(self, state: _State) -> float:
        state.bans[self._host] = self._now() + BAN_SECONDS
        return 0.0

    def _change(self, change: Callable[[_State], float]) -> float:
        """Change the state as all processes see it; 0 when the file cannot be used."""
        if self._monotonic() < self._alone_until:
            return 0.0
        try:
            with _locked(self._path) as descriptor:
                state = _read(descriptor, self._path)
                answer = change(state)
                text = json.dumps([state.tokens, state.at, state.bans])
                os.pwrite(descriptor, text.encode().ljust(SIZE), 0)
                return answer
        except OSError as error:
            self._alone_until = self._monotonic() + ALONE_SECONDS
            text = "the request budget is not shared with other programs: %s (%s)"
            logger.warning(text, self._path, error.strerror)
            return 0.0


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    if sys.platform == "win32":
        raise OSError(0, "not on Windows")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    last = time.monotonic() + PATIENCE
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > last:
                    raise TimeoutError(0, "another process does not give it back") from None
            time.sleep(STEP)
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int, path: Path) -> _State:
    content = os.pread(descriptor, SIZE, 0)
    if not content.strip():
        return _State()
    try:
        tokens, at, bans = json.loads(content)
        bans = {host: float(until) for host, until in bans.items()}
        return _State(max(0.0, float(tokens)), float(at), bans)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        logger.warning("%s is damaged: the request budget begins anew", path)
        return _State(tokens=0.0, at=float("inf"))
