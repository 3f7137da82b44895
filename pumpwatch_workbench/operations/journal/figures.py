"""The figures that say how it goes, from what a store recorded. What is not there is said."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pumpwatch.domain.trading.orders import Leg, Outcome
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.operations.journal.agreement_figures import Agreement
from pumpwatch_workbench.operations.journal.api_requests import ApiRow, api_rows
from pumpwatch_workbench.operations.journal.function_runs import (
    FunctionRuns,
    function_runs,
    machine_of_functions,
)
from pumpwatch_workbench.operations.journal.histograms import Bounds, bounds_of
from pumpwatch_workbench.operations.journal.machine import Machine, machine_of
from pumpwatch_workbench.operations.journal.missing import not_recorded
from pumpwatch_workbench.operations.journal.period import Period
from pumpwatch_workbench.operations.journal.spending import Spending, spending_of
from pumpwatch_workbench.operations.journal.spread import Spread, spread_of
from pumpwatch_workbench.research.evaluation.shares import wilson_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Trading:
    """Trades of the period. Money in USDT; None: there is nothing to reckon it from."""

    entries_sent: int
    entries_filled: int
    denied: int
    closed: int
    won: int
    open_now: int
    win_interval: tuple[float, float] | None
    fill_interval: tuple[float, float] | None
    realised: Decimal
    largest_win: Decimal | None
    largest_loss: Decimal | None
    stop_verified: Spread | None
    """Seconds from the fill to the stop seen on the exchange."""
    signal_to_order: Spread | None
    """Seconds from the signal to the entry's intent, right before it is sent."""
    order_to_outcome: Spread | None
    """Seconds from an order's intent to its outcome."""
    denials: tuple[tuple[str, int], ...]

    @property
    def fill_rate(self) -> float | None:
        """Return the share of the entry orders sent that were filled, at least in part."""
        return self.entries_filled / self.entries_sent if self.entries_sent else None

    @property
    def win_rate(self) -> float | None:
        """Return the share of the closed trades that made money after all costs."""
        return self.won / self.closed if self.closed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What the run records tell."""

    ticks: int
    late: int
    failed: int
    alerts_raised: int
    alerts_delivered: int
    equity: Decimal | None
    """USDT, at the last tick that knew it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Shares are fractions. None: the store does not record it."""

    events: int
    signals: int
    trading: Trading
    spending: Spending
    runs: Runs | None
    machine: Machine | None
    functions: tuple[FunctionRuns, ...]
    """Of a deployed stage, from Lambda's own log."""
    api: tuple[ApiRow, ...]
    histograms: tuple[Bounds, ...]
    agreement: Agreement | None = None
    repairs: tuple[tuple[str, int], ...] = ()
    not_recorded: tuple[str, ...] = field(default=())
    """Sentences about what this store cannot say."""


def figures_of(period: Period, agreement: Agreement | None = None) -> Figures:
    """Return the figures of a period; `agreement` with known pumps where there are labels."""
    api = api_rows(period.totals)
    functions = tuple(function_runs(log) for log in period.logs or ())
    return Figures(
        events=len({signal.event_id for signal in period.signals}),
        signals=len(period.signals),
        trading=_trading(period),
        spending=spending_of(period),
        runs=None if period.runs is None else _runs(period.runs),
        machine=_machine(period, functions),
        functions=functions,
        api=api,
        histograms=bounds_of(period.totals),
        agreement=agreement,
        repairs=tuple(Counter(note.kind for _, note in period.repairs).most_common()),
        not_recorded=tuple(
            not_recorded(period, functions, counted=bool(api), labelled=agreement is not None)
        ),
    )


def _machine(period: Period, functions: Sequence[FunctionRuns]) -> Machine | None:
    if period.runs is None:
        return machine_of_functions(functions)
    return machine_of(period.runs, period.memory_limit_mib)


def _trading(period: Period) -> Trading:
    results = [one.realised_pnl for one in period.trades if one.state is TradeState.CLOSED]
    won = sum(one > 0 for one in results)
    entries = [one for one in period.orders if one.leg is Leg.ENTRY]
    filled = sum(one.outcome is Outcome.FILLED for one in entries)
    signalled = {one.signal_id: one.signal_time for one in period.trades}
    denials = Counter(
        _plain(one.denial) for one in period.trades if one.state is TradeState.DROPPED
    )
    return Trading(
        entries_sent=len(entries),
        entries_filled=filled,
        denied=sum(denials.values()),
        closed=len(results),
        won=won,
        open_now=sum(one.state.live for one in period.trades),
        win_interval=wilson_interval(won, len(results)),
        fill_interval=wilson_interval(filled, len(entries)),
        realised=sum(results, Decimal(0)),
        largest_win=max((one for one in results if one > 0), default=None),
        largest_loss=min((one for one in results if one < 0), default=None),
        stop_verified=spread_of(_until_stop(one) for one in period.trades),
        signal_to_order=spread_of(
            _seconds(signalled.get(one.signal_id), one.intended)
            for one in entries
            if one.attempt == 0
        ),
        order_to_outcome=spread_of(_seconds(one.intended, one.settled) for one in period.orders),
        denials=tuple(denials.most_common()),
    )


def _runs(runs: Sequence[RunRecord]) -> Runs:
    return Runs(
        ticks=len(runs),
        late=sum(one.stale for one in runs),
        failed=sum(bool(one.problem) for one in runs),
        alerts_raised=sum(one.alerts_raised for one in runs),
        alerts_delivered=sum(one.alerts_delivered for one in runs),
        equity=next((one.equity for one in reversed(runs) if one.equity is not None), None),
    )


def _plain(denial: str) -> str:
    """Return a denial without its figures, so that the same reason is counted together."""
    return re.sub(r"\d[\d.,:]*", "…", denial) or "no reason given"


def _until_stop(trade: Trade) -> float | None:
    return _seconds(trade.entry_time, trade.stop_verified)


def _seconds(begin: int | None, end: int | None) -> float | None:
    """Return the time between two moments; clocks that disagree give 0."""
    return None if begin is None or end is None else max(0.0, (end - begin) / 1000)
