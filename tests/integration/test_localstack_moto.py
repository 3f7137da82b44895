"""What is done to moto for speed changes none of its answers."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from support.aws import client as moto_client
from support.aws import make_table

TABLE = "moto"


@pytest.fixture(scope="module")
def client(aws):
    client = aws.client("dynamodb")
    make_table(client, TABLE)
    return client


def key(pk, sk):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def put(client, pk, sk, **attributes):
    client.put_item(TableName=TABLE, Item={**key(pk, sk), **attributes})


def get(client, pk, sk):
    return client.get_item(TableName=TABLE, Key=key(pk, sk)).get("Item")


def query(client, condition, **asked):
    values = {f":{name}": {"S": value} for name, value in asked.pop("values").items()}
    answer = client.query(
        TableName=TABLE,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        **asked,
    )
    return [item["sk"]["S"] for item in answer["Items"]], answer


FAILING = {
    "ConditionCheck": {
        "TableName": TABLE,
        "Key": key("absent", "absent"),
        "ConditionExpression": "attribute_exists(pk)",
    }
}


NINE = {"n": {"N": "9"}}
FIVE = {":n": {"N": "5"}}


@pytest.mark.parametrize(
    ("verb", "write"),
    [
        ("Put", {"Item": {**key("undo", "new"), **NINE}}),
        ("Put", {"Item": {**key("undo", "old"), **NINE}}),
        ("Delete", {"Key": key("undo", "old")}),
        (
            "Update",
            {
                "Key": key("undo", "old"),
                "UpdateExpression": "ADD n :n SET things = :l",
                "ExpressionAttributeValues": {**FIVE, ":l": {"L": [{"S": "x"}]}},
            },
        ),
        (
            "Update",
            {
                "Key": key("undo", "new"),
                "UpdateExpression": "ADD n :n",
                "ExpressionAttributeValues": FIVE,
            },
        ),
    ],
)
def test_cancelled_transaction_changes_nothing(client, verb, write):
    before = {"n": {"N": "1"}, "things": {"L": []}}
    put(client, "undo", "old", **before)
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.transact_write_items(TransactItems=[{verb: {"TableName": TABLE, **write}}, FAILING])
    reasons = cancelled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert get(client, "undo", "old") == {**key("undo", "old"), **before}
    assert get(client, "undo", "new") is None


@pytest.fixture(scope="module")
def partition(client):
    for sk in ("c", "a", "b#2", "b#1", "d"):
        put(client, "query", sk, text={"S": sk})
    put(client, "query-other", "a")
    return client


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("", {}, "a b#1 b#2 c d"),
        (" AND sk >= :s", {"s": "b#2"}, "b#2 c d"),
        (" AND sk > :s", {"s": "b#2"}, "c d"),
        (" AND sk <= :s", {"s": "b#1"}, "a b#1"),
        (" AND sk < :s", {"s": "b#1"}, "a"),
        (" AND sk = :s", {"s": "c"}, "c"),
        (" AND begins_with(sk, :s)", {"s": "b#"}, "b#1 b#2"),
        (" AND sk BETWEEN :s AND :t", {"s": "b", "t": "c"}, "b#1 b#2 c"),
        (" AND sk >= :s", {"s": "z"}, ""),
        ("", {"p": "nobody"}, ""),
    ],
)
def test_query_answers_in_order(partition, condition, values, expected):
    keys, values = expected.split(), {"p": "query", **values}
    answered, answer = query(partition, f"pk = :p{condition}", values=values)
    assert answered == keys
    assert answer["Count"] == len(keys)
    backwards, _ = query(partition, f"pk = :p{condition}", values=values, ScanIndexForward=False)
    assert backwards == keys[::-1]


def test_query_goes_on_page_by_page(partition):
    keys, after = [], {}
    while after is not None:
        page, answer = query(partition, "pk = :p", values={"p": "query"}, Limit=2, **after)
        assert len(page) <= 2
        keys += page
        last = answer.get("LastEvaluatedKey")
        after = {"ExclusiveStartKey": last} if last else None
    assert keys == ["a", "b#1", "b#2", "c", "d"]


def update(client, sk, expression, values, **asked):
    values = {f":{name}": value for name, value in values.items()}
    answer = client.update_item(
        TableName=TABLE,
        Key=key("update", sk),
        UpdateExpression=expression,
        ExpressionAttributeValues=values,
        ReturnValues="ALL_NEW",
        **asked,
    )
    return {name: value for name, value in answer["Attributes"].items() if name not in {"pk", "sk"}}


def test_an_expression_means_the_same_each_time(client):
    expression = "REMOVE #b SET #a = :a ADD n :n"
    names = {"ExpressionAttributeNames": {"#a": "a", "#b": "b"}}
    values = {"a": {"S": "x"}, "n": {"N": "2"}}
    for sk in ("first", "second"):
        put(client, "update", sk, b={"S": "gone"})
        assert update(client, sk, expression, values, **names) == values
    values["a"] = {"M": {"deep": {"L": [{"BOOL": True}]}}}
    swapped = {"ExpressionAttributeNames": {"#a": "b", "#b": "a"}}
    assert update(client, "first", expression, values, **swapped) == {
        "b": values["a"],
        "n": {"N": "4"},
    }
    with pytest.raises(client.exceptions.ClientError, match="Two document paths overlap"):
        update(client, "first", expression, values, ExpressionAttributeNames={"#a": "b", "#b": "b"})
    for _ in range(2):
        with pytest.raises(client.exceptions.ClientError, match="Syntax error"):
            update(client, "first", "SET a :a", {"a": {"S": "x"}})


UPDATES = [
    ("SET #a = :x, b = :y", {":x": {"S": "1"}, ":y": {"N": "2"}}),
    ("SET #a = if_not_exists(b, :x), c = if_not_exists(absent, :x)", {":x": {"S": "-"}}),
    ("SET b = b + :x, l = list_append(l, :y)", {":x": {"N": "1"}, ":y": {"L": [{"S": "k"}]}}),
    ("SET l = :x, m = :y", {":x": {"L": []}, ":y": {"M": {"k": {"N": "1"}}}}),
    ("SET l = list_append(l, :x), m.k = :x", {":x": {"L": [{"N": "1"}]}}),
    ("REMOVE c, absent SET e = #a ADD b :x, d :y", {":x": {"N": "0.5"}, ":y": {"SS": ["p"]}}),
    ("DELETE d :x REMOVE e", {":x": {"SS": ["p"]}}),
    ("ADD #a :x", {":x": {"N": "1"}}),
    ("SET e = f", {}),
    ("SET m.absent.k = :x", {":x": {"S": "1"}}),
    ("SET pk = :x", {":x": {"S": "1"}}),
    ("SET b = :x, b = :x", {":x": {"S": "1"}}),
    ("SET b = :missing", {":x": {"S": "1"}}),
]


def updated(client):
    """Return what each update, made twice on one item, is answered."""
    answers = []
    for expression, values in [*UPDATES, *UPDATES]:
        asked = {"ExpressionAttributeValues": values} if values else {}
        if "#a" in expression:
            asked["ExpressionAttributeNames"] = {"#a": "a"}
        try:
            answers.append(
                client.update_item(
                    TableName=TABLE,
                    Key=key("updates", "1"),
                    UpdateExpression=expression,
                    ReturnValues="ALL_NEW",
                    **asked,
                )["Attributes"]
            )
        except ClientError as error:
            answers.append(str(error))
    return answers


def test_update_is_answered_as_by_moto_the_second_time_too(client):
    answers = updated(client)
    with mock_aws():
        plain = moto_client("dynamodb")
        make_table(plain, TABLE)
        assert answers == updated(plain)
    assert sum(isinstance(answer, dict) for answer in answers) >= len(UPDATES)


def test_a_record_of_the_stream_says_what_changed_and_when(aws, client):
    put(client, "stream", "old", n={"N": "1"})
    things = {"L": [{"S": "x"}, {"M": {"y": {"BOOL": False}}}, {"NULL": True}]}
    put(client, "stream", "old", things=things)
    streams = aws.client("dynamodbstreams")
    arn = client.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    position = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    record = streams.get_records(ShardIterator=position)["Records"][-1]
    change = record["dynamodb"]
    assert record["eventName"] == "MODIFY"
    assert change["Keys"] == key("stream", "old")
    assert change["NewImage"] == {**key("stream", "old"), "things": things}
    age = datetime.now(UTC) - change["ApproximateCreationDateTime"]
    assert timedelta(seconds=-1) < age < timedelta(minutes=1)
