"""Key figures: what each is worth, of how many, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pumpwatch_workbench.operations.journal.agreement import Agreement
from pumpwatch_workbench.operations.journal.figures import Figures
from pumpwatch_workbench.operations.journal.percentiles import Spread
from pumpwatch_workbench.operations.journal.runs import FunctionRuns, Machine
from pumpwatch_workbench.research.evaluation.shares import wilson_interval


@dataclass(frozen=True, slots=True)
class Kpi:
    """One key figure. Without observations, `n` 0, its value is None, never 0."""

    name: str
    value: float | None
    """A fraction or seconds, as `unit` says."""
    unit: Literal["share", "seconds"]
    n: int
    counted: str
    interval: tuple[float, float] | None = None
    """95 %, by Wilson's score method."""
    note: str = ""


def kpis_of(figures: Figures) -> tuple[Kpi, ...]:
    """Return the key figures, in the order in which a reader asks for them."""
    return (
        *_trading(figures),
        *_agreement(figures),
        *_exchange(figures),
        *_latencies(figures),
        *_headroom(figures),
    )


def _trading(figures: Figures) -> Iterator[Kpi]:
    trading = figures.trading
    yield _rate(
        "Win rate", trading.won, trading.closed, "closed trades", "made money after all costs"
    )
    yield _rate(
        "Fill rate",
        trading.entries_filled,
        trading.entries_sent,
        "entry orders",
        "filled at least in part",
    )


def _agreement(figures: Figures) -> Iterator[Kpi]:
    agreement, missing = figures.agreement, ""
    if agreement is None:
        agreement, missing = Agreement(0, 0, 0, 0, 0, 0, None), "no labels: --labels FILE"
    hits, alarms = agreement.hits, agreement.hits + agreement.others
    early = missing or f"{agreement.early} early, {agreement.missed} missed"
    least = missing or "at least, unless the labels name every pump"
    yield _rate("Detection: pumps found", hits, agreement.pumps, "labelled pumps", early)
    yield _rate("Detection: alarms that were pumps", hits, alarms, "alarms that count", least)
    delays, onset = agreement.delay_seconds, missing or "from the onset"
    value, count = (delays.p50, delays.count) if delays else (None, 0)
    yield Kpi("Detection delay, median", value, "seconds", count, "hits", note=onset)


def _exchange(figures: Figures) -> Iterator[Kpi]:
    requests = sum(row.requests for row in figures.api)
    failures = sum(row.failures for row in figures.api)
    yield _rate(
        "API error rate", failures, requests, "requests", "since the store was made; see below"
    )
    yield _failed_runs(figures)
    runs = figures.runs
    raised, delivered = (runs.alerts_raised, runs.alerts_delivered) if runs else (0, 0)
    note = "messages" if runs else "not recorded: Grafana and Slack keep them"
    yield _rate("Alerts delivered", delivered, raised, "alerts raised", note)


def _latencies(figures: Figures) -> Iterator[Kpi]:
    trading, machine = figures.trading, figures.machine
    yield _high("Signal to order, 95 % within", trading.signal_to_order, "entries")
    yield _high("Order to outcome, 95 % within", trading.order_to_outcome, "orders")
    yield _high("Fill to verified stop, 95 % within", trading.stop_verified, "entries")
    tick = machine.tick_seconds if machine else None
    yield _high("A tick, 95 % within", tick, _ticks(machine), _tick_words(figures))


def _failed_runs(figures: Figures) -> Kpi:
    if figures.runs is not None:
        return _rate("Failed runs", figures.runs.failed, figures.runs.ticks, "ticks", "")
    known = [function for function in figures.functions if function.runs]
    words = [
        f"{function.function} {function.failed:,}, of them {function.timed_out:,} timed out"
        if function.runs
        else f"no data of {function.function}"
        for function in figures.functions
    ]
    return _rate(
        "Failed runs",
        sum(function.failed for function in known),
        sum(function.runs for function in known),
        "runs",
        "; ".join(words) if known else _no_runs(figures.functions),
    )


def _headroom(figures: Figures) -> Iterator[Kpi]:
    machine = figures.machine
    if machine is None:
        for name in ("Time headroom", "CPU headroom", "Memory headroom"):
            yield Kpi(name, None, "share", 0, "ticks", note=_no_runs(figures.functions))
        return
    ticks, cpu = machine.tick_seconds, machine.cpu_seconds
    cpu_words = "of one core, in 95 % of the ticks"
    if machine.of_lambda:
        cpu_words = "Lambda does not tell CPU time"
    time_words = _time_words(figures, machine)
    for name, value, n, note in (
        ("Time headroom", machine.time_headroom, ticks.count if ticks else 0, time_words),
        ("CPU headroom", machine.cpu_headroom, cpu.count if cpu else 0, cpu_words),
        ("Memory headroom", machine.memory_headroom, machine.memory_runs, _memory_words(machine)),
    ):
        yield Kpi(name, value, "share", n, _ticks(machine), note=note)


def _ticks(machine: Machine | None) -> str:
    """Return what is counted: Lambda logs each run of a function, not ticks."""
    return "runs" if machine and machine.of_lambda else "ticks"


def _no_runs(functions: Sequence[FunctionRuns]) -> str:
    if not functions:
        return "not recorded: see Prometheus or CloudWatch"
    problems = dict.fromkeys(function.problem for function in functions if function.problem)
    return "; ".join(problems) or "the functions' logs tell of no run"


def _tick_words(figures: Figures) -> str:
    machine = figures.machine
    if machine is None:
        return _no_runs(figures.functions)
    return _whose_time(figures, machine) if machine.of_lambda else "wall time of both functions"


def _time_words(figures: Figures, machine: Machine) -> str:
    if not machine.of_lambda:
        return "free until the next tick, in 95 % of them"
    return f"free until the next run, in 95 % of them; {_whose_time(figures, machine)}"


def _whose_time(figures: Figures, machine: Machine) -> str:
    others = [
        f"no data of {function.function}"
        for function in figures.functions
        if function.time_headroom is None
    ]
    if not machine.time_of:
        return "; ".join(others)
    alone = f"of {machine.time_of}" if others else f"of {machine.time_of}, the slower function"
    return "; ".join([alone, *others])


def _memory_words(machine: Machine) -> str:
    whose = f"{machine.memory_of}: " if machine.memory_of else ""
    if machine.memory_mib is None:
        return "the system does not tell"
    if not machine.memory_limit_mib:
        return f"{machine.memory_mib:,.0f} MiB at most; the machine's memory is not known"
    return f"{whose}{machine.memory_mib:,.0f} MiB at most, of {machine.memory_limit_mib:,.0f} MiB"


def _rate(name: str, part: int, whole: int, counted: str, note: str) -> Kpi:
    value = part / whole if whole else None
    return Kpi(name, value, "share", whole, counted, wilson_interval(part, whole), note)


def _high(name: str, spread: Spread | None, counted: str, note: str = "") -> Kpi:
    largest = f"largest {spread.largest:,.2f} s" if spread else ""
    words = "; ".join(part for part in (note, largest) if part)
    value = spread.p95 if spread else None
    return Kpi(name, value, "seconds", spread.count if spread else 0, counted, note=words)
