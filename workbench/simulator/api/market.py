"""/v5/market: public market data."""

from __future__ import annotations

import math
import uuid
from itertools import islice

import numpy as np

from workbench.simulator.api.common import LINEAR, category, limited, symbol_index
from workbench.simulator.engine.book import Book
from workbench.simulator.engine.checks import price_limits
from workbench.simulator.engine.records import Side
from workbench.simulator.floor import Floor
from workbench.simulator.market import DAY_MS, MINUTE_MS, Listing
from workbench.simulator.prices import decimals, listing_scale
from workbench.simulator.refusals import invalid
from workbench.simulator.wire.candles import INTERVALS, CandleQuery, candle_rows
from workbench.simulator.wire.messages import Answer, Request, padded, plain
from workbench.simulator.wire.tickers import trimmed_rate

UNKNOWN_SYMBOL = "Not supported symbols"
TRADES_PER_MINUTE = 10
TRADE_GAP_MS = MINUTE_MS // TRADES_PER_MINUTE
TRADE_NAMESPACE = uuid.UUID("9d0c7b9e-34a2-5f0c-bb0e-2f3f3b3c7a51")


def server_time(floor: Floor, request: Request) -> Answer:
    """Answer with the market clock."""
    now = request.now
    return Answer({"timeSecond": str(now // 1_000), "timeNano": f"{now}000000"})


def kline(floor: Floor, request: Request) -> Answer:
    """Answer with candles, newest first, the forming one included."""
    kind = category(request, LINEAR)
    interval = request.text("interval")
    if interval not in INTERVALS:
        raise invalid("Invalid period!")
    limit = limited(floor.settings, request, 200, 1_000)
    index = _listed(floor, request, kind)
    query = CandleQuery(index, interval, request.integer("start"), request.integer("end"), limit)
    rows = candle_rows(floor.market, floor.settings, query, request.now)
    symbol = floor.market.listings[index].symbol
    head = f'{{"symbol":"{symbol}","category":"{kind}","list":'.encode()
    return Answer(raw=head + rows + b"}")


def tickers(floor: Floor, request: Request) -> Answer:
    """Answer with the whole market at once, or one symbol of it."""
    kind = category(request)
    if kind != LINEAR:
        return Answer({"category": kind, "list": []})
    writer, now = floor.tickers, request.now
    if request.text("symbol"):
        rows = writer.one(symbol_index(floor, request, UNKNOWN_SYMBOL), now)
        if rows is None:
            raise invalid(UNKNOWN_SYMBOL)
    elif base := request.text("baseCoin"):
        listings = floor.market.listings
        rows = writer.chosen([n for n, item in enumerate(listings) if item.base_coin == base], now)
    else:
        rows = writer.all(now)
    return Answer(raw=b'{"category":"linear","list":' + rows + b"}")


def orderbook(floor: Floor, request: Request) -> Answer:
    """Answer with the book, bids falling and asks rising."""
    index = _traded(floor, request, category(request))
    limit = limited(floor.settings, request, 25, 1_000)
    now = request.now
    book = floor.prices.book(index, now)
    return Answer(
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


def _levels(book: Book, taker: Side, limit: int) -> list[list[str]]:
    return [[plain(p), plain(q)] for p, q in islice(book.levels(taker), limit)]


def price_limit(floor: Floor, request: Request) -> Answer:
    """Answer with the highest price to buy and the lowest to sell at."""
    index = _traded(floor, request, category(request, LINEAR))
    book = floor.prices.book(index, request.now)
    highest, lowest = price_limits(book, floor.settings)
    scale = listing_scale(book.listing)
    result = {
        "symbol": book.listing.symbol,
        "buyLmt": padded(highest, scale),
        "sellLmt": padded(lowest, scale),
        "ts": str(request.now),
    }
    return Answer(result, text="")


def recent_trade(floor: Floor, request: Request) -> Answer:
    """Answer with the last trades, newest first, made from the minutes' volume and price path."""
    kind = category(request)
    if kind != LINEAR:
        return Answer({"category": kind, "list": []})
    index = _traded(floor, request, kind)
    limit = limited(floor.settings, request, 500, 1_000)
    now = request.now
    minute = now // MINUTE_MS * MINUTE_MS
    first = minute - (math.ceil(limit / TRADES_PER_MINUTE) + 1) * MINUTE_MS
    past = floor.market.minutes(index, first, minute - MINUTE_MS)
    volumes = dict(zip(past.open_time.tolist(), past.volume.tolist(), strict=True))
    forming = floor.market.forming(index, now)
    volumes.update(zip(forming.open_time.tolist(), forming.volume.tolist(), strict=True))
    listing = floor.market.listings[index]
    begin = min(volumes, default=now)
    times, prices = floor.market.path(index, begin, now)
    moments = np.arange(begin + TRADE_GAP_MS // 2, now + 1, TRADE_GAP_MS)[-limit - 1 :]
    path = np.interp(moments, times, prices)
    rows = [
        _trade(
            listing,
            int(moment),
            price,
            before,
            volumes.get(int(moment) // MINUTE_MS * MINUTE_MS, 0.0),
        )
        for moment, price, before in zip(
            moments[1:].tolist(), path[1:].tolist(), path[:-1].tolist(), strict=True
        )
        if math.isfinite(price)
    ]
    return Answer({"category": kind, "list": rows[::-1]})


def _trade(
    listing: Listing, time: int, price: float, before: float, volume: float
) -> dict[str, object]:
    step, tick = float(listing.quantity_step), float(listing.tick_size)
    size = max(round(volume / TRADES_PER_MINUTE / step), 1) * step
    return {
        "execId": str(uuid.uuid5(TRADE_NAMESPACE, f"{listing.symbol}-{time}")),
        "symbol": listing.symbol,
        "price": f"{max(round(price / tick), 1) * tick:.{listing_scale(listing)}f}",
        "size": f"{size:.{decimals(listing.quantity_step)}f}",
        "side": "Buy" if price >= before else "Sell",
        "time": str(time),
        "isBlockTrade": False,
        "isRPITrade": False,
        "seq": str(time),
    }


def funding_history(floor: Floor, request: Request) -> Answer:
    """Answer with past funding rates, newest first."""
    kind = category(request)
    if kind != LINEAR:
        return Answer({"category": kind, "list": []})
    index = symbol_index(floor, request)
    limit = limited(floor.settings, request, 200, 200)
    listing = floor.market.listings[index]
    end = min(request.integer("endTime") or request.now, request.now)
    default = end - limit * listing.funding_interval_minutes * MINUTE_MS
    start = max(request.integer("startTime") or default, end - 365 * DAY_MS)
    payments = floor.market.funding_times(index, start - 1, end)[-limit:]
    rows = [
        {
            "symbol": listing.symbol,
            "fundingRate": trimmed_rate(rate),
            "fundingRateTimestamp": str(time),
        }
        for time, rate in reversed(payments)
    ]
    return Answer({"category": kind, "list": rows})


def _listed(floor: Floor, request: Request, kind: str) -> int:
    """Return the index of a symbol that was launched; raises Refused 10001 otherwise."""
    if kind != LINEAR:
        raise invalid(UNKNOWN_SYMBOL)
    index = symbol_index(floor, request, UNKNOWN_SYMBOL)
    if floor.market.listings[index].launch_time > request.now:
        raise invalid(UNKNOWN_SYMBOL)
    return index


def _traded(floor: Floor, request: Request, kind: str) -> int:
    """Return the index of a symbol that trades now; raises Refused 10001 otherwise."""
    index = _listed(floor, request, kind)
    if not floor.prices.is_trading(index, request.now):
        raise invalid(UNKNOWN_SYMBOL)
    return index
