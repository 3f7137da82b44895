"""The table and the bucket in moto, as the template describes their keys."""

from itertools import count

numbers = count()


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
    where = {"LocationConstraint": "eu-central-1"}
    client.create_bucket(Bucket=name, CreateBucketConfiguration=where)
    return name
