"""The commands of the exchange: place, amend and cancel orders, set stops and leverage."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from pumpwatch_workbench.simulator.market.live_market import LiveMarket
from pumpwatch_workbench.simulator.market.source import Market

from . import checks, refusals
from .book import BookSide
from .interventions import Interventions
from .ledger import Ledger
from .matching import Matching
from .prices import Prices, floor_to
from .records import ExchangePosition, Order, OrderRequest, Side, StopRequest
from .refusals import Refused, invalid, scaled
from .settings import ExchangeSettings
from .stops import sync_stops
from .walk import Walk

Stop = tuple[Decimal | None, str]
"""Price of a take profit or stop loss, and which price triggers it."""
LEVERAGE_STEP = Decimal("0.01")
GONE = "order not exists or too late to cancel"


class Engine:
    """Match one account against one market; `advance` first, then give commands at that time."""

    def __init__(
        self, market: Market, prices: Prices, settings: ExchangeSettings, start: int
    ) -> None:
        self.market = market
        self.prices = prices
        self.settings = settings
        self.interventions = Interventions()
        self.ledger = Ledger(market, settings, self.mark)
        self.matching = Matching(market, prices, self.ledger, self.interventions)
        self.walk = Walk(market, prices, self.ledger, self.matching, settings, start)

    @property
    def time(self) -> int:
        """Return the market time up to which everything has happened."""
        return self.walk.time

    def advance(self, to: int) -> None:
        """Let the market run to `to` (milliseconds UTC); an earlier time changes nothing."""
        self.walk.advance(to)

    def mark(self, index: int) -> Decimal:
        """Return the mark price at the engine's time."""
        return self.prices.mark(index, self.walk.time)

    def create(self, request: OrderRequest) -> Order:
        """Accept an order and match it; raises Refused when it is not accepted."""
        ledger, index = self.ledger, request.index
        listing = self.market.listings[index]
        checks.check_link_id(ledger, self.settings, request.link_id)
        self._check_live(index)
        self._check_mode(index)
        book = self.prices.book(index, self.time)
        closes_all = request.quantity == 0
        request = self._reduced(request)
        if not closes_all:
            checks.check_quantity(listing, request)
        price = self._price(request, book)
        checks.check_trigger(request, self._trigger_base(request, book.last))
        self._check_stops(request, book)
        checks.check_count(ledger.open_orders(index), request)
        if not request.reduce_only:
            checks.check_notional(listing, request.quantity, request.price or book.last)
            checks.check_margin(ledger, index, request.side, request.quantity, price)
            checks.check_risk_limit(ledger, index, request.side, request.quantity * book.last)
        order = self._order(request, price, book)
        ledger.add(order)
        if order.status == "New":
            self.matching.match_new(order, book, self.time)
        elif order.stop_kind:
            sync_stops(ledger, ledger.position(index), self.time)
        return order

    def cancel(self, order: Order | None) -> Order:
        """Cancel an open order; raises Refused 110001 when it is gone."""
        if order is None or not order.is_open:
            raise Refused(refusals.NO_SUCH_ORDER, GONE)
        position = self.ledger.position(order.index)
        self.ledger.settle(order, "Cancelled", self.time, cancel="CancelByUser")
        if order.stop_kind in {"StopLoss", "TakeProfit", "TrailingStop"}:
            if position.stop_order is order:
                position.stop_loss = None
            elif position.trailing_order is order:
                position.trailing_stop = position.best_price = None
            elif position.target_order is order:
                position.take_profit = None
        if order.stop_kind:
            sync_stops(self.ledger, position, self.time)
        return order

    def amend(self, order: Order | None, quantity: Decimal | None, price: Decimal | None) -> Order:
        """Change quantity or price of a resting limit order; raises Refused when impossible."""
        if order is None or not order.is_open or order.stop_kind:
            raise Refused(refusals.NO_SUCH_ORDER, GONE)
        listing = self.market.listings[order.index]
        book = self.prices.book(order.index, self.time)
        wanted = order.quantity if quantity is None else quantity
        limit = order.price if price is None else price
        checks.check_price(listing, limit)
        limits = self.prices.limits(order.index, self.time)
        limit = checks.within_limits(limits, self.settings, order.side, limit)
        request = OrderRequest(order.index, order.side, order.kind, wanted)
        checks.check_quantity(listing, request)
        if wanted <= order.filled:
            raise invalid("Qty invalid")
        before = order.quantity, order.price
        order.quantity, order.price = wanted, limit
        if not order.reduce_only and self.ledger.available() < 0:
            order.quantity, order.price = before
            raise Refused(110007, "ab not enough for new order")
        order.updated = self.time
        self.ledger.version += 1
        self.matching.match_new(order, book, self.time)
        return order

    def set_stops(self, request: StopRequest) -> None:
        """Set, change or remove a position's stop loss and take profit (whole position)."""
        position = self.ledger.position(request.index)
        if position.side is None:
            raise invalid("can not set tp/sl/ts for zero position")
        self._check_live(request.index)
        self._check_mode(request.index)
        if self.interventions.stop_is_refused(request.index):
            raise invalid("StopLoss set for position should not pass base_price")
        target = _changed(position.take_profit, request.take_profit)
        stop = _changed(position.stop_loss, request.stop_loss)
        target_by = request.take_profit_by or position.take_profit_by
        stop_by = request.stop_loss_by or position.stop_loss_by
        distance = _changed(position.trailing_stop, request.trailing_stop)
        prices = position.take_profit, position.stop_loss, position.trailing_stop
        triggers = position.take_profit_by, position.stop_loss_by
        if (target, stop, distance) == prices and (target_by, stop_by) == triggers:
            raise Refused(refusals.TRADING_STOP_UNCHANGED, "not modified")
        listing = self.market.listings[request.index]
        for price in (request.take_profit, request.stop_loss, request.trailing_stop):
            if price:
                checks.check_price(listing, price)
        wanted = (request.take_profit, target_by), (request.stop_loss, stop_by)
        self._check_legs(request.index, position.side, *wanted)
        position.take_profit, position.stop_loss = target, stop
        position.take_profit_by, position.stop_loss_by = target_by, stop_by
        if distance != position.trailing_stop:
            self._trail(position, distance, request.active_price or None)
        position.updated = self.time
        sync_stops(self.ledger, position, self.time)

    def _trail(
        self, position: ExchangePosition, distance: Decimal | None, active_price: Decimal | None
    ) -> None:
        position.trailing_stop = distance
        position.trailing_from = active_price if distance is not None else None
        waits = distance is None or active_price is not None
        position.best_price = None if waits else self.prices.last(position.index, self.time)

    def _check_live(self, index: int) -> None:
        """Refuse a contract that does not trade now: 110074 once it is halted or delisted."""
        if isinstance(self.market, LiveMarket) and self.market.is_halted(index, self.time):
            raise Refused(refusals.CONTRACT_NOT_LIVE, "This contract is not live")
        if not self.prices.is_trading(index, self.time):
            raise invalid("Not supported symbols")

    def _check_mode(self, index: int) -> None:
        """Refuse what is meant for one-way mode where the symbol is in hedge mode."""
        if index in self.interventions.hedged:
            raise invalid("position idx not match position mode")

    def set_leverage(self, index: int, leverage: Decimal) -> None:
        """Set the symbol's leverage; raises Refused 110043 unchanged, 110013 too high, 110012."""
        maximum = self.ledger.tier(self.ledger.position(index)).max_leverage
        if leverage < 1 or leverage % LEVERAGE_STEP:
            raise invalid("buy leverage invalid")
        if leverage > maximum:
            raise Refused(
                refusals.LEVERAGE_OVER_RISK_LIMIT,
                f"cannot set leverage [{scaled(leverage)}] gt maxLeverage "
                f"[{scaled(maximum)}] by risk limit",
            )
        before = self.ledger.leverage(index)
        if leverage == before:
            raise Refused(refusals.LEVERAGE_UNCHANGED, "leverage not modified")
        position = self.ledger.position(index)
        self.ledger.leverages[index] = position.leverage = leverage
        self.ledger.version += 1
        if leverage < before and self.ledger.available() < 0:
            self.ledger.leverages[index] = position.leverage = before
            raise Refused(refusals.BALANCE_INSUFFICIENT, "available balance not enough")

    def _reduced(self, request: OrderRequest) -> OrderRequest:
        if not request.reduce_only:
            if request.quantity == 0:
                raise invalid("Qty invalid")
            return request
        if request.take_profit or request.stop_loss:
            raise invalid("TP/SL is not supported for reduce-only orders")
        position = self.ledger.position(request.index)
        if request.trigger_price is not None and position.side is None:
            return request
        listing, market = self.market.listings[request.index], request.kind == "Market"
        most = listing.max_market_quantity if market else listing.max_quantity
        quantity = checks.reduce_quantity(position, request.side, request.quantity, most)
        return replace(request, quantity=quantity)

    def _price(self, request: OrderRequest, book: BookSide) -> Decimal:
        limits = self.prices.limits(request.index, self.time)
        if request.kind == "Market":
            bound = limits[request.side == "Sell"]
            price = _tolerated(request.side, request.slippage, book, bound)
            refuses = self.settings.market_beyond_limit == "refuse"
            if refuses and request.trigger_price is None and not book.crosses(request.side, bound):
                best = scaled(book.best(request.side) or bound)
                raise invalid(f"{request.side.lower()}: [{best},{scaled(bound)}] invalid")
            return price
        if request.price is None:
            raise invalid("Price invalid")
        checks.check_price(book.listing, request.price)
        if request.trigger_price is not None:
            return request.price
        return checks.within_limits(limits, self.settings, request.side, request.price)

    def _base(self, index: int, by: str) -> Decimal:
        if by == "MarkPrice":
            return self.mark(index)
        last = self.prices.last(index, self.time)
        if by == "LastPrice":
            return last
        if self.settings.mark_lag_minutes:
            return self.mark(index)
        ratio = Decimal(repr(self.prices.ratio(index, self.time, by)))
        return max(floor_to(last * ratio, self.market.listings[index].tick_size), last / 2)

    def _trigger_base(self, request: OrderRequest, last: Decimal) -> Decimal:
        if request.trigger_price is None:
            return last
        checks.check_price(self.market.listings[request.index], request.trigger_price)
        return self._base(request.index, request.trigger_by)

    def _check_stops(self, request: OrderRequest, book: BookSide) -> None:
        for price in (request.take_profit, request.stop_loss):
            if price:
                checks.check_price(book.listing, price)
        own = request.price if request.kind == "Limit" else None
        target = request.take_profit, request.take_profit_by
        stop = request.stop_loss, request.stop_loss_by
        base = own or request.trigger_price
        self._check_legs(request.index, request.side, target, stop, base)

    def _check_legs(
        self, index: int, side: Side, target: Stop, stop: Stop, base: Decimal | None = None
    ) -> None:
        legs: tuple[tuple[checks.Leg, Stop], ...] = (("TakeProfit", target), ("StopLoss", stop))
        for leg, (price, by) in legs:
            if price:
                checks.check_leg(leg, side, base or self._base(index, by), price, by)

    def _order(self, request: OrderRequest, price: Decimal, book: BookSide) -> Order:
        identity, sequence = self.ledger.next_id("order")
        conditional = request.trigger_price is not None
        return Order(
            order_id=identity,
            link_id=request.link_id,
            index=request.index,
            symbol=book.listing.symbol,
            side=request.side,
            kind=request.kind,
            quantity=request.quantity,
            price=price,
            time_in_force="IOC" if request.kind == "Market" else request.time_in_force,
            created=self.time,
            updated=self.time,
            sequence=sequence,
            last_price_on_created=book.last,
            status="Untriggered" if conditional else "New",
            reduce_only=request.reduce_only,
            close_on_trigger=request.close_on_trigger,
            trigger_price=request.trigger_price,
            trigger_direction=request.trigger_direction if conditional else 0,
            trigger_by=request.trigger_by if conditional else "",
            stop_kind="Stop" if conditional else "",
            take_profit=request.take_profit or None,
            stop_loss=request.stop_loss or None,
            take_profit_by=request.take_profit_by if request.take_profit else "",
            stop_loss_by=request.stop_loss_by if request.stop_loss else "",
        )


def _changed(present: Decimal | None, asked: Decimal | None) -> Decimal | None:
    """Return the new price of a stop: None asks for no change, 0 for none at all."""
    if asked is None:
        return present
    return asked or None


def _tolerated(
    side: Side, slippage: tuple[str, Decimal] | None, book: BookSide, bound: Decimal
) -> Decimal:
    """Return the bound of a market order, tighter where it names its own tolerance."""
    if slippage is None:
        return bound
    kind, size = slippage
    tick = book.listing.tick_size
    best = book.best_ask if side == "Buy" else book.best_bid
    distance = size * tick if kind == "TickSize" else floor_to(best * size / 100, tick)
    if side == "Buy":
        return min(best + distance, max(bound, best))
    return max(best - distance, min(bound, best), tick)
