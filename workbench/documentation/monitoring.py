"""`docs/metrics.md` and `docs/alerts.md`, made from the metrics and the alert rules: `make pages`."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from pumpwatch.metrics import METRICS
from workbench.documentation.source import REPOSITORY

__all__ = ["ALERTS_PAGE", "METRICS_PAGE", "alerts_page", "metrics_page"]

METRICS_PAGE = REPOSITORY / "docs" / "metrics.md"
ALERTS_PAGE = REPOSITORY / "docs" / "alerts.md"
ALERTING = REPOSITORY / "k8s-monitoring" / "alerting"
SEVERITIES = ("critical", "warning", "info")
METRICS_HEAD = """\
# Metrics

What each metric is called, what it counts and which labels it has. Made by `make pages` from `pumpwatch/metrics.py`,
the one list to which dashboards, alerts and runbooks are held; do not edit this page by hand.

Gauges describe the last good run; a failed run changes only its own time. Counters and histograms are totals kept in
DynamoDB, one item for each function: a run's increments are added in a conditional update that carries the run's id (a
repeat changes nothing), and the totals that come back are pushed. So `rate()` and `increase()` hold across cold starts
([decision 14](decisions/0014-totals-live-in-the-table.md)). All have the labels `job` (`pumpwatch_detect` or
`pumpwatch_trade`) and `stage`. Only two have a symbol, and at most 60 and 20 series: a market of 2,000 symbols pushes
as much as one of 20, fewer than 1,000 series in all.

`code` of the requests: `ok` (benign codes included), `rate_limited` (10006, HTTP 429), `forbidden` (HTTP 403, 10008,
10009, 10018), `key_refused` (10003, 10004, 10005, 10010, 33004, HTTP 401), `clock` (10002), `unavailable` (10000,
10016, HTTP 5xx and the like), `refused` (any other refusal), `no_answer` (time-out, reset, unreadable). The exact code
is in the log.
"""
ALERTS_HEAD = """\
# Alerts

What fires, how grave it is, how long its condition must hold, and what happens when the number is not there at all
(*without data*). Made by `make pages` from `k8s-monitoring/alerting/`; do not edit this page by hand.

Grafana evaluates and sends them; each has a [runbook](runbooks/README.md). Critical ones mention the channel and come
again every hour, warnings every six hours, information once. The alarms of CloudWatch are others and do not need this
cluster: see [incidents](incidents.md).

A pump reaches Slack within 45 seconds of its push: at most 10 s until the next scrape, 10 s until the next evaluation,
10 s until the next message of its group, and what Slack takes. A pump gives at most three messages: its events are
grouped by symbol and there are no resolve messages. The gauges behind them hold at most 20 events, each for at least 45
seconds, so that a scrape or an evaluation that is missed loses nothing. `Heartbeat` comes once a day: when it does not,
silence means nothing.
"""


def metrics_page() -> str:
    """Return the text of the page about metrics."""
    return "\n".join([METRICS_HEAD, *_metric_rows(), ""])


def alerts_page() -> str:
    """Return the text of the page about alerts."""
    return "\n".join([ALERTS_HEAD, *_alert_rows(), ""])


def _metric_rows() -> Iterator[str]:
    yield from ("| metric | type | labels | meaning |", "| --- | --- | --- | --- |")
    for metric in METRICS:
        labels = ", ".join(f"`{name}`" for name in metric.label_names)
        yield f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.help} |"


def _alert_rows() -> Iterator[str]:
    rules = [
        rule
        for path in sorted(ALERTING.glob("rules-*.yaml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]
    rules.sort(key=lambda rule: SEVERITIES.index(rule["labels"]["severity"]))
    yield from ("| alert | severity | after | without data |", "| --- | --- | --- | --- |")
    for rule in rules:
        page = f"runbooks/{rule['title'].lower()}.md"
        missing = "alarm" if rule["noDataState"] == "Alerting" else "quiet"
        severity = rule["labels"]["severity"]
        yield f"| [`{rule['title']}`]({page}) | {severity} | {rule['for']} | {missing} |"
