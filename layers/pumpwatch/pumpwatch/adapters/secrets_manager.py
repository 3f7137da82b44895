"""The exchange's key in AWS Secrets Manager."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError

from pumpwatch.adapters.aws import client_config
from pumpwatch.errors import BadCredentials, StoreUnavailable
from pumpwatch.ports import ExchangeKey

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

__all__ = ["SecretsManagerSecrets"]

MAX_AGE_SECONDS = 300
EXPECTED = 'put {"api_key": "...", "api_secret": "..."} (or "rsa_private_key") into it'
PLACEHOLDER = re.compile(
    r"^[<{\[].*[>}\]]$|replace[ _-]?me|change[ _-]?me|placeholder|your[ _-]|^(x+|\.+|todo|none)$",
    re.IGNORECASE,
)
PEM = "-----BEGIN "
MISSING = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
FORBIDDEN = frozenset({"AccessDeniedException", "DecryptionFailure", "ValidationException"})


class SecretsManagerSecrets:
    """The key as JSON in one secret, cached for five minutes (Secrets port)."""

    def __init__(self, arn: str, client: SecretsManagerClient | None = None) -> None:
        self._arn = arn
        self._provider = (
            SecretsProvider(boto3_client=client)
            if client
            else SecretsProvider(boto_config=client_config(read_timeout=2))
        )

    def __repr__(self) -> str:
        return f"SecretsManagerSecrets({self._arn!r})"

    def exchange_key(self) -> ExchangeKey:
        """Return the key. Raises `BadCredentials`, `StoreUnavailable`; never shows the value."""
        key, problem = _key(self._read())
        if key is None:
            raise BadCredentials(f"the secret {self._arn} {problem}: {EXPECTED}")
        return key

    def forget(self) -> None:
        """Drop what is cached, so that a rotated key is read anew."""
        self._provider.store.clear()

    def _read(self) -> str | bytes:
        try:
            value = self._provider.get(self._arn, max_age=MAX_AGE_SECONDS)
        except GetParameterError as error:
            cause = error.__cause__ or error.__context__
            response = cause.response if isinstance(cause, ClientError) else {}
            code = response.get("Error", {}).get("Code", type(cause).__name__)
        else:
            return value if isinstance(value, str | bytes) else ""
        if code in MISSING:
            raise BadCredentials(f"the secret {self._arn} holds no value: {EXPECTED}")
        if code in FORBIDDEN:
            raise BadCredentials(f"the secret {self._arn} may not be read ({code})")
        raise StoreUnavailable(f"the secret {self._arn} could not be read ({code})")


def _key(value: str | bytes) -> tuple[ExchangeKey | None, str]:
    """Return the key, or None and what is wrong; an error raised here could show the value."""
    try:
        parts = json.loads(value)
    except ValueError:
        return None, "is not JSON"
    if not isinstance(parts, dict):
        return None, "is no JSON object"
    rsa = "rsa_private_key" in parts
    secret_name = "rsa_private_key" if rsa else "api_secret"
    api_key, secret = parts.get("api_key"), parts.get(secret_name)
    problem = _problem(api_key, "api_key", pem=False) or _problem(secret, secret_name, pem=rsa)
    if problem:
        return None, problem
    return ExchangeKey(str(api_key), str(secret), rsa=rsa), ""


def _problem(part: object, name: str, *, pem: bool) -> str:
    """Return what is wrong with a part of the key, empty for nothing."""
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
