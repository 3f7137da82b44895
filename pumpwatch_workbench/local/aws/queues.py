"""The scans' queue as a function's event source reads it, in market time.

The stand-in takes messages as SQS does and hands them to whoever asks, whatever their delay: market
time is not its own. The reader keeps them until they are due and makes Lambda's batches of them.
"""

from __future__ import annotations

import heapq
from hashlib import md5
from itertools import count
from typing import Any

from .aws import Client

Json = dict[str, Any]
MOST = 10
"""Messages that one request for them can bring."""


class SentMessages:
    """The stand-in's side: what was sent to each queue since it was last asked for."""

    def __init__(self) -> None:
        self._sent: dict[str, list[Json]] = {}
        self._numbers = count(1)

    def answer(self, action: str, asked: Json) -> Json | None:
        """Answer a request in SQS's JSON protocol; None for an action that is not known."""
        sent = self._sent.setdefault(asked.get("QueueUrl", ""), [])
        if action == "SendMessageBatch":
            return {"Successful": [self._take(sent, entry) for entry in asked["Entries"]]}
        if action == "ReceiveMessage":
            messages, sent[:MOST] = sent[:MOST], []
            return {"Messages": messages}
        return None

    def _take(self, sent: list[Json], entry: Json) -> Json:
        identity, body = f"message-{next(self._numbers)}", str(entry["MessageBody"])
        delay = {"DelaySeconds": str(entry.get("DelaySeconds", 0))}
        sent.append({"MessageId": identity, "Body": body, "Attributes": delay})
        digest = md5(body.encode(), usedforsecurity=False).hexdigest()
        return {"Id": entry["Id"], "MessageId": identity, "MD5OfMessageBody": digest}


class QueueReader:
    """Reads the queue and keeps what is not due. Times are market time, milliseconds UTC."""

    def __init__(self, client: Client, url: str, arn: str, *, batch_size: int) -> None:
        self._client = client
        self._url = url
        self._arn = arn
        self._batch_size = batch_size
        self._waiting: list[tuple[int, int, Json]] = []
        """When it is due, a running number and the record, of each message: a heap."""
        self._numbers = count()

    def take(self, now: int) -> None:
        """Take over what was sent; call it at the time of every invocation that may send."""
        messages: list[Json] = [{}] * MOST
        while len(messages) == MOST:
            answer = self._client.receive_message(QueueUrl=self._url, MaxNumberOfMessages=MOST)
            messages = answer.get("Messages", [])
            for message in messages:
                record = {
                    "messageId": message["MessageId"],
                    "body": message["Body"],
                    "attributes": {"SentTimestamp": str(now)},
                    "eventSource": "aws:sqs",
                    "eventSourceARN": self._arn,
                }
                self.put(record, now + int(message["Attributes"]["DelaySeconds"]) * 1000)

    def put(self, record: Json, due: int) -> None:
        """Let a record come at a time, or come again."""
        heapq.heappush(self._waiting, (due, next(self._numbers), record))

    @property
    def next_due(self) -> int | None:
        """Return when the next message is due; None while there is none."""
        return self._waiting[0][0] if self._waiting else None

    def due(self, now: int) -> list[Json]:
        """Return the events to invoke the function with now."""
        records = []
        while self._waiting and self._waiting[0][0] <= now:
            records.append(heapq.heappop(self._waiting)[2])
        size = self._batch_size
        batches = range(0, len(records), size)
        return [{"Records": records[start : start + size]} for start in batches]
