"""The one way to Bybit: pybit without its retries, rate limits, errors that say what to do.

pybit's session object prints the API secret in its `repr`, sleeps without bound on a rate limit,
and adds a log handler for every object. Nothing outside this package therefore touches it,
and no exception that leaves this module carries one of its frames.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from urllib.parse import quote, urlsplit

from pybit.exceptions import FailedRequestError

from pumpwatch.adapters.deadlines import NoDeadline
from pumpwatch.credentials import ExchangeKey
from pumpwatch.errors import BadCredentials, DeadlineNear, ExchangeForbidden, RetryLater
from pumpwatch.ports import Clock, Deadline

from .answers import Answer, Envelope, Failed, read_envelope, redactor, require_text
from .bounded import BoundedAdapter
from .client import UNREADABLE_STATUS, quiet_client
from .endpoints import TIME, Endpoint
from .exchange_time import ExchangeTime
from .limiter import AddressBudget, Budgets
from .refusals import (
    ADDRESS_BANNED,
    BENIGN,
    CLOCKS_APART,
    http_failure,
    is_trouble,
    no_answer,
    refusal,
    retry_pause,
)
from .traffic import RollingHealth, Traffic

LONGEST_REASON = 200
LEAST_LEAD = 500
"""Milliseconds by which a clock must be out before requests are signed by another one."""
RESERVE_SECONDS, LEAST_SECONDS = 0.1, 0.05
"""Time of the run that a request leaves for what follows it, and the least that it gets."""


class BybitSession(Clock):
    """Requests to one Bybit host. Safe to use from several threads; one POST is sent at most once.

    `start_run` begins an invocation: it sets the deadline that every request honours, and lifts the
    refusal to call that an HTTP 403 leaves behind. A request takes `timeout_seconds` at most, from
    connecting to the last byte, and never more than the run has left. `request_count` counts all
    that were sent, `traffic` what came of them, `health` those of the last ten minutes. `budget` is
    shared with other processes. Raises `BadCredentials` for a key that nothing can be signed with.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: ExchangeKey | None = None,
        timeout_seconds: float = 4.0,
        requests_per_second: float = 90,
        budget: AddressBudget | None = None,
        threads: int = 8,
        wait: Callable[[float], None] = time.sleep,
        traffic: Traffic | None = None,
        exchange_time: ExchangeTime | None = None,
    ) -> None:
        self._base_url = base_url
        self._timeout = timeout_seconds
        self._wait = wait
        self._shared = budget
        self._budgets = Budgets(requests_per_second, shared=budget, wait=wait)
        self._deadline: Deadline = NoDeadline()
        self._forbidden: str | None = None
        self._time = exchange_time or ExchangeTime()
        self._numbers = count()
        self._warm = self._fresh = self._asked = False
        self.clock_skew_seconds: float | None = None
        """Our clock less the exchange's at its last answer, None before the first."""
        self._lock = threading.Lock()
        self._signed = key is not None
        self._redact = redactor(key)
        self.request_count = 0
        self.traffic = traffic or Traffic()
        self.health = RollingHealth()
        adapter = BoundedAdapter(self._seconds_for_a_request, threads=threads)
        self._http = quiet_client(base_url, key, adapter)

    def __repr__(self) -> str:
        return f"BybitSession({self._base_url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.client.close()

    def start_run(self, deadline: Deadline) -> None:
        """Begin an invocation: honour its deadline, lift a 403, ask for the time again.

        Connections may have died since the last one, so they count as cold.
        """
        self._deadline = deadline
        self._forbidden = None
        self._warm = self._fresh = self._asked = False

    @property
    def host(self) -> str:
        """Return the name of the host that everything goes to."""
        return urlsplit(self._base_url).hostname or ""

    @property
    def latest_time(self) -> int | None:
        """Return the latest time that is believed, None before a run's first answer."""
        return self._time.latest if self._fresh else None

    def time(self) -> int:
        """Ask for the exchange's time, milliseconds UTC; as much of it as is believed."""
        return self.call(TIME).time

    def now(self) -> int:
        """Return the latest believed time; a run without any answer asks for it, once.

        While the exchange tells no time it goes on by our own clocks.
        """
        if not self._fresh and not self._asked:
            self._asked = True
            with suppress(RetryLater):
                self.time()
        return self.latest_time or self._time.now()

    def earliest(self) -> int:
        """Return the earliest time that it may be, milliseconds UTC."""
        return min(self.now(), self._time.earliest())

    def doubt(self) -> str:
        """Return why the time is not sure, as a sentence; empty when it is."""
        return self._time.doubt()

    def call(self, endpoint: Endpoint, **parameters: object) -> Answer:
        """Send one request and return its answer, as `request` does."""
        return self.request(endpoint, parameters)

    def request(
        self, endpoint: Endpoint, parameters: Mapping[str, object], *, send_by: int | None = None
    ) -> Answer:
        """Send one request and return its answer; a question may be asked a second time.

        Numbers must come as text. A POST that would be a run's first request is preceded by a
        question for the time, so that it is not what finds a dead connection; whether that is
        answered does not matter. `send_by` (milliseconds UTC) is the exchange's time from which on
        the request is not sent any more. Raises what `refusals` says, `InvariantBroken` for a
        number that is no text, and `DeadlineNear`.
        """
        require_text(endpoint, parameters)
        self._require_permission(endpoint)
        if endpoint.acts and not self._warm:
            self._attempt(TIME, {}, None, next(self._numbers))
        number = next(self._numbers)
        first = self._attempt(endpoint, parameters, send_by, number)
        if isinstance(first, Answer):
            return first
        pause = None
        if not endpoint.acts:
            pause = 0.0 if first.repaired else retry_pause(first.error, first.headers, time.time())
        if pause is None or self._deadline.seconds_left() < pause + self._timeout:
            raise first.error
        self._wait(pause)
        second = self._attempt(endpoint, parameters, send_by, number)
        if isinstance(second, Answer):
            return second
        raise second.error

    def _require_permission(self, endpoint: Endpoint) -> None:
        if self._forbidden is not None:
            raise ExchangeForbidden(f"{endpoint.path} was not called: {self._forbidden}")
        if endpoint.private and not self._signed:
            raise BadCredentials(f"{endpoint.path} needs a key, and none was given")

    def _attempt(
        self, endpoint: Endpoint, parameters: Mapping[str, object], send_by: int | None, number: int
    ) -> Answer | Failed:
        self._require_permission(endpoint)
        self._budgets.take(endpoint, self._deadline)
        now = self._time.now()
        if send_by is not None and now >= send_by:
            raise DeadlineNear(f"{endpoint.path}: too late to be sent by {now - send_by} ms")
        outcome = self._send(endpoint, _prepared(endpoint, parameters), number)
        dated = self._time.now() if self._time.latest is not None else None
        self.health.note(dated, failed=isinstance(outcome, Failed) and outcome.trouble)
        if isinstance(outcome, Failed) and isinstance(outcome.error, ExchangeForbidden):
            self._forbidden = str(outcome.error)
            if outcome.banned and self._shared is not None:
                self._shared.note_ban()
        return outcome

    def _send(
        self, endpoint: Endpoint, parameters: dict[str, object], number: int
    ) -> Answer | Failed:
        """Send once. Errors are returned, not raised: no frame of pybit is in their trace."""
        status, headers, body, problem = UNREADABLE_STATUS, {}, None, ""
        started = time.perf_counter()
        try:
            body, headers = getattr(self._http, endpoint.method)(**parameters)
        except FailedRequestError as error:
            status, headers = int(error.status_code), error.resp_headers or {}
        except Exception as error:  # whatever it was: a POST may have arrived
            problem = f"{endpoint.path}: {type(error).__name__}"
        seconds = time.perf_counter() - started
        if problem:
            self._count(endpoint, -1, seconds)
            return Failed(no_answer(endpoint, problem), headers)
        self._warm = True
        if body is None:
            code = -1 if status == UNREADABLE_STATUS else status
            self._count(endpoint, code, seconds)
            if status == UNREADABLE_STATUS:
                text = f"{endpoint.path}: the answer is not JSON"
                return Failed(no_answer(endpoint, text), headers)
            failure, banned = http_failure(endpoint, status), status in ADDRESS_BANNED
            return Failed(failure, headers, is_trouble(status), banned=banned)
        envelope = read_envelope(body)
        self._count(endpoint, -1 if envelope.code is None else envelope.code, seconds)
        return self._judge(endpoint, envelope, headers, number)

    def _judge(
        self, endpoint: Endpoint, envelope: Envelope, headers: Mapping[str, str], number: int
    ) -> Answer | Failed:
        code, stamp = envelope.code, envelope.stamp
        moment = self._time.latest or 0
        if stamp is not None:
            moment = self._note_time(stamp, number)
        if code is None or (code == 0 and stamp is None and not endpoint.acts):
            text = f"{endpoint.path}: the answer has no retCode or no time"
            return Failed(no_answer(endpoint, text), headers)
        if code != 0 and BENIGN.get(endpoint) != code:
            reason = self._redact(envelope.message)[:LONGEST_REASON]
            repaired = code == CLOCKS_APART and self._sign_by(stamp)
            error, banned = refusal(endpoint, code, reason), code in ADDRESS_BANNED
            return Failed(error, headers, is_trouble(code), repaired, banned)
        return Answer(envelope.result, moment)

    def _sign_by(self, stamp: int | None) -> bool:
        """Sign from now on by the clock that refused a request; return whether that is news."""
        lead = self._time.lead(stamp) if stamp is not None else 0
        news = abs(lead - self._http.lead) >= LEAST_LEAD
        if news:
            self._http.lead = lead
        return news

    def _count(self, endpoint: Endpoint, code: int, seconds: float) -> None:
        with self._lock:
            self.request_count += 1
        self.traffic.note(endpoint.path, code, seconds)

    def _note_time(self, stamp: int, number: int) -> int:
        believed, self._fresh = self._time.note(stamp, number), True
        self.clock_skew_seconds = time.time() - believed / 1000
        return believed

    def _seconds_for_a_request(self) -> float:
        left = self._deadline.seconds_left() - RESERVE_SECONDS
        return max(LEAST_SECONDS, min(self._timeout, left))


def _prepared(endpoint: Endpoint, parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters as pybit must get them.

    pybit signs a query it does not encode, so what is not ASCII is encoded before; cursors come
    encoded and go back as they are.
    """
    if endpoint.acts:
        return dict(parameters)
    return {name: quote(str(value), safe="%:,") for name, value in parameters.items()}
