"""Rows of the dashboard *Trading* about positions and orders."""

from __future__ import annotations

from tools.dashboards.panels import BAD, CALM, WARN, Panel, steps
from tools.dashboards.shared_rows import selected

JOB = "pumpwatch_trade"


def ours(name: str, more: str = "") -> str:
    """Return a selector of one of trade's metrics."""
    return selected(f"{JOB}_{name}", more)


def by_stage(name: str) -> tuple[str, str]:
    """Return the query of a gauge by stage, and its legend."""
    return f"max by (stage) ({ours(name)})", "{{stage}}"


SAFE = [
    Panel(
        15,
        "Positions without a stop",
        "Must be 0. A run sets a missing stop, or closes the position at market.",
        [by_stage("positions_without_stop")],
        kind="stat",
        thresholds=steps((1, BAD)),
        width=5,
    ),
    Panel(
        16,
        "Open positions",
        "Positions that Pumpwatch opened.",
        [by_stage("open_positions")],
        kind="stat",
        thresholds=steps((5, WARN), base=CALM),
        width=4,
    ),
    Panel(
        17,
        "Unknown orders",
        "Orders whose outcome is not known yet. The next runs ask, and never send again.",
        [by_stage("unknown_orders")],
        kind="stat",
        thresholds=steps((1, WARN), (3, BAD)),
        width=5,
    ),
    Panel(
        18,
        "From fill to verified stop",
        "Longest of the last run in which an entry was filled.",
        [by_stage("stop_verified_seconds")],
        unit="s",
        thresholds=steps((5, WARN), (15, BAD)),
        width=5,
    ),
    Panel(
        19,
        "Not ours",
        "Positions and orders on the account that Pumpwatch did not make. They share the margin.",
        [
            (f"max by (stage) ({ours('foreign_positions')})", "{{stage}} positions"),
            (f"max by (stage) ({ours('foreign_orders')})", "{{stage}} orders"),
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
                f"sum by (leg, outcome) (increase({ours('orders_total')}[$__rate_interval]))",
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
                f"(rate({ours('entry_slippage_ratio_bucket')}[$__rate_interval])))",
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
        [(f"max by (stage, symbol, leg) ({ours('fill_price_usdt')})", "{{symbol}} {{leg}}")],
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
                f"sum by (result) (increase({ours('trades_closed_total')}[$__rate_interval]))",
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
        [(f"sum(increase({ours('stops_refused_total')}[$__range]))", "refused")],
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
        [(f"sum by (kind) (increase({ours('repairs_total')}[$__rate_interval]))", "{{kind}}")],
        thresholds=steps(base=CALM),
        width=18,
        stacked=True,
    ),
    Panel(
        29,
        "Vanished positions",
        "Trades whose position is gone without a fill to say why. They halt entries.",
        [by_stage("vanished_positions")],
        kind="stat",
        thresholds=steps((1, BAD)),
    ),
]

UNDONE = [
    Panel(
        38,
        "Not done",
        "Exits past their time limit or refused, trades without care, signals not opened.",
        [
            (f"max by (stage) ({ours('exits_overdue')})", "exits_overdue"),
            *(
                (f"sum by (stage) (increase({ours(name + '_total')}[$__rate_interval]))", name)
                for name in ("exits_refused", "care_missed", "signals_unopened")
            ),
        ],
        thresholds=steps((1, BAD)),
        width=12,
    ),
    Panel(
        39,
        "Problems",
        "What went wrong in runs, by kind, and rows that were not readable, by list.",
        [
            (
                f"sum by ({label}) (increase({ours(name)}[$__rate_interval]))",
                f"{{{{{label}}}}}",
            )
            for name, label in (("problems_total", "kind"), ("unreadable_rows_total", "list"))
        ],
        thresholds=steps((1, WARN)),
        width=12,
    ),
]
