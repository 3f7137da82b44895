"""What a desk says of itself: to whoever watches it or has messages of it, to its own counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from pumpwatch.domain.moments import MINUTE
from pumpwatch.usecases.detect.report import DetectReport
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch_workbench.pages.words import duration
from pumpwatch_workbench.play.views.view import RunView

TOLD_COUNTS = "positions_without_stop", "exits_refused", "exits_overdue", "care_missed", "vanished"
REMINDER = 10 * MINUTE
"""Milliseconds after which a failure is said again while trades are open."""
PATIENCE = 3 * MINUTE
"""Milliseconds for which every tick may fail before a person is told."""
TOLD_BLOCKS = ("access", "halt", "lock", "rows", "stores")
"""Reasons to open nothing that a person should know."""


@dataclass(slots=True)
class Tally:
    """Counts of what this start did."""

    ticks: int = 0
    late_ticks: int = 0
    failed_ticks: int = 0
    scans: int = 0
    """Single scans between the ticks."""
    skipped_scans: int = 0
    """Scans that could not be made because the one before took too long."""
    signals: int = 0
    opened: int = 0
    closed: int = 0
    denied: int = 0
    realised_pnl_usdt: Decimal = Decimal(0)
    """Sum over the trades that this start closed."""
    equity_usdt: Decimal | None = None
    open_positions: int = 0


@dataclass(slots=True)
class PlayedTick:
    """One tick or scan: when it was due, and what came of it."""

    due: int
    late: bool = False
    is_scan: bool = False
    detected: DetectReport | None = None
    traded: TradeReport | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    """What did not work, by the part of the tick: detect, trade and others."""


class Teller:
    """Counts and tells what ticks did. Failures that pass are said when they begin and end.

    A closed terminal, a full disk or a bug of the view ends a desk only while `holds_trades` says
    that nothing is open; else what cannot be shown is not shown.
    """

    def __init__(self, view: RunView) -> None:
        self.view = view
        self._problem, self._failing, self._said, self._last = "", 0, 0, ""
        self._alarms: set[str] = set()
        self._worries: frozenset[str] = frozenset()
        self._warned: dict[str, int] = {}
        self._is_worried = False
        self.take_message_counts: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self.now: Callable[[], int] = lambda: 0
        self.holds_trades: Callable[[], bool] = lambda: False
        self.tally = Tally()

    def note(self, text: str) -> None:
        """Show a line, the same one not twice in a row."""
        self._say(self.view.note, text)

    def warn(self, text: str) -> None:
        """Show a line that a person should know at once."""
        self._say(self.view.warn, text)

    def _say(self, show: Callable[[str], None], text: str) -> None:
        if text != self._last:
            self._last = text
            self.show(show, text)

    def count(self, tick: PlayedTick) -> None:
        """Count a tick or a scan that was made."""
        tally = self.tally
        if tick.is_scan:
            tally.scans += 1
        else:
            tally.ticks += 1
            tally.late_ticks += tick.late
            tally.failed_ticks += bool(tick.problems)

    def tell(self, tick: PlayedTick) -> None:
        """Tell what a tick did."""
        problem = "; ".join(tick.problems.values())
        if tick.late:
            self.note(
                "The machine slept, or its clock was set: exits were looked after, nothing was"
                " opened"
            )
        if problem or not tick.is_scan:
            self._tell_problem(problem, is_trade="trade" in tick.problems)
        for signal in tick.detected.signals if tick.detected else ():
            self.tally.signals += 1
            self.show(self.view.signal, signal)
        if tick.traded is not None:
            self._tell_trades(tick.traded)
        self.show(self.view.played)

    def _tell_problem(self, problem: str, *, is_trade: bool) -> None:
        """Say what fails, and what no longer does; warn of open trades at once, else later."""
        now, holds_trades = self.now(), bool(problem) and self.holds_trades()
        if not problem:
            if self._problem:
                show = self.warn if self._alarms else self.note
                show("It works again")
                self._alarms.clear()
        else:
            self._failing = self._failing if self._problem else now
            alarm = ""
            if holds_trades and is_trade:
                alarm = "Open trades were not looked after"
            elif now - self._failing >= PATIENCE:
                alarm = f"Every tick has failed for {duration(PATIENCE)}"
            again = holds_trades and not 0 <= now - self._said < REMINDER
            if alarm and alarm not in self._alarms:
                self._alarms.add(alarm)
                self._said = now
                self.warn(f"{alarm}: {problem}; it is tried again with every tick")
            elif not self._problem or again:
                self._said, self._last = now, ""
                self.note(f"{problem}; it is tried again with every tick")
        self._problem = problem

    def _tell_trades(self, report: TradeReport) -> None:
        now, tally = self.now(), self.tally
        for trade in (*report.opened, *report.closed, *report.denied):
            self.show(self.view.trade, now, trade)
        self._tell_worries(report)
        tally.opened += len(report.opened)
        tally.closed += len(report.closed)
        tally.denied += len(report.denied)
        tally.realised_pnl_usdt += sum(trade.realised_pnl for trade in report.closed)
        tally.open_positions = report.open_positions

    def _tell_worries(self, report: TradeReport) -> None:
        """Warn of what begins, and when all is over; what comes and goes not in each tick."""
        now, worries = self.now(), _worries(report)
        for name in worries.keys() - self._worries:
            if name == "halt" or not 0 <= now - self._warned.get(name, -REMINDER) < REMINDER:
                self._warned[name] = now
                self._is_worried = True
                self.warn(worries[name])
        self._worries = frozenset(worries)
        if self._is_worried and not worries:
            self._is_worried = False
            self.warn("All is well again: entries are allowed, positions are protected")

    def show(self, show: Callable[..., None], *facts: object) -> None:
        """Call a method of the view."""
        try:
            show(*facts)
        except (Exception, SystemExit):  # rich makes the latter of a broken pipe
            if not self.holds_trades():
                raise


def _worries(report: TradeReport) -> dict[str, str]:
    """Return what a person should look at."""
    counts = {name: getattr(report, name) for name in TOLD_COUNTS}
    worries = {name: f"{name.replace('_', ' ')}: {n}" for name, n in counts.items() if n}
    blocked = {name: text for name, text in report.blocked.items() if name in TOLD_BLOCKS}
    return worries | {name: f"Entries stopped: {text}" for name, text in blocked.items()}
