"""The report as one JSON object: every figure, event, trade, halt and pause of the period."""

from __future__ import annotations

import math
from dataclasses import asdict
from decimal import Decimal
from enum import Enum

from pumpwatch.adapters.records import record_fields
from workbench.journal.candles import alarms_of
from workbench.journal.figures import Figures
from workbench.journal.period import Period

__all__ = ["document_of"]


def document_of(period: Period, figures: Figures) -> dict[str, object]:
    """Return what `pumpwatch report --json` prints. Money is text, times are milliseconds UTC."""
    kpis = {name: value for name, value in asdict(figures).items() if name != "not_recorded"}
    kpis |= {
        "fill_rate": figures.fill_rate,
        "win_rate": figures.win_rate,
        "api": [{**asdict(row), "error_rate": row.error_rate} for row in figures.api],
    }
    document: dict[str, object] = {
        "source": period.source,
        "stage": period.stage,
        "since": period.since,
        "until": period.until,
        "kpis": kpis,
        "events": [record_fields(alarm) for alarm in alarms_of(period.signals).values()],
        "trades": [record_fields(trade) for trade in period.trades],
        "halts": [{**record_fields(one.halt), "ended": one.ended} for one in period.halts],
        "locks": [record_fields(lock) for lock in period.locks],
        "not_recorded": list(figures.not_recorded),
    }
    plain: dict[str, object] = _plain(document)  # type: ignore[assignment]
    return plain


def _plain(value: object) -> object:
    """Return the value with money as text and without anything that JSON does not know."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, float) and math.isinf(value):
        return None
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
