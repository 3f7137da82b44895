"""Cold starts through a real Pushgateway and a real Prometheus: the totals are true.

A hundred of them without the servers are in tests/hazards.
"""

import threading
import time
from decimal import Decimal

import pytest
from moto import mock_aws
from support.aws import client, make_table
from support.functions import invoke
from support.prometheus import prometheus
from support.servers import needs_server

from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.pushgateway import PushgatewaySink
from pumpwatch.metrics.catalogue import DETECT, METRICS, Kind
from pumpwatch_workbench.local.aws.pushgateway import Pushgateway

pytestmark = [needs_server("prometheus"), needs_server("prometheus-pushgateway")]

RUNS = 20
REPEATED, OVERLAPPED = 7, 5
"""Every so many runs is invoked a second time; another begins during every so many."""
PACE = 0.03
SIGNALS = "pumpwatch_detect_signals_total"
BUSY = "pumpwatch_detect_runs_total"
DELAYS = "pumpwatch_detect_signal_delay_seconds"


def describe(number, numbers):
    numbers.count("signals", 1 + number % 3, phase="rising")
    numbers.observe("signal_delay_seconds", 10.5 + number)


def cold_start(table, url, number, execution, during=lambda: None):
    """Invoke an instance of the function: everything is new but the table and the gateway."""

    def work():
        during()
        return number

    return invoke(
        DETECT,
        execution,
        leases=DynamoLeaseStore(table),
        totals=DynamoTotalsStore(table),
        sink=PushgatewaySink(url, stage="test", timeout_seconds=60),
        work=work,
        describe=describe,
    )


@pytest.fixture
def table():
    with mock_aws():
        yield Table(make_table(client("dynamodb")), client("dynamodb"))


def invoke_all(table, url):
    """Invoke all runs, some of them twice or with another beside them."""

    def overlap(number):
        late = threading.Thread(target=cold_start, args=(table, url, 0, f"late-{number}"))
        late.start()
        late.join()

    for number in range(RUNS):
        during = (lambda n=number: overlap(n)) if number % OVERLAPPED == 0 else lambda: None
        assert cold_start(table, url, number, f"run-{number}", during) == number
        if number % REPEATED == 0:
            assert cold_start(table, url, number, f"run-{number}") == number
        time.sleep(PACE)


def test_cold_starts_lose_and_invent_nothing(table, tmp_path):
    with Pushgateway(real=True) as gateway:
        target = (gateway.url.removeprefix("http://"), {"honor_labels": True})
        with prometheus(tmp_path, {"pushgateway": target}, interval="100ms") as server:
            # The first point is from before the runs: what exists from the start begins at 0.
            cold_start(table, gateway.url, 2, "before")
            assert server.wait_for(SIGNALS)
            invoke_all(table, gateway.url)
            server.wait_for_scrapes()
            check(server, DynamoTotalsStore(table).add(DETECT, "reader", {}))


def check(server, ledger):
    expected = sum(1 + number % 3 for number in range(RUNS))
    first_signals = 1 + 2 % 3
    assert ledger[f"{SIGNALS}|phase=rising"] == first_signals + expected
    selector = f'{SIGNALS}{{phase="rising",stage="test",job="{DETECT}"}}'
    samples = server.samples(selector, 1_800)
    (began, before), (ended, after) = samples[0], samples[-1]
    assert before == first_signals
    assert after - before == expected, "last less first is the ledger, exactly"
    increase = f"increase({selector}[{round((ended - began) * 1000)}ms])"
    assert server.value(increase, time=ended) == pytest.approx(expected, rel=0.02)
    busy = server.value(f'{BUSY}{{result="busy"}}')
    assert busy == ledger[f"{BUSY}|result=busy"] == RUNS / OVERLAPPED
    assert server.value(f'{BUSY}{{result="success"}}') == RUNS + 1
    assert server.value(f"{DELAYS}_count") == RUNS + 1
    total = ledger[f"{DELAYS}_sum"]
    assert total == sum((Decimal("10.5") + n for n in range(RUNS)), Decimal("12.5"))
    assert server.value(f"{DELAYS}_sum") == float(total)
    for metric in METRICS:
        if metric.job == DETECT and metric.kind is not Kind.GAUGE:
            name = metric.name + ("_bucket" if metric.kind is Kind.HISTOGRAM else "")
            assert server.value(f"sum(resets({name}[30m]))") == 0, name
