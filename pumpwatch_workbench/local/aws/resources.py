"""The template's table, bucket and secrets, created in the stand-in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .aws import REGION, AwsServer
from .template import Template

TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
)
ACCOUNT = "123456789012"
ONLY_NAMED = {"AWS::SQS::Queue": "sqs", "AWS::SNS::Topic": "sns", "AWS::IAM::Role": "iam"}
"""Resources that need no making: the stand-in has every queue, and what nothing here needs."""


def create_resources(template: Template, aws: AwsServer, *, stack: str) -> None:
    """Create what the functions keep state in, and tell the template the ids."""
    for name, properties in template.resources("AWS::DynamoDB::Table"):
        _create_table(template, aws, name, template.resolve(properties), stack)
    for name, properties in template.resources("AWS::S3::Bucket"):
        _create_bucket(template, aws, name, template.resolve(properties), stack)
    for name, properties in template.resources("AWS::SecretsManager::Secret"):
        _create_secret(template, aws, name, template.resolve(properties), stack)
    for kind, service in ONLY_NAMED.items():
        for name, _ in template.resources(kind):
            own = f"{stack}-{name}"
            template.physical[name] = queue_url(aws, own) if service == "sqs" else own
            template.attributes[f"{name}.Arn"] = (
                f"arn:aws:{service}:{REGION}:{ACCOUNT}:{stack}-{name}"
            )


def queue_url(aws: AwsServer, name: str) -> str:
    """Return the address of a queue."""
    return f"{aws.url}/{ACCOUNT}/{name}"


def _create_table(
    template: Template, aws: AwsServer, name: str, properties: Mapping[str, Any], stack: str
) -> None:
    table = properties.get("TableName", f"{stack}-{name}")
    asked = {key: properties[key] for key in TABLE_PROPERTIES if key in properties}
    if "StreamSpecification" in properties:
        asked["StreamSpecification"] = {
            "StreamEnabled": True,
            **properties["StreamSpecification"],
        }
    client = aws.client("dynamodb")
    created = client.create_table(TableName=table, **asked)["TableDescription"]
    if "TimeToLiveSpecification" in properties:
        specification = properties["TimeToLiveSpecification"]
        client.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)
    template.physical[name] = table
    template.attributes[f"{name}.Arn"] = created["TableArn"]
    if "LatestStreamArn" in created:
        template.attributes[f"{name}.StreamArn"] = created["LatestStreamArn"]


def _create_bucket(
    template: Template, aws: AwsServer, name: str, properties: Mapping[str, Any], stack: str
) -> None:
    bucket = properties.get("BucketName", f"{stack}-{name}".lower())
    aws.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    template.physical[name] = bucket
    template.attributes[f"{name}.Arn"] = f"arn:aws:s3:::{bucket}"


def _create_secret(
    template: Template, aws: AwsServer, name: str, properties: Mapping[str, Any], stack: str
) -> None:
    generated = properties.get("GenerateSecretString", {})
    content = json.loads(generated.get("SecretStringTemplate", "{}"))
    if "GenerateStringKey" in generated:
        content[generated["GenerateStringKey"]] = "generated-by-the-local-stack"
    value = properties.get("SecretString", json.dumps(content))
    secret = properties.get("Name", f"{stack}-{name}")
    created = aws.client("secretsmanager").create_secret(Name=secret, SecretString=value)
    template.physical[name] = created["ARN"]
