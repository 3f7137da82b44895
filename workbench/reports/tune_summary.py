"""What a search found, on a terminal: in-sample and out-of-sample side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from workbench.tune.objective import Verdict
from workbench.tune.walk_forward import Step, Tuned

__all__ = ["print_tuned"]

WIDE = 120


def print_tuned(tuned: Tuned, doubts: Sequence[str], console: Console) -> None:
    """Print every step, the settings in the end, and what speaks against them.

    The last column is what the default settings made, USDT. A pipe gets the full width.
    """
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDE)
    table = Table(title="Walk forward", title_justify="left", title_style="bold", box=None)
    for name in ("", "period"):
        table.add_column(name, header_style="dim", no_wrap=True)
    for name in ("trades", "won", "a trade", "score", "USDT", "default"):
        table.add_column(name, header_style="dim", justify="right", no_wrap=True)
    for step in tuned.steps:
        for cells in _rows(step, final=step is tuned.final):
            table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    console.print()
    for name, value in sorted(tuned.settings.items()):
        console.print(Text(f"  --set {name}={value}"))
    console.print()
    console.print(Text(f"{tuned.trials} settings were tried on {tuned.alarms} alarms."))
    for doubt in doubts:
        console.print(Text(f"Doubtful: {doubt}", style="yellow"))


def _rows(step: Step, *, final: bool) -> tuple[tuple[str, ...], ...]:
    outside = "hold-out" if final else f"{step.fold.name}, after"
    train, test = step.fold.train, step.fold.test
    return (
        (
            f"{step.fold.name}, searched",
            str(train),
            *_figures(step.found.verdict),
            f"{step.default_train.profit:+,.0f}",
        ),
        (outside, str(test), *_figures(step.test), f"{step.default_test.profit:+,.0f}"),
    )


def _figures(verdict: Verdict) -> tuple[str, ...]:
    won = f"{verdict.won / verdict.trades:.0%}" if verdict.trades else "-"
    return (
        str(verdict.trades),
        won,
        f"{verdict.mean_return:+.2%}",
        f"{verdict.shrunk_t:.2f}",
        f"{verdict.profit:+,.0f}",
    )
