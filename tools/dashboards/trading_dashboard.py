"""The dashboard *Trading*: a row for each question a person asks at three in the morning."""

from __future__ import annotations

from tools.dashboards.order_rows import AGREE, ORDERS, SAFE, TRADE, UNDONE
from tools.dashboards.panels import BAD, CALM, GOOD, WARN, Panel, bars, series, stat, table
from tools.dashboards.shared_rows import KPI_CLUSTER, exchange_row

DAY = 86_400
PAPER, LIVE = 'mode="paper"', 'mode="live"'


def _share(name: str, part: str, legend: str, whole: str = "") -> tuple[str, str]:
    """Return the query of a share over the time shown; nothing where nothing happened."""
    some, all_of_it = TRADE.of(name, part), TRADE.of(name, whole)
    query = f"sum(increase({some}[$__range]))\n/ (sum(increase({all_of_it}[$__range])) > 0)"
    return query, legend


DOING = [
    Panel(
        1,
        "Mode",
        "PAPER: orders are simulated. LIVE: real money.",
        [
            (f"max({TRADE.of('mode_info', PAPER)}) == 1", "PAPER"),
            # Twice, so that the colour tells them apart.
            (f"(max({TRADE.of('mode_info', LIVE)}) == 1) * 2", "LIVE"),
        ],
        stat("short", (2, BAD), base=CALM, shows_name=True),
    ),
    Panel(
        2,
        "Entries",
        "Whether a halt stops all entries. Exits and stops go on; only a person resumes.",
        [TRADE.gauge("halted")],
        stat("short", (1, BAD), words={"0": ("allowed", GOOD), "1": ("HALTED", BAD)}),
    ),
    Panel(
        3,
        "Entries blocked by",
        "1 for each reason for which the last run would have opened nothing.",
        [TRADE.gauge("entries_blocked", "{{reason}}", by="reason")],
        bars("short", (1, WARN)),
    ),
    Panel(
        4,
        "Last good run",
        "Time since the last good run. The schedule is one run a minute, and new signals wake it.",
        [
            TRADE.since("last_success_timestamp_seconds"),
            TRADE.since("last_failure_timestamp_seconds", "{{stage}} last failed run"),
        ],
        stat("s", (120, WARN), (300, BAD)),
    ),
]
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
    *KPI_CLUSTER,
]
MONEY = [
    Panel(
        11,
        "Equity",
        "Equity of the account, and what of it is free for new positions.",
        [
            TRADE.gauge("equity_usdt", "{{stage}} equity"),
            TRADE.gauge("available_usdt", "{{stage}} available"),
        ],
        series("currencyUSD", base=CALM),
    ),
    Panel(
        12,
        "Profit and loss",
        "Realised, after fees and funding, of all closed trades; and that of open positions.",
        [
            TRADE.gauge("realised_pnl_usdt", "{{stage}} realised"),
            TRADE.gauge("unrealised_pnl_usdt", "{{stage}} open"),
        ],
        series("currencyUSD", (0, GOOD), base=BAD),
    ),
    Panel(
        13,
        "Exposure",
        "Notional of Pumpwatch's positions.",
        [TRADE.gauge("exposure_usdt")],
        series("currencyUSD", base=CALM),
    ),
    Panel(
        14,
        "Drawdown",
        "Equity below its highest in 24 hours. Entries pause at 3 % and halt at 6 % (defaults).",
        [
            (
                f"1 - max by (stage) ({TRADE.of('equity_usdt')})\n"
                f"/ max by (stage) (max_over_time({TRADE.of('equity_usdt')}[24h]))",
                "{{stage}}",
            )
        ],
        series("percentunit", (0.03, WARN), (0.06, BAD)),
    ),
]
HELD_BACK = [
    Panel(
        25,
        "Protections",
        "Locks in force by protection. They stop entries only, and end by themselves.",
        [TRADE.gauge("locks", "{{protection}}", by="protection")],
        bars("short", (1, WARN), width=9),
    ),
    Panel(
        26,
        "Until when",
        "When the last lock of each protection ends. Empty when there is none.",
        [
            (
                "(max by (stage, protection) "
                f"({TRADE.of('lock_end_timestamp_seconds')}) > 0) * 1000",
                "{{protection}}",
            )
        ],
        table("dateTimeFromNow", base=CALM, width=9),
    ),
    Panel(
        27,
        "Key expires in",
        "Until the exchange's key expires; none when it does not, or is not known yet.",
        [(f"min by (stage) ({TRADE.of('key_expiry_timestamp_seconds')}) - time()", "{{stage}}")],
        stat("s", (2 * DAY, WARN), (14 * DAY, GOOD), base=BAD),
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
        35,
        "Duration of a run",
        "Wall time of the last run. The function is killed after 25 seconds.",
        [TRADE.gauge("duration_seconds")],
        series("s", (10, WARN), (25, BAD)),
    ),
    Panel(
        34,
        "Cost of a run",
        "Requests to Bybit and calls to the table in the last run.",
        [
            TRADE.gauge("requests_last_run", "{{stage}} requests"),
            TRADE.gauge("store_calls_last_run", "{{stage}} table calls"),
        ],
        series("short", (100, WARN)),
    ),
    Panel(
        37,
        "Lost on the way",
        "Malformed invocations, and pushes of metrics that could not be delivered.",
        [
            TRADE.growth("bad_events_total", "malformed"),
            TRADE.growth("push_failures_total", "not pushed"),
        ],
        series("short", (1, WARN)),
    ),
]
ROWS: dict[str, list[Panel]] = {
    "What is it doing?": DOING,
    "How well does it go?": KPI,
    "What does the money do?": MONEY,
    "What is open, and is it safe?": SAFE,
    "What became of the orders?": ORDERS,
    "What was not done?": UNDONE,
    "What holds entries back?": HELD_BACK,
    "Do journal and exchange agree?": AGREE,
    "Does the exchange answer?": exchange_row(TRADE, 30),
    "Do the runs work?": RUNS,
}
