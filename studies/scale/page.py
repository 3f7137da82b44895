"""The study as one self-contained page."""

from __future__ import annotations

from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.plots import Plot, Series, plot

from .study import Study, error_words, ticks_table


def render_study(study: Study) -> str:
    """Return the page: the tick's cost curve and the table behind it."""
    return render(
        __file__,
        title="Pumpwatch at scale",
        subtitle=f"Measured up to {study.checked.symbols:,} symbols",
        errors=error_words(study),
        ticks=ticks_table(study),
        curve=_curve(study),
    )


def _curve(study: Study) -> Plot:
    ticks = (*study.ticks, study.checked)
    measured = [(tick.symbols, 1000 * tick.cpu_seconds) for tick in ticks]
    line = [(tick.symbols, 1000 * study.line("cpu_seconds", tick.symbols)) for tick in ticks]
    series = [Series("measured", measured, "large points"), Series("line", line, number=1)]
    return plot(series, "symbols", "CPU of a tick, ms")
