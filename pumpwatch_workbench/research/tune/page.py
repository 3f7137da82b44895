"""Report a search for settings as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console
from rich.text import Text

from pumpwatch.domain.trading.strategies import with_evidence
from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.tables import Cell, PageTable, Tile, numbers, row, texts
from pumpwatch_workbench.pages.terminal import print_tables, wide_enough
from pumpwatch_workbench.pages.trade_tables import amount_cell
from pumpwatch_workbench.pages.words import NOTHING, number, percent, ratio, share, signed_money
from pumpwatch_workbench.research.backtest.settings import BacktestSettings

from .objective import BacktestSummary
from .space import Dimension, Range
from .walk_forward import Step, Tuned

OBJECTIVE_WORDS = {"t": "shrunk t of a trade's return", "profit": "profit, USDT"}


def render_tuned(tuned: Tuned, source: str, doubts: Sequence[str]) -> str:
    """Return the whole page; `source` is the recordings' name."""
    return render(
        __file__,
        title=f"Pumpwatch search: {tuned.space.strategy} on {source}",
        subtitle=f"detector {tuned.space.detector} · {tuned.trials} settings tried in"
        f" {len(tuned.steps)} searches by {OBJECTIVE_WORDS[tuned.objective]}"
        f" · hold-out {tuned.final.fold.test} UTC"
        f" · {with_evidence(tuned.space.strategy)}",
        doubts=doubts,
        tiles=_tune_tiles(tuned),
        walk=_walk_table(tuned),
        settings=_settings_table(tuned),
        options=[f"--set {name}={value}" for name, value in sorted(tuned.settings.items())],
    )


def _tune_tiles(tuned: Tuned) -> tuple[Tile, ...]:
    """Return the summary's figures: what was never searched comes first."""
    inside, outside = tuned.final.best.verdict, tuned.final.test
    default = tuned.final.default_test
    return (
        Tile(
            "Profit in the hold-out",
            f"{signed_money(_usdt(outside))} USDT",
            f"default settings: {signed_money(_usdt(default))}",
        ),
        Tile(
            "Trades in the hold-out",
            number(outside.trades),
            f"{outside.won} won; default settings: {default.trades}",
        ),
        Tile(
            "Return of a trade there",
            _return(outside),
            f"{_return(inside)} where the settings were chosen",
        ),
        Tile("Settings tried", number(tuned.trials), f"on {tuned.alarms} alarms"),
    )


def _walk_table(tuned: Tuned) -> PageTable:
    """Return every period that was searched, and each after it that was not."""
    columns = (
        *texts("Step"),
        *texts("Period, UTC", wide=True),
        *numbers("Trades"),
        *numbers("Won", "A trade", "Score", wide=True),
        *numbers("USDT", "Default, USDT"),
    )
    rows = tuple(cells for step in tuned.steps for cells in _rows(step, final=step is tuned.final))
    caption = "What was found on a period, and what it made afterwards; costs included."
    return PageTable(caption, columns, rows)


def _settings_table(tuned: Tuned) -> PageTable:
    """Return the settings that were found, in the end and in each fold, beside the defaults."""
    defaults = tuned.space.settings({})
    folds = (step.fold.name for step in tuned.steps[:-1])
    wide = numbers("Searched", *folds, wide=True)
    columns = (*texts("Setting"), *numbers("Found", "Default"), *wide)
    rows = tuple(
        row(
            dimension.name,
            tuned.settings[dimension.name],
            _default_of(defaults, dimension.name),
            _bounds(dimension),
            *(step.best.values[dimension.name] for step in tuned.steps[:-1]),
        )
        for dimension in tuned.space.dimensions
    )
    return PageTable("On everything before the hold-out.", columns, rows)


def _rows(step: Step, *, final: bool) -> tuple[tuple[Cell, ...], ...]:
    name = "hold-out" if final else f"{step.fold.name}, after"
    return (
        _cells(
            f"{step.fold.name}, searched",
            str(step.fold.train),
            step.best.verdict,
            step.default_train,
        ),
        _cells(name, str(step.fold.test), step.test, step.default_test),
    )


def _cells(
    name: str, period: str, verdict: BacktestSummary, default: BacktestSummary
) -> tuple[Cell, ...]:
    return row(
        name,
        period,
        number(verdict.trades),
        share(verdict.won / verdict.trades if verdict.trades else None, places=0),
        _return(verdict),
        ratio(verdict.shrunk_t),
        amount_cell(_usdt(verdict)),
        amount_cell(_usdt(default)),
    )


def _return(verdict: BacktestSummary) -> str:
    return percent(verdict.mean_return) if verdict.trades else NOTHING


def _usdt(verdict: BacktestSummary) -> Decimal:
    return Decimal(str(verdict.profit))


def _bounds(dimension: Dimension) -> str:
    if isinstance(dimension, Range):
        return f"{dimension.low:g} to {dimension.high:g}"
    return ", ".join(dimension.values)


def _default_of(settings: BacktestSettings, name: str) -> str:
    parts = (settings.detect, settings.trade, settings.assumed)
    value = next(getattr(part, name) for part in parts if name in type(part).model_fields)
    return f"{value:g}" if isinstance(value, (float, Decimal)) else str(value)


def print_tuned(tuned: Tuned, doubts: Sequence[str], console: Console) -> None:
    """Print every step, the settings in the end, and what speaks against them.

    The last column is what the default settings made, USDT. A pipe gets the full width.
    """
    console = wide_enough(console)
    print_tables(console, {"Walk forward": _walk_table(tuned)})
    for name, value in sorted(tuned.settings.items()):
        console.print(Text(f"  --set {name}={value}"))
    console.print()
    console.print(Text(f"{tuned.trials} settings were tried on {tuned.alarms} alarms."))
    for doubt in doubts:
        console.print(Text(f"Doubtful: {doubt}", style="yellow"))
