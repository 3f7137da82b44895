"""The template's stack on this machine, and an exchange on which PUMPUSDT has just been pumped."""

from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.scripted_market import START, ScriptedMarket

from pumpwatch.adapters.dynamodb.stores import DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch_workbench.local.aws.aws import AwsServer
from pumpwatch_workbench.local.aws.pushgateway import Pushgateway
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.server import SimulatorServer

MINUTE = 60_000
NOW = START + 10 * MINUTE
SCRIPT = [(9 * MINUTE, 100.0), (10 * MINUTE, 117.0), (60 * MINUTE, 116.0)]
PRICES = {"price": 117.0, "base_price": 100.0, "peak_price": 120.0}
DETECT, TRADE = "DetectFunction", "TradeFunction"
CREDENTIALS = credentials_from_seed(5)
KEY = {"api_key": CREDENTIALS.api_key, "api_secret": CREDENTIALS.api_secret}
LIVE = {
    "TradingMode": "live",
    "Strategy": "fade",
    "LiveTradingConfirmation": str(CREDENTIALS.user_id),
}
numbers = count()


@pytest.fixture(scope="session")
def aws():
    """The AWS stand-in, which all stacks of a test process share."""
    with AwsServer() as server:
        yield server


class World(SimpleNamespace):
    """Has `exchange`, `clock`, `gateway`, `stack` and `key`."""

    def invoke(self, function, event=None):
        """Invoke a function of the stack, by its schedule unless an event is given."""
        event = event or self.stack.scheduled_event(function, self.clock.now())
        return self.stack.functions[function].invoke(event)

    def log(self, function):
        return self.stack.functions[function].log.getvalue()

    def table(self):
        return Table(self.stack.name_of("StateTable"), self.stack.aws.client("dynamodb"))

    def publish(self, signal):
        DynamoSignalStore(self.table()).publish(signal)

    def pushed(self):
        """Return what the gateway shows, by the metric's name and its result or mode."""
        return {
            (sample.name, *(v for k, v in sample.labels.items() if k in {"result", "mode"})): (
                sample.value
            )
            for family in text_string_to_metric_families(self.gateway.text())
            for sample in family.samples
        }


@contextmanager
def world(aws, parameters=None, *, key=KEY, variables=None):
    """Run exchange, gateway and stack; the key lies in its secret unless it is None."""
    clock = MarketClock(start=NOW, stepped=True)
    market = ScriptedMarket({"PUMPUSDT": SCRIPT, "FLATUSDT": [(0, 5.0)]})
    exchange = Exchange(market, clock, CREDENTIALS, ExchangeSettings(latency_ms=60))
    # In this process nothing may run beside a stepped clock.
    serial = {name: {"PARALLEL_REQUESTS": "1"} for name in (DETECT, TRADE)}
    with (
        SimulatorServer(exchange) as server,
        Pushgateway(real=False) as gateway,
        LocalStack(
            parameters={
                "BybitBaseUrl": server.url,
                "PushgatewayUrl": gateway.url,
                **(parameters or {}),
            },
            variables=serial if variables is None else variables,
            aws=aws,
            stack=f"stack-{next(numbers)}",
        ) as stack,
    ):
        if key is not None:
            stack.put_secret("ExchangeKey", key)
        yield World(exchange=exchange, clock=clock, gateway=gateway, stack=stack, key=CREDENTIALS)
