"""Signals, protections, entries: what a trade run does with the time that care has left."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.limits import check_account
from pumpwatch.domain.trading.orders import Account, Position
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.errors import (
    DeadlineNear,
    InvariantBroken,
    OutcomeUnknown,
    PumpwatchError,
    Rejected,
    RetryLater,
    SkipSymbol,
)
from pumpwatch.invocation import Tick
from pumpwatch.settings.trade import TradeSettings

from .access_check import AccessCheck
from .entries import TOO_LITTLE_TIME, account_book, enter, limits_from, strategy_from
from .guards import Guards, Records, read_halt, read_locks
from .look import Asked, View, ask, ask_about, look
from .order_flow import ENTRY_REQUESTS
from .run import Run

First = tuple[Signal, Asked]
"""A signal, and the reads for a look at its market."""


@dataclass(slots=True)
class Ahead:
    """Reads that began beside the care: of the account, and for the first entry."""

    account: Asked
    signals: Future[Sequence[Signal]]
    trades: Future[Rows[Trade]] | None
    """Those that the protections look back on, in a run that signals woke."""
    first: Future[First | None] | None = None
    records: Records | None = None


class EntryRound:
    """Open what fresh signals ask for, within protections and limits."""

    def __init__(self, settings: TradeSettings) -> None:
        self._guards = Guards(settings)
        self._access = AccessCheck()

    def ask_ahead(self, run: Run, tick: Tick) -> Ahead | None:
        """Ask beside the care for what entries need, where there are threads for it.

        The time is the tick's: no answer of the exchange has told it yet.
        """
        if run.ports.executor is None:
            return None
        now, ports = tick.scheduled_time, run.ports
        signals = ports.start(partial(ports.signals.since, _oldest(run, now)))
        trades = self._guards.ask_trades(run, now) if tick.signal_ids else None
        return Ahead(ask(run), signals, trades)

    def ask_first(self, run: Run, tick: Tick, ahead: Ahead | None) -> None:
        """Ask about the market of the strongest signal, where there is a place for it."""
        if ahead is None or run.report.blocked or not _places(run):
            return
        now, ports = tick.scheduled_time, run.ports
        ahead.first = ports.start(partial(_first, run, tick, ahead))
        if ahead.trades is not None:
            resumed, locks = ports.halts.resumed, partial(ports.locks.current, now)
            ahead.records = Records(ahead.trades, ports.start(resumed), ports.start(locks))

    def enter(
        self, run: Run, tick: Tick, positions: Rows[Position], ahead: Ahead | None = None
    ) -> View:
        """Enter the strongest signals, one for each free place, and return the last look.

        Each entry has a look of its own, made after the entry before it, and what halts, locks,
        protections and ages say then.
        """
        if tick.scheduled_time > run.now():
            ahead = None  # it was asked for by a time that has not come
        records = ahead.records if ahead is not None and not run.touched else None
        read_locks(run, records)
        _block_by_run(run, tick)
        asked = self._access.start(run)
        (signals, market), places = _wanted(run, ahead), _places(run)
        symbol = signals[0].symbol if signals and places else ""
        account = ahead.account if ahead is not None else None
        view = look(run, positions, symbol, asked=market if symbol else account)
        if isinstance(view.open_orders, Rows):
            run.unreadable(view.open_orders)
        self._access.judge(run, asked)
        self._judge(run, view, records, wanted=bool(signals))
        done, why = 0, "no place is free" if len(signals) > places else "see this run's problems"
        for number, signal in enumerate(signals[:places]):
            if number and not _stop(run, tick, view):
                read_halt(run)
                read_locks(run)
                view = look(run, view.positions, signal.symbol)
                self._judge(run, view, None, wanted=True)
            if stop := _stop(run, tick, view):
                why = stop
                break
            done += _entered(run, tick, signal, view)
        run.report.signals_unopened = left = len(signals) - done
        text = f"{left} fresh signals were not opened: {why}"
        if left and why == TOO_LITTLE_TIME:
            run.problem(text, cause="time")
        elif left:
            run.report.note("unopened", text, time=run.now())
        return view

    def _judge(self, run: Run, view: View, records: Records | None, *, wanted: bool) -> None:
        """Let the protections judge when it matters: before entries, and after a trade ended."""
        report = run.report
        _block_by_view(run, view)
        try:
            if wanted or report.closed:
                self._guards.judge(run, view, records)
        except RetryLater as error:
            report.block("stores", f"protections could not be judged: {error}")
            run.problem(f"protections could not be judged, so no entries: {error}", cause="store")


def _wanted(run: Run, ahead: Ahead | None) -> tuple[list[Signal], Asked | None]:
    """Return the signals to enter, and the reads for the first one's look where they began."""
    if run.report.blocked:
        return [], None
    oldest, first = _oldest(run, run.now()), None
    try:
        if ahead is None:
            return _fresh(run, oldest, run.ports.signals.since(oldest)), None
        signals = _fresh(run, oldest, ahead.signals.result(), ahead.trades)
        if ahead.first is not None:
            first = ahead.first.result()
    except (RetryLater, InvariantBroken) as error:
        run.report.block("stores", f"signals could not be read: {error}")
        run.problem(f"signals could not be read, so no entries: {error}", cause="store")
        return [], None
    return signals, first[1] if first is not None and [first[0]] == signals[:1] else None


def _first(run: Run, tick: Tick, ahead: Ahead) -> First | None:
    """Ask about the market of the strongest signal, of those that woke the run if there are such.

    Whether the journal knows it is not waited for. Raises `RetryLater`.
    """
    acted_on = _acted_on(run, _oldest(run, tick.scheduled_time), ahead.signals.result())
    woke = [signal for signal in acted_on if signal.signal_id in tick.signal_ids]
    for signal in (woke or acted_on)[:1]:
        return signal, ask_about(run, signal.symbol, ahead.account)
    return None


def _oldest(run: Run, now: int) -> int:
    return now - run.settings.max_signal_age_seconds * 1000


def _acted_on(run: Run, oldest: int, signals: Sequence[Signal]) -> list[Signal]:
    """Return the fresh signals that the strategy acts on, strongest first, then oldest."""
    strategy = strategy_from(run.settings)
    fresh = [signal for signal in signals if signal.time >= oldest and strategy.acts_on(signal)]
    return sorted(fresh, key=lambda signal: (-signal.strength, signal.time, signal.signal_id))


def _fresh(
    run: Run,
    oldest: int,
    signals: Sequence[Signal],
    stored: Future[Rows[Trade]] | None = None,
) -> list[Signal]:
    """Return those to act on that the journal does not know; it is asked once for all.

    Raises `RetryLater`.
    """
    fresh = _acted_on(run, oldest, signals)
    if not fresh:
        return []
    # A trade is created after its signal, by another clock that may lag a little.
    since = oldest - MINUTE
    trades = stored.result() if stored else run.ports.journal.trades_since(since)
    known = {trade.signal_id for trade in trades}
    return [signal for signal in fresh if signal.signal_id not in known]


def _places(run: Run) -> int:
    return max(run.settings.max_open_positions - len(run.live), 0)


def _block_by_run(run: Run, tick: Tick) -> None:
    """Block entries for a late tick, a time that is not sure, settings that leave no time, and
    trades that a person must look at."""
    report, settings, doubt = run.report, run.settings, run.ports.clock.doubt()
    if run.now() - tick.scheduled_time > settings.max_tick_age_seconds * 1000:
        report.block("stale_tick", "the tick is older than MAX_TICK_AGE_SECONDS")
    if doubt:
        report.block("clock", doubt)
    if not settings.leaves_time_to_enter and "time" not in report.blocked:
        report.block("time", settings.no_time_to_enter)
        run.problem(f"no entries: {settings.no_time_to_enter}", cause="time")
    for trade in run.trades.values():
        if trade.halts:
            report.halted = True
            report.block("halt", f"{trade.symbol}: {trade.halts}")


def _block_by_view(run: Run, view: View) -> None:
    """Block entries where the account is not known in full, or keeps isolated margin.

    A row of ours that cannot be read holds back its own trade only: its size is in the journal.
    """
    report = run.report
    ours = {trade.symbol for trade in run.trades.values() if trade.state.live}
    for answer in (view.positions_error, view.open_orders, view.account):
        if isinstance(answer, PumpwatchError):
            report.block("rows", f"the account could not be read: {answer}")
    orders = view.open_orders.unreadable if isinstance(view.open_orders, Rows) else ()
    for row in (*view.positions.unreadable, *orders):
        if row.symbol not in ours:
            report.block("rows", str(row))
    for position in view.positions:
        for doubt in position.doubts:
            report.block("rows", f"the position of {position.symbol} is not sure: {doubt}")
    if isinstance(view.account, Account) and view.account.isolated_margin:
        text = "the account is in isolated margin mode: switch it to cross margin"
        report.block("access", text)
        run.problem(f"no entries: {text}", cause="access")


def _stop(run: Run, tick: Tick, view: View) -> str:
    """Return why no further signal is looked at in this run, empty when the next one may be."""
    _block_by_run(run, tick)
    if run.report.blocked:
        return next(iter(run.report.blocked.values()))
    if not run.has_time(ENTRY_REQUESTS):
        return TOO_LITTLE_TIME
    full = check_account(account_book(run, view), limits_from(run.settings))
    return full.reason if full is not None else ""


def _entered(run: Run, tick: Tick, signal: Signal, view: View) -> bool:
    try:
        enter(run, tick, signal, view, strategy_from(run.settings))
    except (RetryLater, OutcomeUnknown, Rejected, SkipSymbol) as error:
        text = f"{signal.symbol} {signal.signal_id}: {type(error).__name__}: {error}"
        run.problem(text, cause="time" if isinstance(error, DeadlineNear) else "signal")
        return signal.signal_id in run.trades
    return True
