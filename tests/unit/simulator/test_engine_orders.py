import json
from decimal import Decimal

import pytest
from support.exchange_user import User
from support.scripted_market import START, listing

MINUTE = 60_000
NOW = "current[10000000000]??LastPrice"
TOO_LARGE = (
    "The number of contracts exceeds maximum limit allowed: too large, "
    "order_qty:6000000000000 > max_qty:5000000000000"
)
TOO_HIGH = "The order price is higher than the maximum buying price."
TOO_LOW = "The order price is lower than the minimum selling price."


def test_market_order_fills_at_the_best_ask_and_pays_the_taker_fee():
    user = User()
    row = user.placed("Buy", "1", orderLinkId="first")
    assert row["orderStatus"] == "Filled"
    assert row["avgPrice"] == "100.01"
    assert row["timeInForce"] == "IOC"
    assert row["price"] == "105"
    (fill,) = user.executions()
    assert fill["execFee"] == "0.0550055"
    assert (fill["isMaker"], fill["orderLinkId"], fill["closedSize"]) == (False, "first", "0")
    assert user.position()["avgPrice"] == "100.01"


def test_large_market_order_walks_the_book_level_by_level():
    user = User(depth_usdt=1_000.0)
    row = user.placed("Buy", "20")
    fills = user.executions()
    prices = [Decimal(fill["execPrice"]) for fill in fills]
    assert len(fills) > 5
    assert prices == sorted(prices)
    assert sum(Decimal(fill["execQty"]) for fill in fills) == 20
    value = sum(Decimal(fill["execValue"]) for fill in fills)
    assert abs(Decimal(row["avgPrice"]) - value / 20) < Decimal("1e-9")


def test_market_order_beyond_the_band_is_cancelled_with_its_fills_kept():
    user = User(depth_usdt=10.0, settings={"market_price_band": Decimal("0.01")})
    row = user.placed("Sell", "50")
    assert row["orderStatus"] == "Cancelled"
    assert 0 < Decimal(row["cumExecQty"]) < 50
    assert row["rejectReason"] == "EC_NoImmediateQtyToFill"
    assert min(Decimal(fill["execPrice"]) for fill in user.executions()) >= 99
    assert user.position()["size"] == row["cumExecQty"]


def test_market_order_without_anything_to_hit_says_so():
    row = User(half_spread=0.02, settings={"market_price_band": Decimal("0.01")}).placed("Buy", "1")
    assert (row["orderStatus"], row["rejectReason"]) == ("Cancelled", "EC_ReachMarketPriceLimit")
    assert row["cumExecQty"] == "0"


def test_limit_order_rests_and_fills_as_maker_when_the_ask_comes_down_to_it():
    user = User({"AAAUSDT": [(0, 100.0), (MINUTE, 98.0)]})
    row = user.placed("Buy", "1", orderType="Limit", price="99")
    assert row["orderStatus"] == "New"
    user.advance(29_000)
    assert user.row(row["orderId"])["orderStatus"] == "New"
    user.advance(MINUTE)
    done = user.row(row["orderId"])
    assert (done["orderStatus"], done["avgPrice"]) == ("Filled", "99")
    (fill,) = user.executions()
    assert (fill["isMaker"], fill["feeRate"], fill["execFee"]) == (True, "0.0002", "0.0198")
    # Half a spread after the last price passed 99, at 30 s.
    assert START + 30_000 < int(fill["execTime"]) < START + 31_000


def test_crossing_limit_order_takes_up_to_its_price_and_the_rest_stays():
    user = User(depth_usdt=1_000.0)
    row = user.placed("Buy", "20", orderType="Limit", price="100.03")
    assert row["orderStatus"] == "PartiallyFilled"
    assert max(Decimal(fill["execPrice"]) for fill in user.executions()) == Decimal("100.03")
    assert Decimal(row["leavesQty"]) == 20 - Decimal(row["cumExecQty"])


@pytest.mark.parametrize(
    ("in_force", "price", "status", "reason"),
    [
        ("PostOnly", "100.01", "Cancelled", "EC_PostOnlyWillTakeLiquidity"),
        ("PostOnly", "100", "New", "EC_NoError"),
        ("IOC", "99", "Cancelled", "EC_NoImmediateQtyToFill"),
        ("IOC", "100.01", "Filled", "EC_NoError"),
        ("FOK", "100.01", "Filled", "EC_NoError"),
    ],
)
def test_time_in_force_decides_what_happens_at_once(in_force, price, status, reason):
    user = User()
    row = user.placed("Buy", "1", orderType="Limit", price=price, timeInForce=in_force)
    assert (row["orderStatus"], row["rejectReason"]) == (status, reason)


def test_fill_or_kill_order_larger_than_the_book_trades_nothing():
    user = User(depth_usdt=1_000.0)
    row = user.placed("Buy", "50", orderType="Limit", price="100.05", timeInForce="FOK")
    assert (row["orderStatus"], row["cumExecQty"]) == ("Cancelled", "0")


def test_repeated_order_link_id_is_refused_for_ever_by_default():
    user = User()
    user.placed("Buy", "1", orderLinkId="same")
    again = user.order("Buy", "1", orderLinkId="same")
    assert (again["retCode"], again["retMsg"]) == (110072, "OrderLinkedID is duplicate")
    assert user.position()["size"] == "1"


def test_order_link_id_may_be_used_again_when_the_horizon_is_open_orders():
    user = User(settings={"order_link_horizon": "open"})
    user.placed("Buy", "1", orderLinkId="same")
    user.placed("Buy", "1", orderLinkId="same")
    resting = {"orderType": "Limit", "price": "90", "orderLinkId": "resting"}
    user.placed("Buy", "1", **resting)
    assert user.order("Buy", "1", **resting)["retCode"] == 110072


def test_refused_order_does_not_use_up_its_order_link_id():
    user = User()
    assert user.order("Buy", "0.0001", orderLinkId="mine")["retCode"] == 10001
    user.placed("Buy", "1", orderLinkId="mine")


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"side": "Long"}, 10001, "params error: side invalid"),
        ({"orderType": "Stop"}, 10001, "params error: orderType invalid"),
        ({"orderType": "Limit", "price": "99", "timeInForce": "DAY"}, 10001, "timeInForce invalid"),
        ({"qty": "1e-05"}, 10001, "Qty invalid"),
        ({"qty": "-1"}, 10001, "Qty invalid"),
        ({"qty": "0"}, 10001, "Qty invalid"),
        ({"qty": "0.0015"}, 10001, "Qty invalid"),
        ({"orderType": "Limit"}, 10001, "Price invalid"),
        ({"orderType": "Limit", "price": "99.001"}, 10001, "Price invalid"),
        ({"orderType": "Limit", "price": "0"}, 110003, "Order price exceeds the allowable range."),
        ({"orderLinkId": "x" * 37}, 10001, "params error: orderLinkId invalid"),
        ({"orderLinkId": "no spaces"}, 10001, "params error: orderLinkId invalid"),
        ({"positionIdx": 1}, 10001, "position idx not match position mode"),
        ({"symbol": "NOPEUSDT"}, 10001, "params error: symbol invalid NOPEUSDT"),
        ({"category": "spot"}, 10001, "Not supported symbols"),
        ({"category": "futures"}, 10001, "Illegal category"),
        ({"qty": "0.04"}, 110094, "Order does not meet minimum order value 5USDT"),
        ({"qty": "60000"}, 10001, TOO_LARGE),
        ({"orderType": "Limit", "price": "110.01"}, 30208, TOO_HIGH),
        ({"orderType": "Limit", "side": "Sell", "price": "89.99"}, 30209, TOO_LOW),
    ],
)
def test_bad_order_is_refused_in_bybits_words_and_changes_nothing(changes, code, text):
    user = User()
    asked = {"symbol": "AAAUSDT", "side": "Buy", "orderType": "Market", "qty": "1"} | changes
    answer = user.post("/v5/order/create", **asked)
    assert (answer["retCode"], answer["retMsg"], answer["result"]) == (code, text, {})
    assert user.ledger.orders == {}


def test_quantity_below_the_minimum_is_refused():
    user = User(listings=[listing("AAAUSDT", min_quantity=Decimal("0.1"))])
    answer = user.order("Buy", "0.09")
    assert answer["retMsg"] == "The number of contracts exceeds minimum limit allowed"


def test_reduce_only_order_that_reduces_nothing_is_refused():
    user = User()
    flat = user.order("Sell", "1", reduceOnly=True)
    user.placed("Buy", "1")
    own_side = user.order("Buy", "1", reduceOnly=True)
    assert flat["retCode"] == own_side["retCode"] == 110017
    assert flat["retMsg"] == "current position is zero, cannot fix reduce-only order qty"
    assert own_side["retMsg"] == "Reduce-only rule not satisfied"


def test_order_larger_than_the_opposite_position_flips_it():
    user = User()
    user.placed("Buy", "1")
    user.placed("Sell", "3")
    position = user.position()
    assert (position["side"], position["size"], position["avgPrice"]) == ("Sell", "2", "99.99")
    assert [side for _, side in user.market.sides] == ["Buy", "Sell"]


def test_resting_reduce_only_order_is_cancelled_when_the_position_is_gone():
    user = User()
    user.placed("Buy", "1")
    resting = user.placed("Sell", "1", orderType="Limit", price="105", reduceOnly=True)
    user.placed("Sell", "1")
    gone = user.row(resting["orderId"])
    assert (gone["orderStatus"], gone["cancelType"]) == ("Cancelled", "CancelByReduceOnly")


def test_conditional_order_waits_triggers_and_fills():
    user = User({"AAAUSDT": [(0, 100.0), (MINUTE, 104.0)]})
    row = user.placed("Buy", "1", triggerPrice="102", triggerDirection=1)
    assert (row["orderStatus"], row["stopOrderType"]) == ("Untriggered", "Stop")
    user.advance(29_000)
    assert user.row(row["orderId"])["orderStatus"] == "Untriggered"
    user.advance(31_000)
    done = user.row(row["orderId"])
    assert (done["orderStatus"], done["avgPrice"]) == ("Filled", "102.04")


@pytest.mark.parametrize(
    ("direction", "trigger", "code", "text"),
    [
        (1, "99", 110092, "expect Rising, but trigger_price[9900000000] <= " + NOW),
        (2, "101", 110093, "expect Falling, but trigger_price[10100000000] >= " + NOW),
        (3, "101", 10001, "params error: triggerDirection invalid"),
    ],
)
def test_conditional_order_on_the_wrong_side_is_refused(direction, trigger, code, text):
    answer = User().order("Buy", "1", triggerPrice=trigger, triggerDirection=direction)
    assert (answer["retCode"], answer["retMsg"]) == (code, text)


def test_triggered_limit_order_rests_at_its_price():
    user = User({"AAAUSDT": [(0, 100.0), (MINUTE, 104.0), (2 * MINUTE, 101.0)]})
    row = user.placed(
        "Buy", "1", orderType="Limit", price="101.50", triggerPrice="103", triggerDirection=1
    )
    user.advance(MINUTE)
    assert user.row(row["orderId"])["orderStatus"] == "New"
    user.advance(2 * MINUTE)
    assert user.row(row["orderId"])["avgPrice"] == "101.5"


def test_cancelled_order_is_gone_and_cannot_be_cancelled_again():
    user = User()
    row = user.placed("Buy", "1", orderType="Limit", price="90", orderLinkId="mine")
    done = user.post("/v5/order/cancel", symbol="AAAUSDT", orderLinkId="mine")
    assert done["result"] == {"orderId": row["orderId"], "orderLinkId": "mine"}
    again = user.post("/v5/order/cancel", symbol="AAAUSDT", orderLinkId="mine")
    assert again["retCode"] == 110001
    assert again["retMsg"] == "order not exists or too late to cancel"
    assert list(user.open_orders()) == []


def test_cancel_all_takes_waiting_stops_too_and_is_calm_when_there_is_nothing():
    user = User({"AAAUSDT": [(0, 100.0)], "BBBUSDT": [(0, 50.0)]})
    assert user.post("/v5/order/cancel-all", settleCoin="USDT")["result"]["list"] == []
    user.placed("Buy", "1", stopLoss="95", takeProfit="105")
    user.placed("Buy", "1", orderType="Limit", price="90")
    user.placed("Buy", "1", "BBBUSDT", orderType="Limit", price="49")
    done = user.post("/v5/order/cancel-all", symbol="AAAUSDT")
    assert (done["retCode"], done["result"]["success"]) == (0, "1")
    assert len(done["result"]["list"]) == 3
    assert user.position()["stopLoss"] == ""
    assert len(user.open_orders("BBBUSDT")) == 1


def test_amended_order_rests_at_its_new_price():
    user = User({"AAAUSDT": [(0, 100.0), (MINUTE, 94.0)]})
    row = user.placed("Buy", "1", orderType="Limit", price="90")
    changed = user.post(
        "/v5/order/amend", symbol="AAAUSDT", orderId=row["orderId"], price="95", qty="2"
    )
    assert changed["retCode"] == 0
    user.advance(MINUTE)
    done = user.row(row["orderId"])
    assert (done["avgPrice"], done["cumExecQty"]) == ("95", "2")


def test_slippage_tolerance_bounds_a_market_order_tighter_than_the_band():
    user = User(depth_usdt=1_000.0)
    row = user.placed("Buy", "20", slippageToleranceType="TickSize", slippageTolerance="3")
    assert row["orderStatus"] == "Cancelled"
    assert max(Decimal(fill["execPrice"]) for fill in user.executions()) == Decimal("100.04")
    bad = user.order("Buy", "1", slippageToleranceType="Percent", slippageTolerance="20")
    assert bad["retCode"] == 110109


def test_order_lists_page_through_everything_once_with_a_cursor_on_the_last_page():
    user = User()
    placed = [
        user.placed("Buy", "1", orderType="Limit", price=f"{price}")["orderId"]
        for price in range(80, 87)
    ]
    seen, cursor = [], ""
    for _ in range(4):
        page = user.get("/v5/order/realtime", symbol="AAAUSDT", limit=3, cursor=cursor)["result"]
        if not page["list"]:
            assert page["nextPageCursor"] == ""
            break
        assert page["nextPageCursor"]
        seen += [row["orderId"] for row in page["list"]]
        cursor = page["nextPageCursor"].replace("%3A", ":").replace("%2C", ",")
    assert seen == placed[::-1]


def test_history_forgets_unfilled_cancelled_orders_after_a_day():
    user = User()
    user.placed("Buy", "1")
    row = user.placed("Buy", "1", orderType="Limit", price="90")
    user.post("/v5/order/cancel", symbol="AAAUSDT", orderId=row["orderId"])
    assert len(user.get("/v5/order/history")["result"]["list"]) == 2
    user.advance(25 * 3_600_000)
    (kept,) = user.get("/v5/order/history")["result"]["list"]
    assert kept["orderStatus"] == "Filled"


def test_history_window_longer_than_seven_days_is_refused():
    user = User()
    answer = user.get("/v5/order/history", startTime=START - 8 * 86_400_000, endTime=START)
    assert answer["retCode"] == 10001


def test_body_that_is_not_json_is_refused():
    user = User()
    from support.exchange_user import signed_headers

    response = user.exchange.handle(
        "POST", "/v5/order/create", "", b"{not json", signed_headers("{not json")
    )
    assert json.loads(response.body)["retCode"] == 10001


def test_resting_reduce_only_order_fills_no_more_than_what_is_left_of_the_position():
    user = User({"AAAUSDT": [(0, 100.0), (MINUTE, 106.0)]})
    user.placed("Buy", "3")
    resting = user.placed("Sell", "3", orderType="Limit", price="105", reduceOnly=True)
    user.placed("Sell", "2", reduceOnly=True)
    user.advance(MINUTE)
    done = user.row(resting["orderId"])
    assert (done["cumExecQty"], done["leavesQty"]) == ("1", "0")
    assert user.position()["side"] == ""
