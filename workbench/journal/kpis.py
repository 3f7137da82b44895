"""Key figures: what each is worth, of how many, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from workbench.evaluation.shares import wilson_interval
from workbench.journal.figures import Figures
from workbench.journal.machine import Machine
from workbench.journal.spread import Spread

__all__ = ["Kpi", "kpis_of"]

Unit = Literal["share", "seconds"]
Interval = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Kpi:
    """One key figure. Without observations, `n` 0, its value is None, never 0."""

    name: str
    value: float | None
    """A fraction or seconds, as `unit` says."""
    unit: Unit
    n: int
    counted: str
    """What `n` counts."""
    interval: Interval = None
    """95 %, by Wilson's score method."""
    note: str = ""


def kpis_of(figures: Figures) -> tuple[Kpi, ...]:
    """Return the key figures, in the order in which a reader asks for them."""
    return (
        *_trading(figures),
        *_agreement(figures),
        *_exchange(figures),
        *_latencies(figures),
        *_headroom(figures.machine),
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
    found = figures.agreement
    hits, pumps, others = (found.hits, found.pumps, found.others) if found else (0, 0, 0)
    missing = "" if found else "no labels: --labels FILE"
    early = f"{found.early} early, {found.missed} missed" if found else missing
    yield _rate("Detection: pumps found", hits, pumps, "labelled pumps", early)
    yield _rate(
        "Detection: alarms that were pumps",
        hits,
        hits + others,
        "alarms that count",
        missing or "at least, unless the labels name every pump",
    )
    delays = found.delay_seconds if found else None
    yield _middle("Detection delay, median", delays, "hits", missing or "from the onset")


def _exchange(figures: Figures) -> Iterator[Kpi]:
    requests = sum(row.requests for row in figures.api)
    failures = sum(row.failures for row in figures.api)
    yield _rate(
        "API error rate", failures, requests, "requests", "since the store was made; see below"
    )
    runs = figures.runs
    raised, delivered = (runs.alerts_raised, runs.alerts_delivered) if runs else (0, 0)
    note = "lines to Slack" if runs else "not recorded: Grafana and Slack keep them"
    yield _rate("Alerts delivered", delivered, raised, "alerts raised", note)


def _latencies(figures: Figures) -> Iterator[Kpi]:
    trading, machine = figures.trading, figures.machine
    yield _high("Signal to order, 95 % within", trading.signal_to_order, "entries")
    yield _high("Order to outcome, 95 % within", trading.order_to_outcome, "orders")
    yield _high("Fill to verified stop, 95 % within", trading.stop_verified, "entries")
    missing = "" if machine else "not recorded: see Prometheus or CloudWatch"
    tick = machine.tick_seconds if machine else None
    yield _high("A tick, 95 % within", tick, "ticks", missing or "wall time of both functions")


def _headroom(machine: Machine | None) -> Iterator[Kpi]:
    if machine is None:
        missing = "not recorded: see CloudWatch"
        for name in ("Time headroom", "CPU headroom", "Memory headroom"):
            yield Kpi(name, None, "share", 0, "ticks", note=missing)
        return
    ticks, cpu = machine.tick_seconds, machine.cpu_seconds
    yield Kpi(
        "Time headroom",
        machine.time_headroom,
        "share",
        ticks.count if ticks else 0,
        "ticks",
        note="free until the next tick, in 95 % of them",
    )
    yield Kpi(
        "CPU headroom",
        machine.cpu_headroom,
        "share",
        cpu.count if cpu else 0,
        "ticks",
        note="of one core, in 95 % of the ticks",
    )
    yield Kpi(
        "Memory headroom",
        machine.memory_headroom,
        "share",
        cpu.count if cpu and machine.memory_mib is not None else 0,
        "ticks",
        note=_memory_words(machine),
    )


def _memory_words(machine: Machine) -> str:
    if machine.memory_mib is None:
        return "the system does not tell"
    if not machine.memory_limit_mib:
        return f"{machine.memory_mib:,.0f} MiB at most; the machine's memory is not known"
    return f"{machine.memory_mib:,.0f} MiB at most, of {machine.memory_limit_mib:,.0f} MiB"


def _rate(name: str, part: int, whole: int, counted: str, note: str) -> Kpi:
    value = part / whole if whole else None
    return Kpi(name, value, "share", whole, counted, wilson_interval(part, whole), note)


def _middle(name: str, spread: Spread | None, counted: str, note: str = "") -> Kpi:
    value = spread.p50 if spread else None
    return Kpi(name, value, "seconds", spread.count if spread else 0, counted, note=note)


def _high(name: str, spread: Spread | None, counted: str, note: str = "") -> Kpi:
    largest = f"largest {spread.largest:,.2f} s" if spread else ""
    words = "; ".join(one for one in (note, largest) if one)
    value = spread.p95 if spread else None
    return Kpi(name, value, "seconds", spread.count if spread else 0, counted, note=words)
