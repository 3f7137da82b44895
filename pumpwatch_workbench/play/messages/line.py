"""The way to one messenger: what waits, when it goes out, and the thread that takes it there."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from pumpwatch_workbench.pages.words import counted, date_and_clock
from pumpwatch_workbench.play.messages.message import Kind, Message, grouped
from pumpwatch_workbench.play.messages.messenger import GOOD, REFUSALS, Answer, Messenger

IN_A_POST, MOST_WAITING = 10, 200
PACE, PUMP_PACE = 5.0, 60.0
"""Least seconds between two posts, and between two that tell of pumps."""
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 600.0
"""Seconds after a failure; each further failure doubles them."""


class Line:
    """Sends what is said when it can, in a thread. `complain` is told once when deliveries begin
    to fail, and once when they go again."""

    def __init__(
        self,
        messenger: Messenger,
        stage: str,
        complain: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.messenger = messenger
        self.answer = Answer(200)
        self.tried, self.news, self.ending = (threading.Event() for _ in range(3))
        self.thread = threading.Thread(target=self._run, name="messages", daemon=True)
        self._stage, self._complain, self._clock = stage, complain, clock
        self._pumps: list[Message] = []
        self._others: list[Message] = []
        self._dropped, self._dropped_since = 0, 0.0
        """Messages of whose loss the messenger was not told yet, and the time of the first."""
        self._ended = self._delivered = 0
        self._not_before = self._pumps_not_before = self._pause = 0.0
        self._lock = threading.Lock()

    def say(self, messages: Sequence[Message]) -> None:
        """Let messages wait; of too many the oldest of the least important kind are dropped."""
        with self._lock:
            self._pumps += (each for each in messages if each.kind is Kind.PUMP)
            self._others += (each for each in messages if each.kind is not Kind.PUMP)
            while len(self._pumps) + len(self._others) > MOST_WAITING:
                waiting = self._pumps or self._others
                waiting.remove(min(waiting, key=lambda message: message.kind))
                self._count_dropped(1)
        self.news.set()

    def take_counts(self) -> tuple[int, int]:
        """Return how many messages were delivered or dropped, and how many were delivered."""
        with self._lock:
            counts = self._ended, self._delivered
            self._ended = self._delivered = 0
        return counts

    def due(self) -> float:
        """Return the seconds until something may go out; infinity when nothing waits."""
        with self._lock:
            due = self._not_before if self._others else math.inf
            if self._pumps:
                due = min(due, max(self._not_before, self._pumps_not_before))
            return due - self._clock()

    def post(self, *, at_once: bool = False) -> bool:
        """Send what is due in one post; return whether something was delivered."""
        now = self._clock()
        with self._lock:
            others, self._others = self._others[:IN_A_POST], self._others[IN_A_POST:]
            pumps: list[Message] = []
            if at_once or self._pumps_not_before <= now:
                pumps, self._pumps = self._pumps, []
            dropped = self._dropped
            messages = [*self._loss(), *grouped([*others, *pumps])]
        if not others and not pumps:
            return False
        before, self.answer = self.answer, self.messenger.send(self._stage, messages)
        is_good, was_good = self.answer.status in GOOD, before.status in GOOD
        with self._lock:
            if is_good:
                self._ended += len(others) + len(pumps)
                self._delivered += len(others) + len(pumps)
                self._dropped -= dropped
                self._not_before, self._pause = now + PACE, 0.0
                if pumps:
                    self._pumps_not_before = now + PUMP_PACE
            else:
                self._pause = min(self._pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
                self._not_before = now + max(self.answer.wait or self._pause, PACE)
                if self.answer.status in REFUSALS:
                    self._count_dropped(len(others) + len(pumps))
                else:
                    self._others, self._pumps = others + self._others, pumps + self._pumps
        self.tried.set()
        if is_good != was_good:
            what = "takes them again" if is_good else f"takes no messages ({self.answer})"
            with suppress(Exception):  # of a closed terminal the main thread learns itself
                self._complain(f"{self.messenger.label} {what}; trading goes on")
        return is_good

    def _count_dropped(self, count: int) -> None:
        if not self._dropped:
            self._dropped_since = time.time()
        self._dropped += count
        self._ended += count

    def _loss(self) -> list[Message]:
        if not self._dropped:
            return []
        since = date_and_clock(round(self._dropped_since * 1000))
        what = counted(self._dropped, "message")
        return [Message(Kind.NOTICE, f"{what} could not be delivered since {since} UTC")]

    def _run(self) -> None:
        while True:
            wait = self.due()
            if wait > 0 and not self.ending.is_set():
                self.news.wait(min(wait, LONGEST_PAUSE))
                self.news.clear()
            elif not self.post(at_once=self.ending.is_set()) and self.ending.is_set():
                return
