"""Both push targets of a local run: they take, refuse and show the same."""

import os
import shutil
from http.client import HTTPConnection

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, push_to_gateway, pushadd_to_gateway
from prometheus_client.parser import text_string_to_metric_families
from support.servers import needs_server

from pumpwatch_workbench.local.aws.aws import LocalStackError
from pumpwatch_workbench.local.aws.pushgateway import BUILT_IN, REAL, Pushgateway


@pytest.fixture(params=[pytest.param(REAL, marks=needs_server(REAL)), BUILT_IN])
def gateway(request):
    with Pushgateway(real=request.param == REAL) as running:
        yield running


def registry(**gauges):
    filled = CollectorRegistry()
    for name, value in gauges.items():
        Gauge(name, "Some text.", registry=filled).set(value)
    return filled


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


def push(gateway, job, registry, how=push_to_gateway):
    how(gateway.url, job=job, registry=registry, grouping_key={"stage": "dev"}, timeout=60)


def test_put_replaces_the_group_and_post_only_the_names_it_brings(gateway):
    push(gateway, "a", registry(x=1, y=2))
    push(gateway, "a", registry(y=3))
    assert shown(gateway) == {("y", "a", "dev"): 3}
    push(gateway, "a", registry(x=4), pushadd_to_gateway)
    assert shown(gateway) == {("x", "a", "dev"): 4, ("y", "a", "dev"): 3}
    assert "push_time_seconds{" in gateway.text()


def test_groups_do_not_disturb_each_other(gateway):
    push(gateway, "a", registry(x=1))
    push(gateway, "b", registry(x=2))
    assert shown(gateway) == {("x", "a", "dev"): 1, ("x", "b", "dev"): 2}


def test_counters_keep_their_type(gateway):
    orders, odd = CollectorRegistry(), 'an "odd" \\ leg\n'
    Counter("orders", "Orders.", ["leg"], registry=orders).labels(odd).inc(4)
    push(gateway, "a", orders)
    families = {family.name: family for family in text_string_to_metric_families(gateway.text())}
    assert families["orders"].type == "counter"
    totals = {s.labels["leg"]: s.value for s in families["orders"].samples if "total" in s.name}
    assert totals == {odd: 4}


def test_accepted_pushes_are_counted(gateway):
    for _ in range(3):
        push(gateway, "a", registry(x=1))
    push(gateway, "a", registry(x=1), pushadd_to_gateway)
    send(gateway, "PUT", "/metrics/job/a", "this is no metric line at all {\n")
    assert gateway.accepted() == 4


def test_malformed_push_is_refused(gateway):
    for body in ("not a metric {\n", "x 1", "x 1 1700000000000\n", "x not-a-number\n"):
        assert send(gateway, "PUT", "/metrics/job/a", body) == 400, body
    assert shown(gateway) == {}
    assert send(gateway, "PUT", "/metrics/job/a", "# TYPE x counter\nx 1\n") == 200
    assert send(gateway, "PUT", "/metrics/job/b", "# TYPE x gauge\nx 1\n") == 400


def test_the_real_one_is_used_where_it_is_installed(monkeypatch):
    assert Pushgateway(real=False).kind == BUILT_IN
    assert Pushgateway().kind == (REAL if shutil.which(REAL) else BUILT_IN)
    monkeypatch.setenv("PATH", os.devnull)
    assert Pushgateway().kind == BUILT_IN
    with pytest.raises(LocalStackError, match="not on PATH"):
        Pushgateway(real=True)


def test_built_in_one_refuses_other_paths():
    with Pushgateway(real=False) as gateway:
        for path in ("other/job/a", "metrics/job/a/stage", "metrics/job/", "metrics/stage/dev"):
            assert send(gateway, "PUT", f"/{path}", "x 1\n") == 400, path
        assert send(gateway, "PUT", "/metrics/job/a", "x 1\n") == 200
        assert send(gateway, "GET", "/other", None) == 404
        assert ("x", "a", None) in shown(gateway)
