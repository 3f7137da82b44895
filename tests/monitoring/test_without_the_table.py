"""Without the table nothing is counted and nothing is sent: an alert and an alarm say so."""

import pytest
from botocore.exceptions import EndpointConnectionError
from prometheus_client.parser import text_string_to_metric_families
from support.doubles import MemoryMetricsSink, MemoryTotalsStore
from support.functions import invoke
from support.monitoring import REPOSITORY, metric_names, query_of, rule_named

from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.errors import StoreUnavailable
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch_workbench.local.aws.template import load_template

FUNCTIONS = {DETECT: "DetectFunction", TRADE: "TradeFunction"}


class Gone:
    """A client of a service that cannot be reached."""

    def __getattr__(self, operation):
        def call(**parameters):
            raise EndpointConnectionError(endpoint_url="https://dynamodb.example.org")

        return call


TABLE = Table("table", Gone())


def pushed_names(job, totals):
    """Let a function begin a run, which fails for want of its lease; return what it pushes."""
    sink = MemoryMetricsSink()
    with pytest.raises(StoreUnavailable):
        invoke(
            job,
            "run-1",
            leases=DynamoLeaseStore(TABLE),
            totals=totals,
            sink=sink,
            work=lambda: pytest.fail("nothing may be done without a lease"),
        )
    families = (text_string_to_metric_families(push.text) for push in sink.pushes)
    return {family.name for several in families for family in several}


@pytest.mark.parametrize("job", [DETECT, TRADE])
def test_the_cluster_s_alert_needs_no_count(job):
    gauge = f"{job}_last_uncounted_timestamp_seconds"
    assert gauge in metric_names(query_of(rule_named("TableUnreachable")))
    uncounted = pushed_names(job, DynamoTotalsStore(TABLE))
    assert uncounted == {gauge, f"{job}_last_failure_timestamp_seconds"}
    assert gauge not in pushed_names(job, MemoryTotalsStore()), "a counted failure is no outage"


@pytest.mark.parametrize("job", [DETECT, TRADE])
def test_cloudwatch_s_alarm_needs_nothing_of_the_function(job):
    """The run raises, as above: Lambda counts it among the function's errors."""
    resources = load_template(REPOSITORY / "template.yaml")["Resources"].values()
    (alarm,) = (
        resource["Properties"]
        for resource in resources
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        and resource["Properties"]["MetricName"] == "Errors"
        and resource["Properties"]["Dimensions"][0]["Value"] == {"Ref": FUNCTIONS[job]}
    )
    assert alarm["AlarmActions"]
    threshold = alarm["Threshold"]
    if job == DETECT:  # A few of its scans may fail where there are twelve a minute.
        name, few, threshold = threshold["Fn::If"]
        assert (name, few) == ("ScansFromTheQueue", 3)
    assert (alarm["Namespace"], threshold) == ("AWS/Lambda", 1)
    assert alarm["Period"] * alarm["DatapointsToAlarm"] <= 180
