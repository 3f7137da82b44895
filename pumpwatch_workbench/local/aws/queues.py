"""The scans' queue as a function's event source reads it, in market time.

The stand-in takes messages as SQS does and hands them to whoever asks, whatever their delay: market
time is not its own. The reader keeps them until they are due and forms Lambda's batches; messages
that were not answered come again after the visibility time-out, until their retention is over.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from hashlib import md5
from itertools import count
from typing import Any, NamedTuple

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


class QueueMessage(NamedTuple):
    """A message; it sorts by the time at which it is due. Times are milliseconds UTC."""

    due: int
    number: int
    sent: int
    body: str


class QueueReader:
    """Reads the queue and keeps what is not due. Times are market time, milliseconds UTC.

    `hidden` and `kept` are the visibility time-out and the retention, seconds.
    """

    def __init__(
        self, client: Client, url: str, arn: str, *, batch_size: int, hidden: int, kept: int
    ) -> None:
        self._client = client
        self._url = url
        self._arn = arn
        self._batch_size = batch_size
        self._hidden, self._kept = hidden * 1000, kept * 1000
        self._waiting: list[QueueMessage] = []
        self._numbers = count(1)

    def take(self, now: int) -> None:
        """Take over what was sent; call it at the time of every invocation that may send."""
        while True:
            answer = self._client.receive_message(QueueUrl=self._url, MaxNumberOfMessages=MOST)
            messages = answer.get("Messages", [])
            for message in messages:
                attributes: Json = dict(message["Attributes"])
                due = now + int(attributes["DelaySeconds"]) * 1000
                number = next(self._numbers)
                heapq.heappush(self._waiting, QueueMessage(due, number, now, message["Body"]))
            if len(messages) < MOST:
                return

    @property
    def next_due(self) -> int | None:
        """Return when the next message is due; None while there is none."""
        return self._waiting[0].due if self._waiting else None

    def due(self, now: int) -> list[Json]:
        """Return the events to invoke the function with; their messages count as answered."""
        return [self.event(batch) for batch in self.receive(now)]

    def receive(self, now: int) -> list[list[QueueMessage]]:
        """Return the batches that are due; `hide` those that the function does not answer."""
        ready = []
        while self._waiting and self._waiting[0].due <= now:
            message = heapq.heappop(self._waiting)
            if now < message.sent + self._kept:
                ready.append(message)
        size = self._batch_size
        return [ready[start : start + size] for start in range(0, len(ready), size)]

    def event(self, batch: Sequence[QueueMessage]) -> Json:
        """Return the event that Lambda makes of a batch."""
        return {
            "Records": [
                {
                    "messageId": f"message-{message.number}",
                    "body": message.body,
                    "attributes": {"SentTimestamp": str(message.sent)},
                    "eventSource": "aws:sqs",
                    "eventSourceARN": self._arn,
                }
                for message in batch
            ]
        }

    def hide(self, batch: Sequence[QueueMessage], now: int) -> None:
        """Let messages come again: the function failed, was killed, or could not be invoked."""
        for message in batch:
            heapq.heappush(self._waiting, message._replace(due=now + self._hidden))
