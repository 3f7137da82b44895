"""What is wrong around the functions: a sentence that a person understands, a metric, no order."""

from contextlib import contextmanager

import pytest
from support.local_stack import KEY, LIVE, NOW, PRICES, TRADE, world
from support.trading_rig import peaked

from pumpwatch_workbench.simulator.control import state


@contextmanager
def live_with_a_signal(aws, key=KEY, **variables):
    changed = {TRADE: {"PARALLEL_REQUESTS": "1", **variables}}
    with world(aws, LIVE, key=key, variables=changed) as running:
        running.publish(peaked("PUMPUSDT", time=NOW, **PRICES))
        yield running


def test_good_surroundings_open_a_position(aws):
    with live_with_a_signal(aws) as running:
        assert running.invoke(TRADE).result()["opened"]
        assert state(running.exchange)["positions"]


@pytest.mark.parametrize(
    ("changes", "clock_skew_ms", "kind", "sentences"),
    [
        pytest.param(
            {"key": None},
            0,
            "BadCredentials",
            ["placeholder", 'put {"api_key": "...", "api_secret": "..."}'],
            id="a placeholder in the secret",
        ),
        pytest.param(
            {"TABLE_NAME": "no-such-table"},
            0,
            "StoreUnavailable",
            ["the table does not exist: is TABLE_NAME right"],
            id="no table",
        ),
        pytest.param({}, -1_500, "", ["10002", "clock"], id="a clock that is off"),
    ],
)
def test_trade_orders_nothing_and_says_what_is_wrong(aws, changes, clock_skew_ms, kind, sentences):
    with live_with_a_signal(aws, **changes) as running:
        running.exchange.clock_skew_ms = clock_skew_ms
        error = running.invoke(TRADE).error
        assert error["errorType"] == kind or not kind
        assert all(sentence in error["errorMessage"] for sentence in sentences), error
        assert state(running.exchange)["orders"] == []
        assert ("pumpwatch_trade_last_failure_timestamp_seconds",) in running.pushed()


def test_wrong_region_does_not_even_start(aws):
    with live_with_a_signal(aws) as running:
        running.stack.functions[TRADE].runtime["AWS_REGION"] = "us-east-1"
        error = running.invoke(TRADE).error
        assert error["errorType"] == "SettingsError"
        assert "AWS_REGION='us-east-1' is not allowed" in error["errorMessage"]
        assert state(running.exchange)["orders"] == []
