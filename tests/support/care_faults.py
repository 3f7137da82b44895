"""What goes wrong with a call of the trade run, and what it costs the care for a position."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal

from support.trading_rig import SYMBOL, Rig, peaked

from pumpwatch.domain.market.snapshot import OrderBook
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.orders import Account
from pumpwatch.domain.trading.rows import Rows, UnreadableRow
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.errors import (
    ExchangeUnavailable,
    OutcomeUnknown,
    PumpwatchError,
    StoreUnavailable,
    UnreadableAnswer,
)

RUN_SECONDS = 25.0
TIMEOUT = 4.0
"""Seconds after which a request to the exchange is given up."""
ANSWER, STORE_ANSWER = 0.06, 0.01
"""Seconds that a sound call takes."""
LONGEST = 3
"""Runs that are looked at: a minute apart, with the fault in each."""

BROKER = (
    "positions", "open_orders", "find_order", "fills", "account", "access",
    "set_protection", "place", "leverage", "set_leverage",
)  # fmt: skip
MARKET = ("time", "snapshot", "instruments", "order_book")
STORES = (
    "journal.live_trades", "journal.trade", "journal.trades_since", "journal.orders",
    "journal.intend", "journal.settle", "journal.save", "journal.installation",
    "signals.since", "halts.instructions", "halts.resumed", "locks.current", "locks.save",
    "leases.acquire", "leases.release",
)  # fmt: skip
CALLS = (
    *(f"broker.{name}" for name in BROKER), *(f"market.{name}" for name in MARKET), *STORES
)  # fmt: skip
ACTS = {"broker.set_protection", "broker.place", "broker.set_leverage"}
KINDS = ("fails", "throttled", "1 s", "5 s", "9 s", "empty", "old", "odd: theirs", "odd: ours")

NOTHING = {
    "broker.positions": Rows,
    "broker.open_orders": Rows,
    "broker.fills": Rows,
    "broker.find_order": lambda: None,
    "broker.account": lambda: Account(Decimal(0), Decimal(0)),
    "market.instruments": dict,
    "market.order_book": lambda: OrderBook(SYMBOL, 0, (), ()),
    "signals.since": list,
    "journal.trades_since": Rows,
}
"""An empty answer of each call that can have one. The table's reads are consistent: the lists that
say what is ours are never empty by mistake."""
STRANGER = "THEIRSUSDT"
SOURCES = {"broker.positions": "positions", "broker.open_orders": "open_orders",
           "broker.fills": "executions"}  # fmt: skip


class Dead(BaseException):
    """The run's time is over: it is killed."""


@dataclass
class Fault:
    """One call that goes wrong in one way, from when it is switched on."""

    call: str
    kind: str
    rig: Rig
    on: bool = False
    begun: int = 0
    before: object = field(default=None)

    def __call__(self, name, call, *args, **named):
        self._pass(STORE_ANSWER if name in STORES else ANSWER)
        if not self.on or name != self.call:
            answer = call(*args, **named)
            if name == self.call:
                self.before = answer
            return answer
        return self._wrong(name, call, args, named)

    def _wrong(self, name, call, args, named):
        if self.kind in ("fails", "throttled"):
            raise self._failure(name)
        if self.kind.endswith(" s"):
            return self._slow(name, call, args, named)
        if self.kind == "empty":
            return NOTHING[name]()
        if self.kind == "old":
            return self.before
        if name == "broker.find_order":
            raise UnreadableAnswer("order list: orderStatus is 7")
        answer = call(*args, **named)
        if self.kind == "odd: theirs":
            row = UnreadableRow(SOURCES[name], STRANGER, "theirs", "side is ''")
            return replace(answer, unreadable=(row,))
        rest = tuple(one for one in answer if one.symbol != SYMBOL)
        return Rows(rest, (UnreadableRow(SOURCES[name], SYMBOL, "", "side is ''"),))

    def _failure(self, name):
        if name in STORES:
            return StoreUnavailable("the table did not answer")
        if self.kind == "throttled":
            return ExchangeUnavailable("too many visits", code=10006)
        if name in ACTS:
            return OutcomeUnknown("no answer")
        return ExchangeUnavailable("no answer")

    def _slow(self, name, call, args, named):
        seconds = float(self.kind.removesuffix(" s"))
        if name not in STORES and seconds > TIMEOUT:
            self._pass(TIMEOUT)
            if name not in ACTS:
                raise ExchangeUnavailable("no answer in time")
            call(*args, **named)
            raise OutcomeUnknown("no answer in time")
        self._pass(seconds)
        return call(*args, **named)

    def _pass(self, seconds):
        self.rig.advance(seconds)
        if self.rig.clock.now() - self.begun > RUN_SECONDS * 1000:
            raise Dead


class _Port:
    def __init__(self, name, port, fault):
        self._name, self._port, self._fault = name, port, fault

    def __getattr__(self, method):
        call, name = getattr(self._port, method), f"{self._name}.{method}"
        return lambda *args, **named: self._fault(name, call, *args, **named)


class _Deadline:
    def __init__(self, fault):
        self._fault = fault

    def seconds_left(self):
        return RUN_SECONDS - (self._fault.rig.clock.now() - self._fault.begun) / 1000


def possible(call, kind):
    """Return whether the call can go wrong in this way."""
    if kind in ("empty", "old"):
        return call in NOTHING
    if kind == "odd: ours":
        return call in {*SOURCES, "broker.find_order"}
    return kind != "odd: theirs" or call in SOURCES


def lost_stop(rig):
    rig.broker.remove_protection(SYMBOL)


def past_its_limit(rig):
    rig.advance(30 * 60)


def halt_that_closes(rig):
    rig.halts.halt(Halt("panic", rig.clock.now(), "operator", close_positions=True))


SITUATIONS = {"stop lost": lost_stop, "time is up": past_its_limit, "halt closes": halt_that_closes}


def runs_until_cared_for(call, kind, situation):
    """Return after how many runs the position was safe, None when it was not after three.

    Safe: closed, or, where only its stop was lost, with a stop again.
    """
    rig = Rig()
    fault = Fault(call, kind, rig)
    rig.wrap = lambda name, port: port if name == "clock" else _Port(name, port, fault)
    rig.deadline = _Deadline(fault)
    rig.signals.publish(peaked())
    fault.begun = rig.clock.now()
    rig.tick()
    fault.begun = rig.clock.now()
    rig.tick()
    assert rig.trade().state is TradeState.OPEN
    SITUATIONS[situation](rig)
    fault.on = True
    for number in range(1, LONGEST + 1):
        rig.advance(60)
        fault.begun = rig.clock.now()
        # A run that fails or is killed is followed by the next one.
        with suppress(PumpwatchError, Dead):
            rig.try_tick()
        if _safe(rig, situation):
            return number
    return None


def _safe(rig, situation):
    held = [one for one in rig.broker.positions() if one.symbol == SYMBOL]
    return not held or (situation == "stop lost" and held[0].stop_loss is not None)
