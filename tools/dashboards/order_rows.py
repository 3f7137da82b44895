"""Rows of the dashboard *Trading* about positions and orders."""

from __future__ import annotations

from tools.dashboards.panels import BAD, CALM, WARN, DashboardFunction, Panel, series, stat, table

TRADE = DashboardFunction("pumpwatch_trade")


def _shares(histogram: str) -> list[tuple[str, str]]:
    """Return queries of the values that half and 95 % of the observations stay below."""
    rate = f"rate({TRADE.of(f'{histogram}_bucket')}[$__rate_interval])"
    return [
        (f"histogram_quantile({share}, sum by (le) ({rate}))", text)
        for share, text in ((0.5, "half"), (0.95, "95 %"))
    ]


SAFE = [
    Panel(
        15,
        "Positions without a stop",
        "Must be 0. A run sets a missing stop, or closes the position at market.",
        [TRADE.gauge("positions_without_stop")],
        stat("short", (1, BAD), width=5),
    ),
    Panel(
        16,
        "Open positions",
        "Positions that Pumpwatch opened.",
        [TRADE.gauge("open_positions")],
        stat("short", (5, WARN), base=CALM, width=4),
    ),
    Panel(
        17,
        "Unknown orders",
        "Orders whose outcome is not known yet. The next runs ask, and never send again.",
        [TRADE.gauge("unknown_orders")],
        stat("short", (1, WARN), (3, BAD), width=5),
    ),
    Panel(
        18,
        "From fill to verified stop",
        "Longest of the last run in which an entry was filled.",
        [TRADE.gauge("stop_verified_seconds")],
        series("s", (5, WARN), (15, BAD), width=5),
    ),
    Panel(
        19,
        "Not ours",
        "Positions and orders on the account that Pumpwatch did not make. They share the margin.",
        [
            TRADE.gauge("foreign_positions", "{{stage}} positions"),
            TRADE.gauge("foreign_orders", "{{stage}} orders"),
        ],
        stat("short", (1, WARN), width=5),
    ),
]
ORDERS = [
    Panel(
        20,
        "Orders by outcome",
        "Orders since the point before. Denied: refused by our own limits, never sent.",
        [TRADE.growth("orders_total", by="leg, outcome")],
        series(base=CALM, width=5, stacked=True),
    ),
    Panel(
        21,
        "Slippage",
        "How much worse than the signal's price entries were filled: half stay below the first "
        "line, 95 % below the second.",
        _shares("entry_slippage_ratio"),
        series("percentunit", (0.005, WARN), (0.01, BAD), width=5),
    ),
    Panel(
        45,
        "From scan to order",
        "From the scan that gave the signal to the exchange's answer that it has the order.",
        _shares("signal_to_order_seconds"),
        series("s", (30, WARN), (60, BAD), width=4),
    ),
    Panel(
        22,
        "Fills of this minute",
        "Price of each order filled within the last minute. Empty when there was none.",
        [TRADE.gauge("fill_price_usdt", "{{symbol}} {{leg}}", by="stage, symbol, leg")],
        table("currencyUSD", base=CALM, width=4),
    ),
    Panel(
        23,
        "Trades closed",
        "Closed trades since the point before, by result.",
        [TRADE.growth("trades_closed_total", by="result")],
        series(base=CALM, width=3),
    ),
    Panel(
        24,
        "Stops refused",
        "Positions closed at market because no stop could be set, over the time shown.",
        [TRADE.growth("stops_refused_total", "refused", within="$__range")],
        stat("short", (0.5, BAD), width=3, decimals=0),
    ),
]
AGREE = [
    Panel(
        28,
        "Repairs",
        "Differences between journal and exchange that were put right. Opened, dropped, closed and "
        "exit_ended are usual; resized, stop_set and vanished are not.",
        [TRADE.growth("repairs_total", by="kind")],
        series(base=CALM, width=18, stacked=True),
    ),
    Panel(
        29,
        "Vanished positions",
        "Trades whose position is gone without a fill to say why. They halt entries.",
        [TRADE.gauge("vanished_positions")],
        stat("short", (1, BAD)),
    ),
]

UNDONE = [
    Panel(
        38,
        "Not done",
        "Exits past their time limit or refused, trades without care, signals not opened.",
        [
            TRADE.gauge("exits_overdue", "exits_overdue"),
            *(
                (f"sum by (stage) (increase({TRADE.of(name + '_total')}[$__rate_interval]))", name)
                for name in ("exits_refused", "care_missed", "signals_unopened")
            ),
        ],
        series("short", (1, BAD), width=12),
    ),
    Panel(
        39,
        "Problems",
        "What went wrong in runs, by kind, and rows that were not readable, by list.",
        [
            (f"sum by ({label}) (increase({TRADE.of(name)}[$__rate_interval]))", f"{{{{{label}}}}}")
            for name, label in (("problems_total", "kind"), ("unreadable_rows_total", "list"))
        ],
        series("short", (1, WARN), width=12),
    ),
]
