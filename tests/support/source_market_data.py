"""MarketData straight from a simulated price source: no HTTP, no wire format."""

import numpy as np
from support.scripted_market_data import instrument

from pumpwatch.domain.market.candles import CandleSeries
from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE

COLUMNS = ("open", "high", "low", "close", "volume", "turnover")


class SourceMarketData:
    """Reads one-minute (or hourly) candles and tickers of a `Market` at `now`; counts pages."""

    def __init__(self, source, now, *, interval=60_000):
        self.source = source
        self.now = now
        self.pages = 0
        self.dropped = {}
        self._index = {
            one.symbol: index
            for index, one in enumerate(source.listings)
            if one.settle_coin == "USDT" and one.contract_type == "LinearPerpetual"
        }

    def time(self):
        self.pages += 1
        return self.now

    def watchlist(self):
        return {symbol: one.symbol_type for symbol, one in self.instruments().items()}

    def instruments(self):
        self.pages += 1
        return {
            symbol: instrument(
                symbol,
                symbol_type=self.source.listings[index].symbol_type,
                launch_time=self.source.listings[index].launch_time,
            )
            for symbol, index in self._index.items()
        }

    def snapshot(self, symbol=""):
        self.pages += 1
        view = self.source.view(self.now)
        listed = [i for i, one in enumerate(self.source.listings) if not np.isnan(view.last[i])]
        return MarketSnapshot(
            time=self.now,
            symbols=tuple(self.source.listings[i].symbol for i in listed),
            last_price=view.last[listed],
            mark_price=view.mark[listed],
            bid=view.last[listed] * (1 - view.half_spread[listed]),
            ask=view.last[listed] * (1 + view.half_spread[listed]),
            high_24h=view.high_24h[listed],
            low_24h=view.low_24h[listed],
            volume_24h=np.round(view.volume_24h[listed], 4),
            turnover_24h=np.round(view.turnover_24h[listed], 4),
            funding_rate=view.funding_rate[listed],
            next_funding=np.zeros(len(listed), dtype=np.int64),
        )

    def candles(self, requests):
        return {one.symbol: self._series(one) for one in requests}

    def recent_trades(self, symbols):
        self.pages += len(symbols)
        return {symbol: self._trades(symbol) for symbol in symbols}

    def all_trades(self, symbol, *, since):
        """Return every trade up to now."""
        found = self.source.trades(self._index[symbol], since, self.now)
        return MarketTrades(found.time, found.bought, found.price, found.quantity, since)

    def _trades(self, symbol):
        return self.all_trades(symbol, since=self.now - 10 * MINUTE).shown_at(self.now + 1)

    def order_book(self, symbol):
        raise NotImplementedError

    def _series(self, request):
        if request.symbol in self.dropped:
            return self.dropped[request.symbol]
        step = request.interval
        self.pages += -(-((request.end - request.start) // step + 1) // 1000)
        index = self._index[request.symbol]
        last = min(request.end + step - 60_000, self.now // 60_000 * 60_000 - 60_000)
        minutes = self.source.minutes(index, request.start, last)
        times = minutes.open_time
        values = np.stack([getattr(minutes, name) for name in COLUMNS], axis=1)
        if self.now // 60_000 * 60_000 <= request.end + step - 60_000:
            forming = self.source.forming(index, self.now)
            times = np.append(times, forming.open_time)
            values = np.concatenate(
                [values, np.stack([getattr(forming, name) for name in COLUMNS], axis=1)]
            )
        if step != 60_000:
            times, values = _merged(times, values, step)
        open_now = self.now // step * step
        return CandleSeries(
            request.symbol, step, times, values, bool(len(times)) and int(times[-1]) == open_now
        )


def _merged(times, values, step):
    hours = times // step * step
    starts = np.flatnonzero(np.diff(hours, prepend=hours[:1] - 1))
    ends = np.append(starts[1:], len(times)) - 1
    merged = np.stack(
        [
            values[starts, 0],
            np.maximum.reduceat(values[:, 1], starts),
            np.minimum.reduceat(values[:, 2], starts),
            values[ends, 3],
            np.add.reduceat(values[:, 4], starts),
            np.add.reduceat(values[:, 5], starts),
        ],
        axis=1,
    )
    return hours[starts], merged
