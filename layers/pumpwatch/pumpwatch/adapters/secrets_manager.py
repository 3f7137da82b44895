"""The exchange's key and the Pushgateway's password in AWS Secrets Manager, a secret each."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from pumpwatch.adapters import key_text
from pumpwatch.adapters.aws import client_config, error_code
from pumpwatch.adapters.key_text import EXPECTED_KEY, Parts
from pumpwatch.credentials import ExchangeKey, PushCredentials
from pumpwatch.errors import BadCredentials, StoreUnavailable
from pumpwatch.ports import Secrets

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

MAX_AGE_SECONDS = 300
EXPECTED_PUSH = 'put {"user": "...", "password": "..."} (and "ca" in PEM, if it is private) into it'
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
        key, problem = key_text.exchange_key(*self._read(self._key_arn, EXPECTED_KEY))
        if key is None:
            raise BadCredentials(f"the secret {self._key_arn} {problem}: {EXPECTED_KEY}")
        return key

    def push_credentials(self) -> PushCredentials | None:
        if not self._push_arn:
            return None
        credentials, problem = key_text.push_credentials(*self._read(self._push_arn, EXPECTED_PUSH))
        if credentials is None:
            raise BadCredentials(f"the secret {self._push_arn} {problem}: {EXPECTED_PUSH}")
        return credentials

    def forget(self) -> None:
        self._provider.store.clear()

    def _read(self, arn: str, expected: str) -> tuple[Parts, str]:
        try:
            value = self._provider.get(arn, max_age=MAX_AGE_SECONDS)
        except GetParameterError as error:
            code = error_code(error.__cause__ or error.__context__)
        else:
            return key_text.json_object(value if isinstance(value, str | bytes) else "")
        if code in MISSING:
            raise BadCredentials(f"the secret {arn} holds no value: {expected}")
        if code in FORBIDDEN:
            raise BadCredentials(f"the secret {arn} may not be read ({code})")
        raise StoreUnavailable(f"the secret {arn} could not be read ({code})")
