import base64
import json

import pytest
from Crypto.Hash import SHA256
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15
from support.exchange_user import CREDENTIALS, WALL, User, signed_headers

from pumpwatch_workbench.simulator.endpoints.auth import Credentials, credentials_from_seed

PATH = "/v5/user/query-api"


def call(user, headers, query="", path=PATH):
    response = user.exchange.handle("GET", path, query, b"", headers)
    return response, json.loads(response.body) if response.body else None


@pytest.mark.parametrize(
    ("ahead_ms", "window", "code"),
    [
        (0, "5000", 0),
        (999, "5000", 0),
        (1_000, "5000", 10002),
        (1_006, "15000", 10002),
        (-5_000, "5000", 0),
        (-5_001, "5000", 10002),
        (-15_000, "15000", 0),
    ],
)
def test_timestamp_must_lie_in_the_window_of_the_wall_clock(ahead_ms, window, code):
    headers = signed_headers("", stamp=WALL + ahead_ms, window=window)
    _, answer = call(User(), headers)
    assert answer["retCode"] == code
    if code:
        assert f"req_timestamp[{WALL + ahead_ms}],server_timestamp[{WALL}]" in answer["retMsg"]


def test_wrong_signature_echoes_the_string_that_should_have_been_signed():
    headers = signed_headers("") | {"X-BAPI-SIGN": "0" * 64}
    _, answer = call(User(), headers, "a=1")
    assert answer["retCode"] == 10004
    assert answer["retMsg"] == f"error sign! origin_string[{WALL}{CREDENTIALS.api_key}5000a=1]"


def test_query_is_signed_exactly_as_it_was_sent():
    user = User()
    query = "settleCoin=USDT&category=linear&cursor=first%3A1%2Clast%3A2"
    _, answer = call(user, signed_headers(query), query, "/v5/order/realtime")
    assert answer["retMsg"] == "params error: cursor invalid"
    decoded = query.replace("%3A", ":").replace("%2C", ",")
    _, refused = call(user, signed_headers(decoded), query, "/v5/order/realtime")
    assert refused["retCode"] == 10004


def test_unknown_key_is_refused():
    stranger = Credentials(1, "stranger", "secret")
    _, answer = call(User(), signed_headers("", stranger))
    assert (answer["retCode"], answer["retMsg"]) == (10003, "API key is invalid.")


@pytest.mark.parametrize("missing", ["X-BAPI-API-KEY", "X-BAPI-TIMESTAMP", "X-BAPI-SIGN"])
def test_missing_header_is_unauthorized(missing):
    headers = signed_headers("")
    del headers[missing]
    response, _ = call(User(), headers)
    assert response.status == 401


def test_header_names_may_have_any_case():
    headers = {name.lower(): value for name, value in signed_headers("").items()}
    assert call(User(), headers)[1]["retCode"] == 0


def test_rsa_key_signs_the_same_string():
    user = User()
    private = RSA.generate(2048)
    public = private.public_key().export_key().decode()
    user.exchange.credentials["rsa-key"] = Credentials(7, "rsa-key", "", public)
    origin = SHA256.new(f"{WALL}rsa-key5000".encode())
    signature = base64.b64encode(pkcs1_15.new(private).sign(origin)).decode()
    headers = signed_headers("", Credentials(7, "rsa-key", "")) | {"X-BAPI-SIGN": signature}
    _, answer = call(user, headers)
    assert (answer["retCode"], answer["result"]["userID"]) == (0, 7)
    headers["X-BAPI-SIGN"] = "AAAA" + signature[4:]
    assert call(user, headers)[1]["retCode"] == 10004
    headers["X-BAPI-SIGN"] = "not base64!"
    assert call(user, headers)[1]["retCode"] == 10004


def test_read_only_key_may_look_but_not_trade():
    user = User(settings={"key_read_only": True})
    assert user.get(PATH)["result"]["readOnly"] == 1
    assert user.order("Buy", "1")["retCode"] == 10005


def test_a_key_can_only_trade_unless_a_setting_gives_it_more():
    wallets = [
        User(settings=settings).get(PATH)["result"]["permissions"]["Wallet"]
        for settings in ({}, {"key_may_transfer": True}, {"key_may_withdraw": True})
    ]
    assert wallets == [[], ["AccountTransfer", "SubMemberTransfer"], ["Withdraw"]]


def test_seed_decides_the_credentials_and_they_hide_their_secret():
    first, again, other = (credentials_from_seed(seed) for seed in (1, 1, 2))
    assert first == again
    assert first.api_key != other.api_key
    assert first.api_secret not in repr(first)
    assert str(first.user_id).isdigit()


def test_public_endpoints_need_no_key():
    assert User().exchange.handle("GET", "/v5/market/time").status == 200
