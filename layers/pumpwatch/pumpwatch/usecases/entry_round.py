"""Signals, protections, entries: what a trade run does with the time that care has left."""

from __future__ import annotations

from pumpwatch.domain.limits import Book, check_account
from pumpwatch.domain.orders import Account, Position
from pumpwatch.domain.rows import Rows
from pumpwatch.domain.signals import Signal
from pumpwatch.errors import (
    DeadlineNear,
    LimitReached,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    SkipSymbol,
)
from pumpwatch.ports import Clock, Halt, HaltStore, SignalStore
from pumpwatch.settings import TradeSettings

from .access_check import AccessCheck
from .entries import TOO_LITTLE_TIME, enter, limits_from, strategy_from
from .entry_blocks import block_by_run, block_by_view
from .guards import Guards
from .look import View, look
from .order_flow import ENTRY_REQUESTS
from .tick import Tick
from .trading_desk import Desk

__all__ = ["EntryRound"]

MINUTE = 60_000


class EntryRound:
    """Open what fresh signals ask for, within protections and limits."""

    def __init__(
        self,
        signals: SignalStore,
        halts: HaltStore,
        guards: Guards,
        access: AccessCheck,
        clock: Clock,
        settings: TradeSettings,
    ) -> None:
        self._signals = signals
        self._halts = halts
        self._guards = guards
        self._access = access
        self._clock = clock
        self._settings = settings
        self._strategy = strategy_from(settings)
        self._limits = limits_from(settings)

    def run(self, desk: Desk, tick: Tick, positions: Rows[Position]) -> View:
        """Enter the strongest signals, one for each free place, and return the last look.

        Each entry has a look of its own, made after the entry before it, and what halts, locks,
        protections and ages say then.
        """
        block_by_run(desk, tick)
        asked = self._access.start(desk)
        signals = self._wanted(desk)
        live = sum(trade.state.live for trade in desk.trades.values())
        places = max(self._settings.max_open_positions - live, 0)
        view = look(desk, positions, signals[0].symbol if signals and places else "")
        self._access.judge(desk, asked)
        self._judge(desk, view, wanted=bool(signals))
        done = 0
        why = "no place is free" if len(signals) > places else "see this run's problems"
        for number, signal in enumerate(signals[:places]):
            stop = self._stop(desk, tick, view) if number else ""
            if number and not stop:
                view = self._look_again(desk, view, signal)
            stop = stop or self._stop(desk, tick, view)
            if stop:
                why = stop
                break
            done += self._enter(desk, tick, signal, view)
        if done < len(signals):
            desk.report.signals_unopened = left = len(signals) - done
            text = f"{left} fresh signals were not opened: {why}"
            desk.report.happened("unopened", "", text, time=self._clock.now())
        return view

    def _wanted(self, desk: Desk) -> list[Signal]:
        """Return the fresh signals that the journal does not know, strongest first, then oldest.

        None where entries are blocked or the stores fail. The journal is asked once for all.
        """
        report = desk.report
        if report.blocked:
            return []
        oldest = self._clock.now() - self._settings.max_signal_age_seconds * 1000
        try:
            acted = [one for one in self._signals.since(oldest) if self._strategy.acts_on(one)]
            # A trade is created after its signal, by another clock that may lag a little.
            known = {one.signal_id for one in desk.journal.trades_since(oldest - MINUTE)}
        except RetryLater as error:
            report.block("stores", f"signals could not be read: {error}")
            desk.problem(f"signals could not be read, so no entries: {error}", cause="store")
            return []
        wanted = [one for one in acted if one.time >= oldest and one.signal_id not in known]
        report.signals_seen = len(wanted)
        return sorted(wanted, key=lambda one: (-one.strength, one.time, one.signal_id))

    def _look_again(self, desk: Desk, view: View, signal: Signal) -> View:
        """Read halt, locks, account and the symbol's market anew, and judge by them."""
        self._guards.read(desk)
        view = look(desk, view.positions, signal.symbol)
        self._judge(desk, view, wanted=True)
        return view

    def _judge(self, desk: Desk, view: View, *, wanted: bool) -> None:
        """Let the protections judge when it matters: before entries, and after a trade ended."""
        report = desk.report
        block_by_view(desk, view)
        try:
            for trade in desk.unexplained:
                reason = f"the position of {trade.symbol} vanished and no fill says why"
                self._halts.halt(Halt(reason, self._clock.now(), by="reconciliation"))
                report.halted = True
                report.block("halt", reason)
            if wanted or report.closed:
                self._guards.judge(desk, view)
        except RetryLater as error:
            report.block("stores", f"protections could not be judged: {error}")
            desk.problem(f"protections could not be judged, so no entries: {error}", cause="store")

    def _stop(self, desk: Desk, tick: Tick, view: View) -> str:
        """Return why no further signal is looked at in this run, empty when the next one may be."""
        block_by_run(desk, tick)
        for sentence in desk.report.blocked.values():
            return sentence
        if not desk.has_time(ENTRY_REQUESTS):
            desk.problem(f"no entries: {TOO_LITTLE_TIME}", cause="time")
            return TOO_LITTLE_TIME
        if not isinstance(view.account, Account):
            return "the account is not known"
        full = check_account(
            Book.of(
                equity=view.account.equity,
                available=view.account.available,
                positions=view.positions,
                trades=list(desk.trades.values()),
            ),
            self._limits,
        )
        return full.reason if full is not None else ""

    def _enter(self, desk: Desk, tick: Tick, signal: Signal, view: View) -> bool:
        """Enter the signal; return whether the journal knows it now."""
        try:
            enter(desk, tick, signal, view, self._strategy)
        except (RetryLater, OutcomeUnknown, Rejected, SkipSymbol, LimitReached) as error:
            cause = "time" if isinstance(error, DeadlineNear) else "signal"
            text = f"{signal.symbol} {signal.signal_id}: {type(error).__name__}: {error}"
            desk.problem(text, cause=cause)
            return signal.signal_id in desk.trades
        return True
