"""Rows as Bybit writes them: orders, executions, positions, closed trades, contracts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from pumpwatch_workbench.simulator.endpoints.wire.messages import money, optional, padded, plain
from pumpwatch_workbench.simulator.engine.ledger import Ledger
from pumpwatch_workbench.simulator.engine.prices import listing_scale
from pumpwatch_workbench.simulator.engine.records import (
    ZERO,
    ClosedTrade,
    ExchangePosition,
    Execution,
    Order,
)
from pumpwatch_workbench.simulator.market.source import Listing

Row = dict[str, object]
HIGHEST_TICKS = 1_999_999_990
TPSL_FIELDS = {"StopLoss", "TakeProfit"}


def order_row(order: Order) -> Row:
    """Return an order as order/realtime and order/history show it."""
    average = order.average_price
    waiting = order.status == "Untriggered" and order.kind == "Market"
    both = order.take_profit is not None or order.stop_loss is not None
    full = both or order.stop_kind in TPSL_FIELDS
    price = ZERO if waiting else order.price
    return {
        "orderId": order.order_id,
        "orderLinkId": order.link_id,
        "parentOrderLinkId": "",
        "blockTradeId": "",
        "symbol": order.symbol,
        "price": plain(price),
        "qty": plain(order.quantity),
        "side": order.side,
        "isLeverage": "",
        "positionIdx": 0,
        "orderStatus": order.status,
        "createType": order.create_type,
        "cancelType": order.cancel_type,
        "rejectReason": order.reject_reason,
        "avgPrice": "" if average is None else _average(average),
        "leavesQty": plain(order.left),
        "leavesValue": money(order.left * price),
        "cumExecQty": plain(order.filled),
        "cumExecValue": money(order.filled_value),
        "cumExecFee": money(order.fee),
        "cumFeeDetail": {"USDT": money(order.fee)} if order.filled else {},
        "timeInForce": order.time_in_force,
        "orderType": order.kind,
        "stopOrderType": order.stop_kind,
        "orderIv": "",
        "marketUnit": "",
        "slippageToleranceType": "UNKNOWN",
        "slippageTolerance": "0",
        "triggerPrice": optional(order.trigger_price),
        "takeProfit": optional(order.take_profit),
        "stopLoss": optional(order.stop_loss),
        "tpslMode": "Full" if full else "",
        "tpLimitPrice": "0",
        "slLimitPrice": "0",
        "tpTriggerBy": order.take_profit_by,
        "slTriggerBy": order.stop_loss_by,
        "triggerDirection": order.trigger_direction,
        "triggerBy": order.trigger_by,
        "lastPriceOnCreated": plain(order.last_price_on_created),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": order.close_on_trigger,
        "placeType": "",
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "createdTime": str(order.created),
        "updatedTime": str(order.updated),
        "extraFees": "",
        "rpiTakerAccess": False,
        "rpiMatchedQty": "",
    }


def execution_row(execution: Execution) -> Row:
    """Return a fill, funding payment or liquidation as execution/list shows it."""
    order = execution.order
    stop_kind = order.stop_kind if order and order.stop_kind else "UNKNOWN"
    return {
        "symbol": execution.symbol,
        "orderId": execution.order_id,
        "orderLinkId": order.link_id if order else "",
        "side": execution.side,
        "orderPrice": plain(order.price) if order else "0",
        "orderQty": plain(order.quantity) if order else "0",
        "leavesQty": plain(execution.left),
        "createType": order.create_type if order else "",
        "orderType": order.kind if order else "UNKNOWN",
        "stopOrderType": stop_kind,
        "execFee": money(execution.fee),
        "execFeeV2": "",
        "execId": execution.execution_id,
        "execPrice": plain(execution.price),
        "execQty": plain(execution.quantity),
        "execType": execution.kind,
        "execValue": money(execution.value),
        "execTime": str(execution.time),
        "feeCurrency": "",
        "isMaker": execution.maker,
        "feeRate": plain(execution.fee_rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": plain(execution.mark_price),
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "marketUnit": "",
        "closedSize": plain(execution.closed),
        "seq": execution.sequence,
        "extraFees": "",
    }


def position_row(ledger: Ledger, position: ExchangePosition, now: int) -> Row:
    """Return a position as position/list shows it, also a flat one."""
    mark = ledger.mark(position.index)
    is_open = position.side is not None
    tier = ledger.tier(position)

    def amount(value: Decimal, flat: str = "") -> str:
        return money(value) if is_open else flat

    margin = ledger.position_margin(position)
    maintenance = ledger.maintenance(position) if is_open else ZERO
    liquidation = ledger.liquidation_price(position) if is_open else ZERO
    bust = ledger.liquidation_price(position, bankrupt=True) if is_open else ZERO
    scale = listing_scale(ledger.listings[position.index])
    fees = 2 * position.entry_value * ledger.settings.taker_fee
    even = (position.entry_value + position.sign * fees) / position.size if is_open else ZERO
    return {
        "positionIdx": 0,
        "riskId": tier.number,
        "riskLimitValue": plain(tier.limit),
        "symbol": position.symbol,
        "side": position.side or "",
        "size": plain(position.size),
        "avgPrice": _average(position.entry_price),
        "positionValue": amount(position.entry_value),
        "autoAddMargin": 0,
        "positionStatus": "Normal",
        "leverage": plain(position.leverage if is_open else ledger.leverage(position.index)),
        "breakEvenPrice": _average(even) if is_open else "",
        "markPrice": plain(mark),
        "liqPrice": _price_or_empty(liquidation, scale),
        "bustPrice": _price_or_empty(bust, scale),
        "positionIM": amount(margin),
        "positionIMByMp": amount(position.size * mark / position.leverage if is_open else ZERO),
        "positionMM": amount(maintenance),
        "positionMMByMp": amount(maintenance),
        "positionBalance": amount(margin, "0"),
        "takeProfit": optional(position.take_profit),
        "stopLoss": optional(position.stop_loss),
        "trailingStop": plain(position.trailing_stop) if position.trailing_stop else "0",
        "sessionAvgPrice": "",
        "delta": "",
        "gamma": "",
        "vega": "",
        "theta": "",
        "unrealisedPnl": amount(position.unrealised(mark)),
        "curRealisedPnl": amount(position.realised, "0"),
        "cumRealisedPnl": money(position.realised_ever),
        "adlRankIndicator": 2 if is_open else 0,
        "createdTime": str(position.created or now),
        "updatedTime": str(position.updated or now),
        "openTime": position.opened if is_open else 0,
        "seq": position.sequence or -1,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "tpslMode": "Full",
        "tradeMode": 0 if ledger.settings.margin_mode == "REGULAR_MARGIN" else 1,
    }


def closed_row(trade: ClosedTrade) -> Row:
    """Return a closing order's result as position/closed-pnl shows it."""
    order = trade.order
    return {
        "symbol": order.symbol,
        "orderType": order.kind,
        "leverage": plain(trade.leverage),
        "updatedTime": str(order.updated),
        "side": order.side,
        "orderId": order.order_id,
        "closedPnl": money(order.closed_result),
        "avgEntryPrice": _average(order.closed_entry_value / order.closed),
        "qty": plain(order.quantity),
        "cumEntryValue": money(order.closed_entry_value),
        "createdTime": str(order.created),
        "orderPrice": plain(order.price),
        "closedSize": plain(order.closed),
        "avgExitPrice": _average(order.closed_exit_value / order.closed),
        "execType": trade.kind,
        "fillCount": str(order.fills),
        "cumExitValue": money(order.closed_exit_value),
    }


def _average(price: Decimal) -> str:
    return plain(price.quantize(Decimal("1e-12"), ROUND_HALF_UP))


def _price_or_empty(price: Decimal, scale: int) -> str:
    return "" if price <= 0 else f"{price:.{scale}f}"


def instrument_row(listing: Listing, number: int, market_band: Decimal, limit_band: Decimal) -> Row:
    """Return one contract's row; `number` is its symbolId."""
    scale = listing_scale(listing)
    tick = listing.tick_size
    return {
        "symbol": listing.symbol,
        "symbolId": number,
        "contractType": listing.contract_type,
        "status": listing.status,
        "baseCoin": listing.base_coin,
        "quoteCoin": listing.settle_coin,
        "settleCoin": listing.settle_coin,
        "symbolType": listing.symbol_type,
        "launchTime": str(listing.launch_time),
        "deliveryTime": str(listing.delivery_time),
        "deliveryFeeRate": "0.0005" if listing.delivery_time else "",
        "priceScale": str(scale),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": padded(listing.max_leverage, 2),
            "leverageStep": "0.01",
        },
        "priceFilter": {
            "minPrice": padded(tick, scale),
            "maxPrice": padded(tick * HIGHEST_TICKS, scale),
            "tickSize": padded(tick, scale),
        },
        "lotSizeFilter": {
            "minNotionalValue": plain(listing.min_notional),
            "maxOrderQty": plain(listing.max_quantity),
            "maxMktOrderQty": plain(listing.max_market_quantity),
            "minOrderQty": plain(listing.min_quantity),
            "qtyStep": plain(listing.quantity_step),
            "postOnlyMaxOrderQty": plain(listing.max_quantity),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": listing.funding_interval_minutes,
        "copyTrading": "none",
        "upperFundingRate": "0.02",
        "lowerFundingRate": "-0.02",
        "displayName": "",
        "forbidUplWithdrawal": False,
        "riskParameters": {
            "priceLimitRatioX": plain(market_band),
            "priceLimitRatioY": plain(limit_band),
        },
        "isPreListing": False,
        "preListingInfo": None,
    }
