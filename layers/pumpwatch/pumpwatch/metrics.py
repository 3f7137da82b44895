"""Every metric Pumpwatch has: name, type, help text, labels. Dashboards and alerts are held to it.

Gauges describe the last run. Counters are durable totals: a run's increments are added up in the
table and the totals are pushed, so that `rate()` holds across cold starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

__all__ = ["METRICS", "Kind", "Metric", "total_key"]


class Kind(StrEnum):
    """The Prometheus type."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `labels` pairs each label with all its values; a counter starts at 0 for each."""

    name: str
    kind: Kind
    job: str
    help: str
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def label_names(self) -> list[str]:
        """Return the labels' names."""
        return [name for name, _ in self.labels]

    def label_sets(self) -> Iterator[dict[str, str]]:
        """Yield every combination of label values."""
        names = self.label_names
        for values in product(*(values for _, values in self.labels)):
            yield dict(zip(names, values, strict=True))


def total_key(name: str, labels: Mapping[str, str]) -> str:
    """Return the key a counter's total is stored under: the name and the sorted label values."""
    return (
        name
        if not labels
        else f"{name}|" + ",".join(f"{label}={labels[label]}" for label in sorted(labels))
    )


DETECT, TRADE = "pumpwatch_detect", "pumpwatch_trade"
RESULTS = ("success", "failure", "busy")
"""Busy: another run held the function's lease, and nothing was done."""
OUTCOMES = ("filled", "rejected", "denied", "unknown")
REPAIRS = ("opened", "dropped", "exit_ended", "resized", "closed", "stop_set", "vanished", "found")
"""What a run can find to differ between the journal and the exchange."""
BLOCKED_BY = ("halt", "lock", "stale_tick", "access", "stores")
"""Why a run opens nothing: a halt, a pause for all symbols, a late tick, the key, the table."""
PROTECTIONS = (
    "symbol_cooldown",
    "losing_streak",
    "drawdown",
    "low_profit_symbol",
    "exchange_incident",
    "stale_data",
    "trading_hours",
)


def _gauge(job: str, name: str, text: str, **labels: tuple[str, ...]) -> Metric:
    return Metric(f"{job}_{name}", Kind.GAUGE, job, text, tuple(labels.items()))


def _counter(job: str, name: str, text: str, **labels: tuple[str, ...]) -> Metric:
    return Metric(f"{job}_{name}_total", Kind.COUNTER, job, text, tuple(labels.items()))


METRICS: tuple[Metric, ...] = (
    _gauge(DETECT, "last_success_timestamp_seconds", "When the last good run ended, Unix time."),
    _gauge(DETECT, "last_failure_timestamp_seconds", "When the last failed run ended, Unix time."),
    _gauge(DETECT, "duration_seconds", "Wall time of the last run."),
    _gauge(DETECT, "tick_delay_seconds", "From the scheduled time to the start of the last run."),
    _gauge(DETECT, "second_of_minute", "Where in the minute the last scan saw the market."),
    _gauge(DETECT, "symbols_scanned", "Symbols in the last snapshot of the market."),
    _gauge(DETECT, "symbols_skipped", "Symbols left out of the last scan because of bad data."),
    _gauge(DETECT, "symbols_warming_up", "Symbols without enough history to signal."),
    _gauge(DETECT, "candidates", "Symbols that the screen could not drop in the last scan."),
    _gauge(DETECT, "events_open", "Pump events that are not over."),
    _gauge(DETECT, "signals_last_run", "Signals published by the last run."),
    _gauge(DETECT, "requests_last_run", "Requests to the exchange in the last run."),
    _gauge(DETECT, "clock_skew_seconds", "Our clock less the exchange's."),
    _counter(DETECT, "runs", "Runs by result.", result=RESULTS),
    _counter(DETECT, "bad_events", "Invocations or records whose payload was malformed."),
    _counter(DETECT, "signals", "Signals by phase.", phase=("rising", "peaked", "over")),
    _counter(
        DETECT, "screen_missed", "Signals that the full detector gave and the screen dropped."
    ),
    _counter(DETECT, "bad_candles", "Candle rows or answers that could not be true."),
    _counter(DETECT, "push_failures", "Pushes that the gateway did not accept."),
    _gauge(TRADE, "last_success_timestamp_seconds", "When the last good run ended, Unix time."),
    _gauge(TRADE, "last_failure_timestamp_seconds", "When the last failed run ended, Unix time."),
    _gauge(TRADE, "duration_seconds", "Wall time of the last run."),
    _gauge(TRADE, "mode_info", "1 for the mode in force.", mode=("paper", "live")),
    _gauge(TRADE, "equity_usdt", "Equity of the account."),
    _gauge(TRADE, "available_usdt", "Balance that is free for new positions."),
    _gauge(TRADE, "open_positions", "Positions opened by Pumpwatch."),
    _gauge(TRADE, "foreign_positions", "Positions on the account that Pumpwatch did not open."),
    _gauge(TRADE, "exposure_usdt", "Notional of Pumpwatch's positions."),
    _gauge(TRADE, "unrealised_pnl_usdt", "Open profit and loss of Pumpwatch's positions."),
    _gauge(TRADE, "positions_without_stop", "Positions without a stop on the exchange; must be 0."),
    _gauge(TRADE, "unknown_orders", "Orders whose outcome is not known yet."),
    _gauge(TRADE, "halted", "1 while a halt stops entries."),
    _gauge(
        TRADE,
        "entries_blocked",
        "1 for each reason for which the last run would have opened nothing.",
        reason=BLOCKED_BY,
    ),
    _gauge(TRADE, "locks", "Locks in force by protection.", protection=PROTECTIONS),
    _gauge(TRADE, "foreign_orders", "Open orders on the account that Pumpwatch did not make."),
    _gauge(TRADE, "vanished_positions", "Trades whose position is gone without a fill to say why."),
    _gauge(TRADE, "key_expiry_timestamp_seconds", "When the exchange's key expires, Unix time."),
    _gauge(TRADE, "store_calls_last_run", "Calls to the table in the last run."),
    _gauge(TRADE, "requests_last_run", "Requests to the exchange in the last run."),
    _gauge(TRADE, "stop_verified_seconds", "From fill to verified stop, largest of the last run."),
    _gauge(TRADE, "clock_skew_seconds", "Our clock less the exchange's."),
    _counter(TRADE, "runs", "Runs by result.", result=RESULTS),
    _counter(TRADE, "bad_events", "Invocations or records whose payload was malformed."),
    _counter(
        TRADE, "orders", "Orders by leg and outcome.", leg=("entry", "exit"), outcome=OUTCOMES
    ),
    _counter(TRADE, "trades_closed", "Closed trades by result.", result=("win", "loss")),
    _gauge(TRADE, "realised_pnl_usdt", "Realised profit and loss after fees, all closed trades."),
    _counter(
        TRADE,
        "repairs",
        "Differences between journal and exchange that were repaired.",
        kind=REPAIRS,
    ),
    _counter(TRADE, "stops_refused", "Positions closed at market because no stop could be set."),
    _counter(TRADE, "push_failures", "Pushes that the gateway did not accept."),
)
