"""Orders meet the book: takers walk its levels, resting orders fill at their own price."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch_workbench.simulator.market.source import Market

from .book import BookSide
from .interventions import Interventions
from .ledger import FORCED, Ledger
from .prices import Prices
from .records import ExchangePosition, Order, opposite
from .stops import sync_stops

NOTHING_TO_HIT = "EC_NoImmediateQtyToFill"
BEYOND_LIMIT = "EC_ReachMarketPriceLimit"
WOULD_TAKE = "EC_PostOnlyWillTakeLiquidity"


class Matching:
    """Execute orders of one account against the books."""

    def __init__(
        self, market: Market, prices: Prices, ledger: Ledger, interventions: Interventions
    ) -> None:
        self.market = market
        self.prices = prices
        self.ledger = ledger
        self.interventions = interventions

    def match_new(self, order: Order, book: BookSide, time: int) -> None:
        """Execute an accepted order: market and crossing limit orders now, the others rest."""
        if order.kind == "Limit" and not book.crosses(order.side, order.price):
            if order.time_in_force in {"IOC", "FOK"}:
                self.ledger.settle(order, "Cancelled", time, reason=NOTHING_TO_HIT)
            return
        if order.time_in_force == "PostOnly":
            self.ledger.settle(order, "Cancelled", time, reason=WOULD_TAKE)
            return
        self.take(order, book, time)

    def take(self, order: Order, book: BookSide, time: int) -> None:
        """Fill a taker from the book up to its price; what is left rests or is cancelled."""
        wanted = self._allowed(order)
        at_once = order.kind == "Market" or order.time_in_force == "IOC"
        if at_once and order.create_type == "CreateByUser":
            step = book.listing.quantity_step
            wanted = self.interventions.allowed(order.index, wanted, step)
        levels = book.available(order.side, order.price, wanted)
        if order.time_in_force == "FOK" and sum(quantity for _, quantity in levels) < wanted:
            levels = []
        for price, quantity in levels:
            self.ledger.fill(order, price, quantity, time, maker=False)
            self.prices.sweep(order.index, order.side, quantity, time)
        if order.filled == order.quantity:
            self.ledger.settle(order, "Filled", time)
        elif order.kind == "Market" or order.time_in_force in {"IOC", "FOK"}:
            beyond = order.kind == "Market" and not book.crosses(order.side, order.price)
            self.ledger.settle(
                order, "Cancelled", time, reason=BEYOND_LIMIT if beyond else NOTHING_TO_HIT
            )
        else:
            order.status = "PartiallyFilled" if order.filled else "New"
        self._settle_position(order, time)

    def make(self, order: Order, time: int) -> None:
        """Fill a resting order completely, at its own price, as a maker."""
        quantity = self._allowed(order)
        if quantity <= 0:
            self.ledger.settle(order, "Cancelled", time, cancel="CancelByReduceOnly")
            return
        self.ledger.fill(order, order.price, quantity, time, maker=True)
        complete = order.filled == order.quantity
        self.ledger.settle(order, "Filled" if complete else "Cancelled", time)
        self._settle_position(order, time)

    def force(
        self,
        position: ExchangePosition,
        quantity: Decimal,
        price: Decimal,
        time: int,
        create_type: str,
    ) -> None:
        """Close a part of a position by an order that the exchange itself makes, at its price."""
        identity, sequence = self.ledger.next_id("order")
        order = Order(
            order_id=identity,
            index=position.index,
            symbol=position.symbol,
            side=position.closing_side,
            quantity=quantity,
            price=price,
            created=time,
            updated=time,
            sequence=sequence,
            last_price_on_created=self.ledger.mark(position.index),
            reduce_only=True,
            create_type=create_type,
        )
        self.ledger.add(order)
        kind = FORCED[create_type]
        self.ledger.fill(order, price, quantity, time, maker=False, kind=kind)
        self.ledger.settle(order, "Filled", time)
        self._settle_position(order, time)

    def settle_contract(self, index: int, price: Decimal, time: int) -> None:
        """End a contract: cancel its orders, settle its position."""
        for order in self.ledger.open_orders(index):
            self.ledger.settle(order, "Cancelled", time, cancel="CancelBySettle")
        position = self.ledger.position(index)
        if position.side is not None:
            self.force(position, position.size, price, time, "CreateBySettle")

    def _allowed(self, order: Order) -> Decimal:
        """Return what the order may still trade: reduce-only orders never exceed the position."""
        if not order.reduce_only:
            return order.left
        position = self.ledger.position(order.index)
        if position.side != opposite(order.side):
            return Decimal(0)
        return min(order.left, position.size)

    def _settle_position(self, order: Order, time: int) -> None:
        """Bring the position's stops in line with its new size, and tell the market its side."""
        position = self.ledger.position(order.index)
        if position.side == order.side and order.filled:
            dropped = order.stop_loss is not None and self.interventions.stop_is_dropped(
                order.index
            )
            if order.stop_loss is not None and not dropped:
                position.stop_loss, position.stop_loss_by = order.stop_loss, order.stop_loss_by
            if order.take_profit is not None:
                position.take_profit = order.take_profit
                position.take_profit_by = order.take_profit_by
        sync_stops(self.ledger, position, time)
        self.market.side_against(order.index, position.side)
