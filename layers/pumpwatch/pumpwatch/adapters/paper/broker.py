"""An account on paper, at real prices (Broker port).

Orders fill at once at what the order book gives up to their limit price, made worse by a slippage,
with the taker's fee. What the book does not give is dropped.
Stops, trailing stops and targets are tested against the candles since the last update, worst case
first, and funding that fell due meanwhile is paid or received. Candles are of the last price, so a
stop that watches the mark price is tested on last prices too: it fires on wicks that the mark price
does not follow, and misses a mark price that runs ahead of the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from threading import RLock

from pumpwatch.domain.trading.access import Access
from pumpwatch.domain.trading.orders import (
    Account,
    Fill,
    OrderRequest,
    OrderStatus,
    Position,
    StopTrigger,
)
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.errors import (
    DeadlineNear,
    DuplicateOrder,
    OutcomeUnknown,
    Rejected,
    SkipSymbol,
    StoreUnavailable,
)
from pumpwatch.ports import Broker, Clock, MarketData

from .account import PaperPosition, PaperState, PaperStore, without
from .book import BookFill, paid, walk
from .ledger import Change, apply_fill, check_stop, check_trailing
from .rows import fill_of, order_of, position_of, protections_of, reducible, unrealised
from .watch import Watch

ZERO = Decimal(0)
FRESH = 1000
"""Milliseconds for which one update serves every question of a tick."""

BAD_REQUEST, NO_BALANCE = 10001, 110007
"""Bybit's codes, so that callers see the same refusals."""


class PaperBroker(Broker):
    """Positions in USDT perpetuals, one-way mode, isolated margin.

    Threads may share it: they wait for each other, so that one update serves them all.
    """

    def __init__(
        self,
        market: MarketData,
        store: PaperStore,
        clock: Clock,
        *,
        equity: Decimal,
        taker_fee: Decimal,
        slippage: Decimal,
    ) -> None:
        self._market = market
        self._store = store
        self._clock = clock
        self._start = equity
        self._fee = taker_fee
        self._slippage = slippage
        self._watch = Watch(market, taker_fee=taker_fee, slippage=slippage)
        self._state = PaperState()
        self._updated: int | None = None
        self._alone = RLock()

    def account(self) -> Account:
        return self._account(self._current())

    def positions(self, symbol: str = "") -> Rows[Position]:
        state = self._current()
        return Rows(
            tuple(
                position_of(position, state.leverage(name))
                for name, position in sorted(state.positions.items())
                if symbol in ("", name)
            )
        )

    def open_orders(self) -> Rows[OrderStatus]:
        positions = sorted(self._current().positions.items())
        return Rows(tuple(order for _, position in positions for order in protections_of(position)))

    def place(self, request: OrderRequest) -> str:
        with self._alone:
            state, now = self._current(), self._clock.now()
            if request.send_by is not None and now > request.send_by:
                raise DeadlineNear(f"order {request.order_id} would leave too late: not sent")
            if self._store.order(request.order_id) is not None:
                raise DuplicateOrder(f"order {request.order_id} exists already", code=0)
            position = state.positions.get(request.symbol)
            quantity = reducible(request, position) if request.reduce_only else request.quantity
            taken = self._take(request, quantity)
            price = ZERO
            if taken.price is not None:
                price = paid(taken.price, request, self._slippage)
                self._check(state, request, position, taken.quantity, price)
            fee = taken.quantity * price * self._fee
            order = order_of(request, taken.quantity, price, fee=fee, now=now)
            after, fills = state, []
            if taken.quantity:
                after, change = self._filled(state, request, taken.quantity, price)
                fills = [fill_of(order, request.side, change)]
            try:
                self._commit(state, after, orders=[order], fills=fills)
            except StoreUnavailable as error:
                raise OutcomeUnknown(f"order {request.order_id}: {error}") from None
            return order.exchange_id

    def find_order(self, symbol: str, order_id: str) -> OrderStatus | None:
        order = self._store.order(order_id)
        return order if order is not None and order.symbol == symbol else None

    def fills(self, symbol: str, *, since: int) -> Rows[Fill]:
        # Stops that fired and funding that was paid up to now are among them.
        self._current()
        return Rows(tuple(self._store.fills(symbol, since=since)))

    def leverage(self, symbol: str) -> Decimal | None:
        state = self._current()
        return None if symbol in state.positions else state.leverage(symbol)

    def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        with self._alone:
            state = self._current()
            if leverage < 1:
                raise Rejected(f"leverage {leverage} is below 1", code=BAD_REQUEST)
            if state.leverage(symbol) != leverage:
                leverages = {**state.leverages, symbol: leverage}
                self._commit(state, replace(state, leverages=leverages))

    def set_protection(
        self,
        symbol: str,
        *,
        stop_loss: Decimal | None,
        take_profit: Decimal | None,
        trigger: StopTrigger,
        trailing_stop: Decimal | None = None,
    ) -> None:
        # A trailing stop follows the last price from now on; the same distance changes nothing.
        with self._alone:
            state = self._current()
            position = state.positions.get(symbol)
            if position is None:
                raise Rejected("can not set tp/sl/ts for zero position", code=BAD_REQUEST)
            if stop_loss is not None:
                check_stop(position.side, stop_loss, position.last_price)
            check_trailing(trailing_stop)
            changed = replace(
                position,
                stop_loss=position.stop_loss if stop_loss is None else stop_loss,
                take_profit=position.take_profit if take_profit is None else take_profit,
            )
            if trailing_stop not in (None, position.trailing_stop):
                best = position.last_price
                changed = replace(changed, trailing_stop=trailing_stop, best_price=best)
            if changed != position:
                changed = replace(changed, updated=self._clock.now())
                positions = {**state.positions, symbol: changed}
                self._commit(state, replace(state, positions=positions))

    def access(self) -> Access:
        return Access("paper")

    def _current(self) -> PaperState:
        """Return the account after everything that its positions went through up to now."""
        with self._alone:
            now = self._clock.now()
            if self._is_fresh(now):
                return self._state
            self._updated, self._state = None, self._store.load()
            complete = not self._state.positions
            while not complete:
                update = self._watch.update(self._state, now)
                self._commit(self._state, update.state, fills=update.fills)
                complete = update.complete
            self._updated = now
            return self._state

    def _is_fresh(self, now: int) -> bool:
        if self._updated is None or not 0 <= now - self._updated < FRESH:
            return False
        return not self._state.funding_due(now)

    def _account(self, state: PaperState) -> Account:
        wallet = self._start + state.realised
        positions = state.positions.values()
        equity = wallet + sum((unrealised(position) for position in positions), ZERO)
        margin = sum(
            position.quantity * position.entry_price / state.leverage(position.symbol)
            for position in positions
        )
        return Account(equity, max(ZERO, equity - margin), wallet)

    def _take(self, request: OrderRequest, quantity: Decimal) -> BookFill:
        try:
            book = self._market.order_book(request.symbol)
        except SkipSymbol as error:
            raise Rejected(str(error), code=BAD_REQUEST) from None
        return walk(book, request, quantity)

    def _check(
        self,
        state: PaperState,
        request: OrderRequest,
        position: PaperPosition | None,
        quantity: Decimal,
        price: Decimal,
    ) -> None:
        if request.reduce_only:
            return
        if request.stop_loss is not None:
            check_stop(request.side, request.stop_loss, price)
        opposite = position.quantity if position and position.side is not request.side else ZERO
        margin = max(ZERO, quantity - opposite) * price / state.leverage(request.symbol)
        if margin + quantity * price * self._fee > self._account(state).available:
            raise Rejected("the available balance is not enough for the order", code=NO_BALANCE)

    def _filled(
        self, state: PaperState, request: OrderRequest, quantity: Decimal, price: Decimal
    ) -> tuple[PaperState, Change]:
        symbol, position = request.symbol, state.positions.get(request.symbol)
        change = apply_fill(position.holding if position else None, request.side, quantity, price)
        realised = state.realised + change.realised - quantity * price * self._fee
        positions = without(state.positions, symbol)
        if change.holding is not None:
            now, side = self._clock.now(), change.holding.side
            kept = position if position and position.side is side else None
            fresh = kept or self._watch.opened(symbol, side, price, now)
            entry = not request.reduce_only
            positions[symbol] = replace(
                fresh,
                quantity=change.holding.quantity,
                entry_price=change.holding.entry_price,
                stop_loss=request.stop_loss if entry else fresh.stop_loss,
                take_profit=request.take_profit if entry else fresh.take_profit,
                updated=now,
            )
        return replace(state, realised=realised, positions=positions), change

    def _commit(
        self,
        before: PaperState,
        after: PaperState,
        *,
        orders: Sequence[OrderStatus] = (),
        fills: Sequence[Fill] = (),
    ) -> None:
        self._updated, updated = None, self._updated
        self._state = self._store.commit(before, after, orders=orders, fills=fills)
        self._updated = updated
