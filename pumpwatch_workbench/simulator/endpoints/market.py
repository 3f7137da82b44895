"""/v5/market: public market data, and what is listed with its filters."""

from __future__ import annotations

import uuid
from decimal import Decimal
from itertools import islice
from urllib.parse import quote, unquote

import numpy as np

from pumpwatch_workbench.simulator.endpoints.common import (
    LINEAR,
    category,
    limited,
    listed,
    paged,
    symbol_index,
)
from pumpwatch_workbench.simulator.endpoints.state import ExchangeState
from pumpwatch_workbench.simulator.endpoints.wire.candles import INTERVALS, CandleQuery, candle_rows
from pumpwatch_workbench.simulator.endpoints.wire.messages import (
    EndpointAnswer,
    Request,
    padded,
    plain,
)
from pumpwatch_workbench.simulator.endpoints.wire.rows import Row
from pumpwatch_workbench.simulator.endpoints.wire.tickers import trimmed_rate
from pumpwatch_workbench.simulator.engine.book import BookSide
from pumpwatch_workbench.simulator.engine.prices import Prices, decimals, listing_scale
from pumpwatch_workbench.simulator.engine.records import Side
from pumpwatch_workbench.simulator.engine.refusals import PARAMETERS, Refused, invalid
from pumpwatch_workbench.simulator.market.source import DAY_MS, MINUTE_MS, Listing, Market, Trades
from pumpwatch_workbench.simulator.market.trades import joined

INTEREST_INTERVALS = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240, "1d": 1_440}
"""Minutes."""
UNKNOWN_SYMBOL = "Not supported symbols"
DEFAULT_PAGE, MAX_PAGE = 500, 1_000
FIRST_SPAN_MS = 4 * MINUTE_MS
LONGEST_MS = 120 * MINUTE_MS
TRADE_NAMESPACE = uuid.UUID("9d0c7b9e-34a2-5f0c-bb0e-2f3f3b3c7a51")


def server_time(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the market clock."""
    now = request.now
    return EndpointAnswer({"timeSecond": str(now // 1_000), "timeNano": f"{now}000000"})


def instruments_info(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the contracts, sorted by symbol, Trading ones unless asked otherwise."""
    if not request.text("category"):
        empty = {"category": "", "list": [], "nextPageCursor": ""}
        raise Refused(PARAMETERS, "Illegal category", empty)
    kind = category(request)
    if kind != LINEAR:
        result: Row = {"category": kind, "list": []}
        if kind != "spot":
            result["nextPageCursor"] = ""
        return EndpointAnswer(result)
    rows = _matching(exchange, request)
    limit = limited(request, DEFAULT_PAGE, MAX_PAGE)
    cursor = unquote(request.text("cursor"))  # many clients encode it once more
    if cursor:
        rows = [row for row in rows if str(row["symbol"]) > _last_symbol(cursor)]
    page = rows[:limit]
    following = ""
    # A list that fits on one page has no cursor; a paginated one has it on its last page too.
    if page and (cursor or len(rows) > limit):
        following = quote(f"first={page[0]['symbol']}&last={page[-1]['symbol']}", safe="")
    return EndpointAnswer({"category": LINEAR, "list": page, "nextPageCursor": following})


def _last_symbol(cursor: str) -> str:
    name, _, symbol = cursor.partition("&last=")
    if not name.startswith("first=") or not symbol:
        raise invalid("params error: cursor invalid")
    return symbol


def _matching(exchange: ExchangeState, request: Request) -> list[Row]:
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
        if 0 < listing.delivery_time <= request.now:
            shown = "Closed"
        if status in ("", shown):
            rows.append(row if shown == listing.status else {**row, "status": shown})
    return rows


def kline(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with candles, newest first, the forming one included."""
    return _candles(exchange, request, None)


def mark_kline(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with candles of the mark price; the index price is the same here."""
    return _candles(exchange, request, exchange.prices)


def _candles(exchange: ExchangeState, request: Request, marks: Prices | None) -> EndpointAnswer:
    kind = category(request, LINEAR)
    interval = request.text("interval")
    if interval not in INTERVALS:
        raise invalid("Invalid period!")
    limit = limited(request, 200, 1_000)
    index = _listed(exchange, request, kind)
    query = CandleQuery(index, interval, request.integer("start"), request.integer("end"), limit)
    rows = candle_rows(exchange.market, query, request.now, marks)
    symbol = exchange.market.listings[index].symbol
    head = f'{{"symbol":"{symbol}","category":"{kind}","list":'.encode()
    return EndpointAnswer(raw=head + rows + b"}")


def open_interest(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the present open interest for every interval, newest first."""
    kind = category(request)
    index = _listed(exchange, request, kind)
    length = INTEREST_INTERVALS.get(request.text("intervalTime"), 0) * MINUTE_MS
    if not length:
        raise invalid("params error: intervalTime invalid")
    limit = limited(request, 50, 200)
    last = min(request.integer("endTime") or request.now, request.now) // length * length
    first = max(request.integer("startTime") or 0, last - (limit - 1) * length)
    interest = f"{exchange.market.view(request.now).open_interest[index]:.8f}"
    rows = [
        {"openInterest": interest, "singleOpenInterest": interest, "timestamp": str(time)}
        for time in range(last, first - 1, -length)
    ]
    symbol = exchange.market.listings[index].symbol
    return EndpointAnswer({"symbol": symbol, "category": kind, "list": rows, "nextPageCursor": ""})


def risk_limit(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the risk tiers, of 15 contracts at a time."""
    kind = category(request)
    indices = list(range(len(exchange.market.listings) if kind == LINEAR else 0))
    if request.text("symbol"):
        indices = [_listed(exchange, request, kind)]
    page, cursor = paged(request, indices, lambda n: (str(n), 0), default=15, maximum=15)
    rows = [
        {
            "id": tier.number,
            "symbol": exchange.market.listings[index].symbol,
            "riskLimitValue": plain(tier.limit),
            "maintenanceMargin": plain(tier.maintenance),
            "initialMargin": plain((1 / tier.max_leverage).quantize(Decimal("0.000001"))),
            "isLowestRisk": int(tier.number == 1),
            "maxLeverage": padded(tier.max_leverage, 2),
            "mmDeduction": plain(tier.deduction) if tier.deduction else "",
        }
        for index in page
        for tier in exchange.engine.ledger.tiers(index)
    ]
    following = cursor if page and page[-1] != indices[-1] else ""
    return EndpointAnswer({"category": kind, "list": rows, "nextPageCursor": following})


@listed("category", "list")
def tickers(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the whole market at once, or one symbol of it."""
    writer, now = exchange.tickers, request.now
    if request.text("symbol"):
        rows = writer.chosen([symbol_index(exchange, request, UNKNOWN_SYMBOL)], now)
        if rows == b"[]":
            raise invalid(UNKNOWN_SYMBOL)
    elif base := request.text("baseCoin"):
        listings = exchange.market.listings
        rows = writer.chosen([n for n, item in enumerate(listings) if item.base_coin == base], now)
    else:
        rows = writer.all(now)
    return EndpointAnswer(raw=b'{"category":"linear","list":' + rows + b"}")


def orderbook(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the book, bids falling and asks rising."""
    index = _traded(exchange, request, category(request))
    limit = limited(request, 25, 1_000)
    now = request.now
    book = exchange.prices.book(index, now)
    return EndpointAnswer(
        {
            "s": book.listing.symbol,
            "b": _levels(book, "Sell", limit),
            "a": _levels(book, "Buy", limit),
            "ts": now,
            "u": now // 20,
            "seq": now,
            "cts": now - 10,
        }
    )


def _levels(book: BookSide, taker: Side, limit: int) -> list[list[str]]:
    return [[plain(p), plain(q)] for p, q in islice(book.levels(taker), limit)]


def price_limit(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the highest price to buy and the lowest to sell at."""
    index = _traded(exchange, request, category(request, LINEAR))
    highest, lowest = exchange.prices.limits(index, request.now)
    listing = exchange.market.listings[index]
    scale = listing_scale(listing)
    result = {
        "symbol": listing.symbol,
        "buyLmt": padded(highest, scale),
        "sellLmt": padded(lowest, scale),
        "ts": str(request.now),
    }
    return EndpointAnswer(result, text="")


@listed("category", "list")
def recent_trade(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the last trades, newest first, of the last two hours at the most."""
    index = _traded(exchange, request, LINEAR)
    limit = limited(request, 500, 1_000)
    trades = _last_trades(exchange.market, index, request.now, limit)
    listing = exchange.market.listings[index]
    first = len(trades.time) - min(limit, len(trades.time))
    rows = [_trade(listing, trades, place) for place in range(len(trades.time) - 1, first - 1, -1)]
    return EndpointAnswer({"category": LINEAR, "list": rows})


def _last_trades(market: Market, index: int, now: int, limit: int) -> Trades:
    """Return at least the last `limit` trades up to now, as far as two hours hold so many."""
    parts: list[Trades] = []
    end, count, span = now, 0, FIRST_SPAN_MS
    while count < limit and end > now - LONGEST_MS:
        first = max((end - span) // MINUTE_MS * MINUTE_MS, now - LONGEST_MS)
        parts.append(market.trades(index, first, end))
        count += len(parts[-1].time)
        end, span = first - 1, 2 * span
    return joined(parts[::-1])


def _trade(listing: Listing, trades: Trades, place: int) -> dict[str, object]:
    time = int(trades.time[place])
    # Trades of one order share their millisecond: their number from the millisecond's first one.
    number = place - int(np.searchsorted(trades.time, time))
    quantity = float(trades.quantity[place])
    return {
        "execId": str(uuid.uuid5(TRADE_NAMESPACE, f"{listing.symbol}-{time}-{number}")),
        "symbol": listing.symbol,
        "price": f"{trades.price[place]:.{listing_scale(listing)}f}",
        "size": f"{quantity:.{decimals(listing.quantity_step)}f}",
        "side": "Buy" if trades.bought[place] else "Sell",
        "time": str(time),
        "isBlockTrade": False,
        "isRPITrade": False,
        "seq": str(time * 1_000 + number),
    }


@listed("category", "list")
def funding_history(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with past funding rates, newest first."""
    index = symbol_index(exchange, request)
    limit = limited(request, 200, 200)
    listing = exchange.market.listings[index]
    end = min(request.integer("endTime") or request.now, request.now)
    default = end - limit * listing.funding_interval_minutes * MINUTE_MS
    start = max(request.integer("startTime") or default, end - 365 * DAY_MS)
    payments = exchange.market.funding_times(index, start - 1, end)[-limit:]
    rows = [
        {
            "symbol": listing.symbol,
            "fundingRate": trimmed_rate(rate),
            "fundingRateTimestamp": str(time),
        }
        for time, rate in reversed(payments)
    ]
    return EndpointAnswer({"category": LINEAR, "list": rows})


def _listed(exchange: ExchangeState, request: Request, kind: str) -> int:
    if kind != LINEAR:
        raise invalid(UNKNOWN_SYMBOL)
    index = symbol_index(exchange, request, UNKNOWN_SYMBOL)
    if exchange.market.listings[index].launch_time > request.now:
        raise invalid(UNKNOWN_SYMBOL)
    return index


def _traded(exchange: ExchangeState, request: Request, kind: str) -> int:
    index = _listed(exchange, request, kind)
    if not exchange.prices.is_trading(index, request.now):
        raise invalid(UNKNOWN_SYMBOL)
    return index
