"""The dashboard *Trading*: a row for each question a person asks at three in the morning."""

from __future__ import annotations

from tools.dashboards.order_rows import OPEN, ORDERS, UNDONE
from tools.dashboards.panels import (
    BAD,
    CALM,
    DETECT,
    GOOD,
    TRADE,
    USDT,
    WARN,
    Panel,
    bars,
    series,
    stat,
    table,
)
from tools.dashboards.safe_row import SAFE
from tools.dashboards.shared_rows import cpu_of, exchange_row, function_row, memory_of

SECONDS = 25.0
"""The function's time-out in the template."""


def _share(name: str, part: str, legend: str, whole: str = "") -> tuple[str, str]:
    """Return the query of a share over the time shown; nothing where nothing happened."""
    some, all_of_it = TRADE.of(name, part), TRADE.of(name, whole)
    query = f"sum(increase({some}[$__range]))\n/ (sum(increase({all_of_it}[$__range])) > 0)"
    return query, legend


HEADROOM = stat("percentunit", (0.1, WARN), (0.25, GOOD), base=BAD, width=4, height=5, decimals=0)
KPI = [
    Panel(
        5,
        "Fill rate",
        "Orders filled, as a share of those sent, over the time shown.",
        [_share("orders_total", 'outcome="filled"', "filled", whole='outcome!="denied"')],
        stat("percentunit", (0.8, WARN), (0.95, GOOD), base=BAD, width=4, height=5),
    ),
    Panel(
        6,
        "Win rate",
        "Closed trades that won, as a share of all closed ones, over the time shown.",
        [_share("trades_closed_total", 'result="win"', "won")],
        stat("percentunit", base=CALM, width=4, height=5),
    ),
    Panel(
        7,
        "API error rate",
        "Requests to Bybit that failed, as a share of all, over the time shown.",
        [_share("api_requests_total", 'code!="ok"', "failed")],
        stat("percentunit", (0.02, WARN), (0.1, BAD), width=4, height=5),
    ),
    Panel(
        8,
        "Alerts sent",
        "Messages that Grafana sent to Slack over the time shown.",
        [
            (
                'sum(increase(grafana_alerting_notifications_total{job="grafana"}[$__range])) '
                "or vector(0)",
                "alerts",
            )
        ],
        stat("short", (20, WARN), base=CALM, width=4, height=5, decimals=0),
    ),
    Panel(
        9,
        "CPU headroom",
        "What the last run of each function left of the CPU that Lambda gives it.",
        [(f"1 - {cpu_of(function)}", "{{stage}} {{job}}") for function in (DETECT, TRADE)],
        HEADROOM,
    ),
    Panel(
        10,
        "Memory headroom",
        "What each function has never used of its memory since its process began.",
        [(f"1 - {memory_of(function)}", "{{stage}} {{job}}") for function in (DETECT, TRADE)],
        HEADROOM,
    ),
]
MONEY = [
    Panel(
        11,
        "Equity",
        "Equity of the account, and what of it is free for new positions. Marks: entries, exits, "
        "halts.",
        [
            TRADE.gauge("equity_usdt", "{{stage}} equity"),
            TRADE.gauge("available_usdt", "{{stage}} available"),
        ],
        series(USDT, base=CALM, width=12),
    ),
    Panel(
        12,
        "Profit and loss",
        "Realised, after fees and funding, of all closed trades; and that of open positions.",
        [
            TRADE.gauge("realised_pnl_usdt", "{{stage}} realised"),
            TRADE.gauge("unrealised_pnl_usdt", "{{stage}} open"),
        ],
        series(USDT, (0, GOOD), base=BAD),
    ),
    Panel(
        13,
        "Exposure",
        "Notional of Pumpwatch's positions.",
        [TRADE.gauge("exposure_usdt")],
        series(USDT, base=CALM),
    ),
]
HELD_BACK = [
    Panel(
        3,
        "Entries blocked by",
        "1 for each reason for which the last run would have opened nothing.",
        [TRADE.gauge("entries_blocked", "{{reason}}", by="reason")],
        bars("short", (1, WARN), width=8),
    ),
    Panel(
        25,
        "Protections",
        "Locks in force by protection. They stop entries only, and end by themselves.",
        [TRADE.gauge("locks", "{{protection}}", by="protection")],
        bars("short", (1, WARN), width=8),
    ),
    Panel(
        26,
        "Locked until",
        "When the last lock of each protection ends. Empty when there is none.",
        [
            (
                "(max by (stage, protection) "
                f"({TRADE.of('lock_end_timestamp_seconds')}) > 0) * 1000",
                "{{protection}}",
            )
        ],
        table("dateTimeFromNow", base=CALM, width=8),
    ),
]
AGREE = [
    Panel(
        28,
        "Repairs",
        "Differences between journal and exchange that were put right since the point before. "
        "Opened, dropped, closed and exit_ended are usual; resized, stop_set and vanished are not.",
        [TRADE.growth("repairs_total", by="kind")],
        series(base=CALM, width=24, stacked=True),
    ),
]
RUNS = [
    Panel(
        36,
        "Runs by result",
        "Runs since the point before. Busy: another run held the lease; the next one does it.",
        [TRADE.growth("runs_total", by="result")],
        series(base=CALM, stacked=True),
    ),
    Panel(
        46,
        "Last failed run",
        "Time since the last failed run; none when there never was one. One alone is harmless.",
        [TRADE.since("last_failure_timestamp_seconds")],
        stat("s", (600, GOOD), base=WARN),
    ),
    Panel(
        34,
        "Requests per run",
        "Requests to Bybit and calls to the table in the last run.",
        [
            TRADE.gauge("requests_last_run", "{{stage}} requests"),
            TRADE.gauge("store_calls_last_run", "{{stage}} table calls"),
        ],
        series("short", (100, WARN)),
    ),
    Panel(
        37,
        "Malformed input and failed pushes",
        "Malformed invocations, and pushes of metrics that failed, since the point before.",
        [
            TRADE.growth("bad_events_total", "malformed"),
            TRADE.growth("push_failures_total", "not pushed"),
        ],
        series("short", (1, WARN)),
    ),
]
ROWS: dict[str, list[Panel]] = {
    "Is it safe?": SAFE,
    "How well is it doing?": KPI,
    "How is the money doing?": MONEY,
    "What is open?": OPEN,
    "What happened to the orders?": ORDERS,
    "What was not done?": UNDONE,
    "What blocks entries?": HELD_BACK,
    "Do journal and exchange agree?": AGREE,
    "Does the exchange answer?": exchange_row(TRADE, 30),
    "Do the runs work?": RUNS,
    "What does the function use?": function_row(TRADE, (35, 47, 48, 49, 50), SECONDS),
}
