"""The calm market that ticks are measured on: consistent with itself, and as calm as it says."""

from decimal import Decimal

import numpy as np
import pytest

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.domain.market.candles import CandleRequest
from pumpwatch.domain.moments import SECOND
from pumpwatch.invocation import Tick
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.measured import HeldClock
from pumpwatch_workbench.simulator.market.source import DAY_MS, MINUTE_MS
from pumpwatch_workbench.simulator.market_time import MarketTime
from pumpwatch_workbench.simulator.server import SimulatorServer
from studies.scale.bucket import FolderBucket
from studies.scale.exchange_process import ONSET, START, calm_market
from studies.scale.market import SURGE_MINUTES, CalmMarketData
from studies.scale.tick import detect_on, fill, make_ticks

SYMBOLS, MOVERS = 12, 2


def ticks_without_wire(folder, symbols, movers, **more):
    fill(folder, symbols, movers)
    market = CalmMarketData(calm_market(symbols, movers), START)

    def tell(now):
        market.now = now

    return make_ticks(market, folder, tell, symbols=symbols, movers=movers, **more)


@pytest.mark.parametrize("after", [0, 90_000, 15 * MINUTE_MS, (SURGE_MINUTES + 5) * MINUTE_MS])
def test_the_ticker_is_the_sum_of_the_candles(after):
    market, now = calm_market(SYMBOLS, MOVERS), ONSET + after
    view = market.view(now)
    for index in range(4):
        forming = market.forming(index, now)
        opened = int(forming.open_time[0])
        past = market.minutes(index, opened - DAY_MS + MINUTE_MS, opened - MINUTE_MS)
        leaving = market.minutes(index, opened - DAY_MS, opened - DAY_MS)
        left = leaving.turnover[0] * (1 - (now - opened) / MINUTE_MS)
        total = past.turnover.sum() + forming.turnover[0] + left
        assert view.turnover_24h[index] == pytest.approx(total)
        high = max(past.high.max(), forming.high[0])
        assert view.high_24h[index] == pytest.approx(high, rel=5e-3)
        assert view.high_24h[index] >= high * (1 - 1e-12)
        assert view.low_24h[index] <= min(past.low.min(), forming.low[0]) * (1 + 1e-12)
        assert market.price(index, now) == pytest.approx(view.last[index])


def test_candles_are_possible_and_join():
    candles = calm_market(SYMBOLS, MOVERS).minutes(0, ONSET - 20 * MINUTE_MS, ONSET + DAY_MS // 24)
    assert (candles.high >= np.maximum(candles.open, candles.close)).all()
    assert (candles.low <= np.minimum(candles.open, candles.close)).all()
    assert candles.close[:-1] == pytest.approx(candles.open[1:])
    (onset,) = np.flatnonzero(candles.open_time == ONSET)
    assert candles.high[onset] / candles.open[onset] == pytest.approx(1.6, abs=0.01)


def test_only_movers_are_asked_for_and_each_of_them_in_every_tick(tmp_path):
    figures = ticks_without_wire(tmp_path, SYMBOLS, MOVERS)
    assert figures.candidates == MOVERS
    assert figures.signals >= MOVERS
    assert figures.requests == 1 + MOVERS + 5
    assert figures.bucket_writes == 2
    assert figures.cpu_seconds > 0


def test_a_calm_market_asks_for_nothing_but_its_slice(tmp_path):
    figures = ticks_without_wire(tmp_path, SYMBOLS, 0, ticks=3)
    assert (figures.candidates, figures.requests, figures.signals) == (0, 6, 0)


@pytest.mark.parametrize(("age", "asked"), [(100, 0), (178, 0), (182, 3)])
def test_a_symbol_that_the_rule_has_no_bounds_for_is_a_candidate(tmp_path, age, asked):
    """Why a round of the history may not take longer than the rule remembers."""
    fill(tmp_path, 8, 0)
    market = CalmMarketData(calm_market(8, 0), START)
    detect = detect_on(market, FolderBucket(tmp_path))
    for time in (START + age * MINUTE_MS, START + (age + 1) * MINUTE_MS):
        market.now = time + SECOND
        report = detect.run(Tick(scheduled_time=time, execution_id=str(time)))
    # The first of the two runs has refreshed five of the eight.
    assert report.candidates == asked


def test_the_same_ticks_over_the_wire(tmp_path):
    """Through the real adapter and HTTP a tick asks for the same."""
    fill(tmp_path, SYMBOLS, MOVERS)
    clock, settings = HeldClock(START), ExchangeSettings(rate_limits=False)
    exchange = Exchange(calm_market(SYMBOLS, MOVERS), clock, credentials_from_seed(1), settings)
    with SimulatorServer(exchange) as server:
        session = BybitSession(server.url, exchange_time=MarketTime())
        figures = make_ticks(
            BybitMarketData(session, parallel_requests=2),
            tmp_path,
            clock.advance_to,
            symbols=SYMBOLS,
            movers=MOVERS,
            ticks=3,
        )
        session.close()
    assert (figures.candidates, figures.requests) == (MOVERS, 1 + MOVERS + 5)
    assert figures.signals >= MOVERS


def test_what_is_listed_can_be_traded_and_has_its_candles():
    market = CalmMarketData(calm_market(3, 1), START + SECOND)
    listed = market.instruments()
    assert set(listed) == set(market.snapshot().symbols)
    assert listed["S00000USDT"].min_notional == Decimal(5)
    asked = CandleRequest("S00001USDT", MINUTE_MS, START - 2 * MINUTE_MS, START)
    series = market.candles([asked])["S00001USDT"]
    assert series.forming
    assert series.open_time.tolist() == [START - 2 * MINUTE_MS, START - MINUTE_MS, START]


def test_a_folder_in_place_of_the_bucket_counts_what_passes(tmp_path):
    bucket = FolderBucket(tmp_path)
    bucket.put_object(Bucket="b", Key="v1/a.npz", Body=b"four")
    assert bucket.get_object(Bucket="b", Key="v1/a.npz")["Body"].read() == b"four"
    with pytest.raises(Exception, match="NoSuchKey"):
        bucket.get_object(Bucket="b", Key="v1/b.npz")
    assert bucket.calls == {"writes": 1, "reads": 2, "bytes_written": 4, "bytes_read": 4}
