"""What a desk says of itself: to whoever watches it, to Slack, to its own counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from pumpwatch.domain.moments import MINUTE
from pumpwatch.usecases.detect.report import DetectReport
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch_workbench.play.desk.slack import SlackMessages
from pumpwatch_workbench.play.views.view import RunView, signal_words, trade_words

REMINDER = 10 * MINUTE
"""Milliseconds after which a failure is said again while trades are open."""
TOLD_BLOCKS = ("access", "halt", "lock")


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
    problems: list[str] = field(default_factory=list)


class Teller:
    """Counts and tells what ticks did. Failures that pass are said when they begin and end.

    A closed terminal, a full disk or a bug of the view ends a desk only while `holds_trades` says
    that nothing is open; else what cannot be shown is not shown.
    """

    def __init__(self, mode: str, view: RunView) -> None:
        self._fill = f"{mode.capitalize()} fill"
        self.view = view
        self._problem, self._said, self._last = "", 0, ""
        self._blocked: frozenset[str] = frozenset()
        self.slack: SlackMessages | None = None
        self.now: Callable[[], int] = lambda: 0
        self.holds_trades: Callable[[], bool] = lambda: False
        self.tally = Tally()

    def note(self, text: str) -> None:
        """Show a line, the same one not twice in a row."""
        if text != self._last:
            self._last = text
            self.show(self.view.note, text)

    def warn(self, text: str) -> None:
        """Show a line and send it."""
        self.note(text)
        self._say(text)

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
        if tick.late:
            self.note(
                "The machine slept, or its clock was set: exits were looked after, nothing was"
                " opened"
            )
        if tick.problems or not tick.is_scan:
            self._tell_problems("; ".join(tick.problems))
        for signal in tick.detected.signals if tick.detected else ():
            self.tally.signals += 1
            self.show(self.view.signal, signal)
            self._say(f"Pump: {signal_words(signal)}")
        if tick.traded is not None:
            self._tell_trades(tick.traded)

    def _tell_problems(self, problem: str) -> None:
        now, holds_trades = self.now(), bool(problem) and self.holds_trades()
        again = holds_trades and not 0 <= now - self._said < REMINDER
        if problem and (not self._problem or again):
            self._said, self._last = now, ""
            text = f"{problem}; it is tried again with every tick"
            self.note(text)
            if holds_trades:
                self._say(f"Trades are open, and {text}")
        elif self._problem and not problem:
            self.note("It works again")
        self._problem = problem

    def _tell_trades(self, report: TradeReport) -> None:
        now, tally = self.now(), self.tally
        for trade in (*report.opened, *report.closed, *report.denied):
            self.show(self.view.trade, now, trade)
        for trade in (*report.opened, *report.closed):
            self._say(f"{self._fill}: {trade_words(trade)}")
        self._tell_blocked(report)
        tally.opened += len(report.opened)
        tally.closed += len(report.closed)
        tally.denied += len(report.denied)
        tally.realised_pnl_usdt += sum(trade.realised_pnl for trade in report.closed)
        tally.open_positions = report.open_positions

    def _tell_blocked(self, report: TradeReport) -> None:
        reasons = {name: text for name, text in report.blocked.items() if name in TOLD_BLOCKS}
        told = [
            f"Entries stopped: {reasons[name]}" for name in sorted(reasons.keys() - self._blocked)
        ]
        if self._blocked and not reasons:
            told.append("Entries are allowed again")
        for line in told:
            self.warn(line)
        self._blocked = frozenset(reasons)

    def show(self, show: Callable[..., None], *facts: object) -> None:
        """Call a method of the view."""
        try:
            show(*facts)
        except (Exception, SystemExit):  # rich makes the latter of a broken pipe
            if not self.holds_trades():
                raise

    def _say(self, line: str) -> None:
        if self.slack is not None:
            self.slack.say(line)
