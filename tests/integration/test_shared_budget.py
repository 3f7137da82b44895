"""One request budget for real processes: takers, a killed one, downloads, and a ban."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from support.scripted_market import START, ScriptedMarket
from support.stub_bybit import Reply, StubBybit, ok

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.deadlines import NoDeadline, TimerDeadline
from pumpwatch.errors import ExchangeForbidden
from pumpwatch_workbench.local.budget import (
    ALONE_SECONDS,
    BAN_SECONDS,
    BULK_SPARE,
    BURST,
    FILE,
    PER_SECOND,
    SharedBudget,
)
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.endpoints.wire.messages import Response
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.market_time import MarketTime
from pumpwatch_workbench.simulator.server import SimulatorServer

HOST = "api.bybit.com"
TAKE = """
import json, sys, time
from pumpwatch.adapters.deadlines import NoDeadline
from pumpwatch_workbench.local.budget import SharedBudget
budget = SharedBudget("api.bybit.com")
print("ready", flush=True)
sys.stdin.readline()
turns, end = [], time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    before = time.monotonic()
    budget.take(NoDeadline())
    turns.append((before, time.monotonic()))
print(json.dumps(turns))
"""
HOLD = """
import sys
from pumpwatch_workbench.local import budget
from pumpwatch_workbench.local.home import home
with budget._locked(home() / budget.FILE):
    print("ready", flush=True)
    sys.stdin.readline()
"""
BE_BANNED = """
import sys
from pumpwatch.adapters.bybit import endpoints
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch_workbench.local.budget import SharedBudget
try:
    BybitSession(sys.argv[1], budget=SharedBudget("api.bybit.com")).call(endpoints.TIME)
except Exception as error:
    print(type(error).__name__)
"""
DOWNLOAD = """
import sys
from pumpwatch_workbench.local import budget
budget.LOOPBACK = frozenset()
from pumpwatch_workbench.cli.main import app
app()
"""


def environment(folder):
    path = os.pathsep.join(sys.path)
    return {**os.environ, "PYTHONPATH": path, "PUMPWATCH_HOME": str(folder)}


def started(script, folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def ready(script, folder, *arguments, count=1):
    """Start processes and wait until each says that it is ready; kill what is left at the end."""
    processes = [started(script, folder, *arguments) for _ in range(count)]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def most_beyond_the_rate(turns):
    """Return by how many the turns within any interval exceed what the rate gives in it."""
    most = 0.0
    for begin in sorted({before for before, _ in turns})[::5]:
        inside = sorted(after for before, after in turns if before >= begin)
        for number, end in enumerate(inside, 1):
            most = max(most, number - PER_SECOND * (end - begin))
    return most


def test_processes_share_one_budget_though_one_is_killed(tmp_path):
    with ready(TAKE, tmp_path, 0.4, count=3) as processes:
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        killed, *others = processes
        time.sleep(0.1)
        killed.kill()
        turns = [json.loads(process.communicate()[0]) for process in others]
    assert all(turns)
    together = [tuple(turn) for one in turns for turn in one]
    assert most_beyond_the_rate(together) <= BURST + 1


def test_a_dead_process_does_not_keep_the_lock_and_a_stopped_one_stops_nobody(tmp_path, caplog):
    moved = [0.0]
    budget = SharedBudget(HOST, folder=tmp_path, monotonic=lambda: time.monotonic() + moved[0])
    with ready(HOLD, tmp_path) as (holder,):
        budget.take(NoDeadline())
        assert "another process does not give it back" in caplog.text
        assert (tmp_path / FILE).read_bytes() == b""
        holder.kill()
        holder.wait()
    moved[0] = ALONE_SECONDS
    budget.take(NoDeadline())
    assert json.loads((tmp_path / FILE).read_text())[0] == BURST - 1


@pytest.fixture
def stub():
    server = StubBybit()
    yield server
    server.close()


def test_a_ban_that_one_process_was_told_of_keeps_the_others_away_until_it_ends(tmp_path, stub):
    stub.answer(e.TIME.path, Reply(b"access too frequent", status=403), ok())
    moved = [0.0]
    budget = SharedBudget(HOST, folder=tmp_path, now=lambda: time.time() + moved[0])
    session = BybitSession(stub.url, budget=budget, exchange_time=MarketTime())
    told = started(BE_BANNED, tmp_path, stub.url)
    assert told.communicate()[0] == "ExchangeForbidden\n"
    asked = len(stub.requests)
    for _ in range(2):
        session.start_run(TimerDeadline(20))
        with pytest.raises(ExchangeForbidden, match="is another program using"):
            session.call(e.TIME)
    assert len(stub.requests) == asked
    moved[0] = BAN_SECONDS
    session.start_run(TimerDeadline(20))
    session.call(e.TIME)
    session.close()


class Counted(Exchange):
    """An exchange without any candle, which notes when requests arrive."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.arrivals = []

    def handle(self, method, path, *arguments, **named):
        self.arrivals.append(time.monotonic())
        if path == e.KLINE.path:
            return Response(200, ok({"list": []}).body)
        return super().handle(method, path, *arguments, **named)


def test_two_downloads_leave_the_share_of_trading(tmp_path):
    market = ScriptedMarket({"AAAUSDT": [(0, 5.0)], "BBBUSDT": [(0, 5.0)]})
    clock = MarketClock(start=START, stepped=True)
    settings = ExchangeSettings(rate_limits=False)
    exchange = Counted(market, clock, credentials_from_seed(7), settings)
    with SimulatorServer(exchange) as server:
        address = ("--base-url", f"http://127.0.0.1:{server.port}", "--requests-per-second", 90)
        what = ("--symbols", "all", "--from", "2025-12-04T00:00:00Z", *address)
        downloads = [
            started(DOWNLOAD, tmp_path, "download", *what, "--out", tmp_path / name)
            for name in ("one", "two")
        ]
        said = [download.communicate()[0] for download in downloads]
    assert all("has no candle of these contracts" in text for text in said), said
    assert len(exchange.arrivals) > 2 * (BURST - BULK_SPARE)
    turns = [(moment, moment) for moment in exchange.arrivals]
    in_flight = 2 * 8
    assert most_beyond_the_rate(turns) <= BURST - BULK_SPARE + in_flight + 1
