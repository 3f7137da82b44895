"""The account behind the broker fake: prices, positions with their protections, fills, money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.adapters.paper.ledger import (
    NetPosition,
    apply_fill,
    better,
    check_stop,
    check_trailing,
    liquidation_price,
    pnl,
    trailing_level,
)
from pumpwatch.domain.trading.orders import (
    Account,
    Fill,
    FillKind,
    OrderRequest,
    OrderState,
    OrderStatus,
    Position,
    Side,
)
from pumpwatch.errors import Rejected
from pumpwatch.ports import Clock

FEE = Decimal("0.00055")
ZERO = Decimal(0)


@dataclass(slots=True)
class Held:
    """An open position and what protects it. Times in milliseconds UTC."""

    holding: NetPosition
    created: int
    updated: int
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_stop: Decimal | None = None
    best_price: Decimal | None = None
    """The most favourable price since the trailing stop was set."""

    def protections(self) -> Iterator[tuple[str, Decimal]]:
        """Yield the name and the level of each protection that is set."""
        side = self.holding.side
        levels = (
            ("stop_loss", self.stop_loss),
            ("trailing_stop", trailing_level(side, self.best_price, self.trailing_stop)),
            ("take_profit", self.take_profit),
        )
        for name, level in levels:
            if level is not None:
                yield name, level

    def reached(self, price: Decimal) -> tuple[str, Decimal] | None:
        """Return the protection that a move to `price` fires, with its level.

        Of two stops the nearer one was passed first.
        """
        sign = 1 if self.holding.side is Side.BUY else -1
        passed = [
            (name, level)
            for name, level in self.protections()
            if sign * (level - price) * (-1 if name == "take_profit" else 1) >= 0
        ]
        return max(passed, key=lambda one: sign * one[1], default=None)


class MemoryAccount:
    """One-way positions that are filled, fired and charged as its owner says."""

    def __init__(self, clock: Clock, equity: Decimal) -> None:
        self._clock = clock
        self.wallet = equity
        self.prices: dict[str, Decimal] = {}
        self.held: dict[str, Held] = {}
        self.fills: list[Fill] = []
        self.leverage: defaultdict[str, Decimal] = defaultdict(lambda: Decimal(1))

    def move(self, symbol: str, price: Decimal) -> None:
        """Set the price; fire the protection it has reached, at that protection's level."""
        self.prices[symbol] = price
        one = self.held.get(symbol)
        if one is None:
            return
        fired = one.reached(price)
        if fired is not None:
            self.close(symbol, fired[1], trigger=fired[0])
        elif one.best_price is not None:
            one.best_price = better(one.holding.side, one.best_price, price)

    def close(
        self,
        symbol: str,
        price: Decimal,
        *,
        quantity: Decimal | None = None,
        trigger: str = "",
        kind: FillKind = FillKind.TRADE,
    ) -> None:
        """Close the position, or a part of it, by a fill that no order of ours caused."""
        held = self.held[symbol].holding
        amount = held.quantity if quantity is None else min(quantity, held.quantity)
        self.fill(symbol, held.side.opposite, amount, price, kind=kind, trigger=trigger)

    def fill(
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
        """Book a fill; `ids` are our order id and the exchange's."""
        one, now = self.held.get(symbol), self._clock.now()
        change = apply_fill(one.holding if one else None, side, quantity, price)
        fee, number = quantity * price * FEE, len(self.fills) + 1
        self.wallet += change.realised - fee
        self.fills.append(
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
            del self.held[symbol]
        elif one is None or one.holding.side is not change.holding.side:
            self.held[symbol] = Held(change.holding, now, now)
        else:
            one.holding, one.updated = change.holding, now

    def charge(self, symbol: str, fee: Decimal) -> None:
        """Charge funding, USDT, positive = paid."""
        held = self.held[symbol].holding
        self.wallet -= fee
        self.fills.append(
            Fill(
                execution_id=f"execution-{len(self.fills) + 1}",
                order_id="",
                symbol=symbol,
                side=held.side,
                kind=FillKind.FUNDING,
                price=self.prices[symbol],
                quantity=held.quantity,
                fee=fee,
                time=self._clock.now(),
            )
        )

    def protect(
        self,
        symbol: str,
        stop_loss: Decimal | None,
        take_profit: Decimal | None,
        trailing_stop: Decimal | None,
    ) -> None:
        """Set a position's protections; None leaves one as it is.

        Raises `Rejected` when flat, and when the price has passed the stop.
        """
        one = self.held.get(symbol)
        if one is None:
            raise Rejected("can not set tp/sl/ts for zero position", code=10001)
        if stop_loss is not None:
            check_stop(one.holding.side, stop_loss, self.prices[symbol])
            one.stop_loss = stop_loss
        check_trailing(trailing_stop)
        one.take_profit = one.take_profit if take_profit is None else take_profit
        if trailing_stop not in (None, one.trailing_stop):
            one.trailing_stop, one.best_price = trailing_stop, self.prices[symbol]

    def acceptable(self, request: OrderRequest) -> tuple[Decimal, Decimal]:
        """Return price and quantity an order gets. Raises `Rejected`."""
        if request.symbol not in self.prices:
            raise Rejected(f"{request.symbol} is not listed", code=10001)
        price, one = self.prices[request.symbol], self.held.get(request.symbol)
        if request.reduce_only:
            if one is None or one.holding.side is request.side:
                raise Rejected("current position is zero, cannot fix reduce-only", code=110017)
            held = one.holding.quantity
            return price, held if request.closes_all else min(request.quantity, held)
        if request.stop_loss is not None:
            check_stop(request.side, request.stop_loss, price)
        margin = request.quantity * price / self.leverage[request.symbol]
        opens = one is None or one.holding.side is request.side
        if opens and margin > self.money().available:
            raise Rejected("the available balance is not enough for the order", code=110007)
        return price, request.quantity

    def money(self) -> Account:
        """Return the account's money."""
        held = self.positions()
        equity = self.wallet + sum((one.unrealised_pnl for one in held), ZERO)
        margin = sum((one.quantity * one.entry_price / one.leverage for one in held), ZERO)
        return Account(equity, max(ZERO, equity - margin), self.wallet)

    def positions(self) -> list[Position]:
        """Return every open position, by symbol."""
        return [self._position(symbol) for symbol in sorted(self.held)]

    def protection_orders(self) -> list[OrderStatus]:
        """Return the protections of every position as orders that wait for their trigger."""
        return [
            _waiting(symbol, one, name)
            for symbol, one in self.held.items()
            for name, _ in one.protections()
        ]

    def _position(self, symbol: str) -> Position:
        one, mark, leverage = self.held[symbol], self.prices[symbol], self.leverage[symbol]
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


def _waiting(symbol: str, one: Held, name: str) -> OrderStatus:
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
