"""What each refusal of Bybit means for us. Codes as in its error list; its texts change."""

from __future__ import annotations

from collections.abc import Mapping

from pumpwatch.errors import (
    BadCredentials,
    DuplicateOrder,
    ExchangeForbidden,
    ExchangeUnavailable,
    OutcomeUnknown,
    PumpwatchError,
    Rejected,
)

from .endpoints import Endpoint

__all__ = ["BAD_PARAMETER", "BENIGN", "http_failure", "refusal", "retry_pause"]

BENIGN = frozenset({110043, 34040})
"""Leverage unchanged, stop and target unchanged: what was asked for holds."""

BAD_PARAMETER = 10001
BAD_KEY = frozenset({10003, 10004, 10005, 10010, 33004, -2015})
FORBIDDEN = frozenset({10008, 10009, 10018})
"""Banned, refused region, address over its limit: the same as HTTP 403."""
SLOW_DOWN = frozenset({10006, 429})
IN_DOUBT = frozenset({10000, 10014, 10016, 170007, 170146})
"""Server time-out, duplicate request, server error: the order may stand."""
DUPLICATE = frozenset({110072, 170141})

FORBIDDEN_STATUS, UNAUTHORISED_STATUS, TOO_MANY_STATUS = 403, 401, 429
NOT_FOUND_STATUS = 404
SERVER_ERRORS = range(500, 600)
RESET_HEADER = "X-Bapi-Limit-Reset-Timestamp"
SHORTEST_PAUSE, USUAL_PAUSE, LONGEST_PAUSE = 0.1, 1.0, 2.0


def refusal(endpoint: Endpoint, code: int, message: str) -> PumpwatchError:
    """Return the error for a `retCode` that is neither 0 nor benign."""
    text = f"{endpoint.path}: {message or 'no reason given'} (code {code})"
    if code in BAD_KEY:
        return BadCredentials(text)
    if code in FORBIDDEN:
        return ExchangeForbidden(text)
    if not endpoint.acts or code in SLOW_DOWN:
        return ExchangeUnavailable(text, code=code)
    if code in IN_DOUBT:
        return OutcomeUnknown(text)
    return (DuplicateOrder if code in DUPLICATE else Rejected)(text, code=code)


def http_failure(endpoint: Endpoint, status: int) -> PumpwatchError:
    """Return the error for an answer that was not a readable HTTP 200."""
    text = f"{endpoint.path}: HTTP {status}"
    if status == FORBIDDEN_STATUS:
        return ExchangeForbidden(
            f"{text}: this address is banned for a while, its country is refused, or the request"
            " was malformed; no further call is made in this run"
        )
    if status == UNAUTHORISED_STATUS:
        return BadCredentials(f"{text}: the exchange refused the key")
    if status == TOO_MANY_STATUS or not endpoint.acts:
        return ExchangeUnavailable(text, code=status)
    if status == NOT_FOUND_STATUS:
        return Rejected(text, code=status)
    return OutcomeUnknown(text)


def retry_pause(error: PumpwatchError, headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds after which the same question may be asked once more, None for never.

    `now` is Unix time in seconds. The exchange's reset time is believed only within two seconds: it
    can be absent, past, or far ahead.
    """
    if not isinstance(error, ExchangeUnavailable):
        return None
    code = error.code
    if code in SLOW_DOWN:
        try:
            pause = float(headers[RESET_HEADER]) / 1000 - now
        except (KeyError, ValueError):
            return USUAL_PAUSE
        return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, pause))
    transient = code is None or code in IN_DOUBT or code in SERVER_ERRORS
    return SHORTEST_PAUSE if transient else None
