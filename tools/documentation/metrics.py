"""`docs/metrics.md`, made from the metrics' catalogue: `make pages`."""

from __future__ import annotations

from collections.abc import Iterator

from pumpwatch.metrics.catalogue import METRICS, Kind, Metric
from tools.documentation.source import head_of


def metrics_page() -> str:
    """Return the page's text."""
    return "\n".join([head_of("metrics"), *_tables()])


def _tables() -> Iterator[str]:
    for kind in Kind:
        yield from (f"## {kind.value.title()}s", "", "| metric | meaning |", "| --- | --- |")
        yield from _rows([metric for metric in METRICS if metric.kind is kind])
        yield ""


def _rows(metrics: list[Metric]) -> Iterator[str]:
    """Yield a row for each metric; what both functions have shares a row."""
    names: dict[tuple[str, str], list[str]] = {}
    for metric in metrics:
        labels = f"{{{','.join(metric.label_names)}}}" if metric.labels else ""
        shared = (metric.name.removeprefix(metric.job), metric.help)
        names.setdefault(shared, []).append(f"`{metric.name}{labels}`")
    for (_, meaning), same in names.items():
        yield f"| {', '.join(same)} | {meaning} |"
