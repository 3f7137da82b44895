"""The detect use case on a calibrated synthetic market: lossless, and with few candidates."""

from types import SimpleNamespace

import pytest
from support.records import on_grid
from support.source_market_data import SourceMarketData

from pumpwatch.domain.detection.base import known_before
from pumpwatch.domain.detection.rules import detector_named
from pumpwatch.domain.market.candles import CandleRequest
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch_workbench.local.memory import MemoryEventStore, MemoryHistoryStore, MemorySignalStore
from pumpwatch_workbench.simulator.market.source import PlantedEvent
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket

START = 1_767_225_600_000
SYMBOLS, MINUTES = 120, 45


@pytest.mark.parametrize(
    ("seed", "detector", "most"), [(3, "ewma", 0.02), (3, "boosted", 0.03), (11, "boosted", 0.03)]
)
def test_scan_of_few_candidates_finds_what_a_full_scan_finds(seed, detector, most):
    names = [one.symbol for one in SyntheticMarket(SYMBOLS, seed, START, MINUTES).listings]
    pumped = [name for name in names if name.endswith("USDT") and not name[0].isdigit()][20:60:20]
    pumps = [
        PlantedEvent(symbol, START + 15 * MINUTE + 5_000, START + 15 * MINUTE + 35_000, 0.45)
        for symbol in pumped
    ]
    market = SourceMarketData(
        SyntheticMarket(SYMBOLS, seed, START, MINUTES, pumps=pumps), START + 5_000
    )
    signals = MemorySignalStore()
    settings = DetectSettings(table_name="table", bucket_name="bucket", detector=detector)
    detect = DetectPumps(market, MemoryHistoryStore(), signals, MemoryEventStore(), settings)
    detect.backfill()
    candidates = missed = judged = 0
    for minute in range(1, MINUTES):
        due = START + minute * MINUTE
        market.now = due + 3_000 + minute * 7_919 % 50_000
        pages = market.pages
        report = detect.run(SimpleNamespace(scheduled_time=due, execution_id="e"))
        assert market.pages - pages == report.requests
        assert report.requests <= 3 + 2 * report.candidates + report.refreshed
        candidates += report.candidates
        missed += report.screen_missed
        judged += report.judged_with_trades
    assert missed == 0
    assert not judged or detector == "boosted"
    assert candidates < most * SYMBOLS * MINUTES
    found = {one.symbol for one in signals.since(0)}
    assert found == alarms_of_a_full_scan(market, settings, names)
    assert found & set(pumped)


def alarms_of_a_full_scan(market, settings, names):
    """Return the symbols on which the rule alarms, given every candle of every symbol."""
    detector = detector_named(settings.detector, settings)
    first, count = START - 25 * HOUR, 25 * 60 + MINUTES - 1
    requests = [
        CandleRequest(name, MINUTE, first, first + (count - 1) * MINUTE)
        for name in market.instruments()
        if name in names
    ]
    market.now = START + MINUTES * MINUTE
    series = list(market.candles(requests).values())
    candles = on_grid(series, first=first, count=count)
    judged = candles.open_time >= START + MINUTE
    judged &= known_before(candles)[0] >= detector.window
    found = detector.detect(candles)
    if found.scored is not None:
        some = (found.scored & judged).any(axis=1)
        trades = [
            market.all_trades(symbol, since=START - 10 * MINUTE) if wanted else None
            for symbol, wanted in zip(candles.symbols, some, strict=True)
        ]
        found = detector.detect(candles, trades=trades)
    alarm = (found.alarm & judged).any(axis=1)
    return {symbol for symbol, hit in zip(candles.symbols, alarm, strict=True) if hit}
