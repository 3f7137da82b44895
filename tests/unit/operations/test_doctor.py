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
from pumpwatch_workbench.operations.overview import overview
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


def ring(deployed, alarm, text, topic):
    watch = deployed.client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName=alarm,
        AlarmDescription=text,
        AlarmActions=[topic],
        MetricName="Errors",
        Namespace="AWS/Lambda",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=5,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    watch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")


def test_alarm_that_rings_is_shown_and_none_of_a_stack_with_a_similar_name(deployed):
    own, others = "detect failed in 3 of 5 minutes.", "trade failed in 3 of 5 minutes."
    ring(deployed, "pumpwatch-DetectErrors-1", own, deployed.topic)
    ring(deployed, "pumpwatch-demo-TradeErrors-1", others, f"{deployed.topic}-demo")
    details = [one.detail for one in Doctor(deployed.stack()).examine()]
    assert own in details
    assert others not in details


def test_clock_of_this_machine_is_compared_with_aws(deployed):
    import time

    findings, _ = examine(deployed, wall=lambda: time.time() + 60)
    assert findings["your clock"].level is Level.WARN


def test_missing_output_and_table_do_not_stop_the_other_checks(deployed):
    deployed.client("dynamodb").delete_table(TableName=deployed.outputs["StateTable"])
    del deployed.outputs["DetectSchedule"]
    findings, _ = examine(deployed)
    assert findings["outputs"].level is findings["schedules"].level is Level.FAIL
    assert "the table does not exist" in findings["last success"].detail
    assert findings["FailedRunsUrl"].level is Level.OK


def test_region_that_bybit_refuses_is_found(deployed):
    stack = DeployedStack("pumpwatch", "us-east-1", deployed.client, deployed.outputs)
    first = next(Doctor(stack).examine())
    assert (first.name, first.level) == ("region", Level.FAIL)


def test_stack_that_does_not_exist_is_bad_input(deployed):
    with pytest.raises(BadInput, match="there is no stack other in eu-central-1"):
        DeployedStack.find("other", "eu-central-1", deployed.client)


FAILED_CREATE = [
    ("pumpwatch", "ROLLBACK_COMPLETE"),
    ("StateTable", "DELETE_COMPLETE"),
    ("pumpwatch", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Trade]"),
    ("Alarms", "CREATE_FAILED", "Resource creation cancelled"),
    ("TradeFunction", "CREATE_FAILED", "Quota exceeded"),
    ("StateTable", "CREATE_COMPLETE"),
    ("pumpwatch", "CREATE_IN_PROGRESS", "User Initiated"),
    ("OldResource", "CREATE_FAILED", "of a stack before this one"),
]


@pytest.mark.parametrize(
    ("status", "says", "advice"),
    [
        ("ROLLBACK_COMPLETE", "the first deployment failed", "sam delete --stack-name pumpwatch"),
        ("ROLLBACK_FAILED", "part of what it had made is left", "sam delete"),
        ("CREATE_FAILED", "what it had made is left", "sam delete"),
        ("DELETE_FAILED", "deleted in part", "repeat sam delete"),
    ],
)
def test_stack_that_was_never_there_in_full_is_explained_and_asked_nothing(
    deployed, status, says, advice
):
    deployed.cloudformation.status = status
    deployed.cloudformation.events = FAILED_CREATE
    deployed.outputs.clear()
    findings, _ = examine(deployed)
    assert set(findings) == {"region", "stack"}
    found = findings["stack"]
    assert found.level is Level.FAIL
    assert found.detail.startswith(f"{status}: ")
    assert says in found.detail
    assert found.detail.endswith("First failure: TradeFunction: Quota exceeded")
    assert advice in found.advice


@pytest.mark.parametrize(
    ("status", "level", "advice"),
    [
        ("UPDATE_ROLLBACK_COMPLETE", Level.WARN, "deploy again"),
        ("UPDATE_FAILED", Level.FAIL, "deploy again"),
        ("UPDATE_ROLLBACK_FAILED", Level.FAIL, "continue-update-rollback --stack-name pumpwatch"),
        ("UPDATE_IN_PROGRESS", Level.WARN, "Wait"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Level.WARN, "Wait"),
        ("IMPORT_ROLLBACK_COMPLETE", Level.WARN, "import again"),
    ],
)
def test_stack_that_was_not_updated_in_full_is_explained_and_examined(
    deployed, status, level, advice
):
    deployed.cloudformation.status = status
    findings, _ = examine(deployed)
    assert set(bad(findings)) == {"stack"}
    assert findings["stack"].level is level
    assert advice in findings["stack"].advice
    assert len(findings) > 10


@pytest.mark.parametrize(
    "status", ["REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS"]
)
def test_stack_that_is_not_there_yet_is_asked_nothing(deployed, status):
    deployed.cloudformation.status = status
    findings, _ = examine(deployed)
    assert set(findings) == {"region", "stack"}
    assert findings["stack"].level is not Level.OK


def test_stack_of_nothing_but_an_imported_table_is_explained(deployed):
    deployed.cloudformation.status = "IMPORT_COMPLETE"
    assert bad(examine(deployed)[0]) == {}, "an import into a whole stack"
    deployed.outputs.clear()
    findings, _ = examine(deployed)
    assert set(findings) == {"region", "stack"}
    assert "nothing but what was imported" in findings["stack"].detail


def test_rollback_that_was_continued_is_part_of_the_update_that_failed(deployed):
    deployed.cloudformation.status = "UPDATE_ROLLBACK_FAILED"
    deployed.cloudformation.events = [
        ("DetectFunction", "UPDATE_FAILED", "the role is gone"),
        ("pumpwatch", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"),
        ("TradeFunction", "UPDATE_FAILED", "the layer is too large"),
        ("pumpwatch", "UPDATE_IN_PROGRESS", "User Initiated"),
    ]
    findings, _ = examine(deployed)
    assert "First failure: TradeFunction: the layer is too large" in findings["stack"].detail


def test_functions_of_different_versions_are_found(deployed):
    deployed.functions.layers["trade"] = ["dependencies:1", "pumpwatch:6"]
    findings, _ = examine(deployed)
    assert findings["versions"].level is Level.FAIL
    assert "pumpwatch:6" in findings["versions"].detail


def test_live_trade_that_cannot_be_read_is_found(deployed):
    item = {"pk": {"S": "TRADES#LIVE"}, "sk": {"S": "1"}, "state": {"S": "levitating"}}
    deployed.client("dynamodb").put_item(TableName=deployed.outputs["StateTable"], Item=item)
    findings, _ = examine(deployed)
    assert set(bad(findings)) == {"journal"}
    assert "TRADES#LIVE 1 is no Trade" in findings["journal"].detail
    assert "by hand" in findings["journal"].advice
    assert overview(deployed.stack()).unreadable == [findings["journal"].detail]
