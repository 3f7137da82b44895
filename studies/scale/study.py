"""The cost curve of a tick: a line through measured markets, checked against a larger one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pumpwatch_workbench.pages.tables import Cell, Column, PageTable

from .tick import TickFigures, measure_tick

FITTED = ("cpu_seconds", "wall_seconds", "requests", "memory_bytes", "tickers_bytes")


@dataclass(frozen=True, slots=True)
class Study:
    """Ticks over markets of several sizes, in order of size."""

    ticks: tuple[TickFigures, ...]
    """Ticks that the line fits."""
    checked: TickFigures
    """A larger market, compared with the line only."""

    def line(self, name: str, symbols: int) -> float:
        """Return a figure of `FITTED` by least squares; it never falls as a market grows."""
        values = [float(getattr(tick, name)) for tick in self.ticks]
        slope, at_zero = np.polyfit([tick.symbols for tick in self.ticks], values, 1)
        return float(at_zero + slope * symbols) if slope > 0 else float(np.mean(values))

    @property
    def errors(self) -> Mapping[str, float]:
        """Return how far the lines lie above the checked market, as fractions of it."""
        symbols = self.checked.symbols
        return {
            name: self.line(name, symbols) / float(getattr(self.checked, name)) - 1
            for name in FITTED
        }

    def document(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        return {
            "ticks": [asdict(tick) for tick in self.ticks],
            "checked": asdict(self.checked),
            "extrapolation_error": self.errors,
        }


def make_study(
    symbols: Sequence[int], check: int, progress: Callable[[str], None] = lambda text: None
) -> Study:
    """Measure for some minutes. Raises `InvariantBroken` when a measurement fails."""
    ticks = []
    for size in (*symbols, check):
        progress(f"a tick over {size:,} symbols")
        ticks.append(measure_tick(size))
    return Study(tuple(ticks[:-1]), ticks[-1])


def ticks_table(study: Study) -> PageTable:
    """Return the measured ticks, the checked one last."""
    names = ("symbols", "CPU", "wall", "requests", "candidates", "memory", "answer")
    narrow = ("symbols", "CPU", "memory")
    columns = tuple(Column(name, numeric=True, wide=name not in narrow) for name in names)
    return PageTable("A detect tick", columns, tuple(map(_cells, (*study.ticks, study.checked))))


def _cells(tick: TickFigures) -> tuple[Cell, ...]:
    texts = (
        f"{tick.symbols:,}",
        f"{tick.cpu_seconds * 1000:.0f} ms",
        f"{tick.wall_seconds * 1000:.0f} ms",
        f"{tick.requests:.0f}",
        f"{tick.candidates:.0f}",
        f"{tick.memory_bytes / 1e6:.0f} MB",
        f"{tick.tickers_bytes / 1e6:.2f} MB",
    )
    return tuple(Cell(text) for text in texts)


def error_words(study: Study) -> str:
    """Return how wrong the lines are where they were checked."""
    parts = (
        f"{name.removesuffix('_seconds').removesuffix('_bytes')} {round(error, 2) + 0.0:+.0%}"
        for name, error in study.errors.items()
    )
    return (
        f"The lines through the smaller markets, against {study.checked.symbols:,} symbols"
        f" measured: {', '.join(parts)}"
    )
