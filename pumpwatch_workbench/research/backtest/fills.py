"""Fill orders from candles. Every rule here errs against the account.

Slippage, as a share of the price::

    slippage_of_range * (high - low) / open  +  slippage_of_turnover * taken / turnover

`taken` is the order's own value in that candle, at most `max_turnover_share` of the turnover.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.market.candles import FloatArray
from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import Quote
from pumpwatch.domain.trading.rounding import decimal_from, floor_to

from .market import HIGH, LOW, OPEN, TURNOVER
from .settings import Assumptions


@dataclass(frozen=True, slots=True)
class PartialFill:
    """The fill within one candle: quantity in the base coin, price in USDT."""

    quantity: Decimal
    price: Decimal


def quote_at(opened: float, assumed: Assumptions) -> Quote:
    """Return what the market shows when a minute opens: half the spread on either side."""
    last = decimal_from(opened)
    half = assumed.spread / 2
    return Quote(bid=last * (1 - half), ask=last * (1 + half), last=last, mark=last)


def entry_part(
    side: Side,
    quantity: Decimal,
    candle: FloatArray,
    contract: Instrument,
    assumed: Assumptions,
    *,
    bound: Decimal,
) -> PartialFill | None:
    """Return what an entry gets in a candle, (6,), or None when nothing of it is filled.

    What the turnover does not allow, or what lies beyond the price `bound`, is not filled.
    """
    opened = decimal_from(candle[OPEN])
    filled = min(quantity, _capacity(opened, candle, contract, assumed))
    if filled <= 0:
        return None
    best = quote_at(candle[OPEN], assumed).best(side)
    slippage, tolerance = _slippage(filled * opened, candle, assumed), abs(bound / best - 1)
    beyond = slippage > tolerance
    if beyond:
        filled = floor_to(filled * tolerance / slippage, contract.quantity_step)
    if filled < contract.min_quantity:
        return None
    return PartialFill(filled, bound if beyond else _worse(best, side, slippage))


def exit_part(
    side: Side,
    quantity: Decimal,
    price: Decimal,
    candle: FloatArray,
    contract: Instrument,
    assumed: Assumptions,
    *,
    whole: bool,
) -> PartialFill | None:
    """Return what an exit order of `side` gets in a candle, (6,), at best `price`.

    None when the candle's turnover allows nothing; `whole` takes all of it out regardless.
    """
    opened = decimal_from(candle[OPEN])
    filled = min(quantity, _capacity(opened, candle, contract, assumed))
    slippage = _slippage(filled * opened, candle, assumed)
    if whole:
        filled = quantity
    if filled <= 0:
        return None
    return PartialFill(filled, _worse(price, side, assumed.spread / 2 + slippage))


def _capacity(
    opened: Decimal, candle: FloatArray, contract: Instrument, assumed: Assumptions
) -> Decimal:
    most = assumed.max_turnover_share * decimal_from(candle[TURNOVER]) / opened
    return floor_to(most, contract.quantity_step)


def _slippage(taken: Decimal, candle: FloatArray, assumed: Assumptions) -> Decimal:
    spread = decimal_from(candle[HIGH]) - decimal_from(candle[LOW])
    slippage = assumed.slippage_of_range * spread / decimal_from(candle[OPEN])
    if taken > 0:
        slippage += assumed.slippage_of_turnover * taken / decimal_from(candle[TURNOVER])
    return slippage


def _worse(price: Decimal, side: Side, share: Decimal) -> Decimal:
    return price * (1 + share) if side is Side.BUY else price * max(Decimal(0), 1 - share)
