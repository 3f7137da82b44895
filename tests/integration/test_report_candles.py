"""`pumpwatch report` asks the exchange for the candles of events that are not stored."""

import json
import re
import socket
import time

import pytest
from support.records import a_signal
from support.stub_bybit import StubBybit, ok
from typer.testing import CliRunner

from pumpwatch.adapters.bybit import endpoints
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.local.store import Database, SqliteSignalStore
from pumpwatch_workbench.play.desk.desk import claim

KLINE = endpoints.KLINE.path


@pytest.fixture
def bybit():
    stub = StubBybit()
    stub.answer(endpoints.TIME.path, ok(stamp=time.time_ns() // 1_000_000))
    yield stub
    stub.close()


def reported(folder, address, *options):
    """Report on a store of a desk at this address that saw a pump two minutes ago."""
    alarm = time.time_ns() // 1_000_000 - 2 * MINUTE
    database = Database(folder / "desk.db")
    claim(database, mode="paper", stage="mine", base_url=address)
    SqliteSignalStore(database).publish(a_signal(phase=Phase.RISING, time=alarm, alarm_time=alarm))
    database.close()
    page = folder / "page.html"
    command = ["report", "--store", str(folder / "desk.db"), "--out", str(page), *options]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    return page.read_text(encoding="utf-8"), result.stderr


def test_the_pump_of_two_minutes_ago_has_a_chart(bybit, tmp_path):
    first = time.time_ns() // 1_000_000 // MINUTE * MINUTE - 21 * MINUTE
    values = ["1.1", "1.3", "1.0", "1.2", "500", "600"]
    rows = [[str(first + n * MINUTE), *values] for n in range(22)]
    bybit.answer(KLINE, ok({"category": "linear", "symbol": "PUMPUSDT", "list": rows[::-1]}))
    page, problem = reported(tmp_path, bybit.url)
    (data,) = re.findall(r'<script type="application/json" id="chart-data">(.*?)</script>', page)
    assert [1.1, 1.3, 1.0, 1.2, 600.0] in [
        row[1:] for row in json.loads(data)["event-1"]["candles"]
    ]
    assert problem == ""


def test_candles_are_not_asked_for_where_a_person_does_not_want_that(bybit, tmp_path):
    page, problem = reported(tmp_path, bybit.url, "--no-candles")
    assert bybit.sent(KLINE) == []
    assert "1 event without a chart" in page
    assert problem == ""


def test_without_a_network_one_line_says_so_and_the_page_is_made(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        page, problem = reported(tmp_path, address)
    assert "1 event without a chart" in page
    assert problem.startswith(f"Some charts are missing, {address} gives no candles: ")
    assert problem.count("\n") == 1
