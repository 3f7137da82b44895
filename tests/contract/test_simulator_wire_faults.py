"""What each fault looks like on the wire, to a client that knows nothing but HTTP."""

import http.client
import json
import time

import pytest
from support.scripted_market import START
from support.simulator_client import CREATE, served

from pumpwatch_workbench.simulator.troubles.faults.catalogue import KINDS

TIME = "/v5/market/time"


@pytest.fixture
def client():
    with served() as client:
        yield client


@pytest.mark.parametrize(
    ("name", "error", "held"),
    [
        ("drop_before", http.client.RemoteDisconnected, "0"),
        ("drop_after", http.client.RemoteDisconnected, "0.01"),
        ("reset_before", ConnectionResetError, "0"),
        ("reset_after", ConnectionResetError, "0.01"),
        ("truncate", http.client.IncompleteRead, "0.01"),
        ("truncate_chunked", http.client.IncompleteRead, "0.01"),
    ],
)
def test_broken_line_leaves_the_order_placed_or_not_as_asked(client, name, error, held):
    client.fault(name, CREATE)
    with pytest.raises(error) as broken:
        client.order()
    assert type(broken.value) is error
    assert client.held() == held
    assert client.order()[0] == 200
    assert client.state()["faults"] == {name: 1}


@pytest.mark.parametrize(
    ("name", "framing"), [("truncate", "Content-Length"), ("truncate_chunked", "Transfer-Encoding")]
)
def test_cut_body_is_the_first_half_of_the_promised_one(client, name, framing):
    whole = client.call("GET", TIME)[2]
    client.fault(name, TIME)
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=10)
    connection.request("GET", TIME)
    answer = connection.getresponse()
    assert framing in answer.headers
    with pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()
    assert cut.value.partial == whole[: len(whole) // 2]
    connection.close()


def test_dripping_body_arrives_whole_but_byte_by_byte(client):
    client.fault("drip", TIME, drip_ms=3)
    before = time.monotonic()
    status, _, body = client.call("GET", TIME)
    assert time.monotonic() - before > 0.002 * len(body)
    assert (status, json.loads(body)["retCode"]) == (200, 0)


def test_delay_is_real_time_when_the_market_follows_the_wall():
    with served(stepped=False) as client:
        client.fault("delay", CREATE, delay_ms=200)
        before = time.monotonic()
        assert client.order()[0] == 200
        assert time.monotonic() - before >= 0.2


def test_delay_is_market_time_when_the_market_is_stepped(client):
    client.fault("delay", CREATE, delay_ms=60_000)
    assert client.order()[0] == 200
    assert client.exchange.clock.now() == START + 60_000


@pytest.mark.parametrize(
    ("name", "code", "held"),
    [
        ("timeout_10000", 10000, "0"),
        ("timeout_10000_acted", 10000, "0.01"),
        ("error_10016", 10016, "0"),
        ("error_10016_acted", 10016, "0.01"),
        ("rate_10006", 10006, "0"),
        ("rate_10006_bare", 10006, "0"),
        ("rate_10006_past", 10006, "0"),
        ("rate_10006_far", 10006, "0"),
        ("clock_ahead", 10002, "0"),
        ("clock_behind", 10002, "0"),
    ],
)
def test_code_is_answered_with_the_order_placed_or_not(client, name, code, held):
    client.fault(name, CREATE)
    status, headers, body = client.order()
    assert (status, json.loads(body)["retCode"], headers["Ret_code"]) == (200, code, str(code))
    assert client.held() == held
    assert json.loads(client.order()[2])["retCode"] == 0


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("rate_10006", 0, 400), ("rate_10006_past", -5_100, -4_900), ("rate_10006_far", 3e6, 3.6e6)],
)
def test_reset_time_of_the_limit_is_soon_past_or_far_ahead(client, name, least, most):
    client.fault(name, CREATE)
    before = time.time() * 1_000
    headers = client.order()[1]
    reset = int(headers["X-Bapi-Limit-Reset-Timestamp"])
    assert least <= reset - before
    assert reset - time.time() * 1_000 <= most
    assert headers["X-Bapi-Limit-Status"] == "0"


def test_limit_may_be_answered_without_any_of_its_headers(client):
    client.fault("rate_10006_bare", CREATE)
    assert not [name for name in client.order()[1] if name.lower().startswith("x-bapi")]


@pytest.mark.parametrize(
    ("name", "status", "start", "held"),
    [
        ("forbidden_page", 403, b"<!DOCTYPE HTML", "0"),
        ("forbidden_text", 403, b"access too frequent", "0"),
        ("unauthorised", 401, b"", "0"),
        ("too_many_429", 429, b"<html>", "0"),
        ("http_500", 500, b"<html>", "0"),
        ("http_500_acted", 500, b"<html>", "0.01"),
        ("http_502", 502, b"<html>", "0"),
        ("http_502_acted", 502, b"<html>", "0.01"),
        ("http_503", 503, b"<html>", "0"),
        ("http_503_acted", 503, b"<html>", "0.01"),
        ("not_json", 200, b"<html>", "0"),
        ("not_json_acted", 200, b"<html>", "0.01"),
        ("empty", 200, b"", "0"),
        ("empty_acted", 200, b"", "0.01"),
    ],
)
def test_page_is_answered_with_the_order_placed_or_not(client, name, status, start, held):
    client.fault(name, CREATE)
    answered, headers, body = client.order()
    assert (answered, body[: len(start)], bool(body)) == (status, start, bool(start))
    assert ("html" in headers["Content-Type"]) == body.startswith(b"<")
    assert client.held() == held
    assert client.order()[0] == 200


def test_result_is_null_in_a_right_envelope(client):
    client.fault("null_result", CREATE)
    answer = json.loads(client.order()[2])
    assert (answer["retCode"], answer["retMsg"], answer["result"]) == (0, "OK", None)
    assert client.held() == "0.01"


def test_duplicate_delivery_answers_what_the_second_one_got(client):
    client.fault("duplicate_delivery", CREATE)
    assert json.loads(client.order()[2])["retCode"] == 110072
    assert client.held() == "0.01"
    client.fault("duplicate_delivery", CREATE)
    assert json.loads(client.order(orderLinkId="")[2])["retCode"] == 0
    assert client.held() == "0.03"


def test_every_named_fault_is_tested_on_the_wire():
    tested = {kind for kind in KINDS if kind.startswith(("stale_", "hidden_"))}
    for test in (
        test_broken_line_leaves_the_order_placed_or_not_as_asked,
        test_code_is_answered_with_the_order_placed_or_not,
        test_page_is_answered_with_the_order_placed_or_not,
    ):
        (cases,) = (mark.args[1] for mark in test.pytestmark if mark.name == "parametrize")
        tested |= {case[0] for case in cases}
    assert set(KINDS) - tested == {"drip", "delay", "null_result", "duplicate_delivery"}
