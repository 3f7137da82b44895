"""Whatever call of a run goes wrong, and however: the position is safe again within two runs.

What cannot be had without the call that is missing is named here, and in the table of
docs/trading.md, which these results make.
"""

import os
import re
import textwrap
from functools import cache
from pathlib import Path

import pytest
from support.care_faults import CALLS, KINDS, SITUATIONS, possible, runs_until_cared_for

PAGE = Path(__file__).parents[2] / "docs" / "trading.md"
BEGIN, END = "<!-- care-matrix -->", "<!-- /care-matrix -->"
HARMLESS = "One run, however these fail:"
WRITES = os.environ.get("PUMPWATCH_WRITE_PAGES")
ANEW = "write it anew with PUMPWATCH_WRITE_PAGES=1"
MOST_RUNS = 2
SILENT = ("fails", "throttled", "5 s", "9 s")
"""Ways in which a call to the exchange gives no answer."""
WORDS = {1: "1", 2: "2", None: "no"}


def is_out_of_reach(call, kind, situation):
    """Return whether the care is not possible without this call."""
    if call == "broker.positions":
        # A stop is set only for a position that is seen; the exit at the time limit needs no look.
        return (kind in (*SILENT, "odd: ours") and situation == "stop lost") or (
            kind == "empty" or (kind == "old" and situation == "stop lost")
        )
    if call in ("broker.place", "journal.intend"):
        return kind in ("fails", "throttled") and situation != "stop lost"
    if call in ("leases.acquire", "journal.live_trades"):
        return kind in ("fails", "throttled")
    silent = kind in ("fails", "throttled")
    return call == "halts.instructions" and silent and situation == "halt closes"


@cache
def runs_of(call):
    """Return after how many runs the position was safe, by kind and situation."""
    return {
        (kind, situation): runs_until_cared_for(call, kind, situation)
        for kind in KINDS
        if possible(call, kind)
        for situation in SITUATIONS
    }


@pytest.mark.parametrize("call", CALLS)
def test_the_position_is_cared_for_without_the_call(call):
    for (kind, situation), runs in runs_of(call).items():
        if is_out_of_reach(call, kind, situation):
            assert runs is None, f"{kind}, {situation}: it is possible after all"
        else:
            assert runs is not None, f"{kind}, {situation}: never"
            assert runs <= MOST_RUNS, f"{kind}, {situation}: after {runs} runs"
    if not WRITES:
        rows, harmless = _shown()
        cells = _cells(call)
        shown = rows.get(f"`{call}`", ["1"] if f"`{call}`" in harmless else [])
        assert shown == (["1"] if _is_harmless(cells) else cells), ANEW


def test_the_page_names_each_call_and_kind_once():
    if WRITES:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{_table()}{END}{rest.partition(END)[2]}")
        return
    rows, harmless = _shown()
    named = [f"`{call}`" for call in CALLS]
    assert rows.pop("call") == list(KINDS), ANEW
    assert [call for call in named if call in rows] == list(rows), ANEW
    assert [call for call in named if call not in rows] == harmless, ANEW


def _shown():
    """Return the page's rows by their first cell, and the calls that it says are harmless."""
    text = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    table, _, harmless = text.partition(HARMLESS)
    lines = [line for line in table.splitlines() if line.startswith("|") and "---" not in line]
    rows = ([cell.strip() for cell in line[1:-1].split("|")] for line in lines)
    return {first: cells for first, *cells in rows}, re.findall(r"`[^`]+`", harmless)


def _table():
    head = " | ".join(("call", *KINDS))
    lines = [f"| {head} |", "| " + " | ".join(["---"] * (len(KINDS) + 1)) + " |"]
    harmless = []
    for call in CALLS:
        cells = _cells(call)
        if _is_harmless(cells):
            harmless.append(f"`{call}`")
        else:
            lines.append(f"| `{call}` | " + " | ".join(cells) + " |")
    rest = textwrap.wrap(f"{HARMLESS} {', '.join(harmless)}.", 120)
    return "\n".join([*lines, "", *rest, ""])


def _is_harmless(cells):
    return set(cells) <= {"1", ""}


def _cells(call):
    return [_cell(call, kind) if possible(call, kind) else "" for kind in KINDS]


def _cell(call, kind):
    runs = [WORDS[runs_of(call)[kind, situation]] for situation in SITUATIONS]
    return runs[0] if len(set(runs)) == 1 else ", ".join(runs)
