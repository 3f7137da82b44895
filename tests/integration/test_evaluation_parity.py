"""What `evaluate` says of a pump is what the detect function does when the pump is played to it.

A folder of labelled pumps is judged twice: as `evaluate` does, from the files; and by the detect
use case, which scans the replayed market through the Bybit adapter and the simulator's HTTP server.
Both must alarm at the same scan, or at the end of the same minute.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from support import hand_made
from support.crowds import crowd, whale
from support.labelled_markets import load_pump_events

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.bursts import NEEDED
from pumpwatch.domain.detection.model import stored_model
from pumpwatch.domain.detection.rules import DETECTORS
from pumpwatch.domain.moments import MINUTE, SECOND
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch_workbench.local.memory import MemoryEventStore, MemoryHistoryStore, MemorySignalStore
from pumpwatch_workbench.research.evaluation.looks import Scans, looks
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
SEGMENTS = (1, 8, 41, 98, 113)
"""Pumps that the fast rule alarms on early, late and not at all."""
BEFORE, AFTER = 7 * MINUTE, 5 * MINUTE
"""Milliseconds around an onset that are played."""


@dataclass
class Played:
    """The contracts, the first alarm on each, and how many judgements knew the trades."""

    contracts: list
    alarms: dict
    judged: int


def played(folder, interval):
    """Scan the simulator around each pump; all times are market time."""
    market = ReplayMarket(folder)
    clock = MarketClock(start=market.start - 2 * MINUTE, stepped=True)
    limits = ExchangeSettings(rate_limits=False)
    exchange = Exchange(market, clock, credentials_from_seed(7), limits)
    signals, events = MemorySignalStore(), MemoryEventStore()
    settings = DetectSettings(
        table_name="table", bucket_name="bucket", scan_interval_seconds=interval // SECOND
    )
    onsets = {contract.event.onset // MINUTE * MINUTE for contract in market.contracts}
    times = {t for onset in onsets for t in range(onset - BEFORE, onset + AFTER, interval)}
    seen = Played(market.contracts, {}, 0)
    with SimulatorServer(exchange) as server:
        session = BybitSession(server.url, exchange_time=MarketTime(), requests_per_second=10_000)
        source = BybitMarketData(session)
        detect = DetectPumps(source, MemoryHistoryStore(), signals, events, settings)
        detect.backfill()
        minute = None
        for time in sorted(times):
            clock.advance_to(time)
            if time // MINUTE == minute:
                report = detect.look()
            else:
                minute = time // MINUTE
                report = detect.run(SimpleNamespace(scheduled_time=time, execution_id="e"))
            assert report.screen_missed == 0
            seen.judged += report.judged_with_trades
            for event in report.events:
                seen.alarms.setdefault(event.symbol, event.alarm_time)
        session.close()
    return seen


def evaluated(folder, contracts, interval, **settings):
    """Return when evaluate's first alarm on each contract is dated, market time."""
    segments, _ = load_pump_events(folder)
    by_number = {segment.number: segment for segment in segments}
    first = {}
    for contract in contracts:
        event = contract.event
        segment, shift = by_number[event.segment], event.shift
        (alarms,) = raise_alarms(Boosted(**settings), [segment], Scans(interval)).values()
        begin, end = event.onset // MINUTE * MINUTE - 2 * MINUTE, event.onset + AFTER - interval
        inside = [alarm for alarm in alarms if begin <= alarm + shift <= end]
        if inside:
            first[contract.symbol] = inside[0] + shift
    return first


def looked_at(folder, contracts, interval):
    """Return the first scan of the played ones at which the rule of bursts alarms."""
    segments, _ = load_pump_events(folder)
    by_number = {segment.number: segment for segment in segments}
    rule, first = stored_model().burst_rule(interval), {}
    for contract in contracts:
        onset, shift = contract.event.onset, contract.event.shift
        begin = onset // MINUTE * MINUTE - BEFORE
        segment = by_number[contract.event.segment]
        # The ring knows nothing of what was before it.
        for look in looks(segment, interval, begin - shift, begin - shift + NEEDED):
            if look.time + shift >= onset // MINUTE * MINUTE + AFTER:
                break
            verdict = rule.judge(look)
            if verdict is not None and verdict.alarm:
                first[contract.symbol] = look.time + shift
                break
    return first


@pytest.mark.skipif(
    not (REAL / "trades.parquet").exists(),
    reason="no labelled pumps with trades: set PUMPWATCH_PUMP_EVENTS to their folder",
)
@pytest.mark.parametrize("interval", [5 * SECOND, 15 * SECOND])
def test_real_pumps_alarm_at_the_same_scan_in_evaluation_and_in_production(tmp_path, interval):
    some = pl.col("segment").is_in(SEGMENTS)
    for name in ("candles", "trades"):
        pl.scan_parquet(REAL / f"{name}.parquet").filter(some).collect().write_parquet(
            tmp_path / f"{name}.parquet"
        )
    for name in ("segments", "events"):
        pl.read_csv(REAL / f"{name}.csv").filter(some).write_csv(tmp_path / f"{name}.csv")
    seen = played(tmp_path, interval)
    assert len(seen.contracts) >= len(SEGMENTS)
    assert seen.alarms == looked_at(tmp_path, seen.contracts, interval)
    assert len(seen.alarms) >= len(SEGMENTS) - 1
    assert seen.judged > 0


@pytest.mark.skipif(
    not (UNTRADED / "candles.parquet").exists(),
    reason="no recording without trades: set PUMPWATCH_REPLAY_WITHOUT_TRADES to its folder",
)
@pytest.mark.parametrize("interval", [5 * SECOND, MINUTE])
def test_moves_without_recorded_trades_are_found_as_evaluation_finds_them(interval):
    seen = played(UNTRADED, interval)
    assert seen.alarms == evaluated(UNTRADED, seen.contracts, interval)
    assert (len(seen.contracts), seen.judged) == (7, 0)
    assert seen.alarms


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


@pytest.fixture
def hand_made_scores(monkeypatch):
    monkeypatch.setitem(DETECTORS, "boosted", lambda _: hand_made.boosted())
    return {"scores": hand_made.model()}


@pytest.mark.parametrize(("kind", "alarming"), [(crowd, True), (whale, False)])
def test_trades_of_a_recording_reach_the_minutes_rule(tmp_path, hand_made_scores, kind, alarming):
    folder = made_up(tmp_path / "recording", kind)
    seen = played(folder, MINUTE)
    assert seen.alarms == evaluated(folder, seen.contracts, MINUTE, **hand_made_scores)
    assert bool(seen.alarms) == alarming
    assert seen.judged == 1


def test_without_recorded_trades_the_candles_judge_in_both(tmp_path, hand_made_scores):
    folder = made_up(tmp_path / "recording", whale, rise=1.05)
    (folder / "trades.parquet").unlink()
    seen = played(folder, 5 * SECOND)
    assert seen.alarms == evaluated(folder, seen.contracts, MINUTE, **hand_made_scores)
    assert seen.alarms
    assert seen.judged == 0
