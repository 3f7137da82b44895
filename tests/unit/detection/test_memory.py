"""What each rule remembers of the candles it has seen, and the bounds that follow from it."""

import math

import numpy as np
import pytest
from support.random_candles import random_candles

from pumpwatch.domain.detection.base import Carry, known_before
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.karbalaii import Karbalaii

GAPPY = random_candles(8, 2, 1600, gaps=0.1, zeros=0.1)
HOURLY = random_candles(8, 2, 90, interval=3_600_000, gaps=0.1, zeros=0.1)


def known(candles, name, row):
    """Return a column's values at the candles that are known, oldest first."""
    values = getattr(candles, name)[row]
    return values[~np.isnan(candles.close[row])].tolist()


def remembered(rule, whole, shortest):
    """Yield (the memory of a symbol, its candles, its row) after more and more candles."""
    for count in range(shortest, whole.shape[1] + 1):
        candles = whole.between(0, count)
        memory = rule.advance(candles)
        for row in range(len(candles.symbols)):
            closes = known(candles, "close", row)
            assert (memory.count[row], memory.close[row]) == (len(closes), closes[-1])
            yield memory.select([row]), candles, row


def test_ewma_remembers_the_running_mean_and_variance():
    rule = Ewma(span=9)
    for memory, candles, row in remembered(rule, GAPPY, 1590):
        flows = known(candles, "turnover", row)
        mean, variance = flows[0], 0.0
        for flow in flows[1:]:
            distance = flow - mean
            mean += 0.2 * distance
            variance = 0.2 * distance**2 + 0.8 * variance
        assert memory.mean[0] == pytest.approx(mean)
        assert memory.variance[0] == pytest.approx(variance)


def test_karbalaii_remembers_the_mean_the_highest_volume_and_the_lowest_open():
    rule = Karbalaii(ewma_hours=9, maximum_hours=60, price_hours=5)
    for memory, candles, row in remembered(rule, HOURLY, 70):
        volumes = known(candles, "volume", row)
        mean = volumes[0]
        for volume in volumes[1:]:
            mean += 0.2 * (volume - mean)
        assert memory.mean[0] == pytest.approx(mean)
        lowest = min(known(candles, "open", row)[-5:])
        assert memory.extra[0].tolist() == [max(volumes[-12:]), lowest]


def test_boosted_remembers_sums_of_the_sure_part_of_the_day_and_the_lowest_close():
    for memory, candles, row in remembered(Boosted(), GAPPY, 1575):
        flows = known(candles, "turnover", row)[-1260:]
        squares = math.fsum(flow * flow for flow in flows)
        lowest = min(known(candles, "close", row)[-5:])
        assert memory.extra[0].tolist() == pytest.approx([math.fsum(flows), squares, lowest])
        assert (memory.mean[0], memory.variance[0]) == (0, 0)


@pytest.mark.parametrize("rule", [Ewma(), Karbalaii(), Boosted()])
def test_candles_that_are_not_known_leave_count_and_close_as_they_were(rule):
    before = rule.advance(HOURLY)
    nothing = HOURLY.regrid(first=int(HOURLY.open_time[-1]) + 3_600_000, count=3)
    after = rule.advance(nothing, before)
    np.testing.assert_array_equal(after.count, before.count)
    np.testing.assert_array_equal(after.close, before.close)
    unmoved = rule.advance(HOURLY.between(0, 0), before)
    for name in ("count", "close", "mean", "variance", "extra"):
        np.testing.assert_array_equal(getattr(unmoved, name), getattr(before, name))
        assert not np.shares_memory(getattr(unmoved, name), getattr(before, name))
    more = rule.advance(HOURLY, before)
    np.testing.assert_array_equal(more.count, 2 * before.count)
    np.testing.assert_array_equal(before.count, rule.advance(HOURLY).count)


@pytest.mark.parametrize(
    ("rule", "other", "shared"),
    [
        (Ewma(), Ewma(span=100), False),
        (Ewma(), Ewma(turnover_z=9.0, warm_up=60), True),
        (Karbalaii(), Karbalaii(ewma_hours=100), False),
        (Karbalaii(), Karbalaii(), True),
        (Boosted(), Boosted(margin=1.0), True),
    ],
)
def test_memories_are_shared_only_between_settings_they_do_not_depend_on(rule, other, shared):
    assert (rule.memory == other.memory) is shared
    kinds = {one.memory for one in (Ewma(), Karbalaii(), Boosted())}
    assert len(kinds) == 3


def test_a_rule_keeps_the_candles_its_longest_window_needs():
    assert (Karbalaii().window, Karbalaii().history) == (720, 746)
    assert Karbalaii(maximum_hours=50, ewma_hours=60).window == 60


def test_known_candles_are_counted_from_the_memory_on():
    before = known_before(GAPPY)
    assert before[0, 0] == 0
    assert before[0, -1] == len(known(GAPPY, "close", 0)) - (not np.isnan(GAPPY.close[0, -1]))
    memory = Ewma().advance(GAPPY)
    np.testing.assert_array_equal(known_before(GAPPY, memory), before + memory.count[:, None])


def carry(*, close=10.0, mean=100.0, variance=16.0, extra=()):
    return Carry(
        np.array([500]), np.array([close]), np.array([mean]), np.array([variance]),
        np.array([extra], dtype=float),
    )  # fmt: skip


def bounds(rule, memory, unseen, low):
    flow, high = rule.needs(memory, np.array([unseen]), np.array([low]))
    return float(flow[0]), float(high[0])


@pytest.mark.parametrize(
    ("unseen", "low", "flow", "high"),
    [
        (0, 9.0, 100 + 3 * math.sqrt(16.25), 10.5),
        (2, 9.0, 64 + 3 * math.sqrt(0.64 * 16 + 0.25), 9.45),
        (2, 11.0, 64 + 3 * math.sqrt(0.64 * 16 + 0.25), 10.5),
        (1, math.nan, 80 + 3 * math.sqrt(0.8 * 16 + 0.25), 10.5),
    ],
)
def test_ewma_bounds_decay_with_each_unseen_candle(unseen, low, flow, high):
    rule = Ewma(span=9, turnover_z=3.0, jump=0.05, epsilon=0.5)
    assert bounds(rule, carry(), unseen, low) == pytest.approx((flow, high))


@pytest.mark.parametrize(
    ("unseen", "low", "highest", "lowest_open", "flow", "high"),
    [
        (0, 20.0, 0.0, 20.0, 70.0, 15.0),
        (2, 9.0, 0.0, 20.0, 44.8, 13.5),
        (48, 20.0, 50.0, 8.0, 30.0, 12.0),
        (49, 20.0, 50.0, 8.0, math.nan, 12.0),
    ],
)
def test_karbalaii_bounds_are_the_highest_sure_limit(unseen, low, highest, lowest_open, flow, high):
    rule = Karbalaii(price_rise=0.5, ewma_hours=9)
    memory = carry(extra=(highest, lowest_open))
    assert bounds(rule, memory, unseen, low) == pytest.approx((flow, high), nan_ok=True)


def test_boosted_bounds_are_those_of_burst_and_deviations():
    rule = Boosted(burst=4.0, burst_z=2.0, rise=0.1)
    total, squares = 14_400.0, 14_400_000.0
    variance = squares / 1440 - (1 + 1 / (1440 / 180 - 1)) * 10.0**2
    spread = 10 + 2 * math.sqrt(variance - 1e-6 * 100)
    memory = carry(extra=(total, squares, 10.0))
    assert bounds(rule, memory, 180, 9.0) == pytest.approx((spread, 9.9))
    assert bounds(rule, memory, 0, math.nan) == pytest.approx((spread, 11.0))
    assert math.isnan(bounds(rule, memory, 181, 9.0)[0])
    even = carry(extra=(total, 144_000.0, 10.0))
    assert bounds(rule, even, 0, 9.0) == pytest.approx((40.0, 9.9))
