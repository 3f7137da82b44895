"""What an order gets from a candle, by hand."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from pumpwatch.domain.trading.orders import Side
from pumpwatch_workbench.research.backtest.fills import entry_part, exit_part, quote_at
from pumpwatch_workbench.research.backtest.recordings import derived_contract
from pumpwatch_workbench.research.backtest.settings import Assumptions

CONTRACT = derived_contract("AUSDT", np.array([100.0, 100.01]))
CANDLE = np.array([100.0, 104.0, 99.0, 101.0, 1000.0, 100_000.0])
ASSUMED = Assumptions()
"""Spread 0.1 %, slippage 5 % of the range and 0.1 of the share of the turnover, at most 10 %."""


def entry(side=Side.SELL, quantity="10", candle=CANDLE, assumed=ASSUMED, tolerance="0.05"):
    sign = 1 if side is Side.BUY else -1
    bound = quote_at(100.0, ASSUMED).best(side) * (1 + sign * Decimal(tolerance))
    return entry_part(side, Decimal(quantity), candle, CONTRACT, assumed, bound=bound)


def exit_of(price="100", quantity="10", candle=CANDLE, *, whole=False, side=Side.BUY):
    return exit_part(
        side, Decimal(quantity), Decimal(price), candle, CONTRACT, ASSUMED, whole=whole
    )


def test_quote_lies_half_the_spread_on_either_side_of_the_opening_price():
    quote = quote_at(100.0, ASSUMED)
    assert (quote.bid, quote.ask, quote.last) == (Decimal("99.95"), Decimal("100.05"), 100)


def test_entry_pays_spread_range_and_turnover():
    # 1,000 USDT of 100,000 are 1 %; 5 % of a range of 5 % and 0.1 of 1 % make 0.35 %.
    sold, bought = entry(), entry(Side.BUY)
    assert sold.price == Decimal("99.95") * (1 - Decimal("0.0035"))
    assert bought.price == Decimal("100.05") * (1 + Decimal("0.0035"))
    assert sold.quantity == bought.quantity == 10


def test_thin_candle_fills_a_part_and_a_still_one_nothing():
    assert entry(quantity="500").quantity == 100
    still = CANDLE.copy()
    still[5] = 0.0
    assert entry(candle=still) is None


def test_what_lies_beyond_the_tolerance_is_not_filled():
    # A slippage of 0.35 % with a tolerance of 0.07 %: a fifth, at the tolerance.
    part = entry(tolerance="0.0007")
    assert part.quantity == 2
    assert part.price == Decimal("99.95") * (1 - Decimal("0.0007"))


def test_a_little_beyond_the_tolerance_a_little_is_not_filled():
    part = entry(tolerance="0.0028")  # of a slippage of 0.35 %: four fifths
    assert part.quantity == 8
    assert part.price == Decimal("99.95") * (1 - Decimal("0.0028"))
    assert entry(tolerance="0.0035").quantity == 10


def test_the_smallest_quantity_is_filled_and_less_is_not():
    least = CONTRACT.min_quantity
    assert entry(quantity=str(least)).quantity == least
    assert entry(quantity=str(least), tolerance="0.0001") is None


def test_what_must_go_pays_for_what_the_turnover_allows():
    # 10 % of the turnover: 0.1 of it, 0.25 % for the range and half the spread.
    slippage = Decimal("0.0005") + Decimal("0.0025") + Decimal("0.01")
    for quantity, whole in (("500", False), ("500", True), ("100", True)):
        assert exit_of(quantity=quantity, whole=whole).price == 100 * (1 + slippage)


def test_no_candle_is_wild_enough_for_a_price_below_nothing():
    wild = CANDLE.copy()
    wild[1] = 4_000.0
    assert exit_of(candle=wild, side=Side.SELL).price == 0


def test_exit_pays_half_the_spread_beyond_its_price():
    part = exit_of()
    assert part.price == 100 * (1 + Decimal("0.0005") + Decimal("0.0035"))
    assert exit_of(side=Side.SELL).price == 100 * (1 - Decimal("0.0005") - Decimal("0.0035"))


def test_exit_takes_what_the_turnover_allows_unless_all_must_go():
    assert exit_of(quantity="500").quantity == 100
    assert exit_of(quantity="500", whole=True).quantity == 500
    still = CANDLE.copy()
    still[5] = 0.0
    assert exit_of(candle=still) is None
    assert exit_of(candle=still, whole=True).quantity == 10


@pytest.mark.parametrize(
    ("prices", "tick", "step"),
    [
        ([0.1351, 0.135], "0.0001", "1"),
        ([100.0, 100.01], "0.01", "0.001"),
        ([40_000.0], "100", "0.00001"),
        ([0.123456789012], "0.000001", "1"),
    ],
)
def test_terms_of_a_contract_follow_from_its_first_prices(prices, tick, step):
    contract = derived_contract("AUSDT", np.array([*prices, float("nan")]))
    assert contract.tick_size == Decimal(tick)
    assert contract.quantity_step == Decimal(step)
