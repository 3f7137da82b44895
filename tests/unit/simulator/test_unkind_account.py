"""Accounts and contracts that are not as usual: isolated margin, demo trading, delisting."""

from decimal import Decimal

import pytest
from support.exchange_user import User
from support.scripted_market import START, listing

MINUTE = 60_000
TOTALS = {
    *("totalAvailableBalance", "totalMarginBalance", "totalInitialMargin", "accountIMRate"),
    *("totalMaintenanceMargin", "accountMMRate"),
}


def wallet(user):
    answer = user.get("/v5/account/wallet-balance", accountType="UNIFIED")
    return answer["result"]["list"][0]


def test_isolated_margin_has_no_account_wide_totals():
    account = wallet(User(settings={"margin_mode": "ISOLATED_MARGIN"}))
    assert {name for name, value in account.items() if value == ""} >= TOTALS
    assert account["totalEquity"] == account["totalWalletBalance"] == "10000"
    assert "" not in {wallet(User())[name] for name in TOTALS}


@pytest.mark.parametrize("path", ["/v5/user/query-api", "/v5/account/fee-rate"])
def test_the_demo_host_lacks_what_its_page_does_not_list(path):
    assert User(settings={"demo": True}).get(path)["retCode"] == 10032
    assert User().get(path)["retCode"] == 0


def test_a_contract_ends_at_the_delivery_time_it_shows():
    user = User()
    user.placed("Buy", "1", stopLoss="95")
    user.happen("announce_delisting", milliseconds=5 * MINUTE)

    def listed(**asked):
        return user.get("/v5/market/instruments-info", **asked)["result"]["list"]

    assert listed()[0]["deliveryTime"] == str(START + 5 * MINUTE)
    user.advance(5 * MINUTE - 1)
    assert user.position()["side"] == "Buy"
    user.advance(6 * MINUTE)
    assert user.position()["side"] == ""
    last = user.executions()[-1]
    assert (last["execType"], last["execTime"]) == ("Settle", str(START + 5 * MINUTE))
    assert listed() == []
    assert listed(symbol="AAAUSDT")[0]["status"] == "Closed"
    assert user.order("Buy", "1")["retCode"] == 110074


def test_trading_stop_needs_its_mode_and_position():
    user = User()
    user.placed("Buy", "1")
    for fields in ({"positionIdx": 0}, {"tpslMode": "Full"}):
        answer = user.post("/v5/position/trading-stop", symbol="AAAUSDT", stopLoss="95", **fields)
        assert answer["retCode"] == 10001


def test_ten_conditional_orders_are_the_most():
    user = User()
    above = {"triggerPrice": "110", "triggerDirection": 1}
    codes = [user.order("Buy", "1", **above)["retCode"] for _ in range(11)]
    assert codes == [0] * 10 + [110009]


def test_mark_candles_are_made_of_the_mark_price():
    pump = {"AAAUSDT": [(0, 100.0), (5 * MINUTE, 100.0), (6 * MINUTE, 110.0)]}
    user = User(pump, settings={"mark_lag_minutes": 3})
    user.advance(7 * MINUTE + 30_000)
    asked = {"symbol": "AAAUSDT", "interval": "1", "limit": 4}
    rows = user.get("/v5/market/mark-price-kline", **asked)["result"]["list"]
    assert {len(row) for row in rows} == {5}
    closes = [Decimal(row[4]) for row in rows]
    assert closes[0] == Decimal(user.get("/v5/market/tickers")["result"]["list"][0]["markPrice"])
    assert closes == sorted(closes, reverse=True)
    assert closes[1] < 110
    assert rows[0][1] == rows[1][4]


def test_risk_limits_come_fifteen_contracts_at_a_time():
    names = [f"C{n:02d}USDT" for n in range(20)]
    user = User({name: [(0, 100.0)] for name in names}, listings=[listing(n) for n in names])
    first = user.get("/v5/market/risk-limit")["result"]
    assert len({row["symbol"] for row in first["list"]}) == 15
    rest = user.get("/v5/market/risk-limit", cursor=first["nextPageCursor"])["result"]
    assert {row["symbol"] for row in first["list"] + rest["list"]} == set(names)
    assert rest["nextPageCursor"] == ""


def test_closing_all_closes_at_most_what_a_market_order_may_be():
    user = User(listings=[listing("AAAUSDT", max_market_quantity=Decimal(10))])
    user.placed("Buy", "25", orderType="Limit", price="101")
    user.placed("Sell", "0", reduceOnly=True, closeOnTrigger=True)
    assert user.position()["size"] == "15"
    user.placed("Sell", "12", reduceOnly=True)  # the exchange splits what only reduces
    assert user.position()["size"] == "3"
    assert user.order("Buy", "12")["retCode"] == 10001
