"""Marks on the equity: each event once, on a real Prometheus and as Grafana reads it."""

import time

import pytest
from support.marks import marks_of
from support.monitoring import promtool
from support.prometheus import prometheus
from support.servers import needs_server

pytestmark = [needs_server("prometheus"), needs_server("promtool")]

EVERY = 10
"""Seconds between two scrapes."""
HOUR = 3600
ORIGIN = int(time.time()) // HOUR * HOUR - 8 * HOUR
LABELS = 'job="pumpwatch_trade",stage="prod"'
HALTED = f"pumpwatch_trade_halted{{{LABELS}}}"


def a_fill(symbol, leg):
    return f'pumpwatch_trade_fill_price_usdt{{{LABELS},symbol="{symbol}",leg="{leg}"}}'


HISTORY = {
    # A fill is shown for 45 seconds, so it is scraped four or five times.
    a_fill("AUSDT", "entry"): [(HOUR + 61, HOUR + 106, 0.5), (3 * HOUR, 3 * HOUR + 45, 0.7)],
    a_fill("BUSDT", "entry"): [(HOUR + 65, HOUR + 110, 9.0)],
    a_fill("AUSDT", "exit"): [(2 * HOUR + 13, 2 * HOUR + 58, 0.4)],
    HALTED: [
        (0, 4 * HOUR, 0),
        (4 * HOUR, 5 * HOUR + 7, 1),
        (5 * HOUR + 7, 5 * HOUR + 2400, 0),
        # A halt of a minute, of which a wide step sees begin and end in the same window.
        (5 * HOUR + 2400, 5 * HOUR + 2460, 1),
        (5 * HOUR + 2460, 6 * HOUR, 0),
    ],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Run a Prometheus that has scraped the history."""
    folder = tmp_path_factory.mktemp("marks")
    lines = [
        f"{series} {value} {ORIGIN + at}"
        for series, spans in HISTORY.items()
        for begin, end, value in spans
        for at in range(begin, end, EVERY)
    ]
    page = folder / "history.txt"
    page.write_text("\n".join([*lines, "# EOF", ""]))
    status, said = promtool("tsdb", "create-blocks-from", "openmetrics", page, folder / "data")
    assert status == 0, said
    with prometheus(folder, {}) as running:
        yield running


@pytest.mark.parametrize("step", [30, 60, 120, 600])
def test_each_event_gives_one_mark_where_it_began(server, step):
    seen = {
        name: [
            (labels.get("symbol", ""), begin - ORIGIN, end - begin)
            for labels, begin, end in marks_of(server.url, name, ORIGIN, ORIGIN + 6 * HOUR, step)
        ]
        for name in ("Entries", "Exits", "Halts", "Resumed")
    }
    assert not [mark for marks in seen.values() for mark in marks if mark[2]], "points, not spans"
    expected = {
        "Entries": [("AUSDT", HOUR + 61), ("AUSDT", 3 * HOUR), ("BUSDT", HOUR + 65)],
        "Exits": [("AUSDT", 2 * HOUR + 13)],
        "Halts": [("", 4 * HOUR), ("", 5 * HOUR + 2400)],
        "Resumed": [("", 5 * HOUR + 7), ("", 5 * HOUR + 2460)],
    }
    for name, events in expected.items():
        assert [symbol for symbol, *_ in seen[name]] == [symbol for symbol, _ in events]
        for (_, shown, _), (_, happened) in zip(seen[name], events, strict=True):
            late = shown - happened
            assert 0 <= late <= (2 if name == "Resumed" else 1) * step + EVERY
