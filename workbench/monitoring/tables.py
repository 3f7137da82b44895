"""Prints the tables of `docs/monitoring.md`: `python -m workbench.monitoring.tables`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from pumpwatch.metrics import METRICS

__all__ = ["alert_rows", "metric_rows"]

ALERTING = Path(__file__).resolve().parents[2] / "k8s-monitoring" / "alerting"
SEVERITIES = ("critical", "warning", "info")


def metric_rows() -> Iterator[str]:
    """Yield the table of metrics."""
    yield "| metric | type | labels | meaning |"
    yield "| --- | --- | --- | --- |"
    for metric in METRICS:
        labels = ", ".join(f"`{name}`" for name in metric.label_names)
        yield f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.help} |"


def alert_rows() -> Iterator[str]:
    """Yield the table of alerts, the gravest first, with the first sentence of their runbooks."""
    rules = [
        rule
        for path in sorted(ALERTING.glob("rules-*.yaml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]
    rules.sort(key=lambda rule: SEVERITIES.index(rule["labels"]["severity"]))
    yield "| alert | severity | after | without data |"
    yield "| --- | --- | --- | --- |"
    for rule in rules:
        page = f"runbooks/{rule['title'].lower()}.md"
        missing = "alarm" if rule["noDataState"] == "Alerting" else "quiet"
        severity = rule["labels"]["severity"]
        yield f"| [`{rule['title']}`]({page}) | {severity} | {rule['for']} | {missing} |"


if __name__ == "__main__":
    for line in (*metric_rows(), "", *alert_rows()):
        sys.stdout.write(f"{line}\n")
