"""What Bybit says of a key and of the account's money."""

from dataclasses import replace
from decimal import Decimal

import pytest
from support.bybit_rows import listing
from support.stub_bybit import STAMP, Reply, ok, refused

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.domain.trading.access import Access, refusals, warnings
from pumpwatch.domain.trading.orders import Account
from pumpwatch.errors import (
    ExchangeUnavailable,
    KeyRefused,
    UnreadableAnswer,
)

DAY = 86_400_000


def api_key(**changes):
    row = {"userID": 146940, "readOnly": 0, "ips": ["192.0.2.7"], "deadlineDay": -2}
    row |= {"expiredAt": "1970-01-01T00:00:00Z"}
    row |= {"permissions": {"ContractTrade": ["Order", "Position"], "Wallet": []}}
    return ok(row | changes, message="")


def rights(**groups):
    return {"permissions": groups}


SAFE = Access(account="146940")
ACCESS = [
    ({}, SAFE),
    ({"userID": "146940"}, SAFE),
    ({"readOnly": 1}, replace(SAFE, read_only=True)),
    (rights(Derivatives=["DerivativesTrade"]), SAFE),
    (rights(ContractTrade=["Order"]), replace(SAFE, may_trade=False)),
    (rights(Spot=["SpotTrade"], Wallet=None), replace(SAFE, may_trade=False)),
    *(
        (
            rights(ContractTrade=["Order", "Position"], Wallet=[right]),
            replace(SAFE, may_move_funds=True),
        )
        for right in ("Withdraw", "AccountTransfer", "SubMemberTransfer", "SubMemberTransferList")
    ),
    (
        {"ips": ["*"], "deadlineDay": 63, "expiredAt": "2026-01-25T05:52:24Z"},
        replace(SAFE, bound_to_addresses=False, expires=1_769_320_344_000),
    ),
    (
        {"ips": [], "deadlineDay": 7, "expiredAt": ""},
        replace(SAFE, bound_to_addresses=False, expires=STAMP + 7 * DAY),
    ),
    ({"ips": ["*"]}, replace(SAFE, bound_to_addresses=False)),
]


@pytest.mark.parametrize(("changes", "expected"), ACCESS)
def test_a_keys_rights_are_read(stub, broker, changes, expected):
    stub.answer(e.API_KEY.path, api_key(**changes))
    assert broker.access() == expected


UNCLEAR = [
    {"userID": ""},
    {"userID": None},
    {"readOnly": None},
    {"readOnly": 2},
    {"readOnly": "no"},
    {"permissions": None},
    {"permissions": []},
    rights(Wallet="Withdraw"),
    rights(Wallet=[["Withdraw"]]),
    rights(ContractTrade={"Order": True}),
    {"ips": "*"},
    {"ips": ["*"], "expiredAt": "soon"},
    {"ips": ["*"], "expiredAt": "", "deadlineDay": "soon"},
]


@pytest.mark.parametrize("changes", UNCLEAR)
def test_a_right_that_is_not_stated_is_never_guessed(stub, broker, changes):
    stub.answer(e.API_KEY.path, api_key(**changes))
    stub.answer(e.POSITIONS.path, listing())
    with pytest.raises(ExchangeUnavailable, match="query-api"):
        broker.access()


@pytest.mark.parametrize("code", [10003, 10004, 10007, 33004])
def test_a_key_the_exchange_does_not_know_is_refused(stub, broker, code):
    stub.answer(e.API_KEY.path, refused(code))
    with pytest.raises(KeyRefused):
        broker.access()


DEMO = "api-demo.bybit.com"


@pytest.mark.parametrize(
    ("host", "reply", "told"),
    [
        (DEMO, Reply(status=404), True),
        (DEMO, refused(10017), True),
        (DEMO, refused(10032), True),
        ("api.bybit.com", refused(10032), True),
        ("api.bybit.com", Reply(status=404), False),
        ("api.bybit.com", refused(10017), False),
        ("api-demo.bybit.com.example.org", Reply(status=404), False),
        (DEMO, refused(10006), False),
        (DEMO, Reply(status=503), False),
    ],
)
def test_a_demo_account_need_not_tell_its_keys_rights(stub, broker, monkeypatch, host, reply, told):
    monkeypatch.setattr(BybitSession, "host", host)
    stub.answer(e.API_KEY.path, reply)
    if not told:
        with pytest.raises(ExchangeUnavailable):
            broker.access()
        return
    access = broker.access()
    assert access.demo
    assert refusals(access, mode="demo", confirmation="") == []
    assert warnings(access, now=STAMP)


def test_a_demo_account_that_tells_its_keys_rights_is_judged_by_them(stub, broker, monkeypatch):
    monkeypatch.setattr(BybitSession, "host", DEMO)
    stub.answer(e.API_KEY.path, api_key(readOnly=1))
    assert refusals(broker.access(), mode="demo", confirmation="")


def test_a_session_knows_its_host(session_to):
    assert session_to("https://api-demo.bybit.com").host == DEMO


def wallet(*coins, **totals):
    row = {"totalEquity": "10", "totalAvailableBalance": "9", "totalWalletBalance": "8"}
    row |= {"totalInitialMargin": "1", "accountIMRate": "0.1", "coin": list(coins)}
    return listing(row | totals)


def usdt(equity="10", worth="10"):
    return {"coin": "USDT", "equity": equity, "usdValue": worth, "walletBalance": "7"}


NOT_APPLICABLE = dict.fromkeys(("totalAvailableBalance", "totalInitialMargin", "accountIMRate"), "")


def test_isolated_margin_has_no_totals_and_nothing_that_is_available(stub, broker):
    stub.answer(e.WALLET.path, wallet(usdt(), **NOT_APPLICABLE))
    assert broker.account() == Account(Decimal(10), Decimal(0), Decimal(8), isolated_margin=True)
    nothing = {"totalEquity": "", "totalWalletBalance": ""}
    stub.answer(e.WALLET.path, wallet({"coin": "BTC"}, usdt(), **NOT_APPLICABLE, **nothing))
    assert broker.account() == Account(Decimal(10), Decimal(0), Decimal(7), isolated_margin=True)
    stub.answer(e.WALLET.path, wallet(**NOT_APPLICABLE, **nothing))
    with pytest.raises(UnreadableAnswer, match="equity"):
        broker.account()


@pytest.mark.parametrize(
    ("totals", "field"),
    [
        ({"totalAvailableBalance": ""}, "totalAvailableBalance ''"),
        ({"totalAvailableBalance": "NaN"}, "totalAvailableBalance 'NaN'"),
        ({"totalEquity": "Infinity"}, "totalEquity 'Infinity'"),
        ({"totalWalletBalance": None}, "totalWalletBalance None"),
    ],
)
def test_money_that_is_not_stated_is_never_guessed(stub, broker, totals, field):
    stub.answer(e.WALLET.path, wallet(usdt(), **totals))
    with pytest.raises(UnreadableAnswer, match=field):
        broker.account()


def test_debts_are_believed(stub, broker):
    stub.answer(e.WALLET.path, wallet(totalEquity="-5", totalAvailableBalance="-12.5"))
    account = broker.account()
    assert (account.equity, account.available) == (Decimal(-5), Decimal("-12.5"))


@pytest.mark.parametrize(
    ("coin", "equity"),
    [
        (usdt("100", "100.9"), "10"),
        (usdt("100", "80"), "12.5"),
        (usdt("0.5", "0"), "10"),
        (usdt("-100", "-80"), "12.5"),
    ],
)
def test_totals_are_dollars_and_are_turned_into_usdt_where_that_matters(stub, broker, coin, equity):
    stub.answer(e.WALLET.path, wallet(coin))
    assert broker.account().equity == Decimal(equity)


def test_a_worth_that_cannot_be_true_is_an_error(stub, broker):
    stub.answer(e.WALLET.path, wallet(usdt("100", "-1")))
    with pytest.raises(UnreadableAnswer, match="usdValue"):
        broker.account()
