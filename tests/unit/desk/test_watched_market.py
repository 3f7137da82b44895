"""The market of a desk: the strongest movers, and everything else as it comes."""

from dataclasses import fields

import numpy as np
import pytest
from support.records import NOW

from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.ports import MarketData
from pumpwatch.settings.symbols import SymbolChoice
from pumpwatch_workbench.play.desk.market import WatchedMarket

SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")


class Passed:
    """A market that answers every question with its name and arguments."""

    def __getattr__(self, name):
        return lambda *arguments: (name, arguments)


def the_market(market):
    return WatchedMarket(market, SymbolChoice(excluded=("CUSDT",)))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("time", ()),
        ("watchlist", ()),
        ("instruments", ()),
        ("candles", (["requests"],)),
        ("recent_trades", (["AUSDT"],)),
        ("order_book", ("AUSDT",)),
        ("snapshot", ("AUSDT",)),
    ],
)
def test_questions_go_to_the_exchange_as_they_are(name, arguments):
    assert getattr(the_market(Passed()), name)(*arguments) == (name, arguments)


def test_every_question_of_the_port_is_one_of_them():
    asked = {name for name in vars(MarketData) if not name.startswith("_")}
    assert asked <= {name for name in vars(WatchedMarket) if not name.startswith("_")}


class Moving:
    """Looks at three symbols, with the prices of a list."""

    def __init__(self, *looks):
        self._looks = list(looks)

    def snapshot(self, symbol=""):
        time, prices = self._looks.pop(0)
        values = {field.name: np.ones(3) for field in fields(MarketSnapshot)}
        values |= {"last_price": np.array(prices), "symbols": SYMBOLS, "time": time, "skipped": ()}
        return MarketSnapshot(**values)


def test_movers_are_of_the_last_two_looks_that_are_about_a_minute_apart():
    market = the_market(
        Moving(
            (NOW, [1.0, 1.0, 1.0]),
            (NOW + 5_000, [9.0, 9.0, 9.0]),
            (NOW + 60_000, [1.1, 0.7, 1.0]),
            (NOW + 240_000, [5.0, 5.0, 5.0]),
        )
    )
    market.snapshot()
    market.snapshot()
    assert market.movers() == ()
    market.snapshot()
    moved = [(mover.symbol, round(mover.change, 3)) for mover in market.movers()]
    assert moved == [("BUSDT", -0.3), ("AUSDT", 0.1)]
    market.snapshot()
    assert [mover.symbol for mover in market.movers()] == ["BUSDT", "AUSDT"]
