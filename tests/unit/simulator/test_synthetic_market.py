from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpwatch_workbench.simulator.market.source import DAY_MS, MINUTE_MS, PlantedEvent
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket

START = 1_767_258_000_000
HOUR_MS = 60 * MINUTE_MS
SYMBOLS = 24
OTHER_CONTRACTS = 8


@cache
def market(symbols=SYMBOLS, seed=3, live_minutes=180):
    return SyntheticMarket(symbols, seed, START, live_minutes)


def names(of):
    return [listing.symbol for listing in of.listings]


indices = st.integers(0, SYMBOLS - 1)


def test_the_market_lists_the_coins_asked_for_and_contracts_of_other_kinds():
    listings = SyntheticMarket(600, 1, START).listings
    assert len(listings) == 600
    coins = [
        one
        for one in listings
        if one.settle_coin == "USDT"
        and one.contract_type == "LinearPerpetual"
        and one.symbol_type in {"", "innovation"}
    ]
    assert len(coins) == 600 - OTHER_CONTRACTS
    assert {"BTCUSDT", "ETHUSDT"} <= {one.symbol for one in coins}
    assert {one.symbol_type for one in listings} >= {"", "stock", "commodity", "forex"}
    assert {one.settle_coin for one in listings} == {"USDT", "USDC"}
    assert any(one.contract_type == "LinearFutures" for one in listings)
    symbols = [one.symbol for one in listings]
    assert symbols == sorted(set(symbols))


def test_two_thousand_symbols_have_distinct_names_that_a_smaller_market_shares():
    large = {one.symbol for one in SyntheticMarket(2_000, 1, START).listings}
    small = {one.symbol for one in SyntheticMarket(200, 9, START).listings}
    assert len(large) == 2_000
    assert small <= large
    assert any(symbol.startswith("1000") for symbol in large)


def test_every_listing_has_usable_filters():
    for one in SyntheticMarket(300, 5, START).listings:
        assert one.tick_size > 0
        assert one.quantity_step > 0
        assert one.min_notional == 5
        assert one.min_quantity <= one.max_market_quantity <= one.max_quantity
        assert one.max_quantity % one.quantity_step == 0
        assert one.max_market_quantity % one.quantity_step == 0
        assert one.launch_time <= START


@pytest.mark.parametrize(
    ("symbols", "start", "pumps", "text"),
    [
        (0, START, None, "1 to 2,000 symbols"),
        (-1, START, None, "1 to 2,000 symbols"),
        (2_001, START, None, "1 to 2,000 symbols"),
        (5, START + 1, None, "full minute"),
        (5, START, [PlantedEvent("NOPE", START, START + 9_000, 0.1)], "no symbol NOPE"),
    ],
)
def test_a_market_that_cannot_be_is_refused(symbols, start, pumps, text):
    with pytest.raises(ValueError, match=text):
        SyntheticMarket(symbols, 1, start, 60, pumps=pumps)


@settings(deadline=None, max_examples=30)
@given(indices, st.integers(-62 * 24 * 60, 170), st.integers(1, 3_000))
def test_candles_are_sane_and_continuous(index, first_minute, count):
    first = START + first_minute * MINUTE_MS
    last = min(first + (count - 1) * MINUTE_MS, START + 179 * MINUTE_MS)
    candles = market().minutes(index, first, last)
    launch = market().listings[index].launch_time
    expected = np.arange(max(first, launch), last + 1, MINUTE_MS)
    np.testing.assert_array_equal(candles.open_time, expected)
    assert np.all(candles.low > 0)
    assert np.all(candles.low <= np.minimum(candles.open, candles.close))
    assert np.all(candles.high >= np.maximum(candles.open, candles.close))
    assert np.all(candles.volume >= 0)
    np.testing.assert_array_equal(candles.open[1:], candles.close[:-1])
    still = candles.volume == 0
    np.testing.assert_array_equal(candles.high[still], candles.low[still])
    tolerance = 1 + 1e-9
    assert np.all(candles.turnover <= candles.volume * candles.high * tolerance)
    assert np.all(candles.turnover * tolerance >= candles.volume * candles.low)


@settings(deadline=None, max_examples=12)
@given(
    st.lists(
        st.tuples(indices, st.integers(-40 * 24 * 60, 170), st.integers(1, 2_000)),
        min_size=2,
        max_size=4,
    )
)
def test_a_candle_is_the_same_whenever_and_by_whomever_it_is_asked_for(queries):
    fresh = SyntheticMarket(SYMBOLS, 3, START, 180)
    for index, first_minute, count in queries:
        first = START + first_minute * MINUTE_MS
        last = min(first + count * MINUTE_MS, START + 179 * MINUTE_MS)
        one, other = (of.minutes(index, first, last) for of in (fresh, market()))
        for name in ("open_time", "open", "high", "low", "close", "volume", "turnover"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_prices_are_on_the_tick_and_volumes_on_the_step():
    of = market()
    for index in range(0, len(of.listings), 3):
        listing, candles = of.listings[index], of.minutes(index, START - HOUR_MS, START)
        for price in np.concatenate([candles.high, candles.close]).tolist():
            assert round(Decimal(price) / listing.tick_size, 6) % 1 == 0
        for volume in candles.volume.tolist():
            assert round(Decimal(volume) / listing.quantity_step, 6) % 1 == 0


def test_the_same_seed_makes_the_same_market_and_another_seed_another():
    same, other = SyntheticMarket(SYMBOLS, 3, START, 180), SyntheticMarket(SYMBOLS, 4, START, 180)
    assert same.planted == market().planted
    assert same.listings == market().listings
    view, expected = same.view(START + 12_345), market().view(START + 12_345)
    for name in view.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(view, name), getattr(expected, name))
    assert not np.array_equal(other.view(START).last, market().view(START).last)


def test_a_symbol_has_no_price_before_its_launch():
    of = SyntheticMarket(300, 5, START, 60)
    youngest = max(range(len(of.listings)), key=lambda index: of.listings[index].launch_time)
    launch = of.listings[youngest].launch_time
    assert START - DAY_MS < launch < START
    assert np.isnan(of.price(youngest, launch - 1))
    assert of.price(youngest, launch) > 0
    assert of.minutes(youngest, START - DAY_MS, START).open_time[0] == launch


def test_a_view_before_the_start_is_refused():
    with pytest.raises(ValueError, match="market starts at"):
        market().view(START - 1)


def test_78_minutes_of_600_symbols_have_about_eleven_pumps():
    counts = [len(SyntheticMarket(600, seed, START, 78).planted) for seed in range(5)]
    assert all(10 <= count <= 12 for count in counts)


def test_most_pumps_are_announced_and_those_begin_near_a_full_or_half_hour():
    planted = [pump for seed in range(8) for pump in SyntheticMarket(300, seed, START, 240).planted]
    announced = [pump for pump in planted if pump.announced]
    assert 0.8 < len(announced) / len(planted) < 0.97
    after = {
        half: [(pump.onset + 60_000) % (half * MINUTE_MS) for pump in announced]
        for half in (30, 60)
    }
    assert max(after[30]) < 2 * MINUTE_MS
    assert 0.8 < np.mean(np.array(after[60]) < 2 * MINUTE_MS) < 1
    others = [pump.onset % HOUR_MS for pump in planted if not pump.announced]
    assert np.ptp(others) > 40 * MINUTE_MS


@pytest.mark.parametrize(("symbols", "minutes"), [(1, 180), (5, 60), (600, 180), (40, 2_000)])
def test_pumps_keep_away_from_the_ends_and_from_each_other(symbols, minutes):
    of = SyntheticMarket(symbols, 11, START, minutes)
    planted = of.planted
    assert planted
    assert list(planted) == sorted(planted, key=lambda event: event.onset)
    latest = {}
    for event in planted:
        assert START + 10 * MINUTE_MS <= event.onset <= of.end - 6 * MINUTE_MS
        assert event.onset < event.peak
        assert event.onset - latest.get(event.symbol, 0) >= 6 * HOUR_MS
        latest[event.symbol] = event.onset


def test_the_price_rises_by_the_planted_size():
    of = SyntheticMarket(600, 2, START, 180)
    for event in of.planted:
        index = names(of).index(event.symbol)
        before = of.price(index, event.onset)
        peak = of.price(index, event.peak)
        # What the coin does by itself in that time is small beside a pump.
        assert peak / before - 1 == pytest.approx(event.size, abs=0.025)
        _, prices = of.path(index, event.onset, event.onset + 5 * MINUTE_MS)
        assert prices.max() <= peak * 1.03


def test_the_onsets_minute_trades_after_the_onset():
    of = SyntheticMarket(600, 2, START, 180)
    shares = []
    for event in of.planted:
        index = names(of).index(event.symbol)
        minute = event.onset // MINUTE_MS * MINUTE_MS
        whole = of.minutes(index, minute, minute).turnover[0]
        shares.append(of.forming(index, event.onset).turnover[0] / whole)
    assert np.median(shares) < 0.05


def test_a_pump_turns_over_hundreds_of_usual_minutes():
    of = SyntheticMarket(600, 2, START, 180)
    surges = []
    for event in of.planted:
        index = names(of).index(event.symbol)
        before = of.minutes(index, event.onset - DAY_MS, event.onset - MINUTE_MS)
        during = of.minutes(index, event.onset - MINUTE_MS, event.onset + 2 * MINUTE_MS)
        surges.append(during.turnover.max() / before.turnover.mean())
    assert 200 < np.median(surges) < 1_500


def test_a_quiet_market_has_no_movers_but_its_pumps():
    of = SyntheticMarket(200, 1, START, 120, quiet=True)
    pumped = {event.symbol for event in of.planted}
    moved = set()
    for index, name in enumerate(names(of)):
        candles = of.minutes(index, START, of.end - MINUTE_MS)
        if np.max(candles.high / candles.open) > 1.04:
            moved.add(name)
    assert moved <= pumped


def test_no_pump_at_all_can_be_asked_for():
    assert SyntheticMarket(50, 1, START, 180, pumps=[]).planted == ()


def test_given_pumps_happen_where_they_are_told_to():
    event = PlantedEvent("LTCUSDT", START + 30 * MINUTE_MS + 5_000, START + 31 * MINUTE_MS, 0.25)
    of = SyntheticMarket(30, 1, START, 60, pumps=[event], quiet=True)
    assert of.planted == (PlantedEvent(event.symbol, event.onset, event.peak, pytest.approx(0.25)),)
    index = names(of).index("LTCUSDT")
    assert of.price(index, event.peak) / of.price(index, event.onset) > 1.2


def test_an_endless_market_goes_on_for_days_with_bounded_memory():
    of = SyntheticMarket(12, 8, START)
    assert of.end is None
    later = START + 3 * DAY_MS + 321
    view = of.view(later)
    assert np.all(view.last > 0)
    old = of.minutes(0, START, START + HOUR_MS)
    again = SyntheticMarket(12, 8, START).minutes(0, START, START + HOUR_MS)
    np.testing.assert_array_equal(old.close, again.close)
    assert of.planted
    assert max(event.onset for event in of.planted) > START + 6 * HOUR_MS


def test_funding_is_paid_on_the_interval_and_turns_negative_in_a_pump():
    onset = START - START % (8 * HOUR_MS) + 8 * HOUR_MS - 20 * MINUTE_MS
    event = PlantedEvent("LTCUSDT", onset, onset + 30_000, 0.3)
    of = SyntheticMarket(30, 1, START, 720, pumps=[event])
    index = names(of).index("LTCUSDT")
    interval = of.listings[index].funding_interval_minutes * MINUTE_MS
    payments = of.funding_times(index, START, START + DAY_MS)
    assert [time for time, _ in payments] == [
        number * interval
        for number in range(START // interval + 1, (START + DAY_MS) // interval + 1)
    ]
    assert dict(payments)[onset + 20 * MINUTE_MS] < -0.005
    assert of.view(onset + 10 * MINUTE_MS).funding_rate[index] < -0.005
    assert abs(of.view(onset - MINUTE_MS).funding_rate[index]) < 0.001


def test_the_spread_widens_and_the_book_thins_in_a_pump():
    event = PlantedEvent("LTCUSDT", START + HOUR_MS, START + HOUR_MS + 30_000, 0.3)
    of = SyntheticMarket(30, 1, START, 180, pumps=[event])
    index = names(of).index("LTCUSDT")
    before, during = of.view(event.onset - 1), of.view(event.peak)
    assert during.half_spread[index] > 2 * before.half_spread[index]
    assert during.depth_usdt[index] < 0.5 * before.depth_usdt[index]
    other = names(of).index("BTCUSDT")
    assert during.half_spread[other] == before.half_spread[other]
    assert before.depth_usdt[other] > 20 * before.depth_usdt[index]
