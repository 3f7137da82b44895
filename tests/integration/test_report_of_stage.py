"""`pumpwatch report --stage`: the same figures from table and bucket of a deployed stack."""

import json
import time
from datetime import UTC, datetime

import botocore.client
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from support.aws import REGION, client, make_bucket, make_table
from support.lambda_reports import report_line
from support.records import NOW, a_signal, a_trade, an_order, candles, on_grid, settled
from typer.testing import CliRunner

import pumpwatch_workbench.notebook as pw
from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore, DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.trades import RepairNote
from pumpwatch.metrics.catalogue import TRADE
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.operations.costs.page import costs
from pumpwatch_workbench.operations.stack import DeployedStack

GROUPS = {name: f"/pumpwatch/mine/{name}" for name in ("detect", "trade")}


class Stacks:
    """What CloudFormation says: two stacks on two pages."""

    def __init__(self, outputs):
        listed = [
            ({}, {"Stage": "elsewhere"}),
            (outputs, {"Stage": "prod", "ScanIntervalSeconds": "10"}),
        ]
        self.pages = [
            {"Stacks": [{"Outputs": pairs("Output", out), "Parameters": pairs("Parameter", given)}]}
            for out, given in listed
        ]

    def get_paginator(self, name):
        assert name == "describe_stacks"
        return self

    def paginate(self):
        return self.pages


def pairs(kind, values):
    return [{f"{kind}Key": key, f"{kind}Value": value} for key, value in values.items()]


@pytest.fixture(scope="module")
def stacks():
    """A stage named prod, with a trade, a halt, candles around its event, and runs in its logs."""
    with mock_aws():
        dynamodb, s3, logs = map(client, ("dynamodb", "s3", "logs"))
        table, bucket = make_table(dynamodb), make_bucket(s3)
        fill(Table(table, dynamodb), S3HistoryStore(bucket, s3))
        fill_logs(logs)
        groups = {f"{name.title()}LogGroup": group for name, group in GROUPS.items()}
        yield Stacks({"Stage": "prod", "StateTable": table, "HistoryBucket": bucket, **groups})


@pytest.fixture(autouse=True)
def listing(monkeypatch, stacks):
    """moto has no CloudFormation without its largest extra: the listing is answered here."""
    real = DeployedStack.of_stage

    def of_stage(stage, region, clients):
        own = {"cloudformation": stacks}
        return real(stage, region, lambda service: own.get(service) or clients(service))

    monkeypatch.setattr(DeployedStack, "of_stage", of_stage)


def fill(table, history):
    lease = DynamoLeaseStore(table).acquire("trade", owner="run", seconds=30)
    journal, order = DynamoJournal(table), an_order()
    trade = a_trade(event_id=a_signal().event_id, entry_time=NOW)
    journal.intend(trade, order, lease, day="2025-10-09", max_orders=None)
    journal.settle(trade, settled(order), lease, repair=RepairNote(NOW, "opened", "found"))
    DynamoSignalStore(table).publish(a_signal())
    DynamoHaltStore(table).halt(Halt("a look", NOW, "me"))
    key = f"{TRADE}_api_requests_total|code=refused,endpoint=order/create"
    DynamoTotalsStore(table).add(TRADE, "run", {key: 3})
    series = candles("PUMPUSDT", [(1, 1.2, 0.9, 1.1)] * 30, start=NOW - 10 * MINUTE)
    kept = on_grid([series], first=NOW - 10 * MINUTE, count=30)
    history.save_slice(0, kept)


def fill_logs(logs):
    """Log ten minutes of each function: one cold start, and one run of trade that timed out."""
    now = time.time_ns() // 1_000_000
    kinds = {
        "detect": [report_line(1.0, init=1.5, memory=400)] + [report_line(1.0, memory=380)] * 9,
        "trade": [report_line(25.0, "timeout", memory=512)] + [report_line(3.0, memory=300)] * 9,
    }
    for name, lines in kinds.items():
        logs.create_log_group(logGroupName=GROUPS[name])
        logs.create_log_stream(logGroupName=GROUPS[name], logStreamName="stream")
        events = [
            {"timestamp": now - (10 - n) * 60_000, "message": line} for n, line in enumerate(lines)
        ]
        logs.put_log_events(logGroupName=GROUPS[name], logStreamName="stream", logEvents=events)


def report(*arguments):
    """Return what the command prints about the stage."""
    words = ["report", "--region", REGION, "--since", "3000d", "--stage", "prod", *arguments]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_stages_journal_and_its_runs_in_lambdas_own_log_are_reported():
    answer = json.loads(report("--json"))
    kpis = answer["kpis"]
    assert answer["stage"] == "prod"
    assert (kpis["entries_filled"], kpis["open_now"], kpis["ticks"]) == (1, 1, None)
    assert kpis["api"][0]["codes"] == [["refused", 3]]
    assert kpis["repairs"] == [["opened", 1]]
    assert [halt["reason"] for halt in answer["halts"]] == ["a look"]
    aws = kpis["aws"]
    assert (aws["scan_seconds"], aws["symbols"]) == (10, 1_000)
    assert aws["dollars_a_month"] == costs(1_000, 10).total
    assert not any("no run records" in sentence for sentence in answer["not_recorded"])

    detect, trade = kpis["functions"]
    assert (detect["runs"], detect["failed"], detect["cold_starts"]) == (10, 0, 1)
    assert (detect["init_seconds"]["p50"], detect["seconds"]["largest"]) == (1.5, 2.5)
    assert (trade["runs"], trade["failed"], trade["timed_out"]) == (10, 1, 1)
    figures = {figure["name"]: figure for figure in answer["key_figures"]}
    headroom = figures["Time headroom"]
    assert headroom["value"] == pytest.approx(1 - (3.0 + 22.0 * 0.55) / 60)
    assert "of trade, the slower function" in headroom["note"]
    assert figures["Memory headroom"]["value"] == 0.5
    assert figures["CPU headroom"]["value"] is None
    assert "Lambda does not tell CPU time" in figures["CPU headroom"]["note"]


def test_a_notebook_gets_the_same(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    stage = pw.report("prod", since="3000d")
    assert (stage.trades.height, stage.events.height, stage.equity.height) == (1, 1, 0)
    figures = dict(stage.summary.select("name", "value").iter_rows())
    assert figures["Time headroom"] == pytest.approx(1 - (3.0 + 22.0 * 0.55) / 60)


def test_without_the_right_to_read_logs_the_report_still_comes(monkeypatch):
    call, refused = botocore.client.BaseClient._make_api_call, []

    def refuse(client, operation, parameters):
        if operation == "FilterLogEvents":
            refused.append(parameters["logGroupName"])
            error = {"Code": "AccessDeniedException", "Message": "not authorized"}
            raise ClientError({"Error": error}, operation)
        return call(client, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", refuse)
    answer = json.loads(report("--json"))
    assert sorted(refused) == sorted(GROUPS.values())
    kpis = answer["kpis"]
    assert (kpis["entries_filled"], kpis["time_headroom"], kpis["memory_headroom"]) == (
        1, None, None
    )  # fmt: skip
    assert sum("logs:FilterLogEvents" in sentence for sentence in answer["not_recorded"]) == 2


def test_its_alarms_are_compared_with_known_pumps(tmp_path):
    labels = tmp_path / "events.csv"
    onset = datetime.fromtimestamp(NOW / 1000 - 40, UTC).isoformat()
    labels.write_text(f"symbol,onset,counted\nPUMPUSDT,{onset},1\nAUSDT,{onset},1\n")
    agreement = json.loads(report("--json", "--labels", str(labels)))["kpis"]["agreement"]
    assert (agreement["pumps"], agreement["hits"], agreement["missed"]) == (2, 1, 1)
    assert agreement["delay_seconds"]["p50"] == 40.0


def test_its_page_has_the_chart_of_the_event_and_the_memory_of_the_runs(tmp_path):
    report("--out", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    for text in ("Pumpwatch report: prod", 'data-figure="event-1"', "512 of 1,024 MiB"):
        assert text in page


def test_a_stage_that_is_not_there_is_named():
    for name in ("nowhere", "elsewhere"):
        done = CliRunner().invoke(app, ["report", "--region", REGION, "--stage", name, "--json"])
        assert f"--stage is {name}: no stack" in str(done.exception)
