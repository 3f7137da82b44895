"""The limit price of an entry, by hand."""

from decimal import Decimal

import pytest
from support.scripted_market_data import instrument

from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import Denied, Quote
from pumpwatch.domain.trading.sizing import entry_price

D = Decimal
QUOTE = Quote(bid=D("99.9"), ask=D("100.1"), last=D(100), mark=D(100))
FAR = {Side.BUY: D(200), Side.SELL: D(1)}


def priced(side, tolerance="0.01", *, target="", mark="100", ratio=""):
    limit = D(ratio) if ratio else None
    contract = instrument("AUSDT", tick_size=D("0.1"), price_limit_ratio=limit)
    quote = Quote(QUOTE.bid, QUOTE.ask, QUOTE.last, D(mark))
    return entry_price(side, quote, contract, D(tolerance), D(target) if target else FAR[side])


def test_it_lies_the_tolerance_beyond_the_best_price_rounded_toward_the_book():
    assert priced(Side.BUY) == D("101.1")  # 101.101
    assert priced(Side.SELL) == D("99.0")  # 98.901


def test_a_tolerance_below_the_tick_leaves_the_best_price():
    assert priced(Side.BUY, "0.0001") == QUOTE.ask
    assert priced(Side.SELL, "0.0001") == QUOTE.bid


@pytest.mark.parametrize(
    ("side", "mark", "ratio", "price"),
    [
        (Side.BUY, "100", "0.005", "100.5"),
        (Side.BUY, "95.37", "0.05", "100.1"),  # 100.1385: the best price is just reached
        (Side.SELL, "100", "0.005", "99.5"),
        (Side.SELL, "105.1", "0.05", "99.9"),  # 99.845
        (Side.BUY, "100", "0.05", "101.1"),
        (Side.SELL, "100", "0.05", "99.0"),
    ],
)
def test_it_is_clipped_to_the_price_limit_around_the_mark(side, mark, ratio, price):
    assert priced(side, mark=mark, ratio=ratio) == D(price)


@pytest.mark.parametrize(("side", "mark"), [(Side.BUY, "95.3"), (Side.SELL, "105.2")])
def test_a_mark_price_that_lags_too_far_behind_denies(side, mark):
    denied = priced(side, mark=mark, ratio="0.05")
    assert isinstance(denied, Denied)
    assert mark in denied.reason
    assert priced(side, mark=mark) != denied


def test_it_stays_a_tick_before_the_target():
    assert priced(Side.BUY, target="100.6") == D("100.5")
    assert priced(Side.SELL, target="99.5") == D("99.6")


def test_a_price_of_nothing_is_denied():
    tiny = Quote(bid=D("0.05"), ask=D("0.06"), last=D("0.05"), mark=D("0.05"))
    contract = instrument("AUSDT", tick_size=D("0.1"))
    assert isinstance(entry_price(Side.SELL, tiny, contract, D("0.01"), D("0.01")), Denied)
    assert isinstance(entry_price(Side.BUY, tiny, contract, D("0.01"), D(1)), Denied)
