"""A market that can be changed: jumps, halts, delistings, new filters, thin books.

It wraps a source of prices and changes nothing until something is asked of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from pumpwatch_workbench.simulator.market.source import (
    FloatArray,
    IntArray,
    Listing,
    Market,
    MarketView,
    Minutes,
    PlantedEvent,
    Trades,
)

PRICES = ("last", "mark", "index", "high_24h", "low_24h")
OTHERS = ("depth_usdt", "funding_rate")


@dataclass(slots=True)
class _Changes:
    """Changes to one symbol; times in milliseconds UTC."""

    jumps: list[tuple[int, float]] = field(default_factory=list)
    """Time and factor of each jump of the price."""
    halts: list[tuple[int, int | None]] = field(default_factory=list)
    """Start and end of each halt; an end of None: it lasts."""
    delisted: int | None = None
    thin: tuple[int, float] | None = None
    """End of a thin book, and the share of its depth that is left."""
    funding: tuple[int, float] | None = None
    """Start and rate of a funding rate that is shown and paid."""

    def factor(self, time: int) -> float:
        return math.prod(factor for at, factor in self.jumps if at <= time)

    def halted_since(self, time: int) -> int | None:
        for start, end in self.halts:
            if start <= time and (end is None or time < end):
                return start
        return None


class LiveMarket:
    """A `Market` whose symbols can be changed; `version` grows with every change."""

    def __init__(self, source: Market) -> None:
        self.source = source
        self.listings: tuple[Listing, ...] = source.listings
        self.version = 0
        self.start, self.end = source.start, source.end
        self._changes: dict[int, _Changes] = {}

    # --- what can happen -----------------------------------------------------------------

    def jump(self, index: int, fraction: float, time: int) -> None:
        """Let the price be higher by a fraction (lower when negative) from `time` on."""
        self._of(index).jumps.append((time, 1.0 + fraction))

    def halt(self, index: int, time: int) -> None:
        """Stop trading: the price stands still."""
        self._of(index).halts.append((time, None))

    def resume(self, index: int, time: int) -> None:
        """Trade again, at whatever the price has become."""
        changes = self._of(index)
        changes.halts = [(start, time if end is None else end) for start, end in changes.halts]

    def delist(self, index: int, time: int, status: str = "Closed") -> None:
        """End the contract: no price from `time` on."""
        self._of(index).delisted = time
        self.change(index, status=status)

    def thin_out(self, index: int, fraction: float, until: int) -> None:
        """Leave a share of the book's depth until a time."""
        self._of(index).thin = until, fraction

    def set_funding(self, index: int, rate: float, time: int) -> None:
        """Show and pay this funding rate from `time` on."""
        self._of(index).funding = time, rate

    def change(self, index: int, **filters: object) -> None:
        """Change a contract's filters or status."""
        changed = replace(self.listings[index], **filters)  # type: ignore[arg-type]
        self.listings = (*self.listings[:index], changed, *self.listings[index + 1 :])
        self.version += 1

    def is_halted(self, index: int, time: int) -> bool:
        """Tell whether orders are refused because nothing trades."""
        changes = self._changes.get(index)
        return changes is not None and (
            changes.halted_since(time) is not None
            or (changes.delisted is not None and changes.delisted <= time)
        )

    # --- Market --------------------------------------------------------------------------

    @property
    def planted(self) -> tuple[PlantedEvent, ...]:
        return self.source.planted

    def price(self, index: int, time: int) -> float:
        changes = self._changes.get(index)
        if changes is None:
            return self.source.price(index, time)
        if changes.delisted is not None and time >= changes.delisted:
            return math.nan
        seen = changes.halted_since(time)
        at = time if seen is None else seen
        return self.source.price(index, at) * changes.factor(at)

    def prices(self, time: int) -> FloatArray:
        prices = self.source.prices(time).copy()
        for index in self._changes:
            prices[index] = self.price(index, time)
        return prices

    def path(self, index: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
        """Return the knots of the price's line; jumps and halts are knots of their own."""
        changes = self._changes.get(index)
        if changes is None:
            return self.source.path(index, start, end)
        times, prices = self.source.path(index, start, end)
        moments = sorted({at for at in self._moments(changes) if start < at <= end})
        if not moments and self.price(index, start) == self.source.price(index, start):
            return times, prices
        knots: list[tuple[int, float]] = []
        for begin, finish in zip([start, *moments], [*moments, end], strict=True):
            knots += self._piece(index, begin, finish, times)
        array = np.array([time for time, _ in knots], dtype=np.int64)
        return array, np.array([price for _, price in knots])

    def minutes(self, index: int, first: int, last: int) -> Minutes:
        """Return complete candles; those of a minute with a jump reach to both sides of it."""
        return self._scaled(index, self.source.minutes(index, first, last))

    def forming(self, index: int, time: int) -> Minutes:
        return self._scaled(index, self.source.forming(index, time))

    def trades(self, index: int, first: int, end: int) -> Trades:
        """Return the source's trades at the prices there are; none in a halt or once delisted."""
        trades = self.source.trades(index, first, end)
        changes = self._changes.get(index)
        if changes is None:
            return trades
        times = trades.time.tolist()
        factor = np.array([changes.factor(time) for time in times])
        open_ = np.array([not self.is_halted(index, time) for time in times], dtype=np.bool_)
        return Trades(
            trades.time[open_],
            trades.bought[open_],
            (trades.price * factor)[open_],
            trades.quantity[open_],
        )

    def view(self, time: int) -> MarketView:
        view = self.source.view(time)
        touched = list(self._changes)
        if not touched:
            return view
        arrays = {name: getattr(view, name).copy() for name in (*PRICES, *OTHERS)}
        for index in touched:
            before, price = float(view.last[index]), self.price(index, time)
            factor = price / before if before else math.nan
            for name in PRICES:
                arrays[name][index] *= factor
            thin = self._changes[index].thin
            if thin is not None and time < thin[0]:
                arrays["depth_usdt"][index] *= thin[1]
            funding = self._changes[index].funding
            if funding is not None and time >= funding[0]:
                arrays["funding_rate"][index] = funding[1]
        return replace(view, **arrays)

    def funding_times(self, index: int, start: int, end: int) -> list[tuple[int, float]]:
        """Return the source's funding payments; a delisted contract has none."""
        changes = self._changes.get(index)
        if changes is not None and changes.delisted is not None:
            end = min(end, changes.delisted)
        payments = self.source.funding_times(index, start, end)
        if changes is None or changes.funding is None:
            return payments
        since, changed = changes.funding
        return [(time, changed if time >= since else rate) for time, rate in payments]

    def side_against(self, index: int, side: str | None) -> None:
        self.source.side_against(index, side)

    def __getattr__(self, name: str) -> object:
        """Give what only some sources have (a replay's contracts, say)."""
        return getattr(self.source, name)

    # --- inside --------------------------------------------------------------------------

    def _of(self, index: int) -> _Changes:
        self.version += 1
        return self._changes.setdefault(index, _Changes())

    @staticmethod
    def _moments(changes: _Changes) -> list[int]:
        ends = [changes.delisted, *(at for span in changes.halts for at in span)]
        return [at for at, _ in changes.jumps] + [at for at in ends if at is not None]

    def _piece(
        self, index: int, begin: int, finish: int, times: IntArray
    ) -> list[tuple[int, float]]:
        """Return the line between two moments: at its end the price just before what happens."""
        changes = self._changes[index]
        first = self.price(index, begin)
        if math.isnan(first) or changes.halted_since(begin) is not None:
            return [(begin, first), (finish, first)]
        factor = changes.factor(begin)
        inside = [int(t) for t in times if begin < t < finish]
        return [
            (begin, first),
            *((t, self.source.price(index, t) * factor) for t in inside),
            (finish, self.source.price(index, finish) * factor),
        ]

    def _scaled(self, index: int, candles: Minutes) -> Minutes:
        changes = self._changes.get(index)
        if changes is None or not changes.jumps or not len(candles.open_time):
            return candles
        opened = np.array([changes.factor(int(t)) for t in candles.open_time])
        closed = np.array([changes.factor(int(t) + 59_999) for t in candles.open_time])
        high = np.maximum(candles.high * opened, np.maximum(candles.high, candles.close) * closed)
        low = np.minimum(candles.low * opened, np.minimum(candles.low, candles.close) * closed)
        calm = opened == closed
        return replace(
            candles,
            open=candles.open * opened,
            high=np.where(calm, candles.high * opened, high),
            low=np.where(calm, candles.low * opened, low),
            close=candles.close * closed,
            turnover=candles.turnover * closed,
        )
