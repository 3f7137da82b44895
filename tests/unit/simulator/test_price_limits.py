"""The mark price lags behind a pump, and nothing trades beyond the price limit around it."""

from decimal import Decimal

import pytest
from support.exchange_user import User
from support.scripted_market import START, listing

MINUTE = 60_000
PUMP = {"AAAUSDT": [(0, 100.0), (5 * MINUTE, 100.0), (6 * MINUTE, 160.0), (30 * MINUTE, 160.0)]}
WIDE = listing("AAAUSDT", price_limit_ratios=(Decimal("0.15"), Decimal("0.3")))
LAGGING = {"mark_lag_minutes": 3}


def pumped(seconds, **settings):
    user = User(PUMP, listings=[WIDE], settings=LAGGING | settings)
    user.advance(5 * MINUTE + seconds * 1_000)
    return user


def ticker(user):
    return user.get("/v5/market/tickers", symbol="AAAUSDT")["result"]["list"][0]


def test_mark_stays_tens_of_per_cent_behind_in_a_pump_and_comes_after():
    shown = ticker(pumped(60))
    assert float(shown["lastPrice"]) == pytest.approx(160)
    assert float(shown["markPrice"]) < 0.8 * 160
    calm = ticker(pumped(600))
    assert (calm["lastPrice"], calm["markPrice"]) == ("160.00", "160.00")


def test_tickers_positions_and_candles_agree_on_the_mark():
    user = pumped(45)
    user.placed("Sell", "1")
    assert user.position()["markPrice"] == ticker(user)["markPrice"].rstrip("0").rstrip(".")


def test_the_last_price_is_never_further_from_the_mark_than_the_limit_lets_it():
    for second in range(0, 120, 5):
        user = pumped(second)
        shown = ticker(user)
        assert float(shown["lastPrice"]) <= 1.3 * float(shown["markPrice"]) + 0.02


def test_ratios_are_those_of_the_contract():
    row = pumped(0).get("/v5/market/instruments-info", symbol="AAAUSDT")["result"]["list"][0]
    assert row["riskParameters"] == {"priceLimitRatioX": "0.15", "priceLimitRatioY": "0.3"}


def test_limit_orders_beyond_the_limit_are_refused_or_adjusted():
    user = pumped(50)
    highest = user.get("/v5/market/price-limit", symbol="AAAUSDT")["result"]["buyLmt"]
    ask = Decimal(ticker(user)["ask1Price"])
    assert Decimal(highest) < ask
    limit = {"orderType": "Limit", "timeInForce": "IOC", "price": str(ask)}
    assert user.order("Buy", "1", **limit)["retCode"] == 30208
    adjusting = pumped(50, beyond_limit="adjust")
    row = adjusting.placed("Buy", "1", **limit)
    assert (row["price"], row["orderStatus"]) == (highest.rstrip("0").rstrip("."), "Cancelled")
    assert row["rejectReason"] == "EC_NoImmediateQtyToFill"


def test_market_orders_that_meet_nothing_within_the_limit_are_cancelled_or_refused():
    row = pumped(50).placed("Buy", "1")
    assert (row["orderStatus"], row["rejectReason"]) == ("Cancelled", "EC_ReachMarketPriceLimit")
    refused = pumped(50, market_beyond_limit="refuse").order("Buy", "1")
    assert refused["retCode"] == 10001
    assert "invalid" in refused["retMsg"]


def test_a_stop_that_meets_nothing_within_the_limit_leaves_the_position_bare():
    user = pumped(0)
    user.placed("Sell", "1", stopLoss="150")
    user.advance(6 * MINUTE)
    assert (user.position()["side"], user.position()["stopLoss"]) == ("Sell", "")


def test_a_stop_by_the_mark_price_fires_when_the_mark_reaches_it():
    user = pumped(0)
    user.placed("Sell", "1", stopLoss="112", slTriggerBy="MarkPrice")
    user.advance(5 * MINUTE + 30_000)
    assert user.position()["side"] == "Sell"  # the last price is at 130
    user.advance(20 * MINUTE)
    fired = next(one for one in user.ledger.orders.values() if one.stop_kind == "StopLoss")
    assert START + 5 * MINUTE + 30_000 < fired.updated < START + 7 * MINUTE


def test_what_an_ioc_limit_order_does_not_get_at_once_is_cancelled():
    user = User(depth_usdt=500.0)
    entry = {"orderType": "Limit", "timeInForce": "IOC", "stopLoss": "95", "takeProfit": "120"}
    part = user.placed("Buy", "50", price="100.05", tpslMode="Full", **entry)
    assert part["orderStatus"] == "Cancelled"
    assert 0 < Decimal(part["cumExecQty"]) < 50
    assert part["rejectReason"] == "EC_NoImmediateQtyToFill"
    position = user.position()
    assert (position["size"], position["stopLoss"], position["takeProfit"]) == (
        part["cumExecQty"],
        "95",
        "120",
    )


@pytest.mark.parametrize("leg", [{"stopLoss": "95"}, {"takeProfit": "120"}])
def test_a_slippage_tolerance_beside_a_stop_or_target_is_refused(leg):
    tolerance = {"slippageToleranceType": "Percent", "slippageTolerance": "1"}
    assert User().order("Buy", "1", **tolerance, **leg)["retCode"] == 10001
    assert User().order("Buy", "1", **tolerance)["retCode"] == 0


def test_a_swept_book_comes_back_slowly():
    user = User(depth_usdt=1_000.0, settings={"book_refill_ms": 10_000})

    def ask():
        book = user.get("/v5/market/orderbook", symbol="AAAUSDT", limit=1)["result"]
        return float(book["a"][0][0])

    before = ask()
    user.placed("Buy", "5")
    swept = ask()
    user.advance(5_000)
    halfway = ask()
    user.advance(10_000)
    assert before < halfway < swept
    assert ask() == before
