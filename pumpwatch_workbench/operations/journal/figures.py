"""The figures of a period, and sentences about what its store does not record."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pumpwatch.domain.trading.orders import Leg, Outcome
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.operations.journal.agreement import Agreement
from pumpwatch_workbench.operations.journal.percentiles import (
    Bounds,
    Spread,
    bounds_of,
    labels_of,
    spread_of,
)
from pumpwatch_workbench.operations.journal.period import Period
from pumpwatch_workbench.operations.journal.runs import (
    FunctionRuns,
    Machine,
    function_runs,
    machine_of,
    machine_of_functions,
)
from pumpwatch_workbench.operations.journal.spending import Spending, spending_of

TOTAL_OF_REQUESTS = re.compile(r"\w+_api_requests_total\|(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trading:
    """Trades of the period. Money in USDT; None: there is nothing to compute it from."""

    entries_sent: int
    entries_filled: int
    denied: int
    closed: int
    won: int
    open_now: int
    realised: Decimal
    largest_win: Decimal | None
    largest_loss: Decimal | None
    stop_verified: Spread | None
    """Seconds from the fill to the stop seen on the exchange."""
    signal_to_order: Spread | None
    """Seconds from the signal to the entry's intent, right before it is sent."""
    order_to_outcome: Spread | None
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
    """Figures of a desk's run records."""

    ticks: int
    late: int
    failed: int
    alerts_raised: int
    alerts_delivered: int
    equity: Decimal | None
    """USDT, at the last tick that knew it."""


@dataclass(frozen=True, slots=True)
class ApiRow:
    """Requests to one endpoint: how many, how many failed, and the failures by code."""

    endpoint: str
    requests: int
    failures: int
    codes: tuple[tuple[str, int], ...]

    @property
    def error_rate(self) -> float:
        """Return the share of the requests that failed."""
        return self.failures / self.requests if self.requests else 0.0


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
    api: tuple[ApiRow, ...]
    histograms: tuple[Bounds, ...]
    agreement: Agreement | None = None
    repairs: tuple[tuple[str, int], ...] = ()
    not_recorded: tuple[str, ...] = field(default=())


def figures_of(period: Period, agreement: Agreement | None = None) -> Figures:
    """Return the figures of a period; `agreement` with known pumps where there are labels."""
    api, runs = _api_rows(period.totals), period.runs
    functions = tuple(function_runs(log) for log in period.logs or ())
    machine = machine_of_functions(functions)
    if runs is not None:
        machine = machine_of(runs, period.memory_limit_mib)
    return Figures(
        events=len({signal.event_id for signal in period.signals}),
        signals=len(period.signals),
        trading=_trading(period),
        spending=spending_of(period),
        runs=None if runs is None else _runs(runs),
        machine=machine,
        functions=functions,
        api=api,
        histograms=bounds_of(period.totals),
        agreement=agreement,
        repairs=tuple(Counter(note.kind for _, note in period.repairs).most_common()),
        not_recorded=tuple(
            _not_recorded(period, functions, counted=bool(api), labelled=agreement is not None)
        ),
    )


def _trading(period: Period) -> Trading:
    trades, orders = period.trades, period.orders
    results = [trade.realised_pnl for trade in trades if trade.state is TradeState.CLOSED]
    entries = [order for order in orders if order.leg is Leg.ENTRY]
    signalled = {trade.signal_id: trade.signal_time for trade in trades}
    denials = Counter(_plain(trade.denial) for trade in trades if trade.state is TradeState.DROPPED)
    return Trading(
        entries_sent=len(entries),
        entries_filled=sum(order.outcome is Outcome.FILLED for order in entries),
        denied=sum(denials.values()),
        closed=len(results),
        won=sum(result > 0 for result in results),
        open_now=sum(trade.state.live for trade in trades),
        realised=sum(results, Decimal(0)),
        largest_win=max((result for result in results if result > 0), default=None),
        largest_loss=min((result for result in results if result < 0), default=None),
        stop_verified=spread_of(
            _seconds(trade.entry_time, trade.stop_verified) for trade in trades
        ),
        signal_to_order=spread_of(
            _seconds(signalled.get(order.signal_id), order.intended)
            for order in entries
            if order.attempt == 0
        ),
        order_to_outcome=spread_of(_seconds(order.intended, order.settled) for order in orders),
        denials=tuple(denials.most_common()),
    )


def _runs(runs: Sequence[RunRecord]) -> Runs:
    return Runs(
        ticks=len(runs),
        late=sum(run.stale for run in runs),
        failed=sum(bool(run.problem) for run in runs),
        alerts_raised=sum(run.alerts_raised for run in runs),
        alerts_delivered=sum(run.alerts_delivered for run in runs),
        equity=next((run.equity for run in reversed(runs) if run.equity is not None), None),
    )


def _plain(denial: str) -> str:
    """Return a denial without its figures, so that the same reason is counted together."""
    return re.sub(r"\d[\d.,:]*", "…", denial) or "no reason given"


def _seconds(begin: int | None, end: int | None) -> float | None:
    """Return the time between two moments; clocks that disagree give 0."""
    return None if begin is None or end is None else max(0.0, (end - begin) / 1000)


def _api_rows(all_totals: Mapping[str, Mapping[str, Decimal]]) -> tuple[ApiRow, ...]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for totals in all_totals.values():
        for key, value in totals.items():
            match = TOTAL_OF_REQUESTS.fullmatch(key)
            labels = labels_of(match[1]) if match else {}
            if "endpoint" in labels and "code" in labels and value:
                counts[labels["endpoint"]][labels["code"]] += int(value)
    rows = []
    for endpoint, codes in sorted(counts.items()):
        bad = tuple((code, count) for code, count in codes.most_common() if code != "ok")
        rows.append(ApiRow(endpoint, codes.total(), sum(count for _, count in bad), bad))
    return tuple(rows)


def _not_recorded(
    period: Period, functions: Sequence[FunctionRuns], *, counted: bool, labelled: bool
) -> Iterator[str]:
    if not labelled:
        yield "Detection agreement: no pump is labelled; --labels FILE names those that are known."
    if period.runs is None:
        yield from _of_runs(period, functions)
        yield "Alerts raised and delivered: Grafana and Slack keep them."
        yield (
            "Protections that ended more than a day ago, and halts that were lifted: the table"
            " forgets them."
        )
        if period.aws is None:
            yield "AWS's costs: no measurement lies beside this program, docs/costs.md."
    if not counted:
        yield "Requests to the exchange by endpoint: nothing was counted yet."


def _of_runs(period: Period, functions: Sequence[FunctionRuns]) -> Iterator[str]:
    if period.logs is None:
        yield (
            "Latency, CPU and memory of each run: the table keeps no run records; see Prometheus"
            " or CloudWatch."
        )
        return
    yield "CPU time of each run: Lambda does not tell CPU time."
    for function in functions:
        name = function.function
        if function.problem:
            yield f"Time and memory of {name}'s runs: {function.problem}."
        elif not function.runs:
            yield f"Time and memory of {name}'s runs: its log tells of none in this period."
        if function.cut:
            yield f"Earlier runs of {name}: only the latest {function.runs:,} were read."
        if function.unreadable:
            yield (
                f"{function.unreadable:,} of the runs of {name}: Lambda's report of them has a"
                " form that is not known here."
            )
