"""The one table everything is kept in: keys `pk` and `sk`, time to live in `expires_at` (seconds).

The low-level client is used, not the resource: it loads no resource model at a cold start, and
transactions exist only there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pumpwatch.adapters.aws import client_config
from pumpwatch.errors import PumpwatchError, StoreUnavailable

from .codec import Item, marshal, unmarshal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONDITION = "ConditionalCheckFailed"
ABSENT = "attribute_not_exists(pk)"
LEASE = "LEASE"


class ConditionFailed(PumpwatchError):
    """A conditional write found the condition false; `item` is what stands there, where known."""

    def __init__(self, item: Item | None = None) -> None:
        super().__init__("the condition of a write was not met")
        self.item = item


class Cancelled(PumpwatchError):
    """A transaction found conditions false; `failed` are the positions of the writes they guard."""

    def __init__(self, failed: frozenset[int]) -> None:
        super().__init__("the conditions of a transaction were not met")
        self.failed = failed


def lease_key(name: str) -> tuple[str, str]:
    """Return partition and sort key of a lease: one each, or detect's role could stop trade."""
    return f"{LEASE}#{name}", LEASE


def dynamodb_client() -> DynamoDBClient:
    """Return a client with short time-outs; where to is boto3's own business (environment)."""
    return boto3.client("dynamodb", config=client_config(read_timeout=2))


class Table:
    """Reads are strongly consistent; every failure of the service is `StoreUnavailable`."""

    def __init__(self, name: str, client: DynamoDBClient | None = None) -> None:
        self._name = name
        self._count = threading.Lock()
        self.calls = 0
        """Calls to the service since this object was made."""
        self._client = client or dynamodb_client()

    def get(self, pk: str, sk: str) -> Item | None:
        """Return one item, or None."""
        with self._call():
            answer = self._client.get_item(
                TableName=self._name, Key=marshal({"pk": pk, "sk": sk}), ConsistentRead=True
            )
        return unmarshal(answer["Item"]) if "Item" in answer else None

    def query(self, pk: str, *, start: str = "", prefix: str = "") -> Sequence[Item]:
        """Return the items of a partition in the order of their sort keys, all pages.

        `start` leaves out lower sort keys, `prefix` those that do not begin with it.
        """
        condition, values = "pk = :pk", {":pk": pk}
        if start:
            condition, values[":sk"] = f"{condition} AND sk >= :sk", start
        elif prefix:
            condition, values[":sk"] = f"{condition} AND begins_with(sk, :sk)", prefix
        asked: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": marshal(values),
            "ConsistentRead": True,
        }
        items: list[Item] = []
        while True:
            with self._call():
                answer = self._client.query(**asked)
            items += [unmarshal(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return items
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put(
        self,
        item: Mapping[str, object],
        *,
        condition: str = "",
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """Store an item, whatever stands there without a condition. Raises `ConditionFailed`."""
        expressions = _expressions(condition, names, values)
        with self._call():
            self._client.put_item(TableName=self._name, Item=marshal(item), **expressions)

    def update(
        self,
        pk: str,
        sk: str,
        expression: str,
        values: Mapping[str, object],
        *,
        condition: str = "",
        names: Mapping[str, str] | None = None,
    ) -> Item:
        """Update one item and return it as it is then. Raises `ConditionFailed`."""
        asked: dict[str, Any] = {
            "TableName": self._name,
            "Key": marshal({"pk": pk, "sk": sk}),
            "UpdateExpression": expression,
            "ReturnValues": "ALL_NEW",
            **_expressions(condition, names, values),
        }
        if condition:
            asked["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        with self._call():
            return unmarshal(self._client.update_item(**asked)["Attributes"])

    def delete(self, pk: str, sk: str, *, condition: str, values: Mapping[str, object]) -> None:
        """Delete one item. Raises `ConditionFailed`."""
        with self._call():
            self._client.delete_item(
                TableName=self._name,
                Key=marshal({"pk": pk, "sk": sk}),
                ConditionExpression=condition,
                ExpressionAttributeValues=marshal(values),
            )

    def transact(self, writes: Sequence[Mapping[str, Any]]) -> None:
        """Carry out all writes or none. Raises `Cancelled`."""
        named = [
            {verb: {"TableName": self._name, **what} for verb, what in write.items()}
            for write in writes
        ]
        with self._call():
            self._client.transact_write_items(TransactItems=named)  # type: ignore[arg-type]

    @contextmanager
    def _call(self) -> Iterator[None]:
        with self._count:
            self.calls += 1
        try:
            yield
        except ClientError as error:
            raise _translated(error) from None
        except BotoCoreError as error:
            raise StoreUnavailable(f"the table did not answer: {type(error).__name__}") from None


def _expressions(
    condition: str, names: Mapping[str, str] | None, values: Mapping[str, object] | None
) -> dict[str, Any]:
    """Return those of the three that are there: DynamoDB refuses an empty one."""
    expressions = {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": dict(names or {}),
        "ExpressionAttributeValues": marshal(values or {}),
    }
    return {name: value for name, value in expressions.items() if value}


def _translated(error: ClientError) -> PumpwatchError:
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        item: Any = error.response.get("Item")
        return ConditionFailed(unmarshal(item) if item else None)
    if code == "TransactionCanceledException":
        reasons: Any = error.response.get("CancellationReasons", [])
        codes = [reason.get("Code") for reason in reasons]
        if CONDITION in codes:
            return Cancelled(frozenset(i for i, code in enumerate(codes) if code == CONDITION))
    if code == "ResourceNotFoundException":
        return StoreUnavailable("the table does not exist: is TABLE_NAME right, and the region?")
    return StoreUnavailable(f"the table refused {error.operation_name}: {code}")
