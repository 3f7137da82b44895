"""The account's books: wallet, positions, orders and everything that ever executed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal

from pumpwatch_workbench.simulator.market.source import Listing, Market

from .records import (
    ZERO,
    ClosedTrade,
    ExchangePosition,
    Execution,
    Order,
    ProtectionWatch,
    opposite,
)
from .settings import ExchangeSettings
from .tiers import Tier, tier_of, tiers

MONEY = Decimal("0.00000001")
"""Fees and funding are booked to this many USDT."""
FORCED = {
    "CreateByLiq": "BustTrade",
    "CreateByAdl_PassThrough": "AdlTrade",
    "CreateBySettle": "Settle",
}
"""Execution types of the exchange's own orders, by createType."""
NAMESPACE = uuid.UUID("6f1d3a52-96b0-5c07-8d5e-0b3c9f6a7f10")


def booked(amount: Decimal) -> Decimal:
    """Return an amount of USDT rounded as it is booked."""
    return amount.quantize(MONEY, ROUND_HALF_UP)


class Ledger:
    """Keep the account; `mark` returns a symbol's mark price at the present market time."""

    def __init__(
        self,
        market: Market,
        settings: ExchangeSettings,
        mark: Callable[[int], Decimal],
    ) -> None:
        self._market = market
        self.settings = settings
        self.mark = mark
        self.wallet = settings.balance
        self.orders: dict[str, Order] = {}
        self.by_link: dict[str, Order] = {}
        self.active: dict[int, dict[str, Order]] = {}
        self.recent: dict[str, Order] = {}
        """The last orders that are done, oldest first: those order/realtime still finds."""
        self.positions: dict[int, ExchangePosition] = {}
        self.leverages: dict[int, Decimal] = {}
        self.executions: list[Execution] = []
        self.closed: list[ClosedTrade] = []
        self.protection = ProtectionWatch()
        self.fee_total = ZERO
        self.funding_total = ZERO
        self.pnl_total = ZERO
        self.version = 0
        """Counts changes: what was worked out before the last one is stale."""
        self._numbers = 0

    @property
    def listings(self) -> tuple[Listing, ...]:
        """Return the contracts with the filters they have now."""
        return self._market.listings

    def next_id(self, kind: str) -> tuple[str, int]:
        """Return a fresh deterministic id and its sequence number."""
        self._numbers += 1
        return str(uuid.uuid5(NAMESPACE, f"{kind}-{self._numbers}")), self._numbers

    def add(self, order: Order) -> None:
        """Take an order into the books."""
        self.version += 1
        self.orders[order.order_id] = order
        if order.link_id:
            self.by_link[order.link_id] = order
        if order.is_open:
            self.active.setdefault(order.index, {})[order.order_id] = order

    def settle(
        self, order: Order, status: str, time: int, *, reason: str = "", cancel: str = ""
    ) -> None:
        """Give an order its final (or next) status and forget it when it can no longer trade."""
        self.version += 1
        order.status = status
        order.updated = time
        order.reject_reason = reason or order.reject_reason
        order.cancel_type = cancel or order.cancel_type
        if order.is_open:
            return
        self.recent[order.order_id] = order
        if len(self.recent) > self.settings.closed_orders_kept:
            del self.recent[next(iter(self.recent))]
        resting = self.active.get(order.index, {})
        resting.pop(order.order_id, None)
        if not resting:
            self.active.pop(order.index, None)
        if order.closed:
            leverage = self.leverage(order.index)
            kind = FORCED.get(order.create_type, "Trade")
            self.closed.append(ClosedTrade(order, leverage, kind, time))

    def open_orders(self, index: int) -> list[Order]:
        """Return the symbol's orders that can still trade, oldest first."""
        return list(self.active.get(index, {}).values())

    def leverage(self, index: int) -> Decimal:
        """Return the leverage set for the symbol."""
        default = min(self.settings.default_leverage, self.listings[index].max_leverage)
        return self.leverages.get(index, default)

    def position(self, index: int) -> ExchangePosition:
        """Return the symbol's position, flat when there never was one."""
        if index not in self.positions:
            symbol, leverage = self.listings[index].symbol, self.leverage(index)
            self.positions[index] = ExchangePosition(index, symbol, leverage)
        return self.positions[index]

    def open_positions(self) -> Iterator[ExchangePosition]:
        """Yield the positions that are not flat."""
        return (position for position in self.positions.values() if position.side)

    # Money ------------------------------------------------------------------------------------

    def unrealised(self) -> Decimal:
        """Return the profit of all open positions at the mark prices."""
        return sum((p.unrealised(self.mark(p.index)) for p in self.open_positions()), ZERO)

    def position_margin(self, position: ExchangePosition) -> Decimal:
        """Return the initial margin of a position."""
        return position.entry_value / position.leverage

    def maintenance(self, position: ExchangePosition) -> Decimal:
        """Return the maintenance margin of a position."""
        tier = self.tier(position)
        return position.size * self.mark(position.index) * tier.maintenance - tier.deduction

    def tiers(self, index: int) -> tuple[Tier, ...]:
        """Return a contract's risk tiers, lowest first."""
        settings = self.settings
        most = self.listings[index].max_leverage
        return tiers(most, settings.maintenance_margin, settings.risk_limit_step)

    def tier(self, position: ExchangePosition) -> Tier:
        """Return the risk tier a position is in at the mark price."""
        return tier_of(self.tiers(position.index), position.size * self.mark(position.index))

    def order_margin(self, order: Order) -> Decimal:
        """Return what an open order locks: initial margin and fees of what it may still open."""
        if order.reduce_only or order.status == "Untriggered":
            return ZERO
        opening = self.opening_quantity(order.index, order.side, order.left)
        return self.entry_cost(order.index, opening * order.price)

    def opening_quantity(self, index: int, side: str, quantity: Decimal) -> Decimal:
        """Return the part of a quantity that would open rather than close."""
        position = self.positions.get(index)
        if position is None or position.side in (None, side):
            return quantity
        return max(ZERO, quantity - position.size)

    def entry_cost(self, index: int, value: Decimal) -> Decimal:
        """Return initial margin plus the fees to open and to close a value in USDT."""
        return value / self.leverage(index) + 2 * value * self.settings.taker_fee

    def locked(self) -> Decimal:
        """Return the initial margin of all positions and open orders."""
        positions = sum((self.position_margin(p) for p in self.open_positions()), ZERO)
        resting = (order for orders in self.active.values() for order in orders.values())
        return positions + sum((self.order_margin(order) for order in resting), ZERO)

    def available(self) -> Decimal:
        """Return what new orders may lock: wallet plus open results minus what is locked."""
        return self.wallet + self.unrealised() - self.locked()

    def backing(self, position: ExchangePosition) -> Decimal:
        """Return the USDT that can be lost before this position has no margin left at its entry."""
        if self.settings.margin_mode == "ISOLATED_MARGIN":
            return self.position_margin(position)
        others = [other for other in self.open_positions() if other.index != position.index]
        results = sum((other.unrealised(self.mark(other.index)) for other in others), ZERO)
        return self.wallet + results - sum((self.maintenance(other) for other in others), ZERO)

    def liquidation_price(self, position: ExchangePosition, *, bankrupt: bool = False) -> Decimal:
        """Return the mark price where backing and result equal the present tier's maintenance.

        Other positions are held at their marks. 0 or below means that no price liquidates it; with
        `bankrupt` it is where nothing is left.
        """
        tier = self.tier(position)
        rate, deduction = (ZERO, ZERO) if bankrupt else (tier.maintenance, tier.deduction)
        sign, left = position.sign, self.backing(position) + deduction
        return (sign * position.entry_value - left) / (position.size * (sign - rate))

    # Fills ------------------------------------------------------------------------------------

    def fill(
        self,
        order: Order,
        price: Decimal,
        quantity: Decimal,
        time: int,
        *,
        maker: bool,
        kind: str = "Trade",
    ) -> None:
        """Book one fill: wallet, position, order and execution."""
        self.version += 1
        rate = self.settings.maker_fee if maker else self.settings.taker_fee
        value = price * quantity
        fee = booked(value * rate)
        position = self.position(order.index)
        closed = min(position.size, quantity) if position.side == opposite(order.side) else ZERO
        order.filled += quantity
        order.filled_value += value
        order.fee += fee
        order.fills += 1
        order.updated = time
        self.wallet -= fee
        self.fee_total += fee
        closing_fee = booked(fee * closed / quantity)
        if closed:
            self._close(position, order, price, closed, time)
            order.closed_result -= closing_fee
        if quantity > closed:
            self._open(position, order, price, quantity - closed, time)
            position.open_fees += fee - closing_fee
        position.realised -= fee
        position.realised_ever -= fee
        identity, position.sequence = self.next_id("execution")
        self.executions.append(
            Execution(
                execution_id=identity,
                order=order,
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                kind=kind,
                price=price,
                quantity=quantity,
                fee=fee,
                fee_rate=rate,
                maker=maker,
                mark_price=self.mark(order.index),
                left=order.quantity - order.filled,
                closed=closed,
                time=time,
                sequence=position.sequence,
            )
        )

    def _close(
        self, position: ExchangePosition, order: Order, price: Decimal, size: Decimal, time: int
    ) -> None:
        entry, share, everything = position.entry_value, position.open_fees, size == position.size
        if not everything:
            entry = booked(position.entry_price * size)
            share = booked(share * size / position.size)
        result = position.sign * (price * size - entry)
        self.wallet += result
        self.pnl_total += result
        position.realised += result
        position.realised_ever += result
        position.entry_value -= entry
        position.size -= size
        position.updated = time
        order.closed += size
        order.closed_entry_value += entry
        order.closed_exit_value += price * size
        order.closed_result += result - share
        position.open_fees -= share
        if everything:
            position.side = None
            position.entry_value = ZERO
            position.take_profit = position.stop_loss = None
            position.trailing_stop = position.trailing_from = position.best_price = None

    def _open(
        self, position: ExchangePosition, order: Order, price: Decimal, size: Decimal, time: int
    ) -> None:
        if position.side is None:
            position.side = order.side
            position.opened = position.funded_until = time
            position.created = position.created or time
            position.realised = ZERO
            position.leverage = self.leverage(position.index)
        position.size += size
        position.entry_value += price * size
        position.updated = time

    def pay_funding(self, position: ExchangePosition, rate: Decimal, time: int) -> None:
        """Book a funding payment: longs pay a positive rate, shorts receive it."""
        if position.side is None:
            return
        self.version += 1
        mark = self.mark(position.index)
        fee = booked(position.sign * position.size * mark * rate)
        self.wallet -= fee
        self.funding_total += fee
        position.realised -= fee
        position.realised_ever -= fee
        position.funded_until = time
        identity, sequence = self.next_id("funding")
        self.executions.append(
            Execution(
                execution_id=identity,
                order=None,
                order_id=str(uuid.uuid5(NAMESPACE, f"funding-of-{sequence}")),
                symbol=position.symbol,
                side=position.side,
                kind="Funding",
                price=mark,
                quantity=position.size,
                fee=fee,
                fee_rate=rate,
                mark_price=mark,
                time=time,
                sequence=sequence,
            )
        )
