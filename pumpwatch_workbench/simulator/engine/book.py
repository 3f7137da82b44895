"""A synthetic order book made from the market's spread and depth at one instant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from pumpwatch_workbench.simulator.market.source import Listing

from .records import Side

WEIGHTS = tuple(Decimal(weight) for weight in ("0.6", "0.9", "1.2", "1.3", "1.0"))
"""Notional of successive levels over their mean, repeated: thin at the best price."""
SPACING = Decimal("0.0001")
"""Distance of two levels as a fraction of the price, at least one tick."""
DEPTH_BAND = Decimal("0.001")
"""`MarketView.depth_usdt` is what rests within this fraction of the best price."""

Level = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class BookSide:
    """Bids and asks around `last`; every level is (price in USDT, quantity in base coin)."""

    listing: Listing
    last: Decimal
    best_bid: Decimal
    best_ask: Decimal
    depth: Decimal
    """USDT within `DEPTH_BAND` of the best price on each side."""
    taken: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))
    """Base coins swept from asks and bids that have not come back yet."""

    def levels(self, taker: Side) -> Iterator[Level]:
        """Yield the levels a taker meets, best first: asks for a Buy, bids for a Sell."""
        tick, step = self.listing.tick_size, self.listing.quantity_step
        spacing = max(tick, (self.last * SPACING / tick).to_integral_value() * tick)
        mean = self.depth / (int(DEPTH_BAND * self.last / spacing) + 1)
        price, move = (self.best_ask, spacing) if taker == "Buy" else (self.best_bid, -spacing)
        number, gone = 0, self.taken[taker == "Sell"]
        while price > 0:
            notional = mean * WEIGHTS[number % len(WEIGHTS)]
            quantity = max((notional / price / step).to_integral_value(ROUND_DOWN) * step, step)
            if quantity > gone:
                yield price, quantity - gone
            gone = max(gone - quantity, Decimal(0))
            price += move
            number += 1

    def crosses(self, side: Side, price: Decimal) -> bool:
        """Tell whether a limit order at `price` would trade at once."""
        best = self.best(side)
        return best is not None and (price >= best if side == "Buy" else price <= best)

    def best(self, taker: Side) -> Decimal | None:
        """Return the price that a taker meets first, None where everything is swept."""
        return next((price for price, _ in self.levels(taker)), None)

    def available(self, taker: Side, worst: Decimal, wanted: Decimal) -> list[Level]:
        """Return what a taker of `wanted` gets, no price worse than `worst`."""
        taken: list[Level] = []
        for price, quantity in self.levels(taker):
            beyond = price > worst if taker == "Buy" else price < worst
            if beyond or wanted <= 0:
                break
            part = min(quantity, wanted)
            taken.append((price, part))
            wanted -= part
        return taken
