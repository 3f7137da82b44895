"""Rows of orders, executions and positions as domain objects."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pumpwatch.domain.orders import (
    Account,
    Fill,
    FillKind,
    OrderState,
    OrderStatus,
    Position,
    StopTrigger,
)
from pumpwatch.errors import ExchangeUnavailable, StopTrading

from .fields import (
    Row,
    amount,
    choice,
    integer,
    moment,
    number,
    optional_amount,
    optional_number,
    optional_text,
    price,
    rows,
    side,
    text,
)

__all__ = [
    "TRIGGER_WORDS",
    "order_of_fills",
    "read_account",
    "read_fill",
    "read_order",
    "read_position",
]

ZERO = Decimal(0)

STATES = {
    "New": OrderState.OPEN,
    "Created": OrderState.OPEN,
    "Triggered": OrderState.OPEN,
    "Active": OrderState.OPEN,
    "PartiallyFilled": OrderState.PARTIALLY_FILLED,
    "Untriggered": OrderState.UNTRIGGERED,
    "Filled": OrderState.FILLED,
    "Cancelled": OrderState.CANCELLED,
    "PartiallyFilledCanceled": OrderState.CANCELLED,
    "Deactivated": OrderState.CANCELLED,
    "Rejected": OrderState.REJECTED,
}

KINDS = {
    "Trade": FillKind.TRADE,
    "AdlTrade": FillKind.AUTO_DELEVERAGING,
    "BustTrade": FillKind.LIQUIDATION,
    "Delivery": FillKind.SETTLEMENT,
    "Settle": FillKind.SETTLEMENT,
    "Funding": FillKind.FUNDING,
}

CREATED_BY = {"CreateByLiq": FillKind.LIQUIDATION, "CreateByAdl": FillKind.AUTO_DELEVERAGING}
"""What the exchange itself made of a trade, by the beginning of the order's `createType`."""

TRIGGERS = {
    "StopLoss": "stop_loss",
    "PartialStopLoss": "stop_loss",
    "TakeProfit": "take_profit",
    "PartialTakeProfit": "take_profit",
    "TrailingStop": "trailing_stop",
}

TRIGGER_WORDS = {StopTrigger.LAST_PRICE: "LastPrice", StopTrigger.MARK_PRICE: "MarkPrice"}


def read_order(row: Row) -> OrderStatus:
    """Return one row of realtime or history."""
    where = "order list"
    reason = optional_text(row, "rejectReason", where)
    return OrderStatus(
        order_id=optional_text(row, "orderLinkId", where),
        exchange_id=text(row, "orderId", where),
        symbol=text(row, "symbol", where),
        side=side(row, where),
        state=choice(row, "orderStatus", where, STATES),
        quantity=amount(row, "qty", where),
        filled_quantity=optional_amount(row, "cumExecQty", where) or ZERO,
        average_price=optional_amount(row, "avgPrice", where),
        fee=optional_number(row, "cumExecFee", where) or ZERO,
        reduce_only=row.get("reduceOnly") is True,
        created=moment(row, "createdTime", where),
        updated=moment(row, "updatedTime", where),
        reject_reason="" if reason == "EC_NoError" else reason,
        is_protection=optional_text(row, "stopOrderType", where) in TRIGGERS,
    )


def read_fill(row: Row) -> Fill:
    """Return one row of the execution list."""
    where = "execution list"
    kind = KINDS.get(text(row, "execType", where), FillKind.OTHER)
    if kind is FillKind.TRADE:
        created_by = optional_text(row, "createType", where)
        by_exchange = [made for start, made in CREATED_BY.items() if created_by.startswith(start)]
        kind = by_exchange[0] if by_exchange else kind
    return Fill(
        execution_id=text(row, "execId", where),
        order_id=optional_text(row, "orderLinkId", where),
        symbol=text(row, "symbol", where),
        side=side(row, where),
        kind=kind,
        price=amount(row, "execPrice", where),
        quantity=amount(row, "execQty", where),
        fee=optional_number(row, "execFee", where) or ZERO,
        time=moment(row, "execTime", where),
        exchange_order_id=optional_text(row, "orderId", where),
        closed_quantity=optional_amount(row, "closedSize", where) or ZERO,
        trigger=TRIGGERS.get(optional_text(row, "stopOrderType", where), ""),
    )


def order_of_fills(found: Sequence[Row]) -> OrderStatus:
    """Return what the executions of one order say about it (Bybit lists them newest first).

    Whether a remainder is still open they cannot say, so an incomplete order counts as open.
    """
    where = "execution list"
    fills = [read_fill(row) for row in found]
    filled = sum((fill.quantity for fill in fills), ZERO)
    value = sum((fill.quantity * fill.price for fill in fills), ZERO)
    quantity = amount(found[0], "orderQty", where)
    return OrderStatus(
        order_id=fills[0].order_id,
        exchange_id=fills[0].exchange_order_id,
        symbol=fills[0].symbol,
        side=fills[0].side,
        state=OrderState.FILLED if filled >= quantity else OrderState.PARTIALLY_FILLED,
        quantity=quantity,
        filled_quantity=filled,
        average_price=value / filled if filled else None,
        fee=sum((fill.fee for fill in fills), ZERO),
        reduce_only=any(fill.closed_quantity for fill in fills),
        created=min(fill.time for fill in fills),
        updated=max(fill.time for fill in fills),
    )


def read_position(row: Row) -> Position | None:
    """Return one row of the position list, None for a flat one.

    Raises `StopTrading` when the position belongs to hedge mode.
    """
    where = "position list"
    size = optional_amount(row, "size", where)
    if size is None:
        return None
    symbol = text(row, "symbol", where)
    if integer(row, "positionIdx", where) != 0:
        raise StopTrading(
            f"{symbol} is held in hedge mode: switch the account to one-way mode and start again"
        )
    created = optional_number(row, "createdTime", where)
    updated = moment(row, "updatedTime", where)
    return Position(
        symbol=symbol,
        side=side(row, where),
        quantity=size,
        entry_price=price(row, "avgPrice", where),
        mark_price=price(row, "markPrice", where),
        leverage=optional_amount(row, "leverage", where) or Decimal(1),
        stop_loss=optional_amount(row, "stopLoss", where),
        take_profit=optional_amount(row, "takeProfit", where),
        liquidation_price=optional_amount(row, "liqPrice", where),
        unrealised_pnl=optional_number(row, "unrealisedPnl", where) or ZERO,
        created=moment(row, "createdTime", where) if created else updated,
        updated=updated,
        trailing_stop=optional_amount(row, "trailingStop", where),
    )


def read_account(result: object) -> Account:
    """Return the unified account's money. Bybit reports its totals in USD."""
    where = "wallet-balance"
    listed = rows(result, where)
    if not listed:
        raise ExchangeUnavailable(f"{where}: no unified account in the answer")
    return Account(
        equity=number(listed[0], "totalEquity", where),
        available=number(listed[0], "totalAvailableBalance", where),
        wallet_balance=number(listed[0], "totalWalletBalance", where),
    )
