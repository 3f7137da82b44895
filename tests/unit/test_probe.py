"""What a probe finds: each check on its own, none raises, nothing secret is shown."""

import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from support.doubles import MemoryMetricsSink, MemorySecrets
from support.scripted_market import ScriptedMarket

from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.deadlines import NoDeadline
from pumpwatch.bootstrap.key_check import check_key, check_time
from pumpwatch.bootstrap.probe import (
    CheckFailed,
    check_exchange,
    check_pushgateway,
    run_checks,
)
from pumpwatch.credentials import ExchangeKey
from pumpwatch.errors import BadCredentials, ExchangeForbidden, StoreUnavailable
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.server import SimulatorServer

CREDENTIALS = credentials_from_seed(5)
SECRETS = MemorySecrets(ExchangeKey(CREDENTIALS.api_key, CREDENTIALS.api_secret))
FOREVER = NoDeadline()


@contextmanager
def exchange(*, skew_ms=0, **key):
    market = ScriptedMarket({"PUMPUSDT": [(0, 1.0)]})
    clock = MarketClock(start=int(time.time() * 1000))
    made = Exchange(market, clock, CREDENTIALS, ExchangeSettings(**key))
    made.clock_skew_ms = skew_ms
    with SimulatorServer(made) as server:
        yield server.url


def settings(url, **changes):
    return TradeSettings(table_name="table", bybit_base_url=url, **changes)


def live(url, confirmation=None):
    return settings(
        url,
        trading_mode="live",
        strategy="fade",
        live_trading_confirmation=confirmation or str(CREDENTIALS.user_id),
    )


def test_each_check_stands_alone():
    def forbidden(deadline):
        raise ExchangeForbidden("/v5/market/time: HTTP 403")

    def lost(deadline):
        raise StoreUnavailable("the table does not exist")

    checks = {"exchange": forbidden, "table": lost, "good": lambda deadline: {"x": 1}}
    answer = run_checks("pumpwatch_detect", checks, FOREVER)
    assert answer["function"] == "pumpwatch_detect"
    found = answer["checks"]
    assert found["exchange"]["error"] == "ExchangeForbidden"
    assert found["table"] == {
        "ok": False,
        "error": "StoreUnavailable",
        "detail": "the table does not exist",
    }
    assert found["good"] == {"ok": True, "x": 1}


class Stamped:
    """A session whose clock is so many seconds off."""

    def __init__(self, skew):
        self.clock_skew_seconds = skew

    def start_run(self, deadline):
        pass

    def time(self):
        return 0

    def doubt(self):
        return ""


def test_exchange_s_time_is_asked_and_the_skew_told():
    with exchange() as url:
        session = BybitSession(url)
        skew = check_exchange(session, FOREVER)["clock_skew_seconds"]
        session.close()
    assert abs(skew) < 0.9
    assert check_exchange(Stamped(-0.25), FOREVER) == {"clock_skew_seconds": -0.25}


@pytest.mark.parametrize(("skew", "side"), [(1.5, "1.50 s ahead of"), (-2.0, "2.00 s behind")])
def test_clock_that_is_off_fails_with_a_sentence(skew, side):
    with pytest.raises(CheckFailed, match=side):
        check_exchange(Stamped(skew), FOREVER)


def test_pushgateway_gets_a_push_that_changes_nothing():
    sink = MemoryMetricsSink()
    assert check_pushgateway("pumpwatch_trade", sink, FOREVER) == {}
    assert len(sink.pushes) == 1
    sink.accepts = False
    with pytest.raises(CheckFailed, match="did not accept"):
        check_pushgateway("pumpwatch_trade", sink, FOREVER)
    assert "no address" in check_pushgateway("pumpwatch_trade", None, FOREVER)["detail"]


def test_key_that_is_good_has_its_warnings_told():
    with exchange() as url:
        found = check_key(live(url), SECRETS, FOREVER)
    assert found["filled"]
    assert any("bound to no address" in one for one in found["warnings"])


@pytest.mark.parametrize(
    ("key", "confirmation", "sentence"),
    [
        ({"key_may_withdraw": True}, None, "can withdraw"),
        ({"key_read_only": True}, None, "read-only"),
        ({}, "999", "another account"),
    ],
)
def test_key_that_must_not_be_used_fails(key, confirmation, sentence):
    with exchange(**key) as url, pytest.raises(CheckFailed, match=sentence):
        check_key(live(url, confirmation), SECRETS, FOREVER)


def test_key_of_a_demo_account_is_good_in_demo_mode_and_fails_in_live_mode():
    with exchange(demo=True) as url:
        found = check_key(settings(url, trading_mode="demo"), SECRETS, FOREVER)
        with pytest.raises(CheckFailed, match="trade in demo mode"):
            check_key(live(url), SECRETS, FOREVER)
    assert found["filled"]
    assert any("nothing was checked" in one for one in found["warnings"])


def test_key_in_demo_mode_is_checked_for_what_it_may_trade():
    with exchange(key_may_withdraw=True) as url:
        assert check_key(settings(url, trading_mode="demo"), SECRETS, FOREVER)["filled"]
    with exchange(key_read_only=True) as url, pytest.raises(CheckFailed, match="read-only"):
        check_key(settings(url, trading_mode="demo"), SECRETS, FOREVER)


def test_absent_key_fails_where_an_account_is_used():
    url = "http://127.0.0.1:1"
    for mode in (live(url), settings(url, trading_mode="demo")):
        with pytest.raises(BadCredentials):
            check_key(mode, MemorySecrets(None), FOREVER)
    found = check_key(settings(url), MemorySecrets(None), FOREVER)
    assert not found["filled"]
    assert "paper mode needs no key" in found["detail"]


def test_key_in_paper_mode_is_checked_without_a_confirmation():
    with exchange() as url:
        assert check_key(settings(url), SECRETS, FOREVER)["filled"]


def test_a_time_out_that_leaves_no_time_to_enter_is_refused():
    assert check_time(settings("https://api.bybit.com"), FOREVER)["request_timeout_seconds"] == 4.0
    with pytest.raises(CheckFailed, match="REQUEST_TIMEOUT_SECONDS=9 leaves no time"):
        check_time(settings("https://api.bybit.com", request_timeout_seconds=9), FOREVER)


def test_an_account_in_isolated_margin_is_refused_in_one_sentence(monkeypatch):
    account = BybitBroker.account
    isolated = lambda self: replace(account(self), isolated_margin=True)  # noqa: E731
    monkeypatch.setattr(BybitBroker, "account", isolated)
    with exchange() as url, pytest.raises(CheckFailed, match="isolated margin mode: switch it"):
        check_key(live(url), SECRETS, FOREVER)
