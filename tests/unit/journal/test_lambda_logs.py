"""Lambda's reports of runs: read newest first, at most so many, and refusals told in words."""

import json

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from support.lambda_reports import report_line
from support.records import NOW

from pumpwatch_workbench.operations.journal.lambda_logs import NEWEST_FIRST_SINCE, read_log
from pumpwatch_workbench.operations.journal.stack import logs_of_stack
from pumpwatch_workbench.operations.stack import DeployedStack

GROUP = "/pumpwatch/mine/detect"
MINUTE = 60_000
SINCE, UNTIL = NOW - 60 * MINUTE, NOW
ASKED = {
    "logGroupName": GROUP,
    "filterPattern": '{ $.type = "platform.report" }',
    "startTime": SINCE,
    "endTime": UNTIL,
    "startFromHead": False,
}


@pytest.fixture(scope="module")
def client():
    return boto3.client(
        "logs", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


@pytest.fixture
def stub(client):
    with Stubber(client) as stubbed:
        yield stubbed


def page(*events, token=None):
    found = {"events": [{"timestamp": time, "message": text} for time, text in events]}
    return found | ({"nextToken": token} if token else {})


def read(client, **more):
    return read_log(client, "detect", GROUP, SINCE, UNTIL, **more)


def test_each_report_is_a_run_with_time_memory_and_start(client, stub):
    lines = [
        (NOW, report_line(55, "timeout", memory=1024)),
        (NOW - MINUTE, report_line(2.5, init=1.25, memory=310)),
    ]
    stub.add_response("filter_log_events", page(*lines), ASKED)
    found = read(client)
    first, last = found.invocations
    assert (first.time, first.seconds, first.init_seconds) == (NOW - MINUTE, 2.5, 1.25)
    assert (first.memory_mib, first.memory_limit_mib, first.status) == (310, 1024, "success")
    assert (last.seconds, last.init_seconds, last.status) == (55, None, "timeout")
    assert (found.cut, found.unreadable, found.problem) == (False, 0, "")


def test_an_empty_page_is_not_the_last(client, stub):
    stub.add_response("filter_log_events", page(token="more"), ASKED)
    asked = ASKED | {"nextToken": "more"}
    stub.add_response("filter_log_events", page((NOW, report_line())), asked)
    assert len(read(client).invocations) == 1
    stub.assert_no_pending_responses()


def test_the_latest_are_read_and_the_rest_is_not_asked_for(client, stub):
    lines = [(NOW - n * MINUTE, report_line(number=n)) for n in range(4)]
    stub.add_response("filter_log_events", page(*lines, token="more"), ASKED)
    found = read(client, most=3)
    assert [one.time for one in found.invocations] == [NOW - n * MINUTE for n in (2, 1, 0)]
    assert found.cut


def test_exactly_as_many_as_are_read_is_not_cut(client, stub):
    lines = [(NOW - n * MINUTE, report_line(number=n)) for n in range(3)]
    stub.add_response("filter_log_events", page(*lines), ASKED)
    assert not read(client, most=3).cut


def changed(**metrics):
    line = json.loads(report_line())
    line["record"]["metrics"] |= metrics
    return json.dumps(line)


@pytest.mark.parametrize(
    "text",
    [
        "REPORT RequestId: 9a4f Duration: 3.1 ms",
        '{"type": "platform.report"',
        '{"type": "platform.report", "record": {}}',
        '{"type": "platform.start", "record": {"requestId": "9a4f"}}',
        '["platform.report"]',
        changed(durationMs="soon"),
        changed(durationMs=-1),
        changed(durationMs=float("nan")),
        changed(memorySizeMB=0),
        report_line(status=""),
    ],
)
def test_a_malformed_line_is_counted_and_left_out(client, stub, text):
    stub.add_response("filter_log_events", page((NOW, text), (NOW - 1, report_line())), ASKED)
    found = read(client)
    assert (len(found.invocations), found.unreadable) == (1, 1)


def test_memory_that_lambda_leaves_out_is_unknown_not_zero(client, stub):
    line = json.loads(report_line())
    del line["record"]["metrics"]["maxMemoryUsedMB"]
    stub.add_response("filter_log_events", page((NOW, json.dumps(line))), ASKED)
    (found,) = read(client).invocations
    assert (found.memory_mib, found.seconds) == (None, 1.5)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDeniedException", f"lack the right logs:FilterLogEvents on {GROUP}"),
        ("ResourceNotFoundException", f"there is no log group {GROUP}"),
        ("InvalidParameterException", f"refused to read {GROUP}: InvalidParameterException"),
    ],
)
def test_a_refusal_is_told_and_not_raised(client, stub, code, words):
    stub.add_client_error("filter_log_events", code)
    found = read(client)
    assert words in found.problem
    assert (found.invocations, found.cut) == ((), False)


def test_a_refusal_on_a_later_page_leaves_no_half_of_the_figures(client, stub):
    stub.add_response("filter_log_events", page((NOW, report_line()), token="more"), ASKED)
    stub.add_client_error("filter_log_events", "AccessDeniedException")
    assert read(client).invocations == ()


def test_no_answer_is_told_and_not_raised():
    class Silent:
        def get_paginator(self, name):
            raise EndpointConnectionError(endpoint_url="https://logs")

    assert "CloudWatch did not answer" in read(Silent()).problem


def test_a_longer_past_than_cloudwatch_reads_newest_first_is_shortened(client, stub):
    stub.add_response("filter_log_events", page(), ASKED | {"startTime": NEWEST_FIRST_SINCE})
    assert read_log(client, "detect", GROUP, 0, UNTIL).problem == ""


def test_both_groups_are_the_stacks_own_and_a_missing_output_is_told(client, stub):
    stub.add_response("filter_log_events", page((NOW, report_line())), ASKED)
    scans = {"ScanIntervalSeconds": "10"}
    stack = DeployedStack("", "", {"logs": client}.get, {"DetectLogGroup": GROUP}, "", scans)
    detect, trade = logs_of_stack(stack, SINCE, UNTIL)
    assert (detect.function, len(detect.invocations), detect.interval_seconds) == ("detect", 1, 10)
    assert trade.interval_seconds == 60
    assert "no output TradeLogGroup" in trade.problem
