from decimal import Decimal

import pytest
from support.trading_rig import peaked, settings

from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import Denied, EntryPlan, Quote
from pumpwatch.domain.trading.strategies import Alert, Fade, Ride
from pumpwatch.usecases.trade.entries import limits_from, strategy_from

FADE = Fade(Decimal("0.03"), Decimal("0.5"), Decimal("0.015"), 30)
RIDE = Ride(Decimal("0.04"), Decimal("0.06"), 3)


def quote(price):
    return Quote(*(Decimal(price),) * 4)


def test_fade_shorts_with_a_stop_above_the_peak_and_half_the_rise_as_target():
    plan = FADE.plan(peaked(), quote("1.17"))
    assert plan == EntryPlan(Side.SELL, Decimal("1.2360"), Decimal("1.10"), 30 * 60_000)


@pytest.mark.parametrize(
    ("facts", "price", "sentence"),
    [
        ({"base_price": 1.2}, "1.1", "the signal's peak is not above its base"),
        ({"base_price": 0.0}, "1.1", "the signal's peak is not above its base"),
        ({"base_price": -1.0}, "1.1", "the signal's peak is not above its base"),
        ({"base_price": 1.3}, "1.1", "the signal's peak is not above its base"),
        ({"base_price": float("nan")}, "1.1", "the signal's peak is not above its base"),
        ({}, "1.236", "the price is above the stop already"),
        ({}, "1.1", "the price has retraced to the target already"),
        ({}, "1.1167", "too little is left to gain before the target"),
    ],
)
def test_fade_says_why_a_signal_is_not_traded(facts, price, sentence):
    assert FADE.plan(peaked(**facts), quote(price)) == Denied(sentence)


def test_fade_enters_at_exactly_the_least_gain():
    """(2 - 1.5) / 2 is a quarter of the price."""
    quarter = Fade(Decimal("0.5"), Decimal("0.5"), Decimal("0.25"), 1)
    signal = peaked(base_price=1.0, peak_price=2.0)
    assert quarter.plan(signal, quote("2")) == EntryPlan(
        Side.SELL, Decimal(3), Decimal("1.5"), 60_000
    )
    assert isinstance(quarter.plan(signal, quote("1.99")), Denied)


def test_fade_denies_when_any_of_the_prices_is_beyond_the_stop():
    prices = [Decimal(price) for price in ("1.17", "1.18", "1.17", "1.25")]
    assert isinstance(FADE.plan(peaked(), Quote(*prices, watches_mark=True)), Denied)


def test_a_mark_price_that_stays_behind_in_a_pump_denies_no_fade():
    """Stops and targets that watch the last price are not touched by it."""
    prices = [Decimal(price) for price in ("1.17", "1.18", "1.17", "1.02")]
    assert isinstance(FADE.plan(peaked(), Quote(*prices)), EntryPlan)
    assert isinstance(FADE.plan(peaked(), Quote(*prices, watches_mark=True)), Denied)


def test_ride_buys_with_fixed_fractions_of_the_ask():
    plan = RIDE.plan(peaked(phase=Phase.RISING), quote("2"))
    assert plan == EntryPlan(Side.BUY, Decimal("1.92"), Decimal("2.12"), 3 * 60_000)


@pytest.mark.parametrize("phase", Phase)
def test_each_strategy_acts_on_its_own_phase_only(phase):
    signal = peaked(phase=phase)
    assert not Alert().acts_on(signal)
    assert FADE.acts_on(signal) is (phase is Phase.PEAKED)
    assert RIDE.acts_on(signal) is (phase is Phase.RISING)


def test_alert_has_no_plan():
    denied = Alert().plan(peaked(), quote("1.17"))
    assert denied == Denied("the strategy alert places no orders")


def test_settings_name_the_strategy_and_give_its_numbers():
    assert strategy_from(settings()) == FADE
    assert strategy_from(settings(strategy="ride")) == RIDE
    assert strategy_from(settings(strategy="alert")) == Alert()


def test_limits_are_the_settings_of_the_same_name():
    limits = limits_from(settings(max_open_positions=3, leverage=Decimal(2)))
    assert (limits.max_open_positions, limits.leverage) == (3, Decimal(2))
