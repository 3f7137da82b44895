"""Rows of orders, executions and positions as domain objects.

Only what decisions are made with can make a row unreadable (`UnreadableAnswer`). The pages of the
exchange's documentation are named in docs/bybit.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from pumpwatch.domain.trading.orders import (
    Account,
    Fill,
    FillKind,
    OrderState,
    OrderStatus,
    Position,
    Side,
    StopTrigger,
)
from pumpwatch.errors import UnreadableAnswer

from .fields import (
    Row,
    amount,
    choice,
    entries,
    integer,
    moment,
    number,
    object_in,
    optional_amount,
    optional_number,
    optional_text,
    or_default,
    price,
    text,
    unreadable,
)

Value = TypeVar("Value")

ORDERS, FILLS = "order list", "execution list"
COIN = "USDT"
ZERO = Decimal(0)

SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}

STATES = {
    "PartiallyFilled": OrderState.PARTIALLY_FILLED,
    "Untriggered": OrderState.UNTRIGGERED,
    "Filled": OrderState.FILLED,
    "Cancelled": OrderState.CANCELLED,
    "PartiallyFilledCanceled": OrderState.CANCELLED,
    "Deactivated": OrderState.CANCELLED,
    "Rejected": OrderState.REJECTED,
}
"""Any other state (New, Triggered, one that is added later) can still be filled."""

KINDS = {
    "Trade": FillKind.TRADE,
    "BlockTrade": FillKind.TRADE,
    "FutureSpread": FillKind.TRADE,
    "MovePosition": FillKind.TRADE,
    "AdlTrade": FillKind.AUTO_DELEVERAGING,
    "BustTrade": FillKind.LIQUIDATION,
    "Delivery": FillKind.SETTLEMENT,
    "Settle": FillKind.SETTLEMENT,
    "Funding": FillKind.FUNDING,
}
"""`CorporateAction`, `UNKNOWN` and what is new say nothing of sides and quantities."""

CREATED_BY = {
    "CreateByLiq": FillKind.LIQUIDATION,
    "CreateByTakeOver": FillKind.LIQUIDATION,
    "CreateByAdl": FillKind.AUTO_DELEVERAGING,
    "CreateBySettle": FillKind.SETTLEMENT,
    "CreateByAdminClosing": FillKind.SETTLEMENT,
}
"""Kinds of trades that the exchange made itself, by the beginning of `createType`."""

OF_OPEN_ORDERS = frozenset(
    {"symbol", "orderLinkId", "stopOrderType", "side", "qty", "reduceOnly"}
    | {"createdTime", "updatedTime"}
)

TRIGGERS = {
    "StopLoss": "stop_loss",
    "PartialStopLoss": "stop_loss",
    "TakeProfit": "take_profit",
    "PartialTakeProfit": "take_profit",
    "TrailingStop": "trailing_stop",
    "TrailingProfit": "trailing_stop",
}
"""Triggers by `stopOrderType`, or by the part of `createType` after CreateBy."""

TRIGGER_WORDS = {StopTrigger.LAST_PRICE: "LastPrice", StopTrigger.MARK_PRICE: "MarkPrice"}


def read_order(row: Row, time: int = 0) -> OrderStatus:
    """Return one row of realtime or history that was asked for by its id.

    `time` (milliseconds UTC) stands for the times that it lacks.
    """
    state = STATES.get(text(row, "orderStatus", ORDERS), OrderState.OPEN)
    filled = (amount if state.ended else optional_amount)(row, "cumExecQty", ORDERS)
    reason = optional_text(row, "rejectReason", ORDERS)
    updated = or_default(time, moment, row, "updatedTime")
    return OrderStatus(
        order_id=optional_text(row, "orderLinkId", ORDERS),
        exchange_id=optional_text(row, "orderId", ORDERS),
        symbol=text(row, "symbol", ORDERS),
        side=SIDES.get(or_default("", text, row, "side")),
        state=state,
        quantity=or_default(ZERO, amount, row, "qty"),
        filled_quantity=filled or ZERO,
        average_price=optional_amount(row, "avgPrice", ORDERS),
        fee=_fee(row),
        reduce_only=row.get("reduceOnly") is True,
        created=or_default(updated, moment, row, "createdTime"),
        updated=updated,
        reject_reason="" if reason == "EC_NoError" else reason,
        is_protection=optional_text(row, "stopOrderType", ORDERS) in TRIGGERS,
    )


def read_open_order(row: Row, time: int = 0) -> OrderStatus:
    """Return one row of the list of open orders: whose it is and what it protects matter."""
    bare = {name: row[name] for name in OF_OPEN_ORDERS & row.keys()}
    status = or_default("", text, row, "orderStatus") or "New"
    return read_order(bare | {"orderStatus": status, "cumExecQty": "0"}, time)


def read_fill(row: Row, _: int = 0) -> Fill:
    """Return one row of the execution list; one that moves no position needs no numbers."""
    kind = KINDS.get(text(row, "execType", FILLS), FillKind.OTHER)
    made_by = optional_text(row, "createType", FILLS)
    if kind is FillKind.TRADE:
        kind = next((made for start, made in CREATED_BY.items() if made_by.startswith(start)), kind)
    needed = kind not in (FillKind.FUNDING, FillKind.OTHER)
    take = _must if needed else or_default
    stop = optional_text(row, "stopOrderType", FILLS)
    return Fill(
        execution_id=text(row, "execId", FILLS),
        order_id=optional_text(row, "orderLinkId", FILLS),
        symbol=text(row, "symbol", FILLS),
        side=_side(row, FILLS)
        if needed
        else SIDES.get(or_default("", text, row, "side"), Side.BUY),
        kind=kind,
        price=take(ZERO, amount, row, "execPrice"),
        quantity=take(ZERO, amount, row, "execQty"),
        fee=optional_number(row, "execFee", FILLS) or ZERO,
        time=moment(row, "execTime", FILLS),
        exchange_order_id=optional_text(row, "orderId", FILLS),
        closed_quantity=take(None, optional_amount, row, "closedSize") or ZERO,
        trigger=TRIGGERS.get(stop) or TRIGGERS.get(made_by.removeprefix("CreateBy"), ""),
    )


def order_of_fills(rows: Sequence[Row]) -> OrderStatus:
    """Return what the executions of one order say about it (Bybit lists them newest first).

    Whether a remainder is still open they cannot say, so an incomplete order counts as open.
    """
    fills = list({fill.execution_id: fill for fill in map(read_fill, rows)}.values())
    filled = sum((fill.quantity for fill in fills), ZERO)
    value = sum((fill.quantity * fill.price for fill in fills), ZERO)
    quantity = amount(rows[0], "orderQty", FILLS)
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
        reduce_only=False,
        created=min(fill.time for fill in fills),
        updated=max(fill.time for fill in fills),
    )


def read_position(row: Row, time: int = 0) -> Position | None:
    """Return one row of the position list, None for a flat one.

    `time` (milliseconds UTC) stands for the times that it lacks. What it lacks otherwise is among
    its doubts.
    """
    where = "position list"
    if row.get("side") in ("", "None", None) and row.get("size") in ("", None):
        return None
    size = number(row, "size", where)
    if size == 0:
        return None
    direction = _side(row, where)
    if size < 0 and direction is Side.BUY:
        raise unreadable(row, "size", where, "is negative, and the side is Buy")
    doubts: list[str] = []
    entry = or_default(None, optional_amount, row, "avgPrice", doubts)
    mark = or_default(None, optional_amount, row, "markPrice", doubts)
    if entry is None and mark is None:
        raise unreadable(row, "avgPrice", where, "is no price, and neither is markPrice")
    if entry is None:
        doubts.append("avgPrice is missing: markPrice stands for it")
    if mark is None:
        doubts.append("markPrice is missing: avgPrice stands for it")
    entry, mark = entry or mark or ZERO, mark or entry or ZERO
    gain = (mark - entry) * (abs(size) if direction is Side.BUY else -abs(size))
    updated = or_default(time, moment, row, "updatedTime")
    return Position(
        symbol=text(row, "symbol", where),
        side=direction,
        quantity=abs(size),
        entry_price=entry,
        mark_price=mark,
        leverage=or_default(Decimal(1), price, row, "leverage"),
        stop_loss=optional_amount(row, "stopLoss", where),
        take_profit=or_default(None, optional_amount, row, "takeProfit"),
        liquidation_price=or_default(None, optional_amount, row, "liqPrice", doubts),
        unrealised_pnl=or_default(gain, number, row, "unrealisedPnl"),
        created=or_default(updated, moment, row, "createdTime"),
        updated=updated,
        trailing_stop=optional_amount(row, "trailingStop", where),
        hedge=integer(row, "positionIdx", where) != 0,
        doubts=tuple(doubts),
    )


def read_account(result: object) -> Account:
    """Return the unified account's money.

    Bybit reports totals in USD; they are USDT as long as a USDT is worth a dollar within a per
    cent. Totals that isolated margin does not have are empty texts.
    """
    where = "wallet-balance"
    accounts = entries(result, where)
    if not accounts:
        raise UnreadableAnswer(f"{where}: no unified account in the answer")
    row = object_in(accounts[0], f"{where}: list")
    coins = row.get("coin")
    listed = coins if isinstance(coins, list) else []
    coin = next((c for c in listed if isinstance(c, dict) and c.get("coin") == COIN), {})
    available, margin = row.get("totalAvailableBalance"), row.get("totalInitialMargin")
    isolated = available in ("", None) and margin in ("", None)
    if isolated and row.get("totalEquity") in ("", None):
        equity, balance = number(coin, "equity", where), number(coin, "walletBalance", where)
        return Account(equity, ZERO, balance, isolated_margin=True)
    worth = _worth(coin, where)
    return Account(
        equity=number(row, "totalEquity", where) / worth,
        available=ZERO if isolated else number(row, "totalAvailableBalance", where) / worth,
        wallet_balance=number(row, "totalWalletBalance", where) / worth,
        isolated_margin=isolated,
    )


def _worth(coin: Row, where: str) -> Decimal:
    """Return the dollars that a USDT is worth; an amount below one coin says nothing of it."""
    if not coin or abs(number(coin, "equity", where)) < 1:
        return Decimal(1)
    worth = number(coin, "usdValue", where) / number(coin, "equity", where)
    if worth <= 0:
        raise unreadable(coin, "usdValue", where, "does not fit the equity of USDT")
    return worth if abs(worth - 1) > Decimal("0.01") else Decimal(1)


def _fee(row: Row) -> Decimal:
    """Return an order's fee: `cumExecFee` is on its way out, `cumFeeDetail` names it by coin."""
    detail = row.get("cumFeeDetail")
    if isinstance(detail, dict) and COIN in detail:
        return number(detail, COIN, ORDERS)
    return optional_number(row, "cumExecFee", ORDERS) or ZERO


def _must(_: object, read: Callable[[Row, str, str], Value], row: Row, name: str) -> Value:
    return read(row, name, FILLS)


def _side(row: Row, where: str) -> Side:
    return choice(row, "side", where, SIDES)
