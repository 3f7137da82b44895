"""One market for all brokers: the same prices in process, on paper and over HTTP."""

from contextlib import contextmanager
from decimal import Decimal

from support.scripted_market import START, ScriptedMarket, listing

from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.paper.broker import PaperBroker
from pumpwatch.credentials import ExchangeKey
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.in_process import InProcessClock, in_process
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.market_time import MarketTime
from pumpwatch_workbench.simulator.server import SimulatorServer

SYMBOL, OTHER, YOUNG = "PUMPUSDT", "CALMUSDT", "YOUNGUSDT"
BEFORE = 40 * 60
"""Minutes of history."""
SCRIPT = [(10, 100.0), (15, 120.0), (30, 120.0), (35, 80.0), (45, 80.0), (50, 100.0)]
"""Flat at 100 for ten minutes, up to 120, later down to 80 and back to 100; minutes after START."""
FUNDING_MINUTE, FUNDING_RATE = 40, -0.01
"""Shorts pay one per cent then, at 80."""


def scripted_market():
    return ScriptedMarket(
        {
            SYMBOL: [(minute * MINUTE, price) for minute, price in SCRIPT],
            OTHER: [(0, 50.0)],
            YOUNG: [(0, 5.0)],
            "BTCPERP": [(0, 60_000.0)],
            "BTCUSDT-26JUN26": [(0, 61_000.0)],
        },
        listings=[
            listing(YOUNG, launch_time=START - 30 * MINUTE, symbol_type="innovation"),
            listing("BTCPERP", base_coin="BTC", settle_coin="USDC"),
            listing(
                "BTCUSDT-26JUN26",
                base_coin="BTC",
                contract_type="LinearFutures",
                delivery_time=1_782_460_800_000,
            ),
        ],
        funding=[(FUNDING_MINUTE * MINUTE, FUNDING_RATE)],
    )


def scripted_exchange():
    return Exchange(
        scripted_market(),
        MarketClock(start=START, stepped=True),
        credentials_from_seed(7),
        ExchangeSettings(rate_limits=False, default_leverage=Decimal(1)),
    )


class InProcessRig:
    """The Bybit adapters on the simulator, in this process."""

    def __init__(self):
        self.exchange = scripted_exchange()
        self.account = str(credentials_from_seed(7).user_id)
        self.broker, self.market = in_process(self.exchange)

    def restart(self):
        """The exchange goes on while we are away."""

    def go_to(self, minute):
        self.exchange.clock.advance_to(START + minute * MINUTE)


class PaperRig(InProcessRig):
    """The paper broker on the simulator's market, in this process."""

    def __init__(self, store):
        super().__init__()
        self.store = store
        self.account = "paper"
        self.restart()

    def restart(self):
        """A cold start: only the store remembers."""
        self.broker = PaperBroker(
            self.market,
            self.store,
            InProcessClock(self.exchange),
            equity=Decimal(10_000),
            taker_fee=Decimal("0.00055"),
            slippage=Decimal("0.0005"),
        )


class BybitRig(InProcessRig):
    """The Bybit adapters on the simulator, over HTTP."""

    def __init__(self, exchange, url, options):
        seed = credentials_from_seed(7)
        key = ExchangeKey(seed.api_key, seed.api_secret)
        self.exchange = exchange
        self.account = str(seed.user_id)
        self.session = BybitSession(url, key=key, exchange_time=MarketTime(), **options)
        self.market = BybitMarketData(self.session, parallel_requests=4)
        self.broker = BybitBroker(self.session, self.session)


@contextmanager
def bybit_rig(**session):
    exchange = scripted_exchange()
    with SimulatorServer(exchange) as server:
        rig = BybitRig(exchange, server.url, session)
        try:
            yield rig
        finally:
            rig.session.close()
