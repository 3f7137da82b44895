"""Settings are checked before anything starts, and each refusal says name, value and range."""

from decimal import Decimal
from typing import Literal, get_origin

import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen

from pumpwatch.errors import SettingsError
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings
from pumpwatch.settings.trade import TradeSettings

ENVIRONMENT = {"TABLE_NAME": "table", "BUCKET_NAME": "bucket"}
KINDS = (DetectSettings, TradeSettings)
LIVE = {
    **ENVIRONMENT,
    "TRADING_MODE": "live",
    "STRATEGY": "fade",
    "LIVE_TRADING_CONFIRMATION": "123",
}
DEMO = {**ENVIRONMENT, "TRADING_MODE": "demo", "BYBIT_BASE_URL": "https://api-demo.bybit.com"}


def outside_the_bounds():
    """Yield (kind, variable, value) one step beyond every bound that the classes declare."""
    for kind in KINDS:
        for name, field in kind.model_fields.items():
            step = Decimal(1) if field.annotation is int else Decimal("0.000001")
            for bound in field.metadata:
                if isinstance(bound, Ge):
                    yield kind, name.upper(), str(Decimal(str(bound.ge)) - step)
                if isinstance(bound, Gt):
                    yield kind, name.upper(), str(bound.gt)
                if isinstance(bound, Le):
                    yield kind, name.upper(), str(Decimal(str(bound.le)) + step)
                if isinstance(bound, Lt):
                    yield kind, name.upper(), str(bound.lt)
                if isinstance(bound, MinLen):
                    yield kind, name.upper(), "x" * (bound.min_length - 1)
                if isinstance(bound, MaxLen):
                    yield kind, name.upper(), "x" * (bound.max_length + 1)
            if get_origin(field.annotation) is Literal:
                yield kind, name.upper(), "something-else"


@pytest.mark.parametrize(("kind", "variable", "value"), list(outside_the_bounds()))
def test_value_outside_its_range_is_refused_with_name_value_and_range(kind, variable, value):
    with pytest.raises(SettingsError) as refusal:
        load_settings(kind, {**ENVIRONMENT, variable: value})
    text = str(refusal.value)
    assert text.startswith(f"{variable}={value!r} is not allowed: it must be ")
    assert any(word in text for word in ("at least", "above", "one of", "characters"))


def test_what_cannot_be_a_name_of_ones_own_is_refused():
    for text in ("my rule", "a:b:c", "../x:Rule", "x" * 101, ":Rule"):
        with pytest.raises(SettingsError, match=r"DETECTOR=.*must be a name.* or module:Class"):
            load_settings(DetectSettings, {**ENVIRONMENT, "DETECTOR": text})


def numbers():
    return sorted(
        {
            (kind, name.upper())
            for kind in KINDS
            for name, field in kind.model_fields.items()
            if field.annotation in (int, float, Decimal)
        },
        key=str,
    )


@pytest.mark.parametrize("value", ["", "many", "nan", "inf", "-inf", "1e999"])
@pytest.mark.parametrize(("kind", "variable"), numbers())
def test_number_that_is_none_is_refused(kind, variable, value):
    with pytest.raises(SettingsError, match=f"{variable}='{value}' is not allowed: it must be a "):
        load_settings(kind, {**ENVIRONMENT, variable: value})


def test_every_number_has_both_bounds():
    for kind in KINDS:
        for name, field in kind.model_fields.items():
            if field.annotation in (int, float, Decimal):
                kinds = {type(bound) for bound in field.metadata}
                assert kinds & {Ge, Gt}, name
                assert kinds & {Le, Lt}, name


def test_missing_variable_is_named():
    with pytest.raises(SettingsError, match=r"^TABLE_NAME is not set: it must be 3 to 255"):
        load_settings(TradeSettings, {})


def test_all_wrong_variables_are_named_at_once():
    with pytest.raises(SettingsError) as refusal:
        load_settings(DetectSettings, {"TABLE_NAME": "", "EWMA_JUMP": "0"})
    assert {"TABLE_NAME=''", "BUCKET_NAME is", "EWMA_JUMP='0'"} == {
        " ".join(part.split()[:2]) if "is not set" in part else part.split()[0]
        for part in str(refusal.value).split("; ")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_accepted(kind):
    assert load_settings(kind, ENVIRONMENT).stage == "dev"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.bybit.com",
        "https://api.bybit.com/",
        "https://api.bybit.com:443",
        "https://api.bytick.com",
        "https://api-demo.bybit.com",
        "https://api-testnet.bybit.com",
        "https://api.bybit.eu",
        "https://api.bybit.nl",
        "https://api.bybit-tr.com",
        "https://api.bybitgeorgia.ge",
        "https://api.manepa.jp",
        "http://127.0.0.1:8080",
        "http://localhost:1",
        "http://[::1]:5",
    ],
)
def test_bybits_own_hosts_and_loopback_are_accepted(url):
    settings = load_settings(TradeSettings, {**ENVIRONMENT, "BYBIT_BASE_URL": url})
    assert settings.bybit_base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.bybit.com",
        "http://api.bybit.com",
        "https://api.bybit.com:8443",
        "https://api.bybit.com.evil.example",
        "https://evil.example",
        "https://evil.example/api.bybit.com",
        "https://evil.example#@api.bybit.com",
        "https://api.bybit.com@evil.example",
        "https://api.bybit.com\\@evil.example",
        "https://api.bybit.com/v5",
        "https://api.bybit.com?",
        "https://api.bybit.com\n",
        "https://ap\ti.bybit.com",
        "https://127.0.0.1.evil.example",
        "http://127.0.0.2",
        "http://10.0.0.1",
        "http://127.0.0.1:99999",
        "http://[::1",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
    ],
)
def test_any_other_address_is_refused(url):
    with pytest.raises(SettingsError, match="BYBIT_BASE_URL"):
        load_settings(TradeSettings, {**ENVIRONMENT, "BYBIT_BASE_URL": url})


@pytest.mark.parametrize(
    "url", ["gateway:9091", "ftp://gateway", "http://", "http://user@gateway", "http://gate way"]
)
def test_address_of_the_gateway_must_be_plain(url):
    with pytest.raises(SettingsError, match="PUSHGATEWAY_URL"):
        load_settings(TradeSettings, {**ENVIRONMENT, "PUSHGATEWAY_URL": url})


@pytest.mark.parametrize(
    "environment",
    [
        {"PUSHGATEWAY_URL": "http://user:hunter2@gateway"},
        {"BYBIT_BASE_URL": "https://user:hunter2@api.bybit.com"},
        {"BYBIT_SECRET_ARN": "hunter2"},
    ],
)
def test_what_may_be_a_secret_is_not_shown_in_a_refusal(environment):
    with pytest.raises(SettingsError) as refusal:
        load_settings(TradeSettings, {**ENVIRONMENT, **environment})
    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_live_mode_takes_both_switches_and_a_named_strategy():
    assert load_settings(TradeSettings, LIVE).strategy_name == "fade"


@pytest.mark.parametrize("variable", ["LIVE_TRADING_CONFIRMATION", "STRATEGY"])
def test_live_mode_is_refused_without(variable):
    with pytest.raises(SettingsError, match=f"{variable} must be .*TRADING_MODE=live"):
        load_settings(TradeSettings, {**LIVE, variable: ""})


DEMO_ADDRESSES = [
    f"https://{host}{end}"
    for host in (
        "api-demo.bybit.com",
        "api-demo.bytick.com",
        "api-demo-testnet.bybit.com",
        "API-demo-testnet.bytick.com",
    )
    for end in ("", "/", ":443")
]
OTHER_ADDRESSES = [
    "https://api.bybit.com",
    "https://api.bybit.com:443/",
    "https://api.bytick.com",
    "https://api-testnet.bybit.com",
    "https://api.bybit.eu",
    "https://api.manepa.jp",
]


@pytest.mark.parametrize("url", DEMO_ADDRESSES)
def test_only_live_mode_refuses_a_demo_host(url):
    with pytest.raises(SettingsError, match=r"BYBIT_BASE_URL=.* when TRADING_MODE=live: set https"):
        load_settings(TradeSettings, {**LIVE, "BYBIT_BASE_URL": url})
    for environment in (DEMO, ENVIRONMENT):
        load_settings(TradeSettings, {**environment, "BYBIT_BASE_URL": url})


@pytest.mark.parametrize("url", OTHER_ADDRESSES)
def test_only_demo_mode_refuses_a_host_of_real_accounts(url):
    with pytest.raises(SettingsError, match=r"BYBIT_BASE_URL=.* when TRADING_MODE=demo: set https"):
        load_settings(TradeSettings, {**DEMO, "BYBIT_BASE_URL": url})
    for environment in (LIVE, ENVIRONMENT):
        load_settings(TradeSettings, {**environment, "BYBIT_BASE_URL": url})


def test_demo_mode_needs_a_demo_host_of_its_own_naming():
    with pytest.raises(SettingsError, match=r"set https://api-demo\.bybit\.com$"):
        load_settings(TradeSettings, {**ENVIRONMENT, "TRADING_MODE": "demo"})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "https://localhost", "http://[::1]:5"])
@pytest.mark.parametrize("mode", [ENVIRONMENT, DEMO, LIVE])
def test_each_mode_trades_with_a_simulator_on_loopback(mode, url):
    assert load_settings(TradeSettings, {**mode, "BYBIT_BASE_URL": url}).bybit_base_url == url


def test_demo_mode_uses_an_account_and_neither_confirmation_nor_named_strategy():
    demo, live = (load_settings(TradeSettings, one) for one in (DEMO, LIVE))
    assert (demo.trading_mode, demo.strategy_name) == ("demo", "fade")
    assert demo.uses_account
    assert live.uses_account
    assert not load_settings(TradeSettings, ENVIRONMENT).uses_account


@pytest.mark.parametrize("value", ["12a", "-1", " 12", "١٢", "1.0"])
def test_confirmation_is_digits_only(value):
    with pytest.raises(SettingsError, match="LIVE_TRADING_CONFIRMATION"):
        load_settings(TradeSettings, {**LIVE, "LIVE_TRADING_CONFIRMATION": value})


def test_paper_is_the_mode_and_fade_its_strategy_by_default():
    settings = load_settings(TradeSettings, ENVIRONMENT)
    assert (settings.trading_mode, settings.strategy_name) == ("paper", "fade")


@pytest.mark.parametrize(
    ("seconds", "cared_with", "enters"),
    [(1.0, 1.0, True), (4.0, 4.0, True), (4.6, 4.6, True), (4.61, 4.6, False), (10, 4.6, False)],
)
def test_a_timeout_is_capped_for_care_and_says_whether_entries_have_time(
    seconds, cared_with, enters
):
    settings = TradeSettings(table_name="table", request_timeout_seconds=seconds)
    assert settings.care_timeout_seconds == cared_with
    assert settings.leaves_time_to_enter is enters
    assert f"REQUEST_TIMEOUT_SECONDS={seconds:g}" in settings.no_time_to_enter
