"""Every metric Pumpwatch has: name, type, help text, labels. Dashboards and alerts are held to it.

Gauges describe the last run. Counters and histograms are durable totals: a run's increments are
added up in the table and the totals are pushed, so that `rate()` holds across cold starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Final


class Kind(StrEnum):
    """The Prometheus type."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


ANY: Final[tuple[str, ...]] = ()
"""A label that takes any value, such as a symbol; only a gauge with `most` may have one."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `labels` pairs each label with all its values; a total starts at 0 for each.

    `buckets` are a histogram's upper bounds without the infinite one. `most` is how many series a
    gauge with a label of `ANY` value has at most: the largest values stay.
    """

    name: str
    kind: Kind
    job: str
    help: str
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    buckets: tuple[float, ...] = ()
    most: int = 0

    @property
    def label_names(self) -> list[str]:
        """Return the labels' names."""
        return [name for name, _ in self.labels]

    @property
    def is_open(self) -> bool:
        """Return whether a label takes any value."""
        return any(values == ANY for _, values in self.labels)

    @property
    def bounds(self) -> tuple[str, ...]:
        """Return the buckets' upper bounds as Prometheus writes them, the infinite one last."""
        return (*(str(float(bound)) for bound in self.buckets), "+Inf")

    def label_sets(self) -> Iterator[dict[str, str]]:
        """Yield every combination of label values; none where a label takes any value."""
        names = self.label_names
        for values in product(*(values for _, values in self.labels)):
            yield dict(zip(names, values, strict=True))

    def allows(self, labels: Mapping[str, str]) -> bool:
        """Return whether these are all labels, each with a value that is declared."""
        declared = dict(self.labels)
        return labels.keys() == declared.keys() and all(
            declared[name] == ANY or value in declared[name] for name, value in labels.items()
        )


def total_key(name: str, labels: Mapping[str, str]) -> str:
    """Return the key a total is stored under: the name and the sorted label values."""
    values = ",".join(f"{label}={labels[label]}" for label in sorted(labels))
    return f"{name}|{values}" if values else name


DETECT, TRADE = "pumpwatch_detect", "pumpwatch_trade"
RESULTS = ("success", "failure", "busy")
"""Busy: another run held the function's lease, and nothing was done."""
SCAN_RESULTS = (*RESULTS, "duplicate", "late")
"""Duplicate: the market was seen since the scan was due. Late: a later scan came with it."""
OUTCOMES = ("filled", "rejected", "denied", "unknown")
LEGS = ("entry", "exit")
SIDES = ("long", "short")
FILLS = (
    ("fill_price_usdt", "Price of each order filled within the last minute."),
    ("fill_notional_usdt", "Notional of each order filled within the last minute."),
    ("fill_result_usdt", "Result of each trade closed within the last minute; 0 of entries."),
)
PHASES = ("rising", "peaked", "fading", "over")
REPAIRS = ("opened", "dropped", "exit_ended", "resized", "closed", "stop_set", "vanished", "found")
"""Differences between the journal and the exchange that a run can repair."""
MODES = ("paper", "demo", "live")
BLOCKED_BY = ("halt", "lock", "stale_tick", "access", "stores", "rows", "clock", "time")
"""Reasons why a run opens nothing: a halt, a pause for all symbols, a late tick, the key, the
table, a row that cannot be read, an unsure time, settings that leave no time."""
PROBLEMS = ("exchange", "store", "rows", "clock", "time", "order", "stop", "access", "signal")
"""Kinds of problems in a run: no answer of the exchange or the table, a row that cannot be read, an
unsure time, too little time, an order or a stop that was refused or is not known, the key, a
signal that could not be opened."""
LISTS = ("positions", "open_orders", "order_history", "executions", "wallet", "key", "journal")
"""The exchange's private lists and the journal, whose rows are read one by one."""
PROTECTIONS = (
    "symbol_cooldown",
    "losing_streak",
    "drawdown",
    "low_profit_symbol",
    "exchange_incident",
    "stale_data",
    "trading_hours",
)
API_CODES = (
    "ok",
    "rate_limited",
    "forbidden",
    "key_refused",
    "clock",
    "unavailable",
    "refused",
    "no_answer",
)
"""Words for the exchange's codes and HTTP statuses; the exact code is in the log."""
PUBLIC_ENDPOINTS = (
    "market/time",
    "market/tickers",
    "market/kline",
    "market/instruments-info",
    "market/orderbook",
    "market/recent-trade",
)
ENDPOINTS = (
    *PUBLIC_ENDPOINTS,
    "order/create",
    "order/realtime",
    "order/history",
    "execution/list",
    "position/list",
    "position/set-leverage",
    "position/trading-stop",
    "account/wallet-balance",
    "user/query-api",
)
"""Paths below /v5."""
LATENCY_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
DELAY_BUCKETS = (15.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0)
ORDER_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 90.0)
SLIPPAGE_BUCKETS = (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05)
MOST_EVENTS, MOST_FILLS = 20, 20
PHASES_SHOWN = 3
"""Phases in which an event can be shown at a time: one scan can see it rise, peak and end."""
HOLD_SECONDS = 45.0
"""Seconds for which a series with a label of any value is shown at least: its rules are evaluated
four times within that, and it is over before the next minute's push."""


def _gauge(job: str, name: str, text: str, *, most: int = 0, **labels: tuple[str, ...]) -> Metric:
    return Metric(f"{job}_{name}", Kind.GAUGE, job, text, tuple(labels.items()), most=most)


def _counter(job: str, name: str, text: str, **labels: tuple[str, ...]) -> Metric:
    return Metric(f"{job}_{name}_total", Kind.COUNTER, job, text, tuple(labels.items()))


def _histogram(
    job: str, name: str, text: str, buckets: tuple[float, ...], **labels: tuple[str, ...]
) -> Metric:
    return Metric(f"{job}_{name}", Kind.HISTOGRAM, job, text, tuple(labels.items()), buckets)


def _api_metrics(job: str, endpoints: tuple[str, ...]) -> tuple[Metric, ...]:
    return (
        _counter(
            job,
            "api_requests",
            "Requests to the exchange by endpoint and what came of them.",
            endpoint=endpoints,
            code=API_CODES,
        ),
        _histogram(
            job,
            "api_latency_seconds",
            "From sending a request to the exchange to its answer.",
            LATENCY_BUCKETS,
            endpoint=endpoints,
        ),
    )


def _common_metrics(job: str) -> tuple[Metric, ...]:
    return (
        _gauge(job, "last_success_timestamp_seconds", "When the last good run ended, Unix time."),
        _gauge(job, "last_failure_timestamp_seconds", "When the last failed run ended, Unix time."),
        _gauge(job, "last_uncounted_timestamp_seconds", "When the table last took no counts."),
        _gauge(job, "duration_seconds", "Wall time of the last run."),
        _gauge(job, "cpu_seconds", "CPU time of the last run, all threads."),
        _gauge(job, "memory_peak_bytes", "Largest memory of the process that ran last."),
        _gauge(job, "memory_limit_bytes", "Memory that Lambda gives the function."),
        _gauge(job, "init_seconds", "From that process' start to its first run."),
        _counter(job, "cold_starts", "Processes that were started for a run."),
        _gauge(job, "requests_last_run", "Requests to the exchange in the last run."),
        _gauge(job, "clock_skew_seconds", "Our clock less the exchange's."),
        _counter(job, "runs", "Runs by result.", result=RESULTS),
        _counter(job, "bad_events", "Invocations or records whose payload was malformed."),
        _counter(job, "push_failures", "Pushes that the gateway did not accept."),
    )


METRICS: tuple[Metric, ...] = (
    *_common_metrics(DETECT),
    *_api_metrics(DETECT, PUBLIC_ENDPOINTS),
    _gauge(DETECT, "tick_delay_seconds", "From the scheduled time to the start of the last run."),
    _gauge(DETECT, "second_of_minute", "Where in the minute the last scan saw the market."),
    _gauge(DETECT, "symbols_scanned", "Symbols in the last snapshot of the market."),
    _gauge(DETECT, "symbols_skipped", "Symbols left out of the last scan because of bad data."),
    _gauge(DETECT, "symbols_warming_up", "Symbols without enough history to signal."),
    _gauge(DETECT, "candidates", "Symbols that the screen could not drop in the last scan."),
    _gauge(DETECT, "candidates_deferred", "Candidates beyond the budget of the last scan."),
    _gauge(DETECT, "candidates_unjudged", "Candidates whose candles or history did not come."),
    _gauge(DETECT, "events_open", "Pump events that are not over."),
    _gauge(DETECT, "signals_last_run", "Signals published by the last run."),
    _gauge(
        DETECT,
        "pump_event_active",
        "Rise from base to peak, as a fraction, of the strongest pump events by phase.",
        most=MOST_EVENTS * PHASES_SHOWN,
        symbol=ANY,
        phase=PHASES,
    ),
    _counter(DETECT, "signals", "Signals by phase.", phase=("rising", "peaked", "over")),
    _histogram(
        DETECT,
        "signal_delay_seconds",
        "From the start of the candle that alarmed to the first signal.",
        DELAY_BUCKETS,
    ),
    _counter(
        DETECT,
        "screen_missed",
        "Candles that the screen dropped and on which the full detector could have signalled.",
    ),
    _counter(
        DETECT,
        "judged",
        "Bursts and candles that a learned score judged, by whether trades were known.",
        trades=("known", "unknown"),
    ),
    _counter(DETECT, "looks", "Bursts that were looked at closely."),
    _counter(DETECT, "looks_skipped", "Bursts beyond the most that a scan looks at."),
    _counter(DETECT, "market_moves", "Moves of the whole market that began."),
    _counter(
        DETECT,
        "scans",
        "Scans between two runs of the schedule, by what became of them.",
        result=SCAN_RESULTS,
    ),
    _gauge(DETECT, "scan_interval_seconds", "Time between two scans as it is set."),
    _gauge(DETECT, "scan_gap_seconds_max", "Longest time between two scans since the last push."),
    _counter(DETECT, "clock_doubts", "Scans by a time of the exchange that was not sure."),
    _counter(DETECT, "bad_candles", "Answers about candles or trades that could not be true."),
    *_common_metrics(TRADE),
    *_api_metrics(TRADE, ENDPOINTS),
    _gauge(TRADE, "mode_info", "1 for the mode in force.", mode=MODES),
    _gauge(TRADE, "equity_usdt", "Equity of the account."),
    _gauge(TRADE, "available_usdt", "Balance that is free for new positions."),
    _gauge(TRADE, "open_positions", "Positions opened by Pumpwatch."),
    _gauge(TRADE, "foreign_positions", "Positions on the account that Pumpwatch did not open."),
    _gauge(TRADE, "exposure_usdt", "Notional of Pumpwatch's positions."),
    _gauge(TRADE, "unrealised_pnl_usdt", "Open profit and loss of Pumpwatch's positions."),
    _gauge(TRADE, "realised_pnl_usdt", "Realised profit and loss after fees, all closed trades."),
    _gauge(TRADE, "positions_without_stop", "Positions without a stop on the exchange; must be 0."),
    _gauge(TRADE, "unknown_orders", "Orders whose outcome is not known yet."),
    _gauge(TRADE, "exits_overdue", "Positions more than a minute past their time limit."),
    _gauge(TRADE, "halted", "1 while a halt stops entries."),
    _gauge(
        TRADE,
        "entries_blocked",
        "1 for each reason for which the last run would have opened nothing.",
        reason=BLOCKED_BY,
    ),
    _gauge(TRADE, "locks", "Locks in force by protection.", protection=PROTECTIONS),
    _gauge(
        TRADE,
        "lock_end_timestamp_seconds",
        "When the last lock of a protection ends, Unix time; 0 without one.",
        protection=PROTECTIONS,
    ),
    _gauge(TRADE, "foreign_orders", "Open orders on the account that Pumpwatch did not make."),
    _gauge(TRADE, "vanished_positions", "Trades whose position is gone without a fill to say why."),
    _gauge(TRADE, "key_expiry_timestamp_seconds", "When the exchange's key expires, Unix time."),
    _gauge(TRADE, "store_calls_last_run", "Calls to the table in the last run."),
    *(
        _gauge(TRADE, name, text, most=MOST_FILLS, symbol=ANY, leg=LEGS, side=SIDES)
        for name, text in FILLS
    ),
    _counter(TRADE, "orders", "Orders by leg and outcome.", leg=LEGS, outcome=OUTCOMES),
    _histogram(
        TRADE,
        "entry_slippage_ratio",
        "How much worse than the signal's price entries were filled; better counts as 0.",
        SLIPPAGE_BUCKETS,
    ),
    _histogram(
        TRADE,
        "signal_to_order_seconds",
        "From the scan that gave the signal to the exchange's acknowledgement of the entry.",
        ORDER_BUCKETS,
    ),
    _histogram(
        TRADE,
        "fill_to_stop_seconds",
        "From an entry's fill to its verified stop, the largest of each run.",
        ORDER_BUCKETS,
    ),
    _counter(TRADE, "trades_closed", "Closed trades by result.", result=("win", "loss")),
    _counter(
        TRADE,
        "repairs",
        "Differences between journal and exchange that were repaired.",
        kind=REPAIRS,
    ),
    _counter(TRADE, "stops_refused", "Positions closed at market because no stop could be set."),
    _counter(TRADE, "exits_refused", "Exits that the exchange refused."),
    _counter(TRADE, "care_missed", "Trades that a run had no time to care for."),
    _counter(TRADE, "problems", "What went wrong in runs, by kind.", kind=PROBLEMS),
    _counter(TRADE, "unreadable_rows", "Rows that were not readable, by list.", list=LISTS),
    _counter(TRADE, "signals_unopened", "Fresh signals without a free place, or time, to open."),
)
