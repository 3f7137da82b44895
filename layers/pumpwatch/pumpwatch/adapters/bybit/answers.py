"""Bybit's envelope around every answer, read without trusting any of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pumpwatch.credentials import ExchangeKey
from pumpwatch.errors import InvariantBroken, PumpwatchError

from .endpoints import Endpoint
from .fields import LATEST_TIME


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of Bybit: `result` as it came, and its time stamp (milliseconds UTC)."""

    result: object
    time: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A request that did not succeed: the error it becomes, and what a second try must know."""

    error: PumpwatchError
    headers: Mapping[str, str] = field(default_factory=dict)
    trouble: bool = True
    """The exchange failed, it did not only refuse."""
    repaired: bool = False
    """The cause is repaired: the same question may be asked again at once."""
    banned: bool = False
    """The address is banned, whoever uses it."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of an answer; None and empty for what is missing or nonsense."""

    code: int | None
    stamp: int | None
    message: str
    result: object


def read_envelope(body: object) -> Envelope:
    """Return the parts of a body, whatever it is."""
    parts = body if isinstance(body, dict) else {}
    stamp, message = _integer(parts.get("time")), parts.get("retMsg")
    return Envelope(
        code=_integer(parts.get("retCode")),
        stamp=stamp if stamp is not None and 0 < stamp < LATEST_TIME else None,
        message=message if isinstance(message, str) else "",
        result=parts.get("result"),
    )


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**18 else None
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    return None


def require_text(endpoint: Endpoint, parameters: Mapping[str, object]) -> None:
    """Raise `InvariantBroken` for a parameter that is no text, whole number, yes or no.

    A float would reach the exchange as `1e-05` or with unintended digits.
    """
    for name, value in parameters.items():
        if not isinstance(value, str | int):
            raise InvariantBroken(
                f"{endpoint.path}: {name} is a {type(value).__name__}, not text; nothing was sent."
                " This is a fault in Pumpwatch: report it"
            )


def redactor(key: ExchangeKey | None) -> Callable[[str], str]:
    """Return a function that removes the key from the exchange's texts (code 10004 echoes it)."""
    secrets = [part for part in (key.api_key, key.api_secret) if part] if key else []

    def redact(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    return redact
