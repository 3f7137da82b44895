import pytest
from support.exchange_user import User
from support.scripted_market import START

from pumpwatch_workbench.simulator.troubles.faults.plan import (
    ACTIONS,
    Call,
    Fault,
    FaultRule,
    ScriptedFaults,
)

CREATE, ORDERS, POSITIONS = "/v5/order/create", "/v5/order/realtime", "/v5/position/list"
LINK = "entry-1"


def found(user, path=ORDERS, **parameters):
    answer = user.get(path, symbol="AAAUSDT", **parameters)
    return answer["retCode"], answer["result"].get("list")


def called(path=CREATE, method="POST"):
    return Call(method, path, 1, START)


def test_rule_skips_then_strikes_as_often_as_asked():
    rule = FaultRule(CREATE, Fault("refuse"), skip=2, times=2)
    plan = ScriptedFaults([rule])
    struck = [plan.before(called()) is not None for _ in range(6)]
    assert struck == [False, False, True, True, False, False]


def test_path_with_an_asterisk_means_all_that_begin_like_it():
    plan = ScriptedFaults([FaultRule("/v5/order/*", Fault("refuse"), times=9)])
    paths = [CREATE, ORDERS, POSITIONS, "/v5/order"]
    assert [plan.before(called(path)) is not None for path in paths] == [True, True, False, False]


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_strikes_on_one_side_of_the_acting_only(action):
    for acted in (False, True):
        plan = ScriptedFaults([FaultRule(CREATE, Fault(action, acted), times=9)])
        sides = plan.before(called()) is not None, plan.after(called()) is not None
        assert sides.count(True) == 1


def test_condition_and_lost_answer_can_meet_in_one_call():
    user = User()
    user.inject(
        {"path": CREATE, "fault": "hidden_order", "lasts_ms": 1_000},
        {"path": CREATE, "fault": "drop_after"},
    )
    body = {"category": "linear", "symbol": "AAAUSDT", "side": "Buy", "orderType": "Market"}
    assert user.raw("POST", CREATE, **body, qty="1", orderLinkId=LINK).dropped
    assert found(user, orderLinkId=LINK) == (110001, None)
    assert user.position()["size"] == "1"
    assert user.state()["faults"] == {"drop_after": 1, "hidden_order": 1}


def test_what_was_injected_is_counted_over_all_plans():
    user = User()
    for _ in range(2):
        user.inject({"path": CREATE, "fault": "error_10016"}, {"path": CREATE, "action": "empty"})
        user.order("Buy", "1")
        user.raw("POST", CREATE, category="linear")
    assert user.state()["faults"] == {"empty": 2, "error_10016": 2}


def test_fault_does_not_strike_a_banned_address_or_an_unknown_path():
    user = User()
    user.inject({"path": "/*", "fault": "http_500", "times": 9})
    assert user.exchange.handle("GET", "/v5/nothing").status == 404
    assert user.exchange.handle("GET", "/v5/market/time", "", b"{}").status == 403
    assert user.exchange.handle("GET", "/v5/market/time").status == 500


def test_null_result_of_a_bare_401_leaves_it_as_it_is():
    user = User()
    user.inject({"path": ORDERS, "fault": "null_result"})
    response = user.exchange.handle("GET", ORDERS)
    assert (response.status, response.body) == (401, b"")


def test_list_struck_itself_shows_what_was_so_before():
    user = User(settings={"latency_ms": 60})
    user.inject({"path": POSITIONS, "action": "stale", "lag_ms": 150})
    user.placed("Buy", "1", stopLoss="90")
    user.clock.advance_by(60)
    sizes = [user.position()["size"] for _ in range(2)]
    assert sizes == ["1", "1"]
    user.inject({"path": POSITIONS, "action": "stale", "lag_ms": 150, "skip": 1})
    assert user.order("Buy", "1")["retCode"] == 0
    assert [user.position()["size"] for _ in range(3)] == ["2", "1", "2"]


def test_lag_moves_with_time_and_ends():
    user = User()
    user.inject({"path": CREATE, "fault": "stale_positions", "lag_ms": 1_000, "lasts_ms": 5_000})
    user.order("Buy", "1")
    user.advance(500)
    user.order("Buy", "1")
    seen = []
    for time in (999, 1_000, 1_499, 1_500):
        user.advance(time)
        seen.append(user.position()["size"])
    assert seen == ["0", "1", "1", "2"]
    user.advance(4_999)
    user.order("Buy", "1")
    assert user.position()["size"] == "2"
    user.advance(5_000)
    assert user.position()["size"] == "3"


def test_lagging_lists_know_nothing_of_a_stop_that_has_just_fired():
    user = User({"AAAUSDT": [(0, 100.0), (10_000, 100.0), (20_000, 80.0)]})
    user.placed("Buy", "1", stopLoss="95")
    lists = ["orders", "history", "executions", "positions"]
    rule = {"path": "/v5/*", "action": "stale", "lag_ms": 10_000, "lists": lists, "times": 99}
    user.inject(rule)
    user.clock.advance_to(START + 22_000)
    row = user.position()
    assert (row["size"], row["stopLoss"]) == ("1", "95")
    assert [one["stopOrderType"] for one in found(user)[1]] == ["StopLoss"]
    assert len(found(user, "/v5/execution/list")[1]) == 1
    user.clock.advance_to(START + 23_000)
    assert user.position()["size"] == "0"
    assert found(user) == (0, [])
    assert len(found(user, "/v5/execution/list")[1]) == 2
    assert user.state()["positions"] == []


def test_lagging_list_knows_what_happened_unseen_before_the_time_it_shows():
    fall = [(0, 100.0), (4_000, 100.0), (5_000, 90.0)]
    user = User({"AAAUSDT": fall, "BBBUSDT": [(time + 15_000, price) for time, price in fall]})
    for symbol in ("AAAUSDT", "BBBUSDT"):
        user.placed("Buy", "1", symbol, stopLoss="95")
    user.inject({"path": POSITIONS, "action": "stale", "lag_ms": 10_000})
    user.clock.advance_to(START + 22_000)
    held = user.get(POSITIONS, settleCoin="USDT")["result"]["list"]
    assert [row["symbol"] for row in held] == ["BBBUSDT"]
    assert user.get(POSITIONS, settleCoin="USDT")["result"]["list"] == []


def test_lagging_order_lists_find_no_order_by_its_id_either():
    user = User()
    user.inject({"path": CREATE, "action": "stale", "lag_ms": 1_000, "lasts_ms": 1_000})
    user.order("Buy", "1", orderLinkId=LINK)
    for path in (ORDERS, "/v5/order/history", "/v5/execution/list"):
        assert found(user, path, orderLinkId=LINK) == (0, [])
    assert user.position()["size"] == "0"
    user.advance(1_000)
    assert found(user, orderLinkId=LINK)[1][0]["orderStatus"] == "Filled"


def test_resting_order_in_a_lagging_list_keeps_what_it_was():
    user = User()
    user.placed("Buy", "1", orderType="Limit", price="95", orderLinkId=LINK)
    user.inject({"path": "/v5/order/cancel", "fault": "stale_orders", "lag_ms": 9, "lasts_ms": 9})
    user.post("/v5/order/cancel", symbol="AAAUSDT", orderLinkId=LINK)
    (row,) = found(user)[1]
    assert row["orderStatus"] == "New"
    user.advance(9)
    assert found(user) == (0, [])


def test_clearing_the_faults_ends_every_condition():
    user = User()
    user.inject(
        {"path": CREATE, "action": "stale", "lag_ms": 9_000, "lasts_ms": 9_000},
        {"path": CREATE, "fault": "hidden_order", "lasts_ms": 9_000},
    )
    user.order("Buy", "1")
    user.order("Buy", "1", orderLinkId=LINK)
    assert (user.position()["size"], found(user, orderLinkId=LINK)) == ("0", (110001, None))
    user.inject()
    assert user.position()["size"] == "2"
    assert found(user, orderLinkId=LINK)[0] == 0


def test_hidden_order_cannot_be_cancelled_or_changed_either():
    user = User()
    user.inject({"path": CREATE, "fault": "hidden_order_empty", "lasts_ms": 1_000})
    user.order("Buy", "1", orderType="Limit", price="95", orderLinkId=LINK)
    for path in ("/v5/order/cancel", "/v5/order/amend"):
        answer = user.post(path, symbol="AAAUSDT", orderLinkId=LINK, price="94")
        assert answer["retCode"] == 110001
    assert [row["orderLinkId"] for row in found(user)[1]] == [LINK]
    user.advance(1_000)
    assert user.post("/v5/order/cancel", symbol="AAAUSDT", orderLinkId=LINK)["retCode"] == 0


def test_only_new_orders_are_hidden_and_never_by_another_id():
    user = User()
    old = user.placed("Buy", "1", orderLinkId="old")
    user.inject({"path": CREATE, "fault": "hidden_order", "lasts_ms": 1_000})
    new = user.order("Buy", "1", orderLinkId="new")["result"]["orderId"]
    assert found(user, orderLinkId="old")[0] == found(user, orderId=old["orderId"])[0] == 0
    assert found(user, orderLinkId="new")[0] == found(user, orderId=new)[0] == 110001
    assert found(user, "/v5/execution/list", orderLinkId="new") == (0, [])
    assert found(user, orderLinkId="never") == (0, [])


def test_look_up_struck_itself_hides_the_newest_order():
    user = User()
    user.placed("Buy", "1", orderLinkId="old")
    user.placed("Buy", "1", orderLinkId="new", stopLoss="90")
    user.inject({"path": ORDERS, "fault": "hidden_order", "lasts_ms": 0})
    assert found(user, orderLinkId="new")[0] == 110001
    assert found(user, orderLinkId="new")[0] == 0
