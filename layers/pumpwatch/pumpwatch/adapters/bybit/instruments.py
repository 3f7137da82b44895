"""The instruments answer: which contracts are watched, and the terms of the tradable ones."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.domain.market import Instrument
from pumpwatch.errors import ExchangeUnavailable

from .fields import (
    LATEST_TIME,
    Row,
    amount,
    integer,
    moment,
    object_in,
    optional_amount,
    optional_number,
    price,
    text,
)
from .tickers import is_usdt_perpetual, symbol_of

__all__ = ["is_tradable", "is_watched", "read_instrument", "symbol_type"]

MIN_NOTIONAL = Decimal(5)
"""USDT; Bybit's general minimum, for rows that do not name one."""
OTHER_CONTRACTS = ("InversePerpetual", "LinearFutures", "InverseFutures")
OTHER_STATES = ("PreLaunch", "Delivering", "Closed")
YES = (True, "true", "True")


def is_watched(row: Row) -> bool:
    """Return whether the row may be a USDT perpetual in normal trading: nothing in it denies it."""
    return (
        is_usdt_perpetual(symbol_of(row))
        and row.get("contractType") not in OTHER_CONTRACTS
        and row.get("status") not in OTHER_STATES
        and row.get("isPreListing") not in YES
    )


def is_tradable(row: Row) -> bool:
    """Return whether the row is a USDT perpetual in normal trading, not dated, not pre-market."""
    return (
        is_watched(row)
        and row.get("contractType") == "LinearPerpetual"
        and row.get("settleCoin") == "USDT"
        and row.get("status") == "Trading"
    )


def symbol_type(row: Row) -> str:
    """Return the exchange's class of the symbol; empty, as for coins, where it cannot be read."""
    found = row.get("symbolType")
    return found if isinstance(found, str) and found.isprintable() else ""


def read_instrument(row: Row) -> Instrument:
    """Return the contract's terms.

    Raises `ExchangeUnavailable` when a step, a limit of quantities or the delisting cannot be read:
    an order's size or end would be a guess. What else is missing or impossible is 0, 1 (leverage)
    or None.
    """
    symbol = text(row, "symbol", "instruments-info")
    where = f"instruments-info of {symbol}"
    lot = object_in(row.get("lotSizeFilter"), f"{where}: lotSizeFilter")
    filters = object_in(row.get("priceFilter"), f"{where}: priceFilter")
    most = optional_amount(lot, "maxOrderQty", where)
    ends = row.get("deliveryTime") not in (None, "") and moment(row, "deliveryTime", where)
    return Instrument(
        symbol=symbol,
        tick_size=price(filters, "tickSize", where),
        quantity_step=price(lot, "qtyStep", where),
        min_quantity=amount(lot, "minOrderQty", where),
        max_market_quantity=(
            optional_amount(lot, "maxMktOrderQty", where) or price(lot, "maxOrderQty", where)
        ),
        min_notional=optional_amount(lot, "minNotionalValue", where) or MIN_NOTIONAL,
        max_leverage=_above_zero(row.get("leverageFilter"), "maxLeverage") or Decimal(1),
        launch_time=_whole(row, "launchTime"),
        symbol_type=symbol_type(row),
        funding_interval_minutes=_whole(row, "fundingInterval"),
        max_quantity=most,
        price_limit_ratio=_price_limit(row.get("riskParameters")),
        delivery_time=ends or None,
    )


def _above_zero(row: object, name: str) -> Decimal | None:
    try:
        found = optional_number(object_in(row, name), name, name)
    except ExchangeUnavailable:
        return None
    return found if found is not None and found > 0 else None


def _whole(row: Row, name: str) -> int:
    try:
        found = integer(row, name, name)
    except ExchangeUnavailable:
        return 0
    return found if 0 < found < LATEST_TIME else 0


def _price_limit(row: object) -> Decimal | None:
    """Return the ratio within which the exchange takes any price, however index and book stand.

    Bybit's formula (docs/v5/account/set-price-limit) goes beyond mark x (1 + X) with the index and
    the premium, and never beyond mark x (1 + Y).
    """
    ratios = [_above_zero(row, name) for name in ("priceLimitRatioX", "priceLimitRatioY")]
    return min((ratio for ratio in ratios if ratio is not None), default=None)
