"""/v5/market/instruments-info: what is listed, with its filters."""

from __future__ import annotations

from urllib.parse import quote, unquote

from pumpwatch_workbench.simulator.endpoints.common import LINEAR, category, limited
from pumpwatch_workbench.simulator.endpoints.state import ExchangeState
from pumpwatch_workbench.simulator.endpoints.wire.instruments import Row
from pumpwatch_workbench.simulator.endpoints.wire.messages import Answer, Request
from pumpwatch_workbench.simulator.engine.refusals import PARAMETERS, Refused, invalid

DEFAULT_PAGE = 500
MAX_PAGE = 1_000


def instruments_info(exchange: ExchangeState, request: Request) -> Answer:
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
    cursor = unquote(request.text("cursor"))  # many clients encode it once more
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
