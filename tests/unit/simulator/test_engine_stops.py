from decimal import Decimal

import pytest
from support.exchange_user import User
from support.scripted_market import START

from pumpwatch_workbench.simulator.control import state

MINUTE = 60_000
FALL = {"AAAUSDT": [(0, 100.0), (MINUTE, 90.0)]}


def stop(user, symbol="AAAUSDT", **prices):
    asked = {"symbol": symbol, "tpslMode": "Full", "positionIdx": 0} | prices
    return user.post("/v5/position/trading-stop", **asked)


def bare(user):
    return state(user.exchange)["unprotected_ms"]


def test_stop_loss_and_take_profit_of_an_order_wait_as_orders_of_their_own():
    user = User()
    user.placed("Buy", "2", stopLoss="95", takeProfit="110")
    target, loss = user.open_orders()
    assert (loss["stopOrderType"], loss["createType"]) == ("StopLoss", "CreateByStopLoss")
    assert (target["stopOrderType"], target["createType"]) == ("TakeProfit", "CreateByTakeProfit")
    for row, trigger, direction in ((loss, "95", 2), (target, "110", 1)):
        assert row["orderStatus"] == "Untriggered"
        assert (row["side"], row["qty"], row["reduceOnly"]) == ("Sell", "2", True)
        assert (row["triggerPrice"], row["triggerDirection"]) == (trigger, direction)
    position = user.position()
    assert (position["stopLoss"], position["takeProfit"]) == ("95", "110")


def test_stop_loss_triggers_with_slippage_and_takes_the_target_away():
    user = User(FALL, depth_usdt=1_000.0)
    user.placed("Buy", "10", stopLoss="95", takeProfit="110")
    user.advance(MINUTE)
    assert user.position()["side"] == ""
    assert list(user.open_orders()) == []
    closing = [fill for fill in user.executions() if fill["side"] == "Sell"]
    assert {fill["stopOrderType"] for fill in closing} == {"StopLoss"}
    assert all(Decimal(fill["execPrice"]) < 95 for fill in closing)
    assert {int(fill["execTime"]) for fill in closing} == {START + 29_970}
    done = user.get("/v5/order/history")["result"]["list"]
    by_kind = {row["stopOrderType"]: row["orderStatus"] for row in done}
    assert by_kind == {"": "Filled", "StopLoss": "Filled", "TakeProfit": "Deactivated"}


@pytest.mark.parametrize(
    ("side", "prices", "shown", "should"),
    [
        ("Buy", {"stopLoss": "101"}, "StopLoss:10100000000", "lower than"),
        ("Sell", {"stopLoss": "99"}, "StopLoss:9900000000", "greater than"),
        ("Buy", {"takeProfit": "99"}, "TakeProfit:9900000000", "be higher than"),
        ("Sell", {"takeProfit": "101"}, "TakeProfit:10100000000", "be lower than"),
    ],
)
def test_stop_on_the_wrong_side_refuses_the_whole_order(side, prices, shown, should):
    user = User()
    base = "base_price:10000000000??LastPrice"
    text = f"{shown} set for {side} position should {should} {base}"
    answer = user.order(side, "1", **prices)
    assert (answer["retCode"], answer["retMsg"]) == (10001, text)
    assert user.position()["side"] == ""
    user.placed(side, "1")
    assert stop(user, **prices)["retMsg"] == text


def test_limit_orders_stop_is_measured_from_its_own_price():
    user = User(FALL)
    answer = user.order("Buy", "1", orderType="Limit", price="95", stopLoss="97")
    assert "base_price:9500000000" in answer["retMsg"]
    user.placed("Buy", "1", orderType="Limit", price="95", stopLoss="93")
    assert user.position()["stopLoss"] == ""
    user.advance(35_000)
    assert user.position()["stopLoss"] == "93"
    user.advance(MINUTE)
    assert user.position()["side"] == ""


def test_stops_of_a_flat_position_are_refused():
    answer = stop(User(), stopLoss="95")
    assert answer["retCode"] == 10001
    assert answer["retMsg"] == "can not set tp/sl/ts for zero position"


def test_unchanged_stops_answer_not_modified():
    user = User()
    user.placed("Buy", "1", stopLoss="95")
    assert stop(user, stopLoss="95")["retCode"] == 34040
    assert stop(user, stopLoss="96")["retCode"] == 0
    assert [row["triggerPrice"] for row in user.open_orders()] == ["96"]
    assert stop(user, stopLoss="0")["retCode"] == 0
    assert list(user.open_orders()) == []
    assert stop(user, stopLoss="0")["retCode"] == 34040


def test_partial_stops_are_refused_in_plain_words():
    user = User()
    user.placed("Buy", "1")
    partial = stop(user, stopLoss="95", tpslMode="Partial", slSize="0.5")
    assert partial["retMsg"] == "params error: only tpslMode Full is simulated"


def test_waiting_stop_follows_the_size_of_the_position():
    user = User()
    user.placed("Buy", "3", stopLoss="95")
    user.placed("Sell", "1", reduceOnly=True)
    assert user.open_orders()[0]["qty"] == "2"
    user.placed("Buy", "2")
    assert user.open_orders()[0]["qty"] == "4"
    assert user.position()["stopLoss"] == "95"


def test_cancelling_the_waiting_stop_takes_the_stop_off_the_position():
    user = User()
    user.placed("Buy", "1", stopLoss="95")
    (row,) = user.open_orders()
    user.post("/v5/order/cancel", symbol="AAAUSDT", orderId=row["orderId"])
    assert user.position()["stopLoss"] == ""


@pytest.mark.parametrize(("stops", "left"), [({"stopLoss": "104"}, "104"), ({}, "")])
def test_flipping_the_position_drops_the_old_sides_stops(stops, left):
    user = User()
    user.placed("Buy", "1", stopLoss="95", takeProfit="110")
    user.placed("Sell", "3", **stops)
    position = user.position()
    assert (position["stopLoss"], position["takeProfit"]) == (left, "")
    waiting = [(row["side"], row["triggerPrice"], row["qty"]) for row in user.open_orders()]
    assert waiting == [("Buy", price, "2") for price in stops.values()]


def test_stop_in_a_gap_fills_at_the_price_after_it():
    user = User({"AAAUSDT": [(0, 100.0), (MINUTE, 100.0), (MINUTE, 80.0), (2 * MINUTE, 80.0)]})
    user.placed("Buy", "1", stopLoss="95")
    user.advance(2 * MINUTE)
    fill = user.executions()[-1]
    assert (fill["execPrice"], int(fill["execTime"])) == ("79.99", START + MINUTE)


@pytest.mark.parametrize("leg", [{"stopLoss": "95", "takeProfit": "140"}, {"trailingStop": "5"}])
def test_what_a_stop_cannot_close_stands_bare(leg):
    user = User(FALL, depth_usdt=100_000.0)
    user.placed("Buy", "60")
    stop(user, **leg)
    user.market.depth_usdt = 20.0
    user.advance(MINUTE + 5_000)
    position = user.position()
    assert 0 < Decimal(position["size"]) < 60
    assert (position["stopLoss"], position["takeProfit"], position["trailingStop"]) == ("", "", "0")
    assert user.open_orders() == []
    fired = [one for one in user.ledger.orders.values() if one.stop_kind and one.filled]
    assert [one.status for one in fired] == ["Cancelled"]
    assert user.ledger.protection.by_symbol(START + MINUTE + 5_000)["AAAUSDT"] > 30_000


def test_the_rest_of_a_position_can_be_given_a_stop_again():
    user = User(FALL, depth_usdt=100_000.0)
    user.placed("Buy", "60", stopLoss="95")
    user.market.depth_usdt = 20.0
    user.advance(31_000)
    assert stop(user, stopLoss="80")["retCode"] == 0
    assert user.position()["stopLoss"] == "80"


def test_stops_of_two_symbols_trigger_in_the_order_of_time():
    user = User(
        {
            "AAAUSDT": [(0, 100.0), (MINUTE, 90.0)],
            "BBBUSDT": [(0, 50.0), (MINUTE, 40.0)],
        }
    )
    user.placed("Buy", "1", stopLoss="91")
    user.placed("Buy", "1", "BBBUSDT", stopLoss="49")
    user.advance(MINUTE)
    closing = [row["symbol"] for row in user.executions() if row["side"] == "Sell"]
    assert closing == ["BBBUSDT", "AAAUSDT"]


def test_one_long_step_gives_the_same_result_as_many_short_ones():
    script = {"AAAUSDT": [(0, 100.0), (20_000, 104.0), (50_000, 96.0), (90_000, 108.0)]}
    results = []
    for steps in ([120_000], range(1_000, 120_001, 1_000)):
        user = User(script)
        user.placed("Sell", "1", stopLoss="107", takeProfit="92")
        user.placed("Buy", "1", triggerPrice="103", triggerDirection=1, orderLinkId="breakout")
        for step in steps:
            user.advance(step)
        results.append((user.executions(), str(user.ledger.wallet)))
    assert results[0] == results[1]


def test_stop_by_mark_price_ignores_the_last_price():
    user = User(FALL, mark_ratio=1.04)
    user.placed("Buy", "1", stopLoss="95", slTriggerBy="MarkPrice")
    user.advance(40_000)
    assert user.position()["size"] == "1"
    user.advance(MINUTE)
    # The mark reaches 95 where the last price is 91.35.
    assert user.position()["size"] == "0"
    assert Decimal(user.executions()[-1]["execPrice"]) < Decimal("91.5")


def test_time_without_a_stop_is_measured_in_market_time():
    user = User()
    user.placed("Buy", "1", orderLinkId="bare")
    user.advance(1_500)
    stop(user, stopLoss="95")
    user.advance(9_000)
    assert bare(user) == {"AAAUSDT": 1_500}
    user.placed("Sell", "1", reduceOnly=True)
    user.placed("Buy", "1", stopLoss="95")
    user.advance(60_000)
    assert bare(user) == {"AAAUSDT": 1_500}


@pytest.mark.parametrize(("covered", "milliseconds"), [(False, 7_000), (True, 0)])
def test_a_reduce_only_conditional_order_protects_a_position_that_is_still_open(
    covered, milliseconds
):
    user = User()
    user.placed("Buy", "1")
    if covered:
        user.placed("Sell", "1", triggerPrice="95", triggerDirection=2, reduceOnly=True)
    user.advance(7_000)
    assert bare(user) == {"AAAUSDT": milliseconds}
    assert state(user.exchange)["unprotected_ms_max"] == milliseconds


def test_quiet_market_walks_no_paths_however_far_the_clock_goes():
    user = User({f"S{number:03}USDT": [(0, 10.0)] for number in range(50)})
    user.advance(30 * 86_400_000)
    assert user.market.paths_asked == []
    user.placed("Buy", "1", "S007USDT", stopLoss="9")
    user.advance(30 * 86_400_000 + 3 * MINUTE)
    assert set(user.market.paths_asked) == {7}


def test_stop_triggers_when_the_shown_price_reaches_it():
    # 104.996 is shown as 105.00.
    for peak, size in ((104.996, "0"), (104.994, "1")):
        user = User({"AAAUSDT": [(0, 100.0), (30_000, peak), (MINUTE, 100.0)]})
        user.placed("Sell", "1", stopLoss="105")
        user.advance(MINUTE)
        assert user.position()["size"] == size


def test_bare_time_goes_on_while_the_position_grows():
    user = User()
    user.placed("Buy", "1")
    user.advance(3_000)
    user.placed("Buy", "1")
    user.advance(7_000)
    stop(user, stopLoss="95")
    assert bare(user) == {"AAAUSDT": 7_000}
