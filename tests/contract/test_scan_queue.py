"""The queue of the coming scans, on moto's SQS and on the local stack's own."""

import json

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws
from moto.sqs.models import sqs_backends
from support.aws import REGION, client

from pumpwatch.adapters.sqs import SqsScanQueue
from pumpwatch.errors import StoreUnavailable
from pumpwatch_workbench.local.aws.aws import AwsServer
from pumpwatch_workbench.local.aws.queues import QueueReader

NOW = 1_767_225_600_400
SLOTS = [NOW - NOW % 5_000 + 5_000 * number for number in range(1, 39)]


@pytest.fixture
def moto_queue():
    with mock_aws():
        url = client("sqs").create_queue(QueueName="scans")["QueueUrl"]
        yield SqsScanQueue(url, client("sqs")), sqs_backends["123456789012"][REGION].queues["scans"]


def test_each_slot_is_a_message_of_its_own_delayed_until_then(moto_queue):
    queue, stored = moto_queue
    queue.enqueue(SLOTS, now=NOW)
    bodies = [json.loads(message.body)["slot"] for message in stored._messages]
    delays = [(one.delayed_until - one.sent_timestamp) // 1000 for one in stored._messages]
    assert bodies == SLOTS
    assert delays == [round((slot - NOW) / 1000) for slot in SLOTS]
    assert (delays[0], delays[-1]) == (5, 190)


def test_queue_that_does_not_exist_is_unavailable(moto_queue):
    with pytest.raises(StoreUnavailable, match="did not take the scans: "):
        SqsScanQueue("http://nowhere/1/none", client("sqs")).enqueue(SLOTS, now=NOW)


def test_queue_without_an_answer_is_unavailable():
    config = Config(connect_timeout=0.2, read_timeout=0.2, retries={"total_max_attempts": 1})
    dead = boto3.client(
        "sqs", region_name=REGION, endpoint_url="http://127.0.0.1:9", config=config,
        aws_access_key_id="none", aws_secret_access_key="none",
    )  # fmt: skip
    with pytest.raises(StoreUnavailable, match="did not take the scans: Endpoint"):
        SqsScanQueue("url", dead).enqueue(SLOTS[:1], now=NOW)


def test_message_that_the_queue_refuses_fails_the_call():
    class Full:
        def send_message_batch(self, **_):
            return {"Successful": [], "Failed": [{"Id": "1", "Code": "Throttled"}]}

    with pytest.raises(StoreUnavailable, match="refused 1 scans: Throttled"):
        SqsScanQueue("url", Full()).enqueue(SLOTS[:1], now=NOW)


@pytest.fixture(scope="module")
def server():
    with AwsServer() as running:
        yield running


def reader(server, url):
    return QueueReader(server.client("sqs"), url, "arn", batch_size=10)


def slots_of(events):
    return [json.loads(one["body"])["slot"] for event in events for one in event["Records"]]


def test_local_stack_hands_messages_over_when_they_are_due(server):
    url = f"{server.url}/1/due"
    queue = reader(server, url)
    SqsScanQueue(url, server.client("sqs")).enqueue(SLOTS, now=NOW)
    assert queue.next_due is None
    queue.take(NOW)
    assert queue.next_due == NOW + 5_000
    assert queue.due(NOW + 4_999) == []
    (event,) = queue.due(NOW + 5_000)
    assert slots_of([event]) == SLOTS[:1]
    (record,) = event["Records"]
    assert (record["eventSource"], record["eventSourceARN"]) == ("aws:sqs", "arn")
    events = queue.due(NOW + 190_000)
    assert [len(one["Records"]) for one in events] == [10, 10, 10, 7]
    assert slots_of(events) == SLOTS[1:]
    assert queue.next_due is None


def test_message_can_come_again(server):
    url = f"{server.url}/1/hidden"
    queue = reader(server, url)
    SqsScanQueue(url, server.client("sqs")).enqueue(SLOTS[:2], now=NOW)
    queue.take(NOW)
    (event,) = queue.due(NOW + 10_000)
    for record in event["Records"]:
        queue.put(record, NOW + 70_000)
    assert queue.due(NOW + 69_999) == []
    assert queue.due(NOW + 70_000) == [event]


def test_local_stack_refuses_what_it_does_not_know(server):
    with pytest.raises(server.client("sqs").exceptions.ClientError):
        server.client("sqs").purge_queue(QueueUrl="url")
