"""The first row of *Trading*: is it safe? In words and colours, not in numbers to judge."""

from __future__ import annotations

from tools.dashboards.panels import (
    BAD,
    CALM,
    DETECT,
    GOOD,
    NO_DATA,
    NONE,
    TRADE,
    UNKNOWN,
    WARN,
    Panel,
    light,
)

DAY = 86_400
LIVE = TRADE.of("mode_info", 'mode="live"')
USES_ACCOUNT = TRADE.of("mode_info", 'mode=~"demo|live"')
DRAWDOWN = (
    f"1 - max by (stage) ({TRADE.of('equity_usdt')})\n"
    f"/ max by (stage) (max_over_time({TRADE.of('equity_usdt')}[24h]))"
)
EXPIRY = f"min by (stage) ({TRADE.of('key_expiry_timestamp_seconds')}) - time()"
SAFE = [
    Panel(
        1,
        "Mode",
        "PAPER: orders are simulated. DEMO: a demo account. LIVE: real money.",
        [(f"max by (stage) ({LIVE}) + max by (stage) ({USES_ACCOUNT})", "{{stage}}")],
        light(words={"0": ("PAPER", CALM), "1": ("DEMO", CALM), "2": ("LIVE", WARN), **UNKNOWN}),
    ),
    Panel(
        2,
        "Halted",
        "YES: nothing is opened until a person resumes. Exits and stops go on.",
        [TRADE.gauge("halted")],
        light(words={"0": ("no", GOOD), "1": ("YES", BAD), **UNKNOWN}),
        "HaltActive",
    ),
    Panel(
        15,
        "Positions without a stop",
        "Must be none. A run sets a missing stop, or closes the position at market.",
        [TRADE.gauge("positions_without_stop")],
        light("short", (1, BAD), words=NONE),
        "PositionWithoutStop",
    ),
    Panel(
        40,
        "Exits overdue",
        "Positions more than a minute past their time limit.",
        [TRADE.gauge("exits_overdue")],
        light("short", (1, BAD), words=NONE),
        "ExitsOverdue",
    ),
    Panel(
        17,
        "Unknown orders",
        "Orders whose outcome is not known yet. The next runs ask, and never send again.",
        [TRADE.gauge("unknown_orders")],
        light("short", (1, WARN), (3, BAD), words=NONE),
        "UnknownOrders",
    ),
    Panel(
        29,
        "Vanished positions",
        "Trades whose position is gone without a fill to say why. They halt entries.",
        [TRADE.gauge("vanished_positions")],
        light("short", (1, BAD), words=NONE),
        "ReconciliationMismatch",
    ),
    Panel(
        42,
        "Detector's last good run",
        "Time since then. The schedule is one run a minute.",
        [DETECT.since("last_success_timestamp_seconds")],
        light("s", (120, WARN), (300, BAD), words=UNKNOWN),
        "DetectorSilent",
    ),
    Panel(
        4,
        "Trader's last good run",
        "Time since then. The schedule is one run a minute, and new signals wake it.",
        [TRADE.since("last_success_timestamp_seconds")],
        light("s", (120, WARN), (300, BAD), words=UNKNOWN),
        "TraderSilent",
    ),
    Panel(
        14,
        "Drawdown",
        "Equity below its highest in 24 hours. Entries pause at 3 % and halt at 6 % (defaults).",
        [(DRAWDOWN, "{{stage}}")],
        light("percentunit", (0.03, WARN), (0.06, BAD), words=UNKNOWN, decimals=1),
        "Drawdown",
    ),
    Panel(
        43,
        "Protections active",
        "Locks in force. They stop entries only, and end by themselves.",
        [(f"sum by (stage) ({TRADE.of('locks')})", "{{stage}}")],
        light("short", (1, WARN), words=NONE),
        "EntriesBlocked",
    ),
    Panel(
        41,
        "Problems in the last hour",
        "What went wrong in runs. The panel Problems further down shows of which kind.",
        [TRADE.grown("problems_total", "1h")],
        light("short", (0.5, WARN), (10, BAD), words=NONE),
        "Problems",
    ),
    Panel(
        27,
        "Key expires in",
        "Until the exchange's key expires; none when it does not, or is not known yet.",
        [(EXPIRY, "{{stage}}")],
        light("s", (2 * DAY, WARN), (14 * DAY, GOOD), base=BAD, words={NO_DATA: ("none", GOOD)}),
        "KeyExpiring",
    ),
]
