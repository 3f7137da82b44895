"""Counts how often a run waits for the exchange, whatever the machine's pace.

Every request is kept until no thread of the run can go on without an answer; then all of them go
out together: that is a round. So what begins late on a busy machine does not count as one more.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Condition
from unittest.mock import patch

from pumpwatch.adapters.bybit.bounded import BoundedAdapter

PATIENCE = 60.0
"""Seconds after which a thread that waits for something else than an answer is a mistake."""


class Rounds:
    """The requests of a run as (round, path), and the executor whose threads send them."""

    def __init__(self, threads):
        self.sent, self.executor = [], _Executor(self, threads)
        self.changed, self._threads = Condition(), threads
        self.unfinished, self.waiting, self._number, self._kept = 0, 0, 0, 0

    @contextmanager
    def counted(self):
        """Count from now on, the calling thread included."""
        send = BoundedAdapter.send

        def keep(adapter, request, **options):
            self._keep(request.path_url.split("?")[0])
            return send(adapter, request, **options)

        self._number = 0
        self.sent.clear()
        with patch.object(BoundedAdapter, "send", keep):
            yield self.sent

    def _keep(self, path):
        with self.changed:
            number = self._number + 1
            self.sent.append((number, path))
            self._kept += 1
            self.waiting += 1
            self.let_go()
            assert self.changed.wait_for(lambda: self._number >= number, PATIENCE), path

    def let_go(self):
        """Let the kept requests go when all threads wait. Call it with `changed` taken."""
        threads = 1 + min(self.unfinished, self._threads)
        if self._kept and self.waiting == threads:
            self._number += 1
            self.waiting -= self._kept
            self._kept = 0
            self.changed.notify_all()


class _Executor(ThreadPoolExecutor):
    def __init__(self, rounds, threads):
        super().__init__(threads)
        self._rounds = rounds

    def submit(self, call, /, *values, **named):
        future = _Future(self._rounds)
        with self._rounds.changed:
            self._rounds.unfinished += 1
        super().submit(future.carry_out, call, *values, **named)
        return future


class _Future(Future):
    def __init__(self, rounds):
        super().__init__()
        self._rounds, self._waiting = rounds, 0

    def carry_out(self, call, *values, **named):
        answer = error = None
        begun = self.set_running_or_notify_cancel()
        try:
            answer = call(*values, **named) if begun else None
        except Exception as raised:
            error = raised
        rounds = self._rounds
        with rounds.changed:
            # Who waited for it goes on in the same moment.
            rounds.waiting -= self._waiting
            rounds.unfinished -= 1
            if error is not None:
                self.set_exception(error)
            elif begun:
                self.set_result(answer)
            rounds.let_go()

    def result(self, timeout=None):
        with self._rounds.changed:
            if not self.done():
                self._waiting += 1
                self._rounds.waiting += 1
                self._rounds.let_go()
        return super().result(timeout)
