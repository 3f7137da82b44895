from dataclasses import replace
from decimal import Decimal

import pytest
from support.trading_facts import position, trade

from pumpwatch.domain.trading.exits import (
    PAUSE_AFTER_REFUSAL,
    exit_due,
    farther_stop,
    has_sound_stop,
    is_losing_side,
    stop_to_set,
    target_to_set,
    trailing_distance,
)
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason, TradeState

D = Decimal
TICK = D("0.001")


@pytest.mark.parametrize(
    ("state", "now", "due"),
    [
        (TradeState.OPEN, 1_799_999, None),
        (TradeState.OPEN, 1_800_000, ExitReason.TIME_LIMIT),
        (TradeState.EXITING, 1_900_000, None),
        (TradeState.CLOSED, 1_900_000, None),
    ],
)
def test_the_time_limit_is_due_for_open_trades(state, now, due):
    assert exit_due(trade(state=state), now) is due


def test_a_position_that_is_not_found_is_not_closed():
    assert exit_due(trade(vanished=1_700_000), 1_900_000) is None


def test_an_exit_that_was_refused_once_goes_again_at_the_next_tick():
    refused = trade(exit_refused=1_800_000, exit_attempt=1)
    assert exit_due(refused, 1_860_000) is ExitReason.TIME_LIMIT


def test_an_exit_that_was_refused_again_waits_a_little():
    refused = trade(exit_refused=1_800_000, exit_attempt=2)
    assert exit_due(refused, 1_800_000 + PAUSE_AFTER_REFUSAL - 1) is None
    assert exit_due(refused, 1_800_000 + PAUSE_AFTER_REFUSAL) is ExitReason.TIME_LIMIT


SEEN = trade(stop_verified=5)
BUY = trade(side=Side.BUY)


@pytest.mark.parametrize(
    ("ours", "changes", "sound"),
    [
        (trade(), {}, True),
        (trade(), {"stop_loss": None}, False),
        (trade(), {"stop_loss": D("1.2")}, False),  # at the entry itself
        (trade(), {"stop_loss": D("1.19")}, False),
        (SEEN, {"stop_loss": D("1.15")}, True),  # a person trailed it into profit
        (SEEN, {"stop_loss": None}, False),
        (trade(), {"liquidation_price": D("1.26")}, True),
        (trade(), {"liquidation_price": D("1.25")}, False),
        (trade(), {"liquidation_price": D("1.22")}, False),
        (trade(), {"liquidation_price": D(0)}, True),  # zero says that there is none
        (BUY, {"stop_loss": D("1.2")}, False),
        (BUY, {"stop_loss": D("1.15"), "liquidation_price": D("1.14")}, True),
        (BUY, {"stop_loss": D("1.15"), "liquidation_price": D("1.16")}, False),
        (BUY, {"stop_loss": D("1.15"), "liquidation_price": D(0)}, True),
    ],
)
def test_a_sound_stop_lies_on_the_losing_side_and_before_liquidation(ours, changes, sound):
    facts = {"side": ours.side, "stop_loss": D("1.25"), **changes}
    assert has_sound_stop(ours, position(**facts)) is sound


def at(price, **changes):
    return {"entry_price": D(price), "mark_price": D(price), **changes}


STOPS = {
    "as it was sent": (trade(), {}, "1.25"),
    "passed by the price": (trade(), {"mark_price": D("1.25")}, None),
    # A buy planned at 1.00 with its stop at 0.96 was filled at 0.95, a short the other way round.
    "a buy filled below its stop": (
        trade(side=Side.BUY, planned_price=D(1), stop_loss=D("0.96")),
        at("0.95"),
        "0.912",
    ),
    "a short filled above its stop": (
        trade(planned_price=D(1), stop_loss=D("1.04")),
        at("1.05"),
        "1.092",
    ),
    "nothing planned": (trade(stop_loss=D("1.1"), planned_price=None), {}, None),
    "no stop": (trade(stop_loss=None), {}, None),
    "drawn in": (trade(), {"liquidation_price": D("1.24")}, "1.215"),
    "drawn in and passed": (
        trade(),
        {"liquidation_price": D("1.24"), "mark_price": D("1.22")},
        None,
    ),
    "a buy's drawn in": (
        trade(side=Side.BUY, stop_loss=D("1.1")),
        at("1.2", liquidation_price=D("1.1")),
        "1.122",
    ),
    "a buy's just before liquidation": (
        trade(side=Side.BUY, stop_loss=D("1.101")),
        at("1.2", liquidation_price=D("1.1")),
        "1.101",
    ),
}


@pytest.mark.parametrize(("ours", "changes", "stop"), STOPS.values(), ids=STOPS)
def test_the_stop_to_set(ours, changes, stop):
    bare = position(side=ours.side, **{"stop_loss": None, **changes})
    assert stop_to_set(ours, bare, TICK) == (None if stop is None else D(stop))


def test_without_a_known_tick_no_new_stop_is_computed():
    wrong = trade(stop_loss=D("1.1"), planned_price=D(1))
    assert stop_to_set(wrong, position(stop_loss=None), None) is None
    assert stop_to_set(trade(), position(liquidation_price=D("1.24")), None) is None


def test_a_stop_at_the_price_itself_is_on_no_losing_side():
    assert not any(is_losing_side(side, D("1.2"), D("1.2")) for side in Side)
    assert is_losing_side(Side.BUY, D("1.1"), D("1.2"))
    assert is_losing_side(Side.SELL, D("1.3"), D("1.2"))


def test_a_trailing_distance_is_a_share_of_the_entry_on_the_tick():
    entered = trade(entry_price=D("1.2345"))
    assert trailing_distance(entered, position(), D("0.05"), TICK) == D("0.061")
    assert trailing_distance(entered, position(), D("0.0001"), TICK) == TICK
    assert trailing_distance(trade(), position(), D("0.05"), TICK) == D("0.06")


@pytest.mark.parametrize(("mark", "target"), [("1.15", D("1.1")), ("1.1", None), ("1.05", None)])
def test_a_target_that_was_reached_is_not_sent_along(mark, target):
    assert target_to_set(trade(), position(mark_price=D(mark))) == target
    assert target_to_set(trade(take_profit=None), position()) is None


def test_a_target_of_a_buy_lies_above():
    buy = trade(side=Side.BUY, take_profit=D("1.3"))
    assert target_to_set(buy, position(side=Side.BUY)) == D("1.3")
    assert target_to_set(buy, position(side=Side.BUY, mark_price=D("1.4"))) is None


LONG = position(side=Side.BUY, mark_price=D("1.1"), stop_loss=None)
SHORT = position(mark_price=D("1.3"))


@pytest.mark.parametrize(
    ("ours", "held", "stop"),
    [
        (trade(), SHORT, D("1.354")),
        (trade(), replace(SHORT, liquidation_price=D("1.34")), D("1.313")),
        (trade(), replace(SHORT, liquidation_price=D("1.29")), None),
        (trade(side=Side.BUY, stop_loss=D("1.15")), LONG, D("1.055")),
        (
            trade(side=Side.BUY, stop_loss=D("1.15")),
            replace(LONG, liquidation_price=D("1.12")),
            None,
        ),
    ],
)
def test_a_stop_farther_away_keeps_its_planned_distance_and_precedes_liquidation(ours, held, stop):
    assert farther_stop(ours, held, TICK) == stop
