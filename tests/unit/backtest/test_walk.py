"""A position's way to its end: the rules of docs/backtest.md one by one."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from support.backtests import flat_block, lively

from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason, Trade, TradeState
from pumpwatch_workbench.research.backtest.fills import PartialFill
from pumpwatch_workbench.research.backtest.market import window_at
from pumpwatch_workbench.research.backtest.walk import LAST_MINUTE, finished

FREE = {"spread": "0", "slippage_of_range": "0", "slippage_of_turnover": "0", "taker_fee": "0"}
ENTRY = 5


def ended(
    change, *, side=Side.SELL, count=200, quantity="10", start=0, limit=30, stop=None, **more
):
    """Close a position of 10 entered at 100, stop 110 (or 90), target 95 (or 105)."""
    block = flat_block(count, start=start)
    change(block.candles)
    window = window_at(block, 0, 0, alarm=0, reach=count, strength=1.0, jump=0.1)
    short = side is Side.SELL
    trade = Trade(
        signal_id="s",
        event_id="e",
        symbol="AUSDT",
        strategy="fade",
        side=side,
        state=TradeState.OPEN,
        signal_time=ENTRY * MINUTE,
        signal_price=Decimal(100),
        created=(start + ENTRY) * MINUTE,
        quantity=Decimal(quantity),
        stop_loss=Decimal(stop or (110 if short else 90)),
        take_profit=Decimal(95 if short else 105),
        closes_at=int((start + ENTRY + limit) * MINUTE),
    )
    settings = lively(**(FREE | more))
    done, _ = finished(trade, PartialFill(trade.quantity, Decimal(100)), window, ENTRY, settings)
    return done


def reach(column, *, high=None, low=None, opened=None):
    def change(candles):
        if high is not None:
            candles.high[0, column] = high
        if low is not None:
            candles.low[0, column] = low
        if opened is not None:
            candles.open[0, column] = opened

    return change


def test_stop_fires_at_its_price_and_loses():
    done = ended(reach(8, high=111))
    assert (done.exit_reason, done.exit_price) == (ExitReason.STOP_LOSS, 110)
    assert (done.realised_pnl, done.exit_time) == (-100, 9 * MINUTE - 1)


def test_target_never_gets_better_than_its_price():
    done = ended(reach(8, low=80, opened=82))
    assert (done.exit_reason, done.exit_price) == (ExitReason.TAKE_PROFIT, 95)


def test_candle_that_reached_both_fires_the_stop():
    done = ended(reach(8, high=111, low=80))
    assert (done.exit_reason, done.exit_price) == (ExitReason.STOP_LOSS, 110)


def test_price_that_opened_beyond_the_stop_is_filled_there():
    done = ended(reach(8, high=130, opened=125))
    assert (done.exit_reason, done.exit_price) == (ExitReason.STOP_LOSS, 125)


def test_the_minute_of_the_entry_counts_and_the_one_before_does_not():
    assert ended(reach(ENTRY, high=111)).exit_time == (ENTRY + 1) * MINUTE - 1
    assert ended(reach(ENTRY - 1, high=111)).exit_reason is ExitReason.TIME_LIMIT


def test_long_position_is_the_mirror():
    assert ended(reach(8, low=89), side=Side.BUY).realised_pnl == -100
    assert ended(reach(8, high=106), side=Side.BUY).realised_pnl == 50


def test_time_limit_closes_at_the_opening_price():
    done = ended(reach(ENTRY + 30, opened=97))
    assert (done.exit_reason, done.exit_price) == (ExitReason.TIME_LIMIT, 97)
    assert done.exit_time == (ENTRY + 30) * MINUTE


def test_a_time_limit_within_a_minute_waits_for_the_next_one_to_open():
    done = ended(reach(ENTRY + 31, opened=97), limit=30.5)
    assert (done.exit_price, done.exit_time) == (97, (ENTRY + 31) * MINUTE)


def test_thin_candles_let_an_exit_out_bit_by_bit():
    def change(candles):
        candles.high[0, 8] = 111
        candles.turnover[0, 8:] = 4_000.0  # a tenth of it is 4 of our 10

    done = ended(change)
    assert done.exit_reason is ExitReason.STOP_LOSS
    # 4 at the stop, then 4 and 2 at the opening price of the next two minutes.
    assert done.exit_price == (4 * 110 + 6 * 100) / Decimal(10)
    assert done.exit_time == 10 * MINUTE


def test_after_an_hour_the_rest_is_taken_out_whatever_the_turnover():
    def change(candles):
        candles.turnover[0, :] = 0.0
        candles.open[0, ENTRY + 30 + 60] = 103

    done = ended(change)
    assert (done.exit_price, done.exit_time) == (103, (ENTRY + 30 + 60) * MINUTE)


def test_position_is_settled_at_the_last_close_where_the_candles_end():
    done = ended(lambda candles: candles.close.__setitem__((0, 19), 102), count=20)
    assert (done.exit_reason, done.exit_price) == (ExitReason.SETTLEMENT, 102)
    assert done.exit_time == 20 * MINUTE - 1


@pytest.mark.parametrize("side", [Side.SELL, Side.BUY])
def test_funding_is_paid_by_either_side_at_the_opening_price(side):
    done = ended(reach(10, opened=101), side=side, start=470, funding_rate="0.001")
    assert done.funding == 10 * 101 * Decimal("0.001")
    assert done.realised_pnl == -done.funding


def test_funding_before_the_entry_and_after_the_exit_is_not_paid():
    assert ended(reach(0), start=480 - ENTRY, funding_rate="0.001").funding == 0
    assert ended(reach(7, high=111), start=471, funding_rate="0.001").funding == 0


def test_fees_are_paid_on_both_sides():
    done = ended(reach(8, low=80), taker_fee="0.001")
    assert done.fees == Decimal("0.001") * 10 * (100 + 95)
    assert done.realised_pnl == 50 - done.fees


@pytest.mark.parametrize(("side", "stop", "price"), [(Side.SELL, 140, 125), (Side.BUY, 60, 75)])
def test_a_stop_beyond_the_liquidation_price_comes_too_late(side, stop, price):
    beyond = {"high": price} if side is Side.SELL else {"low": price}
    assert ended(reach(8, **beyond), side=side, stop=stop).exit_reason is ExitReason.TIME_LIMIT
    done = ended(reach(8, **beyond), side=side, stop=stop, leverage="5")
    assert done.exit_reason is ExitReason.LIQUIDATION
    assert abs(done.exit_price - 100) < abs(price - 100)


def test_funding_that_falls_due_at_the_time_limit_is_paid_and_a_minute_later_it_is_not():
    due = 480 - ENTRY - 30
    assert ended(reach(0), start=due, funding_rate="0.001").funding == 1
    assert ended(reach(0), start=due - 1, funding_rate="0.001").funding == 0


def test_each_funding_of_a_long_hold_is_paid_once():
    done = ended(reach(0), count=1_100, limit=1_000, funding_rate="0.001")
    assert done.funding == 2  # at 480 and 960 minutes


def test_an_exit_without_any_candle_waits_two_hours_for_its_settlement():
    def change(candles):
        for name in ("open", "high", "low", "close", "volume", "turnover"):
            getattr(candles, name)[0, ENTRY + 30 :] = np.nan

    done = ended(change)
    assert done.exit_reason is ExitReason.SETTLEMENT
    assert done.exit_time == (ENTRY + 30 + LAST_MINUTE) * MINUTE - 1


def test_a_stop_that_fired_leaves_the_rest_to_the_opening_prices_that_follow():
    def change(candles):
        candles.high[0, 8] = 111
        candles.open[0, 9] = 104
        candles.turnover[0, 8] = 4_000.0

    assert ended(change).exit_price == (4 * 110 + 6 * 104) / Decimal(10)


def test_trailing_stop_follows_the_best_price():
    def change(candles):
        candles.low[0, 8] = 96
        candles.high[0, 9] = 99.5

    done = ended(change, trailing_stop_fraction="0.03")
    assert done.exit_reason is ExitReason.TRAILING_STOP
    # Minute 8 itself went back to 100 after its low of 96.
    assert done.exit_price == Decimal("96") + 3


def test_unknown_minutes_are_waited_through():
    def change(candles):
        for name in ("open", "high", "low", "close", "volume", "turnover"):
            getattr(candles, name)[0, ENTRY + 30 : ENTRY + 33] = np.nan

    assert ended(change).exit_time == (ENTRY + 33) * MINUTE


def test_price_known_at_a_time_is_the_close_of_the_minute_before():
    block = flat_block(6)
    block.candles.close[0] = [1, 2, 3, 4, 5, 6]
    block.candles.close[0, 3] = np.nan
    window = window_at(block, 0, 1, alarm=0, reach=9, strength=1.0, jump=0.1)
    assert [window.price_at(minute * MINUTE) for minute in (0, 1, 2, 3, 4, 5, 6, 9)] == [
        *(1, 1, 2, 3),
        *(3, 5, 6, 6),
    ]
    assert window.price_at(2 * MINUTE - 1) == 1
