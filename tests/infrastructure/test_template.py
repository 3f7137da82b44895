"""The deployment template: settings and variables are the same list, and rights are least."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from annotated_types import Ge, Gt, Le

from pumpwatch.adapters.archives import FORMAT
from pumpwatch.adapters.dynamodb.table import lease_key
from pumpwatch.adapters.embedded_metrics import NAMESPACE, PUSH_FAILURES, STAGE
from pumpwatch.adapters.secrets_manager import SecretsManagerSecrets
from pumpwatch.bootstrap.detect import LEASE_NAME
from pumpwatch.bootstrap.detect import LEASE_RESERVE as DETECT_RESERVE
from pumpwatch.bootstrap.scans import AHEAD, CREDIBLE
from pumpwatch.bootstrap.trade import LEASE_RESERVE, LONGEST_RUN
from pumpwatch.errors import BadCredentials, SettingsError
from pumpwatch.hosts import BYBIT_HOSTS
from pumpwatch.metrics.catalogue import DETECT
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings
from pumpwatch.settings.trade import LONGEST_REQUEST_SECONDS, TradeSettings
from pumpwatch_workbench.local.aws.template import Template, TemplateError, load_template
from pumpwatch_workbench.operations.journal.stack import LOG_GROUPS

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
DOCUMENT = load_template(TEMPLATE)
RESOURCES = DOCUMENT["Resources"]
SETTINGS = {"DetectFunction": DetectSettings, "TradeFunction": TradeSettings}
NOT_SETTINGS = {
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_LOG_LEVEL",
    "PROMETHEUS_DISABLE_CREATED_SERIES",
    "OPENBLAS_NUM_THREADS",
    "PYDANTIC_DISABLE_PLUGINS",
}
EVERYTHING = {
    "TradingMode": "live",
    "LiveTradingConfirmation": "1234",
    "Strategy": "fade",
    "PushgatewayUrl": "https://push.example.org",
    "PushgatewayAuthentication": "basic",
    "AlarmEmail": "someone@example.org",
    "Tracing": "xray",
    "Network": "own-vpc",
    "Encryption": "customer-key",
}
"""Parameters that switch on everything there is."""
SECRETS = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
SCAN_SECONDS = DetectSettings.model_fields["scan_interval_seconds"].default
STRICTER = {"RequestTimeoutSeconds": LONGEST_REQUEST_SECONDS}
"""Bounds of the template that a running function does not refuse: it caps, blocks and alerts."""
MADE = {
    "ExchangeKey": f"{SECRETS}key",
    "PushgatewayPassword": f"{SECRETS}push",
    "Scans": "https://sqs.eu-central-1.amazonaws.com/123456789012/Scans",
}


def template(**parameters):
    """Return the template with every resource named after itself and `X.Arn` as X's ARN."""
    made = Template(DOCUMENT, parameters, stack="stack", region="eu-central-1")
    made.physical.update({name: name for name in RESOURCES} | MADE)
    for name in RESOURCES:
        for attribute in ("Arn", "StreamArn", "QueueName", "GroupId", "AllocationId"):
            made.attributes[f"{name}.{attribute}"] = f"{name}.{attribute}"
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


def statements(role, **parameters):
    made = template(**parameters)
    (policy,) = made.resolve(RESOURCES[role]["Properties"]["Policies"])
    return policy["PolicyDocument"]["Statement"]


def as_list(value):
    return value if isinstance(value, list) else [value]


def actions(role, **parameters):
    found = [action for one in statements(role, **parameters) for action in as_list(one["Action"])]
    return set(found)


def properties_of(name, **parameters):
    return template(**parameters).resolve(RESOURCES[name]["Properties"])


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
def test_variables_are_settings_and_none_repeats_a_default(name):
    fields = SETTINGS[name].model_fields
    assert {key.lower() for key in variables(name).keys() - NOT_SETTINGS} <= fields.keys()
    given = function(name)["Environment"]["Variables"]
    assert {key for key, value in given.items() if isinstance(value, str)} <= NOT_SETTINGS
    missing = fields.keys() - {key.lower() for key in given}
    assert not [field for field in missing if fields[field].is_required()]


@pytest.mark.parametrize("name", SETTINGS)
def test_defaults_of_the_template_are_the_defaults_of_the_settings(name):
    settings = load_settings(SETTINGS[name], variables(name))
    made = {"bybit_secret_arn", "scan_queue_url", "settings_bucket"}
    for field, declared in SETTINGS[name].model_fields.items():
        if not declared.is_required() and field not in made:
            assert getattr(settings, field) == declared.default, field


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True),
        ("SYMBOLS=*USDT FADE_TARGET_RETRACE=0.7", True),
        ('TRADING_HOURS="Mon-Fri 08:00-20:00" LEVERAGE=2', True),
        ("LEVERAGE", False),
        ("leverage=2", False),
        ('TRADING_HOURS="Mon', False),
    ],
)
def test_settings_are_pairs(text, fits):
    pattern = DOCUMENT["Parameters"]["Settings"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, text)) == fits


def longest(name, parameter):
    if "AllowedValues" in parameter:
        return max(map(str, parameter["AllowedValues"]), key=len)
    if parameter["Type"] == "Number":
        return "0.12345678901234567890"
    hosts = {"Stage": 16, "BybitBaseUrl": len("https://api-demo-testnet.bytick.com:443/")}
    return "x" * parameter.get("MaxLength", hosts.get(name, 0))


@pytest.mark.parametrize("name", SETTINGS)
def test_the_environment_fits_into_a_function_with_every_parameter_at_its_longest(name):
    parameters = DOCUMENT["Parameters"]
    given = function(name)["Environment"]["Variables"]
    given = {**DOCUMENT["Globals"]["Function"]["Environment"]["Variables"], **given}
    asked = {ref["Ref"] for ref in given.values() if isinstance(ref, dict) and "Ref" in ref}
    texts = {one: longest(one, parameters[one]) for one in asked & parameters.keys()}
    assert all(texts.values()), [one for one, text in texts.items() if not text]
    # What the stack makes is named after it: 128 characters at most, in the longest region's name.
    size = 0
    for variable, value in given.items():
        made = isinstance(value, dict) and value.get("Ref") not in parameters
        size += len(variable) + (
            160
            if made
            else len(texts.get(value.get("Ref"), ""))
            if isinstance(value, dict)
            else len(value)
        )
    assert size < 4096


def test_live_mode_can_be_deployed():
    parameters = {"TradingMode": "live", "Strategy": "fade", "LiveTradingConfirmation": "1234"}
    settings = load_settings(TradeSettings, variables("TradeFunction", **parameters))
    assert settings.trading_mode == "live"


def test_demo_mode_can_be_deployed_by_its_host_alone():
    parameters = {"TradingMode": "demo", "BybitBaseUrl": "https://api-demo.bybit.com"}
    assert refusals(**parameters) == []
    settings = load_settings(TradeSettings, variables("TradeFunction", **parameters))
    assert settings.uses_account
    assert settings.bybit_secret_arn == MADE["ExchangeKey"]


def test_the_longest_time_out_that_can_be_deployed_leaves_a_run_time_to_enter():
    longest = str(DOCUMENT["Parameters"]["RequestTimeoutSeconds"]["MaxValue"])
    settings = load_settings(
        TradeSettings, variables("TradeFunction", RequestTimeoutSeconds=longest)
    )
    assert settings.leaves_time_to_enter
    assert 5 * settings.request_timeout_seconds + 1 <= function("TradeFunction")["Timeout"]


@pytest.mark.parametrize(("name", "parameter", "field"), list(with_field("Number")))
def test_bounds_of_a_number_are_those_of_its_setting(name, parameter, field):
    low = next(
        one.ge if isinstance(one, Ge) else one.gt
        for one in field.metadata
        if isinstance(one, Ge | Gt)
    )
    high = next(one.le for one in field.metadata if isinstance(one, Le))
    assert Decimal(str(parameter["MinValue"])) == Decimal(str(low))
    assert Decimal(str(parameter["MaxValue"])) == Decimal(str(STRICTER.get(name, high)))


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
        *(f"https://{host}/" for host in sorted(BYBIT_HOSTS)),
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


ROLES = ["DetectRole", "TradeRole", "SchedulerRole"]
WITHOUT_NARROWER_RESOURCE = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}
"""AWS knows only "*" as the resource of these; they are given when the feature is asked for."""


@pytest.mark.parametrize("role", ROLES)
def test_no_right_is_for_everything(role):
    assert "ManagedPolicyArns" not in RESOURCES[role]["Properties"]
    assert "*" not in json.dumps(statements(role)).replace('/*"', "").replace("SIGNAL#*", "")
    for statement in statements(role, **EVERYTHING):
        assert statement["Effect"] == "Allow"
        assert not [action for action in as_list(statement["Action"]) if "*" in action]
        if statement["Resource"] == "*":
            assert set(as_list(statement["Action"])) <= WITHOUT_NARROWER_RESOURCE
        else:
            assert all(
                "." in one or one.startswith("arn:") for one in as_list(statement["Resource"])
            )


def secrets_of(role, **parameters):
    found = [one for one in statements(role, **parameters) if "secrets" in str(one["Action"])]
    assert all(one["Action"] == "secretsmanager:GetSecretValue" for one in found)
    return [one["Resource"] for one in found]


def test_trade_alone_reads_the_key_of_the_exchange():
    assert secrets_of("TradeRole") == [MADE["ExchangeKey"]]
    assert secrets_of("DetectRole") == secrets_of("SchedulerRole", **EVERYTHING) == []
    assert secrets_of("DetectRole", **EVERYTHING) == [MADE["PushgatewayPassword"]]
    assert "BYBIT_SECRET_ARN" not in variables("DetectFunction")


def test_detect_cannot_write_the_journal_and_trade_cannot_touch_the_history():
    (table,) = [one for one in statements("DetectRole") if "dynamodb:PutItem" in one["Action"]]
    keys = table["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    own = [lease_key(LEASE_NAME)[0], f"TOTALS#{DETECT}"]
    assert sorted(keys) == sorted(["EVENT", "SIGNAL", "SIGNAL#*", *own])
    detect = [one for one in statements("DetectRole") if "s3:PutObject" in one["Action"]]
    assert [one["Resource"] for one in detect] == [f"HistoryBucket.Arn/{FORMAT}/*"]
    trade = [one for one in statements("TradeRole", **EVERYTHING) if "s3" in str(one["Action"])]
    assert {one["Action"]: one["Resource"] for one in trade} == {
        "s3:GetObject": "HistoryBucket.Arn/settings.json",
        "s3:ListBucket": "HistoryBucket.Arn",
    }
    assert "BUCKET_NAME" not in variables("TradeFunction")


def test_scheduler_may_invoke_the_two_functions_and_nothing_else():
    (invoke,) = [one for one in statements("SchedulerRole") if "lambda" in str(one["Action"])]
    assert invoke["Action"] == "lambda:InvokeFunction"
    assert invoke["Resource"] == ["DetectFunction.Arn", "TradeFunction.Arn"]


def policies(value):
    """Yield every statement below, whatever kind of policy it is part of."""
    if isinstance(value, dict):
        if "Effect" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from policies(item)


TRUE_WITHOUT_KEY = re.compile(r"^ForAllValues:|Not|IfExists$")
"""Operators that are true for a request that lacks their key."""
ALWAYS_THERE = {"aws:SecureTransport"}


def unsafe_keys(statement):
    """Return the condition keys whose absence would allow, or not deny, what it is about."""
    conditions = statement.get("Condition", {})
    allows = statement["Effect"] == "Allow"
    keys = {
        key
        for operator, tested in conditions.items()
        if operator != "Null" and bool(TRUE_WITHOUT_KEY.search(operator)) == allows
        for key in tested
    }
    demanded = {key for key, absent in conditions.get("Null", {}).items() if absent == "false"}
    return keys - demanded - ALWAYS_THERE


def test_no_condition_of_a_policy_is_satisfied_by_a_request_without_its_key():
    found = list(policies(RESOURCES))
    assert len([one for one in found if "Condition" in one]) >= 4
    assert {one.get("Sid"): unsafe_keys(one) for one in found if unsafe_keys(one)} == {}
    own = next(one for one in found if one.get("Sid") == "OwnPartitions")
    without = {key: one for key, one in own["Condition"].items() if key != "Null"}
    assert unsafe_keys({**own, "Condition": without}) == {"dynamodb:LeadingKeys"}


# --- functions -----------------------------------------------------------------------------


def test_runs_end_before_their_next_tick_and_trade_before_its_lease():
    longest = function("DetectFunction")["Timeout"] + DETECT_RESERVE
    assert longest < 2 * SCAN_SECONDS, "two slots after the one that was killed it has ended"
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
    assert schedule["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["FailedDeliveries", "Arn"]}}
    assert schedule["RoleArn"] == {"Fn::GetAtt": ["SchedulerRole", "Arn"]}


@pytest.mark.parametrize("name", SETTINGS)
def test_failed_run_is_not_repeated_but_kept(name):
    asynchronous = function(name)["EventInvokeConfig"]
    assert asynchronous["MaximumRetryAttempts"] == 0
    assert asynchronous["MaximumEventAgeInSeconds"] == 60
    kept = {"Type": "SQS", "Destination": {"Fn::GetAtt": ["FailedRuns", "Arn"]}}
    assert asynchronous["DestinationConfig"] == {"OnFailure": kept}
    role = function(name)["Role"]["Fn::GetAtt"][0]
    (send,) = [one for one in statements(role) if one["Action"] == "sqs:SendMessage"]
    assert send["Resource"] == "FailedRuns.Arn"


def test_stream_wakes_trade_for_new_signals_a_bounded_number_of_times():
    sources = [
        one for one in function("TradeFunction")["Events"].values() if one["Type"] == "DynamoDB"
    ]
    (source,) = (one["Properties"] for one in sources)
    assert 0 <= source["MaximumRetryAttempts"] <= 2
    assert source["MaximumRecordAgeInSeconds"] == 60
    assert source["BisectBatchOnFunctionError"] is True
    kept = {"Type": "SQS", "Destination": {"Fn::GetAtt": ["FailedRuns", "Arn"]}}
    assert source["DestinationConfig"] == {"OnFailure": kept}
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
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert {one["AttributeName"]: one["KeyType"] for one in properties["KeySchema"]} == {
        "pk": "HASH",
        "sk": "RANGE",
    }


def test_a_kept_table_is_imported_as_the_template_describes_it():
    """Otherwise the deployment after the import would change or replace it."""
    described = {**RESOURCES["StateTable"], "Properties": properties_of("StateTable")}
    described.pop("Metadata")
    imported = load_template(TEMPLATE.with_name("kept-table.yaml"))
    assert imported["Resources"] == {"StateTable": described}


def test_bucket_is_private_and_encrypted_and_forgets():
    properties = RESOURCES["HistoryBucket"]["Properties"]
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert "BucketEncryption" in properties
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    # The settings are not forgotten with what is no longer refreshed.
    assert rule["Prefix"] == f"{FORMAT}/"
    (statement,) = RESOURCES["HistoryBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


KEPT = ["StateTable", "HistoryBucket", "ExchangeKey", "PushgatewayPassword", "EncryptionKey"]


@pytest.mark.parametrize("name", [*KEPT, "EgressAddress"])
def test_what_holds_state_outlives_the_stack_but_not_a_create_that_failed(name):
    assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


NOT_OF_THE_RESOURCE = {"MetricName", "ServiceName", "DisplayName"}


@pytest.mark.parametrize("name", RESOURCES)
def test_two_stacks_share_no_name_and_nothing_that_is_kept_has_one(name):
    resource = RESOURCES[name]
    for key, value in resource.get("Properties", {}).items():
        if key.endswith("Name") and key not in NOT_OF_THE_RESOURCE:
            assert "${AWS::StackName}" in value["Fn::Sub"]
            assert resource["DeletionPolicy"] == "Delete", "the next stack of that name meets it"


def test_nothing_is_exported():
    """An export's name is there once in a region."""
    assert not [name for name, one in DOCUMENT["Outputs"].items() if "Export" in one]


@pytest.mark.parametrize("name", SETTINGS)
def test_schedules_have_no_name_of_their_own(name):
    """Without it SAM names them after the resource, and a second stack cannot be made."""
    for event in function(name)["Events"].values():
        if event["Type"] == "ScheduleV2":
            assert event["Properties"]["OmitName"] is True
            assert "Name" not in event["Properties"]


def test_a_new_account_can_take_the_defaults():
    """Its quota is 10 invocations at a time, of which none may be reserved."""
    assert DOCUMENT["Parameters"]["ReservedConcurrency"]["Default"] == 0


@pytest.mark.parametrize("name", SETTINGS)
def test_logs_are_kept_for_a_bounded_time(name):
    group = RESOURCES[function(name)["LoggingConfig"]["LogGroup"]["Ref"]]
    assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert min(DOCUMENT["Parameters"]["LogRetentionDays"]["AllowedValues"]) >= 1


@pytest.mark.parametrize("name", SETTINGS)
def test_each_run_is_reported_to_the_log_that_the_report_reads(name):
    logging = function(name)["LoggingConfig"]
    output = LOG_GROUPS[name.removesuffix("Function").lower()]
    assert DOCUMENT["Outputs"][output]["Value"] == logging["LogGroup"]
    assert logging["LogFormat"] == "JSON"
    assert logging.get("SystemLogLevel", "INFO") in {"DEBUG", "INFO"}


# --- what is at rest -------------------------------------------------------------------------


ENCRYPTED = {
    "StateTable": lambda one: one["SSESpecification"]["KMSMasterKeyId"],
    "HistoryBucket": lambda one: one["BucketEncryption"]["ServerSideEncryptionConfiguration"][0][
        "ServerSideEncryptionByDefault"
    ]["KMSMasterKeyID"],
    "ExchangeKey": lambda one: one["KmsKeyId"],
    "PushgatewayPassword": lambda one: one["KmsKeyId"],
    "DetectLogGroup": lambda one: one["KmsKeyId"],
    "TradeLogGroup": lambda one: one["KmsKeyId"],
    "FailedDeliveries": lambda one: one["KmsMasterKeyId"],
    "FailedRuns": lambda one: one["KmsMasterKeyId"],
    "Scans": lambda one: one["KmsMasterKeyId"],
    "Alarms": lambda one: one["KmsMasterKeyId"],
}


@pytest.mark.parametrize("name", ENCRYPTED)
def test_customer_s_key_encrypts_everything_when_asked_for(name):
    assert ENCRYPTED[name](properties_of(name, **EVERYTHING)) == "EncryptionKey.Arn"
    with pytest.raises(KeyError):
        ENCRYPTED[name](properties_of(name))


@pytest.mark.parametrize("role", ROLES)
def test_roles_may_use_the_customer_s_key_only_when_there_is_one(role):
    assert not [one for one in actions(role) if one.startswith("kms")]
    used = {one for one in actions(role, **EVERYTHING) if one.startswith("kms")}
    assert used == {"kms:Decrypt", "kms:GenerateDataKey"}


@pytest.mark.parametrize("name", ["FailedDeliveries", "FailedRuns"])
def test_queues_are_encrypted_and_keep_what_failed_for_two_weeks(name):
    queue = properties_of(name)
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 86_400


def test_due_scans_wake_detect_and_none_is_kept_or_comes_back_early():
    queue, source = properties_of("Scans"), function("DetectFunction")["Events"]["DueScans"]
    timeout, reading = function("DetectFunction")["Timeout"], source["Properties"]
    assert reading["Queue"] == {"Fn::GetAtt": ["Scans", "Arn"]}
    assert queue["SqsManagedSseEnabled"] is True
    assert "RedrivePolicy" not in queue
    assert queue["VisibilityTimeout"] > timeout + DETECT_RESERVE + SCAN_SECONDS
    assert AHEAD / 1000 < queue["MessageRetentionPeriod"] <= CREDIBLE / 1000
    assert 1 <= reading["BatchSize"] <= 10
    for seconds, enabled in (("5", True), ("59", True), ("60", False)):
        made = template(ScanIntervalSeconds=seconds)
        assert made.resolve(reading["Enabled"]) is enabled


def test_only_detect_may_use_the_scans_queue():
    (own,) = [one for one in statements("DetectRole") if one["Sid"] == "Scans"]
    assert own["Resource"] == "Scans.Arn"
    assert "sqs:SendMessage" in own["Action"]
    others = [one for one in ("TradeRole", "SchedulerRole") if "Scans.Arn" in str(statements(one))]
    assert others == []


# --- alarms ----------------------------------------------------------------------------------

LAMBDA_METRICS = {"Errors", "Throttles", "Invocations", "Duration"}


def alarms():
    return {n: r for n, r in RESOURCES.items() if r["Type"] == "AWS::CloudWatch::Alarm"}


def test_every_alarm_speaks_and_goes_to_the_topic():
    for name, alarm in alarms().items():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "Alarms"}], name
        assert alarm["Properties"]["AlarmDescription"].endswith("."), name


@pytest.mark.parametrize("name", SETTINGS)
def test_each_function_is_watched_from_outside_the_cluster(name):
    watched = {
        alarm["Properties"]["MetricName"]
        for alarm in alarms().values()
        if {"Name": "FunctionName", "Value": {"Ref": name}} in alarm["Properties"]["Dimensions"]
    }
    assert watched >= LAMBDA_METRICS
    assert ("IteratorAge" in watched) == (name == "TradeFunction")


@pytest.mark.parametrize(
    ("alarm", "name"), [("DetectSlow", "DetectFunction"), ("TradeSlow", "TradeFunction")]
)
def test_slow_runs_are_noticed_before_they_are_killed(alarm, name):
    threshold = properties_of(alarm)["Threshold"]
    assert 0.7 * 1000 * function(name)["Timeout"] <= threshold < 1000 * function(name)["Timeout"]


def test_silence_is_an_alarm_though_nothing_is_measured():
    for name in ("DetectSilent", "TradeSilent"):
        alarm = properties_of(name)
        assert (alarm["TreatMissingData"], alarm["EvaluationPeriods"]) == ("breaching", 5)


def test_alarms_on_detect_know_how_often_it_is_invoked():
    """Silence of the queue alone is noticed; failures and throttles of single scans are usual."""
    once = {"ScanIntervalSeconds": "60"}
    for name, often in (("DetectSilent", 2), ("DetectErrors", 3), ("DetectThrottles", 20)):
        assert properties_of(name)["Threshold"] == often
        assert properties_of(name, **once)["Threshold"] == 1


def test_whatever_is_kept_in_a_queue_raises_an_alarm():
    watched = {
        one["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for one in alarms().values()
        if one["Properties"]["Namespace"] == "AWS/SQS"
    }
    queues = {n for n, r in RESOURCES.items() if r["Type"] == "AWS::SQS::Queue"}
    assert watched == queues - {"Scans"}


def test_pushes_that_fail_raise_an_alarm_by_the_metric_that_the_functions_write():
    alarm = properties_of("PushesFail")
    assert (alarm["Namespace"], alarm["MetricName"]) == (NAMESPACE, PUSH_FAILURES)
    assert [one["Name"] for one in alarm["Dimensions"]] == [STAGE]


# --- network ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETTINGS)
def test_functions_are_in_a_vpc_only_when_asked_for(name):
    declared = function(name)["VpcConfig"]
    assert "x" not in template().resolve({"x": declared})
    own = template(Network="own-vpc").resolve(declared)
    assert own["SubnetIds"] == ["PrivateSubnetA", "PrivateSubnetB"]
    given = {
        "Network": "existing-vpc",
        "SubnetIds": "subnet-1,subnet-2",
        "SecurityGroupIds": "sg-1",
    }
    assert template(**given).resolve(declared)["SubnetIds"] == "subnet-1,subnet-2"
    for network, private in (("public", "false"), ("own-vpc", "true"), ("existing-vpc", "true")):
        assert variables(name, Network=network)["IN_VPC"] == private


def test_nothing_of_the_network_is_there_unless_asked_for():
    network = [name for name, one in RESOURCES.items() if one["Type"].startswith("AWS::EC2")]
    assert len(network) > 10
    assert all(RESOURCES[name]["Condition"] == "OwnVpc" for name in network)
    assert "SecurityGroupIngress" not in RESOURCES["FunctionsSecurityGroup"]["Properties"]


def egress(**parameters):
    group = properties_of("FunctionsSecurityGroup", **(EVERYTHING | parameters))
    assert all(one["IpProtocol"] == "tcp" for one in group["SecurityGroupEgress"])
    return {
        one["CidrIp"]: {int(one["FromPort"]), int(one["ToPort"])}
        for one in group["SecurityGroupEgress"]
    }


def test_functions_reach_tls_everywhere_and_one_port_of_private_networks():
    private = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
    tls = {"0.0.0.0/0": {443}}
    assert egress(PushgatewayPort="9444") == tls | {net: {9444} for net in private}
    assert egress(PushgatewayUrl="", PushgatewayAuthentication="none") == tls


@pytest.mark.parametrize(
    ("addresses", "allowed"),
    [
        ("10.77.0.0/24", True),
        ("172.31.0.0/16", True),
        ("192.168.4.0/25", True),
        ("172.99.0.0/24", False),
        ("192.1.0.0/24", False),
        ("10.77.0.0/26", False),
        ("8.8.8.0/24", False),
    ],
)
def test_the_vpc_has_private_addresses(addresses, allowed):
    pattern = DOCUMENT["Parameters"]["VpcCidr"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, addresses)) == allowed


# --- what is refused before anything is made -------------------------------------------------


def refusals(region="eu-central-1", **parameters):
    return Template(DOCUMENT, parameters, stack="stack", region=region).refusals()


def test_defaults_break_no_rule():
    assert refusals() == refusals(**EVERYTHING) == []


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"region": "us-east-1"}, "Region"),
        ({"region": "us-gov-west-1"}, "Region"),
        ({"region": "cn-north-1"}, "Region"),
        ({"TradingMode": "live", "Strategy": "fade"}, "LiveTradingConfirmation"),
        ({"TradingMode": "live", "LiveTradingConfirmation": "1"}, "Strategy"),
        ({"RiskFraction": "0"}, "RiskFraction"),
        ({"MaxNotionalUsdt": "0"}, "MaxNotionalUsdt"),
        ({"MaxExposureFraction": "0.0"}, "MaxExposureFraction"),
        ({"PaperEquityUsdt": "0"}, "PaperEquityUsdt"),
        ({"Network": "existing-vpc", "SecurityGroupIds": "sg-1"}, "SubnetIds"),
        ({"Network": "existing-vpc", "SubnetIds": "subnet-1"}, "SecurityGroupIds"),
        ({"PushgatewayAuthentication": "basic"}, "PushgatewayUrl"),
    ],
)
def test_rule_refuses_with_the_parameter_s_name_and_the_fix(parameters, named):
    (sentence,) = refusals(**parameters)
    assert sentence.startswith(f"{named} - ")
    assert sentence.endswith(".")


@pytest.mark.parametrize("mode", ["paper", "demo", "live"])
@pytest.mark.parametrize("host", sorted(BYBIT_HOSTS))
def test_rule_and_cold_start_refuse_the_same_hosts_in_a_mode(mode, host):
    parameters = {
        "TradingMode": mode,
        "BybitBaseUrl": f"https://{host}",
        "Strategy": "fade",
        "LiveTradingConfirmation": "1",
    }
    sentences = refusals(**parameters)
    try:
        load_settings(TradeSettings, variables("TradeFunction", **parameters))
    except SettingsError:
        (sentence,) = sentences
        assert sentence.startswith("BybitBaseUrl - ")
    else:
        assert sentences == []


@pytest.mark.parametrize("parameter", ["FadeStopAbovePeak", "RideStopFraction"])
def test_stop_of_zero_cannot_be_deployed(parameter):
    with pytest.raises(TemplateError, match=parameter):
        template(**{parameter: "0"})


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "us-gov-east-1", "cn-northwest-1"])
def test_rule_and_cold_start_refuse_the_same_regions(region):
    environment = {"TABLE_NAME": "table", "AWS_REGION": region}
    load_settings(TradeSettings, environment)
    with pytest.raises(SettingsError, match="AWS_REGION"):
        load_settings(TradeSettings, {**environment, "AWS_LAMBDA_FUNCTION_NAME": "trade"})
    assert refusals(region=region)


def test_gateway_without_tls_is_refused_outside_a_vpc():
    environment = {"TABLE_NAME": "table", "PUSHGATEWAY_URL": "http://10.0.0.5:9091"}
    with pytest.raises(SettingsError, match=r"PUSHGATEWAY_URL='http://10.* https only"):
        load_settings(TradeSettings, environment)
    assert load_settings(TradeSettings, {**environment, "IN_VPC": "true"})
