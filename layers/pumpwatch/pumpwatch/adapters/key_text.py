"""Keys and passwords as text: what may be one, and what is wrong with what may not.

Each function returns what it read, or nothing and the problem; an error raised here could show the
value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from pumpwatch.credentials import ExchangeKey, PushCredentials

EXPECTED_KEY = 'put {"api_key": "...", "api_secret": "..."} (or "rsa_private_key") into it'
PLACEHOLDER = re.compile(
    r"^[<{\[].*[>}\]]$|replace[ _-]?me|change[ _-]?me|placeholder|your[ _-]|^(x+|\.+|todo|none)$",
    re.IGNORECASE,
)
PEM = "-----BEGIN "
Parts = Mapping[str, object]


def json_object(value: str | bytes) -> tuple[Parts, str]:
    """Return the object's parts."""
    try:
        parts = json.loads(value)
    except (ValueError, RecursionError):
        return {}, "is not JSON"
    return (parts, "") if isinstance(parts, dict) else ({}, "is no JSON object")


def exchange_key(parts: Parts, problem: str = "") -> tuple[ExchangeKey | None, str]:
    """Return the exchange's key; an RSA key goes before an HMAC secret."""
    rsa = "rsa_private_key" in parts
    secret = "rsa_private_key" if rsa else "api_secret"
    problem = problem or _problem(parts, "api_key") or _problem(parts, secret, pem=rsa)
    if problem:
        return None, problem
    return ExchangeKey(str(parts["api_key"]), str(parts[secret]), rsa=rsa), ""


def push_credentials(parts: Parts, problem: str = "") -> tuple[PushCredentials | None, str]:
    """Return the Pushgateway's user, password and certificate."""
    problem = problem or _problem(parts, "user") or _problem(parts, "password")
    authority = parts.get("ca") or ""
    if not problem and authority:
        problem = _problem(parts, "ca", pem=True)
    if problem:
        return None, problem
    return PushCredentials(str(parts["user"]), str(parts["password"]), str(authority)), ""


def _problem(parts: Parts, name: str, *, pem: bool = False) -> str:
    part = parts.get(name)
    if not isinstance(part, str) or not part.strip():
        return f"has no {name}"
    if pem and part.startswith(PEM):
        return ""
    if PLACEHOLDER.search(part.strip()):
        return f"still has a placeholder as {name}"
    if pem:
        return f"has an {name} that is not in PEM format"
    if not part.isascii() or re.search(r"\s", part):
        return f"has an {name} with spaces or foreign letters"
    return ""
