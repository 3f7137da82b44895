"""/v5/position: positions, leverage, stops, closed profit and loss."""

from __future__ import annotations

from pumpwatch_workbench.simulator.endpoints.common import (
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
from pumpwatch_workbench.simulator.endpoints.wire.rows import closed_row, position_row
from pumpwatch_workbench.simulator.engine.records import ClosedTrade, ExchangePosition, StopRequest
from pumpwatch_workbench.simulator.engine.refusals import MODE_UNCHANGED, Refused, invalid

UNSUPPORTED_STOPS = ("tpSize", "slSize", "tpLimitPrice", "slLimitPrice")


@listed("nextPageCursor", "category", "list")
def positions(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with positions: by symbol also a flat one, by settle coin only open ones."""
    scope = in_scope(exchange, request, required=True)
    ledger = exchange.engine.ledger
    if request.text("symbol"):
        chosen = [ledger.position(symbol_index(exchange, request))]
    else:
        chosen = [position for position in ledger.open_positions() if scope(position.index)]
    page, cursor = paged(request, chosen, _position_id, default=20, maximum=200)
    interventions, rows = exchange.engine.interventions, []
    for position in page:
        row = position_row(ledger, position, request.now)
        legs = [row]
        if position.index in interventions.hedged:
            # What a hedged position looks like: as much on the one side as on the other.
            sides = ("Buy", "Sell") if position.side else ("", "")
            legs = [{**row, "positionIdx": n, "side": side} for n, side in enumerate(sides, 1)]
        rows += [interventions.seen("position", position.index, leg, request.now) for leg in legs]
    return private_page(rows, cursor)


def _position_id(position: ExchangePosition) -> tuple[str, int]:
    return position.symbol, position.updated


def set_leverage(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Set a symbol's leverage, the same for both sides in one-way mode."""
    linear_only(request)
    index = symbol_index(exchange, request)
    buy = request.number("buyLeverage", "buy leverage invalid")
    sell = request.number("sellLeverage", "sell leverage invalid")
    if buy is None or sell is None:
        raise invalid("params error: buyLeverage and sellLeverage are required")
    if buy != sell:
        raise invalid("buy leverage not equal sell leverage")
    exchange.engine.set_leverage(index, buy)
    return EndpointAnswer({})


def trading_stop(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Set, change or remove a position's stop loss and take profit."""
    linear_only(request)
    index = symbol_index(exchange, request)
    require_one_way(request)
    if not (request.text("tpslMode") and request.text("positionIdx")):
        raise invalid("params error: tpslMode and positionIdx are required")
    if request.text("tpslMode") != "Full":
        raise invalid("params error: only tpslMode Full is simulated")
    for name in UNSUPPORTED_STOPS:
        if request.text(name) not in ("", "0"):
            raise invalid(f"params error: {name} is not simulated")
    for name in ("tpOrderType", "slOrderType"):
        if request.text(name) not in ("", "Market"):
            raise invalid(f"params error: {name} invalid")
    exchange.engine.set_stops(
        StopRequest(
            index=index,
            take_profit=request.number("takeProfit"),
            stop_loss=request.number("stopLoss"),
            take_profit_by=request.text("tpTriggerBy") or None,
            stop_loss_by=request.text("slTriggerBy") or None,
            trailing_stop=request.number("trailingStop"),
            active_price=request.number("activePrice"),
        )
    )
    return EndpointAnswer({})


def switch_mode(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer that one-way mode is on already; hedge mode is not simulated."""
    linear_only(request)
    if request.text("mode") == "0":
        raise Refused(MODE_UNCHANGED, "Position mode is not modified")
    raise invalid("params error: only one-way mode is simulated")


@listed("nextPageCursor", "category", "list")
def closed_pnl(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the results of closing orders, newest first."""
    scope = in_scope(exchange, request, required=False)
    start, end = time_window(request, request.now)
    trades = [
        trade
        for trade in reversed(exchange.engine.ledger.closed)
        if scope(trade.order.index) and start <= trade.time <= end
    ]
    page, cursor = paged(request, trades, _trade_id, default=50, maximum=100)
    rows = [closed_row(trade) for trade in page]
    return private_page(rows, cursor)


def _trade_id(trade: ClosedTrade) -> tuple[str, int]:
    return trade.order.order_id, trade.time
