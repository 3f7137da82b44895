"""The way to one messenger: what waits, when it goes out, and the thread that takes it there."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from pumpwatch_workbench.pages.words import date_and_clock
from pumpwatch_workbench.play.messages.message import SINGLY, Kind, Message, grouped
from pumpwatch_workbench.play.messages.messenger import GOOD, REFUSALS, Answer, Messenger

IN_A_POST, MOST_WAITING = 10, 200
GROUPING, PACE = 2.0, 5.0
"""Seconds for which messages are collected unless they are urgent, and least between two posts."""
QUIET = 60.0
"""Seconds for which pumps are collected once a few were told."""
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
        self._waiting: list[tuple[float, Message]] = []
        self._told: list[float] = []
        """Times at which the last few pumps were told."""
        self._lost, self._first_lost, self._last_lost = 0, 0.0, 0.0
        """Dropped messages of which the messenger was not told yet, and their times."""
        self._delivered = self._dropped = 0
        self._not_before = self._pause = 0.0
        self._lock = threading.Lock()

    def say(self, message: Message) -> None:
        """Let a message wait; of too many the oldest of the least important kind is dropped."""
        with self._lock:
            self._waiting.append((self._clock(), message))
            if len(self._waiting) > MOST_WAITING:
                self._drop([min(self._waiting, key=lambda entry: entry[1].kind)])
        self.news.set()

    def take_counts(self) -> tuple[int, int]:
        """Return how many messages were delivered or dropped, and how many were delivered."""
        with self._lock:
            counts = self._delivered + self._dropped, self._delivered
            self._delivered = self._dropped = 0
        return counts

    def due(self) -> float:
        """Return the seconds until something may go out; infinity when nothing waits."""
        with self._lock:
            ready = (self._ready(*entry) for entry in self._waiting)
            return max(min(ready, default=math.inf), self._not_before) - self._clock()

    def post(self, *, at_once: bool = False) -> bool:
        """Send what is due in one post; return whether something was taken."""
        now = self._clock()
        with self._lock:
            ready = [e for e in self._waiting if at_once or self._quiet(e[1]) <= now]
            pumps = [entry for entry in ready if entry[1].kind is Kind.PUMP]
            others = [entry for entry in ready if entry[1].kind is not Kind.PUMP]
            entries, lost = others[:IN_A_POST] + pumps, self._lost
            messages = self._loss(now) + grouped([message for _, message in entries])
        if not entries:
            return False
        before, self.answer = self.answer, self.messenger.send(self._stage, messages)
        is_good, was_good = self.answer.status in GOOD, before.status in GOOD
        with self._lock:
            if is_good:
                self._waiting = [entry for entry in self._waiting if entry not in entries]
                self._delivered += len(entries)
                self._told = [*self._told, *[now] * len(pumps)][-SINGLY:]
                self._lost -= lost
                self._not_before, self._pause = now + PACE, 0.0
            else:
                if self.answer.status in REFUSALS:
                    self._drop(entries)
                self._pause = min(self._pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
                self._not_before = now + max(self.answer.wait or self._pause, PACE)
        self.tried.set()
        if is_good != was_good:
            what = "takes them again" if is_good else f"takes no messages ({self.answer})"
            with suppress(Exception):  # of a closed terminal the main thread learns itself
                self._complain(f"{self.messenger.label} {what}; trading goes on")
        return is_good

    def _ready(self, since: float, message: Message) -> float:
        grouping = 0.0 if message.kind is Kind.CARE else GROUPING
        return max(since + grouping, self._quiet(message))

    def _quiet(self, message: Message) -> float:
        """Return until when it waits: once a few pumps were told, others are a minute's crowd."""
        many = message.kind is Kind.PUMP and len(self._told) == SINGLY
        return self._told[0] + QUIET if many else 0.0

    def _drop(self, entries: list[tuple[float, Message]]) -> None:
        self._waiting = [entry for entry in self._waiting if entry not in entries]
        times = [since for since, _ in entries]
        self._first_lost = min([self._first_lost, *times] if self._lost else times)
        self._last_lost = max([self._last_lost, *times])
        self._lost += len(entries)
        self._dropped += len(entries)

    def _loss(self, now: float) -> list[Message]:
        if not self._lost:
            return []
        ends = (time.time() - now + at for at in (self._first_lost, self._last_lost))
        between = " and ".join(date_and_clock(round(end * 1000)) for end in ends)
        what = "1 message" if self._lost == 1 else f"{self._lost} messages"
        return [Message(Kind.NOTICE, f"{what} could not be delivered between {between} UTC")]

    def _run(self) -> None:
        while True:
            wait = self.due()
            if wait > 0 and not self.ending.is_set():
                self.news.wait(min(wait, LONGEST_PAUSE))
                self.news.clear()
            elif not self.post(at_once=self.ending.is_set()) and self.ending.is_set():
                return
