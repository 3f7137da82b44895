"""What is done to moto for speed changes none of its answers."""

import pytest

from pumpwatch_workbench.local.aws.aws import AwsServer

TABLE = "table"


@pytest.fixture(scope="module")
def client():
    with AwsServer() as server:
        client = server.client("dynamodb")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        yield client


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


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("put-new", {"Put": {"Item": {**key("undo", "new"), "n": {"N": "9"}}}}),
        ("put-over", {"Put": {"Item": {**key("undo", "old"), "n": {"N": "9"}}}}),
        ("delete", {"Delete": {"Key": key("undo", "old")}}),
        (
            "update-old",
            {
                "Update": {
                    "Key": key("undo", "old"),
                    "UpdateExpression": "ADD n :n SET things = :l",
                    "ExpressionAttributeValues": {":n": {"N": "5"}, ":l": {"L": [{"S": "x"}]}},
                }
            },
        ),
        (
            "update-new",
            {
                "Update": {
                    "Key": key("undo", "new"),
                    "UpdateExpression": "ADD n :n",
                    "ExpressionAttributeValues": {":n": {"N": "5"}},
                }
            },
        ),
    ],
)
def test_cancelled_transaction_changes_nothing(client, name, write):
    put(client, "undo", "old", n={"N": "1"}, things={"L": []})
    ((verb, what),) = write.items()
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.transact_write_items(TransactItems=[{verb: {"TableName": TABLE, **what}}, FAILING])
    reasons = cancelled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert get(client, "undo", "old") == {
        **key("undo", "old"),
        "n": {"N": "1"},
        "things": {"L": []},
    }
    assert get(client, "undo", "new") is None


def test_transaction_that_passes_is_carried_out(client):
    client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": TABLE, "Item": key("all", "1")}},
            {"Put": {"TableName": TABLE, "Item": key("all", "2")}},
        ]
    )
    assert query(client, "pk = :p", values={"p": "all"})[0] == ["1", "2"]


@pytest.fixture(scope="module")
def partition(client):
    for sk in ("c", "a", "b#2", "b#1", "d"):
        put(client, "query", sk, text={"S": sk})
    put(client, "query-other", "a")
    return client


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("pk = :p", {}, ["a", "b#1", "b#2", "c", "d"]),
        ("pk = :p AND sk >= :s", {"s": "b#2"}, ["b#2", "c", "d"]),
        ("pk = :p AND sk > :s", {"s": "b#2"}, ["c", "d"]),
        ("pk = :p AND sk <= :s", {"s": "b#1"}, ["a", "b#1"]),
        ("pk = :p AND sk < :s", {"s": "b#1"}, ["a"]),
        ("pk = :p AND sk = :s", {"s": "c"}, ["c"]),
        ("pk = :p AND begins_with(sk, :s)", {"s": "b#"}, ["b#1", "b#2"]),
        ("pk = :p AND sk BETWEEN :s AND :t", {"s": "b", "t": "c"}, ["b#1", "b#2", "c"]),
        ("pk = :p AND sk >= :s", {"s": "z"}, []),
    ],
)
def test_query_answers_in_order(partition, condition, values, expected):
    found, answer = query(partition, condition, values={"p": "query", **values})
    assert found == expected
    assert answer["Count"] == len(expected)
    backwards, _ = query(
        partition, condition, values={"p": "query", **values}, ScanIndexForward=False
    )
    assert backwards == expected[::-1]


def test_query_of_an_unknown_partition_is_empty(partition):
    assert query(partition, "pk = :p", values={"p": "nobody"})[0] == []


def test_query_goes_on_page_by_page(partition):
    pages, asked = [], {}
    while True:
        found, answer = query(partition, "pk = :p", values={"p": "query"}, Limit=2, **asked)
        pages.append(found)
        if "LastEvaluatedKey" not in answer:
            break
        asked = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    assert [sk for page in pages for sk in page] == ["a", "b#1", "b#2", "c", "d"]


def test_every_kind_of_attribute_comes_back_as_it_was_put(client):
    attributes = {
        "s": {"S": "täxt"},
        "n": {"N": "1.50"},
        "b": {"B": b"\x00\xff"},
        "yes": {"BOOL": True},
        "null": {"NULL": True},
        "l": {"L": [{"S": "a"}, {"M": {"x": {"N": "1"}}}]},
        "ss": {"SS": ["a", "b"]},
    }
    put(client, "kinds", "1", **attributes)
    found = get(client, "kinds", "1")
    found["ss"]["SS"].sort()
    assert found == {**key("kinds", "1"), **attributes}


def test_failed_condition_still_names_the_item(client):
    put(client, "condition", "1", n={"N": "1"})
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as failed:
        client.update_item(
            TableName=TABLE,
            Key=key("condition", "1"),
            UpdateExpression="SET n = :n",
            ConditionExpression="attribute_not_exists(n)",
            ExpressionAttributeValues={":n": {"N": "2"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert failed.value.response["Item"]["n"] == {"N": "1"}
