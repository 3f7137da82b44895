"""What goes wrong with the calls of an invocation: every port is reached through here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar, cast

from pumpwatch.domain.orders import OrderRequest
from pumpwatch.errors import (
    ExchangeForbidden,
    ExchangeUnavailable,
    OutcomeUnknown,
    PumpwatchError,
    StoreUnavailable,
)
from pumpwatch.ports import Lease

from .exchange import WorldExchange
from .plan import Trouble
from .promise import Promise

__all__ = ["Killed", "Run", "Weather"]

PortType = TypeVar("PortType")
Arguments = tuple[object, ...]
HALF = 0.5
TIME_LIMIT = 25_000
"""Milliseconds after which an invocation is killed."""
LATENCY = 40
"""Milliseconds of market time that a request to the exchange takes."""
EXCHANGE = frozenset({"broker", "market"})
ACTS = frozenset({"place", "set_protection", "set_leverage"})
WRITES = frozenset({"intend", "settle", "save"})
AT_METHOD = {
    "answer_lost_after": ("broker", "place"),
    "answer_lost_before": ("broker", "place"),
    "rate_limited": ("broker", "place"),
    "clock_refused": ("broker", "place"),
    "crash_at_send": ("broker", "place"),
    "stop_answer_lost_after": ("broker", "set_protection"),
    "stop_answer_lost_before": ("broker", "set_protection"),
}
"""Troubles that wait for a certain call; the others strike at the call they are numbered with."""
ONLY_EXCHANGE = frozenset({"read_fails", "forbidden", "stale_lists", "slow", "too_slow"})
ONLY_STORES = frozenset({"store_fails_before", "store_fails_after"})


class Killed(BaseException):
    """The invocation is gone: nothing catches it, and every later call of it dies too."""


@dataclass(slots=True)
class Run:
    """One invocation."""

    name: str
    started: int
    troubles: list[Trouble]
    calls: int = 0
    dead: bool = False
    undead: bool = False
    """A zombie: its time limit does not kill it."""
    forbidden: bool = False
    token: int = 0
    """Of the lease it holds or held."""


@dataclass(slots=True)
class Weather:
    """The calls of all runs of a world. The last of `runs` is the one that calls now."""

    exchange: WorldExchange
    promise: Promise
    invoke: Callable[[str], None]
    """Starts another invocation in the middle of a call."""
    runs: list[Run] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)

    def wrap(self, name: str, port: PortType) -> PortType:
        """Return a port whose every call passes through the weather."""
        return cast(PortType, _Port(self, name, port))

    def call(self, port: str, method: str, done: Callable[[], object], args: Arguments) -> object:
        """Make one call of the present run, or let go wrong what is due."""
        run = self.runs[-1]
        run.calls += 1
        self._live(run)
        if port in EXCHANGE:
            if run.forbidden:
                raise ExchangeForbidden("403: no further call is made in this run")
            self.exchange.advance(LATENCY)
        trouble = self._due(run, port, method)

        def watched() -> object:
            answer = done()
            self._tell(run, port, method, args, answer)
            return answer

        if trouble is None:
            return watched()
        self.struck[trouble.kind] += 1
        self.promise.disturb(f"{trouble.kind} at {port}.{method}")
        return self._strike(run, trouble, method, watched)

    def _live(self, run: Run) -> None:
        late = self.exchange.now - run.started > TIME_LIMIT and not run.undead
        run.dead = run.dead or late
        if run.dead:
            raise Killed

    def _due(self, run: Run, port: str, method: str) -> Trouble | None:
        for trouble in run.troubles:
            wanted = AT_METHOD.get(trouble.kind)
            if wanted is not None:
                due = wanted == (port, method)
            else:
                due = trouble.call < run.calls and self._fits(trouble.kind, port)
            if due:
                run.troubles.remove(trouble)
                return trouble
        return None

    @staticmethod
    def _fits(kind: str, port: str) -> bool:
        if kind in ONLY_EXCHANGE:
            return port in EXCHANGE
        return port not in EXCHANGE if kind in ONLY_STORES else True

    def _tell(self, run: Run, port: str, method: str, args: Arguments, answer: object) -> None:
        """Tell the promise what a call did."""
        if isinstance(answer, Lease):
            run.token = answer.token
            self.promise.lease_taken(answer.token)
        elif port == "journal" and method in WRITES:
            self.promise.written(next(one for one in args if isinstance(one, Lease)).token)
        elif (port, method) == ("broker", "place") and isinstance(args[0], OrderRequest):
            self.promise.placed(args[0], run.token)

    def _strike(
        self, run: Run, trouble: Trouble, method: str, done: Callable[[], object]
    ) -> object:
        kind = trouble.kind
        if kind.startswith("crash"):
            raise self._crashed(run, trouble, done)
        if kind.endswith("lost_after"):
            done()
            raise OutcomeUnknown("the answer was lost")
        if kind.endswith("lost_before"):
            raise OutcomeUnknown("the request was lost")
        if kind in ("zombie", "overlap"):
            return self._beside(run, kind, trouble, done)
        if kind in ("slow", "too_slow"):
            seconds = 2 + 10 * trouble.size if kind == "slow" else 40
            answer = done()
            self.exchange.advance(round(seconds * 1000))
            self._live(run)
            return answer
        if kind == "stale_lists":
            self.exchange.lag(round(2_000 + 70_000 * trouble.size), round(90_000 * trouble.size))
            return done()
        raise self._failure(run, kind, method, done)

    def _failure(
        self, run: Run, kind: str, method: str, done: Callable[[], object]
    ) -> PumpwatchError:
        """Return the error that the call ends with."""
        if kind == "forbidden":
            run.forbidden = True
            return ExchangeForbidden("403: the address is banned")
        if kind == "store_fails_after":
            done()
        if kind.startswith("store_fails"):
            return StoreUnavailable("the table did not answer")
        if kind == "read_fails" and method in ACTS:
            return OutcomeUnknown("no answer")
        codes = {"rate_limited": 10006, "clock_refused": 10002}
        return ExchangeUnavailable(f"{kind}: nothing was done", code=codes.get(kind))

    def _crashed(self, run: Run, trouble: Trouble, done: Callable[[], object]) -> Killed:
        """Kill the run before or after the call did its work."""
        after = trouble.kind == "crash_after" or (
            trouble.kind == "crash_at_send" and trouble.size < HALF
        )
        if after:
            # Whatever the answer was, nobody is there to read it.
            with suppress(PumpwatchError):
                done()
        run.dead = True
        return Killed()

    def _beside(self, run: Run, kind: str, trouble: Trouble, done: Callable[[], object]) -> object:
        """Let another invocation run in the middle of this call.

        A zombie stands still until its lease has run out, and then goes on as if nothing was.
        """
        if kind == "zombie":
            run.undead = True
            self.exchange.advance(round(31_000 + 20_000 * trouble.size))
        self.invoke(f"beside-{run.name}")
        return done()


class _Port:
    """Reaches a port's methods through the weather."""

    def __init__(self, weather: Weather, name: str, port: object) -> None:
        self._weather, self._name, self._port = weather, name, port

    def __getattr__(self, method: str) -> Callable[..., object]:
        weather, name, call = self._weather, self._name, getattr(self._port, method)

        def through(*args: object, **named: object) -> object:
            return weather.call(name, method, partial(call, *args, **named), args)

        self.__dict__[method] = through
        return through
