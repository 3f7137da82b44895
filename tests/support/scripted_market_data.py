"""A market that says what it was told to say (MarketData port)."""

from decimal import Decimal

import numpy as np

from pumpwatch.domain.market.candles import CandleRequest, CandleSeries
from pumpwatch.domain.market.snapshot import Instrument, MarketSnapshot, OrderBook
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import UnknownSymbol

COLUMNS = (
    "last_price",
    "mark_price",
    "high_24h",
    "low_24h",
    "volume_24h",
    "turnover_24h",
    "funding_rate",
)


def instrument(symbol, **changes):
    """Return a plausible contract, with some fields changed."""
    fields = {
        "tick_size": Decimal("0.0001"),
        "quantity_step": Decimal("0.1"),
        "min_quantity": Decimal("0.1"),
        "max_market_quantity": Decimal(1_000_000),
        "min_notional": Decimal(5),
        "max_leverage": Decimal(25),
        "launch_time": 0,
    }
    return Instrument(symbol=symbol, **{**fields, **changes})


class ScriptedMarketData:
    """A scripted exchange. Set `now`, give it candles and prices, let methods fail on purpose.

    A symbol's last price is what `set_price` gave, else the close of its newest visible one-minute
    candle. Candles that open after `now` are invisible; the one that contains `now` is forming.
    """

    def __init__(self, now):
        self.now = now
        self.calls = []
        """The name of every method called, in order."""
        self.failures = {}
        """By method name (every call fails) or by symbol (its candles, trades and book fail)."""
        self.candle_requests = []
        self.skipped = ()
        self._instruments = {}
        self._series = {}
        self._prices = {}
        self._funding = {}
        self._books = {}
        self._trades = {}

    def list_instrument(self, contract):
        """Add a contract."""
        self._instruments[contract.symbol] = contract

    def delist(self, symbol):
        """Remove a contract and its price."""
        self._instruments.pop(symbol, None)
        self._prices.pop(symbol, None)

    def set_candles(self, series):
        """Give a symbol's candles of one interval; those after `now` appear as `now` moves."""
        self._series[series.symbol, series.interval] = series
        self._instruments.setdefault(series.symbol, instrument(series.symbol))

    def set_price(self, symbol, last, **fields):
        """Set a symbol's ticker; fields not given follow from the last price.

        Fields: mark_price, bid, ask, high_24h, low_24h, volume_24h, turnover_24h, funding_rate,
        next_funding.
        """
        self._prices[symbol] = {"last_price": last, **fields}
        self._instruments.setdefault(symbol, instrument(symbol))

    def set_funding(self, symbol, rate, time):
        """Set a symbol's funding rate and one of its funding times, milliseconds UTC.

        The snapshot then names the next one after `now`, on the contract's interval. Without it the
        rate is 0.0001 and the times are multiples of the interval.
        """
        self._funding[symbol] = rate, time

    def set_book(self, book):
        """Set a symbol's book; without it a deep book stands 0.01 % around the last price."""
        self._books[book.symbol] = book

    def set_trades(self, symbol, trades):
        """Give a symbol's trades; those after `now` appear as `now` moves. Without: none known."""
        self._trades[symbol] = trades
        self._instruments.setdefault(symbol, instrument(symbol))

    def time(self):
        """Return `now`."""
        self._called("time")
        return self.now

    def snapshot(self, symbol=""):
        """Return every listed symbol that has a price, or the one that is asked for."""
        self._called("snapshot")
        wanted = [name for name in self._instruments if symbol in ("", name)]
        symbols = sorted(name for name in wanted if self._last(name) is not None)
        tickers = [self._ticker(symbol) for symbol in symbols]
        arrays = {name: np.array([row[name] for row in tickers], dtype=float) for name in COLUMNS}
        next_funding = np.array([row["next_funding"] for row in tickers], dtype=np.int64)
        return MarketSnapshot(
            time=self.now,
            symbols=tuple(symbols),
            **arrays,
            next_funding=next_funding,
            skipped=self.skipped,
        )

    def watchlist(self):
        """Return the listed contracts' classes."""
        self._called("watchlist")
        return {symbol: contract.symbol_type for symbol, contract in self._instruments.items()}

    def instruments(self):
        """Return the listed contracts."""
        self._called("instruments")
        return dict(self._instruments)

    def candles(self, requests):
        """Return the visible candles of each request, or the scripted failure."""
        self._called("candles")
        self.candle_requests.extend(requests)
        return {request.symbol: self._candles(request) for request in requests}

    def recent_trades(self, symbols):
        """Return the last visible trades of each symbol, or the scripted failure."""
        self._called("recent_trades")
        return {symbol: self._recent(symbol) for symbol in symbols}

    def order_book(self, symbol):
        """Return the symbol's book. Raises `UnknownSymbol`."""
        self._called("order_book")
        if symbol in self.failures:
            raise self.failures[symbol]
        if symbol in self._books:
            return self._books[symbol]
        last = self._last(symbol)
        if last is None:
            raise UnknownSymbol(f"{symbol} is not listed")
        price, deep = Decimal(repr(last)), Decimal(1_000_000_000)
        spread = price * Decimal("0.0001")
        return OrderBook(symbol, self.now, ((price - spread, deep),), ((price + spread, deep),))

    def _called(self, name):
        self.calls.append(name)
        if name in self.failures:
            raise self.failures[name]

    def _candles(self, request):
        symbol, interval = request.symbol, request.interval
        if symbol in self.failures:
            return self.failures[symbol]
        if symbol not in self._instruments:
            return UnknownSymbol(f"{symbol} is not listed")
        known = self._series.get((symbol, interval))
        if known is None:
            nothing = np.empty(0, dtype=np.int64)
            return CandleSeries(symbol, interval, nothing, np.empty((0, 6)), forming=False)
        times = known.open_time
        first = int(np.searchsorted(times, request.start))
        wanted = slice(first, int(np.searchsorted(times, min(request.end, self.now), "right")))
        forming = wanted.stop > first and int(times[wanted][-1]) + interval > self.now
        return CandleSeries(symbol, interval, times[wanted], known.values[wanted], forming)

    def _recent(self, symbol):
        if symbol in self.failures:
            return self.failures[symbol]
        if symbol not in self._instruments:
            return UnknownSymbol(f"{symbol} is not listed")
        if symbol not in self._trades:
            nothing = np.empty(0)
            moments, bought = nothing.astype(np.int64), nothing.astype(np.bool_)
            return MarketTrades(moments, bought, nothing, nothing, since=self.now)
        return self._trades[symbol].shown_at(self.now + 1)

    def _last(self, symbol):
        if symbol in self._prices:
            return self._prices[symbol]["last_price"]
        newest = self._day(symbol)
        return None if newest is None else float(newest.values[-1, 3])

    def _day(self, symbol):
        """Return the visible one-minute candles of the last 24 hours, None when there are none."""
        series = self._candles(CandleRequest(symbol, MINUTE, self.now - 86_400_000 + 1, self.now))
        return series if isinstance(series, CandleSeries) and len(series.open_time) else None

    def _ticker(self, symbol):
        last = self._last(symbol)
        day = self._day(symbol)
        values = np.empty((0, 6)) if day is None else day.values
        derived = {
            "high_24h": lambda: float(values[:, 1].max(initial=last or 0.0)),
            "low_24h": lambda: float(values[:, 2].min(initial=last or 0.0)),
            "volume_24h": lambda: float(values[:, 4].sum()),
            "turnover_24h": lambda: float(values[:, 5].sum()),
        }
        row = {"last_price": last or 0.0, "mark_price": last or 0.0}
        row.update({name: value() for name, value in derived.items()})
        row["funding_rate"], grid = self._funding.get(symbol, (0.0001, 0))
        interval = (self._instruments[symbol].funding_interval_minutes or 480) * MINUTE
        row["next_funding"] = float(self.now + interval - (self.now - grid) % interval)
        return {**row, **self._prices.get(symbol, {})}
