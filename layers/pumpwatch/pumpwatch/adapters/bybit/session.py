"""The one way to Bybit: pybit without its retries, rate limits, errors that say what to do.

pybit's session object prints the API secret in its `repr`, sleeps without bound on a rate limit,
and adds a log handler for every object. It is therefore shut in here: nothing outside touches it,
and no exception that leaves this module carries one of its frames.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from urllib.parse import quote

from pybit.exceptions import FailedRequestError

from pumpwatch.adapters.clock import NoDeadline
from pumpwatch.errors import BadCredentials, DeadlineNear, ExchangeForbidden
from pumpwatch.ports import Deadline, ExchangeKey

from .answers import Answer, Envelope, Failed, blotter, read_envelope, require_text
from .bounded import BoundedAdapter
from .client import quiet_client
from .endpoints import TIME, Endpoint
from .health import RollingHealth
from .limiter import Budgets
from .refusals import BENIGN, http_failure, is_trouble, no_answer, refusal, retry_pause
from .traffic import Traffic

__all__ = ["Answer", "BybitSession"]

UNREADABLE_STATUS = 409
"""What pybit reports for a body that is not JSON."""
LONGEST_REASON = 200
RESERVE_SECONDS, LEAST_SECONDS = 0.1, 0.05
"""What a request leaves of the run's time for what follows it, and the least it is given."""


class BybitSession:
    """Requests to one Bybit host. Safe to use from several threads; one POST is sent at most once.

    `start_run` begins an invocation: it sets the deadline that every request honours, and lifts the
    refusal to call that an HTTP 403 leaves behind. A request takes `timeout_seconds` at most, from
    connecting to the last byte, and never more than the run has left. `requests` counts by
    (path, code), code 0 for a success and -1 where no answer could be read; `health` counts the
    last ten minutes. Raises `BadCredentials` for a key that nothing can be signed with.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: ExchangeKey | None = None,
        timeout_seconds: float = 4.0,
        requests_per_second: float = 90,
        threads: int = 8,
        wait: Callable[[float], None] = time.sleep,
        traffic: Traffic | None = None,
    ) -> None:
        self._base_url = base_url
        self._timeout = timeout_seconds
        self._wait = wait
        self._budgets = Budgets(requests_per_second, wait=wait)
        self._deadline: Deadline = NoDeadline()
        self._forbidden: str | None = None
        self._latest, self._seen = 0, (0.0, 0.0)
        self._fresh = False
        self._skew: float | None = None
        self._lock = threading.Lock()
        self._signed = key is not None
        self._blot = blotter(key)
        self.requests: Counter[tuple[str, int]] = Counter()
        self._traffic = traffic or Traffic()
        self.health = RollingHealth()
        adapter = BoundedAdapter(self._seconds_for_a_request, threads=threads)
        self._http = quiet_client(base_url, key, adapter)

    def __repr__(self) -> str:
        return f"BybitSession({self._base_url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.client.close()

    def start_run(self, deadline: Deadline) -> None:
        """Begin an invocation: honour its deadline, lift a 403, ask for the time anew.

        Connections may have died since the last one, so they count as cold.
        """
        self._deadline = deadline
        self._forbidden = None
        self._fresh = False

    @property
    def request_count(self) -> int:
        """Return how many requests were sent since the session was made."""
        with self._lock:
            return sum(self.requests.values())

    @property
    def latest_time(self) -> int | None:
        """Return the latest time the exchange has stamped, None before a run's first answer."""
        return self._latest if self._fresh else None

    @property
    def clock_skew_seconds(self) -> float | None:
        """Return our clock less the exchange's at its last answer, None before the first."""
        return self._skew

    def time(self) -> int:
        """Ask for the exchange's time, milliseconds UTC."""
        return self.call(TIME).time

    def call(self, endpoint: Endpoint, **parameters: object) -> Answer:
        """Send one request and return its answer, as `request` does."""
        return self.request(endpoint, parameters)

    def request(
        self, endpoint: Endpoint, parameters: Mapping[str, object], *, send_by: int | None = None
    ) -> Answer:
        """Send one request and return its answer; a question may be asked a second time.

        Numbers must come as text. The first POST of a run is preceded by a question for the time,
        so that it never is what finds a dead connection. `send_by` (milliseconds UTC) is the
        exchange's time from which on the request is not sent any more. Raises what `refusals` says,
        `InvariantBroken` for a number that is no text, and `DeadlineNear`.
        """
        require_text(endpoint, parameters)
        self._require_permission(endpoint)
        if endpoint.acts and not self._fresh:
            self.call(TIME)
        first = self._attempt(endpoint, parameters, send_by)
        if isinstance(first, Answer):
            return first
        pause = None
        if not endpoint.acts:
            pause = retry_pause(first.error, first.headers, time.time())
        if pause is None or self._deadline.seconds_left() < pause + self._timeout:
            raise first.error
        self._wait(pause)
        second = self._attempt(endpoint, parameters, send_by)
        if isinstance(second, Answer):
            return second
        raise second.error

    def _require_permission(self, endpoint: Endpoint) -> None:
        if self._forbidden is not None:
            raise ExchangeForbidden(f"{endpoint.path} was not called: {self._forbidden}")
        if endpoint.private and not self._signed:
            raise BadCredentials(f"{endpoint.path} needs a key, and none was given")

    def _attempt(
        self, endpoint: Endpoint, parameters: Mapping[str, object], send_by: int | None
    ) -> Answer | Failed:
        self._require_permission(endpoint)
        self._budgets.take(endpoint, self._deadline)
        now = self._exchange_time()
        if send_by is not None and now is not None and now >= send_by:
            raise DeadlineNear(f"{endpoint.path}: too late to be sent by {now - send_by} ms")
        outcome = self._send(endpoint, _prepared(endpoint, parameters))
        self.health.note(
            self._exchange_time(), failed=isinstance(outcome, Failed) and outcome.trouble
        )
        if isinstance(outcome, Failed) and isinstance(outcome.error, ExchangeForbidden):
            self._forbidden = str(outcome.error)
        return outcome

    def _send(self, endpoint: Endpoint, parameters: dict[str, object]) -> Answer | Failed:
        """Send once. Errors are returned, not raised: no frame of pybit is in their trace."""
        status, headers, body, problem = UNREADABLE_STATUS, {}, None, ""
        started = time.perf_counter()
        try:
            body, _, headers = getattr(self._http, endpoint.method)(**parameters)
        except FailedRequestError as error:
            status, headers = int(error.status_code), error.resp_headers or {}
        except Exception as error:  # whatever it was: a POST may have arrived
            problem = f"{endpoint.path}: {type(error).__name__}"
        seconds = time.perf_counter() - started
        if problem:
            self._count(endpoint, -1, seconds)
            return Failed(no_answer(endpoint, problem), headers)
        if body is None:
            code = -1 if status == UNREADABLE_STATUS else status
            self._count(endpoint, code, seconds)
            if status == UNREADABLE_STATUS:
                text = f"{endpoint.path}: the answer is not JSON"
                return Failed(no_answer(endpoint, text), headers)
            return Failed(http_failure(endpoint, status), headers, trouble=is_trouble(status))
        envelope = read_envelope(body)
        self._count(endpoint, -1 if envelope.code is None else envelope.code, seconds)
        return self._judge(endpoint, envelope, headers)

    def _judge(
        self, endpoint: Endpoint, envelope: Envelope, headers: Mapping[str, str]
    ) -> Answer | Failed:
        code, stamp = envelope.code, envelope.stamp
        if stamp is not None:
            self._note_time(stamp)
        if code is None or (code == 0 and stamp is None and not endpoint.acts):
            text = f"{endpoint.path}: the answer has no retCode or no time"
            return Failed(no_answer(endpoint, text), headers)
        if code != 0 and code not in BENIGN:
            reason = self._blot(envelope.message)[:LONGEST_REASON]
            return Failed(refusal(endpoint, code, reason), headers, trouble=is_trouble(code))
        return Answer(envelope.result, stamp or self._latest)

    def _count(self, endpoint: Endpoint, code: int, seconds: float) -> None:
        with self._lock:
            self.requests[endpoint.path, code] += 1
        self._traffic.note(endpoint.path, code, seconds)

    def _note_time(self, stamp: int) -> None:
        with self._lock:
            wall, self._fresh = time.time(), True
            self._skew = wall - stamp / 1000
            if stamp >= self._latest:
                self._latest, self._seen = stamp, (wall, time.monotonic())

    def _exchange_time(self) -> int | None:
        """Return what the exchange's clock shows by now, None before its first answer.

        A frozen process may have stopped its monotonic clock, and the wall clock can be set back:
        the one that moved further counts.
        """
        with self._lock:
            if not self._latest:
                return None
            wall, monotonic = self._seen
            passed = max(time.time() - wall, time.monotonic() - monotonic)
            return self._latest + int(passed * 1000)

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
