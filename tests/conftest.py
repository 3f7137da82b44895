"""What every test gets: fake AWS credentials, and a watch over what it leaves behind."""

import decimal
from collections.abc import Iterator

import pytest

AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@pytest.fixture(autouse=True)
def fake_aws(monkeypatch):
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.fixture(autouse=True)
def same_decimal_context() -> Iterator[None]:
    """A test, or a library it loads, must not change how all later ones round."""
    before = decimal.getcontext().copy()
    yield
    now = decimal.getcontext()
    assert (now.prec, now.rounding) == (before.prec, before.rounding)
