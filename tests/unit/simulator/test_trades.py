"""The simulated market's trades: what they add up to, and who seems to trade."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpwatch.domain.detection.trade_traits import TRADE_TRAITS, trade_traits
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch_workbench.simulator.market.live_market import LiveMarket
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, PlantedEvent
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket
from pumpwatch_workbench.simulator.market.synthetic.noise import Noise
from pumpwatch_workbench.simulator.market.trades import PriceLine, PriceLines, Style, draw

START = 1_767_225_600_000
COLUMNS = ("time", "bought", "price", "quantity")


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


@st.composite
def lines(draw):
    ticks = draw(st.lists(st.integers(1, 10_000), min_size=4, max_size=4))
    first = draw(st.integers(1, 59_997))
    second = draw(st.integers(first + 1, 59_998))
    shares = sorted(draw(st.lists(st.floats(0, 1), min_size=2, max_size=2)))
    volume = draw(st.integers(0, 10_000)) / 10
    return PriceLine(
        np.array([0.0, first, second, MINUTE_MS]),
        np.array(ticks) / 100.0,
        volume * np.array([0.0, *shares, 1.0]),
        np.full(4, 0.5),
    )


def style(count, orders, fills, unevenness, leaning=0.3, *, first=7, unit=0.1):
    """Return the style of minutes of one symbol from `first` on."""
    columns = (np.full(count, value) for value in (orders, fills, unevenness, leaning, 0.1))
    minutes = np.arange(first, first + count)
    return Style(minutes, np.full(count, 3), np.full(count, 100.0), np.full(count, unit), *columns)


def joined(some):
    """Return lines as one."""
    first = np.cumsum([0, *(len(line.offset) for line in some)])
    names = ("offset", "price", "traded", "bought")
    columns = (np.concatenate([getattr(line, name) for line in some]) for name in names)
    return PriceLines(first, *columns)


def drawn(some, who, seed=1):
    """Return the trades of each line, and the tape."""
    tape = draw(joined(some), who, Noise(seed))
    unit = float(who.unit[0])
    return [tape.trades([(number, START)], 100.0, unit) for number in range(len(some))], tape


@settings(max_examples=100, deadline=None)
@given(
    st.lists(lines(), min_size=1, max_size=4),
    st.integers(0, 400),
    st.floats(1, 4),
    st.floats(0, 3),
    st.integers(0, 2**32),
)
def test_trades_of_minutes_give_their_candles(some, orders, fills, unevenness, seed):
    parts, tape = drawn(some, style(len(some), orders, fills, unevenness), seed)
    for number, (line, trades) in enumerate(zip(some, parts, strict=True)):
        units = np.rint(trades.quantity / 0.1)
        assert units.sum() == round(line.traded[-1] / 0.1)
        if not len(units):
            continue
        np.testing.assert_allclose(trades.quantity, units * 0.1)
        assert units.min() >= 1
        assert (np.diff(trades.time) >= 0).all()
        assert ((trades.time >= START) & (trades.time < START + MINUTE_MS)).all()
        assert (line.price.min() <= trades.price).all() & (trades.price <= line.price.max()).all()
        assert trades.price[-1] == line.price[-1]
        if units.sum() >= orders + 4:
            seen = [line.price[0], *trades.price]
            assert (max(seen), min(seen)) == (line.price.max(), line.price.min())
        turnover = (trades.price * trades.quantity).sum()
        assert tape.flows()[number] / 1_000 == pytest.approx(turnover)


@settings(max_examples=50, deadline=None)
@given(st.lists(lines(), min_size=2, max_size=4), st.integers(0, 300), st.integers(0, 2**32))
def test_a_minute_has_the_same_trades_whichever_are_drawn_with_it(some, orders, seed):
    parts, _ = drawn(some, style(len(some), orders, 1.5, 1.0), seed)
    for number, (line, trades) in enumerate(zip(some, parts, strict=True)):
        (alone,), _ = drawn([line], style(1, orders, 1.5, 1.0, first=7 + number), seed)
        assert same(alone, trades)


@settings(max_examples=50, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=3), st.integers(0, 2**32), st.integers(0, 59_999))
def test_a_minute_so_far_is_what_its_trades_make_it(some, seed, offset):
    parts, tape = drawn(some, style(len(some), 60, 1.3, 1.0), seed)
    moments = np.concatenate([trades.time - START for trades in parts])
    if len(moments):
        # Half of the time the very millisecond of a trade.
        offset = int(moments[seed % len(moments)]) if seed % 2 else offset
    opened = np.array([round(line.price[0] * 100) for line in some])
    scale, unit = np.full(len(some), 100.0), np.full(len(some), 0.1)
    far = tape.so_far(np.arange(len(some)), offset, opened / scale, scale, unit)
    for number, trades in enumerate(parts):
        passed = trades.time <= START + offset
        prices = np.append(opened[number] / 100, trades.price[passed])
        expected = (prices[-1], prices.max(), prices.min())
        prices = tuple(getattr(far, name)[number] for name in ("price", "high", "low"))
        assert prices == pytest.approx(expected)
        assert far.volume[number] == pytest.approx(trades.quantity[passed].sum())
        turnover = (trades.price * trades.quantity)[passed].sum()
        assert far.turnover[number] == pytest.approx(turnover)


@settings(max_examples=50, deadline=None)
@given(lines(), st.integers(0, 2**32), st.integers(1, 59_999))
def test_trades_up_to_an_instant_follow_the_minutes_volume_to_within_one_trade(line, seed, offset):
    (trades,), _ = drawn([line], style(1, 60, 1.0, 1.0), seed)
    if not len(trades.time):
        return
    seen = trades.quantity[trades.time <= START + offset].sum()
    flowed = float(np.interp(offset, line.offset, line.traded))
    # Each trade may have been rounded up to one unit.
    assert abs(seen - flowed) <= trades.quantity.max() + 0.1 * len(trades.time)


def test_parts_of_an_order_share_its_moment_its_price_and_its_side():
    ends = np.array([0.0, MINUTE_MS])
    line = PriceLine(ends, np.array([5.0, 6.0]), np.array([0.0, 1_000.0]), np.full(2, 0.5))
    (trades,), _ = drawn([line], style(1, 50, 3.0, 1.0, leaning=0.0, unit=0.001))
    starts = np.flatnonzero(np.diff(trades.time, prepend=-1))
    assert 40 < len(starts) < 60
    assert 150 < len(trades.time) < 300
    for values in (trades.price, trades.bought):
        parts = np.diff(np.append(starts, len(values)))
        np.testing.assert_array_equal(np.repeat(values[starts], parts), values)


@pytest.fixture(scope="module")
def market():
    names = [one.symbol for one in SyntheticMarket(60, 2, START, 40).listings]
    coin = next(name for name in names[20:] if name.endswith("USDT"))
    pump = PlantedEvent(coin, START + 20 * MINUTE_MS + 2_000, START + 20 * MINUTE_MS + 32_000, 0.3)
    return SyntheticMarket(60, 2, START, 40, pumps=[pump])


def test_synthetic_trades_are_the_same_whenever_they_are_asked_for(market):
    whole = market.trades(7, START, START + 10 * MINUTE_MS)
    again = SyntheticMarket(60, 2, START, 40, pumps=market.planted)
    part = again.trades(7, START + 3 * MINUTE_MS + 500, START + 6 * MINUTE_MS)
    inside = (whole.time >= START + 3 * MINUTE_MS + 500) & (whole.time <= START + 6 * MINUTE_MS)
    assert same(part, type(whole)(*(getattr(whole, name)[inside] for name in COLUMNS)))
    other = SyntheticMarket(60, 3, START, 40).trades(7, START, START + 10 * MINUTE_MS)
    assert not same(whole, other)


def test_a_pump_is_a_crowds_and_an_ordinary_minute_is_few_peoples(market):
    (pump,) = market.planted
    index = [one.symbol for one in market.listings].index(pump.symbol)
    usual = float(market._contracts.daily_turnover[index]) / 1440
    end = pump.onset // MINUTE_MS * MINUTE_MS + MINUTE_MS
    found = market.trades(index, end - 6 * MINUTE_MS, end - 1)
    trades = MarketTrades(*(getattr(found, name) for name in COLUMNS), since=end - 6 * MINUTE_MS)
    crowd = dict(zip(TRADE_TRAITS, trade_traits(trades, end, usual), strict=True))
    calm = dict(zip(TRADE_TRAITS, trade_traits(trades, end - 2 * MINUTE_MS, usual), strict=True))
    assert crowd["trades over the rate before"] > 1
    assert crowd["seconds with a trade"] > 20 > calm["seconds with a trade"]
    assert crowd["effective number of buy orders"] > 1.2 > calm["effective number of buy orders"]
    assert 0.3 < crowd["turnover share bought"] < 0.95


def test_trades_follow_a_jump_and_stop_with_a_halt(market):
    live = LiveMarket(market)
    before = live.trades(7, START, START + 10 * MINUTE_MS)
    live.jump(7, 0.5, START + 4 * MINUTE_MS)
    live.halt(7, START + 8 * MINUTE_MS)
    after = live.trades(7, START, START + 10 * MINUTE_MS)
    early = before.time < START + 4 * MINUTE_MS
    late = (before.time >= START + 4 * MINUTE_MS) & (before.time < START + 8 * MINUTE_MS)
    np.testing.assert_array_equal(after.time, before.time[early | late])
    np.testing.assert_array_equal(after.price[: early.sum()], before.price[early])
    np.testing.assert_allclose(after.price[early.sum() :], 1.5 * before.price[late])
