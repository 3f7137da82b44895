"""Signals, protections, entries: what a trade run does with the time that care has left."""

from __future__ import annotations

from pumpwatch.domain.signals import Signal
from pumpwatch.errors import OutcomeUnknown, Rejected, RetryLater, SkipSymbol
from pumpwatch.ports import Clock, HaltStore, SignalStore
from pumpwatch.settings import TradeSettings

from .entries import enter, pending_signals, strategy_from
from .guards import Guards
from .tick import Tick
from .trading_desk import Desk, View

__all__ = ["EntryRound"]


class EntryRound:
    """Open what fresh signals ask for, within protections and limits."""

    def __init__(
        self,
        signals: SignalStore,
        halts: HaltStore,
        guards: Guards,
        clock: Clock,
        settings: TradeSettings,
    ) -> None:
        self._signals = signals
        self._halts = halts
        self._guards = guards
        self._clock = clock
        self._settings = settings
        self._strategy = strategy_from(settings)

    def wanted(self, desk: Desk, tick: Tick) -> list[Signal]:
        """Return the signals to enter in this run; none when halted, stale, or the stores fail."""
        now, report = self._clock.now(), desk.report
        report.stale = now - tick.scheduled_time > self._settings.max_tick_age_seconds * 1000
        if report.stale:
            report.block("stale_tick", "the tick is older than MAX_TICK_AGE_SECONDS")
        if report.blocked:
            return []
        try:
            oldest = now - self._settings.max_signal_age_seconds * 1000
            found = self._signals.since(oldest)
            wanted = pending_signals(desk, found, self._strategy, oldest)
        except RetryLater as error:
            report.block("stores", f"signals could not be read: {error}")
            desk.problem(f"signals could not be read, so no entries: {error}")
            return []
        report.signals_seen = len(wanted)
        return wanted

    def protect(self, desk: Desk, view: View, wanted: list[Signal]) -> None:
        """Let the protections judge when it matters: before entries, and after a trade ended."""
        report = desk.report
        try:
            if wanted or report.closed:
                self._guards.judge(desk, view)
        except RetryLater as error:
            report.block("stores", f"protections could not be judged: {error}")
            desk.problem(f"protections could not be judged, so no entries: {error}")

    def enter_all(self, desk: Desk, wanted: list[Signal], view: View) -> View:
        """Enter the signals one after another and return the last look at the account."""
        if desk.report.blocked:
            return view
        for number, signal in enumerate(wanted):
            if desk.touched:
                view = desk.look([one.symbol for one in wanted[number:]])
            try:
                enter(desk, signal, view, self._strategy)
            except (RetryLater, OutcomeUnknown, Rejected, SkipSymbol) as error:
                desk.problem(f"{signal.symbol} {signal.signal_id}: {type(error).__name__}: {error}")
        return view
