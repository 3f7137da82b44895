"""A client of the simulator that knows nothing but HTTP, and a simulator to call."""

import hashlib
import hmac
import http.client
import json
import time
from contextlib import contextmanager

from support.scripted_market import START, ScriptedMarket

from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.server import SimulatorServer

KEY = credentials_from_seed(7)
CREATE = "/v5/order/create"
BTC = {"category": "linear", "symbol": "BTCUSDT"}


class Client:
    """One connection for each call, signed by hand; `window` is the recv_window."""

    def __init__(self, exchange, port):
        self.exchange = exchange
        self.port = port
        self.orders = 0

    def call(self, method, path, payload=""):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            if method == "GET":
                target = f"{path}?{payload}" if payload else path
                connection.request("GET", target, headers=signed(payload))
            else:
                connection.request("POST", path, payload, signed(payload))
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()

    def control(self, path, document):
        status, _, body = self.call("POST", path, json.dumps(document))
        assert status == 200, body
        return json.loads(body)

    def fault(self, name, path, **fields):
        rule = {"path": path, "fault": name, **fields}
        self.control("/simulator/faults", {"faults": [rule]})

    def order(self, quantity="0.01", **fields):
        self.orders += 1
        document = BTC | {"side": "Buy", "orderType": "Market", "qty": quantity}
        document |= {"orderLinkId": f"order-{self.orders}"} | fields
        return self.call("POST", CREATE, json.dumps(document))

    def held(self):
        """Return the size of the position as the exchange's books have it."""
        return str(self.exchange.engine.ledger.position(0).size)

    def state(self):
        return json.loads(self.call("GET", "/simulator/state")[2])


def signed(payload):
    stamp = str(int(time.time() * 1_000))
    origin = f"{stamp}{KEY.api_key}5000{payload}".encode()
    return {
        "X-BAPI-API-KEY": KEY.api_key,
        "X-BAPI-TIMESTAMP": stamp,
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": hmac.new(KEY.api_secret.encode(), origin, hashlib.sha256).hexdigest(),
    }


@contextmanager
def served(*, stepped=True, **settings):
    market = ScriptedMarket({"BTCUSDT": [(0, 40_000.0), (3_600_000, 41_000.0)]})
    clock = MarketClock(start=START, stepped=stepped)
    options = ExchangeSettings(**({"rate_limits": False} | settings))
    exchange = Exchange(market, clock, KEY, options)
    with SimulatorServer(exchange) as server:
        yield Client(exchange, server.port)
