"""Authentication of private endpoints: keys, signatures and the time window."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import random
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

from Crypto.Hash import SHA256
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15

from pumpwatch_workbench.simulator.engine.refusals import (
    INVALID_KEY,
    INVALID_SIGNATURE,
    TIME_WINDOW,
    Refused,
)

DEFAULT_WINDOW_MS = 5_000
FUTURE_MS = 1_000
"""A timestamp this far ahead of the exchange is refused whatever the window."""
KEY_HEADER = "x-bapi-api-key"


class Unauthorized(Exception):
    """The request names no key at all, or misses a header: HTTP 401."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """One API key of the simulated account."""

    user_id: int
    api_key: str
    api_secret: str = field(repr=False)
    rsa_public_key: str = ""
    """PEM; when set, signatures are RSA PKCS1v15-SHA256 in base64 instead of HMAC."""


def credentials_from_seed(seed: int) -> Credentials:
    """Return the account that belongs to a seed: the same key and secret every time."""
    source = random.Random(f"pumpwatch-simulator-{seed}")
    letters = string.ascii_letters + string.digits
    return Credentials(
        user_id=source.randrange(10_000_000, 99_999_999),
        api_key="".join(source.choices(letters, k=18)),
        api_secret="".join(source.choices(letters, k=36)),
    )


def authenticate(
    credentials: Mapping[str, Credentials], headers: Mapping[str, str], payload: bytes, wall: int
) -> Credentials:
    """Return the caller's credentials.

    `payload` is the raw query string or the raw body, `wall` the exchange's clock (milliseconds).
    Raises Unauthorized, or Refused 10003 (key), 10002 (time) and 10004 (signature) in that order.
    """
    key = headers.get(KEY_HEADER, "")
    stamp = headers.get("x-bapi-timestamp", "")
    signature = headers.get("x-bapi-sign", "")
    if not (key and stamp and signature):
        raise Unauthorized
    caller = credentials.get(key)
    if caller is None:
        raise Refused(INVALID_KEY, "API key is invalid.")
    window = headers.get("x-bapi-recv-window", "")
    _check_time(stamp, window, wall)
    origin = f"{stamp}{key}{window}".encode() + payload
    valid = _rsa_valid if caller.rsa_public_key else _hmac_valid
    if not valid(caller, origin, signature):
        text = origin.decode("utf-8", "replace")
        raise Refused(INVALID_SIGNATURE, f"error sign! origin_string[{text}]")
    return caller


def _check_time(stamp: str, window: str, wall: int) -> None:
    allowed = int(window) if window.isascii() and window.isdigit() else DEFAULT_WINDOW_MS
    sent = int(stamp) if stamp.isascii() and stamp.isdigit() else 0
    if wall - allowed <= sent < wall + FUTURE_MS:
        return
    raise Refused(
        TIME_WINDOW,
        "invalid request, please check your server timestamp or recv_window param. "
        f"req_timestamp[{stamp}],server_timestamp[{wall}],recv_window[{allowed}]",
    )


def _hmac_valid(caller: Credentials, origin: bytes, signature: str) -> bool:
    expected = hmac.new(caller.api_secret.encode(), origin, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def _rsa_valid(caller: Credentials, origin: bytes, signature: str) -> bool:
    verifier = pkcs1_15.new(RSA.import_key(caller.rsa_public_key))
    try:
        verifier.verify(SHA256.new(origin), base64.b64decode(signature, validate=True))
    except (ValueError, binascii.Error):
        return False
    return True
