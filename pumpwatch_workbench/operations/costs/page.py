"""`docs/costs.md`, made of the measurements: `pumpwatch costs --write`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Template

from pumpwatch_workbench.deployment import MEASUREMENTS

from .model import (
    COLD_STARTS,
    SLOWER,
    MonthlyCost,
    billed_seconds,
    monthly_cost,
    options,
)
from .prices import AS_OF, FRANKFURT
from .usage import MEASURED_SYMBOLS, installation, tick_uses

TEXT = Path(__file__).with_name("page.md")
SCANS = (60, 15, 5, 1)
TARGET, TARGET_SECONDS = 10, 5
"""Dollars a month for 1,000 symbols, and the time between two scans."""


def costs(symbols: int, scan_seconds: int, results: Path = MEASUREMENTS) -> MonthlyCost:
    """Return a month's cost. Raises `BadInput` for a number that was not measured."""
    return monthly_cost(
        tick_uses(results, symbols),
        installation(),
        FRANKFURT,
        symbols=symbols,
        scan_seconds=scan_seconds,
    )


def costs_page(results: Path = MEASUREMENTS) -> str:
    """Return the page's text."""
    return Template(TEXT.read_text(encoding="utf-8")).substitute(
        target=TARGET,
        often=TARGET_SECONDS,
        overview="\n".join(_overview(results)),
        most=f"{MEASURED_SYMBOLS[-1]:,}",
        services="\n".join(_services(results)),
        options="\n".join(_options()),
        slower=f"{SLOWER:g}",
        cold=COLD_STARTS,
        as_of=AS_OF,
    )


def _overview(results: Path) -> Iterator[str]:
    yield "| symbols | scan every | a minute's run | a scan | fixed | growing | together |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for scan in SCANS:
        for symbols in MEASURED_SYMBOLS:
            cost = costs(symbols, scan, results)
            uses, memory = tick_uses(results, symbols), installation().detect_megabytes
            yield (
                f"| {symbols:,} | {scan} s | {billed_seconds(uses['detect'], memory):.2f} s "
                f"| {billed_seconds(uses['scan'], memory):.2f} s | {cost.fixed:.2f} "
                f"| {cost.growing:.2f} | **{cost.total:.2f}** |"
            )


def _services(results: Path) -> Iterator[str]:
    yield "| service | part | dollars |"
    yield "| --- | --- | ---: |"
    cost = costs(MEASURED_SYMBOLS[-1], TARGET_SECONDS, results)
    for line in sorted(cost.lines, key=lambda line: -line.dollars):
        yield f"| {line.service} | {'growing' if line.growing else 'fixed'} | {line.dollars:.3f} |"
    yield f"| together | | **{cost.total:.2f}** |"


def _options() -> Iterator[str]:
    yield "| switch | dollars |"
    yield "| --- | ---: |"
    for line in options(FRANKFURT, scan_seconds=TARGET_SECONDS):
        yield f"| {line.service} | {line.dollars:.2f} |"
