"""The detect use case on a few scripted symbols and the in-memory ports."""

from types import SimpleNamespace

import numpy as np
from support.scripted_market_data import ScriptedMarketData

from pumpwatch.domain.market.candles import CandleSeries
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch_workbench.local.memory import MemoryEventStore, MemoryHistoryStore, MemorySignalStore

START = 1_767_225_600_000
"""2026-01-01T00:00:00Z: the first minute that tests play."""
BEFORE = 27 * HOUR // MINUTE
"""Minutes of history before it."""
AFTER = 300


class Rig:
    """Calm symbols `A0USDT`, `A1USDT`, ... (the first ones trade most); `pump` disturbs them."""

    def __init__(self, symbols=5, *, interval=MINUTE, before=BEFORE, **settings):
        self.interval = interval
        self.first = START - before * interval
        self.market = ScriptedMarketData(START)
        self.signals = MemorySignalStore()
        self.events = MemoryEventStore()
        self.history = MemoryHistoryStore()
        self.settings = DetectSettings(
            table_name="table",
            bucket_name="bucket",
            refresh_symbols=2,
            **{"detector": "ewma", **settings},
        )
        self.values = {}
        self.broken = {}
        """Errors by symbol: its candles fail, its ticker goes on."""
        self._whole = self.market.candles
        self.rounds = 0
        """Calls for candles in the last tick."""
        self.market.candles = self._candles
        for number in range(symbols):
            self.list(f"A{number}USDT", number, before + AFTER)
        self.detect = self.new_instance()

    def list(self, symbol, number, count, *, first=None):
        """Add a calm symbol with `count` candles."""
        random = np.random.default_rng(number)
        price = 10 * np.exp(np.cumsum(random.normal(0, 1e-4, count)))
        volume = random.lognormal(0, 1, count) * 1000 / (number + 1)
        self.values[symbol] = np.stack(
            [price, price * 1.001, price * 0.999, price, volume, volume * price], axis=1
        )
        self._starts = {**getattr(self, "_starts", {}), symbol: first or self.first}
        self._show(symbol)

    def _candles(self, requests):
        assert len({one.symbol for one in requests}) == len(requests), "a symbol was asked twice"
        self.rounds += 1
        answers = self._whole(requests)
        return {symbol: self.broken.get(symbol, answer) for symbol, answer in answers.items()}

    def pump(self, symbol, minute, *, rise=1.2, flow=2000.0, close=1.0):
        """Let a symbol jump in a candle; `close`: share of the rise that it closes with."""
        row = (START - self._starts[symbol]) // self.interval + minute
        values = self.values[symbol]
        base = values[row - 1, 3]
        values[row, 1] = base * rise
        values[row, 3] = base * (1 + (rise - 1) * close)
        values[row, 4:] *= flow
        self._show(symbol)

    def _show(self, symbol):
        values = self.values[symbol]
        times = self._starts[symbol] + self.interval * np.arange(len(values), dtype=np.int64)
        self.market.set_candles(CandleSeries(symbol, self.interval, times, values, forming=False))

    def new_instance(self, market=None, **more):
        """Return the use case of a cold container, on the same stores."""
        return DetectPumps(
            market or self.market, self.history, self.signals, self.events, self.settings, **more
        )

    def tick(self, minute, *, second=10, detect=None, **more):
        """Run the use case in a minute, counted from START."""
        self.market.now = START + int(minute * MINUTE) + round(second * 1000)
        self.market.candle_requests.clear()
        self.rounds = 0
        tick = SimpleNamespace(scheduled_time=START + int(minute * MINUTE), execution_id="e")
        return (detect or self.detect).run(tick, **more)

    def lose(self, part):
        """Drop the saved archives in whose key a text stands."""
        kept = {key: body for key, body in self.history._archives.items() if part not in key}
        self.history._archives = kept

    def ready(self, minute=-1):
        """Fill the history ahead of the first tick."""
        self.market.now = START + minute * MINUTE + 5_000
        self.detect.backfill()
        return self

    def asked(self):
        """Return the symbols asked for in the last tick."""
        return {request.symbol for request in self.market.candle_requests}

    def found(self):
        """Return (symbol, phase) of every signal, in order of phase."""
        return [(one.symbol, one.phase.value) for one in self.signals.since(0)]
