"""What `evaluate` says of a pump is what the detect function does when the pump is played to it.

A folder of labelled pumps with trades is judged twice: as `evaluate` does, from the files; and by
the detect use case, which looks at the replayed market minute by minute through the Bybit adapter
and the simulator's HTTP server. Both must alarm on the same minute.
"""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from support.crowds import crowd, whale

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.moments import MINUTE
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch_workbench.local.memory import MemoryEventStore, MemoryHistoryStore, MemorySignalStore
from pumpwatch_workbench.research.evaluation.labelled import load_pump_events
from pumpwatch_workbench.research.evaluation.scores import raise_alarms
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.market.replay.market import ReplayMarket
from pumpwatch_workbench.simulator.market_time import MarketTime
from pumpwatch_workbench.simulator.server import SimulatorServer

DATA = Path(__file__).parents[2] / "../shared/data"
REAL = Path(os.environ.get("PUMPWATCH_PUMP_EVENTS", DATA / "pump-events"))
UNTRADED = Path(os.environ.get("PUMPWATCH_REPLAY_WITHOUT_TRADES", DATA / "replay-without-trades"))
SEGMENTS = (1, 41, 98, 113)
"""Pumps of which the trades make or hasten the alarm."""
LAST_MINUTE = 6
"""Minutes after an onset that are played."""
SECOND = 30_000
"""The place in the minute at which the market is read."""


def played(folder):
    """Return the contracts, when the first alarm on each was complete, and the trades judged.

    The detect use case runs on the simulator, for the minutes around each pump; market time.
    """
    market = ReplayMarket(folder)
    clock = MarketClock(start=market.start - 2 * MINUTE, stepped=True)
    limits = ExchangeSettings(rate_limits=False)
    exchange = Exchange(market, clock, credentials_from_seed(7), limits)
    signals, events = MemorySignalStore(), MemoryEventStore()
    settings = DetectSettings(table_name="table", bucket_name="bucket", detector="boosted")
    alarms, judged = {}, 0
    onsets = [contract.event.onset // MINUTE * MINUTE for contract in market.contracts]
    minutes = {onset + n * MINUTE for onset in onsets for n in range(-3, LAST_MINUTE)}
    with SimulatorServer(exchange) as server:
        session = BybitSession(server.url, exchange_time=MarketTime())
        source = BybitMarketData(session)
        detect = DetectPumps(source, MemoryHistoryStore(), signals, events, settings)
        detect.backfill()
        for due in sorted(minutes):
            clock.advance_to(due + SECOND)
            report = detect.run(SimpleNamespace(scheduled_time=due, execution_id="e"))
            assert report.screen_missed == 0
            judged += report.judged_with_trades
            for event in events.current():
                alarms.setdefault(event.symbol, event.alarm_candle + MINUTE)
        session.close()
    return market.contracts, alarms, judged


def evaluated(folder, contracts, **settings):
    """Return when evaluate's first alarm on each contract is dated, market time."""
    segments, _ = load_pump_events(folder)
    by_number = {segment.number: segment for segment in segments}
    first = {}
    for contract in contracts:
        event = contract.event
        segment, shift = by_number[event.segment], event.shift
        last = event.onset + (LAST_MINUTE - 2) * MINUTE
        (alarms,) = raise_alarms(Boosted(**settings), [segment]).values()
        inside = [alarm for alarm in alarms if event.live_start <= alarm + shift <= last]
        if inside:
            first[contract.symbol] = inside[0] + shift
    return first


@pytest.mark.skipif(
    not (REAL / "trades.parquet").exists(),
    reason="no labelled pumps with trades: set PUMPWATCH_PUMP_EVENTS to their folder",
)
def test_real_pumps_alarm_at_the_same_minute_in_evaluation_and_in_production(tmp_path):
    some = pl.col("segment").is_in(SEGMENTS)
    for name in ("candles", "trades"):
        pl.scan_parquet(REAL / f"{name}.parquet").filter(some).collect().write_parquet(
            tmp_path / f"{name}.parquet"
        )
    for name in ("segments", "events"):
        pl.read_csv(REAL / f"{name}.csv").filter(some).write_csv(tmp_path / f"{name}.csv")
    contracts, alarms, judged = played(tmp_path)
    assert len(contracts) >= len(SEGMENTS)
    assert alarms == evaluated(tmp_path, contracts)
    assert alarms != evaluated(tmp_path, contracts, read_trades=0)
    assert judged > 0


@pytest.mark.skipif(
    not (UNTRADED / "candles.parquet").exists(),
    reason="no recording without trades: set PUMPWATCH_REPLAY_WITHOUT_TRADES to its folder",
)
def test_moves_without_recorded_trades_are_found_as_evaluation_finds_them():
    contracts, alarms, judged = played(UNTRADED)
    assert alarms == evaluated(UNTRADED, contracts)
    assert (len(contracts), len(alarms), judged) == (7, 4, 0)


BEGIN = 1_562_000_400_000
ONSET = BEGIN + 30 * 60 * MINUTE
PRICE = 0.00001


def made_up(folder, kind, *, burst=200.0, rise=1.03):
    """Write a recording of a calm coin and one burst, whose trades are a crowd's or a whale's."""
    random = np.random.default_rng(5)
    minutes = np.arange(BEGIN, ONSET + 20 * MINUTE, MINUTE)
    close = np.round(PRICE * np.exp(np.cumsum(random.normal(0, 1e-4, len(minutes)))), 11)
    volume = np.round(random.lognormal(0, 1, len(minutes)) * 1e6)
    rows = [
        (minute, price, price, price, price, amount)
        for minute, price, amount in zip(minutes, close, volume, strict=True)
    ]
    place = int((ONSET - BEGIN) // MINUTE)
    base, size = close[place - 1], volume[place] * burst
    burst_trades = kind(ONSET + MINUTE, size * base * rise, base * rise)
    inside = burst_trades.between(ONSET, ONSET + MINUTE)
    prices, sizes = np.round(inside.price, 11), np.round(inside.quantity) + 1
    prices[0], prices[-1] = round(base, 11), round(base * rise, 11)
    rows[place] = (
        ONSET, prices[0], prices.max(), prices.min(), prices[-1], sizes.sum()
    )  # fmt: skip
    trades = [
        (minute + 100 * n, price, amount / 2, n == 0)
        for minute, price, _, _, _, amount in rows
        if minute != ONSET
        for n in range(2)
    ]
    trades += list(zip(inside.time, prices, sizes, inside.bought, strict=True))
    folder.mkdir()
    candles = pl.DataFrame(
        rows, schema=["open_time", "open", "high", "low", "close", "volume"], orient="row"
    )
    candles.with_columns(segment=7, turnover=pl.col("volume") * pl.col("close")).write_parquet(
        folder / "candles.parquet"
    )
    table = pl.DataFrame(
        sorted(trades), schema=["time", "price", "quantity", "bought"], orient="row"
    )
    side = pl.when("bought").then(pl.lit("Buy")).otherwise(pl.lit("Sell"))
    table.with_columns(segment=7, side=side).drop("bought").write_parquet(folder / "trades.parquet")
    moment = "2019-07-02T23:00:10Z"
    (folder / "events.csv").write_text(f"segment,symbol,onset,counted\n7,ADX,{moment},1\n")
    (folder / "segments.csv").write_text(
        "segment,symbol,start,end\n7,ADX,2019-07-01T17:00:00Z,2019-07-02T23:20:00Z\n"
    )
    return folder


@pytest.mark.parametrize(("kind", "alarming"), [(crowd, True), (whale, False)])
def test_trades_of_a_recording_reach_the_rule_in_production(tmp_path, kind, alarming):
    folder = made_up(tmp_path / "recording", kind)
    contracts, alarms, judged = played(folder)
    assert alarms == evaluated(folder, contracts)
    assert bool(alarms) == alarming
    assert judged == 1


def test_without_recorded_trades_the_candles_judge_in_both(tmp_path):
    folder = made_up(tmp_path / "recording", whale)
    (folder / "trades.parquet").unlink()
    contracts, alarms, judged = played(folder)
    assert alarms == evaluated(folder, contracts)
    assert alarms
    assert judged == 0
