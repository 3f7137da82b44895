"""The figures that say how it goes, from what a store recorded. What is not there is said."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from pumpwatch.domain.orders import Leg, Outcome
from pumpwatch.domain.trades import Trade, TradeState
from workbench.evaluation.shares import wilson_interval
from workbench.journal.histograms import Bounds, bounds_of
from workbench.journal.period import Period

__all__ = ["ApiRow", "Figures", "Spread", "figures_of"]

TOTAL_OF_REQUESTS = re.compile(r"\w+_api_requests_total\|(.+)")
GOOD_CODE = "ok"
RANKS = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles and the largest of some measurements, in their own unit."""

    count: int
    p50: float
    p95: float
    p99: float
    largest: float


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
    """Money in USDT, shares as fractions. None: there is nothing to reckon it from."""

    events: int
    signals: int
    entries_sent: int
    entries_filled: int
    denied: int
    closed: int
    won: int
    open_now: int
    win_interval: tuple[float, float] | None
    realised: Decimal
    fees: Decimal
    funding: Decimal
    largest_win: Decimal | None
    largest_loss: Decimal | None
    stop_verified: Spread | None
    """Seconds from the fill to the stop seen on the exchange."""
    api: tuple[ApiRow, ...]
    histograms: tuple[Bounds, ...]
    alerts_raised: int | None
    alerts_delivered: int | None
    ticks: int | None
    late_ticks: int | None
    failed_ticks: int | None
    detect_seconds: Spread | None
    trade_seconds: Spread | None
    cpu_seconds: Spread | None
    memory_mib: float | None
    equity: Decimal | None
    denials: tuple[tuple[str, int], ...] = ()
    repairs: tuple[tuple[str, int], ...] = ()
    not_recorded: tuple[str, ...] = field(default=())
    """Sentences about what this store cannot say."""

    @property
    def fill_rate(self) -> float | None:
        """Return the share of the entry orders sent that were filled, at least in part."""
        return self.entries_filled / self.entries_sent if self.entries_sent else None

    @property
    def win_rate(self) -> float | None:
        """Return the share of the closed trades that made money after all costs."""
        return self.won / self.closed if self.closed else None


def figures_of(period: Period) -> Figures:
    """Return the figures of a period."""
    closed = [one for one in period.trades if one.state is TradeState.CLOSED]
    results = [one.realised_pnl for one in closed]
    won = sum(one > 0 for one in results)
    entries = [one for one in period.orders if one.leg is Leg.ENTRY]
    denials = Counter(
        _plain(one.denial) for one in period.trades if one.state is TradeState.DROPPED
    )
    runs = period.runs
    return Figures(
        events=len({signal.event_id for signal in period.signals}),
        signals=len(period.signals),
        entries_sent=len(entries),
        entries_filled=sum(one.outcome is Outcome.FILLED for one in entries),
        denied=sum(denials.values()),
        closed=len(closed),
        won=won,
        open_now=sum(one.state.live for one in period.trades),
        win_interval=wilson_interval(won, len(closed)),
        realised=sum(results, Decimal(0)),
        fees=sum((one.fees for one in period.trades), Decimal(0)),
        funding=sum((one.funding for one in period.trades), Decimal(0)),
        largest_win=max((one for one in results if one > 0), default=None),
        largest_loss=min((one for one in results if one < 0), default=None),
        stop_verified=_spread([_until_stop(one) for one in period.trades]),
        api=_api(period),
        histograms=bounds_of(period.totals),
        alerts_raised=None if runs is None else sum(one.alerts_raised for one in runs),
        alerts_delivered=None if runs is None else sum(one.alerts_delivered for one in runs),
        ticks=None if runs is None else len(runs),
        late_ticks=None if runs is None else sum(one.stale for one in runs),
        failed_ticks=None if runs is None else sum(bool(one.problem) for one in runs),
        detect_seconds=_spread([one.detect_seconds for one in runs or ()]),
        trade_seconds=_spread([one.trade_seconds for one in runs or ()]),
        cpu_seconds=_spread([one.cpu_seconds for one in runs or ()]),
        memory_mib=max((one.memory_mib or 0.0 for one in runs or ()), default=0.0) or None,
        equity=next((one.equity for one in reversed(runs or ()) if one.equity is not None), None),
        denials=tuple(denials.most_common()),
        repairs=tuple(Counter(note.kind for _, note in period.repairs).most_common()),
        not_recorded=tuple(_not_recorded(period)),
    )


def _plain(denial: str) -> str:
    """Return a denial without its figures, so that the same reason is counted together."""
    return re.sub(r"\d[\d.,:]*", "…", denial) or "no reason given"


def _until_stop(trade: Trade) -> float | None:
    if trade.stop_verified is None or trade.entry_time is None:
        return None
    return max(0.0, (trade.stop_verified - trade.entry_time) / 1000)


def _spread(values: Sequence[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    p50, p95, p99 = (float(one) for one in np.percentile(known, RANKS))
    return Spread(len(known), p50, p95, p99, max(known))


def _api(period: Period) -> tuple[ApiRow, ...]:
    """Return a row for each endpoint that the totals count."""
    counts: dict[str, Counter[str]] = {}
    for totals in period.totals.values():
        for key, value in totals.items():
            found = TOTAL_OF_REQUESTS.fullmatch(key)
            if found is None:
                continue
            labels = dict(one.split("=", 1) for one in found[1].split(","))
            if "endpoint" in labels and "code" in labels and value:
                endpoint = labels["endpoint"]
                counts.setdefault(endpoint, Counter())[labels["code"]] += int(value)
    rows = []
    for endpoint, codes in sorted(counts.items()):
        bad = [(code, count) for code, count in codes.most_common() if code != GOOD_CODE]
        failures = sum(count for _, count in bad)
        rows.append(ApiRow(endpoint, codes.total(), failures, tuple(bad)))
    return tuple(rows)


def _not_recorded(period: Period) -> list[str]:
    """Return a sentence for each thing asked for that the store does not hold."""
    sentences = ["Detection agreement: no event of a running market is labelled."]
    if period.runs is None:
        sentences += [
            "Latency, CPU and memory of each run: the table keeps no run records; see Prometheus"
            " or CloudWatch.",
            "Alerts raised and delivered: Grafana and Slack keep them.",
            "Protections that ended more than a day ago, and halts that were lifted: the table"
            " forgets them.",
        ]
    if not any(_is_api(totals) for totals in period.totals.values()):
        sentences.append("Requests to the exchange by endpoint: nothing was counted yet.")
    return sentences


def _is_api(totals: object) -> bool:
    return any(TOTAL_OF_REQUESTS.fullmatch(key) for key in totals)  # type: ignore[attr-defined]
