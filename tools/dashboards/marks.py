"""Marks on the equity: each fill, and the begin and the end of each halt.

A mark stands at the step in which its series appears. The windows of two steps neither overlap nor
leave a gap, so that each event gives a single mark however long its series is shown and however
wide the time shown is. Grafana 13 reads `target`, older versions `expr` and `step`.
"""

from __future__ import annotations

from tools.dashboards.order_rows import TRADE
from tools.dashboards.panels import BAD, CALM, GOOD, WARN, chart_of

EQUITY, PROFIT = 11, 12
"""The panels that show them."""
STEP = "30s"
"""Shortest step: longer than two scrapes, shorter than a fill's series is shown."""


def marks() -> list[dict[str, object]]:
    """Return the dashboard's annotations."""
    halted = _window("halted", "stage"), _window("halted", "stage", " offset $__interval")
    began = f"{halted[0]} == 1\nunless {halted[1]} == 1"
    ended = f"{halted[1]} == 1\nand {halted[0]} == 0"
    return [
        _mark("Entries", CALM, _fills("entry"), "Entry {{symbol}}", _LINKS),
        _mark("Exits", GOOD, _fills("exit"), "Exit {{symbol}}", _LINKS),
        _mark("Halts", BAD, began, "Halt of {{stage}}", "Entries stop."),
        _mark("Resumed", WARN, ended, "{{stage}} resumed", "Entries go on."),
    ]


_LINKS = " · ".join(
    f'<a href="{chart_of("{{symbol}}", name)}" target="_blank">{name}</a>'
    for name in ("Bybit", "TradingView")
)


def _fills(leg: str) -> str:
    labels, of_leg = "stage, symbol", f'leg="{leg}"'
    now = _window("fill_price_usdt", labels, more=of_leg)
    return f"{now}\nunless {_window('fill_price_usdt', labels, ' offset $__interval', of_leg)}"


def _window(name: str, labels: str, offset: str = "", more: str = "") -> str:
    selected = f"{TRADE.of(name, more)}[$__interval]{offset}"
    return f"max by ({labels}) (max_over_time({selected}))"


def _mark(name: str, color: str, expr: str, title: str, text: str) -> dict[str, object]:
    return {
        "name": name,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "filter": {"exclude": False, "ids": [EQUITY, PROFIT]},
        "target": {"refId": "Anno", "expr": expr, "interval": STEP, "range": True},
        "expr": expr,
        "step": STEP,
        "titleFormat": title,
        "textFormat": text,
        "useValueForTime": False,
    }
