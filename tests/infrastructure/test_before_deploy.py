"""`make deploy` refuses what cannot work before anything is made, and names the parameter."""

import os

import pytest
from botocore.exceptions import NoCredentialsError
from support.deployed import CloudFormation, refusal

from tools import before_deploy
from tools.before_deploy import main, refusals

REGION = "eu-central-1"


class Account(CloudFormation):
    """An AWS account: perhaps a stack, other stacks, a quota, a network."""

    def __init__(self):
        super().__init__({})
        self.there = False
        self.unreserved = 1000
        self.networks = {"subnet-1", "sg-1"}
        self.others = []

    def describe_stacks(self, StackName):
        if not self.there:
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        return super().describe_stacks(StackName)

    def get_paginator(self, operation):
        if operation == "describe_stacks":
            self.paginate = lambda: [{"Stacks": self.others}]
            return self
        return super().get_paginator(operation)

    def get_account_settings(self):
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self.unreserved}}

    def describe_subnets(self, SubnetIds):
        self._look(SubnetIds, "subnet")

    def describe_security_groups(self, GroupIds):
        self._look(GroupIds, "group")

    def _look(self, ids, what):
        if missing := set(ids) - self.networks:
            raise refusal("NotFound", f"the {what} '{missing.pop()}' does not exist")


@pytest.fixture
def account():
    return Account()


def refused(account, region=REGION, **parameters):
    return list(refusals("pumpwatch", region, parameters, lambda service: account))


LIVE = {"TradingMode": "live", "LiveTradingConfirmation": "1", "Strategy": "fade"}
DEMO = "https://api-demo.bybit.com"
OWN_VPC = {"Network": "own-vpc", "PushgatewayUrl": "http://10.0.0.5:9444"}
OWN_CODE = {"Detector": "my_rules:Sprint", "Strategy": "my_strategies:Bounce"}
VPC = {"Network": "existing-vpc", "SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        LIVE,
        {"TradingMode": "demo", "BybitBaseUrl": DEMO},
        VPC,
        OWN_VPC | {"PushgatewayPort": "9444"},
        {"ReservedConcurrency": 1},
        {"Settings": 'SYMBOLS_EXCLUDED="BTC*" FADE_TARGET_RETRACE=0.7'},
        OWN_CODE | {"OwnCodeLayer": "arn:aws:lambda:eu-central-1:123456789012:layer:mine:3"},
    ],
)
def test_what_can_work_is_not_refused(account, parameters):
    assert refused(account, **parameters) == []


@pytest.mark.parametrize(
    ("parameters", "begins"),
    [
        ({"Stag": "prod"}, "the template has no parameter Stag"),
        (OWN_CODE, "OwnCodeLayer - Detector or Strategy is your own: name the layer"),
        (OWN_CODE | {"OwnCodeLayer": "mine"}, "parameter OwnCodeLayer='mine' is not allowed"),
        ({"Strategy": "my code"}, "parameter Strategy='my code' is not allowed"),
        ({"Leverage": "9"}, "parameter Leverage='9' is not allowed"),
        ({"VpcCidr": "8.8.8.0/24"}, "parameter VpcCidr='8.8.8.0/24' is not allowed"),
        ({"TradingMode": "live", "Strategy": "fade"}, "LiveTradingConfirmation - "),
        ({"region": "us-east-1"}, "Region - "),
        ({"TradingMode": "demo"}, "BybitBaseUrl - demo trading needs a demo host"),
        (
            {"TradingMode": "demo", "BybitBaseUrl": "https://api.bybit.com/"},
            "BybitBaseUrl='https://api.bybit.com' is not allowed when TradingMode=demo: set",
        ),
        (LIVE | {"BybitBaseUrl": DEMO}, "BybitBaseUrl - live trading refuses Bybit's demo hosts"),
        (
            LIVE | {"BybitBaseUrl": f"{DEMO}:443"},
            "BybitBaseUrl='https://api-demo.bybit.com:443' is not allowed when TradingMode=live",
        ),
        ({"TradingTimeZone": "Mars/Phobos"}, "TradingHours or TradingTimeZone: "),
        ({"TradingHours": "Mon-Foo 1"}, "TradingHours or TradingTimeZone: "),
        ({"Settings": "LEVERAGE=9"}, "SETTINGS: leverage='9' is not allowed"),
        ({"Settings": "LEVERAGES=2"}, "SETTINGS: there is no setting leverages; did you mean"),
        ({"PushgatewayUrl": "http://push.example.org"}, "PushgatewayUrl='http://push"),
        (OWN_VPC, "PushgatewayPort - it is 9091, but PushgatewayUrl has port 9444."),
        (OWN_VPC | {"PushgatewayUrl": "http://10.0.0.5"}, "PushgatewayPort - it is 9091"),
        (VPC | {"SubnetIds": "subnet-1,subnet-2"}, "SubnetIds: NotFound: the subnet 'subnet-2'"),
        (VPC | {"SecurityGroupIds": "sg-2"}, "SecurityGroupIds: NotFound: the group 'sg-2'"),
    ],
)
def test_parameters_that_cannot_work_are_refused_by_name(account, parameters, begins):
    (sentence,) = refused(account, **parameters)
    assert sentence.startswith(begins)


@pytest.mark.parametrize(
    ("unreserved", "before", "allowed"),
    [(10, None, False), (101, None, False), (102, None, True), (100, "1", True), (100, "0", False)],
)
def test_concurrency_that_the_quota_does_not_allow_is_refused(account, unreserved, before, allowed):
    account.unreserved = unreserved
    account.there = before is not None
    account.parameters = {"ReservedConcurrency": before or "0", "Stage": "dev"}
    sentences = refused(account, ReservedConcurrency="1")
    named = [one.partition(" - ")[0] for one in sentences]
    assert named == ([] if allowed else ["ReservedConcurrency"])


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        ("UPDATE_COMPLETE", True),
        ("REVIEW_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_COMPLETE", True),
        ("ROLLBACK_COMPLETE", False),
        ("UPDATE_IN_PROGRESS", False),
        ("UPDATE_ROLLBACK_FAILED", False),
    ],
)
def test_stack_that_cannot_be_updated_is_refused_with_what_to_do(account, status, allowed):
    account.there, account.status, account.parameters = True, status, {"Stage": "dev"}
    account.events = [("TradeFunction", "CREATE_FAILED", "Quota exceeded")]
    sentences = refused(account)
    assert bool(sentences) != allowed
    assert all(one.startswith(f"stack pumpwatch - {status}: ") for one in sentences)


def test_values_of_the_stack_that_is_there_count_and_parameters_of_former_versions_do_not(account):
    account.there, account.parameters = True, {"Stage": "dev", "Former": "1", "TradingMode": "live"}
    (sentence,) = refused(account, LiveTradingConfirmation="1")
    assert sentence.startswith("Strategy - ")


def test_stage_of_another_stack_is_refused(account):
    outputs = [{"OutputKey": key, "OutputValue": "x"} for key in ("StateTable", "HistoryBucket")]
    stage = [{"ParameterKey": "Stage", "ParameterValue": "dev"}]
    account.others = [{"StackName": "other", "Outputs": outputs, "Parameters": stage}]
    (sentence,) = refused(account)
    assert sentence.startswith("Stage - dev is the stack other's")
    assert refused(account, Stage="prod") == []
    account.there, account.parameters = True, {"Stage": "dev"}
    assert refused(account) == [], "it has had it before"


@pytest.fixture
def run(tmp_path, account, monkeypatch, capsys):
    def made(text, *arguments):
        (tmp_path / "samconfig.toml").write_text(text)
        monkeypatch.setattr(
            before_deploy, "clients_in", lambda region: (region or REGION, lambda _: account)
        )
        return main(arguments, root=tmp_path), capsys.readouterr().err

    return made


CONFIG = """
[default.global.parameters]
stack_name = "pumpwatch"
[default.deploy.parameters]
region = "{region}"
parameter_overrides = {overrides}
"""


@pytest.mark.parametrize(
    "overrides",
    [
        '\'Leverage="9" Stage="prod"\'',
        '["Leverage=9", "Stage=p"]',
        '"ParameterKey=Leverage,ParameterValue=9 ParameterKey=Stage,ParameterValue=p"',
    ],
)
def test_answers_of_the_last_time_are_read_and_options_win(run, overrides):
    text = CONFIG.format(region=REGION, overrides=overrides)
    status, told = run(text)
    assert (status, told.count("\n")) == (1, 1)
    assert told.startswith("refused: parameter Leverage='9' is not allowed")
    options = ["--no-confirm-changeset", "--parameter-overrides", "Leverage=1", "TradingHours="]
    assert run(text, *options) == (0, "")
    assert "Region - " in run(text, *options, "--region", "us-east-1")[1]


@pytest.mark.parametrize(
    ("answer", "options", "used"),
    [('profile = "a"', (), "a"), ("", ("--profile", "b"), "b"), ("", (), "mine")],
)
def test_aws_is_asked_with_the_profile_that_sam_uses(run, monkeypatch, answer, options, used):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert run(f"[default.deploy.parameters]\n{answer}", *options) == (0, "")
    assert os.environ["AWS_PROFILE"] == used


def test_what_cannot_be_read_or_reached_is_one_line(run, account, monkeypatch):
    assert run("stack_name = ")[1].startswith("refused: samconfig.toml: ")
    assert run("") == (0, "")

    def refuse(**_):
        raise NoCredentialsError

    monkeypatch.setattr(account, "describe_stacks", refuse)
    status, told = run(CONFIG.format(region=REGION, overrides='""'))
    assert (status, told.count("\n")) == (1, 1)
    assert "look at network, region and credentials" in told
