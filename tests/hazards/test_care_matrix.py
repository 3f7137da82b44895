"""Whatever call of a run goes wrong, and however: the position is safe again within two runs.

What cannot be had without the call that is missing is named here, and in the table of
docs/trading.md, which these results make.
"""

import os
import textwrap
from pathlib import Path

import pytest
from support.care_faults import CALLS, KINDS, SITUATIONS, possible, runs_until_cared_for

PAGE = Path(__file__).parents[2] / "docs" / "trading.md"
BEGIN, END = "<!-- care-matrix -->", "<!-- /care-matrix -->"
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


@pytest.mark.parametrize("call", CALLS)
def test_the_position_is_cared_for_without_the_call(call):
    for kind in KINDS:
        for situation in SITUATIONS:
            if not possible(call, kind):
                continue
            runs = runs_until_cared_for(call, kind, situation)
            if is_out_of_reach(call, kind, situation):
                assert runs is None, f"{kind}, {situation}: it is possible after all"
            else:
                assert runs is not None, f"{kind}, {situation}: never"
                assert runs <= MOST_RUNS, f"{kind}, {situation}: after {runs} runs"


def test_the_page_shows_what_was_found():
    table = _table()
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    shown, _, after = rest.partition(END)
    if os.environ.get("PUMPWATCH_WRITE_PAGES"):
        PAGE.write_text(f"{before}{BEGIN}\n{table}{END}{after}")
        return
    assert shown.strip() == table.strip(), "write it anew with PUMPWATCH_WRITE_PAGES=1"


def _table():
    head = " | ".join(("call", *KINDS))
    lines = [f"| {head} |", "| " + " | ".join(["---"] * (len(KINDS) + 1)) + " |"]
    harmless = []
    for call in CALLS:
        cells = [_cell(call, kind) if possible(call, kind) else "" for kind in KINDS]
        if set(cells) <= {"1", ""}:
            harmless.append(f"`{call}`")
        else:
            lines.append(f"| `{call}` | " + " | ".join(cells) + " |")
    rest = textwrap.wrap(f"One run, however these fail: {', '.join(harmless)}.", 120)
    return "\n".join([*lines, "", *rest, ""])


def _cell(call, kind):
    runs = [WORDS[runs_until_cared_for(call, kind, situation)] for situation in SITUATIONS]
    return runs[0] if len(set(runs)) == 1 else ", ".join(runs)
