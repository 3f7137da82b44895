"""Without the table nothing is counted and nothing is sent: an alert and an alarm say so."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError
from prometheus_client.parser import text_string_to_metric_families
from support.monitoring import metric_names, query_of, rules

from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.bootstrap.function import Function
from pumpwatch.bootstrap.lease import RunLease
from pumpwatch.errors import StoreUnavailable
from pumpwatch.invocation import Tick
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch_workbench.local.aws.template import load_template
from pumpwatch_workbench.local.memory import MemoryMetricsSink, MemoryTotalsStore

TEMPLATE = load_template(Path(__file__).parents[2] / "template.yaml")
FUNCTIONS = {DETECT: "DetectFunction", TRADE: "TradeFunction"}


class Gone:
    """A client of a service that cannot be reached."""

    def __getattr__(self, operation):
        def call(**asked):
            raise EndpointConnectionError(endpoint_url="https://dynamodb.example.org")

        return call


class Context:
    aws_request_id = "request"

    def get_remaining_time_in_millis(self):
        return 25_000


def run_once(job, totals, sink):
    """Let a function do a tick that begins with its lease, as both do; its work is never reached.

    Raises what the run raises.
    """
    lease = RunLease(DynamoLeaseStore(Table("table", Gone())), "lease", reserve=1.0)

    def work(tick, deadline, taken):
        pytest.fail("nothing may be done without a lease")

    reporter = MetricsReporter(job, totals, sink)
    function = Function(job, reporter=reporter, lease=lease, work=work, describe=lambda *_: None)
    function.run(Tick(0, "run-1"), Context())


def pushed_names(sink):
    return {
        family.name for push in sink.pushes for family in text_string_to_metric_families(push.text)
    }


@pytest.mark.parametrize("job", [DETECT, TRADE])
def test_the_cluster_s_alert_needs_no_count(job):
    sink = MemoryMetricsSink()
    with pytest.raises(StoreUnavailable):
        run_once(job, DynamoTotalsStore(Table("table", Gone())), sink)
    (alert,) = (rule for rule in rules() if rule["title"] == "TableUnreachable")
    gauge = f"{job}_last_uncounted_timestamp_seconds"
    assert gauge in metric_names(query_of(alert))
    assert pushed_names(sink) == {gauge, f"{job}_last_failure_timestamp_seconds"}


@pytest.mark.parametrize("job", [DETECT, TRADE])
def test_a_failure_that_is_counted_is_no_outage_of_the_table(job):
    sink = MemoryMetricsSink()
    with pytest.raises(StoreUnavailable):
        run_once(job, MemoryTotalsStore(), sink)
    assert f"{job}_last_uncounted_timestamp_seconds" not in pushed_names(sink)


@pytest.mark.parametrize("job", [DETECT, TRADE])
def test_cloudwatch_s_alarm_needs_nothing_of_the_function(job):
    """The run raises, as above: Lambda counts it among the function's errors."""
    watched = [
        alarm["Properties"]
        for alarm in TEMPLATE["Resources"].values()
        if alarm["Type"] == "AWS::CloudWatch::Alarm"
        and alarm["Properties"]["MetricName"] == "Errors"
        and alarm["Properties"]["Dimensions"][0]["Value"] == {"Ref": FUNCTIONS[job]}
    ]
    (alarm,) = watched
    assert alarm["AlarmActions"]
    assert (alarm["Namespace"], alarm["Threshold"]) == ("AWS/Lambda", 1)
    assert alarm["Period"] * alarm["DatapointsToAlarm"] <= 180
