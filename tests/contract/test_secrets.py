"""The key in Secrets Manager (moto), in a file, in memory: never shown, refused if it cannot be."""

import json

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from support.doubles import MemorySecrets
from support.shown import everything_shown

from pumpwatch.adapters.secrets_manager import SecretsManagerSecrets
from pumpwatch.credentials import ExchangeKey, PushCredentials
from pumpwatch.errors import BadCredentials, StoreUnavailable
from pumpwatch_workbench.local.keys import IN_FILE, LocalKey, _in_path

GOOD = {"api_key": "Ab3dEf6hIj9lMn0pQr", "api_secret": "sEcReTsEcReTsEcReTsEcReTsEcReTsEcReT"}
PEM = "-----BEGIN PRIVATE KEY-----\nMIIBVQ==\n-----END PRIVATE KEY-----\n"


@pytest.fixture(scope="module")
def client():
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="eu-central-1")


@pytest.fixture(params=["secrets manager", "file"])
def store(request, client, tmp_path):
    """Return what stores a value and gives the place that reads it."""
    make = in_secrets_manager(client) if request.param == "secrets manager" else in_file(tmp_path)
    yield next(make)
    next(make, None)


def in_file(folder):
    def put(value):
        text = value if isinstance(value, str) else json.dumps(value)
        path = folder / "key.json"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return LocalKey(str(path), IN_FILE, lambda: _in_path(path))

    yield put


def in_secrets_manager(client):
    arn = client.create_secret(Name="pumpwatch/test", SecretString="{}")["ARN"]

    def put(value):
        text = value if isinstance(value, str) else json.dumps(value)
        client.put_secret_value(SecretId=arn, SecretString=text)
        return SecretsManagerSecrets(arn, client=client)

    yield put
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def test_the_key_is_read(store):
    key = store(GOOD).exchange_key()
    assert key == ExchangeKey(GOOD["api_key"], GOOD["api_secret"])
    assert MemorySecrets(key).exchange_key() == key


def test_an_rsa_key_is_read(store):
    key = store({"api_key": GOOD["api_key"], "rsa_private_key": PEM}).exchange_key()
    assert key == ExchangeKey(GOOD["api_key"], PEM, rsa=True)


def test_a_rotated_key_is_read_after_forgetting(store):
    secrets = store(GOOD)
    secrets.exchange_key()
    store({**GOOD, "api_key": "another-key"})
    assert secrets.exchange_key().api_key in {GOOD["api_key"], "another-key"}
    secrets.forget()
    assert secrets.exchange_key().api_key == "another-key"


BAD = {
    "empty": "",
    "not JSON": "Ab3dEf6hIj9lMn0pQr",
    "a list": [GOOD],
    "nothing": {},
    "no secret": {"api_key": GOOD["api_key"]},
    "empty key": {**GOOD, "api_key": " "},
    "a number": {**GOOD, "api_secret": 7},
    "placeholder": {**GOOD, "api_secret": "REPLACE_ME"},
    "angle brackets": {**GOOD, "api_key": "<your key here>"},
    "your key": {**GOOD, "api_key": "your-api-key"},
    "change me": {**GOOD, "api_secret": "changeme"},
    "line break": {**GOOD, "api_secret": GOOD["api_secret"] + "\n"},
    "foreign letter": {**GOOD, "api_secret": "sécret"},
    "no PEM": {"api_key": GOOD["api_key"], "rsa_private_key": "MIIBVQ=="},
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_a_placeholder_or_malformed_secret_says_what_to_do(store, value):
    if value == "":
        value = " "
    with pytest.raises(BadCredentials, match="api_key") as caught:
        store(value).exchange_key()
    shown = everything_shown(caught.value)
    assert GOOD["api_secret"] not in shown
    assert GOOD["api_key"] not in shown
    assert caught.value.__context__ is None


def test_a_service_that_caches_gives_the_old_key_until_it_forgets(client):
    make = in_secrets_manager(client)
    put = next(make)
    secrets = put(GOOD)
    secrets.exchange_key()
    put({**GOOD, "api_key": "another-key"})
    assert secrets.exchange_key().api_key == GOOD["api_key"]
    next(make, None)


def test_no_key_in_memory_is_refused_too():
    with pytest.raises(BadCredentials):
        MemorySecrets(None).exchange_key()


def test_a_missing_secret_says_what_to_do(client):
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:nothing-AbCdEf"
    with pytest.raises(BadCredentials, match="holds no value"):
        SecretsManagerSecrets(arn, client=client).exchange_key()


def test_a_silent_service_is_unavailable():
    from botocore.config import Config

    config = Config(connect_timeout=0.2, retries={"total_max_attempts": 1})
    client = boto3.client("secretsmanager", endpoint_url="http://127.0.0.1:9", config=config)
    with pytest.raises(StoreUnavailable):
        SecretsManagerSecrets("arn", client=client).exchange_key()


def test_the_key_never_shows_itself(store):
    secrets = store(GOOD)
    key = secrets.exchange_key()
    for shown in (repr(key), str(key), f"{key}", repr(secrets), repr([key])):
        assert GOOD["api_secret"] not in shown
        assert GOOD["api_key"] not in shown


class Holding:
    """A client that gives one text."""

    def __init__(self, text):
        self.text = text

    def get_secret_value(self, **_):
        return {"SecretString": self.text}


PUSH = {"user": "pumpwatch", "password": "pAsSwOrDpAsSwOrD"}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def pushing(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return SecretsManagerSecrets("", "arn-of-the-push-secret", client=Holding(text))


def test_the_password_of_the_pushgateway_is_read():
    assert pushing(PUSH).push_credentials() == PushCredentials(**PUSH)
    private = pushing({**PUSH, "ca": CERTIFICATE}).push_credentials()
    assert private.authority == CERTIFICATE
    assert MemorySecrets(None, private).push_credentials() == private


def test_a_gateway_without_a_secret_asks_for_no_password():
    assert SecretsManagerSecrets("arn", client=Holding("{}")).push_credentials() is None
    assert MemorySecrets(None).push_credentials() is None


def test_a_function_without_the_keys_arn_says_so():
    with pytest.raises(BadCredentials, match="BYBIT_SECRET_ARN"):
        pushing(PUSH).exchange_key()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no", "is not JSON"),
        ([], "no JSON object"),
        ({"user": "u"}, "has no password"),
        ({"password": "p"}, "has no user"),
        ({"user": "u", "password": "change-me"}, "placeholder as password"),
        ({**PUSH, "ca": "no certificate"}, "not in PEM"),
    ],
)
def test_a_password_that_cannot_be_one_is_refused_and_not_shown(value, words):
    with pytest.raises(BadCredentials, match=words) as caught:
        pushing(value).push_credentials()
    shown = everything_shown(caught.value)
    assert PUSH["password"] not in shown


def test_the_password_never_shows_itself():
    secrets = pushing(PUSH)
    credentials = secrets.push_credentials()
    assert PUSH["password"] not in repr(credentials) + str(credentials) + repr(secrets)


KEYS = st.sampled_from(["api_key", "api_secret", "rsa_private_key", "other"])
VALUES = st.none() | st.integers() | st.text(max_size=12) | st.lists(st.text(), max_size=2)


@settings(deadline=None, max_examples=100)
@given(text=st.text(max_size=30) | st.dictionaries(KEYS, VALUES).map(json.dumps))
def test_any_secret_gives_a_key_or_a_plain_refusal(text):
    try:
        key = SecretsManagerSecrets("arn", client=Holding(text)).exchange_key()
    except BadCredentials:
        return
    assert key.api_key
    assert key.api_secret
