"""Messages to Slack through an incoming webhook: grouped, paced, and independent of trading.

Lines wait in memory and go out in a thread of its own, many in one message. What cannot be
delivered stays for the next attempt; too many lines drop the oldest, and the message says how
many. A failure is counted and shown where the run is watched; it never becomes a message itself.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable

import urllib3

LINES_IN_A_MESSAGE = 20
MOST_WAITING = 200
GROUPING = 2.0
"""Seconds that lines are collected before they go out together."""
PACE = 5.0
"""Least seconds between two messages; Slack allows one a second."""
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 600.0
TIMEOUT = urllib3.Timeout(connect=3.0, read=5.0)
FAREWELL = 4.0
"""Seconds that the last lines may take when the program ends."""
TOO_MANY, GOOD = 429, range(200, 300)


class SlackMessages:
    """Takes lines and sends them when it can. `complain` is told once when deliveries begin to
    fail, and once when they go again.

    The address is a secret: no text of this class contains it.
    """

    def __init__(
        self,
        webhook: str,
        *,
        complain: Callable[[str], None],
        grouping: float = GROUPING,
        pace: float = PACE,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._webhook = webhook
        self._complain = complain
        self._grouping = grouping
        self._pace = pace
        self._first_pause = self._pause = first_pause
        self._waiting: deque[str] = deque()
        self._unsaid = 0
        self._failing = False
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._ending = threading.Event()
        self._pool = urllib3.PoolManager(num_pools=1, retries=False)
        self._raised = self._delivered = 0
        self._thread = threading.Thread(target=self._run, name="slack", daemon=True)

    def __enter__(self) -> SlackMessages:
        """Start the thread that sends."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Send what waits, if that takes no more than a few seconds."""
        self._ending.set()
        self._news.set()
        self._thread.join(FAREWELL)
        self._pool.clear()

    def say(self, line: str) -> None:
        """Let a line wait for the next message; returns at once and never fails."""
        with self._lock:
            self._raised += 1
            self._waiting.append(line)
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                self._unsaid += 1
        self._news.set()

    def take_counts(self) -> tuple[int, int]:
        """Return how many lines were said and how many delivered since this was asked last."""
        with self._lock:
            counts = self._raised, self._delivered
            self._raised = self._delivered = 0
            return counts

    def _run(self) -> None:
        while True:
            self._news.wait()
            if not self._ending.is_set():
                self._ending.wait(self._grouping)
            self._news.clear()
            pause = self._send_waiting()
            if self._ending.is_set():
                return
            self._ending.wait(pause)
            with self._lock:
                if self._waiting:
                    self._news.set()

    def _send_waiting(self) -> float:
        """Send one message, or all of them at the end; return the seconds to wait after it."""
        begin = time.monotonic()
        while True:
            with self._lock:
                lines = list(self._waiting)[:LINES_IN_A_MESSAGE]
                unsaid = self._unsaid
            if not lines:
                return 0.0
            pause = self._post(lines, unsaid)
            if pause is not None:
                return pause
            with self._lock:
                for line in lines:
                    # Lines may have been dropped from the front meanwhile.
                    if self._waiting and self._waiting[0] == line:
                        self._waiting.popleft()
                self._unsaid -= unsaid
                self._delivered += len(lines)
            if not self._ending.is_set() or time.monotonic() - begin > FAREWELL / 2:
                return self._pace

    def _post(self, lines: list[str], unsaid: int) -> float | None:
        """Post one message; return None when it was taken, else how long to wait."""
        text = "\n".join(escaped(line) for line in lines)
        if unsaid:
            text = f"({unsaid} earlier messages were dropped)\n{text}"
        problem, told = "", None
        try:
            answer = self._pool.request(
                "POST",
                self._webhook,
                body=json.dumps({"text": text}).encode(),
                headers={"Content-Type": "application/json"},
                timeout=TIMEOUT,
                redirect=False,
            )
        except Exception as error:  # whatever a network does: it is only a message
            # Its text would show the address.
            problem = type(error).__name__
        else:
            if answer.status in GOOD:
                self._recovered()
                return None
            problem = f"HTTP {answer.status}"
            if answer.status == TOO_MANY:
                told = _seconds(answer.headers.get("Retry-After", ""))
        return self._failed(problem, told)

    def _failed(self, problem: str, told: float | None) -> float:
        if not self._failing:
            self._failing = True
            self._complain(f"Slack takes no messages ({problem}); they wait, trading goes on")
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        return min(max(told, self._pace), LONGEST_PAUSE) if told is not None else pause

    def _recovered(self) -> None:
        self._pause = self._first_pause
        if self._failing:
            self._failing = False
            self._complain("Slack takes messages again")


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        return None


def escaped(text: str) -> str:
    """Return text that Slack shows as it is: no links, no mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
