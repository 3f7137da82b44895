"""A deployed stack on moto: everything an operator's commands ask, but CloudFormation and Lambda.

moto needs libraries of its own for the first and Docker for the second: they are played here.
"""

import io
import json
import time
from types import SimpleNamespace

from botocore.exceptions import ClientError
from support.aws import REGION, client, make_bucket, make_table

from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch_workbench.operations.stack import DeployedStack

HEALTHY = {"exchange": {"ok": True, "clock_skew_seconds": 0.01}, "table": {"ok": True}}


class CloudFormation:
    """A single stack."""

    def __init__(self, outputs):
        self.outputs = outputs
        self.status = "UPDATE_COMPLETE"
        self.parameters = {}
        self.events = []
        """Newest first: resource, status, reason."""

    def describe_stacks(self, StackName):
        if StackName != "pumpwatch":
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        outputs = [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs.items()]
        parameters = [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()]
        described = {"StackStatus": self.status, "Outputs": outputs, "Parameters": parameters}
        return {"Stacks": [described]}

    def get_paginator(self, operation):
        assert operation == "describe_stack_events"
        keys = ("LogicalResourceId", "ResourceStatus", "ResourceStatusReason")
        events = [dict(zip(keys, event, strict=False)) for event in self.events]
        pages = [{"StackEvents": events[:2]}, {"StackEvents": events[2:]}]
        return SimpleNamespace(paginate=lambda StackName: pages)


class Lambda:
    """Functions that answer a probe as they are told, after some refusals for being busy."""

    def __init__(self):
        self.checks = {"detect": HEALTHY, "trade": HEALTHY}
        self.error = None
        self.busy = 0
        self.layers = {"detect": ["dependencies:1", "pumpwatch:7"]}
        self.layers["trade"] = self.layers["detect"]
        self.variables = {"TABLE_NAME": "table", "BUCKET_NAME": "bucket"}

    def get_function_configuration(self, FunctionName):
        layers = [{"Arn": arn} for arn in self.layers[FunctionName]]
        return {"Layers": layers, "Environment": {"Variables": self.variables}}

    def invoke(self, FunctionName, Payload):
        assert json.loads(Payload) == {"action": "probe"}
        if self.busy:
            self.busy -= 1
            raise refusal("TooManyRequestsException", "Rate Exceeded.")
        failed = {"FunctionError": "Unhandled"} if self.error is not None else {}
        answer = self.error if failed else {"checks": self.checks[FunctionName]}
        return {**failed, "Payload": io.BytesIO(json.dumps(answer).encode())}


def refusal(code, text):
    return ClientError({"Error": {"Code": code, "Message": text}}, "Operation")


def schedule(function):
    """Return a schedule that calls a function each minute."""
    return {
        "ScheduleExpression": "cron(* * * * ? *)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": f"arn:aws:lambda:{REGION}:123456789012:function:{function}",
            "RoleArn": "arn:aws:iam::123456789012:role/x",
        },
    }


class Deployment:
    """The stack, and handles to change what it holds. Use it inside `mock_aws`."""

    def __init__(self):
        self.clients = {}
        dynamodb, s3 = self.client("dynamodb"), self.client("s3")
        scheduler, sqs, sns = (self.client(name) for name in ("scheduler", "sqs", "sns"))
        self.topic = sns.create_topic(Name="alarms")["TopicArn"]
        self.outputs = {
            "StateTable": make_table(dynamodb),
            "HistoryBucket": make_bucket(s3),
            "ExchangeKeyArn": "arn:key",
            "DetectFunction": "detect",
            "TradeFunction": "trade",
            "Stage": "prod",
            "TradingMode": "paper",
            "Alarms": self.topic,
        }
        for name in ("FailedDeliveries", "FailedRuns"):
            self.outputs[f"{name}Url"] = sqs.create_queue(QueueName=name)["QueueUrl"]
        for function in ("detect", "trade"):
            name = f"{function.title()}Schedule"
            self.outputs[name] = name
            scheduler.create_schedule(Name=name, **schedule(function))
        self.clients["cloudformation"] = self.cloudformation = CloudFormation(self.outputs)
        self.clients["lambda"] = self.functions = Lambda()

    def client(self, service):
        return self.clients.get(service) or client(service)

    def stack(self):
        return DeployedStack.find("pumpwatch", REGION, self.client)

    def table(self):
        return self.stack().table()

    def subscribe(self):
        """Confirm a subscription to the alarms, as moto does at once."""
        self.client("sns").subscribe(
            TopicArn=self.topic, Protocol="email", Endpoint="someone@example.org"
        )

    def succeed(self, *jobs, ago=10.0):
        """Let the jobs have succeeded so many seconds ago."""
        store = DynamoTotalsStore(self.table(), lambda: time.time() - ago)
        for job in jobs:
            store.add(job, f"run-{job}", {f"{job}_runs_total|result=success": 1})
