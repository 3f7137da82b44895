"""Faults in the calls of an invocation: every port is reached through here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TypeVar, cast

from pumpwatch.domain.lease import Lease
from pumpwatch.domain.market.snapshot import MarketSnapshot, OrderBook
from pumpwatch.domain.moments import MINUTE
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
from .invariants import Invariants
from .plan import TIME_LIMIT, PlannedRun, Trouble
from .stores import Killed, WorldStores

PortType = TypeVar("PortType")
HALF = 0.5
LATENCY = 40
"""Milliseconds of market time that a request to the exchange takes."""
EXCHANGE = frozenset({"broker", "market"})
ACTS = frozenset({"place", "set_protection", "set_leverage"})
WRITES = frozenset({"intend", "settle", "save"})
SETS = frozenset({("broker", "set_protection"), ("broker", "set_leverage")})
MATCHED_AFTER = (35_000, 85_000)
"""Milliseconds; both longer than an entry is looked for, the second beyond the next run too."""
TABLE_TIMEOUT = 2.0
"""Seconds that a call to the table may take."""
AT_METHOD = {
    **dict.fromkeys(
        (
            *("answer_lost_after", "answer_lost_before", "rate_limited", "clock_refused"),
            *("crash_at_send", "late_match"),
        ),
        ("broker", "place"),
    ),
    "stop_answer_lost_after": ("broker", "set_protection"),
    "stop_answer_lost_before": ("broker", "set_protection"),
}
"""Troubles that wait for a certain call; the others strike at the call they are numbered with."""
ONLY_EXCHANGE = frozenset({"read_fails", "forbidden", "stale_lists", "deep_lag"})
ONLY_STORES = frozenset({"store_fails_before", "store_fails_after"})
ONE_CALL = frozenset({"read_fails", "slow_answer"}) | ONLY_STORES
"""Troubles that leave everything but their own call as it was."""
ENDURING = frozenset({"only_care", "outage", "slow_endpoint", "throttled"})
"""Troubles that last for some ticks."""
CALLS = tuple(
    (port, name)
    for port, names in {
        "market": "time snapshot order_book instruments",
        "broker": "account open_orders positions fills find_order access place set_protection"
        " leverage set_leverage",
        "journal": "live_trades orders trade trades_since intend settle save",
        "halts": "current halt looked_at resumed",
        "leases": "acquire release",
        "locks": "current save",
        "signals": "since since",
    }.items()
    for name in names.split()
)


@dataclass(slots=True)
class CallFaults:
    """The calls of all runs of a world. The last of `runs` is the run that calls now."""

    exchange: CampaignExchange
    invariants: Invariants
    invoke: Callable[[str], None]
    """Starts another invocation, of this name, in the middle of a call."""
    stores: WorldStores
    timeout: float = 4.0
    """Seconds that a request to the exchange may take."""
    runs: list[PlannedRun] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    lasting: dict[tuple[str, str], tuple[Trouble, int]] = field(default_factory=dict)
    """Calls that fail or are slow, by what, and until when."""

    def begin(self, trouble: Trouble) -> None:
        """Begin a trouble that lasts for some ticks."""
        self.struck[trouble.kind] += 1
        until = self.exchange.now + round((0.5 + 4 * (trouble.size * 7 % 1)) * MINUTE)
        calls = {
            "throttled": [("journal", name) for name in WRITES],
            "only_care": [call for call in CALLS if call not in EXIT_NEEDS],
        }
        for call in calls.get(trouble.kind, [CALLS[int(trouble.size * len(CALLS))]]):
            self.lasting[call] = trouble, until

    def wrap(self, name: str, port: PortType) -> PortType:
        """Return a port whose calls all go through `call`."""
        return cast(PortType, _Port(self, name, port))

    def call(self, port: str, method: str, done: Callable[[], object], *args: object) -> object:
        """Make a call of the present run, or let go wrong what is due."""
        run = self.runs[-1]
        run.calls += 1
        run.asked = self.exchange.now
        self._check_alive(run)
        if port in EXCHANGE:
            if run.forbidden:
                raise ExchangeForbidden("403: no further call is made in this run")
            self.exchange.advance(LATENCY)
        if (port, method) in SETS:
            self.invariants.fence(run, f"a {method}")

        def watched() -> object:
            answer = done()
            self._tell(run, port, method, args, answer)
            return answer

        lasting, until = self.lasting.get((port, method), (None, 0))
        if lasting is not None and self.exchange.now < until:
            self.invariants.disturb((port, method))
            seconds = _seconds(lasting) if lasting.kind == "slow_endpoint" else 0
            return self._endure(run, seconds, port, method, watched)
        trouble = self._due(run, port, method)
        if trouble is None:
            return watched()
        self.struck[trouble.kind] += 1
        self.invariants.disturb((port, method) if trouble.kind in ONE_CALL else None)
        if trouble.kind == "slow_answer":
            return self._endure(run, _seconds(trouble), port, method, watched)
        return self._strike(run, trouble, method, watched)

    def _endure(
        self, run: PlannedRun, seconds: float, port: str, method: str, done: Callable[[], object]
    ) -> object:
        """Let a call fail, or be slow: one that is too slow fails as well."""
        timeout = self.timeout if port in EXCHANGE else TABLE_TIMEOUT
        answer = done() if seconds else None
        self.exchange.advance(round(min(seconds, timeout) * 1000))
        self._check_alive(run)
        if 0 < seconds < timeout:
            return answer
        if port not in EXCHANGE:
            raise StoreUnavailable("the table did not answer")
        if method in ACTS:
            raise OutcomeUnknown("no answer")
        raise ExchangeUnavailable("no answer")

    def _check_alive(self, run: PlannedRun) -> None:
        late = self.exchange.now - run.started > TIME_LIMIT and not run.undead
        run.dead = run.dead or late
        if run.dead:
            raise Killed

    def _due(self, run: PlannedRun, port: str, method: str) -> Trouble | None:
        for trouble in run.troubles:
            wanted, where = AT_METHOD.get(trouble.kind), port in EXCHANGE
            if self._tears(trouble):
                wanted = ("journal", method if method in WRITES else "a write")
            fits = not where if trouble.kind in ONLY_STORES else True
            fits = where if trouble.kind in ONLY_EXCHANGE else fits
            due = fits and trouble.call < run.calls if wanted is None else wanted == (port, method)
            if due:
                run.troubles.remove(trouble)
                return trouble
        return None

    def _tell(
        self, run: PlannedRun, port: str, method: str, args: tuple[object, ...], answer: object
    ) -> None:
        """Tell the invariants what a call did, and remember what the run was shown."""
        match answer, args:
            case Lease(), _:
                run.token = answer.token
                self.invariants.lease_taken(answer.token)
            case OrderBook(), _:
                run.books[answer.symbol] = answer
            case MarketSnapshot(), _:
                run.market_seen = answer.time
                due = zip(answer.funding_rate.tolist(), answer.next_funding.tolist(), strict=True)
                run.funding.update(zip(answer.symbols, due, strict=True))
            case _, (Trade() as trade, *rest) if port == "journal" and method in WRITES:
                if method == "intend":
                    self.invariants.intended(run, trade, cast(OrderRecord, rest[0]))
                self.invariants.fence(run, f"journal.{method}")
            case _, (OrderRequest() as request,) if method == "place":
                self.invariants.placed(run, request)
            case _, (str() as symbol, Decimal() as stop, *_) if method == "set_protection":
                self.invariants.stop_set(symbol, stop)

    def _strike(
        self, run: PlannedRun, trouble: Trouble, method: str, done: Callable[[], object]
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
            return self._beside(run, trouble, done)
        if kind == "slow":
            answer = done()
            self.exchange.advance(round(2_000 + 10_000 * trouble.size))
            self._check_alive(run)
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

    def _tears(self, trouble: Trouble) -> bool:
        """Return whether it kills the run in the middle of what it writes into the journal."""
        return self.stores.on_file and trouble.kind == "crash_before" and trouble.size < HALF

    @staticmethod
    def _failure(
        run: PlannedRun, kind: str, method: str, done: Callable[[], object]
    ) -> PumpwatchError:
        if kind == "forbidden":
            run.forbidden = True
            return ExchangeForbidden("403: the address is banned")
        if kind == "store_fails_after":
            done()
        if kind in ONLY_STORES:
            return StoreUnavailable("the table did not answer")
        if kind == "read_fails" and method in ACTS:
            return OutcomeUnknown("no answer")
        codes = {"rate_limited": 10006, "clock_refused": 10002}
        return ExchangeUnavailable(f"{kind}: nothing was done", code=codes.get(kind))

    def _crashed(self, run: PlannedRun, trouble: Trouble, done: Callable[[], object]) -> Killed:
        at_send = trouble.kind == "crash_at_send" and trouble.size < HALF
        if torn := self._tears(trouble):
            self.stores.die_after(int(12 * trouble.size))
        if torn or at_send or trouble.kind == "crash_after":
            # Whatever the answer was, nobody is there to read it.
            with suppress(PumpwatchError, Killed):
                done()
        run.dead = True
        return Killed()

    def _beside(self, run: PlannedRun, trouble: Trouble, done: Callable[[], object]) -> object:
        """Let another invocation run in the middle of this call.

        A zombie stands still until its lease has run out, and then goes on as if nothing was. So
        does a twin, and the other is the same event, delivered twice: it has the same owner.
        """
        if trouble.kind != "overlap":
            run.undead = True
            self.exchange.advance(round(31_000 + 20_000 * trouble.size))
        self.invoke(run.name if trouble.kind == "twin" else f"beside-{run.name}")
        return done()


def _seconds(trouble: Trouble) -> float:
    return 1 + 8 * (trouble.size * 11 % 1)


class _Port:
    def __init__(self, faults: CallFaults, name: str, port: object) -> None:
        self._faults, self._name, self._port = faults, name, port

    def __getattr__(self, method: str) -> Callable[..., object]:
        faults, name, call = self._faults, self._name, getattr(self._port, method)

        def through(*args: object, **named: object) -> object:
            done = partial(call, *args, **named)
            return faults.call(name, method, done, *args, *named.values())

        self.__dict__[method] = through
        return through
