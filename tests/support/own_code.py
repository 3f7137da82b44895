"""Rules and strategies of one's own, as `module:Class` names them: sound ones and all others."""

import threading
import time
from decimal import Decimal, DivisionByZero, getcontext

import numpy as np

from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import Denied, EntryPlan


class Loud:
    """Alarms on twenty times the usual turnover with a rise of 5 %."""

    history = 30
    least_rise = 0.05
    least_turnover = 0.0

    def alarms(self, candles, trades):
        return candles.turnover[-1] > 20 * np.nanmean(candles.turnover[:-1], axis=0)


class Unbounded(Loud):
    least_rise = 0

    def alarms(self, candles, trades):
        rises = candles.high[-1] > 1.05 * candles.close[-2]
        return super().alarms(candles, trades) & rises


class Bought(Loud):
    """Keeps an alarm only where the takers bought."""

    reads_trades = True

    def alarms(self, candles, trades):
        loud = super().alarms(candles, trades)
        if trades is None:
            return loud
        return np.array([known is None or bool(known.bought.any()) for known in trades])


class Raises(Loud):
    def alarms(self, candles, trades):
        raise ZeroDivisionError("thirty\nminutes")


class Leaves(Loud):
    def alarms(self, candles, trades):
        raise SystemExit(3)


class Numbers(Loud):
    def alarms(self, candles, trades):
        return candles.turnover[-1]


class TooMany(Loud):
    def alarms(self, candles, trades):
        return np.ones(len(candles.time) + 1, bool)


class Objects(Loud):
    def alarms(self, candles, trades):
        return np.array([True] * len(candles.time), dtype=object)


class Column(Loud):
    def alarms(self, candles, trades):
        return np.ones((len(candles.time), 1), bool)


class Stops(Loud):
    def alarms(self, candles, trades):
        raise KeyboardInterrupt("stop")


class Nothing(Loud):
    def alarms(self, candles, trades):
        return None


class Spoils(Loud):
    """Changes what it is shown."""

    def alarms(self, candles, trades):
        loud = super().alarms(candles, trades)
        for column in (candles.open, candles.high, candles.close, candles.turnover, candles.time):
            column[:] = 0
        return loud


class SpoilsTrades(Loud):
    """Changes the trades that it is shown."""

    reads_trades = True

    def alarms(self, candles, trades):
        for known in trades or ():
            if known is not None:
                known.price[:] = 0
        return np.ones(len(candles.time), bool)


class Hangs(Loud):
    def alarms(self, candles, trades):
        threading.Event().wait()


loud = Loud()
loud.least_rise = 0.01


class Explodes(Loud):
    @property
    def least_rise(self):
        raise RuntimeError("no rise")


class Needy(Loud):
    history = "an hour"


class Short:
    """A sound short."""

    side = Side.SELL
    time_limit_minutes = 30

    def acts_on(self, signal):
        return True

    def plan(self, signal, quote):
        return EntryPlan(Side.SELL, quote.ask * Decimal("1.1"), quote.bid / 2, 60_000)


class Refuses(Short):
    def plan(self, signal, quote):
        return Denied("not on\na Monday")


class Slow(Short):
    def plan(self, signal, quote):
        time.sleep(0.7)
        return super().plan(signal, quote)


class Waits(Short):
    def plan(self, signal, quote):
        threading.Event().wait()


class Fails(Short):
    def plan(self, signal, quote):
        raise SystemExit("out")


class Unspeakable(Exception):
    def __str__(self):
        raise SystemExit("no words")


class FailsUnspeakably(Short):
    def plan(self, signal, quote):
        raise Unspeakable


class FailsAtLength(Short):
    def plan(self, signal, quote):
        raise ValueError("\ud800\x1b[2J" + "x" * 1_000_000)


class Falls(Short):
    def plan(self, signal, quote):
        return self.plan(signal, quote)


class Interrupts(Short):
    def plan(self, signal, quote):
        raise KeyboardInterrupt


class Rounds(Short):
    """Changes how its thread computes, as a careless module does."""

    def plan(self, signal, quote):
        plan = super().plan(signal, quote)
        getcontext().prec = 1
        getcontext().traps[DivisionByZero] = False
        return plan


class FailsToAct(Short):
    def acts_on(self, signal):
        raise KeyError(signal.symbol)


class Meddles(Short):
    """Moves the prices that the limits look at, after its own."""

    def plan(self, signal, quote):
        plan = super().plan(signal, quote)
        for name in ("bid", "ask", "last", "mark"):
            object.__setattr__(quote, name, Decimal(1000))
        object.__setattr__(signal, "symbol", "OTHERUSDT")
        return plan


class Changing(EntryPlan):
    """Looks like a plan, says another stop with each look, and wants a quantity."""

    quantity = Decimal(10**9)
    looks = 0

    @property
    def stop_loss(self):
        type(self).looks += 1
        return Decimal("1.2") if self.looks < 4 else Decimal("NaN")


class Sly(Short):
    def plan(self, signal, quote):
        return EntryPlan.__new__(Changing)


class Blank(Short):
    """Answers with a plan that was never made."""

    def plan(self, signal, quote):
        return EntryPlan.__new__(EntryPlan)


class Sideless(Short):
    side = "Sell"


class Limitless(Short):
    time_limit_minutes = 10**9


class Broken:
    def __init__(self):
        raise RuntimeError("no licence")


class Always:
    """Alarms wherever its bounds let it."""

    history = 30
    least_rise = 0.01
    least_turnover = 300.0

    def alarms(self, candles, trades):
        return np.ones(len(candles.time), bool)
