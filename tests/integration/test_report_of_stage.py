"""`pumpwatch report --stage`: the same figures from table and bucket of a deployed stack."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws
from support.aws import make_bucket, make_table
from support.records import NOW, a_signal, a_trade, an_order, candles, settled
from typer.testing import CliRunner

from pumpwatch.adapters.dynamodb import (
    DynamoHaltStore,
    DynamoJournal,
    DynamoLeaseStore,
    DynamoSignalStore,
    DynamoTotalsStore,
    Table,
)
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.domain.candles import MINUTE, Candles
from pumpwatch.domain.trades import RepairNote
from pumpwatch.metrics import TRADE
from pumpwatch.ports import Halt
from workbench.cli.main import app
from workbench.costs.page import costs
from workbench.journal import stack

REGION = "eu-central-1"


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
    """A stage named prod, with a trade, a halt and candles around its event."""
    with mock_aws():
        made = {name: boto3.client(name, region_name=REGION) for name in ("dynamodb", "s3")}
        table_name, bucket = make_table(made["dynamodb"]), make_bucket(made["s3"])
        fill(Table(table_name, made["dynamodb"]), S3HistoryStore(bucket, made["s3"]))
        yield Stacks({"StateTable": table_name, "HistoryBucket": bucket})


@pytest.fixture(autouse=True)
def found(monkeypatch, stacks):
    """moto has no CloudFormation without its largest extra: the listing is answered here."""
    real = stack.deployment_of_stage
    monkeypatch.setattr(stack, "deployment_of_stage", lambda _, stage: real(stacks, stage))


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
    kept = Candles.from_series([series], interval=MINUTE, first=NOW - 10 * MINUTE, count=30)
    history.save_slice(0, kept)


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
    assert any("no run records" in sentence for sentence in found["not_recorded"])


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
