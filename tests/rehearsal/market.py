"""The exchange of a rehearsal: a simulated market in which a coin is pumped every so often."""

import time
from contextlib import contextmanager

from pumpwatch_workbench.simulator import control
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock, wall_milliseconds
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, PlantedEvent
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket
from pumpwatch_workbench.simulator.server import SimulatorServer

SYMBOLS, SEED = 60, 1
FIRST_SECONDS, EVERY_SECONDS, RISE_SECONDS, PUMPS, SIZE = 75, 30, 20, 30, 0.35

TICKERS = "/v5/market/tickers"


def pumps(begin, count):
    """Return pumps of ordinary coins, one every half minute from `begin` (ms UTC) on."""
    start = begin // MINUTE_MS * MINUTE_MS
    listings = SyntheticMarket(SYMBOLS, SEED, start, pumps=()).listings
    coins = [
        listing.symbol
        for listing in listings
        if not listing.symbol_type and listing.contract_type == "LinearPerpetual"
    ]
    for number, symbol in enumerate(coins[:count]):
        onset = begin + 1_000 * (FIRST_SECONDS + EVERY_SECONDS * number)
        yield PlantedEvent(symbol, onset, onset + 1_000 * RISE_SECONDS, SIZE)


class Recorder(Exchange):
    """An exchange that notes when each path was asked, and can act just before an answer."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.asked = []
        self.before_answer = {}

    def handle(self, method, path, query="", body=b"", headers=None, address="127.0.0.1"):
        """Answer a request. What is named for its path happens once, before the answer leaves."""
        self.asked.append((time.time(), path, query))
        answer = super().handle(method, path, query, body, headers, address)
        if act := self.before_answer.pop(path, None):
            act()
        return answer

    def state(self):
        """Return positions, orders and all the rest."""
        with self.lock:
            return control.state(self)

    def scans(self):
        """Return when the whole market was asked for (seconds): each time by a scan."""
        return [at for at, path, query in self.asked if path == TICKERS and "symbol=" not in query]


class Market:
    """An exchange with some pumps, and its server, whose port stays when it goes away."""

    def __init__(self, port, count):
        begin = wall_milliseconds()
        start, planned = begin // MINUTE_MS * MINUTE_MS, tuple(pumps(begin, count))
        market = SyntheticMarket(SYMBOLS, SEED, start, pumps=planned, quiet=True)
        clock = MarketClock(start=None, speed=1.0, stepped=False)
        self.credentials = credentials_from_seed(SEED)
        # Paper orders need a mark price near the last one.
        settings = ExchangeSettings(mark_lag_minutes=0)
        self.exchange = Recorder(market, clock, self.credentials, settings)
        self.server = SimulatorServer(self.exchange, port)

    @contextmanager
    def away(self):
        """Refuse every connection until the block ends."""
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()
