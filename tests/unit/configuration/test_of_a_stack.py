"""Settings of a deployed stack: pushed, read by the functions, and what becomes of wrong ones."""

import json
import logging
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws
from support.aws import client, make_bucket
from support.deployed import Deployment
from support.doubles import ManualDeadline, MemoryTotalsStore
from typer.testing import CliRunner

from pumpwatch.adapters.settings_object import SettingsObject
from pumpwatch.bootstrap.function import Function
from pumpwatch.bootstrap.lease import RunLease
from pumpwatch.bootstrap.renewal import RenewedFunction
from pumpwatch.bootstrap.trade import CARE_ALONE
from pumpwatch.errors import BadInput, SettingsError, StoreUnavailable
from pumpwatch.invocation import Tick
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.overrides import OBJECT, settings_in_force
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.cli import config as command
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.configuration.stack_object import settings_to_push, stored_settings
from pumpwatch_workbench.local.memory import MemoryLeaseStore

VARIABLES = {"TABLE_NAME": "table", "BUCKET_NAME": "bucket", "LEVERAGE": "2", "MAX_SPREAD": "0.02"}
DEADLINE = ManualDeadline(25.0)


@pytest.fixture
def bucket():
    with mock_aws():
        yield make_bucket(client("s3"))


@pytest.fixture
def deployed():
    with mock_aws():
        yield Deployment()


def put(bucket, text):
    body = text if isinstance(text, str) else json.dumps(text)
    client("s3").put_object(Bucket=bucket, Key=OBJECT, Body=body.encode())


# --- which settings win ---------------------------------------------------------------------


def test_the_object_wins_over_settings_and_both_over_their_own_variables():
    environment = {
        **VARIABLES,
        "SETTINGS": 'LEVERAGE=3 MAX_SPREAD=0.03 TRADING_HOURS="Mon 08:00-09:00"',
    }
    made = settings_in_force(TradeSettings, environment, {"leverage": "4"})
    assert (made.leverage, str(made.max_spread)) == (4, "0.03")
    assert made.trading_hours == "Mon 08:00-09:00"
    assert str(settings_in_force(TradeSettings, VARIABLES, {}).max_spread) == "0.02"


def test_each_function_takes_its_own_and_leaves_the_other_s():
    stored = {"symbols": "A*", "leverage": "4", "max_tick_age_seconds": "80"}
    detect = settings_in_force(DetectSettings, VARIABLES, stored)
    assert (detect.symbols, detect.max_tick_age_seconds) == ("A*", 80)
    assert settings_in_force(TradeSettings, VARIABLES, stored).leverage == 4


@pytest.mark.parametrize("kind", [DetectSettings, TradeSettings])
@pytest.mark.parametrize(
    ("variable", "stored", "words"),
    [
        ("LEVRAGE=2", {}, "SETTINGS: there is no setting levrage; did you mean leverage?"),
        ("", {"symbol": "A"}, "settings.json: there is no setting symbol; did you mean symbols?"),
        ("LEVERAGE", {}, "SETTINGS 'LEVERAGE': write it as NAME=VALUE"),
        ('A="', {}, "SETTINGS cannot be read"),
        ("PUSH_TIMEOUT_SECONDS=9", {}, "SETTINGS: push_timeout_seconds='9' is not allowed"),
        ("", {"push_timeout_seconds": "9"}, "settings.json: push_timeout_seconds='9' is not all"),
    ],
)
def test_what_is_wrong_is_named_with_where_it_stands(kind, variable, stored, words):
    with pytest.raises(SettingsError) as caught:
        settings_in_force(kind, {**VARIABLES, "SETTINGS": variable}, stored)
    assert words in str(caught.value)


def test_a_setting_of_the_deployment_is_ignored_with_an_error_in_the_log(caplog):
    stored = {"trading_mode": "live", "bybit_base_url": "https://api.bybit.eu", "leverage": "3"}
    made = settings_in_force(TradeSettings, VARIABLES, stored)
    assert (made.trading_mode, made.bybit_base_url) == ("paper", "https://api.bybit.com")
    assert made.leverage == 3
    assert [one.levelno for one in caplog.records] == [logging.ERROR] * 2


# --- the object -----------------------------------------------------------------------------


def test_the_object_is_read_when_it_changed_and_only_then(bucket):
    stored = SettingsObject(bucket, client("s3"))
    with pytest.raises(SettingsError, match="could not be read"):
        assert stored.settings
    assert (stored.read_anew(), stored.settings) == (True, {})
    assert not stored.read_anew()
    put(bucket, {"Leverage": 3})
    assert (stored.read_anew(), stored.settings) == (True, {"leverage": "3"})
    assert not stored.read_anew()
    client("s3").delete_object(Bucket=bucket, Key=OBJECT)
    assert (stored.read_anew(), stored.settings) == (True, {})


@pytest.mark.parametrize("text", ["", "[1]", "{", "3"])
def test_what_is_no_object_is_said(bucket, text):
    put(bucket, text)
    stored = SettingsObject(bucket, client("s3"))
    stored.read_anew()
    with pytest.raises(SettingsError, match=r"settings.json is no JSON object"):
        assert stored.settings


def test_a_bucket_that_does_not_answer_is_named():
    with mock_aws(), pytest.raises(StoreUnavailable, match=r"settings.json: NoSuchBucket"):
        SettingsObject("no-such-bucket-1", client("s3")).read_anew()


def test_a_bucket_that_cannot_be_reached_is_said():
    def fails(**asked):
        raise EndpointConnectionError(endpoint_url="https://s3")

    stored = SettingsObject("bucket", SimpleNamespace(get_object=fails))
    with pytest.raises(StoreUnavailable, match="EndpointConnectionError"):
        stored.read_anew()


# --- functions that follow it ---------------------------------------------------------------


class Made:
    """A function of trade that is composed as often as its settings change."""

    def __init__(self, bucket):
        self.settings = []
        self.leases, self.totals = MemoryLeaseStore(lambda: 0.0), MemoryTotalsStore()
        environment = {**VARIABLES, "SETTINGS_BUCKET": bucket, "STRATEGY": "ride"}
        self.renewed = RenewedFunction(TradeSettings, environment, self.compose, CARE_ALONE)

    def compose(self, settings):
        self.settings.append(settings)
        lease = RunLease(self.leases, "trade", reserve=5.0)
        reporter = MetricsReporter("pumpwatch_trade", self.totals, None)
        return Function(
            "pumpwatch_trade",
            lease=lease,
            reporter=reporter,
            work=lambda *_: settings,
            describe=lambda *_: None,
        )

    def run(self, **tick):
        return self.renewed.run(Tick(0, "run", **tick), DEADLINE)

    def check(self):
        return self.renewed.probe(DEADLINE)["checks"]["settings"]


def test_a_change_takes_effect_with_the_next_run_of_the_schedule(bucket):
    made = Made(bucket)
    assert (made.run().leverage, made.run().strategy, len(made.settings)) == (2, "ride", 1)
    put(bucket, {"leverage": "4"})
    # A signal does not wait for another request.
    assert made.run(signal_ids=("s",)).leverage == 2
    assert (made.run().leverage, len(made.settings)) == (4, 2)
    assert made.run(signal_ids=("s",)).leverage == 4
    assert made.check() == {"ok": True}


def test_a_renewed_function_goes_on_in_the_same_process(bucket):
    made = Made(bucket)
    process = made.renewed.function.process
    put(bucket, {"leverage": "4"})
    made.run()
    assert made.renewed.function.process is process


def test_while_it_was_never_read_trade_opens_nothing_and_goes_on_trying(monkeypatch):
    with mock_aws():
        s3 = client("s3")
        made = Made("pumpwatch-late-bucket")
        assert made.run().strategy == "alert"
        assert "settings.json could not be read" in made.check()["detail"]
        s3.create_bucket(
            Bucket="pumpwatch-late-bucket",
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        )
        assert made.run().strategy == "ride"
        # What was read before stays in force.
        put("pumpwatch-late-bucket", {"leverage": "3"})
        assert made.run().leverage == 3
        fails = StoreUnavailable("no answer")
        monkeypatch.setattr(SettingsObject, "read_anew", lambda _: (_ for _ in ()).throw(fails))
        assert (made.run().leverage, made.run().strategy) == (3, "ride")


@pytest.mark.parametrize(
    "wrong", [{"leverage": "9"}, {"levrage": "1"}, "nonsense", {"trading_hours": "soon"}]
)
def test_with_a_wrong_object_trade_opens_nothing_until_it_is_right(bucket, wrong):
    made = Made(bucket)
    put(bucket, wrong)
    settings = made.run()
    assert (settings.strategy, settings.leverage) == ("alert", 2)
    check = made.check()
    assert (check["ok"], check["error"]) == (False, "CheckFailed")
    put(bucket, {"leverage": "3"})
    assert (made.run().strategy, made.run().leverage) == ("ride", 3)
    assert made.check() == {"ok": True}


def test_a_rule_that_cannot_be_made_keeps_detect_on_its_other_settings(bucket):
    put(bucket, {"detector": "ewma"})

    def compose(settings):
        if settings.detector == "ewma":
            raise SettingsError("the rule cannot be made")
        return settings.detector and Made.compose(made, settings)

    made = Made(bucket)
    environment = {**VARIABLES, "SETTINGS_BUCKET": bucket}
    renewed = RenewedFunction(DetectSettings, environment, compose)
    assert renewed.run(Tick(0, "run"), DEADLINE).detector == "boosted"


# --- pumpwatch config -----------------------------------------------------------------------


def typed(deployed, monkeypatch, *arguments):
    monkeypatch.setattr(command, "deployed_stack", lambda name, region: deployed.stack())
    result = CliRunner().invoke(app, ["config", *map(str, arguments), "--stack", "pumpwatch"])
    return result.exit_code, result.output, str(result.exception or "")


def test_push_shows_what_changes_and_show_what_there_is(deployed, monkeypatch, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('leverage = 2\nsymbols = ["A*"]\n', encoding="utf-8")
    assert typed(deployed, monkeypatch, "push", file)[:2] == (
        0,
        '+ leverage = 2\n+ symbols = "A*"\n',
    )
    file.write_text("leverage = 3\n", encoding="utf-8")
    status, shown, _ = typed(deployed, monkeypatch, "push", file)
    assert (status, shown) == (0, '- leverage = 2\n+ leverage = 3\n- symbols = "A*"\n')
    assert typed(deployed, monkeypatch, "push", file)[1] == "nothing changes\n"
    assert stored_settings(deployed.stack()) == {"leverage": "3"}
    assert typed(deployed, monkeypatch, "show")[1] == "leverage = 3\n"
    put(deployed.outputs["HistoryBucket"], "nonsense")
    status, shown, _ = typed(deployed, monkeypatch, "push", file)
    assert (status, shown) == (0, "- settings.json is no JSON object\n+ leverage = 3\n")
    assert stored_settings(deployed.stack()) == {"leverage": "3"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("leverage = 9", "mine.toml line 1: leverage='9' is not allowed"),
        ("levrage = 1", "did you mean leverage?"),
        ("mode = 'live'", "line 1: mode is not of a stack's settings"),
        ("stage = 'prod'", "line 1: stage is not of a stack's settings"),
        ("scan_interval_seconds = 10", "scan_interval_seconds is not of a stack's settings"),
        ("bybit_base_url = 'https://api.bybit.eu'", "bybit_base_url is not of a stack's"),
        ("table_name = 'x'", "belongs to a deployed stack"),
    ],
)
def test_what_a_stack_may_not_take_is_refused_before_anything_is_written(
    deployed, tmp_path, line, words
):
    file = tmp_path / "mine.toml"
    file.write_text(line, encoding="utf-8")
    with pytest.raises((BadInput, SettingsError)) as caught:
        settings_to_push(file, deployed.stack())
    assert words in str(caught.value)


def test_a_push_is_checked_together_with_the_functions_own_settings(deployed, tmp_path):
    deployed.functions.variables = {**VARIABLES, "SETTINGS": "LEVERAGE=9"}
    file = tmp_path / "mine.toml"
    file.write_text("max_spread = 0.02", encoding="utf-8")
    with pytest.raises(SettingsError, match="SETTINGS: leverage='9'"):
        settings_to_push(file, deployed.stack())
    file.write_text("leverage = 3", encoding="utf-8")
    assert settings_to_push(file, deployed.stack()) == {"leverage": "3"}
