"""Helpers of the endpoints: categories, symbols, limits, cursors, time windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TypeVar
from urllib.parse import quote, unquote

from pumpwatch_workbench.simulator.endpoints.state import ExchangeState
from pumpwatch_workbench.simulator.endpoints.wire.messages import EndpointAnswer, Request
from pumpwatch_workbench.simulator.engine.refusals import Refused, invalid
from pumpwatch_workbench.simulator.market.source import DAY_MS

Handler = Callable[[ExchangeState, Request], EndpointAnswer]
Row = TypeVar("Row")
LINEAR = "linear"
EMPTY_CATEGORIES = frozenset({"spot", "inverse", "option"})
"""Categories that exist on the real exchange and list nothing here."""
WINDOW_MS = 7 * DAY_MS


def category(request: Request, default: str = "") -> str:
    """Return the category asked for; raises Refused 10001 for an unknown one."""
    value = request.text("category", default)
    if value != LINEAR and value not in EMPTY_CATEGORIES:
        raise invalid("Illegal category")
    return value


def linear_only(request: Request) -> None:
    """Refuse trading in a category that lists nothing."""
    if category(request) != LINEAR:
        raise invalid("Not supported symbols")


def listed(*names: str) -> Callable[[Handler], Handler]:
    """Let a list endpoint answer with an empty list in categories that list nothing.

    `names` are the fields of that answer, in order.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def answer(exchange: ExchangeState, request: Request) -> EndpointAnswer:
            kind = category(request)
            if kind == LINEAR:
                return handler(exchange, request)
            empty = {"nextPageCursor": "", "category": kind, "list": []}
            return EndpointAnswer({name: empty[name] for name in names})

        return answer

    return decorate


def require_one_way(request: Request) -> None:
    """Refuse the `positionIdx` of hedge mode: only one-way mode is traded."""
    if request.text("positionIdx", "0") != "0":
        raise invalid("position idx not match position mode")


def symbol_index(exchange: ExchangeState, request: Request, text: str = "") -> int:
    """Return the index of the symbol asked for; raises Refused 10001 when there is none."""
    symbol = request.text("symbol")
    index = exchange.indices.get(symbol)
    if index is None:
        raise invalid(text or f"params error: symbol invalid {symbol}")
    return index


def limited(request: Request, default: int, maximum: int) -> int:
    """Return the page size asked for, the maximum for more."""
    limit = request.integer("limit")
    if limit is None:
        return default
    if limit < 1:
        raise invalid("params error: limit invalid")
    return min(limit, maximum)


def paged(
    request: Request,
    rows: Sequence[Row],
    identity: Callable[[Row], tuple[str, int]],
    *,
    default: int,
    maximum: int,
) -> tuple[list[Row], str]:
    """Return the page a cursor names and the next cursor, URL-encoded as Bybit sends it.

    `identity` gives a row's (id, time). The cursor names first and last row of its page and is not
    empty on the last page either; an empty list has none.
    """
    limit = limited(request, default, maximum)
    cursor = unquote(request.text("cursor"))  # many clients encode it once more
    first = 0
    if cursor:
        last_id = cursor.rpartition(",")[2].partition(":")[0]
        first = next((n + 1 for n, row in enumerate(rows) if identity(row)[0] == last_id), -1)
        if first < 0:
            raise invalid("params error: cursor invalid")
    page = list(rows[first : first + limit])
    if not page:
        return page, ""
    ends = (identity(page[0]), identity(page[-1]))
    return page, quote(",".join(f"{name}:{time}" for name, time in ends), safe="")


def private_page(rows: Sequence[object], cursor: str) -> EndpointAnswer:
    """Return a page of the account's orders, executions, positions or closed trades."""
    return EndpointAnswer({"nextPageCursor": cursor, "category": LINEAR, "list": rows})


def time_window(request: Request, now: int) -> tuple[int, int]:
    """Return startTime and endTime of a history request: at most seven days, else the last."""
    start, end = request.integer("startTime"), request.integer("endTime")
    if start is not None and end is not None and not 0 <= end - start <= WINDOW_MS:
        raise invalid("params error: the time range must be between 0 and 7 days")
    if start is None:
        end = now if end is None else end
        return end - WINDOW_MS, end
    return start, start + WINDOW_MS if end is None else end


def in_scope(exchange: ExchangeState, request: Request, *, required: bool) -> Callable[[int], bool]:
    """Return a test on symbol indices from the parameters symbol, settleCoin and baseCoin."""
    if request.text("symbol"):
        index = symbol_index(exchange, request)
        return lambda candidate: candidate == index
    settle, base = request.text("settleCoin"), request.text("baseCoin")
    if required and not (settle or base):
        raise Refused(
            10001,
            "Missing some parameters that must be filled in, symbol or settleCoin or baseCoin",
        )
    listings = exchange.market.listings

    def matches(candidate: int) -> bool:
        listing = listings[candidate]
        return settle in ("", listing.settle_coin) and base in ("", listing.base_coin)

    return matches
