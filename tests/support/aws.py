"""The table and the bucket in moto, as the template describes their keys."""

from functools import cache
from itertools import count

import boto3

REGION = "eu-central-1"
numbers = count()


@cache
def client(service):
    """Return the client that all tests share inside `mock_aws`: making it reads large models."""
    return boto3.client(service, region_name=REGION)


def make_table(client, name=""):
    """Return the name of a fresh table."""
    name = name or f"pumpwatch-test-{next(numbers)}"
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return name


def make_bucket(client):
    """Return the name of a fresh bucket."""
    name = f"pumpwatch-test-{next(numbers)}"
    where = {"LocationConstraint": REGION}
    client.create_bucket(Bucket=name, CreateBucketConfiguration=where)
    return name
