"""VictoriaMetrics instead of Pushgateway and Prometheus: only the address changes."""

import time
from urllib.request import urlopen

import pytest
from support.monitoring import every_query, query_of, rules
from support.prometheus import PATIENCE, Prometheus, answers, server_on_a_port
from support.servers import needs_server

from pumpwatch.adapters.pushgateway import PushgatewaySink
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings
from pumpwatch_workbench.local.memory import MemoryTotalsStore

pytestmark = needs_server("victoria-metrics")

NOT_THERE = {"PushStale", "PushRejected", "PushgatewayDown"}
"""Alerts about a Pushgateway: docs/monitoring-backends.md names them."""


SUCCESSES = 'pumpwatch_trade_runs_total{result="success"}'


@pytest.fixture(scope="module")
def victoria(tmp_path_factory):
    folder = tmp_path_factory.mktemp("victoria")

    def arguments(port):
        return [
            f"-httpListenAddr=127.0.0.1:{port}",
            f"-storageDataPath={folder / 'data'}",
            "-search.latencyOffset=0s",
            "-retentionPeriod=1d",
            "-memory.allowedBytes=64MB",
            "-loggerLevel=ERROR",
        ]

    def is_ready(port):
        return answers(f"http://127.0.0.1:{port}/health")

    with server_on_a_port("victoria-metrics", folder / "log", arguments, is_ready) as port:
        yield Prometheus(f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
def pushed(victoria):
    address = load_settings(
        DetectSettings,
        {
            "TABLE_NAME": "table",
            "BUCKET_NAME": "bucket",
            "PUSHGATEWAY_URL": f"{victoria.url}/api/v1/import/prometheus",
        },
    ).pushgateway_url
    for job in (DETECT, TRADE):
        totals = MemoryTotalsStore()
        for run in range(3):
            numbers = RunNumbers(job)
            numbers.set("last_success_timestamp_seconds", time.time())
            numbers.count("runs", result="success")
            numbers.observe("api_latency_seconds", 0.07, endpoint="market/time")
            reporter = MetricsReporter(
                job, totals, PushgatewaySink(address, stage="prod", timeout_seconds=PATIENCE)
            )
            assert reporter.report(numbers, f"run-{run}")
            time.sleep(0.5)
    wait_until_visible(victoria)
    return victoria


def wait_until_visible(victoria):
    """Points and names of series become visible a moment after they are taken."""
    ends = time.monotonic() + PATIENCE
    latest = 'pumpwatch_trade_api_latency_seconds_bucket{endpoint="market/time",le="+Inf"} == 3'
    while True:
        urlopen(f"{victoria.url}/internal/force_flush", timeout=PATIENCE).close()
        if (
            victoria.query(f"{SUCCESSES} == 3") and victoria.query(latest)
        ) or time.monotonic() > ends:
            return
        time.sleep(0.2)


def test_pushes_arrive_under_job_and_stage(pushed):
    (one,) = pushed.query('pumpwatch_detect_runs_total{result="success"}')
    assert one["metric"]["job"] == "pumpwatch_detect"
    assert one["metric"]["stage"] == "prod"
    assert float(one["value"][1]) == 3
    buckets = 'pumpwatch_trade_api_latency_seconds_bucket{endpoint="market/time",le="0.1"}'
    assert pushed.value(buckets) == 3


def test_totals_grow_and_do_not_reset(pushed):
    assert pushed.value(f"resets({SUCCESSES}[30m])") == 0
    assert [value for _, value in pushed.samples(SUCCESSES, 1_800)] == [1, 2, 3]


def test_every_query_is_understood(pushed):
    for _, expr in every_query():
        pushed.query(expr)


def test_what_is_about_the_pushgateway_finds_nothing_and_the_rest_works(pushed):
    for rule in rules():
        if rule["title"] in NOT_THERE:
            assert pushed.query(query_of(rule)) == []
    (silent,) = (rule for rule in rules() if rule["title"] == "DetectorSilent")
    assert pushed.value(query_of(silent)) < 1_800
