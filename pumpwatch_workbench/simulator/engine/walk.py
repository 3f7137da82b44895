"""The market clock moves on: prices walk their path and trigger what waits along it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

import numpy as np

from pumpwatch_workbench.simulator.market.source import MINUTE_MS, FloatArray, IntArray, Market

from .checks import check_margin
from .crossings import first_crossing, trailing_crossing
from .ledger import Ledger
from .matching import Matching
from .prices import Prices, floor_to, on_tick
from .records import RISING, ExchangePosition, Order
from .refusals import Refused
from .settings import ExchangeSettings
from .stops import release_legs, sync_stops

NO_FUNDS = "EC_NotEnoughBalance"
Kind = Literal["stop", "liquidation", "limit", "target", "funding", "delivery"]
RANK = {kind: rank for rank, kind in enumerate(get_args(Kind))}
"""The worst comes first at the same millisecond."""


@dataclass(frozen=True, slots=True)
class WalkStep:
    """The next thing the market does to one symbol's orders or position."""

    time: int
    kind: Kind
    index: int
    price: float
    order: Order | None = None

    @property
    def key(self) -> tuple[int, int, int, int]:
        """Order happenings by time, then by `RANK`, symbol and age."""
        age = self.order.sequence if self.order else 0
        return self.time, RANK[self.kind], self.index, age


Path = tuple[IntArray, FloatArray]


class Walk:
    """Move the engine's time forward, minute by minute, over symbols with orders or positions."""

    def __init__(
        self,
        market: Market,
        prices: Prices,
        ledger: Ledger,
        matching: Matching,
        settings: ExchangeSettings,
        start: int,
    ) -> None:
        self.market = market
        self.prices = prices
        self.ledger = ledger
        self.matching = matching
        self.settings = settings
        self.time = start
        self._known: tuple[int, int] | None = None
        self._found: WalkStep | None = None

    def advance(self, to: int) -> None:
        """Walk to market time `to`; where nothing is open or can happen this costs nothing."""
        while self.time < to:
            if not self.watched():
                self.time = to
                return
            minute_end = (self.time // MINUTE_MS + 1) * MINUTE_MS
            happening = self._next(minute_end)
            if happening is None or happening.time > to:
                self._move(min(to, minute_end))
                continue
            self._move(max(self.time, happening.time))
            self._apply(happening)

    def _move(self, to: int) -> None:
        """Move the time on; trailing stops follow the best price on the way."""
        for position in self.ledger.open_positions():
            if position.trailing_stop is not None:
                self._follow(position, to)
        self.time = to

    def _follow(self, position: ExchangePosition, to: int) -> None:
        line = self.market.path(position.index, self.time, to)[1]
        line = line[~np.isnan(line)]
        if not len(line):
            return
        tick = self.market.listings[position.index].tick_size
        best = on_tick(float(line.max() if position.side == "Buy" else line.min()), tick)
        start = position.trailing_from
        if start is not None and position.sign * (best - start) < 0:
            return
        known = position.best_price
        position.trailing_from = None
        if known is None or position.sign * (best - known) > 0:
            position.best_price = best
            order = position.trailing_order
            if order is not None:
                order.trigger_price, order.updated = position.trailing_level, to
            else:
                sync_stops(self.ledger, position, to)

    def watched(self) -> list[int]:
        """Return the symbols with an open order or position."""
        positions = {position.index for position in self.ledger.open_positions()}
        return sorted(positions.union(self.ledger.active))

    def _next(self, end: int) -> WalkStep | None:
        """Return the first thing to happen until the minute's end, None when nothing will.

        It is looked for once a minute and again after every change of the account, so that it does
        not depend on how often the clock is asked.
        """
        known = (self.ledger.version, end)
        if known != self._known:
            self._found = min(
                (
                    happening
                    for index in self.watched()
                    for happening in self._happenings(index, self._path(index, end), end)
                ),
                key=lambda happening: happening.key,
                default=None,
            )
            self._known = known
        return self._found

    def _path(self, index: int, end: int) -> Path:
        last = end if self.market.end is None else min(end, self.market.end)
        return self.market.path(index, min(self.time, last), last)

    def _happenings(self, index: int, path: Path, end: int) -> Iterator[WalkStep]:
        for order in self.ledger.open_orders(index):
            happening = self._order_happening(order, path)
            if happening is not None:
                yield happening
        delivery = self.market.listings[index].delivery_time
        if self.time < delivery <= end:
            yield WalkStep(delivery, "delivery", index, self.market.price(index, delivery - 1))
        position = self.ledger.positions.get(index)
        if position is not None and position.side is not None:
            happening = self._liquidation(position, path)
            if happening is not None:
                yield happening
            for time, rate in self.market.funding_times(index, position.funded_until, end):
                yield WalkStep(time, "funding", index, rate)
                break

    def _order_happening(self, order: Order, path: Path) -> WalkStep | None:
        times, line = path
        after = self.time
        if order.stop_kind == "TrailingStop" and order.status == "Untriggered":
            return self._trailing_happening(order, path, after)
        if order.status == "Untriggered" and order.trigger_price is not None:
            (times, line), ratio = self._watched_line(order.index, order.trigger_by, path)
            rising = order.trigger_direction == RISING
            level = float(order.trigger_price) / ratio
            kind: Kind = "target" if order.stop_kind == "TakeProfit" else "stop"
        else:
            rising = order.side == "Sell"
            level = float(order.price) * self._quote_factor(order)
            kind = "limit"
        # A shown price is rounded to the tick: it reaches a trigger half a tick early.
        early = float(self.market.listings[order.index].tick_size) / 2 if kind != "limit" else 0.0
        crossing = first_crossing(
            times, line, level - early if rising else level + early, rising=rising, after=after
        )
        if crossing is None:
            return None
        price = max(crossing.price, level) if rising else min(crossing.price, level)
        if line is not path[1]:
            price = self.market.price(order.index, crossing.time)
        return WalkStep(crossing.time, kind, order.index, price, order)

    def _watched_line(self, index: int, by: str, path: Path) -> tuple[Path, float]:
        """Return the line of the price that is watched over a ratio: the last or the mark price."""
        if by == "LastPrice" or not self.settings.mark_lag_minutes:
            return path, self.prices.ratio(index, self.time, by)
        return self.prices.mark_line(index, int(path[0][0]), int(path[0][-1])), 1.0

    def _trailing_happening(self, order: Order, path: Path, after: int) -> WalkStep | None:
        position = self.ledger.position(order.index)
        if position.best_price is None or position.trailing_stop is None:
            return None
        crossing = trailing_crossing(
            *path,
            float(position.best_price),
            float(position.trailing_stop),
            falling=position.side == "Buy",
            after=after,
        )
        if crossing is None:
            return None
        return WalkStep(crossing.time, "stop", order.index, crossing.price, order)

    def _quote_factor(self, order: Order) -> float:
        """Return the last price over the limit at which the opposite quote reaches the limit."""
        minute = max(self.time // MINUTE_MS * MINUTE_MS, self.market.start)
        half = self.prices.half_spread(order.index, minute)
        return 1.0 / (1.0 + half) if order.side == "Buy" else 1.0 / (1.0 - half)

    def _liquidation(self, position: ExchangePosition, path: Path) -> WalkStep | None:
        level = float(self.ledger.liquidation_price(position))
        if level <= 0:
            return None
        line, ratio = self._watched_line(position.index, "MarkPrice", path)
        crossing = first_crossing(
            *line, level / ratio, rising=position.side == "Sell", after=self.time
        )
        if crossing is None:
            return None
        return WalkStep(crossing.time, "liquidation", position.index, crossing.price)

    def _apply(self, happening: WalkStep) -> None:
        order = happening.order
        self.ledger.version += 1
        if happening.kind == "funding":
            position = self.ledger.position(happening.index)
            self.ledger.pay_funding(position, Decimal(repr(happening.price)), happening.time)
        elif happening.kind == "liquidation":
            self._liquidate(self.ledger.position(happening.index), happening.time)
        elif happening.kind == "delivery":
            tick = self.market.listings[happening.index].tick_size
            self.matching.settle_contract(
                happening.index, on_tick(happening.price, tick), self.time
            )
        elif order is not None and happening.kind == "limit":
            self.matching.make(order, self.time)
        elif order is not None:
            self._trigger(order, happening.price)

    def _trigger(self, order: Order, price: float) -> None:
        index, filled_at = order.index, self.time + self.settings.trigger_delay_ms
        if self.market.end is not None:
            filled_at = min(filled_at, max(self.market.end, self.time))
        later = self.market.price(index, filled_at)
        if not math.isnan(later):
            price = max(price, later) if order.side == "Buy" else min(price, later)
        book = self.prices.book(index, self.time, last=price)
        order.status, order.updated = "New", self.time
        release_legs(self.ledger, order)
        if order.kind == "Market":
            order.price = self.prices.limits(index, filled_at)[order.side == "Sell"]
        if not order.reduce_only:
            try:
                check_margin(self.ledger, index, order.side, order.quantity, order.price)
            except Refused:
                self.ledger.settle(order, "Rejected", self.time, reason=NO_FUNDS)
                return
        self.matching.match_new(order, book, self.time)

    def _liquidate(self, position: ExchangePosition, time: int) -> None:
        tick = self.market.listings[position.index].tick_size
        bust = max(floor_to(self.ledger.liquidation_price(position, bankrupt=True), tick), tick)
        tier, quantity = self.ledger.tier(position), position.size
        if tier.number > 1:
            # The liquidation process goes down tier by tier and takes over what is left in the end.
            lower = self.ledger.tiers(position.index)[tier.number - 2]
            step = self.market.listings[position.index].quantity_step
            quantity -= floor_to(lower.limit / self.ledger.mark(position.index), step)
        for order in self.ledger.open_orders(position.index):
            self.ledger.settle(order, "Cancelled", time, cancel="CancelByPrepareLiq")
        self.matching.force(position, quantity, bust, time, "CreateByLiq")
