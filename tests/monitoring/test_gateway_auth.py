"""The real Pushgateway behind user, password and TLS: what gets in, and what a run makes of it."""

import base64
import re
import ssl
from urllib.request import HTTPSHandler, Request, build_opener

import pytest
import trustme
import yaml
from support.prometheus import server_on_a_port
from support.servers import needs_server

from pumpwatch.adapters.pushgateway import PushgatewaySink
from pumpwatch.bootstrap.function import Function
from pumpwatch.bootstrap.lease import RunLease
from pumpwatch.credentials import PushCredentials
from pumpwatch.invocation import Tick
from pumpwatch.metrics.catalogue import TRADE
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch_workbench.local.memory import MemoryLeaseStore, MemoryTotalsStore

pytestmark = needs_server("prometheus-pushgateway")

USER, PASSWORD = "pumpwatch", "right-password"
HASH = "$2b$04$zha1YTk1DpYZA3cGFy54GOFtsj/UGxcUmlxGTSevt0IAHBc9I8Zne"
"""Of the password above, with the least cost there is."""


class Guarded:
    """A gateway that asks for user and password over TLS."""

    def __init__(self, url, authority):
        self.url = url
        self.authority = authority
        context = ssl.create_default_context(cadata=authority)
        self._opener = build_opener(HTTPSHandler(context=context))

    def credentials(self, password=PASSWORD):
        return PushCredentials(USER, password, self.authority)

    def get(self, path):
        request = Request(f"{self.url}{path}")
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {pair}")
        with self._opener.open(request, timeout=60) as answer:
            return answer.read().decode()

    def is_ready(self):
        try:
            self.get("/-/ready")
        except OSError:
            return False
        return True


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

    def guarded(port):
        return Guarded(f"https://127.0.0.1:{port}", authority.cert_pem.bytes().decode())

    def arguments(port):
        return [
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.config.file={folder / 'web.yaml'}",
            "--persistence.file=",
        ]

    def is_ready(port):
        return guarded(port).is_ready()

    with server_on_a_port("prometheus-pushgateway", folder / "log", arguments, is_ready) as port:
        yield guarded(port)


def run_with(gateway, credentials, execution="run", totals=None):
    """Do one run of a function that pushes there; return its report and the totals."""
    totals = totals or MemoryTotalsStore()
    sink = PushgatewaySink(
        gateway.url, stage="auth", timeout_seconds=60, credentials=lambda: credentials
    )
    function = Function(
        TRADE,
        reporter=MetricsReporter(TRADE, totals, sink),
        lease=RunLease(MemoryLeaseStore(), "trade", reserve=1.0),
        work=lambda tick, deadline, lease: "traded",
        describe=lambda report, numbers: numbers.set("equity_usdt", 123),
    )
    context = type("Context", (), {"get_remaining_time_in_millis": lambda self: 20_000})()
    return function.run(Tick(0, execution), context), totals


def test_right_password_gets_in_and_a_wrong_one_does_not_and_the_run_goes_on(gateway, caplog):
    report, totals = run_with(gateway, gateway.credentials("wrong-password"))
    assert report == "traded"
    # The server may have hung up before it had read all of the push.
    assert re.search("HTTP 401|refused before reading", caplog.records[-1].reason)
    assert "wrong-password" not in caplog.text
    assert 'stage="auth"' not in gateway.get("/metrics")

    report, totals = run_with(gateway, gateway.credentials(), "next", totals)
    assert report == "traded"
    text = gateway.get("/metrics")
    assert 'pumpwatch_trade_equity_usdt{instance="",job="pumpwatch_trade",stage="auth"} 123' in text
    failures = 'pumpwatch_trade_push_failures_total{instance="",job="pumpwatch_trade",stage="auth"}'
    assert f"{failures} 1" in text, "the good push shows that the one before it failed"


@pytest.mark.parametrize("credentials", [None, PushCredentials(USER, PASSWORD)])
def test_nothing_gets_in_without_a_password_or_without_trust(gateway, credentials, caplog):
    report, _ = run_with(gateway, credentials)
    assert report == "traded"
    assert "metrics not pushed" in caplog.text
