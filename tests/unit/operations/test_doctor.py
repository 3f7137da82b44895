"""`pumpwatch doctor` on a stack in moto: what is wrong is found, and said with what to do."""

import pytest
from moto import mock_aws
from support.deployed import Deployment, schedule

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.errors import BadInput
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch_workbench.operations.doctor import Doctor
from pumpwatch_workbench.operations.findings import ADVICE, Level
from pumpwatch_workbench.operations.stack import DeployedStack


@pytest.fixture
def deployed():
    with mock_aws():
        made = Deployment()
        made.succeed(DETECT, TRADE)
        made.subscribe()
        yield made


def examine(deployed, **changes):
    waits = []
    doctor = Doctor(deployed.stack(), wait=waits.append, **changes)
    return {one.name: one for one in doctor.examine()}, waits


def bad(findings):
    return {name: one for name, one in findings.items() if one.level is not Level.OK}


def test_healthy_stack_has_nothing_to_mend(deployed):
    findings, _ = examine(deployed)
    assert bad(findings) == {}
    assert "clock_skew_seconds 0.01" in findings["TradeFunction: exchange"].detail
    assert len(findings) > 10


def test_refused_exchange_is_explained(deployed):
    forbidden = {"ok": False, "error": "ExchangeForbidden", "detail": "/v5/market/time: HTTP 403"}
    deployed.functions.checks["detect"] = {"exchange": forbidden}
    findings, _ = examine(deployed)
    (found,) = bad(findings).values()
    assert (found.level, found.detail) == (Level.FAIL, "/v5/market/time: HTTP 403")
    assert "one of three" in found.advice


def test_warnings_of_the_key_are_shown(deployed):
    deployed.functions.checks["trade"] = {"key": {"ok": True, "warnings": ["the key has expired"]}}
    findings = list(Doctor(deployed.stack()).examine())
    assert ("TradeFunction: key", "the key has expired") in [
        (one.name, one.detail) for one in findings if one.level is Level.WARN
    ]


def test_function_that_cannot_start_says_why(deployed):
    sentence = "STAGE='' is not allowed"
    deployed.functions.error = {"errorType": "SettingsError", "errorMessage": sentence}
    findings, _ = examine(deployed)
    found = findings["DetectFunction probe"]
    assert (found.level, found.detail, found.advice) == (
        Level.FAIL,
        sentence,
        ADVICE["SettingsError"],
    )


def test_busy_function_is_asked_again(deployed):
    deployed.functions.busy = 3
    findings, waits = examine(deployed)
    assert bad(findings) == {}
    assert len(waits) == 3


def test_function_that_stays_busy_is_a_finding(deployed):
    deployed.functions.busy = 10_000
    findings, _ = examine(deployed)
    assert findings["DetectFunction probe"].level is Level.FAIL


def test_disabled_schedule_is_found(deployed):
    client = deployed.client("scheduler")
    client.update_schedule(Name="TradeSchedule", State="DISABLED", **schedule("trade"))
    findings, _ = examine(deployed)
    assert findings["TradeSchedule"].level is Level.FAIL
    assert findings["DetectSchedule"].level is Level.OK


def test_schedule_that_calls_another_stacks_function_is_found(deployed):
    deployed.client("scheduler").update_schedule(Name="DetectSchedule", **schedule("other-detect"))
    findings, _ = examine(deployed)
    assert findings["DetectSchedule"].level is Level.FAIL
    assert "calls other-detect, not this stack's detect" in findings["DetectSchedule"].detail
    assert findings["TradeSchedule"].level is Level.OK


def test_late_and_absent_successes_are_found():
    with mock_aws():
        made = Deployment()
        made.succeed(DETECT, ago=600)
        findings, _ = examine(made)
    assert findings["DetectFunction: last success"].level is Level.FAIL
    assert findings["TradeFunction: last success"].detail == "it never succeeded"
    assert findings["alarms"].level is Level.WARN


def test_halt_messages_and_failed_deployment_are_warnings(deployed):
    DynamoHaltStore(deployed.table()).halt(Halt("a look", 1, by="ann"))
    deployed.client("sqs").send_message(
        QueueUrl=deployed.outputs["FailedRunsUrl"], MessageBody="{}"
    )
    deployed.cloudformation.status = "UPDATE_ROLLBACK_COMPLETE"
    findings, _ = examine(deployed)
    assert set(bad(findings)) == {"halt", "FailedRunsUrl", "stack"}
    assert all(one.level is Level.WARN and one.advice for one in bad(findings).values())


def test_alarm_that_rings_is_shown(deployed):
    deployed.client("cloudwatch").put_metric_alarm(
        AlarmName="pumpwatch-DetectErrors",
        AlarmDescription="detect failed in 3 of 5 minutes.",
        MetricName="Errors",
        Namespace="AWS/Lambda",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=5,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    deployed.client("cloudwatch").set_alarm_state(
        AlarmName="pumpwatch-DetectErrors", StateValue="ALARM", StateReason="test"
    )
    details = [one.detail for one in Doctor(deployed.stack()).examine()]
    assert "detect failed in 3 of 5 minutes." in details


def test_clock_of_this_machine_is_compared_with_aws(deployed):
    import time

    findings, _ = examine(deployed, wall=lambda: time.time() + 60)
    assert findings["your clock"].level is Level.WARN


def test_missing_output_and_table_do_not_stop_the_other_checks(deployed):
    deployed.client("dynamodb").delete_table(TableName=deployed.outputs["StateTable"])
    del deployed.outputs["DetectSchedule"]
    findings, _ = examine(deployed)
    assert findings["stack"].level is findings["schedules"].level is Level.FAIL
    assert "the table does not exist" in findings["last success"].detail
    assert findings["FailedRunsUrl"].level is Level.OK


def test_region_that_bybit_refuses_is_found(deployed):
    stack = DeployedStack("pumpwatch", "us-east-1", deployed.client, deployed.outputs)
    first = next(Doctor(stack).examine())
    assert (first.name, first.level) == ("region", Level.FAIL)


def test_stack_that_does_not_exist_is_bad_input(deployed):
    with pytest.raises(BadInput, match="there is no stack other in eu-central-1"):
        DeployedStack.find("other", "eu-central-1", deployed.client)
