"""The rules on small markets whose answer is plain, their names, and their settings."""

from types import SimpleNamespace

import numpy as np
import pytest
from support.kamps_kleinberg import kamps_kleinberg
from support.random_candles import random_candles

from benchmarks.reference import rules as reference
from pumpwatch.domain.detection.base import known_before
from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch.domain.detection.rules import DETECTORS
from pumpwatch.domain.market.candles import Candles
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.errors import SettingsError
from pumpwatch.own.rules import detector_named
from pumpwatch_workbench.research.evaluation.kamps_kleinberg import KampsKleinberg

SETTINGS = SimpleNamespace(
    ewma_span_minutes=100,
    ewma_turnover_z=5.0,
    ewma_jump=0.02,
    ewma_epsilon_usdt=0.5,
    warm_up_minutes=77,
)


def calm(count, *, interval=MINUTE, price=10.0, volume=100.0):
    candles = Candles.empty(["AUSDT"], interval=interval, first=0, count=count)
    for name in ("open", "high", "low", "close"):
        getattr(candles, name)[:] = price
    candles.volume[:] = volume + np.arange(count) % 2
    candles.turnover[:] = candles.volume * price
    return candles


def pumped(candles, column, *, price, flow):
    candles.high[0, column] = candles.close[0, column] = price
    candles.volume[0, column] *= flow
    candles.turnover[0, column] *= flow
    return candles


def test_minimum_is_never_longer_than_a_day():
    assert Ewma(warm_up=10_000).minimum == 1440
    assert Ewma(warm_up=10_000).window == 10_000


def test_jump_is_measured_from_the_last_known_close():
    candles = pumped(calm(100), 90, price=11.0, flow=50)
    for name in ("open", "high", "low", "close", "volume", "turnover"):
        getattr(candles, name)[0, 80:90] = np.nan
    found = Ewma(warm_up=60).detect(candles)
    assert found.alarm[0, 90]
    assert np.isnan(found.strength[0, 85])
    assert known_before(candles)[0, 90] == 80


def test_karbalaii_compares_with_the_largest_volume_of_thirty_days():
    busy_before = pumped(calm(100, interval=HOUR), 90, price=20.0, flow=10)
    busy_before.volume[0, 30] *= 20
    assert not Karbalaii().detect(busy_before).alarm.any()


def test_kamps_kleinberg_has_the_current_candle_in_its_means():
    candles = pumped(calm(100, interval=HOUR), 90, price=11.0, flow=8)
    found = KampsKleinberg().detect(candles)
    assert found.jump[0, 90] == pytest.approx(11 / ((11 * 10 + 11) / 12) - 1)
    assert found.alarm[0, 90]


HOURLY = {"interval": HOUR}
PLAIN = [
    (Ewma(warm_up=60), reference.ewma, {}, 90, 11.0, 50, True),
    (Ewma(warm_up=60), reference.ewma, {}, 60, 11.0, 50, True),
    (Ewma(warm_up=60), reference.ewma, {}, 59, 11.0, 50, False),
    (Ewma(warm_up=60), reference.ewma, {}, 90, 11.0, 1, False),
    (Ewma(warm_up=60), reference.ewma, {}, 90, 10.5, 50, False),
    (Karbalaii(), reference.karbalaii, HOURLY, 90, 20.0, 10, True),
    (Karbalaii(), reference.karbalaii, HOURLY, 24, 20.0, 10, True),
    (Karbalaii(), reference.karbalaii, HOURLY, 23, 20.0, 10, False),
    (Karbalaii(), reference.karbalaii, HOURLY, 90, 18.0, 10, False),
    (Karbalaii(), reference.karbalaii, HOURLY, 90, 20.0, 4, False),
    (KampsKleinberg(), kamps_kleinberg, HOURLY, 90, 11.0, 8, True),
    (KampsKleinberg(), kamps_kleinberg, HOURLY, 24, 11.0, 8, True),
    (KampsKleinberg(), kamps_kleinberg, HOURLY, 23, 11.0, 8, False),
    (KampsKleinberg(), kamps_kleinberg, HOURLY, 90, 10.1, 8, False),
    (KampsKleinberg(), kamps_kleinberg, HOURLY, 90, 11.0, 2, False),
]


@pytest.mark.parametrize(("rule", "slow", "market", "column", "price", "flow", "alarms"), PLAIN)
def test_rule_and_reference_agree_on_markets_whose_answer_is_plain(
    rule, slow, market, column, price, flow, alarms
):
    candles = pumped(calm(100, **market), column, price=price, flow=flow)
    expected = [column] if alarms else []
    assert np.flatnonzero(rule.detect(candles).alarm[0]).tolist() == expected
    judged = slow(reference.rows_of(candles, 0), rule)
    assert [place for place, (alarm, *_) in enumerate(judged) if alarm] == expected


def test_as_much_as_a_limit_is_not_more_than_it():
    """A steady volume is exactly its mean, and a high of 12 exactly 1.2 times a mean of 10."""
    rule = KampsKleinberg(hours=2, price_factor=1.2, volume_factor=1.0)
    candles = calm(40, interval=HOUR)
    candles.volume[:] = 100.0
    candles.high[0, 30] = 12.1
    candles.volume[0, 35], candles.high[0, 35] = 300.0, 12.0
    assert not rule.detect(candles).alarm.any()
    assert not any(one[0] for one in kamps_kleinberg(reference.rows_of(candles, 0), rule))
    candles.volume[0, 30] = 100.1
    assert np.flatnonzero(rule.detect(candles).alarm[0]).tolist() == [30]


def test_the_rows_of_the_reference_are_the_candles_and_none_for_unknown_ones():
    candles = calm(3)
    for number, name in enumerate(("open", "high", "low", "close", "volume", "turnover")):
        getattr(candles, name)[0] = [number, number + 10, np.nan]
    assert reference.rows_of(candles, 0) == [
        (0, 1, 2, 3, 4, 5),
        (10, 11, 12, 13, 14, 15),
        None,
    ]


def test_detector_is_made_by_name_from_the_settings():
    rule = detector_named("ewma", SETTINGS)
    assert rule == Ewma(span=100, turnover_z=5.0, jump=0.02, epsilon=0.5, warm_up=77)
    assert [detector_named(name, SETTINGS).name for name in DETECTORS] == list(DETECTORS)


def test_unknown_detector_name_lists_the_known_ones():
    with pytest.raises(SettingsError, match=r"no 'lstm' among the rules boosted, ewma, karbalaii,"):
        detector_named("lstm", SETTINGS)


ABOVE_ZERO = "turnover_z, jump and epsilon must be above zero"
TWO_HOURS = "every window of karbalaii must hold at least 2 hours"
KAMPS = "hours must be above volume_factor, price_factor above 1"


@pytest.mark.parametrize(
    ("rule", "wrong", "right", "sentence"),
    [
        (Ewma, {"span": 1}, {"span": 2}, "span 1 must be at least 2, warm-up 1440 at least 1"),
        (
            Ewma,
            {"warm_up": 0},
            {"warm_up": 1},
            "span 1440 must be at least 2, warm-up 0 at least 1",
        ),
        (Ewma, {"turnover_z": 0.0}, {"turnover_z": 0.1}, ABOVE_ZERO),
        (Ewma, {"jump": 0.0}, {"jump": 0.1}, ABOVE_ZERO),
        (Ewma, {"epsilon": 0.0}, {"epsilon": 0.1}, ABOVE_ZERO),
        (Karbalaii, {"price_hours": 1}, {"price_hours": 2}, TWO_HOURS),
        (Karbalaii, {"ewma_hours": 1}, {"ewma_hours": 2}, TWO_HOURS),
        (Karbalaii, {"sigma_hours": 1}, {"sigma_hours": 2}, TWO_HOURS),
        (Karbalaii, {"maximum_hours": 48}, {"maximum_hours": 49}, "maximum_hours must be above 48"),
        (KampsKleinberg, {"hours": 4}, {"hours": 5}, KAMPS),
        (
            KampsKleinberg,
            {"hours": 1, "volume_factor": 0.5},
            {"hours": 2, "volume_factor": 0.5},
            KAMPS,
        ),
        (KampsKleinberg, {"volume_factor": 0.0}, {"volume_factor": 0.1}, KAMPS),
        (KampsKleinberg, {"price_factor": 1.0}, {"price_factor": 1.001}, KAMPS),
    ],
)
def test_impossible_rule_settings_are_refused(rule, wrong, right, sentence):
    rule(**right)
    with pytest.raises(ValueError, match="must") as refusal:
        rule(**wrong)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("rule", [Ewma(), Karbalaii(), KampsKleinberg()])
def test_empty_market_gives_empty_results(rule):
    nobody = random_candles(1, 0, 5)
    assert rule.detect(nobody).alarm.shape == (0, 5)
    never = random_candles(1, 3, 0)
    assert rule.detect(never).alarm.shape == (3, 0)


@pytest.mark.parametrize("rule", [Ewma(), Karbalaii()])
def test_no_candle_is_remembered_as_none(rule):
    assert list(rule.advance(random_candles(1, 3, 0)).count) == [0, 0, 0]


@pytest.mark.parametrize("rule", [Ewma(), Karbalaii(), KampsKleinberg()])
def test_detection_needs_at_most_three_times_its_input(rule):
    import tracemalloc

    candles = random_candles(2, 200, 1500)
    tracemalloc.start()
    rule.detect(candles)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = 6 * candles.close.nbytes
    assert size + peak < 3 * size
