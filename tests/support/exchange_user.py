"""Drive an exchange in process, signed as a client would, on a market written by hand."""

import hashlib
import hmac
import json
from urllib.parse import urlencode

from support.scripted_market import START, ScriptedMarket

from pumpwatch_workbench.simulator import control
from pumpwatch_workbench.simulator.endpoints.auth import Credentials
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock

WALL = 1_900_000_000_000
CREDENTIALS = Credentials(12_345_678, "key-of-the-user", "secret-of-the-user")
FLAT = {"AAAUSDT": [(0, 100.0)]}


def signed_headers(payload, credentials=CREDENTIALS, stamp=WALL, window="5000"):
    origin = f"{stamp}{credentials.api_key}{window}{payload}".encode()
    signature = hmac.new(credentials.api_secret.encode(), origin, hashlib.sha256).hexdigest()
    return {
        "X-BAPI-API-KEY": credentials.api_key,
        "X-BAPI-TIMESTAMP": str(stamp),
        "X-BAPI-RECV-WINDOW": window,
        "X-BAPI-SIGN": signature,
    }


class User:
    """One exchange on a stepped clock; `advance` takes milliseconds after START."""

    def __init__(self, scripts=FLAT, *, rate_limits=False, settings=None, **market):
        self.market = ScriptedMarket(scripts, **market)
        self.clock = MarketClock(start=START, stepped=True)
        self.wall = WALL
        chosen = ExchangeSettings(**({"rate_limits": rate_limits} | (settings or {})))
        self.exchange = Exchange(
            self.market, self.clock, CREDENTIALS, chosen, wall=lambda: self.wall
        )

    @property
    def ledger(self):
        return self.exchange.engine.ledger

    def advance(self, milliseconds):
        self.clock.advance_to(START + milliseconds)
        self.exchange.catch_up()

    def raw(self, method, path, **parameters):
        if method == "GET":
            query = urlencode(parameters)
            return self.exchange.handle(
                "GET", path, query, b"", signed_headers(query, stamp=self.wall)
            )
        body = json.dumps(parameters)
        headers = signed_headers(body, stamp=self.wall)
        return self.exchange.handle("POST", path, "", body.encode(), headers)

    def control(self, name, document=None):
        """Call `/simulator/name`: POST with a document (or raw bytes), GET without one."""
        method = "GET" if document is None else "POST"
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return control.handle(self.exchange, method, f"/simulator/{name}", body)

    def told(self, name, document):
        response = self.control(name, document)
        return response.status, json.loads(response.body)

    def state(self):
        return json.loads(self.control("state").body)

    def inject(self, *rules):
        assert self.told("faults", {"faults": rules}) == (200, {})

    def happen(self, kind, symbol="AAAUSDT", **fields):
        row = {"kind": kind, "symbol": symbol} | fields
        status, answer = self.told("incidents", {"incidents": [row]})
        assert status == 200, answer

    def get(self, path, **parameters):
        return json.loads(self.raw("GET", path, **({"category": "linear"} | parameters)).body)

    def post(self, path, **parameters):
        return json.loads(self.raw("POST", path, **({"category": "linear"} | parameters)).body)

    def order(self, side, quantity, symbol="AAAUSDT", **extra):
        """Create an order, a market order unless `orderType` says otherwise."""
        asked = {"symbol": symbol, "side": side, "orderType": "Market", "qty": quantity} | extra
        return self.post("/v5/order/create", **asked)

    def placed(self, side, quantity, symbol="AAAUSDT", **extra):
        """Create an order that must be accepted and return its row."""
        answer = self.order(side, quantity, symbol, **extra)
        assert answer["retCode"] == 0, answer
        return self.row(answer["result"]["orderId"], symbol)

    def row(self, identity, symbol="AAAUSDT"):
        found = self.get("/v5/order/realtime", symbol=symbol, orderId=identity)
        (row,) = found["result"]["list"]
        return row

    def open_orders(self, symbol="AAAUSDT"):
        return self.get("/v5/order/realtime", symbol=symbol)["result"]["list"]

    def position(self, symbol="AAAUSDT"):
        return self.get("/v5/position/list", symbol=symbol)["result"]["list"][0]

    def executions(self, **parameters):
        """Return the executions, oldest first."""
        return self.get("/v5/execution/list", **parameters)["result"]["list"][::-1]
