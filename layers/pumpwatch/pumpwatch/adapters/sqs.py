"""The queue of the coming scans in SQS: a delayed message for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pumpwatch.adapters.aws import client_config, error_code
from pumpwatch.errors import StoreUnavailable
from pumpwatch.ports import ScanQueue

Client = Any
"""A boto3 client; its type is made while it runs."""
BATCH = 10
"""Messages that one request may send."""


class SqsScanQueue(ScanQueue):
    """Sends a message for each slot, delayed until then. The client is made when it is needed:
    only the minute's runs send."""

    def __init__(self, url: str, client: Client | None = None) -> None:
        self._url = url
        self._client = client

    def enqueue(self, slots: Sequence[int], *, now: int) -> None:
        if self._client is None:
            self._client = boto3.client("sqs", config=client_config(read_timeout=2))
        for start in range(0, len(slots), BATCH):
            self._send(self._client, [_message(slot, now) for slot in slots[start : start + BATCH]])

    def _send(self, client: Client, messages: list[dict[str, object]]) -> None:
        try:
            answer = client.send_message_batch(QueueUrl=self._url, Entries=messages)
        except (ClientError, BotoCoreError) as error:
            text = f"the queue did not take the scans: {error_code(error)}"
            raise StoreUnavailable(text) from None
        if refused := answer.get("Failed"):
            raise StoreUnavailable(f"the queue refused {len(refused)} scans: {refused[0]['Code']}")


def _message(slot: int, now: int) -> dict[str, object]:
    delay = max(0, round((slot - now) / 1000))
    return {"Id": str(slot), "MessageBody": json.dumps({"slot": slot}), "DelaySeconds": delay}
