"""The journal report's key figures, latencies and requests as tables, as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pumpwatch_workbench.operations.journal.figures import ApiRow, Figures
from pumpwatch_workbench.operations.journal.kpis import Kpi, kpis_of
from pumpwatch_workbench.operations.journal.page_tables import NO_DATA
from pumpwatch_workbench.operations.journal.percentiles import Bounds, Spread
from pumpwatch_workbench.operations.journal.runs import FunctionRuns
from pumpwatch_workbench.pages.tables import Cell, PageTable, numbers, row, texts
from pumpwatch_workbench.pages.words import NOTHING, date_and_clock, number, seconds, share


def kpi_table(figures: Figures) -> PageTable:
    """Return every key figure with its number of observations and its interval."""
    columns = (
        *texts("Figure", prose=True),
        *numbers("Value", "n"),
        *numbers("95 % interval", wide=True),
        *texts("Of", wide=True),
        *texts("Note", wide=True, prose=True),
    )
    rows = tuple(
        row(
            kpi.name,
            _value(kpi),
            *(number(kpi.n), _interval(kpi), kpi.counted, kpi.note),
        )
        for kpi in kpis_of(figures)
    )
    return PageTable(
        "n: observations in the period; intervals by Wilson's score method.", columns, rows
    )


def times_table(figures: Figures) -> PageTable:
    """Return the percentiles of what was measured in the period."""
    columns = (
        *texts("Measured", prose=True),
        *numbers("n", "p50", "p95"),
        *numbers("p99", wide=True),
        *numbers("Largest"),
    )
    machine, trading = figures.machine, figures.trading
    rows = (
        _spread_cells("Detect, wall time", machine.detect_seconds if machine else None),
        _spread_cells("Trade, wall time", machine.trade_seconds if machine else None),
        _spread_cells("CPU time of a tick", machine.cpu_seconds if machine else None),
        _spread_cells("From signal to order", trading.signal_to_order),
        _spread_cells("From order to outcome", trading.order_to_outcome),
        _spread_cells("From fill to verified stop", trading.stop_verified),
    )
    return PageTable("Measured in this period.", columns, rows)


def functions_table(functions: Sequence[FunctionRuns]) -> PageTable:
    """Return what Lambda logged about the runs of each function."""
    columns = (
        *texts("Function"),
        *numbers("Runs", "Failed", "Timed out"),
        *numbers("Cold starts", "Cold start, p50", "Largest", "Memory at most", wide=True),
        *texts("First read, UTC", wide=True),
    )
    rows = tuple(_function_cells(function) for function in functions)
    cut = [
        f"Of {function.function} the latest {function.runs:,} runs alone were read."
        for function in functions
        if function.cut
    ]
    return PageTable(" ".join(["From Lambda's own log.", *cut]), columns, rows)


def bounds_table(rows: Sequence[Bounds]) -> PageTable:
    """Return the bounds that histograms know."""
    columns = (
        *texts("Measured", prose=True),
        *numbers("n", wide=True),
        *numbers("50 % within", "95 % within"),
        *numbers("99 % within", wide=True),
    )
    cells = tuple(
        row(
            f"{bounds.help} ({bounds.name.split('_')[1]})",
            f"{bounds.count:,}",
            *(_bound(bounds, value) for value in (bounds.p50, bounds.p95, bounds.p99)),
        )
        for bounds in rows
    )
    return PageTable(
        "From histograms, since the store was made: the bucket's bound.", columns, cells
    )


def api_table(rows: Sequence[ApiRow]) -> PageTable:
    """Return requests and failures by endpoint, with the codes of the failures."""
    columns = (
        *texts("Endpoint"),
        *numbers("Requests", "Failed"),
        *numbers("Error rate", wide=True),
        *texts("Codes", prose=True),
    )
    cells = tuple(
        row(
            api.endpoint,
            f"{api.requests:,}",
            Cell(f"{api.failures:,}", "bad" if api.failures else ""),
            share(api.error_rate, places=2),
            ", ".join(f"{code.replace('_', ' ')} {count}" for code, count in api.codes) or NOTHING,
        )
        for api in rows
    )
    return PageTable("Requests to the exchange since the store was made.", columns, cells)


def _value(kpi: Kpi) -> Cell | str:
    if kpi.value is None:
        return Cell.nothing(NO_DATA)
    return seconds(kpi.value) if kpi.unit == "seconds" else share(kpi.value, places=1)


def _interval(kpi: Kpi) -> str:
    if kpi.interval is None:
        return NOTHING
    low, high = kpi.interval
    return f"{share(low, places=1)} to {share(high, places=1)}"


def _spread_cells(name: str, spread: Spread | None) -> tuple[Cell, ...]:
    if spread is None:
        return row(name, "0", *([Cell.nothing()] * 3), Cell.nothing(NO_DATA))
    values = (spread.p50, spread.p95, spread.p99, spread.largest)
    return row(name, number(spread.count), *map(seconds, values))


def _function_cells(function: FunctionRuns) -> tuple[Cell, ...]:
    if not function.runs:
        return row(function.function, Cell.nothing(NO_DATA), *([Cell.nothing()] * 7))
    init = function.init_seconds
    memory = NO_DATA
    if function.memory_mib is not None and function.memory_limit_mib is not None:
        memory = f"{function.memory_mib:,.0f} of {function.memory_limit_mib:,.0f} MiB"
    return row(
        function.function,
        number(function.runs),
        *(Cell(number(n), "bad" if n else "") for n in (function.failed, function.timed_out)),
        number(function.cold_starts),
        *((seconds(init.p50), seconds(init.largest)) if init else (NOTHING, NOTHING)),
        memory,
        date_and_clock(function.first),
    )


def _bound(row: Bounds, value: float) -> str:
    if math.isinf(value):
        return "more"
    return share(value, places=2) if row.name.endswith("_ratio") else seconds(value)
