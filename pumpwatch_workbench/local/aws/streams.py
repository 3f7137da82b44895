"""The table's stream as a function's event source reads it: filtered, in Lambda's batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient


ABSENT = object()


class UnsupportedPattern(Exception):
    """The template's filter uses a comparison that the local stack does not know."""


class StreamReader:
    """Reads on from where it stopped."""

    def __init__(
        self,
        client: DynamoDBStreamsClient,
        stream_arn: str,
        *,
        patterns: Sequence[str] = (),
        batch_size: int = 100,
    ) -> None:
        self._client = client
        self._arn = stream_arn
        self._patterns: list[Mapping[str, Any]] = [json.loads(pattern) for pattern in patterns]
        self._batch_size = batch_size
        self._iterators = [
            client.get_shard_iterator(
                StreamArn=stream_arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for shard in client.describe_stream(StreamArn=stream_arn)["StreamDescription"]["Shards"]
        ]

    def batches(self) -> Iterator[dict[str, list[dict[str, Any]]]]:
        """Yield the events to invoke the function with for what was written since then."""
        records = [record for record in self._read() if self._wanted(record)]
        for start in range(0, len(records), self._batch_size):
            yield {"Records": records[start : start + self._batch_size]}

    def _read(self) -> Iterator[dict[str, Any]]:
        for number, iterator in enumerate(self._iterators):
            position, more = iterator, True
            while more:
                answer = self._client.get_records(ShardIterator=position)
                position, more = answer["NextShardIterator"], bool(answer["Records"])
                for record in answer["Records"]:
                    yield lambda_record(record, self._arn)
            self._iterators[number] = position

    def _wanted(self, record: Mapping[str, Any]) -> bool:
        return not self._patterns or any(matches(pattern, record) for pattern in self._patterns)


def lambda_record(record: Mapping[str, Any], stream_arn: str) -> dict[str, Any]:
    """Return a record as Lambda hands it over: times as Unix seconds, the source named."""
    change = dict(record["dynamodb"])
    written = change.get("ApproximateCreationDateTime")
    if isinstance(written, datetime):
        change["ApproximateCreationDateTime"] = written.timestamp()
    return {**record, "dynamodb": change, "eventSourceARN": stream_arn}


def matches(pattern: Mapping[str, Any], record: object) -> bool:
    """Return whether a record passes a filter: each name must have a value listed for it.

    Exact texts, numbers, booleans and null are known. Raises `UnsupportedPattern` for comparisons.
    """
    for name, wanted in pattern.items():
        value = record.get(name, ABSENT) if isinstance(record, Mapping) else ABSENT
        if isinstance(wanted, Mapping):
            if not matches(wanted, value):
                return False
        elif isinstance(wanted, list):
            if not any(_accepts(choice, value) for choice in wanted):
                return False
        else:
            raise UnsupportedPattern(f"the values for {name!r} must be a list, not {wanted!r}")
    return True


def _accepts(wanted: object, value: object) -> bool:
    if isinstance(wanted, Mapping):
        raise UnsupportedPattern(f"comparison {wanted!r} is not known to the local stack")
    return value is not ABSENT and type(wanted) is type(value) and wanted == value
