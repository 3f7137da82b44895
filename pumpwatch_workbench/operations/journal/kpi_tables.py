"""The journal report's key figures, latencies and requests as tables, as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pumpwatch_workbench.operations.journal.figures import ApiRow, Figures
from pumpwatch_workbench.operations.journal.kpis import Kpi, kpis_of
from pumpwatch_workbench.operations.journal.page_tables import NO_DATA
from pumpwatch_workbench.operations.journal.percentiles import Bounds, Spread
from pumpwatch_workbench.operations.journal.runs import FunctionRuns
from pumpwatch_workbench.pages.tables import Cell, Column, PageTable
from pumpwatch_workbench.pages.words import NOTHING, date_and_clock, number, seconds, share


def kpi_table(figures: Figures) -> PageTable:
    """Return every key figure with its number of observations and its interval."""
    columns = (
        Column("Figure", prose=True),
        Column("Value", numeric=True),
        Column("n", numeric=True),
        Column("95 % interval", numeric=True, wide=True),
        Column("Of", wide=True),
        Column("Note", prose=True, wide=True),
    )
    rows = tuple(
        (
            Cell(kpi.name),
            Cell.nothing(NO_DATA) if kpi.value is None else Cell(kpi_value(kpi)),
            Cell(number(kpi.n)),
            Cell(_interval(kpi)),
            Cell(kpi.counted),
            Cell(kpi.note),
        )
        for kpi in kpis_of(figures)
    )
    return PageTable(
        "n: observations in the period; intervals by Wilson's score method.", columns, rows
    )


def kpi_value(kpi: Kpi) -> str:
    """Return the value with its unit; "no data" where there is none."""
    if kpi.value is None:
        return NO_DATA
    return seconds(kpi.value) if kpi.unit == "seconds" else share(kpi.value, places=1)


def times_table(figures: Figures) -> PageTable:
    """Return the percentiles of what was measured in the period."""
    columns = (
        Column("Measured", prose=True),
        Column("n", numeric=True),
        Column("p50", numeric=True),
        Column("p95", numeric=True),
        Column("p99", numeric=True, wide=True),
        Column("Largest", numeric=True),
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
        Column("Function"),
        Column("Runs", numeric=True),
        Column("Failed", numeric=True),
        Column("Timed out", numeric=True),
        Column("Cold starts", numeric=True, wide=True),
        Column("Cold start, p50", numeric=True, wide=True),
        Column("Largest", numeric=True, wide=True),
        Column("Memory at most", numeric=True, wide=True),
        Column("First read, UTC", wide=True),
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
        Column("Measured", prose=True),
        Column("n", numeric=True, wide=True),
        Column("50 % within", numeric=True),
        Column("95 % within", numeric=True),
        Column("99 % within", numeric=True, wide=True),
    )
    cells = tuple(
        (
            Cell(f"{row.help} ({row.name.split('_')[1]})"),
            Cell(f"{row.count:,}"),
            *(Cell(_bound(row, value)) for value in (row.p50, row.p95, row.p99)),
        )
        for row in rows
    )
    return PageTable(
        "From histograms, since the store was made: the bucket's bound.", columns, cells
    )


def api_table(rows: Sequence[ApiRow]) -> PageTable:
    """Return requests and failures by endpoint, with the codes of the failures."""
    columns = (
        Column("Endpoint"),
        Column("Requests", numeric=True),
        Column("Failed", numeric=True),
        Column("Error rate", numeric=True, wide=True),
        Column("Codes", prose=True),
    )
    cells = tuple(
        (
            Cell(row.endpoint),
            Cell(f"{row.requests:,}"),
            Cell(f"{row.failures:,}", "bad" if row.failures else ""),
            Cell(share(row.error_rate, places=2)),
            Cell(
                ", ".join(f"{code.replace('_', ' ')} {count}" for code, count in row.codes)
                or NOTHING
            ),
        )
        for row in rows
    )
    return PageTable("Requests to the exchange since the store was made.", columns, cells)


def _interval(kpi: Kpi) -> str:
    if kpi.interval is None:
        return NOTHING
    low, high = kpi.interval
    return f"{share(low, places=1)} to {share(high, places=1)}"


def _spread_cells(name: str, spread: Spread | None) -> tuple[Cell, ...]:
    if spread is None:
        return (Cell(name), Cell("0"), *([Cell.nothing()] * 3), Cell.nothing(NO_DATA))
    values = (spread.p50, spread.p95, spread.p99, spread.largest)
    return (Cell(name), Cell(number(spread.count)), *(Cell(seconds(value)) for value in values))


def _function_cells(function: FunctionRuns) -> tuple[Cell, ...]:
    if not function.runs:
        return (Cell(function.function), Cell.nothing(NO_DATA), *([Cell.nothing()] * 7))
    init = function.init_seconds
    memory = NO_DATA
    if function.memory_mib is not None and function.memory_limit_mib is not None:
        memory = f"{function.memory_mib:,.0f} of {function.memory_limit_mib:,.0f} MiB"
    return (
        Cell(function.function),
        Cell(number(function.runs)),
        Cell(number(function.failed), "bad" if function.failed else ""),
        Cell(number(function.timed_out), "bad" if function.timed_out else ""),
        Cell(number(function.cold_starts)),
        Cell(seconds(init.p50) if init else NOTHING),
        Cell(seconds(init.largest) if init else NOTHING),
        Cell(memory),
        Cell(date_and_clock(function.first)),
    )


def _bound(row: Bounds, value: float) -> str:
    if math.isinf(value):
        return "more"
    return share(value, places=2) if row.name.endswith("_ratio") else seconds(value)
