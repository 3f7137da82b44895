"""The scripted market of a detect rig as Bybit would answer, read by the real adapter."""

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.bybit.answers import Answer
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.domain.market.candles import CandleRequest
from pumpwatch.errors import PumpwatchError

TICKER = {
    "lastPrice": "last_price",
    "markPrice": "mark_price",
    "highPrice24h": "high_24h",
    "lowPrice24h": "low_24h",
    "volume24h": "volume_24h",
    "turnover24h": "turnover_24h",
    "fundingRate": "funding_rate",
}
FILTERS = {
    "priceFilter": {"tickSize": "0.0001"},
    "lotSizeFilter": {
        "qtyStep": "1",
        "minOrderQty": "1",
        "maxOrderQty": "1000",
        "maxMktOrderQty": "500",
        "minNotionalValue": "5",
    },
    "leverageFilter": {"maxLeverage": "25.00"},
}


class WireSession:
    """Answers of a memory market in Bybit's form; `spoil(endpoint, result)` may change each."""

    def __init__(self, market):
        self.market = market
        self.candles = market.candles
        self.spoil = lambda endpoint, result: result
        self.asked = []

    def call(self, endpoint, **parameters):
        self.asked.append(endpoint)
        result = ANSWERS[endpoint](self, parameters)
        return Answer(self.spoil(endpoint, result), self.market.now)

    def time(self):
        return self.market.now

    @property
    def latest_time(self):
        return self.market.now

    def tickers(self, _):
        seen = self.market.snapshot()
        rows = [
            {"symbol": symbol, "nextFundingTime": str(int(seen.next_funding[row]))}
            | {key: repr(float(getattr(seen, name)[row])) for key, name in TICKER.items()}
            for row, symbol in enumerate(seen.symbols)
        ]
        return {"category": "linear", "list": rows}

    def instruments(self, _):
        rows = [
            {"symbol": symbol, "contractType": "LinearPerpetual", "status": "Trading"}
            | {"settleCoin": "USDT", "symbolType": one.symbol_type, "isPreListing": False}
            | {"launchTime": "1585526400000", "deliveryTime": "0", "fundingInterval": 480}
            | {name: dict(value) for name, value in FILTERS.items()}
            for symbol, one in sorted(self.market.instruments().items())
        ]
        return {"category": "linear", "list": rows, "nextPageCursor": ""}

    def kline(self, asked):
        interval = int(asked["interval"]) * 60_000
        request = CandleRequest(asked["symbol"], interval, asked["start"], asked["end"])
        series = self.candles([request])[asked["symbol"]]
        if isinstance(series, PumpwatchError):
            raise series
        rows = [
            [str(time), *(repr(value) for value in values)]
            for time, values in zip(series.open_time.tolist(), series.values.tolist(), strict=True)
        ]
        return {"category": "linear", "symbol": asked["symbol"], "list": rows[::-1]}

    def trades(self, asked):
        symbol = asked["symbol"]
        found = self.market.recent_trades([symbol])[symbol]
        rows = [
            {"symbol": symbol, "time": str(time), "side": "Buy" if bought else "Sell"}
            | {"price": repr(price), "size": repr(size), "isBlockTrade": False}
            for time, bought, price, size in zip(
                found.time.tolist(),
                found.bought.tolist(),
                found.price.tolist(),
                found.quantity.tolist(),
                strict=True,
            )
        ]
        return {"category": "linear", "list": rows[::-1]}


ANSWERS = {
    e.TICKERS: WireSession.tickers,
    e.INSTRUMENTS: WireSession.instruments,
    e.KLINE: WireSession.kline,
    e.RECENT_TRADES: WireSession.trades,
}


def on_the_wire(rig):
    """Let the rig's detection read its market through the real adapter; return the session."""
    session = WireSession(rig.market)
    session.candles = rig.market.candles
    adapter = BybitMarketData(session)
    rig.detect = rig.new_instance(market=adapter)
    return session
