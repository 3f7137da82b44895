"""What a search found, on a terminal: in-sample and out-of-sample side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from pumpwatch_workbench.pages.terminal import terminal_table, wide_enough
from pumpwatch_workbench.research.tune.page_tables import walk_table
from pumpwatch_workbench.research.tune.walk_forward import Tuned


def print_tuned(tuned: Tuned, doubts: Sequence[str], console: Console) -> None:
    """Print every step, the settings in the end, and what speaks against them.

    The last column is what the default settings made, USDT. A pipe gets the full width.
    """
    console = wide_enough(console)
    console.print(terminal_table(walk_table(tuned), "Walk forward"))
    console.print()
    for name, value in sorted(tuned.settings.items()):
        console.print(Text(f"  --set {name}={value}"))
    console.print()
    console.print(Text(f"{tuned.trials} settings were tried on {tuned.alarms} alarms."))
    for doubt in doubts:
        console.print(Text(f"Doubtful: {doubt}", style="yellow"))
