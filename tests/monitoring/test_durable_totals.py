"""A hundred cold starts through a real Pushgateway and a real Prometheus: the totals are true."""

import threading
import time
from decimal import Decimal

import boto3
import pytest
from moto import mock_aws
from support.aws import make_table
from support.prometheus import prometheus
from support.servers import needs_server

from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.pushgateway import PushgatewaySink
from pumpwatch.bootstrap.function import Function
from pumpwatch.bootstrap.lease import RunLease
from pumpwatch.invocation import Tick
from pumpwatch.metrics.catalogue import DETECT, METRICS, Kind
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch_workbench.local.aws import Pushgateway

pytestmark = [needs_server("prometheus"), needs_server("prometheus-pushgateway")]

RUNS = 100
REPEATED, OVERLAPPED = 7, 5
"""Every so many runs is invoked a second time; during every so many another one begins."""
PACE = 0.03
SIGNALS = "pumpwatch_detect_signals_total"
BUSY = "pumpwatch_detect_runs_total"


class Context:
    aws_request_id = "request"

    def get_remaining_time_in_millis(self):
        return 30_000


class ColdStart:
    """One instance of the function: everything is new but the table and the gateway."""

    def __init__(self, table, url, number, during=lambda: None):
        self._number = number
        self._during = during
        self._function = Function(
            DETECT,
            reporter=MetricsReporter(
                DETECT,
                DynamoTotalsStore(table),
                PushgatewaySink(url, stage="test", timeout_seconds=60),
            ),
            lease=RunLease(DynamoLeaseStore(table), "detect", reserve=1.0),
            work=self._work,
            describe=self._describe,
        )

    def run(self, execution):
        return self._function.run(Tick(self._number * 60_000, execution), Context())

    def _work(self, tick, deadline, lease):
        self._during()
        return self._number

    def _describe(self, number, numbers):
        numbers.count("signals", 1 + number % 3, phase="rising")
        numbers.observe("signal_delay_seconds", 10.5 + number)


@pytest.fixture
def table():
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-central-1")
        yield Table(make_table(client), client)


def invoke_all(table, url):
    """Invoke a hundred runs, some of them twice or with another one beside it."""
    overlapping = []

    def meanwhile(number):
        thread = threading.Thread(target=ColdStart(table, url, 0).run, args=(f"late-{number}",))
        overlapping.append(thread)
        thread.start()
        thread.join()

    for number in range(RUNS):
        overlap = (lambda n=number: meanwhile(n)) if number % OVERLAPPED == 0 else lambda: None
        assert ColdStart(table, url, number, overlap).run(f"run-{number}") == number
        if number % REPEATED == 0:
            assert ColdStart(table, url, number).run(f"run-{number}") == number
        time.sleep(PACE)
    return len(overlapping)


def test_a_hundred_cold_starts_lose_and_invent_nothing(table, tmp_path):
    with Pushgateway(real=True) as gateway:
        target = (gateway.url.removeprefix("http://"), {"honor_labels": True})
        with prometheus(tmp_path, {"pushgateway": target}, interval="100ms") as server:
            # The first point is from before the runs: what exists from the start begins at 0.
            ColdStart(table, gateway.url, 2).run("before")
            assert server.wait_for(SIGNALS)
            overlaps = invoke_all(table, gateway.url)
            server.wait_for_scrapes()
            ledger = DynamoTotalsStore(table).add(DETECT, "reader", {})
            check(server, ledger, overlaps)


def check(server, ledger, overlaps):
    expected = sum(1 + number % 3 for number in range(RUNS))
    first_signals = 1 + 2 % 3
    assert ledger[f"{SIGNALS}|phase=rising"] == first_signals + expected
    selector = f'{SIGNALS}{{phase="rising",stage="test",job="{DETECT}"}}'
    samples = server.samples(selector, 1_800)
    assert samples[0][1] == first_signals
    assert samples[-1][1] - samples[0][1] == expected, "last less first is the ledger, exactly"
    span = samples[-1][0] - samples[0][0]
    assert server.value(f"resets({selector}[30m])") == 0
    at = {"time": samples[-1][0]}
    increase = server.value(f"increase({selector}[{round(span * 1000)}ms])", **at)
    assert increase == pytest.approx(expected, rel=0.02)
    busy = server.value(f'{BUSY}{{result="busy"}}')
    assert busy == ledger[f"{BUSY}|result=busy"] == overlaps == RUNS / OVERLAPPED
    assert server.value(f'{BUSY}{{result="success"}}') == RUNS + 1
    delays = "pumpwatch_detect_signal_delay_seconds"
    assert server.value(f"{delays}_count") == RUNS + 1
    total = ledger[f"{delays}_sum"]
    assert total == sum((Decimal("10.5") + n for n in range(RUNS)), Decimal("12.5"))
    assert server.value(f"{delays}_sum") == float(total)
    for metric in METRICS:
        if metric.job == DETECT and metric.kind is not Kind.GAUGE:
            name = metric.name + ("_bucket" if metric.kind is Kind.HISTOGRAM else "")
            assert server.value(f"sum(resets({name}[30m]))") == 0, name
