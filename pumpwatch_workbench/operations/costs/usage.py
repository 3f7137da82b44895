"""Resources that a tick and a scan use, as `make bench` measured them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pumpwatch.errors import BadInput
from pumpwatch_workbench.deployment import TEMPLATE
from pumpwatch_workbench.local.aws.template import Template, load_template

MEASURED_SYMBOLS = (200, 600, 1_000)
FUNCTION_OF = {"scan": "detect"}


@dataclass(frozen=True, slots=True)
class TickUse:
    """One warm invocation of one function. Seconds and bytes as measured here."""

    seconds: float
    cpu_seconds: float
    init_cpu_seconds: float
    table_reads: float
    table_writes: float
    bucket_reads: float
    bucket_writes: float
    log_bytes: float


@dataclass(frozen=True, slots=True)
class InstallationSize:
    """Resources that the template creates with its defaults and a Pushgateway."""

    detect_megabytes: int
    trade_megabytes: int
    alarms: int
    secrets: int


def tick_uses(results: Path, symbols: int) -> dict[str, TickUse]:
    """Return what a tick of detect and trade, and a single scan, use with so many symbols.

    Raises `BadInput`.
    """
    try:
        figures: Mapping[str, float] = json.loads(results.read_text(encoding="utf-8"))["lambda"]
        return {name: _tick_use(figures, name, symbols) for name in ("detect", "trade", "scan")}
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(
            f"{results} has no measurement for {symbols} symbols ({error}): make bench ARGS=lambda"
        ) from None


def _tick_use(figures: Mapping[str, float], name: str, symbols: int) -> TickUse:
    def of(what: str) -> float:
        return figures[f"{name}_{symbols}_symbols_{what}"]

    return TickUse(
        seconds=of("warm_seconds_p50"),
        cpu_seconds=of("warm_cpu_seconds_mean"),
        init_cpu_seconds=figures[f"{FUNCTION_OF.get(name, name)}_init_cpu_seconds"],
        table_reads=of("table_reads"),
        table_writes=of("table_writes"),
        bucket_reads=of("bucket_reads"),
        bucket_writes=of("bucket_writes"),
        log_bytes=of("log_bytes"),
    )


@cache
def installation() -> InstallationSize:
    """Count what the real template makes."""
    document = load_template(TEMPLATE)
    given = {"PushgatewayUrl": "https://push.example.org"}
    template = Template(document, given, stack="costs", region="eu-central-1")
    return InstallationSize(
        detect_megabytes=int(template.parameters["DetectMemoryMegabytes"]),
        trade_megabytes=int(template.parameters["TradeMemoryMegabytes"]),
        alarms=len(list(template.resources("AWS::CloudWatch::Alarm"))),
        secrets=len(list(template.resources("AWS::SecretsManager::Secret"))),
    )
