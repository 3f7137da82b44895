"""What every test gets: fake AWS credentials, and a watch over what it leaves behind."""

import decimal
import gc
import os
from collections.abc import Iterator
from hashlib import md5

import pytest

# Tests run side by side: more threads of LightGBM would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What is collected lives to the end. Without it in every round of the garbage collector, tests that
# make many objects take a quarter less CPU.
gc.disable()

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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start a worker more than there are cores: tests wait for servers a third of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """Let the garbage collector look at nothing but what tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def fake_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.fixture(autouse=True)
def home_of_nobody(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Give each test a folder of a person that is not there yet."""
    name = md5(request.node.nodeid.encode(), usedforsecurity=False).hexdigest()
    monkeypatch.setenv("PUMPWATCH_HOME", str(tmp_path_factory.getbasetemp() / f"home-{name}"))


@pytest.fixture(autouse=True)
def same_decimal_context() -> Iterator[None]:
    """Check that no test, nor a library it loads, changes how all later ones round."""
    before = decimal.getcontext().copy()
    yield
    now = decimal.getcontext()
    assert (now.prec, now.rounding) == (before.prec, before.rounding)
