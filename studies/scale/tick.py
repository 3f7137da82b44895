"""Measure a tick of the detect use case for a number of symbols.

Three processes: the exchange behind HTTP; one that fills the history; and one that makes the ticks
through the real exchange adapter, with nothing else in its memory. The history is a file, so boto3
has no share of the CPU.

`python -m studies.scale.tick fill|run STORE SYMBOLS` is what the last two run.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import urllib3

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.errors import InvariantBroken
from pumpwatch.invocation import Tick
from pumpwatch.ports import HistoryStore
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch_workbench.local.memory import MemoryEventStore, MemorySignalStore
from pumpwatch_workbench.local.store import Database, SqliteHistoryStore
from pumpwatch_workbench.simulator.market.measured import MeasuredExchange
from pumpwatch_workbench.simulator.market_time import MarketTime

from .exchange import LATENCY_MS, MINUTE, SECOND, START, exchange_process

TICKS = 7
WARM_UP = 6
"""Ticks until nothing is cold."""
SETTINGS = DetectSettings(table_name="table", bucket_name="bucket")
NO_PACE = 10_000
KIB = 1024


@dataclass(frozen=True, slots=True)
class TickFigures:
    """Medians over warm ticks."""

    symbols: int
    cpu_seconds: float
    wall_seconds: float
    requests: float
    candidates: float
    memory_bytes: float
    """The largest that the process became."""
    tickers_bytes: float
    """The answer about the whole market, uncompressed."""


def measure_tick(symbols: int) -> TickFigures:
    """Measure in processes of their own, some seconds for each hundred symbols.

    Raises `InvariantBroken` when one of them fails.
    """
    with TemporaryDirectory() as folder:
        store = str(Path(folder) / "history.db")
        _child("fill", store, symbols)
        return TickFigures(**json.loads(_child("run", store, symbols)))


def _child(what: str, store: str, symbols: int) -> str:
    command = [sys.executable, "-m", __name__, what, store, str(symbols)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["it wrote no error"])[-1]
        raise InvariantBroken(f"a tick over {symbols} symbols could not be measured: {last}")
    return ended.stdout


def _fill(store: Path, symbols: int) -> None:
    with exchange_process(symbols) as exchange, closing(Database(store)) as database:
        settings = SETTINGS.model_copy(update={"requests_per_second": NO_PACE})
        detect_from(exchange, SqliteHistoryStore(database), settings).backfill()


def _run(store: Path, symbols: int) -> None:
    with exchange_process(symbols) as exchange, closing(Database(store)) as database:
        exchange.tell("latency", LATENCY_MS)
        detect = detect_from(exchange, SqliteHistoryStore(database), SETTINGS)
        rows = [_tick(detect, exchange, minute) for minute in range(1, WARM_UP + TICKS + 1)]
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
        answer = urllib3.request("GET", f"{exchange.url}/v5/market/tickers?category=linear")
    columns = zip(*rows[WARM_UP:], strict=True)
    cpu, wall, requests, candidates = (float(median(column)) for column in columns)
    size = float(len(answer.data))
    figures = TickFigures(symbols, cpu, wall, requests, candidates, memory, size)
    sys.stdout.write(json.dumps(asdict(figures)))


def detect_from(
    exchange: MeasuredExchange, history: HistoryStore, settings: DetectSettings
) -> DetectPumps:
    """Return the use case over the real exchange adapter, its other stores in memory."""
    session = BybitSession(
        exchange.url,
        requests_per_second=settings.requests_per_second,
        threads=settings.parallel_requests,
        exchange_time=MarketTime(),
    )
    market = BybitMarketData(session, parallel_requests=settings.parallel_requests)
    return DetectPumps(market, history, MemorySignalStore(), MemoryEventStore(), settings)


def _tick(
    detect: DetectPumps, exchange: MeasuredExchange, minute: int
) -> tuple[float, float, int, int]:
    now = START + minute * MINUTE
    exchange.tell("time", now + SECOND)
    cpu, wall = time.process_time(), time.perf_counter()
    report = detect.run(Tick(scheduled_time=now, execution_id=str(minute)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu, wall, report.requests, report.candidates


if __name__ == "__main__":
    _work = {"fill": _fill, "run": _run}[sys.argv[1]]
    _work(Path(sys.argv[2]), int(sys.argv[3]))
