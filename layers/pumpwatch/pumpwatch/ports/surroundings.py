"""Where the keys are kept and where the metrics go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["ExchangeKey", "MetricsSink", "PushCredentials", "Secrets"]


@dataclass(frozen=True, slots=True)
class ExchangeKey:
    """The exchange's API key. Never shown: `repr` hides both parts."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    """HMAC secret, or an RSA private key in PEM."""
    rsa: bool = False


@dataclass(frozen=True, slots=True)
class PushCredentials:
    """What the Pushgateway asks for. Never shown."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    authority: str = field(default="", repr=False)
    """Certificate of a private authority in PEM; empty: the public ones are trusted."""


class Secrets(Protocol):
    """Where the keys are kept; each is cached for five minutes at most."""

    def exchange_key(self) -> ExchangeKey:
        """Return the key.

        Raises `BadCredentials` when the secret is absent, a placeholder or malformed, and
        `StoreUnavailable`.
        """

    def push_credentials(self) -> PushCredentials | None:
        """Return what the Pushgateway asks for, None when no secret is named for it.

        Raises `BadCredentials` and `StoreUnavailable` as `exchange_key` does.
        """

    def forget(self) -> None:
        """Drop what is cached, so that a rotated key is read anew."""


class MetricsSink(Protocol):
    """Where a run's metrics go. A sink never raises and takes at most its time-out."""

    def push(self, job: str, exposition: object, *, failed: bool) -> bool:
        """Push a `prometheus_client` registry; return whether it was accepted.

        After a failed run only the given metrics are replaced, so that the last success stays.
        """
