"""Accounts and contracts that are not as usual: isolated margin, demo trading, delisting."""

from __future__ import annotations

from decimal import Decimal

import pytest
from support.scripted_market import START, listing
from support.trading_desk import Desk

MINUTE = 60_000
TOTALS = {
    *("totalAvailableBalance", "totalMarginBalance", "totalInitialMargin", "accountIMRate"),
    *("totalMaintenanceMargin", "accountMMRate"),
}


def wallet(desk: Desk) -> dict[str, str]:
    answer = desk.get("/v5/account/wallet-balance", accountType="UNIFIED")
    return answer["result"]["list"][0]


def test_isolated_margin_has_no_account_wide_totals():
    account = wallet(Desk(settings={"margin_mode": "ISOLATED_MARGIN"}))
    assert {name for name, value in account.items() if value == ""} >= TOTALS
    assert account["totalEquity"] == account["totalWalletBalance"] == "10000"
    assert "" not in {wallet(Desk())[name] for name in TOTALS}


@pytest.mark.parametrize("path", ["/v5/user/query-api", "/v5/account/fee-rate"])
def test_the_demo_host_lacks_what_its_page_does_not_list(path):
    assert Desk(settings={"demo": True}).get(path)["retCode"] == 10032
    assert Desk().get(path)["retCode"] == 0


def test_the_demo_host_trades():
    desk = Desk(settings={"demo": True})
    desk.placed("Buy", "1", stopLoss="95")
    assert desk.position()["stopLoss"] == "95"
    assert desk.get("/v5/market/tickers")["retCode"] == 0


def test_a_contract_ends_at_the_delivery_time_it_shows():
    desk = Desk()
    desk.placed("Buy", "1", stopLoss="95")
    desk.happen("announce_delisting", milliseconds=5 * MINUTE)

    def listed(**asked: str) -> list[dict[str, object]]:
        return desk.get("/v5/market/instruments-info", **asked)["result"]["list"]

    assert listed()[0]["deliveryTime"] == str(START + 5 * MINUTE)
    desk.advance(5 * MINUTE - 1)
    assert desk.position()["side"] == "Buy"
    desk.advance(6 * MINUTE)
    assert desk.position()["side"] == ""
    last = desk.executions()[-1]
    assert (last["execType"], last["execTime"]) == ("Settle", str(START + 5 * MINUTE))
    assert listed() == []
    assert listed(symbol="AAAUSDT")[0]["status"] == "Closed"
    assert desk.order("Buy", "1")["retCode"] == 110074


def test_trading_stop_needs_its_mode_and_position():
    desk = Desk()
    desk.placed("Buy", "1")
    for fields in ({"positionIdx": 0}, {"tpslMode": "Full"}):
        answer = desk.post("/v5/position/trading-stop", symbol="AAAUSDT", stopLoss="95", **fields)
        assert answer["retCode"] == 10001


def test_ten_conditional_orders_are_the_most():
    desk = Desk()
    above = {"triggerPrice": "110", "triggerDirection": 1}
    codes = [desk.order("Buy", "1", **above)["retCode"] for _ in range(11)]
    assert codes == [0] * 10 + [110009]


def test_mark_candles_are_made_of_the_mark_price():
    pump = {"AAAUSDT": [(0, 100.0), (5 * MINUTE, 100.0), (6 * MINUTE, 110.0)]}
    desk = Desk(pump, settings={"mark_lag_minutes": 3})
    desk.advance(7 * MINUTE + 30_000)
    asked = {"symbol": "AAAUSDT", "interval": "1", "limit": 4}
    rows = desk.get("/v5/market/mark-price-kline", **asked)["result"]["list"]
    assert {len(row) for row in rows} == {5}
    closes = [Decimal(row[4]) for row in rows]
    assert closes[0] == Decimal(desk.get("/v5/market/tickers")["result"]["list"][0]["markPrice"])
    assert closes == sorted(closes, reverse=True)
    assert closes[1] < 110
    assert rows[0][1] == rows[1][4]


def test_risk_limits_come_fifteen_contracts_at_a_time():
    names = [f"C{n:02d}USDT" for n in range(20)]
    desk = Desk({name: [(0, 100.0)] for name in names}, listings=[listing(n) for n in names])
    first = desk.get("/v5/market/risk-limit")["result"]
    assert len({row["symbol"] for row in first["list"]}) == 15
    rest = desk.get("/v5/market/risk-limit", cursor=first["nextPageCursor"])["result"]
    assert {row["symbol"] for row in first["list"] + rest["list"]} == set(names)
    assert rest["nextPageCursor"] == ""


def test_closing_all_closes_at_most_what_a_market_order_may_be():
    desk = Desk(listings=[listing("AAAUSDT", max_market_quantity=Decimal(10))])
    desk.placed("Buy", "25", orderType="Limit", price="101")
    desk.placed("Sell", "0", reduceOnly=True, closeOnTrigger=True)
    assert desk.position()["size"] == "15"
    desk.placed("Sell", "12", reduceOnly=True)  # the exchange splits what only reduces
    assert desk.position()["size"] == "3"
    assert desk.order("Buy", "12")["retCode"] == 10001
