"""Cost of a tick of paper trading over 1,000 symbols: the whole loop, one file, one process.

The exchange runs in a process of its own, so that only the CPU time of paper trading counts.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
from pathlib import Path

from pumpwatch_workbench.local.store import Database, SqliteRunRecords
from pumpwatch_workbench.play.desk.options import desk_options
from pumpwatch_workbench.play.desk.play import play
from pumpwatch_workbench.play.views.view import RunView
from studies.scale.exchange import START, MeasuredExchange, exchange_process

SYMBOLS = 1_000
MOVERS = 5
TICKS = 15
WARM = 5
"""First ticks that are left out: nothing is loaded yet, and the pumps have not begun."""


class HeldPace:
    """Waits by putting the exchange's clock."""

    def __init__(self, exchange: MeasuredExchange) -> None:
        self._exchange = exchange
        self._now = START

    @property
    def stopped(self) -> bool:
        return False

    def now(self) -> int:
        return self._now

    def wait_until(self, time: int) -> bool:
        if time > self._now:
            self._now = time
            self._exchange.tell("time", time)
        return True


def measure() -> dict[str, float]:
    """Return CPU and wall seconds of warm ticks, and the size of the store."""
    with tempfile.TemporaryDirectory() as folder, exchange_process(SYMBOLS, MOVERS) as exchange:
        store = Path(folder) / "paper.db"
        given = {
            "store": store,
            "bybit_base_url": exchange.url,
            "metrics_port": 0,
            "duration": f"{TICKS}m",
        }
        options = desk_options(given, {"REQUESTS_PER_SECOND": "110"})
        play(options, RunView(), threading.Event(), lambda desk: HeldPace(exchange))
        database = Database(store, writable=False)
        warm = list(SqliteRunRecords(database).since(0))[WARM:]
        database.close()
        size = store.stat().st_size
    cpu = sorted(record.cpu_seconds for record in warm)
    wall = [(record.detect_seconds or 0.0) + (record.trade_seconds or 0.0) for record in warm]
    return {
        "tick_1000_symbols_cpu_seconds_p50": statistics.median(cpu),
        "tick_1000_symbols_cpu_seconds_max": cpu[-1],
        "tick_1000_symbols_wall_seconds_p50": statistics.median(wall),
        "tick_1000_symbols_requests_p50": statistics.median(record.requests for record in warm),
        "process_memory_mib": max(record.memory_mib or 0.0 for record in warm),
        "store_mib": size / 2**20,
    }
