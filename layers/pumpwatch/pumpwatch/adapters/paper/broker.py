"""An account on paper, at real prices (Broker port).

Orders fill at once at what the order book gives, made worse by a slippage, with the taker's fee.
Stops and targets are tested against the candles since the last look. Funding is not charged.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from pumpwatch.adapters.ledger import Change, apply_fill, pnl
from pumpwatch.adapters.paper_account import PaperPosition, PaperState, PaperStore
from pumpwatch.domain.candles import MINUTE, CandleSeries
from pumpwatch.domain.orders import (
    Account,
    Fill,
    OrderRequest,
    OrderState,
    OrderStatus,
    Position,
    Side,
    StopTrigger,
)
from pumpwatch.errors import (
    DuplicateOrder,
    OutcomeUnknown,
    Rejected,
    SkipSymbol,
    StoreUnavailable,
)
from pumpwatch.ports import CandleRequest, Clock, MarketData

from .fills import Taken, Triggered, follow, slipped, walk
from .rows import check_stop, fill_of, position_of, protection_of, reducible, unrealised

__all__ = ["PaperBroker"]

logger = logging.getLogger(__name__)

ZERO = Decimal(0)
FRESH = 1000
"""Milliseconds for which one look at the candles serves every question of a tick."""

BAD_REQUEST, NO_BALANCE = 10001, 110007
"""Bybit's codes, so that callers see the same refusals."""


class PaperBroker:
    """Positions in USDT perpetuals, one-way mode, isolated margin."""

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
        self._state = PaperState()
        self._looked: int | None = None

    def account(self) -> Account:
        """Return the account's money: start + realised + unrealised."""
        return self._account(self._current())

    def _account(self, state: PaperState) -> Account:
        wallet = self._start + state.realised
        equity = wallet + sum((unrealised(one) for one in state.positions.values()), ZERO)
        margin = sum(
            (one.quantity * one.entry_price / state.leverage(symbol))
            for symbol, one in state.positions.items()
        )
        return Account(equity, max(ZERO, equity - margin), wallet)

    def positions(self) -> Sequence[Position]:
        """Return every open position, valued at the last price."""
        state = self._current()
        return [
            position_of(one, state.leverage(symbol))
            for symbol, one in sorted(state.positions.items())
        ]

    def open_orders(self) -> Sequence[OrderStatus]:
        """Return the positions' stops and targets: nothing else ever rests."""
        return [
            protection_of(one, name)
            for _, one in sorted(self._current().positions.items())
            for name, price in (("stop", one.stop_loss), ("target", one.take_profit))
            if price is not None
        ]

    def place(self, request: OrderRequest) -> str:
        """Fill the order from the book. Raises `DuplicateOrder`, `Rejected`, `OutcomeUnknown`."""
        state = self._current()
        if self._store.order(request.order_id) is not None:
            raise DuplicateOrder(f"order {request.order_id} exists already", code=0)
        held = state.positions.get(request.symbol)
        quantity = reducible(request, held) if request.reduce_only else request.quantity
        taken = self._take(request, quantity)
        price = ZERO
        if taken.price is not None:
            price = slipped(taken.price, request.side, self._slippage)
            self._check(state, request, held, taken.quantity, price)
        order = self._order(request, taken.quantity, price)
        after, fills = state, []
        if taken.quantity:
            after, change = self._filled(state, request, taken.quantity, price)
            fills = [fill_of(order, change)]
        try:
            self._commit(state, after, orders=[order], fills=fills)
        except StoreUnavailable as error:
            raise OutcomeUnknown(f"order {request.order_id}: {error}") from None
        return order.exchange_id

    def find_order(self, symbol: str, order_id: str) -> OrderStatus | None:
        """Return the order with our id, or None."""
        found = self._store.order(order_id)
        return found if found is not None and found.symbol == symbol else None

    def fills(self, symbol: str, *, since: int) -> Sequence[Fill]:
        """Return the symbol's fills from `since` on, oldest first; fired stops are among them."""
        self._current()
        return self._store.fills(symbol, since=since)

    def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Set the leverage. Raises `Rejected` below 1."""
        state = self._current()
        if leverage < 1:
            raise Rejected(f"leverage {leverage} is below 1", code=BAD_REQUEST)
        if state.leverage(symbol) != leverage:
            leverages = {**state.leverages, symbol: leverage}
            self._commit(state, replace(state, leverages=leverages))

    def set_protection(
        self, symbol: str, *, stop_loss: Decimal, take_profit: Decimal | None, trigger: StopTrigger
    ) -> None:
        """Set the position's stop, and its target unless None. Raises `Rejected`."""
        state = self._current()
        held = state.positions.get(symbol)
        if held is None:
            raise Rejected("can not set tp/sl/ts for zero position", code=BAD_REQUEST)
        check_stop(held.side, stop_loss, held.last_price)
        target = take_profit if take_profit is not None else held.take_profit
        changed = replace(held, stop_loss=stop_loss, take_profit=target, updated=self._clock.now())
        if (changed.stop_loss, target) != (held.stop_loss, held.take_profit):
            positions = {**state.positions, symbol: changed}
            self._commit(state, replace(state, positions=positions))

    def cancel(self, symbol: str, order_id: str) -> None:
        """Do nothing: market orders have always ended, and already gone is a success."""

    def identity(self) -> str:
        """Return `paper`: there is no account behind it."""
        return "paper"

    # --- following the market ------------------------------------------------------------

    def _current(self) -> PaperState:
        """Return the account after every stop and target that the candles have reached."""
        now = self._clock.now()
        if self._looked is not None and 0 <= now - self._looked < FRESH:
            return self._state
        self._state = self._store.load()
        if self._state.positions:
            self._follow(self._state, now)
        self._looked = now
        return self._state

    def _follow(self, state: PaperState, now: int) -> None:
        requests = [
            CandleRequest(symbol, MINUTE, one.checked - one.checked % MINUTE, now)
            for symbol, one in sorted(state.positions.items())
        ]
        after, fills = state, []
        for symbol, series in self._market.candles(requests).items():
            if not isinstance(series, CandleSeries):
                logger.warning(
                    "paper position not checked", extra={"symbol": symbol, "reason": str(series)}
                )
                continue
            leverage = state.leverage(symbol)
            moved = follow(state.positions[symbol], series, now=now, leverage=leverage)
            if isinstance(moved, Triggered):
                after, fill = self._close(after, symbol, moved)
                fills.append(fill)
            else:
                after = replace(after, positions={**after.positions, symbol: moved})
        self._commit(state, after, fills=fills)

    def _close(self, state: PaperState, symbol: str, fired: Triggered) -> tuple[PaperState, Fill]:
        held = state.positions[symbol]
        side = held.side.opposite
        price = slipped(fired.price, side, self._slippage)
        fee = held.quantity * price * self._fee
        realised = pnl(held.side, held.quantity, held.entry_price, price) - fee
        positions = {name: one for name, one in state.positions.items() if name != symbol}
        name = f"paper-{symbol}-{held.created}-{fired.trigger or fired.kind.value}"
        fill = Fill(
            execution_id=name,
            order_id="",
            symbol=symbol,
            side=side,
            kind=fired.kind,
            price=price,
            quantity=held.quantity,
            fee=fee,
            time=fired.time,
            exchange_order_id=name,
            closed_quantity=held.quantity,
            trigger=fired.trigger,
        )
        return replace(state, realised=state.realised + realised, positions=positions), fill

    # --- filling orders ------------------------------------------------------------------

    def _take(self, request: OrderRequest, quantity: Decimal) -> Taken:
        try:
            book = self._market.order_book(request.symbol)
        except SkipSymbol as error:
            raise Rejected(str(error), code=BAD_REQUEST) from None
        return walk(book, request.side, quantity, tolerance=request.slippage_tolerance)

    def _check(
        self,
        state: PaperState,
        request: OrderRequest,
        held: PaperPosition | None,
        quantity: Decimal,
        price: Decimal,
    ) -> None:
        if request.reduce_only:
            return
        if request.stop_loss is not None:
            check_stop(request.side, request.stop_loss, price)
        opposite = held.quantity if held and held.side is not request.side else ZERO
        margin = max(ZERO, quantity - opposite) * price / state.leverage(request.symbol)
        if margin + quantity * price * self._fee > self._account(state).available:
            raise Rejected("the available balance is not enough for the order", code=NO_BALANCE)

    def _order(self, request: OrderRequest, filled: Decimal, price: Decimal) -> OrderStatus:
        now = self._clock.now()
        whole = filled == request.quantity
        return OrderStatus(
            order_id=request.order_id,
            exchange_id=f"paper-{request.order_id}",
            symbol=request.symbol,
            side=request.side,
            state=OrderState.FILLED if whole else OrderState.CANCELLED,
            quantity=request.quantity,
            filled_quantity=filled,
            average_price=price if filled else None,
            fee=filled * price * self._fee,
            reduce_only=request.reduce_only,
            created=now,
            updated=now,
            reject_reason="" if filled else "EC_NoImmediateQtyToFill",
        )

    def _filled(
        self, state: PaperState, request: OrderRequest, quantity: Decimal, price: Decimal
    ) -> tuple[PaperState, Change]:
        symbol, held = request.symbol, state.positions.get(request.symbol)
        change = apply_fill(held.holding if held else None, request.side, quantity, price)
        realised = state.realised + change.realised - quantity * price * self._fee
        positions = {name: one for name, one in state.positions.items() if name != symbol}
        if change.holding is not None:
            kept = held if held and held.side is change.holding.side else None
            fresh = kept or self._opened(symbol, change.holding.side, price)
            entry = not request.reduce_only
            positions[symbol] = replace(
                fresh,
                quantity=change.holding.quantity,
                entry_price=change.holding.entry_price,
                stop_loss=request.stop_loss if entry else fresh.stop_loss,
                take_profit=request.take_profit if entry else fresh.take_profit,
                updated=self._clock.now(),
            )
        return replace(state, realised=realised, positions=positions), change

    def _opened(self, symbol: str, side: Side, price: Decimal) -> PaperPosition:
        """Return a new position that knows which part of its first minute came before it."""
        now = self._clock.now()
        request = CandleRequest(symbol, MINUTE, now - now % MINUTE, now)
        series = self._market.candles([request]).get(symbol)
        high = low = None
        if isinstance(series, CandleSeries) and len(series.open_time):
            high, low = (Decimal(repr(float(value))) for value in series.values[-1, 1:3])
        return PaperPosition(
            symbol=symbol,
            side=side,
            quantity=ZERO,
            entry_price=price,
            stop_loss=None,
            take_profit=None,
            last_price=price,
            checked=now,
            seen_high=high,
            seen_low=low,
            created=now,
            updated=now,
        )

    def _commit(
        self,
        before: PaperState,
        after: PaperState,
        *,
        orders: Sequence[OrderStatus] = (),
        fills: Sequence[Fill] = (),
    ) -> None:
        self._looked, looked = None, self._looked
        self._state = self._store.commit(before, after, orders=orders, fills=fills)
        self._looked = looked
