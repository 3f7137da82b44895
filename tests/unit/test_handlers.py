"""The handlers' own few lines: probes, busy leases, and what they answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch_workbench.local.aws.functions import LocalFunction

ROOT = Path(__file__).parents[2]
RUNTIME = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}
SCHEDULE = {"scheduled_time": "2026-01-05T00:01:00Z", "execution_id": "e-1"}


@pytest.fixture(params=["detect", "trade"])
def local(request, monkeypatch):
    """Load a handler as Lambda does; return it with the object it works with."""
    for name, value in RUNTIME.items():
        monkeypatch.setenv(name, value)
    local = LocalFunction(
        request.param,
        code=ROOT / "functions" / request.param,
        handler="app.lambda_handler",
        variables={
            "TABLE_NAME": "table",
            "BUCKET_NAME": "bucket",
            "POWERTOOLS_SERVICE_NAME": "handlers",
        },
        timeout_seconds=25,
        memory_megabytes=512,
        region="eu-central-1",
        runtime=RUNTIME,
    )
    with local._lambda_process():
        handler = local._load()
    return local, handler.__wrapped__.__globals__["function"]


def test_a_probe_is_answered_with_what_can_be_reached(local, monkeypatch):
    function_of_lambda, function = local
    monkeypatch.setattr(type(function), "probe", lambda self, context: {"reached": True})
    monkeypatch.setattr(type(function), "run", lambda *_: pytest.fail("a probe does no work"))
    assert function_of_lambda.invoke({"action": "probe"}).payload == {"reached": True}


def test_a_run_beside_another_one_says_that_it_was_busy(local, monkeypatch):
    function_of_lambda, function = local
    monkeypatch.setattr(type(function), "run", lambda self, tick, context: None)
    invocation = function_of_lambda.invoke(SCHEDULE)
    assert (invocation.payload, invocation.error) == ({"busy": True}, None)
    function_of_lambda.log.seek(0)
    written = function_of_lambda.log.read()
    assert "another run holds the lease" in str(written)


def test_a_malformed_event_is_refused_by_name(local, monkeypatch):
    function_of_lambda, function = local
    monkeypatch.setattr(
        type(function), "refuse", lambda self, error, context: {"error": str(error)}
    )
    answer = function_of_lambda.invoke({"scheduled_time": "yesterday"}).payload
    assert "scheduled_time" in answer["error"]


@pytest.mark.parametrize("local", ["trade"], indirect=True)
def test_what_a_person_must_act_on_is_a_warning_and_an_order_is_not(local, monkeypatch):
    trade_function, function = local
    report = TradeReport()
    for number, kind in enumerate(("opened", "closed", "denied", "problem", "vanished", "halted")):
        report.note(kind, kind, time=1, symbol=f"S{number}USDT")
    report.block("halt", "halted by a person")
    report.block("lock", "a protection pauses every symbol")
    monkeypatch.setattr(type(function), "run", lambda self, tick, context: report)
    assert trade_function.invoke(SCHEDULE).error is None
    trade_function.log.seek(0)
    written = trade_function.log.read()
    lines = written.splitlines() if isinstance(written, str) else written.decode().splitlines()
    levels = {
        line["message"]: line["level"]
        for line in map(json.loads, (line for line in lines if line.startswith("{")))
        if "kind" in line
    }
    orders = {"opened", "closed", "denied", "no entries: a protection pauses every symbol"}
    assert {text for text, level in levels.items() if level == "INFO"} == orders
    warned = {"problem", "vanished", "halted", "no entries: halted by a person"}
    assert {text for text, level in levels.items() if level == "WARNING"} == warned
