"""What goes wrong with the calls of an invocation: every port is reached through here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TypeVar, cast

from pumpwatch.domain.lease import Lease
from pumpwatch.domain.market.snapshot import MarketSnapshot, OrderBook
from pumpwatch.domain.trading.orders import OrderRequest
from pumpwatch.domain.trading.trades import OrderRecord, Trade
from pumpwatch.errors import (
    ExchangeForbidden,
    ExchangeUnavailable,
    OutcomeUnknown,
    PumpwatchError,
    StoreUnavailable,
)

from .care_rules import EXIT_NEEDS
from .exchange import CampaignExchange
from .plan import MINUTE, TIME_LIMIT, Run, Trouble
from .promise import Promise

PortType = TypeVar("PortType")
Arguments = tuple[object, ...]
Named = Mapping[str, object]
HALF = 0.5
LATENCY = 40
"""Milliseconds of market time that a request to the exchange takes."""
EXCHANGE = frozenset({"broker", "market"})
ACTS = frozenset({"place", "set_protection", "set_leverage"})
WRITES = frozenset({"intend", "settle", "save"})
SETS = frozenset({("broker", "set_protection"), ("broker", "set_leverage")})
MATCHED_AFTER = (35_000, 85_000)
"""Milliseconds; both longer than an entry is looked for, the second beyond the next run too."""
TABLE_PATIENCE = 2.0
"""Seconds that a call to the table may take."""
AT_METHOD = {
    "answer_lost_after": ("broker", "place"),
    "answer_lost_before": ("broker", "place"),
    "rate_limited": ("broker", "place"),
    "clock_refused": ("broker", "place"),
    "crash_at_send": ("broker", "place"),
    "late_match": ("broker", "place"),
    "stop_answer_lost_after": ("broker", "set_protection"),
    "stop_answer_lost_before": ("broker", "set_protection"),
}
"""Troubles that wait for a certain call; the others strike at the call they are numbered with."""
ONLY_EXCHANGE = frozenset({"read_fails", "forbidden", "stale_lists", "deep_lag"})
ONE_CALL = frozenset({"read_fails", "store_fails_before", "store_fails_after", "slow_answer"})
"""Troubles that leave everything but their own call as it was."""
ENDURING = frozenset({"only_care", "outage", "slow_endpoint", "throttled"})
"""Troubles that last for some ticks."""
CALLS = tuple(
    (port, name)
    for port, names in {
        "market": "time snapshot order_book instruments",
        "broker": "account open_orders positions fills find_order access place set_protection"
        " set_leverage",
        "journal": "live_trades orders trade trades_since intend settle save",
        "halts": "current halt looked_at resumed",
        "leases": "acquire release",
        "locks": "current save",
        "signals": "since since",
    }.items()
    for name in names.split()
)
"""What can fail or be slow for a while."""
ONLY_STORES = frozenset({"store_fails_before", "store_fails_after"})


class Killed(BaseException):
    """The invocation is gone: nothing catches it, and every later call of it dies too."""


@dataclass(slots=True)
class Weather:
    """The calls of all runs of a world. The last of `runs` is the one that calls now."""

    exchange: CampaignExchange
    promise: Promise
    invoke: Callable[[str], None]
    """Starts another invocation, of this name, in the middle of a call."""
    patience: float = 4.0
    """Seconds that a request to the exchange may take."""
    runs: list[Run] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    lasting: dict[tuple[str, str], tuple[Trouble, int]] = field(default_factory=dict)
    """Calls that fail or are slow, by what, and until when."""

    def begin(self, trouble: Trouble) -> None:
        """Begin a trouble that lasts for some ticks."""
        self.struck[trouble.kind] += 1
        until = self.exchange.now + round((0.5 + 4 * (trouble.size * 7 % 1)) * MINUTE)
        call = CALLS[int(trouble.size * len(CALLS))]
        calls = {
            "throttled": [("journal", name) for name in WRITES],
            "only_care": [one for one in CALLS if one not in EXIT_NEEDS],
        }
        for one in calls.get(trouble.kind, [call]):
            self.lasting[one] = trouble, until

    def calm(self) -> None:
        """End every trouble that lasts."""
        self.lasting.clear()

    def wrap(self, name: str, port: PortType) -> PortType:
        """Return a port whose every call passes through the weather."""
        return cast(PortType, _Port(self, name, port))

    def call(
        self, port: str, method: str, done: Callable[[], object], args: Arguments, named: Named
    ) -> object:
        """Make one call of the present run, or let go wrong what is due."""
        run = self.runs[-1]
        run.calls += 1
        run.asked = self.exchange.now
        self._live(run)
        if port in EXCHANGE:
            if run.forbidden:
                raise ExchangeForbidden("403: no further call is made in this run")
            self.exchange.advance(LATENCY)
        if (port, method) in SETS:
            self.promise.fence(run, f"a {method}")

        def watched() -> object:
            answer = done()
            self._tell(run, port, method, (*args, *named.values()), answer)
            return answer

        lasting, until = self.lasting.get((port, method), (None, 0))
        if lasting is not None and self.exchange.now < until:
            self.promise.disturb(f"{lasting.kind} of {port}.{method}", (port, method))
            slow = lasting.kind == "slow_endpoint"
            return self._endure(run, _seconds(lasting) if slow else 0, port, method, watched)
        trouble = self._due(run, port, method)
        if trouble is None:
            return watched()
        self.struck[trouble.kind] += 1
        call = (port, method) if trouble.kind in ONE_CALL else None
        self.promise.disturb(f"{trouble.kind} at {port}.{method}", call)
        if trouble.kind == "slow_answer":
            return self._endure(run, _seconds(trouble), port, method, watched)
        return self._strike(run, trouble, method, watched)

    def _endure(
        self, run: Run, seconds: float, port: str, method: str, done: Callable[[], object]
    ) -> object:
        """Let a call fail, or be slow: one that is too slow fails as well."""
        patience = self.patience if port in EXCHANGE else TABLE_PATIENCE
        answer = done() if seconds else None
        self.exchange.advance(round(min(seconds, patience) * 1000))
        self._live(run)
        if 0 < seconds < patience:
            return answer
        if port not in EXCHANGE:
            raise StoreUnavailable("the table did not answer")
        if method in ACTS:
            raise OutcomeUnknown("no answer")
        raise ExchangeUnavailable("no answer")

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
        """Tell the promise what a call did, and remember what the run was shown."""
        if isinstance(answer, Lease):
            run.token = answer.token
            self.promise.lease_taken(answer.token)
        elif isinstance(answer, OrderBook):
            run.books[answer.symbol] = answer
        elif isinstance(answer, MarketSnapshot):
            self._show(run, answer)
        elif port == "journal" and method in WRITES:
            if (
                isinstance(args[0], Trade)
                and isinstance(args[1], OrderRecord)
                and method == "intend"
            ):
                self.promise.intended(run, args[0], args[1])
            self.promise.fence(run, f"journal.{method}")
        elif (port, method) == ("broker", "place") and isinstance(args[0], OrderRequest):
            self.promise.placed(run, args[0])
        elif (port, method) == ("broker", "set_protection") and isinstance(args[1], Decimal):
            self.promise.stop_set(str(args[0]), args[1])

    @staticmethod
    def _show(run: Run, snapshot: MarketSnapshot) -> None:
        run.market_seen = snapshot.time
        terms = zip(snapshot.funding_rate.tolist(), snapshot.next_funding.tolist(), strict=True)
        run.funding.update(zip(snapshot.symbols, terms, strict=True))

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
        if kind in ("zombie", "twin", "overlap"):
            return self._beside(run, kind, trouble, done)
        if kind == "slow":
            answer = done()
            self.exchange.advance(round(2_000 + 10_000 * trouble.size))
            self._live(run)
            return answer
        if kind in ("stale_lists", "deep_lag"):
            behind, lasts = round(2_000 + 70_000 * trouble.size), round(90_000 * trouble.size)
            self.exchange.lag(behind, lasts, deep=kind == "deep_lag")
            return done()
        if kind == "late_match":
            self.exchange.match_after = MATCHED_AFTER[trouble.size < HALF]
            answer = done()
            self.exchange.match_after = 0
            return answer
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

        A zombie stands still until its lease has run out, and then goes on as if nothing was. So
        does a twin, and the other is the same event, delivered twice: it has the same owner.
        """
        if kind != "overlap":
            run.undead = True
            self.exchange.advance(round(31_000 + 20_000 * trouble.size))
        self.invoke(run.name if kind == "twin" else f"beside-{run.name}")
        return done()


def _seconds(trouble: Trouble) -> float:
    """Return how slow an answer is: 1 to 9 seconds."""
    return 1 + 8 * (trouble.size * 11 % 1)


class _Port:
    """Reaches a port's methods through the weather."""

    def __init__(self, weather: Weather, name: str, port: object) -> None:
        self._weather, self._name, self._port = weather, name, port

    def __getattr__(self, method: str) -> Callable[..., object]:
        weather, name, call = self._weather, self._name, getattr(self._port, method)

        def through(*args: object, **named: object) -> object:
            return weather.call(name, method, partial(call, *args, **named), args, named)

        self.__dict__[method] = through
        return through
