"""Rows of the dashboard *Trading* about positions and orders."""

from __future__ import annotations

from workbench.monitoring.panels import BAD, CALM, WARN, Panel, steps
from workbench.monitoring.shared_rows import selected

__all__ = ["AGREE", "ORDERS", "SAFE", "UNDONE"]

JOB = "pumpwatch_trade"


def _one(name: str, more: str = "") -> str:
    return selected(f"{JOB}_{name}", more)


def _by_stage(name: str) -> tuple[str, str]:
    return f"max by (stage) ({_one(name)})", "{{stage}}"


SAFE = [
    Panel(
        15,
        "Positions without a stop",
        "Must be 0. A run sets a missing stop, or closes the position at market.",
        [_by_stage("positions_without_stop")],
        kind="stat",
        thresholds=steps((1, BAD)),
        width=5,
    ),
    Panel(
        16,
        "Open positions",
        "Positions that Pumpwatch opened.",
        [_by_stage("open_positions")],
        kind="stat",
        thresholds=steps((5, WARN), base=CALM),
        width=4,
    ),
    Panel(
        17,
        "Unknown orders",
        "Orders whose outcome is not known yet. The next runs ask, and never send again.",
        [_by_stage("unknown_orders")],
        kind="stat",
        thresholds=steps((1, WARN), (3, BAD)),
        width=5,
    ),
    Panel(
        18,
        "From fill to verified stop",
        "Longest of the last run in which an entry was filled.",
        [_by_stage("stop_verified_seconds")],
        unit="s",
        thresholds=steps((5, WARN), (15, BAD)),
        width=5,
    ),
    Panel(
        19,
        "Not ours",
        "Positions and orders on the account that Pumpwatch did not make. They share the margin.",
        [
            (f"max by (stage) ({_one('foreign_positions')})", "{{stage}} positions"),
            (f"max by (stage) ({_one('foreign_orders')})", "{{stage}} orders"),
        ],
        kind="stat",
        thresholds=steps((1, WARN)),
        width=5,
    ),
]
ORDERS = [
    Panel(
        20,
        "Orders by outcome",
        "Orders since the point before. Denied: refused by our own limits, never sent.",
        [
            (
                f"sum by (leg, outcome) (increase({_one('orders_total')}[$__rate_interval]))",
                "{{leg}} {{outcome}}",
            )
        ],
        thresholds=steps(base=CALM),
        stacked=True,
    ),
    Panel(
        21,
        "Slippage",
        "How much worse than the signal's price entries were filled: half stay below the first "
        "line, 95 % below the second.",
        [
            (
                f"histogram_quantile({share}, sum by (le) "
                f"(rate({_one('entry_slippage_ratio_bucket')}[$__rate_interval])))",
                text,
            )
            for share, text in ((0.5, "half"), (0.95, "95 %"))
        ],
        unit="percentunit",
        thresholds=steps((0.005, WARN), (0.01, BAD)),
    ),
    Panel(
        22,
        "Fills of this minute",
        "Price of each order filled within the last minute. Empty when there was none.",
        [(f"max by (stage, symbol, leg) ({_one('fill_price_usdt')})", "{{symbol}} {{leg}}")],
        kind="table",
        unit="currencyUSD",
        thresholds=steps(base=CALM),
        width=5,
    ),
    Panel(
        23,
        "Trades closed",
        "Closed trades since the point before, by result.",
        [
            (
                f"sum by (result) (increase({_one('trades_closed_total')}[$__rate_interval]))",
                "{{result}}",
            )
        ],
        thresholds=steps(base=CALM),
        width=4,
    ),
    Panel(
        24,
        "Stops refused",
        "Positions closed at market because no stop could be set, over the time shown.",
        [(f"sum(increase({_one('stops_refused_total')}[$__range]))", "refused")],
        kind="stat",
        thresholds=steps((0.5, BAD)),
        width=3,
        decimals=0,
    ),
]
AGREE = [
    Panel(
        28,
        "Repairs",
        "Differences between journal and exchange that were put right. Opened, dropped, closed and "
        "exit_ended are usual; resized, stop_set and vanished are not.",
        [(f"sum by (kind) (increase({_one('repairs_total')}[$__rate_interval]))", "{{kind}}")],
        thresholds=steps(base=CALM),
        width=18,
        stacked=True,
    ),
    Panel(
        29,
        "Vanished positions",
        "Trades whose position is gone without a fill to say why. They halt entries.",
        [_by_stage("vanished_positions")],
        kind="stat",
        thresholds=steps((1, BAD)),
    ),
]


def _undone(number: int, title: str, description: str, name: str, *, by: str = "stage") -> Panel:
    """Return a panel of what was not done, a counter by its label."""
    query = f"sum by ({by}) (increase({_one(name)}[$__rate_interval]))"
    return Panel(
        number,
        title,
        description,
        [(query, f"{{{{{by}}}}}")],
        thresholds=steps((1, BAD if by == "stage" else WARN)),
        width=4,
    )


UNDONE = [
    Panel(
        38,
        "Exits overdue",
        "Positions more than a minute past their time limit. Must be 0.",
        [_by_stage("exits_overdue")],
        kind="stat",
        thresholds=steps((1, BAD)),
        width=4,
    ),
    _undone(
        39,
        "Exits refused",
        "Exits that the exchange refused; each run sends them again.",
        "exits_refused_total",
    ),
    _undone(
        40,
        "Care missed",
        "Trades whose stops and exits a run had no time for.",
        "care_missed_total",
    ),
    _undone(
        41,
        "Unreadable rows",
        "Rows of the account's lists that were not readable. They block entries.",
        "unreadable_rows_total",
        by="list",
    ),
    _undone(
        42,
        "Problems",
        "What went wrong in runs and was left to the next one, by kind.",
        "problems_total",
        by="kind",
    ),
    _undone(
        43,
        "Signals not opened",
        "Fresh signals without a free place, or time, to open.",
        "signals_unopened_total",
    ),
]
