"""The instruments answer as contracts."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.domain.market import Instrument
from pumpwatch.errors import ExchangeUnavailable

from .fields import Row, integer, moment, number, object_in, optional_number, optional_text, text
from .tickers import is_usdt_perpetual

__all__ = ["is_tradable", "read_instrument"]

MIN_NOTIONAL = Decimal(5)
"""USDT; Bybit's general minimum, for rows that do not name one."""


def is_tradable(row: Row) -> bool:
    """Return whether the row is a USDT perpetual in normal trading, not dated, not pre-market."""
    return (
        is_usdt_perpetual(row.get("symbol"))
        and row.get("contractType") == "LinearPerpetual"
        and row.get("settleCoin") == "USDT"
        and row.get("status") == "Trading"
        and row.get("isPreListing") is not True
    )


def read_instrument(row: Row) -> Instrument:
    """Return the contract. Raises `ExchangeUnavailable` when a field is missing or impossible."""
    symbol = text(row, "symbol", "instruments-info")
    where = f"instruments-info of {symbol}"
    lot = object_in(row.get("lotSizeFilter"), f"{where}: lotSizeFilter")
    price = object_in(row.get("priceFilter"), f"{where}: priceFilter")
    leverage = object_in(row.get("leverageFilter"), f"{where}: leverageFilter")
    largest = optional_number(lot, "maxMktOrderQty", where) or number(lot, "maxOrderQty", where)
    contract = Instrument(
        symbol=symbol,
        tick_size=number(price, "tickSize", where),
        quantity_step=number(lot, "qtyStep", where),
        min_quantity=number(lot, "minOrderQty", where),
        max_market_quantity=largest,
        min_notional=optional_number(lot, "minNotionalValue", where) or MIN_NOTIONAL,
        max_leverage=number(leverage, "maxLeverage", where),
        launch_time=moment(row, "launchTime", where),
        symbol_type=optional_text(row, "symbolType", where),
        funding_interval_minutes=integer(row, "fundingInterval", where),
    )
    amounts = (contract.tick_size, contract.quantity_step, largest, contract.max_leverage)
    if min(amounts) <= 0 or contract.min_quantity < 0 or contract.min_notional < 0:
        raise ExchangeUnavailable(f"{where}: a step or a limit is not positive")
    if contract.funding_interval_minutes <= 0:
        raise ExchangeUnavailable(f"{where}: the funding interval is impossible")
    return contract
