"""A run as plain lines: for logs, pipes and continuous integration."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.words import clock, date_and_clock, duration, money
from pumpwatch_workbench.play.views.view import (
    RunFacts,
    RunView,
    TickSnapshot,
    signal_words,
    trade_words,
)

EVERY_MS = 15 * 60_000
QUARTERS = 4


class PlainView(RunView):
    """Write one line per signal and trade, and one every 15 market minutes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._of_all = ""
        self._next_line = 0

    def note(self, text: str) -> None:
        if text:
            self._write(text)

    def progress(self, what: str, done: int, total: int) -> None:
        """Write a line for each quarter."""
        if done * QUARTERS // total > (done - 1) * QUARTERS // total:
            self._write(f"{what}: {done} of {total}")

    def started(self, facts: RunFacts) -> None:
        self._of_all = f" of {facts.ticks}" if facts.ticks else ""
        self._next_line = facts.start + EVERY_MS
        begin = date_and_clock(facts.start)
        if facts.end is None:
            self._write(f"From {begin} UTC until interrupted: {facts.title}")
        else:
            length = duration(facts.end - facts.start)
            self._write(f"{length} of market time from {begin}: {facts.title}")

    def tick(self, snapshot: TickSnapshot) -> None:
        if snapshot.time < self._next_line:
            return
        while self._next_line <= snapshot.time:
            self._next_line += EVERY_MS
        state = (
            f"tick {snapshot.tick}{self._of_all}, equity {money(snapshot.equity)} USDT,"
            f" open positions {len(snapshot.trades)}, open events {snapshot.events_open}"
        )
        self._write(f"{clock(snapshot.time)}  {state}")

    def signal(self, signal: Signal) -> None:
        self._write(f"{clock(signal.time)}  signal  {signal_words(signal)}")

    def trade(self, time: int, trade: Trade) -> None:
        self._write(f"{clock(time)}  trade   {trade_words(trade)}")

    def _write(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)
