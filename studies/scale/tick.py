"""What one tick of the detect use case takes, measured for a number of symbols and movers.

Three processes: the market behind HTTP; one that fills the history, without a wire; and one that
makes the ticks as production does, through the real exchange adapter and the real history store,
with nothing else in its memory. The bucket is a folder, so boto3's own share is not in the figures.

`python -m studies.scale.tick fill|run FOLDER SYMBOLS MOVERS ...` is what those two run.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import urllib3

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.errors import InvariantBroken
from pumpwatch.invocation import Tick
from pumpwatch.ports import MarketData
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch_workbench.local.memory import MemoryEventStore, MemorySignalStore
from pumpwatch_workbench.simulator.market.source import MINUTE_MS
from pumpwatch_workbench.simulator.market_time import MarketTime

from .bucket import FolderBucket
from .exchange_process import ONSET, START, calm_market, serve_market
from .market import CalmMarketData

LATENCY_MS = 60
TICKS = 7
SECOND = 4_000
"""Where in the minute the schedule fires, milliseconds."""
SETTINGS = DetectSettings(table_name="table", bucket_name="bucket")
KIB = 1024


@dataclass(frozen=True, slots=True)
class TickFigures:
    """Medians over warm ticks in which every mover is being followed."""

    symbols: int
    movers: int
    cpu_seconds: float
    wall_seconds: float
    requests: float
    candidates: float
    bucket_reads: float
    bucket_writes: float
    bucket_bytes: float
    """Written and read."""
    signals: float
    """Published in all measured ticks and those before them."""
    memory_bytes: float
    """The largest that the process became."""
    tickers_bytes: float = 0.0
    """The answer about the whole market, uncompressed; 0: there was no wire."""


def measure_tick(symbols: int, movers: int) -> TickFigures:
    """Measure in processes of their own; takes seconds for hundreds of symbols, minutes for many.

    Raises `InvariantBroken` when one of them fails.
    """
    with TemporaryDirectory(prefix="pumpwatch-scale-") as folder:
        _child("fill", folder, symbols, movers)
        return TickFigures(**json.loads(_child("run", folder, symbols, movers)))


def detect_on(market: MarketData, bucket: FolderBucket) -> DetectPumps:
    """Return the use case with the product's default settings on a market and a bucket."""
    store = S3HistoryStore(SETTINGS.bucket_name, bucket)  # type: ignore[arg-type]
    return DetectPumps(market, store, MemorySignalStore(), MemoryEventStore(), SETTINGS)


def fill(folder: Path, symbols: int, movers: int) -> None:
    """Fill the history of every symbol up to the market's start."""
    market = CalmMarketData(calm_market(symbols, movers), START - MINUTE_MS + SECOND)
    detect_on(market, FolderBucket(folder)).backfill()


def make_ticks(
    market: MarketData,
    folder: Path,
    tell: Callable[[int], None],
    *,
    symbols: int,
    movers: int,
    ticks: int = TICKS,
) -> TickFigures:
    """Make ticks from the market's start on and return the medians of the last ones.

    `tell` moves the market's clock. The first ticks, until every mover is followed, are warm-up.
    """
    bucket = FolderBucket(folder)
    detect = detect_on(market, bucket)
    warm_up = (ONSET - START) // MINUTE_MS + 2
    rows: list[tuple[float, ...]] = []
    signals = 0
    for minute in range(warm_up + ticks):
        now = START + minute * MINUTE_MS
        tell(now + SECOND)
        bucket.calls.clear()
        cpu, wall = time.process_time(), time.perf_counter()
        report = detect.run(Tick(scheduled_time=now, execution_id=str(minute)))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        calls = bucket.calls
        signals += len(report.signals)
        if minute >= warm_up:
            asked = report.requests, report.candidates, calls["reads"], calls["writes"]
            rows.append((cpu, wall, *asked, calls["bytes_read"] + calls["bytes_written"]))
    names = (
        "cpu_seconds", "wall_seconds", "requests", "candidates",
        "bucket_reads", "bucket_writes", "bucket_bytes",
    )  # fmt: skip
    medians = {
        name: float(median(column))
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
    return TickFigures(
        symbols=symbols, movers=movers, signals=signals, memory_bytes=memory, **medians
    )


# --- the processes ---------------------------------------------------------------------------


def _child(what: str, folder: str, symbols: int, movers: int) -> str:
    command = [sys.executable, "-m", __name__, what, folder, str(symbols), str(movers)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise InvariantBroken(f"a tick over {symbols} symbols could not be measured: {last}")
    return ended.stdout


def _run(folder: Path, symbols: int, movers: int) -> None:
    with serve_market(symbols, movers) as served:
        session = BybitSession(
            served.url, threads=SETTINGS.parallel_requests, exchange_time=MarketTime()
        )
        market = BybitMarketData(session, parallel_requests=SETTINGS.parallel_requests)
        served.tell("latency", LATENCY_MS)
        figures = make_ticks(
            market,
            folder,
            lambda time: served.tell("time", time),
            symbols=symbols,
            movers=movers,
        )
        session.close()
        answer = urllib3.request("GET", f"{served.url}/v5/market/tickers?category=linear")
    sys.stdout.write(json.dumps(asdict(replace(figures, tickers_bytes=float(len(answer.data))))))


if __name__ == "__main__":
    _folder, _symbols, _movers = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    (fill if sys.argv[1] == "fill" else _run)(_folder, _symbols, _movers)
