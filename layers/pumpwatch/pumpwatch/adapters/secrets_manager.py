"""The exchange's key and the Pushgateway's password in AWS Secrets Manager, a secret each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError

from pumpwatch.adapters.aws import client_config
from pumpwatch.credentials import ExchangeKey, PushCredentials
from pumpwatch.errors import BadCredentials, StoreUnavailable
from pumpwatch.ports import Secrets

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

MAX_AGE_SECONDS = 300
EXPECTED_KEY = 'put {"api_key": "...", "api_secret": "..."} (or "rsa_private_key") into it'
EXPECTED_PUSH = 'put {"user": "...", "password": "..."} (and "ca" in PEM, if it is private) into it'
PLACEHOLDER = re.compile(
    r"^[<{\[].*[>}\]]$|replace[ _-]?me|change[ _-]?me|placeholder|your[ _-]|^(x+|\.+|todo|none)$",
    re.IGNORECASE,
)
PEM = "-----BEGIN "
MISSING = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
FORBIDDEN = frozenset({"AccessDeniedException", "DecryptionFailure", "ValidationException"})


class SecretsManagerSecrets(Secrets):
    """Each secret is a JSON object, cached for five minutes.

    A function that names no ARN for a secret cannot read it; that of the exchange's key is then a
    `BadCredentials`, that of the Pushgateway says that it asks for no password.
    """

    def __init__(
        self, key_arn: str, push_arn: str = "", client: SecretsManagerClient | None = None
    ) -> None:
        self._key_arn = key_arn
        self._push_arn = push_arn
        self._client = client

    def __repr__(self) -> str:
        return f"SecretsManagerSecrets({self._key_arn!r}, {self._push_arn!r})"

    @cached_property
    def _provider(self) -> SecretsProvider:
        if self._client is not None:
            return SecretsProvider(boto3_client=self._client)
        return SecretsProvider(boto_config=client_config(read_timeout=2))

    def exchange_key(self) -> ExchangeKey:
        if not self._key_arn:
            raise BadCredentials("no secret is named for the exchange's key: set BYBIT_SECRET_ARN")
        key, problem = _key(self._read(self._key_arn, EXPECTED_KEY))
        if key is None:
            raise BadCredentials(f"the secret {self._key_arn} {problem}: {EXPECTED_KEY}")
        return key

    def push_credentials(self) -> PushCredentials | None:
        if not self._push_arn:
            return None
        credentials, problem = _push_credentials(self._read(self._push_arn, EXPECTED_PUSH))
        if credentials is None:
            raise BadCredentials(f"the secret {self._push_arn} {problem}: {EXPECTED_PUSH}")
        return credentials

    def forget(self) -> None:
        self._provider.store.clear()

    def _read(self, arn: str, expected: str) -> str | bytes:
        try:
            value = self._provider.get(arn, max_age=MAX_AGE_SECONDS)
        except GetParameterError as error:
            cause = error.__cause__ or error.__context__
            response = cause.response if isinstance(cause, ClientError) else {}
            code = response.get("Error", {}).get("Code", type(cause).__name__)
        else:
            return value if isinstance(value, str | bytes) else ""
        if code in MISSING:
            raise BadCredentials(f"the secret {arn} holds no value: {expected}")
        if code in FORBIDDEN:
            raise BadCredentials(f"the secret {arn} may not be read ({code})")
        raise StoreUnavailable(f"the secret {arn} could not be read ({code})")


def _key(value: str | bytes) -> tuple[ExchangeKey | None, str]:
    """Return the key, or None and what is wrong; an error raised here could show the value."""
    parts, problem = _object(value)
    rsa = "rsa_private_key" in parts
    secret = "rsa_private_key" if rsa else "api_secret"
    problem = problem or _problem(parts, "api_key") or _problem(parts, secret, pem=rsa)
    if problem:
        return None, problem
    return ExchangeKey(str(parts["api_key"]), str(parts[secret]), rsa=rsa), ""


def _push_credentials(value: str | bytes) -> tuple[PushCredentials | None, str]:
    parts, problem = _object(value)
    problem = problem or _problem(parts, "user") or _problem(parts, "password")
    authority = parts.get("ca") or ""
    if not problem and authority:
        problem = _problem(parts, "ca", pem=True)
    if problem:
        return None, problem
    return PushCredentials(str(parts["user"]), str(parts["password"]), str(authority)), ""


def _object(value: str | bytes) -> tuple[dict[str, object], str]:
    try:
        parts = json.loads(value)
    except ValueError:
        return {}, "is not JSON"
    return (parts, "") if isinstance(parts, dict) else ({}, "is no JSON object")


def _problem(parts: Mapping[str, object], name: str, *, pem: bool = False) -> str:
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
