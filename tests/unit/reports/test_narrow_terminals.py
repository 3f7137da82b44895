"""Tables on a narrow terminal: fewer columns, and no figure cut short."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from unit.reports.run_results import replay_result

from pumpwatch_workbench.pages.tables import PageTable, numbers, row, texts
from pumpwatch_workbench.pages.terminal import terminal_table
from pumpwatch_workbench.play.run.summary import print_summary

CUT = "\N{HORIZONTAL ELLIPSIS}"


def console_of(width: int) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("width", "shown"), [(40, "53 s +6.27"), (66, "2019-06-20 03:06 Detected 53 s +6.27")]
)
def test_a_runs_summary_leaves_out_what_is_least_wanted(width: int, shown: str):
    console = console_of(width)
    print_summary(replay_result(3), console)
    text = written(console)
    assert CUT not in text
    (line,) = (line for line in text.splitlines() if line.lstrip().startswith("COIN01USDT"))
    assert " ".join(line.split()).endswith(shown)


@pytest.mark.parametrize(
    ("width", "shown", "last"),
    [(50, True, "1,234.50"), (30, False, "1,234.50"), (12, False, "4.50")],
)
def test_a_pages_table_leaves_out_its_wide_columns_and_then_folds(width, shown, last):
    columns = (*texts("Name"), *numbers("Figure", wide=True), *numbers("Last"))
    table = PageTable("", columns, (row("a-long-name", "0.00044100", "1,234.50"),))
    console = console_of(width)
    console.print(terminal_table(table, "Folded", width))
    text = written(console)
    assert CUT not in text
    assert ("0.00044100" in text) == shown
    assert last in text
