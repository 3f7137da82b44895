"""The market of a desk: the strongest movers."""

from dataclasses import fields

import numpy as np
from support.records import NOW, a_signal

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.settings.detect import DetectSettings
from pumpwatch_workbench.play.desk.market import WatchedMarket
from pumpwatch_workbench.play.views.looks import Looks

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


def test_movers_are_of_the_last_minute_of_looks_from_the_second_look_on(monkeypatch):
    market = market_with(
        monkeypatch,
        (NOW, [1.0, 1.0, 1.0]),
        (NOW + 5_000, [1.2, 1.0, 9.0]),
        (NOW + 60_000, [1.1, 0.7, 1.0]),
        (NOW + 240_000, [5.0, 5.0, 5.0]),
    )
    market.snapshot()
    assert market.looks.movers == ()
    market.snapshot()
    assert moves(market) == [("AUSDT", 0.2), ("BUSDT", 0.0)]
    market.snapshot()
    assert moves(market) == [("BUSDT", -0.3), ("AUSDT", 0.1)]
    market.snapshot()
    assert [symbol for symbol, _ in moves(market)] == ["BUSDT", "AUSDT"], "nothing to compare with"


def moves(market):
    return [(mover.symbol, round(mover.change, 3)) for mover in market.looks.movers]


def test_a_symbol_keeps_its_line_when_its_place_in_the_list_changes():
    looks = Looks()
    looks.add(NOW, ("A", "B"), np.array([1.0, 2.0]), np.array([10.0, 20.0]))
    looks.add(
        NOW + 5_000, ("NEW", "A", "B"), np.array([7.0, 1.5, 3.0]), np.array([1.0, 11.0, 22.0])
    )
    assert looks.prices("B") == [(NOW, 2.0), (NOW + 5_000, 3.0)]
    assert looks.prices("NEW") == [(NOW + 5_000, 7.0)]
    usual = 10 * 5 / 86_400
    assert (
        looks.flow_words("A")
        == f"1 USDT in 5 s, {(1 + usual) / usual:,.1f} times its usual turnover"
    )
    assert looks.flow_words("NEW") == ""
    assert [(mover.symbol, mover.change) for mover in looks.movers][:2] == [("A", 0.5), ("B", 0.5)]


def test_a_pump_rises_since_the_last_look_at_less_than_a_tenth_of_it():
    looks = Looks()
    signal = a_signal(base_price=1.0, price=1.2, time=NOW + 40_000)
    assert looks.rise_seconds(signal) is None
    for second, price in ((-100, 1.0), (0, 1.01), (20, 1.1), (40, 1.2)):
        looks.add(NOW + second * 1000, (signal.symbol,), np.array([price]), np.array([1.0]))
    assert looks.rise_seconds(signal) == 40.0
    assert looks.rise_seconds(a_signal(base_price=0.5, price=1.2, time=NOW)) is None
