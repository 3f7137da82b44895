"""Both push targets of a local run: they take, refuse and show the same."""

import os
import shutil
import time
from http.client import HTTPConnection

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, push_to_gateway, pushadd_to_gateway
from prometheus_client.exposition import delete_from_gateway
from prometheus_client.parser import text_string_to_metric_families
from support.servers import needs_server

from pumpwatch_workbench.local.aws import LocalStackError, Pushgateway
from pumpwatch_workbench.local.aws.pushgateway import BUILT_IN, REAL


@pytest.fixture(
    params=[
        pytest.param(True, marks=needs_server(REAL), id=REAL),
        pytest.param(False, id=BUILT_IN),
    ]
)
def gateway(request):
    with Pushgateway(real=request.param) as made:
        yield made


def registry(**gauges):
    made = CollectorRegistry()
    for name, value in gauges.items():
        Gauge(name, "Some text.", registry=made).set(value)
    return made


def shown(gateway):
    """Return what was pushed, without what the gateway adds."""
    return {
        (sample.name, sample.labels.get("job"), sample.labels.get("stage")): sample.value
        for family in text_string_to_metric_families(gateway.text())
        for sample in family.samples
        if sample.labels.get("job") and not sample.name.startswith("push_")
    }


def send(gateway, method, path, body):
    host, port = gateway.url.removeprefix("http://").split(":")
    connection = HTTPConnection(host, int(port), timeout=60)
    connection.request(method, path, body=body)
    status = connection.getresponse().status
    connection.close()
    return status


def push(gateway, job, made, how=push_to_gateway):
    how(gateway.url, job=job, registry=made, grouping_key={"stage": "dev"}, timeout=60)


def test_put_replaces_the_group(gateway):
    push(gateway, "a", registry(one=1, two=2))
    push(gateway, "a", registry(two=3))
    assert shown(gateway) == {("two", "a", "dev"): 3}


def test_post_replaces_only_the_names_it_brings(gateway):
    push(gateway, "a", registry(one=1, two=2))
    push(gateway, "a", registry(two=3), pushadd_to_gateway)
    assert shown(gateway) == {("one", "a", "dev"): 1, ("two", "a", "dev"): 3}


def test_groups_do_not_disturb_each_other(gateway):
    push(gateway, "a", registry(one=1))
    push(gateway, "b", registry(one=2))
    assert shown(gateway) == {("one", "a", "dev"): 1, ("one", "b", "dev"): 2}
    delete_from_gateway(gateway.url, job="a", grouping_key={"stage": "dev"}, timeout=60)
    # The real one answers before it has done it.
    ends = time.monotonic() + 60
    while len(shown(gateway)) > 1 and time.monotonic() < ends:
        time.sleep(0.02)
    assert shown(gateway) == {("one", "b", "dev"): 2}


def test_counters_keep_their_type(gateway):
    made = CollectorRegistry()
    counter = Counter("orders", "Orders.", ["leg"], registry=made)
    counter.labels('an "odd" \\ leg\n').inc(4)
    push(gateway, "a", made)
    (family,) = (
        one for one in text_string_to_metric_families(gateway.text()) if one.name == "orders"
    )
    assert family.type == "counter"
    (sample,) = (one for one in family.samples if one.name == "orders_total")
    assert (sample.value, sample.labels["leg"]) == (4, 'an "odd" \\ leg\n')


def test_accepted_pushes_are_counted(gateway):
    for _ in range(3):
        push(gateway, "a", registry(one=1))
    push(gateway, "a", registry(one=1), pushadd_to_gateway)
    send(gateway, "PUT", "/metrics/job/a", "this is no metric line at all {\n")
    assert gateway.accepted() == 4


def test_push_time_is_added(gateway):
    push(gateway, "a", registry(one=1))
    assert "push_time_seconds{" in gateway.text()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/metrics/job/a", "not a metric {\n"),
        ("/metrics/job/a", "one 1"),
        ("/metrics/job/a", "one 1 1700000000000\n"),
        ("/metrics/job/a", "one not-a-number\n"),
    ],
)
def test_malformed_push_is_refused(gateway, path, body):
    assert send(gateway, "PUT", path, body) == 400
    assert shown(gateway) == {}


def test_name_with_two_types_is_refused(gateway):
    assert send(gateway, "PUT", "/metrics/job/a", "# TYPE one counter\none 1\n") == 200
    assert send(gateway, "PUT", "/metrics/job/b", "# TYPE one gauge\none 1\n") == 400


def test_kind_is_said():
    assert Pushgateway(real=False).kind == BUILT_IN
    assert Pushgateway().kind == (REAL if shutil.which(REAL) else BUILT_IN)


def test_real_one_that_is_not_there_is_asked_for_in_vain(monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    assert Pushgateway().kind == BUILT_IN
    with pytest.raises(LocalStackError, match="not on PATH"):
        Pushgateway(real=True)


def test_built_in_one_refuses_other_paths_and_endless_bodies():
    with Pushgateway(real=False) as gateway:
        assert send(gateway, "PUT", "/other/job/a", "one 1\n") == 400
        assert send(gateway, "PUT", "/metrics/job/a/stage", "one 1\n") == 400
        assert send(gateway, "PUT", "/metrics/job/", "one 1\n") == 400
        assert send(gateway, "PUT", "/metrics/stage/dev", "one 1\n") == 400
        assert send(gateway, "PUT", "/metrics/job@base64/YQ==", "one 1\n") == 200
        assert send(gateway, "GET", "/other", None) == 404
        assert ("one", "a", None) in shown(gateway)
