"""Keys and passwords. `repr` never shows them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ExchangeKey:
    """The exchange's API key. Never shown: `repr` hides both parts."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    """HMAC secret, or an RSA private key in PEM."""
    rsa: bool = False


@dataclass(frozen=True, slots=True)
class PushCredentials:
    """The credentials of the Pushgateway. Never shown."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    authority: str = field(default="", repr=False)
    """Certificate of a private authority in PEM; empty: the public ones are trusted."""
