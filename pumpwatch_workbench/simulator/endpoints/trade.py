"""/v5/order and /v5/execution: place, change, cancel and look up."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from pumpwatch_workbench.simulator.endpoints.common import (
    LINEAR,
    in_scope,
    linear_only,
    listed,
    paged,
    private_page,
    require_one_way,
    symbol_index,
    time_window,
)
from pumpwatch_workbench.simulator.endpoints.state import ExchangeState
from pumpwatch_workbench.simulator.endpoints.wire.messages import EndpointAnswer, Request
from pumpwatch_workbench.simulator.endpoints.wire.rows import execution_row, order_row
from pumpwatch_workbench.simulator.engine.records import Execution, Order, OrderRequest, Side
from pumpwatch_workbench.simulator.engine.refusals import Refused, invalid
from pumpwatch_workbench.simulator.market.source import DAY_MS

BATCH = 20
LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
TIMES_IN_FORCE = {"GTC", "IOC", "FOK", "PostOnly"}
TRIGGERS = {"LastPrice", "MarkPrice", "IndexPrice"}


def create(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Accept an order: the answer means accepted, not filled."""
    linear_only(request)
    order = exchange.engine.create(_order_request(exchange, request))
    return EndpointAnswer({"orderId": order.order_id, "orderLinkId": order.link_id})


def create_batch(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Place up to 20 orders, each accepted or refused on its own."""
    linear_only(request)
    asked = request.parameters.get("request")
    if not isinstance(asked, list) or not 0 < len(asked) <= BATCH:
        raise invalid("params error: request invalid")
    rows, codes = [], []
    for wanted in asked:
        if not isinstance(wanted, dict):
            raise invalid("params error: request invalid")
        row = {"category": LINEAR, "symbol": wanted.get("symbol", ""), "orderId": ""}
        row |= {"orderLinkId": wanted.get("orderLinkId", ""), "createAt": ""}
        code, text = 0, "OK"
        try:
            order = exchange.engine.create(
                _order_request(exchange, replace(request, parameters=wanted))
            )
            row |= {"orderId": order.order_id, "createAt": str(request.now)}
        except Refused as refusal:
            code, text = refusal.code, refusal.text
        rows.append(row)
        codes.append({"code": code, "msg": text})
    return EndpointAnswer({"list": rows}, ext={"list": codes})


def amend(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Change quantity or price of a resting limit order."""
    linear_only(request)
    symbol_index(exchange, request)
    order = exchange.engine.amend(
        _named(exchange, request), request.number("qty", "Qty invalid"), request.number("price")
    )
    return EndpointAnswer({"orderId": order.order_id, "orderLinkId": order.link_id})


def cancel(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Cancel one open order, also a waiting stop or target."""
    linear_only(request)
    symbol_index(exchange, request)
    order = exchange.engine.cancel(_named(exchange, request))
    return EndpointAnswer({"orderId": order.order_id, "orderLinkId": order.link_id})


def cancel_all(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Cancel every open order in scope, waiting stops and targets included."""
    linear_only(request)
    scope = in_scope(exchange, request, required=True)
    only = request.text("orderFilter")
    cancelled = []
    for order in _all_open(exchange):
        if scope(order.index) and order.is_open and _kind_matches(order, only):
            exchange.engine.cancel(order)
            cancelled.append({"orderId": order.order_id, "orderLinkId": order.link_id})
    return EndpointAnswer({"list": cancelled, "success": "1"})


@listed("nextPageCursor", "category", "list")
def realtime(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with open orders; by id also with one of the last that are done."""
    scope = in_scope(exchange, request, required=True)
    ledger = exchange.engine.ledger
    only = request.text("orderFilter")
    if request.text("orderId") or request.text("orderLinkId"):
        order = _named(exchange, request)
        known = order is not None and (order.is_open or order.order_id in ledger.recent)
        orders = [order] if order is not None and known else []
    elif request.text("openOnly", "0") == "1":
        orders = list(ledger.recent.values())
    else:
        orders = _all_open(exchange)
    shown = [order for order in orders if scope(order.index) and _kind_matches(order, only)]
    return _order_page(exchange, request, shown, default=20)


@listed("nextPageCursor", "category", "list")
def history(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with orders that are done; unfilled cancelled and rejected ones for 24 hours only."""
    scope = in_scope(exchange, request, required=False)
    start, end = time_window(request, request.now)
    status, only = request.text("orderStatus"), request.text("orderFilter")
    identity, link = request.text("orderId"), request.text("orderLinkId")
    shown = [
        order
        for order in exchange.engine.ledger.orders.values()
        if not order.is_open
        and scope(order.index)
        and start <= order.created <= end
        and (order.filled or order.updated >= request.now - DAY_MS)
        and status in ("", order.status)
        and identity in ("", order.order_id)
        and link in ("", order.link_id)
        and _kind_matches(order, only)
    ]
    return _order_page(exchange, request, shown, default=20)


@listed("nextPageCursor", "category", "list")
def executions(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with fills, funding payments and liquidations, newest first."""
    scope = in_scope(exchange, request, required=False)
    start, end = time_window(request, request.now)
    identity, link = request.text("orderId"), request.text("orderLinkId")
    execution_type = request.text("execType")
    shown = [
        row
        for row in exchange.engine.ledger.executions
        if scope(exchange.indices[row.symbol])
        and start <= row.time <= end
        and identity in ("", row.order_id)
        and (not link or (row.order is not None and row.order.link_id == link))
        and execution_type in ("", row.kind)
    ]
    shown.reverse()
    page, cursor = paged(request, shown, _execution_id, default=50, maximum=100)
    rows = [
        exchange.engine.interventions.seen(
            "execution", exchange.indices[row.symbol], execution_row(row), request.now
        )
        for row in page
    ]
    return private_page(rows, cursor)


def _execution_id(row: Execution) -> tuple[str, int]:
    return row.execution_id, row.time


def _order_id(order: Order) -> tuple[str, int]:
    return order.order_id, order.created


def _order_page(
    exchange: ExchangeState, request: Request, orders: list[Order], *, default: int
) -> EndpointAnswer:
    newest = sorted(orders, key=lambda order: order.sequence, reverse=True)
    page, cursor = paged(request, newest, _order_id, default=default, maximum=50)
    seen = exchange.engine.interventions.seen
    rows = [seen("order", order.index, order_row(order), request.now) for order in page]
    return private_page(rows, cursor)


def _all_open(exchange: ExchangeState) -> list[Order]:
    active = exchange.engine.ledger.active
    return [order for orders in active.values() for order in orders.values()]


def _kind_matches(order: Order, only: str) -> bool:
    if only == "Order":
        return not order.stop_kind
    if only in {"StopOrder", "tpslOrder"}:
        return bool(order.stop_kind)
    return True


def _named(exchange: ExchangeState, request: Request) -> Order | None:
    """Return the order an id names, orderId before orderLinkId, in the symbol if one is given."""
    ledger = exchange.engine.ledger
    identity, link = request.text("orderId"), request.text("orderLinkId")
    if not identity and not link:
        raise invalid("params error: OrderId or orderLinkId is required")
    order = ledger.orders.get(identity) if identity else ledger.by_link.get(link)
    symbol = request.text("symbol")
    if order is not None and symbol not in ("", order.symbol):
        return None
    return order


def _order_request(exchange: ExchangeState, request: Request) -> OrderRequest:
    index = symbol_index(exchange, request)
    side, kind = _side_and_kind(request)
    require_one_way(request)
    link = request.text("orderLinkId")
    if link and not LINK_ID.fullmatch(link):
        raise invalid("params error: orderLinkId invalid")
    quantity = request.number("qty", "Qty invalid")
    if quantity is None or quantity < 0:
        raise invalid("Qty invalid")
    reduce_only, closing = request.flag("reduceOnly"), request.flag("closeOnTrigger")
    if quantity == 0 and not (reduce_only and closing):
        raise invalid("Qty invalid")
    in_force = request.text("timeInForce", "GTC") or "GTC"
    if in_force not in TIMES_IN_FORCE:
        raise invalid("timeInForce invalid")
    trigger, direction = _trigger(request)
    _refuse_partial(request)
    return OrderRequest(
        index=index,
        side=side,
        kind=kind,
        quantity=quantity,
        price=request.number("price", "Price invalid") if kind == "Limit" else None,
        time_in_force=in_force,
        link_id=link,
        reduce_only=reduce_only,
        close_on_trigger=closing,
        trigger_price=trigger,
        trigger_direction=direction,
        trigger_by=_trigger_by(request, "triggerBy"),
        take_profit=request.number("takeProfit") or None,
        stop_loss=request.number("stopLoss") or None,
        take_profit_by=_trigger_by(request, "tpTriggerBy"),
        stop_loss_by=_trigger_by(request, "slTriggerBy"),
        slippage=_slippage(request, market=kind == "Market" and trigger is None),
    )


def _side_and_kind(request: Request) -> tuple[Side, Literal["Market", "Limit"]]:
    side, kind = request.text("side"), request.text("orderType")
    if side not in ("Buy", "Sell"):
        raise invalid("params error: side invalid")
    if kind not in ("Market", "Limit"):
        raise invalid("params error: orderType invalid")
    return ("Buy" if side == "Buy" else "Sell"), ("Market" if kind == "Market" else "Limit")


def _trigger(request: Request) -> tuple[Decimal | None, int]:
    trigger = request.number("triggerPrice") or None
    direction = request.integer("triggerDirection") or 0
    if trigger is not None and direction not in (1, 2):
        raise invalid("params error: triggerDirection invalid")
    return trigger, direction


def _trigger_by(request: Request, name: str) -> str:
    value = request.text(name) or "LastPrice"
    if value not in TRIGGERS:
        raise invalid(f"params error: {name} invalid")
    return value


def _refuse_partial(request: Request) -> None:
    """Refuse what only Partial stops can do: this exchange keeps one stop per position."""
    limit_legs = {request.text("tpOrderType"), request.text("slOrderType")} - {"", "Market"}
    if request.text("tpslMode", "Full") not in ("", "Full") or limit_legs:
        raise invalid("params error: only tpslMode Full with Market legs is simulated")


def _slippage(request: Request, *, market: bool) -> tuple[str, Decimal] | None:
    kind = request.text("slippageToleranceType")
    if kind in ("", "UNKNOWN"):
        return None
    size = request.number("slippageTolerance")
    if any(request.text(leg) not in ("", "0") for leg in ("takeProfit", "stopLoss")):
        # The create-order page: "take profit, stoploss, conditional orders are not supported".
        raise invalid("slippageTolerance is not supported with takeProfit or stopLoss")
    if kind not in ("TickSize", "Percent") or not market:
        raise Refused(110108, "slippageToleranceType invalid")
    least, most, step = ("1", "10000", "1") if kind == "TickSize" else ("0.01", "10", "0.01")
    if size is None or not Decimal(least) <= size <= Decimal(most) or size % Decimal(step):
        raise Refused(110109, "slippageTolerance invalid")
    return kind, size
