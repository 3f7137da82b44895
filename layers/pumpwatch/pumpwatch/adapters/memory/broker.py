"""A simple exchange account for linear one-way positions (Broker port)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.adapters.ledger import Holding, apply_fill, liquidation_price, pnl
from pumpwatch.domain.access import Access
from pumpwatch.domain.orders import (
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
from pumpwatch.errors import DeadlineNear, DuplicateOrder, PumpwatchError, Rejected
from pumpwatch.ports import Clock

__all__ = ["MemoryBroker"]

FEE = Decimal("0.00055")
ZERO = Decimal(0)


@dataclass(slots=True)
class _Open:
    holding: Holding
    created: int
    updated: int
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_stop: Decimal | None = None
    best_price: Decimal | None = None
    """The most favourable price since the trailing stop was set."""

    @property
    def trailing_level(self) -> Decimal | None:
        """Return the price at which the trailing stop fires."""
        if self.trailing_stop is None or self.best_price is None:
            return None
        sign = 1 if self.holding.side is Side.BUY else -1
        return self.best_price - sign * self.trailing_stop


class MemoryBroker:
    """Fills market orders at once at the price that was set, keeps stops and targets.

    `fail(method, error)` makes the next call of a method raise before it does anything;
    `fail(method, error, after=True)` lets it do its work first: the answer is lost.
    `fill_fraction` below one fills orders in part; `drop_stops` loses the stop of an entry.
    """

    def __init__(self, clock: Clock, *, equity: Decimal = Decimal(10_000)) -> None:
        self._clock = clock
        self._wallet = equity
        self._prices: dict[str, Decimal] = {}
        self._open: dict[str, _Open] = {}
        self._orders: dict[str, OrderStatus] = {}
        self._fills: list[Fill] = []
        self._leverage: defaultdict[str, Decimal] = defaultdict(lambda: Decimal(1))
        self._failures: defaultdict[str, list[tuple[PumpwatchError, bool]]] = defaultdict(list)
        self.resting: list[OrderStatus] = []
        """Orders of somebody else that are open."""
        self.calls: list[str] = []
        self.placed: list[OrderRequest] = []
        """Every request that reached the account, refused ones included."""
        self.access_facts = Access("10001")
        self.fill_fraction = Decimal(1)
        self.drop_stops = False

    # --- the script ----------------------------------------------------------------------

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Set the price orders fill at and positions are valued at; fire what it has reached."""
        self._prices[symbol] = price
        one = self._open.get(symbol)
        if one is None:
            return
        sign = 1 if one.holding.side is Side.BUY else -1
        if one.best_price is not None and sign * (price - one.best_price) > 0:
            one.best_price = price
        trailing = one.trailing_level
        if one.stop_loss is not None and sign * (price - one.stop_loss) <= 0:
            self.close(symbol, one.stop_loss, trigger="stop_loss")
        elif trailing is not None and sign * (price - trailing) <= 0:
            self.close(symbol, trailing, trigger="trailing_stop")
        elif one.take_profit is not None and sign * (price - one.take_profit) >= 0:
            self.close(symbol, one.take_profit, trigger="take_profit")

    def close(
        self, symbol: str, price: Decimal, *, trigger: str = "", kind: FillKind = FillKind.TRADE
    ) -> None:
        """Close the position as the exchange itself, or somebody else, would."""
        held = self._open[symbol].holding
        self._fill(symbol, held.side.opposite, held.quantity, price, kind=kind, trigger=trigger)

    def open_foreign(self, symbol: str, side: Side, quantity: Decimal, price: Decimal) -> None:
        """Open a position as somebody else on the account would."""
        self._prices.setdefault(symbol, price)
        self._fill(symbol, side, quantity, price)

    def charge_funding(self, symbol: str, fee: Decimal) -> None:
        """Charge funding on a position; positive = paid."""
        held, number = self._open[symbol].holding, len(self._fills) + 1
        price, now = self._prices[symbol], self._clock.now()
        self._wallet -= fee
        self._fills.append(
            Fill(
                f"execution-{number}",
                "",
                symbol,
                held.side,
                FillKind.FUNDING,
                price,
                held.quantity,
                fee,
                now,
            )
        )

    def vanish(self, symbol: str) -> None:
        """Lose the position without any execution that says why."""
        del self._open[symbol]

    def deleverage(self, symbol: str, quantity: Decimal, price: Decimal) -> None:
        """Close a part of the position by auto-deleveraging."""
        held = self._open[symbol].holding
        kind = FillKind.AUTO_DELEVERAGING
        self._fill(symbol, held.side.opposite, quantity, price, kind=kind)

    def remove_protection(self, symbol: str) -> None:
        """Lose the position's stop and target."""
        self._open[symbol].stop_loss = self._open[symbol].take_profit = None

    def fail(
        self, method: str, error: PumpwatchError, *, after: bool = False, times: int = 1
    ) -> None:
        """Let the next calls of a method raise, before or after they did their work."""
        self._failures[method] += [(error, after)] * times

    # --- the port ------------------------------------------------------------------------

    def account(self) -> Account:
        """Return the account's money."""
        with self._call("account"):
            return self._account()

    def positions(self) -> Sequence[Position]:
        """Return every open position."""
        with self._call("positions"):
            return self._positions()

    def open_orders(self) -> Sequence[OrderStatus]:
        """Return resting orders and the positions' stops and targets."""
        with self._call("open_orders"):
            return self.resting + [
                self._protection(symbol, one, name)
                for symbol, one in self._open.items()
                for name, price in (("stop", one.stop_loss), ("target", one.take_profit))
                if price is not None
            ]

    def place(self, request: OrderRequest) -> str:
        """Fill the order at the set price. Raises `DuplicateOrder`, `Rejected`."""
        with self._call("place"):
            if request.send_by is not None and self._clock.now() > request.send_by:
                raise DeadlineNear(f"order {request.order_id} would leave too late: not sent")
            self.placed.append(request)
            if request.order_id in self._orders:
                raise DuplicateOrder(f"order {request.order_id} exists already", code=110072)
            price, quantity = self._accepted(request)
            return self._execute(request, price, quantity * self.fill_fraction)

    def find_order(self, symbol: str, order_id: str) -> OrderStatus | None:
        """Return the order with our id, or None."""
        with self._call("find_order"):
            found = self._orders.get(order_id)
            return found if found is not None and found.symbol == symbol else None

    def fills(self, symbol: str, *, since: int) -> Sequence[Fill]:
        """Return the symbol's executions from `since` on, oldest first."""
        with self._call("fills"):
            return [fill for fill in self._fills if fill.symbol == symbol and fill.time >= since]

    def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Set the leverage."""
        with self._call("set_leverage"):
            self._leverage[symbol] = leverage

    def set_protection(
        self,
        symbol: str,
        *,
        stop_loss: Decimal,
        take_profit: Decimal | None,
        trigger: StopTrigger,
        trailing_stop: Decimal | None = None,
    ) -> None:
        """Set the stop; a target and a trailing stop unless None. Raises `Rejected`."""
        with self._call("set_protection"):
            one = self._open.get(symbol)
            if one is None:
                raise Rejected("can not set tp/sl/ts for zero position", code=10001)
            _check_stop(one.holding.side, stop_loss, self._prices[symbol])
            one.stop_loss = stop_loss
            one.take_profit = take_profit if take_profit is not None else one.take_profit
            if trailing_stop is not None:
                one.trailing_stop, one.best_price = trailing_stop, self._prices[symbol]

    def cancel(self, symbol: str, order_id: str) -> None:
        """Do nothing: market orders have always ended, and already gone is a success."""
        with self._call("cancel"):
            return

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

    def _accepted(self, request: OrderRequest) -> tuple[Decimal, Decimal]:
        if request.symbol not in self._prices:
            raise Rejected(f"{request.symbol} is not listed", code=10001)
        price = self._prices[request.symbol]
        one = self._open.get(request.symbol)
        if request.reduce_only:
            if one is None or one.holding.side is request.side:
                raise Rejected("current position is zero, cannot fix reduce-only", code=110017)
            return price, min(request.quantity, one.holding.quantity)
        if request.stop_loss is not None:
            _check_stop(request.side, request.stop_loss, price)
        margin = request.quantity * price / self._leverage[request.symbol]
        opens = one is None or one.holding.side is request.side
        if opens and margin > self._account().available:
            raise Rejected("the available balance is not enough for the order", code=110007)
        return price, request.quantity

    def _account(self) -> Account:
        held = self._positions()
        equity = self._wallet + sum((one.unrealised_pnl for one in held), ZERO)
        margin = sum((one.quantity * one.entry_price / one.leverage for one in held), ZERO)
        return Account(equity, max(ZERO, equity - margin), self._wallet)

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
        )
        if filled:
            ids = (request.order_id, exchange_id)
            self._fill(request.symbol, request.side, filled, price, ids=ids)
        if request.symbol in self._open and not (request.reduce_only or self.drop_stops):
            one = self._open[request.symbol]
            one.stop_loss, one.take_profit = request.stop_loss, request.take_profit
        return exchange_id

    def _positions(self) -> list[Position]:
        return [self._position(symbol) for symbol in sorted(self._open)]

    def _position(self, symbol: str) -> Position:
        one, mark, leverage = self._open[symbol], self._prices[symbol], self._leverage[symbol]
        held = one.holding
        return Position(
            symbol=symbol,
            side=held.side,
            quantity=held.quantity,
            entry_price=held.entry_price,
            mark_price=mark,
            leverage=leverage,
            stop_loss=one.stop_loss,
            take_profit=one.take_profit,
            liquidation_price=liquidation_price(held, leverage),
            unrealised_pnl=pnl(held.side, held.quantity, held.entry_price, mark),
            created=one.created,
            updated=one.updated,
            trailing_stop=one.trailing_stop,
        )

    @staticmethod
    def _protection(symbol: str, one: _Open, name: str) -> OrderStatus:
        return OrderStatus(
            order_id="",
            exchange_id=f"{symbol}-{name}",
            symbol=symbol,
            side=one.holding.side.opposite,
            state=OrderState.UNTRIGGERED,
            quantity=one.holding.quantity,
            filled_quantity=ZERO,
            average_price=None,
            fee=ZERO,
            reduce_only=True,
            created=one.created,
            updated=one.updated,
            is_protection=True,
        )

    def _fill(
        self,
        symbol: str,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        *,
        kind: FillKind = FillKind.TRADE,
        trigger: str = "",
        ids: tuple[str, str] = ("", ""),
    ) -> None:
        one, now = self._open.get(symbol), self._clock.now()
        change = apply_fill(one.holding if one else None, side, quantity, price)
        fee, number = quantity * price * FEE, len(self._fills) + 1
        self._wallet += change.realised - fee
        self._fills.append(
            Fill(
                execution_id=f"execution-{number}",
                order_id=ids[0],
                symbol=symbol,
                side=side,
                kind=kind,
                price=price,
                quantity=quantity,
                fee=fee,
                time=now,
                exchange_order_id=ids[1] or f"trigger-{number}",
                closed_quantity=change.closed_quantity,
                trigger=trigger,
            )
        )
        if change.holding is None:
            del self._open[symbol]
        elif one is None or one.holding.side is not change.holding.side:
            self._open[symbol] = _Open(change.holding, now, now)
        else:
            one.holding, one.updated = change.holding, now


def _check_stop(side: Side, stop_loss: Decimal, price: Decimal) -> None:
    if (stop_loss >= price) if side is Side.BUY else (stop_loss <= price):
        raise Rejected(f"the stop loss {stop_loss} has been passed by {price}", code=10001)
