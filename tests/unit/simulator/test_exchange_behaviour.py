import json

import pytest
from support.exchange_user import WALL, User
from support.scripted_market import START

from pumpwatch_workbench.simulator import control
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.endpoints.routes import ROUTES
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock


def get(exchange, path, query=""):
    return exchange.handle("GET", path, query)


def wall_exchange(user, **settings):
    clock = MarketClock(start=START, wall=lambda: user.wall)
    chosen = ExchangeSettings(**settings)
    return Exchange(user.market, clock, credentials_from_seed(1), chosen, wall=lambda: user.wall)


def test_request_number_601_within_five_seconds_is_banned():
    user = User()
    exchange = wall_exchange(user)
    statuses = [get(exchange, "/v5/market/time").status for _ in range(601)]
    assert statuses == [200] * 600 + [403]
    user.wall += 599_999
    banned = get(exchange, "/v5/market/time")
    assert (banned.status, banned.body) == (403, b"access too frequent")
    user.wall += 1
    assert get(exchange, "/v5/market/time").status == 200


def test_stepped_clock_counts_requests_in_market_time():
    user = User(rate_limits=True, settings={"latency_ms": 60})
    assert all(get(user.exchange, "/v5/market/time").status == 200 for _ in range(1_500))
    assert user.clock.now() == START + 1_500 * 60


PRIVATE = {route: one.per_second for route, one in ROUTES.items() if one.private}


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_every_private_endpoint_says_when_its_limit_ends(method, path):
    user = User(rate_limits=True)
    for _ in range(PRIVATE[method, path]):
        assert json.loads(user.raw(method, path).body)["retCode"] != 10006
    response = user.raw(method, path)
    answer = json.loads(response.body)
    assert answer["retCode"] == 10006
    assert answer["retMsg"] == "Too many visits. Exceeded the API Rate Limit."
    assert response.headers["X-Bapi-Limit"] == str(PRIVATE[method, path])
    assert response.headers["X-Bapi-Limit-Status"] == "0"
    assert response.headers["X-Bapi-Limit-Reset-Timestamp"] == str(WALL + 1_000)
    user.advance(999)
    assert json.loads(user.raw(method, path).body)["retCode"] == 10006
    user.advance(1_000)
    assert json.loads(user.raw(method, path).body)["retCode"] != 10006


def test_limit_headers_count_down():
    user = User(rate_limits=True)
    user.raw("GET", "/v5/account/info")
    headers = user.raw("GET", "/v5/account/info").headers
    assert (headers["X-Bapi-Limit"], headers["X-Bapi-Limit-Status"]) == ("50", "48")


def test_every_json_answer_carries_bybits_headers():
    response = get(User().exchange, "/v5/market/kline", "symbol=AAAUSDT&interval=2")
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.headers["Ret_code"] == "10001"
    assert response.headers["Timenow"] == str(json.loads(response.body)["time"])
    assert len(response.headers["Traceid"]) == 32


def test_unknown_path_and_wrong_method_are_404():
    user = User()
    assert get(user.exchange, "/v5/market/nothing").status == 404
    assert user.exchange.handle("POST", "/v5/market/time").status == 404


def test_get_with_a_body_is_forbidden():
    response = User().exchange.handle("GET", "/v5/market/time", "", b"{}")
    assert response.status == 403
    assert response.body.startswith(b"<HTML>")


def test_latency_passes_half_before_and_half_after_the_answer():
    user = User(settings={"latency_ms": 61})
    answer = user.get("/v5/account/info")
    assert answer["time"] == START + 30
    assert user.clock.now() == START + 61


def test_request_sees_everything_that_happened_before_it():
    user = User({"AAAUSDT": [(0, 100.0), (60_000, 90.0)]})
    user.placed("Buy", "1", stopLoss="95")
    user.clock.advance_to(START + 60_000)
    assert user.position()["side"] == ""


def test_control_call_moves_the_clock_and_never_backwards():
    user = User()

    def step(document):
        return user.told("clock", document)

    assert step({"advance_to": START + 5_000}) == (200, {"time": START + 5_000, "requests": 0})
    status, answer = step({"advance_to": START})
    assert status == 400
    assert "cannot go back" in answer["error"]
    assert step({"advance_to": "soon"})[0] == 400
    assert step(b"{")[0] == 400
    assert user.control("nothing").status == 404


def test_clock_that_follows_the_wall_cannot_be_moved():
    exchange = wall_exchange(User())
    body = json.dumps({"advance_to": START + 5_000}).encode()
    response = control.handle(exchange, "POST", "/simulator/clock", body)
    assert response.status == 400
    assert b"--stepped" in response.body


def test_state_counts_requests_and_finds_link_ids_filled_twice():
    user = User(settings={"order_link_horizon": "open"})
    user.placed("Buy", "1", orderLinkId="twice")
    user.placed("Buy", "1", orderLinkId="twice")
    state = user.state()
    assert state["requests"]["/v5/order/create"] == 2
    assert state["duplicate_fills"] == ["twice"]
    assert len(state["orders"]) == len(state["executions"]) == 2
    assert state["positions"][0]["size"] == "2"
