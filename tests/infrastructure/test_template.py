"""The deployment template: settings and variables are the same list, and rights are least."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from annotated_types import Ge, Gt, Le

from pumpwatch.adapters.secrets_manager import SecretsManagerSecrets
from pumpwatch.errors import BadCredentials, SettingsError
from pumpwatch.settings import DetectSettings, TradeSettings, load_settings
from pumpwatch.usecases.trade_signals import LEASE_RESERVE, LONGEST_RUN
from workbench.localstack.template import Template, load_template

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
DOCUMENT = load_template(TEMPLATE)
RESOURCES = DOCUMENT["Resources"]
SETTINGS = {"DetectFunction": DetectSettings, "TradeFunction": TradeSettings}
NOT_SETTINGS = {
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_LOG_LEVEL",
    "PROMETHEUS_DISABLE_CREATED_SERIES",
}
MADE = {
    "StateTable": "the-table",
    "HistoryBucket": "the-bucket",
    "ExchangeKey": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key",
    "PushgatewayPassword": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push",
}


def template(**parameters):
    made = Template(DOCUMENT, parameters, stack="stack", region="eu-central-1")
    made.physical.update(MADE)
    return made


def variables(name, **parameters):
    made = template(**parameters)
    properties = dict(made.functions())[name]
    return {
        key: str(value)
        for key, value in made.resolve(properties["Environment"]["Variables"]).items()
    }


def function(name):
    return dict(template().functions())[name]


def statements(role):
    (policy,) = RESOURCES[role]["Properties"]["Policies"]
    return policy["PolicyDocument"]["Statement"]


def actions(role):
    found = set()
    for statement in statements(role):
        action = statement["Action"]
        found |= set(action) if isinstance(action, list) else {action}
    return found


def with_field(kind):
    """Yield each parameter that is the whole value of a variable of settings, with its field."""
    for name, settings in SETTINGS.items():
        for variable, value in function(name)["Environment"]["Variables"].items():
            source = value.get("Ref") if isinstance(value, dict) else None
            parameter = DOCUMENT["Parameters"].get(source, {})
            if parameter.get("Type") == kind and variable.lower() in settings.model_fields:
                yield source, parameter, settings.model_fields[variable.lower()]


# --- settings and variables ----------------------------------------------------------------


@pytest.mark.parametrize("name", SETTINGS)
def test_variables_are_the_settings_both_ways(name):
    fields = {field.upper() for field in SETTINGS[name].model_fields}
    assert variables(name).keys() - NOT_SETTINGS == fields


@pytest.mark.parametrize("name", SETTINGS)
def test_defaults_of_the_template_are_the_defaults_of_the_settings(name):
    settings = load_settings(SETTINGS[name], variables(name))
    for field, declared in SETTINGS[name].model_fields.items():
        if not declared.is_required() and field != "bybit_secret_arn":
            assert getattr(settings, field) == declared.default, field


def test_live_mode_can_be_deployed():
    parameters = {"TradingMode": "live", "Strategy": "fade", "LiveTradingConfirmation": "1234"}
    settings = load_settings(TradeSettings, variables("TradeFunction", **parameters))
    assert settings.trading_mode == "live"


@pytest.mark.parametrize(("name", "parameter", "field"), list(with_field("Number")))
def test_bounds_of_a_number_are_those_of_its_setting(name, parameter, field):
    low = next(
        one.ge if isinstance(one, Ge) else one.gt
        for one in field.metadata
        if isinstance(one, Ge | Gt)
    )
    high = next(one.le for one in field.metadata if isinstance(one, Le))
    assert Decimal(str(parameter["MinValue"])) == Decimal(str(low))
    assert Decimal(str(parameter["MaxValue"])) == Decimal(str(high))


@pytest.mark.parametrize(("name", "parameter", "field"), list(with_field("String")))
def test_texts_are_bounded_by_values_or_a_pattern(name, parameter, field):
    if get_origin(field.annotation) is Literal:
        assert set(parameter["AllowedValues"]) == set(get_args(field.annotation))
    else:
        assert parameter["AllowedPattern"].startswith("^")
        assert parameter["AllowedPattern"].endswith("$")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.bybit.com",
        "https://api-demo.bybit.com/",
        "https://api.bybit.eu",
        "https://api.manepa.jp",
        "https://api.bybitgeorgia.ge",
        "http://127.0.0.1:8080",
        "http://localhost:80",
        "https://api.bybit.com:443",
        "https://api.bybit.com:444",
        "http://api.bybit.com",
        "https://api.bybit.com.evil.example",
        "https://user@api.bybit.com",
        "https://api.bybit.com/v5",
        "https://evil.example",
        "http://10.0.0.1",
        "",
    ],
)
def test_template_and_settings_agree_on_the_exchange_s_address(url):
    accepted = True
    try:
        load_settings(TradeSettings, {"TABLE_NAME": "table", "BYBIT_BASE_URL": url})
    except SettingsError:
        accepted = False
    pattern = DOCUMENT["Parameters"]["BybitBaseUrl"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, url)) == accepted


def test_every_parameter_is_described_and_grouped():
    groups = DOCUMENT["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(DOCUMENT["Parameters"])
    for name, parameter in DOCUMENT["Parameters"].items():
        assert parameter["Description"].endswith("."), name


# --- secrets -------------------------------------------------------------------------------


def test_no_parameter_or_variable_carries_a_secret():
    suspicious = re.compile(r"secret|password|token|api_?key|private", re.IGNORECASE)
    names = [name for name in DOCUMENT["Parameters"] if suspicious.search(name)]
    assert names == []
    for name in SETTINGS:
        found = [key for key in variables(name) if suspicious.search(key)]
        assert all(key.endswith("_SECRET_ARN") for key in found)


def test_detect_does_not_even_know_where_the_key_is():
    assert "BYBIT_SECRET_ARN" not in variables("DetectFunction")


class FreshSecrets:
    """Secrets Manager right after the first deployment: every secret is what it was made as."""

    def get_secret_value(self, SecretId, **_):
        made = RESOURCES[SecretId]["Properties"]["GenerateSecretString"]
        content = {**json.loads(made["SecretStringTemplate"]), made["GenerateStringKey"]: "x"}
        return {"SecretString": json.dumps(content)}


@pytest.mark.parametrize("read", ["exchange_key", "push_credentials"])
def test_secret_begins_as_a_placeholder_that_is_refused(read):
    secrets = SecretsManagerSecrets("ExchangeKey", "PushgatewayPassword", client=FreshSecrets())
    with pytest.raises(BadCredentials, match="placeholder"):
        getattr(secrets, read)()


def test_the_password_is_read_only_when_the_gateway_asks_for_it():
    for name in SETTINGS:
        assert variables(name)["PUSHGATEWAY_SECRET_ARN"] == ""
        asked = variables(name, PushgatewayAuthentication="basic")
        assert asked["PUSHGATEWAY_SECRET_ARN"] == MADE["PushgatewayPassword"]


# --- rights --------------------------------------------------------------------------------


def test_each_function_has_a_role_of_its_own():
    roles = [json.dumps(function(name)["Role"]) for name in SETTINGS]
    assert len(set(roles)) == len(roles)
    assert all("Policies" not in function(name) for name in SETTINGS)


@pytest.mark.parametrize("role", ["DetectRole", "TradeRole"])
def test_no_right_is_for_everything(role):
    assert "ManagedPolicyArns" not in RESOURCES[role]["Properties"]
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        resource = statement["Resource"]
        resources = resource if isinstance(resource, list) else [resource]
        assert all(isinstance(one, dict) for one in resources), "a literal resource"
        assert "*" not in resources
    assert not [action for action in actions(role) if "*" in action]


def test_detect_cannot_read_the_key_nor_write_the_journal():
    assert secrets_of("DetectRole") == [{"Ref": "PushgatewayPassword"}]
    (table,) = [one for one in statements("DetectRole") if "dynamodb:PutItem" in one["Action"]]
    keys = table["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert sorted(keys) == ["EVENT", "LEASE", "SIGNAL", "SIGNAL#*", "TOTALS"]


def test_trade_cannot_touch_the_history():
    assert not [action for action in actions("TradeRole") if action.startswith("s3")]
    assert "BUCKET_NAME" not in variables("TradeFunction")


def secrets_of(role):
    found = [one for one in statements(role) if "secrets" in str(one["Action"])]
    assert all(one["Action"] == "secretsmanager:GetSecretValue" for one in found)
    return [one["Resource"] for one in found]


def test_trade_alone_reads_the_key_of_the_exchange():
    assert secrets_of("TradeRole") == [{"Ref": "ExchangeKey"}, {"Ref": "PushgatewayPassword"}]


# --- functions -----------------------------------------------------------------------------


def test_runs_end_before_their_next_tick_and_trade_before_its_lease():
    assert function("DetectFunction")["Timeout"] <= 55
    assert function("TradeFunction")["Timeout"] <= LONGEST_RUN <= 25
    assert LEASE_RESERVE == 5


@pytest.mark.parametrize("name", SETTINGS)
def test_functions_run_on_python_3_13_on_arm(name):
    properties = function(name)
    assert (properties["Runtime"], properties["Architectures"]) == ("python3.13", ["arm64"])
    assert (TEMPLATE.parent / properties["CodeUri"] / "app.py").is_file()
    assert properties["Handler"] == "app.lambda_handler"


@pytest.mark.parametrize("name", SETTINGS)
def test_schedule_fires_each_minute_and_repeats_nothing(name):
    schedules = [one for one in function(name)["Events"].values() if one["Type"] == "ScheduleV2"]
    (schedule,) = (one["Properties"] for one in schedules)
    assert schedule["ScheduleExpression"] == "cron(* * * * ? *)"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert json.loads(schedule["Input"]) == {
        "scheduled_time": "<aws.scheduler.scheduled-time>",
        "execution_id": "<aws.scheduler.execution-id>",
    }
    assert function(name)["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


def test_stream_wakes_trade_for_new_signals_a_bounded_number_of_times():
    sources = [
        one for one in function("TradeFunction")["Events"].values() if one["Type"] == "DynamoDB"
    ]
    (source,) = (one["Properties"] for one in sources)
    assert 0 <= source["MaximumRetryAttempts"] <= 2
    assert source["MaximumRecordAgeInSeconds"] == 60
    (pattern,) = (json.loads(one["Pattern"]) for one in source["FilterCriteria"]["Filters"])
    assert pattern["eventName"] == ["INSERT"]
    assert pattern["dynamodb"]["Keys"]["pk"]["S"] == ["SIGNAL"]


def test_concurrency_is_reserved_unless_the_account_allows_none():
    for value, expected in (("1", "1"), ("0", None)):
        made = template(ReservedConcurrency=value)
        for _, properties in made.functions():
            resolved = made.resolve({"x": properties["ReservedConcurrentExecutions"]})
            assert resolved.get("x") == expected


# --- state ---------------------------------------------------------------------------------


def test_table_is_kept_and_recoverable_and_forgets_what_expires():
    table = RESOURCES["StateTable"]
    properties = table["Properties"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert {one["AttributeName"]: one["KeyType"] for one in properties["KeySchema"]} == {
        "pk": "HASH",
        "sk": "RANGE",
    }


def test_bucket_is_private_and_encrypted_and_forgets():
    properties = RESOURCES["HistoryBucket"]["Properties"]
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert "BucketEncryption" in properties
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    (statement,) = RESOURCES["HistoryBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("name", ["StateTable", "HistoryBucket", "ExchangeKey"])
def test_what_holds_state_is_retained(name):
    assert RESOURCES[name]["DeletionPolicy"] == "Retain"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("name", SETTINGS)
def test_logs_are_kept_for_a_bounded_time(name):
    group = RESOURCES[function(name)["LoggingConfig"]["LogGroup"]["Ref"]]
    assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert min(DOCUMENT["Parameters"]["LogRetentionDays"]["AllowedValues"]) >= 1
