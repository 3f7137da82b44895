"""What is wrong around the functions: a sentence that a person understands, a metric, no order."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.scripted_market import START, ScriptedMarket
from support.trading_rig import peaked

from pumpwatch.adapters.dynamodb.stores import DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch_workbench.local.aws import AwsServer, LocalStack, Pushgateway
from pumpwatch_workbench.simulator.control import state
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.server import SimulatorServer

MINUTE = 60_000
NOW = START + 10 * MINUTE
SCRIPT = [(9 * MINUTE, 100.0), (10 * MINUTE, 117.0), (60 * MINUTE, 116.0)]
TRADE = "TradeFunction"
CREDENTIALS = credentials_from_seed(5)
KEY = {"api_key": CREDENTIALS.api_key, "api_secret": CREDENTIALS.api_secret}


@pytest.fixture(scope="module")
def aws():
    with AwsServer() as server:
        yield server


@pytest.fixture
def around(aws, request):
    """Return a function that sets up a live stack with a fresh signal, changed as it is told."""
    market = ScriptedMarket({"PUMPUSDT": SCRIPT})
    settings = ExchangeSettings(latency_ms=60)
    exchange = Exchange(market, MarketClock(start=NOW, stepped=True), CREDENTIALS, settings)
    with SimulatorServer(exchange) as server, Pushgateway(real=False) as gateway:

        def make(*, key=KEY, variables=None):
            parameters = {
                "TradingMode": "live",
                "Strategy": "fade",
                "LiveTradingConfirmation": str(CREDENTIALS.user_id),
                "BybitBaseUrl": server.url,
                "PushgatewayUrl": gateway.url,
            }
            name = "bad-" + request.node.name.replace("_", "-").replace("test-", "")[:30]
            changed = {TRADE: {"PARALLEL_REQUESTS": "1", **(variables or {})}}
            stack = LocalStack(parameters=parameters, variables=changed, aws=aws, stack=name)
            stack.__enter__()
            if key is not None:
                stack.put_secret("ExchangeKey", key)
            table = Table(stack.name_of("StateTable"), aws.client("dynamodb"))
            prices = {"price": 117.0, "base_price": 100.0, "peak_price": 120.0}
            DynamoSignalStore(table).publish(peaked("PUMPUSDT", time=NOW, **prices))
            return stack

        yield make, exchange, gateway


def failures(gateway):
    families = text_string_to_metric_families(gateway.text())
    return [
        one.value
        for family in families
        for one in family.samples
        if one.name == "pumpwatch_trade_last_failure_timestamp_seconds"
    ]


def refused(around, **changes):
    """Run trade once and return its error; nothing may have been ordered, and a metric says so."""
    make, exchange, gateway = around
    stack = make(**changes)
    ended = stack.functions[TRADE].invoke(stack.scheduled_event(TRADE, NOW))
    assert state(exchange)["orders"] == []
    assert len(failures(gateway)) == 1
    return ended.error


def test_good_surroundings_open_a_position(around):
    make, exchange, _ = around
    stack = make()
    ended = stack.functions[TRADE].invoke(stack.scheduled_event(TRADE, NOW))
    assert ended.result()["opened"]
    assert state(exchange)["positions"]


def test_placeholder_in_the_secret(around):
    error = refused(around, key=None)
    assert error["errorType"] == "BadCredentials"
    assert "placeholder" in error["errorMessage"]
    assert 'put {"api_key": "...", "api_secret": "..."}' in error["errorMessage"]


def test_missing_table(around):
    error = refused(around, variables={"TABLE_NAME": "no-such-table"})
    assert error["errorType"] == "StoreUnavailable"
    assert "the table does not exist: is TABLE_NAME right" in error["errorMessage"]


def test_clock_that_is_off(around):
    around[1].clock_skew_ms = -1_500
    error = refused(around)
    assert "10002" in error["errorMessage"]
    assert "clock" in error["errorMessage"]


def test_wrong_region_does_not_even_start(around):
    make, exchange, _ = around
    stack = make()
    stack.functions[TRADE].runtime["AWS_REGION"] = "us-east-1"
    error = stack.functions[TRADE].invoke(stack.scheduled_event(TRADE, NOW)).error
    assert error["errorType"] == "SettingsError"
    assert "AWS_REGION='us-east-1' is not allowed" in error["errorMessage"]
    assert state(exchange)["orders"] == []
