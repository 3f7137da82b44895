"""The local stack end to end: a small template, small handlers, the AWS stand-in behind them."""

import io
import json
import logging
import os
from contextlib import redirect_stdout
from textwrap import dedent

import boto3
import pytest

from pumpwatch_workbench.local.aws import FunctionFailed, LocalStack, LocalStackError, TemplateError
from pumpwatch_workbench.local.aws.aws import AwsServer

TEMPLATE = """
Parameters:
  Greeting: {Type: String, Default: hello, AllowedPattern: "^[a-z]+$"}
Globals:
  Function:
    Runtime: python3.13
    Handler: app.lambda_handler
    Environment: {Variables: {TABLE_NAME: !Ref Table, GREETING: !Ref Greeting}}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: sk, AttributeType: S}
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Bucket: {Type: AWS::S3::Bucket}
  Key:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString:
        SecretStringTemplate: '{"api_key": "<replace me>"}'
        GenerateStringKey: filler
  Small:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: small/
      Timeout: 7
      MemorySize: 256
      Environment: {Variables: {BUCKET_NAME: !Ref Bucket, SECRET_ARN: !Ref Key}}
      Events:
        Minute:
          Type: ScheduleV2
          Properties:
            Input: >
              {"scheduled_time": "<aws.scheduler.scheduled-time>",
              "execution_id": "<aws.scheduler.execution-id>"}
        Stream:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Table.StreamArn
            BatchSize: 2
            FilterCriteria:
              Filters:
                - Pattern: >
                    {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": ["SIGNAL"]}}}}
"""
HANDLER = """
import logging, os

print("cold start")
calls = 0

def lambda_handler(event, context):
    global calls
    calls += 1
    logging.getLogger("pumpwatch").warning("a line of the library")
    if event.get("raise"):
        raise ValueError(event["raise"])
    return {
        "calls": calls,
        "environment": dict(os.environ),
        "context": {
            "left": context.get_remaining_time_in_millis(),
            "name": context.function_name,
            "memory": context.memory_limit_in_mb,
            "request": context.aws_request_id,
            "arn": context.invoked_function_arn,
        },
        "event": event,
        "tuple": (1, 2),
    }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "small").mkdir()
    (folder / "small" / "app.py").write_text(dedent(HANDLER))
    return folder


@pytest.fixture(scope="module")
def stack(folder):
    with LocalStack(
        template=folder / "template.yaml",
        parameters={"Greeting": "ahoy"},
        variables={"Small": {"BUCKET_NAME": "another"}},
        stack="st",
    ) as made:
        yield made


@pytest.fixture
def small(stack):
    function = stack.functions["Small"]
    function.forget()
    return function


def put(stack, pk, sk):
    client = stack.aws.client("dynamodb")
    client.put_item(TableName=stack.name_of("Table"), Item={"pk": {"S": pk}, "sk": {"S": sk}})


def test_resources_are_created_as_the_template_says(stack):
    table = stack.aws.client("dynamodb").describe_table(TableName="st-Table")["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    alive = stack.aws.client("dynamodb").describe_time_to_live(TableName="st-Table")
    assert alive["TimeToLiveDescription"]["AttributeName"] == "expires_at"
    assert stack.aws.client("s3").list_buckets()["Buckets"][0]["Name"] == "st-bucket"


def test_function_gets_the_environment_of_the_template_and_of_lambda(stack, small, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("SOMETHING_OF_MINE", "1")
    seen = small.invoke({}).result()["environment"]
    assert seen["TABLE_NAME"] == "st-Table"
    assert seen["GREETING"] == "ahoy"
    assert seen["BUCKET_NAME"] == "another"
    assert seen["SECRET_ARN"] == stack.name_of("Key")
    assert seen["AWS_ENDPOINT_URL"] == stack.aws.url
    assert seen["AWS_REGION"] == "eu-central-1"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "st-Small"
    assert "AWS_PROFILE" not in seen
    assert "SOMETHING_OF_MINE" not in seen


def test_environment_and_log_of_the_caller_are_as_before(small):
    before, handlers = dict(os.environ), list(logging.getLogger("pumpwatch").handlers)
    session = boto3.DEFAULT_SESSION
    small.invoke({"raise": "no"})
    assert dict(os.environ) == before
    assert logging.getLogger("pumpwatch").handlers == handlers
    assert boto3.DEFAULT_SESSION is session


def test_context_is_lambda_s(small):
    context = small.invoke({}).result()["context"]
    assert 6_000 < context["left"] <= 7_000
    assert (context["name"], context["memory"]) == ("st-Small", "256")
    assert context["arn"].endswith(":function:st-Small")
    assert len(context["request"]) == 36


def test_warm_function_keeps_its_module_and_a_cold_one_loads_it_anew(small):
    first, second = small.invoke({}), small.invoke({})
    assert (first.cold, second.cold) == (True, False)
    assert [first.payload["calls"], second.payload["calls"]] == [1, 2]
    small.forget()
    third = small.invoke({})
    assert (third.cold, third.payload["calls"]) == (True, 1)


def test_event_and_result_pass_through_json(small):
    result = small.invoke({"numbers": (1, 2)}).result()
    assert result["event"] == {"numbers": [1, 2]}
    assert result["tuple"] == [1, 2]


def test_exception_becomes_lambda_s_error_answer(small):
    answer = small.invoke({"raise": "a reason"})
    assert answer.payload is None
    assert answer.error["errorType"] == "ValueError"
    assert answer.error["errorMessage"] == "a reason"
    assert any("lambda_handler" in line for line in answer.error["stackTrace"])
    with pytest.raises(FunctionFailed, match="ValueError: a reason"):
        answer.result()


def test_cold_start_that_fails_is_tried_again(folder, stack):
    broken = stack.functions["Small"]
    (folder / "small" / "app.py").write_text("raise RuntimeError('not today')")
    broken.forget()
    try:
        assert broken.invoke({}).error["errorMessage"] == "not today"
    finally:
        (folder / "small" / "app.py").write_text(dedent(HANDLER))
    assert broken.invoke({}).error is None


def test_run_that_takes_too_long_is_reported_as_timed_out(small, monkeypatch):
    monkeypatch.setattr(small, "timeout_seconds", 0.0)
    answer = small.invoke({})
    assert answer.error["errorType"] == "Sandbox.Timedout"


def test_output_goes_to_the_function_s_log_and_not_to_the_terminal(small):
    terminal = io.StringIO()
    with redirect_stdout(terminal):
        small.invoke({})
    assert terminal.getvalue() == ""
    assert "cold start" in small.log.getvalue()


def test_scheduled_event_is_the_template_s_input(stack):
    event = stack.scheduled_event("Small", 1_767_571_260_000)
    assert event["scheduled_time"] == "2026-01-05T00:01:00Z"
    again = stack.scheduled_event("Small", 1_767_571_260_000)
    later = stack.scheduled_event("Small", 1_767_571_320_000)
    assert event["execution_id"] == again["execution_id"] != later["execution_id"]


def test_stream_gives_new_signals_once_in_batches(stack):
    reader = stack.stream_reader("Small")
    list(reader.batches())
    put(stack, "OTHER", "1")
    for number in range(3):
        put(stack, "SIGNAL", f"batch-{number}")
    put(stack, "SIGNAL", "batch-0")
    batches = list(reader.batches())
    assert [len(batch["Records"]) for batch in batches] == [2, 1]
    record = batches[0]["Records"][0]
    assert record["eventName"] == "INSERT"
    assert record["dynamodb"]["NewImage"] == {"pk": {"S": "SIGNAL"}, "sk": {"S": "batch-0"}}
    assert isinstance(record["dynamodb"]["ApproximateCreationDateTime"], float)
    assert record["eventSourceARN"].endswith(record["eventSourceARN"].rsplit("/", 1)[-1])
    json.dumps(batches)
    assert list(reader.batches()) == []


def test_stream_goes_on_after_a_cancelled_transaction(stack):
    client = stack.aws.client("dynamodb")
    reader = stack.stream_reader("Small")
    list(reader.batches())
    writes = [
        {"Put": {"TableName": "st-Table", "Item": {"pk": {"S": "SIGNAL"}, "sk": {"S": "never"}}}},
        {
            "ConditionCheck": {
                "TableName": "st-Table",
                "Key": {"pk": {"S": "x"}, "sk": {"S": "absent"}},
                "ConditionExpression": "attribute_exists(pk)",
            }
        },
    ]
    with pytest.raises(client.exceptions.TransactionCanceledException):
        client.transact_write_items(TransactItems=writes)
    put(stack, "SIGNAL", "after")
    (batch,) = reader.batches()
    assert [one["dynamodb"]["Keys"]["sk"]["S"] for one in batch["Records"]] == ["after"]


def test_function_that_the_template_does_not_have_is_refused(folder):
    with pytest.raises(TemplateError, match="no function Nothing"):
        LocalStack(template=folder / "template.yaml", variables={"Nothing": {}})


def test_resource_or_source_that_is_not_there_is_named(stack):
    with pytest.raises(TemplateError, match="no resource Nothing"):
        stack.name_of("Nothing")
    with pytest.raises(TemplateError, match="Nothing has no event source"):
        stack.stream_reader("Nothing")


def test_server_that_ends_at_once_is_reported(monkeypatch):
    monkeypatch.setattr("pumpwatch_workbench.processes.sys.executable", "/bin/false")
    with pytest.raises(LocalStackError, match="ended at once"):
        AwsServer().__enter__()


def test_server_ends_with_its_context():
    with AwsServer() as server:
        process = server.process
        assert process.poll() is None
    assert process.returncode == 0
