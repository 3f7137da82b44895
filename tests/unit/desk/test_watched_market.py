"""The market of a desk: the strongest movers."""

from dataclasses import fields

import numpy as np
from support.records import NOW

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.settings.detect import DetectSettings
from pumpwatch_workbench.play.desk.market import WatchedMarket

SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")


def market_with(monkeypatch, *looks):
    """Return the market whose looks at three symbols see the prices of a list."""
    left = list(looks)

    def snapshot(market, symbol):
        time, prices = left.pop(0)
        values = {field.name: np.ones(3) for field in fields(MarketSnapshot)}
        values |= {"last_price": np.array(prices), "symbols": SYMBOLS, "time": time, "skipped": ()}
        return MarketSnapshot(**values)

    monkeypatch.setattr(BybitMarketData, "snapshot", snapshot)
    settings = DetectSettings(table_name="table", bucket_name="bucket", symbols_excluded="CUSDT")
    return WatchedMarket(None, settings)


def test_movers_are_of_the_last_two_looks_that_are_about_a_minute_apart(monkeypatch):
    market = market_with(
        monkeypatch,
        (NOW, [1.0, 1.0, 1.0]),
        (NOW + 5_000, [9.0, 9.0, 9.0]),
        (NOW + 60_000, [1.1, 0.7, 1.0]),
        (NOW + 240_000, [5.0, 5.0, 5.0]),
    )
    market.snapshot()
    market.snapshot()
    assert market.movers == ()
    market.snapshot()
    moved = [(mover.symbol, round(mover.change, 3)) for mover in market.movers]
    assert moved == [("BUSDT", -0.3), ("AUSDT", 0.1)]
    market.snapshot()
    assert [mover.symbol for mover in market.movers] == ["BUSDT", "AUSDT"]
