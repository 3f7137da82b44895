"""The real Pushgateway behind user, password and TLS: what gets in, and what a run makes of it."""

import base64
import re
import ssl
from urllib.request import Request, urlopen

import pytest
import trustme
import yaml
from support.doubles import MemoryTotalsStore
from support.functions import invoke
from support.servers import needs_server, program

from pumpwatch.adapters.pushgateway import PushgatewaySink
from pumpwatch.credentials import PushCredentials
from pumpwatch.metrics.catalogue import TRADE
from pumpwatch_workbench.local.memory import MemoryLeaseStore

pytestmark = needs_server("prometheus-pushgateway")

USER, PASSWORD = "pumpwatch", "right-password"
HASH = "$2b$04$zha1YTk1DpYZA3cGFy54GOFtsj/UGxcUmlxGTSevt0IAHBc9I8Zne"
"""The hash of the password above, at the least cost there is."""


class Guarded:
    """A gateway that asks for user and password over TLS."""

    def __init__(self, port, authority):
        self.url = f"https://127.0.0.1:{port}"
        self.authority = authority

    def credentials(self, password=PASSWORD):
        return PushCredentials(USER, password, self.authority)

    def get(self, path):
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request = Request(f"{self.url}{path}", headers={"Authorization": f"Basic {pair}"})
        context = ssl.create_default_context(cadata=self.authority)
        with urlopen(request, timeout=60, context=context) as answer:
            return answer.read().decode()

    def is_ready(self):
        try:
            return bool(self.get("/-/ready"))
        except OSError:
            return False


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(folder / "server.pem")
    certificate.private_key_pem.write_to_path(folder / "server.key")
    config = {
        "tls_server_config": {"cert_file": "server.pem", "key_file": "server.key"},
        "basic_auth_users": {USER: HASH},
    }
    (folder / "web.yaml").write_text(yaml.safe_dump(config))
    pem = authority.cert_pem.bytes().decode()

    def arguments(port):
        return [
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.config.file={folder / 'web.yaml'}",
            "--persistence.file=",
        ]

    def is_ready(port):
        return Guarded(port, pem).is_ready()

    with program("prometheus-pushgateway", folder / "log", arguments, is_ready) as port:
        yield Guarded(port, pem)


def run_with(gateway, credentials, execution="run", totals=None):
    """Do a run of a function that pushes there: it trades whatever becomes of the push."""
    report = invoke(
        TRADE,
        execution,
        leases=MemoryLeaseStore(),
        totals=totals or MemoryTotalsStore(),
        sink=PushgatewaySink(
            gateway.url, stage="auth", timeout_seconds=60, credentials=lambda: credentials
        ),
        work=lambda: "traded",
        describe=lambda report, numbers: numbers.set("equity_usdt", 123),
    )
    assert report == "traded"


def test_right_password_gets_in_and_a_wrong_one_does_not_and_the_run_goes_on(gateway, caplog):
    totals = MemoryTotalsStore()
    run_with(gateway, gateway.credentials("wrong-password"), totals=totals)
    # The server may have hung up before it had read all of the push.
    assert re.search("HTTP 401|refused before reading", caplog.records[-1].reason)
    assert "wrong-password" not in caplog.text
    assert 'stage="auth"' not in gateway.get("/metrics")

    run_with(gateway, gateway.credentials(), "next", totals)
    text = gateway.get("/metrics")
    labels = '{instance="",job="pumpwatch_trade",stage="auth"}'
    assert f"pumpwatch_trade_equity_usdt{labels} 123" in text
    failures = f"pumpwatch_trade_push_failures_total{labels} 1"
    assert failures in text, "the good push shows that the one before it failed"


@pytest.mark.parametrize("credentials", [None, PushCredentials(USER, PASSWORD)])
def test_nothing_gets_in_without_a_password_or_without_trust(gateway, credentials, caplog):
    run_with(gateway, credentials)
    assert "metrics not pushed" in caplog.text
