"""A desk over 1,000 symbols: its rest, a signal's way to the order, a restart.

The exchange runs in a process of its own, so that only the CPU time of the desk counts. Minutes at
rest are scanned every five seconds in market time, the others have 60 ms latency.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from benchmarks.harness import a_signal
from benchmarks.rounds import recorded, rounds
from benchmarks.trade import CREATE, prices
from pumpwatch.bootstrap.trade import MOST_READS
from pumpwatch.invocation import Tick
from pumpwatch_workbench.local.keys import key_source
from pumpwatch_workbench.local.store import Database, SqliteRunRecords
from pumpwatch_workbench.play.desk.desk import Desk
from pumpwatch_workbench.play.desk.options import desk_options
from pumpwatch_workbench.play.desk.pace import Pace
from pumpwatch_workbench.play.desk.play import play
from pumpwatch_workbench.play.views.view import RunView
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.market_time import MarketTime
from studies.scale.exchange import (
    LATENCY_MS,
    MINUTE,
    START,
    MeasuredExchange,
    exchange_process,
)

SYMBOLS = 1_000
MOVERS = 5
TICKS = 15
ENTRIES, RESTARTS = 20, 5
LIMITS = {"MAX_OPEN_POSITIONS": str(ENTRIES), "MAX_NOTIONAL_USDT": "50", "FADE_MIN_GAIN": "0"}
WARM = 5
"""First ticks that are left out: nothing is loaded yet, and the pumps have not begun."""


class HeldPace(Pace):
    """Waits by putting the exchange's clock."""

    def __init__(self, exchange: MeasuredExchange) -> None:
        super().__init__(MarketTime(), threading.Event())
        self._exchange, self._now = exchange, START

    def now(self) -> int:
        return self._now

    def wait_until(self, time: int) -> bool:
        if time > self._now:
            self._now = time
            self._exchange.tell("time", time)
        return True


def measure() -> dict[str, float]:
    """Return the figures of rest, of entries and of restarts."""
    with tempfile.TemporaryDirectory() as folder, exchange_process(SYMBOLS, MOVERS) as exchange:
        os.environ["PUMPWATCH_HOME"] = folder
        figures = _rest(exchange, Path(folder))
        exchange.tell("latency", LATENCY_MS)
        return figures | _entries(exchange, Path(folder)) | _restarts(exchange, Path(folder))


def _rest(exchange: MeasuredExchange, folder: Path) -> dict[str, float]:
    store = folder / "paper.db"
    given = {
        "store": store,
        "bybit_base_url": exchange.url,
        "metrics_port": 0,
        "duration": f"{TICKS}m",
    }
    options = desk_options(given, {"REQUESTS_PER_SECOND": "110"})
    play(options, RunView(), threading.Event(), lambda desk: HeldPace(exchange))
    with closing(Database(store, writable=False)) as database:
        warm = list(SqliteRunRecords(database).since(0))[WARM:]
    cpu = [record.cpu_seconds for record in warm]
    return {
        "tick_1000_symbols_cpu_seconds_p50": statistics.median(cpu),
        "tick_1000_symbols_cpu_seconds_max": max(cpu),
        # Each record covers the scans of its minute.
        "share_of_a_core": statistics.median(cpu) / 60,
        "process_memory_mib": max(record.memory_mib or 0.0 for record in warm),
    }


def _live(exchange: MeasuredExchange, folder: Path) -> dict[str, str]:
    """Return the variables of live mode and of its key."""
    account = credentials_from_seed(1)
    return {
        "MODE": "live",
        "STRATEGY": "fade",
        "BYBIT_BASE_URL": exchange.url,
        "LIVE_TRADING_CONFIRMATION": str(account.user_id),
        "STORE": str(folder / "live.db"),
        "BYBIT_API_KEY": account.api_key,
        "BYBIT_API_SECRET": account.api_secret,
    }


def _entries(exchange: MeasuredExchange, folder: Path) -> dict[str, float]:
    """Let trade run as it does after a scan with a signal."""
    environment = _live(exchange, folder) | LIMITS
    secrets = key_source(file="", keyring=False, environment=environment)
    with ThreadPoolExecutor(MOST_READS) as pool, closing(Database(folder / "live.db")) as database:
        desk = Desk(desk_options({}, environment), database, None, secrets, pool)
        entries = [
            _entry(exchange, desk, symbol, price, START + (TICKS + number) * MINUTE)
            for number, (symbol, price) in enumerate(prices(exchange)[:ENTRIES])
        ]
        desk.close()
    most, seconds = zip(*entries[WARM:], strict=True)
    return {
        "signal_to_ack_exchange_rounds_max": max(most),
        "signal_to_ack_own_seconds_p50": statistics.median(seconds),
    }


def _entry(
    exchange: MeasuredExchange, desk: Desk, symbol: str, price: float, now: int
) -> tuple[int, float]:
    """Return rounds, and seconds without a request under way until the order is acknowledged."""
    exchange.tell("time", now)
    signal = a_signal(symbol, price, now)
    with recorded() as recorder:
        begin = time.perf_counter()
        desk.signals.publish(signal)
        desk.trade(Tick(now, signal.signal_id, (signal.signal_id,)))
    requests = sorted(recorder.until(CREATE), key=lambda request: request.start)
    asking = last = 0.0
    for request in requests:
        asking += max(0.0, request.end - max(request.start, last))
        last = max(last, request.end)
    (sent,) = (request for request in requests if request.path == CREATE)
    return rounds(requests), sent.end - begin - asking


def _restarts(exchange: MeasuredExchange, folder: Path) -> dict[str, float]:
    """Start the process with open trades; its first line is about them."""
    environment = os.environ | _live(exchange, folder)
    command, seconds = [sys.executable, "-m", "pumpwatch_workbench", "desk", "--json"], []
    for _ in range(RESTARTS):
        begin = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            line = process.stdout.readline() if process.stdout else b""
            seconds.append(time.perf_counter() - begin)
            process.kill()
        assert b"Open trades were looked after" in line, line
    return {"restart_to_first_care_seconds_max": max(seconds)}
