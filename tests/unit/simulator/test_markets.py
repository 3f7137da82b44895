"""What holds of every market: its candles, its prices, its tickers and its path agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.recordings import candles, trades, write

from pumpwatch_workbench.simulator.market.replay.market import ReplayMarket
from pumpwatch_workbench.simulator.market.source import DAY_MS, MINUTE_MS
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket

HOUR_MS = 60 * MINUTE_MS
EVENT = "7,ADX,2019-07-05T17:00:10Z,1"


@pytest.fixture(scope="module", params=["synthetic", "replay of candles", "replay of trades"])
def market(request, tmp_path_factory):
    if request.param == "synthetic":
        return SyntheticMarket(24, 3, 1_767_258_000_000, 180)
    table = candles()
    traded = trades(table) if request.param == "replay of trades" else None
    return ReplayMarket(write(tmp_path_factory.mktemp("recording") / "r", table, [EVENT], traded))


times = st.integers(0, 69 * MINUTE_MS)
indices = st.integers(0, 23)


@settings(deadline=None, max_examples=25)
@given(times, indices)
def test_the_view_is_what_the_minutes_add_up_to(market, offset, index):
    index %= len(market.listings)
    time = market.start + offset
    view, day_ago = market.view(time), time - DAY_MS
    first, last = day_ago // MINUTE_MS * MINUTE_MS, time // MINUTE_MS * MINUTE_MS
    whole, now = market.minutes(index, first, last - MINUTE_MS), market.forming(index, time)
    assert view.last[index] == now.close == market.price(index, time)
    old = market.listings[index].launch_time <= day_ago
    gone = market.forming(index, day_ago) if old else None
    for name in ("turnover", "volume"):
        left = getattr(gone, name) if old else 0.0
        expected = getattr(whole, name).sum() - left + getattr(now, name)
        np.testing.assert_allclose(getattr(view, f"{name}_24h")[index], expected, rtol=1e-9)
    if old:
        _, prices = market.path(index, day_ago, time)
        assert view.high_24h[index] == prices.max()
        assert view.low_24h[index] == prices.min()
        assert view.price_24h_ago[index] == market.price(index, day_ago)
        assert view.price_1h_ago[index] == market.price(index, time - HOUR_MS)


@settings(deadline=None, max_examples=30)
@given(times, times, indices)
def test_a_forming_candle_only_grows_into_its_complete_one(market, offset, other, index):
    index %= len(market.listings)
    minute = market.start + offset // MINUTE_MS * MINUTE_MS
    early, late = sorted((offset % MINUTE_MS, other % MINUTE_MS))
    complete = market.minutes(index, minute, minute)
    before, then = market.forming(index, minute + early), market.forming(index, minute + late)
    assert before.open_time == then.open_time == complete.open_time == minute
    assert then.close == market.price(index, minute + late)
    for part in (before, then):
        # Until a recorded minute's first trade the price is the one before it.
        if part.volume or not hasattr(market, "contracts"):
            assert part.open == complete.open
            assert complete.low <= then.low <= part.low
            assert part.high <= then.high <= complete.high
    assert before.volume <= then.volume * (1 + 1e-12) <= complete.volume * (1 + 1e-9)
    assert before.turnover <= then.turnover * (1 + 1e-9) <= complete.turnover * (1 + 1e-6)
    end = market.forming(index, minute + MINUTE_MS - 1)
    for name in ("high", "low", "volume"):
        np.testing.assert_allclose(getattr(end, name), getattr(complete, name), rtol=1e-3)


@settings(deadline=None, max_examples=40)
@given(times, indices)
def test_trades_so_far_are_what_ticker_and_forming_candle_say(market, offset, index):
    index %= len(market.listings)
    time = market.start + offset
    minute = time // MINUTE_MS * MINUTE_MS
    trades, forming = market.trades(index, minute, time), market.forming(index, time)
    if not market.trades(index, market.start, market.start + HOUR_MS).time.size:
        return
    assert forming.volume[0] == pytest.approx(trades.quantity.sum())
    assert forming.turnover[0] == pytest.approx((trades.price * trades.quantity).sum(), rel=5e-3)
    view = market.view(time)
    if trades.time.size:
        assert view.last[index] == pytest.approx(trades.price[-1], abs=1e-12)
        assert forming.high[0] >= trades.price.max() - 1e-12
        assert forming.low[0] <= trades.price.min() + 1e-12
    before = market.view(minute)
    gone = market.forming(index, time - DAY_MS)
    if gone.volume[0] == 0 and before.turnover_24h[index] > 0:
        first = market.forming(index, minute).turnover[0]
        rise = view.turnover_24h[index] - before.turnover_24h[index]
        assert rise == pytest.approx(
            forming.turnover[0] - first, abs=1e-6 * view.turnover_24h[index]
        )


@settings(deadline=None, max_examples=25)
@given(times)
def test_all_prices_at_once_are_those_of_the_view(market, offset):
    time = market.start + offset
    np.testing.assert_array_equal(market.prices(time), market.view(time).last)


@settings(deadline=None, max_examples=25)
@given(times, times, indices)
def test_the_price_is_on_its_path(market, offset, other, index):
    index %= len(market.listings)
    start, end = sorted((market.start + offset, market.start + other))
    knots, prices = market.path(index, start, end)
    assert (knots[0], knots[-1]) == (start, end)
    assert np.all(np.diff(knots) >= 0)
    tick = float(market.listings[index].tick_size)
    for time in np.linspace(start, end, 7).astype(int).tolist():
        # At a jump both prices are on the path.
        near = prices[np.abs(knots - time) <= 1]
        on_line = [np.interp(time, knots, prices), *near]
        assert min(abs(price - market.price(index, time)) for price in on_line) <= 1.01 * tick
