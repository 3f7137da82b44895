"""One market, three brokers: the same prices for the memory, the paper and the Bybit broker."""

from contextlib import contextmanager
from decimal import Decimal
from functools import cache

import numpy as np
from support.scripted_market import START, ScriptedMarket, listing

from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession, ExchangeClock
from pumpwatch.adapters.paper.broker import PaperBroker
from pumpwatch.credentials import ExchangeKey
from pumpwatch.domain.market.candles import MINUTE, CandleSeries
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.trading.orders import Side
from pumpwatch_workbench.local.memory import ManualClock, MemoryBroker, MemoryMarketData, instrument
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
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


@cache
def minutes_of(symbol):
    """Return the scripted candles of a symbol; nobody changes them."""
    market = scripted_market()
    index = [one.symbol for one in market.listings].index(symbol)
    found = market.minutes(index, START - BEFORE * MINUTE, START + 60 * MINUTE)
    columns = (found.open, found.high, found.low, found.close, found.volume, found.turnover)
    return CandleSeries(symbol, MINUTE, found.open_time, np.stack(columns, axis=1), forming=False)


def price_at(minute):
    times, prices = zip(*SCRIPT, strict=True)
    return Decimal(repr(float(np.interp(minute, times, prices))))


class MemoryRig:
    """The broker fake; its price follows the script minute by minute."""

    account = "10001"

    def __init__(self):
        self.clock = ManualClock(START)
        self.broker = MemoryBroker(self.clock)
        self.go_to(0)

    def go_to(self, minute):
        for now in range((self.clock.time - START) // MINUTE, minute + 1):
            self.clock.time = START + now * MINUTE
            self.broker.set_price(SYMBOL, price_at(now))
            self.broker.set_price(OTHER, Decimal(50))
            if now == FUNDING_MINUTE:
                self.fund()

    def restart(self):
        """The exchange goes on while we are away."""

    def fund(self):
        for one in self.broker.positions():
            fee = one.notional * Decimal(repr(FUNDING_RATE))
            self.broker.charge_funding(one.symbol, fee if one.side is Side.BUY else -fee)


class PaperRig:
    """The paper broker on a scripted market."""

    account = "paper"

    def __init__(self, store):
        self.market = memory_market()
        self.store = store
        self.clock = ManualClock(START)
        self.restart()

    def restart(self):
        """A cold start: only the store remembers."""
        self.broker = PaperBroker(
            self.market,
            self.store,
            self.clock,
            equity=Decimal(10_000),
            taker_fee=Decimal("0.00055"),
            slippage=Decimal("0.0005"),
        )

    def go_to(self, minute):
        self.market.now = self.clock.time = START + minute * MINUTE


@cache
def trades_of(symbol):
    """Return the scripted trades of a symbol since two hours before START; nobody changes them."""
    market = scripted_market()
    index = [one.symbol for one in market.listings].index(symbol)
    found = market.trades(index, START - 120 * MINUTE, START + 60 * MINUTE)
    since = START - 120 * MINUTE
    return MarketTrades(found.time, found.bought, found.price, found.quantity, since)


def memory_market():
    market = MemoryMarketData(START)
    for symbol in (SYMBOL, OTHER, YOUNG):
        market.set_candles(minutes_of(symbol))
        market.set_trades(symbol, trades_of(symbol))
        market.list_instrument(instrument(symbol, tick_size=Decimal("0.01")))
        market.set_funding(symbol, FUNDING_RATE, START + FUNDING_MINUTE * MINUTE)
    market.list_instrument(instrument(YOUNG, symbol_type="innovation"))
    return market


class BybitRig:
    """The Bybit adapters on the simulator, over HTTP."""

    def __init__(self, exchange, url):
        key = credentials_from_seed(7)
        self.exchange = exchange
        self.account = str(key.user_id)
        self.session = BybitSession(
            url, key=ExchangeKey(key.api_key, key.api_secret), exchange_time=MarketTime()
        )
        self.market = BybitMarketData(self.session, parallel_requests=4)
        self.broker = BybitBroker(self.session, ExchangeClock(self.session))

    def restart(self):
        """The exchange goes on while we are away."""

    def go_to(self, minute):
        self.exchange.clock.advance_to(START + minute * MINUTE)


@contextmanager
def bybit_rig(**settings):
    exchange = Exchange(
        scripted_market(),
        MarketClock(start=START, stepped=True),
        credentials_from_seed(7),
        ExchangeSettings(rate_limits=False, default_leverage=Decimal(1), **settings),
    )
    with SimulatorServer(exchange) as server:
        rig = BybitRig(exchange, server.url)
        try:
            yield rig
        finally:
            rig.session.close()
