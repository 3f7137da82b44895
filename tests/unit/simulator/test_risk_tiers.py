"""Larger positions keep more margin and are liquidated in parts; triggers fill a moment later."""

from decimal import Decimal

import pytest
from support.exchange_user import User

MINUTE = 60_000
RISE = {"AAAUSDT": [(0, 100.0), (10 * MINUTE, 160.0)]}
SMALL = {"risk_limit_step": Decimal(4_000)}


def leverage(user, value):
    asked = {"symbol": "AAAUSDT", "buyLeverage": value, "sellLeverage": value}
    return dict(user.post("/v5/position/set-leverage", **asked))


def test_tiers_are_listed_and_shown_on_the_position():
    user = User(settings=SMALL)
    rows = user.get("/v5/market/risk-limit", symbol="AAAUSDT")["result"]["list"]
    assert [row["riskLimitValue"] for row in rows[:3]] == ["4000", "8000", "12000"]
    assert [row["maxLeverage"] for row in rows[:3]] == ["50.00", "25.00", "16.67"]
    assert [row["isLowestRisk"] for row in rows[:2]] == [1, 0]
    user.placed("Buy", "100")
    position = user.position()
    assert (position["riskId"], position["riskLimitValue"]) == (3, "12000")
    # 3 % of 10,000 without the 120 that the lower tiers ask less.
    assert Decimal(position["positionMM"]) == pytest.approx(Decimal(180), rel=Decimal("0.001"))


def test_a_position_too_large_for_its_leverage_is_refused():
    user = User(settings=SMALL)
    leverage(user, "40")
    assert user.order("Buy", "39")["retCode"] == 0
    refused = user.order("Buy", "10")
    assert refused["retCode"] == 110090
    assert "25" in refused["retMsg"]
    leverage(user, "20")
    assert user.order("Buy", "10")["retCode"] == 0
    assert leverage(user, "40")["retCode"] == 110013
    assert leverage(user, "2.005")["retCode"] == 10001


def test_a_large_position_is_liquidated_in_parts():
    user = User(RISE, settings=SMALL | {"balance": Decimal(1_000)})
    leverage(user, "12")
    user.placed("Sell", "90")
    user.advance(10 * MINUTE)
    parts = [row for row in user.executions() if row["execType"] == "BustTrade"]
    assert len(parts) > 1
    assert sum(Decimal(row["execQty"]) for row in parts) == 90
    assert user.position()["side"] == ""


def test_a_liquidation_incident_can_take_a_part():
    user = User()
    user.placed("Buy", "10")
    user.happen("liquidate", quantity="4")
    assert user.position()["size"] == "6"


@pytest.mark.parametrize(("side", "stop", "level"), [("Sell", "120", 120), ("Buy", "90", 90)])
def test_a_stop_slips_in_a_fast_minute_and_hardly_in_a_calm_one(side, stop, level):
    def paid(minutes):
        end = 154.0 if side == "Sell" else 46.0
        user = User({"AAAUSDT": [(0, 100.0), (int(minutes * MINUTE), end)]})
        user.placed(side, "1", stopLoss=stop)
        user.advance(int(minutes * MINUTE))
        return abs(float(user.executions()[-1]["execPrice"]) - level) / level

    assert paid(1) > 0.003
    assert paid(60) < 0.0005
