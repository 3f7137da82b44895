"""`pumpwatch report --stage`: the same figures from table and bucket of a deployed stack."""

import json
import time
from datetime import UTC, datetime

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from support.aws import make_bucket, make_table
from support.lambda_reports import report_line
from support.records import NOW, a_signal, a_trade, an_order, candles, on_grid, settled
from typer.testing import CliRunner

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

REGION = "eu-central-1"
GROUPS = {name: f"/pumpwatch/mine/{name}" for name in ("detect", "trade")}


class Stacks:
    """What CloudFormation says: two stacks on two pages."""

    def __init__(self, outputs):
        other = {"Outputs": [], "Parameters": [parameter("Stage", "elsewhere")]}
        ours = {
            "Outputs": [{"OutputKey": key, "OutputValue": one} for key, one in outputs.items()],
            "Parameters": [parameter("Stage", "prod"), parameter("ScanIntervalSeconds", "10")],
        }
        self.pages = [{"Stacks": [other]}, {"Stacks": [ours]}]

    def get_paginator(self, name):
        assert name == "describe_stacks"
        return self

    def paginate(self):
        return self.pages


def parameter(name, value):
    return {"ParameterKey": name, "ParameterValue": value}


@pytest.fixture(scope="module")
def stacks():
    """A stage named prod, with a trade, a halt, candles around its event, and runs in its logs."""
    with mock_aws():
        made = {name: boto3.client(name, region_name=REGION) for name in ("dynamodb", "s3")}
        table_name, bucket = make_table(made["dynamodb"]), make_bucket(made["s3"])
        fill(Table(table_name, made["dynamodb"]), S3HistoryStore(bucket, made["s3"]))
        fill_logs(boto3.client("logs", region_name=REGION))
        yield Stacks(
            {
                "StateTable": table_name,
                "HistoryBucket": bucket,
                "DetectLogGroup": GROUPS["detect"],
                "TradeLogGroup": GROUPS["trade"],
            }
        )


@pytest.fixture(autouse=True)
def found(monkeypatch, stacks):
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
        "detect": [report_line(52.0, init=1.5, memory=400)] + [report_line(52.0, memory=380)] * 9,
        "trade": [report_line(25.0, "timeout", memory=512)] + [report_line(3.0, memory=300)] * 9,
    }
    for name, lines in kinds.items():
        logs.create_log_group(logGroupName=GROUPS[name])
        logs.create_log_stream(logGroupName=GROUPS[name], logStreamName="one")
        events = [
            {"timestamp": now - (10 - n) * 60_000, "message": line} for n, line in enumerate(lines)
        ]
        logs.put_log_events(logGroupName=GROUPS[name], logStreamName="one", logEvents=events)


def report(*arguments):
    return CliRunner().invoke(app, ["report", "--region", REGION, "--since", "3000d", *arguments])


def test_the_stages_journal_is_reported_as_json():
    done = report("--stage", "prod", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["stage"] == "prod"
    assert (found["kpis"]["entries_filled"], found["kpis"]["open_now"]) == (1, 1)
    assert found["kpis"]["api"][0]["codes"] == [["refused", 3]]
    assert found["kpis"]["repairs"] == [["opened", 1]]
    assert found["kpis"]["ticks"] is None
    assert [one["reason"] for one in found["halts"]] == ["a look"]
    aws = found["kpis"]["aws"]
    assert (aws["scan_seconds"], aws["symbols"]) == (10, 1_000)
    assert aws["dollars_a_month"] == costs(1_000, 10).total
    assert not any("no run records" in sentence for sentence in found["not_recorded"])


def test_its_runs_are_told_from_lambdas_own_log(tmp_path):
    done = report("--stage", "prod", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    detect, trade = found["kpis"]["functions"]
    assert (detect["runs"], detect["failed"], detect["cold_starts"]) == (10, 0, 1)
    assert (detect["init_seconds"]["p50"], detect["seconds"]["largest"]) == (1.5, 53.5)
    assert (trade["runs"], trade["failed"], trade["timed_out"]) == (10, 1, 1)
    figures = {one["name"]: one for one in found["key_figures"]}
    headroom = figures["Time headroom"]
    assert headroom["value"] == pytest.approx(1 - (3.0 + 22.0 * 0.55) / 60)
    assert "of trade; detect scans until its minute is over" in headroom["note"]
    assert figures["Memory headroom"]["value"] == 0.5
    assert figures["CPU headroom"]["value"] is None
    assert "Lambda does not tell CPU time" in figures["CPU headroom"]["note"]
    done = report("--stage", "prod", "--out", str(tmp_path / "page.html"))
    assert done.exit_code == 0, done.output
    assert "512 of 1,024 MiB" in (tmp_path / "page.html").read_text()


def test_without_the_right_to_read_logs_the_report_still_comes(monkeypatch):
    make, asked = botocore.client.BaseClient._make_api_call, []

    def refuse(client, operation, parameters):
        if operation == "FilterLogEvents":
            asked.append(parameters["logGroupName"])
            error = {"Code": "AccessDeniedException", "Message": "not authorized"}
            raise ClientError({"Error": error}, operation)
        return make(client, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", refuse)
    done = report("--stage", "prod", "--json")
    assert done.exit_code == 0, done.output
    assert sorted(asked) == sorted(GROUPS.values())
    found = json.loads(done.stdout)
    assert found["kpis"]["entries_filled"] == 1
    assert (found["kpis"]["time_headroom"], found["kpis"]["memory_headroom"]) == (None, None)
    missing = [one for one in found["not_recorded"] if "logs:FilterLogEvents" in one]
    assert len(missing) == 2


def test_its_alarms_are_held_against_known_pumps(tmp_path):
    labels = tmp_path / "events.csv"
    onset = datetime.fromtimestamp(NOW / 1000 - 40, UTC).isoformat()
    labels.write_text(f"symbol,onset,counted\nPUMPUSDT,{onset},1\nAUSDT,{onset},1\n")
    done = report("--stage", "prod", "--json", "--labels", str(labels))
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["kpis"]["agreement"]
    assert (found["pumps"], found["hits"], found["missed"]) == (2, 1, 1)
    assert found["delay_seconds"]["p50"] == 40.0


def test_its_page_has_the_chart_of_the_event(tmp_path):
    done = report("--stage", "prod", "--out", str(tmp_path / "page.html"))
    assert done.exit_code == 0, done.output
    page = (tmp_path / "page.html").read_text()
    assert "Pumpwatch report: prod" in page
    assert 'data-figure="event-1"' in page


def test_a_stage_that_is_not_there_is_named():
    for name in ("nowhere", "elsewhere"):
        done = report("--stage", name, "--json")
        assert f"--stage is {name}: no stack" in str(done.exception)
