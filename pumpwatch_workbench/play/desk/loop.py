"""A desk from its first tick to the last: the schedule that a deployed stack has.

Whatever is open is cared for first: at the start, before anything that can fail or take long, and
each minute while the history is filled. Each minute's tick runs detect, then trade. Between two
ticks single scans look at the market, and trade follows at once when one has signals; those that a
slow scan leaves no time for are skipped. A tick that comes late, because the machine slept, runs
trade alone with the time it was due: exits run, and its age keeps entries away. No failure of a
tick ends the desk while trades are open; decision 0059 says why.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module

from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.strategies import with_evidence
from pumpwatch.errors import BadInput, ExchangeForbidden, PumpwatchError, RetryLater
from pumpwatch.invocation import Tick
from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.pages.words import money
from pumpwatch_workbench.play.desk.desk import Desk
from pumpwatch_workbench.play.desk.endpoint import Health
from pumpwatch_workbench.play.desk.options import DeskOptions
from pumpwatch_workbench.play.desk.pace import Pace
from pumpwatch_workbench.play.desk.telling import PlayedTick, Tally, Teller
from pumpwatch_workbench.play.views.view import RunFacts, TickSnapshot, open_trades

OFFSET = 2_000
"""Milliseconds by which scans lie off their grid: a minute's tick comes when its candle closed."""
GAP = 30 * MINUTE
"""Time without a run after which the history is filled at once, not slice by slice."""
COUNTED = "ticks", "scans", "signals", "opened", "closed", "denied"
MOST_BUGS = 30
"""Failures in a row that are bugs, after which a desk without trades gives up: a supervisor may
start it anew."""


class _Stopped(Exception):
    """Raised when the user stops while the history is filled; it is filled anew next time."""


class DeskLoop:
    """Plays ticks until its time is over or it is asked to stop."""

    def __init__(
        self, options: DeskOptions, desk: Desk, teller: Teller, pace: Pace, health: Health
    ) -> None:
        self._options = options
        self._desk = desk
        self._teller = teller
        self._pace = pace
        self._health = health
        self._requests, self._cpu_seconds = 0, time.process_time()
        self._minute = -1
        self._scan_problem = ""
        self._exit_is_near = False
        self._next_care = 0
        self._bugs = 0
        self._started: int | None = None
        self._due = 0

    def play(self) -> Tally:
        """Play. While no trade is open, raises at the start what keeps the desk from working:
        `BadInput` for a key or a symbol, `RetryLater` or a ban for an exchange out of reach."""
        begin = self._begin()
        if begin is None:
            return self._teller.tally
        duration = self._options.duration
        end = None if duration is None else begin + duration
        looks, now = self._desk.market.looks, self._pace.now
        facts = RunFacts(self._title(), begin, end, None, looks, now, self._next_steps)
        self._teller.show(self._teller.view.started, facts)
        banned = not self._has_history(begin) and self._fill_history()
        # The first tick comes at once.
        due = self._pace.now() + (self._desk.ban() if banned else 0)
        while end is None or due < end:
            self._due = due
            if not self._pace.wait_until(due):
                break
            due = self._next(due, banned=self._play(self._tick(due)))
        if end is not None:
            self._pace.wait_until(end)
        return self._teller.tally

    # --- the start -----------------------------------------------------------------------

    def _begin(self) -> int | None:
        """Care for what is open, then see to key and market; return the exchange's time.

        With open trades it goes on trying until it is asked to stop, which gives None.
        """
        while True:
            tick = PlayedTick(self._pace.now())
            banned = self._attempt("trade", partial(self._trade, tick), tick)
            holds = self._desk.holds_trades()
            self._teller.tally.equity_usdt = tick.traded.equity if tick.traded else None
            if holds and not tick.problems:
                self._teller.note("Open trades were looked after")
            if not (banned and holds):
                banned = self._attempt("start", self._reach, tick, raising=not holds)
            if holds or self._started is not None:
                self._tell(tick)
            if self._started is not None:
                return self._started
            if not self._pace.wait_until(self._next(tick.due, banned=banned)):
                return None

    def _reach(self) -> None:
        for check in (self._desk.check_key, self._desk.check_symbols):
            try:
                check()
            except BadInput as error:
                if not self._desk.holds_trades():
                    raise
                self._teller.warn(f"Trades are open, so the desk goes on in spite of this: {error}")
        self._started = self._desk.market.time()

    def _title(self) -> str:
        trade, mode = self._options.trade, self._options.mode.capitalize()
        equity = self._teller.tally.equity_usdt
        what = f"{self._desk.market.watched} contracts ({self._options.detect.symbol_choice})"
        owned = "" if equity is None else f", {money(equity)} USDT"
        strategy = with_evidence(trade.strategy_name)
        return f"{mode} trading {what} of {trade.bybit_base_url}{owned}, strategy {strategy}"

    def _has_history(self, begin: int) -> bool:
        try:
            return self._desk.has_history and bool(self._desk.records.since(begin - GAP))
        except PumpwatchError:  # what cannot be read is fetched anew
            return False

    def _fill_history(self) -> bool:
        """Fill the candle history, with care each minute; return whether the address is banned."""
        self._teller.note("Fetching the candle history ...")

        def progress(done: int, total: int) -> None:
            if self._pace.stopped:
                raise _Stopped
            self._teller.show(self._teller.view.progress, "Candle history", done, total)
            self._care_when_due()

        tick = PlayedTick(self._pace.now())
        self._care_later(tick.due)
        banned = False
        with suppress(_Stopped):
            banned = self._attempt("history", partial(self._desk.backfill, progress), tick)
        self._teller.note("")
        self._tell(tick)
        return banned

    def _care_when_due(self) -> None:
        now = self._pace.now()
        if now >= self._next_care:
            tick = PlayedTick(now)
            self._attempt("trade", partial(self._trade, tick), tick)
            self._tell(tick)
            self._care_later(now)

    def _care_later(self, now: int) -> None:
        step = self._options.period if self._exit_is_near else MINUTE
        self._next_care = _following(now, step)

    # --- the schedule --------------------------------------------------------------------

    def _tick(self, due: int) -> PlayedTick:
        """Return what to play: the first of a minute is its tick, the others are single scans."""
        late = self._pace.now() - due > self._options.trade.max_tick_age_seconds * 1000
        is_scan = due // MINUTE == self._minute and not late
        self._minute = due // MINUTE
        return PlayedTick(due, late, is_scan)

    def _next(self, due: int, *, banned: bool) -> int:
        """Return when the next scan is due; those that were missed are left out."""
        now, period = self._pace.now(), self._options.period
        if 0 < due - now < MINUTE:  # an answer has put the time right; further, a clock was set
            now = due
        if now - due < MINUTE:
            self._teller.tally.skipped_scans += max(0, now - due) // period
        after = now + self._desk.ban() if banned else now
        return _following(after, period)

    def _play(self, tick: PlayedTick) -> bool:
        """Play a tick or a scan; return whether the exchange has banned this address."""
        begin = self._pace.now()
        banned = False
        if not tick.late:
            banned = self._attempt("detect", partial(self._detect, tick), tick)
        signals = tick.detected is not None and bool(tick.detected.signals)
        asked = self._desk.is_asked_to_close() or self._exit_is_near
        if banned:
            tick.problems["trade"] = "trade waits for the end of the ban"
        elif not tick.is_scan or signals or asked:
            banned = self._attempt("trade", partial(self._trade, tick), tick)
        self._teller.count(tick)
        self._tell(tick)
        if tick.is_scan:
            self._scan_problem = "; ".join(tick.problems.values()) or self._scan_problem
        else:
            self._show(tick)
            self._record(tick, begin)
        if tick.late and not banned and self._pace.now() - tick.due > GAP:
            banned = self._fill_history()
        return banned

    def _attempt(
        self, what: str, work: Callable[[], None], tick: PlayedTick, *, raising: bool = False
    ) -> bool:
        """Do a part of a tick; a failure is noted. Return whether it is a ban.

        A bug is noted too; it is raised when it keeps coming while no trade is open.
        """
        begin = time.perf_counter()
        try:
            work()
        except _Stopped:
            raise
        except PumpwatchError as error:
            if raising:
                raise
            tick.problems[what] = f"{what} did not work: {error}"
            return isinstance(error, ExchangeForbidden)
        except Exception as error:
            self._bugs += 1
            if raising or (self._bugs >= MOST_BUGS and not self._desk.holds_trades()):
                raise
            tick.problems[what] = f"{what} did not work, a bug in Pumpwatch: {_place_of(error)}"
            return False
        tick.seconds[what] = time.perf_counter() - begin
        return False

    def _detect(self, tick: PlayedTick) -> None:
        due = Tick(tick.due, f"desk-{tick.due}", is_scan=tick.is_scan)
        tick.detected = self._desk.detect(due)
        if tick.detected is not None and tick.detected.failure:
            self._scan_problem = tick.detected.failure  # its log line told the person

    def _trade(self, tick: PlayedTick) -> None:
        signals = tick.detected.signals if tick.detected is not None else ()
        names = tuple(signal.signal_id for signal in signals)
        tick.traded = self._desk.trade(Tick(tick.due, f"desk-{tick.due}", names))
        # A time limit of seconds does not wait for the next minute.
        near = tick.traded is not None and tick.traded.next_exit_seconds is not None
        self._exit_is_near = near

    def _tell(self, tick: PlayedTick) -> None:
        self._teller.tell(tick)
        if not tick.problems and not tick.is_scan:
            self._bugs = 0
            self._health.note_good_tick()

    def _show(self, tick: PlayedTick) -> None:
        report, teller, tally = tick.traded, self._teller, self._teller.tally
        if report is None or report.equity is None:
            return
        tally.equity_usdt = report.equity
        snapshot = TickSnapshot(
            time=self._pace.now(),
            tick=tally.ticks,
            equity=report.equity,
            trades=open_trades(report.positions, report.trades),
            events_open=tick.detected.events_open if tick.detected else 0,
            counts={name: getattr(tally, name) for name in COUNTED}
            | {"requests": self._desk.request_count, "errors": tally.failed_ticks},
        )
        teller.show(teller.view.tick, snapshot)

    def _next_steps(self) -> dict[str, int]:
        now, period = self._pace.now(), self._options.period
        steps = {"tick": _following(now, MINUTE)}
        if period < MINUTE:
            steps["scan"] = max(self._due, _following(now, period))
        return steps

    def _record(self, tick: PlayedTick, begin: int) -> None:
        """Keep what the tick and the scans before it cost.

        A record that cannot be kept is only missing in the report.
        """
        cpu_seconds = time.process_time()
        requests = self._desk.request_count
        raised, delivered = self._teller.take_message_counts()
        record = RunRecord(
            time=begin,
            detect_seconds=tick.seconds.get("detect"),
            trade_seconds=tick.seconds.get("trade"),
            cpu_seconds=cpu_seconds - self._cpu_seconds,
            memory_mib=memory_mib(),
            requests=requests - self._requests,
            stale=tick.late,
            equity=tick.traded.equity if tick.traded else None,
            alerts_raised=raised,
            alerts_delivered=delivered,
            problem="; ".join(tick.problems.values()) or self._scan_problem,
        )
        self._requests, self._cpu_seconds, self._scan_problem = requests, cpu_seconds, ""
        try:
            self._desk.records.add(record)
        except RetryLater as error:
            self._teller.note(f"the run was not recorded: {error}")


def _following(time: int, step: int) -> int:
    """Return the next time of those that are a step apart."""
    return ((time - OFFSET) // step + 1) * step + OFFSET


def _place_of(error: Exception) -> str:
    """Return kind and place of an unexpected error; its text may hold what must not be shown."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, {frame.filename}:{frame.lineno}"


def memory_mib() -> float | None:
    """Return the most memory the process has had so far; None where the system does not say."""
    try:
        resource = import_module("resource")  # Windows has none
    except ImportError:
        return None
    unit = 2**-20 if sys.platform == "darwin" else 2**-10
    most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most * unit, 1)
