"""The simulated exchange: a request in, an answer out, without a network."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from pumpwatch_workbench.simulator.endpoints.auth import (
    KEY_HEADER,
    Credentials,
    Unauthorized,
    authenticate,
)
from pumpwatch_workbench.simulator.endpoints.rate_limits import RateLimits, UserLimit
from pumpwatch_workbench.simulator.endpoints.routes import ROUTES, Route
from pumpwatch_workbench.simulator.endpoints.state import ExchangeState
from pumpwatch_workbench.simulator.endpoints.wire.messages import (
    EndpointAnswer,
    Request,
    Response,
    answer_headers,
    body_parameters,
    envelope,
    query_parameters,
)
from pumpwatch_workbench.simulator.engine.refusals import (
    NOT_IN_DEMO,
    PERMISSION,
    TOO_MANY_VISITS,
    Refused,
)
from pumpwatch_workbench.simulator.engine.settings import FORBIDDEN_TEXT, ExchangeSettings
from pumpwatch_workbench.simulator.market.clock import MarketClock, wall_milliseconds
from pumpwatch_workbench.simulator.market.source import Market
from pumpwatch_workbench.simulator.troubles.faults.answers import answer_without_acting, spoiled
from pumpwatch_workbench.simulator.troubles.faults.conditions import Conditions
from pumpwatch_workbench.simulator.troubles.faults.plan import Call, Fault, FaultPlan, NoFaults
from pumpwatch_workbench.simulator.troubles.incidents.schedule import IncidentSchedule

FORBIDDEN_PAGE = (
    b"<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY>"
    b"<H1>403 ERROR</H1>Bad request.</BODY></HTML>"
)
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class _Received:
    method: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str]

    def parameters(self) -> Mapping[str, object]:
        """Return the parameters. Raises `Refused` for a body that is not JSON."""
        return query_parameters(self.query) if self.method == "GET" else body_parameters(self.body)


class Exchange(ExchangeState):
    """Serve the requests of several threads, one call at a time.

    Two clocks: `clock` is the market's (prices, order times, the envelope's time), `wall` the
    exchange's own (signatures, rate limits). With a stepped clock each request costs its latency
    in market time, half before and half after it is served. `faults` may be replaced at any time,
    `clock_skew_ms` puts the exchange's clock ahead of its wall, and `injected` counts what went
    wrong by name.
    """

    def __init__(
        self,
        market: Market,
        clock: MarketClock,
        credentials: Credentials,
        settings: ExchangeSettings | None = None,
        *,
        faults: FaultPlan | None = None,
        wall: Callable[[], int] = wall_milliseconds,
    ) -> None:
        super().__init__(market, credentials, settings or ExchangeSettings(), clock.now())
        self.clock = clock
        self.faults: FaultPlan = faults or NoFaults()
        self.injected: Counter[str] = Counter()
        self.conditions = Conditions()
        self.clock_skew_ms = 0
        self.incidents: IncidentSchedule | None = None
        self.happened: Counter[str] = Counter()
        self.wall = wall
        self.limits = RateLimits(self.settings)
        self.requests: Counter[str] = Counter()
        self._number = 0
        self._call_skew_ms = 0
        self.lock = threading.RLock()

    def handle(
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        address: str = LOOPBACK,
    ) -> Response:
        """Answer one request; `query` and `body` exactly as they were sent (they are signed)."""
        with self.lock:
            latency = self.settings.latency_ms if self.clock.stepped else 0
            if latency:
                self.clock.advance_by(latency // 2)
            call = _Received(method, path, query, body, headers or {})
            response = self._serve(call, address)
            if self.clock.stepped and (rest := latency - latency // 2 + response.delay_ms):
                self.clock.advance_by(rest)
            return response

    def ask(
        self, method: str, path: str, parameters: Mapping[str, object]
    ) -> tuple[int, EndpointAnswer]:
        """Return when and what a call made in this process is answered. Raises `Refused`.

        It needs no signature, takes no time and meets no faults, but lists lag for it as well.
        """
        with self.lock:
            self._number += 1
            self.requests[path] += 1
            now = self._reached(path)
            request = Request(method, path, parameters, now, next(iter(self.credentials)))
            return now, self._result(ROUTES[method, path], request)

    def catch_up(self) -> int:
        """Let everything happen up to the present market time, and return it."""
        with self.lock:
            now = self.clock.now()
            self._advance(now)
            return now

    def _advance(self, time: int) -> None:
        if self.conditions.lagging or not isinstance(self.faults, NoFaults):
            self.conditions.note(self.engine.ledger)
        if self.incidents is not None:
            self.incidents.advance(self.engine, time, self.happened)
        self.engine.advance(time)

    def _serve(self, call: _Received, address: str) -> Response:
        self._number += 1
        self.requests[call.path] += 1
        if not self.limits.address_allowed(address, self._limit_time()):
            return Response(403, FORBIDDEN_TEXT.encode(), {"Content-Type": "text/plain"})
        if call.method == "GET" and call.body:
            return Response(403, FORBIDDEN_PAGE, {"Content-Type": "text/html"})
        route = ROUTES.get((call.method, call.path))
        if route is None:
            return Response(404, b"404 page not found", {"Content-Type": "text/plain"})
        return self._meet_faults(route, call)

    def _meet_faults(self, route: Route, received: _Received) -> Response:
        number, now = self._number, self.clock.now()
        call = Call(received.method, received.path, self.requests[received.path], now)
        early = self._counted(self.faults.before(call))
        self._call_skew_ms = 0
        if early is not None and early.is_condition:
            self._call_skew_ms = early.clock_skew_ms
            self.conditions.begin(early, call, number, self.engine.ledger)
        now = self._reached(received.path)
        if early is not None and not early.is_condition:
            return answer_without_acting(early, now=now, wall=self._wall_time(), number=number)
        response = self._answer(route, received, now)
        late = self._counted(self.faults.after(call))
        if late is None:
            return response
        if late.action == "duplicate_delivery":
            response = self._answer(route, received, now)
        return spoiled(response, late, now=now, wall=self._wall_time(), number=number)

    def _reached(self, path: str) -> int:
        """Let everything happen up to now; what a list that lags will show is noted in passing."""
        now = self.clock.now()
        if lag := self.conditions.lag_ms(path, self._number, now):
            self._advance(now - lag)
        return self.catch_up()

    def _counted(self, fault: Fault | None) -> Fault | None:
        if fault is not None:
            self.injected[fault.label] += 1
        return fault

    def _answer(self, route: Route, call: _Received, now: int) -> Response:
        limit: UserLimit | None = None
        caller: Credentials | None = None
        try:
            if route.private:
                caller = self._caller(call)
                limit = self._user_limit(route, call, caller)
                if self.settings.demo and not route.in_demo:
                    raise Refused(NOT_IN_DEMO, "Demo trading are not supported.")
            key = caller.api_key if caller else ""
            request = Request(call.method, call.path, call.parameters(), now, key)
            answer = self._result(route, request)
            code, text, result = 0, answer.text, answer.json()
            ext = orjson.dumps(answer.ext or {})
        except Unauthorized:
            return Response(401, b"", {"Content-Type": "text/plain"})
        except Refused as refusal:
            if isinstance(refusal, _TooManyVisits):
                limit = refusal.limit
            code, text, result = refusal.code, refusal.text, orjson.dumps(refusal.result)
            ext = b"{}"
        payload = envelope(code, text, result, now, ext)
        shown = answer_headers(code, now, self._number, len(payload))
        if limit is not None:
            shown |= self._limit_headers(limit)
        return Response(200, payload, shown)

    def _result(self, route: Route, request: Request) -> EndpointAnswer:
        number, conditions = self._number, self.conditions
        hidden = conditions.answer_about_hidden(self.engine.ledger, request, number)
        if hidden is not None:
            return hidden
        return route.handler(conditions.seen(self, request.path, number, request.now), request)

    def _caller(self, call: _Received) -> Credentials:
        small = {name.lower(): value for name, value in call.headers.items()}
        if KEY_HEADER not in small:
            raise Unauthorized
        payload = call.query.encode() if call.method == "GET" else call.body
        return authenticate(self.credentials, small, payload, self._wall_time())

    def _user_limit(self, route: Route, call: _Received, caller: Credentials) -> UserLimit:
        if call.method == "POST" and self.settings.key_read_only:
            raise Refused(PERMISSION, "Invalid API-key, IP, or permissions for action.")
        now = self._limit_time()
        limit = self.limits.user_call(str(caller.user_id), call.path, route.per_second, now)
        if not limit.allowed:
            raise _TooManyVisits(limit)
        return limit

    def _limit_headers(self, limit: UserLimit) -> dict[str, str]:
        return {
            "X-Bapi-Limit": str(limit.limit),
            "X-Bapi-Limit-Status": str(limit.remaining),
            "X-Bapi-Limit-Reset-Timestamp": str(self._wall_time() + limit.wait_ms),
        }

    def _wall_time(self) -> int:
        return self.wall() + self.clock_skew_ms + self._call_skew_ms

    def _limit_time(self) -> int:
        return self.clock.now() if self.clock.stepped else self.wall()


class _TooManyVisits(Refused):
    """The user's limit of an endpoint is exceeded; carries the limit for the headers."""

    def __init__(self, limit: UserLimit) -> None:
        super().__init__(TOO_MANY_VISITS, "Too many visits. Exceeded the API Rate Limit.")
        self.limit = limit
