"""What the tiles and tables about a search say, as text: no markup here."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch_workbench.pages.tables import Cell, Column, Table, Tile
from pumpwatch_workbench.pages.trade_tables import amount_cell
from pumpwatch_workbench.pages.words import NOTHING, number, percent, ratio, share, signed_money
from pumpwatch_workbench.research.backtest.settings import BacktestSettings
from pumpwatch_workbench.research.tune.objective import Verdict
from pumpwatch_workbench.research.tune.space import Dimension, Range
from pumpwatch_workbench.research.tune.walk_forward import Step, Tuned


def tune_tiles(tuned: Tuned) -> tuple[Tile, ...]:
    """Return the summary's figures: what was never searched comes first."""
    inside, outside = tuned.final.found.verdict, tuned.final.test
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


def walk_table(tuned: Tuned) -> Table:
    """Return every period that was searched, and each after it that was not."""
    columns = (
        Column("Step"),
        Column("Period, UTC", wide=True),
        Column("Trades", numeric=True),
        Column("Won", numeric=True, wide=True),
        Column("A trade", numeric=True, wide=True),
        Column("Score", numeric=True, wide=True),
        Column("USDT", numeric=True),
        Column("Default, USDT", numeric=True),
    )
    rows = tuple(cells for step in tuned.steps for cells in _rows(step, final=step is tuned.final))
    caption = "What was found on a period, and what it made afterwards; costs included."
    return Table(caption, columns, rows)


def settings_table(tuned: Tuned) -> Table:
    """Return the settings that were found, in the end and in each fold, beside the defaults."""
    defaults = tuned.space.settings({})
    columns = (
        Column("Setting"),
        Column("Found", numeric=True),
        Column("Default", numeric=True),
        Column("Searched", numeric=True, wide=True),
        *(Column(step.fold.name, numeric=True, wide=True) for step in tuned.steps[:-1]),
    )
    rows = tuple(
        (
            Cell(one.name),
            Cell(tuned.settings[one.name]),
            Cell(_default(defaults, one.name)),
            Cell(_bounds(one)),
            *(Cell(step.found.values[one.name]) for step in tuned.steps[:-1]),
        )
        for one in tuned.space.dimensions
    )
    return Table("On everything before the hold-out.", columns, rows)


def _rows(step: Step, *, final: bool) -> tuple[tuple[Cell, ...], ...]:
    name = "hold-out" if final else f"{step.fold.name}, after"
    return (
        _cells(
            f"{step.fold.name}, searched",
            str(step.fold.train),
            step.found.verdict,
            step.default_train,
        ),
        _cells(name, str(step.fold.test), step.test, step.default_test),
    )


def _cells(name: str, period: str, verdict: Verdict, default: Verdict) -> tuple[Cell, ...]:
    return (
        Cell(name),
        Cell(period),
        Cell(number(verdict.trades)),
        Cell(share(verdict.won / verdict.trades if verdict.trades else None, places=0)),
        Cell(_return(verdict)),
        Cell(ratio(verdict.shrunk_t)),
        amount_cell(_usdt(verdict)),
        amount_cell(_usdt(default)),
    )


def _return(verdict: Verdict) -> str:
    """Return the mean return of a trade; nothing without trades."""
    return percent(verdict.mean_return) if verdict.trades else NOTHING


def _usdt(verdict: Verdict) -> Decimal:
    return Decimal(str(verdict.profit))


def _bounds(one: Dimension) -> str:
    if isinstance(one, Range):
        return f"{one.low:g} to {one.high:g}"
    return ", ".join(one.values)


def _default(settings: BacktestSettings, name: str) -> str:
    parts = (settings.detect, settings.trade, settings.assumed)
    value = next(getattr(part, name) for part in parts if name in type(part).model_fields)
    return f"{value:g}" if isinstance(value, (float, Decimal)) else str(value)
