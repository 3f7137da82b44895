"""The limits of the real exchange, as they look on the wire."""

from __future__ import annotations

import http.client
import json
import time

from support.scripted_market import START
from support.simulator_client import served

TIME = "/v5/market/time"


def test_request_601_bans_the_address_for_ten_minutes():
    with served(rate_limits=True) as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=10)

        def ask() -> tuple[int, bytes]:
            connection.request("GET", TIME)
            answer = connection.getresponse()
            return answer.status, answer.read()

        assert [ask()[0] for _ in range(600)] == [200] * 600
        assert ask() == (403, b"access too frequent")
        client.control("/simulator/clock", {"advance_to": START + 599_999})
        assert ask()[0] == 403
        client.control("/simulator/clock", {"advance_to": START + 600_000})
        assert ask()[0] == 200
        connection.close()


def test_eleventh_order_in_a_second_is_told_when_to_come_back():
    with served(rate_limits=True) as client:
        codes = [json.loads(client.order()[2])["retCode"] for _ in range(10)]
        assert codes == [0] * 10
        before = int(time.time() * 1_000)
        _, headers, body = client.order()
        assert json.loads(body)["retCode"] == 10006
        assert headers["X-Bapi-Limit"] == "10"
        assert headers["X-Bapi-Limit-Status"] == "0"
        assert 1_000 <= int(headers["X-Bapi-Limit-Reset-Timestamp"]) - before < 60_000
        client.control("/simulator/clock", {"advance_to": START + 1_000})
        assert json.loads(client.order()[2])["retCode"] == 0
