"""/v5/market/instruments-info: what is listed, with its filters."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import quote

from workbench.simulator.api.common import LINEAR, category, limited
from workbench.simulator.market import Listing
from workbench.simulator.prices import listing_scale
from workbench.simulator.refusals import PARAMETERS, Refused, invalid
from workbench.simulator.wire import Answer, Request, padded, plain

if TYPE_CHECKING:
    from workbench.simulator.exchange import Exchange

DEFAULT_PAGE = 500
MAX_PAGE = 1_000
HIGHEST_TICKS = 1_999_999_990
DELIVERY_HOUR_MS = 8 * 3_600_000

Row = dict[str, object]


def instruments_info(exchange: Exchange, request: Request) -> Answer:
    """Answer with the contracts, sorted by symbol, Trading ones unless asked otherwise."""
    if not request.text("category"):
        empty = {"category": "", "list": [], "nextPageCursor": ""}
        raise Refused(PARAMETERS, "Illegal category", empty)
    kind = category(request)
    if kind != LINEAR:
        result: Row = {"category": kind, "list": []}
        if kind != "spot":
            result["nextPageCursor"] = ""
        return Answer(result)
    rows = _matching(exchange, request)
    limit = limited(exchange.settings, request, DEFAULT_PAGE, MAX_PAGE)
    cursor = request.text("cursor")
    if cursor:
        rows = [row for row in rows if str(row["symbol"]) > _last_symbol(cursor)]
    page = rows[:limit]
    following = ""
    # A list that fits on one page has no cursor; a paginated one has it on its last page too.
    if page and (cursor or len(rows) > limit):
        following = quote(f"first={page[0]['symbol']}&last={page[-1]['symbol']}", safe="")
    return Answer({"category": LINEAR, "list": page, "nextPageCursor": following})


def _last_symbol(cursor: str) -> str:
    name, _, symbol = cursor.partition("&last=")
    if not name.startswith("first=") or not symbol:
        raise invalid("params error: cursor invalid")
    return symbol


def _matching(exchange: Exchange, request: Request) -> list[Row]:
    symbol = request.text("symbol")
    if symbol and symbol not in exchange.indices:
        raise invalid(f"params error: symbol invalid {symbol}")
    status = request.text("status") or ("" if symbol else "Trading")
    base, kind = request.text("baseCoin"), request.text("symbolType")
    rows = []
    for listing, row in zip(exchange.market.listings, exchange.instrument_rows, strict=True):
        if symbol not in ("", listing.symbol) or base not in ("", listing.base_coin):
            continue
        if kind not in ("", listing.symbol_type):
            continue
        shown = "PreLaunch" if listing.launch_time > request.now else listing.status
        if status in ("", shown):
            rows.append(row if shown == listing.status else {**row, "status": shown})
    return rows


def instrument_row(listing: Listing, number: int, market_band: Decimal, limit_band: Decimal) -> Row:
    """Return one contract's row; `number` is its symbolId."""
    scale = listing_scale(listing)
    tick = listing.tick_size
    delivery = _delivery_time(listing)
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
        "deliveryTime": str(delivery),
        "deliveryFeeRate": "0.0005" if delivery else "",
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


def _delivery_time(listing: Listing) -> int:
    """Return when a dated future is delivered (08:00 UTC of the day in its name), else 0."""
    if listing.contract_type != "LinearFutures":
        return 0
    day = datetime.strptime(listing.symbol.rpartition("-")[2], "%d%b%y").replace(tzinfo=UTC)
    return int(day.timestamp()) * 1_000 + DELIVERY_HOUR_MS
