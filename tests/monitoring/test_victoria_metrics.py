"""VictoriaMetrics instead of Pushgateway and Prometheus: only the address changes."""

import time
from urllib.request import urlopen

import pytest
from support.doubles import MemoryTotalsStore
from support.monitoring import every_query, query_of, rule_named
from support.prometheus import PATIENCE, Prometheus, wait_until
from support.servers import answers, needs_server, program

from pumpwatch.adapters.pushgateway import PushgatewaySink
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings

pytestmark = needs_server("victoria-metrics")

NOT_THERE = ("PushStale", "PushRejected", "PushgatewayDown")
"""Alerts about a Pushgateway: docs/monitoring-backends.md names them."""
SUCCESSES = 'pumpwatch_trade_runs_total{result="success"}'
LATEST = 'pumpwatch_trade_api_latency_seconds_bucket{endpoint="market/time",le="+Inf"} == 3'


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

    with program("victoria-metrics", folder / "log", arguments, is_ready) as port:
        yield Prometheus(f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
def pushed(victoria):
    """Push three runs of each function; points and names become visible a moment later."""
    address = f"{victoria.url}/api/v1/import/prometheus"
    variables = {"TABLE_NAME": "table", "BUCKET_NAME": "bucket", "PUSHGATEWAY_URL": address}
    settings = load_settings(DetectSettings, variables)
    sink = PushgatewaySink(settings.pushgateway_url, stage="prod", timeout_seconds=PATIENCE)
    reporters = {job: MetricsReporter(job, MemoryTotalsStore(), sink) for job in (DETECT, TRADE)}
    for run in range(3):
        for job, reporter in reporters.items():
            numbers = RunNumbers(job)
            numbers.set("last_success_timestamp_seconds", time.time())
            numbers.count("runs", result="success")
            numbers.observe("api_latency_seconds", 0.07, endpoint="market/time")
            assert reporter.report(numbers, f"run-{run}")
        time.sleep(0.1)

    def visible():
        urlopen(f"{victoria.url}/internal/force_flush", timeout=PATIENCE).close()
        return victoria.query(f"{SUCCESSES} == 3") and victoria.query(LATEST)

    assert wait_until(visible)
    return victoria


def test_pushes_arrive_under_job_and_stage(pushed):
    (series,) = pushed.query('pumpwatch_detect_runs_total{result="success"}')
    assert series["metric"]["job"] == "pumpwatch_detect"
    assert series["metric"]["stage"] == "prod"
    assert float(series["value"][1]) == 3
    buckets = 'pumpwatch_trade_api_latency_seconds_bucket{endpoint="market/time",le="0.1"}'
    assert pushed.value(buckets) == 3


def test_totals_grow_and_do_not_reset(pushed):
    assert pushed.value(f"resets({SUCCESSES}[30m])") == 0
    assert [value for _, value in pushed.samples(SUCCESSES, 1_800)] == [1, 2, 3]


def test_every_query_is_understood(pushed):
    for _, expr in every_query():
        pushed.query(expr)


def test_what_is_about_the_pushgateway_finds_nothing_and_the_rest_works(pushed):
    for title in NOT_THERE:
        assert pushed.query(query_of(rule_named(title))) == []
    assert pushed.value(query_of(rule_named("DetectorSilent"))) < 1_800
