"""The error for each refusal of Bybit. Codes as in its error list; its texts change."""

from __future__ import annotations

from collections.abc import Mapping

from pumpwatch.errors import (
    BadCredentials,
    DuplicateOrder,
    ExchangeForbidden,
    ExchangeUnavailable,
    KeyRefused,
    OutcomeUnknown,
    PumpwatchError,
    Rejected,
    StopTrading,
)

from .endpoints import SET_LEVERAGE, TRADING_STOP, Endpoint

BENIGN = {SET_LEVERAGE: 110043, TRADING_STOP: 34040}
"""Leverage unchanged, stop and target unchanged: what was asked for holds."""

GONE = frozenset({110001, 110008, 110010})
"""The order is not there, or has ended already."""

BAD_PARAMETER, NO_ROUTE, NOT_IN_DEMO = 10001, 10017, 10032

KEY_REFUSED = frozenset({10003, 10004, 10007, 33004, -2015})
"""Unknown key, wrong signature, expired: it may have been rotated, and nothing was done."""
BAD_KEY = frozenset({10005, 10010})
"""The key is known, and lacks a right or is used from an address it is not bound to."""
FORBIDDEN = frozenset({10008, 10009, 10018})
"""Banned, refused region, address over its limit: the same as HTTP 403."""
ADDRESS_BANNED = frozenset({10009, 10018, 403})
"""Those of them that every program at this address would get, for ten minutes or so."""
ACCOUNT_STOPPED = frozenset({10024, 10027, 10028})
"""Compliance, trading banned, no unified account: no request can cure it."""
SLOW_DOWN = frozenset({10006, 10429, 429})
CLOCKS_APART = 10002
NOTHING_DONE = SLOW_DOWN | {CLOCKS_APART}
"""Turned away before anything was done."""
IN_DOUBT = frozenset(
    {10000, 10014, 10016, 10019, 110079, 131001, 131003, 170001, 170007, 170032, 170035, 170146}
    | {170147, 170234, 3400214}
)
"""Server time-out or error, duplicate request, still being processed: the order may stand."""
BUSINESS_CODES = 20_000
"""Codes from here on come from the order system. Lower ones come from what stands before it: an
unknown one says nothing about what became of the request."""
GATEWAY_REFUSALS = frozenset({10001, 10017, 10029, 10032, 10404})
"""Bad parameter, no such path, symbol not for this key, not in demo trading, wrong category."""
DUPLICATE = frozenset({110072, 170141})
TROUBLE = frozenset({10000, 10016}) | SLOW_DOWN
"""Codes that say the exchange is not well, whatever was asked."""

FORBIDDEN_STATUS, UNAUTHORISED_STATUS, TOO_MANY_STATUS = 403, 401, 429
NOT_FOUND_STATUS = 404
LOST_STATUSES = frozenset({*range(201, 300), 408, 425, *range(500, 600)})
"""A server's time-out or error, or an answer without a body: it may be another one next time."""
WORDS: Mapping[str, frozenset[int]] = {
    "ok": frozenset({0, *BENIGN.values()}),
    "no_answer": frozenset({-1}),
    "rate_limited": SLOW_DOWN,
    "forbidden": FORBIDDEN | {FORBIDDEN_STATUS},
    "key_refused": KEY_REFUSED | BAD_KEY | {UNAUTHORISED_STATUS},
    "clock": frozenset({10002}),
}
RESET_HEADER = "X-Bapi-Limit-Reset-Timestamp"
SHORTEST_PAUSE, USUAL_PAUSE, LONGEST_PAUSE = 0.1, 1.0, 2.0


def refusal(endpoint: Endpoint, code: int, message: str) -> PumpwatchError:
    """Return the error for a `retCode` that is neither 0 nor benign."""
    text = f"{endpoint.path}: {message or 'no reason given'} (code {code})"
    if code == CLOCKS_APART:
        text += ": our clock is ahead of the exchange's by a second or more, or far behind it;"
        text += " the next request is signed by the exchange's"
    for codes, kind in (
        (KEY_REFUSED, KeyRefused),
        (BAD_KEY, BadCredentials),
        (FORBIDDEN, ExchangeForbidden),
        (ACCOUNT_STOPPED, StopTrading),
    ):
        if code in codes:
            return kind(text)
    if not endpoint.acts or code in NOTHING_DONE:
        return ExchangeUnavailable(text, code=code)
    if code in IN_DOUBT or (code < BUSINESS_CODES and code not in GATEWAY_REFUSALS):
        return OutcomeUnknown(text)
    return (DuplicateOrder if code in DUPLICATE else Rejected)(text, code=code)


def http_failure(endpoint: Endpoint, status: int) -> PumpwatchError:
    """Return the error for an answer that was not a readable HTTP 200."""
    text = f"{endpoint.path}: HTTP {status}"
    if status == FORBIDDEN_STATUS:
        return ExchangeForbidden(
            f"{text}: this address is banned for a while (is another program using it?), its"
            " country is refused, or the request was malformed; no further call is made in this run"
        )
    if status == UNAUTHORISED_STATUS:
        return KeyRefused(f"{text}: the exchange refused the key")
    if status == TOO_MANY_STATUS or not endpoint.acts:
        return ExchangeUnavailable(text, code=status)
    if status == NOT_FOUND_STATUS:
        return Rejected(text, code=status)
    return OutcomeUnknown(text)


def no_answer(endpoint: Endpoint, text: str) -> PumpwatchError:
    """Return the error for a request whose answer is missing or cannot be read."""
    if endpoint.acts:
        return OutcomeUnknown(f"{text}; the request may have been carried out")
    return ExchangeUnavailable(text)


def is_trouble(code: int) -> bool:
    """Return whether a code or HTTP status is a failure of the exchange, not a refusal."""
    return code in TROUBLE or code in LOST_STATUSES


def word_of(code: int) -> str:
    """Return the word of `metrics.API_CODES` for a `retCode` or HTTP status, -1 for no answer."""
    for word, codes in WORDS.items():
        if code in codes:
            return word
    return "unavailable" if is_trouble(code) or code in IN_DOUBT else "refused"


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
    transient = code is None or code in IN_DOUBT or code in LOST_STATUSES
    return SHORTEST_PAUSE if transient else None
