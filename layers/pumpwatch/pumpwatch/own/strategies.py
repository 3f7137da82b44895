"""A strategy of one's own: it is asked for a moment only, and its answer is checked."""

from __future__ import annotations

from copy import copy
from functools import cache

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.moments import DAY, MINUTE
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import Denied, EntryPlan, Quote
from pumpwatch.domain.trading.sound_plans import sound_plan
from pumpwatch.domain.trading.strategies import EVIDENCE, Strategy
from pumpwatch.errors import OwnCodeFailed, SettingsError

from .loading import Guard, load, number

SECONDS, LOADING_SECONDS = 0.5, 9.0
"""A function of Lambda has ten seconds to start."""
TIME_LIMIT = "time_limit_minutes"


class OwnStrategy:
    """The strategy behind the interface of all strategies: it never raises, and never hangs."""

    def __init__(self, name: str) -> None:
        loaded = load("strategies", name, EVIDENCE, ("side", TIME_LIMIT), LOADING_SECONDS)
        self._own: Strategy = loaded[0]
        side = loaded[1]["side"]
        self.name, self.side = name, Side.BUY if side is None else side
        self.time_limit_minutes = int(number(name, loaded[1], TIME_LIMIT, 1, DAY // MINUTE))
        if type(self.side) is not Side:
            raise SettingsError(f"{name}: side must be Side.BUY or Side.SELL")
        self._call = Guard(f"the strategy {name}", SECONDS).call

    def acts_on(self, signal: Signal) -> bool:
        """Return its answer; True where it fails, so that the journal gets the reason."""
        try:
            return self._call(lambda: self._own.acts_on(copy(signal))) is True
        except OwnCodeFailed:
            return True

    def plan(self, signal: Signal, quote: Quote) -> EntryPlan | Denied:
        """Return its plan if that is sound, else a denial that says what is wrong."""

        def work() -> EntryPlan | Denied:
            if self._own.acts_on(copy(signal)) is not True:
                return Denied("the strategy does not act on it any more")
            return self._own.plan(copy(signal), copy(quote))

        try:
            return sound_plan(self._call(work), quote, self.time_limit_minutes * MINUTE)
        except OwnCodeFailed as error:
            return Denied(str(error))


@cache
def own_strategy(name: str) -> OwnStrategy:
    """Return the strategy, the same one in the whole process. Raises `SettingsError`."""
    return OwnStrategy(name)
