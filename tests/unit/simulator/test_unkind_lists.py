"""Lists that lag on their own, forget orders, and hold rows of strangers that nobody expects."""

import pytest
from support.exchange_user import User
from support.scripted_market import START

from pumpwatch_workbench.simulator.market.source import DAY_MS
from pumpwatch_workbench.simulator.troubles.incidents.kinds import ODD

TWO = {"AAAUSDT": [(0, 100.0)], "BBBUSDT": [(0, 50.0)]}
LISTS = {
    "odd_position": "/v5/position/list",
    "odd_order": "/v5/order/realtime",
    "odd_execution": "/v5/execution/list",
}


def rows(user, path):
    return user.get(path, settleCoin="USDT")["result"]["list"]


@pytest.mark.parametrize(("lagging", "seen"), [(0, (0, 1, 1)), (1, (1, 0, 1)), (2, (1, 1, 0))])
def test_each_list_lags_on_its_own(lagging, seen):
    user = User()
    paths = ("/v5/order/realtime", "/v5/execution/list", "/v5/position/list")
    user.exchange.conditions.lag([paths[lagging]], 20_000, START + DAY_MS)
    user.advance(60_000)
    user.order("Buy", "1", stopLoss="95")
    user.advance(75_000)
    assert tuple(len(rows(user, path)) for path in paths) == seen
    user.advance(80_000)
    assert [len(rows(user, path)) for path in paths] == [1, 1, 1]


def test_only_the_last_orders_that_are_done_are_found_by_id():
    user = User(settings={"closed_orders_kept": 2})
    made = [user.placed("Buy", "1", orderLinkId=f"a{n}") for n in range(3)]

    def found(path, link):
        return len(user.get(path, symbol="AAAUSDT", orderLinkId=link)["result"]["list"])

    assert [found("/v5/order/realtime", one["orderLinkId"]) for one in made] == [0, 1, 1]
    assert found("/v5/order/history", "a0") == 1
    user.happen("forget_orders", "AAAUSDT")
    assert found("/v5/order/realtime", "a2") == 0
    assert found("/v5/order/history", "a2") == 1


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [(kind, field, value) for kind, odd in ODD.items() for field, value in odd],
)
def test_a_row_of_a_stranger_is_odd_for_a_while(kind, field, value):
    user = User(TWO)
    user.placed("Buy", "1", orderLinkId="ours", stopLoss="95")
    user.happen(kind, "BBBUSDT", field=field, value=value, milliseconds=10_000)
    listed = rows(user, LISTS[kind])
    assert [row[field] for row in listed if row["symbol"] == "BBBUSDT"] == [value]
    assert all(row[field] != value for row in listed if row["symbol"] == "AAAUSDT")
    user.advance(10_000)
    (row,) = [one for one in rows(user, LISTS[kind]) if one["symbol"] == "BBBUSDT"]
    assert row[field] != value


def test_our_own_row_can_be_odd_too():
    user = User()
    user.placed("Buy", "1", stopLoss="95")
    user.happen("odd_position", "AAAUSDT", field="avgPrice", value="0")
    assert (user.position()["avgPrice"], user.position()["stopLoss"]) == ("0", "95")


def test_one_symbol_is_in_hedge_mode_and_the_others_are_not():
    user = User(TWO)
    user.happen("hedge_mode", "BBBUSDT")
    listed = rows(user, "/v5/position/list")
    assert [(row["symbol"], row["positionIdx"], row["side"]) for row in listed] == [
        ("BBBUSDT", 1, "Buy"),
        ("BBBUSDT", 2, "Sell"),
    ]
    for path, fields in {
        "/v5/order/create": {"side": "Buy", "orderType": "Market", "qty": "1"},
        "/v5/position/trading-stop": {"tpslMode": "Full", "positionIdx": 0, "stopLoss": "40"},
    }.items():
        refused = user.post(path, symbol="BBBUSDT", **fields)
        assert (refused["retCode"], refused["retMsg"]) == (
            10001,
            "position idx not match position mode",
        )
    user.placed("Buy", "1")
    user.happen("hedge_mode", "BBBUSDT", times=0)
    assert user.order("Buy", "1", "BBBUSDT")["retCode"] == 0


def test_drawn_strangers_stay_away_from_what_is_held():
    user = User(TWO)
    user.placed("Buy", "1")
    body = b'{"seed": 3, "rate": 1.0, "kinds": ["odd_position", "hedge_mode"]}'
    assert user.control("incidents", body).status == 200
    user.advance(5 * 60_000)
    assert user.exchange.happened.total() > 0
    odd = {index for _, index in user.exchange.engine.interventions.odd_rows}
    assert odd | user.exchange.engine.interventions.hedged == {1}
    assert user.exchange.engine.time == START + 5 * 60_000
