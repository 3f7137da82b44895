"""The simulator's engine behind the two exchange ports, in process: no wire, no JSON, no keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal

import numpy as np

from pumpwatch.adapters.bybit import endpoints
from pumpwatch.adapters.bybit.orders import TRIGGER_WORDS, read_fill, read_order
from pumpwatch.adapters.bybit.refusals import BENIGN, refusal
from pumpwatch.domain.market.candles import CandleRequest, CandleSeries
from pumpwatch.domain.market.snapshot import Instrument, MarketSnapshot, OrderBook
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.trading.access import Access
from pumpwatch.domain.trading.orders import (
    Account,
    Fill,
    OrderRequest,
    OrderStatus,
    Position,
    Side,
    StopTrigger,
)
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.errors import (
    BadMarketData,
    DeadlineNear,
    PumpwatchError,
    UnknownSymbol,
    UnreadableAnswer,
)
from pumpwatch_workbench.simulator.endpoints.wire.rows import execution_row, order_row
from pumpwatch_workbench.simulator.engine import requests
from pumpwatch_workbench.simulator.engine.engine import Engine
from pumpwatch_workbench.simulator.engine.records import Order
from pumpwatch_workbench.simulator.engine.refusals import Refused
from pumpwatch_workbench.simulator.market.source import Listing

from .exchange import WorldExchange

LEVELS = 5
"""Levels of the book that are shown."""


@contextmanager
def _refusals(endpoint: endpoints.Endpoint) -> Iterator[None]:
    """Turn the engine's refusals into the errors that the Bybit adapter gives for their codes."""
    try:
        yield
    except Refused as refused:
        if refused.code != BENIGN.get(endpoint):
            raise refusal(endpoint, refused.code, refused.text) from None


class EngineBroker:
    """Orders and positions straight on the engine (Broker port)."""

    def __init__(self, exchange: WorldExchange) -> None:
        self._exchange = exchange

    @property
    def _engine(self) -> Engine:
        return self._exchange.engine

    def account(self) -> Account:
        """Return the account's money."""
        ledger = self._engine.ledger
        equity = ledger.wallet + ledger.unrealised()
        return Account(equity, max(Decimal(0), ledger.available()), ledger.wallet)

    def positions(self, symbol: str = "") -> Rows[Position]:
        """Return every open position, or one symbol's."""
        return self._exchange.listed("positions", self._exchange.positions(), symbol)

    def open_orders(self) -> Rows[OrderStatus]:
        """Return every order that can still be filled."""
        active, visible = self._engine.ledger.active, self._exchange.visible()
        found = [order for orders in active.values() for order in orders.values()]
        shown = (_status(order) for order in found if order.created <= visible)
        return self._exchange.listed("open_orders", shown)

    def place(self, request: OrderRequest) -> str:
        """Give the order to the engine."""
        if request.send_by is not None and self._exchange.now > request.send_by:
            raise DeadlineNear(f"order {request.order_id} would leave too late: not sent")
        with _refusals(endpoints.CREATE_ORDER):
            wanted = _engine_request(request, self._index(request.symbol))
            if self._exchange.match_after and not request.reduce_only:
                self._exchange.match_later(wanted)
                return f"late-{request.order_id}"
            return self._engine.create(wanted).order_id

    def find_order(self, symbol: str, order_id: str) -> OrderStatus | None:
        """Return the order with our id, unless lists lag. Raises `UnreadableAnswer`."""
        order = self._engine.ledger.by_link.get(order_id)
        if self._exchange.listed("order_history", (), symbol).unreadable:
            raise UnreadableAnswer(f"the row of {order_id} cannot be read")
        late = order is not None and order.created > self._exchange.visible()
        return None if order is None or late or order.symbol != symbol else _status(order)

    def fills(self, symbol: str, *, since: int) -> Rows[Fill]:
        """Return the symbol's executions, oldest first."""
        until = self._exchange.visible()
        rows = self._engine.ledger.executions
        until = min(until, self._exchange.untold.get(symbol, until))
        wanted = (row for row in rows if row.symbol == symbol and since <= row.time <= until)
        fills = (read_fill(execution_row(row)) for row in wanted)
        return self._exchange.listed("executions", fills, symbol)

    def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Set the leverage."""
        with _refusals(endpoints.SET_LEVERAGE):
            self._engine.set_leverage(self._index(symbol), leverage)

    def set_protection(
        self,
        symbol: str,
        *,
        stop_loss: Decimal | None,
        take_profit: Decimal | None,
        trigger: StopTrigger,
        trailing_stop: Decimal | None = None,
    ) -> None:
        """Set stop, target and trailing stop."""
        word = TRIGGER_WORDS[trigger]
        wanted = requests.StopRequest(
            index=self._index(symbol),
            take_profit=take_profit,
            stop_loss=stop_loss,
            take_profit_by=word if take_profit is not None else None,
            stop_loss_by=word if stop_loss is not None else None,
            trailing_stop=trailing_stop,
        )
        with _refusals(endpoints.TRADING_STOP):
            self._engine.set_stops(wanted)

    def access(self) -> Access:
        """Return what the key may do now."""
        return self._exchange.access[0]

    def _index(self, symbol: str) -> int:
        return self._exchange.indices[symbol]


class EngineMarketData:
    """The engine's market (MarketData port); candles are not asked for by trading."""

    def __init__(self, exchange: WorldExchange) -> None:
        self._exchange = exchange

    def time(self) -> int:
        """Return the exchange's time."""
        return self._exchange.now

    def snapshot(self, symbol: str = "") -> MarketSnapshot:
        """Return the whole market, whichever symbol is wanted."""
        exchange, now = self._exchange, self._exchange.now
        view, quotes = exchange.prices.view(now)
        alive = np.isfinite(view.last)
        next_time, rate = exchange.source.next_funding(now)
        count, ticks = int(alive.sum()), exchange.prices.ticks
        listings = exchange.market.listings
        return MarketSnapshot(
            time=now,
            symbols=tuple(one.symbol for one, keep in zip(listings, alive, strict=True) if keep),
            last_price=(quotes.last * ticks)[alive],
            mark_price=view.mark[alive],
            bid=(quotes.bid * ticks)[alive],
            ask=(quotes.ask * ticks)[alive],
            high_24h=view.high_24h[alive],
            low_24h=view.low_24h[alive],
            volume_24h=view.volume_24h[alive],
            turnover_24h=view.turnover_24h[alive],
            funding_rate=np.full(count, rate),
            next_funding=np.full(count, next_time, dtype=np.int64),
        )

    def watchlist(self) -> Mapping[str, str]:
        """Return the contracts that trade; all are coins."""
        return dict.fromkeys(self.instruments(), "")

    def instruments(self) -> Mapping[str, Instrument]:
        """Return the contracts that trade."""
        listings = self._exchange.market.listings
        return {one.symbol: _instrument(one) for one in listings if one.status == "Trading"}

    def candles(
        self, requests: Sequence[CandleRequest]
    ) -> Mapping[str, CandleSeries | PumpwatchError]:
        """Return an error for every symbol: this market keeps none."""
        return {one.symbol: BadMarketData("no candles in a campaign") for one in requests}

    def recent_trades(self, symbols: Sequence[str]) -> Mapping[str, MarketTrades | PumpwatchError]:
        """Return an error for every symbol: this market keeps none."""
        return {symbol: BadMarketData("no trades in a campaign") for symbol in symbols}

    def order_book(self, symbol: str) -> OrderBook:
        """Return the best levels. Raises `UnknownSymbol`."""
        exchange = self._exchange
        index = exchange.indices.get(symbol)
        if index is None or exchange.market.listings[index].status != "Trading":
            raise UnknownSymbol(f"{symbol} is not listed")
        book = exchange.prices.book(index, exchange.now)
        buying, selling = book.levels("Buy"), book.levels("Sell")
        asks = tuple(next(buying) for _ in range(LEVELS))
        bids = tuple(level for _, level in zip(range(LEVELS), selling, strict=False))
        return OrderBook(symbol, exchange.now, bids, asks)


def _engine_request(request: OrderRequest, index: int) -> requests.OrderRequest:
    word, limit = TRIGGER_WORDS[request.stop_trigger], request.limit_price
    return requests.OrderRequest(
        index=index,
        side="Buy" if request.side is Side.BUY else "Sell",
        kind="Market" if limit is None else "Limit",
        price=limit,
        time_in_force="GTC" if limit is None else "IOC",
        quantity=Decimal(0) if request.closes_all else request.quantity,
        link_id=request.order_id,
        reduce_only=request.reduce_only,
        close_on_trigger=request.closes_all,
        take_profit=request.take_profit,
        stop_loss=request.stop_loss,
        take_profit_by=word,
        stop_loss_by=word,
    )


def _status(order: Order) -> OrderStatus:
    return read_order(order_row(order))


def _instrument(listing: Listing) -> Instrument:
    return Instrument(
        symbol=listing.symbol,
        tick_size=listing.tick_size,
        quantity_step=listing.quantity_step,
        min_quantity=listing.min_quantity,
        max_market_quantity=listing.max_market_quantity,
        min_notional=listing.min_notional,
        max_leverage=listing.max_leverage,
        launch_time=listing.launch_time,
        symbol_type=listing.symbol_type,
        funding_interval_minutes=listing.funding_interval_minutes,
    )
