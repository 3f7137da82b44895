"""Bybit's private side (Broker port): linear perpetuals in USDT on a unified account.

Position mode is the symbol's: a symbol in hedge mode has two positions, and takes no order of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from decimal import Decimal
from typing import TypeVar

from pumpwatch.domain.moments import DAY
from pumpwatch.domain.trading.access import Access
from pumpwatch.domain.trading.orders import (
    Account,
    Fill,
    OrderRequest,
    OrderStatus,
    Position,
    StopTrigger,
)
from pumpwatch.domain.trading.rows import Rows, UnreadableRow
from pumpwatch.errors import (
    ExchangeUnavailable,
    OutcomeUnknown,
    UnreadableAnswer,
)
from pumpwatch.hosts import DEMO_HOSTS
from pumpwatch.ports import Broker, Clock

from . import endpoints
from .access import read_access
from .endpoints import Endpoint
from .fields import (
    Row,
    entries,
    integer,
    object_in,
    optional_text,
    or_default,
    price,
    text,
    unreadable,
)
from .lists import SecondPages, all_rows
from .order_body import CATEGORY, ONE_WAY, order_body, plain, protection_fields
from .orders import (
    COIN,
    order_of_fills,
    read_account,
    read_fill,
    read_open_order,
    read_order,
    read_position,
)
from .refusals import GONE, NO_ROUTE, NOT_FOUND_STATUS, NOT_IN_DEMO
from .session import BybitSession

LISTS = {
    endpoints.POSITIONS: ("positions", 200),
    endpoints.OPEN_ORDERS: ("open_orders", 50),
    endpoints.ORDER_HISTORY: ("order_history", 50),
    endpoints.EXECUTIONS: ("executions", 100),
}
"""Each list's name, and the most rows that may be asked for at once."""

WEEK = 7 * DAY
KEPT = 730 * DAY
"""The age up to which Bybit keeps executions, milliseconds."""

Item = TypeVar("Item")


class BybitBroker(Broker):
    """Orders and positions on Bybit. Every `place` sends one POST, whatever comes of it.

    With an executor the second page of the account's lists is asked for beside the first.
    """

    def __init__(
        self, session: BybitSession, clock: Clock, *, executor: Executor | None = None
    ) -> None:
        self._session = session
        self._clock = clock
        self._second_pages = SecondPages(executor) if executor is not None else None

    def account(self) -> Account:
        return read_account(self._session.call(endpoints.WALLET, accountType="UNIFIED").result)

    def positions(self, symbol: str = "") -> Rows[Position]:
        # Pages are asked for one after another, so that a row can come twice: the later one counts.
        # Outside hedge mode a symbol that has two different positions at once cannot be read.
        which = {"symbol": symbol} if symbol else {"settleCoin": COIN}
        read, unread = self._read(endpoints.POSITIONS, read_position, **which)
        listed: dict[tuple[str, object], Position] = {}
        twice: set[str] = set()
        for position in read:
            place = (position.symbol, position.hedge and position.side)
            before = listed.setdefault(place, position)
            listed[place] = position
            if (before.side, before.quantity) != (position.side, position.quantity):
                sizes = f"{before.side} {before.quantity} and {position.side} {position.quantity}"
                reason = f"position list: {position.symbol} is there twice, {sizes}"
                unread.append(UnreadableRow("positions", position.symbol, "", reason))
                twice.add(position.symbol)
        return Rows(
            tuple(position for position in listed.values() if position.symbol not in twice),
            tuple(unread),
        )

    def open_orders(self) -> Rows[OrderStatus]:
        orders, unread = self._read(
            endpoints.OPEN_ORDERS, read_open_order, settleCoin=COIN, openOnly=0
        )
        return Rows(tuple(order for order in orders if not order.state.ended), tuple(unread))

    def place(self, request: OrderRequest) -> str:
        if self._second_pages is not None:
            self._second_pages.forget()
        answer = self._session.request(
            endpoints.CREATE_ORDER, order_body(request), send_by=request.send_by
        )
        try:
            return text(object_in(answer.result, "order/create"), "orderId", "order/create")
        except ExchangeUnavailable as error:
            raise OutcomeUnknown(f"the order was accepted without an id: {error}") from None

    def find_order(self, symbol: str, order_id: str) -> OrderStatus | None:
        # A list that fails, or whose row of ours cannot be read, is an error only where no other
        # list knows the order.
        problem: ExchangeUnavailable | None = None
        for endpoint in (endpoints.OPEN_ORDERS, endpoints.ORDER_HISTORY, endpoints.EXECUTIONS):
            try:
                rows = self._rows_of(endpoint, symbol, order_id)
                if rows and endpoint is endpoints.EXECUTIONS:
                    return order_of_fills(rows)
                if rows:
                    return read_order(rows[0], self._session.latest_time or 0)
            except ExchangeUnavailable as error:
                problem = problem or error
        if problem is not None:
            raise problem
        return None

    def _rows_of(self, endpoint: Endpoint, symbol: str, order_id: str) -> list[Row]:
        """Return what a list has under our id; "no such order" means that this list has nothing."""
        rows: list[Row] = []
        try:
            for raw in self._all(endpoint, symbol=symbol, orderLinkId=order_id):
                row = object_in(raw, endpoint.path)
                if optional_text(row, "orderLinkId", endpoint.path) != order_id:
                    continue
                if row.get("symbol") != symbol:
                    raise unreadable(row, "symbol", endpoint.path, f"is not that of {order_id}")
                rows.append(row)
                if endpoint is not endpoints.EXECUTIONS:
                    break
        except ExchangeUnavailable as error:
            if error.code not in GONE:
                raise
        return rows

    def fills(self, symbol: str, *, since: int) -> Rows[Fill]:
        by_id: dict[str, Fill] = {}
        unread: dict[UnreadableRow, None] = {}
        now = self._clock.now()
        start = max(since, now - KEPT)
        while True:
            # A query spans a week at most; the last one stays open, for executions younger than
            # the latest stamp.
            last = start + WEEK > now
            bounds = {"startTime": start} | ({} if last else {"endTime": start + WEEK - 1})
            fills, bad = self._read(endpoints.EXECUTIONS, read_fill, symbol=symbol, **bounds)
            by_id |= {fill.execution_id: fill for fill in fills}
            unread |= dict.fromkeys(bad)
            if last:
                # Bybit lists the newest first, also within a millisecond.
                ordered = list(reversed(by_id.values()))
                ordered.sort(key=lambda fill: fill.time)
                return Rows(tuple(ordered), tuple(unread))
            start += WEEK

    def leverage(self, symbol: str) -> Decimal | None:
        # By symbol the list has flat positions too: one, or in hedge mode two.
        where, leverage = endpoints.POSITIONS.path, Decimal(0)
        answer = self._session.call(endpoints.POSITIONS, category=CATEGORY, symbol=symbol)
        for raw in entries(answer.result, where):
            row = object_in(raw, where)
            if row.get("symbol") != symbol:
                raise unreadable(row, "symbol", where, f"was asked for as {symbol}")
            if integer(row, "positionIdx", where) != ONE_WAY or read_position(row) is not None:
                return None
            leverage = or_default(Decimal(0), price, row, "leverage")
        return leverage

    def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        value = plain(leverage)
        try:
            self._session.call(
                endpoints.SET_LEVERAGE,
                category=CATEGORY,
                symbol=symbol,
                buyLeverage=value,
                sellLeverage=value,
            )
        except OutcomeUnknown as error:
            # No order is at stake, and setting it again does no harm.
            raise ExchangeUnavailable(str(error)) from None

    def set_protection(
        self,
        symbol: str,
        *,
        stop_loss: Decimal | None,
        take_profit: Decimal | None,
        trigger: StopTrigger,
        trailing_stop: Decimal | None = None,
    ) -> None:
        fields = protection_fields(stop_loss, take_profit, trigger)
        if trailing_stop is not None:
            fields["trailingStop"] = plain(trailing_stop)
        self._session.call(
            endpoints.TRADING_STOP,
            category=CATEGORY,
            symbol=symbol,
            positionIdx=ONE_WAY,
            **fields,
        )

    def access(self) -> Access:
        # A demo account may not tell its key's rights, see decision 0036.
        try:
            key = self._session.call(endpoints.API_KEY)
        except ExchangeUnavailable as error:
            absent = {NO_ROUTE, NOT_FOUND_STATUS} if self._session.host in DEMO_HOSTS else set()
            if error.code not in absent | {NOT_IN_DEMO}:
                raise
            return Access("", demo=True)
        return read_access(key.result, time=key.time)

    def _all(self, endpoint: Endpoint, **parameters: object) -> Iterator[object]:
        ahead = self._second_pages if "settleCoin" in parameters else None
        limit = LISTS[endpoint][1]
        return all_rows(self._session, endpoint, limit=limit, ahead=ahead, **parameters)

    def _read(
        self,
        endpoint: Endpoint,
        read: Callable[[Row, int], Item | None],
        **parameters: object,
    ) -> tuple[list[Item], list[UnreadableRow]]:
        # Where a symbol was asked for, a row about another one cannot be read.
        symbol = parameters.get("symbol")
        items: list[Item] = []
        unread: list[UnreadableRow] = []
        for raw in self._all(endpoint, **parameters):
            try:
                row = object_in(raw, endpoint.path)
                item = read(row, self._session.latest_time or 0)
                if symbol and row.get("symbol") != symbol:
                    raise unreadable(row, "symbol", endpoint.path, f"was asked for as {symbol}")
            except UnreadableAnswer as error:
                whose = _name(raw, "symbol"), _name(raw, "orderLinkId")
                unread.append(UnreadableRow(LISTS[endpoint][0], *whose, str(error)))
            else:
                if item is not None:
                    items.append(item)
        return items, unread


def _name(row: object, name: str) -> str:
    try:
        return optional_text(object_in(row, name), name, name)
    except UnreadableAnswer:
        return ""
