"""Bybit's private side (Broker port): linear perpetuals in USDT, one-way mode, unified account."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pumpwatch.domain.access import Access
from pumpwatch.domain.orders import (
    Account,
    Fill,
    OrderRequest,
    OrderStatus,
    Position,
    Side,
    StopTrigger,
)
from pumpwatch.domain.rows import Rows
from pumpwatch.errors import (
    ExchangeUnavailable,
    InvariantBroken,
    OutcomeUnknown,
    Rejected,
    StopTrading,
)
from pumpwatch.ports import Clock

from . import endpoints
from .access import read_access
from .endpoints import Endpoint
from .fields import Row, object_in, optional_text, rows, text
from .orders import (
    TRIGGER_WORDS,
    order_of_fills,
    read_account,
    read_fill,
    read_order,
    read_position,
)
from .refusals import BAD_PARAMETER, GONE
from .session import BybitSession

__all__ = ["BybitBroker"]

CATEGORY = "linear"
COIN = "USDT"
SIDES = {Side.BUY: "Buy", Side.SELL: "Sell"}
MODE_SYMBOL = "BTCUSDT"
"""The symbol whose rows tell the account's position mode; it is always listed."""

ORDER_PAGE, EXECUTION_PAGE, POSITION_PAGE, MOST_PAGES = 50, 100, 200, 100
WEEK = 7 * 86_400_000
"""Longest span of one execution query, milliseconds."""
KEPT = 730 * 86_400_000
"""How far back Bybit keeps executions, milliseconds."""

ONE_WAY = 0


class BybitBroker:
    """Orders and positions on Bybit. Every `place` sends one POST, whatever comes of it."""

    def __init__(self, session: BybitSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def account(self) -> Account:
        """Return the unified account's money."""
        return read_account(self._session.call(endpoints.WALLET, accountType="UNIFIED").result)

    def positions(self, symbol: str = "") -> Rows[Position]:
        """Return every open USDT position. Raises `StopTrading` for one in hedge mode."""
        which = {"symbol": symbol} if symbol else {"settleCoin": COIN}
        found = self._all(endpoints.POSITIONS, POSITION_PAGE, **which)
        read = [read_position(row) for row in found]
        return Rows(tuple(position for position in read if position is not None))

    def open_orders(self) -> Rows[OrderStatus]:
        """Return every order that can still be filled, protections included."""
        found = self._all(endpoints.OPEN_ORDERS, ORDER_PAGE, settleCoin=COIN, openOnly=0)
        return Rows(tuple(order for order in map(read_order, found) if not order.state.ended))

    def place(self, request: OrderRequest) -> str:
        """Send the order once and return Bybit's id for it: accepted, not filled.

        Raises `DuplicateOrder`, `Rejected`, `OutcomeUnknown`, `StopTrading` in hedge mode, and
        where nothing was sent `ExchangeUnavailable` or, from `send_by` on, `DeadlineNear`.
        """
        try:
            answer = self._session.request(
                endpoints.CREATE_ORDER, _order(request), send_by=request.send_by
            )
        except Rejected as error:
            if error.code == BAD_PARAMETER and "position mode" in str(error):
                raise StopTrading(
                    "the account is in hedge mode: switch it to one-way mode and start again"
                ) from None
            raise
        try:
            return text(object_in(answer.result, "order/create"), "orderId", "order/create")
        except ExchangeUnavailable as error:
            raise OutcomeUnknown(f"the order was accepted without an id: {error}") from None

    def find_order(self, symbol: str, order_id: str) -> OrderStatus | None:
        """Look in open orders, history and executions for our id; None when all three are empty."""
        for endpoint in (endpoints.OPEN_ORDERS, endpoints.ORDER_HISTORY, endpoints.EXECUTIONS):
            found = self._rows_of(endpoint, symbol, order_id)
            if found:
                by_fills = endpoint is endpoints.EXECUTIONS
                return order_of_fills(found) if by_fills else read_order(found[0])
        return None

    def _rows_of(self, endpoint: Endpoint, symbol: str, order_id: str) -> list[Row]:
        """Return what a list has under our id; "no such order" means that this list has nothing."""
        try:
            answer = self._session.call(
                endpoint, category=CATEGORY, symbol=symbol, orderLinkId=order_id
            )
        except ExchangeUnavailable as error:
            if error.code not in GONE:
                raise
            return []
        return [
            row
            for row in rows(answer.result, endpoint.path)
            if row.get("orderLinkId") == order_id and row.get("symbol") == symbol
        ]

    def fills(self, symbol: str, *, since: int) -> Rows[Fill]:
        """Return the symbol's executions from `since` on, oldest first, all pages."""
        found: dict[str, Fill] = {}
        now = self._clock.now()
        start = max(since, now - KEPT)
        while True:
            # The last window stays open: executions younger than the latest stamp are wanted too.
            last = start + WEEK > now
            bounds = {"startTime": start} | ({} if last else {"endTime": start + WEEK - 1})
            for row in self._all(endpoints.EXECUTIONS, EXECUTION_PAGE, symbol=symbol, **bounds):
                fill = read_fill(row)
                found[fill.execution_id] = fill
            if last:
                ordered = sorted(found.values(), key=lambda fill: (fill.time, fill.execution_id))
                return Rows(tuple(ordered))
            start += WEEK

    def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Set the leverage; already set is a success. Raises `Rejected`, `ExchangeUnavailable`."""
        value = _plain(leverage)
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
        """Set the position's stop, and its target and trailing distance unless None.

        Unchanged is a success. Raises `Rejected` (flat, or the price has passed the stop) or
        `OutcomeUnknown`.
        """
        word = TRIGGER_WORDS[trigger]
        stop = {} if stop_loss is None else {"stopLoss": _plain(stop_loss), "slTriggerBy": word}
        target = (
            {} if take_profit is None else {"takeProfit": _plain(take_profit), "tpTriggerBy": word}
        )
        self._session.call(
            endpoints.TRADING_STOP,
            category=CATEGORY,
            symbol=symbol,
            positionIdx=ONE_WAY,
            tpslMode="Full",
            **stop,
            **target,
            **({} if trailing_stop is None else {"trailingStop": _plain(trailing_stop)}),
        )

    def cancel(self, symbol: str, order_id: str) -> None:
        """Cancel our order; already gone is a success. Raises `OutcomeUnknown`, `Rejected`."""
        try:
            self._session.call(
                endpoints.CANCEL_ORDER, category=CATEGORY, symbol=symbol, orderLinkId=order_id
            )
        except Rejected as error:
            if error.code not in GONE:
                raise

    def access(self) -> Access:
        """Return the key's rights and the account's position mode.

        Raises `KeyRefused`, `BadCredentials`, `ExchangeUnavailable`.
        """
        key = self._session.call(endpoints.API_KEY)
        return read_access(key.result, self._mode_rows(), time=key.time)

    def _mode_rows(self) -> object:
        """Return the position list of one symbol; where it is not traded, one without rows."""
        try:
            answer = self._session.call(endpoints.POSITIONS, category=CATEGORY, symbol=MODE_SYMBOL)
        except ExchangeUnavailable as error:
            if error.code != BAD_PARAMETER:
                raise
            return {"list": []}
        return answer.result

    def _all(self, endpoint: Endpoint, page: int, **parameters: object) -> Iterator[Row]:
        """Yield the rows of every page. A cursor comes on the last page too: a short page ends."""
        cursor = ""
        for _ in range(MOST_PAGES):
            more = {"cursor": cursor} if cursor else {}
            answer = self._session.call(
                endpoint, category=CATEGORY, limit=page, **parameters, **more
            )
            listed = rows(answer.result, endpoint.path)
            yield from listed
            page_object = object_in(answer.result, endpoint.path)
            cursor = optional_text(page_object, "nextPageCursor", endpoint.path)
            if len(listed) < page or not cursor:
                return
        raise ExchangeUnavailable(f"{endpoint.path}: the list does not end")


def _order(request: OrderRequest) -> dict[str, object]:
    """Return the body of order/create. Stops travel with the entry, never after it."""
    body: dict[str, object] = {
        "category": CATEGORY,
        "symbol": request.symbol,
        "side": SIDES[request.side],
        "orderType": "Market" if request.limit_price is None else "Limit",
        "qty": _plain(request.quantity),
        "orderLinkId": request.order_id,
        "reduceOnly": request.reduce_only,
        "positionIdx": ONE_WAY,
    }
    if request.closes_all:
        # Bybit's way to close a quantity that is no multiple of the contract's step any more.
        body |= {"qty": "0", "closeOnTrigger": True}
    if request.limit_price is not None:
        body |= {"price": _plain(request.limit_price), "timeInForce": "IOC"}
    if request.reduce_only:
        return body
    word = TRIGGER_WORDS[request.stop_trigger]
    if request.stop_loss is not None:
        body |= {
            "tpslMode": "Full",
            "slOrderType": "Market",
            "stopLoss": _plain(request.stop_loss),
            "slTriggerBy": word,
        }
    if request.take_profit is not None:
        body |= {
            "tpslMode": "Full",
            "tpOrderType": "Market",
            "takeProfit": _plain(request.take_profit),
            "tpTriggerBy": word,
        }
    return body


def _plain(value: Decimal) -> str:
    """Return the number without an exponent and without trailing zeros."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise InvariantBroken(f"{value!r} is no finite Decimal; nothing was sent. Report this")
    return f"{value.normalize():f}"
