"""The detect use case at the pace of scans: a tape of trades moves tickers between the candles."""

from dataclasses import replace

import numpy as np

from pumpwatch.domain.detection.rules import DETECTORS
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE, SECOND
from pumpwatch.usecases.detect import detect_pumps

from . import hand_made
from .detect_rig import START, Rig

STEP = 5 * SECOND


class BurstRig(Rig):
    """Calm symbols and a tape of trades; `scans` looks at the market every five seconds."""

    def __init__(self, monkeypatch, symbols=4, *, model=None, interval=STEP, **settings):
        rule = hand_made.burst_rule(model, interval=interval)
        monkeypatch.setattr(detect_pumps, "burst_rule_named", lambda *_, **__: rule)
        monkeypatch.setitem(DETECTORS, "boosted", lambda _: hand_made.boosted(model))
        super().__init__(symbols, **{"detector": "boosted", **settings})
        self.step = interval
        self.tape = {}
        """By symbol: times, prices, values in USDT, and what took the order, oldest first."""
        self.changed = []
        """Functions that are given a snapshot and return what the exchange answers instead."""
        self._calm = self.market.snapshot
        self.market.snapshot = self._snapshot

    def mean(self, symbol):
        """Return the turnover of a usual minute before `START`."""
        row = (START - self._starts[symbol]) // MINUTE
        return float(self.values[symbol][max(0, row - 1440) : row, 5].mean())

    def burst(self, symbol, begin, *, seconds=40, rise=0.2, times=400, trades=4):
        """Let a symbol rise evenly from `begin` on, milliseconds after `START`."""
        count = seconds * trades
        base = self.price(symbol, START + begin)
        time = START + begin + np.arange(count) * (1000 // trades)
        self.trade(
            symbol,
            time,
            base * (1 + rise * np.arange(1, count + 1) / count),
            np.full(count, times * self.mean(symbol) / count),
        )

    def trade(self, symbol, time, price, value):
        """Add trades to a symbol's tape."""
        old = self.tape.get(symbol, (np.empty(0, np.int64), np.empty(0), np.empty(0)))
        new = np.broadcast_arrays(np.atleast_1d(time), price, value)
        joined = [np.concatenate(pair) for pair in zip(old, new, strict=True)]
        order = np.argsort(joined[0], kind="stable")
        time, price, value = (column[order] for column in joined)
        time = time.astype(np.int64)
        self.tape[symbol] = time, price, value
        bought = np.ones(len(time), dtype=np.bool_)
        since = int(time[0]) - 10 * MINUTE
        self.market.set_trades(symbol, MarketTrades(time, bought, price, value / price, since))

    def price(self, symbol, now):
        """Return the last price before or at a time."""
        time, price, _ = self.tape.get(symbol, (np.empty(0), None, None))
        known = int(np.searchsorted(time, now, side="right"))
        row = (now - self._starts[symbol]) // MINUTE
        return float(price[known - 1]) if known else float(self.values[symbol][row - 1, 3])

    def _snapshot(self):
        snapshot = self._calm()
        last, turnover = snapshot.last_price.copy(), snapshot.turnover_24h.copy()
        volume, high = snapshot.volume_24h.copy(), snapshot.high_24h.copy()
        for symbol, (time, price, value) in self.tape.items():
            row = snapshot.symbols.index(symbol)
            seen = int(np.searchsorted(time, self.market.now, side="right"))
            if seen:
                last[row] = price[seen - 1]
                turnover[row] += value[:seen].sum()
                volume[row] += (value[:seen] / price[:seen]).sum()
                high[row] = max(high[row], price[:seen].max())
        snapshot = replace(
            snapshot, last_price=last, turnover_24h=turnover, volume_24h=volume, high_24h=high
        )
        for change in self.changed:
            snapshot = change(snapshot)
        return snapshot

    def look(self, after, *, detect=None, **more):
        """Scan at a time, milliseconds after `START`; the minute's run where one is due."""
        self.market.now = START + after
        self.market.candle_requests.clear()
        detect = detect or self.detect
        minute = after // MINUTE
        if minute != getattr(self, "_ran", None):
            self._ran = minute
            return self.tick(minute, second=after % MINUTE / 1000, detect=detect, **more)
        return detect.look(**more)

    def scans(self, begin, end, **more):
        """Scan every `step` from `begin` on and before `end`; return the reports."""
        return [self.look(after, **more) for after in range(begin, end, self.step)]
