"""A contract's row of instruments-info, as Bybit writes it."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch_workbench.simulator.endpoints.wire.messages import padded, plain
from pumpwatch_workbench.simulator.engine.prices import listing_scale
from pumpwatch_workbench.simulator.market.source import Listing

HIGHEST_TICKS = 1_999_999_990

Row = dict[str, object]


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
