import os
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.recordings import ONSET, candles, trades, write

from pumpwatch_workbench.simulator.market.replay.market import ReplayMarket
from pumpwatch_workbench.simulator.market.source import DAY_MS, MINUTE_MS

HOUR_MS = 60 * MINUTE_MS
EVENT = "7,ADX,2019-07-05T17:00:10Z,1"
REAL = Path(
    os.environ.get(
        "PUMPWATCH_PUMP_EVENTS", Path(__file__).parents[3] / "../shared/data/pump-events"
    )
)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    table = candles()
    return write(tmp_path_factory.mktemp("plain") / "r", table, [EVENT]), table


@pytest.fixture(scope="module")
def market(recording):
    return ReplayMarket(recording[0])


@pytest.fixture(scope="module")
def traded_market(tmp_path_factory):
    table = candles()
    folder = write(tmp_path_factory.mktemp("traded") / "r", table, [EVENT], trades(table))
    return ReplayMarket(folder)


def test_an_event_becomes_a_contract_of_its_own_with_a_way_back(market):
    (contract,) = market.contracts
    assert contract.symbol == market.listings[0].symbol == "ADX07USDT"
    assert (contract.event.segment, contract.event.coin, contract.event.recorded_onset) == (
        7,
        "ADX",
        ONSET,
    )
    assert (contract.event.onset - contract.event.recorded_onset) % HOUR_MS == 0
    (planted,) = market.planted
    assert (planted.symbol, planted.onset) == ("ADX07USDT", contract.event.onset)
    assert planted.onset <= planted.peak <= planted.onset + 5 * MINUTE_MS
    assert planted.size > 0.1


def test_the_live_window_runs_from_10_minutes_before_to_60_minutes_after_the_onset(market):
    (contract,) = market.contracts
    assert market.start == contract.event.live_start
    assert market.end == contract.event.live_end
    assert 10 * MINUTE_MS <= contract.event.onset - market.start < 11 * MINUTE_MS
    assert 60 * MINUTE_MS <= market.end - contract.event.onset < 61 * MINUTE_MS
    assert market.start % MINUTE_MS == 0


def test_the_candles_are_the_recorded_ones_times_one_power_of_ten(market, recording):
    (contract,) = market.contracts
    assert np.log10(contract.factor) % 1 == 0
    shift = contract.event.onset - contract.event.recorded_onset
    played = market.minutes(0, market.start - 25 * HOUR_MS, market.end - MINUTE_MS)
    table = recording[1].filter(
        pl.col("open_time").is_between(played.open_time[0] - shift, played.open_time[-1] - shift)
    )
    rows = (table["open_time"].to_numpy() + shift - played.open_time[0]) // MINUTE_MS
    for name in ("open", "high", "low", "close", "turnover"):
        recorded = table[name].to_numpy() * contract.factor
        np.testing.assert_allclose(getattr(played, name)[rows], recorded, rtol=1e-12)
    np.testing.assert_array_equal(played.volume[rows], table["volume"].to_numpy())
    idle = np.setdiff1d(np.arange(played.open_time.size), rows)
    assert idle.size > 100
    assert not played.volume[idle].any()
    assert not played.turnover[idle].any()
    later = idle[idle > 0]
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(getattr(played, name)[later], played.close[later - 1])


def test_a_day_of_history_turns_over_at_least_100000_usdt(market):
    history = market.minutes(0, market.start - 25 * HOUR_MS, market.start - MINUTE_MS)
    daily = history.turnover.sum() * 24 / 25
    assert 1e5 <= daily < 1e6


def test_25_hours_of_history_are_there_when_the_live_window_starts(market):
    played = market.minutes(0, 0, market.start - MINUTE_MS)
    assert market.listings[0].launch_time == played.open_time[0] <= market.start - 25 * HOUR_MS
    np.testing.assert_array_equal(np.diff(played.open_time), MINUTE_MS)


def test_the_price_before_the_first_minute_comes_from_the_last_candle_before_it(tmp_path):
    table = candles(hours_before=40)
    without = ReplayMarket(write(tmp_path / "a", table, [EVENT]))
    first = without.listings[0].launch_time
    shift = without.contracts[0].event.onset - ONSET
    gap = ~pl.col("open_time").is_between(first - shift, first - shift + 20 * MINUTE_MS)
    of = ReplayMarket(write(tmp_path / "b", table.filter(gap), [EVENT]))
    assert of.listings[0].launch_time == first
    before = table.filter(pl.col("open_time") < first - shift)["close"][-1]
    played = of.minutes(0, first, first + 20 * MINUTE_MS)
    np.testing.assert_allclose(played.close, before * of.contracts[0].factor)
    assert not played.volume.any()


def test_after_its_live_window_a_contract_stands_still(market):
    after = market.minutes(0, market.end, market.end + 5 * HOUR_MS)
    assert after.open_time.size == 301
    assert not after.volume.any()
    last = market.minutes(0, market.end - MINUTE_MS, market.end - MINUTE_MS).close[0]
    assert set(after.high) == set(after.low) == {last}
    assert market.price(0, market.end + 40 * DAY_MS) == last
    assert market.view(market.end + 40 * DAY_MS).turnover_24h[0] == 0


def test_a_contract_has_no_price_before_its_history(market):
    launch = market.listings[0].launch_time
    assert np.isnan(market.price(0, launch - 1))
    assert market.price(0, launch) > 0
    with pytest.raises(ValueError, match="recording begins after"):
        market.view(launch - 3 * DAY_MS)


def test_the_price_goes_from_trade_to_trade_where_trades_are_recorded(traded_market):
    (contract,) = traded_market.contracts
    table = candles()
    shift = contract.event.onset - contract.event.recorded_onset
    rows = table.filter(
        pl.col("open_time").is_between(
            traded_market.start - shift, traded_market.end - shift - MINUTE_MS
        )
    )
    assert len(rows) > 30
    before = None
    for row in rows.iter_rows(named=True):
        minute = row["open_time"] + shift
        for second, name in ((5, "open"), (20, "high"), (40, "low"), (55, "close")):
            expected = row[name] * contract.factor
            assert traded_market.price(0, minute + second * 1_000) == pytest.approx(expected)
            # The price of a trade stands until the next one, also into the next minute.
            if before is not None:
                earlier = traded_market.price(0, minute + second * 1_000 - 1)
                assert earlier == pytest.approx(before)
            before = expected
        times, prices = traded_market.path(0, minute, minute + MINUTE_MS - 1)
        moments = sorted({*(times - minute).tolist()})
        assert moments == [0, 5_000, 20_000, 40_000, 55_000, MINUTE_MS - 1]
        traded = prices[np.searchsorted(times, minute + 5_000, side="right") :]
        assert traded.max() == pytest.approx(row["high"] * contract.factor)
        quarter = traded_market.forming(0, minute + 5_000)
        assert quarter.volume[0] == pytest.approx(row["volume"] / 4)


def test_the_candles_volume_rules_over_the_trades_sum(tmp_path):
    table = candles()
    half = trades(table).with_columns(pl.col("quantity") / 2)
    of = ReplayMarket(write(tmp_path / "r", table, [EVENT], half))
    minute = of.start + 15 * MINUTE_MS
    complete = of.minutes(0, minute, minute)
    assert of.forming(0, minute + 55_000).volume == pytest.approx(complete.volume)
    assert of.forming(0, minute + 55_000).turnover == pytest.approx(complete.turnover)


def test_recorded_trades_are_served_with_their_sides(tmp_path):
    table = candles()
    recorded = trades(table).with_columns(
        side=pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("Sell")).otherwise(pl.lit("Buy"))
    )
    market = ReplayMarket(write(tmp_path / "r", table, [EVENT], recorded))
    (contract,) = market.contracts
    shift = contract.event.onset - contract.event.recorded_onset
    served = market.trades(0, contract.event.live_start, contract.event.live_end - 1)
    moments = pl.col("time").is_between(
        contract.event.live_start - shift, contract.event.live_end - shift, closed="left"
    )
    wanted = recorded.filter(moments)
    assert len(served.time) == len(wanted) > 100
    np.testing.assert_array_equal(served.time, wanted["time"].to_numpy() + shift)
    np.testing.assert_array_equal(served.bought, (wanted["side"] == "Buy").to_numpy())
    np.testing.assert_allclose(served.price, wanted["price"].to_numpy() * contract.factor)
    np.testing.assert_allclose(served.quantity, wanted["quantity"].to_numpy())


def test_without_sides_a_rise_of_the_price_is_a_purchase(tmp_path):
    table = candles()
    folder = write(tmp_path / "r", table, [EVENT], trades(table).drop("side"))
    market = ReplayMarket(folder)
    served = market.trades(0, market.start, market.end - 1)
    np.testing.assert_array_equal(served.bought[1:], np.diff(served.price) >= 0)


def test_minutes_without_recorded_trades_have_none(market, traded_market):
    assert len(market.trades(0, market.start - 60 * MINUTE_MS, market.end).time) == 0
    before = traded_market.trades(0, market.start - 60 * MINUTE_MS, market.start - 1)
    assert len(before.time) == 0


def test_trades_that_do_not_give_their_candle_are_left_aside(tmp_path):
    table = candles()
    wrong = trades(table).with_columns(pl.col("price") * 1.5)
    of = ReplayMarket(write(tmp_path / "r", table, [EVENT], wrong))
    minute = of.start + 12 * MINUTE_MS
    complete = of.minutes(0, minute, minute)
    _, prices = of.path(0, minute, minute + MINUTE_MS - 1)
    assert prices.max() == complete.high[0]


@pytest.mark.parametrize(("side", "worse"), [("Buy", "low"), ("Sell", "high")])
def test_a_held_sides_worse_extreme_comes_first_from_the_next_minute_on(recording, side, worse):
    of = ReplayMarket(recording[0])
    live = of.minutes(0, of.start, of.start + 20 * MINUTE_MS)
    now = int(live.open_time[live.high > live.low][3]) + 25_000
    untouched = ReplayMarket(recording[0])
    of.view(now)
    other_side = "Sell" if side == "Buy" else "Buy"
    for held in (side, other_side, side):
        of.side_against(0, held)
        assert of.price(0, now) == untouched.price(0, now)
    first = now // MINUTE_MS * MINUTE_MS + MINUTE_MS
    coming = of.minutes(0, first, of.end - MINUTE_MS)
    for row, minute in enumerate(coming.open_time.tolist()):
        assert of.price(0, minute + 20_000) == getattr(coming, worse)[row]
        better = "high" if worse == "low" else "low"
        assert of.price(0, minute + 40_000) == getattr(coming, better)[row]
    of.side_against(0, None)
    assert np.array_equal(of.view(of.end).turnover_24h, untouched.view(of.end).turnover_24h)


def test_events_are_staggered_by_whole_hours_and_keep_their_minute(tmp_path, monkeypatch):
    onsets = [ONSET + number * 40 * DAY_MS + number * 17 * MINUTE_MS for number in range(5)]
    tables = [
        candles(segment=number, onset=onset, hours_before=40, seed=number)
        for number, onset in enumerate(onsets)
    ]
    lines = [
        f"{number},C{number},{datetime.fromtimestamp(onset / 1_000, tz=UTC).isoformat()},1"
        for number, onset in enumerate(onsets)
    ]
    folder = write(tmp_path / "r", pl.concat(tables), lines)
    place = "pumpwatch_workbench.simulator.market.replay.market.EVENTS_PER_HOUR"
    monkeypatch.setattr(place, 2)
    of = ReplayMarket(folder)
    assert not of.dropped
    shifted = {contract.event.segment: contract.event for contract in of.contracts}
    for number, onset in enumerate(onsets):
        assert shifted[number].onset % HOUR_MS == onset % HOUR_MS
    hours = sorted(contract.event.onset // HOUR_MS for contract in of.contracts)
    assert np.diff(hours).tolist() == [0, 1, 0, 1]
    assert (of.end - of.start) // MINUTE_MS < 4 * 60
    for contract, listing in zip(of.contracts, of.listings, strict=True):
        assert listing.launch_time <= contract.event.live_start - 25 * HOUR_MS
    onsets_planted = [event.onset for event in of.planted]
    assert onsets_planted == sorted(onsets_planted)


def test_two_events_of_one_segment_are_two_contracts_that_know_of_each_other(tmp_path):
    table = candles(hours_before=40, minutes_after=400)
    later = "7,ADX,2019-07-05T20:00:10Z,1"
    known = "7,ADX,2019-07-05T16:30:00Z,0"
    of = ReplayMarket(write(tmp_path / "r", table, [EVENT, later, known]))
    assert [contract.symbol for contract in of.contracts] == ["ADX07BUSDT", "ADX07USDT"]
    assert len(of.planted) == 2
    second = of.contracts[0]
    assert ("ADX07BUSDT", second.event.onset - 3 * HOUR_MS) in of.known_onsets
    assert (
        "ADX07BUSDT",
        second.event.onset - 3 * HOUR_MS - 30 * MINUTE_MS - 10_000,
    ) in of.known_onsets


@pytest.mark.parametrize(
    ("hours_before", "minutes_after", "reason"),
    [
        (20.0, 90, "only 20.* h of candles before its onset"),
        (30.0, -1, "no candle after its onset"),
    ],
)
def test_an_event_with_too_few_candles_is_dropped_with_a_reason(
    tmp_path, hours_before, minutes_after, reason
):
    good = candles(segment=1, seed=2)
    short = candles(segment=2, hours_before=hours_before, minutes_after=minutes_after, seed=3)
    lines = [f"{segment},ADX,2019-07-05T17:00:10Z,1" for segment in (1, 2, 3)]
    of = ReplayMarket(write(tmp_path / "r", pl.concat([good, short]), lines))
    assert [contract.event.segment for contract in of.contracts] == [1]
    assert [event.segment for event, _ in of.dropped] == [2, 3]
    assert re.match(reason, of.dropped[0][1])
    assert of.dropped[1][1] == "the segment has no candles there"


def test_the_recorded_pumps_play_as_recorded():
    if not (REAL / "candles.parquet").exists():
        pytest.skip("no recorded pumps: set PUMPWATCH_PUMP_EVENTS to their folder")
    of = ReplayMarket(REAL)
    counted = pl.read_csv(REAL / "events.csv").filter(pl.col("counted") == 1)
    assert len(of.contracts) + len(of.dropped) == len(counted)
    assert len(of.contracts) > 70
    assert (of.end - of.start) // MINUTE_MS < 500
    sizes = [event.size for event in of.planted]
    assert 0.08 < np.median(sizes) < 0.25
    delays = [event.peak - event.onset for event in of.planted]
    assert 15_000 < np.median(delays) < 60_000
