"""The one way to Bybit: pybit without its retries, a rate limiter, errors that say what to do.

pybit's session object prints the API secret in its `repr`, sleeps without bound on a rate limit,
and adds a log handler for every object. It is therefore shut in here: nothing outside touches it,
and no exception that leaves this module carries one of its frames.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from pybit.exceptions import FailedRequestError
from pybit.unified_trading import HTTP
from requests.adapters import HTTPAdapter

from pumpwatch.adapters.clock import NoDeadline
from pumpwatch.errors import (
    BadCredentials,
    ExchangeForbidden,
    ExchangeUnavailable,
    OutcomeUnknown,
    PumpwatchError,
)
from pumpwatch.ports import Deadline, ExchangeKey

from .endpoints import TIME, Endpoint
from .limiter import RateLimiter
from .refusals import BENIGN, http_failure, refusal, retry_pause

__all__ = ["Answer", "BybitSession"]

CONNECT_SECONDS = 3.0
UNREADABLE_STATUS = 409
"""What pybit reports for a body that is not JSON."""
LONGEST_REASON = 200
LATEST_TIME = 4_102_444_800_000
"""The year 2100: a stamp beyond it is nonsense, and would put the clock out for ever."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Bybit answered: `result` as it came, and when it stamped it (milliseconds UTC)."""

    result: object
    time: int


@dataclass(frozen=True, slots=True)
class _Failed:
    error: PumpwatchError
    headers: Mapping[str, str]


class _EveryCode(frozenset[int]):
    """Makes pybit hand over every answer as it is, so that codes are judged in one place: here."""

    def __contains__(self, code: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True


class _QuietHTTP(HTTP):  # type: ignore[misc]
    """pybit's session without the secret in its `repr`."""

    def __repr__(self) -> str:
        return "HTTP(...)"


class BybitSession:
    """Requests to one Bybit host. Safe to use from several threads; one POST is sent at most once.

    `start_run` begins an invocation: it sets the deadline that every request honours, and lifts the
    refusal to call that an HTTP 403 leaves behind. `requests` counts by (path, code), code 0 for a
    success and -1 where no answer could be read.
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
    ) -> None:
        self._base_url = base_url
        self._timeout = timeout_seconds
        self._wait = wait
        self._limiter = RateLimiter(requests_per_second, wait=wait)
        self._deadline: Deadline = NoDeadline()
        self._forbidden: str | None = None
        self._latest = 0
        self._fresh = False
        self._skew: float | None = None
        self._lock = threading.Lock()
        self._signed = key is not None
        self._hide = _hider(key)
        self.requests: Counter[tuple[str, int]] = Counter()
        self._http = _pybit(base_url, key, timeout_seconds, threads)

    def __repr__(self) -> str:
        return f"BybitSession({self._base_url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.client.close()

    def start_run(self, deadline: Deadline) -> None:
        """Begin an invocation: honour its deadline, lift a 403, ask for the time anew."""
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
        """Send one request and return its answer; a question may be asked a second time.

        Numbers must come as text. Raises what `refusals` says, and `DeadlineNear`.
        """
        first = self._attempt(endpoint, parameters)
        if isinstance(first, Answer):
            return first
        pause = None
        if not endpoint.acts:
            pause = retry_pause(first.error, first.headers, time.time())
        if pause is None or self._deadline.seconds_left() < pause + self._timeout:
            raise first.error
        self._wait(pause)
        second = self._attempt(endpoint, parameters)
        if isinstance(second, Answer):
            return second
        raise second.error

    def _attempt(self, endpoint: Endpoint, parameters: Mapping[str, object]) -> Answer | _Failed:
        if self._forbidden is not None:
            raise ExchangeForbidden(f"{endpoint.path} was not called: {self._forbidden}")
        if endpoint.private and not self._signed:
            raise BadCredentials(f"{endpoint.path} needs a key, and none was given")
        self._limiter.take(self._deadline)
        outcome = self._send(endpoint, _prepared(endpoint, parameters))
        if isinstance(outcome, _Failed) and isinstance(outcome.error, ExchangeForbidden):
            self._forbidden = str(outcome.error)
        return outcome

    def _send(self, endpoint: Endpoint, parameters: dict[str, object]) -> Answer | _Failed:
        """Send once. Errors are returned, not raised: no frame of pybit is in their trace."""
        status, headers, body, problem = UNREADABLE_STATUS, {}, None, ""
        try:
            body, _, headers = getattr(self._http, endpoint.method)(**parameters)
        except FailedRequestError as error:
            status, headers = int(error.status_code), error.resp_headers or {}
        except Exception as error:  # whatever it was: a POST may have arrived
            problem = f"{endpoint.path}: {type(error).__name__}"
        if problem:
            self._count(endpoint, -1)
            return _Failed(_no_answer(endpoint, problem), headers)
        if body is None:
            self._count(endpoint, -1 if status == UNREADABLE_STATUS else status)
            if status == UNREADABLE_STATUS:
                text = f"{endpoint.path}: the answer is not JSON"
                return _Failed(_no_answer(endpoint, text), headers)
            return _Failed(http_failure(endpoint, status), headers)
        return self._judge(endpoint, body, headers)

    def _judge(
        self, endpoint: Endpoint, body: object, headers: Mapping[str, str]
    ) -> Answer | _Failed:
        envelope = body if isinstance(body, dict) else {}
        code, stamped = _integer(envelope.get("retCode")), _integer(envelope.get("time"))
        self._count(endpoint, -1 if code is None else code)
        if stamped is not None and stamped < LATEST_TIME:
            with self._lock:
                self._latest, self._fresh = max(self._latest, stamped), True
                self._skew = time.time() - stamped / 1000
        if code is None or (code == 0 and stamped is None and not endpoint.acts):
            text = f"{endpoint.path}: the answer has no retCode or no time"
            return _Failed(_no_answer(endpoint, text), headers)
        if code != 0 and code not in BENIGN:
            reason = self._hide(str(envelope.get("retMsg", "")))[:LONGEST_REASON]
            return _Failed(refusal(endpoint, code, reason), headers)
        return Answer(envelope.get("result"), stamped or self._latest)

    def _count(self, endpoint: Endpoint, code: int) -> None:
        with self._lock:
            self.requests[endpoint.path, code] += 1


def _pybit(base_url: str, key: ExchangeKey | None, timeout: float, threads: int) -> _QuietHTTP:
    logger = logging.getLogger("pybit._http_manager")
    before = list(logger.handlers)
    http = _QuietHTTP(
        api_key=key.api_key if key else None,
        api_secret=key.api_secret if key else None,
        rsa_authentication=key.rsa if key else False,
        timeout=(min(CONNECT_SECONDS, timeout), timeout),
        max_retries=1,
        retry_codes={-1},
        ignore_codes=_EveryCode(),
        force_retry=False,
        log_requests=False,
        return_response_headers=True,
    )
    logger.handlers[:] = before
    logger.setLevel(logging.WARNING)
    http.endpoint = base_url
    http.client.trust_env = False
    http.client.max_redirects = 0
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=threads, max_retries=0)
    for scheme in ("http://", "https://"):
        http.client.mount(scheme, adapter)
    return http


def _prepared(endpoint: Endpoint, parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters as pybit must get them.

    pybit signs a query it does not encode, so what is not ASCII is encoded before; cursors come
    encoded and go back as they are.
    """
    if endpoint.acts:
        return dict(parameters)
    return {name: quote(str(value), safe="%:,") for name, value in parameters.items()}


def _no_answer(endpoint: Endpoint, text: str) -> PumpwatchError:
    if endpoint.acts:
        return OutcomeUnknown(f"{text}; the request may have been carried out")
    return ExchangeUnavailable(text)


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    return None


def _hider(key: ExchangeKey | None) -> Callable[[str], str]:
    """Return a function that blots the key out of the exchange's texts (code 10004 echoes it)."""
    secrets = [part for part in (key.api_key, key.api_secret) if part] if key else []

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    return hide
