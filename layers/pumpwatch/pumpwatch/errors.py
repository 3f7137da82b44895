"""Every error Pumpwatch raises on purpose. The class says what to do.

::

    PumpwatchError
    ├── SettingsError            fix the named setting; nothing was started
    ├── BadInput                 fix the named input; nothing was lost
    │   ├── BadEvent             the invocation's payload is malformed
    │   └── OwnCodeFailed        a rule or strategy of one's own raised, hung or gave nonsense
    ├── RetryLater               nothing was sent; the next tick tries again
    │   ├── ExchangeUnavailable  the exchange did not answer, or asked to slow down
    │   │   └── UnreadableAnswer it answered, and what is needed cannot be read
    │   ├── StoreUnavailable     the table or the bucket did not answer
    │   ├── LeaseHeld            another run is at work
    │   └── DeadlineNear         too little time left to finish safely
    ├── OutcomeUnknown           a request may have been carried out: ask, never send again
    ├── SkipSymbol               leave this symbol out of this tick and count it
    │   ├── UnknownSymbol        the exchange does not list it
    │   └── BadMarketData        its numbers cannot be true
    ├── Rejected                 the exchange refused the request; nothing was placed
    │   └── DuplicateOrder       an order with this id exists already: go and look
    ├── StopEntries              open nothing new; exits go on
    │   ├── LeaseLost            another run took over; this one must not send anything
    │   └── LimitReached         a hard limit stands in the way
    └── StopTrading              nothing more until a person looks
        ├── ExchangeForbidden    HTTP 403: banned or refused country; no further call in this run
        ├── BadCredentials       the key cannot be used: absent, malformed, or without a right
        │   └── KeyRefused       the exchange does not know the key: it may have been rotated
        └── InvariantBroken      what must never happen did
"""

from __future__ import annotations


class PumpwatchError(Exception):
    """Root of every error raised on purpose."""


class SettingsError(PumpwatchError):
    """Fix the named setting. Raised before any request, with name, value and allowed range."""


class BadInput(PumpwatchError):
    """Fix the named input. Nothing was lost and nothing was half-written."""


class BadEvent(BadInput):
    """Fix the invocation's payload. Nothing was done."""


class OwnCodeFailed(BadInput):
    """Fix the rule or strategy of one's own. Where trades may be open, it is never raised."""


class RetryLater(PumpwatchError):
    """Try again at the next tick. No order was sent."""


class ExchangeUnavailable(RetryLater):
    """Try again later: the exchange did not answer a question, or asked to slow down.

    `code` is the exchange's own code where it gave one.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class UnreadableAnswer(ExchangeUnavailable):
    """Try again later: the exchange answered, and a field that is needed cannot be read.

    The message names the place, the field and the value.
    """


class StoreUnavailable(RetryLater):
    """Try again later: the table or the bucket did not answer."""


class LeaseHeld(RetryLater):
    """Leave it to the run that holds the lease."""


class DeadlineNear(RetryLater):
    """Leave it to the next tick: too little time is left to send and to verify."""


class OutcomeUnknown(PumpwatchError):
    """Ask the exchange what became of the request. Never send it again."""


class SkipSymbol(PumpwatchError):
    """Leave this symbol out of this tick, and count it."""


class UnknownSymbol(SkipSymbol):
    """The exchange does not list this symbol."""


class BadMarketData(SkipSymbol):
    """This symbol's numbers cannot be true (NaN, not positive, high below low, wrong order)."""


class Rejected(PumpwatchError):
    """The exchange refused the request; nothing was placed. `code` is the exchange's own code."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class DuplicateOrder(Rejected):
    """An order with this id exists already: an earlier send arrived, so look it up."""


class StopEntries(PumpwatchError):
    """Open nothing new in this run. Exits and stops go on."""


class LeaseLost(StopEntries):
    """Another run has taken the lease: this one must not send anything any more."""


class LimitReached(StopEntries):
    """A hard limit (orders per day, exposure, ...) stands in the way of this entry."""


class StopTrading(PumpwatchError):
    """Stop until a person looks."""


class ExchangeForbidden(StopTrading):
    """HTTP 403: rate ban, refused country or malformed request. No further call in this run."""


class BadCredentials(StopTrading):
    """The exchange refused the key: it is wrong, expired, or lacks a right."""


class KeyRefused(BadCredentials):
    """The exchange does not know the key, its signature or its age. Nothing was done.

    The key may have been rotated: drop the cached one, read it anew, and try once more.
    """


class InvariantBroken(StopTrading):
    """Something happened that must never happen. The message says what and where."""
