from __future__ import annotations

from decimal import Decimal

import pytest
from support.trading_facts import position, trade

from pumpwatch.domain.trading.exits import (
    PAUSE_AFTER_REFUSAL,
    exit_due,
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
def test_the_time_limit_is_due_for_open_trades(
    state: TradeState, now: int, due: ExitReason | None
) -> None:
    assert exit_due(trade(state=state), now) is due


def test_a_position_that_is_not_found_is_not_closed() -> None:
    assert exit_due(trade(vanished=1_700_000), 1_900_000) is None


def test_an_exit_that_was_refused_once_goes_again_at_the_next_tick() -> None:
    refused = trade(exit_refused=1_800_000, exit_attempt=1)
    assert exit_due(refused, 1_860_000) is ExitReason.TIME_LIMIT


def test_an_exit_that_was_refused_again_waits_a_little() -> None:
    refused = trade(exit_refused=1_800_000, exit_attempt=2)
    assert exit_due(refused, 1_800_000 + PAUSE_AFTER_REFUSAL - 1) is None
    assert exit_due(refused, 1_800_000 + PAUSE_AFTER_REFUSAL) is ExitReason.TIME_LIMIT


@pytest.mark.parametrize(
    ("side", "edge", "sound"),
    [
        (Side.SELL, "1.26", True),
        (Side.SELL, "1.25", False),
        (Side.SELL, "1.22", False),
        (Side.BUY, "1.14", True),
        (Side.BUY, "1.16", False),
    ],
)
def test_a_stop_beyond_the_liquidation_price_is_no_stop(side: Side, edge: str, sound: bool) -> None:
    stop = D("1.25") if side is Side.SELL else D("1.15")
    held = position(side=side, stop_loss=stop, liquidation_price=D(edge))
    assert has_sound_stop(trade(side=side), held) is sound


def test_a_stop_beyond_the_liquidation_price_is_drawn_in() -> None:
    held = position(liquidation_price=D("1.24"))
    assert stop_to_set(trade(), held, TICK) == D("1.215")
    assert stop_to_set(trade(), held, None) is None
    near = position(liquidation_price=D("1.24"), mark_price=D("1.22"))
    assert stop_to_set(trade(), near, TICK) is None


def test_a_trailing_distance_is_a_share_of_the_entry_on_the_tick() -> None:
    entered = trade(entry_price=D("1.2345"))
    assert trailing_distance(entered, position(), D("0.05"), TICK) == D("0.061")
    assert trailing_distance(entered, position(), D("0.0001"), TICK) == TICK


def test_a_stop_must_lie_on_the_losing_side_when_it_is_first_seen() -> None:
    assert has_sound_stop(trade(), position())
    assert not has_sound_stop(trade(), position(stop_loss=None))
    assert not has_sound_stop(trade(), position(stop_loss=D("1.19")))


def test_a_stop_that_a_person_trailed_into_profit_is_left_alone() -> None:
    seen = trade(stop_verified=5)
    assert has_sound_stop(seen, position(stop_loss=D("1.15")))
    assert not has_sound_stop(seen, position(stop_loss=None))


def test_the_stop_that_was_sent_is_set_again() -> None:
    assert stop_to_set(trade(), position(stop_loss=None), TICK) == D("1.25")


def test_a_stop_on_the_wrong_side_of_the_fill_keeps_its_planned_distance() -> None:
    """A buy planned at 1.00 with its stop at 0.96 was filled at 0.95: the stop goes to 0.912."""
    buy = trade(side=Side.BUY, planned_price=D(1), stop_loss=D("0.96"))
    held = position(side=Side.BUY, entry_price=D("0.95"), mark_price=D("0.95"), stop_loss=D("0.96"))
    assert not has_sound_stop(buy, held)
    assert stop_to_set(buy, held, TICK) == D("0.912")


def test_a_short_filled_above_its_stop_keeps_the_planned_distance_too() -> None:
    """A short planned at 1.00 with its stop at 1.04 was filled at 1.05: the stop goes to 1.092."""
    short = trade(planned_price=D(1), stop_loss=D("1.04"))
    held = position(entry_price=D("1.05"), mark_price=D("1.05"), stop_loss=None)
    assert stop_to_set(short, held, TICK) == D("1.092")


def test_a_stop_at_the_entry_itself_is_on_no_losing_side() -> None:
    for side in Side:
        assert not is_losing_side(side, D("1.2"), D("1.2"))
        held = position(side=side, stop_loss=D("1.2"))
        assert not has_sound_stop(trade(side=side), held)
    assert is_losing_side(Side.BUY, D("1.1"), D("1.2"))
    assert is_losing_side(Side.SELL, D("1.3"), D("1.2"))


def test_a_buys_stop_beyond_the_liquidation_price_is_drawn_in_above_it() -> None:
    held = position(
        side=Side.BUY, entry_price=D("1.2"), mark_price=D("1.2"), liquidation_price=D("1.1")
    )
    assert stop_to_set(trade(side=Side.BUY, stop_loss=D("1.1")), held, TICK) == D("1.122")
    assert stop_to_set(trade(side=Side.BUY, stop_loss=D("1.101")), held, TICK) == D("1.101")


def test_a_liquidation_price_of_zero_is_none() -> None:
    held = position(side=Side.BUY, stop_loss=D("1.15"), liquidation_price=D(0))
    assert has_sound_stop(trade(side=Side.BUY), held)
    assert has_sound_stop(trade(), position(liquidation_price=D(0)))


def test_without_a_planned_price_a_wrong_stop_is_not_recomputed() -> None:
    wrong = trade(stop_loss=D("1.1"), planned_price=None)
    assert stop_to_set(wrong, position(stop_loss=None), TICK) is None


def test_a_trailing_distance_is_of_the_positions_price_where_the_trades_is_not_known() -> None:
    assert trailing_distance(trade(), position(), D("0.05"), TICK) == D("0.06")


def test_without_a_known_tick_a_wrong_stop_is_not_recomputed() -> None:
    wrong = trade(stop_loss=D("1.1"), planned_price=D(1))
    assert stop_to_set(wrong, position(stop_loss=None), None) is None
    assert stop_to_set(trade(stop_loss=None), position(stop_loss=None), TICK) is None


def test_a_stop_that_the_price_has_passed_cannot_be_set() -> None:
    assert stop_to_set(trade(), position(stop_loss=None, mark_price=D("1.25")), TICK) is None


@pytest.mark.parametrize(("mark", "target"), [("1.15", D("1.1")), ("1.1", None), ("1.05", None)])
def test_a_target_that_was_reached_is_not_sent_along(mark: str, target: Decimal | None) -> None:
    assert target_to_set(trade(), position(mark_price=D(mark))) == target
    assert target_to_set(trade(take_profit=None), position()) is None


def test_a_target_of_a_buy_lies_above() -> None:
    buy = trade(side=Side.BUY, take_profit=D("1.3"))
    assert target_to_set(buy, position(side=Side.BUY)) == D("1.3")
    assert target_to_set(buy, position(side=Side.BUY, mark_price=D("1.4"))) is None
