"""`docs/metrics.md` and `docs/alerts.md`, made from metrics and alert rules: `make pages`."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from pumpwatch.metrics.catalogue import METRICS
from tools.documentation.heads import head_of
from tools.documentation.source import REPOSITORY

METRICS_PAGE = REPOSITORY / "docs" / "metrics.md"
ALERTS_PAGE = REPOSITORY / "docs" / "alerts.md"
ALERTING = REPOSITORY / "k8s-monitoring" / "alerting"
SEVERITIES = ("critical", "warning", "info")


def metrics_page() -> str:
    """Return the text of the page about metrics."""
    return "\n".join([head_of("metrics"), *_metric_rows(), ""])


def alerts_page() -> str:
    """Return the text of the page about alerts."""
    return "\n".join([head_of("alerts"), *_alert_rows(), ""])


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
