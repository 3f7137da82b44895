"""The instruments answer: which contracts are watched, and the terms of the tradable ones."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.domain.market.snapshot import Instrument

from .fields import (
    Row,
    amount,
    moment,
    object_in,
    optional_amount,
    optional_text,
    or_default,
    price,
    text,
)
from .tickers import is_usdt_perpetual, symbol_of

MIN_NOTIONAL = Decimal(5)
"""USDT; Bybit's general minimum, for rows that do not name one."""
OTHER_CONTRACTS = ("InversePerpetual", "LinearFutures", "InverseFutures")
OTHER_STATES = ("PreLaunch", "Delivering", "Closed")


def is_watched(row: Row) -> bool:
    """Return whether the row may be a USDT perpetual in normal trading: nothing in it denies it."""
    return (
        is_usdt_perpetual(symbol_of(row))
        and row.get("contractType") not in OTHER_CONTRACTS
        and row.get("status") not in OTHER_STATES
        and row.get("isPreListing") not in (True, "true")
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
    return or_default("", optional_text, row, "symbolType")


def read_instrument(row: Row) -> Instrument:
    """Return the contract's terms.

    Raises `ExchangeUnavailable` when a step, a limit of quantities or the delisting cannot be read.
    """
    symbol = text(row, "symbol", "instruments-info")
    where = f"instruments-info of {symbol}"
    lot = object_in(row.get("lotSizeFilter"), f"{where}: lotSizeFilter")
    filters = object_in(row.get("priceFilter"), f"{where}: priceFilter")
    most = optional_amount(lot, "maxOrderQty", where)
    return Instrument(
        symbol=symbol,
        tick_size=price(filters, "tickSize", where),
        quantity_step=price(lot, "qtyStep", where),
        min_quantity=amount(lot, "minOrderQty", where),
        max_market_quantity=(
            optional_amount(lot, "maxMktOrderQty", where) or price(lot, "maxOrderQty", where)
        ),
        min_notional=optional_amount(lot, "minNotionalValue", where) or MIN_NOTIONAL,
        max_leverage=or_default(Decimal(1), price, row.get("leverageFilter"), "maxLeverage"),
        launch_time=or_default(0, moment, row, "launchTime"),
        symbol_type=symbol_type(row),
        funding_interval_minutes=or_default(0, moment, row, "fundingInterval"),
        max_quantity=most,
        # Y bounds what index and premium add to this (docs/v5/account/set-price-limit).
        price_limit_ratio=or_default(None, price, row.get("riskParameters"), "priceLimitRatioX"),
        delivery_time=moment(row, "deliveryTime", where) or None
        if row.get("deliveryTime")
        else None,
    )
