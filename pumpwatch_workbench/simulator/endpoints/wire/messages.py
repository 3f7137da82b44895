"""The outer form of requests and answers: parameters, envelope, headers, number text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal
from urllib.parse import parse_qsl

import orjson

from pumpwatch_workbench.simulator.engine.refusals import invalid

JSON_TYPE = "application/json; charset=utf-8"
LARGE_ANSWER = 2_000
"""Bytes from which on an answer carries `Vary`."""
PLAIN_NUMBER = re.compile(r"^-?\d{1,24}(\.\d{0,24})?$")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: HTTP status, body, headers; or how the connection fails while it is sent."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    dropped: bool = False
    """The connection is closed instead."""
    delay_ms: int = 0
    """Extra time the answer takes."""
    reset: bool = False
    """The connection is reset instead (TCP RST)."""
    cut: Literal["", "length", "chunked"] = ""
    """End of the connection in the middle of the body: short of its length, or within a chunk."""
    drip_ms: int = 0
    """Pause after each byte of the body."""


@dataclass(frozen=True, slots=True)
class EndpointAnswer:
    """Answer of an endpoint: the result, as an object or as ready JSON, and its message."""

    result: object = None
    text: str = "OK"
    raw: bytes | None = None
    ext: object = None
    """`retExtInfo`, an empty object but for batches."""

    def json(self) -> bytes:
        """Return the result as compact JSON."""
        return orjson.dumps(self.result) if self.raw is None else self.raw


@dataclass(frozen=True, slots=True)
class Request:
    """One request as an endpoint sees it: decoded parameters and the market time."""

    method: str
    path: str
    parameters: Mapping[str, object]
    now: int
    api_key: str = ""

    def text(self, name: str, default: str = "") -> str:
        """Return a parameter as text; absent and null become the default."""
        value = self.parameters.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, dict | list):
            raise invalid(f"params error: {name} invalid")
        return str(value).strip()

    def flag(self, name: str) -> bool:
        """Return a true-or-false parameter; absent is false."""
        value = self.text(name).lower()
        if value not in {"", "true", "false", "0", "1"}:
            raise invalid(f"params error: {name} invalid")
        return value in {"true", "1"}

    def number(self, name: str, text: str | None = None) -> Decimal | None:
        """Return a decimal parameter, None when absent; `text` is the refusal's message."""
        value = self.text(name)
        if not value:
            return None
        if not PLAIN_NUMBER.match(value):
            raise invalid(text or f"params error: {name} invalid")
        return Decimal(value)

    def integer(self, name: str) -> int | None:
        """Return a whole-number parameter, None when absent."""
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch(r"-?\d{1,18}", value):
            raise invalid(f"params error: {name} invalid")
        return int(value)


def query_parameters(query: str) -> dict[str, object]:
    """Decode a raw query string; the last of repeated names wins."""
    return dict(parse_qsl(query, keep_blank_values=True))


def body_parameters(body: bytes) -> dict[str, object]:
    """Decode a JSON body; raises Refused 10001 when it is not an object."""
    try:
        # An empty body asks for nothing, as an empty object does.
        decoded = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise invalid("params error: request body is not valid JSON") from error
    if not isinstance(decoded, dict):
        raise invalid("params error: request body is not a JSON object")
    return decoded


def envelope(code: int, text: str, result: bytes, time: int, ext: bytes = b"{}") -> bytes:
    """Return Bybit's envelope around a result."""
    return b'{"retCode":%d,"retMsg":%s,"result":%s,"retExtInfo":%s,"time":%d}' % (
        code,
        orjson.dumps(text),
        result,
        ext,
        time,
    )


def answer_headers(code: int, time: int, number: int, length: int) -> dict[str, str]:
    """Return the headers of every JSON answer; `number` counts the requests."""
    headers = {
        "Content-Type": JSON_TYPE,
        "Ret_code": str(code),
        "Traceid": f"{number:032x}",
        "Timenow": str(time),
    }
    if length > LARGE_ANSWER:
        headers["Vary"] = "Accept-Encoding"
    return headers


def plain(number: Decimal) -> str:
    """Return a decimal without exponent and trailing zeros, as Bybit writes quantities."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def money(number: Decimal) -> str:
    """Return an amount of USDT with at most eight decimals."""
    return plain(number.quantize(Decimal("0.00000001"), ROUND_HALF_UP))


def optional(number: Decimal | None) -> str:
    """Return a decimal, or the empty text that stands for no value."""
    return "" if number is None else plain(number)


def padded(number: Decimal, scale: int) -> str:
    """Return a decimal with exactly `scale` digits after the point."""
    return f"{number:.{scale}f}"
