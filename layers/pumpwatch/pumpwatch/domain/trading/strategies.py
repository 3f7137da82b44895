"""Strategies: on a signal `alert` does nothing, `fade` shorts the stalled rise, `ride` buys it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from pumpwatch.domain.detection.signals import Phase, Signal
from pumpwatch.domain.moments import MINUTE

from .orders import Side
from .plans import Denied, EntryPlan, Quote
from .rounding import decimal_from

EVIDENCE = {
    "alert": "it places no order.",
    "fade": "on labelled spot pumps, which could not be shorted, 90 % of its trades would have won;"
    " on real perpetuals it lost (55 trades, 33 % won, -0.93 % a trade).",
    "ride": "it lost at the median on labelled pumps at every scan interval, and on real"
    " perpetuals wherever there were 25 trades or more.",
}
OWN = "your own: nothing is known of it but what you measure."
"""What is known of each strategy: a sentence that stands wherever one is chosen or shown."""


def with_evidence(name: str) -> str:
    """Return a strategy's name and what is known of it."""
    return f"{name}: {EVIDENCE.get(name, OWN)}"


class Strategy(Protocol):
    """A pure rule from a signal and the price to a plan."""

    @property
    def name(self) -> str:
        """Return the name the settings know it by."""

    @property
    def side(self) -> Side:
        """Return the side of its entries."""

    def acts_on(self, signal: Signal) -> bool:
        """Return whether such signals are ever traded; others leave no trace in the journal."""

    def plan(self, signal: Signal, quote: Quote) -> EntryPlan | Denied:
        """Return the entry it wants, or why this signal is not traded."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Never trade: detection and its messages only."""

    name: str = "alert"
    side: Side = Side.SELL

    def acts_on(self, signal: Signal) -> bool:
        """Return False."""
        return False

    def plan(self, signal: Signal, quote: Quote) -> EntryPlan | Denied:
        """Return a denial."""
        return Denied("the strategy alert places no orders")


@dataclass(frozen=True, slots=True)
class Fade:
    """Short a pump once its rise has stalled.

    stop = peak * (1 + stop_above_peak), target = peak - target_retrace * (peak - base). A price
    nearer to the target than `min_gain`, a share of the price, is not worth its costs.
    """

    stop_above_peak: Decimal
    target_retrace: Decimal
    min_gain: Decimal
    time_limit_minutes: int
    name: str = "fade"
    side: Side = Side.SELL

    def acts_on(self, signal: Signal) -> bool:
        """Return whether the signal says that the rise has stalled."""
        return signal.phase is Phase.PEAKED

    def plan(self, signal: Signal, quote: Quote) -> EntryPlan | Denied:
        """Return the short, unless the price is above its stop or too near to its target."""
        if not 0 < signal.base_price < signal.peak_price:
            return Denied("the signal's peak is not above its base")
        peak, base = decimal_from(signal.peak_price), decimal_from(signal.base_price)
        stop = peak * (1 + self.stop_above_peak)
        target = peak - self.target_retrace * (peak - base)
        if quote.highest >= stop:
            return Denied("the price is above the stop already")
        if quote.lowest <= target:
            return Denied("the price has retraced to the target already")
        if quote.bid - target < self.min_gain * quote.bid:
            return Denied("too little is left to gain before the target")
        return EntryPlan(self.side, stop, target, self.time_limit_minutes * MINUTE)


@dataclass(frozen=True, slots=True)
class Ride:
    """Buy a rise while it lasts: stop and target at fixed fractions of the ask.

    With `seconds` it has no target: what its stop has not closed is closed after them.
    """

    stop_fraction: Decimal
    target_fraction: Decimal
    time_limit_minutes: int
    seconds: int | None = None
    name: str = "ride"
    side: Side = Side.BUY

    def acts_on(self, signal: Signal) -> bool:
        """Return whether the signal says that the price still rises."""
        return signal.phase is Phase.RISING

    def plan(self, signal: Signal, quote: Quote) -> EntryPlan | Denied:
        """Return the buy."""
        stop, target = quote.ask * (1 - self.stop_fraction), quote.ask * (1 + self.target_fraction)
        if self.seconds is not None:
            return EntryPlan(self.side, stop, None, self.seconds * 1000)
        return EntryPlan(self.side, stop, target, self.time_limit_minutes * MINUTE)
