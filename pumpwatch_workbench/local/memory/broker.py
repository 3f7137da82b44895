"""A simple exchange account for linear one-way positions (Broker port)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from pumpwatch.domain.trading.access import Access
from pumpwatch.domain.trading.orders import (
    Account,
    Fill,
    FillKind,
    OrderRequest,
    OrderState,
    OrderStatus,
    Position,
    Side,
    StopTrigger,
)
from pumpwatch.domain.trading.rows import Rows, UnreadableRow
from pumpwatch.errors import DeadlineNear, DuplicateOrder, PumpwatchError, Rejected
from pumpwatch.ports import Clock

from .account import FEE, MemoryAccount


class MemoryBroker:
    """Fills market orders at once at the price that was set, keeps stops and targets.

    Faults are set by hand. `fail(method, error)` makes the next call of a method raise before it
    does anything; `fail(method, error, after=True)` lets it do its work first: the answer is lost.
    `fill_fraction` below one fills orders in part; `drop_stops` loses the stop of an entry;
    `cancel_by_band()` ends the next order without a fill; `lag_lists(n)` makes lists stale.
    """

    def __init__(self, clock: Clock, *, equity: Decimal = Decimal(10_000)) -> None:
        self._clock = clock
        self._account = MemoryAccount(clock, equity)
        self._orders: dict[str, OrderStatus] = {}
        self._failures: defaultdict[str, list[tuple[PumpwatchError, bool]]] = defaultdict(list)
        self._stale_positions: list[list[Position]] = []
        self._stale_orders: list[list[OrderStatus]] = []
        self._banded = False
        self.resting: list[OrderStatus] = []
        """Orders of somebody else that are open."""
        self.unreadable: list[UnreadableRow] = []
        """Rows of its lists that cannot be read."""
        self.calls: list[str] = []
        self.placed: list[OrderRequest] = []
        """Every request that reached the account, refused ones included."""
        self.access_facts = Access("10001")
        """What the key may do."""
        self.fill_fraction = Decimal(1)
        self.drop_stops = False

    # --- the script ----------------------------------------------------------------------

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Set the price orders fill at and positions are valued at; fire what it has reached."""
        self._account.move(symbol, price)

    def close(
        self, symbol: str, price: Decimal, *, trigger: str = "", kind: FillKind = FillKind.TRADE
    ) -> None:
        """Close the position as the exchange itself, or somebody else, would."""
        self._account.close(symbol, price, trigger=trigger, kind=kind)

    def deleverage(self, symbol: str, quantity: Decimal, price: Decimal) -> None:
        """Close a part of the position by auto-deleveraging, at most all of it."""
        kind = FillKind.AUTO_DELEVERAGING
        self._account.close(symbol, price, quantity=quantity, kind=kind)

    def liquidate(self, symbol: str, price: Decimal) -> None:
        """Let the exchange take the position over."""
        self._account.close(symbol, price, kind=FillKind.LIQUIDATION)

    def settle_contract(self, symbol: str, price: Decimal) -> None:
        """Settle the position and delist its contract: orders are refused from then on."""
        self._account.close(symbol, price, kind=FillKind.SETTLEMENT)
        del self._account.prices[symbol]

    def vanish(self, symbol: str) -> None:
        """Lose the position without any execution that says why."""
        del self._account.held[symbol]

    def open_foreign(self, symbol: str, side: Side, quantity: Decimal, price: Decimal) -> None:
        """Open a position as somebody else on the account would."""
        self._account.prices.setdefault(symbol, price)
        self._account.fill(symbol, side, quantity, price)

    def charge_funding(self, symbol: str, fee: Decimal) -> None:
        """Charge funding on a position; positive = paid."""
        self._account.charge(symbol, fee)

    def remove_protection(self, symbol: str) -> None:
        """Lose the position's stop, target and trailing stop."""
        one = self._account.held[symbol]
        one.stop_loss = one.take_profit = one.trailing_stop = one.best_price = None

    def cancel_by_band(self) -> None:
        """Let the next market order end without a fill: the price band leaves it no quantity."""
        self._banded = True

    def lag_lists(self, calls: int) -> None:
        """Let the next calls of `positions`, and as many of `open_orders`, answer as of now.

        What happens meanwhile shows in them only afterwards; `find_order`, `fills` and `account`
        do not lag.
        """
        self._stale_positions = [self._account.positions() for _ in range(calls)]
        self._stale_orders = [self._listed_orders() for _ in range(calls)]

    def fail(
        self, method: str, error: PumpwatchError, *, after: bool = False, times: int = 1
    ) -> None:
        """Let the next calls of a method raise, before or after they did their work."""
        self._failures[method] += [(error, after)] * times

    # --- the port ------------------------------------------------------------------------

    def account(self) -> Account:
        """Return the account's money."""
        with self._call("account"):
            return self._account.money()

    def positions(self, symbol: str = "") -> Rows[Position]:
        """Return every open position, or what was listed before while lists lag."""
        with self._call("positions"):
            lagging = self._stale_positions
            found = lagging.pop() if lagging else self._account.positions()
            rows = [one for one in found if symbol in ("", one.symbol)]
            return Rows(tuple(rows), self._unreadable("positions", symbol))

    def open_orders(self) -> Rows[OrderStatus]:
        """Return resting orders and the positions' protections, or what was listed before."""
        with self._call("open_orders"):
            found = self._stale_orders.pop() if self._stale_orders else self._listed_orders()
            return Rows(tuple(found), self._unreadable("open_orders"))

    def place(self, request: OrderRequest) -> str:
        """Fill the order at the set price.

        Raises `DuplicateOrder`, `Rejected`, and `DeadlineNear` once `send_by` has passed.
        """
        with self._call("place"):
            if request.send_by is not None and self._clock.now() > request.send_by:
                raise DeadlineNear(f"order {request.order_id} would leave too late: not sent")
            self.placed.append(request)
            if request.order_id in self._orders:
                raise DuplicateOrder(f"order {request.order_id} exists already", code=110072)
            price, quantity = self._account.acceptable(request)
            banded, self._banded = self._banded, False
            fills = not banded and request.may_fill_at(price)
            fraction = self.fill_fraction if fills else Decimal(0)
            return self._execute(request, price, quantity * fraction)

    def find_order(self, symbol: str, order_id: str) -> OrderStatus | None:
        """Return the order with our id, or None."""
        with self._call("find_order"):
            found = self._orders.get(order_id)
            return found if found is not None and found.symbol == symbol else None

    def fills(self, symbol: str, *, since: int) -> Rows[Fill]:
        """Return the symbol's executions from `since` on, oldest first."""
        with self._call("fills"):
            booked = self._account.fills
            rows = [fill for fill in booked if fill.symbol == symbol and fill.time >= since]
            return Rows(tuple(rows), self._unreadable("executions", symbol))

    def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Set the leverage. Raises `Rejected` below 1."""
        with self._call("set_leverage"):
            if leverage < 1:
                raise Rejected(f"leverage {leverage} is below 1", code=10001)
            self._account.leverage[symbol] = leverage

    def set_protection(
        self,
        symbol: str,
        *,
        stop_loss: Decimal | None,
        take_profit: Decimal | None,
        trigger: StopTrigger,
        trailing_stop: Decimal | None = None,
    ) -> None:
        """Set the stop; a target and a trailing stop unless None. Raises `Rejected`."""
        with self._call("set_protection"):
            self._account.protect(symbol, stop_loss, take_profit, trailing_stop)

    def access(self) -> Access:
        """Return what was set as `access_facts`."""
        with self._call("access"):
            return self.access_facts

    # --- inside --------------------------------------------------------------------------

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        self.calls.append(name)
        error, after = self._failures[name].pop(0) if self._failures[name] else (None, False)
        if error is not None and not after:
            raise error
        yield
        if error is not None:
            raise error

    def _unreadable(self, source: str, symbol: str = "") -> tuple[UnreadableRow, ...]:
        found = [row for row in self.unreadable if row.source == source]
        return tuple(row for row in found if not symbol or row.symbol in ("", symbol))

    def _listed_orders(self) -> list[OrderStatus]:
        return self.resting + self._account.protection_orders()

    def _execute(self, request: OrderRequest, price: Decimal, filled: Decimal) -> str:
        exchange_id, now = f"memory-{len(self._orders) + 1}", self._clock.now()
        self._orders[request.order_id] = OrderStatus(
            order_id=request.order_id,
            exchange_id=exchange_id,
            symbol=request.symbol,
            side=request.side,
            state=OrderState.FILLED if filled == request.quantity else OrderState.CANCELLED,
            quantity=request.quantity,
            filled_quantity=filled,
            average_price=price if filled else None,
            fee=filled * price * FEE,
            reduce_only=request.reduce_only,
            created=now,
            updated=now,
            reject_reason="" if filled else "EC_NoImmediateQtyToFill",
        )
        if not filled:
            return exchange_id
        ids = (request.order_id, exchange_id)
        self._account.fill(request.symbol, request.side, filled, price, ids=ids)
        one = self._account.held.get(request.symbol)
        if one is not None and not (request.reduce_only or self.drop_stops):
            one.stop_loss, one.take_profit = request.stop_loss, request.take_profit
        return exchange_id
