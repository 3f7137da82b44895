"""Pushing metrics: to memory, and to gateways that are there, absent, slow or rude."""

import base64
import socket
import threading
import time

import pytest
import trustme
from prometheus_client import CollectorRegistry, Gauge
from support.doubles import MemoryMetricsSink
from support.stub_bybit import Reply, StubBybit

from pumpwatch.adapters.pushgateway import PushgatewaySink
from pumpwatch.credentials import PushCredentials
from pumpwatch.errors import StoreUnavailable

PATH = "/metrics/job/pumpwatch_detect/stage/dev"
PROMPT, IMPATIENT = 60, 0.5
"""Time-outs: where an answer comes at once, however busy the machine; and where none comes."""
SLACK = 20.0
"""Seconds a busy machine may add."""


def a_registry(value=7.0):
    registry = CollectorRegistry()
    Gauge("pumpwatch_detect_candidates", "Symbols.", registry=registry).set(value)
    return registry


@pytest.fixture
def gateway():
    server = StubBybit()
    server.answer(PATH, Reply(status=202))
    yield server
    server.close()


def sink_to(url, **options):
    return PushgatewaySink(url, stage="dev", **({"timeout_seconds": PROMPT} | options))


def is_pushed(sink):
    return sink.push("pumpwatch_detect", a_registry(), failed=False)


def is_given_up(url):
    """Push to what does not answer; return whether the push ended, unaccepted and in time."""
    started = time.monotonic()
    accepted = is_pushed(sink_to(url, timeout_seconds=IMPATIENT))
    return not accepted and time.monotonic() - started < IMPATIENT + SLACK


def test_memory_remembers_what_was_pushed():
    sink = MemoryMetricsSink()
    assert is_pushed(sink)
    (push,) = sink.pushes
    assert (push.job, push.failed) == ("pumpwatch_detect", False)
    assert "pumpwatch_detect_candidates 7.0" in push.text
    sink.accepts = False
    assert not sink.push("pumpwatch_detect", a_registry(), failed=False)
    assert len(sink.pushes) == 1


def test_a_good_run_replaces_its_group_and_a_failed_one_adds_to_it(gateway):
    sink = sink_to(gateway.url)
    assert is_pushed(sink)
    assert sink.push("pumpwatch_detect", a_registry(), failed=True)
    assert [(request.method, request.path) for request in gateway.requests] == [
        ("PUT", PATH),
        ("POST", PATH),
    ]
    assert b"pumpwatch_detect_candidates 7.0" in gateway.requests[0].body


SECRET = "secret-of-the-gateway"
CREDENTIALS = PushCredentials("user", SECRET)


def test_user_and_password_are_sent_and_never_shown(gateway):
    sink = sink_to(gateway.url, credentials=lambda: CREDENTIALS)
    assert is_pushed(sink)
    sent = gateway.requests[0].headers["Authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")).decode() == f"user:{SECRET}"
    assert SECRET not in repr(CREDENTIALS) + repr(sink)


def test_a_password_never_leaves_this_machine_in_the_clear(caplog):
    sink = sink_to("http://192.0.2.1:9091", credentials=lambda: CREDENTIALS)
    assert is_pushed(sink) is False
    assert "https only" in caplog.records[-1].reason
    assert SECRET not in caplog.text


def test_credentials_that_cannot_be_read_are_a_failed_push(gateway, caplog):
    def unreadable():
        raise StoreUnavailable("the secret could not be read")

    assert is_pushed(sink_to(gateway.url, credentials=unreadable)) is False
    assert caplog.records[-1].reason == "the secret could not be read"
    assert gateway.requests == []


def test_a_redirect_is_not_followed(gateway, caplog):
    gateway.answer(PATH, Reply(b"", status=302, headers={"Location": f"{gateway.url}/elsewhere"}))
    assert is_pushed(sink_to(gateway.url, credentials=lambda: CREDENTIALS)) is False
    assert "302" in caplog.records[-1].reason
    assert [request.path for request in gateway.requests] == [PATH]


@pytest.fixture(scope="module")
def private_authority():
    """A certificate authority of its own and a server certificate for 127.0.0.1."""
    authority = trustme.CA()
    return authority, authority.issue_cert("127.0.0.1")


@pytest.fixture
def tls_gateway(private_authority):
    server = StubBybit(private_authority[1])
    server.answer(PATH, Reply(status=202))
    yield server
    server.close()


def test_a_private_authority_is_trusted_when_the_secret_names_it(private_authority, tls_gateway):
    certificate = private_authority[0].cert_pem.bytes().decode()
    trusted = PushCredentials("user", SECRET, certificate)
    assert is_pushed(sink_to(tls_gateway.url, credentials=lambda: trusted))
    assert len(tls_gateway.requests) == 1


def test_an_unknown_authority_gets_no_password(tls_gateway, caplog):
    assert is_pushed(sink_to(tls_gateway.url, credentials=lambda: CREDENTIALS)) is False
    assert tls_gateway.requests == []
    assert SECRET not in caplog.text


def test_a_ca_that_is_no_certificate_is_a_failed_push(caplog):
    broken = PushCredentials("user", SECRET, "-----BEGIN CERTIFICATE-----\nno\n")
    assert is_pushed(sink_to("https://127.0.0.1:9", credentials=lambda: broken)) is False
    assert "no certificate" in caplog.records[-1].reason


def reason_for(gateway, body, caplog, status=400):
    gateway.answer(PATH, Reply(body, status=status))
    sink = sink_to(gateway.url, credentials=lambda: CREDENTIALS)
    assert is_pushed(sink) is False
    return caplog.records[-1].reason


def test_a_refused_push_says_what_the_gateway_said(gateway, caplog):
    said = b'pushed metrics are invalid or inconsistent: "pumpwatch_detect_candidates"\n'
    assert "HTTP 400: pushed metrics" in reason_for(gateway, said, caplog)
    assert "pumpwatch_detect_candidates" in caplog.records[-1].reason


def test_what_the_gateway_said_is_short_printable_and_without_the_password(gateway, caplog):
    pair = base64.b64encode(f"user:{SECRET}".encode())
    said = b"\x1b[1mno\r\n\xff " + SECRET.encode() + b" " + pair + b" " + b"x" * 9_000
    reason = reason_for(gateway, said, caplog)
    assert SECRET not in reason
    assert pair.decode() not in reason
    assert reason.isprintable()
    assert len(reason) < 400


@pytest.mark.parametrize("status", [401, 403, 502])
def test_a_proxy_s_page_is_not_repeated(gateway, caplog, status):
    assert reason_for(gateway, b"<html>a page</html>", caplog, status).endswith(str(status))


@pytest.mark.parametrize("port", ["9", "notaport"])
def test_a_gateway_that_is_not_there_is_a_failed_push(port, caplog):
    assert is_pushed(sink_to(f"http://127.0.0.1:{port}")) is False
    assert "metrics not pushed" in caplog.text


def test_what_is_no_registry_is_false(gateway):
    assert sink_to(gateway.url).push("pumpwatch_detect", object(), failed=False) is False
    assert gateway.requests == []


def test_a_slow_answer_is_given_up(gateway):
    gateway.answer(PATH, Reply(status=202, delay=3))
    assert is_given_up(gateway.url)


def test_a_dripping_answer_is_given_up_and_threads_do_not_pile_up(gateway, caplog):
    """Something comes every 50 ms: no socket's time-out ever fires."""
    gateway.answer(PATH, Reply(drip_head=0.05))
    sink = sink_to(gateway.url, timeout_seconds=0.1)
    assert [is_pushed(sink) for _ in range(8)] == [False] * 8
    assert len(sink._abandoned) == 4
    assert "pushes hang" in {record.reason for record in caplog.records}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_accepts_and_says_nothing_is_given_up(scheme):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert is_given_up(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")


def test_a_name_that_takes_long_to_look_up_is_given_up(monkeypatch):
    """No time-out of a socket covers the look-up of a name."""
    released, real = threading.Event(), socket.getaddrinfo

    def slow(*arguments, **options):
        released.wait(60)
        return real(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        assert is_given_up("http://localhost:9")
    finally:
        released.set()


IMPORT = "/api/v1/import/prometheus"


def test_victoria_metrics_import_path_is_posted_to_with_labels_in_the_query(gateway):
    gateway.answer(IMPORT, Reply(status=204))
    sink = sink_to(f"{gateway.url}{IMPORT}", credentials=lambda: CREDENTIALS)
    for failed in (False, True):
        assert sink.push("pumpwatch_detect", a_registry(), failed=failed)
    assert [request.method for request in gateway.requests] == ["POST", "POST"]
    (first, _) = gateway.requests
    assert first.path == IMPORT
    labels = "extra_label=job%3Dpumpwatch_detect&extra_label=stage%3Ddev"
    assert first.raw_query == labels
    assert b"pumpwatch_detect_candidates 7.0" in first.body
    assert first.headers["Authorization"].startswith("Basic ")
