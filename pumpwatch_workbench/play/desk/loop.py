"""Paper trading from the first tick to the last: the schedule that a deployed stack has.

Each minute's tick runs detect, then trade. Between two ticks single scans look at the market, and
trade follows at once when one has signals; those that a slow scan leaves no time for are skipped.
A tick that comes late, because the machine slept, runs trade alone with the time it was due: exits
run, and its age keeps entries away. Failures that pass are shown once, when they begin and when
they end; exits are retried on every tick.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module

from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.strategies import with_evidence
from pumpwatch.errors import ExchangeForbidden, InvariantBroken, PumpwatchError, RetryLater
from pumpwatch.invocation import Tick
from pumpwatch.usecases.detect.report import DetectReport
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.play.desk.desk import PaperDesk
from pumpwatch_workbench.play.desk.options import PaperOptions
from pumpwatch_workbench.play.desk.pace import Pace
from pumpwatch_workbench.play.desk.slack import Counts, SlackMessages
from pumpwatch_workbench.play.views.view import (
    RunFacts,
    RunView,
    TickSnapshot,
    signal_words,
    trade_words,
)

OFFSET = 2_000
"""Milliseconds by which scans lie off their grid: a minute's tick comes when its candle closed."""
GAP = 30 * MINUTE
"""Time without a run after which the history is filled at once, not slice by slice."""
BANNED = 10 * MINUTE
"""Time without requests after HTTP 403, as Bybit asks."""


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
    realised: Decimal = Decimal(0)
    """Profit and loss of the trades closed by this start, USDT."""
    equity: Decimal | None = None
    open_positions: int = 0


@dataclass(slots=True)
class _Tick:
    due: int
    late: bool
    is_scan: bool = False
    detected: DetectReport | None = None
    traded: TradeReport | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class _Stopped(Exception):
    """Raised when the user stops while the history is filled; it is filled anew next time."""


class PaperLoop:
    """Plays ticks until its time is over or it is asked to stop."""

    def __init__(
        self,
        options: PaperOptions,
        desk: PaperDesk,
        view: RunView,
        slack: SlackMessages | None,
        pace: Pace,
    ) -> None:
        self._options = options
        self._desk = desk
        self._view = view
        self._slack = slack
        self._pace = pace
        self._problem = ""
        self._blocked: frozenset[str] = frozenset()
        self._requests, self._alerts, self._cpu_seconds = 0, (0, 0), time.process_time()
        self._minute = -1
        self._scan_problem = ""
        self._exit_is_near = False
        self.tally = Tally()

    def play(self) -> Tally:
        """Play. Raises `RetryLater` when the exchange cannot be reached at the start."""
        begin = self._desk.market.time()
        self._desk.market.check()
        end = None if self._options.duration is None else begin + self._options.duration
        self._view.started(RunFacts(self._title(), start=begin, end=end))
        if not (self._desk.has_history and self._desk.records.since(begin - GAP)):
            self._fill_history(begin)
        # The first tick comes at once: whatever is open is looked after without delay.
        due = self._pace.now()
        while end is None or due < end:
            if not self._pace.wait_until(due):
                break
            due = self._next(due, banned=self._play(self._tick(due)))
        if end is not None:
            self._pace.wait_until(end)
        return self.tally

    # --- inside --------------------------------------------------------------------------

    def _title(self) -> str:
        chosen = len(self._options.symbols)
        what = f"{chosen} symbols" if chosen else "the whole market"
        trade = self._options.trade
        strategy = with_evidence(trade.strategy_name)
        return f"Paper trading {what} of {trade.bybit_base_url}, strategy {strategy}"

    def _fill_history(self, now: int) -> None:
        self._view.note("Fetching the candle history ...")
        shown = 0

        def progress(done: int, total: int) -> None:
            nonlocal shown
            if self._pace.stopped:
                raise _Stopped
            step = done * 10 // total
            if step > shown:
                shown = step
                self._view.note(f"Candle history: {done} of {total} slices")

        with suppress(_Stopped):
            self._attempt("history", lambda: self._desk.backfill(progress), _Tick(now, late=False))
        self._view.note("")

    def _tick(self, due: int) -> _Tick:
        """Return what to play: the first of a minute is its tick, the others are single scans."""
        late = self._pace.now() - due > self._options.trade.max_tick_age_seconds * 1000
        is_scan = due // MINUTE == self._minute and not late
        self._minute = due // MINUTE
        return _Tick(due, late, is_scan)

    def _next(self, due: int, *, banned: bool) -> int:
        """Return when the next scan is due; those that were missed are left out."""
        now, period = max(due, self._pace.now()), self._options.period
        after = now + BANNED if banned else now
        if now - due < MINUTE:
            self.tally.skipped_scans += (now - due) // period
        return ((after - OFFSET) // period + 1) * period + OFFSET

    def _play(self, tick: _Tick) -> bool:
        """Play a tick or a scan; return whether the exchange has banned this address."""
        begin = self._pace.now()
        banned = False
        if not tick.late:
            banned = self._attempt("detect", lambda: self._detect(tick), tick)
        signals = tick.detected is not None and bool(tick.detected.signals)
        if not banned and (not tick.is_scan or signals or self._exit_is_near):
            banned = self._attempt("trade", lambda: self._trade(tick), tick)
        self._tell(tick)
        if tick.is_scan:
            self._scan_problem = "; ".join(tick.problems) or self._scan_problem
        else:
            self._record(tick, begin)
        if tick.late and begin - tick.due > GAP:
            self._fill_history(begin)
        return banned

    def _attempt(self, what: str, work: Callable[[], None], tick: _Tick) -> bool:
        """Do a part of a tick; a failure that may pass is noted. Return whether it is a ban."""
        begin = time.perf_counter()
        try:
            work()
        except InvariantBroken:
            raise
        except PumpwatchError as error:
            tick.problems.append(f"{what} did not work: {error}")
            return isinstance(error, ExchangeForbidden)
        tick.seconds[what] = time.perf_counter() - begin
        return False

    def _detect(self, tick: _Tick) -> None:
        due = Tick(tick.due, f"paper-{tick.due}", is_scan=tick.is_scan)
        tick.detected = self._desk.detect(due)

    def _trade(self, tick: _Tick) -> None:
        tick.traded = self._desk.trade(Tick(tick.due, f"paper-{tick.due}"))
        # A time limit of seconds does not wait for the next minute.
        near = tick.traded is not None and tick.traded.next_exit_seconds is not None
        self._exit_is_near = near

    def _tell(self, tick: _Tick) -> None:
        tally = self.tally
        if tick.is_scan:
            tally.scans += 1
        else:
            tally.ticks += 1
            tally.late_ticks += tick.late
            tally.failed_ticks += bool(tick.problems)
        if tick.late:
            self._view.note("The machine slept: exits were looked after, nothing was opened")
        if tick.problems or not tick.is_scan:
            self._tell_problems(tick)
        for signal in tick.detected.signals if tick.detected else ():
            tally.signals += 1
            self._view.signal(signal)
            self._say(f"Pump: {signal_words(signal)}")
        if tick.traded is not None:
            self._tell_trades(tick.traded)
        if tick.traded is not None and tick.traded.equity is not None and not tick.is_scan:
            self._show(tick, tick.traded, tick.traded.equity)

    def _tell_problems(self, tick: _Tick) -> None:
        now_wrong = "; ".join(tick.problems)
        if now_wrong and not self._problem:
            self._view.note(f"{now_wrong}; it is tried again with every tick")
        elif self._problem and not now_wrong:
            self._view.note("It works again")
        self._problem = now_wrong

    def _tell_trades(self, report: TradeReport) -> None:
        now, tally = self._pace.now(), self.tally
        for trade in (*report.opened, *report.closed, *report.denied):
            self._view.trade(now, trade)
        for trade in (*report.opened, *report.closed):
            self._say(f"Paper fill: {trade_words(trade)}")
        self._tell_blocked(report)
        tally.opened += len(report.opened)
        tally.closed += len(report.closed)
        tally.denied += len(report.denied)
        tally.realised += sum((trade.realised_pnl for trade in report.closed), Decimal(0))
        tally.open_positions = report.open_positions

    def _tell_blocked(self, report: TradeReport) -> None:
        reasons = {name: text for name, text in report.blocked.items() if name in ("halt", "lock")}
        told = [
            f"Entries stopped: {reasons[name]}" for name in sorted(reasons.keys() - self._blocked)
        ]
        if self._blocked and not reasons:
            told.append("Entries are allowed again")
        for line in told:
            self._view.note(line)
            self._say(line)
        self._blocked = frozenset(reasons)

    def _say(self, line: str) -> None:
        if self._slack is not None:
            self._slack.say(line)

    def _show(self, tick: _Tick, report: TradeReport, equity: Decimal) -> None:
        self.tally.equity = equity
        self._view.tick(
            TickSnapshot(
                time=self._pace.now(),
                tick=self.tally.ticks,
                equity=equity,
                movers=self._desk.market.movers() if self._view.shows_movers else (),
                positions=tuple(report.positions),
                events_open=tick.detected.events_open if tick.detected else 0,
            )
        )

    def _record(self, tick: _Tick, begin: int) -> None:
        """Keep what the tick and the scans before it cost.

        A record that cannot be kept is only missing in the report.
        """
        cpu_seconds = time.process_time()
        requests = self._desk.session.request_count
        counts = self._slack.counts if self._slack else Counts()
        raised, delivered = counts.raised, counts.delivered
        record = RunRecord(
            time=begin,
            detect_seconds=tick.seconds.get("detect"),
            trade_seconds=tick.seconds.get("trade"),
            cpu_seconds=cpu_seconds - self._cpu_seconds,
            memory_mib=memory_mib(),
            requests=requests - self._requests,
            stale=tick.late,
            equity=tick.traded.equity if tick.traded else None,
            alerts_raised=raised - self._alerts[0],
            alerts_delivered=delivered - self._alerts[1],
            problem="; ".join(tick.problems) or self._scan_problem,
        )
        self._requests, self._alerts = requests, (raised, delivered)
        self._cpu_seconds, self._scan_problem = cpu_seconds, ""
        try:
            self._desk.records.add(record)
        except RetryLater as error:
            self._view.note(f"the run was not recorded: {error}")


def memory_mib() -> float | None:
    """Return the most memory the process has had so far; None where the system does not say."""
    try:
        resource = import_module("resource")  # Windows has none
    except ImportError:
        return None
    unit = 2**-20 if sys.platform == "darwin" else 2**-10
    most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most * unit, 1)
