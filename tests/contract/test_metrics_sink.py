"""Pushing metrics: to memory, and to gateways that are there, absent, slow or rude."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry, Gauge
from support.stub_bybit import Reply, StubBybit

from pumpwatch.adapters.memory import MemoryMetricsSink
from pumpwatch.adapters.pushgateway import BasicAuth, PushgatewaySink

PATH = "/metrics/job/pumpwatch_detect/stage/dev"
PATIENCE = 0.5
SLACK = 1.0
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
    return PushgatewaySink(url, stage="dev", **({"timeout_seconds": PATIENCE} | options))


def timed_push(sink):
    started = time.monotonic()
    accepted = sink.push("pumpwatch_detect", a_registry(), failed=False)
    assert time.monotonic() - started < PATIENCE + SLACK
    return accepted


def test_memory_remembers_what_was_pushed():
    sink = MemoryMetricsSink()
    assert sink.push("pumpwatch_detect", a_registry(), failed=False)
    (push,) = sink.pushes
    assert (push.job, push.failed) == ("pumpwatch_detect", False)
    assert "pumpwatch_detect_candidates 7.0" in push.text
    sink.accepts = False
    assert not sink.push("pumpwatch_detect", a_registry(), failed=False)
    assert len(sink.pushes) == 1


def test_a_good_run_replaces_its_group_and_a_failed_one_adds_to_it(gateway):
    sink = sink_to(gateway.url, timeout_seconds=2)
    assert sink.push("pumpwatch_detect", a_registry(), failed=False)
    assert sink.push("pumpwatch_detect", a_registry(), failed=True)
    assert [(request.method, request.path) for request in gateway.requests] == [
        ("PUT", PATH),
        ("POST", PATH),
    ]
    assert b"pumpwatch_detect_candidates 7.0" in gateway.requests[0].body


def test_user_and_password_are_sent_and_never_shown(gateway):
    auth = BasicAuth("user", "secret-of-the-gateway")
    sink = sink_to(gateway.url, auth=auth, timeout_seconds=2)
    assert sink.push("pumpwatch_detect", a_registry(), failed=False)
    assert gateway.requests[0].headers["Authorization"].startswith("Basic ")
    assert "secret-of-the-gateway" not in repr(auth) + repr(sink)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_a_refusal_is_logged_and_false(gateway, status, caplog):
    gateway.answer(PATH, Reply(b"no", status=status))
    assert timed_push(sink_to(gateway.url)) is False
    assert "metrics not pushed" in caplog.text


def test_a_dead_port_is_false_at_once(caplog):
    assert timed_push(sink_to("http://127.0.0.1:9")) is False
    assert "metrics not pushed" in caplog.text


def test_an_impossible_address_is_false():
    assert timed_push(sink_to("http://127.0.0.1:notaport")) is False


def test_what_is_no_registry_is_false(gateway):
    assert sink_to(gateway.url).push("pumpwatch_detect", object(), failed=False) is False
    assert gateway.requests == []


def test_a_slow_answer_is_given_up(gateway):
    gateway.answer(PATH, Reply(status=202, delay=3))
    assert timed_push(sink_to(gateway.url)) is False


@contextmanager
def dripping_server():
    """Sends a byte of its answer every 50 ms for ever: no socket time-out ever fires."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    stop = threading.Event()

    def drip(connection):
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 202 Accepted\r\nX-Slow: ")
                while not stop.wait(0.05):
                    connection.sendall(b"x")
            except OSError:
                return  # the client is gone

    threads = []

    def accept():
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=drip, args=(connection,)))
            threads[-1].start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join()
        for each in threads:
            each.join()
        listener.close()


def test_a_dripping_answer_is_given_up_and_threads_do_not_pile_up(caplog):
    with dripping_server() as url:
        sink = sink_to(url, timeout_seconds=0.1)
        for _ in range(8):
            assert sink.push("pumpwatch_detect", a_registry(), failed=False) is False
        assert len(sink._abandoned) == 4
    assert "pushes hang" in {record.reason for record in caplog.records}


def test_a_server_that_accepts_and_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert timed_push(sink_to(f"http://127.0.0.1:{port}")) is False
