"""A strategy of one's own: it is asked for a moment only, and its answer is checked."""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import Protocol

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.moments import DAY, MINUTE
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import Denied, EntryPlan, Quote
from pumpwatch.domain.trading.sound_plans import sound_plan
from pumpwatch.domain.trading.strategies import EVIDENCE
from pumpwatch.errors import OwnCodeFailed, SettingsError

from .loading import Guard, load, number

SECONDS = 0.5


class Strategy(Protocol):
    """A strategy of one's own: from a signal and the prices to a plan. The limits give the size."""

    side: Side
    """The side that it usually takes; a plan may say the other one."""
    time_limit_minutes: int
    """The longest time limit of its plans, 1 to 1,440."""

    def acts_on(self, signal: Signal) -> bool:
        """Return whether such signals are ever traded; others leave no trace in the journal."""

    def plan(self, signal: Signal, quote: Quote) -> EntryPlan | Denied:
        """Return the entry it wants, prices as `Decimal`, or why this signal is not traded."""


class OwnStrategy:
    """The strategy behind the interface of all strategies: it never raises, and never hangs."""

    def __init__(self, name: str) -> None:
        self._own: Strategy = load("strategy", name, EVIDENCE)
        what, self.name, self.side = f"the strategy {name}", name, self._own.side
        if type(self.side) is not Side:
            raise SettingsError(f"{what}: side must be Side.BUY or Side.SELL")
        longest = number(what, self._own, "time_limit_minutes", 1, DAY // MINUTE)
        self.time_limit_minutes = int(longest)
        self._guard = Guard(what, SECONDS)
        self._failed: dict[str, str] = {}

    def acts_on(self, signal: Signal) -> bool:
        """Return its answer; True where it fails, so that the journal has the reason."""
        try:
            return self._guard.call(lambda: self._own.acts_on(copy(signal))) is True
        except OwnCodeFailed as error:
            self._failed[signal.signal_id] = str(error)
            return True

    def plan(self, signal: Signal, quote: Quote) -> EntryPlan | Denied:
        """Return its plan if that is sound, else a denial that says what is wrong."""
        if signal.signal_id in self._failed:
            return Denied(self._failed.pop(signal.signal_id))
        try:
            answer = self._guard.call(lambda: self._own.plan(copy(signal), copy(quote)))
        except OwnCodeFailed as error:
            return Denied(str(error))
        return sound_plan(answer, quote, self.time_limit_minutes * MINUTE)


@cache
def own_strategy(name: str) -> OwnStrategy:
    """Return the strategy, the same one in the whole process. Raises `SettingsError`."""
    return OwnStrategy(name)
