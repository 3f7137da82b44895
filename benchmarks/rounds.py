"""Record requests, and count those that had to wait for one another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from requests import PreparedRequest, Response

from pumpwatch.adapters.bybit.bounded import BoundedAdapter


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request to the exchange; times in seconds of `time.perf_counter`."""

    path: str
    start: float
    end: float
    cpu: float
    """CPU seconds of this process by its end."""
    store_calls: int
    """Calls to the store by its end, as the caller counts them."""


@dataclass(slots=True)
class Recorder:
    """The requests of this process in the order of their ends."""

    sent: list[SentRequest] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, request: SentRequest) -> None:
        with self._lock:
            self.sent.append(request)

    def until(self, path: str) -> list[SentRequest]:
        """Return what was sent up to the first answer of a path, that one included."""
        last = next(request for request in self.sent if request.path == path)
        return [request for request in self.sent if request.start <= last.start]

    def after(self, path: str) -> list[SentRequest]:
        """Return what was sent after the first answer of a path."""
        first = next(request for request in self.sent if request.path == path)
        return [request for request in self.sent if request.start >= first.end]


def rounds(requests: Sequence[SentRequest]) -> int:
    """Return the largest number of requests of which each began after the one before had ended."""
    count, end = 0, float("-inf")
    for request in sorted(requests, key=lambda request: request.end):
        if request.start >= end:
            count, end = count + 1, request.end
    return count


@contextmanager
def recorded(store_calls: Callable[[], int] = lambda: 0) -> Iterator[Recorder]:
    """Record every request that goes through our transport to the exchange."""
    recorder = Recorder()
    send = BoundedAdapter.send

    def note(self: BoundedAdapter, request: PreparedRequest, **options: object) -> Response:
        start = time.perf_counter()
        try:
            return send(self, request, **options)
        finally:
            path = request.path_url.split("?")[0]
            end, cpu = time.perf_counter(), time.process_time()
            recorder.note(SentRequest(path, start, end, cpu, store_calls()))

    with patch.object(BoundedAdapter, "send", note):
        yield recorder
