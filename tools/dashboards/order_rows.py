"""Rows of the dashboard *Trading* about positions and orders."""

from __future__ import annotations

from tools.dashboards.panels import BAD, CALM, TRADE, USDT, WARN, Panel, series, stat, table

OPEN = [
    Panel(
        16,
        "Open positions",
        "Positions that Pumpwatch opened.",
        [TRADE.gauge("open_positions")],
        series("short", (5, WARN), base=CALM, width=8),
    ),
    Panel(
        18,
        "Fill to verified stop",
        "From an entry's fill to the stop that was seen on its position.",
        TRADE.quantiles("fill_to_stop_seconds"),
        series("s", (5, WARN), (15, BAD), width=8),
    ),
    Panel(
        19,
        "Foreign positions and orders",
        "Those on the account that Pumpwatch did not make. They share the margin.",
        [
            TRADE.gauge("foreign_positions", "{{stage}} positions"),
            TRADE.gauge("foreign_orders", "{{stage}} orders"),
        ],
        stat("short", (1, WARN), width=8),
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
        "How much worse than the signal's price entries were filled.",
        TRADE.quantiles("entry_slippage_ratio"),
        series("percentunit", (0.005, WARN), (0.01, BAD), width=5),
    ),
    Panel(
        45,
        "Scan to order",
        "From the scan that gave the signal to the exchange's answer that it has the order.",
        TRADE.quantiles("signal_to_order_seconds"),
        series("s", (30, WARN), (60, BAD), width=4),
    ),
    Panel(
        22,
        "Fills of the last minute",
        "Price of each filled order; its symbol links to the chart. Empty when there was none.",
        [TRADE.gauge("fill_price_usdt", "{{symbol}} {{leg}}", by="stage, symbol, leg")],
        table(USDT, base=CALM, width=4),
    ),
    Panel(
        23,
        "Trades closed",
        "Closed trades since the point before, by result.",
        [TRADE.growth("trades_closed_total", by="result")],
        series(base=CALM, width=3, stacked=True),
    ),
    Panel(
        24,
        "Stops refused",
        "Positions closed at market because no stop could be set, over the time shown.",
        [TRADE.grown("stops_refused_total")],
        stat("short", (0.5, BAD), width=3, decimals=0),
    ),
]
UNDONE = [
    Panel(
        38,
        "Overdue, refused or left out",
        "Exits past their time limit; since the point before: exits refused, trades that a run had "
        "no time for, signals not opened.",
        [
            TRADE.gauge("exits_overdue", "exits overdue"),
            TRADE.growth("exits_refused_total", "exits refused"),
            TRADE.growth("care_missed_total", "trades without care"),
            TRADE.growth("signals_unopened_total", "signals not opened"),
        ],
        series("short", (1, BAD), width=12),
    ),
    Panel(
        39,
        "Problems",
        "What went wrong in runs since the point before, by kind, and unreadable rows, by list.",
        [
            TRADE.growth("problems_total", by="kind"),
            TRADE.growth("unreadable_rows_total", "rows of {{list}}", by="list"),
        ],
        series("short", (1, WARN), width=12),
    ),
]
