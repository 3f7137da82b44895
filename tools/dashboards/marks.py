"""Marks on the equity: each fill, and the begin and the end of each halt.

A mark stands at the step in which its series appears. The windows of two steps neither overlap nor
leave a gap, so that each event gives a single mark however long its series is shown and however
wide the time shown is. Grafana 13 reads `target`, older versions `expr` and `step`.
"""

from __future__ import annotations

from tools.dashboards.panels import BAD, CALM, CHARTS, GOOD, TRADE, WARN

EQUITY, PROFIT = 11, 12
"""The panels that show them."""
STEP = "30s"
"""Shortest step: longer than two scrapes, shorter than a fill's series is shown."""
_LINKS = " · ".join(
    f'<a href="{url.replace("SYMBOL", "{{symbol}}")}" target="_blank">{name}</a>'
    for name, url in CHARTS.items()
)


def marks() -> list[dict[str, object]]:
    """Return the dashboard's annotations."""
    halted, before = _windows("stage", TRADE.of("halted"))
    began, ended = f"{halted} == 1\nunless {before} == 1", f"{before} == 1\nand {halted} == 0"
    return [
        _mark("Entries", CALM, _fills("entry"), "Entry {{symbol}}", _LINKS),
        _mark("Exits", GOOD, _fills("exit"), "Exit {{symbol}}", _LINKS),
        _mark("Halts", BAD, began, "Halt of {{stage}}", "Entries stop."),
        _mark("Resumed", WARN, ended, "{{stage}} resumed", "Entries go on."),
    ]


def _fills(leg: str) -> str:
    fill = TRADE.of("fill_price_usdt", f'leg="{leg}"')
    return "\nunless ".join(_windows("stage, symbol", fill))


def _windows(labels: str, selector: str) -> tuple[str, str]:
    """Return queries of what was seen since the point before, and in the step before that."""
    seen = f"max by ({labels}) (max_over_time({selector}[$__interval]"
    return f"{seen}))", f"{seen} offset $__interval))"


def _mark(name: str, color: str, expr: str, title: str, text: str) -> dict[str, object]:
    return {
        "name": name,
        "enable": True,
        "iconColor": color,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "filter": {"exclude": False, "ids": [EQUITY, PROFIT]},
        "target": {"refId": "Anno", "expr": expr, "interval": STEP, "range": True},
        "expr": expr,
        "step": STEP,
        "titleFormat": title,
        "textFormat": text,
    }
