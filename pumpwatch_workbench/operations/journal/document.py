"""The report as one JSON object: every figure, event, trade, halt and pause of the period."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import cast

from pumpwatch.adapters.records import record_fields
from pumpwatch_workbench.calendar_sums import DAYS, WEEKS
from pumpwatch_workbench.operations.journal.candles import alarms_of
from pumpwatch_workbench.operations.journal.figures import Figures
from pumpwatch_workbench.operations.journal.kpis import kpis_of
from pumpwatch_workbench.operations.journal.period import Period
from pumpwatch_workbench.operations.journal.runs import Machine
from pumpwatch_workbench.pages.words import plain


def document_of(period: Period, figures: Figures) -> dict[str, object]:
    """Return what `pumpwatch report --json` prints. Money is text, times are milliseconds UTC."""
    document: dict[str, object] = {
        "source": period.source,
        "stage": period.stage,
        "since": period.since,
        "until": period.until,
        "kpis": _flat(figures),
        "key_figures": [asdict(kpi) for kpi in kpis_of(figures)],
        "days": period.calendar(DAYS),
        "weeks": period.calendar(WEEKS),
        "events": [record_fields(alarm) for alarm in alarms_of(period.signals).values()],
        "trades": [record_fields(trade) for trade in period.trades],
        "halts": [{**record_fields(halt), "ended": ended} for halt, ended in period.halts],
        "locks": [record_fields(lock) for lock in period.locks],
        "not_recorded": list(figures.not_recorded),
    }
    return cast(dict[str, object], plain(document))


def _flat(figures: Figures) -> dict[str, object]:
    trading, runs, machine = figures.trading, figures.runs, figures.machine
    flat: dict[str, object] = {
        "events": figures.events,
        "signals": figures.signals,
        **asdict(trading),
        "fill_rate": trading.fill_rate,
        "win_rate": trading.win_rate,
        **asdict(figures.spending),
        "api": [{**asdict(row), "error_rate": row.error_rate} for row in figures.api],
        "functions": [
            {
                **asdict(function),
                "time_headroom": function.time_headroom,
                "memory_headroom": function.memory_headroom,
            }
            for function in figures.functions
        ],
        "histograms": [asdict(bounds) for bounds in figures.histograms],
        "repairs": figures.repairs,
        "agreement": None if figures.agreement is None else asdict(figures.agreement),
        "ticks": runs and runs.ticks,
        "late_ticks": runs and runs.late,
        "failed_ticks": runs and runs.failed,
        "alerts_raised": runs and runs.alerts_raised,
        "alerts_delivered": runs and runs.alerts_delivered,
        "equity": runs and runs.equity,
    }
    headrooms = ("time_headroom", "cpu_headroom", "memory_headroom")
    names = (*(field.name for field in fields(Machine)), *headrooms)
    return flat | {name: machine and getattr(machine, name) for name in names}
